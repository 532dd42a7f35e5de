/** A listing of `nft -j list ruleset`, held by table, chain, rule, set and element, each with its own text. */
import { parseJson } from '../net/json-cursor';
import { itemsOf, memberOf } from './json-slices';
import { laterElement } from './later-element';

export interface HeldRule {
  readonly handle: number;
  readonly text: string;
}
export interface HeldChain {
  readonly handle: number;
  readonly text: string;
  readonly rules: readonly HeldRule[];
}
export interface HeldSet {
  readonly handle: number;
  readonly kind: 'set' | 'map';
  /** The text without its elements, up to where they stand, and what follows them. */
  readonly head: string;
  readonly tail: string;
  /** Texts of the elements, by the text of the key in a fixed notation. */
  readonly elements: ReadonlyMap<string, string>;
  /** Why events of its elements cannot be worked in; undefined where they can. */
  readonly unsure: string | undefined;
}
export interface HeldObject {
  readonly handle: number;
  readonly kind: string;
  readonly text: string;
}
export interface HeldTable {
  readonly handle: number;
  readonly text: string;
  /** By kind and name: counters, quotas and others. */
  readonly objects: ReadonlyMap<string, HeldObject>;
  readonly sets: ReadonlyMap<string, HeldSet>;
  readonly flowtables: ReadonlyMap<string, HeldObject>;
  readonly chains: ReadonlyMap<string, HeldChain>;
}
export interface HeldListing {
  readonly metainfo: string;
  /** The chains of a table stand before its objects and sets. */
  readonly chainsFirst: boolean;
  /** By family and name, in the order of the listing. */
  readonly tables: ReadonlyMap<string, HeldTable>;
}

/** What a listing or an event tells of one thing. */
export interface Told {
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** `{"rule": {…}}` */
  readonly text: string;
}

/** Of a text `{"KIND": {…}}`; undefined where it is none. */
function toldBy(text: string): Told | undefined {
  const json = parseJson(text);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return undefined;
  const [entry, ...more] = Object.entries(json.value);
  if (entry === undefined || more.length > 0 || typeof entry[1] !== 'object' || entry[1] === null) return undefined;
  return { kind: entry[0], body: entry[1] as Told['body'], text };
}

const word = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown): number => (typeof value === 'number' ? value : -1);

export const tableKey = ({ kind, body }: Told): string =>
  `${word(body.family)} ${word(kind === 'table' ? body.name : body.table)}`;
export const nameOf = ({ body }: Told): string => word(body.name);
export const handleOf = ({ body }: Told): number => count(body.handle);
export const chainOf = ({ body }: Told): string => word(body.chain);

export const heldObject = (told: Told): HeldObject => ({ handle: handleOf(told), kind: told.kind, text: told.text });

/** Types of `typeof` keys that nft 1.0.6 prints without a width. */
const WIDTHLESS = /^(integer|string|invalid)$/;

export function heldSet(told: Told): HeldSet {
  const { body, text } = told;
  const inner = text.indexOf('{', 1);
  const place = memberOf(text, inner, 'elem');
  const elements = new Map<string, string>();
  if (place !== undefined) for (const item of itemsOf(text, place[0])) elements.set(elementKey(JSON.parse(item)), item);
  const end = text.lastIndexOf('}', text.lastIndexOf('}') - 1);
  return {
    handle: handleOf(told),
    kind: told.kind === 'map' ? 'map' : 'set',
    head: place === undefined ? `${text.slice(0, end).trimEnd()}, "elem": ` : text.slice(0, place[0]),
    tail: text.slice(place === undefined ? end : place[1]),
    elements,
    unsure: unsureOf(body),
  };
}

function unsureOf(body: Told['body']): string | undefined {
  const flags = Array.isArray(body.flags) ? body.flags : [];
  if (flags.includes('timeout') || 'timeout' in body) return 'its elements expire, which no event tells';
  if (flags.includes('interval')) return 'its elements are intervals, which come as two events each';
  if (flags.length > 0) return `it has the flags ${flags.join(', ')}`;
  if ('stmt' in body) return 'its elements have statements';
  const types = [body.type, ...(typeof body.map === 'string' ? [body.map] : [])].flat();
  if (types.some((type) => typeof type !== 'string' || WIDTHLESS.test(type))) return 'its type is declared by typeof';
  return undefined;
}

