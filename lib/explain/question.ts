/** From where to where, by name → the packet as this node sees it first: the interface it arrives on, or a local process. */

import type { Cluster, ClusterNode } from '../cluster/cluster';
import { type Place, type PlaceProblem, resolvePlace } from '../cluster/place';
import { formatAddress, parseAddress } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import { hasPorts, PROTO, protocolName, protocolNumber } from '../net/protocols';
import { failed, ok, type Problem, type Result } from '../net/result';
import { type Prepared, preparedOf } from '../sim';
import { arrivalFromOutside } from '../sim/arrival';
import type { Lookup } from '../sim/routing';
import { sourceForRoute } from '../sim/source-address';
import type { Assumption } from '../sim/trace';
import type { IpFamily, IpValue, World } from '../world/world';

export interface Question {
  readonly from: string;
  readonly to: string;
  readonly family?: IpFamily | undefined;
  /** A name in any case, or a number. Default: that of the target, else tcp. */
  readonly protocol?: string | undefined;
  /** Default 40000. */
  readonly sport?: number | undefined;
  /** Default: that of the target. */
  readonly dport?: number | undefined;
  readonly flags?: readonly string[] | undefined;
}

export interface Asked {
  readonly packet: PacketSpec;
  readonly from: Place;
  readonly to: Place;
  /** What the packet takes for granted. */
  readonly assumptions: readonly Assumption[];
}

const DEFAULT_SPORT = 40000;

/** Problems name in `path` the end that is wrong. Codes: those of {@link resolvePlace}; REF-008 families differ, REF-009 a port is missing, REF-010 the way in is unknown. */
export function askPacket(
  question: Question,
  node: string,
  world: World,
  cluster: Cluster,
): Result<Asked, PlaceProblem> {
  const from = placeOf(question.from, 'from', node, world, cluster);
  if (!from.ok) return failed({ ...from.problem, path: 'from' });
  const to = placeOf(question.to, 'to', node, world, cluster);
  if (!to.ok) return failed({ ...to.problem, path: 'to' });
  const pair = addressPair(from.value, to.value, question.family ?? familyOf(question.protocol));
  if (!pair.ok) return pair;
  const transport = transportOf(question, to.value, pair.value.family);
  if (!transport.ok) return transport;
  const entry = entryOf(from.value, pair.value, node, preparedOf(world), transport.value);
  if (!entry.ok) return entry;
  const { family, daddr } = pair.value;
  const flags = question.flags === undefined ? {} : { flags: question.flags };
  const { assumption, ...way } = entry.value;
  const packet = { ...way, family, daddr: formatAddress(daddr), ...transport.value, ...flags };
  return ok({ packet, from: from.value, to: to.value, assumptions: assumption === undefined ? [] : [assumption] });
}

const NO_LABELS: ClusterNode['labels'] = {};

/** Without the cluster's nodes, the node itself can still be named: by its own addresses. */
function placeOf(
  ref: string,
  end: 'from' | 'to',
  node: string,
  world: World,
  cluster: Cluster,
): Result<Place, PlaceProblem> {
  const place = resolvePlace(ref, end, cluster);
  if (place.ok || cluster.nodes.known || !world.links.known) return place;
  const own = world.links.value.flatMap((link) => link.addresses.filter(({ scope }) => scope === 'global'));
  const addresses = own.map(({ local }) => formatAddress(local));
  const itself = { name: node, addresses, podCIDRs: [], zone: undefined, labels: NO_LABELS };
  const alone = resolvePlace(ref, end, { ...cluster, nodes: { known: true, value: [itself] } });
  return alone.ok ? alone : place;
}

function problem(code: string, say: string, remedy: string): { readonly ok: false; readonly problem: PlaceProblem } {
  return failed({ code, say, do: remedy, near: [] } satisfies Problem & { near: readonly string[] });
}

interface Pair {
  readonly family: IpFamily;
  readonly saddr: IpValue;
  readonly daddr: IpValue;
}

/** The first address of the target whose family the source has as well. */
function addressPair(from: Place, to: Place, wanted: IpFamily | undefined): Result<Pair, PlaceProblem> {
  const of = (place: Place) => place.addresses.flatMap((text) => parseAddress(text) ?? []);
  for (const target of of(to)) {
    if (wanted !== undefined && target.family !== wanted) continue;
    const source = of(from).find(({ family }) => family === target.family);
    if (source !== undefined) return ok({ family: target.family, saddr: source.value, daddr: target.value });
  }
  const has = (place: Place) => `${place.label} has ${place.addresses.join(', ')}`;
  const family = wanted === undefined ? 'one family' : wanted === 'ip' ? 'IPv4' : 'IPv6';
  return problem(
    'REF-008',
    `There are no two addresses of ${family}: ${has(from)}; ${has(to)}.`,
    'Choose places that share a family.',
  );
}

