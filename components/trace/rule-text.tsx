'use client';

import { useMemo } from 'react';
import type { RuleRef } from '@/lib/nft/model';
import type { Lookup } from '@/lib/sim/trace';
import { RuleLine } from '../ui/rule-line';
import { hitTokens } from './hit-tokens';
import { refHref } from './links';
import { ruleOf, type TraceModel } from './trace-model';

interface RuleTextProps {
  readonly at: RuleRef;
  readonly model: TraceModel;
  readonly lookups: readonly Lookup[];
  /** The statement to point at. */
  readonly statement?: number | undefined;
}

/** A rule's line as everywhere else, with the element hit in a set written in the rule marked. */
export function RuleText({ at, model, lookups, statement }: RuleTextProps) {
  const { answer } = model;
  const rule = ruleOf(answer, at);
  const hrefOf = useMemo(() => refHref(answer, at), [answer, at]);
  const hits = useMemo(() => (rule === undefined ? undefined : hitTokens(rule.tokens, lookups)), [rule, lookups]);
  if (rule === undefined) {
    return (
      <code className="text-code text-ink-2">
        rule #{at.handle} of {at.chain}
      </code>
    );
  }
  return <RuleLine tokens={rule.tokens} handle={at.handle} hrefOf={hrefOf} hits={hits} statement={statement} />;
}
