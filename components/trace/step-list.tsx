'use client';

import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { Row, StepGroup } from '@/lib/explain/trace-steps';
import { isRoomy } from '../hooks/use-media';
import { ChainRow } from './chain-row';
import { FoldRow } from './fold-row';
import { InkLine } from './ink-line';
import { NoteRow } from './note-row';
import { StepRow } from './step-row';
import type { TraceModel } from './trace-model';

interface StepListProps {
  readonly model: TraceModel;
  readonly openFolds: ReadonlySet<string>;
  readonly onFold: (id: string) => void;
  readonly onStep: (number: number) => void;
}

/** The steps of a leg by place, on the packet's line. */
export function StepList({ model, openFolds, onFold, onStep }: StepListProps) {
  const list = useRef<HTMLDivElement>(null);
  const { answer, branchIndex, number, leg, way } = model;

  // The chosen row stays in sight, whichever of way, list or scrubber chose it. Where the view scrolls as a whole it begins at its
  // top, the answer; there the row comes into sight once somebody moves.
  const last = useRef({ answer, branchIndex, number });
  useEffect(() => {
    const before = last.current;
    last.current = { answer, branchIndex, number };
    const moved = before.answer === answer && before.branchIndex === branchIndex && before.number !== number;
    if (!moved && !isRoomy()) return;
    // A frame later, when the foot of the view has its place.
    const frame = requestAnimationFrame(() =>
      list.current?.querySelector(`[data-row="${number}"]`)?.scrollIntoView({ block: 'nearest' }),
    );
    return () => cancelAnimationFrame(frame);
  }, [answer, branchIndex, number]);

  const onKeyDown = (event: KeyboardEvent) => {
    const next = event.key === 'ArrowDown' ? number + 1 : event.key === 'ArrowUp' ? number - 1 : undefined;
    if (next === undefined || !(event.target as Element).matches('[data-step]')) return;
    event.preventDefault();
    if (next < 1 || next > leg.steps.length) return;
    onStep(next);
    list.current?.querySelector<HTMLElement>(`[data-step="${next}"]`)?.focus();
  };

  const missed = way.stops.filter((stop) => stop.kind === 'hook' && !stop.reached);
  return (
    // The list is a group of buttons; arrow keys move between them, as the design asks.
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the buttons inside
    <div ref={list} onKeyDown={onKeyDown} className="overflow-clip pb-4">
      {leg.groups.map((group) => (
        <Group key={group.id} group={group} model={model}>
          {group.rows.map((row) => (
            <RowItem key={rowKey(row)} row={row} model={model} openFolds={openFolds} onFold={onFold} onStep={onStep} />
          ))}
        </Group>
      ))}
      {missed.map((stop) =>
        stop.kind === 'hook' ? (
          <div key={stop.id} className="border-line border-b md:flex">
            <h3 className="px-3 pt-2 font-[640] text-ink-2 max-md:pl-[44px] md:w-[112px] md:shrink-0 md:py-2 md:pl-4">
              {stop.hook}
            </h3>
            <p className="relative px-3 py-2 pl-[44px] text-ink-2">
              <span
                aria-hidden="true"
                className="absolute top-0 bottom-0 left-[18px] border-line-strong border-l-[3px] border-dotted"
              />
              not reached
              {stop.cells.length === 0
                ? ''
                : `; ${stop.cells.length} base ${stop.cells.length === 1 ? 'chain' : 'chains'}`}
            </p>
          </div>
        ) : null,
      )}
    </div>
  );
}

const indexOf = (row: Row): number =>
  row.kind === 'step' ? row.entry.index : row.kind === 'passed' ? row.fold.index : row.index;
const rowKey = (row: Row): string => `${row.kind}${indexOf(row)}`;

function Group({
  group,
  model,
  children,
}: {
  readonly group: StepGroup;
  readonly model: TraceModel;
  readonly children: ReactNode;
}) {
  const title = group.place === 'kernel' ? 'kernel' : group.place;
  const iif =
    group.place === 'prerouting' || group.place === 'input' || group.place === 'ingress' ? group.iif : undefined;
  const oif = iif === undefined ? group.oif : undefined;
  const first = group.rows[0];
  const reached = first !== undefined && indexOf(first) <= (model.entry?.index ?? -1);
  const local = model.leg.start?.from.kind === 'local' && group.place === 'output';
  return (
    <div className="border-line border-b md:flex">
      <div className="group/row relative px-3 pt-2 text-[11.5px] text-ink-2 leading-[17px] max-md:pl-[44px] md:w-[112px] md:shrink-0 md:pr-0 md:pl-4">
        <span className="md:hidden">
          <InkLine reached={reached} />
        </span>
        <h3 className="inline font-[640] text-[13px] text-ink md:block">{title}</h3>
        {iif !== undefined && group.place !== 'routing' ? (
          <span className="block max-md:ml-2 max-md:inline [overflow-wrap:anywhere]">in {iif}</span>
        ) : null}
        {oif !== undefined && group.place !== 'routing' ? (
          <span className="block max-md:ml-2 max-md:inline [overflow-wrap:anywhere]">out {oif}</span>
        ) : null}
        {local ? <span className="block max-md:ml-2 max-md:inline">from a process</span> : null}
        {group.families.length === 0 ? null : (
          <span className="block max-md:ml-2 max-md:inline">{group.families.join(', ')}</span>
        )}
      </div>
      <ol aria-label={`Steps in ${title}`} className="min-w-0 flex-1 max-md:pb-1 md:py-1">
        {children}
      </ol>
    </div>
  );
}

interface RowItemProps extends StepListProps {
  readonly row: Row;
}

function RowItem({ row, model, openFolds, onFold, onStep }: RowItemProps) {
  const reached = indexOf(row) <= (model.entry?.index ?? -1);
  if (row.kind === 'step') return <StepRow entry={row.entry} model={model} onStep={onStep} reached={reached} />;
  return (
    <li className="group/row relative pr-3 pl-[44px]">
      <InkLine reached={reached} />
      {row.kind === 'chain' ? <ChainRow step={row.step} model={model} /> : null}
      {row.kind === 'note' ? (
        <>
          {row.step.kind === 'conntrack' ? (
            <span
              aria-hidden="true"
              className="absolute top-[8px] left-[15px] size-[10px] rounded-full border-2 border-ink bg-surface"
            />
          ) : null}
          <NoteRow step={row.step} model={model} />
        </>
      ) : null}
      {row.kind === 'passed' ? (
        <FoldRow fold={row.fold} model={model} open={openFolds.has(row.fold.id)} onToggle={() => onFold(row.fold.id)} />
      ) : null}
    </li>
  );
}
