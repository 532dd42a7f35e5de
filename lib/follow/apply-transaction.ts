/** A held listing and what the kernel told of one transaction: the listing afterwards, or why it must be made anew. */
import {
  chainOf,
  elementKey,
  emptyTable,
  type HeldChain,
  type HeldListing,
  type HeldSet,
  type HeldTable,
  handleOf,
  heldObject,
  heldSet,
  nameOf,
  type Told,
  tableKey,
} from './held-listing';
import { placeRules, type RuleChange } from './place-rules';
import { type Message, type Place, ruleName, type Transaction } from './transaction';

export type Applied =
  | { readonly kind: 'next'; readonly listing: HeldListing }
  | {
      readonly kind: 'relist';
      readonly why: string;
      /** The monitor itself no longer knows all sets: it must be started anew. */
      readonly isMonitorSpent: boolean;
    };

/** Left by {@link unsure}, private to this module. */
class Unsure extends Error {
  constructor(
    readonly why: string,
    readonly isMonitorSpent: boolean,
  ) {
    super(why);
  }
}
function unsure(why: string, isMonitorSpent = false): never {
  throw new Unsure(why, isMonitorSpent);
}

/**
 * Works in one transaction. Strict: what is added must not be there, what is deleted must be, with the same handle.
 *
 * @param places where new rules stand, by {@link ruleName}
 */
export function applyTransaction(
  listing: HeldListing,
  transaction: Transaction,
  places: ReadonlyMap<string, Place>,
): Applied {
  const draft = new Draft(listing, places);
  try {
    checkSilence(transaction.messages);
    for (const message of transaction.messages) if (message.told !== undefined) draft.apply(message, message.told);
    return { kind: 'next', listing: draft.finish() };
  } catch (error) {
    if (error instanceof Unsure) return { kind: 'relist', why: error.why, isMonitorSpent: error.isMonitorSpent };
    throw error;
  }
}

/**
 * Messages without words must be those of an anonymous set: it comes just before the rule that has it, with its elements. nft 1.0.6
 * says nothing either of elements of a set that it does not know.
 */
function checkSilence(messages: readonly Message[]): void {
  let isAnonymous = false;
  for (const { type, told } of messages) {
    if (told !== undefined) {
      isAnonymous = false;
      continue;
    }
    if (type === 'NEWSET') isAnonymous = true;
    else if (type !== 'NEWSETELEM' || !isAnonymous) unsure(`nft did not say what ${type} was`, true);
  }
}

/** Sets that belong to rules are called so; they are listed with the rule. */
const isAnonymousName = (name: string): boolean => name.startsWith('__');
/** A rule that looks into a set with a name. */
const REFERENCE = '"@';

class Draft {
  readonly #tables: Map<string, HeldTable>;
  /** Rules by table and chain, in the order in which they changed. */
  readonly #rules = new Map<string, { table: string; chain: string; changes: RuleChange[] }>();
  readonly #ownSets = new Set<Map<string, string>>();

  constructor(
    readonly listing: HeldListing,
    readonly places: ReadonlyMap<string, Place>,
  ) {
    this.#tables = new Map(listing.tables);
  }

