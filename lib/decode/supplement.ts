/**
 * What the JSON leaves out, taken from the text of the same listing.
 *
 * The two were read one after the other and may differ: blocks are matched by kind, name and handle, rules by handle. Where
 * they disagree the JSON stands and the omission stays.
 */
import type {
  Chain,
  Expression,
  Flowtable,
  MapData,
  NftSet,
  Omission,
  Rule,
  Ruleset,
  SetElement,
  Statement,
  Table,
} from '../nft/model';
import { EVERY_CHAIN, EVERY_SET, EVERY_TABLE, type OmittedFact } from './omissions';
import { parseExpressionText } from './parse-expression';
import { parseElementText, parseStatementText } from './parse-statement';
import { readTextChain, readTextListing, type TextBlock, type TextRule, type TextTable } from './read-text-listing';

/**
 * Adds to a decoded listing what `nft -a list ruleset` of the same moment says beyond it: comments of tables and chains, flags,
 * devices, auto-merge, typeof declarations, counters of flowtables, the statements that elements have beyond the first, and
 * whole anonymous chains. `text` may lack the handles, may be of another moment, or may be no listing at all. What it supplies
 * leaves `omissions`; parts that stay the same are shared with `ruleset`.
 */
export function supplementFromText(ruleset: Ruleset, text: string): Ruleset {
  const { tables } = readTextListing(text);
  if (tables.size === 0) return ruleset;
  const found = new Supplement(ruleset.omissions);
  let areTablesComplete = true;
  const supplemented = ruleset.tables.map((table) => {
    const block = tables.get(`${table.family} ${table.name}`);
    if (block !== undefined && isSame(block.handle, table.handle)) return supplementTable(table, block, found);
    areTablesComplete = false;
    return table;
  });
  if (areTablesComplete) {
    found.supply('table.comment', EVERY_TABLE);
    if (found.areChainsComplete) found.supply('chain.comment', EVERY_CHAIN);
    if (found.areSetsComplete)
      for (const what of ['set.flags', 'set.auto-merge'] as const) found.supply(what, EVERY_SET);
  }
  return { ...ruleset, tables: supplemented, omissions: found.left };
}

const isSame = (textHandle: number | undefined, handle: number): boolean =>
  textHandle === undefined || textHandle === handle;

/** Keeps the account of what has been supplied. */
class Supplement {
  readonly #omissions: readonly Omission[];
  readonly #wanted: ReadonlySet<string>;
  readonly #supplied = new Set<string>();
  areChainsComplete = true;
  areSetsComplete = true;

  constructor(omissions: readonly Omission[]) {
    this.#omissions = omissions;
    this.#wanted = new Set(omissions.map(({ what, where }) => `${what} ${where}`));
  }

  wants(what: OmittedFact, where: string): boolean {
    return this.#wanted.has(`${what} ${where}`);
  }

  supply(what: OmittedFact, where: string): void {
    this.#supplied.add(`${what} ${where}`);
  }

  get left(): readonly Omission[] {
    return this.#omissions.filter(({ what, where }) => !this.#supplied.has(`${what} ${where}`));
  }
}

function supplementTable(table: Table, text: TextTable, found: Supplement): Table {
  const where = `${table.family} ${table.name}`;
  const block = (kind: string, name: string, handle: number): TextBlock | undefined => {
    const named = text.blocks.get(`${kind} ${name}`);
    return named !== undefined && isSame(named.handle, handle) ? named : undefined;
  };
  const comment = table.comment ?? quotedAfter('comment', text.lines);
  const flags = found.wants('table.flags', where) ? namesAfter('flags', text.lines) : [];
  if (flags.length > 0) found.supply('table.flags', where);
  return {
    ...table,
    ...(comment === undefined ? {} : { comment }),
    flags: flags.length > 0 ? flags : table.flags,
    sets: mapShared(table.sets, (set) => {
      const own = block(set.kind, set.name, set.handle);
      if (own !== undefined) return supplementSet(set, own, `${where} ${set.name}`, found);
      found.areSetsComplete = false;
      return set;
    }),
    flowtables: mapShared(table.flowtables, (flowtable) => {
      const own = block('flowtable', flowtable.name, flowtable.handle);
      return own === undefined ? flowtable : supplementFlowtable(flowtable, own, `${where} ${flowtable.name}`, found);
    }),
    chains: mapShared(table.chains, (chain) => {
      const own = block('chain', chain.name, chain.handle);
      if (own !== undefined) return supplementChain(chain, own, `${where} ${chain.name}`, found);
      found.areChainsComplete = false;
      return chain;
    }),
  };
}

