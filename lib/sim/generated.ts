/** Packets the kernel makes by itself: ICMP errors, resets, echo replies, SYN-ACKs, duplicates. */
import { fromHex, putBytes, storeTransportChecksum } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { isIcmpError, u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { IpValue } from '../world/world';
import { attachAnswer } from './conntrack';
import { STATUS } from './conntrack-state';
import type { Context, Run } from './environment';
import { addressKey } from './environment';
import { addressType4, isLinkLocal6, isLocal4, isMulticast6, isSubnetAnycast } from './fib';
import { type Flow, flowOf, icmpFlow, turned } from './flow';
import { echoOptions } from './ip-options';
import { LISTENER } from './owner';
import { findTcpOption } from './read-options';
import { routeOutput } from './route-output';
import type { RouteResult } from './routing';
import {
  copySkb,
  decrementTtl,
  destinationOf,
  type HiddenField,
  newSkb,
  type Skb,
  sourceOf,
  tosOf,
  viewSkb,
} from './skb';
import { selectIpv6, sourceForRoute } from './source-address';

/** What the kernel sends without a socket of a process leaves through one of its own, bound to no address. */
const KERNEL_SOCKET = { transparent: false, wildcard: true } as const;

/** An IP packet of the node's own around a transport segment, checksums filled in. */
export function ipPacket(
  family: 'ip' | 'ip6',
  src: IpValue,
  dst: IpValue,
  protocol: number,
  tos: number,
  segment: Uint8Array,
  ttl = 64,
  /** IPv4: don't fragment, and options. */
  more: { readonly df?: boolean; readonly options?: Uint8Array } = {},
): Uint8Array {
  const header = family === 'ip' ? 20 + (more.options?.length ?? 0) : 40;
  const p = new Uint8Array(header + segment.length);
  if (family === 'ip') {
    p[0] = 0x40 | (header >> 2);
    if (more.options !== undefined) p.set(more.options, 20);
    if (more.df === true) p[6] = 0x40;
    p[1] = tos;
    putBytes(p, 2, 2, p.length);
    p[8] = ttl;
    p[9] = protocol;
    putBytes(p, 12, 4, src);
    putBytes(p, 16, 4, dst);
    putBytes(p, 10, 2, fold16(sum16(p, 0, header)));
  } else {
    putBytes(p, 0, 4, 0x60000000 + tos * 2 ** 20);
    putBytes(p, 4, 2, segment.length);
    p[6] = protocol;
    p[7] = ttl;
    putBytes(p, 8, 16, src);
    putBytes(p, 24, 16, dst);
  }
  p.set(segment, header);
  storeTransportChecksum(p, family, protocol, header);
  return p;
}

/** A route for a packet of the node's own; undefined where there is none. Unknown routes end the run. */
export function routeOut(
  run: Run,
  family: 'ip' | 'ip6',
  daddr: IpValue,
  saddr: IpValue | undefined,
  mark: number,
  tos: number,
  oif?: string,
  flow?: Flow,
): RouteResult | undefined {
  const found = routeOutput(run, { family, daddr, saddr, mark, tos, oif, uid: 0, ...flow });
  return found.kind === 'found' ? found.route : undefined;
}

/** ipv6_unicast_destination(): an address of the node, or one that its routes take for local. */
const isUnicast6 = (run: Run, cause: Skb, addr: bigint): boolean =>
  cause.dst === undefined ? run.p.localAddresses.has(addressKey('ip6', addr)) : cause.dst.type === 'local';

/** The device a packet came in by. One that looped through lo came by the device its address belongs to (IP6CB iif, icmpv6_iif). */
const deviceOf = (cause: Skb): string | undefined =>
  cause.iif?.type === 'loopback' ? (cause.dst?.nexthop?.dev ?? cause.iif.name) : cause.iif?.name;

/** The device that an answer to a link-local address has to leave by. */
const linkOf = (cause: Skb, dst: IpValue): string | undefined =>
  typeof dst === 'bigint' && isLinkLocal6(dst) ? cause.iif?.name : undefined;

/** ICMP messages that are no errors; every other type is taken for one (icmp_pointers of net/ipv4/icmp.c). */
const ICMP_QUERIES: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);

