/** What can be wrong with a question about a node. */

import { nearNames } from '../net/near';
import type { Problem } from '../net/result';
import type { Chain, NftSet } from '../nft/model';
import type { RulesetIndex, TableIndex } from './ruleset-index';

/** A problem about a name, with those that are like it. */
export interface NameProblem extends Problem {
  readonly near: readonly string[];
}

const like = (near: readonly string[]): string => (near.length === 0 ? '' : ` Like it: ${near.join(', ')}.`);

function named(code: string, what: string, name: string, names: Iterable<string>, remedy: string): NameProblem {
  const near = nearNames(name, names);
  return { code, say: `There is no ${what} ${JSON.stringify(name)}.${like(near)}`, do: remedy, near };
}

export const viewProblems = {
  noTable: (name: string, { tables }: RulesetIndex): NameProblem =>
    named(
      'VIEW-001',
      'table',
      name,
      tables.map(({ table }) => `${table.family} ${table.name}`),
      'Name a table with its family first, as nft does: ip kube-proxy.',
    ),
  noChain: (name: string, { table }: TableIndex): NameProblem =>
    named(
      'VIEW-002',
      `chain in ${table.family} ${table.name}:`,
      name,
      table.chains.map((chain) => chain.name),
      'Name a chain of this table.',
    ),
  noSet: (name: string, { table }: TableIndex): NameProblem =>
    named(
      'VIEW-003',
      `set or map in ${table.family} ${table.name}:`,
      name,
      table.sets.map((set) => set.name),
      'Name a set or map of this table, without the at sign.',
    ),
  noRule: (handle: number, chain: Chain): Problem => ({
    code: 'VIEW-004',
    say: `The chain ${chain.name} has no rule with handle ${handle}.`,
    do: 'The ruleset may have been loaded again since: handles change. Find the rule by its text.',
  }),
  badKey: (key: string, set: NftSet, why: string): Problem => ({
    code: 'VIEW-005',
    say: `${JSON.stringify(key)} is no key of ${set.kind} ${set.name}: ${why}.`,
    do: 'Write the parts as nft does, with " . " between them: 10.96.0.10 . udp . 53.',
  }),
  unsure: (set: NftSet): Problem => ({
    code: 'VIEW-006',
    say: `Whether the key is in ${set.name} is unknown: keys of elements in it cannot be read.`,
    do: 'Look through the list of its elements.',
  }),
  badColumn: (column: string, columns: readonly string[]): Problem => ({
    code: 'VIEW-007',
    say: `There is no column ${JSON.stringify(column)}.`,
    do: `Sort by one of ${columns.join(', ')}.`,
  }),
} as const;
