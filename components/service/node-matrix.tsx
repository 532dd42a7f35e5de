'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import Link from 'next/link';
import { type ComponentProps, Fragment, type ReactNode, useRef } from 'react';
import type { ServiceNodeRow, ServicePage, UsedEndpoints, WayView } from '@/lib/api/service-types';
import { useIsNarrow } from '../hooks/use-media';
import { Age } from '../shell/age';
import { viewHref } from '../shell/views';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { NODE_WORDS, StateMark, TroubleMark } from './state-mark';
import type { Trouble } from './troubles';

interface MatrixProps {
  readonly page: ServicePage;
  readonly rows: readonly ServiceNodeRow[];
  readonly troubles: readonly Trouble[];
  readonly node: string;
  readonly onNode: (node: string) => void;
}

const ROW = 36;
const CELL = 76;
const STATE = 104;
/** A word of 13 px in bold, with its mark. */
const wordWidth = (word: string): number => Math.ceil(word.length * 7.4) + 20;

/** What each node has against what it should have: one row for each node, one column for each way in. */
export function NodeMatrix({ page, rows, troubles, node, onNode }: MatrixProps) {
  const narrow = useIsNarrow();
  const scroll = useRef<HTMLDivElement>(null);
  const height = narrow ? 80 + Math.min(page.ways.length, 12) * 22 : ROW;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.name ?? index,
    overscan: 6,
    initialRect: { width: 1200, height: 800 },
  });
  const { ways } = page;
  // Each row is a grid of its own: a column is as wide as the longest word that is in it on any node.
  const widest = (least: number, own: readonly Trouble[]) => Math.max(least, ...own.map(({ word }) => wordWidth(word)));
  const state = widest(STATE, troubles);
  const cells = ways.map(({ id }) =>
    widest(
      CELL,
      troubles.filter((one) => one.ways.has(id)),
    ),
  );
  const columns = `minmax(112px,1.4fr) ${state}px ${cells.map((cell) => `minmax(${cell}px,1fr)`).join(' ')} minmax(104px,1.2fr) 96px 100px`;
  const minWidth = 496 + state + cells.reduce((sum, cell) => sum + cell + 12, 0);
  const grid = { gridTemplateColumns: columns, minWidth };
  const ports = portsOf(ways);
  return (
    <section
      ref={scroll}
      aria-label={STRINGS.nodesOfService}
      className="max-h-[52dvh] overflow-auto rounded-card border border-line bg-surface"
    >
      <table aria-rowcount={rows.length + 1} className="block">
        <caption className="sr-only">{STRINGS.nodesOfService}</caption>
        <thead className={narrow ? 'sr-only' : 'sticky top-0 z-10 block bg-surface'}>
          <tr
            aria-rowindex={1}
            className="grid items-end gap-x-3 px-3 py-1 text-left text-ink-2 text-label"
            style={narrow ? undefined : grid}
          >
            <Head>Node</Head>
            {narrow ? null : (
              <>
                <Head>State</Head>
                {ways.map((way) => (
                  <Head key={way.id}>
                    {ports.length < 2 && way.port.name === '' ? null : (
                      <span className="block text-ink">
                        {way.port.name === '' ? '' : `${way.port.name} `}
                        <span className="font-mono font-normal">
                          {way.port.port}/{way.port.protocol}
                        </span>
                      </span>
                    )}
                    {way.kind}
                  </Head>
                ))}
                <Head>Endpoints used</Head>
                <Head>Captured</Head>
                <Head>Open</Head>
              </>
            )}
          </tr>
        </thead>
        <tbody
          className="relative block"
          style={{ height: virtual.getTotalSize(), ...(narrow ? {} : { minWidth: grid.minWidth }) }}
        >
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const Cells = narrow ? Card : Row;
            return (
              <tr
                key={row.name}
                aria-rowindex={index + 2}
                className={cx(
                  'absolute inset-x-0 border-line border-t px-3',
                  narrow ? 'flex py-1.5' : 'grid items-center gap-x-3',
                  row.name === node && 'bg-marker-row shadow-[inset_3px_0_0_var(--marker-edge)]',
                )}
                style={{ transform: `translateY(${start}px)`, height: size, ...(narrow ? {} : grid) }}
              >
                <Cells
                  page={page}
                  row={row}
                  troubles={troubles.filter((one) => one.node === row.name)}
                  isHere={row.name === node}
                  onNode={onNode}
                />
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const portsOf = (ways: readonly WayView[]) => [...new Set(ways.map(({ port }) => `${port.name}/${port.protocol}`))];

const Head = ({ children }: { readonly children: ReactNode }) => (
  <th scope="col" className="font-[550]">
    {children}
  </th>
);

interface RowProps {
  readonly page: ServicePage;
  readonly row: ServiceNodeRow;
  /** Those of this node. */
  readonly troubles: readonly Trouble[];
  readonly isHere: boolean;
  readonly onNode: (node: string) => void;
}

function Name({ row, isHere, onNode }: Omit<RowProps, 'page' | 'troubles'>) {
  return (
    <>
      <button
        type="button"
        aria-pressed={isHere}
        onClick={() => onNode(row.name)}
        className="min-h-6 font-[620] hover:underline"
        title={`Draw the chains of ${row.name}`}
      >
        {row.name}
      </button>{' '}
      {row.zone === null ? null : <span className="text-ink-2 text-label">{row.zone}</span>}
    </>
  );
}

function Row({ page, row, troubles, isHere, onNode }: RowProps) {
  return (
    <>
      <td className="min-w-0 truncate">
        <Name row={row} isHere={isHere} onNode={onNode} />
      </td>
      <td>
        <RowState row={row} troubles={troubles} />
      </td>
      {page.ways.map(({ id, kind }) => {
        const state = row.ways[id] ?? 'unread';
        const word = wordOf(troubles, id);
        return (
          <td key={id} title={[`${kind}: ${NODE_WORDS[state]}`, ...(word === undefined ? [] : [word])].join(', ')}>
            <WayState state={state} word={word} quiet />
          </td>
        );
      })}
      <td className="truncate">
        <Used row={row} />
      </td>
      <td className="truncate text-ink-2">
        <Captured row={row} />
      </td>
      <td>
        <Open page={page} row={row} />
      </td>
    </>
  );
}

const wordOf = (troubles: readonly Trouble[], way: string): string | undefined =>
  troubles.find(({ ways }) => ways.has(way))?.word;

/** What becomes of the traffic comes before how the rules are. */
function RowState({ row, troubles: [trouble] }: Pick<RowProps, 'row' | 'troubles'>) {
  return <WayState state={row.state} word={trouble?.word} />;
}

/** A difference of the rules is told below; here it is in the title, and for screen readers. */
function WayState({
  state,
  word,
  quiet = false,
}: {
  readonly state: ComponentProps<typeof StateMark>['state'];
  readonly word: string | undefined;
  readonly quiet?: boolean;
}) {
  if (word === undefined) return <StateMark state={state} quiet={quiet} />;
  return (
    <span title={`rules: ${NODE_WORDS[state]}`}>
      <TroubleMark word={word} />
      <span className="sr-only">, rules {NODE_WORDS[state]}</span>
    </span>
  );
}

/** One column: the same facts, one below the other. */
function Card({ page, row, troubles, isHere, onNode }: RowProps) {
  return (
    <td className="flex min-w-0 flex-1 flex-col">
      <span className="flex items-center gap-2">
        <Name row={row} isHere={isHere} onNode={onNode} />
        <span className="ml-auto">
          <RowState row={row} troubles={troubles} />
        </span>
      </span>
      <span className="grid grid-cols-[auto_1fr] gap-x-3">
        {page.ways.slice(0, 12).map(({ id, kind, port }) => (
          <Fragment key={id}>
            <span className="text-ink-2">
              {port.name || port.port} {kind}
            </span>
            <WayState state={row.ways[id] ?? 'unread'} word={wordOf(troubles, id)} />
          </Fragment>
        ))}
      </span>
      <span className="truncate text-ink-2">
        Endpoints used: <Used row={row} />; <Captured row={row} />
      </span>
      <Open page={page} row={row} />
    </td>
  );
}

function Captured({ row }: { readonly row: ServiceNodeRow }) {
  if (row.reading === 'absent') return <>never</>;
  return row.capturedAt === null ? <>time not noted</> : <Age capturedAt={row.capturedAt} short />;
}

/** `3 of 3`; where ports or families differ, each. */
function Used({ row }: { readonly row: ServiceNodeRow }) {
  if (row.used.length === 0) return <span className="text-ink-2">not known</span>;
  const words = new Map<string, string[]>();
  for (const one of row.used) words.set(usedWords(one), [...(words.get(usedWords(one)) ?? []), one.port]);
  const [[only] = []] = words;
  // What is counted is what kube-proxy should use; a node that differs may use others.
  const should = row.state === 'expected' ? '' : 'should be ';
  if (words.size === 1 && only !== undefined)
    return (
      <>
        {should}
        {only}
      </>
    );
  return <>{should + [...words].map(([say, ports]) => `${[...new Set(ports)].join(', ')} ${say}`).join('; ')}</>;
}

function usedWords({ internal, external, of }: UsedEndpoints): string {
  const inside = `${internal} of ${of}`;
  return external === null || external === internal ? inside : `${inside}, from outside ${external}`;
}

function Open({ page, row }: { readonly page: ServicePage; readonly row: ServiceNodeRow }) {
  if (row.reading === 'absent') return null;
  const place = { source: page.source, node: row.name };
  return (
    <span className="flex gap-2.5">
      <Link
        className="link"
        href={viewHref('/ruleset', { ...place, q: `service:${page.namespace}/${page.name}` })}
        aria-label={`Ruleset of ${row.name}`}
      >
        Ruleset
      </Link>
      {page.facts === null ? null : (
        <Link
          className="link"
          href={viewHref('/trace', {
            ...place,
            from: row.name,
            to: `svc:${page.namespace}/${page.name}${portOf(page)}`,
          })}
          aria-label={`Trace from ${row.name}`}
        >
          Trace
        </Link>
      )}
    </span>
  );
}

const portOf = ({ ways: [first] }: ServicePage): string =>
  first === undefined || first.port.name === '' ? '' : `:${first.port.name}`;
