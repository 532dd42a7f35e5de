/** Statements that change the packet or its marks: `meta mark set`, `ip ttl set`, `ct mark set`, `reset tcp option`. */
import { putBytes } from '../net/build-packet';
import { PROTO } from '../net/protocols';
import { CT_LABEL, MARK } from '../nft/datatypes';
import { exthdrField, payloadField, tcpOptionField } from '../nft/fields';
import type { Expression, MangleStatement } from '../nft/model';
import { compileExpression, type Scope, typesIn } from './compile-expression';
import { STATUS, templateConn, zoneOf } from './conntrack-state';
import type { Context } from './environment';
import { writesIcmp } from './misprints';
import { Broken, type Op } from './op';
import { need, write } from './operand';
import { fieldName } from './program';
import { findTcpOption } from './read-options';
import { headerBytes, protocolMissing, readBits } from './read-payload';
import { lacksChecksum, type Skb, writeNetworkByRule, writeRawNetwork, writeRawTransport, writeTransport } from './skb';
import { isMarkUnknown } from './unknown-mark';
import type { Scalar, Value } from './value';

/** Fields whose change nft carries over to the transport checksum (payload_needs_l4csum_update_pseudohdr). */
const PSEUDO_HEADER: ReadonlySet<string> = new Set([
  ...['saddr', 'daddr', 'protocol', 'length'].map((field) => `ip ${field}`),
  ...['saddr', 'daddr', 'nexthdr', 'length'].map((field) => `ip6 ${field}`),
]);

/** Protocols whose checksum nft keeps in step (checksum_key of its src/proto.c); `th`, UDP-Lite and raw payload leave it as it was. */
const SUMMED: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'icmpv6', 'sctp']);

