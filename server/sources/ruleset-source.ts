/** One listing, the output of `nft -j list ruleset`, as a source of one node. Nothing but its rules is known. */
import 'server-only';
import { readFile } from 'node:fs/promises';
import { failed, ok } from '@/lib/net/result';
import { captureOf } from './capture';
import { reasonOf, sourceProblems } from './problems';
import type { NodeEntry, Source } from './source';

/** The node of a source that does not name one. */
const UNNAMED_NODE = 'node';

const ENTRY: NodeEntry = { name: UNNAMED_NODE, listing: 'present', capturedAt: undefined };

/** @param content the bytes, or the path of the file that holds them */
export function rulesetSource(name: string, content: Uint8Array | string): Source {
  return {
    describe: () => ({ kind: 'ruleset', name, live: false }),
    nodes: async (signal) => (signal.aborted ? failed(sourceProblems.cancelled()) : ok([ENTRY])),
    async node(node, signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      if (node !== UNNAMED_NODE) return failed(sourceProblems.noSuchNode(node, [UNNAMED_NODE]));
      try {
        const bytes = typeof content === 'string' ? await readFile(content, { signal }) : content;
        return ok(captureOf(new Map([['nft.json', bytes]])));
      } catch (error) {
        if (signal.aborted) return failed(sourceProblems.cancelled());
        return failed(sourceProblems.unreadable(name, reasonOf(error)));
      }
    },
    cluster: async () => ok({ files: new Map() }),
  };
}
