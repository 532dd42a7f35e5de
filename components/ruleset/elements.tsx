'use client';

import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { Fragment, type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ColumnView, ElementView, SetPage } from '@/lib/api/types';
import type { VersionRef } from '../hooks/node-path';
import { useDebounced } from '../hooks/use-debounced';
import {
  ELEMENTS_PER_PAGE,
  type ElementQuery,
  fetchAllElements,
  useElementPages,
  useElements,
  useLookup,
} from '../hooks/use-elements';
import { useIsNarrow } from '../hooks/use-media';
import { useAnnounce } from '../shell/announce';
import { ErrorState } from '../shell/error-state';
import { useKeys } from '../shell/keys';
import { STRINGS } from '../strings';
import { Badge } from '../ui/badge';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import { download } from '../ui/download';
import { Kbd } from '../ui/kbd';
import { OwnerTag } from '../ui/owner-tag';
import { Empty, Loading, Note } from '../ui/states';
import { TermField } from '../ui/term-field';
import { elementsCsv } from './elements-csv';
import { filterByIds } from './elements-filter';
import { ObjectChip } from './line-view';
import { LookupBox } from './lookup-box';
import { type RulesetLinks, usesWords } from './ruleset-links';
import { useRulesetState } from './ruleset-state';

/** A row; on a narrow screen the key stands above what it leads to. */
const ROW = 25;
const NARROW_ROW = 46;

interface ElementsProps {
  readonly place: VersionRef;
  /** `ip kube-proxy` */
  readonly table: string;
  readonly name: string;
  readonly links: RulesetLinks;
}

/** The elements of one set or map. Pages come from the server as they come into sight, filtered and sorted there. */
export function Elements({ place, table, name, links }: ElementsProps) {
  const [state, setState] = useRulesetState();
  const [filter, setFilter] = useState(state.filter);
  const rested = useDebounced(filter, 200);
  useEffect(() => {
    void setState({ filter: rested === '' ? null : rested });
  }, [rested, setState]);
  // The columns are known by the first page of all elements; a filter names them by their labels.
  const all = useElements(place, { table, name, filter: '', sort: state.sort, descending: state.desc });
  const query: ElementQuery = {
    table,
    name,
    filter: filterByIds(rested, all.data?.columns ?? []),
    sort: state.sort,
    descending: state.desc,
  };
  const filtered = useElements(place, query, all.data !== undefined);
  const elements = rested === '' || all.isError ? all : filtered;
  const filterInput = useRef<HTMLInputElement>(null);
  useKeys('This view', [{ keys: '/', say: 'Filter the elements', run: () => filterInput.current?.focus() }]);

  if (elements.isError) {
    return (
      <ErrorState error={elements.error} what={`The elements of ${name}`} onRetry={() => void elements.refetch()} />
    );
  }
  if (elements.data === undefined) return <Loading what={`Reading the elements of ${name}`} />;
  const page = elements.data;
  const { set } = page;
  const stale = elements.isPlaceholderData;
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col bg-surface">
      <header className="flex flex-col gap-2.5 border-line border-b px-3 py-2.5 md:px-4">
        <div className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <OwnerTag owner={page.owner.key} name={page.owner.name} />
          <h2 className="font-mono font-[650] text-[13px] [overflow-wrap:anywhere]">
            {set.kind} {set.name}
          </h2>
          <Link href={links.table(table)} className="font-mono text-[12px] text-ink-2 hover:underline">
            {table} #{set.handle}
          </Link>
          <Badge mono>{page.typeText}</Badge>
          {set.object === null ? null : <ObjectChip object={set.object} place={place} />}
          <SetComment page={page} />
        </div>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <TermField
            label={STRINGS.filterElements}
            value={filter}
            onChange={setFilter}
            inputRef={filterInput}
            placeholder={`${page.columns[0]?.label ?? 'key'}:… or any text`}
            note={
              <>
                <strong className="font-[650] text-ink">{page.matched.toLocaleString('en')}</strong> of{' '}
                {page.total.toLocaleString('en')} {page.total === 1 ? 'element' : 'elements'}
              </>
            }
            className="min-w-[min(100%,20rem)] flex-[2]"
          />
          <div className="flex min-w-[min(100%,20rem)] flex-1">
            <LookupBox
              place={place}
              table={table}
              name={name}
              type={page.typeText}
              value={state.key}
              onChange={(key) => void setState({ key: key === '' ? null : key })}
              links={links}
              look="row"
            />
          </div>
        </div>
      </header>
      {page.total === 0 ? (
        <Empty>
          {set.kind === 'map'
            ? `The map ${name} holds no element: every look-up misses, and the rule that asks it goes no further.`
            : `The set ${name} holds no element: nothing is in it, so a rule that asks it never matches.`}
        </Empty>
      ) : page.matched === 0 ? (
        <Note>
          No element passes the filter.{' '}
          <button type="button" className="link text-ink" onClick={() => setFilter('')}>
            Show all {page.total.toLocaleString('en')}
          </button>
        </Note>
      ) : (
        <ElementGrid
          // Another order or filter is another list: it starts at the top.
          key={`${table} ${name} ${rested} ${state.sort} ${state.desc}`}
          place={place}
          query={query}
          first={page}
          stale={stale}
          links={links}
          lookedUp={state.key}
          onSort={(column) =>
            void setState(
              state.sort !== column
                ? { sort: column, desc: null }
                : state.desc
                  ? { sort: null, desc: null }
                  : { sort: column, desc: true },
            )
          }
        />
      )}
      <Footer place={place} query={query} page={page} links={links} />
    </div>
  );
}

