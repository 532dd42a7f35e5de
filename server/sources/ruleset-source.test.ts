import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openPath } from './open-source';
import { DEFAULT_LIMITS } from './source';
import { temporaryFolder } from './testing/make-bundle';

const folder = temporaryFolder();
afterAll(folder.remove);

test('a listing that no string can hold is refused by its size', async () => {
  const path = join(folder.path, 'large.json');
  writeFileSync(path, '{"nftables": [');
  // A hole: 1.5 GB that take no room on the disk.
  truncateSync(path, 1.5e9);
  const source = await openPath(path, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const { signal } = new AbortController();
  expect(await source.value.node('node', signal)).toMatchObject({
    ok: false,
    problem: {
      code: 'NFT-JSON-005',
      say: 'The listing has 1,500,000,000 bytes; up to 536,870,888 bytes can be read.',
    },
  });
  expect(await source.value.nodes(signal)).toMatchObject({ value: [{ fault: { code: 'NFT-JSON-005' } }] });
});
