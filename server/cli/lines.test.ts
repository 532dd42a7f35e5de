import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { linesOf, readAll } from './lines';

const folder = temporaryFolder();
afterAll(folder.remove);

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
}

async function linesIn(path: string, longest?: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(path, longest)) lines.push(line.ok ? line.value : line.problem.code);
  return lines;
}

test.each([
  ['/dev/urandom', 'CLI-003', 'it is a device'],
  ['/dev/zero', 'CLI-003', 'it is a device'],
  [folder.path, 'CLI-003', 'it is a folder'],
  [join(folder.path, 'none'), 'CLI-003', 'there is no such file or folder'],
])('%s is refused before it is read', async (path, code, why) => {
  const problem = { code, say: `${path} cannot be read: ${why}.` };
  await expect(readAll(path, 10)).rejects.toMatchObject({ problem });
  await expect(linesIn(path)).rejects.toMatchObject({ problem });
});

test('a file up to the limit is read whole; one byte more is refused', async () => {
  const path = written('ten', '0123456789');
  expect(String(await readAll(path, 10))).toBe('0123456789');
  await expect(readAll(path, 9)).rejects.toMatchObject({
    problem: { code: 'CLI-003', say: `${path} cannot be read: it has more than 9 bytes.` },
  });
});

test('gzip is limited by what it unpacks to', async () => {
  // A thousand members: 16 GB, if they were read to the end.
  const member = gzipSync(Buffer.alloc(16e6));
  const path = written('bomb.gz', Buffer.concat(Array<Buffer>(1000).fill(member)));
  await expect(readAll(path, 1e6)).rejects.toMatchObject({
    problem: { say: `${path} cannot be read: it has more than 1,000,000 bytes.` },
  });
});

test.each([
  ['between others', 'one\nxxxxxx\ntwo\n', ['one', 'CASE-007', 'two']],
  ['the last, without a line break', 'one\nxxxxxx', ['one', 'CASE-007']],
  ['of the most characters', 'xxxxx\none', ['xxxxx', 'one']],
  ['blank ones are none', 'one\n\n  \ntwo', ['one', 'two']],
])('a line beyond the limit: %s', async (_name, text, want) => {
  expect(await linesIn(written('lines', text), 5)).toEqual(want);
});

test('the mark that some programs begin a file with is no part of its first line', async () => {
  expect(await linesIn(written('marked', '\uFEFF{"a": 1}\n\uFEFFb\n'))).toEqual(['{"a": 1}', '\uFEFFb']);
});

test('a line beyond the limit that comes in many chunks costs that line only', async () => {
  const path = written('long', `first\n${'x'.repeat(3e6)}\nlast\n`);
  expect(await linesIn(path, 1e6)).toEqual(['first', 'CASE-007', 'last']);
});
