'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import type { FindingsView as Answer, DiagnosisView, FindingView } from '@/lib/api/findings-types';
import type { SourceView } from '@/lib/api/types';
import { count, nodesRead } from '@/lib/explain/words';
import { useExplained, useFindings, useFindingsLooking } from '../hooks/use-findings';
import { useNames } from '../hooks/use-trace';
import { Age } from '../shell/age';
import { CopyLink } from '../shell/copy';
import { ErrorState } from '../shell/error-state';
import { useKeys } from '../shell/keys';
import { PlaceGate } from '../shell/place-gate';
import { ViewBar } from '../shell/shell';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { FilterField } from '../ui/filter-field';
import { CloseIcon } from '../ui/icons';
import { Select } from '../ui/select';
import { Loading, Note, ProblemState } from '../ui/states';
import { entryNode, isOutside } from './entry-node';
import { ExplainBox } from './explain-box';
import { FindingList } from './finding-row';
import {
  aboutFirst,
  branches,
  countSeverities,
  findingOf,
  matchesFinding,
  pathTo,
  severityCount,
} from './findings-model';
import { SeverityMark } from './severity-mark';
import { useFindingsState } from './use-findings-state';

/** What is wrong in this source now? */
export function FindingsView() {
  return <PlaceGate>{({ source, node }) => <Findings key={source.id} source={source} node={node.name} />}</PlaceGate>;
}

/** Rows in the page at first, and with each press more of them. */
const ROWS = 200;

function Findings({ source, node }: { readonly source: SourceView; readonly node: string }) {
  const answer = useFindings(source.id);
  const looking = useFindingsLooking(source.id);
  const [state, set] = useFindingsState();
  const { from, to, family, protocol, sport, dport, flags, via } = state;
  // Who is outside enters by some node: a link that does not name it is asked as the field below is filled in.
  const names = useNames(source.id, node).data;
  const entry = via ?? (isOutside(from) && names !== undefined ? entryNode(names, to, node) : null);
  const isReady = from !== null && to !== null && (entry !== null || !isOutside(from));
  const question = useMemo(
    () =>
      isReady && from !== null && to !== null
        ? { from, to, family, protocol, sport, dport, flags, node: entry }
        : undefined,
    [isReady, from, to, family, protocol, sport, dport, flags, entry],
  );
  const explained = useExplained(source.id, question);
  const view = answer.data;
  // With a connection its own findings are among them.
  const diagnosis = explained.data ?? view?.diagnosis ?? undefined;
  const hrefOf = useOpenHref();
  const input = useRef<HTMLInputElement>(null);
  useKeys('This view', [
    { keys: '/', say: 'Filter the findings', run: () => input.current?.focus() },
    {
      keys: 'Escape',
      say: 'Close the finding, then clear the filter',
      run: () => {
        if (state.open === null) void set({ find: null });
        else {
          void set({ open: null }, { history: 'push' });
          // What had the focus is gone with what was open.
          document.querySelector<HTMLElement>('[data-finding][aria-expanded=true]')?.focus();
        }
      },
    },
  ]);
  return (
    <>
      <ViewBar>
        <h1 className="font-[640] text-[15px] max-md:sr-only">Findings</h1>
        {diagnosis === undefined ? null : <Filters findings={diagnosis.findings} input={input} />}
        <span className="ml-auto hidden md:inline-flex">
          <CopyLink />
        </span>
      </ViewBar>
      <div className="min-h-0 flex-1 roomy:overflow-y-auto">
        <ExplainBox key={`${from} ${to} ${via}`} source={source.id} node={node} explained={explained} hrefOf={hrefOf} />
        {answer.isError && view === undefined ? (
          <ErrorState error={answer.error} what="The findings" onRetry={() => void answer.refetch()} />
        ) : view === undefined ? (
          <Loading what={`Looking for problems in ${source.name}`} />
        ) : (
          <Progress
            view={view}
            source={source}
            onStop={() => looking.mutate('stop')}
            onGo={() => looking.mutate('on')}
          />
        )}
        {diagnosis === undefined ? null : (
          <Body
            source={source}
            node={node}
            diagnosis={diagnosis}
            hrefOf={hrefOf}
            onOpen={(open) => void set({ open }, { history: 'push' })}
          />
        )}
      </div>
    </>
  );
}

