/** A trace as text, as `nftscope trace` prints it. */
import { policiesText } from '@/lib/api/policies-text';
import type { TraceAnswer } from '@/lib/api/types';
import type { TraceNames } from '@/lib/explain/trace-names';
import { traceText } from '@/lib/explain/trace-text';
import { hostPort } from '@/lib/explain/verdict-sentence';
import type { Trace } from '@/lib/sim/trace';
import { ruleOf } from './trace-model';

/** `branch` from 0. */
export const answerText = (answer: TraceAnswer, trace: Trace, names: TraceNames, branch: number): string =>
  traceText({
    trace,
    branch,
    names,
    question: questionText(answer),
    place: answer.capturedAt === null ? answer.node : `${answer.node}, captured ${answer.capturedAt}`,
    ruleText: (at) =>
      ruleOf(answer, at)
        ?.tokens.map((token) => token.text)
        .join(''),
  }) + (answer.policies === null ? '' : policiesText(answer.policies));

/** `shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp` */
function questionText({ from, to, packet }: TraceAnswer): string {
  const target = `${hostPort(packet.daddr, packet.dport)}${packet.protocol === undefined ? '' : `/${packet.protocol}`}`;
  const client = from === null ? (packet.saddr ?? '?') : `${from.label} (${packet.saddr ?? from.address})`;
  return `${client} → ${to === null || to.label === target ? '' : `${to.label} `}${target}`;
}
