/**
 * Where in a ruleset an address, a port, a name or a verdict is handled. Looks inside prefixes, intervals, concatenations and
 * anonymous sets and maps. O(rules + elements) for each query.
 */
import { type Prefix, parsePrefix } from '../net/prefix';
import type { Chain, Expression, Immediate, NftSet, Rule, Ruleset, SetElement, Table, Verdict } from '../nft/model';
import { unreachable } from '../nft/model';
import { type RenderContext, renderContext, typeOfMapData, typeOfSetType } from '../render/context';
import { renderElement, renderRule } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';
import { parseKubeProxyName, type ServicePortRef, servicePortText } from './kube-proxy-name';
import { type Literal, visitElementLiterals, visitStatementLiterals, visitVerdicts } from './literals';
import { type ObjectOwner, TableOwners } from './object-owner';
import { parsePorts, type SearchTerm } from './search-query';

/** One place that all terms hold at. */
export interface SearchPlace {
  readonly kind: 'chain' | 'rule' | 'set' | 'element';
  readonly family: Table['family'];
  readonly table: string;
  /** Chain or set. */
  readonly name: string;
  /** Of the chain, rule or set; elements have that of their set. */
  readonly handle: number;
  /** For elements: place in the listing. */
  readonly index: number | null;
  readonly text: string;
  /** What in it matched: the prefix, interval or word. */
  readonly found: readonly string[];
}

export interface SearchContext {
  /** Key (`kp`) and name (`kube-proxy`) of who wrote a table. */
  readonly ownerOf: (table: Table) => { readonly key: string; readonly name: string };
}

export interface SearchResult {
  /** In listing order, at most `limit`. */
  readonly places: readonly SearchPlace[];
  readonly total: number;
}

/** What one term says of one place. `weak`: it only stands in the right table, chain or set; that alone finds nothing. */
type Hit = { readonly found: readonly string[]; readonly weak: boolean } | undefined;

type Candidate =
  | { readonly kind: 'chain'; readonly table: Table; readonly chain: Chain }
  | { readonly kind: 'rule'; readonly table: Table; readonly chain: Chain; readonly rule: Rule }
  | { readonly kind: 'set'; readonly table: Table; readonly set: NftSet }
  | {
      readonly kind: 'element';
      readonly table: Table;
      readonly set: NftSet;
      readonly element: SetElement;
      readonly index: number;
      readonly literals: (visit: (literal: Literal) => void) => void;
    };

type Test = (candidate: Candidate) => Hit;

const strong = (found: readonly string[]): Hit => (found.length === 0 ? undefined : { found, weak: false });
const weak = (yes: boolean): Hit => (yes ? { found: [], weak: true } : undefined);

export function searchRuleset(
  ruleset: Ruleset,
  terms: readonly SearchTerm[],
  context: SearchContext,
  limit: number,
): SearchResult {
  if (terms.length === 0) return { places: [], total: 0 };
  const places: SearchPlace[] = [];
  let total = 0;
  for (const table of ruleset.tables) {
    const ctx = renderContext(table, ruleset.nftVersion);
    const owners = new TableOwners(table);
    const tests = terms.map((term) => testOf(term, context, ctx, owners));
    for (const candidate of candidatesOf(table)) {
      const found = foundBy(tests, candidate);
      if (found === undefined) continue;
      total++;
      if (places.length < limit) places.push(placeOf(candidate, found, ctx));
    }
  }
  return { places, total };
}

function foundBy(tests: readonly Test[], candidate: Candidate): readonly string[] | undefined {
  const found = new Set<string>();
  let any = false;
  for (const test of tests) {
    const hit = test(candidate);
    if (hit === undefined) return undefined;
    any ||= !hit.weak;
    for (const text of hit.found) found.add(text);
  }
  return any ? [...found] : undefined;
}

function* candidatesOf(table: Table): Generator<Candidate> {
  for (const set of table.sets) {
    yield { kind: 'set', table, set };
    const visitor = visitElementLiterals(set);
    for (const [index, element] of set.elements.entries()) {
      yield { kind: 'element', table, set, element, index, literals: (visit) => visitor(element, visit) };
    }
  }
  for (const chain of table.chains) {
    yield { kind: 'chain', table, chain };
    for (const rule of chain.rules) yield { kind: 'rule', table, chain, rule };
  }
}

