'use client';

import { linkHorizontal, path } from 'd3';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { ServicePage } from '@/lib/api/service-types';
import type { OwnerKey } from '@/lib/api/types';
import type { ComparedGraph } from '@/lib/graph/compare-service-graphs';
import {
  foldEndpoints,
  type GraphBox,
  type GraphLine,
  layoutServiceGraph,
  type ServiceGraphLayout,
} from '@/lib/graph/service-graph-layout';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { FrontCut } from '../ui/front-cut';
import { OwnerBar } from '../ui/owner-tag';
import { carried, columnWord, fitBoth, noteOf, partLabel, shortName, troubleOf, wayWords } from './graph-words';
import { PartMark } from './state-mark';

interface GraphProps {
  readonly graph: ComparedGraph;
  readonly page: ServicePage;
  /** What becomes of packets that should come by a map element, by its key. */
  readonly troubles: ReadonlyMap<string, string>;
  readonly selected: string | null;
  readonly onSelect: (id: string | null) => void;
  /** Parts that the packet has touched so far, and those it is at. */
  readonly touched: ReadonlySet<string>;
  readonly at: ReadonlySet<string>;
}

/** The chains of a Service as a figure: lines in SVG, parts as buttons in fixed columns. Its text twin holds the same facts. */
export function ChainGraph({ graph, ...rest }: GraphProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const layout = useMemo(
    () => (width === undefined ? undefined : layoutServiceGraph(foldEndpoints(graph), width)),
    [graph, width],
  );
  return (
    <div ref={frame} className="overflow-x-auto overflow-y-hidden pb-1">
      {layout === undefined ? null : <Drawn layout={layout} {...rest} />}
    </div>
  );
}

function useWidth(frame: { readonly current: HTMLDivElement | null }): number | undefined {
  const [width, setWidth] = useState<number | undefined>(undefined);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = (): void => setWidth(element.clientWidth - 2);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}

function Drawn({
  layout,
  page,
  troubles,
  selected,
  onSelect,
  touched,
  at,
}: Omit<GraphProps, 'graph'> & { readonly layout: ServiceGraphLayout }) {
  const root = useRef<HTMLElement>(null);
  const [cursor, setCursor] = useState<string | undefined>(undefined);
  const ids = layout.boxes.map(({ part }) => part.id);
  const active = [cursor, selected ?? undefined, ids[0]].find((id) => id !== undefined && ids.includes(id));
  const endpoints = page.endpoints ?? [];
  const parts = layout.boxes.map(({ part }) => part);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = neighbour(layout, active, event.key);
    if (to === undefined) return;
    event.preventDefault();
    setCursor(to.part.id);
    root.current?.querySelector<HTMLElement>(`[data-part="${CSS.escape(to.part.id)}"]`)?.focus();
  };

  return (
    <figure
      ref={root}
      aria-label={STRINGS.chainGraph}
      className="relative m-px"
      style={{ width: layout.width, height: layout.height }}
    >
      <svg aria-hidden="true" width={layout.width} height={layout.height} className="absolute inset-0">
        {layout.columns.map(({ role, x }) => (
          <text key={role} x={x} y={12} className="fill-ink-2 text-[11.5px]">
            {columnWord(role, parts)}
          </text>
        ))}
        {layout.lines.map((line) => (
          <Line
            key={`${line.link.from} ${line.link.to}`}
            line={line}
            lit={touched.has(line.link.from) && touched.has(line.link.to)}
          />
        ))}
      </svg>
      {layout.columns.map(({ role, x }) => (
        // biome-ignore lint/a11y/useSemanticElements: a group of buttons in their places, not a fieldset
        <div key={role} role="group" aria-label={columnWord(role, parts)} onKeyDown={onKeyDown}>
          {layout.boxes
            .filter((box) => box.x === x)
            .map((box) => (
              <Box
                key={box.part.id}
                box={box}
                note={noteOf(box.part, endpoints)}
                label={[partLabel(box.part, page, endpoints), troubleOf(box.part, troubles) ?? '']
                  .filter(Boolean)
                  .join(', ')}
                trouble={troubleOf(box.part, troubles)}
                way={wayWords(box.part, page)}
                selected={box.part.id === selected}
                touched={touched.has(box.part.id)}
                at={at.has(box.part.id)}
                tabIndex={box.part.id === active ? 0 : -1}
                onSelect={() => {
                  setCursor(box.part.id);
                  onSelect(box.part.id === selected ? null : box.part.id);
                }}
              />
            ))}
        </div>
      ))}
      <svg
        aria-hidden="true"
        width={layout.width}
        height={layout.height}
        className="pointer-events-none absolute inset-0"
      >
        {layout.lines.map((line) => (
          <Pill key={`${line.link.from} ${line.link.to}`} line={line} />
        ))}
      </svg>
    </figure>
  );
}

/** Up and down in the column; left and right to the nearest height in the next one. */
function neighbour({ boxes, columns }: ServiceGraphLayout, id: string | undefined, key: string): GraphBox | undefined {
  const from = boxes.find(({ part }) => part.id === id);
  if (from === undefined) return undefined;
  const column = boxes.filter(({ x }) => x === from.x);
  if (key === 'ArrowDown') return column[column.indexOf(from) + 1];
  if (key === 'ArrowUp') return column[column.indexOf(from) - 1];
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  const next = step === 0 ? undefined : columns[columns.findIndex(({ x }) => x === from.x) + step];
  if (next === undefined) return undefined;
  return boxes.filter(({ x }) => x === next.x).toSorted((a, b) => Math.abs(a.y - from.y) - Math.abs(b.y - from.y))[0];
}

