/** Whether a node's route to a pod leads to the pod: a node that lost it sends what is for the pod where its other routes say. */
import { formatAddress, parseAddress, shortest } from '../net/address';
import { addressKey } from '../sim/environment';
import { isLinkLocal6 } from '../sim/fib';
import type { Prepared } from '../sim/index';
import type { Link, Route } from '../world/world';
import type { Network } from './network';

/** The interface to other nodes: it has an address that the Node object names, or a default route. */
function isUplink({ cluster }: Network, node: string, p: Prepared, dev: string): boolean {
  const object = cluster.nodes.known ? cluster.nodes.value.find(({ name }) => name === node) : undefined;
  const own = new Set(object?.addresses.map(shortest));
  if (p.linkByName.get(dev)?.addresses.some(({ local }) => own.has(formatAddress(local))) === true) return true;
  return [p.world.routes.ip, p.world.routes.ip6].some(
    (routes) =>
      routes.known &&
      routes.value.some(({ dst, nexthops }) => dst.len === 0 && nexthops.some((one) => one.dev === dev)),
  );
}

/** Whether what leaves a node by `dev` for `nexthop` comes to its pod; `away`: it leaves the node for good. */
export function wayToPod(
  network: Network,
  node: string,
  address: string,
  dev: string,
  nexthop: string,
): 'pod' | 'away' | 'unknown' {
  const p = network.nodes.get(node)?.prepared;
  const link = p?.linkByName.get(dev);
  const next = parseAddress(nexthop);
  if (p === undefined || link === undefined || next === undefined) return 'pod';
  const isOwn = p.localAddresses.has(addressKey(next.family, next.value));
  if (isUplink(network, node, p, dev)) {
    if (nexthop !== address && !isOwn) return 'away';
    // A pod may have an interface of its own in the network of the nodes, or the VPC may have taken its cable's place.
    return link.kind === 'bridge' || isOwn ? 'pod' : 'unknown';
  }
  return nexthop === address && isCableOfOther(network, node, p, address, link) ? 'unknown' : 'pod';
}

const isCable = ({ kind, master, up }: Link): boolean => kind === 'veth' && master === undefined && up;

function towards(p: Prepared, text: string): string | undefined {
  const address = parseAddress(text);
  const found = address && p.routers[address.family]?.lookup({ daddr: address.value, mark: 0, tos: 0, iif: undefined });
  return found?.kind === 'found' ? found.result.dev?.name : undefined;
}

/** A cable leads to one pod. */
function isCableOfOther({ podByAddress }: Network, node: string, p: Prepared, address: string, link: Link): boolean {
  if (!isCable(link)) return false;
  const family = parseAddress(address)?.family;
  const pod = podByAddress.get(address);
  return [...podByAddress].some(
    ([text, other]) =>
      other !== pod && other.node === node && parseAddress(text)?.family === family && towards(p, text) === link.name,
  );
}

/** The cable of a pod without a route: that to its other address, or the only one that no route leads to. */
export function cableOf(network: Network, node: string, address: string): string | undefined {
  const p = network.nodes.get(node)?.prepared;
  const pod = network.podByAddress.get(address);
  if (p === undefined || pod === undefined || !p.world.links.known) return undefined;
  for (const text of pod.addresses) {
    const other = shortest(text);
    const dev = other === address ? undefined : p.linkByName.get(towards(p, other) ?? '');
    if (dev === undefined || !isCable(dev) || isUplink(network, node, p, dev.name)) continue;
    if (!isCableOfOther(network, node, p, other, dev)) return dev.name;
  }
  const family = parseAddress(address)?.family ?? 'ip';
  const routes = p.world.routes[family];
  if (!routes.known) return undefined;
  // Not those that come with an interface's own addresses.
  const isOfItself = ({ type, dst: { addr } }: Route): boolean =>
    type !== 'unicast' ||
    p.localAddresses.has(addressKey(family, addr)) ||
    (typeof addr === 'bigint' && (isLinkLocal6(addr) || addr >> 120n === 255n));
  const led = new Set(
    routes.value.filter((one) => !isOfItself(one)).flatMap(({ nexthops }) => nexthops.map(({ dev }) => dev)),
  );
  const free = p.world.links.value.filter(
    (link) => isCable(link) && !led.has(link.name) && !isUplink(network, node, p, link.name),
  );
  return free.length === 1 ? free[0]?.name : undefined;
}