  finish(): HeldListing {
    for (const key of [...this.#rules.keys()]) this.#settleRules(key);
    return { ...this.listing, tables: this.#tables };
  }

  apply({ verb }: Message, told: Told): void {
    const isNew = verb !== 'delete';
    switch (told.kind) {
      case 'table':
        if (isNew) this.#addTable(told);
        else this.#deleteTable(told);
        break;
      case 'chain':
        if (isNew) this.#addChain(told);
        else this.#deleteChain(told);
        break;
      case 'rule':
        if (isNew) this.#addRule(told, verb === 'insert');
        else this.#deleteRule(told);
        break;
      case 'set':
      case 'map':
        if (isNew) this.#addSet(told);
        else this.#deleteSet(told);
        break;
      case 'element':
        this.#changeElements(told, isNew);
        break;
      case 'counter':
        this.#changeObject(told, isNew);
        break;
      default:
        unsure(`a ${told.kind} changed`);
    }
  }

  #table(told: Told): HeldTable {
    return this.#tables.get(tableKey(told)) ?? unsure(`the table ${tableKey(told)} is not held`);
  }

  #keep(told: Told, change: Partial<HeldTable>): void {
    this.#tables.set(tableKey(told), { ...this.#table(told), ...change });
  }

  #addTable(told: Told): void {
    const key = tableKey(told);
    if (told.body.family === 'netdev') unsure('nft does not say which devices a netdev chain has');
    if ('flags' in told.body) unsure(`the table ${key} has flags`);
    if (this.#tables.has(key)) unsure(`the table ${key} was added and is held`);
    this.#tables.set(key, emptyTable(told));
  }

  #deleteTable(told: Told): void {
    const key = tableKey(told);
    if (this.#table(told).handle !== handleOf(told)) unsure(`the table ${key} was another one`);
    for (const [one, { table }] of this.#rules) if (table === key) this.#rules.delete(one);
    this.#tables.delete(key);
  }

  #addChain(told: Told): void {
    const name = nameOf(told);
    const { chains } = this.#table(told);
    const { hook } = told.body;
    if (hook === 'ingress' || hook === 'egress' || 'dev' in told.body)
      unsure(`nft does not say which devices the chain ${name} has`);
    if (isAnonymousName(name)) unsure('a chain without a name was added');
    const held = chains.get(name);
    if (held === undefined) {
      for (const one of chains.values()) if (one.handle === handleOf(told)) unsure(`a chain was renamed to ${name}`);
      this.#keep(told, { chains: new Map(chains).set(name, { handle: handleOf(told), text: told.text, rules: [] }) });
    } else {
      // The same chain again: its policy was set.
      if (held.handle !== handleOf(told) || withoutPolicy(held.text) !== withoutPolicy(told.text))
        unsure(`the chain ${name} was added and is held`);
      this.#keep(told, { chains: new Map(chains).set(name, { ...held, text: told.text }) });
    }
  }

  #deleteChain(told: Told): void {
    const name = nameOf(told);
    this.#settleRules(`${tableKey(told)} ${name}`);
    const chains = new Map(this.#table(told).chains);
    const held = chains.get(name);
    if (held === undefined || held.handle !== handleOf(told)) unsure(`the chain ${name} was deleted and is not held`);
    if (held.rules.length > 0) unsure(`the chain ${name} was deleted with rules in it`);
    chains.delete(name);
    this.#keep(told, { chains });
  }

  #chain(told: Told): HeldChain {
    return this.#table(told).chains.get(chainOf(told)) ?? unsure(`the chain ${chainOf(told)} is not held`);
  }