function placeOf(c: Candidate, found: readonly string[], ctx: RenderContext): SearchPlace {
  const at = { family: c.table.family, table: c.table.name, index: null, found };
  switch (c.kind) {
    case 'chain':
      return { ...at, kind: 'chain', name: c.chain.name, handle: c.chain.handle, text: `chain ${c.chain.name}` };
    case 'rule':
      return { ...at, kind: 'rule', name: c.chain.name, handle: c.rule.handle, text: renderRule(c.rule, ctx) };
    case 'set':
      return { ...at, kind: 'set', name: c.set.name, handle: c.set.handle, text: `${c.set.kind} ${c.set.name}` };
    case 'element': {
      const text = renderElement(c.element, ctx, typeOfSetType(c.set.type), typeOfMapData(c.set));
      return { ...at, kind: 'element', name: c.set.name, handle: c.set.handle, index: c.index, text };
    }
  }
}

// ---------------------------------------------------------------------------------------------------------- terms

function testOf(term: SearchTerm, context: SearchContext, ctx: RenderContext, owners: TableOwners): Test {
  const value = term.value.toLowerCase();
  switch (term.key) {
    case 'ip': {
      const wanted = parsePrefix(value);
      return wanted === undefined ? () => undefined : literalTest((literal) => meetsAddress(literal, wanted));
    }
    case 'port': {
      const wanted = parsePorts(value);
      return wanted === undefined ? () => undefined : literalTest((literal) => meetsPorts(literal, wanted));
    }
    case 'chain':
      return (c) => chainHit(c, (name) => name.toLowerCase().includes(value));
    case 'set':
      return (c) => setHit(c, (name) => name.toLowerCase().includes(value));
    case 'service':
      return (c) => serviceHit(c, (service) => meetsService(service, value), owners);
    case 'ns':
      return (c) => serviceHit(c, (service) => service.namespace.toLowerCase() === value, owners);
    case 'verdict':
      return (c) => verdictHit(c, value);
    case 'owner':
      return (c) => ownerHit(c, [context.ownerOf(c.table), ownerOfPlace(c, owners).component], value);
    case null:
      return (c) => wordHit(c, value, ctx);
  }
}

function literalTest(meets: (literal: Literal) => boolean): Test {
  return (c) => {
    if (c.kind !== 'rule' && c.kind !== 'element') return undefined;
    const found: string[] = [];
    const visit = (literal: Literal): void => {
      if (meets(literal)) found.push(literalText(literal));
    };
    if (c.kind === 'element') c.literals(visit);
    else for (const statement of c.rule.statements) visitStatementLiterals(statement, visit);
    return strong(found);
  };
}

function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'value':
      return String(literal.value);
    case 'prefix':
      return `${literal.addr}/${literal.len}`;
    case 'range':
      return `${literal.from}-${literal.to}`;
  }
}

// ------------------------------------------------------------------------------------------------ addresses, ports

/** First and last address, as numbers of one family. */
interface Interval {
  readonly family: 'ip' | 'ip6';
  readonly first: bigint;
  readonly last: bigint;
}

function intervalOf(prefix: Prefix): Interval {
  const bits = prefix.family === 'ip' ? 32n : 128n;
  const host = (1n << (bits - BigInt(prefix.len))) - 1n;
  const first = BigInt(prefix.addr) & ~host;
  return { family: prefix.family, first, last: first | host };
}

/** A range of addresses, an address, a prefix: whether it has an address in common with the one wanted. */
function meetsAddress(literal: Literal, wanted: Prefix): boolean {
  // Most literals are not addresses, most addresses are single: decide those without big numbers.
  const text = literal.kind === 'value' ? literal.value : literal.kind === 'prefix' ? literal.addr : literal.from;
  if (typeof text !== 'string') return false;
  if (literal.kind === 'value' && wanted.len === (wanted.family === 'ip' ? 32 : 128)) {
    const found = parsePrefix(text);
    return found !== undefined && found.family === wanted.family && found.addr === wanted.addr;
  }
  const have = literalInterval(literal);
  const want = intervalOf(wanted);
  return have !== undefined && have.family === want.family && have.first <= want.last && want.first <= have.last;
}

