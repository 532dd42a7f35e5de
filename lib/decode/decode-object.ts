/** Sets, maps, chains, flowtables and named objects: the members of a table, except rules. */
import type { BaseChain, Flowtable, MapData, NamedObject, NftSet, ObjectKind, SetType } from '../nft/model';
import { decodeElements, decodeExpression } from './decode-expression';
import { decodeLimitValues, decodeStatefulList } from './decode-stateful';
import {
  asArray,
  asFlag,
  asInteger,
  asJson,
  asNames,
  asNumber,
  asObject,
  asText,
  asUnsigned32,
  asWord,
  type Draft,
  type RawObject,
} from './raw';

/** A member of an object that the model does not know, for Ruleset.unsupported. */
export interface UnknownMember {
  readonly name: string;
  readonly raw: RawObject;
}

/** Reports the members of `raw` outside `known`. */
export function unknownMembers(kind: string, raw: RawObject, known: ReadonlySet<string>, into: UnknownMember[]): void {
  for (const name in raw) {
    if (!known.has(name)) into.push({ name: `${kind}.${name}`, raw });
  }
}

// ------------------------------------------------------------------------------------------------------------- sets

const OBJECT_KINDS: readonly ObjectKind[] = [
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
  'tunnel',
];

const isObjectKind = (name: string): name is ObjectKind => (OBJECT_KINDS as readonly string[]).includes(name);

export const SET_MEMBERS: ReadonlySet<string> = new Set(
  'family name table type handle comment size count policy flags timeout gc-interval auto-merge elem stmt map'.split(
    ' ',
  ),
);

export function decodeSet(kind: 'set' | 'map', raw: RawObject): NftSet {
  const set: Draft<NftSet> = {
    kind,
    name: asText(raw.name, raw, 'name'),
    handle: asNumber(raw.handle, raw, 'handle'),
    type: decodeType(raw.type, raw, 'type'),
    flags: asNames(raw.flags, raw, 'flags'),
    autoMerge: asFlag(raw['auto-merge'], raw, 'auto-merge'),
    statements: decodeStatefulList(raw.stmt, raw, 'stmt'),
    elements: raw.elem === undefined ? [] : decodeElements(asArray(raw.elem, raw, 'elem'), kind === 'map', 0),
  };
  if (kind === 'map') set.data = decodeMapData(raw);
  if (raw.comment !== undefined) set.comment = asText(raw.comment, raw, 'comment');
  if (raw.policy !== undefined) set.policy = asText(raw.policy, raw, 'policy');
  if (raw.size !== undefined) set.size = asUnsigned32(raw.size, raw, 'size');
  if (raw.count !== undefined) set.count = asUnsigned32(raw.count, raw, 'count');
  if (raw.timeout !== undefined) set.timeout = asNumber(raw.timeout, raw, 'timeout');
  if (raw['gc-interval'] !== undefined) set.gcInterval = asNumber(raw['gc-interval'], raw, 'gc-interval');
  return set;
}

/** `"ipv4_addr"`, `["ipv4_addr", "inet_service"]`, `"ipv4_addr . inet_service"` (data in 1.0.6) or `{"typeof": …}`. */
function decodeType(value: unknown, raw: RawObject, key: string): SetType {
  if (typeof value === 'string') return { kind: 'types', names: value.split(' . ') };
  if (Array.isArray(value)) return { kind: 'types', names: asNames(value, raw, key) };
  const body = asObject(value, raw, key);
  return { kind: 'typeof', expr: decodeExpression(body.typeof, body, 'typeof', 0) };
}

function decodeMapData(raw: RawObject): MapData {
  if (raw.map === 'verdict') return { kind: 'verdict' };
  if (typeof raw.map === 'string' && isObjectKind(raw.map)) return { kind: 'object', object: raw.map };
  return decodeType(raw.map, raw, 'map');
}

// ----------------------------------------------------------------------------------------------------------- chains

export const CHAIN_MEMBERS: ReadonlySet<string> = new Set(
  'family table name handle comment type hook prio policy dev'.split(' '),
);

/** What makes a chain a base chain; undefined for a regular one. */
export function decodeBaseChain(raw: RawObject): BaseChain | undefined {
  if (raw.hook === undefined && raw.type === undefined && raw.prio === undefined) return undefined;
  return {
    type: asText(raw.type, raw, 'type'),
    hook: asText(raw.hook, raw, 'hook'),
    prio: asNumber(raw.prio, raw, 'prio'),
    policy: asWord(raw.policy, raw, 'policy', ['accept', 'drop']),
    devices: asNames(raw.dev, raw, 'dev'),
  };
}

// --------------------------------------------------------------------------------------------------------- flowtables

export const FLOWTABLE_MEMBERS: ReadonlySet<string> = new Set(
  'family table name handle hook prio dev flags'.split(' '),
);

