/** Reading header fields, with the protocol tests that nft implies and does not list. */

import { pseudoSum } from '../net/build-packet';
import { fold16 } from '../net/checksum';
import { u16 } from '../net/headers';
import { hasPorts, PROTO } from '../net/protocols';
import { type HeaderField, payloadField } from '../nft/fields';
import type { PayloadExpression, RawPayloadExpression } from '../nft/model';
import type { Context } from './environment';
import { RANDOM_PORT, randomPort, unsupported } from './read-unknown';
import type { HiddenField, Skb } from './skb';
import { Between, Chance, type Evaluated, Missing, Unknown } from './value';

/** Reads `len` bits at bit `offset`; a number up to 48 bits, a bigint beyond; undefined past the end. */
export function readBits(bytes: Uint8Array, offset: number, len: number): number | bigint | undefined {
  const end = offset + len;
  if (offset < 0 || end > bytes.length * 8) return undefined;
  const first = offset >> 3;
  const last = (end + 7) >> 3;
  if (len <= 32) {
    let v = 0;
    for (let i = first; i < last; i++) v = v * 256 + (bytes[i] ?? 0);
    const drop = last * 8 - end;
    return Math.floor(v / 2 ** drop) % 2 ** len;
  }
  let v = 0n;
  for (let i = first; i < last; i++) v = (v << 8n) | BigInt(bytes[i] ?? 0);
  v = (v >> BigInt(last * 8 - end)) & ((1n << BigInt(len)) - 1n);
  return len > 48 ? v : Number(v);
}

/** The Ethernet header as nft sees it: with the VLAN tag that the kernel keeps beside the packet put back. */
function linkBytes(skb: Skb): Uint8Array | undefined {
  const { link, vlan } = skb;
  if (link === undefined || vlan === undefined) return link;
  const out = new Uint8Array(18);
  out.set(link.subarray(0, 12));
  out.set([0x81, 0, vlan >> 8, vlan & 255, link[12] ?? 0, link[13] ?? 0], 12);
  return out;
}

const TRANSPORT: Readonly<Record<string, number>> = {
  tcp: PROTO.tcp,
  udp: PROTO.udp,
  udplite: PROTO.udplite,
  sctp: PROTO.sctp,
  dccp: PROTO.dccp,
  icmp: PROTO.icmp,
  icmpv6: PROTO.icmpv6,
  igmp: PROTO.igmp,
  esp: PROTO.esp,
  ah: PROTO.ah,
  comp: PROTO.comp,
  gre: PROTO.gre,
};

/** ICMP types for which a field of the variable part has its meaning; nft adds this test to the rule without listing it. */
const ICMP_FIELD_TYPES: Readonly<Record<string, readonly number[]>> = {
  'icmp id': [0, 8],
  'icmp sequence': [0, 8],
  'icmp gateway': [5],
  'icmp mtu': [3],
  'icmpv6 id': [128, 129],
  'icmpv6 sequence': [128, 129],
  'icmpv6 mtu': [2],
  'icmpv6 parameter-problem': [4],
  'icmpv6 max-delay': [130, 131],
  'icmpv6 taddr': [130, 131, 132, 135, 136, 137],
  'icmpv6 daddr': [137],
};

