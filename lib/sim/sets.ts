/**
 * Sets, maps and verdict maps as indexes: exact keys by hash, intervals by binary search, concatenations with intervals by one hash
 * look-up per shape of prefix (tuple space search; ranges are split into prefixes, as the kernel's pipapo set does). No look-up
 * walks the elements.
 */
import { type DataType, parseSymbol } from '../nft/datatypes';
import type { Expression, SetElement, Verdict } from '../nft/model';
import type { Link } from '../world/world';
import { elementKeyOf } from './element-key';
import { bitwise, type Scalar, type Value, valueKey } from './value';

export interface Names {
  /** Interface by name, for keys of type iface_index. */
  readonly linkByName: ReadonlyMap<string, Link>;
}

/** What one part of a key or operand allows: a value, or all values with the same leading bits, or a range. */
export type Part =
  | { readonly kind: 'exact'; readonly value: Scalar }
  | { readonly kind: 'range'; readonly from: number | bigint; readonly to: number | bigint }
  /** Interface names beginning with `text`. */
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'any' };

const _maxOf = (bits: number): number | bigint => (bits > 48 ? (1n << BigInt(bits)) - 1n : 2 ** bits - 1);

/** The value of a literal expression of a type; undefined where it cannot be told (a name from a file of the host). */
export function literal(type: DataType, expr: Expression, names: Names): Scalar | undefined {
  if (typeof expr === 'object') {
    switch (expr.kind) {
      case 'binary': {
        let acc: number | bigint | undefined;
        for (const operand of expr.operands) {
          const v = literal(type, operand, names);
          if (v === undefined || typeof v === 'string') return undefined;
          acc = acc === undefined ? v : bitwise(expr.op, acc, v, type.bits || 32);
        }
        return acc;
      }
      case 'list': {
        let acc: number | bigint = type.bits > 48 ? 0n : 0;
        for (const item of expr.items) {
          const v = literal(type, item, names);
          if (v === undefined || typeof v === 'string') return undefined;
          acc = bitwise('|', acc, v, type.bits || 32);
        }
        return acc;
      }
      case 'concat':
        return expr.parts.length === 1 && expr.parts[0] !== undefined ? literal(type, expr.parts[0], names) : undefined;
      default:
        return undefined;
    }
  }
  if (type.base === 'string') return typeof expr === 'string' ? expr.replace(/\\\*$/, '*') : undefined;
  if (type.name === 'iface_index' && typeof expr === 'string') {
    const link = names.linkByName.get(expr);
    if (link !== undefined) return link.index;
    return /^\d+$/.test(expr) ? Number(expr) : -1;
  }
  const v = parseSymbol(type, expr);
  if (v === undefined) return undefined;
  return type.bits > 48 ? BigInt(v) : v;
}

/** One part of a set key, or a right-hand side: literals, prefixes, ranges, name patterns. */
export function part(type: DataType, expr: Expression, names: Names): Part | undefined {
  if (typeof expr === 'object') {
    if (expr.kind === 'wildcard') return { kind: 'any' };
    if (expr.kind === 'prefix') {
      const base = literal(type, expr.addr, names);
      if (base === undefined || typeof base === 'string') return undefined;
      const bits = type.bits;
      const host = bits - expr.len;
      if (host <= 0) return { kind: 'exact', value: base };
      if (typeof base === 'bigint') {
        const low = (base >> BigInt(host)) << BigInt(host);
        return { kind: 'range', from: low, to: low | ((1n << BigInt(host)) - 1n) };
      }
      const size = 2 ** host;
      const low = Math.floor(base / size) * size;
      return { kind: 'range', from: low, to: low + size - 1 };
    }
    if (expr.kind === 'range') {
      const from = literal(type, expr.from, names);
      const to = literal(type, expr.to, names);
      if (from === undefined || to === undefined || typeof from === 'string' || typeof to === 'string')
        return undefined;
      return from === to ? { kind: 'exact', value: from } : { kind: 'range', from, to };
    }
    if (expr.kind === 'elem') return part(type, expr.val, names);
  }
  const value = literal(type, expr, names);
  if (value === undefined) return undefined;
  if (
    type.name === 'ifname' &&
    typeof value === 'string' &&
    typeof expr === 'string' &&
    expr.endsWith('*') &&
    !expr.endsWith('\\*')
  ) {
    return { kind: 'name', text: value.slice(0, -1) };
  }
  return { kind: 'exact', value };
}

