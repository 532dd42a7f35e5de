'use client';

import { parseAsString, useQueryStates } from 'nuqs';
import { useDeferredValue, useMemo } from 'react';
import type { FleetRow, FleetView } from '@/lib/api/fleet-view';
import type { SourceView } from '@/lib/api/types';
import { nodesRead } from '@/lib/explain/words';
import { FindingCounts } from '../findings/finding-counts';
import { byNode } from '../findings/findings-model';
import { useFindings } from '../hooks/use-findings';
import { useFleet, useFleetReading } from '../hooks/use-fleet';
import { useDrift } from '../hooks/use-services';
import { ErrorState } from '../shell/error-state';
import { PlaceGate } from '../shell/place-gate';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { TriangleIcon } from '../ui/icons';
import { Loading, Note } from '../ui/states';
import { AskBox } from './ask-box';
import { FleetTable } from './fleet-table';
import { fleetWords } from './fleet-words';
import { GroupCards } from './group-cards';
import { GroupMark } from './group-mark';

/** The home of a source with several nodes: which one is the odd one out? */
export function FleetPage() {
  return <PlaceGate>{({ source }) => <Fleet key={source.id} source={source} />}</PlaceGate>;
}

/** From this many nodes on the rows can be filtered. */
const FILTER_FROM = 12;

function Fleet({ source }: { readonly source: SourceView }) {
  const fleet = useFleet(source.id);
  const reading = useFleetReading(source.id);
  const first = source.nodes.find(({ state }) => state === 'ready') ?? source.nodes[0];
  if (fleet.isError && fleet.data === undefined)
    return <ErrorState error={fleet.error} what="The fleet" onRetry={() => void fleet.refetch()} />;
  const view = fleet.data;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-[1680px] flex-col gap-3 p-3 md:p-4">
        {first === undefined ? null : (
          <AskBox source={source.id} node={first.name} nodes={source.nodes.map(({ name }) => name)} />
        )}
        {view === undefined ? (
          <Loading what={`Reading the nodes of ${source.name}`} className="m-0" />
        ) : (
          <>
            <Headline view={view} />
            {view.state === 'reading' ? (
              <Loading
                what="Reading nodes"
                command={source.live ? 'nft -j list ruleset' : 'decoding the listings'}
                progress={{ done: view.done, of: view.of, say: nodesRead(view.done, view.of) }}
                onCancel={() => reading.mutate('stop')}
                className="m-0"
              />
            ) : null}
            {view.state === 'stopped' ? (
              <Note className="m-0">
                {view.done} of {view.of} nodes were read; which differ is told when all are.{' '}
                <button type="button" className="link text-ink" onClick={() => reading.mutate('on')}>
                  Go on
                </button>
              </Note>
            ) : null}
            <Nodes view={view} />
            {view.groups.length === 0 ? null : (
              <section aria-labelledby="groups" className="flex flex-col gap-2">
                <h2 id="groups" className="font-[640]">
                  Which node is the odd one out?{' '}
                  <span className="font-normal text-ink-2">
                    equal after handles, counters, dynamic elements and node-local facts are left out
                  </span>
                </h2>
                <GroupCards view={view} />
              </section>
            )}
          </>
        )}
      </div>
    </div>
  );
}

function Headline({ view }: { readonly view: FleetView }) {
  const { tone, badge, title, more } = fleetWords(view);
  return (
    <div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        {badge === undefined ? null : (
          <span
            className={cx(
              'inline-flex h-[26px] items-center gap-1.5 whitespace-nowrap rounded-chip px-2.5 font-[650] uppercase tracking-[0.02em]',
              tone === 'depends' && 'bg-depends-ground text-depends',
              tone === 'unknown' && 'border-[1.5px] border-line-strong border-dashed text-undecided',
            )}
          >
            {tone === 'depends' ? <TriangleIcon /> : <span aria-hidden="true">?</span>}
            {badge}
          </span>
        )}
        <h1 className="text-[18px] leading-6 font-[620] md:text-headline">{title}</h1>
      </div>
      <p className="mt-0.5 text-ink-2">{more.join(' · ')}</p>
      <FindingCounts source={view.source} enabled={view.state !== 'reading'} />
    </div>
  );
}

function Nodes({ view }: { readonly view: FleetView }) {
  const [{ group, find }, set] = useQueryStates({ group: parseAsString, find: parseAsString }, { history: 'replace' });
  const wanted = useDeferredValue(find ?? '');
  const found = useDrift(view.source).data;
  const known = useFindings(view.source, view.state !== 'reading').data?.diagnosis;
  const findings = useMemo(() => (known === undefined || known === null ? undefined : byNode(known.findings)), [known]);
  const drift = useMemo(() => new Map(found?.nodes.map((one) => [one.name, one])), [found]);
  const rows = view.rows.filter((row) => (group === null || row.group === group) && matches(row, wanted));
  const filtered = group !== null || wanted !== '';
  return (
    <>
      {view.of < FILTER_FROM ? null : (
        <div className="flex flex-wrap items-center gap-2">
          <input
            type="search"
            aria-label="Filter the nodes"
            placeholder="name, zone, state, version, owner"
            value={find ?? ''}
            onChange={(event) => void set({ find: event.target.value === '' ? null : event.target.value })}
            className="h-7 w-64 max-w-full rounded-control border border-line-strong bg-surface px-2.5"
          />
          {view.groups.map(({ label, nodes }) => (
            <button
              key={label}
              type="button"
              aria-pressed={group === label}
              onClick={() => void set({ group: group === label ? null : label })}
              className={cx(
                'inline-flex h-7 items-center gap-1.5 rounded-control border px-2',
                group === label ? 'border-ink' : 'border-line-strong',
              )}
            >
              <GroupMark label={label} /> {nodes.length}
            </button>
          ))}
          <span className="text-ink-2" aria-live="polite">
            {filtered ? `${rows.length} of ${view.of} nodes` : `${view.of} nodes`}
          </span>
          {filtered ? (
            <Button look="quiet" onClick={() => void set({ group: null, find: null })}>
              Show all
            </Button>
          ) : null}
        </div>
      )}
      {rows.length === 0 ? (
        <Note className="m-0">No node is like this.</Note>
      ) : (
        <FleetTable source={view.source} rows={rows} drift={drift} findings={findings} />
      )}
    </>
  );
}

/** Every word is in the row. */
function matches(row: FleetRow, wanted: string): boolean {
  if (wanted.trim() === '') return true;
  const text = [
    row.name,
    row.zone,
    row.state,
    row.kernel,
    row.nft,
    row.kubeProxy,
    row.proxy?.kind,
    ...row.owners.map(({ name }) => name),
  ]
    .join(' ')
    .toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
