/** Matches compiled to tests of the packet: yes, no with what was seen, or unknown with a reason. */

import { type DataType, MARK } from '../nft/datatypes';
import type { Expression, MatchOperator, MatchStatement } from '../nft/model';
import { compileExpression, compileLookup, Miss, type Scope, settled, typesIn } from './compile-expression';
import type { Context } from './environment';
import { fieldName } from './program';
import { literal, type Part, part } from './sets';
import type { WhyNot } from './trace';
import {
  Between,
  bitwise,
  Chance,
  type Evaluated,
  formatValue,
  Missing,
  type Scalar,
  Unknown,
  type Value,
} from './value';

export type MatchResult = true | WhyNot | Unknown;

const OPPOSITE: Readonly<Record<string, string>> = { '==': '', in: '' };

function holds(p: Part, v: Scalar): boolean {
  switch (p.kind) {
    case 'any':
      return true;
    case 'exact':
      return (
        p.value === v ||
        (typeof p.value !== typeof v &&
          typeof p.value !== 'string' &&
          typeof v !== 'string' &&
          BigInt(p.value) === BigInt(v))
      );
    case 'name':
      return typeof v === 'string' && v.startsWith(p.text);
    case 'range':
      return typeof v !== 'string' && v >= p.from && v <= p.to;
  }
}

const boundsOf = (p: Part): readonly number[] =>
  p.kind === 'exact' && typeof p.value !== 'string'
    ? [Number(p.value), Number(p.value) + 1]
    : p.kind === 'range'
      ? [Number(p.from), Number(p.to) + 1]
      : [];

/** Where the answer of a comparison changes; undefined where that is at no few places. */
function classesOf(op: MatchOperator, constant: number): readonly number[] | undefined {
  switch (op) {
    case '==':
    case '!=':
      return [constant, constant + 1];
    case '<':
    case '>=':
      return [constant];
    case '>':
    case '<=':
      return [constant + 1];
    case 'in':
    case '!':
      return undefined;
  }
}

function compare(op: MatchOperator, left: Scalar, right: Scalar, bits: number): boolean {
  if (typeof left === 'string' || typeof right === 'string') return op === '!=' ? left !== right : left === right;
  switch (op) {
    case '==':
      return left === right || BigInt(left) === BigInt(right);
    case '!=':
      return !(left === right || BigInt(left) === BigInt(right));
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
    case 'in':
      return BigInt(bitwise('&', left, right, bits)) !== 0n;
    case '!':
      return BigInt(bitwise('&', left, right, bits)) === 0n;
  }
}