/** True where the node may answer with an ICMP error at all (icmp_send, icmp6_send). */
function answerable(cause: Skb, evenToGroups = false): boolean {
  if (cause.family === 'arp' || (cause.family === 'ip' && cause.headers.fragOff > 0)) return false;
  if (cause.pktType !== 0 && !evenToGroups) return false;
  const { l4proto: named, thoff, fragOff } = cause.headers;
  // What a later fragment belongs to is not asked (is_ineligible: ipv6_skip_exthdr).
  const l4proto = fragOff > 0 ? undefined : named;
  const type = cause.data[thoff] ?? 0;
  if (l4proto === PROTO.icmp && cause.family === 'ip' && !ICMP_QUERIES.has(type)) return false;
  if (l4proto === PROTO.icmpv6 && isIcmpError(l4proto, type)) return false;
  const src = sourceOf(cause);
  const dst = destinationOf(cause);
  if (typeof dst === 'bigint') return (!isMulticast6(dst) || evenToGroups) && src !== 0n && !isMulticast6(BigInt(src));
  return cause.dst?.type !== 'broadcast' && cause.dst?.type !== 'multicast';
}

/** Runs that are sending an ICMP message of a family right now. */
const busy = { ip: new WeakSet<Run>(), ip6: new WeakSet<Run>() };

/**
 * Sends an ICMP message. While one is on its way out, the processor's one socket for them is taken and another of the family is not
 * sent: nothing answers an echo reply that output rejects (icmp_xmit_lock, icmpv6_xmit_lock).
 */
function sendIcmp(run: Run, family: 'ip' | 'ip6', skb: Skb, route: RouteResult): void {
  busy[family].add(run);
  run.send(skb, route, false);
  busy[family].delete(run);
  run.settle();
}

/** To groups the sockets of the kernel send no further than the link (__ip_make_skb: mc_ttl). */
const ttlTo = (route: RouteResult): number => (route.route.family === 'ip' && route.type === 'multicast' ? 1 : 64);

export interface IcmpOptions {
  readonly type: number;
  readonly code: number;
  /** Rest of the header: next-hop MTU, pointer. */
  readonly info?: number;
  /** IPv6: what went to a group is answered, too (icmp6_send: opt_unrec). */
  readonly evenToGroups?: boolean;
}

/** ipv6_chk_acast_addr_src(): an anycast address of the node, on any device. */
const isAnycast = (run: Run, addr: bigint): boolean =>
  run.p.routers.ip6?.inTable('local', { daddr: addr, mark: 0, tos: 0, iif: undefined })?.type === 'anycast';

/** Fields that the kernel fills by chance in packets of its own: the identification of IPv4, the flow label of IPv6, and what sums over them. */
function headerByChance(family: 'ip' | 'ip6', df: boolean): HiddenField[] {
  if (family === 'ip6') return [{ base: 'nh', offset: 12, len: 20, what: 'the flow label', low: 1, high: 0xfffff }];
  if (df) return [];
  return [
    { base: 'nh', offset: 32, len: 16, what: 'the IP id', low: 0, high: 65535 },
    { base: 'nh', offset: 80, len: 16, what: 'the IP checksum', low: 0, high: 65535 },
  ];
}

/** The same for a TCP segment of a connection. */
const segmentByChance = (): HiddenField[] => [
  { base: 'th', offset: 32, len: 32, what: 'the sequence number', low: 0, high: 0xffffffff },
  { base: 'th', offset: 128, len: 16, what: 'the TCP checksum', low: 0, high: 65535 },
];

/** What the clock fills in an ICMP timestamp reply: milliseconds of the day, twice (icmp_timestamp), and the sum over them. */
const stampedByChance = (): HiddenField[] => [
  { base: 'th', offset: 16, len: 16, what: 'the ICMP checksum', low: 0, high: 65535 },
  { base: 'th', offset: 96, len: 32, what: 'the time of arrival', low: 0, high: 86_399_999 },
  { base: 'th', offset: 128, len: 32, what: 'the time of departure', low: 0, high: 86_399_999 },
];

/** What a quoted packet hides, where an error quotes it, and the checksum over it. */
function quotedByChance({ hidden = [], headers }: Skb): HiddenField[] {
  if (hidden.length === 0) return [];
  const behind = hidden.map((h): HiddenField => {
    const at = h.base === 'nh' ? 0 : headers.thoff * 8;
    return { ...h, base: 'th', offset: 64 + at + h.offset };
  });
  return [{ base: 'th', offset: 16, len: 16, what: 'the ICMP checksum', low: 0, high: 65535 }, ...behind];
}

