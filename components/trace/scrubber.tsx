'use client';

import type { KeyboardEvent, PointerEvent } from 'react';
import { useRef } from 'react';
import { announceStep } from '@/lib/explain/trace-outcome';
import type { NumberedStep } from '@/lib/explain/trace-steps';
import { cx } from '../ui/cx';
import type { TraceModel } from './trace-model';

/** Past this many steps the dots would touch: the line stays, with the dots of look-ups, writes and the chosen step. */
const DOTS_MOST = 40;

interface ScrubberProps {
  readonly model: TraceModel;
  readonly onStep: (number: number) => void;
}

/** All steps on a line: drag, click or arrow keys. Marks show where something was looked up or written. */
export function Scrubber({ model, onStep }: ScrubberProps) {
  const track = useRef<HTMLDivElement>(null);
  const { leg, number, summary } = model;
  const most = leg.steps.length;
  if (most === 0) return null;
  const at = (n: number): number => (most === 1 ? 50 : ((n - 1) / (most - 1)) * 100);

  const pick = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const next = Math.round(share * (most - 1)) + 1;
    if (next !== number) onStep(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyTarget(event.key, number, most);
    if (next === undefined) return;
    event.preventDefault();
    onStep(next);
  };

  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label="Step"
      aria-valuemin={1}
      aria-valuemax={most}
      aria-valuenow={number}
      aria-valuetext={announceStep(leg, number, summary)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        pick(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) pick(event);
      }}
      className="relative h-[46px] cursor-pointer touch-none select-none px-3"
    >
      <div ref={track} className="relative h-full">
        <span aria-hidden="true" className="absolute top-[17px] right-0 left-0 border-line-strong border-t-2" />
        <span
          aria-hidden="true"
          className="absolute top-[16px] left-0 border-ink border-t-4"
          style={{ width: `${at(number)}%` }}
        />
        {leg.steps.map((entry) => (
          <Dot key={entry.number} entry={entry} at={at(entry.number)} number={number} plain={most > DOTS_MOST} />
        ))}
        {places(leg.steps).map(({ place, from, to }) => (
          <span
            key={`${place}${from}`}
            aria-hidden="true"
            className="-translate-x-1/2 absolute top-[28px] whitespace-nowrap text-[11.5px] text-ink-2"
            style={{ left: `${(at(from) + at(to)) / 2}%` }}
          >
            {place === 'routing' ? 'route' : place}
          </span>
        ))}
      </div>
    </div>
  );
}

function keyTarget(key: string, number: number, most: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(most, number + 1);
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(1, number - 1);
    case 'Home':
      return 1;
    case 'End':
      return most;
    default:
      return undefined;
  }
}

function Dot({
  entry,
  at,
  number,
  plain,
}: {
  readonly entry: NumberedStep;
  readonly at: number;
  readonly number: number;
  readonly plain: boolean;
}) {
  const current = entry.number === number;
  const looked =
    entry.step.kind === 'rule' &&
    entry.step.lookups.some((lookup) => lookup.name !== undefined && lookup.hit !== undefined);
  const wrote = entry.writes.length > 0;
  if (plain && !current && !looked && !wrote) return null;
  return (
    <span aria-hidden="true" className="absolute top-0 w-0" style={{ left: `${at}%` }}>
      {looked && !wrote ? <span className="-translate-x-1/2 absolute top-[3px] h-[3px] w-[10px] bg-read" /> : null}
      {wrote ? (
        <span
          className={cx(
            '-translate-x-1/2 absolute size-[7px] rotate-45 bg-write',
            current ? '-top-[1px]' : 'top-[2px]',
          )}
        />
      ) : null}
      <span
        className={cx(
          '-translate-x-1/2 -translate-y-1/2 absolute top-[18px] flex items-center justify-center rounded-full font-[680] text-[11px] leading-none',
          current && entry.ends === 'lost' && 'size-[22px] border-2 border-ink bg-lost text-surface',
          current && entry.ends !== 'lost' && 'size-[22px] border-2 border-ink bg-marker-hit text-ink',
          !current && entry.number < number && 'size-[11px] bg-ink forced-colors:border-2',
          !current && entry.number > number && 'size-[11px] border-2 border-line-strong bg-surface',
        )}
      >
        {current ? (entry.ends === 'undecided' ? '?' : entry.number) : null}
      </span>
    </span>
  );
}

/** Runs of steps in the same place. */
function places(
  steps: readonly NumberedStep[],
): readonly { readonly place: string; readonly from: number; readonly to: number }[] {
  const runs: { place: string; from: number; to: number }[] = [];
  for (const { place, number } of steps) {
    const last = runs.at(-1);
    if (last?.place === place) last.to = number;
    else runs.push({ place, from: number, to: number });
  }
  return runs;
}
