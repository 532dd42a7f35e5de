import 'server-only';
import { failed, ok } from '@/lib/net/result';
import { applyErrors, byName, captureOf, entryOf, seenListing } from '../capture';
import { sourceProblems } from '../problems';
import type { Source } from '../source';

export interface FakeBundle {
  readonly nodes: { readonly [node: string]: { readonly [file: string]: string } };
  readonly cluster?: { readonly [file: string]: string };
  readonly capturedAt?: string;
}

const bytes = (files: { readonly [file: string]: string } = {}) =>
  new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]));

const seen = (listing: Uint8Array | undefined) => (listing === undefined ? undefined : seenListing(listing));

/** A source in memory, for tests of what stands on sources. */
export function fakeSource(bundle: FakeBundle, name = 'fake'): Source {
  return {
    describe: () => ({ kind: 'bundle', name, live: false }),
    async nodes(signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      const entries = Object.entries(bundle.nodes).map(([node, files]) =>
        entryOf(node, seen(bytes(files).get('nft.json')), bytes(files), bundle.capturedAt),
      );
      return ok(entries.sort(byName));
    },
    async node(node, signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      const files = bundle.nodes[node];
      if (files === undefined) return failed(sourceProblems.noSuchNode(node, Object.keys(bundle.nodes)));
      return ok(captureOf(bytes(files), bundle.capturedAt));
    },
    cluster: async () => ok({ files: applyErrors(bytes(bundle.cluster)) }),
  };
}
