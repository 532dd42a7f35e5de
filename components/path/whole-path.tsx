'use client';

import Link from 'next/link';
import { answerWord, type PathEnd, type PathStop, type WholePathView } from '@/lib/api/whole-path';
import { fraction } from '@/lib/explain/words';
import { type PathQuery, useWholePath } from '../hooks/use-path';
import { Policies } from '../policies/policies';
import { ErrorState } from '../shell/error-state';
import { viewHref } from '../shell/views';
import { WhyItDoesNotArrive } from '../trace/explained-by';
import { Badge, VerdictBadge } from '../ui/badge';
import { cx } from '../ui/cx';
import { Loading } from '../ui/states';

export interface PathProps {
  readonly source: string;
  readonly query: PathQuery;
}

export const toneOf = (word: string) => (word === 'ok' ? 'delivered' : word === 'undecided' ? 'unknown' : 'lost');

/** Node by node to whoever answers, and the answer back. Each stop opens its trace. */
export function WholePath({ source, query }: PathProps) {
  const path = useWholePath(source, query);
  if (path.isError) return <ErrorState error={path.error} what="The whole path" onRetry={() => void path.refetch()} />;
  if (path.data === undefined) return <Loading what="Following the packet from node to node" />;
  const { data } = path;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-[1200px] flex-col gap-3 p-3 md:p-4">
        <div>
          <h1 className="text-[18px] leading-6 font-[620] md:text-headline">{sentence(data)}</h1>
          <p className="mt-0.5 text-ink-2">
            {data.from.label} → {data.to.label}: <span className="font-mono text-[12px]">{data.packet}</span>
          </p>
          {data.results.every(({ word }) => word === 'ok') ? null : (
            <WhyItDoesNotArrive source={source} node={query.via} connection={query} />
          )}
        </div>
        {data.ends.map((end, at) => (
          <End key={firstKey(end)} end={end} at={at} source={source} query={query} />
        ))}
        <section aria-label="NetworkPolicies" className="rounded-card border border-line bg-surface px-3 py-2">
          <h2 className="pb-1.5 text-ink-2 text-label">NetworkPolicies</h2>
          <Policies view={data.policies} />
        </section>
        {data.assumed.length === 0 ? null : (
          <section aria-label="Assumed" className="text-ink-2 text-prose">
            <h2 className="text-label">Assumed</h2>
            <ul>
              {data.assumed.map((say) => (
                <li key={say}>{say}</li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}

const firstKey = (end: PathEnd): string => {
  const [first] = end.stops;
  return `${first?.kind === 'node' ? first.key : ''} ${end.result} ${end.backend}`;
};

function sentence({ results, ends }: WholePathView): string {
  const [first, ...others] = results;
  if (first === undefined) return 'The packet goes nowhere.';
  if (others.length > 0)
    return `It depends: ${results.map(({ word, probability }) => `${word} ${fraction(probability)}`).join(', ')}.`;
  if (first.word === 'undecided') return ends[0]?.undecided[0]?.say ?? 'The trace gives no reason.';
  if (first.word === 'ok') {
    const backends = [...new Set(ends.map(({ backend }) => backend))];
    return backends.length === 1
      ? `${backends[0]} answers, and the answer arrives.`
      : `One of ${backends.length} answers, and the answer arrives.`;
  }
  return first.word === 'timeout' ? 'No answer arrives.' : `The client gets: ${first.word}.`;
}

function End({ end, at, source, query }: { readonly end: PathEnd; readonly at: number } & PathProps) {
  const word = end.result ?? 'undecided';
  return (
    <section
      aria-label={`Way ${at + 1}: ${word}, ${fraction(end.probability)}`}
      className="rounded-card border border-line bg-surface"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-b px-3 py-2">
        <Badge tone={toneOf(word)}>{word}</Badge>
        {end.probability > 0.9999 ? null : <span className="text-ink-2">{fraction(end.probability)}</span>}
        {end.backend === null ? null : (
          <span>
            <strong className="font-[620]">{end.backend}</strong> {answerWord(end)} and sees{' '}
            <span className="font-mono text-[12px]">{end.sourceSeen}</span>
          </span>
        )}
      </div>
      <ol className="px-3 py-1">
        {end.stops.map((stop, index) => (
          <Stop
            // biome-ignore lint/suspicious/noArrayIndexKey: a stop is its place on the path
            key={index}
            stop={stop}
            source={source}
            query={query}
          />
        ))}
      </ol>
      {end.undecided.length === 0 ? null : (
        <ul className="border-line border-t px-3 py-2 text-prose">
          {end.undecided.map(({ code, say, settle }) => (
            <li key={code}>
              {say} <span className="text-ink-2">{settle}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const ROW =
  'grid grid-cols-[52px_minmax(72px,auto)_1fr] items-baseline gap-x-3 py-1.5 md:grid-cols-[60px_120px_1fr_auto]';

function Stop({ stop, source, query }: { readonly stop: PathStop } & PathProps) {
  if (stop.kind === 'server') {
    return (
      <li className={cx(ROW, 'border-line border-b last:border-b-0')}>
        <span className="text-label text-ink-2">{stop.listens ? 'answers' : 'refuses'}</span>
        <span className="font-[620]">{stop.node ?? 'outside'}</span>
        <span className="min-w-0 break-words">
          {stop.name} <span className="font-mono text-[12px] text-ink-2">{stop.address}</span>
          {stop.through === null ? null : (
            <span className="text-ink-2"> behind {stop.through}, which is not in the capture</span>
          )}
        </span>
      </li>
    );
  }
  const { node, way, key, branch, iif, oif, before, verdict, say } = stop;
  const href = viewHref('/trace', {
    ...query.more,
    source,
    node,
    from: query.from,
    to: query.to,
    via: query.via,
    scope: 'path',
    stop: key,
    branch,
  });
  return (
    <li className={cx(ROW, 'border-line border-b last:border-b-0')}>
      <span className="text-label text-ink-2">{way}</span>
      <Link
        href={href}
        className="link justify-self-start font-[620] text-ink"
        aria-label={`Trace of the ${way} on ${node}`}
      >
        {node}
      </Link>
      <span className="min-w-0">
        <span className="block break-words font-mono text-[12px]">{before}</span>
        <span className={cx('block break-words text-prose', verdict === 'delivered' ? 'text-ink-2' : 'text-ink')}>
          {iif ?? 'a process'} → {oif ?? (verdict === 'delivered' ? 'a process' : 'nowhere')}: {say}
        </span>
      </span>
      {verdict === 'delivered' ? null : (
        <span className="max-md:col-span-full">
          <VerdictBadge verdict={verdict} />
        </span>
      )}
    </li>
  );
}