interface ProgressProps {
  readonly view: Answer;
  readonly source: SourceView;
  readonly onStop: () => void;
  readonly onGo: () => void;
}

/** How far the looking is, and how it ended where it did not end well. */
function Progress({ view, source, onStop, onGo }: ProgressProps) {
  const { state, done, of, problem, diagnosis } = view;
  switch (state) {
    case 'reading':
      return (
        <Loading
          what="Reading the nodes"
          command={source.live ? 'nft -j list ruleset' : 'reading the capture'}
          {...(of > 0 && { progress: { done, of, say: nodesRead(done, of) } })}
          onCancel={onStop}
        />
      );
    case 'looking':
      return (
        <Loading
          what={diagnosis === null ? 'Looking for problems' : 'Looking again, for something changed'}
          command="comparing and tracing"
          onCancel={onStop}
        />
      );
    case 'stopped':
      return (
        <Note>
          Looking was stopped{diagnosis === null ? ': what is wrong is not known' : '; what is shown is of before'}.{' '}
          <button type="button" className="link text-ink" onClick={onGo}>
            Go on
          </button>
        </Note>
      );
    case 'failed':
      return (
        <ProblemState
          title={problem?.say ?? 'Looking for problems failed.'}
          code={problem?.code}
          detail={problem?.do}
          onRetry={onGo}
        />
      );
    case 'done':
      return null;
  }
}

interface BodyProps {
  readonly source: SourceView;
  readonly node: string;
  readonly diagnosis: DiagnosisView;
  readonly hrefOf: (id: string) => string;
  readonly onOpen: (id: string | null) => void;
}

function Body({ source, node, diagnosis, hrefOf, onOpen }: BodyProps) {
  const [state] = useFindingsState();
  const find = useDeferredValue(state.find ?? '');
  const { findings, looked } = diagnosis;
  const all = useMemo(() => new Map(findings.map((one) => [one.id, one])), [findings]);
  const shown = useMemo(() => {
    const filter = { severity: state.severity, code: state.code, node: state.on, service: state.service, find };
    return findings.filter((one) => matchesFinding(one, filter));
  }, [findings, state.severity, state.code, state.on, state.service, find]);
  const reasons = diagnosis.asked?.explainedBy;
  const { tree, about } = useMemo(() => aboutFirst(branches(shown), reasons ?? []), [shown, reasons]);
  const open = findingOf(findings, state.open);
  const path = open === undefined ? [] : pathTo(open.id, tree);
  const at = tree.findIndex(({ finding }) => finding.id === path[0]);
  const [most, setMost] = useState(ROWS);
  const upTo = Math.max(most, at + 1);
  const rows = {
    source: source.id,
    argument: source.argument,
    node,
    all,
    open: open?.id,
    openPath: path,
    onOpen,
    hrefOf,
  };
  useScrollToOpen(open?.id);
  const list = useRef<HTMLDivElement>(null);
  useKeys('This view', [
    { keys: 'ArrowDown', say: 'Next finding', run: () => moveFocus(list.current, 1) },
    { keys: 'ArrowUp', say: 'Finding before', run: () => moveFocus(list.current, -1) },
  ]);
  return (
    <>
      {state.open !== null && open === undefined ? (
        <Note>
          The finding of this link is not among those of now: what it told of is mended, or it was read otherwise.
        </Note>
      ) : null}
      {open !== undefined && path.length === 0 ? (
        <Note>The finding of this link is not like the filters say; without them it is shown.</Note>
      ) : null}
      {findings.length === 0 ? (
        <Note>Nothing was found.</Note>
      ) : shown.length === 0 ? (
        <Note>No finding is like this; there are {count(findings.length, 'finding')}.</Note>
      ) : (
        <div ref={list}>
          {about === 0 ? null : (
            <>
              <p className={GROUP}>What explains this connection</p>
              <FindingList {...rows} branches={tree.slice(0, about)} />
            </>
          )}
          {reasons === undefined || about === tree.length ? null : (
            <p className={GROUP}>
              {about === 0 ? 'What was found, none of it about this connection' : 'What else was found'}
            </p>
          )}
          {about === tree.length ? null : <FindingList {...rows} branches={tree.slice(about, upTo)} />}
        </div>
      )}
      {upTo >= tree.length ? null : (
        <p className="px-4 py-3 md:px-5">
          <Button onClick={() => setMost(upTo + ROWS)}>
            Show {Math.min(ROWS, tree.length - upTo)} more of {tree.length.toLocaleString('en')}
          </Button>
        </p>
      )}
      <LookedAt source={source} diagnosis={diagnosis} isFiltered={shown.length < findings.length} />
      {looked.unknown.length === 0 ? null : (
        <p className="mx-4 mb-4 rounded-card border border-line-strong border-dashed px-3 py-2 text-prose md:mx-5">
          <strong className="font-[640]">? Not looked through:</strong>{' '}
          {looked.unknown.map(({ name, why }) => `${name} (${why.replace(/\.$/, '')})`).join('; ')}. That nothing else
          was found there does not mean that nothing is wrong.
        </p>
      )}
    </>
  );
}