function literalInterval(literal: Literal): Interval | undefined {
  if (literal.kind === 'range') {
    const from = parsePrefix(String(literal.from));
    const to = parsePrefix(String(literal.to));
    if (from === undefined || to === undefined || from.family !== to.family) return undefined;
    return { family: from.family, first: BigInt(from.addr), last: BigInt(to.addr) };
  }
  const prefix = parsePrefix(literal.kind === 'value' ? String(literal.value) : `${literal.addr}/${literal.len}`);
  return prefix === undefined ? undefined : intervalOf(prefix);
}

function meetsPorts(literal: Literal, [from, to]: readonly [number, number]): boolean {
  if (literal.type?.name !== 'inet_service') return false;
  switch (literal.kind) {
    case 'value':
      return typeof literal.value === 'number' && from <= literal.value && literal.value <= to;
    case 'range':
      return Number(literal.from) <= to && from <= Number(literal.to);
    case 'prefix': {
      const first = Number(literal.addr);
      return first <= to && from <= first + 2 ** (16 - literal.len) - 1;
    }
  }
}

// ---------------------------------------------------------------------------------------------- chains, sets, words

function targetsOf(c: Candidate): readonly string[] {
  const targets: string[] = [];
  const visit = (verdict: Verdict): void => {
    if (verdict.kind === 'jump' || verdict.kind === 'goto') targets.push(verdict.target);
  };
  if (c.kind === 'rule') for (const statement of c.rule.statements) visitVerdicts(statement, visit);
  if (c.kind === 'element' && c.element.data !== undefined && isVerdict(c.element.data)) visit(c.element.data);
  return targets;
}

function chainHit(c: Candidate, named: (name: string) => boolean): Hit {
  switch (c.kind) {
    case 'chain':
      return named(c.chain.name) ? strong([c.chain.name]) : undefined;
    case 'rule':
      return strong(targetsOf(c).filter(named)) ?? weak(named(c.chain.name));
    case 'element':
      return strong(targetsOf(c).filter(named));
    case 'set':
      return undefined;
  }
}

/** Sets and maps that a rule names. */
function setsOf(rule: Rule): readonly string[] {
  const names: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    const node = value as {
      readonly kind?: unknown;
      readonly name?: unknown;
      readonly set?: unknown;
      readonly map?: unknown;
    };
    if (node.kind === 'setref' && typeof node.name === 'string') names.push(node.name);
    if (node.kind === 'setUpdate' && typeof node.set === 'string') names.push(node.set);
    if (node.kind === 'mapUpdate' && typeof node.map === 'string') names.push(node.map);
    if (node.kind === 'unsupported') return;
    for (const member of Object.values(node)) visit(member);
  };
  visit(rule.statements);
  return [...new Set(names)];
}

function setHit(c: Candidate, named: (name: string) => boolean): Hit {
  switch (c.kind) {
    case 'set':
      return named(c.set.name) ? strong([c.set.name]) : undefined;
    case 'element':
      return weak(named(c.set.name));
    case 'rule':
      return strong(setsOf(c.rule).filter(named));
    case 'chain':
      return undefined;
  }
}

/** `api`, `shop/api`, `shop/api:http`, `api:http`. */
function meetsService(service: ServicePortRef, wanted: string): boolean {
  const [path = '', port] = wanted.split(':');
  if (port !== undefined && service.port.toLowerCase() !== port) return false;
  return path.includes('/')
    ? `${service.namespace}/${service.name}`.toLowerCase() === path
    : service.name.toLowerCase() === path;
}

function ownerOfPlace(c: Candidate, owners: TableOwners): ObjectOwner {
  switch (c.kind) {
    case 'chain':
      return owners.chain(c.chain.name);
    case 'rule':
      return owners.rule(c.chain.name, c.rule);
    case 'set':
      return owners.set(c.set.name);
    case 'element':
      return owners.element(c.set.name, c.element);
  }
}