/** Sends an ICMP error about `cause`. Nothing is sent where the kernel sends nothing. */
export function sendIcmpError(run: Run, cause: Skb, o: IcmpOptions): boolean {
  if (!answerable(cause, o.evenToGroups) || cause.family === 'arp') return false;
  const { family } = cause;
  if (busy[family].has(run)) return false;
  const src = sourceOf(cause);
  const tos = family === 'ip' ? (tosOf(cause) & 0x1e) | 0xc0 : 0;
  const flow = icmpFlow(family, o.type, o.code);
  const found = family === 'ip' ? errorRoute4(run, cause, tos, flow) : errorRoute6(run, cause, flow);
  if (found === undefined) return false;
  const { route, source } = found;
  const options = family === 'ip' ? echoOptions(run, cause, Number(source)) : undefined;
  if (family === 'ip' && options === undefined) return false;
  const room = family === 'ip' ? Math.min(576, route.dev?.mtu ?? 576) - 28 - (options?.length ?? 0) : 1280 - 48;
  const quoted = cause.data.subarray(0, room);
  const segment = new Uint8Array(8 + quoted.length);
  segment[0] = o.type;
  segment[1] = o.code;
  if (o.info !== undefined) putBytes(segment, 4, 4, o.info);
  segment.set(quoted, 8);
  const protocol = family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    // To nobody is to oneself (ip_route_output_key_hash_rcu).
    ipPacket(
      family,
      source,
      src === 0 ? source : src,
      protocol,
      tos,
      segment,
      ttlTo(route),
      options === undefined ? {} : { options },
    ),
  );
  skb.ownSocket = KERNEL_SOCKET;
  skb.local = true;
  skb.trace = true;
  skb.hidden = [...headerByChance(family, false), ...quotedByChance(cause)];
  attachAnswer(skb, cause);
  run.steps?.push({
    kind: 'generated',
    skb: skb.id,
    what: `${family === 'ip' ? 'ICMP' : 'ICMPv6'} ${o.type}/${o.code}`,
    packet: viewSkb(skb),
    because: cause.id,
  });
  sendIcmp(run, family, skb, route);
  return true;
}

interface Answered {
  readonly route: RouteResult;
  readonly source: IpValue;
}

/** IPv4 answers from the packet's destination only where the packet's route is local (icmp_send: RTCF_LOCAL). */
function errorRoute4(run: Run, cause: Skb, tos: number, flow: Flow): Answered | undefined {
  const src = sourceOf(cause);
  const dst = destinationOf(cause);
  const own = cause.dst?.type === 'local';
  const ask = { daddr: src, saddr: own ? dst : undefined, mark: 0, tos, uid: 0 };
  const found = routeOutput(run, { family: 'ip', ...ask, ...flow });
  if (found.kind !== 'found' || found.source === undefined) return undefined;
  return { route: found.route, source: found.source };
}

/** IPv6 answers from the packet's destination where that is the node's own, else from an address of the device it came in by. */
function errorRoute6(run: Run, cause: Skb, flow: Flow): Answered | undefined {
  const src = BigInt(sourceOf(cause));
  const dst = BigInt(destinationOf(cause));
  const dev = cause.iif === undefined ? undefined : deviceOf(cause);
  const loopback = cause.iif === undefined || cause.iif.type === 'loopback';
  const own = (run.p.localAddresses.has(addressKey('ip6', dst)) && (dst !== 1n || loopback)) || isAnycast(run, dst);
  const asked = routeOut(run, 'ip6', src, own ? dst : undefined, 0, 0, undefined, flow);
  const inner =
    own || dev === undefined || asked?.route.prefsrc !== undefined
      ? undefined
      : selectIpv6(run, run.p.linkByName.get(dev), src);
  const fixed = own ? dst : inner;
  const route = routeOut(run, 'ip6', src, fixed, 0, 0, linkOf(cause, src), flow);
  // An anycast address is no sender (icmpv6_route_lookup).
  if (route === undefined || route.type === 'anycast' || isSubnetAnycast(route, src)) return undefined;
  const source = fixed ?? sourceForRoute(run, 'ip6', route, src);
  return source === undefined ? undefined : { route, source };
}