const GROUP = 'border-line border-t bg-bg px-4 pt-3 pb-1.5 text-ink-2 text-label md:px-5';

/** What was looked at: without it "nothing was found" says nothing. */
function LookedAt({
  source,
  diagnosis: { looked, findings },
  isFiltered,
}: {
  readonly source: SourceView;
  readonly diagnosis: DiagnosisView;
  readonly isFiltered: boolean;
}) {
  const incomplete = findings.some(({ code }) => code === 'capture-incomplete');
  const read = [
    count(looked.nodes, 'node'),
    looked.services === null ? 'no Services (they were not read)' : count(looked.services, 'Service'),
    looked.pods === null ? 'no pods (they were not read)' : count(looked.pods, 'pod'),
  ];
  return (
    <p className="px-4 py-3 text-ink-2 text-prose md:px-5">
      Looked at: {read.join(', ')}, for {looked.codes} kinds of problem
      {source.capturedAt === null ? '' : ', captured '}
      {source.capturedAt === null ? null : <Age capturedAt={source.capturedAt} short />}.
      {incomplete ? ' The capture is incomplete: findings that need what is missing cannot be made.' : ''}
      {isFiltered ? ' Filters are set.' : ''}
    </p>
  );
}

interface FiltersProps {
  readonly findings: readonly FindingView[];
  readonly input: React.RefObject<HTMLInputElement | null>;
}

