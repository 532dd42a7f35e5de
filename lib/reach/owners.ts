/** Whose an address is that no object of the cluster names: a node's own on a link, a tunnel's, one on a further network. */
import { inPrefix, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import { addressKey } from '../sim/environment';
import { isLinkLocal6 } from '../sim/fib';
import type { Link } from '../world/world';
import type { Network } from './network';

export interface Owner {
  readonly node: string;
  /** The interface that has the address. */
  readonly iif: string;
}

/** Two interfaces are taken to be on one link where each has an address in a network of the other. */
const isOneLink = (one: Link, other: Link): boolean =>
  one.addresses.some(
    (a) =>
      a.scope === 'global' &&
      other.addresses.some(
        (b) =>
          b.scope === 'global' &&
          a.family === b.family &&
          inPrefix(b.local, a.local, a.prefixLen) &&
          inPrefix(a.local, b.local, b.prefixLen),
      ),
  );

/**
 * The node that has a link-local address on the link of a device. On another link the same address is somebody else's (RFC 4291,
 * 2.5.6); where the neighbour table has its hardware address, that has to be the interface's, too.
 */
export function linkLocalOwner({ nodes }: Network, node: string, dev: string, nexthop: string): Owner | undefined {
  const value = parseAddress(nexthop)?.value;
  const asking = nodes.get(node)?.prepared;
  const link = asking?.linkByName.get(dev);
  if (typeof value !== 'bigint' || !isLinkLocal6(value) || asking === undefined || link === undefined) return undefined;
  const mac = asking.neighbours.get(`${dev} ${addressKey('ip6', value)}`)?.mac;
  const found: Owner[] = [];
  for (const [name, { prepared }] of nodes) {
    if (name === node) continue;
    for (const one of prepared.linkByName.values()) {
      const has = one.addresses.some(({ family, local }) => family === 'ip6' && local === value);
      if (has && isOneLink(link, one) && (mac === undefined || mac === one.mac))
        found.push({ node: name, iif: one.name });
    }
  }
  return found.length === 1 ? found[0] : undefined;
}

/** So many nodes are read to find the owner of an address that nothing tells of. */
const SEARCHED_MAX = 32;

export interface Candidates {
  /** Objects say that they are the way to the address. */
  readonly likely: readonly string[];
  /** Any of them may have it. */
  readonly others: readonly string[];
}

/** Captured nodes that are not read yet and may be where a packet goes next. */
export function candidateOwners(network: Network, node: string, nexthop: string, daddr: string): Candidates {
  const { unread, cluster, podByAddress, nodeByAddress } = network;
  if (unread.size === 0) return { likely: [], others: [] };
  const targets = [nexthop, daddr].flatMap((text) => parseAddress(text) ?? []);
  const named = [nexthop, daddr].flatMap((text) => [podByAddress.get(text)?.node, nodeByAddress.get(text)]);
  const byNetwork = (cluster.nodes.known ? cluster.nodes.value : []).flatMap(({ name, podCIDRs }) =>
    podCIDRs.some((text) => {
      const prefix = parsePrefix(text);
      return (
        prefix !== undefined &&
        targets.some(({ family, value }) => family === prefix.family && inPrefix(value, prefix.addr, prefix.len))
      );
    })
      ? [name]
      : [],
  );
  const likely = [...new Set([...named, ...byNetwork])].flatMap((name) =>
    name !== undefined && unread.has(name) ? [name] : [],
  );
  if (likely.length > 0) return { likely, others: [] };
  // Behind the default gateway is the world.
  const isSearched = unread.size <= SEARCHED_MAX && !isDefaultGateway(network, node, nexthop);
  return { likely, others: isSearched ? [...unread] : [] };
}

function isDefaultGateway({ nodes }: Network, node: string, nexthop: string): boolean {
  const gateway = parseAddress(nexthop);
  const routes = gateway && nodes.get(node)?.prepared.world.routes[gateway.family];
  return (
    routes?.known === true &&
    routes.value.some(({ dst, nexthops }) => dst.len === 0 && nexthops.some((one) => one.gateway === gateway?.value))
  );
}
