/** IPv6 neighbour discovery that a node's rules do not let in or out (RFC 4861): its neighbours forget it, and it forgets them. */
import { formatAddress, parseIpv6 } from '../../net/address';
import type { PacketSpec } from '../../net/packet-spec';
import type { Network } from '../../reach/network';
import { initialState, type Prepared, traceFrom } from '../../sim';
import type { Culprit } from '../../sim/trace';
import type { Link } from '../../world/world';

export interface Unheard {
  readonly node: string;
  readonly dev: string;
  readonly what: 'solicitations' | 'advertisements';
  readonly way: 'in' | 'out';
  readonly packet: PacketSpec;
  readonly by: Culprit;
}

const SOLICITATION = 135;
const ADVERTISEMENT = 136;

/** What of it a node drops, by interface: from and to the other nodes, and a pod that it routes to. */
export function unheardDiscovery(network: Network, node: string): readonly Unheard[] {
  const p = network.nodes.get(node)?.prepared;
  if (p === undefined || !p.world.ruleset.known || !p.world.links.known || !usesIpv6(network)) return [];
  const found: Unheard[] = [];
  for (const pair of neighbours(network, node, p)) {
    for (const { what, way, packet } of messages(pair)) {
      if (way === 'out' && deviceOf(p, packet.daddr) !== pair.dev.name) continue;
      const by = droppedBy(p, packet);
      if (by !== undefined) found.push({ node, dev: pair.dev.name, what, way, packet, by });
    }
  }
  return found;
}

/** A cluster of IPv4 only loses nothing by it. */
const usesIpv6 = ({ podByAddress }: Network): boolean => [...podByAddress.keys()].some((text) => text.includes(':'));

interface Pair {
  readonly dev: Link;
  /** The node's own address on the link. */
  readonly own: string;
  readonly neighbour: string;
  /** Link-local ones of both, where they are known. */
  readonly ownLocal: string | undefined;
  readonly neighbourLocal: string | undefined;
}

/** One neighbour of each interface of the node: another node on its link, else a pod behind it that uses IPv6. */
function neighbours(network: Network, node: string, p: Prepared): readonly Pair[] {
  const { nodeByAddress, podByAddress } = network;
  const found = new Map<string, Pair>();
  for (const [text, owner] of [...nodeByAddress, ...[...podByAddress].map(([a, pod]) => [a, pod.node] as const)]) {
    if (!text.includes(':') || (owner === node && nodeByAddress.has(text))) continue;
    if (podByAddress.has(text) && owner !== node) continue;
    const dev = onLinkDevice(p, text);
    const own = dev?.addresses.find(({ family, scope }) => family === 'ip6' && scope === 'global');
    if (dev === undefined || own === undefined || dev.type !== 'ether' || found.has(dev.name)) continue;
    const there = owner === undefined ? undefined : network.nodes.get(owner)?.prepared;
    const theirs = podByAddress.has(text) ? undefined : linkOf(there, text);
    const locals = { ownLocal: linkLocal(dev), neighbourLocal: theirs && linkLocal(theirs) };
    found.set(dev.name, { dev, own: formatAddress(own.local), neighbour: text, ...locals });
  }
  return [...found.values()];
}

/** A packet of the node itself names no interface: the route tells. */
function deviceOf(p: Prepared, text = ''): string | undefined {
  const address = parseIpv6(text);
  if (address === undefined) return undefined;
  const way = p.routers.ip6?.lookup({ daddr: address, mark: 0, tos: 0, iif: undefined });
  return way?.kind === 'found' ? way.result.dev?.name : undefined;
}

function onLinkDevice(p: Prepared, text: string): Link | undefined {
  const address = parseIpv6(text);
  if (address === undefined) return undefined;
  const way = p.routers.ip6?.lookup({ daddr: address, mark: 0, tos: 0, iif: undefined });
  return way?.kind === 'found' && way.result.gateway === undefined && way.result.type === 'unicast'
    ? way.result.dev
    : undefined;
}

/** The interface that has the address. */
const linkOf = (p: Prepared | undefined, text: string): Link | undefined => {
  const value = parseIpv6(text);
  return [...(p?.linkByName.values() ?? [])].find(({ addresses }) =>
    addresses.some(({ family, local }) => family === 'ip6' && local === value),
  );
};

function linkLocal({ addresses }: Link): string | undefined {
  const found = addresses.find(({ family, scope }) => family === 'ip6' && scope === 'link');
  return found && formatAddress(found.local);
}

type Message = Pick<Unheard, 'what' | 'way' | 'packet'>;

/**
 * Each asks all of the link for the other, asks it alone to check an entry that it has, and answers. A node asks by its link-local
 * address for what it forwards (ndisc_solicit of net/ipv6/ndisc.c: only a source of its own is used), and the answer goes there.
 */
function messages({ dev, own, neighbour, ownLocal, neighbourLocal }: Pair): readonly Message[] {
  const common = { family: 'ip6', protocol: 'icmpv6', icmpCode: 0, hoplimit: 255 } as const;
  const heard = { ...common, iif: dev.name };
  const said = { ...common, from: 'local' } as const;
  const theirs = [neighbour, ...(neighbourLocal === undefined ? [] : [neighbourLocal])];
  const ours = [own, ...(ownLocal === undefined ? [] : [ownLocal])];
  const asks = (saddr: string): readonly Message[] =>
    [groupOf(own), { daddr: own }].map((to) => ({
      what: 'solicitations',
      way: 'in',
      packet: { ...heard, saddr, ...to, icmpType: SOLICITATION },
    }));
  const isAsked = (saddr: string): readonly Message[] =>
    [groupOf(neighbour).daddr, neighbour].map((daddr) => ({
      what: 'solicitations',
      way: 'out',
      packet: { ...said, saddr, daddr, icmpType: SOLICITATION },
    }));
  return [
    ...theirs.flatMap(asks),
    ...ours.map((daddr): Message => {
      return {
        what: 'advertisements',
        way: 'in',
        packet: { ...heard, saddr: neighbour, daddr, icmpType: ADVERTISEMENT },
      };
    }),
    ...ours.flatMap(isAsked),
    ...theirs.map((daddr): Message => {
      return { what: 'advertisements', way: 'out', packet: { ...said, saddr: own, daddr, icmpType: ADVERTISEMENT } };
    }),
  ];
}

/** The solicited-node address and its Ethernet group (RFC 4291, 2.7.1; RFC 2464, 7). */
function groupOf(own: string): { readonly daddr: string; readonly l2: { readonly dst: string } } {
  const low = (parseIpv6(own) ?? 0n) & 0xffffffn;
  const hex = low.toString(16).padStart(6, '0');
  const dst = `33:33:ff:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
  return { daddr: formatAddress(0xff0200000000000000000001ff000000n | low), l2: { dst } };
}

/** Who drops it on every way that it can take. */
function droppedBy(p: Prepared, packet: PacketSpec): Culprit | undefined {
  const { trace } = traceFrom(p, packet, initialState(p), { verdictOnly: true });
  const culprits = trace.branches.map(({ outcome }) => (outcome.kind === 'decided' ? outcome.fate.by : undefined));
  return culprits.every((by) => by !== undefined) ? culprits[0] : undefined;
}
