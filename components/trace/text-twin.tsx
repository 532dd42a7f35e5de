'use client';

import { useMemo } from 'react';
import type { TraceAnswer } from '@/lib/api/types';
import { traceText } from '@/lib/explain/trace-text';
import { hostPort } from '@/lib/explain/verdict-sentence';
import { CopyButton } from '../shell/copy';
import { ruleOf, type TraceModel } from './trace-model';

/** The same facts as text, as `nftscope trace` prints them. */
export function TextTwin({ model }: { readonly model: TraceModel }) {
  const { answer, trace, names } = model;
  const text = useMemo(
    () =>
      traceText({
        trace,
        names,
        question: questionText(answer),
        place: answer.capturedAt === null ? answer.node : `${answer.node}, captured ${answer.capturedAt}`,
        ruleText: (at) =>
          ruleOf(answer, at)
            ?.tokens.map((token) => token.text)
            .join(''),
      }),
    [answer, trace, names],
  );
  return (
    <div className="relative">
      <div className="absolute top-2 right-3">
        <CopyButton what="trace as text" text={() => text}>
          Copy text
        </CopyButton>
      </div>
      <pre className="overflow-x-auto whitespace-pre-wrap px-3 pt-12 pb-6 text-code md:px-4 md:pt-3 [overflow-wrap:anywhere]">
        {text}
      </pre>
    </div>
  );
}

/** `shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp` */
function questionText({ from, to, packet }: TraceAnswer): string {
  const target = `${hostPort(packet.daddr, packet.dport)}${packet.protocol === undefined ? '' : `/${packet.protocol}`}`;
  const client = from === null ? (packet.saddr ?? '?') : `${from.label} (${packet.saddr ?? from.address})`;
  return `${client} → ${to === null || to.label === target ? '' : `${to.label} `}${target}`;
}
