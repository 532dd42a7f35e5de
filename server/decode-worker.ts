/**
 * Holds one large node, or a whole source for a diagnosis, in a thread of its own: decodes it once, then answers questions about
 * it. The model never leaves the thread; only answers do. Protocol: {@link WorkerRequest} in, {@link WorkerReply} out, one reply a request, in any order.
 */
import { parentPort } from 'node:worker_threads';
import { answer, type NodeQueries, type QueryKind } from '@/lib/api/answer';
import { type AskedConnection, decodeDiagnosis, diagnosisView, type RawDiagnosis } from '@/lib/api/diagnosis';
import { type NodeInput, type OpenNode, openNode } from '@/lib/api/open-node';
import type { DiagnosisInput } from '@/lib/findings/context';
import type { Problem } from '@/lib/net/result';

export type WorkerRequest =
  | { readonly id: number; readonly kind: 'open'; readonly input: NodeInput }
  | { readonly id: number; readonly kind: 'ask'; readonly question: QueryKind; readonly query: NodeQueries[QueryKind] }
  | { readonly id: number; readonly kind: 'open-source'; readonly input: RawDiagnosis }
  | { readonly id: number; readonly kind: 'diagnose'; readonly asked: AskedConnection | undefined };

/** `thrown`: a mistake of ours. That request fails; the thread goes on. */
export type WorkerReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly thrown: string };

/** The result of `open`. */
export interface Opened {
  readonly capturedAt: string | undefined;
  readonly problem: Problem | undefined;
}

let node: OpenNode | undefined;
let source: DiagnosisInput | undefined;

function handle(request: WorkerRequest): unknown {
  switch (request.kind) {
    case 'open':
      node = openNode(request.input);
      return {
        capturedAt: node.capturedAt,
        problem: node.ruleset.ok ? undefined : node.ruleset.problem,
      } satisfies Opened;
    case 'ask':
      if (node === undefined) throw new Error('asked before opened');
      return answer(node, request.question, request.query);
    case 'open-source':
      source = decodeDiagnosis(request.input);
      return undefined;
    case 'diagnose':
      if (source === undefined) throw new Error('diagnosed before opened');
      return diagnosisView(source, request.asked);
  }
}

parentPort?.on('message', (request: WorkerRequest) => {
  let reply: WorkerReply;
  try {
    reply = { id: request.id, result: handle(request) };
  } catch (error) {
    reply = { id: request.id, thrown: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  parentPort?.postMessage(reply);
});
