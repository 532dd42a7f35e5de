'use client';

import { type Move, moveStep } from '@/lib/explain/trace-steps';
import { Button } from '../ui/button';
import { Scrubber } from './scrubber';
import type { TraceModel } from './trace-model';

interface DebuggerBarProps {
  readonly model: TraceModel;
  readonly onMove: (move: Move) => void;
  readonly onStep: (number: number) => void;
}

export interface MoveButton {
  readonly move: Move;
  readonly word: string;
  readonly keys: string;
  readonly say: string;
}

/** The moves, in the order of the bar. */
export const MOVES: readonly MoveButton[] = [
  { move: 'back', word: 'Back', keys: 'b', say: 'Step back' },
  { move: 'step', word: 'Step', keys: 's', say: 'Step' },
  { move: 'over', word: 'Over', keys: 'n', say: 'Step over what a jump leads to' },
  { move: 'out', word: 'Out', keys: 'o', say: 'Step out of the chain' },
  { move: 'change', word: 'Next change', keys: 'c', say: 'Go to the next change' },
  { move: 'verdict', word: 'To verdict', keys: 'v', say: 'Go to the verdict' },
];

/** Moves through the steps, and the scrubber. On a phone three of them, large. */
export function DebuggerBar({ model, onMove, onStep }: DebuggerBarProps) {
  const { leg, number } = model;
  const idle = (move: Move): boolean => moveStep(leg, number, move) === number;
  return (
    <div
      role="toolbar"
      aria-label="Stepping"
      className="hidden h-[52px] shrink-0 items-center gap-2 border-line border-t bg-surface px-4 md:flex"
    >
      {MOVES.map(({ move, word, keys }) => (
        <Button
          key={move}
          look={move === 'step' ? 'ink' : 'plain'}
          shortcut={keys}
          // A button at its end stays focusable, or the focus of a keyboard user would be lost with the last step.
          aria-disabled={idle(move)}
          onClick={() => onMove(move)}
          className="aria-disabled:opacity-60 max-[920px]:[&_span]:hidden"
        >
          {word}
        </Button>
      ))}
      <div className="hidden min-w-0 flex-1 px-6 lg:block">
        <Scrubber model={model} onStep={onStep} />
      </div>
      <p className="ml-auto shrink-0 text-right text-ink-2 max-lg:hidden">
        <strong className="font-[640] text-ink">Step {number}</strong> of {leg.steps.length}
        <span className="block text-[12px] leading-[16px] max-xl:hidden">
          <span aria-hidden="true" className="mr-1 inline-block h-[3px] w-2.5 bg-read align-middle" />
          look-up
          <span aria-hidden="true" className="mx-1 ml-2 inline-block size-[7px] rotate-45 bg-write" />
          write
        </span>
      </p>
    </div>
  );
}

/** The phone's three buttons, at the foot of the packet sheet. */
export function DebuggerTouch({
  model,
  onMove,
}: {
  readonly model: TraceModel;
  readonly onMove: (move: Move) => void;
}) {
  const idle = (move: Move): boolean => moveStep(model.leg, model.number, move) === model.number;
  const look = 'h-11 rounded-control border text-[14px] font-[560] aria-disabled:opacity-60';
  return (
    <div role="toolbar" aria-label="Stepping" className="grid grid-cols-[1fr_1.5fr_1fr] gap-2">
      <button
        type="button"
        aria-disabled={idle('back')}
        onClick={() => onMove('back')}
        className={`${look} border-line-strong bg-surface`}
      >
        Back
      </button>
      <button
        type="button"
        aria-disabled={idle('step')}
        onClick={() => onMove('step')}
        className={`${look} border-ink bg-ink text-surface`}
      >
        Step
      </button>
      <button
        type="button"
        aria-disabled={idle('change')}
        onClick={() => onMove('change')}
        className={`${look} whitespace-nowrap border-line-strong bg-surface`}
      >
        Next change
      </button>
    </div>
  );
}
