import { Fragment } from 'react';
import { count } from '@/lib/explain/words';
import type { WayStop } from '@/lib/graph/way-types';
import { cx } from '../ui/cx';
import type { TraceModel } from './trace-model';
import { currentStop, type Passage, passage } from './way-passage';
import { Stop } from './way-stop';

interface WayProps {
  readonly model: TraceModel;
  readonly onStep: (number: number) => void;
}

/** The way as one line, heaviest up to where the chosen step is. Two grid columns a stop: the line before it, and itself. */
export function WayFigure({ model, onStep }: WayProps) {
  const { way, number, leg } = model;
  const current = currentStop(way, number);
  const columns = way.stops.map(
    (stop, i) => `${i === 0 ? '' : 'minmax(20px,1fr) '}${stop.kind === 'end' ? 'fit-content(176px)' : 'auto'}`,
  );
  return (
    <section aria-label="Way of the packet" className="overflow-x-auto overflow-y-hidden px-4" tabIndex={-1}>
      <ol className="grid items-center pt-1 pb-2" style={{ gridTemplateColumns: columns.join(' ') }}>
        {way.stops.map((stop, i) => (
          <Fragment key={stop.id}>
            {i === 0 ? null : (
              <Line stop={stop} column={2 * i} where={passage(stop, i, current)} dotted={!stop.reached} />
            )}
            <li className="row-start-2" style={{ gridColumn: 2 * i + 1 }}>
              <Stop stop={stop} where={passage(stop, i, current)} number={number} model={model} onStep={onStep} />
            </li>
            <StopLabel stop={stop} column={2 * i + 1} />
          </Fragment>
        ))}
        {way.back === undefined ? null : <Back text={way.back.text} column={2 * way.back.from + 1} />}
        {way.aside === undefined || way.back !== undefined ? null : (
          <li className="col-span-full row-start-4 pt-1 text-center text-[12px] text-ink-3">
            <span aria-hidden="true" className="mr-2 tracking-[2px]">
              ····
            </span>
            {way.aside}
            <span aria-hidden="true" className="ml-2 tracking-[2px]">
              ····
            </span>
          </li>
        )}
      </ol>
      <p className="sr-only">
        {count(leg.steps.length, 'step')}. Each chain of the figure leads to its first step in the list below.
      </p>
    </section>
  );
}

function Line({
  stop,
  column,
  where,
  dotted,
}: {
  readonly stop: WayStop;
  readonly column: number;
  readonly where: Passage;
  readonly dotted: boolean;
}) {
  const { change } = stop;
  return (
    <>
      {change === undefined ? null : (
        <li className="row-start-1 flex h-[18px] w-0 justify-center justify-self-center" style={{ gridColumn: column }}>
          <span
            className={cx(
              'whitespace-nowrap font-mono text-[11px] leading-[18px]',
              change.changed ? 'font-[600] text-write' : 'text-ink-2',
            )}
          >
            <span aria-hidden="true">→ </span>
            {change.text}
          </span>
        </li>
      )}
      <li
        aria-hidden="true"
        className={cx(
          'row-start-2 w-full border-ink',
          dotted
            ? 'border-line-strong border-t-2 border-dotted'
            : where === 'passed' || where === 'here'
              ? 'border-t-[4px]'
              : 'border-t-2',
        )}
        style={{ gridColumn: column }}
      />
    </>
  );
}

function StopLabel({ stop, column }: { readonly stop: WayStop; readonly column: number }) {
  if (stop.kind === 'end') return null;
  const hook = stop.kind === 'hook' ? stop : undefined;
  return (
    <li
      aria-hidden="true"
      className={cx(
        'row-start-3 whitespace-nowrap pt-0.5 text-[12px] leading-[18px]',
        stop.kind === 'routing' ? 'w-0 justify-self-center' : 'w-0',
      )}
      style={{ gridColumn: column }}
    >
      <span className={stop.kind === 'routing' ? '-translate-x-1/2 inline-block' : undefined}>
        <span className={stop.reached ? 'font-[640]' : 'text-ink-3'}>{hook?.hook ?? 'routing'}</span>
        {hook === undefined || hook.note === '' ? null : <span className="text-ink-2"> {hook.note}</span>}
      </span>
    </li>
  );
}

/** The answer to a rejected packet, drawn back to its sender. */
function Back({ text, column }: { readonly text: string; readonly column: number }) {
  return (
    <>
      <li
        aria-hidden="true"
        className="relative row-span-2 row-start-3 ml-[50%] h-full border-lost border-b-2 border-l-2 border-dashed"
        style={{ gridColumn: 1 }}
      >
        <svg
          aria-hidden="true"
          focusable="false"
          width="14"
          height="10"
          viewBox="0 0 14 10"
          className="-left-[8px] absolute top-0"
        >
          <path d="M1.5 9 7 1.5 12.500 9" fill="none" stroke="var(--lost)" strokeWidth="2" />
        </svg>
      </li>
      <li
        className="row-span-2 row-start-3 flex h-[30px] items-end justify-center border-lost border-r-2 border-b-2 border-dashed text-[12px]"
        style={{ gridColumn: `2 / ${column + 1}` }}
      >
        <span className="translate-y-1/2 bg-bg px-2 font-[560] text-lost">{text}</span>
      </li>
    </>
  );
}