/** Interface names as 128-bit numbers, so that patterns are prefixes like any other. */
function nameBits(text: string): bigint {
  let v = 0n;
  for (let i = 0; i < 16; i++) v = (v << 8n) | BigInt(i < text.length ? text.charCodeAt(i) & 255 : 0);
  return v;
}

const numeric = (value: Scalar): number | bigint => (typeof value === 'string' ? nameBits(value) : value);
const bitsOf = (type: DataType): number => (type.base === 'string' ? 128 : type.bits || 32);

/** [value, prefix length] pairs that together hold exactly the part. */
function prefixes(p: Part, bits: number): readonly (readonly [number | bigint, number])[] {
  switch (p.kind) {
    case 'any':
      return [[bits > 48 ? 0n : 0, 0]];
    case 'exact':
      return [[numeric(p.value), bits]];
    case 'name':
      return [[nameBits(p.text), p.text.length * 8]];
    case 'range': {
      const out: (readonly [number | bigint, number])[] = [];
      let low = BigInt(p.from);
      const high = BigInt(p.to);
      while (low <= high) {
        let size = 0;
        while (size < bits && (low & (1n << BigInt(size))) === 0n && low + (1n << BigInt(size + 1)) - 1n <= high)
          size++;
        out.push([bits > 48 ? low : Number(low), bits - size]);
        low += 1n << BigInt(size);
      }
      return out;
    }
  }
}

const masked = (value: number | bigint, len: number, bits: number): number | bigint => {
  const host = bits - len;
  if (host === 0) return value;
  if (typeof value === 'bigint') return (value >> BigInt(host)) << BigInt(host);
  return Math.floor(value / 2 ** host) * 2 ** host;
};

export interface Hit {
  readonly element: SetElement;
  /** Place in the listing; -1 for elements added by this run. */
  readonly index: number;
}

class TupleSpace {
  private readonly shapes = new Map<
    string,
    { readonly lens: readonly number[]; readonly table: Map<string, number> }
  >();

  constructor(private readonly bits: readonly number[]) {}

  insert(parts: readonly Part[], index: number): void {
    const choices = parts.map((p, i) => prefixes(p, this.bits[i] ?? 32));
    const walk = (at: number, lens: number[], values: (number | bigint)[]): void => {
      const options = choices[at];
      if (options === undefined) {
        const shapeKey = lens.join(',');
        let shape = this.shapes.get(shapeKey);
        if (shape === undefined) {
          shape = { lens: [...lens], table: new Map() };
          this.shapes.set(shapeKey, shape);
        }
        const key = values.join('|');
        // The element added first wins where several hold the key (docs: concatenations with intervals).
        if (!shape.table.has(key)) shape.table.set(key, index);
        return;
      }
      for (const [value, len] of options) walk(at + 1, [...lens, len], [...values, value]);
    };
    walk(0, [], []);
  }

  find(values: readonly Scalar[]): number | undefined {
    const numbers = values.map(numeric);
    let best: number | undefined;
    for (const { lens, table } of this.shapes.values()) {
      const key = numbers.map((v, i) => masked(v, lens[i] ?? 0, this.bits[i] ?? 32)).join('|');
      const hit = table.get(key);
      if (hit !== undefined && (best === undefined || hit < best)) best = hit;
    }
    return best;
  }
}

class Intervals {
  private sorted: { from: number | bigint; to: number | bigint; index: number }[] | undefined;
  private readonly items: { from: number | bigint; to: number | bigint; index: number }[] = [];

  insert(from: number | bigint, to: number | bigint, index: number): void {
    this.items.push({ from, to, index });
    this.sorted = undefined;
  }

  find(value: number | bigint): number | undefined {
    if (this.sorted === undefined)
      this.sorted = this.items.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.index - b.index));
    let low = 0;
    let high = this.sorted.length - 1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      const item = this.sorted[mid];
      if (item === undefined) break;
      if (value < item.from) high = mid - 1;
      else if (value > item.to) low = mid + 1;
      else return item.index;
    }
    return undefined;
  }
}

/** Each class of a value of chance is a way of its own. */
const MOST_CLASSES = 128;

