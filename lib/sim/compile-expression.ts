/** Expressions compiled to functions of the packet. */

import { putBytes } from '../net/build-packet';
import { jhash, reciprocalScale } from '../net/jhash';
import { type DataType, dataTypeByName, MARK } from '../nft/datatypes';
import {
  type AnonymousSet,
  type Expression,
  type NumgenExpression,
  type SetReference,
  type UnsupportedExpression,
  unreachable,
} from '../nft/model';
import { ctType, rtType, typeOfExpression } from '../nft/type-of-expression';
import type { Context } from './environment';
import { evaluateFib } from './fib';
import { misprinted, placed, widthless } from './misprints';
import { fieldName, type Program, type ProgramSet, type ProgramTable } from './program';
import { readCt } from './read-ct';
import { readMeta } from './read-meta';
import { readExthdr, readIpOption, readSctpChunk, readTcpOption } from './read-options';
import { readPayload, readRawPayload } from './read-payload';
import { readRt, readSocket } from './read-route';
import { unsupported } from './read-unknown';
import { runStateful } from './set-update';
import { type Hit, isVerdict, literal, SetIndex } from './sets';
import type { DynamicElement } from './state';
import type { WhyNot } from './trace';
import {
  bitwise,
  Chance,
  type Evaluated,
  formatValue,
  isValue,
  Missing,
  registerBytes,
  type Scalar,
  Unknown,
  type Value,
  valueKey,
} from './value';

export interface Scope {
  readonly program: Program;
  readonly table: ProgramTable;
}

export type Getter = (c: Context) => Evaluated;

const LEAVES = new Set([
  'payload',
  'rawPayload',
  'exthdr',
  'tcpOption',
  'rawTcpOption',
  'ipOption',
  'sctpChunk',
  'meta',
  'ct',
  'rt',
  'fib',
  'socket',
]);

/** The types of an expression in a table: as {@link typeOfExpression}, with what only the table's family tells. */
export function typesIn(expr: Expression, scope: Scope): readonly DataType[] {
  if (typeof expr === 'object') {
    if (expr.kind === 'concat') return expr.parts.flatMap((p) => typesIn(p, scope));
    if (expr.kind === 'ct' || expr.kind === 'rt') {
      const family = expr.family ?? (scope.table.family === 'ip6' ? 'ip6' : 'ip');
      const t = expr.kind === 'ct' ? ctType(expr.key, family) : rtType(expr.key, family);
      return t === undefined ? [] : [t];
    }
    if (expr.kind === 'map') {
      if (expr.data.kind === 'setref') return scope.table.set(expr.data.name)?.dataTypes ?? [];
      return [];
    }
    if (expr.kind === 'binary') {
      for (const operand of expr.operands) {
        const t = typesIn(operand, scope);
        if (t.length > 0) return t;
      }
      return [];
    }
    if (expr.kind === 'elem') return typesIn(expr.val, scope);
  }
  const t = typeOfExpression(expr);
  return t === undefined ? [] : Array.isArray(t) ? (t as readonly DataType[]) : [t as DataType];
}

/** Takes a value left to chance: one of all, or the lowest of one of the classes that `breakpoints` bound. */
function resolveChance(v: Chance, c: Context, breakpoints?: readonly number[]): Value | Unknown {
  const each = breakpoints === undefined;
  if (each && v.mod > 4096)
    return new Unknown({
      code: 'random-value',
      say: `${v.what} is used as a value; it can take ${v.mod} values.`,
      settle: 'Assume one of them.',
      ...(c.at === undefined ? {} : { at: c.at }),
    });
  const { starts, options } = each ? v.each() : v.between(breakpoints);
  const taken = v.mod * IMPROBABLE > 1 ? chooseLikely(v, c, options) : c.run.choose(v.what, c.at, options);
  const low = starts[taken] ?? v.offset;
  v.remember?.(low, (starts[taken + 1] ?? v.offset + v.mod) - 1);
  return low;
}