/** The segment that resets the sender of `cause` (RFC 9293, 3.10.7.1); undefined where none is due. */
function resetSegment(cause: Skb): Uint8Array | undefined {
  const { l4proto, thoff, fragOff } = cause.headers;
  if (l4proto !== PROTO.tcp || fragOff > 0 || cause.data.length < thoff + 20) return undefined;
  const flags = cause.data[thoff + 13] ?? 0;
  if (flags & 4) return undefined;
  const doff = ((cause.data[thoff + 12] ?? 0) >> 4) * 4;
  const s = new Uint8Array(20);
  s.set(cause.data.subarray(thoff + 2, thoff + 4), 0);
  s.set(cause.data.subarray(thoff, thoff + 2), 2);
  s[12] = 0x50;
  if (flags & 16) {
    s.set(cause.data.subarray(thoff + 8, thoff + 12), 4);
    s[13] = 4;
  } else {
    const length = cause.data.length - thoff - doff + (flags & 2 ? 1 : 0) + (flags & 1 ? 1 : 0);
    putBytes(s, 8, 4, (u32(cause.data, thoff + 4) + length) % 2 ** 32);
    s[13] = 20;
  }
  return s;
}

/** Sends a TCP reset in answer to `cause`: by `reject`, with its connection, or by the TCP stack, without. */
export function sendReset(
  run: Run,
  cause: Skb,
  byReject: boolean,
  /** The socket that wants none of it. */
  listener?: { readonly transparent: boolean },
): boolean {
  const segment = resetSegment(cause);
  if (segment === undefined || cause.family === 'arp') return false;
  const { family } = cause;
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  // Nothing that came to a broadcast address is reset but by a socket (tcp_v4_send_reset, nf_send_reset: the flags of the route).
  if (family === 'ip' && listener === undefined && (cause.dst?.type === 'broadcast' || cause.dst?.type === 'multicast'))
    return false;
  // The TCP stack does not ask who sent: of what a rule translated it may be a group (tcp_v6_send_reset, nf_send_reset6).
  if (typeof src === 'bigint' && isMulticast6(src) && listener === undefined) return false;
  if (byReject && typeof dst === 'bigint' && isMulticast6(dst)) return false;
  // A rule answers between addresses of one machine each only: no IPv4 address written as one of IPv6 is (nf_send_reset6).
  if (byReject && [src, dst].some((a) => typeof a === 'bigint' && (a === 0n || a >> 32n === 0xffffn))) return false;
  // The TCP stack answers the loopback address and those of a link by the device of the question only (tcp_v6_send_response).
  const strict = !byReject && typeof dst === 'bigint' && (dst === 1n || isLinkLocal6(dst) || isMulticast6(dst));
  // What a rule sends is routed again and may have any source that could be somebody's (nf_send_reset: ip_route_me_harder).
  // So may what a transparent socket sends.
  const anySource = byReject
    ? [1, 2].includes(addressType4({ run }, Number(src), undefined) ?? 0)
    : listener?.transparent === true;
  const found = routeOutput(run, {
    family,
    daddr: dst,
    saddr: family === 'ip' && byReject && !anySource ? undefined : src,
    mark: 0,
    tos: 0,
    oif: strict ? deviceOf(cause) : undefined,
    anySource,
    uid: 0,
    ...turned(flowOf(run, cause)),
  });
  if (found.kind !== 'found') return false;
  const { route } = found;
  const chosen = src === 0n ? sourceForRoute(run, family, route, dst) : found.source;
  const source = (src === 0 || src === 0n) && !byReject ? (chosen ?? src) : src;
  const options = family === 'ip' && !byReject ? echoOptions(run, cause, Number(source)) : undefined;
  if (family === 'ip' && !byReject && options === undefined) return false;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    // To nobody is to oneself, but for a rule, which fills in the addresses before the route is known (ip_send_unicast_reply).
    ipPacket(
      family,
      source,
      dst === 0 && !byReject ? source : dst,
      PROTO.tcp,
      byReject ? 0 : tosOf(cause) & 0xfc,
      segment,
      byReject ? 64 : ttlTo(route),
      {
        df: true,
        ...(options === undefined ? {} : { options }),
      },
    ),
  );
  // In IPv6 only that of a socket has an owner (ip_send_unicast_reply; tcp_v6_send_response: skb_set_owner_edemux).
  if (listener !== undefined) skb.ownSocket = { transparent: listener.transparent, wildcard: true };
  else if (!byReject && family === 'ip') skb.ownSocket = KERNEL_SOCKET;
  if (!byReject) skb.hidden = headerByChance(family, true);
  skb.random = { sport: cause.random.dport, dport: cause.random.sport };
  // The device is left to sum up what rules send in IPv4, and the TCP stack in IPv6 (nf_reject_ip_tcphdr_put, tcp_v6_send_response).
  skb.partial = (family === 'ip') === byReject;
  // A socket's reset belongs to it (since Linux 6.13: skb_set_owner_edemux).
  if (listener !== undefined) skb.sk = LISTENER;
  skb.local = true;
  if (byReject) {
    attachAnswer(skb, cause);
    // A connection that is stored is closed with it (nf_conntrack_tcp_set_closing).
    const { ct } = cause;
    if (ct !== undefined && ct.status & STATUS.confirmed && ct.original.protocol === PROTO.tcp) ct.tcpState = 'CLOSE';
  }
  run.steps?.push({ kind: 'generated', skb: skb.id, what: 'TCP reset', packet: viewSkb(skb), because: cause.id });
  // To a bridged segment it goes straight out of the port that came in by, from the address asked for (nf_send_reset: br_indev).
  const port = byReject && cause.bridgePorts !== undefined ? run.p.linkByName.get(cause.bridgePorts.in) : undefined;
  if (port !== undefined && cause.link !== undefined) {
    skb.link = cause.link.slice();
    skb.link.set(cause.link.subarray(6, 12), 0);
    skb.link.set(cause.link.subarray(0, 6), 6);
    skb.trace = false;
    run.redirect(skb, port);
    return true;
  }
  run.send(skb, route);
  return true;
}

