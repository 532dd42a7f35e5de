import 'server-only';
import type { NodeAnswers, NodeQueries, QueryKind } from '@/lib/api/answer';
import type { Problem, Result } from '@/lib/net/result';

/** A node opened for questions. Small ones live in this thread, large ones in a worker; who asks sees no difference. */
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
