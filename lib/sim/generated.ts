/** Packets the kernel makes by itself: ICMP errors, resets, echo replies, SYN-ACKs, duplicates. */
import { fromHex, putBytes, storeTransportChecksum } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { isIcmpError, u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { IpValue } from '../world/world';
import { attachAnswer } from './conntrack';
import type { Context, Run } from './environment';
import { addressKey } from './environment';
import { isLinkLocal6, isLocal4, isMulticast6 } from './fib';
import { findTcpOption } from './read-options';
import type { RouteResult } from './routing';
import {
  copySkb,
  decrementTtl,
  destinationOf,
  newSkb,
  type Skb,
  sourceOf,
  tosOf,
  transportChecksumWrong,
  viewSkb,
} from './skb';
import { sourceForRoute } from './source-address';

/** An IP packet of the node's own around a transport segment, checksums filled in. */
export function ipPacket(
  family: 'ip' | 'ip6',
  src: IpValue,
  dst: IpValue,
  protocol: number,
  tos: number,
  segment: Uint8Array,
  ttl = 64,
): Uint8Array {
  const header = family === 'ip' ? 20 : 40;
  const p = new Uint8Array(header + segment.length);
  if (family === 'ip') {
    p[0] = 0x45;
    p[1] = tos;
    putBytes(p, 2, 2, p.length);
    p[8] = ttl;
    p[9] = protocol;
    putBytes(p, 12, 4, src);
    putBytes(p, 16, 4, dst);
    putBytes(p, 10, 2, fold16(sum16(p, 0, 20)));
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

/** Packets to the node's own addresses leave through lo, whatever device the route names. */
export function viaLoopback(run: Run, r: RouteResult): RouteResult {
  if (r.type !== 'local' && r.type !== 'anycast') return r;
  const lo = [...run.p.linkByName.values()].find((l) => l.type === 'loopback');
  return lo === undefined ? r : { ...r, dev: lo };
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
): RouteResult | undefined {
  const router = run.p.routers[family];
  if (router === undefined)
    return run.undecided(
      'routes-unknown',
      `The routes of family ${family} were not captured.`,
      'Capture ip -j route show table all and ip -j rule show on the node.',
    );
  const found = router.lookup({
    daddr,
    ...(saddr === undefined ? {} : { saddr }),
    mark,
    tos,
    iif: undefined,
    ...(oif === undefined ? {} : { oif }),
  });
  return found.kind === 'found' ? viaLoopback(run, found.result) : undefined;
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

/** True where the node may answer with an ICMP error at all (icmp_send, icmp6_send). */
function answerable(run: Run, cause: Skb): boolean {
  if (cause.family === 'arp' || cause.pktType !== 0 || cause.headers.fragOff > 0) return false;
  const { l4proto, thoff } = cause.headers;
  if (l4proto === PROTO.icmp || l4proto === PROTO.icmpv6) {
    const type = cause.data[thoff] ?? 0;
    if (
      isIcmpError(l4proto, type) ||
      (l4proto === PROTO.icmp && type > 18) ||
      (l4proto === PROTO.icmpv6 && type === 137)
    )
      return false;
  }
  const src = sourceOf(cause);
  const dst = destinationOf(cause);
  if (typeof dst === 'bigint') return !isMulticast6(dst) && src !== 0n && !isMulticast6(BigInt(src));
  if (dst >>> 28 === 14 || dst === 0xffffffff || dst === 0) return false;
  const local = run.p.routers.ip?.inTable('local', { daddr: dst, mark: 0, tos: 0, iif: undefined });
  return local?.type !== 'broadcast';
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

export interface IcmpOptions {
  readonly type: number;
  readonly code: number;
  /** Rest of the header: next-hop MTU, pointer. */
  readonly info?: number;
}

/** ipv6_chk_acast_addr_src(): an anycast address of the node, on any device. */
const isAnycast = (run: Run, addr: bigint): boolean =>
  run.p.routers.ip6?.inTable('local', { daddr: addr, mark: 0, tos: 0, iif: undefined })?.type === 'anycast';

/** Sends an ICMP error about `cause`. Nothing is sent where the kernel sends nothing. */
export function sendIcmpError(run: Run, cause: Skb, o: IcmpOptions): boolean {
  if (!answerable(run, cause) || cause.family === 'arp') return false;
  const { family } = cause;
  if (busy[family].has(run)) return false;
  const src = sourceOf(cause);
  const dst = destinationOf(cause);
  // IPv4 answers from the packet's destination only where the packet's route is local; before routing, the route back counts.
  const own =
    family === 'ip'
      ? (cause.dst ?? routeOut(run, family, src, undefined, 0, 0))?.type === 'local'
      : run.p.localAddresses.has(addressKey('ip6', dst)) || isAnycast(run, BigInt(dst));
  const fixed = own ? dst : undefined;
  // A source that is not the node's own is refused by the route look-up.
  if (fixed !== undefined && family === 'ip' && !isLocal4({ run }, Number(fixed))) return false;
  const tos = family === 'ip' ? (tosOf(cause) & 0x1e) | 0xc0 : 0;
  const route = routeOut(run, family, src, fixed, 0, tos, linkOf(cause, src));
  if (route === undefined) return false;
  const source = fixed ?? sourceForRoute(run, family, route, src);
  if (source === undefined) return false;
  const room = family === 'ip' ? Math.min(576, route.dev?.mtu ?? 576) - 28 : 1280 - 48;
  const quoted = cause.data.subarray(0, room);
  const segment = new Uint8Array(8 + quoted.length);
  segment[0] = o.type;
  segment[1] = o.code;
  if (o.info !== undefined) putBytes(segment, 4, 4, o.info);
  segment.set(quoted, 8);
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    ipPacket(family, source, src, family === 'ip' ? PROTO.icmp : PROTO.icmpv6, tos, segment),
  );
  skb.local = true;
  skb.trace = true;
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

/** The segment that resets the sender of `cause` (RFC 9293, 3.10.7.1); undefined where none is due. */
function resetSegment(cause: Skb): Uint8Array | undefined {
  const { l4proto, thoff, fragOff } = cause.headers;
  if (l4proto !== PROTO.tcp || fragOff > 0 || cause.data.length < thoff + 20) return undefined;
  const flags = cause.data[thoff + 13] ?? 0;
  if (flags & 4 || transportChecksumWrong(cause)) return undefined;
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
export function sendReset(run: Run, cause: Skb, byReject: boolean): boolean {
  const segment = resetSegment(cause);
  if (segment === undefined || cause.family === 'arp') return false;
  const { family } = cause;
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  if (family === 'ip' && byReject) {
    const local = run.p.routers.ip?.inTable('local', { daddr: Number(src), mark: 0, tos: 0, iif: undefined });
    if (local?.type === 'broadcast' || Number(src) >>> 28 === 14) return false;
  }
  // The TCP stack resets nothing that came to a broadcast address (tcp_v4_send_reset: rt_type != RTN_LOCAL).
  if (family === 'ip' && !byReject && cause.dst?.type === 'broadcast') return false;
  // A route sent by has to have a source of the node's own (ip_route_output_key_hash_rcu).
  if (family === 'ip' && !byReject && !isLocal4({ run }, Number(src))) return false;
  if (typeof src === 'bigint' && isMulticast6(src)) return false;
  // The TCP stack answers the loopback address and those of a link by the device of the question only (tcp_v6_send_response).
  const strict = !byReject && typeof dst === 'bigint' && (dst === 1n || isLinkLocal6(dst));
  const route = routeOut(run, family, dst, src, 0, 0, strict ? deviceOf(cause) : undefined);
  if (route === undefined) return false;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    ipPacket(family, src, dst, PROTO.tcp, byReject ? 0 : tosOf(cause) & 0xfc, segment),
  );
  skb.local = true;
  if (byReject) {
    attachAnswer(skb, cause);
    // nf_reject_ipv4.c, nf_reject_ipv6.c: nf_ct_set_closing.
    if (cause.ct !== undefined && cause.ct.original.protocol === PROTO.tcp) cause.ct.tcpState = 'CLOSE';
  }
  run.steps?.push({ kind: 'generated', skb: skb.id, what: 'TCP reset', packet: viewSkb(skb), because: cause.id });
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
  // Where the source is still to be chosen, the answer leaves by the device of the question (RT6_LOOKUP_F_IFACE).
  const oif = family === 'ip6' && !unicast ? deviceOf(cause) : linkOf(cause, dst);
  const route = routeOut(run, family, dst, unicast ? src : undefined, 0, tosOf(cause), oif);
  if (route === undefined) return false;
  const source = unicast ? src : sourceForRoute(run, family, route, dst);
  if (source === undefined) return false;
  const skb = newSkb(
    run.nextSkb(),
    'generated',
    family,
    ipPacket(family, source, dst, family === 'ip' ? PROTO.icmp : PROTO.icmpv6, tosOf(cause), segment),
  );
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
  putBytes(s, 14, 2, 64240);
  s.set(tail, 20);
  const src = destinationOf(cause);
  const dst = sourceOf(cause);
  if (family === 'ip' && !isLocal4({ run }, Number(src))) return;
  const route = routeOut(run, family, dst, src, 0, 0);
  if (route === undefined) return;
  const skb = newSkb(run.nextSkb(), 'generated', family, ipPacket(family, src, dst, PROTO.tcp, 0, s));
  skb.local = true;
  skb.sk = { uid: 0, gid: 0 };
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
  if (family === 'ip' && !isLocal4({ run }, Number(src))) return;
  const route = routeOut(run, family, dst, src, 0, 0);
  if (route === undefined) return;
  const skb = newSkb(run.nextSkb(), 'generated', family, ipPacket(family, src, dst, PROTO.tcp, 0, s));
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

/** `dup to`: a copy leaves through output (from prerouting and input) and postrouting, untracked (net/ipv4/netfilter/nf_dup_ipv4.c). */
export function duplicate(c: Context, dev: string | undefined, addr: number | bigint | undefined): void {
  const { run, skb } = c;
  if (skb.family === 'arp') return;
  if (addr === undefined) {
    if (dev !== undefined) run.fate.egress.push({ dev, role: 'generated', skb: run.nextSkb(), packet: viewSkb(skb) });
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
  delete copy.fragParts;
  copy.local = true;
  // A copy belongs to no socket (pskb_copy).
  copy.sk = undefined;
  copy.mark = skb.mark;
  if (c.hook === 'prerouting' || c.hook === 'input') decrementTtl(copy);
  copy.iif = undefined;
  const route = routeOut(run, skb.family, addr, undefined, 0, tosOf(skb), dev);
  if (route === undefined) return;
  run.steps?.push({ kind: 'generated', skb: copy.id, what: 'duplicate', packet: viewSkb(copy), because: skb.id });
  duplicating.add(run);
  run.send(copy, { ...route, gateway: route.gateway ?? addr });
  duplicating.delete(run);
}
