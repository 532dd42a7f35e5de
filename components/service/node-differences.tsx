import Link from 'next/link';
import type { ServiceDifference, ServiceNodeRow } from '@/lib/api/service-types';
import { viewHref } from '../shell/views';
import { ChainName } from '../ui/chain-name';
import { TriangleIcon } from '../ui/icons';

/** Differences of one node that are shown at once. */
const SHOWN = 8;

/** What is expected, what was found, and what makes such a difference. */
export function NodeDifferences({ source, row }: { readonly source: string; readonly row: ServiceNodeRow }) {
  const { why, differences } = row;
  if (why === null && differences.length === 0) return null;
  const meanings = [...new Set(differences.map(({ meaning }) => meaning))];
  return (
    <section
      aria-label={`What differs on ${row.name}`}
      className="rounded-card border border-line bg-surface px-3 py-2"
    >
      <h3 className="flex items-center gap-1.5 font-[640]">
        {row.state === 'unknown' ? <span aria-hidden="true">?</span> : <TriangleIcon className="text-depends" />}
        {row.name}
      </h3>
      {why === null ? null : (
        <p className="text-prose">
          {why.say} <span className="text-ink-2">{why.do}</span>
        </p>
      )}
      {differences.length === 0 ? null : (
        <>
          <Items source={source} node={row.name} differences={differences.slice(0, SHOWN)} />
          {differences.length <= SHOWN ? null : (
            <details>
              <summary className="text-ink-2">{differences.length - SHOWN} more</summary>
              <Items source={source} node={row.name} differences={differences.slice(SHOWN)} />
            </details>
          )}
          {meanings.map((meaning) => (
            <p key={meaning} className="mt-1 text-ink-2 text-prose">
              {meaning}
            </p>
          ))}
        </>
      )}
    </section>
  );
}

interface ItemsProps {
  readonly source: string;
  readonly node: string;
  readonly differences: readonly ServiceDifference[];
}

function Items({ source, node, differences }: ItemsProps) {
  return (
    <ul className="flex flex-col gap-1.5 py-1">
      {differences.map((one) => (
        <li key={`${one.family} ${one.kind} ${one.name} ${one.expected} ${one.actual}`} className="min-w-0 text-prose">
          <span className="font-[600]">{one.kind}</span>{' '}
          <span className="text-ink-2">
            {one.family} kube-proxy{one.general ? ', concerns all Services' : ''}{' '}
          </span>
          <Place source={source} node={node} one={one} />
          <dl className="grid grid-cols-[70px_minmax(0,1fr)] gap-x-2 font-mono text-[11.5px] leading-[18px]">
            <Side what="expected" text={one.expected} />
            <Side what="found" text={one.actual} />
          </dl>
        </li>
      ))}
    </ul>
  );
}

const Side = ({ what, text }: { readonly what: string; readonly text: string | null }) => (
  <>
    <dt className="font-sans text-[12px] text-ink-2">{what}</dt>
    <dd className="min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]">
      {text ?? <span className="text-ink-2">nothing</span>}
    </dd>
  </>
);

/** A link where the thing is there to be looked at. */
function Place({
  source,
  node,
  one,
}: {
  readonly source: string;
  readonly node: string;
  readonly one: ServiceDifference;
}) {
  if (one.name === '') return null;
  const isChain = one.kind.startsWith('chain') || one.kind.startsWith('rule');
  const isThere = one.kind !== 'chain missing' && one.kind !== 'set missing';
  const name = <ChainName name={one.name} className="text-[12px]" />;
  const table = `${one.family} kube-proxy`;
  return isThere ? (
    <Link
      href={viewHref('/ruleset', { source, node, table, ...(isChain ? { chain: one.name } : { set: one.name }) })}
      className="link [overflow-wrap:anywhere]"
    >
      {name}
    </Link>
  ) : (
    name
  );
}
