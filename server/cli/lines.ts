/** JSON lines in, JSON lines out, one at a time: memory stays flat however many there are. */
import 'server-only';
import { createReadStream, fstatSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { isatty } from 'node:tty';
import { createGunzip } from 'node:zlib';
import { failed, ok, type Result } from '@/lib/net/result';
import { reasonOf } from '../sources/problems';
import { CliError } from './cli-error';

/** The longest line that is read, in characters: half of the longest string that V8 makes (512 Mi), for its JSON is parsed too. */
const LONGEST_LINE = 256e6;

/**
 * The bytes of a file, or of standard input for `-`, unpacked where they are gzip (by content, not by name). Who stops before
 * the end closes the input.
 */
async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  await refuseEndless(path);
  const source = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const iterator: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  const opened: Readable[] = [source];
  try {
    const first = await iterator.next();
    const head = first.done ? Buffer.alloc(0) : first.value;
    async function* all() {
      yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    }
    if (head[0] !== 0x1f || head[1] !== 0x8b) {
      yield* all();
      return;
    }
    const plain = Readable.from(all(), { objectMode: false });
    const gunzip = createGunzip();
    opened.push(plain, gunzip);
    plain.once('error', (error) => gunzip.destroy(error));
    yield* plain.pipe(gunzip);
  } catch (error) {
    throw unreadable(path, reasonOf(error));
  } finally {
    for (const stream of opened) stream.destroy();
  }
}

/** A device may have no end. Files, pipes, sockets and what is typed at a terminal have one. */
async function refuseEndless(path: string): Promise<void> {
  if (path === '-' && isatty(0)) return;
  let info: Stats;
  try {
    info = path === '-' ? fstatSync(0) : await stat(path);
  } catch (error) {
    throw unreadable(path, reasonOf(error));
  }
  if (info.isDirectory()) throw unreadable(path, 'it is a folder');
  if (!info.isFile() && !info.isFIFO() && !info.isSocket()) throw unreadable(path, 'it is a device');
}

/** All bytes of a file or of standard input, read no further than `limit`. */
export async function readAll(path: string, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytesOf(path)) {
    size += chunk.length;
    if (size > limit) throw unreadable(path, `it has more than ${limit.toLocaleString('en-US')} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Lines that are not blank, without the mark that some programs begin a file with (U+FEFF). One beyond `longest` characters is passed over and told in its place (CASE-007). A file that breaks
 * off in the middle of its gzip ends with a CliError, after the lines before it.
 */
export async function* linesOf(path: string, longest = LONGEST_LINE): AsyncGenerator<Result<string>> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let length = 0;
  const add = (text: string): void => {
    length += text.length;
    rest = length > longest ? '' : rest + text;
  };
  const take = (): Result<string> | undefined => {
    const line = length > longest ? tooLong(longest) : rest.trim() === '' ? undefined : ok(rest);
    rest = '';
    length = 0;
    return line;
  };
  let isFirst = true;
  for await (const chunk of bytesOf(path)) {
    const decoded = decoder.write(chunk);
    const text = isFirst && decoded.startsWith('\uFEFF') ? decoded.slice(1) : decoded;
    if (decoded !== '') isFirst = false;
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      add(text.slice(from, end));
      from = end + 1;
      const line = take();
      if (line !== undefined) yield line;
    }
    add(text.slice(from));
  }
  add(decoder.end());
  const last = take();
  if (last !== undefined) yield last;
}

const tooLong = (longest: number): Result<string> =>
  failed({
    code: 'CASE-007',
    say: `the line has more than ${longest.toLocaleString('en-US')} characters`,
    do: '',
  });

function unreadable(path: string, why: string): CliError {
  return CliError.because(
    'CLI-003',
    `${path === '-' ? 'Standard input' : path} cannot be read: ${why}.`,
    'Give a file, or - for standard input; gzip is recognised.',
  );
}

/** The reader of standard output went away (`| head`): what is printed further nobody sees. */
let isReaderGone = false;
export const readerIsGone = (): boolean => isReaderGone;

/** A reader that has seen enough is no error: the command goes on to its exit status. */
export function letReaderGo(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isReaderGone = true;
  });
}

/** Writes text to standard output; waits while the reader is slow. */
export async function print(text: string): Promise<void> {
  if (isReaderGone || process.stdout.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      process.stdout.off('drain', done).off('error', done);
      resolve();
    };
    process.stdout.on('drain', done).on('error', done);
  });
}
