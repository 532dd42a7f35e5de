'use client';

import type { CSSProperties } from 'react';
import { announceStep, stepOutcome } from '@/lib/explain/trace-outcome';
import type { NumberedStep } from '@/lib/explain/trace-steps';
import { cx } from '../ui/cx';
import { Disc, type DiscState } from './disc';
import { InkLine } from './ink-line';
import { LookupLine } from './lookup-line';
import { RuleText } from './rule-text';
import { ReasonCard, StepCards } from './step-cards';
import type { TraceModel } from './trace-model';

interface StepRowProps {
  readonly entry: NumberedStep;
  readonly model: TraceModel;
  readonly onStep: (number: number) => void;
  readonly reached: boolean;
}

/** One numbered step: its disc, what ran, what it looked up, what it led to; chosen, also what it chose and wrote. */
export function StepRow({ entry, model, onStep, reached }: StepRowProps) {
  const { number, leg, summary } = model;
  const current = entry.number === number;
  const outcome = stepOutcome(entry, summary);
  const state: DiscState =
    entry.ends === 'undecided'
      ? 'unknown'
      : entry.ends === 'lost'
        ? 'lost'
        : current
          ? 'current'
          : entry.number < number
            ? 'done'
            : 'ahead';
  const lookups = entry.step.kind === 'rule' ? entry.step.lookups.filter((lookup) => lookup.name !== undefined) : [];
  return (
    <li
      data-row={entry.number}
      className={cx(
        'group/row relative scroll-mt-14 scroll-mb-3 roomy:scroll-mt-12 roomy:scroll-mb-24 pr-3 pl-[44px]',
        current && 'forced-colors:outline-2 forced-colors:outline-[Highlight] forced-colors:-outline-offset-2',
        current &&
          (entry.ends === 'lost'
            ? 'bg-lost-ground py-1.5'
            : entry.ends === 'undecided'
              ? 'bg-bg py-1.5'
              : 'bg-marker-row py-1.5'),
        !current && 'py-[3px] hover:bg-bg',
      )}
    >
      {current ? (
        <span
          aria-hidden="true"
          className={cx(
            'absolute inset-y-0 left-0 w-[4px]',
            entry.ends === 'lost' ? 'bg-lost' : entry.ends === 'undecided' ? 'bg-ink-3' : 'bg-marker-edge',
          )}
        />
      ) : null}
      <InkLine reached={reached} />
      <span className={cx('absolute', current ? 'top-[4px] left-[8px]' : 'top-[1px] left-[8px]')}>
        <Disc
          number={entry.number}
          state={state}
          current={current}
          label={announceStep(leg, entry.number, summary)}
          onSelect={() => onStep(entry.number)}
        />
      </span>
      <div className="flex flex-col xl:flex-row xl:gap-3" style={indent(entry.depth)}>
        <div
          className={cx(
            'min-w-0 flex-1 md:pl-[calc(var(--depth)*16px)] [&_a]:relative [&_a]:z-10',
            current && 'relative z-10',
          )}
        >
          <StepText entry={entry} model={model} />
          {lookups.map((lookup) => (
            <LookupLine key={`${lookup.statement} ${lookup.name}`} lookup={lookup} />
          ))}
        </div>
        <p
          className={cx(
            'md:pl-[calc(var(--depth)*16px)] xl:w-[152px] xl:shrink-0 xl:pl-0',
            outcome.tone === 'plain' && !current && 'max-md:hidden',
          )}
        >
          <span className={OUTCOME[outcome.tone]}>{outcome.word}</span>
          {outcome.rest}
          {outcome.note === undefined ? null : (
            <span className="text-[12px] text-ink-2 max-xl:ml-2 xl:block">{outcome.note}</span>
          )}
        </p>
      </div>
      {current ? (
        <div className="relative z-10 md:pl-[calc(var(--depth)*16px)]" style={indent(entry.depth)}>
          <StepCards entry={entry} model={model} />
        </div>
      ) : entry.step.kind === 'undecided' ? (
        entry.step.reasons.map((reason) => <ReasonCard key={reason.code + reason.say} reason={reason} />)
      ) : null}
    </li>
  );
}

/** Called chains stand further in. */
const indent = (depth: number): CSSProperties => ({ '--depth': depth }) as CSSProperties;

const OUTCOME = {
  plain: '',
  write: 'font-[640] text-write',
  lost: 'font-[640] text-lost',
  accept: 'font-[640] text-delivered',
  undecided: 'text-undecided',
} as const;

function StepText({ entry, model }: { readonly entry: NumberedStep; readonly model: TraceModel }) {
  const { step } = entry;
  switch (step.kind) {
    case 'rule':
      return <RuleText at={step.at} model={model} lookups={step.lookups} />;
    case 'route':
      return (
        <code className="text-code [overflow-wrap:anywhere]">
          <RouteText text={step.route ?? step.say} />
          {step.table === undefined ? null : <span className="text-ink-2"> table {step.table}</span>}
        </code>
      );
    case 'policy':
      return (
        <code className="text-code">
          policy <span className="font-[650] text-lost">drop</span>
          <span className="text-ink-2"> of {step.chain}</span>
        </code>
      );
    case 'kernel':
      return <span>{step.say}</span>;
    case 'undecided': {
      const at = step.reasons[0]?.at;
      return at === undefined ? (
        <span>{step.reasons[0]?.say ?? 'not known'}</span>
      ) : (
        <span className="inline-block border-ink-2 border-b-2 border-dashed">
          <RuleText at={at} model={model} lookups={[]} />
        </span>
      );
    }
  }
}

/** Addresses are what a route reads, as in a rule. */
function RouteText({ text }: { readonly text: string }) {
  // A split by a group keeps what it split by: every other part is an address.
  const parts = text.split(/((?:\d{1,3}\.){3}\d{1,3}(?:\/\d+)?|[0-9a-f]*:[0-9a-f:]+(?:\/\d+)?)/);
  let at = 0;
  return parts.map((part, i) => {
    at += part.length;
    return (
      <span key={at} className={i % 2 === 1 ? 'text-read' : undefined}>
        {part}
      </span>
    );
  });
}
