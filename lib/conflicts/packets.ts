/** A packet that fits: what is left open is filled in with addresses and interfaces of the node, so that it could really come. */

import { formatAddress } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import { hasPorts, PROTO, protocolName } from '../net/protocols';
import { addressKey, type Prepared } from '../sim/environment';
import type { Lookup } from '../sim/routing';
import type { IpFamily, IpValue } from '../world/world';
import { holds, type Interval, type Wanted } from './wanted';

/** One that few captures have a connection from. */
const SOURCE_PORT = 47811;
/** Where rules leave the first out, or drop it, the next. */
const PORTS = [80, 443, 8080, 22, 53, 4711] as const;
/** Documentation addresses (RFC 5737, RFC 3849): somebody outside. */
const STRANGER = { ip: 0xc633640a, ip6: 0x20010db8005100000000000000000010n } as const;

interface Source {
  readonly kind: 'local' | 'arriving';
  readonly saddr: IpValue;
  readonly iif: string | undefined;
}

/** Addresses of one family that packets of this node have. */
interface Surroundings {
  readonly own: readonly IpValue[];
  /** On a link of the node, by interface: pods, other nodes, gateways. */
  readonly near: readonly { readonly address: IpValue; readonly dev: string }[];
  readonly stranger: IpValue;
}

const surroundings = new WeakMap<Prepared, Map<IpFamily, Surroundings>>();

export function surroundingsOf(p: Prepared, family: IpFamily): Surroundings {
  const known = surroundings.get(p) ?? new Map<IpFamily, Surroundings>();
  surroundings.set(p, known);
  const found = known.get(family) ?? lookAround(p, family);
  known.set(family, found);
  return found;
}

/** Of many pods on one interface, so many stand for all. */
const NEAR_MAX = 64;

function lookAround(p: Prepared, family: IpFamily): Surroundings {
  const { links, neighbours, routes } = p.world;
  const own = (links.known ? links.value : []).flatMap((link) =>
    link.type === 'loopback' || !link.up
      ? []
      : link.addresses.filter((one) => one.family === family && one.scope === 'global').map(({ local }) => local),
  );
  const isOwn = (address: IpValue): boolean => p.localAddresses.has(addressKey(family, address));
  const near = new Map<IpValue, string>();
  const bits = family === 'ip' ? 32 : 128;
  for (const { dst, nexthops, type } of routes[family].known ? routes[family].value : []) {
    const [hop] = nexthops;
    if (type !== 'unicast' || hop?.dev === undefined) continue;
    if (hop.gateway !== undefined && hop.gatewayFamily === undefined) near.set(hop.gateway, hop.dev);
    else if (dst.len === bits && !isOwn(dst.addr)) near.set(dst.addr, hop.dev);
  }
  for (const one of neighbours.known ? neighbours.value : [])
    if (one.family === family && one.mac !== undefined && !isLinkLocal(one.dst)) near.set(one.dst, one.dev);
  return {
    own,
    near: [...near].map(([address, dev]) => ({ address, dev })).slice(0, NEAR_MAX),
    stranger: STRANGER[family],
  };
}

const isLinkLocal = (address: IpValue): boolean => typeof address === 'bigint' && address >> 118n === 0x3fan;

const addressOf = (family: IpFamily, value: bigint): IpValue => (family === 'ip' ? Number(value) : value);

/** An address of an interval; not the first of a prefix, which is that of the network. */
export function pick(family: IpFamily, [from, to]: Interval): IpValue {
  return addressOf(family, to > from && (from & 0xffn) === 0n ? from + 1n : from);
}

/** At most this many intervals of a field are tried. */
const INTERVALS_MAX = 3;

