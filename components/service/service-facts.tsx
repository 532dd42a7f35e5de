import Link from 'next/link';
import type { ReactNode } from 'react';
import type { ServiceFacts, ServicePage, WayView } from '@/lib/api/service-types';
import { CopyButton } from '../shell/copy';
import { cx } from '../ui/cx';
import { askedHref } from './sender';

const none = 'none';

/** What the cluster says of the Service. */
export function Facts({ facts }: { readonly facts: ServiceFacts }) {
  const rows: readonly (readonly [string, ReactNode])[] = [
    ['Type', facts.type],
    ...(facts.externalName === null ? [] : [['External name', <Mono key="0" texts={[facts.externalName]} />] as const]),
    ['ClusterIP', <Mono key="1" texts={facts.clusterIPs} />],
    ...(facts.loadBalancerIPs.length === 0
      ? []
      : [['LB address', <Mono key="2" texts={facts.loadBalancerIPs} />] as const]),
    ...(facts.proxiedIPs.length === 0
      ? []
      : [
          [
            'not on nodes',
            <span key="3">{facts.proxiedIPs.join(', ')}: the load balancer serves it itself</span>,
          ] as const,
        ]),
    ...(facts.externalIPs.length === 0 ? [] : [['External IP', <Mono key="4" texts={facts.externalIPs} />] as const]),
    [
      'Ports',
      <Mono
        key="5"
        texts={facts.ports.map(
          ({ name, port, protocol, targetPort }) =>
            `${name === '' ? '' : `${name} `}${port}${protocol === 'tcp' ? '' : `/${protocol}`}${targetPort === null ? '' : ` → ${targetPort}`}`,
        )}
      />,
    ],
    ...(facts.ports.some(({ nodePort }) => nodePort !== null)
      ? [
          [
            'NodePorts',
            <Mono key="6" texts={[facts.ports.flatMap(({ nodePort }) => nodePort ?? []).join(', ')]} />,
          ] as const,
        ]
      : []),
    ...policyRow(facts),
    ...(facts.trafficDistribution === null ? [] : [['Distribution', facts.trafficDistribution] as const]),
    ['Affinity', facts.affinity === null ? none : `client address, ${facts.affinity}\u00a0s`],
    ...(facts.sourceRanges.length === 0
      ? []
      : [['Source ranges', <Mono key="7" texts={facts.sourceRanges} />] as const]),
    ...(facts.healthCheckNodePort === null ? [] : [['Health check', `port ${facts.healthCheckNodePort}`] as const]),
    ['Selector', <Mono key="8" texts={facts.selector} />],
    ...(facts.publishNotReadyAddresses ? [['Not ready', 'published as ready'] as const] : []),
    [facts.slices.length === 1 ? 'Slice' : 'Slices', <Mono key="9" texts={facts.slices} />],
  ];
  return (
    <section aria-labelledby="facts">
      <h2 id="facts" className="font-[640]">
        Facts
      </h2>
      <dl className="mt-1.5 grid grid-cols-[92px_minmax(0,1fr)] gap-x-3 gap-y-1">
        {rows.map(([what, value]) => (
          <div key={what} className="contents">
            <dt className="text-ink-2">{what}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
      </dl>
      {facts.notServed === null ? null : (
        <p className="mt-2 rounded-control border border-line px-2 py-1.5 text-prose">
          kube-proxy writes nothing for it: {facts.notServed}.
        </p>
      )}
    </section>
  );
}

/** The policies that say something of this Service. */
function policyRow({
  externalTrafficPolicy,
  internalTrafficPolicy,
}: ServiceFacts): readonly (readonly [string, string])[] {
  const words = [
    externalTrafficPolicy === null ? [] : [`external ${externalTrafficPolicy}`],
    internalTrafficPolicy === null ? [] : [`internal ${internalTrafficPolicy}`],
  ].flat();
  return words.length === 0 ? [] : [['Traffic policy', words.join(', ')]];
}

const Mono = ({ texts }: { readonly texts: readonly string[] }) =>
  texts.length === 0 ? (
    none
  ) : (
    <span className="font-mono text-[12px]">
      {texts.map((text) => (
        <span key={text} className="block">
          {text}
        </span>
      ))}
    </span>
  );

interface WaysProps {
  readonly page: ServicePage;
  readonly node: string;
  /** Addresses of the node, for its NodePorts. */
  readonly nodeAddress: string | undefined;
  readonly from: string | null;
  /** The node on which the way of a packet from there begins. */
  readonly beginsOf: (from: string) => string;
  readonly chosen: string | null;
  readonly onChoose: (way: string | null) => void;
}

/** Each way in, and what becomes of the source address. Choosing one shows it on the graph. */
export function WaysIn({ page, node, nodeAddress, from, beginsOf, chosen, onChoose }: WaysProps) {
  if (page.ways.length === 0) return null;
  const ports = new Set(page.ways.map(({ port }) => `${port.name}/${port.protocol}`));
  return (
    <section aria-labelledby="ways">
      <h2 id="ways" className="font-[640]">
        Ways in
      </h2>
      <ul className="mt-1.5 divide-y divide-line rounded-card border border-line">
        {page.ways.map((way) => {
          const target = targetOf(way, page, nodeAddress);
          const asks = from ?? defaultFrom(way, node);
          return (
            <li key={way.id} className={cx('px-2.5 py-1.5', way.id === chosen && 'bg-marker-row')}>
              <div className="flex flex-wrap items-baseline gap-x-2">
                <span className="shrink-0 font-[600]">
                  {way.kind} {ports.size < 2 ? null : <span className="font-normal text-ink-2">{way.port.name}</span>}
                </span>
                <span className="ml-auto min-w-0 text-right font-mono text-[12px] text-ink-2 [overflow-wrap:anywhere]">
                  {(way.addresses.length === 0 ? ['node'] : way.addresses).map((address) => (
                    <span key={address} className="block">
                      {address.includes(':') ? `[${address}]` : address}:{way.number}
                    </span>
                  ))}
                </span>
              </div>
              <div className="text-[12px] text-ink-2 leading-4">{way.source}</div>
              <div className="flex flex-wrap items-center gap-x-3 text-[12px]">
                <button
                  type="button"
                  aria-pressed={way.id === chosen}
                  className="link min-h-6 text-ink"
                  disabled={target === undefined}
                  onClick={() => onChoose(way.id === chosen ? null : way.id)}
                >
                  <span className="sr-only">{`${way.kind} ${way.port.name || way.port.port}: `}</span>
                  {way.id === chosen ? 'Hide the way' : 'Show the way'}
                </button>
                {target === undefined ? null : (
                  <Link
                    href={askedHref({ source: page.source, node, begins: beginsOf(asks), from: asks, to: target })}
                    className="link text-ink"
                  >
                    <span className="sr-only">{`${way.kind} ${way.port.name || way.port.port}: `}</span>Trace it
                  </Link>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Where a packet on this way goes to, as the API names it; undefined where the node's address is not known. */
export function targetOf(
  way: WayView,
  page: Pick<ServicePage, 'namespace' | 'name'>,
  nodeAddress: string | undefined,
): string | undefined {
  const address = way.kind === 'NodePort' ? nodeAddress : way.addresses[0];
  if (address === undefined) return undefined;
  if (way.kind === 'ClusterIP' && way.port.name !== '') return `svc:${page.namespace}/${page.name}:${way.port.name}`;
  return `${address.includes(':') ? `[${address}]` : address}:${way.number}/${way.port.protocol}`;
}

/** Who asks where nobody is chosen: the node itself on the way for inside, a client on those for outside. */
export const defaultFrom = (way: WayView, node: string): string => (way.kind === 'ClusterIP' ? node : 'external');

/** The commands that show the objects behind the page. */
export function SeeObjects({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  const command = [
    `kubectl -n ${namespace} get service ${name} -o yaml`,
    `kubectl -n ${namespace} get endpointslices -l kubernetes.io/service-name=${name} -o yaml`,
  ].join('\n');
  return (
    <CopyButton what="commands" text={() => command}>
      Copy kubectl
    </CopyButton>
  );
}
