/** IPv6 neighbour discovery that a node's rules do not let in (RFC 4861): its neighbours forget it, and it forgets them. */
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
  readonly from: string;
  readonly packet: PacketSpec;
  readonly by: Culprit;
}

const SOLICITATION = 135;
const ADVERTISEMENT = 136;

/** What of it a node drops, by interface: from the other nodes, and from a pod that it routes to. */
export function unheardDiscovery(network: Network, node: string): readonly Unheard[] {
  const p = network.nodes.get(node)?.prepared;
  if (p === undefined || !p.world.ruleset.known || !p.world.links.known || !usesIpv6(network)) return [];
  const found: Unheard[] = [];
  for (const { dev, own, neighbour } of neighbours(network, node, p)) {
    for (const [what, packet] of messages(dev, own, neighbour)) {
      const by = droppedBy(p, packet);
      if (by !== undefined) found.push({ node, dev: dev.name, what, from: neighbour, packet, by });
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
}

/** One neighbour of each interface of the node: another node on its link, else a pod behind it that uses IPv6. */
function neighbours({ nodeByAddress, podByAddress }: Network, node: string, p: Prepared): readonly Pair[] {
  const found = new Map<string, Pair>();
  for (const [text, owner] of [...nodeByAddress, ...[...podByAddress].map(([a, pod]) => [a, pod.node] as const)]) {
    if (!text.includes(':') || (owner === node && nodeByAddress.has(text))) continue;
    if (podByAddress.has(text) && owner !== node) continue;
    const dev = onLinkDevice(p, text);
    const own = dev?.addresses.find(({ family, scope }) => family === 'ip6' && scope === 'global');
    if (dev === undefined || own === undefined || dev.type !== 'ether' || found.has(dev.name)) continue;
    found.set(dev.name, { dev, own: formatAddress(own.local), neighbour: text });
  }
  return [...found.values()];
}

function onLinkDevice(p: Prepared, text: string): Link | undefined {
  const address = parseIpv6(text);
  if (address === undefined) return undefined;
  const way = p.routers.ip6?.lookup({ daddr: address, mark: 0, tos: 0, iif: undefined });
  return way?.kind === 'found' && way.result.gateway === undefined && way.result.type === 'unicast'
    ? way.result.dev
    : undefined;
}

/** The neighbour asks all of the link for the node, asks it alone to check an entry that it has, and answers it. */
function messages(dev: Link, own: string, neighbour: string): readonly (readonly [Unheard['what'], PacketSpec])[] {
  const common = {
    family: 'ip6',
    iif: dev.name,
    saddr: neighbour,
    protocol: 'icmpv6',
    icmpCode: 0,
    hoplimit: 255,
  } as const;
  return [
    ['solicitations', { ...common, ...groupOf(own), icmpType: SOLICITATION }],
    ['solicitations', { ...common, daddr: own, icmpType: SOLICITATION }],
    ['advertisements', { ...common, daddr: own, icmpType: ADVERTISEMENT }],
  ];
}

/** The solicited-node address and its Ethernet group (RFC 4291, 2.7.1; RFC 2464, 7). */
function groupOf(own: string): Pick<PacketSpec, 'daddr' | 'l2'> {
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
