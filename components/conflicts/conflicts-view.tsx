'use client';

import { parseAsStringLiteral, useQueryStates } from 'nuqs';
import type { ConflictsView as Answer } from '@/lib/api/conflicts-view';
import type { NodeSummary, SourceView } from '@/lib/api/types';
import { count } from '@/lib/explain/words';
import { useConflicts } from '../hooks/use-conflicts';
import { CopyLink } from '../shell/copy';
import { ErrorState } from '../shell/error-state';
import { NodeGate } from '../shell/node-gate';
import { NodePicker } from '../shell/node-picker';
import { PlaceGate } from '../shell/place-gate';
import { ViewBar } from '../shell/shell';
import { STRINGS } from '../strings';
import { SegmentedControl } from '../ui/segmented-control';
import { Loading } from '../ui/states';
import { ConflictCard } from './conflict-card';
import { chainKey, FAMILY_WORDS, type Family, familyOf, hookSections } from './conflict-model';
import { MeetingTable } from './meeting-table';

const PARAMS = { family: parseAsStringLiteral(['ip', 'ip6', 'link'] as const) };

/** Does the order of the chains matter here, and for which packet? */
export function ConflictsView() {
  return (
    <PlaceGate>
      {({ source, node }) => <Opened key={`${source.id} ${node.name}`} source={source} node={node} />}
    </PlaceGate>
  );
}

function Opened({ source, node }: { readonly source: SourceView; readonly node: NodeSummary }) {
  const [{ family }, set] = useQueryStates(PARAMS, { history: 'replace' });
  const bar = (
    <ViewBar>
      <h1 className="font-[640] text-[15px] max-md:sr-only">Conflicts</h1>
      <NodePicker />
      <SegmentedControl
        label={STRINGS.conflictFamily}
        value={family ?? 'all'}
        onChange={(next) => void set({ family: next === 'all' ? null : next })}
        segments={[
          { value: 'all', label: 'All' },
          { value: 'ip', label: 'IPv4' },
          { value: 'ip6', label: 'IPv6' },
          { value: 'link', label: 'Bridge, ARP, device' },
        ]}
      />
      <span className="ml-auto hidden md:inline-flex">
        <CopyLink />
      </span>
    </ViewBar>
  );
  return (
    <NodeGate source={source} node={node} bar={bar}>
      {() => (
        <>
          {bar}
          <Searched source={source.id} node={node.name} family={family} />
        </>
      )}
    </NodeGate>
  );
}

interface SearchedProps {
  readonly source: string;
  readonly node: string;
  readonly family: Family | null;
}

function Searched({ source, node, family }: SearchedProps) {
  const found = useConflicts(source, node);
  if (found.isError && found.data === undefined)
    return <ErrorState error={found.error} what="The conflicts" onRetry={() => void found.refetch()} />;
  if (found.data === undefined)
    return (
      <Loading what={`Tracing packets through the chains of ${node}, in both orders`} command="nftscope conflicts" />
    );
  return <Shown source={source} view={found.data} family={family} />;
}

function Shown({
  source,
  view,
  family,
}: {
  readonly source: string;
  readonly view: Answer;
  readonly family: Family | null;
}) {
  const { node, owners } = view;
  const sections = hookSections(view, family);
  const conflicts = sections.flatMap((section) => section.conflicts);
  const unsearched = view.unsearched.filter((one) => family === null || familyOf(one.family) === family);
  return (
    <div className="min-h-0 flex-1 roomy:overflow-y-auto">
      <div className="mx-auto flex max-w-[1240px] flex-col gap-5 p-3 md:p-4">
        <div>
          <h2 className="text-[18px] leading-6 font-[620] md:text-headline">
            {conflicts.length === 0
              ? `No packet was found for which the order of two owners’ chains matters on ${node}.`
              : `${count(conflicts.length, 'pair of chains', 'pairs of chains')} on ${node} whose order matters.`}
          </h2>
          <p className="mt-0.5 text-ink-2">
            {count(view.pairs, 'pair')} of chains of different owners, {view.packets.toLocaleString('en')}{' '}
            {view.packets === 1 ? 'packet' : 'packets'} traced as the rules are and in the other order.
            {unsearched.length === 0
              ? ''
              : ` ${count(unsearched.length, 'pair')} could not be searched to the end: see below.`}
          </p>
        </div>
        {sections.map((section) => (
          <section key={section.hook} aria-labelledby={`at-${section.hook}`} className="flex flex-col gap-2.5">
            <h2 id={`at-${section.hook}`} className="font-[640] text-[15px]">
              {section.hook}
            </h2>
            {section.conflicts.map((conflict) => (
              <ConflictCard
                key={`${conflict.kind} ${chainKey(conflict.first)} ${chainKey(conflict.second)} ${conflict.families.join()}`}
                source={source}
                node={node}
                owners={owners}
                conflict={conflict}
              />
            ))}
            {section.meetings.map((meeting) => (
              <MeetingTable
                key={`${meeting.hook} ${meeting.family} ${meeting.device ?? ''}`}
                source={source}
                node={node}
                owners={owners}
                meeting={meeting}
              />
            ))}
          </section>
        ))}
        {sections.length === 0 ? (
          <p>
            No {family === null ? '' : 'such '}hook of {node} has chains of two owners: there is no order between them
            that could matter.
          </p>
        ) : null}
        {unsearched.length === 0 ? null : (
          <section
            aria-labelledby="unsearched"
            className="rounded-card border border-line-strong border-dashed bg-surface px-3 py-2.5"
          >
            <h2 id="unsearched" className="font-[640]">
              <span aria-hidden="true">? </span>Not searched to the end
            </h2>
            <ul className="mt-1 flex flex-col gap-1.5 text-prose">
              {unsearched.map(({ first, second, family: of, say }) => (
                <li key={`${of} ${chainKey(first)} ${chainKey(second)}`}>
                  <span className="text-ink-2">{FAMILY_WORDS[of]}</span>{' '}
                  <code className="text-code">{chainKey(first)}</code> and{' '}
                  <code className="text-code">{chainKey(second)}</code> at {second.hook}: {say}
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}
