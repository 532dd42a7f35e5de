/** Values of expressions during evaluation, and how they read. */
import { formatAddress, formatMac } from '../net/address';
import type { DataType } from '../nft/datatypes';
import type { Reason } from './trace';

/**
 * Numbers hold up to 48 bits, bigints anything wider, strings are interface and helper names. An interface index keeps its
 * number; a concatenation is a list.
 */
export type Scalar = number | bigint | string;
export type Value = Scalar | readonly Scalar[];

/** The operand does not exist on this packet: the rule ends here, in either polarity. */
export class Missing {
  constructor(
    readonly field: string,
    readonly because: string,
  ) {}
}

/** The operand exists and nobody can know it from the capture. */
export class Unknown {
  constructor(readonly reason: Reason) {}
}

/** A number that nobody knows exactly, and that surely lies between two bounds. A comparison that comes out the same for all is decided. */
export class Between extends Unknown {
  constructor(
    reason: Reason,
    readonly min: number,
    readonly max: number,
  ) {
    super(reason);
  }
}

/** A whole number between `offset` and `offset + mod - 1`, each as likely: `numgen random`, `symhash`, `jhash` without seed. */
export class Chance {
  constructor(
    readonly what: string,
    readonly mod: number,
    readonly offset: number,
    /** Told which values were taken: one, or all of a class that a rule cannot tell apart. */
    readonly remember?: (low: number, high: number) => void,
    /** Values that begin a class whatever the rule asks. */
    readonly always: readonly number[] = [],
  ) {}

  private values: ChanceClasses | undefined;

  /** Every value alone. */
  each(): ChanceClasses {
    this.values ??= this.classes(Array.from({ length: this.mod }, (_, i) => this.offset + i));
    return this.values;
  }

  /** The classes that `breakpoints` bound: each of these values begins one. */
  between(breakpoints: readonly number[]): ChanceClasses {
    const inside = [...breakpoints, ...this.always].filter((b) => b > this.offset && b < this.offset + this.mod);
    return this.classes([...new Set([this.offset, ...inside])].sort((a, b) => a - b));
  }

  /** The class of several that begins with `low`, as nft writes a range: `30-99`. Undefined where it is one value. */
  range(low: number, breakpoints: readonly number[] | undefined): string | undefined {
    if (breakpoints === undefined) return undefined;
    const { starts, options } = this.between(breakpoints);
    const text = options[starts.indexOf(low)]?.value;
    return text === String(low) ? undefined : text;
  }

  private classes(starts: readonly number[]): ChanceClasses {
    const end = this.offset + this.mod;
    const options = starts.map((s, i) => {
      const next = starts[i + 1] ?? end;
      return { value: next - s === 1 ? String(s) : `${s}-${next - 1}`, probability: (next - s) / this.mod };
    });
    return { starts, options };
  }
}

/** Values that a rule cannot tell apart, each class by its lowest, with how likely it is. */
export interface ChanceClasses {
  readonly starts: readonly number[];
  readonly options: readonly { readonly value: string; readonly probability: number }[];
}

export type Evaluated = Value | Missing | Unknown | Chance;

export const isValue = (v: Evaluated): v is Value =>
  !(v instanceof Missing || v instanceof Unknown || v instanceof Chance);

/** How a value reads in a step: as nft would print it, without quotes. */
function formatScalar(type: DataType | undefined, value: Scalar): string {
  if (typeof value === 'string') return value;
  if (type === undefined) return String(value);
  const symbols = type.symbols;
  if (symbols !== undefined) {
    const name = symbols.byValue.get(Number(value));
    if (name !== undefined) return name;
    if (type.base === 'bitmask') {
      const names: string[] = [];
      let rest = Number(value);
      for (const [bit, n] of symbols.byValue) {
        if (bit !== 0 && (rest & bit) === bit) {
          names.push(n);
          rest &= ~bit;
        }
      }
      if (rest === 0 && names.length > 0) return names.join(',');
    }
  }
  switch (type.name) {
    case 'ipv4_addr':
      return formatAddress(Number(value));
    case 'ipv6_addr':
      return formatAddress(BigInt(value));
    case 'ether_addr':
      return formatMac(Number(value));
    default:
  }
  return type.format.radix === 16 ? `0x${value.toString(16).padStart(type.format.digits, '0')}` : String(value);
}

export function formatValue(types: DataType | readonly DataType[] | undefined, value: Value): string {
  if (!Array.isArray(value))
    return formatScalar(Array.isArray(types) ? types[0] : (types as DataType | undefined), value as Scalar);
  const list = value as readonly Scalar[];
  return list
    .map((v, i) => formatScalar(Array.isArray(types) ? types[i] : (types as DataType | undefined), v))
    .join(' . ');
}

/** The key under which a value is found in an index. */
export function valueKey(value: Value): Scalar {
  return Array.isArray(value) ? (value as readonly Scalar[]).join('|') : (value as Scalar);
}

/** Width in bytes of a field in a register, padded to 4: what a hash sees of a concatenation. */
export const registerBytes = (type: DataType): number => Math.max(4, (Math.ceil(type.bits / 8) + 3) & ~3);

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Bitwise operations on values up to 32 bits as unsigned numbers, beyond as bigint. */
export function bitwise(
  op: '|' | '&' | '^' | '<<' | '>>',
  a: number | bigint,
  b: number | bigint,
  bits: number,
): number | bigint {
  if (typeof a === 'number' && typeof b === 'number' && a <= 0xffffffff && b <= 0xffffffff && op !== '<<') {
    switch (op) {
      case '|':
        return (a | b) >>> 0;
      case '&':
        return (a & b) >>> 0;
      case '^':
        return (a ^ b) >>> 0;
      case '>>':
        return b > 31 ? 0 : a >>> b;
      default:
    }
  }
  const x = BigInt(a);
  const y = BigInt(b);
  const wide =
    op === '|' ? x | y : op === '&' ? x & y : op === '^' ? x ^ y : op === '<<' ? (x << y) & ones(bits) : x >> y;
  return bits > 48 ? wide : Number(wide);
}
