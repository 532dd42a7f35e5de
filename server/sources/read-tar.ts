/** Streams a tar archive, packed or not, within limits. Nothing is written anywhere. */
import 'server-only';
import { Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { createTarDecoder } from 'modern-tar';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { forbiddenName, normalPath } from './bundle-layout';
import { sourceProblems } from './problems';
import type { Limits } from './source';

class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.say);
  }
}

/**
 * The entries' contents by path, of those that `wanted` names; every entry is checked and counted.
 *
 * SRC-004 and SRC-005 beyond the limits, SRC-006 for links, devices, paths that lead out and a file that is there twice,
 * SRC-007 for a damaged archive.
 *
 * @param wanted true for contents to keep; a function is handed the content, which is then forgotten
 */
export async function readTar(
  open: () => Readable,
  wanted: (path: string) => boolean | ((content: Uint8Array) => void),
  limits: Limits,
  signal: AbortSignal,
): Promise<Result<ReadonlyMap<string, Uint8Array | undefined>>> {
  if (signal.aborted) return failed(sourceProblems.cancelled());
  const files = new Map<string, Uint8Array | undefined>();
  const source = open();
  try {
    let entries = 0;
    for await (const { header, body } of unpacked(source, limits, signal)) {
      entries += 1;
      if (entries > limits.entries) throw new Refused(sourceProblems.tooManyEntries(limits.entries));
      const why = forbiddenName(header.name) ?? forbiddenType(header.type);
      if (why !== undefined) throw new Refused(sourceProblems.forbiddenEntry(header.name, why));
      const path = normalPath(header.name);
      if (header.type === 'directory') {
        await drain(body);
        continue;
      }
      // Which of the two holds is not for us to choose.
      if (files.has(path)) throw new Refused(sourceProblems.forbiddenEntry(header.name, 'is there twice'));
      const use = wanted(path);
      if (use === false) await drain(body);
      const content = use === false ? undefined : new Uint8Array(await new Response(body).arrayBuffer());
      files.set(path, use === true ? content : undefined);
      if (typeof use === 'function' && content !== undefined) use(content);
    }
    return ok(files);
  } catch (error) {
    if (error instanceof Refused) return failed(error.problem);
    if (signal.aborted) return failed(sourceProblems.cancelled());
    const cause = causeOf(error);
    return failed(cause instanceof Refused ? cause.problem : sourceProblems.damaged(wordsOf(cause)));
  } finally {
    source.destroy();
  }
}

/** Reads a body to its end. Not `cancel()`: with modern-tar 0.8.6 the stream then stalls where a body goes over several chunks. */
async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read());
}

/** Entries of the archive; it is unpacked when its first bytes are those of gzip. */
async function* unpacked(source: Readable, limits: Limits, signal: AbortSignal) {
  const iterator: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  const first = await iterator.next();
  const bytes = first.done ? Buffer.alloc(0) : first.value;
  async function* all() {
    yield bytes;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  const packed = Readable.from(all());
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? chain(packed, createGunzip()) : packed;
  const limited = chain(plain, counting(limits.unpackedBytes));
  signal.addEventListener('abort', () => limited.destroy(new Error('cancelled')), { once: true });
  const decoder = createTarDecoder({ strict: true });
  // The web streams of Node and of lib.dom are the same at run time; their types are not.
  const web = Readable.toWeb(limited) as unknown as ReadableStream<Uint8Array>;
  const reader = web.pipeThrough(decoder).getReader();
  try {
    for (let entry = await reader.read(); !entry.done; entry = await reader.read()) yield entry.value;
  } finally {
    await reader.cancel().catch(() => undefined);
    packed.destroy();
    limited.destroy();
  }
}

/** Pipes on, errors included. */
function chain<T extends Transform>(from: Readable, to: T): T {
  from.once('error', (error) => to.destroy(error));
  return from.pipe(to);
}

/** Passes bytes on until there are too many: what a bomb would unpack to is never held. */
function counting(limit: number): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      if (total > limit) done(new Refused(sourceProblems.unpackedTooLarge(limit)));
      else done(null, chunk);
    },
  });
}

function forbiddenType(type: string | undefined): string | undefined {
  if (type === undefined || type === 'file' || type === 'directory') return undefined;
  return `is a ${type}, not a plain file`;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
