/** What a match asks of the packet. Only fields of a first packet are solved; anything else is left to the trace, which decides. */

import type { DataType } from '../nft/datatypes';
import type { Expression, MatchOperator, MatchStatement, SetElement, VmapStatement } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import { elementKeyOf } from '../sim/element-key';
import type { Prepared } from '../sim/environment';
import type { ProgramTable } from '../sim/program';
import { type Part, part } from '../sim/sets';
import { targetOf } from './aim';
import {
  bitsOf,
  complement,
  type Field,
  type Interval,
  restrict,
  restrictFamily,
  restrictLocal,
  restrictNames,
  type Wanted,
} from './wanted';

/** Where a match stands. */
export interface Place {
  readonly p: Prepared;
  readonly table: ProgramTable;
  readonly family: 'ip' | 'ip6';
  /** Elements of one set that are followed, of those that fit. */
  readonly elementsMax: number;
  /** Only elements of verdict maps that lead to one of these chains are followed. */
  readonly leads?: ReadonlySet<string>;
}

/** Elements beyond this are not looked through one by one. */
const SCAN_MAX = 50_000;

type Key =
  | { readonly kind: 'field'; readonly field: Field; readonly family?: 'ip' | 'ip6'; readonly protocol?: bigint }
  | { readonly kind: 'name'; readonly key: 'iif' | 'oif' }
  | { readonly kind: 'index'; readonly key: 'iif' | 'oif' }
  | { readonly kind: 'local'; readonly key: 'daddrLocal' | 'saddrLocal' }
  | { readonly kind: 'nfproto' }
  | { readonly kind: 'ctState' }
  /** Something that is not solved. */
  | { readonly kind: 'open' };

const OPEN: Key = { kind: 'open' };
const PROTOCOLS: ReadonlyMap<string, bigint> = new Map([
  ['tcp', 6n],
  ['udp', 17n],
  ['sctp', 132n],
  ['dccp', 33n],
  ['udplite', 136n],
]);

function keyOf(expr: Expression): Key {
  if (typeof expr !== 'object') return OPEN;
  switch (expr.kind) {
    case 'payload':
      return expr.tunnel === undefined ? payloadKey(expr.protocol, expr.field) : OPEN;
    case 'meta':
      return metaKey(expr.key);
    case 'ct':
      return ctKey(expr.key, expr.dir);
    case 'fib':
      return fibKey(expr.result, expr.flags);
    default:
      return OPEN;
  }
}

function payloadKey(protocol: string, field: string): Key {
  if (protocol === 'ip' || protocol === 'ip6') {
    const family = protocol;
    if (field === 'saddr' || field === 'daddr') return { kind: 'field', field, family };
    if (field === 'protocol' || field === 'nexthdr') return { kind: 'field', field: 'protocol', family };
    if (field === 'ttl' || field === 'hoplimit') return { kind: 'field', field: 'ttl', family };
    if (field === 'dscp' || field === 'ecn') return { kind: 'field', field, family };
    return OPEN;
  }
  if (field === 'sport' || field === 'dport') {
    const number = PROTOCOLS.get(protocol);
    return { kind: 'field', field, ...(number !== undefined && { protocol: number }) };
  }
  if (field === 'type' && protocol === 'icmp') return { kind: 'field', field: 'icmpType', family: 'ip', protocol: 1n };
  if (field === 'type' && protocol === 'icmpv6')
    return { kind: 'field', field: 'icmpType', family: 'ip6', protocol: 58n };
  return OPEN;
}

function metaKey(key: string): Key {
  switch (key) {
    case 'l4proto':
      return { kind: 'field', field: 'protocol' };
    case 'mark':
      return { kind: 'field', field: 'mark' };
    case 'skuid':
      return { kind: 'field', field: 'uid' };
    case 'iifname':
    case 'oifname':
      return { kind: 'name', key: key === 'iifname' ? 'iif' : 'oif' };
    case 'iif':
    case 'oif':
      return { kind: 'index', key };
    case 'nfproto':
    case 'protocol':
      return { kind: 'nfproto' };
    default:
      return OPEN;
  }
}

