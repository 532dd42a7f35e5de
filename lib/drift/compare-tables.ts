/** The expected table against the actual one: rule for rule, element for element. Contents of affinity sets are clients', not compared. */
import { type ObjectOwner, TableOwners } from '../explain/object-owner';
import type { Chain, Expression, NftSet, Rule, SetElement, Table } from '../nft/model';
import { type RenderContext, renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';

export type DifferenceKind =
  | 'table missing'
  | 'table differs'
  | 'chain missing'
  | 'chain extra'
  | 'chain differs'
  | 'rule missing'
  | 'rule extra'
  | 'rule differs'
  | 'rule order'
  | 'set missing'
  | 'set extra'
  | 'set differs'
  | 'element missing'
  | 'element extra'
  | 'element differs';

export interface Difference {
  readonly kind: DifferenceKind;
  /** Of the chain, set or map; empty for the table. */
  readonly name: string;
  /** As nft prints it; null where there is none. */
  readonly expected: string | null;
  readonly actual: string | null;
  readonly owner: ObjectOwner;
}

/** Something that differs and is as it should be. */
export interface Normal {
  readonly name: string;
  readonly why: string;
}

export interface TableDrift {
  readonly differences: readonly Difference[];
  readonly normal: readonly Normal[];
}

/** @param nftVersion of the listing that `actual` comes from: both sides are written in its words */
export function compareTables(expected: Table, actual: Table | undefined, nftVersion: string | undefined): TableDrift {
  const owners = { expected: new TableOwners(expected), actual: new TableOwners(actual ?? expected) };
  if (actual === undefined) {
    const owner: ObjectOwner = { component: owners.expected.component, role: 'fixed', services: [], endpoints: [] };
    const text = tableText(expected);
    return { differences: [{ kind: 'table missing', name: '', expected: text, actual: null, owner }], normal: [] };
  }
  const comparison = new Comparison(expected, actual, owners, nftVersion);
  return comparison.run();
}

type Owners = { readonly expected: TableOwners; readonly actual: TableOwners };

class Comparison {
  readonly #differences: Difference[] = [];
  readonly #normal: Normal[] = [];
  readonly #ctx: { readonly expected: RenderContext; readonly actual: RenderContext };

  constructor(
    readonly expected: Table,
    readonly actual: Table,
    readonly owners: Owners,
    nftVersion: string | undefined,
  ) {
    this.#ctx = { expected: renderContext(expected, nftVersion), actual: renderContext(actual, nftVersion) };
  }

  run(): TableDrift {
    const { expected, actual } = this;
    if (tableText(expected) !== tableText(actual)) {
      const owner: ObjectOwner = {
        component: this.owners.expected.component,
        role: 'fixed',
        services: [],
        endpoints: [],
      };
      this.#add('table differs', '', [tableText(expected), tableText(actual)], owner);
    }
    paired(expected.chains, actual.chains, (ours, theirs) => this.#compareChains(ours, theirs));
    paired(expected.sets, actual.sets, (ours, theirs) => this.#compareSets(ours, theirs));
    return { differences: this.#differences, normal: this.#normal };
  }

  #add(kind: DifferenceKind, name: string, texts: readonly [string | null, string | null], owner: ObjectOwner): void {
    this.#differences.push({ kind, name, expected: texts[0], actual: texts[1], owner });
  }

  // ------------------------------------------------------------------------------------------------------------ chains

  #compareChains(ours: Chain | undefined, theirs: Chain | undefined): void {
    if (theirs === undefined) {
      if (ours !== undefined)
        this.#add('chain missing', ours.name, [chainText(ours), null], this.owners.expected.chain(ours.name));
      return;
    }
    if (ours === undefined) {
      this.#extraChain(theirs);
      return;
    }
    const owner = this.owners.expected.chain(ours.name);
    if (baseText(ours) !== baseText(theirs))
      this.#add('chain differs', ours.name, [chainText(ours), chainText(theirs)], owner);
    this.#compareRules(ours, theirs);
  }

  /** Service chains are emptied at once and deleted by a later sync, which may be an hour away (syncProxyRules). */
  #extraChain(theirs: Chain): void {
    const isStale = theirs.rules.length === 0 && theirs.name.includes('/') && !this.#references.has(theirs.name);
    if (isStale) {
      this.#normal.push({ name: theirs.name, why: 'empty and used by nothing: it waits to be deleted' });
      return;
    }
    this.#add('chain extra', theirs.name, [null, chainText(theirs)], this.owners.actual.chain(theirs.name));
  }

  #compareRules(ours: Chain, theirs: Chain): void {
    const expected = ours.rules.map((rule) => renderRule(rule, this.#ctx.expected));
    const actual = theirs.rules.map((rule) => renderRule(rule, this.#ctx.actual));
    if (expected.length === actual.length && expected.every((text, i) => text === actual[i])) return;
    const missing = without(expected, actual);
    const extra = without(actual, expected);
    const owner = (rule: Rule | undefined) =>
      rule === undefined ? this.owners.expected.chain(ours.name) : this.owners.expected.rule(ours.name, rule);
    for (let i = 0; i < Math.max(missing.length, extra.length); i++) {
      const [less, more] = [missing[i], extra[i]];
      const kind = less === undefined ? 'rule extra' : more === undefined ? 'rule missing' : 'rule differs';
      const texts = [less?.text ?? null, more?.text ?? null] as const;
      this.#add(kind, ours.name, texts, owner(less === undefined ? undefined : ours.rules[less.index]));
    }
    if (missing.length === 0 && extra.length === 0)
      this.#add('rule order', ours.name, [expected.join('; '), actual.join('; ')], owner(undefined));
  }

  // -------------------------------------------------------------------------------------------------------------- sets

  #compareSets(ours: NftSet | undefined, theirs: NftSet | undefined): void {
    if (theirs === undefined) {
      if (ours !== undefined)
        this.#add('set missing', ours.name, [setText(ours), null], this.owners.expected.set(ours.name));
      return;
    }
    if (ours === undefined) {
      this.#add('set extra', theirs.name, [null, setText(theirs)], this.owners.actual.set(theirs.name));
      return;
    }
    if (setText(ours) !== setText(theirs))
      this.#add('set differs', ours.name, [setText(ours), setText(theirs)], this.owners.expected.set(ours.name));
    if (ours.name.startsWith('affinity-')) this.#permanentClients(ours, theirs);
    else this.#compareElements(ours, theirs);
  }

  /** Clients are added by rules, with the set's timeout: one that never ends came from elsewhere. */
  #permanentClients(ours: NftSet, theirs: NftSet): void {
    for (const { key, timeout, expires } of theirs.elements) {
      const isPermanent = timeout === 0 || (timeout === undefined && expires === undefined && !hasExpiry(key));
      if (!isPermanent) continue;
      const owner = this.owners.expected.set(ours.name);
      this.#add('element extra', ours.name, [null, `${keyText(key)} without a timeout`], owner);
    }
  }

  #compareElements(ours: NftSet, theirs: NftSet): void {
    const actual = new Map(theirs.elements.map((element) => [keyText(element.key), element]));
    for (const element of ours.elements) {
      const key = keyText(element.key);
      const there = actual.get(key);
      actual.delete(key);
      const text = elementText(key, element);
      const found = there === undefined ? null : elementText(key, there);
      if (text === found) continue;
      const kind = there === undefined ? 'element missing' : 'element differs';
      this.#add(kind, ours.name, [text, found], this.owners.expected.element(ours.name, element));
    }
    for (const [key, element] of actual) {
      const text = elementText(key, element);
      this.#add('element extra', ours.name, [null, text], this.owners.actual.element(ours.name, element));
    }
  }

  /** Chains that something in the actual table leads to. */
  get #references(): ReadonlySet<string> {
    this.#referenced ??= new Set(referencedChains(this.actual));
    return this.#referenced;
  }
  #referenced: ReadonlySet<string> | undefined;
}

