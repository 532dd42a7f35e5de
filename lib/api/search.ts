/** Search in the ruleset of a node (lib/explain/search.ts) as an answer. */
import { searchRuleset } from '../explain/search';
import { parseQuery } from '../explain/search-query';
import type { OpenNode } from './open-node';
import type { RulesetIndex } from './ruleset-index';
import type { SearchView } from './types';

export const MOST_PLACES = 500;

export function search(
  node: OpenNode,
  ruleset: RulesetIndex,
  query: { readonly q: string; readonly limit: number },
): SearchView {
  const { terms, problems } = parseQuery(query.q);
  const owners = new Map(ruleset.tables.map(({ table, owner }) => [table, owner]));
  const ownerOf = (table: (typeof ruleset.tables)[number]['table']) => owners.get(table) ?? { key: 'ot', name: '' };
  const limit = Math.min(Math.max(query.limit, 1), MOST_PLACES);
  const { places, total } = searchRuleset(ruleset.ruleset, terms, { ownerOf }, limit);
  return { version: node.version, terms, problems, matches: places, total };
}
