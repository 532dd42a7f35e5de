/** Small listings for tests. */
import type { Rule, Ruleset, Statement, Table } from '../../nft/model';
import { decodeRuleset } from '../decode-ruleset';
import type { DecodeProblem } from '../problem';

export const METAINFO = {
  metainfo: { version: '1.1.7', release_name: 'Commodore Bullmoose #8', json_schema_version: 1 },
};
export const TABLE = { table: { family: 'ip', name: 't', handle: 1 } };
export const CHAIN = { chain: { family: 'ip', table: 't', name: 'c', handle: 2 } };

/** A listing of some version with the members given behind metainfo. */
export const listing = (members: readonly unknown[], version = '1.1.7'): unknown => ({
  nftables: [{ metainfo: { ...METAINFO.metainfo, version } }, ...members],
});

/** A listing of one chain with one rule. */
export const listingOfRule = (expr: readonly unknown[] | undefined, version = '1.1.7'): unknown =>
  listing(
    [
      TABLE,
      CHAIN,
      { rule: { family: 'ip', table: 't', chain: 'c', handle: 3, ...(expr === undefined ? {} : { expr }) } },
    ],
    version,
  );

export function decoded(json: unknown): Ruleset {
  const result = decodeRuleset(json);
  if (!result.ok) throw new Error(`${result.problem.code} ${result.problem.path}: ${result.problem.say}`);
  return result.value;
}

export function problemOf(json: unknown): DecodeProblem | undefined {
  const result = decodeRuleset(json);
  return result.ok ? undefined : result.problem;
}

export const ruleOf = (json: unknown): Rule | undefined => decoded(json).tables[0]?.chains[0]?.rules[0];

/** The model of one statement. */
export const statementOf = (raw: unknown, version?: string): Statement | undefined =>
  ruleOf(listingOfRule([raw], version))?.statements[0];

/** The only table of a listing that holds, behind the table, the members given. */
export function tableOf(members: readonly unknown[], version?: string): Table {
  const [table] = decoded(listing([TABLE, ...members], version)).tables;
  if (table === undefined) throw new Error('no table');
  return table;
}
