/**
 * The statements that keep a state: counter, quota, limit, ct count, last. They stand in rules, in the declarations of
 * sets and on elements.
 */
import type { CounterStatement, LimitStatement, QuotaStatement, Statement } from '../nft/model';
import {
  asFlag,
  asInteger,
  asJson,
  asObject,
  asText,
  asUnsigned32,
  type Draft,
  hasMoreThan,
  type RawObject,
} from './raw';

/**
 * The stateful statement that member `kind` of `holder` holds; undefined where `kind` is no such statement.
 * `null` is a statement without values, as in the declaration of a set.
 */
export function decodeStateful(kind: string, holder: RawObject): Statement | undefined {
  switch (kind) {
    case 'counter':
      return decodeCounter(holder);
    case 'quota':
      return decodeQuota(holder);
    case 'limit':
      return decodeLimit(holder);
    case 'ct count':
      return decodeCtCount(holder);
    case 'last':
      return decodeLast(holder);
    default:
      return undefined;
  }
}

/** A list of stateful statements: the member `stmt`, an array, or one object in a meter. */
export function decodeStatefulList(value: unknown, holder: RawObject, key: string): readonly Statement[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return decodeStatefulMembers(asObject(value, holder, key));
  return value.flatMap((item, index) => decodeStatefulMembers(asObject(item, value, index)));
}

function decodeStatefulMembers(object: RawObject): Statement[] {
  return Object.keys(object).map(
    (kind) =>
      decodeStateful(kind, object) ?? { kind: 'unsupported', name: kind, raw: { [kind]: asJson(object[kind]) } },
  );
}

const unsupported = (name: string, holder: RawObject): Statement => ({
  kind: 'unsupported',
  name,
  raw: { [name]: asJson(holder[name]) },
});

function decodeCounter(holder: RawObject): Statement {
  if (holder.counter === null) return { kind: 'counter' };
  const raw = asObject(holder.counter, holder, 'counter');
  if (hasMoreThan(raw, 2)) return unsupported('counter', holder);
  const counter: CounterStatement = {
    kind: 'counter',
    packets: asInteger(raw.packets, raw, 'packets'),
    bytes: asInteger(raw.bytes, raw, 'bytes'),
  };
  return counter;
}

function decodeQuota(holder: RawObject): Statement {
  const raw = asObject(holder.quota, holder, 'quota');
  const quota: Draft<QuotaStatement> = {
    kind: 'quota',
    val: asInteger(raw.val, raw, 'val'),
    valUnit: asText(raw.val_unit, raw, 'val_unit'),
    over: asFlag(raw.inv, raw, 'inv'),
  };
  let known = raw.inv === undefined ? 2 : 3;
  if (raw.used !== undefined) {
    quota.used = asInteger(raw.used, raw, 'used');
    quota.usedUnit = asText(raw.used_unit, raw, 'used_unit');
    known += 2;
  }
  return hasMoreThan(raw, known) ? unsupported('quota', holder) : quota;
}

/** The members that a limit statement and a limit object share. */
export function decodeLimitValues(raw: RawObject): Omit<LimitStatement, 'kind'> {
  const limit: Draft<Omit<LimitStatement, 'kind'>> = {
    rate: asInteger(raw.rate, raw, 'rate'),
    per: asText(raw.per, raw, 'per'),
    over: asFlag(raw.inv, raw, 'inv'),
  };
  if (raw.burst !== undefined) limit.burst = asInteger(raw.burst, raw, 'burst');
  if (raw.rate_unit !== undefined) limit.rateUnit = asText(raw.rate_unit, raw, 'rate_unit');
  if (raw.burst_unit !== undefined) limit.burstUnit = asText(raw.burst_unit, raw, 'burst_unit');
  return limit;
}

const LIMIT_MEMBERS = new Set(['rate', 'per', 'inv', 'burst', 'rate_unit', 'burst_unit']);

function decodeLimit(holder: RawObject): Statement {
  const raw = asObject(holder.limit, holder, 'limit');
  const limit: LimitStatement = { kind: 'limit', ...decodeLimitValues(raw) };
  return Object.keys(raw).every((key) => LIMIT_MEMBERS.has(key)) ? limit : unsupported('limit', holder);
}

function decodeCtCount(holder: RawObject): Statement {
  const raw = asObject(holder['ct count'], holder, 'ct count');
  const val = asUnsigned32(raw.val, raw, 'val');
  const over = asFlag(raw.inv, raw, 'inv');
  if (hasMoreThan(raw, raw.inv === undefined ? 1 : 2)) return unsupported('ct count', holder);
  return { kind: 'ctCount', val, over };
}

function decodeLast(holder: RawObject): Statement {
  if (holder.last === null) return { kind: 'last' };
  const raw = asObject(holder.last, holder, 'last');
  const used = asInteger(raw.used, raw, 'used');
  return hasMoreThan(raw, 1) ? unsupported('last', holder) : { kind: 'last', used };
}