function SetComment({ page }: { readonly page: SetPage }) {
  const comment = page.set.declaration
    .map((line) => line.map((t) => t.text).join(''))
    .find((text) => text.startsWith('comment '));
  return comment === undefined ? null : (
    <span className="ml-auto text-ink-2 text-prose">“{comment.slice('comment '.length).replace(/^"|"$/g, '')}”</span>
  );
}

interface GridProps {
  readonly place: VersionRef;
  readonly query: ElementQuery;
  readonly first: SetPage;
  readonly stale: boolean;
  readonly links: RulesetLinks;
  readonly lookedUp: string;
  readonly onSort: (column: string) => void;
}

function ElementGrid({ place, query, first, stale, links, lookedUp, onSort }: GridProps) {
  const router = useRouter();
  const scroll = useRef<HTMLDivElement>(null);
  const [needed, setNeeded] = useState<readonly number[]>([]);
  const pages = useElementPages(place, query, needed);
  const asked = useDebounced(lookedUp, 250);
  const hit = useLookup(place, query.table, query.name, asked).data?.hit ?? null;
  const [cursor, setCursor] = useState(0);
  const moved = useRef(false);
  const narrow = useIsNarrow();
  const rowHeight = narrow ? NARROW_ROW : ROW;

  const virtual = useVirtualizer({
    count: first.matched,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 20,
    // The head stays on top of the rows and takes its room.
    scrollPaddingStart: 28,
    rangeExtractor: useCallback(
      (range: Range) => [...new Set([...defaultRangeExtractor(range), cursor])].sort((a, b) => a - b),
      [cursor],
    ),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height is another measure
  useEffect(() => virtual.measure(), [rowHeight, virtual]);
  const start = virtual.range?.startIndex ?? 0;
  const end = virtual.range?.endIndex ?? 40;
  useEffect(() => {
    const from = Math.floor(Math.max(0, start - 40) / ELEMENTS_PER_PAGE);
    const to = Math.floor(Math.min(first.matched - 1, end + 40) / ELEMENTS_PER_PAGE);
    const wanted = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((p) => p > 0);
    setNeeded((last) => (wanted.every((p) => last.includes(p)) ? last : [...new Set([...last, ...wanted])]));
  }, [start, end, first.matched]);

  const rowAt = (index: number): ElementView | undefined => {
    const page = Math.floor(index / ELEMENTS_PER_PAGE);
    const data = page === 0 ? first : pages.get(page);
    return data?.rows[index - page * ELEMENTS_PER_PAGE];
  };

  useEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    virtual.scrollToIndex(cursor);
    scroll.current?.querySelector<HTMLElement>('tbody tr[tabindex="0"]')?.focus({ preventScroll: true });
  }, [cursor, virtual]);

  // The element that the key found is brought into sight, where it is among those shown.
  const hitIndex = hit === null ? -1 : first.rows.findIndex((r) => r.index === hit.index);
  useEffect(() => {
    if (hitIndex >= 0) virtual.scrollToIndex(hitIndex, { align: 'center' });
  }, [hitIndex, virtual]);

  const hasObject = first.rows.some((r) => r.object !== null);
  const template = useMemo(() => gridTemplate(first.columns, first.rows, hasObject), [first, hasObject]);

  const open = (row: ElementView | undefined): void => {
    if (row?.verdict !== null && row?.verdict !== undefined && 'target' in row.verdict) {
      router.push(links.chain(query.table, row.verdict.target));
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.target instanceof Element) || event.target.tagName !== 'TR') return;
    const pageRows = Math.max(1, end - start - 2);
    const to: Readonly<Record<string, number>> = {
      ArrowDown: cursor + 1,
      ArrowUp: cursor - 1,
      PageDown: cursor + pageRows,
      PageUp: cursor - pageRows,
      Home: 0,
      End: first.matched - 1,
    };
    const next = to[event.key];
    if (next !== undefined) {
      moved.current = true;
      setCursor(Math.min(first.matched - 1, Math.max(0, next)));
    } else if (event.key === 'Enter') open(rowAt(cursor));
    else return;
    event.preventDefault();
  };

  return (
    <div ref={scroll} className="min-h-0 flex-1 overflow-auto">
      <table
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the ARIA grid pattern, its rows take the focus
        role="grid"
        aria-label={STRINGS.elements(query.name)}
        aria-rowcount={first.matched + 1}
        aria-busy={stale}
        onKeyDown={onKeyDown}
        className={cx('relative block min-w-full', narrow ? 'w-full' : 'w-max')}
        style={{ height: virtual.getTotalSize() + 28 }}
      >
        <thead className="sticky top-0 z-10 block">
          <tr
            aria-rowindex={1}
            className={cx(
              'h-7 items-center gap-x-4 border-line border-b bg-surface px-3 md:px-4',
              narrow ? 'flex overflow-x-auto' : 'grid',
            )}
            style={narrow ? {} : { gridTemplateColumns: template }}
          >
            {first.columns.map((column) => (
              <HeadCell
                key={column.id}
                column={column}
                sorted={query.sort === column.id ? (query.descending ? 'descending' : 'ascending') : 'none'}
                onSort={() => onSort(column.id)}
              />
            ))}
            {hasObject && !narrow ? (
              <th scope="col" className="text-left text-ink-2 text-label">
                object
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody className="block">
          {virtual.getVirtualItems().map((item) => {
            const row = rowAt(item.index);
            const isHit = hit !== null && row?.index === hit.index;
            return (
              <tr
                key={item.key}
                aria-rowindex={item.index + 2}
                aria-selected={isHit}
                tabIndex={item.index === cursor ? 0 : -1}
                onFocus={() => setCursor(item.index)}
                onDoubleClick={() => open(row)}
                className={cx(
                  'absolute inset-x-0 items-center border-line border-b px-3 outline-offset-[-2px] md:px-4',
                  narrow ? 'flex flex-wrap content-center gap-x-3' : 'grid gap-x-4',
                  isHit ? 'bg-marker-row shadow-[inset_3px_0_0_var(--marker-edge)]' : 'hover:bg-bg',
                )}
                style={{
                  top: item.start + 28,
                  height: rowHeight,
                  ...(narrow ? {} : { gridTemplateColumns: template }),
                }}
              >
                {row === undefined ? (
                  <td className="text-ink-3">…</td>
                ) : (
                  <Cells
                    row={row}
                    columns={first.columns}
                    table={query.table}
                    links={links}
                    hasObject={hasObject}
                    narrow={narrow}
                  />
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Columns as wide as what the first page holds, so that rows line up while others arrive. */
function gridTemplate(columns: readonly ColumnView[], rows: readonly ElementView[], hasObject: boolean): string {
  const widths = columns.map((column, i) => {
    const longest = rows.reduce((n, row) => Math.max(n, row.cells[i]?.length ?? 0), column.label.length + 3);
    return `${Math.ceil(Math.min(longest, 60) * 7.35) + 4}px`;
  });
  return hasObject
    ? `${widths.join(' ')} minmax(max-content, 1fr)`
    : `${widths.slice(0, -1).join(' ')} minmax(${widths.at(-1)}, 1fr)`;
}

function HeadCell({
  column,
  sorted,
  onSort,
}: {
  readonly column: ColumnView;
  readonly sorted: 'ascending' | 'descending' | 'none';
  readonly onSort: () => void;
}) {
  return (
    <th scope="col" aria-sort={sorted} className={cx('text-label', column.numeric ? 'text-right' : 'text-left')}>
      <button
        type="button"
        onClick={onSort}
        title={STRINGS.sortBy(column.label)}
        className={cx('whitespace-nowrap', sorted === 'none' ? 'text-ink-2 hover:text-ink' : 'font-[650] text-ink')}
      >
        {column.label}
        <span aria-hidden="true">{sorted === 'none' ? '' : sorted === 'ascending' ? ' ↑' : ' ↓'}</span>
      </button>
    </th>
  );
}

function Cells({
  row,
  columns,
  table,
  links,
  hasObject,
  narrow,
}: {
  readonly row: ElementView;
  readonly columns: readonly ColumnView[];
  readonly table: string;
  readonly links: RulesetLinks;
  readonly hasObject: boolean;
  readonly narrow: boolean;
}) {
  const firstData = columns.findIndex((c) => !c.id.startsWith('key'));
  return (
    <>
      {columns.map((column, i) => (
        <Fragment key={column.id}>
          {narrow && i === firstData ? <td role="presentation" className="basis-full" /> : null}
          <td
            className={cx('whitespace-nowrap font-mono text-[12px]', column.numeric && 'text-right', cellLook(column))}
          >
            <Cell text={row.cells[i] ?? null} column={column} row={row} table={table} links={links} narrow={narrow} />
          </td>
        </Fragment>
      ))}
      {hasObject && !narrow ? (
        <td className="flex items-center">{row.object === null ? null : <ObjectChip object={row.object} />}</td>
      ) : null}
    </>
  );
}

const cellLook = (column: ColumnView): string => {
  if (column.id.startsWith('key') || column.id.startsWith('data')) return 'text-read';
  if (column.id === 'comment') return 'text-ink-3 italic';
  return 'text-ink';
};

function Cell({
  text,
  column,
  row,
  table,
  links,
  narrow,
}: {
  readonly text: string | null;
  readonly column: ColumnView;
  readonly row: ElementView;
  readonly table: string;
  readonly links: RulesetLinks;
  readonly narrow: boolean;
}) {
  if (text === null) return null;
  if (column.id === 'verdict') {
    const look = text === 'drop' ? 'text-lost' : text === 'accept' ? 'text-delivered' : 'text-name';
    return <span className={cx('font-[650]', look)}>{text}</span>;
  }
  if (column.id === 'target' && row.verdict !== null && 'target' in row.verdict) {
    return (
      <Link href={links.chain(table, row.verdict.target)} tabIndex={-1} className="link">
        {/* On a narrow screen one line has room for this many. */}
        {narrow ? <ChainName name={row.verdict.target} max={42} /> : <ChainName name={row.verdict.target} />}
      </Link>
    );
  }
  return text;
}

function Footer({
  place,
  query,
  page,
  links,
}: {
  readonly place: VersionRef;
  readonly query: ElementQuery;
  readonly page: SetPage;
  readonly links: RulesetLinks;
}) {
  const announce = useAnnounce();
  const [progress, setProgress] = useState<string | undefined>(undefined);
  const abort = useRef<AbortController | undefined>(undefined);
  const hidden = page.total - page.matched;
  const { usedBy, usedByCount } = page.set;

  const exportCsv = async (): Promise<void> => {
    const controller = new AbortController();
    abort.current = controller;
    const all = await fetchAllElements(
      place,
      query,
      (done, of) => setProgress(`${done.toLocaleString('en')} of ${of.toLocaleString('en')}`),
      controller.signal,
    );
    download(`${query.name}.csv`, 'text/csv', elementsCsv(all));
    announce(STRINGS.exported(query.name));
  };
  const run = (): void => {
    exportCsv()
      .catch(() => announce(STRINGS.exportFailed(query.name)))
      .finally(() => setProgress(undefined));
  };
  useKeys('This view', [{ keys: 'x', say: 'Export the elements as CSV', run }]);
  useEffect(() => () => abort.current?.abort(), []);

  return (
    <footer className="flex min-h-9 flex-wrap items-center gap-x-3 gap-y-1 border-line border-t bg-bg px-3 py-1.5 text-ink-2 md:px-4">
      <span className="flex flex-wrap items-center gap-x-2">
        {usedBy.length === 0 ? (
          'No rule uses it'
        ) : usedBy.length > 3 ? (
          usesWords(usedBy, usedByCount)
        ) : (
          <>
            Used by
            {usedBy.map((use) =>
              use.kind === 'rule' ? (
                <Link key={use.at.handle} href={links.rule(use.at)} className="link font-mono text-[12px] text-ink">
                  {use.at.chain} #{use.at.handle}
                </Link>
              ) : null,
            )}
          </>
        )}
      </span>
      {hidden > 0 ? (
        <span>
          · {hidden.toLocaleString('en')} {hidden === 1 ? 'element' : 'elements'} hidden by the filter
        </span>
      ) : null}
      <span className="ml-auto hidden items-center gap-3 md:flex">
        <span className="flex items-center gap-1">
          <Kbd>↑</Kbd>
          <Kbd>↓</Kbd> row
        </span>
        <span className="flex items-center gap-1">
          <Kbd>Enter</Kbd> open chain
        </span>
      </span>
      {progress === undefined ? (
        <button type="button" onClick={run} aria-keyshortcuts="x" className="flex items-center gap-1 hover:text-ink">
          <Kbd>x</Kbd> export CSV
        </button>
      ) : (
        <span role="status" className="flex gap-2">
          Exporting {progress}
          <button type="button" className="link" onClick={() => abort.current?.abort()}>
            Cancel
          </button>
        </span>
      )}
    </footer>
  );
}
