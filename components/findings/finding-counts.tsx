'use client';

import Link from 'next/link';
import type { FindingView } from '@/lib/api/findings-types';
import { useFindings } from '../hooks/use-findings';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { countSeverities, severityCount } from './findings-model';
import { SEVERITY_LOOK, SeverityMark } from './severity-mark';

const SEVERITIES = ['error', 'warning', 'info'] as const;

/** How many findings of each severity a source has, each a link; while they are looked for, that. */
export function FindingCounts({ source, enabled }: { readonly source: string; readonly enabled: boolean }) {
  const view = useFindings(source, enabled).data;
  if (view?.diagnosis === undefined || view.diagnosis === null)
    return view?.state === 'reading' || view?.state === 'looking' ? (
      <p className="mt-0.5 text-ink-2">Looking for problems…</p>
    ) : null;
  const { findings, looked } = view.diagnosis;
  const counts = countSeverities(findings);
  return (
    <p className="mt-0.5 flex flex-wrap items-center gap-x-3">
      {findings.length === 0 ? (
        <Link className="link" href={viewHref('/findings', { source })}>
          {looked.unknown.length === 0 ? 'No findings' : 'No findings in what could be read'}
        </Link>
      ) : (
        SEVERITIES.map((severity) =>
          counts[severity] === 0 ? null : (
            <Link
              key={severity}
              href={viewHref('/findings', { source, severity })}
              className={`inline-flex min-h-6 items-center gap-1.5 font-[600] hover:underline ${SEVERITY_LOOK[severity]}`}
            >
              <SeverityMark severity={severity} size={13} silent />
              {severityCount(severity, counts[severity])}
            </Link>
          ),
        )
      )}
    </p>
  );
}

/** Findings that name a node, counted by the worst of them; those of every node are not its own. */
export function FindingsOfNode({
  source,
  node,
  findings,
}: {
  readonly source: string;
  readonly node: string;
  readonly findings: readonly FindingView[] | undefined;
}) {
  if (findings === undefined) return <span className="text-ink-3">?</span>;
  const counts = countSeverities(findings);
  const worst = SEVERITIES.find((severity) => counts[severity] > 0);
  if (worst === undefined) return <span className="text-ink-2">none</span>;
  return (
    <Link
      href={viewHref('/findings', { source, on: node, severity: worst })}
      aria-label={`${severityCount(worst, counts[worst])} on ${node}`}
      className={`inline-flex min-h-6 items-center gap-1.5 whitespace-nowrap font-[600] hover:underline ${SEVERITY_LOOK[worst]}`}
    >
      <SeverityMark severity={worst} size={13} silent />
      {severityCount(worst, counts[worst])}
    </Link>
  );
}

/** Findings shown beside a Service; the view has them all. */
const SHOWN = 5;

/** What was found about one Service, and what concerns its traffic as that of others. */
export function FindingsOfService({
  source,
  service,
  shown,
}: {
  readonly source: string;
  readonly service: string;
  /** Those that are told beside it, though they name no Service. */
  readonly shown: readonly string[];
}) {
  const view = useFindings(source).data;
  const known = view?.diagnosis ?? undefined;
  const own = known?.findings.filter(({ id, services }) => services.includes(service) || shown.includes(id)) ?? [];
  return (
    <section aria-labelledby="findings-of-service">
      <h2 id="findings-of-service" className="font-[640]">
        Findings {known === undefined ? null : <span className="font-normal text-ink-2">{own.length}</span>}
      </h2>
      {known === undefined ? (
        <p className="mt-1 text-ink-2 text-prose">
          {view === undefined || view.state === 'reading' || view.state === 'looking'
            ? 'Looking for problems…'
            : 'Not looked for: see Findings.'}
        </p>
      ) : own.length === 0 ? (
        <p className="mt-1 text-ink-2 text-prose">None is about this Service.</p>
      ) : (
        <ul className="mt-1.5 divide-y divide-line rounded-card border border-line">
          {own.slice(0, SHOWN).map((one) => (
            <li key={one.id} className="flex gap-2 px-2.5 py-2">
              <SeverityMark severity={one.severity} size={14} />
              <div className="min-w-0">
                <Link
                  href={viewHref('/findings', { source, service, open: one.id })}
                  className="font-[600] text-prose [overflow-wrap:anywhere] hover:underline"
                >
                  {one.summary}
                </Link>
                <p className="mt-1 flex flex-wrap gap-1.5 [&>span]:whitespace-normal [&>span]:[overflow-wrap:anywhere]">
                  <Badge mono>{one.code}</Badge>
                  {one.nodes.length > 2 ? (
                    <Badge>{one.nodes.length} nodes</Badge>
                  ) : (
                    one.nodes.map((node) => <Badge key={node}>{node}</Badge>)
                  )}
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {own.length <= SHOWN ? null : (
        <p className="mt-1.5">
          <Link className="link" href={viewHref('/findings', { source, service })}>
            All {own.length}
          </Link>
        </p>
      )}
    </section>
  );
}
