/** Statements compiled to functions of the packet: go on, end the rule, or a verdict. */

import { putBytes } from '../net/build-packet';
import { PROTO } from '../net/protocols';
import { CT_LABEL, type DataType, MARK } from '../nft/datatypes';
import { exthdrField, payloadField, tcpOptionField } from '../nft/fields';
import {
  type Expression,
  type MangleStatement,
  type MapUpdateStatement,
  type NatStatement,
  type ObjectReferenceStatement,
  type RejectStatement,
  type SetUpdateStatement,
  type Statement,
  unreachable,
} from '../nft/model';
import { compileExpression, compileLookup, findInSet, Miss, type Scope, settled, typesIn } from './compile-expression';
import { compileMatch } from './compile-match';
import { STATUS, templateConn } from './conntrack-state';
import type { Context } from './environment';
import { duplicate } from './generated';
import { isBound, manipOf, type NatRange, NULL_RANGE, setupNat } from './nat';
import { Broken, type Op, type OpResult, stop } from './op';
import { fieldName, type ProgramRule } from './program';
import { findTcpOption, headerBytes, listenerFor, protocolMissing, readBits } from './read';
import { rejectPacket } from './reject';
import { askCount, askLimit, askQuota, objectState, quotaBytes, runStateful, setCount, setLimit } from './set-update';
import { isVerdict, part } from './sets';
import { viewSkb, writeNetwork, writeRawNetwork, writeTransport } from './skb';
import { masqueradeAddress, redirectAddress } from './source-address';
import { newStateful } from './state';
import { isMarkUnknown } from './unknown-mark';
import { formatValue, Missing, type Scalar, Unknown, type Value, valueKey } from './value';
import { compileXtRule } from './xt';

/** A value, or the reason for which the rule ends; what is unknown ends the run. */
function need(v: ReturnType<ReturnType<typeof compileExpression>>, c: Context): Value | Broken {
  const s = settled(v, c);
  if (s instanceof Unknown) return stop(c, s);
  if (s instanceof Missing)
    return new Broken(s instanceof Miss ? s.why : { kind: 'missing', field: s.field, because: s.because });
  return s;
}

function write(c: Context, field: string, types: DataType | undefined, before: Value, after: Value): void {
  if (c.record === undefined) return;
  const b = formatValue(types, before);
  const a = formatValue(types, after);
  if (a !== b) c.record.writes.push({ field, before: b, after: a });
}

/** Compiles the statements of a rule, once. */
export function opsOf(rule: ProgramRule, scope: Scope): readonly Op[] {
  if (rule.ops === undefined)
    rule.ops = rule.rule.unlisted
      ? [unlisted]
      : rule.rule.statements.some((s) => s.kind === 'xt')
        ? compileXtRule(rule, scope, (s) => compileStatement(s, scope))
        : rule.rule.statements.map((s) => compileStatement(s, scope));
  return rule.ops as readonly Op[];
}

const unlisted: Op = (c) =>
  c.run.undecided(
    'rule-not-listed',
    'nft could not list what this rule does.',
    'Read the ruleset with a newer nft.',
    c.at,
  );

