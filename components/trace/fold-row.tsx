'use client';

import type { CSSProperties } from 'react';
import type { Fold } from '@/lib/explain/trace-steps';
import { foldWords, whyNot } from '@/lib/explain/trace-why';
import type { PassedStep } from '@/lib/sim/trace';
import { cx } from '../ui/cx';
import { ChevronDown, ChevronRight } from '../ui/icons';
import { LookupLine } from './lookup-line';
import { RuleText } from './rule-text';
import { Diffs } from './step-cards';
import type { TraceModel } from './trace-model';
import { Words } from './words';

interface FoldRowProps {
  readonly fold: Fold;
  readonly model: TraceModel;
  readonly open: boolean;
  readonly onToggle: () => void;
}

const INDENT = 'md:pl-[calc(var(--depth)*16px)]';
const depthOf = (fold: Fold): CSSProperties => ({ '--depth': fold.depth }) as CSSProperties;

/** Rules passed over: a folded square that opens to why not. */
export function FoldRow({ fold, model, open, onToggle }: FoldRowProps) {
  if (fold.rules.length === 0) {
    return (
      <p className={cx('py-[3px] text-ink-3', INDENT)} style={depthOf(fold)}>
        <Words words={foldWords(fold)} />
      </p>
    );
  }
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className={cx('relative flex w-full items-start py-[3px] text-left text-ink-2 hover:text-ink', INDENT)}
        style={depthOf(fold)}
      >
        <span className="-left-[32px] absolute top-[5px] flex size-4 items-center justify-center rounded-[4px] border border-line-strong bg-surface text-ink-2">
          {open ? <ChevronDown size={10} /> : <ChevronRight size={10} />}
        </span>
        <span className="min-w-0 [overflow-wrap:anywhere]">
          <Words words={foldWords(fold)} />
        </span>
      </button>
      {open ? (
        <ul
          className="mb-1 ml-1 border-line-strong border-l-2 border-dashed md:ml-[calc(var(--depth)*16px+4px)]"
          style={depthOf(fold)}
        >
          {fold.rules.map((step) => (
            <li key={step.at.handle} className="py-1 pl-3">
              <Passed step={step} model={model} />
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

/** A rule that was passed over, then the one match that failed with both values. */
function Passed({ step, model }: { readonly step: PassedStep; readonly model: TraceModel }) {
  const earlier = step.lookups.filter((lookup) => lookup.name !== undefined && lookup.hit !== undefined);
  return (
    <>
      <RuleText at={step.at} model={model} lookups={[]} statement={step.statement} />
      {earlier.map((lookup) => (
        <LookupLine key={`${lookup.statement} ${lookup.name}`} lookup={lookup} />
      ))}
      <p className="text-ink-2">
        <strong className="font-[640] text-ink">Why not: </strong>
        <Words words={whyNot(step.why)} />
      </p>
      {step.writes.length === 0 ? null : (
        <div className="pt-0.5 text-ink-2">
          It wrote before it failed:
          <Diffs diffs={step.writes} />
        </div>
      )}
    </>
  );
}