/** Answers an echo (or timestamp) request. */
export function sendEchoReply(run: Run, cause: Skb): boolean {
  if (cause.family === 'arp') return false;
  const { family } = cause;
  const { thoff } = cause.headers;
  const stamp = family === 'ip' && cause.data[thoff] === 13;
  // icmp_timestamp answers nothing shorter than a timestamp, and always with three of them.
  if (stamp && cause.data.length < thoff + 12) return false;
  const segment = stamp ? new Uint8Array(20) : cause.data.slice(thoff);
  if (stamp) segment.set(cause.data.subarray(thoff, thoff + 12));
  segment[0] = family === 'ip6' ? 129 : stamp ? 14 : 0;
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  // Neither a group nor an anycast address answers for itself (icmpv6_echo_reply).
  const unicast = family === 'ip' ? isLocal4({ run }, Number(src)) : isUnicast6(run, cause, BigInt(src));
  // Where the route was to this node the answer has the address asked, even one that a rule wrote: then none is sent (fib_compute_spec_dst).
  if (family === 'ip' && !unicast && Number(src) !== 0 && cause.dst?.type === 'local') return false;
  // Where the source is still to be chosen, the answer leaves by the device of the question (RT6_LOOKUP_F_IFACE).
  // The loopback address is answered over lo.
  const oif = family === 'ip6' && !unicast && dst !== 1n ? deviceOf(cause) : linkOf(cause, dst);
  const found = routeOutput(run, {
    family,
    daddr: dst,
    saddr: unicast ? src : undefined,
    mark: 0,
    tos: tosOf(cause),
    oif,
    uid: 0,
    ...(family === 'ip' ? { protocol: PROTO.icmp } : icmpFlow(family, segment[0], 0)),
  });
  if (found.kind !== 'found') return false;
  const { route } = found;
  const source = unicast ? src : family === 'ip' ? found.source : sourceForRoute(run, family, route, dst);
  if (source === undefined) return false;
  const options = family === 'ip' ? echoOptions(run, cause, Number(source)) : undefined;
  if (family === 'ip' && options === undefined) return false;
  const protocol = family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    ipPacket(
      family,
      source,
      dst === 0 ? source : dst,
      protocol,
      tosOf(cause),
      segment,
      ttlTo(route),
      options === undefined ? {} : { options },
    ),
  );
  skb.random = { ...cause.random };
  skb.hidden = [...headerByChance(family, false), ...(stamp ? stampedByChance() : [])];
  skb.ownSocket = KERNEL_SOCKET;
  skb.local = true;
  run.steps?.push({ kind: 'generated', skb: skb.id, what: 'echo reply', packet: viewSkb(skb), because: cause.id });
  sendIcmp(run, family, skb, route);
  return true;
}

