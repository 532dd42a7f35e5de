import { expect, test } from 'vitest';
import { LISTING } from '@/lib/api/testing/node';
import { sourceProblems } from '../sources/problems';
import type { Source } from '../sources/source';
import { type FakeBundle, fakeSource } from '../sources/testing/fake-source';
import { Diagnosis, openHere } from './diagnosis';

const signal = () => new AbortController().signal;
const CRASHED = JSON.stringify({ 'nft.json': { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' } });

const service = {
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.96.0.7',
    clusterIPs: ['10.96.0.7'],
    ipFamilies: ['IPv4'],
    selector: { app: 'api' },
    ports: [{ name: 'http', port: 80, targetPort: 80, protocol: 'TCP' }],
  },
};
const bundle = (services: readonly unknown[] = [service]): FakeBundle => ({
  nodes: {
    'node-1': { 'nft.json': JSON.stringify(LISTING), 'addr.json': '[]' },
    'node-2': { 'nft.json': '', 'errors.json': CRASHED },
  },
  cluster: {
    'services.json': JSON.stringify({ items: services }),
    'endpointslices.json': '{"items":[]}',
    'pods.json': '{"items":[]}',
    'nodes.json': '{"items":[]}',
  },
});

/** Asks as the page does, until the looking ends. */
async function ended(diagnosis: Diagnosis) {
  for (;;) {
    const view = diagnosis.view('s', false);
    if (view.state !== 'reading' && view.state !== 'looking') return view;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Counts how often a node is read. */
function counted(source: Source): { readonly source: Source; readonly reads: () => number } {
  let reads = 0;
  return {
    reads: () => reads,
    source: {
      ...source,
      node: (name, aborted) => {
        reads += 1;
        return source.node(name, aborted);
      },
    },
  };
}

test('an unreadable node is a finding, and what was looked at is told', async () => {
  const view = await ended(new Diagnosis(fakeSource(bundle()), openHere));
  expect(view.state).toBe('done');
  const codes = view.diagnosis?.findings.map(({ code, nodes }) => `${code} ${nodes.join(' ')}`);
  expect(codes).toContain('node-unreadable node-2');
  expect(codes).toContain('no-endpoints ');
  expect(view.diagnosis?.looked).toMatchObject({ nodes: 2, services: 1, pods: 0, unknown: [{ name: 'node-2' }] });
});

test('the ids are unique, and causes name findings of the same answer', async () => {
  const found = (await ended(new Diagnosis(fakeSource(bundle()), openHere))).diagnosis?.findings ?? [];
  const ids = found.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { causes, id } of found)
    for (const cause of causes) expect(ids.filter((one) => one !== id)).toContain(cause);
});

test('once for each version: many who ask wait for one reading; a change that changes nothing decodes nothing', async () => {
  const { source, reads } = counted(fakeSource(bundle()));
  const diagnosis = new Diagnosis(source, openHere);
  for (let i = 0; i < 5; i++) diagnosis.view('s', false);
  const first = (await ended(diagnosis)).diagnosis;
  expect(reads()).toBe(2);
  expect((await ended(diagnosis)).diagnosis).toBe(first);
  diagnosis.changed();
  expect((await ended(diagnosis)).diagnosis).toBe(first);
  expect(reads()).toBe(4);
});

test('what changed is looked at again, and the answer of before is shown until then', async () => {
  let now = fakeSource(bundle());
  const diagnosis = new Diagnosis(
    {
      describe: () => now.describe(),
      nodes: (aborted) => now.nodes(aborted),
      node: (name, aborted) => now.node(name, aborted),
      cluster: (aborted) => now.cluster(aborted),
    },
    openHere,
  );
  const before = await ended(diagnosis);
  expect(before.diagnosis?.findings.some(({ code }) => code === 'no-endpoints')).toBe(true);
  now = fakeSource(bundle([]));
  diagnosis.changed();
  const meanwhile = diagnosis.view('s', false);
  expect([meanwhile.state, meanwhile.diagnosis]).toEqual(['reading', before.diagnosis]);
  const after = await ended(diagnosis);
  expect(after.diagnosis?.findings.some(({ code }) => code === 'no-endpoints')).toBe(false);
});

test('stopped, it stays stopped until somebody says to go on', async () => {
  const diagnosis = new Diagnosis(fakeSource(bundle()), openHere);
  diagnosis.view('s', false);
  diagnosis.stop();
  expect(diagnosis.view('s', false)).toMatchObject({ state: 'stopped', diagnosis: null });
  expect(diagnosis.view('s', true).state).toBe('reading');
  expect((await ended(diagnosis)).state).toBe('done');
});

test('a source that cannot be read is a problem, not an empty answer', async () => {
  const source = fakeSource(bundle());
  const problem = sourceProblems.cancelled();
  const view = await ended(new Diagnosis({ ...source, nodes: async () => ({ ok: false, problem }) }, openHere));
  expect(view).toMatchObject({ state: 'failed', problem, diagnosis: null });
});

test('our mistake fails this answer alone: going on looks again', async () => {
  const source = fakeSource(bundle());
  let fails = true;
  const write = process.stderr.write;
  process.stderr.write = () => true;
  try {
    const diagnosis = new Diagnosis(
      {
        ...source,
        nodes: (aborted) => {
          if (fails) throw new Error('a mistake');
          return source.nodes(aborted);
        },
      },
      openHere,
    );
    expect((await ended(diagnosis)).problem?.code).toBe('SRC-017');
    fails = false;
    diagnosis.view('s', true);
    expect((await ended(diagnosis)).state).toBe('done');
  } finally {
    process.stderr.write = write;
  }
});

test('a connection: its end, and what explains it; a question that makes no sense is named', async () => {
  const diagnosis = new Diagnosis(fakeSource(bundle()), openHere);
  const ask = (from: string, to: string) =>
    diagnosis.ask({ kind: 'names', path: { question: { from, to }, via: 'node-1' } }, signal());
  const lost = await ask('external', 'svc:shop/api:http');
  expect(lost.ok && lost.value.asked).not.toBeNull();
  expect(await ask('shop/nobody', 'svc:shop/api:http')).toMatchObject({ ok: false, problem: { code: 'REF-002' } });
  const aborted = new AbortController();
  aborted.abort();
  expect(await diagnosis.ask({ kind: 'json', json: {} }, aborted.signal)).toMatchObject({
    ok: false,
    problem: { code: 'SRC-009' },
  });
});