/** The key of an element of a set or, with its data, of a map; in a fixed notation. */
export function elementKey(element: unknown): string {
  const key = Array.isArray(element) ? element[0] : element;
  const isElem = typeof key === 'object' && key !== null && 'elem' in key;
  return JSON.stringify(isElem ? ((key as { elem: { val?: unknown } }).elem.val ?? null) : key);
}

/**
 * @param text a listing as nft printed it
 * @returns undefined where it is none that can be held
 */
export function holdListing(text: string): HeldListing | undefined {
  const place = parseJson(text).ok ? memberOf(text, text.indexOf('{'), 'nftables') : undefined;
  if (place === undefined || text[place[0]] !== '[') return undefined;
  let metainfo = '';
  const tables = new Map<string, Draft>();
  for (const item of itemsOf(text, place[0])) {
    const told = toldBy(item);
    if (told === undefined) return undefined;
    if (told.kind === 'metainfo') {
      metainfo = item;
      continue;
    }
    if (told.kind === 'table') {
      tables.set(tableKey(told), emptyTable(told));
      continue;
    }
    const table = tables.get(tableKey(told));
    if (table === undefined || !put(table, told)) return undefined;
  }
  return { metainfo, chainsFirst: isChainsFirst(metainfo), tables };
}

/** From nft 1.1.0 on (src/json.c: table_print_json_full; seen with 1.0.6 and 1.1.3). */
function isChainsFirst(metainfo: string): boolean {
  const [, major, minor] = /"version":\s*"(\d+)\.(\d+)/.exec(metainfo) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 1);
}

interface Draft extends HeldTable {
  readonly objects: Map<string, HeldObject>;
  readonly sets: Map<string, HeldSet>;
  readonly flowtables: Map<string, HeldObject>;
  readonly chains: Map<string, HeldChain & { readonly rules: HeldRule[] }>;
}

export const emptyTable = (told: Told): Draft => ({
  handle: handleOf(told),
  text: told.text,
  objects: new Map(),
  sets: new Map(),
  flowtables: new Map(),
  chains: new Map(),
});

/** False where it does not fit. */
function put(table: Draft, told: Told): boolean {
  switch (told.kind) {
    case 'chain':
      table.chains.set(nameOf(told), { handle: handleOf(told), text: told.text, rules: [] });
      return true;
    case 'rule': {
      const chain = table.chains.get(chainOf(told));
      chain?.rules.push({ handle: handleOf(told), text: told.text });
      return chain !== undefined;
    }
    case 'set':
    case 'map':
      table.sets.set(nameOf(told), heldSet(told));
      return true;
    case 'flowtable':
      table.flowtables.set(nameOf(told), heldObject(told));
      return true;
    default:
      table.objects.set(`${told.kind} ${nameOf(told)}`, heldObject(told));
      return true;
  }
}

/**
 * The text of a listing, in the order of nft: the table, its objects, sets, flowtables, chains, and the rules of all chains.
 *
 * @param passedMs since it was listed: elements that expire have so much less time left, or have ended
 */
export function writeListing({ metainfo, chainsFirst, tables }: HeldListing, passedMs = 0): string {
  const items = metainfo === '' ? [] : [metainfo];
  for (const table of tables.values()) {
    const chains = [...table.chains.values()];
    const texts = chains.map(({ text }) => text);
    items.push(table.text);
    if (chainsFirst) items.push(...texts);
    for (const { text } of table.objects.values()) items.push(text);
    for (const set of table.sets.values()) items.push(setText(set, passedMs));
    for (const { text } of table.flowtables.values()) items.push(text);
    if (!chainsFirst) items.push(...texts);
    for (const { rules } of chains) for (const { text } of rules) items.push(text);
  }
  return `{"nftables": [${items.join(', ')}]}\n`;
}

function setText({ head, tail, elements }: HeldSet, passedMs: number): string {
  const texts = [...elements.values()];
  const left = passedMs <= 0 ? texts : texts.flatMap((text) => laterElement(text, passedMs) ?? []);
  if (left.length > 0) return `${head}[${left.join(', ')}]${tail}`;
  return `${head.replace(/,\s*"elem":\s*$/, '')}${tail}`;
}
