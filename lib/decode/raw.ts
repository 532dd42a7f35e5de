/**
 * Reading parsed JSON: each reader takes a value and where it stands, and returns it typed or leaves by a
 * {@link DecodeFailure}, which decodeRuleset turns into a problem.
 *
 * A listing has millions of values, so nothing is built for the good case: the path of a failure is found afterwards, by
 * looking for the object that holds the offending value ({@link pathTo}).
 */
import type { Json, UnsupportedExpression, UnsupportedStatement } from '../nft/model';
import { type DecodeProblem, problems } from './problem';

export type RawObject = { readonly [key: string]: unknown };
export type RawArray = readonly unknown[];
export type Holder = RawObject | RawArray;

/** For building an object whose optional members are added one by one. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Leaves the decoder; private to lib/decode. */
export class DecodeFailure extends Error {
  readonly holder: Holder;
  readonly key: string | number;
  /** The problem, given the path of `key` in `holder`. */
  readonly problem: (path: string) => DecodeProblem;

  constructor(holder: Holder, key: string | number, problem: (path: string) => DecodeProblem) {
    super('decode failure');
    this.holder = holder;
    this.key = key;
    this.problem = problem;
  }
}

/** The value as JSON in at most 60 characters, for messages. */
export function excerpt(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (typeof value === 'object' && value !== null) {
    // Not JSON.stringify of the whole: the value may be a hundred megabytes, and may hold a bigint.
    const keys = Object.keys(value);
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const shown = keys.slice(0, 4).map((key) => JSON.stringify(key.slice(0, 20)));
    return `{${shown.join(', ')}${keys.length > 4 ? ', …' : ''}}`;
  }
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function failType(value: unknown, holder: Holder, key: string | number, expected: string): never {
  throw new DecodeFailure(holder, key, (path) =>
    value === undefined ? problems.missing(path, expected) : problems.wrongType(path, expected, excerpt(value)),
  );
}

function failNumber(value: unknown, holder: Holder, key: string | number, expected: string): never {
  if (typeof value === 'number') {
    throw new DecodeFailure(holder, key, (path) => problems.inexact(path, excerpt(value)));
  }
  return failType(value, holder, key, expected);
}

export function asObject(value: unknown, holder: Holder, key: string | number): RawObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as RawObject;
  return failType(value, holder, key, 'an object');
}

export function asArray(value: unknown, holder: Holder, key: string | number): RawArray {
  return Array.isArray(value) ? value : failType(value, holder, key, 'an array');
}

export function asText(value: unknown, holder: Holder, key: string | number): string {
  return typeof value === 'string' ? value : failType(value, holder, key, 'a string');
}

/** An integer that is small by nature: a handle, a length, an offset, a number of seconds. May be negative. */
export function asNumber(value: unknown, holder: Holder, key: string | number): number {
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : failNumber(value, holder, key, 'an integer');
}

/** An unsigned 32-bit integer. nft prints some as signed: sizes of sets, `mod` and `offset` of numgen. */
export function asUnsigned32(value: unknown, holder: Holder, key: string | number): number {
  const number = asNumber(value, holder, key);
  return number < 0 ? number >>> 0 : number;
}

/**
 * An unsigned 64-bit integer. nft prints it as signed, so a negative one stands for itself plus 2^64
 * (`packets 18446744073709551615` is printed as -1).
 */
export function asInteger(value: unknown, holder: Holder, key: string | number): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value))
    return value >= 0 ? value : BigInt.asUintN(64, BigInt(value));
  if (typeof value === 'bigint') return value >= 0n ? value : BigInt.asUintN(64, value);
  return failNumber(value, holder, key, 'an integer');
}

/** `null` stands for nothing to say: `{"accept": null}`. */
export function asNull(value: unknown, holder: Holder, key: string | number): void {
  if (value !== null) failType(value, holder, key, 'null');
}

/** True where present and true; nft leaves the member out, or says false, otherwise. */
export function asFlag(value: unknown, holder: Holder, key: string | number): boolean {
  if (value === undefined) return false;
  return typeof value === 'boolean' ? value : failType(value, holder, key, 'true or false');
}