export function compileMangle(s: MangleStatement, scope: Scope): Op {
  const { key } = s;
  const field = fieldName(key);
  const type = typesIn(key, scope)[0];
  const get = compileExpression(s.value, scope, type);
  const settle = (c: Context): Value | Broken => need(get(c), c);
  if (typeof key !== 'object')
    return (c) =>
      c.run.undecided('unsupported-statement', `Setting ${field} is not modelled.`, 'Assume what it does.', c.at);
  switch (key.kind) {
    case 'meta':
      return (c) => {
        const raw = key.key === 'mark' && c.skb.markUnknown !== undefined ? get(c) : undefined;
        // Computed from an unknown mark, the mark stays unknown.
        if (isMarkUnknown(raw)) return undefined;
        const v = raw === undefined ? settle(c) : need(raw, c);
        if (v instanceof Broken) return v;
        const n = Number(v as Scalar);
        switch (key.key) {
          case 'mark':
            c.skb.markUnknown = undefined;
            write(c, 'meta mark', MARK, c.skb.mark, n >>> 0);
            c.skb.mark = n >>> 0;
            return undefined;
          case 'priority':
            write(c, 'meta priority', type, c.skb.priority, n >>> 0);
            c.skb.priority = n >>> 0;
            return undefined;
          case 'nftrace':
            c.skb.trace = n !== 0;
            return undefined;
          case 'pkttype':
            write(c, 'meta pkttype', type, c.skb.pktType, n);
            c.skb.pktType = n;
            return undefined;
          case 'secmark':
            return undefined;
          default:
            return c.run.undecided(
              'unsupported-statement',
              `Setting ${field} is not modelled.`,
              'Assume what it does.',
              c.at,
            );
        }
      };
    case 'ct':
      return (c) => {
        const v = settle(c);
        if (v instanceof Broken) return v;
        const { ct } = c.skb;
        switch (key.key) {
          case 'mark':
            if (ct === undefined || ct.status & STATUS.template) return undefined;
            write(c, 'ct mark', MARK, ct.mark, Number(v as Scalar) >>> 0);
            ct.markUnknown = undefined;
            ct.mark = Number(v as Scalar) >>> 0;
            return undefined;
          case 'label':
            if (ct === undefined || ct.status & STATUS.template) return undefined;
            write(c, 'ct label', CT_LABEL, ct.labels, ct.labels | BigInt(v as number | bigint));
            ct.labels |= BigInt(v as number | bigint);
            return undefined;
          case 'zone':
            // A template may also follow `notrack`, and takes its place (nft_ct_set_zone_eval looks for an entry only).
            if (ct === undefined && c.skb.family !== 'arp') {
              c.skb.untracked = false;
              write(c, 'ct zone', undefined, c.skb.zone, Number(v as Scalar));
              c.skb.zone = zoneOf(Number(v as Scalar), key.dir);
              // Until conntrack runs the packet carries a template, of which only the state can be read: new.
              c.skb.ct = templateConn(c.skb.family, c.skb.zone);
              c.skb.ctState = 'new';
              c.skb.ctDir = 'original';
            }
            return undefined;
          case 'event':
          case 'secmark':
          case 'helper':
            return undefined;
          default:
            return c.run.undecided(
              'unsupported-statement',
              `Setting ${field} is not modelled.`,
              'Assume what it does.',
              c.at,
            );
        }
      };
    case 'payload':
    case 'rawPayload': {
      const where =
        key.kind === 'payload'
          ? payloadField(key.protocol, key.field)
          : { base: key.base as 'll' | 'nh' | 'th' | 'ih', offset: key.offset, len: key.len };
      if (where === undefined)
        return (c) =>
          c.run.undecided('unsupported-statement', `Setting ${field} is not modelled.`, 'Assume what it does.', c.at);
      const inPseudoHeader = key.kind === 'payload' && PSEUDO_HEADER.has(`${key.protocol} ${key.field}`);
      const icmp = writesIcmp(key, s.value);
      const cutOff = (): Broken =>
        new Broken({ kind: 'missing', field, because: 'the packet ends before its transport checksum' });
      return (c) => {
        if (icmp)
          return c.run.undecided(
            'listing-wrong',
            `nft lists a write of the type or the code of ICMP as one of ${field}: which it is, is not known.`,
            'Assume which packets the rule is for.',
            c.at,
          );
        if (key.kind === 'payload') {
          const missing = protocolMissing(key.protocol, key.field, c);
          if (missing !== undefined) return new Broken({ kind: 'missing', field, because: missing });
        }
        const v = settle(c);
        if (v instanceof Broken) return v;
        const header = headerBytes(where.base, c);
        if (header === undefined) return new Broken({ kind: 'missing', field, because: 'there is no such header' });
        const first = where.offset >> 3;
        const last = (where.offset + where.len + 7) >> 3;
        if (header.at + last > header.bytes.length)
          return new Broken({ kind: 'missing', field, because: 'the packet is too short' });
        const before = readBits(header.bytes, header.at * 8 + where.offset, where.len) ?? 0;
        const bytes = header.bytes.slice(header.at + first, header.at + last);
        setBits(bytes, where.offset - first * 8, where.len, v as number | bigint);
        const summed = key.kind === 'payload' && SUMMED.has(String(key.protocol));
        if (where.base === 'th' && summed && lacksChecksum(c.skb)) return cutOff();
        if (where.base === 'nh' && key.kind === 'payload') {
          if (!writeNetworkByRule(c.skb, first, bytes, inPseudoHeader)) return cutOff();
        } else if (where.base === 'nh') writeRawNetwork(c.skb, first, bytes);
        revealed(c.skb, where.base, where.offset, where.len);
        if (where.base === 'th') {
          if (summed) writeTransport(c.skb, first, bytes, true);
          else writeRawTransport(c.skb, first, bytes);
          if (where.offset < 16) c.skb.random.sport = false;
          else if (where.offset < 32) c.skb.random.dport = false;
        } else if (where.base === 'll') c.skb.link?.set(bytes.subarray(0, Math.max(0, 14 - first)), first);
        else if (where.base === 'ih') writeTransport(c.skb, header.at + first - c.skb.headers.thoff, bytes);
        write(c, field, type, before, v);
        return undefined;
      };
    }
    case 'tcpOption':
    case 'rawTcpOption': {
      const option =
        key.kind === 'tcpOption'
          ? tcpOptionField(key.name, key.field)
          : { number: key.base, offset: key.offset, len: key.len };
      return (c) => {
        const v = settle(c);
        if (v instanceof Broken) return v;
        if (option === undefined)
          return c.run.undecided(
            'unsupported-statement',
            `Setting ${field} is not modelled.`,
            'Assume what it does.',
            c.at,
          );
        if (c.skb.headers.l4proto !== PROTO.tcp)
          return new Broken({ kind: 'missing', field, because: 'the packet is not tcp' });
        const found = findTcpOption(c.skb, option.number);
        if (found === undefined || option.offset + option.len > found.len * 8) return undefined;
        const before = readBits(c.skb.data, found.at * 8 + option.offset, option.len) ?? 0;
        // A larger MSS is never written (nft_exthdr_tcp_set_eval).
        if (option.number === 2 && option.len === 16 && Number(before) <= Number(v as Scalar)) return undefined;
        const first = option.offset >> 3;
        const bytes = c.skb.data.slice(found.at + first, found.at + ((option.offset + option.len + 7) >> 3));
        setBits(bytes, option.offset - first * 8, option.len, v as number | bigint);
        writeTransport(c.skb, found.at + first - c.skb.headers.thoff, bytes);
        write(c, field, type, before, v);
        return undefined;
      };
    }
    case 'exthdr': {
      const ext = exthdrField(key.name, key.field);
      return (c) => {
        const v = settle(c);
        if (v instanceof Broken) return v;
        const found = ext === undefined ? undefined : c.skb.headers.ext.find((e) => e.type === ext.number);
        if (ext === undefined || found === undefined)
          return new Broken({ kind: 'missing', field, because: 'the header is absent' });
        return c.run.undecided(
          'unsupported-statement',
          `Setting ${field} is not modelled.`,
          'Assume what it does.',
          c.at,
        );
      };
    }
    default:
      return (c) =>
        c.run.undecided('unsupported-statement', `Setting ${field} is not modelled.`, 'Assume what it does.', c.at);
  }
}