/** A TCP segment of one of this node's sockets in answer to `cause`. */
export function sendSegment(
  run: Run,
  cause: Skb,
  what: string,
  flags: number,
  seq: number,
  ack: number,
  options: string,
  more: {
    readonly tos?: number;
    readonly window?: number;
    readonly hidden?: readonly HiddenField[];
    readonly socket?: NonNullable<Skb['ownSocket']>;
    /** Whose IPv4 options it carries: those of `cause`, or of what opened the connection. */
    readonly echoes?: Skb;
  } = {},
): void {
  if (cause.family === 'arp') return;
  const { family } = cause;
  const { thoff } = cause.headers;
  const tail = fromHex(options);
  const s = new Uint8Array(20 + tail.length);
  s.set(cause.data.subarray(thoff + 2, thoff + 4), 0);
  s.set(cause.data.subarray(thoff, thoff + 2), 2);
  putBytes(s, 4, 4, seq);
  putBytes(s, 8, 4, ack);
  s[12] = ((20 + tail.length) >> 2) << 4;
  s[13] = flags;
  putBytes(s, 14, 2, more.window ?? 64240);
  s.set(tail, 20);
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  const found = routeOutput(run, {
    family,
    daddr: dst,
    saddr: src,
    mark: 0,
    tos: 0,
    // A link-local peer is behind the device it was heard on (tcp_v6_init_req).
    oif: typeof dst === 'bigint' && isLinkLocal6(dst) ? deviceOf(cause) : undefined,
    anySource: more.socket?.transparent === true,
    ...turned(flowOf(run, cause)),
  });
  if (found.kind !== 'found') return;
  const { route } = found;
  const echoed = family === 'ip' ? echoOptions(run, more.echoes ?? cause, Number(src)) : undefined;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    ipPacket(family, src, dst, PROTO.tcp, more.tos ?? 0, s, 64, {
      df: true,
      ...(echoed === undefined ? {} : { options: echoed }),
    }),
  );
  // A SYN-ACK has the id 0, what follows counts from a number of chance.
  skb.random = { sport: cause.random.dport, dport: cause.random.sport };
  skb.hidden = [...headerByChance(family, (flags & 2) !== 0), ...segmentByChance(), ...(more.hidden ?? [])];
  skb.ownSocket = more.socket ?? KERNEL_SOCKET;
  skb.partial = family === 'ip6' || more.socket?.wildcard !== true;
  skb.local = true;
  // A SYN-ACK belongs to the listener; a connection that no process has accepted has no owner (nft_meta_get_eval_skugid: sk_socket).
  if (flags & 2) skb.sk = LISTENER;
  run.steps?.push({ kind: 'generated', skb: skb.id, what, packet: viewSkb(skb), because: cause.id });
  run.send(skb, route);
}

/** What a synproxy statement or object asks for. */
export interface SynproxyOptions {
  readonly mss?: number;
  readonly wscale?: number;
  readonly flags: readonly string[];
}

/**
 * The SYN-ACK that SYN proxying sends in place of the server (net/netfilter/nf_synproxy_core.c). It carries the options that both the
 * SYN and the statement have, window scaling and selective acknowledgements only beside a timestamp, and goes with the connection of
 * the SYN as an answer in it.
 */
