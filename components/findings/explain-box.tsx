'use client';

import Link from 'next/link';
import { useMemo, useState } from 'react';
import type { DiagnosisView } from '@/lib/api/findings-types';
import { fraction } from '@/lib/explain/words';
import type { useExplained } from '../hooks/use-findings';
import { useIsNarrow } from '../hooks/use-media';
import { useNames } from '../hooks/use-trace';
import { PlaceField } from '../packet-form/place-field';
import { fromOptions, NO_NAMES, toOptions } from '../packet-form/places';
import { ErrorState } from '../shell/error-state';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { ChevronRight } from '../ui/icons';
import { Select } from '../ui/select';
import { Loading } from '../ui/states';
import { entryNode, isOutside } from './entry-node';
import { SeverityMark } from './severity-mark';
import { NO_CONNECTION, useFindingsState } from './use-findings-state';

/** On a phone the field draws no border of its own; here nothing else does. */
const FIELD = 'md:flex-1 max-md:[&>div]:border max-md:[&>div]:border-line-strong max-md:[&>div]:px-2.5';

interface ExplainProps {
  readonly source: string;
  readonly node: string;
  readonly explained: ReturnType<typeof useExplained>;
  readonly hrefOf: (id: string) => string;
}

/** Why does this connection not arrive? Its end, and the findings that explain it. */
export function ExplainBox({ source, node, explained, hrefOf }: ExplainProps) {
  const [{ from, to, family, protocol, sport, dport, flags, via }, set] = useFindingsState();
  const names = useNames(source, node).data ?? NO_NAMES;
  const [draft, setDraft] = useState<{
    readonly from: string | null;
    readonly to: string | null;
    readonly via: string | null;
  }>({ from, to, via });
  const fromPlaces = useMemo(() => fromOptions(names, node), [names, node]);
  const toPlaces = useMemo(() => toOptions(names), [names]);
  // Where packets come in is asked only of who is outside: others send from where they are.
  const enters = isOutside(draft.from) ? (draft.via ?? entryNode(names, draft.to, node)) : null;
  const isAsked = from !== null && to !== null;
  const narrow = useIsNarrow();
  const [unfolded, setUnfolded] = useState(isAsked);
  if (narrow && !unfolded)
    return (
      <div className="border-line border-b bg-surface px-4 py-2">
        <button
          type="button"
          aria-expanded={false}
          className="inline-flex min-h-8 items-center gap-1.5 font-[560]"
          onClick={() => setUnfolded(true)}
        >
          <ChevronRight size={12} /> Why does a connection not arrive?
        </button>
      </div>
    );
  return (
    <div className="border-line border-b bg-surface px-4 py-2.5 md:px-5">
      <form
        aria-label="Ask about a connection"
        className="flex flex-col gap-2 md:flex-row md:items-center md:gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (draft.from !== null && draft.to !== null)
            void set({ ...NO_CONNECTION, ...draft, via: enters, open: null }, { history: 'push' });
        }}
      >
        <strong className="shrink-0 font-[640]">Why does it not arrive</strong>
        <PlaceField
          label="from"
          end="from"
          value={draft.from}
          onChange={(value) => setDraft({ ...draft, from: value })}
          options={fromPlaces}
          names={names}
          address={undefined}
          className={FIELD}
        />
        <PlaceField
          label="to"
          end="to"
          value={draft.to}
          onChange={(value) => setDraft({ ...draft, to: value })}
          options={toPlaces}
          names={names}
          address={undefined}
          className={FIELD}
        />
        {enters === null || names.nodes.length < 2 ? null : (
          <Select
            label="Enters by"
            value={enters}
            onChange={(value) => setDraft({ ...draft, via: value })}
            options={names.nodes.map(({ name }) => ({ value: name, label: name }))}
          />
        )}
        <span className="flex gap-2">
          <Button look="ink" type="submit" disabled={draft.from === null || draft.to === null}>
            Explain
          </Button>
          {isAsked ? (
            <Button
              look="quiet"
              onClick={() => {
                setDraft({ from: null, to: null, via: null });
                void set(NO_CONNECTION, { history: 'push' });
              }}
            >
              Clear
            </Button>
          ) : null}
        </span>
      </form>
      {!isAsked ? null : explained.isError ? (
        <ErrorState error={explained.error} what="The connection" onRetry={() => void explained.refetch()} />
      ) : explained.data === undefined ? (
        <Loading
          what="Following the connection and looking for what explains its end"
          command="nftscope diagnose"
          onCancel={() => void set(NO_CONNECTION)}
          className="mx-0! mb-0!"
        />
      ) : (
        <Answer
          source={source}
          node={node}
          from={from}
          to={to}
          more={{ family, protocol, sport, dport, flags, via }}
          view={explained.data}
          hrefOf={hrefOf}
        />
      )}
    </div>
  );
}

/** What comes to somebody else's pod is not what was asked for. */
const toneOf = (word: string, astray: readonly string[]) =>
  word === 'ok' && astray.length === 0 ? 'delivered' : word === 'undecided' ? 'unknown' : 'lost';

interface AnswerProps {
  readonly source: string;
  readonly node: string;
  readonly from: string;
  readonly to: string;
  readonly more: { readonly [name: string]: string | null };
  readonly view: DiagnosisView;
  readonly hrefOf: (id: string) => string;
}

function Answer({ source, node, from, to, more, view: { asked, findings }, hrefOf }: AnswerProps) {
  if (asked === null) return null;
  const reasons = asked.explainedBy.flatMap((id) => findings.find((one) => one.id === id) ?? []);
  const results = Object.entries(asked.results).sort(([, a], [, b]) => b - a);
  const arrives = results.every(([word]) => word === 'ok') && asked.astray.length === 0;
  return (
    <div role="status" className="mt-2.5 flex flex-col gap-1.5 border-line border-t pt-2.5">
      <p className="flex flex-wrap items-center gap-2">
        {results.map(([word, probability]) => (
          <Badge key={word} tone={toneOf(word, asked.astray)}>
            {word === 'ok' ? (asked.astray.length === 0 ? 'arrives' : 'arrives elsewhere') : word}
            {results.length === 1 ? '' : ` ${fraction(probability)}`}
          </Badge>
        ))}
        <span className="font-[600] [overflow-wrap:anywhere]">
          {from} → {to}
        </span>
        <Link className="link" href={viewHref('/trace', { ...more, source, node, from, to, scope: 'path' })}>
          Trace it
        </Link>
      </p>
      {asked.undecided.map((reason) => (
        <p key={reason.say} className="text-prose text-undecided">
          ? {reason.say}
        </p>
      ))}
      {asked.astray.length === 0 ? null : (
        <p>It arrives at {asked.astray.join(', ')}, which is no endpoint of the Service asked for.</p>
      )}
      {arrives ? null : reasons.length === 0 ? (
        <p>Nothing that was found explains it. The trace shows where it ends.</p>
      ) : (
        <ol className="flex flex-col gap-1">
          {reasons.map((one, i) => (
            <li key={one.id} className="flex gap-2">
              <SeverityMark severity={one.severity} size={14} />
              <span className="min-w-0">
                {i === 0 ? <span className="text-ink-2">most likely: </span> : null}
                <Link className="link [overflow-wrap:anywhere]" href={hrefOf(one.id)} scroll={false}>
                  {one.summary}
                </Link>
              </span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
