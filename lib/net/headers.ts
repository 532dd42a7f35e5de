/** Where the headers of a packet lie, and what they say. Offsets are bytes from the network header. */
import { formatAddress, formatMac } from './address';
import type { PacketView } from './packet-view';
import { hasPorts, PROTO, protocolName, TCP_FLAGS } from './protocols';

export interface Headers {
  readonly family: 'ip' | 'ip6' | 'arp';
  /** Transport protocol, IPv6 extension headers skipped; undefined where the packet is malformed or is ARP. */
  readonly l4proto: number | undefined;
  /** Where the transport header begins; meaningless for later fragments. */
  readonly thoff: number;
  /** Fragment offset in bytes. */
  readonly fragOff: number;
  readonly mf: boolean;
  /** IPv6 extension headers in order: number and offset. */
  readonly ext: readonly { readonly type: number; readonly at: number }[];
}

/** Big-endian unsigned 16-bit read; 0 beyond the end. */
export const u16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
/** Big-endian unsigned 32-bit read. */
export const u32 = (b: Uint8Array, at: number): number => u16(b, at) * 65536 + u16(b, at + 2);
/** Big-endian 128-bit read. */
export const u128 = (b: Uint8Array, at: number): bigint =>
  (BigInt(u32(b, at)) << 96n) |
  (BigInt(u32(b, at + 4)) << 64n) |
  (BigInt(u32(b, at + 8)) << 32n) |
  BigInt(u32(b, at + 12));

const EXTENSION = new Set<number>([0, 43, 44, 60]);
/** Headers that follow the same form, but which are taken for the transport protocol where none is asked for by name: ipv6_ext_hdr(). */
const LAST_EXTENSION = new Set<number>([135, 139, 140]);
const AUTHENTICATION = 51;

/** Finds the headers, as ipv6_find_hdr (net/ipv6/exthdrs_core.c) and nft_set_pktinfo_ipv4_validate do. */
export function parseHeaders(b: Uint8Array, family: 'ip' | 'ip6' | 'arp'): Headers {
  if (family === 'arp') return { family, l4proto: undefined, thoff: 0, fragOff: 0, mf: false, ext: [] };
  if (family === 'ip') {
    const ihl = ((b[0] ?? 0) & 15) * 4;
    if (b.length < 20 || ihl < 20) return { family, l4proto: undefined, thoff: 0, fragOff: 0, mf: false, ext: [] };
    const frag = u16(b, 6);
    return { family, l4proto: b[9], thoff: ihl, fragOff: (frag & 0x1fff) * 8, mf: (frag & 0x2000) !== 0, ext: [] };
  }
  const ext: { type: number; at: number }[] = [];
  let next = b[6] ?? PROTO.nonxt;
  let at = 40;
  let fragOff = 0;
  let mf = false;
  while (EXTENSION.has(next)) {
    if (at + 8 > b.length) return { family, l4proto: undefined, thoff: at, fragOff, mf, ext };
    ext.push({ type: next, at });
    const following = b[at] ?? 0;
    if (next === 44) {
      const word = u16(b, at + 2);
      fragOff = word & 0xfff8;
      mf = (word & 1) !== 0;
      at += 8;
      if (fragOff > 0) {
        next = following;
        break;
      }
    } else at += ((b[at + 1] ?? 0) + 1) * 8;
    next = following;
  }
  if (fragOff === 0 && LAST_EXTENSION.has(next) && at + 8 <= b.length) ext.push({ type: next, at });
  // nft asks to be told of this one (IP6_FH_F_AUTH).
  if (next === AUTHENTICATION && at + 2 > b.length) return { family, l4proto: undefined, thoff: at, fragOff, mf, ext };
  return { family, l4proto: next, thoff: at, fragOff, mf, ext };
}

const EXT_NAMES = new Map<number, string>([
  [0, 'hbh'],
  [43, 'rt'],
  [44, 'frag'],
  [51, 'ah'],
  [60, 'dst'],
  [135, 'mh'],
]);