/** One value of so many that nobody will meet it is left out, and that is said. Gives the index of the option taken. */
function chooseLikely(
  v: Chance,
  c: Context,
  options: readonly { readonly value: string; readonly probability: number }[],
): number {
  const likely = [...options.keys()].filter((i) => (options[i]?.probability ?? 0) > IMPROBABLE);
  const chosen = likely.length === 0 ? [...options.keys()] : likely;
  if (chosen.length < options.length)
    c.run.assume(`chance ${v.what}`, `${v.what} is taken not to be one value of ${v.mod} that a rule asks for.`);
  const [only] = chosen;
  if (chosen.length === 1 && options.length > 1) return only ?? 0;
  const total = chosen.reduce((n, i) => n + (options[i]?.probability ?? 0), 0);
  const rest = chosen.map((i) => ({
    value: options[i]?.value ?? '',
    probability: (options[i]?.probability ?? 0) / total,
  }));
  return chosen[c.run.choose(v.what, c.at, rest)] ?? 0;
}

/** A chance of one in 65536: of one value of a 16-bit field. */
const IMPROBABLE = 2e-5;

/** A value, or what stands in its way; chance is resolved. */
export function settled(v: Evaluated, c: Context, breakpoints?: readonly number[]): Value | Missing | Unknown {
  return v instanceof Chance ? resolveChance(v, c, breakpoints) : v;
}

/**
 * Takes the position of a counter from 0 to `mod` - 1 that goes round, and moves it on. Not known and not `fresh`, it may stand
 * anywhere; a class of positions moves on together, but for the last, which begins anew.
 */
export function nextPosition(key: object, mod: number, what: string, c: Context, first = 0, offset = 0): Evaluated {
  const { numgen, fresh } = c.run.state;
  const now = numgen.get(key) ?? (fresh ? first : { low: 0, high: mod - 1 });
  if (typeof now === 'number') {
    numgen.set(key, (now + 1) % mod);
    return now + offset;
  }
  const { low, high } = now;
  return new Chance(
    `${what} (its position is not in the capture)`,
    high - low + 1,
    low + offset,
    (from, to) =>
      numgen.set(key, from === to ? (from - offset + 1) % mod : { low: from - offset + 1, high: to - offset + 1 }),
    [mod - 1 + offset],
  );
}

function numgenInc(expr: NumgenExpression): Getter {
  const name = fieldName(expr);
  return (c) => nextPosition(expr, expr.mod, name, c, 0, expr.offset);
}

/** What a register holds of a value: network order for header fields, host order (little-endian) for the kernel's own. */
function registerContents(types: readonly DataType[], value: Value, pad: boolean): Uint8Array {
  const list = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
  const chunks = list.map((v, i) => {
    const type = types[i] ?? MARK;
    if (typeof v === 'string') {
      const b = new Uint8Array(16);
      for (let k = 0; k < Math.min(16, v.length); k++) b[k] = v.charCodeAt(k);
      return b;
    }
    const len = Math.max(1, Math.ceil((type.bits || 32) / 8));
    const bytes = new Uint8Array(len);
    putBytes(bytes, 0, len, v);
    if (type.byteOrder === 'host') bytes.reverse();
    if (!pad) return bytes;
    const padded = new Uint8Array(registerBytes(type));
    padded.set(bytes);
    return padded;
  });
  const out = new Uint8Array(chunks.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const b of chunks) {
    out.set(b, at);
    at += b.length;
  }
  return out;
}

/**
 * Compiles an expression that yields a value. `type` says what a literal means. Fields read are recorded as they are read.
 */
export function compileExpression(expr: Expression, scope: Scope, type?: DataType): Getter {
  if (typeof expr !== 'object') {
    const value =
      type === undefined ? (typeof expr === 'boolean' ? Number(expr) : expr) : literal(type, expr, scope.program.names);
    if (value === undefined) {
      const u = new Unknown({
        code: 'unknown-name',
        say: `The value of ${String(expr)} is defined in a file of the node.`,
        settle: 'Assume its number.',
      });
      return () => u;
    }
    return () => value;
  }
  const name = fieldName(expr);
  const raw = compileNode(expr, scope, name, type);
  if (!LEAVES.has(expr.kind)) return raw;
  const types = typesIn(expr, scope);
  return (c) => {
    const v = raw(c);
    if (c.record !== undefined && isValue(v)) c.record.reads.push({ field: name, value: formatValue(types, v) });
    return v;
  };
}

