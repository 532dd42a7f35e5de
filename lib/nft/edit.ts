/** Rulesets with one thing changed. What is not concerned is shared with the original. */

import type { Chain, Rule, RuleRef, Ruleset, Statement, Table } from './model';

type TableAt = Pick<Table, 'family' | 'name'>;

/** @param change undefined leaves the table out */
export function editTable(
  ruleset: Ruleset,
  { family, name }: TableAt,
  change: (table: Table) => Table | undefined,
): Ruleset {
  const tables = ruleset.tables.flatMap((table) =>
    table.family === family && table.name === name ? (change(table) ?? []) : [table],
  );
  return { ...ruleset, tables };
}

/** The ruleset without one rule. */
export const withoutRule = (ruleset: Ruleset, at: RuleRef): Ruleset =>
  editTable(ruleset, { family: at.family, name: at.table }, (table) => ({
    ...table,
    chains: table.chains.map((chain) =>
      chain.name === at.chain ? { ...chain, rules: chain.rules.filter((_, index) => index !== at.index) } : chain,
    ),
  }));

/** Each statement of a table by itself; what comes back unchanged is shared. */
export const mapStatements = (
  table: Table,
  change: (statement: Statement, rule: Rule, chain: Chain) => Statement,
): Table => ({
  ...table,
  chains: table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.map((rule) => {
      const statements = rule.statements.map((statement) => change(statement, rule, chain));
      return statements.every((one, i) => one === rule.statements[i]) ? rule : { ...rule, statements };
    }),
  })),
});