/** An index over the elements of one set or map. Built once, never changed. */
export class SetIndex {
  private readonly exact = new Map<Scalar, number>();
  private readonly intervals: Intervals | undefined;
  private readonly space: TupleSpace | undefined;
  private catchAll: number | undefined;
  /** Elements whose key cannot be read: a miss proves nothing while there are any. */
  readonly unread: readonly SetElement[];

  constructor(
    readonly types: readonly DataType[],
    readonly elements: readonly SetElement[],
    private readonly names: Names,
  ) {
    const unread: SetElement[] = [];
    const concat = types.length > 1;
    const single = types[0];
    let intervals: Intervals | undefined;
    let space: TupleSpace | undefined;
    elements.forEach((element, index) => {
      const key = elementKeyOf(element);
      if (typeof key === 'object' && key.kind === 'wildcard') {
        this.catchAll = index;
        return;
      }
      const exprs = concat
        ? typeof key === 'object' && key.kind === 'concat'
          ? key.parts
          : undefined
        : [typeof key === 'object' && key.kind === 'concat' && key.parts.length === 1 ? (key.parts[0] ?? key) : key];
      const parts = exprs?.length === types.length ? types.map((t, i) => part(t, exprs[i] ?? 0, names)) : [];
      if (parts.length === 0 || parts.some((p) => p === undefined)) {
        unread.push(element);
        return;
      }
      const known = parts as readonly Part[];
      if (known.every((p) => p.kind === 'exact')) {
        const values = known.map((p) => (p.kind === 'exact' ? p.value : 0));
        const k = values.length === 1 ? (values[0] ?? 0) : values.join('|');
        if (!this.exact.has(k)) this.exact.set(k, index);
        return;
      }
      const only = known[0];
      if (!concat && only !== undefined && only.kind === 'range') {
        intervals ??= new Intervals();
        intervals.insert(only.from, only.to, index);
        return;
      }
      space ??= new TupleSpace(types.map(bitsOf));
      space.insert(known, index);
    });
    this.intervals = intervals;
    this.space = space;
    this.unread = unread;
    if (single === undefined) this.catchAll = undefined;
  }

  get size(): number {
    return this.elements.length;
  }

  /** The key under which an element with an exact key is found. */
  keyOf(element: SetElement): Scalar | undefined {
    const key = elementKeyOf(element);
    const exprs = this.types.length > 1 && typeof key === 'object' && key.kind === 'concat' ? key.parts : [key];
    const values = this.types.map((t, i) => literal(t, exprs[i] ?? 0, this.names));
    if (values.some((v) => v === undefined)) return undefined;
    return values.length === 1 ? values[0] : values.join('|');
  }

  /** The element that the kernel would find. */
  find(value: Value): Hit | undefined {
    let best = this.exact.get(valueKey(value));
    if (this.intervals !== undefined && best === undefined && typeof value !== 'string' && !Array.isArray(value)) {
      best = this.intervals.find(value as number | bigint);
    }
    if (this.space !== undefined) {
      const hit = this.space.find(Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar]);
      if (hit !== undefined && (best === undefined || hit < best)) best = hit;
    }
    const index = best ?? this.catchAll;
    const element = index === undefined ? undefined : this.elements[index];
    return index === undefined || element === undefined ? undefined : { element, index };
  }

  /** Values at which the answer may change: each begins a class of equal answers. Undefined where those are too many to follow. */
  breakpoints(): readonly number[] | undefined {
    const out = new Set<number>();
    const type = this.types[0];
    if (type === undefined || this.types.length > 1) return undefined;
    const add = (from: number | bigint, to: number | bigint): void => {
      out.add(Number(from));
      out.add(Number(to) + 1);
    };
    for (const key of this.exact.keys()) if (typeof key !== 'string') add(key, key);
    for (const e of this.elements) {
      const p = part(type, e.key, { linkByName: new Map() });
      if (p?.kind === 'range') add(p.from, p.to);
    }
    return out.size > MOST_CLASSES ? undefined : [...out];
  }
}

const VERDICTS = new Set(['accept', 'drop', 'continue', 'return', 'jump', 'goto']);
/** Tells the verdict of a verdict map's element from the data of a map's. */
export function isVerdict(data: Expression | Verdict | undefined): data is Verdict {
  return typeof data === 'object' && VERDICTS.has(data.kind);
}
