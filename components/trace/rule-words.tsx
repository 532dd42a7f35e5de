'use client';

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { explainRule } from '@/lib/explain/explain-rule';
import type { RuleRef } from '@/lib/nft/model';
import { renderContext } from '@/lib/render/context';
import { ruleQuery } from '../hooks/use-ruleset';
import { reviveRule } from '../ruleset/revive-rule';
import { ErrorState } from '../shell/error-state';
import { ruleOf, type TraceModel } from './trace-model';
import { Words } from './words';

/** The chosen rule in plain words. */
export function RuleWords({ model, at }: { readonly model: TraceModel; readonly at: RuleRef }) {
  const { answer, listedBy } = model;
  const ref = { source: answer.source.id, node: answer.node, version: answer.version };
  const table = `${at.family} ${at.table}`;
  const rule = useQuery(ruleQuery(ref, { table, chain: at.chain, handle: at.handle }));
  const usedSets = ruleOf(answer, at)?.usedSets;
  const words = useMemo(() => {
    if (rule.data === undefined) return undefined;
    const render = renderContext({ family: at.family, sets: [] }, listedBy ?? undefined);
    const sizes = new Map((usedSets ?? []).map((set) => [set.name, set.count]));
    return explainRule(reviveRule(rule.data.model), { render, sizes, next: null, base: false }).sentence;
  }, [rule.data, at.family, usedSets, listedBy]);
  if (rule.isError) return <ErrorState error={rule.error} what="The rule" onRetry={() => void rule.refetch()} />;
  return (
    <p className="min-h-[19px] text-prose">
      {words === undefined ? <span className="text-ink-2">reading the rule…</span> : <Words words={words} />}
    </p>
  );
}
