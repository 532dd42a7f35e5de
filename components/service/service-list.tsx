'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import Link from 'next/link';
import { useDeferredValue, useMemo, useRef } from 'react';
import type { DriftView, ServiceRow } from '@/lib/api/service-types';
import type { SourceView } from '@/lib/api/types';
import { count } from '@/lib/explain/words';
import { useKnownFindings } from '../hooks/use-findings';
import { useIsNarrow } from '../hooks/use-media';
import { useDrift, useServices } from '../hooks/use-services';
import { ErrorState } from '../shell/error-state';
import { useKeys } from '../shell/keys';
import { ViewBar } from '../shell/shell';
import { viewHref } from '../shell/views';
import { STRINGS } from '../strings';
import { cx } from '../ui/cx';
import { FilterField } from '../ui/filter-field';
import { OctagonIcon } from '../ui/icons';
import { Loading, Note, Unreadable } from '../ui/states';
import { differWords, isNobodyReady, isNotAsExpected, oddFirst, type RowState, rowState } from './row-state';
import { matchesService } from './service-filter';
import { TroubleMark } from './state-mark';
import { troublesByService } from './troubles';
import { useServiceState } from './use-service-state';

interface ListProps {
  readonly source: SourceView;
  readonly node: string;
}

/** Every Service of the cluster. Only the rows in sight are in the page. */
export function ServiceList({ source, node }: ListProps) {
  const services = useServices(source.id);
  const drift = useDrift(source.id).data;
  const findings = useKnownFindings(source, true)?.findings;
  const [{ find, odd }, set] = useServiceState();
  const input = useRef<HTMLInputElement>(null);
  useKeys('This view', [
    { keys: '/', say: 'Filter the Services', run: () => input.current?.focus() },
    { keys: 'Escape', say: 'Clear the filter', run: () => void set({ find: null, odd: null }) },
  ]);
  const wanted = useDeferredValue(find ?? '');
  const all = services.data?.services;
  const stateOf = useMemo(() => {
    const troubles = findings === undefined ? undefined : troublesByService(findings);
    return (row: ServiceRow): RowState => rowState(row, drift, troubles?.(row));
  }, [findings, drift]);
  const isOdd = useMemo(
    () => new Set(all?.filter((row) => isNobodyReady(row) || isNotAsExpected(stateOf(row)))),
    [all, stateOf],
  );
  const rows = useMemo(() => {
    const found = all?.filter((row) => matchesService(row, wanted) && (odd !== true || isOdd.has(row)));
    return found === undefined ? undefined : oddFirst(found, stateOf);
  }, [all, wanted, odd, isOdd, stateOf]);
  return (
    <>
      <ViewBar>
        <h1 className="font-[640] text-[15px]">Services</h1>
        <FilterField
          ref={input}
          label={STRINGS.filterServices}
          placeholder="name, namespace, type, address, port"
          value={find}
          onChange={(next) => void set({ find: next })}
          className="w-80"
        />
        <span className="text-ink-2" aria-live="polite">
          {all === undefined || all === null || rows === undefined || rows === null
            ? ''
            : rows.length === all.length
              ? `${all.length.toLocaleString('en')} Services`
              : `${rows.length.toLocaleString('en')} of ${all.length.toLocaleString('en')} Services`}
        </span>
        {isOdd.size === 0 && odd !== true ? null : (
          <label className="flex items-center gap-1.5">
            <input
              type="checkbox"
              checked={odd === true}
              onChange={(event) => void set({ odd: event.target.checked ? true : null })}
            />
            only those that are not as expected
          </label>
        )}
        {drift?.state !== 'reading' ? null : (
          <span className="text-ink-2" role="status">
            Comparing: {drift.done} of {count(drift.of, 'node')}
          </span>
        )}
      </ViewBar>
      {services.isError ? (
        <ErrorState error={services.error} what="The Services" onRetry={() => void services.refetch()} />
      ) : services.data === undefined ? (
        <Loading what={`Reading the Services of ${source.name}`} />
      ) : services.data.services === null || rows === undefined ? (
        <Unreadable what="Services" why={`${services.data.problem ?? ''}. That does not mean that there are none.`} />
      ) : rows.length === 0 ? (
        <Note>{all?.length === 0 ? 'The cluster has no Service.' : 'No Service is like this.'}</Note>
      ) : (
        <>
          <Left source={source.id} node={node} all={all ?? []} drift={drift} />
          <Rows source={source.id} node={node} rows={rows} find={find} stateOf={stateOf} />
        </>
      )}
    </>
  );
}

/** What nodes still have of Services that are gone. */
function Left({
  source,
  node,
  all,
  drift,
}: {
  readonly source: string;
  readonly node: string;
  readonly all: readonly ServiceRow[];
  readonly drift: DriftView | undefined;
}) {
  const known = useMemo(() => new Set(all.map((row) => `${row.namespace}/${row.name}`)), [all]);
  const left = Object.entries(drift?.services ?? {}).filter(([service]) => !known.has(service));
  if (left.length === 0) return null;
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-b bg-depends-ground px-4 py-1.5">
      <span className="font-[600] text-depends">Gone from the cluster, still on nodes:</span>
      {left.map(([service, nodes]) => (
        <Link key={service} href={viewHref('/service', { source, node: nodes[0] ?? node, service })} className="link">
          {service}
        </Link>
      ))}
    </p>
  );
}

