/** A packet on its way through the hooks: bytes, and what the kernel keeps beside them. Mutable, private to one run. */
import { pseudoSum, storeTransportChecksum } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { type Headers, parseHeaders, u16, u32, u128, viewPacket } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Hook } from '../nft/model';
import type { IpValue, Link } from '../world/world';
import type { Conn } from './conntrack-state';
import type { Frame } from './frame';
import type { Owner } from './owner';
import type { RouteResult } from './routing';
import type { PacketView } from './trace';
import type { Unknown } from './value';

/**
 * A header field that the kernel fills by chance: the bytes hold 0 (or a stand-in), the value lies between `low` and `high`. Bits count
 * from the network (`nh`) or transport (`th`) header.
 */
export interface HiddenField {
  readonly base: 'nh' | 'th';
  readonly offset: number;
  readonly len: number;
  readonly what: string;
  low: number;
  high: number;
  /** Not chance, but a setting of the node that is not in the capture. */
  readonly setting?: true;
}

export type CtState = 'new' | 'established' | 'related';

/** Where the options that matter lie, and what is still to be filled in (struct ip_options). Offsets count from the IP header. */
export interface IpOptions {
  rr: number;
  ts: number;
  srr: number;
  cipso: number;
  rrNeedsAddress: boolean;
  tsNeedsAddress: boolean;
  tsNeedsTime: boolean;
  changed: boolean;
}

export interface Skb {
  /** 0 is the packet itself, 1, 2, … are packets made by the kernel. */
  readonly id: number;
  readonly role: 'original' | 'generated';
  family: 'ip' | 'ip6' | 'arp';
  /** From the network header on. */
  data: Uint8Array;
  headers: Headers;
  /** Ethernet header (14 bytes), undefined for packets that have none yet. */
  link: Uint8Array | undefined;
  vlan: number | undefined;
  mark: number;
  /** Set where a rule wrote a mark that the capture does not show; `mark` is 0 then. */
  markUnknown?: Unknown | undefined;
  priority: number;
  iif: Link | undefined;
  oif: Link | undefined;
  ct: Conn | undefined;
  ctState: CtState | undefined;
  ctDir: 'original' | 'reply';
  untracked: boolean;
  /** Zone given by `ct zone set` before conntrack. */
  zone: number;
  pktType: number;
  sk: Owner | undefined;
  trace: boolean;
  /** Ports or ids that the kernel picked by chance. */
  random: { sport: boolean; dport: boolean };
  dst: RouteResult | undefined;
  /** True for a packet of this node's own, as opposed to one received or forwarded. */
  local: boolean;
  /** IPv6 only: size of the largest fragment it was put together from. */
  fragSize: number | undefined;
  /** Sizes of the bodies of the fragments it was put together from, in order. */
  fragParts: readonly number[] | undefined;
  /** The fewest bytes of headers that one of them had but the first. */
  fragRoom: number | undefined;
  /** True for a packet that `dup` made. */
  duplicate: boolean | undefined;
  /** Chunk of a fragmented packet. */
  frag: { readonly index: number; readonly of: number } | undefined;
  checksumBad: boolean;
  /**
   * Set once conntrack found the transport checksum right: the kernel then keeps the sum of all bytes as they were (CHECKSUM_COMPLETE)
   * and looks at them again only where the headers before the transport one do not fit it any more. Sums of the pseudo header and of
   * the headers at that time.
   */
  verified: { readonly pseudo: number; readonly headers: number } | undefined;
  /** Set once the transport checksum was found right, for good (csum_valid). */
  foundRight: boolean | undefined;
  /** Found right a second time, at prerouting or input: nf_ip_checksum() and nf_ip6_checksum() never ask again (CHECKSUM_UNNECESSARY). */
  settledRight: boolean | undefined;
  /** The TCP checksum is left to the device (CHECKSUM_PARTIAL): nobody tests it, and it stands for that of the pseudo header. */
  partial: boolean | undefined;
  transparentSocket: boolean;
  /** Packets of the kernel's own: what the socket they leave through is. One that is half open has no word on `wildcard`. */
  ownSocket: { readonly transparent: boolean; readonly wildcard: boolean | undefined } | undefined;
  /** IPv4 options, once routing has read them (IPCB). */
  options: IpOptions | undefined;
  /** A rule of the chain that runs wrote the network header: until it ends, `headers` says where the rest begins (nft_pktinfo). */
  rewritten: boolean | undefined;
  /** Fields of its headers that the kernel filled by chance. */
  hidden: readonly HiddenField[] | undefined;
  /** Where the last route sends it: the gateway, or the destination itself. */
  nexthop: IpValue | undefined;
  /** Where the packet belongs to an open connection of the node's own: the device that the connection's last packet came by. */
  socketIif: string | undefined;
  /** True for the copy of a broadcast or multicast packet of the node's own that the node itself receives. */
  looped: boolean | undefined;
  /** Ports of the bridge it crosses, where the bridge calls the IP hooks (nf_bridge_info). */
  bridgePorts: { readonly in: string; readonly out?: string } | undefined;
}

