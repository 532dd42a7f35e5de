/** JSON lines in, JSON lines out, one at a time: memory stays flat however many there are. */
import 'server-only';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CliError } from './cli-error';

/** The bytes of a file, or of standard input for `-`, unpacked where they are gzip (by content, not by name). */
export async function openInput(path: string): Promise<Readable> {
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

/** Lines that are not blank. A file that breaks off in the middle of its gzip ends with a CliError. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = await openInput(path);
  let broken: unknown;
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  // readline does not pass errors of its input on.
  input.once('error', (error) => {
    broken = error;
    reader.close();
  });
  for await (const line of reader) if (line.trim() !== '') yield line;
  if (broken !== undefined) throw unreadable(path, broken);
}

function unreadable(path: string, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : (message ?? String(error));
  return new CliError(`${path === '-' ? 'standard input' : path} cannot be read: ${why}.`);
}

/** Writes text to standard output; waits while the reader is slow. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.stdout.write(text)) resolve();
    else {
      process.stdout.once('drain', resolve);
      process.stdout.once('error', reject);
    }
  });
}
