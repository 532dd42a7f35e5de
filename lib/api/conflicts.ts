/** Conflicts of an opened node, with words and the text of rules. */

import type { Conflict, Conflicts } from '../conflicts/conflict';
import { conflictsOf } from '../conflicts/conflicts-of';
import { linkConflictsOf } from '../conflicts/link-search';
import { conflictSentence } from '../conflicts/say';
import type { RuleRef } from '../nft/model';
import { renderRule } from '../render/render-rule';
import { preparedOf } from '../sim';
import type { OpenNode } from './open-node';
import type { RulesetIndex } from './ruleset-index';

export interface ConflictView extends Omit<Conflict, 'rules'> {
  readonly say: string;
  readonly rules: readonly (RuleRef & { readonly text: string })[];
  /** The witness in Trace; the source is added by whoever knows it. */
  readonly link: string;
}

export interface ConflictsAnswer extends Omit<Conflicts, 'conflicts'> {
  readonly node: string;
  readonly capturedAt: string | null;
  readonly conflicts: readonly ConflictView[];
}

export function conflictsAnswer(node: OpenNode, ruleset: RulesetIndex): ConflictsAnswer {
  const p = preparedOf(node.world);
  const { conflicts, ...rest } = together(conflictsOf(p), linkConflictsOf(p));
  return {
    ...rest,
    node: node.node,
    capturedAt: node.capturedAt ?? null,
    conflicts: conflicts.map((conflict) => ({
      ...conflict,
      say: conflictSentence(conflict),
      rules: conflict.rules.map((at) => ({ ...at, text: ruleText(ruleset, at) })),
      link: `/trace?${new URLSearchParams({ node: node.node, packet: JSON.stringify(conflict.witness.packet) })}`,
    })),
  };
}

const together = (a: Conflicts, b: Conflicts): Conflicts => ({
  version: 1,
  conflicts: [...a.conflicts, ...b.conflicts],
  meetings: [...a.meetings, ...b.meetings],
  unsearched: [...a.unsearched, ...b.unsearched],
  pairs: a.pairs + b.pairs,
  packets: a.packets + b.packets,
});

function ruleText(ruleset: RulesetIndex, at: RuleRef): string {
  const index = ruleset.at(at.family, at.table);
  const rule = index?.chains.get(at.chain)?.rules[at.index];
  return index === undefined || rule === undefined ? '' : renderRule(rule, index.ctx);
}