/** Things of one name, in the order of the first list, then what only the second has. */
function paired<T extends { readonly name: string }>(
  ours: readonly T[],
  theirs: readonly T[],
  compare: (ours: T | undefined, theirs: T | undefined) => void,
): void {
  const rest = new Map(theirs.map((one) => [one.name, one]));
  for (const one of ours) {
    compare(one, rest.get(one.name));
    rest.delete(one.name);
  }
  for (const one of rest.values()) compare(undefined, one);
}

/** What of the first list the second has not, with its place; repetitions count. */
function without(
  texts: readonly string[],
  others: readonly string[],
): readonly { readonly text: string; readonly index: number }[] {
  const counts = new Map<string, number>();
  for (const text of others) counts.set(text, (counts.get(text) ?? 0) + 1);
  return texts.flatMap((text, index) => {
    const left = counts.get(text) ?? 0;
    if (left === 0) return [{ text, index }];
    counts.set(text, left - 1);
    return [];
  });
}

function referencedChains(table: Table): readonly string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('target' in value && typeof value.target === 'string') found.push(value.target);
    for (const member of Object.values(value)) visit(member);
  };
  for (const { rules } of table.chains) for (const { statements } of rules) visit(statements);
  for (const { elements } of table.sets) for (const { data } of elements) visit(data);
  return found;
}

