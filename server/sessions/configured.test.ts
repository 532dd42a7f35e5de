import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { configuredStore } from './configured';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const { signal } = new AbortController();
const made: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** Arguments of the captures of a server that was started in a folder. */
async function argumentsOf(startedIn: string, paths: readonly string[]): Promise<readonly string[]> {
  vi.stubEnv('NFTSCOPE_SOURCES', JSON.stringify(paths));
  vi.stubEnv('NFTSCOPE_STARTED_IN', startedIn);
  const { store, broken } = await configuredStore(signal);
  expect(broken).toEqual([]);
  const sources = await store.sources(signal);
  return sources.filter(({ origin }) => origin !== 'host').map(({ argument }) => argument);
}

test('a capture below the folder that the server was started in is named by its path from there, another by its file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nftscope-'));
  made.push(folder);
  const [at, below] = [join(folder, 'a.tar.gz'), join(folder, 'of today', 'b.tar.gz')];
  for (const path of [at, below]) cpSync(DEMO, path, { recursive: true });
  expect(await argumentsOf(folder, [at, below, DEMO])).toEqual([
    'a.tar.gz',
    join('of today', 'b.tar.gz'),
    'shop-3node.tar.gz',
  ]);
});