/** A field that is written is left to chance no more, and with the last one of a header goes the doubt about its checksum. */
function revealed(skb: Skb, base: string, offset: number, len: number): void {
  if (skb.hidden === undefined) return;
  const left = skb.hidden.filter((h) => h.base !== base || h.offset < offset || h.offset + h.len > offset + len);
  if (left.length === skb.hidden.length) return;
  const doubts = left.filter((h) => !h.what.endsWith('checksum'));
  skb.hidden = left.filter((h) => !h.what.endsWith('checksum') || doubts.some((d) => d.base === h.base));
  if (skb.hidden.length === 0) skb.hidden = undefined;
}

function setBits(bytes: Uint8Array, offset: number, len: number, value: number | bigint): void {
  let whole = 0n;
  for (const b of bytes) whole = (whole << 8n) | BigInt(b);
  const shift = BigInt(bytes.length * 8 - offset - len);
  const mask = ((1n << BigInt(len)) - 1n) << shift;
  whole = (whole & ~mask) | ((BigInt(value) << shift) & mask);
  putBytes(bytes, 0, bytes.length, whole);
}

export function compileReset(option: Expression): Op {
  const field = fieldName(option);
  const number =
    typeof option === 'object' && option.kind === 'tcpOption'
      ? tcpOptionField(option.name)?.number
      : typeof option === 'object' && option.kind === 'rawTcpOption'
        ? option.base
        : undefined;
  return (c) => {
    if (number === undefined)
      return c.run.undecided(
        'unsupported-statement',
        `Resetting ${field} is not modelled.`,
        'Assume what it does.',
        c.at,
      );
    if (c.skb.headers.l4proto !== PROTO.tcp)
      return new Broken({ kind: 'missing', field, because: 'the packet is not tcp' });
    const found = findTcpOption(c.skb, number);
    if (found !== undefined) {
      const nops = new Uint8Array(found.len).fill(1);
      writeTransport(c.skb, found.at - c.skb.headers.thoff, nops);
      if (c.record !== undefined) c.record.writes.push({ field, before: 'present', after: 'removed' });
    }
    return undefined;
  };
}
