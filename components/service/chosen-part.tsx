import Link from 'next/link';
import type { ServicePage } from '@/lib/api/service-types';
import type { ComparedPart } from '@/lib/graph/compare-service-graphs';
import { viewHref } from '../shell/views';
import { ChainName } from '../ui/chain-name';
import { columnWord } from './graph-words';
import { PartMark } from './state-mark';

interface ChosenProps {
  readonly page: ServicePage;
  readonly node: string;
  /** `ip kube-proxy` */
  readonly table: string;
  readonly part: ComparedPart;
}

/** The part that is chosen: its full name, its text, and where it stands. */
export function ChosenPart({ page, node, table, part }: ChosenProps) {
  const { place } = part;
  const at = { source: page.source, node, table };
  const isThere = part.state !== 'missing';
  const href =
    place === undefined || !isThere
      ? undefined
      : place.kind === 'element'
        ? viewHref('/ruleset', { ...at, set: place.map, key: place.key })
        : viewHref('/ruleset', { ...at, chain: place.chain, rule: place.kind === 'rule' ? place.handle : null });
  return (
    <section aria-label="Chosen part" className="rounded-card border border-line bg-surface px-3 py-2">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span className="text-ink-2 text-label">{columnWord(part.role, [part])}</span>
        <ChainName name={part.name} className="text-[12px] [overflow-wrap:anywhere]" />
        {place?.kind === 'chain' && isThere ? (
          <span className="font-mono text-[12px] text-ink-2">#{place.handle}</span>
        ) : null}
        {place?.kind === 'element' ? <span className="font-mono text-[12px] text-ink-2">@{place.map}</span> : null}
        <PartMark state={part.state} />
        {href === undefined ? null : (
          <Link href={href} className="link ml-auto">
            {place?.kind === 'element' ? 'Open in Elements' : 'Open in Ruleset'}
          </Link>
        )}
      </p>
      <dl className="mt-1 grid grid-cols-[70px_minmax(0,1fr)] gap-x-2 text-[12px]">
        {part.state === 'missing' ? (
          <Text what="expected" text={part.text} />
        ) : (
          <>
            {part.expected === undefined ? null : <Text what="expected" text={part.expected} />}
            <Text what={part.expected === undefined ? 'holds' : 'found'} text={part.text} />
          </>
        )}
      </dl>
    </section>
  );
}

function Text({ what, text }: { readonly what: string; readonly text: string }) {
  if (text === '') return null;
  return (
    <>
      <dt className="text-ink-2">{what}</dt>
      <dd className="min-w-0 whitespace-pre-wrap font-mono leading-[18px] [overflow-wrap:anywhere]">{text}</dd>
    </>
  );
}