/** `dormant` is the flag that decides: the hooks of such a table are not there (nf_tables_api.c: nft_table_disable). */
const tableText = ({ family, name, flags }: Table): string =>
  `table ${family} ${name}${flags.includes('dormant') ? ' { flags dormant; }' : ''}`;

const baseText = ({ base }: Chain): string =>
  base === undefined ? '' : `type ${base.type} hook ${base.hook} priority ${base.prio}; policy ${base.policy};`;

function chainText(chain: Chain): string {
  const base = baseText(chain);
  return `chain ${chain.name}${base === '' ? '' : ` { ${base} }`}`;
}

/** Flags that change what a set takes; `dynamic` is missing in the JSON of nft 1.0.6, `timeout` follows from the timeout. */
const FLAGS = ['constant', 'interval'];

/** Kind, types, flags and timeout; sizes are the kernel's defaults. */
function setText({ kind, name, type, timeout, data, flags }: NftSet): string {
  const special = FLAGS.filter((one) => flags.includes(one));
  const flagged = special.length === 0 ? '' : ` flags ${special.join(',')};`;
  const types = type.kind === 'types' ? type.names.join(' . ') : 'typeof';
  const verdict = data?.kind === 'verdict' ? ' : verdict' : '';
  return `${kind} ${name} { type ${types}${verdict};${flagged}${timeout === undefined ? '' : ` timeout ${timeout}s;`} }`;
}

const hasExpiry = (key: Expression): boolean =>
  typeof key === 'object' && key.kind === 'elem' && (key.expires !== undefined || (key.timeout ?? 0) > 0);

function keyText(key: Expression): string {
  if (typeof key !== 'object') return String(key);
  switch (key.kind) {
    case 'concat':
      return key.parts.map(keyText).join(' . ');
    case 'prefix':
      return `${keyText(key.addr)}/${key.len}`;
    case 'range':
      return `${keyText(key.from)}-${keyText(key.to)}`;
    case 'elem':
      return keyText(key.val);
    default:
      return JSON.stringify(key);
  }
}

function elementText(key: string, { data, comment }: SetElement): string {
  const noted = comment === undefined ? key : `${key} comment ${JSON.stringify(comment)}`;
  if (data === undefined) return noted;
  const value = isVerdict(data) ? ('target' in data ? `${data.kind} ${data.target}` : data.kind) : keyText(data);
  return `${noted} : ${value}`;
}