  #changesOf(told: Told): RuleChange[] {
    const [table, chain] = [tableKey(told), chainOf(told)];
    const key = `${table} ${chain}`;
    const known = this.#rules.get(key) ?? { table, chain, changes: [] };
    this.#rules.set(key, known);
    return known.changes;
  }

  #addRule(told: Told, isInsert: boolean): void {
    this.#chain(told);
    const { expr } = told.body;
    if (!Array.isArray(expr) || expr.length === 0) unsure(`nft has no words for rule ${handleOf(told)}`);
    if (/"(xt|meter)":/.test(told.text)) unsure(`nft does not say all of rule ${handleOf(told)}`);
    const place = this.places.get(ruleName(told));
    if (place === undefined) unsure(`where rule ${handleOf(told)} stands was not told`);
    const rule = { handle: handleOf(told), text: told.text };
    this.#changesOf(told).push({ kind: 'add', rule, isInsert, place });
  }

  #deleteRule(told: Told): void {
    const chain = this.#chain(told);
    const changes = this.#changesOf(told);
    const handle = handleOf(told);
    let text = chain.rules.find((rule) => rule.handle === handle)?.text;
    for (const change of changes) if (change.kind === 'add' && change.rule.handle === handle) text = change.rule.text;
    // nft 1.0.6 forgets each set that a deleted rule looks into, also one with a name: it then prints later rules without
    // that condition, and later elements not at all.
    if (text?.includes(REFERENCE)) unsure('a rule was deleted that looks into a set with a name', true);
    changes.push({ kind: 'delete', handle });
  }

  #settleRules(key: string): void {
    const known = this.#rules.get(key);
    const table = this.#tables.get(known?.table ?? '');
    const chain = table?.chains.get(known?.chain ?? '');
    this.#rules.delete(key);
    if (known === undefined || table === undefined || chain === undefined) return;
    const placed = placeRules(chain.rules, known.changes);
    if ('why' in placed) unsure(`chain ${known.chain}: ${placed.why}`);
    const chains = new Map(table.chains).set(known.chain, { ...chain, rules: placed });
    this.#tables.set(known.table, { ...table, chains });
  }

  #addSet(told: Told): void {
    const name = nameOf(told);
    const { sets } = this.#table(told);
    const [held, added] = [sets.get(name), heldSet(told)];
    // The same again changes nothing.
    if (held !== undefined && held.handle === added.handle && withoutElements(held) === withoutElements(added)) return;
    if (held !== undefined || isAnonymousName(name)) unsure(`the set ${name} was added and is held`);
    this.#keep(told, { sets: new Map(sets).set(name, added) });
  }

  #deleteSet(told: Told): void {
    const name = nameOf(told);
    if (isAnonymousName(name)) return;
    const sets = new Map(this.#table(told).sets);
    if (sets.get(name)?.handle !== handleOf(told)) unsure(`the set ${name} was deleted and is not held`);
    sets.delete(name);
    this.#keep(told, { sets });
  }

  #changeElements(told: Told, isNew: boolean): void {
    const name = nameOf(told);
    const set = this.#table(told).sets.get(name) ?? unsure(`the set ${name} is not held`);
    if (set.unsure !== undefined) unsure(`the set ${name} changed: ${set.unsure}`);
    const elements = this.#ownElements(set);
    for (const element of elementsOf(told)) {
      const key = elementKey(element);
      if (elements.has(key) === isNew)
        unsure(`an element of ${name} was ${isNew ? 'added and is' : 'deleted and is not'} held`);
      if (isNew) elements.set(key, spaced(element));
      else elements.delete(key);
    }
    if (elements !== set.elements)
      this.#keep(told, { sets: new Map(this.#table(told).sets).set(name, { ...set, elements }) });
  }

  /** A copy of the elements that this transaction may change. */
  #ownElements({ elements }: HeldSet): Map<string, string> {
    if (this.#ownSets.has(elements as Map<string, string>)) return elements as Map<string, string>;
    const own = new Map(elements);
    this.#ownSets.add(own);
    return own;
  }

  #changeObject(told: Told, isNew: boolean): void {
    const key = `${told.kind} ${nameOf(told)}`;
    const objects = new Map(this.#table(told).objects);
    const held = objects.get(key);
    if (isNew ? held !== undefined : held?.handle !== handleOf(told))
      unsure(`the ${key} is held or not, against the event`);
    if (isNew) objects.set(key, heldObject(told));
    else objects.delete(key);
    this.#keep(told, { objects });
  }
}

const withoutElements = ({ head, tail }: HeldSet): string => head + tail;
const withoutPolicy = (text: string): string => text.replace(/"policy": "\w+"/, '');

function elementsOf({ body }: Told): readonly unknown[] {
  const { elem } = body;
  const items = typeof elem === 'object' && elem !== null ? (elem as { set?: unknown }).set : undefined;
  if (!Array.isArray(items) || items.length === 0) return unsure('nft did not say which elements changed');
  const isPlain = (one: unknown): boolean =>
    !/"(range|prefix|expires|timeout|counter|quota|limit)":/.test(JSON.stringify(one));
  return items.every(isPlain) ? items : unsure('an element is an interval, expires or counts');
}

/** As nft spaces its JSON. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${spaced(one)}`)
    .join(', ')}}`;
}