/** The bytes of an Ethernet header. */
export function etherHeader(dst: number, src: number, type: number): Uint8Array {
  const h = new Uint8Array(14);
  // 48 bits are exact in a number, but bitwise operators see only 32 of them.
  putWords(h, 0, Math.floor(dst / 2 ** 32), dst % 2 ** 32);
  putWords(h, 6, Math.floor(src / 2 ** 32), src % 2 ** 32);
  h[12] = type >> 8;
  h[13] = type & 255;
  return h;
}

function putWords(h: Uint8Array, at: number, high: number, low: number): void {
  h[at] = high >> 8;
  h[at + 1] = high & 255;
  h[at + 2] = low >>> 24;
  h[at + 3] = (low >>> 16) & 255;
  h[at + 4] = (low >>> 8) & 255;
  h[at + 5] = low & 255;
}

export const ETHERTYPE = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806 } as const;

/** A new packet around bytes; everything else as the kernel initialises it. */
export function newSkb(id: number, role: Skb['role'], family: Skb['family'], data: Uint8Array): Skb {
  return {
    id,
    role,
    family,
    data,
    headers: parseHeaders(data, family),
    link: undefined,
    vlan: undefined,
    mark: 0,
    priority: 0,
    iif: undefined,
    oif: undefined,
    ct: undefined,
    ctState: undefined,
    ctDir: 'original',
    untracked: false,
    zone: 0,
    pktType: 0,
    sk: undefined,
    trace: true,
    random: { sport: false, dport: false },
    dst: undefined,
    local: false,
    fragSize: undefined,
    frag: undefined,
    checksumBad: false,
    transparentSocket: false,
    nexthop: undefined,
    fragParts: undefined,
    fragRoom: undefined,
    duplicate: undefined,
    verified: undefined,
    foundRight: undefined,
    settledRight: undefined,
    partial: undefined,
    ownSocket: undefined,
    options: undefined,
    rewritten: undefined,
    hidden: undefined,
    socketIif: undefined,
    looped: undefined,
    bridgePorts: undefined,
  };
}

/** A copy that shares nothing mutable, under a new number. */
export function copySkb(skb: Skb, id: number, role: Skb['role'] = 'generated'): Skb {
  const copy = { ...skb, id, role, data: skb.data.slice(), link: skb.link?.slice(), random: { ...skb.random } };
  if (skb.hidden !== undefined) copy.hidden = skb.hidden.map((h) => ({ ...h }));
  return copy;
}

export const sourceOf = (skb: Skb): IpValue =>
  skb.family === 'ip6' ? u128(skb.data, 8) : u32(skb.data, skb.family === 'arp' ? 14 : 12);
export const destinationOf = (skb: Skb): IpValue =>
  skb.family === 'ip6' ? u128(skb.data, 24) : u32(skb.data, skb.family === 'arp' ? 24 : 16);
export const viewSkb = (skb: Skb): PacketView => viewPacket(skb.data, skb.family, skb.random);
export const tosOf = (skb: Skb): number => (skb.family === 'ip6' ? (u16(skb.data, 0) >> 4) & 255 : (skb.data[1] ?? 0));
export const ttlOf = (skb: Skb): number => skb.data[skb.family === 'ip6' ? 7 : 8] ?? 0;

/**
 * The length that `meta length`, counters, quotas and limits see: from the network header on, with the link header where the packet
 * has one already: at egress, and at the output of ARP (arp_create).
 */
export const lengthOf = (skb: Skb, hook: Hook): number =>
  skb.data.length + (hook === 'egress' || (skb.family === 'arp' && hook === 'output') ? 14 : 0);

