import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LISTING, PODS } from '@/lib/api/testing/node';
import type { RawFiles } from '../sources/source';
import { fakeSource } from '../sources/testing/fake-source';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { Desk } from './desk';
import { Fleet } from './fleet';
import { type Described, lookAt } from './look-at';

const folder = temporaryFolder();
const file = join(folder.path, 'decode-worker.mjs');
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

/** Chains enough that decoding it is a worker's. */
const chains = (of: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    chain: { family: 'ip', table: 'kube-proxy', name: `${of}-${i}`, handle: 1000 + i },
  }));
const small = JSON.stringify(LISTING);
const large = (of: string) => JSON.stringify({ nftables: [...LISTING.nftables, ...chains(of, 4000)] });
const CLUSTER = { 'pods.json': JSON.stringify(PODS) };
const opened: Desk[] = [];
afterAll(() => {
  for (const desk of opened) desk.close();
});
function deskWith(worker: string | undefined, onLost?: () => void): Desk {
  const desk = new Desk(onLost, () => worker);
  opened.push(desk);
  return desk;
}
const read = (listing: string): RawFiles =>
  new Map([
    ['nft.json', { kind: 'read', content: Buffer.from(listing) }],
    ['versions.json', { kind: 'read', content: Buffer.from('{"nft": "1.0.6", "kernel": "6.18.5"}') }],
  ]);
async function looked(cluster: Record<string, string> = CLUSTER): Promise<Described> {
  const described = await lookAt(fakeSource({ nodes: {}, cluster }));
  if (!described.ok) throw new Error(described.problem.say);
  return described.value;
}

test('a worker says what this thread says: of small listings, large ones, one that is none, and in which groups they are', async () => {
  const described = await looked();
  const [here, there] = [deskWith(undefined), deskWith(file)];
  const listings = { a: large('x'), b: large('y'), c: large('x'), d: small, e: '{"nftables": "nonsense"}' };
  for (const [node, listing] of Object.entries(listings)) {
    const files = read(listing);
    const want = await here.fleet(node, files, described);
    expect(want.ok).toBe(true);
    expect(await there.fleet(node, files, described)).toEqual(want);
    expect(await there.drift(node, files, described)).toEqual(await here.drift(node, files, described));
  }
  const groups = await there.groups(Object.keys(listings));
  expect(groups.map(({ nodes }) => nodes.join(' '))).toEqual(['a c', 'b', 'd']);
  expect(groups).toEqual(await here.groups(Object.keys(listings)));
  // A node that is not named is in no group, and is not kept for later.
  await there.groups(['a']);
  expect((await there.groups(['a', 'c'])).map(({ nodes }) => nodes.join(' '))).toEqual(['a']);
});

test('the cluster of later is the one that counts', async () => {
  const service = (name: string) =>
    JSON.stringify({
      items: [{ metadata: { namespace: 'shop', name }, spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] } }],
    });
  const [before, after] = [
    await looked({ 'services.json': service('a') }),
    await looked({ 'services.json': service('b') }),
  ];
  const [here, there] = [deskWith(undefined), deskWith(file)];
  const files = read(large('x'));
  for (const described of [before, after, await looked({})])
    expect(await there.drift('a', files, described)).toEqual(await here.drift('a', files, described));
});

test('the first large listing changes over to a worker: all nodes are read again there, and end in their groups', async () => {
  const nodes = { a: { 'nft.json': small }, b: { 'nft.json': small }, c: { 'nft.json': large('x') } };
  const source = fakeSource({ nodes, cluster: CLUSTER });
  const described = await lookAt(source);
  if (!described.ok) throw new Error(described.problem.say);
  let lost = 0;
  const desk = deskWith(file, () => {
    lost += 1;
    fleet.forget();
  });
  const fleet = new Fleet(source, desk);
  const summaries = ['a', 'b', 'c'].map(
    (name) => ({ name, state: 'ready', problem: null, capturedAt: null, zone: null }) as const,
  );
  for (;;) {
    const view = await fleet.view('s', summaries, described.value, false);
    if (view.state !== 'done') {
      await new Promise(setImmediate);
      continue;
    }
    expect([view.done, lost]).toEqual([3, 1]);
    expect(view.groups.map((group) => group.nodes.join(' '))).toEqual(['a b', 'c']);
    return;
  }
});

test('a worker that dies of a listing: that node is too large, the others are read again elsewhere', async () => {
  const broken = join(folder.path, 'dies.mjs');
  const { writeFileSync } = await import('node:fs');
  // Stands for a heap that is full: the reason comes as Node gives it.
  writeFileSync(
    broken,
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', ({ id, kind }) => {
       if (kind !== 'desk-fleet') return parentPort.postMessage({ id, result: false });
       const all = [];
       for (;;) all.push(new Array(1e6).fill({}));
     });`,
  );
  let lost = 0;
  const desk = new Desk(
    () => {
      lost += 1;
    },
    () => broken,
    16,
  );
  opened.push(desk);
  const described = await looked();
  const reply = await desk.fleet('a', read(large('x')), described);
  expect(reply.ok ? 'ok' : reply.problem.code).toBe('SRC-015');
  // Once for the change over, once for the death; it is not tried again.
  expect(lost).toBe(2);
  const again = await desk.fleet('a', read(large('x')), described);
  expect([again.ok ? 'ok' : again.problem.code, lost]).toEqual(['SRC-015', 2]);
});
