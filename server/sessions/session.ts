/** A node opened for questions. Small ones live in this thread, large ones in a worker; who asks sees no difference. */
import 'server-only';
import { answer, type NodeAnswers, type NodeQueries, type QueryKind } from '@/lib/api/answer';
import { type NodeInput, openNode } from '@/lib/api/open-node';
import type { Problem, Result } from '@/lib/net/result';
import { workerFile } from './worker-file';
import { startWorkerSession } from './worker-session';

export interface NodeSession {
  /** Hash of what was read. */
  readonly version: string;
  /** RFC 3339, where it is known. */
  readonly capturedAt: string | undefined;
  /** Why nothing is known about its rules; undefined when they are known. */
  readonly problem: Problem | undefined;
  ask<K extends QueryKind>(question: K, query: NodeQueries[K], signal: AbortSignal): Promise<Result<NodeAnswers[K]>>;
  close(): void;
}

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