const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
/** ICMP types whose message quotes the packet in error. */
export function isIcmpError(protocol: number, type: number): boolean {
  return protocol === PROTO.icmp ? ICMP_ERRORS.has(type) : protocol === PROTO.icmpv6 && type < 128;
}
const ICMP_WITH_ID = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
function icmpHasId(protocol: number, type: number): boolean {
  return protocol === PROTO.icmp ? ICMP_WITH_ID.has(type) : protocol === PROTO.icmpv6 && (type === 128 || type === 129);
}

/** The fields people look at. `random` names a port or id that the kernel picked by chance. */
export function viewPacket(
  b: Uint8Array,
  family: 'ip' | 'ip6' | 'arp',
  random?: { readonly sport?: boolean; readonly dport?: boolean },
  quoted = false,
): PacketView {
  if (family === 'arp') {
    const op = u16(b, 6);
    const mac = (at: number): string => formatMac(u16(b, at) * 2 ** 32 + u32(b, at + 2));
    return {
      family,
      op: op === 1 ? 'request' : op === 2 ? 'reply' : op,
      senderMac: mac(8),
      saddr: formatAddress(u32(b, 14)),
      targetMac: mac(18),
      daddr: formatAddress(u32(b, 24)),
    };
  }
  const h = parseHeaders(b, family);
  const view: { -readonly [K in keyof PacketView]: PacketView[K] } =
    family === 'ip'
      ? {
          family,
          saddr: formatAddress(u32(b, 12)),
          daddr: formatAddress(u32(b, 16)),
          ttl: b[8] ?? 0,
          dscp: (b[1] ?? 0) >> 2,
          ecn: (b[1] ?? 0) & 3,
          length: u16(b, 2),
        }
      : {
          family,
          saddr: formatAddress(u128(b, 8)),
          daddr: formatAddress(u128(b, 24)),
          hoplimit: b[7] ?? 0,
          dscp: (u16(b, 0) >> 6) & 63,
          ecn: (u16(b, 0) >> 4) & 3,
          length: u16(b, 4) + 40,
        };
  if (h.ext.length > 0) {
    view.extHeaders = h.ext.map((e) => ({ type: EXT_NAMES.get(e.type) ?? String(e.type) }));
    view.nexthdr = b[6] ?? 0;
  }
  if (h.fragOff > 0) view.fragOff = h.fragOff;
  if (h.mf) view.mf = true;
  if (h.l4proto === undefined) return view;
  view.protocol = protocolName(h.l4proto);
  const at = h.thoff;
  if (h.fragOff > 0 || b.length < at + 4) return view;
  if (hasPorts(h.l4proto)) {
    view.sport = random?.sport === true ? 'random' : u16(b, at);
    view.dport = random?.dport === true ? 'random' : u16(b, at + 2);
  }
  if (h.l4proto === PROTO.tcp && b.length >= at + 14) {
    const bits = b[at + 13] ?? 0;
    view.flags = TCP_FLAGS.filter((_, i) => (bits & (1 << i)) !== 0);
    view.seq = u32(b, at + 4);
    view.ack = u32(b, at + 8);
  }
  if (h.l4proto === PROTO.icmp || h.l4proto === PROTO.icmpv6) {
    const type = b[at] ?? 0;
    view.icmpType = type;
    view.icmpCode = b[at + 1] ?? 0;
    if (icmpHasId(h.l4proto, type) && b.length >= at + 8) {
      view.icmpId = random?.sport === true ? 'random' : u16(b, at + 4);
      view.icmpSeq = u16(b, at + 6);
    } else if (isIcmpError(h.l4proto, type) && !quoted && b.length >= at + 8) {
      if (h.l4proto === PROTO.icmp && type === 3 && view.icmpCode === 4) view.mtu = u16(b, at + 6);
      if (h.l4proto === PROTO.icmpv6 && type === 2) view.mtu = u32(b, at + 4);
      const inner = b.subarray(at + 8);
      if (inner.length >= (family === 'ip' ? 20 : 40)) view.inner = viewPacket(inner, family, undefined, true);
    }
  }
  return view;
}