function compileStatement(s: Statement, scope: Scope): Op {
  switch (s.kind) {
    case 'match': {
      const test = compileMatch(s, scope);
      return (c) => {
        const r = test(c);
        if (r === true) return undefined;
        return r instanceof Unknown ? stop(c, r) : new Broken(r);
      };
    }
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      return () => s;
    case 'vmap': {
      const find = compileLookup(s.key, s.data, scope);
      return (c) => {
        const found = find(c);
        if (found instanceof Unknown) return stop(c, found);
        if (found instanceof Missing)
          return new Broken(
            found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
          );
        const verdict = found.element.data;
        const state = elementState(found, c);
        if (state !== undefined) {
          const ok = runStateful(found.element.statements ?? [], state, c);
          if (ok !== true) return new Broken({ kind: 'limited', what: 'element', say: ok });
        }
        if (!isVerdict(verdict))
          return c.run.undecided(
            'unsupported-statement',
            'The element found holds no verdict.',
            'Assume a verdict.',
            c.at,
          );
        // `continue` lets the rest of the rule run.
        return verdict.kind === 'continue' ? undefined : verdict;
      };
    }
    case 'counter':
      return () => undefined;
    case 'quota':
      return (c) => {
        const state = c.run.state.of(s);
        if (state.used === 0 && s.used !== undefined)
          state.used = Number(s.used) * (s.usedUnit === 'kbytes' ? 1024 : s.usedUnit === 'mbytes' ? 1048576 : 1);
        return askQuota(quotaBytes(s), s.over, state, c)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: 'quota',
              say: s.over ? 'the quota is not used up' : 'the quota is used up',
            });
      };
    case 'limit':
      return (c) =>
        askLimit(s, c.run.state.of(s), c, 'the limit in this rule')
          ? undefined
          : new Broken({
              kind: 'limited',
              what: 'limit',
              say: s.over ? 'the rate is within the limit' : 'the rate exceeds the limit',
            });
    case 'ctCount':
      return (c) =>
        askCount(s.val, s.over, c.run.state.of(s), c)
          ? undefined
          : new Broken({ kind: 'limited', what: 'ct count', say: 'the number of connections is outside the limit' });
    case 'object':
      return compileObject(s, scope);
    case 'last':
    case 'log':
      return () => undefined;
    case 'mangle':
      return compileMangle(s, scope);
    case 'reset':
      return compileReset(s.option);
    case 'notrack':
      return (c) => {
        if (c.skb.ct === undefined && !c.skb.untracked) c.skb.untracked = true;
        return undefined;
      };
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return compileNat(s, scope);
    case 'reject':
      return compileReject(s, scope);
    case 'tproxy':
      return (c) => {
        if (c.skb.headers.l4proto !== PROTO.tcp && c.skb.headers.l4proto !== PROTO.udp)
          return new Broken({ kind: 'missing', field: 'tproxy', because: 'the packet is neither tcp nor udp' });
        const family =
          s.family ?? (scope.table.family === 'ip6' ? 'ip6' : scope.table.family === 'ip' ? 'ip' : undefined);
        if (family !== undefined && family !== c.skb.family)
          return new Broken({ kind: 'missing', field: 'tproxy', because: 'the packet is of the other family' });
        return tproxy(s.port, scope, c);
      };
    case 'dup':
      return (c) => {
        const dev = s.dev === undefined ? undefined : String(s.dev);
        const addr =
          s.addr === undefined
            ? undefined
            : need(compileExpression(s.addr, scope, typesIn(s.addr, scope)[0] ?? addressTypeOf(c))(c), c);
        if (addr instanceof Broken) return addr;
        duplicate(c, dev, addr as number | bigint | undefined);
        return undefined;
      };
    case 'fwd':
      return (c) => {
        const dev = typeof s.dev === 'string' ? c.run.p.linkByName.get(s.dev) : undefined;
        if (dev === undefined || s.addr !== undefined)
          return c.run.undecided(
            'unsupported-statement',
            'Forwarding to a neighbour or to a device not in the capture is not modelled.',
            'Assume where the packet goes.',
            c.at,
          );
        c.run.fate.egress.push({ dev: dev.name, role: c.skb.role, skb: c.skb.id, packet: viewSkb(c.skb) });
        return { kind: 'stolen' };
      };
    case 'setUpdate':
      return compileSetUpdate(s, scope);
    case 'mapUpdate':
      return compileMapUpdate(s, scope);
    case 'flow':
      return () => undefined;
    case 'queue':
      return (c) =>
        s.flags.includes('bypass')
          ? c.run.undecided(
              'queue',
              'The packet is handed to a program through a queue with bypass; whether one listens is not in the capture.',
              'Assume what the program answers.',
              c.at,
            )
          : c.run.undecided(
              'queue',
              'The packet is handed to a program through a queue.',
              'Assume what the program answers.',
              c.at,
            );
    case 'synproxy':
      return (c) => {
        if (c.skb.headers.l4proto !== PROTO.tcp)
          return new Broken({ kind: 'missing', field: 'synproxy', because: 'the packet is not tcp' });
        return synproxy(c);
      };
    case 'meter':
      return (c) =>
        c.run.undecided(
          'unsupported-statement',
          `The meter ${s.name} keeps state that the listing does not show.`,
          'Assume whether the meter lets the packet pass.',
          c.at,
        );
    case 'xt':
      return (c) =>
        c.run.undecided(
          'xt',
          `The ${s.type ?? 'part'} ${s.name ?? 'xt'} stands outside a rule.`,
          'Capture iptables-save on the node.',
          c.at,
        );
    case 'text':
      return (c) =>
        c.run.undecided(
          'statement-as-text',
          `nft lists this statement as text only: ${s.text.replace(/\s+/g, ' ')}`,
          'Read the ruleset with a newer nft.',
          c.at,
        );
    case 'unsupported':
      return (c) =>
        c.run.undecided(
          'unsupported-statement',
          `The statement ${s.name} is not modelled.`,
          'Assume what it does.',
          c.at,
        );
    default:
      return unreachable(s);
  }
}

