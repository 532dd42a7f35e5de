/** Opens a node: a small one in this thread, a large one in a worker. */
import 'server-only';
import { answer } from '@/lib/api/answer';
import { type NodeInput, openNode } from '@/lib/api/open-node';
import type { NodeSession } from './node-session';
import { workerFile } from './worker-file';
import { startWorkerSession } from './worker-session';

/** Listings beyond this are decoded in a worker: decoding them here would keep every other request waiting. */
export const INLINE_BYTES = 2e6;

export async function openSession(input: NodeInput, signal: AbortSignal): Promise<NodeSession> {
  const listing = input.files.get('nft.json');
  const file = listing?.kind === 'read' && listing.content.length > INLINE_BYTES ? workerFile() : undefined;
  return file === undefined ? inlineSession(input) : startWorkerSession(file, input, signal);
}

export function inlineSession(input: NodeInput): NodeSession {
  const node = openNode(input);
  return {
    version: input.version,
    capturedAt: node.capturedAt,
    problem: node.ruleset.ok ? undefined : node.ruleset.problem,
    ask: async (question, query) => answer(node, question, query),
    close: () => undefined,
  };
}