export function sendSynproxyAnswer(run: Run, cause: Skb, o: SynproxyOptions): void {
  if (cause.family === 'arp') return;
  const { family } = cause;
  const at = cause.headers.thoff;
  const has = (kind: number, flag: string): boolean =>
    o.flags.includes(flag) && findTcpOption(cause, kind) !== undefined;
  const stamp = has(8, 'timestamp');
  const sack = stamp && has(4, 'sack-perm');
  const scale = stamp && o.wscale !== undefined && findTcpOption(cause, 3) !== undefined;
  const mss = o.mss !== undefined && findTcpOption(cause, 2) !== undefined;
  const ecn = stamp && o.flags.includes('ecn');
  let options = mss ? `0204${(o.mss ?? 0).toString(16).padStart(4, '0')}` : '';
  if (stamp) options += `${sack ? '0402' : '0101'}080a0000000000000000`;
  if (scale) options += `010303${(o.wscale ?? 0).toString(16).padStart(2, '0')}`;
  const tail = fromHex(options);
  const s = new Uint8Array(20 + tail.length);
  s.set(cause.data.subarray(at + 2, at + 4), 0);
  s.set(cause.data.subarray(at, at + 2), 2);
  putBytes(s, 8, 4, (u32(cause.data, at + 4) + 1) % 2 ** 32);
  s[12] = ((20 + tail.length) >> 2) << 4;
  s[13] = 18 | (ecn ? 64 : 0);
  s.set(tail, 20);
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  // From whoever was asked, or could be (synproxy_send_tcp: ip_route_me_harder).
  const anySource = family === 'ip' && [1, 2].includes(addressType4({ run }, Number(src), undefined) ?? 0);
  const found = routeOutput(run, {
    family,
    daddr: dst,
    saddr: anySource ? src : undefined,
    mark: 0,
    tos: 0,
    anySource,
    ...turned(flowOf(run, cause)),
  });
  if (found.kind !== 'found') return;
  const { route } = found;
  const skb = newSkb(run.nextSkb(), 'generated', family, ipPacket(family, src, dst, PROTO.tcp, 0, s, 64, { df: true }));
  skb.hidden = segmentByChance();
  skb.partial = true;
  skb.local = true;
  if (cause.ct !== undefined) {
    skb.ct = cause.ct;
    skb.ctState = 'established';
    skb.ctDir = 'reply';
  }
  run.steps?.push({
    kind: 'generated',
    skb: skb.id,
    what: 'SYN-ACK of the SYN proxy',
    packet: viewSkb(skb),
    because: cause.id,
  });
  run.send(skb, route);
}

/** Runs that are sending a duplicate right now. */
const duplicating = new WeakSet<Run>();

/** A copy may not be cut up on its way, and its length and the checksum of its IPv4 header are made right (nf_dup_ipv4, __ip_local_out). */
function sendAsOwn({ data, family, headers }: Skb): void {
  if (family === 'ip6') {
    putBytes(data, 4, 2, data.length - 40);
    return;
  }
  data[6] = (data[6] ?? 0) | 0x40;
  putBytes(data, 2, 2, data.length);
  putBytes(data, 10, 2, 0);
  putBytes(data, 10, 2, fold16(sum16(data, 0, headers.thoff)));
}

/** `dup to`: a copy leaves through output (from prerouting and input) and postrouting, untracked (net/ipv4/netfilter/nf_dup_ipv4.c). */
export function duplicate(c: Context, dev: string | undefined, addr: number | bigint | undefined): void {
  const { run, skb } = c;
  if (skb.family === 'arp') return;
  if (addr === undefined) {
    const link = dev === undefined ? undefined : run.p.linkByName.get(dev);
    if (link !== undefined) run.redirect(copySkb(skb, run.nextSkb()), link);
    return;
  }
  // A duplicate is not duplicated again (nf_dup_ipv4, nf_dup_ipv6: nf_skb_duplicated).
  if (duplicating.has(run)) return;
  const copy = copySkb(skb, run.nextSkb());
  copy.ct = undefined;
  copy.ctState = undefined;
  copy.untracked = true;
  copy.duplicate = true;
  // A clone is cut up anew (ip_do_fragment: skb_cloned).
  copy.fragParts = undefined;
  copy.local = true;
  // A copy belongs to no socket (pskb_copy).
  copy.sk = undefined;
  copy.mark = skb.mark;
  if (c.hook === 'prerouting' || c.hook === 'input') decrementTtl(copy);
  sendAsOwn(copy);
  copy.iif = undefined;
  const route = routeOut(run, skb.family, addr, undefined, 0, tosOf(skb), dev);
  if (route === undefined) return;
  run.steps?.push({ kind: 'generated', skb: copy.id, what: 'duplicate', packet: viewSkb(copy), because: skb.id });
  duplicating.add(run);
  run.send(copy, { ...route, gateway: route.gateway ?? addr });
  duplicating.delete(run);
}
