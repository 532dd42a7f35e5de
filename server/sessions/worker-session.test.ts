import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NodeInput } from '@/lib/api/open-node';
import { LISTING, PODS } from '@/lib/api/testing/node';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { openHere, openInWorker } from './diagnosis';
import { inlineSession } from './session';
import { startWorkerSession } from './worker-session';

const folder = temporaryFolder();
const file = join(folder.path, 'decode-worker.mjs');
const signal = () => new AbortController().signal;
beforeAll(async () => {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  await build({
    absWorkingDir: root,
    entryPoints: ['server/decode-worker.ts'],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['react-server'],
    logLevel: 'error',
  });
});
afterAll(folder.remove);

const read = (json: unknown) => ({ kind: 'read', content: new TextEncoder().encode(JSON.stringify(json)) }) as const;
const input = (listing: unknown = LISTING): NodeInput => ({
  node: 'node-1',
  files: new Map([['nft.json', read(listing)]]),
  cluster: new Map([['pods.json', read(PODS)]]),
  capturedAt: '2026-01-01T00:00:00Z',
  version: 'v1',
});

test('a worker answers as this thread does', async () => {
  const inline = inlineSession(input());
  const worker = await startWorkerSession(file, input(), signal());
  expect([worker.version, worker.capturedAt, worker.problem]).toEqual([
    inline.version,
    inline.capturedAt,
    inline.problem,
  ]);
  const packet = { iif: 'eth0', saddr: '10.0.0.1', daddr: '10.96.0.10', protocol: 'udp', dport: 53 };
  for (const [question, query] of [
    ['overview', {}],
    ['ruleset', { table: 'ip kube-proxy', offset: 0, limit: 10 }],
    ['ruleset', { table: 'nope', offset: 0, limit: 10 }],
    ['set', { table: 'ip kube-proxy', name: 'service-ips', offset: 0, limit: 10, descending: false }],
    ['names', {}],
    ['trace', { packet }],
  ] as const) {
    expect(await worker.ask(question, query, signal())).toEqual(await inline.ask(question, query, signal()));
  }
  worker.close();
});

test('many questions at once', async () => {
  const worker = await startWorkerSession(file, input(), signal());
  const keys = Array.from({ length: 50 }, (_, i) => `192.0.${i % 4}.1`);
  const answers = await Promise.all(
    keys.map((key) => worker.ask('lookup', { table: 'ip kube-proxy', name: 'blocked', key }, signal())),
  );
  expect(answers.map((answer) => answer.ok && answer.value.key)).toEqual(keys);
  worker.close();
});

test('a listing that cannot be decoded is the problem of the session', async () => {
  const worker = await startWorkerSession(file, input({ nftables: [{ rule: {} }] }), signal());
  expect(worker.problem?.code).toMatch(/^NFT-JSON-/);
  worker.close();
});

test('a worker that dies rejects, and does not hang', async () => {
  const broken = join(folder.path, 'broken.mjs');
  writeFileSync(
    broken,
    "import { parentPort } from 'node:worker_threads';\nparentPort.once('message', () => process.exit(3));\n",
  );
  await expect(startWorkerSession(broken, input(), signal())).rejects.toThrow('the worker ended with 3');
});

test('a source is diagnosed in a worker as in this thread', async () => {
  const { files, cluster } = input();
  const raw = { cluster, nodes: [{ name: 'node-1', files: { ok: true, value: files } as const }] };
  const worker = await openInWorker(file, raw, 'v1', signal());
  const here = await openHere(raw, 'v1');
  const found = await worker.diagnose();
  expect(found).toEqual(await here.diagnose());
  expect(found.ok && found.value.looked.nodes).toBe(1);
  const asked = { kind: 'json', json: { from: 'nobody' } } as const;
  expect(await worker.diagnose(asked)).toEqual(await here.diagnose(asked));
  worker.close();
});
