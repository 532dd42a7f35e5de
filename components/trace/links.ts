/** Links from a trace into the other views, with source and node kept. */
import type { TraceAnswer } from '@/lib/api/types';
import type { TokenRef } from '@/lib/render/tokens';
import { viewHref } from '../shell/views';

interface At {
  readonly family: string;
  readonly table: string;
  readonly chain?: string;
  readonly handle?: number | undefined;
}

const place = (answer: TraceAnswer) => ({ source: answer.source.id, node: answer.node });

/** The rule, or its chain where it has no handle, in the Ruleset. */
export const ruleHref = (answer: TraceAnswer, at: At): string =>
  viewHref('/ruleset', { ...place(answer), table: `${at.family} ${at.table}`, chain: at.chain, rule: at.handle });

/** What a name in a rule stands for, in the Ruleset. */
export function refHref(answer: TraceAnswer, at: At): (ref: TokenRef) => string | undefined {
  return ({ kind, name }) => {
    const table = `${at.family} ${at.table}`;
    if (kind === 'chain') return viewHref('/ruleset', { ...place(answer), table, chain: name });
    if (kind === 'set') return viewHref('/ruleset', { ...place(answer), table, set: name });
    return undefined;
  };
}
