/** Between the model and JSON: what JSON cannot hold becomes text, and back. */
import { formatAddress, parseAddress } from '../net/address';
import type { Trace } from '../sim/trace';
import type { CtEntry, CtTuple } from '../world/world';

/** An entry of the connection table with its addresses as text. */
export type WireCtEntry = Omit<CtEntry, 'original' | 'reply'> & {
  readonly original: WireCtTuple;
  readonly reply: WireCtTuple;
};
export type WireCtTuple = Omit<CtTuple, 'src' | 'dst'> & { readonly src: string; readonly dst: string };

/** A type after its way through JSON: connection entries with text addresses, integers beyond 2^53 as decimal text. */
export type Wire<T> = T extends CtEntry
  ? WireCtEntry
  : T extends bigint
    ? string
    : T extends readonly (infer Item)[]
      ? readonly Wire<Item>[]
      : T extends object
        ? { readonly [K in keyof T]: Wire<T[K]> }
        : T;

const isEntry = (value: object): value is CtEntry => 'original' in value && 'reply' in value && 'family' in value;
const wireTuple = (tuple: CtTuple): WireCtTuple => ({
  ...tuple,
  src: formatAddress(tuple.src),
  dst: formatAddress(tuple.dst),
});

/** A deep copy that JSON can hold. */
export function toWire<T>(value: T): Wire<T> {
  return copy(value) as Wire<T>;
}

function copy(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  if (isEntry(value)) return { ...value, original: wireTuple(value.original), reply: wireTuple(value.reply) };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]));
}

/** The trace of lib/sim again: addresses of connection entries as numbers. Throws on an answer that {@link toWire} did not make. */
export function reviveTrace(trace: Wire<Trace>): Trace {
  return revive(trace) as Trace;
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  if (isWireEntry(value)) return { ...value, original: reviveTuple(value.original), reply: reviveTuple(value.reply) };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revive(member)]));
}

const isWireEntry = (value: object): value is WireCtEntry =>
  'original' in value && 'reply' in value && 'family' in value;

function reviveTuple(tuple: WireCtTuple): CtTuple {
  return { ...tuple, src: addressOf(tuple.src), dst: addressOf(tuple.dst) };
}

function addressOf(text: string): number | bigint {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address.value;
}
