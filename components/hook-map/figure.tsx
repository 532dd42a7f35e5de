'use client';

import { path } from 'd3';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { HookMap } from '@/lib/graph/hook-map';
import { type HookMapLayout, layoutHookMap, type Point } from '@/lib/graph/hook-map-layout';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { OwnerBar, OwnerTag } from '../ui/owner-tag';
import { cellWord, chainId, type OverviewChain } from './map-chains';

type Layout = HookMapLayout<OverviewChain>;
type Placed = Layout['cells'][number];

interface FigureProps {
  readonly map: HookMap<OverviewChain>;
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
}

/** The map as a figure: lines in SVG, chains as buttons in their places. Its text twin holds the same facts. */
export function HookMapFigure({ map, selected, onSelect }: FigureProps) {
  const frame = useRef<HTMLDivElement>(null);
  const room = useRoom(frame);
  const layout = useMemo(
    () =>
      room === undefined
        ? undefined
        : layoutHookMap(map, { width: Math.max(room.width, 900), height: room.height, wordOf: cellWord }),
    [map, room],
  );
  return (
    <div ref={frame} className="shrink-0 grow overflow-auto bg-bg px-4 roomy:min-h-0 roomy:flex-1">
      {layout === undefined ? null : <Drawn layout={layout} selected={selected} onSelect={onSelect} />}
    </div>
  );
}

interface Room {
  readonly width: number;
  readonly height: number;
}

/** The room inside the frame's padding. */
function useRoom(frame: { readonly current: HTMLDivElement | null }): Room | undefined {
  const [room, setRoom] = useState<Room | undefined>(undefined);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = (): void => setRoom({ width: element.clientWidth - 32, height: element.clientHeight - 4 });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return room;
}

function Drawn({ layout, selected, onSelect }: Omit<FigureProps, 'map'> & { readonly layout: Layout }) {
  const root = useRef<HTMLElement>(null);
  const first = layout.cells.find((c) => chainId(c.cell.chain) === selected) ?? layout.cells[0];
  const [cursor, setCursor] = useState<string | undefined>(undefined);
  const active = layout.cells.some((c) => chainId(c.cell.chain) === cursor)
    ? cursor
    : first === undefined
      ? undefined
      : chainId(first.cell.chain);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = layout.cells.find((c) => chainId(c.cell.chain) === active);
    const to = from === undefined ? undefined : neighbour(layout, from, event.key);
    if (to === undefined) return;
    event.preventDefault();
    const id = chainId(to.cell.chain);
    setCursor(id);
    root.current?.querySelector<HTMLElement>(`[data-chain="${CSS.escape(id)}"]`)?.focus();
  };

  return (
    <figure
      ref={root}
      aria-label={STRINGS.hookMap}
      className="relative my-0"
      style={{ width: layout.width, height: layout.height }}
    >
      <Lines layout={layout} />
      {layout.columns.map((column) => (
        // biome-ignore lint/a11y/useSemanticElements: a group of buttons in their places, not a fieldset
        <div key={column.hook} role="group" aria-label={column.hook} onKeyDown={onKeyDown}>
          {layout.cells
            .filter((c) => c.hook === column.hook)
            .map((placed) => {
              const id = chainId(placed.cell.chain);
              return (
                <Cell
                  key={id}
                  id={id}
                  placed={placed}
                  selected={id === selected}
                  tabIndex={id === active ? 0 : -1}
                  onSelect={() => {
                    setCursor(id);
                    onSelect(id);
                  }}
                />
              );
            })}
        </div>
      ))}
    </figure>
  );
}

/** Up and down in the column; left and right to the nearest height in the next column that has a chain. */
function neighbour(layout: Layout, from: Placed, key: string): Placed | undefined {
  const column = layout.cells.filter((c) => c.hook === from.hook).toSorted((a, b) => a.y - b.y);
  const at = column.indexOf(from);
  if (key === 'ArrowDown') return column[at + 1];
  if (key === 'ArrowUp') return column[at - 1];
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return undefined;
  let i = layout.columns.findIndex((c) => c.hook === from.hook) + step;
  for (; i >= 0 && i < layout.columns.length; i += step) {
    const cells = layout.cells.filter((c) => c.hook === layout.columns[i]?.hook);
    const nearest = cells.toSorted((a, b) => Math.abs(a.y - from.y) - Math.abs(b.y - from.y))[0];
    if (nearest !== undefined) return nearest;
  }
  return undefined;
}

