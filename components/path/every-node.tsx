'use client';

import Link from 'next/link';
import { useState } from 'react';
import { POLICIES_ARE } from '@/lib/api/policies-text';
import { type EveryNodeGroup, policiesOfGroups, type WholePathView } from '@/lib/api/whole-path';
import { count, fraction } from '@/lib/explain/words';
import { useEveryNode } from '../hooks/use-path';
import { ErrorState } from '../shell/error-state';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { Loading, Note } from '../ui/states';
import { type PathProps, toneOf } from './whole-path';

/** The same target, asked by a process and a pod of every node; those with the same outcome together. */
export function EveryNode({ source, query }: PathProps) {
  const every = useEveryNode(source, query);
  const again = () => void every.refetch();
  if (every.isError) return <ErrorState error={every.error} what="The question" onRetry={again} />;
  const { data, isFetching } = every;
  if (data === undefined)
    return isFetching ? <Loading what="Asking from every node" onCancel={every.stop} /> : <Stopped onAgain={again} />;
  const { done, of, groups } = data;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-[1200px] flex-col gap-3 p-3 md:p-4">
        <h1 className="text-[18px] leading-6 font-[620] md:text-headline">{headline(data)}</h1>
        {isFetching ? (
          <Loading
            what="Asking from every node"
            progress={{ done, of, say: `${done} of ${of} have asked.` }}
            onCancel={every.stop}
            className="m-0!"
          />
        ) : done < of ? (
          <Stopped onAgain={again} said={`${done} of ${of} had asked.`} />
        ) : (
          <p className="text-ink-2">
            {count(of, 'question')}, each traced for itself.{' '}
            <button type="button" className="link text-ink" onClick={again}>
              Ask again
            </button>
          </p>
        )}
        <div className="overflow-x-auto rounded-card border border-line bg-surface">
          <table className="w-full">
            <thead className="text-left text-ink-2 text-label">
              <tr>
                {['Result', 'Asked by', 'Why'].map((head) => (
                  <th key={head} scope="col" className="px-3 py-1.5 font-[550]">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {groups.map((group) => (
                <Group key={`${wordsOf(group.results)} ${group.say}`} group={group} source={source} query={query} />
              ))}
            </tbody>
          </table>
        </div>
        {data.lacks === undefined ? null : <p className="text-ink-2">{data.lacks}</p>}
        <AskedOfPolicies groups={groups} />
      </div>
    </div>
  );
}

/** Each sentence once, with those it is said of. */
function AskedOfPolicies({ groups }: { readonly groups: readonly EveryNodeGroup[] }) {
  const said = policiesOfGroups(groups);
  if (said.length === 0) return null;
  const all = groups.reduce((sum, { askers }) => sum + askers.length, 0);
  return (
    <section aria-label="NetworkPolicies" className="rounded-card border border-line bg-surface px-3 py-2 text-prose">
      <h2 className="pb-1.5 text-ink-2 text-label">NetworkPolicies</h2>
      <ul className="flex flex-col gap-1.5">
        {said.map(({ say, askers }) => (
          <li key={say} className="[overflow-wrap:anywhere]">
            {say}{' '}
            <span className="text-ink-2">
              {askers.length === all
                ? 'For all askers.'
                : `For ${askers.slice(0, MOST).join(', ')}${askers.length > MOST ? ` and ${askers.length - MOST} more` : ''}.`}
            </span>
          </li>
        ))}
      </ul>
      <p className="pt-1.5 text-[12px] text-ink-2">They are {POLICIES_ARE}.</p>
    </section>
  );
}

function Stopped({ onAgain, said = '' }: { readonly onAgain: () => void; readonly said?: string }) {
  return (
    <Note className="m-0!">
      Stopped. {said}{' '}
      <button type="button" className="link text-ink" onClick={onAgain}>
        Ask again
      </button>
    </Note>
  );
}

/** A part of the answers is no answer for all. */
function headline({
  done,
  of,
  groups,
}: {
  readonly done: number;
  readonly of: number;
  readonly groups: readonly EveryNodeGroup[];
}): string {
  const [first, ...others] = groups;
  if (first === undefined) return 'No node has asked yet.';
  const words = others.length === 0 ? `the same: ${wordsOf(first.results)}.` : `${groups.length} different answers.`;
  if (done < of) return `So far, from ${done} of ${of}, ${words}`;
  return others.length === 0 ? `From every node ${words}` : words;
}

/** Askers that are named at once. */
const MOST = 12;

function Group({ group: { results, askers, say }, source, query }: PathProps & { readonly group: EveryNodeGroup }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? askers : askers.slice(0, MOST);
  return (
    <tr className="border-line border-t align-baseline">
      <td className="px-3 py-1.5">
        <span className="flex flex-wrap gap-1.5">
          {results.map(({ word, probability }) => (
            <Badge key={word} tone={toneOf(word)}>
              {word}
              {probability > 0.9999 ? '' : ` ${fraction(probability)}`}
            </Badge>
          ))}
        </span>
      </td>
      <td className="px-3 py-1.5">
        {askers.length > MOST ? <strong className="block font-[620]">{count(askers.length, 'asker')}</strong> : null}
        {shown.map(({ node, from, kind }, at) => (
          <span key={from}>
            {at === 0 ? '' : ', '}
            <Link
              className="link text-ink"
              prefetch={false}
              href={viewHref('/trace', { ...query.more, source, node, from, to: query.to, scope: 'path' })}
            >
              {from}
            </Link>
            {kind === 'pod' ? <span className="text-ink-2"> on {node}</span> : null}
          </span>
        ))}
        {askers.length <= MOST ? null : (
          <button type="button" className="link ml-1.5" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? 'fewer' : `and ${askers.length - MOST} more`}
          </button>
        )}
      </td>
      <td className="px-3 py-1.5 text-prose">{say}</td>
    </tr>
  );
}

const wordsOf = (results: WholePathView['results']): string =>
  results.map(({ word, probability }) => (probability > 0.9999 ? word : `${word} ${fraction(probability)}`)).join(', ');