function serviceHit(c: Candidate, wanted: (service: ServicePortRef) => boolean, owners: TableOwners): Hit {
  const named = (names: readonly string[]): readonly string[] =>
    names.filter((name) => {
      const service = parseKubeProxyName(name)?.service;
      return service !== undefined && wanted(service);
    });
  switch (c.kind) {
    case 'chain':
      return strong(named([c.chain.name]));
    case 'set':
      return strong(named([c.set.name]));
    case 'rule':
      return strong(named(targetsOf(c))) ?? weak(named([c.chain.name]).length > 0);
    case 'element': {
      const owned = ownerOfPlace(c, owners).services.filter(wanted).map(servicePortText);
      return owned.length === 0 ? undefined : strong([...named(targetsOf(c)), ...owned]);
    }
  }
}

function verdictHit(c: Candidate, wanted: string): Hit {
  switch (c.kind) {
    case 'chain':
      return c.chain.base?.policy === wanted ? strong([`policy ${wanted}`]) : undefined;
    case 'rule': {
      let yes = false;
      for (const statement of c.rule.statements) {
        yes ||= statement.kind === wanted;
        visitVerdicts(statement, (verdict) => {
          yes ||= verdict.kind === wanted;
        });
      }
      return yes ? strong([wanted]) : undefined;
    }
    case 'element':
      return c.element.data !== undefined && isVerdict(c.element.data) && c.element.data.kind === wanted
        ? strong([wanted])
        : undefined;
    case 'set':
      return undefined;
  }
}

function ownerHit(
  c: Candidate,
  owners: readonly { readonly key: string; readonly name: string }[],
  wanted: string,
): Hit {
  const found = owners.find(({ key, name }) => key === wanted || name.toLowerCase().includes(wanted));
  // An owner alone finds what it declares, not each of its rules and elements.
  if (c.kind === 'chain' || c.kind === 'set') return strong(found === undefined ? [] : [found.name]);
  return weak(found !== undefined);
}

/** The text of a rule, kept while its ruleset is: a query has several words, and another one follows. */
const ruleTexts = new WeakMap<Rule, string>();

function textOfRule(rule: Rule, ctx: RenderContext): string {
  const known = ruleTexts.get(rule);
  if (known !== undefined) return known;
  const text = renderRule(rule, ctx).toLowerCase();
  ruleTexts.set(rule, text);
  return text;
}

function wordHit(c: Candidate, word: string, ctx: RenderContext): Hit {
  switch (c.kind) {
    case 'chain':
      return strong(holding([c.chain.name, c.chain.comment], word));
    case 'set':
      return strong(holding([c.set.name, c.set.comment], word));
    case 'rule':
      return textOfRule(c.rule, ctx).includes(word) ? strong([word]) : undefined;
    case 'element': {
      const { key, data, comment } = c.element;
      const texts = [...plainTexts(key), comment];
      if (data !== undefined) {
        if (!isVerdict(data)) texts.push(...plainTexts(data));
        else texts.push(data.kind, ...targetsOf(c));
      }
      return strong(holding(texts, word));
    }
    default:
      return unreachable(c);
  }
}

const holding = (texts: readonly (string | undefined)[], word: string): readonly string[] =>
  texts.filter((text): text is string => text?.toLowerCase().includes(word) === true);

/** The literals of a key or of data, as text. */
function plainTexts(expr: Expression): readonly string[] {
  const one = (value: Immediate): string => String(value);
  if (typeof expr !== 'object') return [one(expr)];
  switch (expr.kind) {
    case 'concat':
      return expr.parts.flatMap(plainTexts);
    case 'prefix':
      return plainTexts(expr.addr).map((addr) => `${addr}/${expr.len}`);
    case 'range':
      return [`${plainTexts(expr.from).join('')}-${plainTexts(expr.to).join('')}`];
    case 'elem':
      return plainTexts(expr.val);
    case 'wildcard':
      return ['*'];
    default:
      return [];
  }
}