/** Like map, but gives back the array itself where nothing changed. */
function mapShared<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
  const changed = items.map(change);
  return changed.every((item, index) => item === items[index]) ? items : changed;
}

/** The rest of the line that starts with a word. */
function lineAfter(word: string, lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const trimmed = line.trimStart();
    if (trimmed.startsWith(`${word} `)) return trimmed.slice(word.length + 1);
  }
  return undefined;
}

const quotedAfter = (word: string, lines: readonly string[]): string | undefined =>
  /^"([^"]*)"$/.exec(lineAfter(word, lines) ?? '')?.[1];

function namesAfter(word: string, lines: readonly string[]): readonly string[] {
  return (lineAfter(word, lines) ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

// ----------------------------------------------------------------------------------------------------------- chains

function supplementChain(chain: Chain, block: TextBlock, where: string, found: Supplement): Chain {
  const wantsDevices = found.wants('chain.devices', where);
  const text = readTextChain(block);
  let supplemented = chain;
  if (chain.comment === undefined && text.comment !== undefined)
    supplemented = { ...supplemented, comment: text.comment };
  if (wantsDevices && chain.base !== undefined && text.base !== undefined) {
    const devices = devicesOf(text.base);
    if (devices.length > 0) {
      supplemented = { ...supplemented, base: { ...chain.base, devices } };
      found.supply('chain.devices', where);
    }
  }
  const rules = supplementRules(chain.rules, text.rules, where, found);
  return rules === chain.rules ? supplemented : { ...supplemented, rules };
}

/** `device "eth0"`, or `devices = { "eth0", "lo" }`; older versions leave out the quotes. */
function devicesOf(line: string): readonly string[] {
  const one = /\bdevice "?([^" ]+)"? /.exec(line)?.[1];
  if (one !== undefined) return [one];
  const several = /\bdevices = \{ ([^}]*) \}/.exec(line)?.[1] ?? '';
  return several
    .split(', ')
    .map((name) => name.replaceAll('"', ''))
    .filter((name) => name !== '');
}

/** By handle; a text without handles matches by place where it has the same number of rules. */
function supplementRules(
  rules: readonly Rule[],
  texts: readonly TextRule[],
  where: string,
  found: Supplement,
): readonly Rule[] {
  const hasHandles = texts.every((text) => text.handle !== undefined);
  if (!hasHandles && texts.length !== rules.length) return rules;
  let byHandle: ReadonlyMap<number | undefined, TextRule> | undefined;
  let index = 0;
  return mapShared(rules, (rule) => {
    let text = texts[index++];
    if (hasHandles && text?.handle !== rule.handle) {
      byHandle ??= new Map(texts.map((candidate) => [candidate.handle, candidate]));
      text = byHandle.get(rule.handle);
    }
    return text === undefined ? rule : supplementRule(rule, text, `${where} #${rule.handle}`, found);
  });
}

function supplementRule(rule: Rule, text: TextRule, where: string, found: Supplement): Rule {
  let supplemented = rule;
  // iptables has comments of its own, which are text of an xt statement.
  const isForeign = rule.statements.some((statement) => statement.kind === 'xt');
  if (rule.comment === undefined && text.comment !== undefined && !isForeign) {
    supplemented = { ...supplemented, comment: text.comment };
  }
  if (rule.unlisted) {
    if (text.text.trim() === '') return supplemented;
    const statement = parseStatementText(text.text);
    const isUnderstood = statement.kind !== 'text';
    if (isUnderstood) found.supply('rule.statements', where);
    return { ...supplemented, statements: [statement], unlisted: !isUnderstood };
  }
  const statements = mapShared(rule.statements, (statement) => completeText(statement, text.text));
  if (statements === rule.statements) return supplemented;
  if (statements.every((statement) => statement.kind !== 'text')) found.supply('rule.statement', where);
  return { ...supplemented, statements };
}

/** nft cuts a statement that it prints as text in JSON after 1023 bytes. */
const CUT = 1000;