/** Decrements TTL or hop limit, keeping the header checksum right. */
export function decrementTtl(skb: Skb): void {
  const at = skb.family === 'ip6' ? 7 : 8;
  writeNetwork(skb, at, Uint8Array.of(((skb.data[at] ?? 0) + 255) & 255));
}

/** Updates a 16-bit checksum in place for a change of `before` to `after` at an even or odd offset (RFC 1624). */
function patchChecksum(data: Uint8Array, at: number, offset: number, before: Uint8Array, after: Uint8Array): void {
  const even = offset & 1;
  const sum = (bytes: Uint8Array): number => {
    let s = 0;
    for (let i = 0; i < bytes.length; i++) s += ((i + even) & 1) === 0 ? (bytes[i] ?? 0) << 8 : (bytes[i] ?? 0);
    return s;
  };
  const minus = ~fold16(sum(before)) & 0xffff;
  const plus = ~fold16(sum(after)) & 0xffff;
  const value = fold16((~u16(data, at) & 0xffff) + (~minus & 0xffff) + plus);
  data[at] = value >> 8;
  data[at + 1] = value & 255;
}

/** Where transport headers have their checksum. */
const CHECKSUM_IN: ReadonlyMap<number | undefined, number> = new Map([
  [PROTO.tcp, 16],
  [PROTO.udp, 6],
  [PROTO.udplite, 6],
  [PROTO.icmp, 2],
  [PROTO.icmpv6, 2],
]);

/** True where a transport header is cut off before its checksum: a rule that would change it stops (nft_payload_csum_inet). */
export function lacksChecksum({ data, headers: { l4proto, thoff, fragOff } }: Skb): boolean {
  const offset = CHECKSUM_IN.get(l4proto);
  return offset !== undefined && fragOff === 0 && thoff + offset + 2 > data.length;
}

/** Where the transport checksum lies, or undefined where the protocol has none or the header is cut short. */
function transportChecksumAt(skb: Skb, evenNone = false): number | undefined {
  const { l4proto, thoff, fragOff } = skb.headers;
  const offset = CHECKSUM_IN.get(l4proto);
  if (fragOff > 0 || offset === undefined) return undefined;
  const at = thoff + offset;
  if (at + 2 > skb.data.length) return undefined;
  if (!evenNone && l4proto === PROTO.udp && u16(skb.data, at) === 0) return undefined;
  return at;
}

/** Writes bytes of the network header and keeps the header checksum, and for addresses the transport checksum, in step. */
export function writeNetwork(skb: Skb, at: number, bytes: Uint8Array): void {
  const before = skb.data.slice(at, at + bytes.length);
  skb.data.set(bytes, at);
  // What writes the checksum itself writes last.
  if (skb.family === 'ip' && (at + bytes.length <= 10 || at >= 12)) patchChecksum(skb.data, 10, at, before, bytes);
  const [from, to] = skb.family === 'ip' ? [12, 20] : [8, 40];
  if (at + bytes.length > from && at < to && skb.headers.l4proto !== PROTO.icmp) {
    const sum = transportChecksumAt(skb);
    if (sum !== undefined) patchChecksum(skb.data, sum, at, before, bytes);
  }
  skb.headers = parseHeaders(skb.data, skb.family);
}

/** Writes bytes of the network header by a rule and leaves every checksum as it was. */
export function writeRawNetwork(skb: Skb, at: number, bytes: Uint8Array): void {
  skb.data.set(bytes, at);
  rewrite(skb, skb.headers);
}

/** Extension headers are looked for each time anew (nft_exthdr_ipv6_eval); where the rest begins is as it was (nft_pktinfo). */
function rewrite(skb: Skb, { l4proto, thoff, fragOff }: Headers): void {
  skb.headers = { ...parseHeaders(skb.data, skb.family), l4proto, thoff, fragOff };
  skb.rewritten = true;
}

/** Reads the headers again after a chain whose rules wrote them. */
export function readHeadersAgain(skb: Skb): void {
  if (skb.rewritten !== true) return;
  skb.rewritten = undefined;
  skb.headers = parseHeaders(skb.data, skb.family);
}

/**
 * Writes bytes of the transport header, `at` counted from its beginning, and keeps its checksum in step. A rule (`byRule`) does so even
 * where UDP has none, which makes a wrong one (nft_payload_csum_inet).
 */