/** Packets that have what is wanted, the likeliest first; none where the node has no such way. @param max at most so many */
export function packetsFor(p: Prepared, family: IpFamily, wanted: Wanted, max: number): readonly PacketSpec[] {
  if (wanted.family !== undefined && wanted.family !== family) return [];
  const around = surroundingsOf(p, family);
  const found: PacketSpec[] = [];
  // Every source meets the likeliest target before any meets the next.
  const sources = sourcesFor(p, family, wanted, around);
  const targets = targetsFor(p, family, wanted, around);
  const transports = transportsOf(wanted, family).flatMap((one) =>
    hopsOf(wanted, family).map((hops) => ({ ...one, ...hops, ...classOf(wanted) })),
  );
  for (const transport of transports) {
    for (const daddr of targets) {
      for (const source of sources) {
        if (found.length >= max) return found;
        if (source.saddr === daddr) continue;
        if (!leavesBy(p, family, wanted, source, daddr)) continue;
        found.push({
          ...(source.kind === 'local' ? { from: 'local' } : { iif: source.iif ?? '' }),
          ...(source.kind === 'local' && wanted.fields.uid !== undefined && { uid: first(wanted.fields.uid, 0) }),
          ...(source.kind === 'local' && wanted.fields.mark !== undefined && { mark: first(wanted.fields.mark, 0) }),
          family,
          saddr: formatAddress(source.saddr),
          daddr: formatAddress(daddr),
          ...transport,
        });
      }
    }
  }
  return found;
}

/** Hops left, where it matters: forwarding takes one away before the hook (ip_forward.c), so that one more may be needed. */
function hopsOf({ fields: { ttl } }: Wanted, family: IpFamily): readonly Partial<PacketSpec>[] {
  const [interval] = ttl ?? [];
  if (interval === undefined || [HOPS, HOPS - 1].every((usual) => holds(ttl, BigInt(usual)))) return [{}];
  const [low, high] = interval.map(Number) as [number, number];
  const left = low === high && high < 255 ? [high, high + 1] : [high];
  return left.map((hops) => (family === 'ip' ? { ttl: hops } : { hoplimit: hops }));
}

/** Class and congestion bits, where zero will not do. */
function classOf({ fields: { dscp, ecn } }: Wanted): Partial<PacketSpec> {
  return {
    ...(!holds(dscp, 0n) && { dscp: first(dscp, 0) }),
    ...(!holds(ecn, 0n) && { ecn: first(ecn, 0) }),
  };
}

/** What Linux sends with (net.ipv4.ip_default_ttl). */
const HOPS = 64;

/** The preferred number where it is allowed, else the least one that is. */
function first(intervals: readonly Interval[] | undefined, preferred: number): number {
  if (holds(intervals, BigInt(preferred))) return preferred;
  return Number(intervals?.[0]?.[0] ?? preferred);
}

/** The likeliest first; another port where the first may be what others drop. */
export function transportsOf({ fields }: Wanted, family: IpFamily): readonly Partial<PacketSpec>[] {
  const icmp = family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  const echo = family === 'ip' ? 8 : 128;
  if (fields.icmpType !== undefined)
    return [{ protocol: protocolName(icmp), icmpType: first(fields.icmpType, echo), icmpCode: 0 }];
  const wantsPorts = fields.sport !== undefined || fields.dport !== undefined;
  const number = [PROTO.tcp, PROTO.udp, PROTO.sctp].find((one) => holds(fields.protocol, BigInt(one)));
  const protocol = number ?? Number(fields.protocol?.[0]?.[0] ?? PROTO.tcp);
  if (!hasPorts(protocol)) {
    if (wantsPorts) return [];
    return protocol === icmp
      ? [{ protocol: protocolName(protocol), icmpType: echo, icmpCode: 0 }]
      : [{ protocol: protocolName(protocol) }];
  }
  const sport = first(fields.sport, SOURCE_PORT);
  const usual = PORTS.filter((port) => holds(fields.dport, BigInt(port))).slice(0, 2);
  const ports = usual.length === 0 ? [first(fields.dport, PORTS[0])] : usual;
  return ports.map((dport) => ({ protocol: protocolName(protocol), sport, dport }));
}