function compileNode(
  expr: Exclude<Expression, string | number | bigint | boolean>,
  scope: Scope,
  name: string,
  type: DataType | undefined,
): Getter {
  const unknown = (code: string, say: string): Getter => {
    const u = new Unknown({ code, say, settle: 'Assume whether the rule matches.' });
    return () => u;
  };
  switch (expr.kind) {
    case 'payload':
      return readPayload(expr, name);
    case 'rawPayload':
      return readRawPayload(expr, name);
    case 'exthdr':
      return readExthdr(expr, name);
    case 'tcpOption':
    case 'rawTcpOption':
      return readTcpOption(expr, name);
    case 'ipOption':
      return readIpOption(expr, name);
    case 'sctpChunk':
      return readSctpChunk(expr, name);
    case 'meta':
      return readMeta(expr, name);
    case 'ct':
      return readCt(
        expr.family === undefined && /^[sd]addr$/.test(expr.key) ? { ...expr, family: scope.table.family } : expr,
        name,
      );
    case 'rt':
      return readRt(expr, name);
    case 'fib':
      return (c) => evaluateFib(expr, c);
    case 'socket':
      return readSocket(expr, name);
    case 'numgen': {
      if (expr.mode === 'inc') return numgenInc(expr);
      const any = new Chance(`numgen random mod ${expr.mod}`, expr.mod, expr.offset);
      return () => any;
    }
    case 'symhash': {
      const any = new Chance(`symhash mod ${expr.mod}`, expr.mod, expr.offset ?? 0);
      return () => any;
    }
    case 'jhash': {
      const wrong = misprinted(expr.expr);
      // Two bytes are shifted as a number of the processor's order.
      if (wrong !== undefined && fieldName(wrong) === 'ip6 dscp') return () => unsupported(name);
      const inner = compileExpression(expr.expr, scope);
      const types = typesIn(expr.expr, scope);
      const pad = types.length > 1;
      const seed = expr.seed;
      return (c) => {
        const v = settled(inner(c), c);
        if (!isValue(v)) return v;
        if (seed === undefined) return new Chance(name, expr.mod, expr.offset ?? 0);
        return (expr.offset ?? 0) + reciprocalScale(jhash(registerContents(types, v, pad), seed), expr.mod);
      };
    }
    case 'concat': {
      const parts = expr.parts.map((p) => compileExpression(placed(p), scope));
      return (c) => {
        const out: Scalar[] = [];
        let open: Unknown | undefined;
        for (const part of parts) {
          const v = settled(part(c), c);
          if (v instanceof Missing) return v;
          if (v instanceof Unknown) open ??= v;
          else if (Array.isArray(v)) out.push(...(v as readonly Scalar[]));
          else out.push(v as Scalar);
        }
        return open ?? (out.length === 1 && out[0] !== undefined ? out[0] : out);
      };
    }
    case 'binary': {
      const t = typesIn(expr, scope)[0] ?? type;
      const parts = expr.operands.map((o, i) =>
        typeof o === 'object' && o.kind !== 'list'
          ? compileExpression(o, scope, t)
          : compileExpression(o, scope, (expr.op === '<<' || expr.op === '>>') && i > 0 ? undefined : t),
      );
      const lists = expr.operands.map((o) =>
        t !== undefined &&
        (typeof o !== 'object' || o.kind === 'list' || (o.kind === 'binary' && typesIn(o, scope).length === 0))
          ? literal(t, o, scope.program.names)
          : undefined,
      );
      const shift = expr.op === '<<' || expr.op === '>>';
      return (c) => {
        let acc: number | bigint | undefined;
        for (let i = 0; i < parts.length; i++) {
          const constant = shift && i > 0 ? undefined : lists[i];
          const v = constant ?? settled(parts[i]?.(c) ?? 0, c);
          if (v instanceof Missing || v instanceof Unknown) return v;
          if (typeof v === 'string' || Array.isArray(v))
            return new Unknown({
              code: 'unsupported-expression',
              say: `${name} combines values that are not numbers.`,
              settle: 'Assume its value.',
            });
          const n = v as number | bigint;
          acc = acc === undefined ? n : bitwise(expr.op, acc, n, t?.bits || 32);
        }
        return acc ?? 0;
      };
    }
    case 'map': {
      const find = compileLookup(expr.key, expr.data, scope);
      const anonymous = type;
      return (c) => {
        const found = find(c);
        if (found instanceof Missing || found instanceof Unknown) return found;
        const { data } = found.element;
        if (data === undefined || isVerdict(data))
          return new Unknown({
            code: 'unsupported-expression',
            say: `${name} has no data here.`,
            settle: 'Assume its value.',
          });
        const types = found.dataTypes.length > 0 ? found.dataTypes : anonymous === undefined ? [] : [anonymous];
        return dataValue(data, types, scope);
      };
    }
    case 'elem':
      return compileExpression(expr.val, scope, type);
    case 'list': {
      const v = type === undefined ? undefined : literal(type, expr, scope.program.names);
      return v === undefined
        ? unknown('unsupported-expression', `${name} is a list of names that are not known.`)
        : () => v;
    }
    case 'osf':
      return unknown('osf', 'Operating system fingerprints are not modelled.');
    case 'ipsec':
      return () => new Missing(name, 'the packet came through no IPsec transformation');
    case 'tunnel':
      return () => new Missing(name, 'the packet came through no tunnel');
    case 'dccpOption':
      return unknown('unsupported-expression', 'DCCP options are not modelled.');
    case 'unsupported':
      return unknown('unsupported-expression', `The expression ${expr.name} is not modelled.`);
    case 'prefix':
    case 'range':
    case 'set':
    case 'setref':
    case 'wildcard':
      return unknown('unsupported-expression', `${name} stands where a value is needed.`);
    default:
      return unreachable(expr);
  }
}