/** The original direction of a first packet is the packet as it came. */
function ctKey(key: string, dir: 'original' | 'reply' | undefined): Key {
  if (key === 'state') return { kind: 'ctState' };
  if (dir !== 'original') return OPEN;
  switch (key) {
    case 'ip saddr':
    case 'ip6 saddr':
    case 'saddr':
      return { kind: 'field', field: 'saddr' };
    case 'ip daddr':
    case 'ip6 daddr':
    case 'daddr':
      return { kind: 'field', field: 'daddr' };
    case 'proto-src':
      return { kind: 'field', field: 'sport' };
    case 'proto-dst':
      return { kind: 'field', field: 'dport' };
    default:
      return OPEN;
  }
}

function fibKey(result: string, flags: readonly string[]): Key {
  if (result !== 'type' || flags.some((flag) => flag !== 'saddr' && flag !== 'daddr')) return OPEN;
  return { kind: 'local', key: flags.includes('daddr') ? 'daddrLocal' : 'saddrLocal' };
}

/** Everything that gets past a match: none where nothing does. Matches that are not solved let all through. */
export function narrowMatch(wanted: Wanted, { left, op, right }: MatchStatement, place: Place): readonly Wanted[] {
  const positive = op === '==' || op === 'in';
  if (typeof left === 'object' && left.kind === 'concat' && positive) {
    const elements = elementsOf(right, place);
    if (elements === undefined) return [wanted];
    return narrowElements(wanted, left.parts, elements, place).map(({ wanted: found }) => found);
  }
  const key = keyOf(left);
  if (key.kind === 'open') return [wanted];
  const type = singleType(left);
  if (type === undefined) return [wanted];
  const parts = partsOf(type, right, place);
  if (parts === undefined) return [wanted];
  const found = narrowKey(wanted, key, parts, op, place);
  return found === undefined ? [] : [found];
}

/** A verdict map's elements that fit, each with what it then wants. */
export function narrowVmap(
  wanted: Wanted,
  { key, data }: VmapStatement,
  place: Place,
): readonly { readonly wanted: Wanted; readonly element: SetElement }[] {
  const elements = elementsOf(data, place);
  if (elements === undefined) return [];
  const parts = typeof key === 'object' && key.kind === 'concat' ? key.parts : [key];
  const { leads } = place;
  const followed = leads === undefined ? elements : elements.filter(({ data }) => leads.has(targetOf(data) ?? ''));
  return narrowElements(wanted, parts, followed, place);
}

function elementsOf(right: Expression, { table }: Place): readonly SetElement[] | undefined {
  if (typeof right !== 'object') return undefined;
  if (right.kind === 'set') return right.elements;
  return right.kind === 'setref' ? table.set(right.name)?.set.elements : undefined;
}

function narrowElements(
  wanted: Wanted,
  keys: readonly Expression[],
  elements: readonly SetElement[],
  place: Place,
): readonly { readonly wanted: Wanted; readonly element: SetElement }[] {
  const found: { wanted: Wanted; element: SetElement }[] = [];
  for (const element of elements.slice(0, SCAN_MAX)) {
    const value = elementKeyOf(element);
    const values = typeof value === 'object' && value.kind === 'concat' ? value.parts : [value];
    let narrowed: Wanted | undefined = wanted;
    for (const [i, expr] of keys.entries()) {
      const key = keyOf(expr);
      const type = singleType(expr);
      const one = values[i];
      if (narrowed === undefined || one === undefined) break;
      if (key.kind === 'open' || type === undefined) continue;
      const parsed = part(type, one, place.p);
      if (parsed !== undefined) narrowed = narrowKey(narrowed, key, [parsed], '==', place);
    }
    if (narrowed !== undefined) found.push({ wanted: narrowed, element });
    if (found.length >= place.elementsMax) break;
  }
  return found;
}

function singleType(expr: Expression): DataType | undefined {
  const type = typeOfExpression(expr);
  return type === undefined || Array.isArray(type) ? undefined : (type as DataType);
}

/** Undefined: the right side is not made of literals. */
function partsOf(type: DataType, right: Expression, place: Place): readonly Part[] | undefined {
  const elements = elementsOf(right, place);
  if (elements !== undefined) {
    const parts = elements.slice(0, SCAN_MAX).map((element) => part(type, elementKeyOf(element), place.p));
    return parts.filter((one) => one !== undefined);
  }
  if (typeof right === 'object' && right.kind === 'list' && type.base !== 'bitmask') return undefined;
  const one = part(type, right, place.p);
  return one === undefined ? undefined : [one];
}

/** NEW and UNTRACKED in `ct state` (include/uapi/linux/netfilter/nf_conntrack_common.h, NF_CT_STATE_BIT, NF_CT_STATE_UNTRACKED_BIT). */
const NEW = 8;
const UNTRACKED = 64;