function completeText(statement: Statement, rule: string): Statement {
  if (statement.kind !== 'text' || statement.text.length < CUT) return statement;
  // The last character may be cut in half.
  const start = rule.indexOf(statement.text.slice(0, CUT));
  if (start === -1) return statement;
  const isChain = statement.text.startsWith('jump {') || statement.text.startsWith('goto {');
  const end = rule.indexOf(isChain ? '\n\t\t}' : ' }', start + CUT);
  if (end === -1) return statement;
  return parseStatementText(rule.slice(start, end + (isChain ? 4 : 2)));
}

// ------------------------------------------------------------------------------------------------------------- sets

function supplementSet(set: NftSet, { lines }: TextBlock, where: string, found: Supplement): NftSet {
  let supplemented = set;
  const change = (changes: Partial<NftSet>): void => {
    supplemented = { ...supplemented, ...changes };
  };
  // The declaration stands before the elements.
  const declaration = lines.slice(0, lines.findIndex((line) => line.startsWith('\t\telements = {')) >>> 0);
  if (found.wants('set.flags', EVERY_SET)) {
    const missing = namesAfter('flags', declaration).filter((flag) => !set.flags.includes(flag));
    if (missing.length > 0) change({ flags: [...set.flags, ...missing] });
  }
  if (found.wants('set.auto-merge', EVERY_SET) && declaration.includes('\t\tauto-merge')) change({ autoMerge: true });
  if (set.comment === undefined) {
    const comment = quotedAfter('comment', declaration);
    if (comment !== undefined) change({ comment });
  }
  supplementTypes(set, declaration, where, found, change);
  if (found.wants('element.statements', where)) {
    const elements = supplementElements(set.elements, lines.slice(declaration.length));
    if (elements !== undefined) {
      change({ elements });
      found.supply('element.statements', where);
    }
  }
  return supplemented;
}

function supplementTypes(
  set: NftSet,
  declaration: readonly string[],
  where: string,
  found: Supplement,
  change: (changes: Partial<NftSet>) => void,
): void {
  const typeOf = lineAfter('typeof', declaration);
  const [key = '', data = ''] = (typeOf ?? lineAfter('type', declaration) ?? '').split(' : ');
  const isInterval = data.startsWith('interval ');
  if (typeOf !== undefined) {
    const expr = set.type.kind === 'types' ? parseExpressionText(key) : undefined;
    if (expr !== undefined) {
      change({ type: { kind: 'typeof', expr } });
      found.supply('set.type', where);
    }
    const dataExpr = set.data?.kind === 'types' ? parseExpressionText(data.replace(/^interval /, '')) : undefined;
    if (dataExpr !== undefined) {
      change({ data: withInterval({ kind: 'typeof', expr: dataExpr }, isInterval) });
      found.supply('map.data', where);
      return;
    }
  }
  if (isInterval && set.data !== undefined) change({ data: withInterval(set.data, true) });
}

const withInterval = (data: MapData, isInterval: boolean): MapData =>
  isInterval && (data.kind === 'types' || data.kind === 'typeof') ? { ...data, interval: true } : data;

/** The elements with all their statements; undefined where the text does not hold the same elements. */
function supplementElements(
  elements: readonly SetElement[],
  lines: readonly string[],
): readonly SetElement[] | undefined {
  const text = lines.map((line) => line.trim()).join(' ');
  const list = /^elements = \{ (.*) \}$/s.exec(text)?.[1];
  if (list === undefined) return undefined;
  const byKey = new Map<string, readonly Statement[]>();
  for (const element of list.match(/(?:"[^"]*"|[^",])+/g) ?? []) {
    const read = parseElementText(element.trim());
    if (read === undefined) return undefined;
    byKey.set(keyOf(read.key), read.statements);
  }
  const supplemented = elements.map((element) => {
    const statements = byKey.get(keyOf(element.key));
    if (statements === undefined) return undefined;
    // The statement that the JSON has is of its own moment, and stands.
    const own = element.statements ?? [];
    return { ...element, statements: [...own, ...statements.slice(own.length)] };
  });
  return supplemented.every((element) => element !== undefined) ? supplemented : undefined;
}

/** Equal for equal expressions. */
const keyOf = (key: Expression): string =>
  JSON.stringify(key, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));

// -------------------------------------------------------------------------------------------------------- flowtables

function supplementFlowtable(flowtable: Flowtable, { lines }: TextBlock, where: string, found: Supplement): Flowtable {
  found.supply('flowtable.counter', where);
  const flags = flowtable.flags.length > 0 ? flowtable.flags : namesAfter('flags', lines);
  return { ...flowtable, flags, counter: lines.some((line) => line.trim() === 'counter') };
}
