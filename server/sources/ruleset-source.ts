/** One listing, the output of `nft -j list ruleset`, as a source of one node. Nothing but its rules is known. */
import 'server-only';
import { readFile } from 'node:fs/promises';
import { failed, ok, type Result } from '@/lib/net/result';
import { captureOf, entryOf, seenListing } from './capture';
import { reasonOf, sourceProblems } from './problems';
import type { Source } from './source';

/** The node of a source that does not name one. */
const UNNAMED_NODE = 'node';

/** @param content the bytes, or the path of the file that holds them */
export function rulesetSource(name: string, content: Uint8Array | string): Source {
  const read = async (signal: AbortSignal): Promise<Result<Uint8Array>> => {
    try {
      return ok(typeof content === 'string' ? await readFile(content, { signal }) : content);
    } catch (error) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      return failed(sourceProblems.unreadable(name, reasonOf(error)));
    }
  };
  return {
    describe: () => ({ kind: 'ruleset', name, live: false }),
    async nodes(signal) {
      const bytes = await read(signal);
      if (signal.aborted) return failed(sourceProblems.cancelled());
      const seen = bytes.ok ? seenListing(bytes.value) : { fault: bytes.problem };
      return ok([entryOf(UNNAMED_NODE, seen, new Map(), undefined)]);
    },
    async node(node, signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      if (node !== UNNAMED_NODE) return failed(sourceProblems.noSuchNode(node, [UNNAMED_NODE]));
      const bytes = await read(signal);
      return bytes.ok ? ok(captureOf(new Map([['nft.json', bytes.value]]))) : bytes;
    },
    cluster: async () => ok({ files: new Map() }),
  };
}