/** The data of a map element as a value; types tell what literals mean. Without types, addresses and numbers speak for themselves. */
function dataValue(data: Expression, types: readonly DataType[], scope: Scope): Value | Unknown {
  const exprs = typeof data === 'object' && data.kind === 'concat' ? data.parts : [data];
  const values: Scalar[] = [];
  for (let i = 0; i < exprs.length; i++) {
    const e = exprs[i] ?? 0;
    const type = types[i] ?? guessType(e);
    const v = type === undefined ? undefined : literal(type, e, scope.program.names);
    if (v === undefined)
      return new Unknown({
        code: 'unknown-name',
        say: `The value ${fieldName(e)} is not a plain value.`,
        settle: 'Assume its value.',
      });
    values.push(v);
  }
  return values.length === 1 && values[0] !== undefined ? values[0] : values;
}

function guessType(e: Expression): DataType | undefined {
  if (typeof e === 'number' || typeof e === 'bigint') return MARK;
  if (typeof e === 'string')
    return dataTypeByName(e.includes(':') ? 'ipv6_addr' : /^\d+\.\d+\.\d+\.\d+$/.test(e) ? 'ipv4_addr' : 'string');
  return undefined;
}

export interface Found {
  readonly element: Hit['element'];
  readonly index: number;
  readonly dynamic: DynamicElement | undefined;
  readonly dataTypes: readonly DataType[];
}

function elementText(hit: { readonly element: Hit['element'] }): string {
  return fieldName(hit.element.key);
}
function dataText(hit: { readonly element: Hit['element'] }): { readonly data?: string } {
  const { data } = hit.element;
  if (data === undefined) return {};
  return { data: isVerdict(data) ? ('target' in data ? `${data.kind} ${data.target}` : data.kind) : fieldName(data) };
}

/** Finds a key in a named set with this run's changes on top. */
export function findInSet(
  set: ProgramSet,
  key: Value,
  c: Context,
):
  | { readonly element: Hit['element']; readonly index: number; readonly dynamic: DynamicElement | undefined }
  | undefined {
  const overlay = c.run.state.sets.get(set.set);
  if (overlay !== undefined) {
    const k = valueKey(key);
    const added = overlay.added.get(k);
    if (added !== undefined) return { element: added.element, index: -1, dynamic: added };
    if (overlay.removed.has(k)) return undefined;
  }
  const hit = set.index.find(key);
  return hit === undefined ? undefined : { ...hit, dynamic: undefined };
}