const route = (p: Prepared, family: IpFamily, daddr: IpValue): Lookup | undefined =>
  p.routers[family]?.lookup({ daddr, mark: 0, tos: 0, iif: undefined });

/** The interface by which packets from an address come; undefined where none is known, or the address is the node's own. */
function wayFrom(p: Prepared, family: IpFamily, address: IpValue): string | undefined {
  const back = route(p, family, address);
  return back?.kind === 'found' && back.result.type === 'unicast' ? back.result.dev?.name : undefined;
}

function sourcesFor(p: Prepared, family: IpFamily, wanted: Wanted, around: Surroundings): readonly Source[] {
  const { saddr } = wanted.fields;
  const fits = (address: IpValue): boolean => holds(saddr, BigInt(address));
  // What arrives has no mark, and nobody owns it.
  const isLocalOnly = wanted.fields.uid !== undefined || !holds(wanted.fields.mark, 0n);
  const sources: Source[] = [];
  const arrive = (address: IpValue, dev: string | undefined): void => {
    if (isLocalOnly || wanted.saddrLocal === true || dev === undefined || !fits(address)) return;
    if (wanted.iif !== undefined && !wanted.iif.includes(dev)) return;
    sources.push({ kind: 'arriving', saddr: address, iif: dev });
  };
  arrive(around.stranger, wayFrom(p, family, around.stranger));
  const seen = new Set<string>();
  for (const { address, dev } of around.near) {
    // One for each interface, unless addresses are asked for.
    if (saddr === undefined && seen.has(dev)) continue;
    const before = sources.length;
    arrive(address, dev);
    if (sources.length > before) seen.add(dev);
    if (sources.length >= SOURCES_MAX) break;
  }
  if (saddr !== undefined) {
    for (const interval of saddr.slice(0, INTERVALS_MAX)) {
      const address = pick(family, interval);
      arrive(address, wayFrom(p, family, address));
    }
  }
  const isFromNode = wanted.saddrLocal !== false && (wanted.iif === undefined || wanted.iif.includes('lo'));
  if (isFromNode)
    for (const own of around.own.filter(fits).slice(0, 1)) sources.push({ kind: 'local', saddr: own, iif: undefined });
  return sources;
}

const SOURCES_MAX = 5;
const TARGETS_MAX = 6;

function targetsFor(p: Prepared, family: IpFamily, wanted: Wanted, around: Surroundings): readonly IpValue[] {
  const { daddr } = wanted.fields;
  const isOwn = (address: IpValue): boolean => p.localAddresses.has(addressKey(family, address));
  const fits = (address: IpValue): boolean =>
    holds(daddr, BigInt(address)) && (wanted.daddrLocal === undefined || isOwn(address) === wanted.daddrLocal);
  const found = new Set<IpValue>();
  const devices = new Set<string>();
  const put = (address: IpValue): void => {
    if (fits(address)) found.add(address);
  };
  for (const own of around.own.slice(0, 1)) put(own);
  for (const { address, dev } of around.near) {
    if (devices.has(dev) || !fits(address)) continue;
    devices.add(dev);
    put(address);
    if (devices.size >= 3) break;
  }
  put(around.stranger);
  for (const interval of (daddr ?? []).slice(0, INTERVALS_MAX)) put(pick(family, interval));
  for (const own of around.own) put(own);
  return [...found].slice(0, TARGETS_MAX);
}

function leavesBy(p: Prepared, family: IpFamily, { oif }: Wanted, { saddr }: Source, daddr: IpValue): boolean {
  if (oif === undefined) return true;
  const way = p.routers[family]?.lookup({ daddr, saddr, mark: 0, tos: 0, iif: undefined });
  return way?.kind === 'found' && oif.includes(way.result.dev?.name ?? 'lo');
}
