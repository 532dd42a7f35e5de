'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import Link from 'next/link';
import { type ReactNode, useId, useRef, useState } from 'react';
import type { FindingView } from '@/lib/api/findings-types';
import type { FleetRow } from '@/lib/api/fleet-view';
import type { NodeDriftRow } from '@/lib/api/service-types';
import { count } from '@/lib/explain/words';
import { FindingsOfNode } from '../findings/finding-counts';
import { useIsNarrow } from '../hooks/use-media';
import { Age } from '../shell/age';
import { viewHref } from '../shell/views';
import { cx } from '../ui/cx';
import { CheckIcon } from '../ui/icons';
import { causeInShort, PROXY_WORDS, STATE_WORDS } from './fleet-words';
import { GroupMark } from './group-mark';
import { OwnerShares } from './owner-shares';
import { heardInShort, readingFacts } from './reading-words';

const ROW = 40;
/** About; cards are as high as what they say. */
const NARROW_ROW = 164;
const GRID =
  'grid grid-cols-[minmax(96px,1fr)_106px_114px_minmax(172px,1fr)_minmax(124px,0.9fr)_minmax(176px,1.6fr)_72px_72px_44px_88px_172px] gap-x-3 px-3';

interface TableProps {
  readonly source: string;
  readonly rows: readonly FleetRow[];
  /** What differs from what kube-proxy should have written, by node; a node that is not there is not read yet. */
  readonly drift: ReadonlyMap<string, NodeDriftRow>;
  /** By node; undefined as long as they are not known. */
  readonly findings: ReadonlyMap<string, readonly FindingView[]> | undefined;
}