interface BoxProps {
  readonly box: GraphBox;
  readonly note: string;
  readonly label: string;
  readonly trouble: string | undefined;
  readonly way: string;
  readonly selected: boolean;
  readonly touched: boolean;
  readonly at: boolean;
  readonly tabIndex: number;
  readonly onSelect: () => void;
}

const OWNER: OwnerKey = 'kp';
/** Characters of mono 12 px, with the padding of a box. */
const nameFits = (width: number): number => Math.floor((width - 22) / 7.2);

function Box({ box, note, label, trouble, way, selected, touched, at, tabIndex, onSelect }: BoxProps) {
  const { part, x, y, width, height } = box;
  const odd = part.state !== 'same' && part.state !== 'unknown';
  const name = shortName(part);
  return (
    <>
      <button
        type="button"
        data-part={part.id}
        data-state={part.state}
        aria-pressed={selected}
        aria-label={label}
        tabIndex={tabIndex}
        onClick={onSelect}
        title={`${part.name}${note === '' ? '' : `, ${note}`}`}
        className={cx(
          'absolute flex items-stretch overflow-hidden rounded-control border text-left',
          selected || at
            ? 'border-2 border-ink bg-marker-row'
            : touched
              ? 'border-2 border-ink bg-surface'
              : 'bg-surface hover:border-ink-3',
          !selected &&
            !touched &&
            !at &&
            (trouble !== undefined ? 'border-lost' : odd ? 'border-depends' : 'border-line-strong'),
          part.state === 'missing' && 'border-dashed',
        )}
        style={{ left: x, top: y, width, height }}
      >
        {part.role === 'endpoint' || part.role === 'end' ? (
          <span className="w-1.5" />
        ) : (
          <OwnerBar owner={OWNER} className="-my-px w-1" />
        )}
        <span className="flex min-w-0 flex-1 flex-col justify-center px-2">
          <span
            className={cx(
              'overflow-hidden whitespace-nowrap font-[560] font-mono text-[12px] leading-4',
              part.role === 'end' && 'text-lost',
              part.state === 'missing' && 'text-ink-2',
            )}
          >
            {part.role === 'endpoint' ? <FrontCut text={name} /> : fitBoth(name, nameFits(width))}
          </span>
          <span className="flex items-center gap-1.5 overflow-hidden whitespace-nowrap text-[11px] text-ink-2 leading-4">
            <PartMark state={part.state} trouble={trouble} />
            {note === '' ? null : part.role === 'endpoint' || part.state === 'other' ? (
              <FrontCut text={note} />
            ) : (
              <span className="truncate">{note}</span>
            )}
          </span>
        </span>
      </button>
      {way === '' ? null : (
        <span
          aria-hidden="true"
          className="absolute text-[11px] text-ink-2 leading-4"
          style={{ left: x, top: y + height + 2 }}
        >
          {way}
        </span>
      )}
    </>
  );
}

type Ends = Pick<GraphLine, 'from' | 'to'>;
const curve = linkHorizontal<Ends, GraphLine['from']>()
  .source(({ from }) => from)
  .target(({ to }) => to)
  .x(({ x }) => x)
  .y(({ y }) => y);

function lineOf({ from, to, bent, below }: GraphLine): string {
  if (below !== undefined) {
    const [down, up] = [
      { x: below.fromX, y: below.y },
      { x: below.toX, y: below.y },
    ];
    return `${curve({ from, to: down }) ?? ''}L${up.x},${up.y}${(curve({ from: up, to }) ?? '').replace(/^M[^C]*/, '')}`;
  }
  if (!bent) return curve({ from, to }) ?? '';
  const p = path();
  const out = Math.max(from.x, to.x) + 24;
  p.moveTo(from.x, from.y);
  p.bezierCurveTo(out, from.y, out, to.y, to.x, to.y);
  return p.toString();
}

function Line({ line, lit }: { readonly line: GraphLine; readonly lit: boolean }) {
  const { state } = line.link;
  const odd = state !== 'same' && state !== 'unknown';
  return (
    <path
      d={lineOf(line)}
      className={cx('fill-none', lit ? 'stroke-ink' : odd ? 'stroke-depends' : 'stroke-ink-3')}
      strokeWidth={lit ? 3 : odd ? 1.8 : 1.3}
      strokeDasharray={state === 'missing' ? '4 4' : state === 'unknown' ? '2 3' : undefined}
    />
  );
}

const PILL_PITCH = 19;

/** The share of new connections, before the endpoint it is for; where chains have different ones, one below the other. */
function Pill({ line: { link, to, share: at } }: { readonly line: GraphLine }) {
  const text = carried(link);
  if (text === undefined || at === undefined) return null;
  const y = to.y + (at.index - (at.of - 1) / 2) * PILL_PITCH;
  const width = text.length * 6.6 + 12;
  const odd = link.state !== 'same' && link.state !== 'unknown';
  return (
    <g transform={`translate(${to.x - width - 1} ${y - 9})`}>
      <rect
        width={width}
        height={18}
        rx={9}
        className={odd ? 'fill-depends-ground stroke-depends' : 'fill-ink stroke-bg'}
        strokeDasharray={link.state === 'missing' ? '3 3' : undefined}
      />
      <text
        x={width / 2}
        y={13}
        textAnchor="middle"
        className={cx('font-[600] text-[11px]', odd ? 'fill-depends' : 'fill-surface')}
      >
        {text}
      </text>
    </g>
  );
}