function Cell({
  id,
  placed,
  selected,
  tabIndex,
  onSelect,
}: {
  readonly id: string;
  readonly placed: Placed;
  readonly selected: boolean;
  readonly tabIndex: number;
  readonly onSelect: () => void;
}) {
  const { cell, x, y, width, height } = placed;
  const { chain } = cell;
  const word = cellWord(cell);
  const idle = word === 'empty';
  return (
    <button
      type="button"
      data-chain={id}
      aria-pressed={selected}
      aria-label={STRINGS.baseChain(
        [
          id,
          chain.owner.name,
          `type ${chain.type}`,
          `priority ${chain.prio}`,
          ...(cell.nat ? [`runs at ${cell.runsAt}`] : []),
          `number ${cell.run} at this hook`,
          `policy ${chain.policy}`,
          ...(word === '' ? [] : [word === 'empty' ? 'empty' : `can ${word.replace(', ', ' and ')}`]),
        ].join(', '),
      )}
      tabIndex={tabIndex}
      onClick={onSelect}
      className={cx(
        'absolute flex items-center gap-[5px] overflow-hidden rounded-chip border pr-[7px] text-left',
        selected
          ? 'border-2 border-ink bg-marker-row'
          : chain.policy === 'drop'
            ? 'border-lost bg-lost-ground'
            : 'border-line-strong bg-surface hover:border-ink-3',
        idle && !selected && 'border-dashed',
      )}
      style={{ left: x, top: y, width, height }}
    >
      <OwnerBar owner={chain.owner.key} className="-my-px w-1 self-stretch" />
      <OwnerTag owner={chain.owner.key} />
      <span
        className={cx(
          'overflow-hidden text-ellipsis whitespace-nowrap font-mono text-[12px]',
          idle ? 'text-ink-2' : 'font-[550] text-ink',
        )}
      >
        {chain.chain}
      </span>
      {word === '' ? null : (
        <span
          className={cx(
            'ml-auto shrink-0 pl-1 text-[11px]',
            idle ? 'text-ink-2' : chain.policy === 'drop' ? 'font-[650] text-lost' : 'text-lost',
          )}
        >
          {word}
        </span>
      )}
    </button>
  );
}

// ---------------------------------------------------------------------------------------------------------- lines

/** A polyline with round corners. */
function rounded(points: readonly Point[], radius: number): string {
  const p = path();
  points.forEach((point, i) => {
    const next = points[i + 1];
    if (i === 0) p.moveTo(point.x, point.y);
    else if (next === undefined) p.lineTo(point.x, point.y);
    else p.arcTo(point.x, point.y, next.x, next.y, radius);
  });
  return p.toString();
}

const Label = ({
  x,
  y,
  anchor = 'middle',
  quiet = false,
  children,
}: {
  readonly x: number;
  readonly y: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly quiet?: boolean;
  readonly children: ReactNode;
}) => (
  <text
    x={x}
    y={y}
    textAnchor={anchor}
    className={quiet ? 'fill-ink-2 text-[11.5px]' : 'fill-ink font-[640] text-[13px]'}
  >
    {children}
  </text>
);

