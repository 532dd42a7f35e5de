'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useRef } from 'react';
import type { EndpointRow } from '@/lib/api/service-types';
import { fraction } from '@/lib/explain/words';
import { type ComparedGraph, endpointShares } from '@/lib/graph/compare-service-graphs';
import { useIsNarrow } from '../hooks/use-media';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { FrontCut } from '../ui/front-cut';
import { CheckIcon } from '../ui/icons';

const ROW = 32;
const NARROW_ROW = 94;
const GRID =
  'grid grid-cols-[minmax(150px,1.5fr)_minmax(200px,1.6fr)_52px_56px_84px_minmax(80px,0.7fr)_minmax(80px,0.9fr)_140px] gap-x-3 px-3';
const HEADS = ['Pod', 'Address', 'Ready', 'Serving', 'Terminating', 'Node', 'Zone, hints'];

interface EndpointsProps {
  readonly endpoints: readonly EndpointRow[];
  /** Of the node and the port that are drawn, one for each family; none: they are not known. */
  readonly graphs: readonly ComparedGraph[];
  readonly node: string;
}

/** What the EndpointSlices say, and how often the node chooses each. Only the rows in sight are in the page. */
export function EndpointsTable({ endpoints, graphs, node }: EndpointsProps) {
  const narrow = useIsNarrow();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: endpoints.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (narrow ? NARROW_ROW : ROW),
    getItemKey: (index) => endpoints[index]?.id ?? index,
    overscan: 8,
    initialRect: { width: 1200, height: 800 },
  });
  const chosen = graphs.length === 0 ? undefined : new Map(graphs.flatMap((graph) => [...endpointShares(graph)]));
  return (
    <section
      ref={scroll}
      aria-label={STRINGS.endpointsOfService}
      className="max-h-[52dvh] overflow-auto rounded-card border border-line bg-surface"
    >
      <table aria-rowcount={endpoints.length + 1} className={cx('block', !narrow && 'min-w-[980px]')}>
        <caption className="sr-only">{STRINGS.endpointsOfService}</caption>
        <thead className={narrow ? 'sr-only' : 'sticky top-0 z-10 block bg-surface'}>
          <tr aria-rowindex={1} className={cx(GRID, 'h-8 items-center text-left text-ink-2 text-label')}>
            {(narrow ? ['Endpoint'] : [...HEADS, `Chosen on ${node}`]).map((head) => (
              <th key={head} scope="col" className="font-[550]">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="relative block" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = endpoints[index];
            if (row === undefined) return null;
            const share = chosen?.get(row.addresses[0] ?? '');
            return (
              <tr
                key={row.id}
                aria-rowindex={index + 2}
                className={cx(
                  'absolute inset-x-0 border-line border-t',
                  narrow ? 'flex px-3 py-1.5' : `items-center ${GRID}`,
                )}
                style={{ transform: `translateY(${start}px)`, height: size }}
              >
                {narrow ? (
                  <Card row={row} share={share} node={node} isKnown={chosen !== undefined} />
                ) : (
                  <Cells row={row} share={share} isKnown={chosen !== undefined} />
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

interface RowProps {
  readonly row: EndpointRow;
  /** Undefined: never; null: not told by the rules. */
  readonly share: number | null | undefined;
  readonly isKnown: boolean;
}

const Cell = ({ children, className }: { readonly children: ReactNode; readonly className?: string }) => (
  <td className={cx('block min-w-0', className)}>{children}</td>
);

const podName = (row: EndpointRow): ReactNode =>
  row.pod === null ? <span className="text-ink-2">no pod</span> : <FrontCut text={row.pod.name} />;

const addressWords = ({ addresses, ports }: EndpointRow): string =>
  [addresses.join(', '), ...ports.map(({ name, port }) => `${name === '' ? '' : `${name} `}:${port ?? '*'}`)].join(' ');

function Address({ row }: { readonly row: EndpointRow }) {
  return (
    <span className="font-mono text-[12px]" title={addressWords(row)}>
      {row.addresses.join(', ')}{' '}
      <span className="text-ink-2">{row.ports.map(({ port }) => `:${port ?? '*'}`).join(' ')}</span>
    </span>
  );
}

function YesNo({ yes, good }: { readonly yes: boolean; readonly good: boolean }) {
  if (yes && good)
    return (
      <span className="inline-flex items-center gap-1 text-delivered">
        <CheckIcon />
        <span className="sr-only">yes</span>
      </span>
    );
  return <span className={yes === good ? 'text-ink-2' : 'font-[600] text-depends'}>{yes ? 'yes' : 'no'}</span>;
}

function zoneWords({ zone, forZones, forNodes }: EndpointRow): string {
  const hints = [
    ...(forZones.length === 0 ? [] : [`for zones ${forZones.join(', ')}`]),
    ...(forNodes.length === 0 ? [] : [`for nodes ${forNodes.join(', ')}`]),
  ];
  return [zone ?? 'no zone', ...hints].join('; ');
}

function Cells({ row, share, isKnown }: RowProps) {
  return (
    <>
      <Cell className="font-[600]">{podName(row)}</Cell>
      <Cell className="truncate">
        <Address row={row} />
      </Cell>
      <Cell>
        <YesNo yes={row.ready} good />
      </Cell>
      <Cell>
        <YesNo yes={row.serving} good />
      </Cell>
      <Cell>
        <YesNo yes={row.terminating} good={false} />
      </Cell>
      <Cell className="truncate">{row.node ?? <span className="text-ink-2">none</span>}</Cell>
      <Cell className="truncate text-ink-2">
        <span title={zoneWords(row)}>{zoneWords(row)}</span>
      </Cell>
      <Cell>
        <Share share={share} isKnown={isKnown} />
      </Cell>
    </>
  );
}

/** One column: the same facts, one below the other. */
function Card({ row, share, isKnown, node }: RowProps & { readonly node: string }) {
  const words = [
    row.ready ? 'ready' : 'not ready',
    row.serving ? 'serving' : 'not serving',
    ...(row.terminating ? ['terminating'] : []),
  ];
  return (
    <td className="flex min-w-0 flex-1 flex-col">
      <span className="font-[600]">{podName(row)}</span>
      <Address row={row} />
      <span className="truncate text-ink-2">
        {words.join(', ')}; {row.node ?? 'no node'}, {zoneWords(row)}
      </span>
      <span className="flex items-center gap-2 text-ink-2">
        on {node}: <Share share={share} isKnown={isKnown} />
      </span>
    </td>
  );
}

function Share({ share, isKnown }: Omit<RowProps, 'row'>) {
  if (!isKnown || share === null) return <span className="text-ink-2">not known</span>;
  if (share === undefined) return <span className="text-ink-2">not chosen</span>;
  return (
    <span className="inline-flex items-center gap-2">
      <span aria-hidden="true" className="h-1 w-16 rounded bg-line-strong">
        <span className="block h-full rounded bg-ink" style={{ width: `${share * 100}%` }} />
      </span>
      {fraction(share)}
    </span>
  );
}
