/** One listing, the output of `nft -j list ruleset`, as a source of one node. Nothing but its rules is known. */
import 'server-only';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LONGEST_LISTING } from '@/lib/decode/decode-bytes';
import { problems } from '@/lib/decode/problem';
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
      return typeof content === 'string' ? await readListing(content, signal) : ok(content);
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

/** Reads one byte beyond what can be decoded, no more. */
async function readListing(path: string, signal: AbortSignal): Promise<Result<Uint8Array>> {
  const { size } = await stat(path);
  if (size > LONGEST_LISTING) return failed(problems.tooLarge(size, LONGEST_LISTING));
  const chunks: Buffer[] = [];
  // What grows while it is read, or has no size (/proc), is cut and refused by the decoder.
  for await (const chunk of createReadStream(path, { signal, end: LONGEST_LISTING, highWaterMark: 1 << 20 }))
    chunks.push(chunk);
  return ok(Buffer.concat(chunks));
}
