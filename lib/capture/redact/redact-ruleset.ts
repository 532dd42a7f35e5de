/**
 * A listing of `nft -j` with replaced names and addresses, which decides about packets as the original does. Intervals of addresses become
 * the prefixes that they are made of. What cannot be kept — arithmetic on addresses, hashes of them, raw header bytes — becomes an unknown
 * expression, so that a trace through it is undecided and not wrong.
 */
import { formatMac, parseAddress, parseMac } from '../../net/address';
import { formatIp, type IpAddress, prefixesOf } from './address-map';
import { redactNftText } from './redact-text';
import type { Words } from './words';

type Json = unknown;
type JsonObject = { readonly [name: string]: Json };

const LOST = { redacted: true };
const OBJECT_REFERENCES: ReadonlySet<string> = new Set([
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'synproxy',
  'secmark',
]);
const BITWISE: ReadonlySet<string> = new Set(['&', '|', '^', '<<', '>>']);

export function redactRuleset(listing: Json, words: Words): Json {
  const redactor = new RulesetRedactor(words);
  const items = isObject(listing) && Array.isArray(listing.nftables) ? listing.nftables : [];
  return { nftables: items.map((item) => redactor.item(item)) };
}

/** The names of tables, chains, sets and other objects in a listing. */
export function identifiersOf(listing: Json): ReadonlySet<string> {
  const names = new Set<string>();
  const items = isObject(listing) && Array.isArray(listing.nftables) ? listing.nftables : [];
  for (const item of items.filter(isObject))
    for (const [kind, body] of Object.entries(item))
      if (kind !== 'rule' && isObject(body) && typeof body.name === 'string') names.add(body.name);
  return names;
}

/** Keys of `meta`, `ct` and `socket` whose values nft prints by names from /etc, or by paths. */
const NAMED_KEYS: ReadonlySet<string> = new Set(
  'skuid skgid iifgroup oifgroup rtclassid cgroup cgroupv2 mark secmark label'.split(' '),
);
const NAMED_TYPES: ReadonlySet<string> = new Set(
  'uid gid devgroup realm cgroupsv2 mark secmark ct_label classid'.split(' '),
);

/** Of each part of a concatenation, or of the one expression, whether its values may be such names. */
function namedParts(expression: Json): readonly boolean[] {
  if (!isObject(expression)) return [];
  if (Array.isArray(expression.concat)) return expression.concat.map((one) => namedParts(one).includes(true));
  return [
    [expression.meta, expression.ct, expression.socket].some((one) => isObject(one) && NAMED_KEYS.has(String(one.key))),
  ];
}

/** By the type of a set: one, several, or what it is the type of. */
function namedTypes(type: Json): readonly boolean[] {
  if (typeof type === 'string') return [NAMED_TYPES.has(type)];
  if (Array.isArray(type)) return type.map((one) => namedTypes(one).includes(true));
  return isObject(type) ? namedParts(type.typeof ?? type) : [];
}

/** Addresses to which kube-proxy's rules lead: those that its `dnat` statements name. */
export function endpointAddressesOf(listing: Json): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (value: Json): void => {
    if (typeof value === 'string') {
      const address = addressOf(value);
      if (address !== undefined) found.add(formatIp(address));
    } else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) add(one);
  };
  const items = isObject(listing) && Array.isArray(listing.nftables) ? listing.nftables : [];
  for (const { rule } of items.filter(isObject))
    if (isObject(rule) && rule.table === 'kube-proxy' && Array.isArray(rule.expr))
      for (const { dnat } of rule.expr.filter(isObject)) add(dnat);
  return found;
}

class RulesetRedactor {
  readonly #identifiers = new Map<string, string>();

  constructor(readonly words: Words) {}

  item(item: Json): Json {
    if (!isObject(item)) return LOST;
    return Object.fromEntries(
      Object.entries(item).map(([kind, body]) => [
        kind,
        kind === 'metainfo' || !isObject(body) ? body : this.#body(body),
      ]),
    );
  }

