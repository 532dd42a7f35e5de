import Link from 'next/link';
import type { ServicePage, WayView } from '@/lib/api/service-types';
import { count } from '@/lib/explain/words';
import { isOutside } from '../findings/entry-node';
import { EvidenceItem } from '../findings/evidence';
import { viewHref } from '../shell/views';
import { OctagonIcon } from '../ui/icons';
import { targetOf } from './service-facts';
import { TroubleMark } from './state-mark';
import type { Trouble } from './troubles';

/** Above the chains of a node: they are as drawn, and yet this becomes of the traffic. */
export function HereTrouble({
  source,
  service,
  node,
  troubles,
}: {
  readonly source: string;
  /** `NAMESPACE/NAME` */
  readonly service: string;
  readonly node: string;
  readonly troubles: readonly Trouble[];
}) {
  const here = troubles.filter((one) => one.node === node);
  if (here.length === 0) return null;
  return (
    <ul className="flex flex-col gap-1 rounded-card border border-lost bg-lost-ground px-3 py-1.5">
      {here.map(({ finding, word }) => (
        <li key={finding.id} className="flex flex-wrap items-baseline gap-x-3">
          <TroubleMark word={word} />
          <Link
            className="link min-w-0 [overflow-wrap:anywhere]"
            href={viewHref('/findings', { source, service, open: finding.id })}
          >
            {finding.summary}
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The trace of what is lost: as the packet of the evidence is sent, to this Service. */
function askedOf(page: ServicePage, { node, sender }: Trouble, hit: readonly WayView[]) {
  if (sender === null) return null;
  const { from, begins } = sender;
  const way = [...hit, ...page.ways].find(({ kind }) => kind !== 'NodePort');
  const to = sender.to ?? (way === undefined ? undefined : targetOf(way, page, undefined));
  if (to === undefined) return null;
  const via = isOutside(from) ? node : null;
  return { source: page.source, node: begins, from, to, scope: 'path', via };
}

/** What should become of the traffic on a node and what does, with the rule that does it. */
export function NodeTrouble({ page, trouble }: { readonly page: ServicePage; readonly trouble: Trouble }) {
  const { node, word, evidence, ways, finding } = trouble;
  const hit = page.ways.filter(({ id }) => ways.has(id));
  const asked = askedOf(page, trouble, hit);
  const used = page.nodes.find(({ name }) => name === node)?.used ?? [];
  return (
    <section
      aria-label={finding.nodes.length === 1 ? finding.summary : `${node}: ${finding.summary}`}
      className="rounded-card border border-line bg-surface px-3 py-2"
    >
      <h3 className="flex flex-wrap items-center gap-x-1.5 font-[640]">
        <OctagonIcon className="text-lost" />
        {node}
        {hit.length === 0 ? '' : `, ${hit.map((way) => `${way.kind} ${way.number}`).join(', ')}`}{' '}
        <span className="text-lost">{word}</span>
        <span className="flex flex-wrap gap-x-3 font-normal md:ml-auto">
          {asked === null ? null : (
            <>
              <Link
                className="link"
                aria-label={`${node}, ${word}: trace it from ${asked.from}`}
                href={viewHref('/trace', asked)}
              >
                Trace it
              </Link>
              <Link
                className="link"
                aria-label={`${node}, ${word}: trace it from every node`}
                href={viewHref('/trace', { ...asked, scope: 'every', via: null })}
              >
                From every node
              </Link>
            </>
          )}
          <Link
            className="link"
            href={viewHref('/findings', {
              source: page.source,
              service: `${page.namespace}/${page.name}`,
              open: finding.id,
            })}
          >
            Open the finding
          </Link>
        </span>
      </h3>
      <dl className="mt-1 grid grid-cols-[70px_minmax(0,1fr)] gap-x-2 gap-y-1">
        {hit.map((way) => {
          const family = way.addresses.some((address) => address.includes(':')) ? 'ip6' : 'ip';
          const ofPort = used.filter(({ port }) => port === `${way.port.name}/${way.port.protocol}`);
          const own = ofPort.find((one) => one.family === family) ?? ofPort[0];
          const n = own === undefined ? undefined : way.kind === 'ClusterIP' ? own.internal : (own.external ?? 0);
          return (
            <div key={way.id} className="contents">
              <dt className="text-[12px] text-ink-2">expected</dt>
              <dd className="text-prose">
                kube-proxy leads it to {n === undefined ? 'the endpoints' : `one of ${count(n, 'endpoint')}`},{' '}
                {way.source}
              </dd>
            </div>
          );
        })}
        <dt className="text-[12px] text-ink-2">found</dt>
        <dd className="flex min-w-0 flex-col gap-1">
          {evidence.map((one) => (
            <EvidenceItem key={JSON.stringify(one)} source={page.source} one={one} />
          ))}
        </dd>
      </dl>
    </section>
  );
}