export function asWord<const T extends string>(
  value: unknown,
  holder: Holder,
  key: string | number,
  words: readonly T[],
): T {
  const text = asText(value, holder, key);
  // An indexOf instead of a Set: the lists have two to eight words.
  const index = (words as readonly string[]).indexOf(text);
  const word = words[index];
  if (word !== undefined) return word;
  throw new DecodeFailure(holder, key, (path) =>
    problems.unknownWord(path, `one of ${words.join(', ')}`, excerpt(text)),
  );
}

const NONE: readonly string[] = Object.freeze([]);

/** Names where one is printed as a string and several as an array, or always as an array (1.1.7); absent: none. */
export function asNames(value: unknown, holder: Holder, key: string | number): readonly string[] {
  if (value === undefined) return NONE;
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return failType(value, holder, key, 'a string or an array of strings');
  for (let i = 0; i < value.length; i++) asText(value[i], value, i);
  return value as readonly string[];
}

/** The name behind the at sign: `@cluster-ips`. */
export function asReference(value: unknown, holder: Holder, key: string | number): string {
  const text = asText(value, holder, key);
  return text.startsWith('@') ? text.slice(1) : failType(value, holder, key, 'a name with a leading @');
}

/**
 * An array to be filled from 0 to `length`. An array that grows by push takes room for seventeen members at the first; a
 * listing has hundreds of thousands of arrays of one to three.
 */
export const sized = <T>(length: number): T[] => new Array<T>(length);

/** The only key of an object; the empty string where it has none or several. */
export function soleKey(object: RawObject): string {
  let sole = '';
  let count = 0;
  for (const key in object) {
    sole = key;
    count++;
  }
  return count === 1 ? sole : '';
}

/** True when an object has more members than the decoder has read: then something it says would be lost. */
export function hasMoreThan(object: RawObject, known: number): boolean {
  let count = 0;
  for (const _ in object) count++;
  return count > known;
}

/** The value to keep as raw JSON. Integers beyond 2^53, which the parser gives as bigint, become strings of digits. */
export function asJson(value: unknown): Json {
  return holdsBigint(value) ? withoutBigint(value) : (value as Json);
}

/** Something that the model does not know, whole and with its kind. Serves as an expression and as a statement. */
export function unsupported(kind: string, raw: RawObject): UnsupportedExpression & UnsupportedStatement {
  return { kind: 'unsupported', name: kind === '' ? Object.keys(raw).join(', ') : kind, raw: asJson(raw) };
}

function holdsBigint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  for (const member of Object.values(value)) if (holdsBigint(member)) return true;
  return false;
}

function withoutBigint(value: unknown): Json {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(withoutBigint);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutBigint(member)]));
}

/** A step of a path: `.rule`, `[2]`, `["ct helper"]`. */
function pathStep(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The deepest paths of real rulesets have about twenty steps. */
const MOST_STEPS = 40;
const LONGEST_STEP = 80;

/** Joins steps to a path; the first has no leading dot. Of a document nested beyond sense the steps in the middle are left out. */
export function joinPath(steps: readonly (string | number)[]): string {
  const join = (some: readonly (string | number)[]): string =>
    some
      .map(pathStep)
      .map((step) => (step.length > LONGEST_STEP ? `${step.slice(0, LONGEST_STEP)}…` : step))
      .join('');
  const path =
    steps.length <= MOST_STEPS
      ? join(steps)
      : `${join(steps.slice(0, 12))}… ${steps.length - 14} levels …${join(steps.slice(-2))}`;
  return path.startsWith('.') ? path.slice(1) : path;
}

interface Visit {
  readonly value: object;
  readonly parent: Visit | undefined;
  readonly key: string | number;
}

/** Finds an object in the document and gives the path of its member `key`. Cost: one walk through the document. */
export function pathTo(root: unknown, holder: Holder, key: string | number): string {
  const stack: Visit[] = [];
  if (typeof root === 'object' && root !== null) stack.push({ value: root, parent: undefined, key: '' });
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    if (visit.value === holder) return joinPath([...stepsTo(visit), key]);
    const isArray = Array.isArray(visit.value);
    for (const [name, member] of Object.entries(visit.value)) {
      if (typeof member !== 'object' || member === null) continue;
      stack.push({ value: member, parent: visit, key: isArray ? Number(name) : name });
    }
  }
  return joinPath([key]);
}

function stepsTo(visit: Visit): (string | number)[] {
  const steps: (string | number)[] = [];
  for (let at = visit; at.parent !== undefined; at = at.parent) steps.push(at.key);
  return steps.reverse();
}