  #body(written: JsonObject): JsonObject {
    const body = typeof written.context === 'string' ? { ...written, context: 'redacted' } : written;
    const types = namedTypes(body.type);
    const hasNumbers = readsRaw(body.type);
    return Object.fromEntries(
      Object.entries(body).map(([key, value]) => {
        if (key === 'elem' && Array.isArray(value) && hasNumbers) return [key, this.#withoutKeys(value)];
        if (key === 'elem' && Array.isArray(value) && types.includes(true))
          return [key, value.map((one) => this.#named(one, types)).flatMap((one) => this.#elements(one))];
        if ((key === 'name' || key === 'chain' || key === 'table') && typeof value === 'string')
          return [key, this.#identifier(value)];
        if (key === 'comment' && typeof value === 'string') return [key, this.words.comment(value)];
        if (key === 'elem' && Array.isArray(value)) return [key, value.flatMap((one) => this.#elements(one))];
        if (key === 'expr' && Array.isArray(value)) return [key, value.map((one) => this.#statement(one))];
        return [key, this.#value(value)];
      }),
    );
  }

  #identifier(name: string): string {
    const known = this.#identifiers.get(name) ?? this.words.identifier(name);
    this.#identifiers.set(name, known);
    return known;
  }

  #statement(statement: Json): Json {
    // nft 1.0.6 prints some as text.
    if (typeof statement === 'string') return redactNftText(statement, this.words, new Set());
    if (!isObject(statement)) return LOST;
    const { match, mangle, snat, dnat } = statement;
    if (isObject(match)) return { ...statement, match: this.#match(this.#namedSides(match, 'left', 'right')) };
    if (isObject(mangle)) {
      if (readsRaw(mangle.key)) return { mangle: { key: LOST, value: LOST } };
      return { ...statement, mangle: this.#value(this.#namedSides(mangle, 'key', 'value')) };
    }
    // The n-th address of one network becomes the n-th of the other, which is another one now.
    for (const [kind, nat] of [['snat', snat] as const, ['dnat', dnat] as const])
      if (isObject(nat) && JSON.stringify(nat.type_flags ?? '').includes('prefix')) return { [kind]: { ...LOST } };
    return this.#value(statement);
  }

  #match(match: JsonObject): JsonObject {
    const { op, left, right } = match;
    if (readsRaw(left)) return { ...match, left: LOST, right: LOST };
    const and = isObject(left) && Array.isArray(left['&']) ? left['&'] : undefined;
    const mask = typeof and?.[1] === 'string' ? addressOf(and[1]) : undefined;
    if (typeof and?.[1] === 'string' && isMac(and[1])) return this.#maskedMac(match, and[0], and[1]);
    if (and !== undefined && mask !== undefined) {
      const len = lengthOf(mask);
      const network = typeof right === 'string' ? addressOf(right) : undefined;
      if (len === undefined || network === undefined) return { ...match, left: LOST, right: LOST };
      return {
        op,
        left: { '&': [this.#value(and[0]), and[1]] },
        right: formatIp(this.#addresses.network(network, len)),
      };
    }
    // Smaller and greater mean nothing between replaced addresses.
    if (typeof op === 'string' && /[<>]/.test(op) && typeof right === 'string' && isAddress(right))
      return { ...match, left: this.#value(left), right: LOST };
    const range = rangeOf(right);
    return {
      op,
      left: this.#value(left),
      right: range === undefined ? this.#value(right) : { set: this.#range(range) },
    };
  }

  #maskedMac(match: JsonObject, left: Json, mask: string): JsonObject {
    const { op, right } = match;
    const bits = BigInt(parseMac(mask) ?? 0);
    // Of a mask without holes the part that is left out is one less than a power of two.
    const rest = 0xffffffffffffn ^ bits;
    const address = typeof right === 'string' ? parseMac(right) : undefined;
    if (address === undefined || (rest & (rest + 1n)) !== 0n) return { ...match, left: LOST, right: LOST };
    const network = formatMac(Number(BigInt(this.#addresses.mac(address)) & bits));
    return { op, left: { '&': [this.#value(left), mask] }, right: network };
  }

  get #addresses() {
    return this.words.renaming.addresses;
  }

  /** An element of a set or map: several where it is an interval. */
  #elements(element: Json): readonly Json[] {
    if (Array.isArray(element) && element.length === 2) {
      const data = this.#value(element[1]);
      return this.#elements(element[0]).map((key) => [key, data]);
    }
    const range = rangeOf(element);
    if (range !== undefined) return this.#range(range);
    if (isObject(element) && isObject(element.elem)) {
      const { val, ...rest } = element.elem;
      const more = this.#body(rest);
      return this.#elements(val).map((one) => ({ elem: { val: one, ...more } }));
    }
    if (isObject(element) && Array.isArray(element.concat)) {
      let rows: readonly (readonly Json[])[] = [[]];
      for (const part of element.concat) {
        const parts = this.#elements(part);
        rows = rows.flatMap((row) => parts.map((one) => [...row, one]));
      }
      return rows.map((row) => ({ concat: row }));
    }
    return [this.#value(element)];
  }

  #range([first, last]: readonly [IpAddress, IpAddress]): readonly Json[] {
    return prefixesOf(first, last).map(({ address, len }) => {
      if (len === (address.family === 'ip' ? 32 : 128)) return formatIp(this.#addresses.ip(address));
      return { prefix: { addr: formatIp(this.#addresses.network(address, len)), len } };
    });
  }

  #value(value: Json): Json {
    if (typeof value === 'string') return this.#word(value);
    if (Array.isArray(value)) return value.map((one) => this.#value(one));
    if (!isObject(value)) return value;
    const { prefix, set, payload, xt } = value;
    if (xt !== undefined) return value;
    for (const kind of ['map', 'vmap']) {
      const map = value[kind];
      if (isObject(map) && readsRaw(map.key)) return { ...value, [kind]: { key: LOST, data: this.#unkeyed(map.data) } };
      if (isObject(map) && namedParts(map.key).includes(true))
        return { ...value, [kind]: this.#members(this.#namedSides(map, 'key', 'data')) };
    }
    if (isObject(prefix) && typeof prefix.addr === 'string' && typeof prefix.len === 'number') {
      const address = addressOf(prefix.addr);
      if (address === undefined) return value;
      return { prefix: { ...prefix, addr: formatIp(this.#addresses.network(address, prefix.len)) } };
    }
    if (rangeOf(value) !== undefined || isMacRange(value) || readsRaw({ payload }) || value.jhash !== undefined)
      return LOST;
    for (const [key, operands] of Object.entries(value))
      if (
        BITWISE.has(key) &&
        Array.isArray(operands) &&
        operands.some((one) => typeof one === 'string' && isAddress(one))
      )
        return LOST;
    if (Array.isArray(set)) return { ...value, set: asListed(set.flatMap((one) => this.#elements(one))) };
    return this.#members(value);
  }

  #members(value: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#member(key, one)]));
  }

  /** The elements of a map whose keys cannot be kept, or the set of that name. */
  #unkeyed(data: Json): Json {
    const set = isObject(data) ? data.set : undefined;
    return Array.isArray(set) ? { set: this.#withoutKeys(set) } : this.#value(data);
  }

  #withoutKeys(elements: readonly Json[]): readonly Json[] {
    return elements.map((one) => (Array.isArray(one) ? [LOST, this.#value(one[1])] : LOST));
  }

  /** What is compared with users, groups and labels has their names. */
  #namedSides(statement: JsonObject, of: string, values: string): JsonObject {
    const parts = namedParts(statement[of]);
    if (!parts.includes(true)) return statement;
    const value = statement[values];
    const named = Array.isArray(value) ? value.map((one) => this.#named(one, parts)) : this.#named(value, parts);
    return { ...statement, [values]: named };
  }

  /** @param parts which parts of a concatenation are names that people give; of anything else the first counts */
  #named(value: Json, parts: readonly boolean[]): Json {
    if (typeof value === 'string') {
      const isNamed = parts[0] === true && !value.startsWith('@') && !/^(?:0x[0-9a-f]+|\d+)$/.test(value);
      return isNamed ? this.words.named(value) : value;
    }
    // A pair of a map: its data is something else.
    if (Array.isArray(value)) return value.map((one, index) => (index === 0 ? this.#named(one, parts) : one));
    if (!isObject(value)) return value;
    const { set, concat, range, elem } = value;
    if (Array.isArray(set)) return { ...value, set: set.map((one) => this.#named(one, parts)) };
    if (Array.isArray(range)) return { ...value, range: range.map((one) => this.#named(one, parts)) };
    if (isObject(elem)) return { ...value, elem: { ...elem, val: this.#named(elem.val, parts) } };
    if (Array.isArray(concat))
      return { ...value, concat: concat.map((one, index) => this.#named(one, [parts[index] === true])) };
    return value;
  }

  #member(key: string, value: Json): Json {
    if (typeof value !== 'string') return this.#value(value);
    if (key === 'target' || OBJECT_REFERENCES.has(key)) return this.#identifier(value);
    if (key === 'comment' || key === 'prefix') return this.words.comment(value);
    return this.#word(value);
  }

  #word(word: string): string {
    return word.startsWith('@') ? `@${this.#identifier(word.slice(1))}` : this.words.scrub(word);
  }
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isMac = (text: string): boolean => parseMac(text) !== undefined;
const isAddress = (text: string): boolean => isMac(text) || addressOf(text) !== undefined;
const isMacRange = ({ range }: JsonObject): boolean =>
  Array.isArray(range) && range.some((one) => typeof one === 'string' && isMac(one));

function addressOf(text: string): IpAddress | undefined {
  return parseAddress(text);
}

/** Undefined for a range of something else than addresses. */
function rangeOf(value: Json): readonly [IpAddress, IpAddress] | undefined {
  const range = isObject(value) && Array.isArray(value.range) ? value.range : [];
  const [first, last] = range.map((one) => (typeof one === 'string' ? addressOf(one) : undefined));
  return first === undefined || last === undefined ? undefined : [first, last];
}

/**
 * The members of an anonymous set as nft lists them: addresses are sorted, and those that touch are one interval (measured: nft 1.0.6).
 * What is compared with it is in that form too. Anything but addresses stays as it is.
 */
function asListed(members: readonly Json[]): readonly Json[] {
  const networks = members.map(networkIn);
  const [first] = networks;
  if (first === undefined) return members;
  const merged: { from: bigint; to: bigint }[] = [];
  const known = networks.flatMap((one) => (one?.family === first.family ? [one] : []));
  if (known.length < members.length) return members;
  for (const { from, to } of known.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const before = merged.at(-1);
    if (before === undefined || from > before.to + 1n) merged.push({ from, to });
    else if (to > before.to) before.to = to;
  }
  const address = (value: bigint): IpAddress =>
    first.family === 'ip' ? { family: 'ip', value: Number(value) } : { family: 'ip6', value };
  return merged.map(({ from, to }) => {
    if (from === to) return formatIp(address(from));
    const [network, ...more] = prefixesOf(address(from), address(to));
    if (network === undefined || more.length > 0) return { range: [formatIp(address(from)), formatIp(address(to))] };
    return { prefix: { addr: formatIp(network.address), len: network.len } };
  });
}

/** An address, or a prefix, as the first and the last address in it. */
function networkIn(
  member: Json,
): { readonly family: 'ip' | 'ip6'; readonly from: bigint; readonly to: bigint } | undefined {
  const prefix = isObject(member) && isObject(member.prefix) ? member.prefix : undefined;
  const text = prefix?.addr ?? member;
  const address = typeof text === 'string' ? addressOf(text) : undefined;
  if (address === undefined) return undefined;
  const bits = address.family === 'ip' ? 32 : 128;
  const len = typeof prefix?.len === 'number' ? prefix.len : bits;
  const from = BigInt(address.value);
  return { family: address.family, from, to: from + (1n << BigInt(bits - len)) - 1n };
}

/** What nft prints as a number that may be an address: bytes of the network or link header by their offset, the gateway of an ICMP redirect. */
function readsRaw(value: Json): boolean {
  const text = JSON.stringify(value) ?? '';
  return /"base":"(nh|ll)"/.test(text) || (text.includes('"protocol":"icmp"') && text.includes('"field":"gateway"'));
}

/** The length of a mask; undefined where it has holes. */
function lengthOf({ family, value }: IpAddress): number | undefined {
  const bits = family === 'ip' ? 32 : 128;
  const text = BigInt(value).toString(2).padStart(bits, '0');
  const len = text.indexOf('0') === -1 ? bits : text.indexOf('0');
  return text.slice(len).includes('1') ? undefined : len;
}
