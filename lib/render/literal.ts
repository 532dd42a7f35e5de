/** One literal as nft writes it: the type decides, because a JSON number does not. */
import type { DataType } from '../nft/datatypes';
import { CLASSID, FRAG_OFF, IFNAME, TIME } from '../nft/datatypes';
import type { Immediate, Json } from '../nft/model';
import type { Dialect } from './dialect';
import { formatSeconds } from './units';

const isDigits = (text: string): boolean => /^\d+$/.test(text);

/** Raw JSON of what the model does not know. Depth is the only thing that can fail: then it is too much to show anyway. */
export function formatRaw(raw: Json): string {
  try {
    return JSON.stringify(raw);
  } catch {
    return '…';
  }
}

/** A string in double quotes. nft escapes nothing: its syntax has no way to write a double quote inside a string. */
export const quote = (text: string): string => `"${text}"`;

/** `0x` and at least `digits` digits; a negative number is one that nft printed as signed 64-bit. */
export function formatHex(value: number | bigint, digits: number): string {
  const unsigned = value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
  return `0x${unsigned.toString(16).padStart(digits, '0')}`;
}

export function formatDecimal(value: number | bigint): string {
  return value < 0 ? BigInt.asUintN(64, BigInt(value)).toString() : value.toString();
}

/** A literal of the given type; without a type, strings stand bare and numbers are decimal. */
export function formatLiteral(value: Immediate, type: DataType | undefined, dialect: Dialect): string {
  if (typeof value === 'boolean') return value ? 'exists' : 'missing';
  if (typeof value === 'string') return formatString(value, type);
  return formatNumber(value, type, dialect);
}

/** As with `nft -n`: names as numbers, durations in seconds. nft writes the ends of ranges so. */
export function formatNumeric(value: Immediate, type: DataType, dialect: Dialect): string {
  if (typeof value === 'string') {
    const number = type.symbols?.byName.get(value);
    return number === undefined ? formatString(value, type) : formatNumber(number, type, dialect);
  }
  return type === TIME ? `${String(value)}s` : formatLiteral(value, type, dialect);
}

function formatString(value: string, type: DataType | undefined): string {
  if (type?.format.quoted !== true) return value;
  // An index without an interface, a group or realm without a name and the like are digits in a string.
  if (type.base === 'integer' && isDigits(value)) return value;
  return quote(value);
}

function formatNumber(value: number | bigint, type: DataType | undefined, dialect: Dialect): string {
  if (type === undefined) return formatDecimal(value);
  if (type === TIME) return formatSeconds(value);
  if (type === IFNAME) return quote(formatDecimal(value));
  if (type === CLASSID) return formatClassid(Number(value));
  if (type === FRAG_OFF && !dialect.fragOffHex) return formatDecimal(value);
  return type.format.radix === 16 ? formatHex(value, type.format.digits) : formatDecimal(value);
}

function formatClassid(value: number): string {
  return `${Math.floor(value / 0x10000).toString(16)}:${(value % 0x10000).toString(16)}`;
}