export function writeTransport(skb: Skb, at: number, bytes: Uint8Array, byRule = false): void {
  const offset = skb.headers.thoff + at;
  const before = skb.data.slice(offset, offset + bytes.length);
  skb.data.set(bytes, offset);
  if (skb.headers.l4proto === PROTO.sctp) {
    storeTransportChecksum(skb.data, skb.family === 'ip6' ? 'ip6' : 'ip', PROTO.sctp, skb.headers.thoff);
    return;
  }
  const sum = transportChecksumAt(skb, byRule);
  if (sum === undefined || offset === sum) return;
  patchChecksum(skb.data, sum, at, before, bytes);
  // CSUM_MANGLED_0
  if (byRule && u16(skb.data, sum) === 0) skb.data.fill(0xff, sum, sum + 2);
}

/** Writes bytes of the transport header and leaves its checksum as it was. */
export function writeRawTransport(skb: Skb, at: number, bytes: Uint8Array): void {
  skb.data.set(bytes, skb.headers.thoff + at);
  skb.headers = parseHeaders(skb.data, skb.family);
}

/** Sums of the pseudo header, and of the headers before the transport one: in IPv4 these have a checksum of their own and add up to 0. */
function headerSums(skb: Skb): NonNullable<Skb['verified']> {
  const { l4proto, thoff } = skb.headers;
  // The checksum of ICMP knows no addresses.
  if (l4proto === undefined || skb.family === 'arp' || (skb.family === 'ip' && l4proto === PROTO.icmp))
    return { pseudo: 0, headers: 0 };
  return {
    pseudo: pseudoSum(skb.data, skb.family, l4proto, skb.data.length - thoff) % 65535,
    headers: skb.family === 'ip' ? 0 : sum16(skb.data, 0, thoff) % 65535,
  };
}

/** The transport checksum was found right. */
export function markVerified(skb: Skb): void {
  skb.verified ??= headerSums(skb);
  skb.foundRight = true;
}

/** Address translation keeps the sum in step with the addresses (inet_proto_csum_replace4). */
export function keepVerified(skb: Skb): void {
  if (skb.verified !== undefined && skb.family === 'ip') skb.verified = headerSums(skb);
}

/**
 * A rule's write of the network header. The kernel changes the sum it keeps by what it changed the transport checksum by, which is
 * right for addresses of IPv4, where the header adds up to nothing, and wrong otherwise (nft_payload_l4csum_update).
 * `pseudo`: the field is of the pseudo header, and so the transport checksum is changed with it. False where that is cut off: nothing is
 * written but the checksum of the IPv4 header, which comes first (nft_payload_set_eval).
 */
export function writeNetworkByRule(skb: Skb, at: number, bytes: Uint8Array, pseudo: boolean): boolean {
  const { verified } = skb;
  const { l4proto } = skb.headers;
  const before = skb.data.slice(at, at + bytes.length);
  if (pseudo && l4proto !== PROTO.udp && l4proto !== PROTO.icmp && lacksChecksum(skb)) {
    if (skb.family === 'ip') patchChecksum(skb.data, 10, at, before, bytes);
    return false;
  }
  const sum = pseudo && l4proto !== PROTO.icmp ? transportChecksumAt(skb) : undefined;
  const own = sum === undefined ? undefined : skb.data.slice(sum, sum + 2);
  const { headers } = skb;
  writeNetwork(skb, at, bytes);
  rewrite(skb, headers);
  if (sum === undefined || own === undefined) return true;
  skb.data.set(own, sum);
  patchChecksum(skb.data, sum, at, before, bytes);
  const change = sum16(bytes, 0, bytes.length) - sum16(before, 0, before.length);
  if (verified !== undefined) skb.verified = { ...verified, pseudo: (verified.pseudo + change) % 65535 };
  return true;
}

/** True where the sum that the kernel kept still fits the headers, so that it does not add up the bytes again. */
function stillVerified(skb: Skb): boolean {
  if (skb.verified === undefined) return false;
  const now = headerSums(skb);
  return (now.pseudo - skb.verified.pseudo - now.headers + skb.verified.headers) % 65535 === 0;
}

/** CHECKSUM_BREAK: up to so many bytes UDP adds up again what fails. */
const SUMMED_AT_ONCE = 76;

/** True where UDP finds the sum that conntrack made wrong and believes it: the header was changed since (udp4_csum_init, udp6_csum_init). */
export const keptSumWrong = (skb: Skb): boolean =>
  skb.verified !== undefined && !stillVerified(skb) && skb.data.length - skb.headers.thoff > SUMMED_AT_ONCE;

