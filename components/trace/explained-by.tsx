import Link from 'next/link';
import { traceVerdict } from '@/lib/explain/verdict-sentence';
import { count } from '@/lib/explain/words';
import { SeverityMark } from '../findings/severity-mark';
import { useExplained } from '../hooks/use-findings';
import type { PathQuery } from '../hooks/use-path';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import type { TraceModel } from './trace-model';

interface ExplainedByProps {
  readonly model: TraceModel;
  /** What was asked, by names. */
  readonly connection: PathQuery;
}

/** Beside a verdict that is not "delivered": the finding that explains it, and the way to all that was found. */
export function ExplainedBy({ model: { answer, trace }, connection }: ExplainedByProps) {
  if (traceVerdict(trace) === 'delivered') return null;
  return <WhyItDoesNotArrive source={answer.source.id} node={answer.node} connection={connection} />;
}

interface WhyProps extends Pick<ExplainedByProps, 'connection'> {
  readonly source: string;
  /** The node that is looked at; null where all are. */
  readonly node: string | null;
}

/** The finding that explains why a connection does not arrive. It is looked for while this is shown. */
export function WhyItDoesNotArrive({ source, node, connection: { from, to, via, more } }: WhyProps) {
  const explained = useExplained(source, { ...more, from, to, node: via });
  const { asked, findings } = explained.data ?? { asked: null, findings: [] };
  const [first, ...others] = (asked?.explainedBy ?? []).flatMap((id) => findings.find((one) => one.id === id) ?? []);
  const place = { ...more, source, node, from, to, via };
  return (
    <section
      aria-label="Why it does not arrive"
      className="mt-1.5 flex flex-wrap items-baseline gap-x-2 gap-y-1 [overflow-wrap:anywhere]"
    >
      {first === undefined ? null : (
        <>
          <span className="self-center">
            <SeverityMark severity={first.severity} size={14} />
          </span>
          <Link
            className="link inline-flex min-h-6 min-w-0 items-center text-ink"
            href={viewHref('/findings', { ...place, open: first.id })}
          >
            {/* A phone has room for the code; the finding says the sentence. */}
            <span className="max-md:sr-only">{first.summary}</span>
            <span className="font-mono text-code md:hidden" aria-hidden="true">
              {first.code}
            </span>
          </Link>
          <span className="max-md:hidden">
            <Badge mono>{first.code}</Badge>
          </span>
        </>
      )}
      <Link className="link inline-flex min-h-6 items-center" href={viewHref('/findings', place)}>
        {others.length === 0 ? 'Why does it not arrive?' : `${count(others.length, 'more finding')} that explain it`}
      </Link>
      <span role="status" className="text-ink-2">
        {explained.isFetching ? 'Looking for what explains it…' : ''}
      </span>
    </section>
  );
}