/** Compiles `LEFT OP RIGHT`. */
export function compileMatch(s: MatchStatement, scope: Scope): (c: Context) => MatchResult {
  const field = fieldName(s.left);
  const negated = s.op === '!=';
  const missing = (m: Missing): WhyNot =>
    m instanceof Miss ? m.why : { kind: 'missing', field: m.field || field, because: m.because };
  const right =
    typeof s.right === 'object' && s.right.kind === 'concat' && s.right.parts.length === 1
      ? (s.right.parts[0] ?? s.right)
      : s.right;

  if (typeof right === 'object' && (right.kind === 'setref' || right.kind === 'set')) {
    const find = compileLookup(s.left, right, scope, negated);
    return (c) => {
      const found = find(c);
      if (found instanceof Unknown) return found;
      if (found instanceof Miss) return negated ? true : found.why;
      if (found instanceof Missing) return missing(found);
      if (!negated) return true;
      const lookup = c.record?.lookups.at(-1);
      return {
        kind: 'miss',
        set: right.kind === 'setref' ? right.name : undefined,
        key: lookup?.key ?? '',
        size: lookup?.size ?? 0,
        negated: true,
      };
    };
  }

  const types = typesIn(s.left, scope);
  const type = types[0];
  const getLeft = compileExpression(s.left, scope, type);
  const wanted = typeof right === 'boolean' ? (right ? 'exists' : 'missing') : fieldName(right);
  const op = OPPOSITE[s.op] ?? s.op;
  // What nobody records is not put into words.
  const untold: WhyNot = { kind: 'value', field, saw: '', op, wanted };
  const why = (v: Value, c: Context, raw?: Evaluated, bounds?: readonly number[]): WhyNot => {
    if (c.record === undefined) return untold;
    const saw = (raw instanceof Chance ? raw.range(Number(v), bounds) : undefined) ?? formatValue(types, v);
    return { kind: 'value', field, saw, op, wanted: wantedText(right, type, scope, wanted) };
  };

  // A test for existence: of a header, an option, or an output interface.
  if (typeof right === 'boolean') {
    // An option by its number is read as its first byte where it is asked for.
    const byNumber = typeof s.left === 'object' && s.left.kind === 'rawTcpOption';
    return (c) => {
      const v = settled(getLeft(c), c);
      if (v instanceof Unknown) return v;
      if (v instanceof Missing && !byNumber) return missing(v);
      if (v instanceof Missing) return (right === false) !== negated ? true : { ...untold, saw: 'missing' };
      const exists = typeof v === 'string' ? v !== '' : BigInt(v as number | bigint) !== 0n;
      // The kernel compares 1 and 0. nft 1.1.3 lists `ip option rr type <= 148` as `ip option rr <= exists`, and loads it so.
      if (compare(s.op === 'in' ? '==' : s.op, exists ? 1 : 0, right ? 1 : 0, 8)) return true;
      return { ...why(v, c), saw: exists ? 'exists' : 'missing' };
    };
  }

  if (types.length > 1) {
    const rights = typeof right === 'object' && right.kind === 'concat' ? right.parts : [right];
    const parts = types.map((t, i) => part(t, rights[i] ?? 0, scope.program.names));
    if (parts.some((p) => p === undefined)) return notKnown(wanted);
    return (c) => {
      const v = settled(getLeft(c), c);
      if (v instanceof Unknown) return v;
      if (v instanceof Missing) return missing(v);
      const list = Array.isArray(v) ? (v as readonly Scalar[]) : [v as Scalar];
      const equal = parts.every((p, i) => p !== undefined && holds(p, list[i] ?? 0));
      return equal !== negated ? true : why(v, c);
    };
  }

  const p = type === undefined ? part(MARK, right, scope.program.names) : part(type, right, scope.program.names);
  if (
    p !== undefined &&
    (p.kind === 'range' || p.kind === 'name' || p.kind === 'any') &&
    (s.op === '==' || s.op === '!=' || s.op === 'in')
  ) {
    // nft 1.0.6 lists `udp length < 9 ip hdrlength > 5` as `ip hdrlength != 9-5`: what the rule tests is lost.
    if (p.kind === 'range' && p.from > p.to) return backwards(wanted);
    const bounds = boundsOf(p);
    return (c) => {
      const raw = getLeft(c);
      const v = settled(raw, c, bounds);
      if (v instanceof Unknown) return v;
      if (v instanceof Missing) return missing(v);
      return holds(p, v as Scalar) !== negated ? true : why(v, c, raw, bounds);
    };
  }

  const constant =
    type === undefined
      ? p?.kind === 'exact'
        ? p.value
        : undefined
      : (literal(type, right, scope.program.names) ?? (p?.kind === 'exact' ? p.value : undefined));
  const bits = type?.bits || 32;
  if (constant !== undefined) {
    const classes = typeof constant === 'string' ? [] : classesOf(s.op, Number(constant));
    return (c) => {
      const raw = getLeft(c);
      const v = settled(raw, c, classes);
      if (v instanceof Between && typeof constant !== 'string') return compareBetween(s.op, v, Number(constant)) ?? v;
      if (v instanceof Unknown) return v;
      if (v instanceof Missing) return missing(v);
      return compare(s.op, v as Scalar, constant, bits) ? true : why(v, c, raw, classes);
    };
  }
  if (typeof right !== 'object') return notKnown(wanted);
  const getRight = compileExpression(right, scope, type);
  return (c) => {
    const l = settled(getLeft(c), c);
    if (l instanceof Unknown) return l;
    if (l instanceof Missing) return missing(l);
    const r = settled(getRight(c), c);
    if (r instanceof Unknown) return r;
    if (r instanceof Missing) return missing(r);
    return compare(s.op, l as Scalar, r as Scalar, bits) ? true : why(l, c);
  };
}

/** The outcome that holds for every number between the bounds; undefined where it depends. */
function compareBetween(op: MatchOperator, v: Between, constant: number): MatchResult | undefined {
  const no = (): WhyNot => ({
    kind: 'value',
    field: v.reason.say,
    saw: `${v.min} to ${v.max}`,
    op: op === '==' ? '' : op,
    wanted: String(constant),
  });
  const low = compare(op, v.min, constant, 32);
  const high = compare(op, v.max, constant, 32);
  if (low !== high) return undefined;
  if (
    (op === '==' || op === '!=' || op === 'in' || op === '!') &&
    v.min !== v.max &&
    constant >= v.min &&
    constant <= v.max
  )
    return undefined;
  return low ? true : no();
}

function backwards(wanted: string): (c: Context) => MatchResult {
  const u = new Unknown({
    code: 'listing-wrong',
    say: `The listing holds the range ${wanted}, which ends before it begins: nft put two matches together.`,
    settle: 'Assume whether the rule matches.',
  });
  return () => u;
}

function notKnown(wanted: string): (c: Context) => MatchResult {
  const u = new Unknown({
    code: 'unknown-name',
    say: `The value of ${wanted} is defined in a file of the node.`,
    settle: 'Assume its number.',
  });
  return () => u;
}

function wantedText(right: Expression, type: DataType | undefined, scope: Scope, fallback: string): string {
  if (typeof right !== 'number' || type === undefined) return fallback;
  const v = literal(type, right, scope.program.names);
  return v === undefined ? fallback : formatValue(type, v);
}
