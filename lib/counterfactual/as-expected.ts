/** What brings a table of kube-proxy nearer to what the objects ask for: elements put in that are missing, parts taken out that are extra. */

import type { Expression, Rule, RuleRef, SetElement, Table } from '../nft/model';
import { renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';

/** Tables that kube-proxy should have written, and the version of nft whose words are compared. */
export interface Expected {
  readonly tables: readonly Table[];
  readonly nftVersion: string | undefined;
}

export const NOTHING_EXPECTED: Expected = { tables: [], nftVersion: undefined };

interface Place {
  readonly family: string;
  readonly table: string;
}

const tableAt = ({ tables }: Expected, { family, table }: Place): Table | undefined =>
  tables.find((one) => one.family === family && one.name === table);

/** The parts of a key as a look-up shows them. */
const keyText = (key: Expression): string =>
  typeof key === 'object' && key.kind === 'concat' ? key.parts.map(keyText).join(' . ') : String(key);

/** An element that the set should have for this key. @param key as a look-up shows it */
export const missingElement = (
  expected: Expected,
  at: Place & { readonly set: string },
  key: string,
): SetElement | undefined =>
  tableAt(expected, at)
    ?.sets.find(({ name }) => name === at.set)
    ?.elements.find((element) => keyText(element.key) === key);

/** Whether the set should have no element with this key. A set that clients fill, and one that should not be there, say nothing. */
export function isExtraElement(expected: Expected, at: Place & { readonly set: string }, element: SetElement): boolean {
  const set = at.set.startsWith('affinity-')
    ? undefined
    : tableAt(expected, at)?.sets.find(({ name }) => name === at.set);
  const { key } = element;
  const bare = typeof key === 'object' && key.kind === 'elem' ? key.val : key;
  return set !== undefined && !set.elements.some((one) => keyText(one.key) === keyText(bare));
}

/** Whether somebody added the rule to a chain that has all it should have. Where a rule is missing, this one may be it, changed. */
export function isExtraRule(expected: Expected, actual: Table, at: RuleRef): boolean {
  const table = tableAt(expected, at);
  const chain = table?.chains.find(({ name }) => name === at.chain);
  const there = actual.chains.find(({ name }) => name === at.chain);
  const rule = there?.rules[at.index];
  if (table === undefined || chain === undefined || there === undefined || rule === undefined) return false;
  const texts = (of: Table, rules: readonly Rule[]): readonly string[] => {
    const ctx = renderContext(of, expected.nftVersion);
    return rules.map((one) => renderRule(one, ctx));
  };
  const [wanted, found] = [texts(table, chain.rules), texts(actual, there.rules)];
  const text = found[at.index];
  return text !== undefined && !wanted.includes(text) && wanted.every((one) => found.includes(one));
}