export function decodeFlowtable(raw: RawObject): Flowtable {
  const flowtable: Draft<Flowtable> = {
    name: asText(raw.name, raw, 'name'),
    handle: asNumber(raw.handle, raw, 'handle'),
    devices: asNames(raw.dev, raw, 'dev'),
    flags: asNames(raw.flags, raw, 'flags'),
  };
  if (raw.hook !== undefined) flowtable.hook = asText(raw.hook, raw, 'hook');
  if (raw.prio !== undefined) flowtable.prio = asNumber(raw.prio, raw, 'prio');
  return flowtable;
}

// ------------------------------------------------------------------------------------------------------ named objects

const OWN_MEMBERS: { readonly [kind: string]: string } = {
  counter: 'packets bytes',
  quota: 'bytes used inv',
  limit: 'rate per inv burst rate_unit burst_unit',
  'ct helper': 'type protocol l3proto',
  'ct timeout': 'protocol l3proto policy',
  'ct expectation': 'protocol dport timeout size l3proto',
  secmark: 'context',
  synproxy: 'mss wscale flags',
};

const COMMON_MEMBERS = 'family name table handle comment'.split(' ');

const OBJECT_MEMBERS: { readonly [kind: string]: ReadonlySet<string> } = Object.fromEntries(
  Object.entries(OWN_MEMBERS).map(([kind, own]) => [kind, new Set([...COMMON_MEMBERS, ...own.split(' ')])]),
);

/** A stateful or configuration object; of an unknown kind it is kept as unsupported. */
export function decodeNamedObject(kind: string, raw: RawObject, unknown: UnknownMember[]): NamedObject {
  const base = { name: asText(raw.name, raw, 'name'), handle: asNumber(raw.handle, raw, 'handle') };
  const named = raw.comment === undefined ? base : { ...base, comment: asText(raw.comment, raw, 'comment') };
  const known = Object.hasOwn(OBJECT_MEMBERS, kind) ? OBJECT_MEMBERS[kind] : undefined;
  if (known !== undefined) unknownMembers(kind, raw, known, unknown);
  switch (kind) {
    case 'counter':
      return {
        ...named,
        kind,
        packets: asInteger(raw.packets, raw, 'packets'),
        bytes: asInteger(raw.bytes, raw, 'bytes'),
      };
    case 'quota':
      return {
        ...named,
        kind,
        bytes: asInteger(raw.bytes, raw, 'bytes'),
        used: asInteger(raw.used, raw, 'used'),
        over: asFlag(raw.inv, raw, 'inv'),
      };
    case 'limit':
      return { ...named, kind, ...decodeLimitValues(raw) };
    case 'ct helper':
      return { ...named, kind, type: asText(raw.type, raw, 'type'), protocol: asProtocol(raw), ...l3proto(raw) };
    case 'ct timeout':
      return { ...named, kind, protocol: asProtocol(raw), ...l3proto(raw), policy: decodeTimeouts(raw) };
    case 'ct expectation':
      return {
        ...named,
        kind,
        protocol: asProtocol(raw),
        dport: asNumber(raw.dport, raw, 'dport'),
        timeout: asNumber(raw.timeout, raw, 'timeout'),
        size: asNumber(raw.size, raw, 'size'),
        ...l3proto(raw),
      };
    case 'secmark':
      return { ...named, kind, context: asText(raw.context, raw, 'context') };
    case 'synproxy':
      return {
        ...named,
        kind,
        ...(raw.mss === undefined ? {} : { mss: asNumber(raw.mss, raw, 'mss') }),
        ...(raw.wscale === undefined ? {} : { wscale: asNumber(raw.wscale, raw, 'wscale') }),
        flags: asNames(raw.flags, raw, 'flags'),
      };
    case 'tunnel': {
      const members = Object.entries(raw).filter(([name]) => !COMMON_MEMBERS.includes(name));
      return { ...named, kind, members: Object.fromEntries(members.map(([name, value]) => [name, asJson(value)])) };
    }
    default:
      return { ...named, kind: 'unsupported', object: kind, raw: asJson(raw) };
  }
}

/** A protocol that the host has no name for is printed as a number. */
function asProtocol(raw: RawObject): string {
  return typeof raw.protocol === 'number'
    ? String(asNumber(raw.protocol, raw, 'protocol'))
    : asText(raw.protocol, raw, 'protocol');
}

const l3proto = (raw: RawObject): { readonly l3proto?: string } =>
  raw.l3proto === undefined ? {} : { l3proto: asText(raw.l3proto, raw, 'l3proto') };

/** Timeouts by state, in seconds; `null` where all have their default. */
function decodeTimeouts(raw: RawObject): readonly (readonly [string, number])[] {
  if (raw.policy === null) return [];
  const policy = asObject(raw.policy, raw, 'policy');
  return Object.keys(policy).map((state) => [state, asNumber(policy[state], policy, state)]);
}