/** `icmpv6` names a family. */
const familyOf = (protocol: string | undefined): IpFamily | undefined =>
  protocol !== undefined && protocolNumber(protocol) === PROTO.icmpv6 ? 'ip6' : undefined;

type Transport = Pick<PacketSpec, 'protocol' | 'sport' | 'dport' | 'icmpType' | 'icmpCode'>;

/** Protocol and ports, from what the question says and the target has. Problems as {@link askPacket} has them. */
export function transportOf(
  question: Omit<Question, 'from'>,
  to: Place,
  family: IpFamily,
): Result<Transport, PlaceProblem> {
  const word = question.protocol ?? to.protocol ?? 'tcp';
  const number = protocolNumber(word);
  if (number === undefined)
    return problem(
      'REF-001',
      `${JSON.stringify(word)} is no protocol.`,
      'Use tcp, udp, sctp, icmp, icmpv6 or a number.',
    );
  if (number === PROTO.icmpv6 && family === 'ip')
    return problem(
      'REF-008',
      `icmpv6 goes between IPv6 addresses, and ${to.label} is asked by an IPv4 address.`,
      'Use icmp, or an IPv6 address.',
    );
  // `icmp` to an IPv6 address means the ICMP of that family.
  const icmp = number === PROTO.icmp || number === PROTO.icmpv6;
  if (icmp) {
    return family === 'ip'
      ? ok({ protocol: 'icmp', icmpType: 8, icmpCode: 0 })
      : ok({ protocol: 'icmpv6', icmpType: 128, icmpCode: 0 });
  }
  const protocol = protocolName(number);
  if (!hasPorts(number)) return ok({ protocol });
  const dport = question.dport ?? to.port;
  if (dport === undefined) {
    return problem('REF-009', `To which port of ${to.label}?`, 'Give the port: --dport, NAME:PORT or IP:PORT.');
  }
  return ok({ protocol, sport: question.sport ?? DEFAULT_SPORT, dport });
}

type Entry = Pick<PacketSpec, 'from' | 'iif' | 'saddr'> & { readonly assumption?: Assumption | undefined };

/** Where the packet comes in: nowhere for a process of this node, else by the interface that leads to its source. */
function entryOf(
  from: Place,
  pair: Pair,
  node: string,
  prepared: Prepared,
  transport: Transport,
): Result<Entry, PlaceProblem> {
  if (from.where.kind === 'node' && from.where.node === node) return localEntry(pair, prepared, transport);
  const towards = route(prepared, pair.family, pair.saddr);
  // Without links or routes the rules before the routing decision can still be asked.
  if (towards === undefined || !prepared.world.links.known)
    return ok({ from: 'unknown', saddr: formatAddress(pair.saddr) });
  if (towards.kind !== 'found' || towards.result.dev === undefined) {
    return problem(
      'REF-010',
      `No route of ${node} leads to ${from.label} (${formatAddress(pair.saddr)}), so no interface is known on which its packets arrive.`,
      'Give the packet itself, with its interface in iif.',
    );
  }
  const { dev, type } = towards.result;
  if (type === 'local') {
    return problem(
      'REF-010',
      `${formatAddress(pair.saddr)} is an address of ${node} itself.`,
      `Use ${node} as the source: its own packets do not arrive on an interface.`,
    );
  }
  const saddr = formatAddress(pair.saddr);
  if (from.where.kind !== 'external') return ok({ iif: dev.name, saddr });
  const arrival = arrivalFromOutside(prepared, pair.family, pair.daddr, towards);
  return ok({ iif: arrival?.dev.name ?? dev.name, saddr, assumption: arrival?.assumption });
}

/** The kernel chooses the source by the route; where that is not known, the node's address of the cluster stands in. */
function localEntry(pair: Pair, prepared: Prepared, transport: Transport): Result<Entry, PlaceProblem> {
  const way = route(prepared, pair.family, pair.daddr, transport);
  const source =
    way?.kind === 'found' ? sourceForRoute({ p: prepared }, pair.family, way.result, pair.daddr) : undefined;
  return ok({ from: 'local', saddr: formatAddress(source ?? pair.saddr) });
}

function route(prepared: Prepared, family: IpFamily, daddr: IpValue, transport: Transport = {}): Lookup | undefined {
  const protocol = transport.protocol === undefined ? undefined : protocolNumber(transport.protocol);
  return prepared.routers[family]?.lookup({
    daddr,
    mark: 0,
    tos: 0,
    iif: undefined,
    uid: 0,
    ...(protocol !== undefined && { protocol }),
    ...(transport.sport !== undefined && { sport: transport.sport }),
    ...(transport.dport !== undefined && { dport: transport.dport }),
  });
}