/** Why a field of a protocol does not exist on the packet; undefined when it does. These tests are implied, not listed. */
export function protocolMissing(protocol: string, field: string, c: Context): string | undefined {
  const { skb } = c;
  switch (protocol) {
    case 'ip':
      return skb.family === 'ip' ? undefined : `the packet is ${skb.family === 'ip6' ? 'IPv6' : 'ARP'}`;
    case 'ip6':
      return skb.family === 'ip6' ? undefined : `the packet is ${skb.family === 'ip' ? 'IPv4' : 'ARP'}`;
    case 'arp':
      return skb.family === 'arp' ? undefined : 'the packet is not ARP';
    case 'th':
      return undefined;
    case 'ether': {
      if (
        c.family === 'bridge' ||
        c.family === 'netdev' ||
        c.family === 'arp' ||
        c.hook === 'ingress' ||
        c.hook === 'egress'
      )
        return undefined;
      const dev = skb.iif ?? (c.hook === 'postrouting' || skb.duplicate === true ? skb.oif : undefined);
      return dev?.type === 'ether' ? undefined : 'the device is not Ethernet';
    }
    case 'vlan':
      return skb.vlan === undefined ? 'the frame has no VLAN tag' : undefined;
    default: {
      const number = TRANSPORT[protocol];
      if (number === undefined) return undefined;
      if (skb.headers.l4proto !== number) return `the packet is not ${protocol}`;
      if (protocol === 'icmp' && skb.family !== 'ip') return 'the packet is not IPv4';
      if (protocol === 'icmpv6' && skb.family !== 'ip6') return 'the packet is not IPv6';
      const types = ICMP_FIELD_TYPES[`${protocol} ${field}`];
      if (types === undefined) return undefined;
      const header = headerBytes('th', c) ?? fastHeader({ base: 'th', offset: 0, len: 8 }, c);
      if (header !== undefined && !types.includes(header.bytes[header.at] ?? -1))
        return `this ICMP type has no field ${field}`;
      return undefined;
    }
  }
}

