'use client';

import Link from 'next/link';
import type { SearchMatch, SearchView } from '@/lib/api/types';
import { STRINGS } from '../strings';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import type { RulesetLinks } from './ruleset-links';
import { placeId } from './search-hits';

interface PlacesProps {
  readonly search: SearchView;
  readonly links: RulesetLinks;
  /** The chosen rule or chain, to mark it in the list. */
  readonly isCurrent: (match: SearchMatch) => boolean;
}

/** Where the search holds, in listing order. Elements open their table, the others the text. */
export function Places({ search, links, isCurrent }: PlacesProps) {
  return (
    <section
      aria-label={STRINGS.places}
      className="max-h-[45%] shrink-0 overflow-y-auto border-line border-b bg-surface py-1.5"
    >
      {search.problems.map((p) => (
        <p key={p.say} className="px-4 py-1 text-prose">
          <span className="text-depends">{p.say}</span> {p.do}
        </p>
      ))}
      {search.matches.length === 0 && search.problems.length === 0 ? (
        <p className="px-4 py-1 text-ink-2">No place in this ruleset.</p>
      ) : null}
      <ol>
        {search.matches.map((match) => (
          <li key={placeId(match)}>
            <Link
              href={hrefOf(match, links)}
              scroll={false}
              aria-current={isCurrent(match)}
              className={cx(
                'block px-4 py-1 outline-offset-[-2px]',
                isCurrent(match) ? 'bg-marker-row shadow-[inset_3px_0_0_var(--marker-edge)]' : 'hover:bg-sunken',
              )}
            >
              <span className="flex items-baseline gap-1.5">
                <span className="text-ink-3 text-label">{KIND[match.kind]}</span>
                <ChainName name={match.name} tone="ink" className="text-[12px] [overflow-wrap:anywhere]" />
                {match.kind === 'rule' ? <span className="text-[11px] text-ink-3">#{match.handle}</span> : null}
              </span>
              {match.kind === 'chain' || match.kind === 'set' ? null : (
                <span className="line-clamp-2 font-mono text-[11px] text-ink-2 leading-4 [overflow-wrap:anywhere]">
                  {match.found.length === 0 ? match.text : <Marked text={match.text} found={match.found} />}
                </span>
              )}
            </Link>
          </li>
        ))}
      </ol>
      {search.total > search.matches.length ? (
        <p className="px-4 py-1 text-ink-2 text-prose">
          The first {search.matches.length} of {search.total.toLocaleString('en')}. Add a term to narrow it down.
        </p>
      ) : null}
    </section>
  );
}

const KIND = { chain: 'chain', rule: 'rule', set: 'set', element: 'in' } as const;

function hrefOf(match: SearchMatch, links: RulesetLinks): string {
  const table = `${match.family} ${match.table}`;
  switch (match.kind) {
    case 'rule':
      return links.rule({ family: match.family, table: match.table, chain: match.name, handle: match.handle });
    case 'chain':
      return links.chain(table, match.name);
    case 'set':
      return links.set(table, match.name);
    case 'element':
      return links.set(table, match.name, keyOf(match.text));
  }
}

/** The key of an element as nft prints it: what stands before its comment, its timeout and its data. */
export const keyOf = (text: string): string => text.split(/ (?:comment|timeout|expires|counter|:) /)[0] ?? text;

/** The text from a little before the first thing found, with everything found marked. */
function Marked({ text, found }: { readonly text: string; readonly found: readonly string[] }) {
  const lower = text.toLowerCase();
  const spans = found
    .map((f) => ({ from: lower.indexOf(f.toLowerCase()), length: f.length }))
    .filter((s) => s.from >= 0)
    .sort((a, b) => a.from - b.from);
  const [first] = spans;
  if (first === undefined) return <>{text}</>;
  const start = first.from > 30 ? first.from - 20 : 0;
  const parts: { readonly text: string; readonly hit: boolean; readonly at: number }[] = [];
  let at = start;
  for (const { from, length } of spans) {
    if (from < at) continue;
    if (from > at) parts.push({ text: text.slice(at, from), hit: false, at });
    parts.push({ text: text.slice(from, from + length), hit: true, at: from });
    at = from + length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), hit: false, at });
  return (
    <>
      {start > 0 ? '…' : ''}
      {parts.map((p) =>
        p.hit ? (
          <mark key={p.at} className="rounded-mark bg-marker-hit text-ink">
            {p.text}
          </mark>
        ) : (
          <span key={p.at}>{p.text}</span>
        ),
      )}
    </>
  );
}