const ROW = 34;
const NARROW_ROW = 62;
const GRID =
  'grid grid-cols-[minmax(160px,1.2fr)_100px_minmax(150px,1fr)_minmax(150px,1fr)_110px_minmax(220px,1.8fr)] gap-x-4 px-4';
const HEADS = ['Service', 'Type', 'Addresses', 'Ports', 'Endpoints ready', 'On nodes'];

function Rows({
  source,
  node,
  rows,
  find,
  stateOf,
}: {
  readonly source: string;
  readonly node: string;
  readonly rows: readonly ServiceRow[];
  readonly find: string | null;
  readonly stateOf: (row: ServiceRow) => RowState;
}) {
  const narrow = useIsNarrow();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (narrow ? NARROW_ROW : ROW),
    getItemKey: (index) => `${rows[index]?.namespace}/${rows[index]?.name}`,
    overscan: 10,
    initialRect: { width: 1200, height: 800 },
  });
  return (
    <section ref={scroll} aria-label="Services" className="min-h-[60dvh] flex-1 overflow-auto bg-surface roomy:min-h-0">
      <table aria-rowcount={rows.length + 1} className={cx('block', !narrow && 'min-w-[980px]')}>
        <caption className="sr-only">Services</caption>
        <thead className={narrow ? 'sr-only' : 'sticky top-0 z-10 block border-line border-b bg-surface'}>
          <tr aria-rowindex={1} className={cx(GRID, 'h-8 items-center text-left text-ink-2 text-label')}>
            {(narrow ? ['Service'] : HEADS).map((head) => (
              <th key={head} scope="col" className="font-[550]">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="relative block" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const href = viewHref('/service', { source, node, service: `${row.namespace}/${row.name}`, find });
            return (
              <tr
                key={`${row.namespace}/${row.name}`}
                aria-rowindex={index + 2}
                className={cx(
                  'absolute inset-x-0 border-line border-b hover:bg-sunken',
                  narrow ? 'flex px-4 py-2' : `items-center ${GRID}`,
                )}
                style={{ transform: `translateY(${start}px)`, height: size }}
              >
                {narrow ? (
                  <td className="min-w-0 flex-1">
                    <Name row={row} href={href} />
                    <span className="block truncate text-ink-2">
                      <OnNodes state={stateOf(row)} />, <EndpointsReady row={row} />
                      {isLeavingOnly(row) ? '' : ' ready'}, {row.type}, {row.ports.join(', ') || 'no port'}
                    </span>
                  </td>
                ) : (
                  <>
                    <td className="min-w-0">
                      <Name row={row} href={href} />
                    </td>
                    <td>{row.type}</td>
                    <td className="truncate font-mono text-[12px]" title={row.addresses.join(', ')}>
                      {row.addresses.join(', ') || 'none'}
                    </td>
                    <td className="truncate font-mono text-[12px]" title={row.ports.join(', ')}>
                      {row.ports.join(', ') || 'none'}
                    </td>
                    <td>
                      <EndpointsReady row={row} />
                    </td>
                    <td className="line-clamp-2 leading-[15px]">
                      <OnNodes state={stateOf(row)} />
                    </td>
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const Name = ({ row, href }: { readonly row: ServiceRow; readonly href: string }) => (
  // Cut in front where it is too long: the end of a name tells it from others.
  <Link
    href={href}
    className="block truncate text-left font-[620] [direction:rtl] hover:underline"
    title={`${row.namespace}/${row.name}`}
  >
    <bdi>
      <span className="font-normal text-ink-2">{row.namespace}/</span>
      {row.name}
    </bdi>
  </Link>
);

function EndpointsReady({ row }: { readonly row: ServiceRow }) {
  const { endpoints } = row;
  if (endpoints === null) return <span className="text-ink-2">not known</span>;
  const words = endpoints.all === 0 ? 'none' : `${endpoints.ready} of ${endpoints.all}`;
  if (isNobodyReady(row)) return <TroubleMark word={words} />;
  if (isLeavingOnly(row))
    return (
      <span className="text-depends" title={`${words} ready; ${endpoints.leaving} still serving while terminating`}>
        {endpoints.leaving} terminating
      </span>
    );
  const all = endpoints.ready === endpoints.all;
  return <span className={endpoints.all === 0 ? 'text-ink-2' : all ? undefined : 'text-depends'}>{words}</span>;
}

/** What becomes of the traffic comes before how the rules are; both where both are wrong. */
function OnNodes({ state: { lost, odd, say } }: { readonly state: RowState }) {
  if (lost.length === 0 && odd.length === 0) return <span className="text-ink-2">{say}</span>;
  const differs = odd.length === 0 ? '' : differWords(odd);
  return (
    <span title={[...lost, ...(odd.length === 0 ? [] : [`the rules of ${odd.join(', ')} differ`])].join('; ')}>
      {lost.length === 0 ? null : (
        <span className="font-[600] text-lost">
          <OctagonIcon size={12} className="mr-1 inline align-[-1px]" />
          {lost.join(', ')}
        </span>
      )}
      {lost.length === 0 || differs === '' ? null : ', '}
      {differs === '' ? null : <span className="font-[600] text-depends">{differs}</span>}
    </span>
  );
}

/** None is ready, and those that end still serve. */
const isLeavingOnly = ({ endpoints }: ServiceRow): boolean =>
  endpoints !== null && endpoints.ready === 0 && endpoints.leaving > 0;
