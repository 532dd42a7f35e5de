import type { OwnerView } from '@/lib/api/types';
import { stepSpan } from '@/lib/explain/trace-outcome';
import type { WayCell, WayStop } from '@/lib/graph/way-types';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { ownerOf, type TraceModel } from './trace-model';
import type { Passage } from './way-passage';

interface StopProps {
  readonly stop: WayStop;
  readonly where: Passage;
  readonly number: number;
  readonly model: TraceModel;
  readonly onStep: (number: number) => void;
}

/** An end, a hook with its base chains, or the routing decision. */
export function Stop({ stop, where, number, model, onStep }: StopProps) {
  switch (stop.kind) {
    case 'end':
      return (
        <div
          className={cx(
            'rounded-card border-2 bg-surface px-2.5 py-[3px] leading-[16px]',
            where === 'never' ? 'border-line-strong border-dashed' : 'border-ink',
          )}
        >
          <span
            className="block overflow-hidden text-ellipsis whitespace-nowrap text-[12px] text-ink-2"
            title={stop.at.name}
          >
            {stop.at.kind === 'address' ? 'address' : stop.at.kind} {endName(stop.at.name)}
          </span>
          <span className="block whitespace-nowrap font-[560] font-mono text-[12px]">{stop.at.detail}</span>
        </div>
      );
    case 'routing': {
      const { steps } = stop;
      const [first] = steps;
      const here = steps.includes(number);
      const span = stepSpan(steps);
      return (
        <button
          type="button"
          disabled={first === undefined}
          aria-label={span === undefined ? 'routing' : `routing, ${span}`}
          aria-current={here ? 'step' : undefined}
          onClick={() => first !== undefined && onStep(first)}
          className="-mx-1 flex size-9 items-center justify-center"
        >
          <span
            className={cx(
              'block size-[20px] rotate-45 border-2',
              stop.ends === 'lost'
                ? 'border-lost bg-lost-ground'
                : !stop.reached
                  ? 'border-line-strong border-dashed bg-bg'
                  : here
                    ? 'border-ink bg-marker-hit'
                    : 'border-ink bg-surface',
            )}
          />
        </button>
      );
    }
    case 'hook':
      return (
        <div
          className={cx(
            'relative flex items-center gap-1.5 rounded-card border p-1.5',
            stop.reached ? 'border-line-strong bg-sunken' : 'border-line border-dashed bg-transparent',
          )}
        >
          <span className="sr-only">
            {stop.hook} {stop.note}
            {stop.ends === 'lost' ? ', ends here' : stop.ends === 'undecided' ? ', not known from here on' : ''}:{' '}
          </span>
          {stop.conntrack ? (
            <span className="rounded-full border border-line-strong bg-bg px-2 text-[12px] text-ink-2 leading-[22px]">
              conntrack
            </span>
          ) : null}
          <span className={cx('grid grid-flow-col gap-1.5', stop.cells.length > 4 && 'grid-rows-2')}>
            {stop.cells.map((cell) => (
              <Cell key={cell.id} cell={cell} owner={ownerOf(model, cell)} number={number} onStep={onStep} />
            ))}
          </span>
          {stop.cells.length === 0 && !stop.conntrack ? (
            <span className="px-2 text-[12px] text-ink-3">no chain</span>
          ) : null}
          {stop.ends === undefined ? null : <EndMark ends={stop.ends} />}
        </div>
      );
  }
}

/** `shop/web-6d4f8b7c9-2hxkz` keeps its start and its end: the middle is the hash of the workload. */
function endName(name: string | undefined): string {
  if (name === undefined) return '';
  const parts = name.split('-');
  if (name.length <= 20 || parts.length < 3) return name;
  return `${parts.slice(0, -2).join('-')}-…${parts.at(-1)}`;
}

function EndMark({ ends }: { readonly ends: 'lost' | 'undecided' }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        '-right-[12px] absolute flex size-[24px] items-center justify-center rounded-full font-[700] text-[13px]',
        ends === 'lost' ? 'bg-lost text-surface' : 'border-2 border-ink-2 border-dashed bg-surface text-ink',
      )}
    >
      {ends === 'lost' ? '✕' : '?'}
    </span>
  );
}

function Cell({
  cell,
  owner,
  number,
  onStep,
}: {
  readonly cell: WayCell;
  readonly owner: OwnerView | undefined;
  readonly number: number;
  readonly onStep: (number: number) => void;
}) {
  const [first] = cell.steps;
  const here = cell.steps.includes(number);
  const span = stepSpan(cell.steps) ?? (cell.reached ? 'no match' : '');
  const look = cx(
    'flex min-w-max items-center gap-1.5 rounded-control py-[2px] pr-2.5 pl-1.5 text-left leading-[13px]',
    !cell.reached && 'border-2 border-line-strong border-dashed text-ink-2',
    cell.reached &&
      (cell.ends === 'lost'
        ? 'border-2 border-lost bg-lost-ground'
        : here
          ? 'border-2 border-ink bg-marker-hit'
          : 'border-2 border-ink bg-surface'),
    cell.ends === 'undecided' && 'border-dashed',
    here && 'forced-colors:outline-2 forced-colors:outline-[Highlight]',
    first === undefined && cell.reached && 'border-line-strong',
  );
  const inner = (
    <>
      <OwnerTag owner={owner?.key ?? 'ot'} />
      <span>
        <span className="block whitespace-nowrap font-[560] font-mono text-[12px]">
          {cell.prio}
          {cell.type === 'nat' ? ' nat' : ''}
        </span>
        <span className="block whitespace-nowrap text-[11px]">{span}</span>
      </span>
    </>
  );
  const name = `${owner?.name ?? 'not recognised'}: ${cell.family} ${cell.table} ${cell.chain}, priority ${cell.prio}, ${span === '' ? 'not reached' : span}`;
  if (first === undefined) {
    return (
      <span role="img" aria-label={name} title={`${cell.family} ${cell.table} ${cell.chain}`} className={look}>
        {inner}
      </span>
    );
  }
  return (
    <button
      type="button"
      aria-label={name}
      title={`${cell.family} ${cell.table} ${cell.chain}`}
      aria-current={here ? 'step' : undefined}
      onClick={() => onStep(first)}
      className={look}
    >
      {inner}
    </button>
  );
}