const addressTypeOf = (c: Context): DataType | undefined =>
  typesIn(
    { kind: 'payload', protocol: c.skb.family === 'ip6' ? 'ip6' : 'ip', field: 'saddr' },
    { program: c.run.p.program, table: c.run.p.program.tables[0] as never },
  )[0];

function elementState(
  found: {
    readonly element: object;
    readonly dynamic: { readonly state: ReturnType<typeof newStateful> } | undefined;
  } & { readonly element: { readonly statements?: readonly Statement[] } },
  c: Context,
) {
  if ((found.element.statements?.length ?? 0) === 0) return undefined;
  return found.dynamic?.state ?? c.run.state.of(found.element);
}

// ------------------------------------------------------------------------------------------------------ objects

function compileObject(s: ObjectReferenceStatement, scope: Scope): Op {
  const name = s.name;
  const get: (c: Context) => string | Broken =
    typeof name === 'object' && name.kind === 'map'
      ? (() => {
          const find = compileLookup(name.key, name.data, scope);
          return (c: Context) => {
            const found = find(c);
            if (found instanceof Unknown) return stop(c, found);
            if (found instanceof Missing)
              return new Broken(
                found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
              );
            return String(found.element.data ?? '');
          };
        })()
      : () => String(name);
  return (c) => {
    const which = get(c);
    if (which instanceof Broken) return which;
    const object = scope.table.object(s.object, which);
    if (object === undefined)
      return c.run.undecided(
        'object-not-listed',
        `The ${s.object} ${which} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    switch (object.kind) {
      case 'counter': {
        const state = objectState(object, c);
        state.packets++;
        state.bytes += c.skb.data.length;
        return undefined;
      }
      case 'quota':
        return askQuota(Number(object.bytes), object.over, objectState(object, c), c)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: `quota ${which}`,
              say: object.over ? 'the quota is not used up' : 'the quota is used up',
            });
      case 'limit':
        return askLimit(object, objectState(object, c), c, `limit ${which}`)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: `limit ${which}`,
              say: object.over ? 'the rate is within the limit' : 'the rate exceeds the limit',
            });
      case 'ct helper': {
        const { ct } = c.skb;
        if (ct !== undefined && !(ct.status & STATUS.confirmed) && ct.helper === undefined) {
          const number = object.protocol === 'tcp' ? PROTO.tcp : PROTO.udp;
          if (ct.original.protocol === number) {
            ct.helper = object.type;
            ct.status |= STATUS.helper;
          }
        }
        return undefined;
      }
      case 'ct timeout':
      case 'ct expectation':
      case 'secmark':
      case 'tunnel':
        return undefined;
      case 'synproxy':
        if (c.skb.headers.l4proto !== PROTO.tcp)
          return new Broken({ kind: 'missing', field: 'synproxy', because: 'the packet is not tcp' });
        return synproxy(c);
      case 'unsupported':
        return c.run.undecided(
          'unsupported-statement',
          `The object ${which} is not modelled.`,
          'Assume what it does.',
          c.at,
        );
    }
  };
}

// ------------------------------------------------------------------------------------------------------- mangle

function compileMangle(s: MangleStatement, scope: Scope): Op {
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
            if (ct === undefined) return undefined;
            write(c, 'ct mark', MARK, ct.mark, Number(v as Scalar) >>> 0);
            ct.markUnknown = undefined;
            ct.mark = Number(v as Scalar) >>> 0;
            return undefined;
          case 'label':
            if (ct === undefined) return undefined;
            write(c, 'ct label', CT_LABEL, ct.labels, ct.labels | BigInt(v as number | bigint));
            ct.labels |= BigInt(v as number | bigint);
            return undefined;
          case 'zone':
            if (ct === undefined && !c.skb.untracked && c.skb.family !== 'arp') {
              write(c, 'ct zone', undefined, c.skb.zone, Number(v as Scalar));
              c.skb.zone = Number(v as Scalar);
              // Until conntrack runs the packet carries a template that reads as a new connection.
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
      return (c) => {
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
        if (where.base === 'nh') {
          if (key.kind === 'payload') writeNetwork(c.skb, first, bytes);
          else writeRawNetwork(c.skb, first, bytes);
        } else if (where.base === 'th') {
          // Only a named protocol tells nft where the checksum is; `th` and raw payload leave it as it was.
          if (key.kind === 'payload' && key.protocol !== 'th') writeTransport(c.skb, first, bytes);
          else c.skb.data.set(bytes, header.at + first);
          if (where.offset < 16) c.skb.random.sport = false;
          else if (where.offset < 32) c.skb.random.dport = false;
        } else if (where.base === 'll') c.skb.link?.set(bytes.subarray(0, Math.max(0, 14 - first)), first);
        else writeTransport(c.skb, header.at + first - c.skb.headers.thoff, bytes);
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

function setBits(bytes: Uint8Array, offset: number, len: number, value: number | bigint): void {
  let whole = 0n;
  for (const b of bytes) whole = (whole << 8n) | BigInt(b);
  const shift = BigInt(bytes.length * 8 - offset - len);
  const mask = ((1n << BigInt(len)) - 1n) << shift;
  whole = (whole & ~mask) | ((BigInt(value) << shift) & mask);
  putBytes(bytes, 0, bytes.length, whole);
}

function compileReset(option: Expression): Op {
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

// ---------------------------------------------------------------------------------------------------------- NAT

interface Bounds {
  readonly min: number | bigint;
  readonly max: number | bigint;
}

/** An operand of a NAT statement: a literal, a range, a prefix, or something computed from the packet; maps may hold all of these. */
function compileBounds(
  expr: Expression,
  scope: Scope,
  types: (c: Context) => readonly (DataType | undefined)[],
): (c: Context) => readonly Bounds[] | Broken {
  const ofExpression = (e: Expression, known: readonly (DataType | undefined)[], c: Context): readonly Bounds[] => {
    const parts = typeof e === 'object' && e.kind === 'concat' ? e.parts : [e];
    return parts.map((p, i) => {
      const type = known[i];
      const b = type === undefined ? undefined : part(type, p, scope.program.names);
      if (b?.kind === 'exact' && typeof b.value !== 'string') return { min: b.value, max: b.value };
      if (b?.kind === 'range') return { min: b.from, max: b.to };
      return c.run.undecided(
        'unsupported-statement',
        `The translation target ${fieldName(p)} is not modelled.`,
        'Assume an address.',
        c.at,
      );
    });
  };
  if (typeof expr !== 'object' || expr.kind === 'range' || expr.kind === 'prefix')
    return (c) => ofExpression(expr, types(c), c);
  if (expr.kind === 'map') {
    const find = compileLookup(expr.key, expr.data, scope);
    return (c) => {
      const found = find(c);
      if (found instanceof Unknown) return stop(c, found);
      if (found instanceof Missing)
        return new Broken(
          found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
        );
      const { data } = found.element;
      if (data === undefined || isVerdict(data))
        return c.run.undecided(
          'unsupported-statement',
          'The element found holds no address.',
          'Assume an address.',
          c.at,
        );
      return ofExpression(data, types(c), c);
    };
  }
  const get = compileExpression(expr, scope);
  return (c) => {
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const list = Array.isArray(v) ? (v as readonly Scalar[]) : [v as Scalar];
    return list.map((x) => ({ min: x as number | bigint, max: x as number | bigint }));
  };
}

function compileNat(s: NatStatement, scope: Scope): Op {
  const ipv4 = typesIn({ kind: 'payload', protocol: 'ip', field: 'saddr' }, scope)[0];
  const ipv6 = typesIn({ kind: 'payload', protocol: 'ip6', field: 'saddr' }, scope)[0];
  const port = typesIn({ kind: 'payload', protocol: 'tcp', field: 'sport' }, scope)[0];
  const addr =
    s.addr === undefined
      ? undefined
      : compileBounds(s.addr, scope, (c) => [c.skb.family === 'ip6' ? ipv6 : ipv4, port]);
  const ports = s.port === undefined ? undefined : compileBounds(s.port, scope, () => [port]);
  const family =
    s.family ??
    (s.addr !== undefined && typeof s.addr === 'string' ? (s.addr.includes(':') ? 'ip6' : 'ip') : undefined);
  const flags = {
    random: s.flags.includes('random'),
    fullyRandom: s.flags.includes('fully-random'),
    persistent: s.flags.includes('persistent'),
    netmap: s.flags.includes('netmap') || s.typeFlags.includes('prefix'),
  };
  return (c) => {
    const { skb } = c;
    // In an inet table a translation for the other family does nothing and lets the rule go on (nft_nat_inet_eval).
    if (family !== undefined && family !== skb.family) return undefined;
    const { ct } = skb;
    if (ct === undefined || skb.family === 'arp')
      return new Broken({ kind: 'missing', field: s.kind, because: 'the packet has no conntrack entry' });
    let range: NatRange = { ...NULL_RANGE, ...flags };
    if (addr !== undefined) {
      const b = addr(c);
      if (b instanceof Broken) return b;
      const first = b[0];
      const second = b[1];
      if (first !== undefined) range = { ...range, minAddr: first.min, maxAddr: first.max };
      if (second !== undefined) range = { ...range, minPort: Number(second.min), maxPort: Number(second.max) };
    }
    if (ports !== undefined) {
      const b = ports(c);
      if (b instanceof Broken) return b;
      const first = b[0];
      if (first !== undefined) range = { ...range, minPort: Number(first.min), maxPort: Number(first.max) };
    }
    if (flags.netmap && range.minAddr !== undefined && range.maxAddr !== undefined) {
      const side = s.kind === 'snat' ? ct.reply.dst : ct.reply.src;
      const span = BigInt(range.maxAddr) ^ BigInt(range.minAddr);
      const mapped = (BigInt(range.minAddr) & ~span) | (BigInt(side) & span);
      const value = typeof side === 'number' ? Number(mapped) : mapped;
      range = { ...range, minAddr: value, maxAddr: value, netmap: true };
    }
    if (s.kind === 'masquerade') {
      const source = masqueradeAddress(c);
      if (source === undefined) return { kind: 'drop' };
      range = { ...range, minAddr: source, maxAddr: source };
    }
    if (s.kind === 'redirect') {
      const target = redirectAddress(c);
      if (target === undefined) return { kind: 'drop' };
      range = { ...range, minAddr: target, maxAddr: target };
    }
    const manip = manipOf(c.hook);
    if (!isBound(ct, manip)) setupNat(c.run, ct, range, manip);
    if (s.kind === 'masquerade') ct.natOif = skb.oif?.name;
    return { kind: 'accept' };
  };
}

// ------------------------------------------------------------------------------------------------------- reject

function compileReject(s: RejectStatement, scope: Scope): Op {
  const inet = scope.table.family === 'inet' || scope.table.family === 'bridge' || scope.table.family === 'netdev';
  return (c) => {
    if (inet && s.type === 'icmp' && c.skb.family !== 'ip')
      return new Broken({ kind: 'missing', field: 'reject with icmp', because: 'the packet is not IPv4' });
    if (inet && s.type === 'icmpv6' && c.skb.family !== 'ip6')
      return new Broken({ kind: 'missing', field: 'reject with icmpv6', because: 'the packet is not IPv6' });
    if (s.type === 'tcp reset' && c.skb.headers.l4proto !== PROTO.tcp)
      return new Broken({ kind: 'missing', field: 'reject with tcp reset', because: 'the packet is not tcp' });
    if (scope.table.family === 'bridge' || scope.table.family === 'netdev')
      return c.run.undecided(
        'unsupported-statement',
        'reject in family bridge or netdev is not modelled.',
        'Assume that the packet is dropped and answered.',
        c.at,
      );
    rejectPacket(c, s);
    return { kind: 'drop' };
  };
}

// ------------------------------------------------------------------------------------------------- set updates

function compileSetUpdate(s: SetUpdateStatement, scope: Scope): Op {
  const set = scope.table.set(s.set);
  const elem = typeof s.elem === 'object' && s.elem.kind === 'elem' ? s.elem : undefined;
  const get = compileExpression(elem === undefined ? s.elem : elem.val, scope);
  const types = typesIn(elem === undefined ? s.elem : elem.val, scope);
  const statements = s.statements.length > 0 ? s.statements : (elem?.statements ?? []);
  return (c) => {
    if (set === undefined)
      return c.run.undecided(
        'set-not-listed',
        `The set @${s.set} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const shown = formatValue(set.types.length > 0 ? set.types : types, v);
    const key = valueKey(v);
    const overlay = c.run.state.overlay(set.set);
    const found = findInSet(set, v, c);
    if (s.op === 'delete') {
      if (found !== undefined) {
        if (!overlay.added.delete(key)) overlay.removed.add(key);
        c.record?.writes.push({ field: `@${s.set}`, before: shown, after: 'deleted' });
      }
      return undefined;
    }
    const declared = statements.length > 0 ? statements : set.set.statements;
    if (found !== undefined) {
      // An element keeps the statements it was added with; those of this rule do not replace them.
      const own = found.dynamic?.statements ?? found.element.statements ?? [];
      const state = found.dynamic?.state ?? c.run.state.of(found.element);
      const ok = runStateful(own, state, c);
      return ok === true ? undefined : new Broken({ kind: 'limited', what: `@${s.set}`, say: ok });
    }
    if (setCount(set, c) >= setLimit(set)) return new Broken({ kind: 'statement', say: `@${s.set} is full` });
    const state = newStateful();
    overlay.removed.delete(key);
    overlay.added.set(key, {
      key,
      state,
      statements: declared,
      element: {
        key: literalOf(set.types.length > 0 ? set.types : types, v),
        ...(elem?.timeout === undefined ? {} : { timeout: elem.timeout }),
        ...(declared.length > 0 ? { statements: declared } : {}),
      },
    });
    c.record?.writes.push({ field: `@${s.set}`, before: 'absent', after: shown });
    const ok = runStateful(declared, state, c);
    return ok === true ? undefined : new Broken({ kind: 'limited', what: `@${s.set}`, say: ok });
  };
}

function compileMapUpdate(s: MapUpdateStatement, scope: Scope): Op {
  const set = scope.table.set(s.map);
  const elem = typeof s.elem === 'object' && s.elem.kind === 'elem' ? s.elem : undefined;
  const get = compileExpression(elem === undefined ? s.elem : elem.val, scope);
  const types = typesIn(elem === undefined ? s.elem : elem.val, scope);
  const data = compileExpression(s.data, scope, set?.dataTypes[0]);
  return (c) => {
    if (set === undefined)
      return c.run.undecided(
        'set-not-listed',
        `The map @${s.map} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const key = valueKey(v);
    const overlay = c.run.state.overlay(set.set);
    if (s.op === 'delete') {
      if (!overlay.added.delete(key)) overlay.removed.add(key);
      return undefined;
    }
    const d = need(data(c), c);
    if (d instanceof Broken) return d;
    const found = findInSet(set, v, c);
    if (found !== undefined) return undefined;
    if (setCount(set, c) >= setLimit(set)) return new Broken({ kind: 'statement', say: `@${s.map} is full` });
    overlay.removed.delete(key);
    overlay.added.set(key, {
      key,
      state: newStateful(),
      statements: [],
      element: {
        key: literalOf(set.types.length > 0 ? set.types : types, v),
        data: literalOf(set.dataTypes, d),
        ...(elem?.timeout === undefined ? {} : { timeout: elem.timeout }),
      },
    });
    c.record?.writes.push({
      field: `@${s.map}`,
      before: 'absent',
      after: `${formatValue(types, v)} : ${formatValue(set.dataTypes, d)}`,
    });
    return undefined;
  };
}

/** A value as the literal nft would list. */
function literalOf(types: readonly DataType[], v: Value): Expression {
  const one = (t: DataType | undefined, x: Scalar): string | number | bigint => {
    if (typeof x === 'string' || t === undefined) return x;
    if (t.base === 'address' || t.symbols !== undefined) {
      const text = formatValue(t, x);
      return /^\d+$/.test(text) ? Number(text) : text;
    }
    return t.name === 'iface_index' ? String(x) : x;
  };
  if (!Array.isArray(v)) return one(types[0], v as Scalar);
  return { kind: 'concat', parts: (v as readonly Scalar[]).map((x, i) => one(types[i], x)) };
}

// ------------------------------------------------------------------------------------------- tproxy, synproxy

function tproxy(port: Expression | undefined, scope: Scope, c: Context): OpResult {
  const to = port === undefined ? undefined : need(compileExpression(port, scope, portType(scope))(c), c);
  if (to instanceof Broken) return to;
  const found = listenerFor(c, to === undefined ? undefined : Number(to as Scalar));
  if (found === undefined)
    return c.run.undecided(
      'sockets-unknown',
      'Whether a transparent socket listens is not in the capture.',
      'Capture ss -Hltun on the node.',
      c.at,
    );
  if (found === 'none' || !found.transparent)
    return new Broken({ kind: 'statement', say: 'no transparent socket takes the packet' });
  c.skb.transparentSocket = true;
  return undefined;
}

const portType = (scope: Scope): DataType | undefined =>
  typesIn({ kind: 'payload', protocol: 'tcp', field: 'sport' }, scope)[0];

function synproxy(c: Context): OpResult {
  return c.run.undecided(
    'synproxy',
    'SYN proxying is not decided yet.',
    'Assume whether the handshake is completed.',
    c.at,
  );
}
