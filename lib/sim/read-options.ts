/** Reading extension headers, TCP and IP options, SCTP chunks (net/netfilter/nft_exthdr.c). */

import { u16 } from '../net/headers';
import { PROTO } from '../net/protocols';
import { exthdrField, ipOptionField, sctpChunkField, tcpOptionField } from '../nft/fields';
import type {
  ExthdrExpression,
  IpOptionExpression,
  RawTcpOptionExpression,
  SctpChunkExpression,
  TcpOptionExpression,
} from '../nft/model';
import type { Context } from './environment';
import { readBits, readHidden } from './read-payload';
import { unsupported } from './read-unknown';
import type { Skb } from './skb';
import { type Evaluated, Missing } from './value';

export function readExthdr(expr: ExthdrExpression, name: string): (c: Context) => Evaluated {
  const field = exthdrField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    if (c.skb.family !== 'ip6') return new Missing(name, 'the packet is not IPv6');
    const found = c.skb.headers.ext.find((e) => e.type === field.number);
    if (expr.field === undefined) return found === undefined ? 0 : 1;
    if (found === undefined) return new Missing(name, 'the header is absent');
    // A routing header is read whatever its type: the rule that nft makes asks for none.
    return readBits(c.skb.data, found.at * 8 + field.offset, field.len) ?? new Missing(name, 'the packet is too short');
  };
}

/** Finds TCP option `kind`; `nth` counts from 0. Where it begins in the packet, and its length. */
export function findTcpOption(skb: Skb, kind: number): { readonly at: number; readonly len: number } | undefined {
  const { l4proto, thoff, fragOff } = skb.headers;
  if (l4proto !== PROTO.tcp || fragOff > 0) return undefined;
  const end = Math.min(thoff + ((skb.data[thoff + 12] ?? 0) >> 4) * 4, skb.data.length);
  let at = thoff + 20;
  // The last byte is not looked at, and the end of the list does not end the search (nft_exthdr_tcp_eval, optlen).
  while (at < end - 1) {
    const k = skb.data[at] ?? 0;
    const len = k < 2 ? 1 : skb.data[at + 1] || 1;
    if (k === kind) return at + len > end ? undefined : { at, len };
    at += len;
  }
  return undefined;
}

export function readTcpOption(
  expr: TcpOptionExpression | RawTcpOptionExpression,
  name: string,
): (c: Context) => Evaluated {
  const field =
    expr.kind === 'tcpOption'
      ? tcpOptionField(expr.name, expr.field)
      : { number: expr.base, offset: expr.offset, len: expr.len };
  if (field === undefined) return () => unsupported(name);
  const presence = expr.kind === 'tcpOption' && expr.field === undefined;
  return (c) => {
    const found = findTcpOption(c.skb, field.number);
    if (presence) return found === undefined ? 0 : 1;
    if (found === undefined)
      return new Missing(name, c.skb.headers.l4proto === PROTO.tcp ? 'the option is absent' : 'the packet is not tcp');
    if (field.offset + field.len > found.len * 8) return new Missing(name, 'the option is too short');
    const value = readBits(c.skb.data, found.at * 8 + field.offset, field.len);
    if (value === undefined) return new Missing(name, 'the packet is too short');
    if (c.skb.hidden === undefined) return value;
    const offset = (found.at - c.skb.headers.thoff) * 8 + field.offset;
    return readHidden(c.skb.hidden, { base: 'th', offset, len: field.len }, value);
  };
}

export function readIpOption(expr: IpOptionExpression, name: string): (c: Context) => Evaluated {
  const field = ipOptionField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    if (c.skb.family !== 'ip') return new Missing(name, 'the packet is not IPv4');
    // At egress the link header is taken for the one of IPv4, and its first byte for the length of that (ipv4_find_option).
    const { link } = c.skb;
    if (c.hook === 'egress' && link !== undefined) {
      if (((link[0] ?? 0) & 15) > 5) return unsupported(`${name} at egress`);
      return expr.field === undefined ? 0 : new Missing(name, 'the option is absent');
    }
    const end = c.skb.headers.thoff;
    let at = 20;
    while (at < end) {
      const k = c.skb.data[at] ?? 0;
      if (k === 0) break;
      const len = k === 1 ? 1 : (c.skb.data[at + 1] ?? 0);
      if (k === field.number) {
        if (expr.field === undefined) return 1;
        return readBits(c.skb.data, at * 8 + field.offset, field.len) ?? new Missing(name, 'the option is too short');
      }
      if (len < 1) break;
      at += len;
    }
    return expr.field === undefined ? 0 : new Missing(name, 'the option is absent');
  };
}

export function readSctpChunk(expr: SctpChunkExpression, name: string): (c: Context) => Evaluated {
  const field = sctpChunkField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    const { l4proto, thoff, fragOff } = c.skb.headers;
    if (l4proto !== PROTO.sctp || fragOff > 0)
      return expr.field === undefined ? 0 : new Missing(name, 'the packet is not sctp');
    let at = thoff + 12;
    while (at + 4 <= c.skb.data.length && u16(c.skb.data, at + 2) !== 0) {
      if (c.skb.data[at] === field.number) {
        if (expr.field === undefined) return 1;
        return readBits(c.skb.data, at * 8 + field.offset, field.len) ?? new Missing(name, 'the chunk is too short');
      }
      at += (u16(c.skb.data, at + 2) + 3) & ~3;
    }
    return expr.field === undefined ? 0 : new Missing(name, 'the chunk is absent');
  };
}