/** True when the transport checksum does not fit, as conntrack and the sockets see it. */
export function transportChecksumWrong(skb: Skb): boolean {
  if (skb.partial === true) return false;
  return transportChecksumDiffers(skb) && (skb.headers.l4proto === PROTO.sctp || !stillVerified(skb));
}

function transportChecksumDiffers(skb: Skb): boolean {
  const { l4proto, thoff, fragOff, mf } = skb.headers;
  if (fragOff > 0 || mf || skb.family === 'arp' || l4proto === undefined) return false;
  // SCTP has a CRC-32C, of four bytes (sctp_error of nf_conntrack_proto_sctp.c).
  const sctp = l4proto === PROTO.sctp && skb.data.length >= thoff + 12;
  const at = sctp ? thoff + 8 : transportChecksumAt(skb);
  if (at === undefined) return false;
  const copy = skb.data.slice();
  storeTransportChecksum(copy, skb.family, l4proto, thoff);
  return sctp ? u32(copy, at) !== u32(skb.data, at) : u16(copy, at) !== u16(skb.data, at);
}

const OTHER_INTEGRITY = new Set<number>([PROTO.gre, PROTO.ah, PROTO.esp, PROTO.sctp, PROTO.udplite]);

/**
 * The test `reject` makes before it answers (nf_reject_verify_csum): every protocol outside a short list is taken to have an Internet
 * checksum over its whole payload, so that an unknown protocol is hardly ever answered.
 */
export function rejectChecksumWrong(skb: Skb, hook: Hook, byReset: boolean): boolean {
  const { l4proto, thoff } = skb.headers;
  if (l4proto === undefined || skb.family === 'arp') return true;
  // Only a reset does not ask whether it was found right before (nf_reject_ip_tcphdr_get; nf_send_unreach: skb_csum_unnecessary).
  if (!byReset && skb.foundRight === true) return false;
  // IPv6 does not answer what has nothing behind its headers (reject6_csum_ok).
  if (skb.family === 'ip6' && thoff >= skb.data.length) return true;
  if (OTHER_INTEGRITY.has(l4proto) || skb.partial === true) return false;
  // nf_ip_checksum() asks again at prerouting and input only.
  if (skb.verified !== undefined && hook !== 'prerouting' && hook !== 'input') return false;
  if (stillVerified(skb)) return false;
  if (l4proto === PROTO.udp && u16(skb.data, thoff + 6) === 0) return false;
  const length = skb.data.length - thoff;
  const pseudo =
    skb.family === 'ip6' || l4proto === PROTO.tcp || l4proto === PROTO.udp
      ? pseudoSum(skb.data, skb.family, l4proto, length)
      : 0;
  // IPv4 sums its header up too: one that adds up adds nothing, but makes an empty sum a right one.
  const wrong = fold16(sum16(skb.data, skb.family === 'ip' ? 0 : thoff, skb.data.length, pseudo));
  return wrong !== 0 && !(skb.family === 'ip' && wrong === 0xffff);
}

/** True when an IP header is malformed, longer than the packet, or (IPv4) its checksum does not fit (ip_rcv_core, ip6_rcv_core). */
export function headerBad({ data, family }: Skb): boolean {
  if (family === 'ip6') return data.length < 40 || u16(data, 4) + 40 > data.length;
  return data.length < 20 || (data[0] ?? 0) >> 4 !== 4 || u16(data, 2) > data.length || headerSumWrong({ data });
}

/** True when the checksum of an IPv4 header does not fit. */
export const headerSumWrong = ({ data }: Pick<Skb, 'data'>): boolean =>
  fold16(sum16(data, 0, ((data[0] ?? 0) & 15) * 4)) !== 0;

/** A packet as it stands, with bytes of its own. */
export function snapshot(skb: Skb, dev: string): Frame {
  return {
    dev,
    nexthop: skb.nexthop,
    skb: skb.id,
    role: skb.role,
    family: skb.family === 'ip6' ? 'ip6' : 'ip',
    bytes: skb.data.slice(),
    mark: skb.mark,
    unknownPorts: [
      ...(skb.random.sport ? (['sport'] as const) : []),
      ...(skb.random.dport ? (['dport'] as const) : []),
    ],
  };
}
