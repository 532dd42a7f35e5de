import Link from 'next/link';
import type { ReactNode } from 'react';
import { policiesFact } from '@/lib/api/policies-text';
import { type VerdictFact, verdictFacts } from '@/lib/explain/verdict-facts';
import { traceVerdict, verdictSentence } from '@/lib/explain/verdict-sentence';
import { count } from '@/lib/explain/words';
import { useIsNarrow } from '../hooks/use-media';
import { type PathQuery, useMeasured } from '../hooks/use-path';
import { VerdictBadge } from '../ui/badge';
import { AgreementLine } from './agreement';
import { BranchTabs } from './branch-tabs';
import { ExplainedBy } from './explained-by';
import { ruleHref } from './links';
import { MeasuredLine } from './measured-line';
import type { TraceModel } from './trace-model';
import { WhatWouldDeliver } from './what-would-deliver';

/** The id of the sentence. */
export const SENTENCE = 'trace-sentence';

interface VerdictHeaderProps {
  readonly model: TraceModel;
  /** What was asked, where it was asked by names. */
  readonly connection: PathQuery | undefined;
  readonly onBranch: (index: number) => void;
  readonly onAssumptions: () => void;
  /** What would deliver the packet is open. */
  readonly deliver: boolean;
  readonly onDeliver: (open: boolean) => void;
}

/** The answer: the word, one sentence with the cause, the facts; and the branches where chance decides. */
export function VerdictHeader({ model, connection, onBranch, onAssumptions, deliver, onDeliver }: VerdictHeaderProps) {
  const { trace, branch, names, answer } = model;
  const measured = useMeasured(answer.source.id, connection).data ?? undefined;
  const narrow = useIsNarrow();
  const facts = verdictFacts(trace, branch).map((fact) => ({ key: factKey(fact), node: factNode(fact, model) }));
  const assumed = branch.assumptions.length;
  facts.push({
    key: 'assumed',
    node:
      assumed === 0 ? (
        'nothing assumed'
      ) : (
        <button type="button" className="link" onClick={onAssumptions}>
          {count(assumed, 'thing')} assumed
        </button>
      ),
  });
  const policies = answer.policies === null ? undefined : policiesFact(answer.policies);
  if (policies !== undefined)
    facts.push({
      key: 'policies',
      node: (
        <button type="button" className="link" onClick={showPolicies}>
          {policies}
        </button>
      ),
    });
  if (measured !== undefined && !narrow)
    facts.push({ key: 'measured', node: <MeasuredLine measured={measured} short={false} /> });
  return (
    <header className="flex flex-col gap-3 px-3 pt-3 pb-1 md:px-4 lg:flex-row lg:items-start">
      <div className="min-w-0 flex-1">
        <div className="flex flex-col items-start gap-x-3 gap-y-2 md:flex-row">
          <span className="flex items-center gap-3">
            <VerdictBadge verdict={traceVerdict(trace)} headline />
            {measured !== undefined && narrow ? <MeasuredLine measured={measured} short /> : null}
          </span>
          <h1 id={SENTENCE} className="min-w-0 text-[18px] font-[620] leading-[24px] md:text-headline">
            {verdictSentence(trace, names)}
          </h1>
        </div>
        <div className="mt-1.5 flex flex-wrap items-center gap-x-1 gap-y-1">
          <Facts facts={facts} />
          <WhatWouldDeliver model={model} open={deliver} onOpen={onDeliver} />
          <AgreementLine model={model} />
        </div>
        {connection === undefined ? null : <ExplainedBy model={model} connection={connection} />}
      </div>
      {trace.branches.length > 1 ? <BranchTabs model={model} onBranch={onBranch} /> : null}
    </header>
  );
}

/**
 * The dot between two facts lies left of the second: where a line begins it is outside of the box, and cut off. In a narrow window
 * the facts are running text, and the dot stays at the end of its line.
 */
function Facts({ facts }: { readonly facts: readonly { readonly key: string; readonly node: ReactNode }[] }) {
  return (
    <div className="-ml-1 min-w-0 overflow-hidden pl-1">
      <p className="-ml-5 flex flex-wrap text-ink-2 max-md:ml-0 max-md:block">
        {facts.map(({ key, node }, i) => (
          <span
            key={key}
            className="relative whitespace-nowrap pl-5 before:absolute before:left-2 before:content-['·'_/_''] max-md:whitespace-normal max-md:pl-0 max-md:before:hidden max-md:not-last:after:content-['\00a0·_'_/_'']"
          >
            {node}
            {i === facts.length - 1 ? null : <span className="sr-only">. </span>}
          </span>
        ))}
      </p>
    </div>
  );
}

const showPolicies = () => document.getElementById('trace-policies')?.scrollIntoView({ block: 'nearest' });

const factKey = (fact: VerdictFact): string =>
  fact.kind === 'text' ? fact.text : fact.kind === 'rule' ? fact.label : `${fact.before} ${fact.after}`;

function factNode(fact: VerdictFact, model: TraceModel): ReactNode {
  switch (fact.kind) {
    case 'text':
      return fact.text;
    case 'translation':
      return (
        <span className="font-mono text-[12px]">
          <s className="text-ink-3">{fact.before}</s>
          <span className="sr-only"> becomes</span>
          <span aria-hidden="true"> → </span>
          <span className="font-[640] text-write">{fact.after}</span>
        </span>
      );
    case 'rule':
      return (
        <>
          at {fact.hook},{' '}
          <Link className="link font-mono text-[12px] text-ink" href={ruleHref(model.answer, fact)}>
            {fact.label}
          </Link>
        </>
      );
  }
}