/** One row for each node. Only the rows in sight are in the page. */
export function FleetTable({ source, rows, drift, findings }: TableProps) {
  const narrow = useIsNarrow();
  const scroll = useRef<HTMLDivElement>(null);
  const detail = useId();
  /** The node whose reading is told in full. */
  const [open, setOpen] = useState<string>();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (narrow ? NARROW_ROW : ROW),
    getItemKey: (index) => rows[index]?.name ?? index,
    overscan: 8,
    initialRect: { width: 1200, height: 800 },
  });
  const height = virtual.getTotalSize();
  return (
    <section
      ref={scroll}
      aria-label="Nodes"
      className="max-h-[62dvh] overflow-auto rounded-card border border-line bg-surface"
    >
      <table aria-rowcount={rows.length + 1} className={cx('block', !narrow && 'min-w-[1260px]')}>
        <caption className="sr-only">Nodes</caption>
        <Head hidden={narrow} />
        <tbody className="relative block" style={{ height }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const Row = narrow ? Card : Cells;
            const isOpen = open === row.name;
            const toggle = () => setOpen(isOpen ? undefined : row.name);
            return (
              <tr
                key={row.name}
                ref={virtual.measureElement}
                data-index={index}
                aria-rowindex={index + 2}
                className={cx(
                  'absolute inset-x-0 border-line border-t',
                  narrow ? 'flex flex-col px-3 py-2' : `items-center ${GRID}`,
                )}
                // An open row is as high as its words.
                style={{ transform: `translateY(${start}px)`, ...(!isOpen && !narrow && { height: ROW }) }}
              >
                <Row
                  source={source}
                  row={row}
                  drift={drift.get(row.name)}
                  findings={findings === undefined ? undefined : (findings.get(row.name) ?? [])}
                  isOpen={isOpen}
                  detail={detail}
                  onToggle={row.reader === null ? undefined : toggle}
                />
                {isOpen ? <ReadingDetail id={detail} row={row} /> : null}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const HEADS = [
  'Node',
  'Reader',
  'Captured',
  'Kernel, nft',
  'Service proxy',
  'Rules by owner',
  'Rules',
  'Elements',
  'Group',
  'Findings',
  'Open',
];

/** In one column the facts stand without heads; a screen reader still hears what the column is. */
function Head({ hidden }: { readonly hidden: boolean }) {
  return (
    <thead className={hidden ? 'sr-only' : 'sticky top-0 z-10 block bg-surface'}>
      <tr aria-rowindex={1} className={cx(GRID, 'h-8 items-center text-ink-2 text-label')}>
        {(hidden ? ['Node'] : HEADS).map((head) => (
          <th
            key={head}
            scope="col"
            className={cx('font-[550]', head === 'Rules' || head === 'Elements' ? 'text-right' : 'text-left')}
          >
            {head}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface PlaceProps {
  readonly source: string;
  readonly row: FleetRow;
}
interface RowProps extends PlaceProps {
  readonly drift: NodeDriftRow | undefined;
  readonly findings: readonly FindingView[] | undefined;
  readonly isOpen: boolean;
  /** Id of the detail. */
  readonly detail: string;
  /** Undefined where nobody reads: in a capture. */
  readonly onToggle: (() => void) | undefined;
}

const Cell = ({ children, className }: { readonly children: ReactNode; readonly className?: string }) => (
  <td className={cx('block min-w-0', className)}>{children}</td>
);

function Cells(props: RowProps) {
  const { source, row, drift, findings } = props;
  return (
    <>
      <Cell className="leading-4">
        <Name source={source} row={row} />
      </Cell>
      <Cell>
        <Reader {...props} />
      </Cell>
      <Cell className="text-ink-2 leading-4">
        <Captured row={row} />
        <Heard row={row} />
      </Cell>
      <Cell className="flex! gap-2 font-mono text-[12px] text-ink-2">
        <span className="truncate" title={row.kernel ?? undefined}>
          {row.kernel ?? 'not known'}
        </span>
        <span className="shrink-0">{row.nft}</span>
      </Cell>
      <Cell className="truncate leading-4">
        <ServiceProxyOf row={row} />
        <Drift source={source} row={row} drift={drift} />
      </Cell>
      <Cell className="overflow-hidden">
        <Owners row={row} />
      </Cell>
      <Cell className="text-right">
        <Count value={row.counts?.rules} />
      </Cell>
      <Cell className="text-right">
        <Count value={row.counts?.elements} />
      </Cell>
      <Cell>
        <Group row={row} />
      </Cell>
      <Cell>
        <FindingsOfNode source={source} node={row.name} findings={findings} />
      </Cell>
      <Cell>
        <Open source={source} row={row} />
      </Cell>
    </>
  );
}

/** One column: the same facts, one below the other. */
function Card(props: RowProps) {
  const { source, row, drift, findings } = props;
  return (
    <Cell className="flex! w-full flex-col gap-1">
      <div className="flex items-start gap-2">
        <Name source={source} row={row} />
        <span className="ml-auto flex items-center gap-2">
          <Reader {...props} />
          <Group row={row} />
        </span>
      </div>
      <div className="flex items-start gap-3 text-ink-2">
        <span className="min-w-0">
          <span className="block truncate">
            <Captured row={row} />, {row.kernel ?? 'kernel not known'}
          </span>
          <Heard row={row} />
        </span>
        <span className="ml-auto shrink-0">
          <FindingsOfNode source={source} node={row.name} findings={findings} />
        </span>
      </div>
      <div className="truncate">
        <ServiceProxyOf row={row} />
        {row.counts === null || row.counts === undefined
          ? ''
          : `, ${row.counts.rules.toLocaleString('en')} rules, ${row.counts.elements.toLocaleString('en')} elements`}
        <Drift source={source} row={row} drift={drift} />
      </div>
      <Owners row={row} />
      <Open source={source} row={row} />
    </Cell>
  );
}

function Name({ source, row }: PlaceProps) {
  return (
    <span className="flex min-w-0 flex-col">
      <Link href={viewHref('/ruleset', { source, node: row.name })} className="truncate font-[620] hover:underline">
        {row.name}
      </Link>
      {row.zone === null ? null : <span className="text-ink-3 text-label">{row.zone}</span>}
    </span>
  );
}

/** A press tells how the node is read, and what that costs it. */
function Reader({ row, isOpen, detail, onToggle }: RowProps) {
  const state = <ReaderState row={row} />;
  if (onToggle === undefined) return state;
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      aria-controls={isOpen ? detail : undefined}
      onClick={onToggle}
      className={cx(
        'flex min-h-6 max-w-full items-center',
        // A chip has its border.
        (row.state === 'ready' || row.state === 'unread') && 'underline decoration-dotted underline-offset-4',
      )}
    >
      {state}
      <span className="sr-only">: how {row.name} is read</span>
    </button>
  );
}

function ReadingDetail({ id, row }: { readonly id: string; readonly row: FleetRow }) {
  return (
    <td id={id} className="col-span-full block min-w-0 pt-1 pb-2">
      <dl className="flex flex-wrap gap-x-6 gap-y-1 text-prose">
        {readingFacts(row).map(({ label, say, isBad = false }) => (
          <div key={label} className="min-w-0">
            <dt className="text-ink-2 text-label">{label}</dt>
            <dd className={cx('break-words', isBad && 'text-depends')}>{say}</dd>
          </div>
        ))}
      </dl>
    </td>
  );
}

function ReaderState({ row }: { readonly row: FleetRow }) {
  const word = STATE_WORDS[row.state];
  if (row.state === 'ready')
    return (
      <span className="flex min-w-0 items-center gap-1.5 text-delivered" title={row.reader ?? undefined}>
        <CheckIcon />
        <span className="truncate">
          {word}
          {row.reader !== null && <span className="text-ink-2"> by {row.reader}</span>}
        </span>
      </span>
    );
  if (row.state === 'unread') return <span className="text-ink-3">{word}</span>;
  return (
    <span
      title={row.problem === null ? undefined : `${row.problem.say} ${row.problem.do}`}
      className="inline-flex items-center gap-1.5 whitespace-nowrap rounded-chip border border-line-strong border-dashed px-1.5 text-undecided"
    >
      <span aria-hidden="true">?</span> {word}
    </span>
  );
}

function Captured({ row }: { readonly row: FleetRow }) {
  if (row.state === 'absent') return <>never</>;
  // Nothing of it is held: the time is that of the attempt.
  if (row.state === 'unreadable' && row.kernel === null && row.capturedAt !== null)
    return (
      <>
        tried <Age capturedAt={row.capturedAt} short />
      </>
    );
  return row.capturedAt === null ? <>time not noted</> : <Age capturedAt={row.capturedAt} short />;
}

/** Nothing where changes are told at once. */
function Heard({ row }: { readonly row: FleetRow }) {
  const words = heardInShort(row);
  if (words === undefined || row.state === 'absent') return null;
  const isLost = row.notAnew !== null || row.following?.kind === 'lost';
  return <span className={cx('block truncate text-label', isLost && 'text-depends')}>{words}</span>;
}

function ServiceProxyOf({ row }: { readonly row: FleetRow }) {
  const { proxy } = row;
  if (proxy === null || proxy.kind === 'unknown')
    return (
      <span className="text-ink-2" title={proxy?.how}>
        not known
      </span>
    );
  return (
    <span title={`Told by this: ${proxy.how}.${proxy.beside === null ? '' : ` Beside it: ${proxy.beside}.`}`}>
      {PROXY_WORDS[proxy.kind]} {row.kubeProxy === null ? null : <span className="text-ink-2">{row.kubeProxy}</span>}
      {proxy.beside === null ? null : <span className="text-depends"> and others</span>}
    </span>
  );
}

/** Whether kube-proxy's tables are what they should be; nothing where that was not compared. */
function Drift({ source, row, drift }: Pick<RowProps, 'source' | 'row' | 'drift'>) {
  if (drift === undefined || drift.state === 'unread' || drift.state === 'unknown') return null;
  if (drift.state === 'expected') return <span className="block text-ink-2 text-label">as expected</span>;
  return (
    <Link href={viewHref('/service', { source, node: row.name })} className="link block text-depends text-label">
      {count(drift.differences, 'difference')}
    </Link>
  );
}

function Owners({ row }: { readonly row: FleetRow }) {
  if (row.counts === null || row.counts === undefined)
    return (
      <span className="line-clamp-2 text-ink-2 text-[12px] leading-4" title={row.problem?.say}>
        {row.problem === null ? '' : causeInShort(row.problem.say)}
      </span>
    );
  return row.owners.length === 0 ? <span className="text-ink-2">no table</span> : <OwnerShares owners={row.owners} />;
}

const Count = ({ value }: { readonly value: number | undefined }) =>
  value === undefined ? (
    <span className="whitespace-nowrap text-ink-2">not known</span>
  ) : (
    <span>{value.toLocaleString('en')}</span>
  );

const Group = ({ row }: { readonly row: FleetRow }) =>
  row.group === null ? <span className="px-1.5 text-ink-2">?</span> : <GroupMark label={row.group} />;

function Open({ source, row }: PlaceProps) {
  if (row.state === 'absent') return null;
  const place = { source, node: row.name };
  return (
    <span className="flex gap-3 whitespace-nowrap text-prose">
      <Link className="link" href={viewHref('/ruleset', place)} aria-label={`Ruleset of ${row.name}`}>
        Ruleset
      </Link>
      <Link className="link" href={viewHref('/hook-map', place)} aria-label={`Hook map of ${row.name}`}>
        Hook map
      </Link>
      <Link className="link" href={viewHref('/trace', place)} aria-label={`Trace on ${row.name}`}>
        Trace
      </Link>
    </span>
  );
}