/** Bytes of a header base, and where it begins in them. */
export function headerBytes(base: string, c: Context): { readonly bytes: Uint8Array; readonly at: number } | undefined {
  const { skb } = c;
  switch (base) {
    case 'll': {
      const bytes = linkBytes(skb);
      return bytes === undefined ? undefined : { bytes, at: 0 };
    }
    case 'nh':
      return { bytes: skb.data, at: 0 };
    case 'th':
      return skb.headers.l4proto === undefined || skb.headers.fragOff > 0 || skb.family === 'arp'
        ? undefined
        : { bytes: skb.data, at: skb.headers.thoff };
    case 'ih': {
      const { l4proto, thoff, fragOff } = skb.headers;
      if (fragOff > 0) return undefined;
      if (l4proto === PROTO.tcp) return { bytes: skb.data, at: thoff + ((skb.data[thoff + 12] ?? 0) >> 4) * 4 };
      if (l4proto === PROTO.udp) return { bytes: skb.data, at: thoff + 8 };
      if (l4proto === PROTO.gre) {
        const flags = u16(skb.data, thoff);
        // Other versions, and source routes, are not looked into (nft_payload_inner_offset).
        if (flags & 0x4007) return undefined;
        return {
          bytes: skb.data,
          at: thoff + 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0),
        };
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/**
 * Of a later fragment one, two or four aligned bytes are read as if it began with a transport header: where the header would be in IPv4,
 * at the beginning of the packet in IPv6 (nft_payload_fast_eval asks for a protocol, not for the fragment offset;
 * ipv6_find_hdr leaves the place of the header at 0).
 */
function fastHeader(
  field: Pick<HeaderField, 'base' | 'offset' | 'len'>,
  c: Context,
): { readonly bytes: Uint8Array; readonly at: number } | undefined {
  const { skb } = c;
  const { l4proto, thoff, fragOff } = skb.headers;
  if (field.base !== 'th' || fragOff === 0 || l4proto === undefined || skb.family === 'arp') return undefined;
  const first = field.offset >> 3;
  const len = ((field.offset + field.len + 7) >> 3) - first;
  if ((len !== 1 && len !== 2 && len !== 4) || first % len !== 0) return undefined;
  if (skb.family === 'ip') return { bytes: skb.data, at: thoff };
  if (c.hook !== 'egress' || skb.link === undefined) return { bytes: skb.data, at: 0 };
  const frame = new Uint8Array(skb.link.length + skb.data.length);
  frame.set(skb.link);
  frame.set(skb.data, skb.link.length);
  return { bytes: frame, at: 0 };
}

/** A field that the kernel filled by chance is read as one of its values, and stays what it was taken for. */
export function readHidden(
  hidden: readonly HiddenField[],
  field: Pick<HeaderField, 'base' | 'offset' | 'len'>,
  value: number | bigint,
): Evaluated {
  const { base, offset, len } = field;
  const found = hidden.find((h) => h.base === base && h.offset < offset + len && offset < h.offset + h.len);
  if (found === undefined) return value;
  const behind = found.offset + found.len - offset - len;
  if (offset > found.offset || behind < 0)
    return new Unknown({
      code: 'random-value',
      say: `The kernel fills ${found.what} by chance, so the rule may match or not.`,
      settle: 'Assume whether it matches.',
    });
  // What is read ends in the field, or with it: known bits, and behind them the first ones of the field.
  const scale = 2 ** behind;
  const low = Math.floor(found.low / scale);
  const high = Math.floor(found.high / scale);
  const size = 2 ** (found.len - behind);
  const known = Math.floor(Number(value) / size) * size;
  if (low === high) return known + low;
  if (found.setting === true)
    return new Between(
      {
        code: 'host-state',
        say: `The value follows from ${found.what}, which is not in the capture.`,
        settle: 'Assume whether the rule matches.',
      },
      known + low,
      known + high,
    );
  return new Chance(found.what, high - low + 1, known + low, (from, to) => {
    found.low = Math.max(found.low, (from - known) * scale);
    found.high = Math.min(found.high, (to - known) * scale + scale - 1);
  });
}

/** The headroom of a packet is not copied with it (__pskb_copy_fclone). */
const COPIED = new Unknown({
  code: 'random-value',
  say: 'A copy made by dup has a link header of which the kernel sets the place only: it may hold anything.',
  settle: 'Assume whether the rule matches.',
});

function readHeader(field: Pick<HeaderField, 'base' | 'offset' | 'len'>, name: string, c: Context): Evaluated {
  const header = headerBytes(field.base, c) ?? fastHeader(field, c);
  if (header === undefined)
    return new Missing(name, field.base === 'll' ? 'the packet has no link header here' : 'there is no such header');
  const { skb } = c;
  if (field.base === 'll' && skb.duplicate === true && (c.hook === 'output' || c.hook === 'postrouting')) return COPIED;
  if (field.base === 'th' && (skb.random.sport || skb.random.dport)) {
    const touches = (from: number, to: number): boolean => field.offset < to && field.offset + field.len > from;
    const ports = hasPorts(skb.headers.l4proto ?? 0);
    const ranges = skb.ct !== undefined && skb.ctDir === 'original' ? skb.ct.ports : {};
    const at = ports ? 0 : 32;
    if (skb.random.sport && touches(at, at + 16))
      return field.offset === at && field.len === 16
        ? randomPort(ports ? ranges.src : (ranges.src ?? ranges.dst))
        : RANDOM_PORT;
    if (skb.random.dport && ports && touches(16, 32))
      return field.offset === 16 && field.len === 16 ? randomPort(ranges.dst) : RANDOM_PORT;
  }
  // A sum that is left to the device stands for that of the pseudo header (CHECKSUM_PARTIAL).
  if (skb.partial === true && field.base === 'th' && field.offset === 128 && field.len === 16 && skb.family !== 'arp')
    return ~fold16(pseudoSum(skb.data, skb.family, PROTO.tcp, skb.data.length - skb.headers.thoff)) & 0xffff;
  const value = readBits(header.bytes, header.at * 8 + field.offset, field.len);
  if (skb.hidden !== undefined && value !== undefined) return readHidden(skb.hidden, field, value);
  return value ?? new Missing(name, 'the packet is too short');
}

export function readPayload(expr: PayloadExpression, name: string): (c: Context) => Evaluated {
  if (expr.tunnel !== undefined) return () => unsupported(name);
  const field = payloadField(expr.protocol, expr.field);
  if (field === undefined) return () => unsupported(name);
  const byProtocol = new Map<string, Missing>();
  return (c) => {
    const why = protocolMissing(expr.protocol, expr.field, c);
    if (why === undefined) return readHeader(field, name, c);
    let missing = byProtocol.get(why);
    if (missing === undefined) {
      missing = new Missing(name, why);
      byProtocol.set(why, missing);
    }
    return missing;
  };
}

export function readRawPayload(expr: RawPayloadExpression, name: string): (c: Context) => Evaluated {
  if (expr.tunnel !== undefined || !['ll', 'nh', 'th', 'ih'].includes(expr.base)) return () => unsupported(name);
  const field = { base: expr.base as HeaderField['base'], offset: expr.offset, len: expr.len };
  return (c) => readHeader(field, name, c);
}