/** Everything that is not a chain. Hidden from screen readers, which have the buttons and the text twin. */
function Lines({ layout }: { readonly layout: Layout }) {
  return (
    <svg aria-hidden="true" width={layout.width} height={layout.height} className="absolute inset-0">
      <Grid layout={layout} />
      <Way layout={layout} />
      {layout.brackets.map((b) => (
        <g key={b.hook}>
          <path
            d={rounded(
              [
                { x: b.x + 5, y: b.y1 },
                { x: b.x, y: b.y1 },
                { x: b.x, y: b.y2 },
                { x: b.x + 5, y: b.y2 },
              ],
              0,
            )}
            className="fill-none stroke-ink-2"
            strokeWidth={1.2}
          />
          <text
            transform={`translate(${b.x - 4} ${(b.y1 + b.y2) / 2}) rotate(-90)`}
            textAnchor="middle"
            className="fill-ink-2 text-[10.5px]"
          >
            run at {String(b.natAt).replace('-', '−')}
          </text>
        </g>
      ))}
      {layout.ties.map(({ tie, x, y1, y2 }) => (
        <g key={`${tie.hook} ${tie.prio} ${y1}`}>
          <path
            d={rounded(
              [
                { x, y: y1 },
                { x: x + 9, y: y1 },
                { x: x + 9, y: y2 },
                { x, y: y2 },
              ],
              0,
            )}
            className="fill-none stroke-depends"
            strokeWidth={2}
          />
          <rect
            x={x}
            y={(y1 + y2) / 2 - 9}
            width={30}
            height={18}
            rx={9}
            className="fill-depends-ground stroke-depends"
            strokeWidth={1.5}
          />
          <text x={x + 15} y={(y1 + y2) / 2 + 4} textAnchor="middle" className="fill-depends font-[600] text-[11.5px]">
            tie
          </text>
        </g>
      ))}
      {layout.laterDrops.map(({ drop, from, to }, i) => {
        const x = from.x + 17;
        return (
          <g key={chainId(drop.then.chain)} className="text-lost">
            <path
              d={rounded([from, { x, y: from.y }, { x, y: to.y }, { x: to.x + 4, y: to.y }], 5)}
              className="fill-none stroke-lost"
              strokeWidth={2}
            />
            <path
              d={`M${to.x + 8} ${to.y - 5} L${to.x + 2} ${to.y} L${to.x + 8} ${to.y + 5}`}
              className="fill-none stroke-lost"
              strokeWidth={2}
            />
            <circle cx={x} cy={(from.y + to.y) / 2} r={9} className="fill-lost" />
            <text
              x={x}
              y={(from.y + to.y) / 2 + 4}
              textAnchor="middle"
              className="fill-surface font-[650] text-[11.5px]"
            >
              {i + 1}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function Grid({ layout }: { readonly layout: Layout }) {
  const last = layout.rows.at(-1);
  return (
    <g>
      {layout.columns.map((c) => (
        <rect
          key={c.hook}
          x={c.x}
          y={c.y}
          width={c.width}
          height={c.height}
          rx={8}
          className="fill-surface stroke-line"
        />
      ))}
      {layout.rows.map((row) => (
        <g key={row.prio ?? 'last'}>
          <line
            x1={0}
            x2={(layout.columns.at(-1)?.x ?? 0) + (layout.columns.at(-1)?.width ?? 0)}
            y1={row.y + row.height}
            y2={row.y + row.height}
            className={row === last ? 'stroke-none' : 'stroke-line'}
          />
          <text x={0} y={row.y + row.height / 2 + 4} className="fill-ink-2 font-mono text-[11px]">
            {row.name}
          </text>
          <text
            x={layout.gutter - 8}
            y={row.y + row.height / 2 + 4}
            textAnchor="end"
            className="fill-ink font-[560] font-mono text-[11.5px]"
          >
            {row.prio ?? ''}
          </text>
        </g>
      ))}
      {layout.places.map(({ place, hook, x, y, width, height }) => {
        const text = place.say.length * 6 + 8;
        return (
          <g key={`${hook} ${place.kind}`}>
            <text x={x} y={y + height / 2 + 4} className="fill-ink-2 text-[11.5px]">
              {place.say}
            </text>
            {width - text < 24 ? null : (
              <line
                x1={x + text}
                x2={x + width}
                y1={y + height / 2}
                y2={y + height / 2}
                className="stroke-line-strong"
                strokeDasharray="1.5 3.5"
                strokeWidth={1.5}
              />
            )}
          </g>
        );
      })}
    </g>
  );
}

function Way({ layout }: { readonly layout: Layout }) {
  const { main, branch, nodes, decision, process } = layout.way;
  const end = main.at(-1);
  return (
    <g>
      <path d={rounded(main, 0)} className="fill-none stroke-ink" strokeWidth={3} />
      {end === undefined ? null : (
        <path
          d={`M${end.x - 8} ${end.y - 7} L${end.x + 1} ${end.y} L${end.x - 8} ${end.y + 7}`}
          className="fill-none stroke-ink"
          strokeWidth={2.5}
        />
      )}
      {branch.length === 0 ? null : <path d={rounded(branch, 10)} className="fill-none stroke-ink" strokeWidth={2} />}
      {nodes.map((node) => (
        <g key={node.hook}>
          <circle cx={node.x} cy={node.y} r={6} className="fill-surface stroke-ink" strokeWidth={2.5} />
          <Label x={node.x} y={node.y - 14}>
            {node.hook}
          </Label>
          {node.bare ? (
            <Label x={node.x} y={node.y + 22} quiet>
              no chain
            </Label>
          ) : null}
        </g>
      ))}
      {decision === null ? null : (
        <g>
          <path
            d={`M${decision.x} ${decision.y - 11} l11 11 l-11 11 l-11 -11 Z`}
            className="fill-surface stroke-ink"
            strokeWidth={2}
          />
          <Label x={decision.x} y={decision.y - 17} quiet>
            {decision.say}
          </Label>
        </g>
      )}
      {process === null ? null : (
        <g>
          <rect x={process.x - 36} y={process.y - 11} width={72} height={22} rx={6} className="fill-ink" />
          <text x={process.x} y={process.y + 4} textAnchor="middle" className="fill-surface font-[600] text-[11.5px]">
            {process.say}
          </text>
        </g>
      )}
    </g>
  );
}
