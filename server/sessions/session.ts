/** Opens a node: a small one in this thread, a large one in a worker. */
import 'server-only';
import { answer } from '@/lib/api/answer';
import { type NodeInput, openNode } from '@/lib/api/open-node';
import type { BuiltCluster } from '@/lib/cluster/build-cluster';
import type { NodeSession } from './node-session';
import { workerFile } from './worker-file';
import { startWorkerSession } from './worker-session';

/** What is more to decode than this is decoded in a worker: decoding it here would keep every other request waiting. */
const INLINE_BYTES = 2e6;

/** @param cluster of the same files, where it is decoded already */
export async function openSession(input: NodeInput, signal: AbortSignal, cluster?: BuiltCluster): Promise<NodeSession> {
  const size = [...input.files.values(), ...input.cluster.values()].reduce(
    (sum, one) => sum + (one.kind === 'read' ? one.content.length : 0),
    0,
  );
  const file = size > INLINE_BYTES ? workerFile() : undefined;
  return file === undefined ? inlineSession(input, cluster) : startWorkerSession(file, input, signal);
}

export function inlineSession(input: NodeInput, cluster?: BuiltCluster): NodeSession {
  const node = openNode(input, cluster);
  return {
    version: input.version,
    capturedAt: node.capturedAt,
    problem: node.ruleset.ok ? undefined : node.ruleset.problem,
    ask: async (question, query) => answer(node, question, query),
    close: () => undefined,
  };
}