function Filters({ findings, input }: FiltersProps) {
  const [state, set] = useFindingsState();
  const counts = countSeverities(findings);
  const codes = useMemo(() => tally(findings.map(({ code }) => [code])), [findings]);
  const nodes = useMemo(() => tally(findings.map((one) => one.nodes)), [findings]);
  const spaces = useMemo(
    () => tally(findings.map((one) => one.services.map((name) => `${name.split('/')[0]}/`))),
    [findings],
  );
  return (
    <div className="flex min-w-0 gap-2 max-md:w-full max-md:overflow-x-auto max-md:p-1 md:flex-wrap">
      <fieldset className="flex gap-1.5 max-md:shrink-0 md:min-w-0 md:flex-wrap">
        <legend className="sr-only">{STRINGS.filterFindings}</legend>
        <Toggle pressed={state.severity === null} onPress={() => void set({ severity: null })}>
          All {findings.length.toLocaleString('en')}
        </Toggle>
        {(['error', 'warning', 'info'] as const).map((severity) =>
          counts[severity] === 0 && state.severity !== severity ? null : (
            <Toggle
              key={severity}
              pressed={state.severity === severity}
              onPress={() => void set({ severity: state.severity === severity ? null : severity })}
            >
              <SeverityMark severity={severity} size={13} silent />
              {severityCount(severity, counts[severity])}
            </Toggle>
          ),
        )}
      </fieldset>
      <Choice label="Code" value={state.code} options={codes} onChange={(code) => void set({ code })} />
      <Choice label="Node" value={state.on} options={nodes} onChange={(on) => void set({ on })} />
      {state.service !== null && !state.service.endsWith('/') ? (
        <Button
          look="plain"
          onClick={() => void set({ service: null })}
          aria-label={STRINGS.removeFilter(state.service)}
        >
          {state.service} <CloseIcon size={12} />
        </Button>
      ) : (
        <Choice
          label="Namespace"
          value={state.service}
          options={spaces}
          labelOf={(name) => name.slice(0, -1)}
          onChange={(service) => void set({ service })}
        />
      )}
      <FilterField
        ref={input}
        label={STRINGS.findInFindings}
        placeholder="Service, node, word"
        value={state.find}
        onChange={(next) => void set({ find: next })}
        className="w-48 shrink-0"
      />
    </div>
  );
}

/** How often each name is there, in the order of the names. */
function tally(lists: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const names of lists) for (const name of new Set(names)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

function Toggle({
  pressed,
  onPress,
  children,
}: {
  readonly pressed: boolean;
  readonly onPress: () => void;
  readonly children: React.ReactNode;
}) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      onClick={onPress}
      className={cx(
        'inline-flex h-8 items-center gap-1.5 whitespace-nowrap rounded-full border px-3 font-[560] md:h-7',
        pressed
          ? 'border-ink bg-ink text-surface [&_span]:text-surface'
          : 'border-line-strong bg-surface hover:bg-sunken',
      )}
    >
      {children}
    </button>
  );
}

const EVERY = '';

function Choice({
  label,
  value,
  options,
  labelOf = (name) => name,
  onChange,
}: {
  readonly label: string;
  readonly value: string | null;
  readonly options: ReadonlyMap<string, number>;
  readonly labelOf?: (name: string) => string;
  readonly onChange: (value: string | null) => void;
}) {
  if (options.size < 2 && value === null) return null;
  const known = value === null || options.has(value) ? [...options] : [[value, 0] as const, ...options];
  return (
    <Select
      label={label}
      value={value ?? EVERY}
      onChange={(next) => onChange(next === EVERY ? null : next)}
      options={[
        { value: EVERY, label: 'all' },
        ...known.map(([name, n]) => ({ value: name, label: labelOf(name), note: String(n) })),
      ]}
    />
  );
}

/** The address of this page with another finding open. */
function useOpenHref(): (id: string) => string {
  const pathname = usePathname();
  const params = useSearchParams();
  return (id) => {
    const query = new URLSearchParams(params);
    query.set('open', id);
    return `${pathname}?${query}`;
  };
}

/** What is opened by a link or from elsewhere comes into sight. */
function useScrollToOpen(id: string | undefined): void {
  useEffect(() => {
    if (id === undefined) return;
    document.querySelector(`[data-finding="${CSS.escape(id)}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [id]);
}

/** The arrows go from finding to finding, as far as they are unfolded. */
function moveFocus(list: HTMLElement | null, by: 1 | -1): void {
  const stops = [...(list?.querySelectorAll<HTMLElement>('[data-finding]') ?? [])];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? (by === 1 ? 0 : stops.length - 1) : Math.min(Math.max(at + by, 0), stops.length - 1);
  stops[next]?.focus();
}
