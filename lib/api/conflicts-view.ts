/** Conflicts of a node with what a page needs to show them: rules as tokens, and whose colour a chain has. */
import type { RuleRef } from '../nft/model';
import { renderRuleTokens } from '../render/render-rule';
import type { Token } from '../render/tokens';
import { type ConflictsAnswer, type ConflictView, conflictsAnswer } from './conflicts';
import type { OpenNode } from './open-node';
import type { RulesetIndex } from './ruleset-index';
import type { OwnerKey } from './types';

interface ShownConflict extends Omit<ConflictView, 'rules'> {
  readonly rules: readonly (ConflictView['rules'][number] & { readonly tokens: readonly Token[] })[];
}

/** GET /api/sources/[id]/nodes/[node]/conflicts */
export interface ConflictsView extends Omit<ConflictsAnswer, 'conflicts'> {
  readonly conflicts: readonly ShownConflict[];
  /** By `FAMILY TABLE`, of every table that is named. */
  readonly owners: { readonly [table: string]: OwnerKey };
}

export function conflictsView(node: OpenNode, ruleset: RulesetIndex): ConflictsView {
  const answer = conflictsAnswer(node, ruleset);
  const chains = [
    ...answer.meetings.flatMap((meeting) => meeting.chains),
    ...[...answer.conflicts, ...answer.unsearched].flatMap(({ first, second }) => [first, second]),
  ];
  const owners = new Map<string, OwnerKey>();
  for (const { family, table } of chains) {
    const index = ruleset.table(`${family} ${table}`);
    if (index !== undefined) owners.set(`${family} ${table}`, index.owner.key);
  }
  return {
    ...answer,
    conflicts: answer.conflicts.map((one) => ({
      ...one,
      rules: one.rules.map((rule) => ({ ...rule, tokens: tokensOf(ruleset, rule) })),
    })),
    owners: Object.fromEntries(owners),
  };
}

function tokensOf(ruleset: RulesetIndex, at: RuleRef): readonly Token[] {
  const index = ruleset.at(at.family, at.table);
  const rule = index?.chains.get(at.chain)?.rules[at.index];
  return index === undefined || rule === undefined ? [] : renderRuleTokens(rule, index.ctx);
}