function narrowKey(
  wanted: Wanted,
  key: Exclude<Key, { kind: 'open' }>,
  parts: readonly Part[],
  op: MatchOperator,
  place: Place,
): Wanted | undefined {
  const positive = op === '==' || op === 'in';
  const negative = op === '!=' || op === '!';
  switch (key.kind) {
    case 'field':
      return narrowField(wanted, key, parts, op, place);
    case 'name': {
      if (!positive && !negative) return wanted;
      const { links } = place.p.world;
      if (!links.known) return wanted;
      const names = links.value
        .map(({ name }) => name)
        .filter((name) => parts.some((one) => isNamed(one, name)) === positive);
      return restrictNames(wanted, key.key, names);
    }
    case 'index': {
      if (!positive && !negative) return wanted;
      const { links } = place.p.world;
      if (!links.known) return wanted;
      const isMeant = (index: number) => parts.some((one) => one.kind === 'exact' && one.value === index);
      const names = links.value.filter(({ index }) => isMeant(index) === positive).map(({ name }) => name);
      return restrictNames(wanted, key.key, names);
    }
    case 'local': {
      // RTN_LOCAL is 2 (include/uapi/linux/rtnetlink.h).
      const isLocal = parts.some((one) => one.kind === 'exact' && one.value === 2);
      if (!isLocal || parts.length > 1 || (!positive && !negative)) return wanted;
      return restrictLocal(wanted, key.key, positive);
    }
    case 'nfproto': {
      const values = parts.map((one) => (one.kind === 'exact' ? Number(one.value) : -1));
      // NFPROTO_IPV4, NFPROTO_IPV6; ETH_P_IP, ETH_P_IPV6.
      const isIn =
        place.family === 'ip'
          ? values.includes(2) || values.includes(0x800)
          : values.includes(10) || values.includes(0x86dd);
      return isIn === positive ? wanted : undefined;
    }
    case 'ctState': {
      // A first packet is new, or untracked where a rule before it said so.
      const has = (bit: number): boolean =>
        parts.some((one) => one.kind === 'exact' && (Number(one.value) & bit) !== 0);
      if (positive) return has(NEW) || has(UNTRACKED) ? wanted : undefined;
      return negative && has(NEW) && has(UNTRACKED) ? undefined : wanted;
    }
  }
}

function isNamed(one: Part, name: string): boolean {
  if (one.kind === 'name') return name.startsWith(one.text);
  return one.kind === 'exact' && one.value === name;
}

function narrowField(
  wanted: Wanted,
  { field, family, protocol }: Extract<Key, { kind: 'field' }>,
  parts: readonly Part[],
  op: MatchOperator,
  place: Place,
): Wanted | undefined {
  if (family !== undefined && family !== place.family) return undefined;
  let out: Wanted | undefined = family === undefined ? wanted : restrictFamily(wanted, family);
  if (protocol !== undefined) out = out && restrict(out, 'protocol', [[protocol, protocol]]);
  if (out === undefined) return undefined;
  const bits = bitsOf(field, place.family);
  const intervals = intervalsOf(parts, bits);
  if (intervals === undefined) return out;
  const [first] = intervals;
  switch (op) {
    case '==':
    case 'in':
      return restrict(out, field, intervals);
    case '!=':
    case '!':
      return restrict(out, field, complement(intervals, bits));
    case '<':
      return first === undefined || first[0] === 0n ? undefined : restrict(out, field, [[0n, first[0] - 1n]]);
    case '<=':
      return first === undefined ? out : restrict(out, field, [[0n, first[1]]]);
    case '>':
    case '>=': {
      if (first === undefined) return out;
      const from = op === '>' ? first[1] + 1n : first[0];
      return restrict(out, field, complement([[0n, from - 1n]], bits));
    }
  }
}

function intervalsOf(parts: readonly Part[], bits: number): readonly Interval[] | undefined {
  const out: Interval[] = [];
  for (const one of parts) {
    switch (one.kind) {
      case 'exact':
        if (typeof one.value === 'string') return undefined;
        out.push([BigInt(one.value), BigInt(one.value)]);
        break;
      case 'range':
        out.push([BigInt(one.from), BigInt(one.to)]);
        break;
      case 'any':
        out.push([0n, (1n << BigInt(bits)) - 1n]);
        break;
      case 'name':
        return undefined;
    }
  }
  return out;
}