/** A miss, told as such. */
export class Miss extends Missing {
  constructor(readonly why: WhyNot) {
    super('', 'not in the map');
  }
}

/** Compiles a look-up: anonymous sets are indexed once, named ones asked at the time. */
export function compileLookup(
  key: Expression,
  data: SetReference | AnonymousSet | UnsupportedExpression,
  scope: Scope,
  negated = false,
): (c: Context) => Found | Missing | Unknown {
  const getKey = compileExpression(key, scope);
  const keyTypes = typesIn(key, scope);
  const wrong = misprinted(key) ?? (data.kind === 'set' ? widthless(key, keyTypes, data.elements) : undefined);
  if (wrong !== undefined) {
    const u = new Unknown({
      code: 'listing-wrong',
      say: `nft lists the values of ${fieldName(wrong)} in a concatenation as other values than the kernel has.`,
      settle: 'Assume the element found, or list the ruleset with a newer nft.',
    });
    return () => u;
  }
  if (data.kind === 'unsupported') {
    const u = new Unknown({
      code: 'unsupported-expression',
      say: `The data of ${fieldName(key)} is not modelled.`,
      settle: 'Assume the element found.',
    });
    return () => u;
  }
  const named = data.kind === 'setref' ? scope.table.set(data.name) : undefined;
  const anonymous = data.kind === 'set' ? new SetIndex(keyTypes, data.elements, scope.program.names) : undefined;
  const name = data.kind === 'setref' ? data.name : undefined;
  if (data.kind === 'setref' && named === undefined) {
    const u = new Unknown({
      code: 'set-not-listed',
      say: `The set @${data.name} is not in the listing.`,
      settle: 'List the whole table.',
    });
    return () => u;
  }
  const index = named?.index ?? anonymous;
  const types = named !== undefined && named.types.length > 0 ? named.types : keyTypes;
  let breakpoints: readonly number[] | undefined;
  // What nobody records is not put into words.
  const missed = new Miss({ kind: 'miss', set: name, key: '', size: index?.size ?? 0, negated: false });
  return (c) => {
    const raw = getKey(c);
    // Elements that the packet itself added or took away have no classes.
    const altered = raw instanceof Chance && named !== undefined && c.run.state.sets.has(named.set);
    if (raw instanceof Chance && !altered) breakpoints ??= index?.breakpoints();
    const v = settled(raw, c, altered ? undefined : breakpoints);
    if (v instanceof Missing || v instanceof Unknown) return v;
    const keyText = (): string =>
      (raw instanceof Chance && !altered ? raw.range(Number(v), breakpoints) : undefined) ?? formatValue(types, v);
    const hit = named !== undefined ? findInSet(named, v, c) : anonymous?.find(v);
    const size = index?.size ?? 0;
    if (c.record !== undefined) {
      c.record.lookups.push({
        name,
        statement: c.record.statement,
        key: keyText(),
        size,
        hit:
          hit === undefined
            ? undefined
            : { ...(hit.index >= 0 ? { index: hit.index } : {}), element: elementText(hit), ...dataText(hit) },
      });
    }
    if (hit === undefined) {
      if (index !== undefined && index.unread.length > 0) {
        return new Unknown({
          code: 'unknown-name',
          say: `An element of ${name === undefined ? 'the set' : `@${name}`} has a name that a file of the node defines.`,
          settle: 'Assume whether the key is in the set.',
        });
      }
      return c.record === undefined
        ? missed
        : new Miss({ kind: 'miss', set: name, key: keyText(), size, negated: false });
    }
    const dynamic = 'dynamic' in hit ? (hit as { dynamic: DynamicElement | undefined }).dynamic : undefined;
    // The statements of the element found run with every look-up (nft_lookup_eval: nft_set_elem_update_expr).
    const statements = dynamic?.statements ?? hit.element.statements ?? [];
    if (!negated && statements.length > 0) {
      const says = runStateful(statements, dynamic?.state ?? c.run.state.of(hit.element), c);
      if (says !== true) return new Miss({ kind: 'limited', what: 'element', say: says });
    }
    return {
      element: hit.element,
      index: hit.index,
      dynamic,
      dataTypes: named?.dataTypes ?? [],
    };
  };
}
