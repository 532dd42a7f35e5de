/** What a reader of a node gives. */
import 'server-only';
import { createHash } from 'node:crypto';
import type { ReadingCost } from '@/lib/fleet/reading-cost';
import type { Failure, FileReading } from '@/lib/world/capture-files';
import type { NodeCapture } from '../sources/source';

export type PartReading =
  | { readonly kind: 'read'; readonly content: Uint8Array; readonly sha256: string }
  | { readonly kind: 'failed'; readonly failure: Failure };
export interface NodeReading {
  readonly parts: ReadonlyMap<string, PartReading>;
  readonly capturedAt: string;
  /** As the agent tells it. */
  readonly cost?: Omit<ReadingCost, 'tookMs'> | undefined;
}
/** A node that could not be read: as a failure of its listing, with what was said. */
export type ReadOutcome =
  | { readonly ok: true; readonly value: NodeReading }
  | { readonly ok: false; readonly failure: Failure };

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const part = (content: Uint8Array): PartReading => ({ kind: 'read', content, sha256: sha256(content) });

/** Hashed over names, outcomes and the hashes of contents: equal bodies need not be hashed for each node. */
export function captureOfParts({ parts, capturedAt }: NodeReading): NodeCapture {
  const files = new Map<string, FileReading<Uint8Array>>();
  const hash = createHash('sha256');
  for (const [name, one] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${one.kind === 'read' ? one.sha256 : JSON.stringify(one.failure)}\0`);
    files.set(name, one.kind === 'read' ? { kind: 'read', content: one.content } : one);
  }
  return { files, capturedAt, hash: hash.digest('hex').slice(0, 32) };
}

export function unreadable(failure: Failure, capturedAt: string): NodeCapture {
  return captureOfParts({ parts: new Map([['nft.json', { kind: 'failed', failure }]]), capturedAt });
}

export const failedReading = (command: string, stderr: string): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: { command, exitStatus: null, stderr },
});
