/** JSON lines in, JSON lines out, one at a time: memory stays flat however many there are. */
import 'server-only';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { reasonOf } from '../sources/problems';
import { CliError } from './cli-error';

/** The bytes of a file, or of standard input for `-`, unpacked where they are gzip (by content, not by name). */
async function openInput(path: string): Promise<Readable> {
  const source = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const iterator: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  let first: IteratorResult<Buffer>;
  try {
    first = await iterator.next();
  } catch (error) {
    throw unreadable(path, error);
  }
  const head = first.done ? Buffer.alloc(0) : first.value;
  async function* all() {
    yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  const plain = Readable.from(all(), { objectMode: false });
  if (head[0] !== 0x1f || head[1] !== 0x8b) return plain;
  const gunzip = createGunzip();
  plain.once('error', (error) => gunzip.destroy(error));
  return plain.pipe(gunzip);
}

/** All bytes of a file or of standard input. */
export async function readAll(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const input = await openInput(path);
  try {
    for await (const chunk of input) chunks.push(chunk);
  } catch (error) {
    throw unreadable(path, error);
  }
  return Buffer.concat(chunks);
}

/** Lines that are not blank. A file that breaks off in the middle of its gzip ends with a CliError, after the lines before it. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = await openInput(path);
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of input) {
      const text = decoder.write(chunk);
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        const line = rest + text.slice(from, end);
        rest = '';
        from = end + 1;
        if (line.trim() !== '') yield line;
      }
      rest += text.slice(from);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  rest += decoder.end();
  if (rest.trim() !== '') yield rest;
}

function unreadable(path: string, error: unknown): CliError {
  return CliError.because(
    'CLI-003',
    `${path === '-' ? 'Standard input' : path} cannot be read: ${reasonOf(error)}.`,
    'Give a file, or - for standard input; gzip is recognised.',
  );
}

/** Writes text to standard output; waits while the reader is slow. A reader that went away is handled in main.ts. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) resolve();
    else process.stdout.once('drain', resolve);
  });
}
