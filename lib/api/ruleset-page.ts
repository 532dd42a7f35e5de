/** One table as lines, in windows of rules. */
import { failed, ok, type Result } from '../net/result';
import { quote } from '../render/literal';
import type { Token } from '../render/tokens';
import type { OpenNode } from './open-node';
import { viewProblems } from './problems';
import { chainView, ruleView, setView, statefulViews, writtenFor } from './rule-view';
import type { RulesetIndex, TableIndex } from './ruleset-index';
import type { ChainView, RuleDetail, RulesetPage } from './types';
import { toWire } from './wire';

export interface RulesetQuery {
  readonly table: string;
  readonly chain?: string;
  readonly offset: number;
  readonly limit: number;
}
export const MOST_RULES = 2000;

export function rulesetPage(node: OpenNode, ruleset: RulesetIndex, query: RulesetQuery): Result<RulesetPage> {
  const index = ruleset.table(query.table);
  if (index === undefined) return failed(viewProblems.noTable(query.table, ruleset));
  const { table } = index;
  const chains = query.chain === undefined ? table.chains : table.chains.filter(({ name }) => name === query.chain);
  if (query.chain !== undefined && chains.length === 0) return failed(viewProblems.noChain(query.chain, index));
  const limit = Math.min(Math.max(query.limit, 1), MOST_RULES);
  const totalRules = chains.reduce((total, chain) => total + chain.rules.length, 0);
  const whole = query.offset === 0 && query.chain === undefined;
  const end = query.offset + limit;
  return ok({
    version: node.version,
    table: { family: table.family, name: table.name, handle: table.handle, header: tableHeader(index) },
    declaration: tableDeclaration(index),
    owner: index.owner,
    sets: whole ? table.sets.map((set) => setView(index, set, node.addresses)) : [],
    ...(whole ? statefulViews(index) : { flowtables: [], objects: [] }),
    chains: windowOf(index, chains, { offset: query.offset, end, total: totalRules }, node),
    offset: query.offset,
    limit,
    totalRules,
    next: end < totalRules ? end : null,
  });
}

/** Chains with rules in the window, and empty ones whose place falls into it; those behind the last rule come with it. */
function windowOf(
  index: TableIndex,
  chains: TableIndex['table']['chains'],
  { offset, end, total }: { readonly offset: number; readonly end: number; readonly total: number },
  node: OpenNode,
): readonly ChainView[] {
  const views: ChainView[] = [];
  let before = 0;
  for (const chain of chains) {
    const count = chain.rules.length;
    const from = Math.max(offset - before, 0);
    const to = Math.min(end - before, count);
    const isEmptyHere = count === 0 && before >= offset && (before < end || (before === total && end >= total));
    if (to > from || isEmptyHere)
      views.push(chainView(index, chain, node.addresses, isEmptyHere ? 0 : from, isEmptyHere ? 0 : to));
    before += count;
  }
  return views;
}

const tableHeader = ({ table }: TableIndex): readonly Token[] => [
  { kind: 'keyword', text: 'table ', statement: -1 },
  { kind: 'keyword', text: `${table.family} `, statement: -1 },
  { kind: 'name', text: table.name, statement: -1 },
  { kind: 'punctuation', text: ' {', statement: -1 },
];

function tableDeclaration({ table }: TableIndex): RulesetPage['declaration'] {
  const lines: Token[][] = [];
  if (table.flags.length > 0) lines.push([{ kind: 'keyword', text: `flags ${table.flags.join(',')}`, statement: -1 }]);
  if (table.comment !== undefined)
    lines.push([{ kind: 'comment', text: `comment ${quote(table.comment)}`, statement: -1 }]);
  return lines;
}

export interface RuleQuery {
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
}

export function ruleDetail(node: OpenNode, ruleset: RulesetIndex, query: RuleQuery): Result<RuleDetail> {
  const index = ruleset.table(query.table);
  if (index === undefined) return failed(viewProblems.noTable(query.table, ruleset));
  const chain = index.chains.get(query.chain);
  if (chain === undefined) return failed(viewProblems.noChain(query.chain, index));
  const at = chain.rules.findIndex(({ handle }) => handle === query.handle);
  const rule = chain.rules[at];
  if (rule === undefined) return failed(viewProblems.noRule(query.handle, chain));
  const owner = index.owners.rule(chain.name, rule);
  return ok({
    ...ruleView(index, chain, at, rule, node.addresses),
    version: node.version,
    owner: owner.component,
    writtenFor: writtenFor(owner),
    model: toWire(rule),
    chainUsedBy: index.uses('chain', chain.name).first,
  });
}
