/**
 * Holds one large node, a whole source for a diagnosis, or the nodes of one for comparing them, in a thread of its own: decodes it once, then answers questions about
 * it. The model never leaves the thread; only answers do. Protocol: {@link WorkerRequest} in, {@link WorkerReply} out, one reply a request, in any order.
 */
import { parentPort } from 'node:worker_threads';
import { answer, type NodeQueries, type QueryKind } from '@/lib/api/answer';
import { type AskedConnection, decodeDiagnosis, diagnosisView, type RawDiagnosis } from '@/lib/api/diagnosis';
import { type DeskNode, NodesDesk } from '@/lib/api/nodes-desk';
import { type NodeInput, type OpenNode, openNode } from '@/lib/api/open-node';
import { buildInSteps, type SteppedCluster } from '@/lib/cluster/build-in-steps';
import type { DiagnosisInput } from '@/lib/findings/context';
import { lastStep } from '@/lib/net/last-step';
import type { Problem } from '@/lib/net/result';
import type { FileReading } from '@/lib/world/capture-files';

export type WorkerRequest =
  | { readonly id: number; readonly kind: 'open'; readonly input: NodeInput }
  | { readonly id: number; readonly kind: 'ask'; readonly question: QueryKind; readonly query: NodeQueries[QueryKind] }
  | { readonly id: number; readonly kind: 'open-source'; readonly input: RawDiagnosis }
  | { readonly id: number; readonly kind: 'diagnose'; readonly asked: AskedConnection | undefined }
  /** Files under cluster/ that are others than before. */
  | {
      readonly id: number;
      readonly kind: 'desk-cluster';
      readonly changed: NodeInput['cluster'];
      readonly gone: readonly string[];
    }
  | { readonly id: number; readonly kind: 'desk-holds'; readonly listing: string }
  | { readonly id: number; readonly kind: 'desk-fleet' | 'desk-drift'; readonly node: DeskNode }
  | { readonly id: number; readonly kind: 'desk-groups'; readonly names: readonly string[] };

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
const desk = new NodesDesk();
const clusterFiles = new Map<string, FileReading<Uint8Array>>();
let cluster: SteppedCluster | undefined;

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
    case 'desk-cluster':
      for (const name of request.gone) clusterFiles.delete(name);
      for (const [name, reading] of request.changed) clusterFiles.set(name, reading);
      cluster = lastStep(buildInSteps(new Map(clusterFiles), cluster));
      desk.setCluster(cluster);
      return undefined;
    case 'desk-holds':
      return desk.holds(request.listing);
    case 'desk-fleet':
      return desk.fleet(request.node);
    case 'desk-drift':
      return desk.drift(request.node);
    case 'desk-groups':
      return lastStep(desk.groups(request.names));
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
