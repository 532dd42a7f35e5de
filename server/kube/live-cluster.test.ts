/** From the settings of `nftscope serve` to the Fleet view and the events of open pages. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { isChanges, withChanges } from '@/lib/api/fleet-changes';
import type { FleetView } from '@/lib/api/fleet-view';
import type { LiveEvent } from '@/lib/api/live-events';
import type { ServicePage } from '@/lib/api/service-types';
import { eventually } from '../../tests/kube/eventually';
import type { KubeObject } from '../../tests/kube/object-store';
import { agentPod, type Shop, startShop, TOKEN } from '../../tests/kube/start-shop';
import { LiveHub } from '../live/hub';
import { configuredStore } from '../sessions/configured';
import { temporaryFolder } from '../sources/testing/make-bundle';
import type { ClusterSettings } from './open-cluster';

const { signal } = new AbortController();
const folder = temporaryFolder();
afterAll(folder.remove);
let shop: Shop;
let hub: LiveHub | undefined;
beforeEach(async () => {
  shop = await startShop();
});
afterEach(async () => {
  for (const source of hub?.sources ?? []) hub?.end(source);
  delete process.env.NFTSCOPE_CLUSTERS;
  await shop.stop();
});

async function served(more: ClusterSettings = {}, others: readonly ClusterSettings[] = []) {
  const at = (name: string, text: string) => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };
  const kubeconfig = at(
    'config',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: shop.api.url } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'shop', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'shop',
    }),
  );
  const settings: ClusterSettings = { kubeconfig, agentTokenFile: at('token', `${TOKEN}\n`), ...more };
  process.env.NFTSCOPE_CLUSTERS = JSON.stringify([settings, ...others]);
  const { store, broken } = await configuredStore(signal);
  return { store, broken };
}

test('the Fleet view fills; a change, and an API server that goes and comes back, are told to open pages', async () => {
  const { store } = await served();
  const source = (await store.sources(signal)).find(({ kind }) => kind === 'cluster');
  expect(source).toMatchObject({ name: 'shop', origin: 'cluster', live: true });
  const id = source?.id ?? '';
  const heard: LiveEvent[] = [];
  hub = new LiveHub(store);
  hub.listen(id, (event) => heard.push(event));
  let view: FleetView | undefined;
  const fleet = async (holds: (view: FleetView) => boolean) => {
    for (;;) {
      const asked = await store.fleet(id, true, signal);
      if (!asked.ok) throw new Error(asked.problem.say);
      view = asked.value;
      if (holds(view)) return view;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const first = await fleet(({ state, done, of }) => state === 'done' && done === of);
  expect(first.rows.map(({ name, state, reader }) => [name, state, reader])).toEqual(
    ['node-1', 'node-2', 'node-3'].map((name) => [name, 'ready', 'agent']),
  );
  expect(first.services).toBe(shop.cluster.objects.get('services')?.length);
  expect(first.groups).toHaveLength(1);

  await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
  shop.agents.get('node-2')?.change('{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}');
  await eventually(() => heard.some((event) => event.kind === 'node' && event.node === 'node-2'));
  const second = await fleet(({ rows, state }) => state === 'done' && rows[1]?.version !== first.rows[1]?.version);
  expect(second.rows[1]?.counts).toMatchObject({ rules: 0 });
  expect(second.groups).toHaveLength(2);
  // To a page that has the first answer only the changed node is sent.
  const since = await store.fleetSince(id, first.at, signal);
  if (!since.ok || !isChanges(since.value)) throw new Error('the whole view was sent');
  expect(since.value.rows.map(({ name }) => name)).toEqual(['node-2']);
  expect(withChanges(first, since.value)).toEqual(second);

  await shop.api.stop();
  await eventually(() => heard.some((event) => event.kind === 'lost' && event.what === 'the API server'));
  const during = await store.fleet(id, false, signal);
  expect(during.ok && during.value.rows.map(({ version }) => version)).toEqual(
    second.rows.map(({ version }) => version),
  );
  await shop.api.start();
  await eventually(() => heard.some((event) => event.kind === 'back' && event.what === 'the API server'));
  await fleet(({ rows, state }) => state === 'done' && rows.every((row) => row.state === 'ready'));
}, 30_000);

test('an API server that comes back while nobody has a page open: the next questions are answered anew', async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  const fleet = async (holds: (view: FleetView) => boolean) => {
    for (;;) {
      const asked = await store.fleet(id, true, signal);
      if (!asked.ok) throw new Error(asked.problem.say);
      if (asked.value.state === 'done' && holds(asked.value)) return asked.value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const isWell = ({ rows }: FleetView) =>
    rows.length === 3 && rows.every(({ state, notAnew }) => state === 'ready' && notAnew === null);
  const before = await fleet(isWell);
  const services = before.services ?? 0;
  await shop.api.stop();
  // A list holds for a while; then it is told that the API server is not there.
  for (let well = true; well; well = isWell(await fleet(() => true))) store.changed(id);
  shop.api.store.remove('services', 'web', 'shop');
  await shop.api.start();
  const after = await fleet((view) => isWell(view) && view.services !== services);
  expect(after.services).toBe(services - 1);
}, 30_000);

test('the Service view follows: an endpoint and a whole Service that go from the cluster are left on nodes', async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  hub = new LiveHub(store);
  hub.listen(id, () => undefined);
  const page = async (holds: (page: ServicePage) => boolean): Promise<ServicePage> => {
    for (;;) {
      const asked = await store.service(id, { namespace: 'shop', name: 'web' }, true, signal);
      if (!asked.ok) throw new Error(asked.problem.say);
      if (asked.value.state === 'done' && holds(asked.value)) return asked.value;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const states = ({ nodes }: ServicePage) => nodes.map(({ state }) => state);
  await page((now) => states(now).every((state) => state === 'expected'));

  interface Slice {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly endpoints: readonly unknown[];
  }
  const slices = (shop.cluster.objects.get('endpointslices') ?? []) as unknown as (Slice & KubeObject)[];
  const own = slices.find(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web');
  if (own === undefined) throw new Error('no slice');
  shop.api.store.set('endpointslices', { ...own, endpoints: own.endpoints.slice(1) });
  const fewer = await page((now) => now.endpoints?.length === 2 && states(now).every((state) => state !== 'expected'));
  expect(states(fewer)).toEqual(['differs', 'differs', 'differs']);

  shop.api.store.remove('services', 'web', 'shop');
  const gone = await page((now) => now.facts === null && states(now).every((state) => state !== 'expected'));
  expect(gone.problem?.code).toBe('SVC-002');
}, 30_000);

/** `NFTSCOPE_OUTAGE_MS=60000` makes it the whole minute. */
const OUTAGE_MS = Number(process.env.NFTSCOPE_OUTAGE_MS ?? 1500);

test('an outage of the API server: nothing wrong is shown during it, and what changed meanwhile is there after it', {
  timeout: OUTAGE_MS + 60_000,
}, async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  const heard: { readonly at: number; readonly event: LiveEvent }[] = [];
  hub = new LiveHub(store);
  hub.listen(id, (event) => heard.push({ at: performance.now(), event }));
  const fleet = async () => {
    const asked = await store.fleet(id, true, signal);
    if (!asked.ok) throw new Error(asked.problem.say);
    return asked.value;
  };
  const shown = ({ rows, services, groups }: FleetView) => ({
    services,
    groups: groups.length,
    rows: rows.map(({ name, state, version }) => ({ name, state, version })),
  });
  await expect
    .poll(async () => (await fleet()).rows.every(({ state }) => state === 'ready'), { timeout: 20_000 })
    .toBe(true);
  const before = shown(await fleet());
  const told = (kind: 'lost' | 'back') =>
    heard.find(({ event }) => event.kind === kind && event.what === 'the API server')?.at;

  const began = performance.now();
  await shop.api.stop();
  await expect.poll(() => told('lost'), { timeout: 20_000 }).toBeDefined();
  shop.api.store.set('services', {
    metadata: { namespace: 'shop', name: 'made-meanwhile' },
    spec: { clusterIP: '10.96.99.99', clusterIPs: ['10.96.99.99'], type: 'ClusterIP', ports: [{ port: 80 }] },
  });
  let looks = 0;
  while (performance.now() - began < OUTAGE_MS) {
    expect(shown(await fleet())).toEqual(before);
    looks += 1;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(told('back')).toBeUndefined();
  await shop.api.start();
  const end = performance.now();
  await expect.poll(() => told('back'), { timeout: 50_000 }).toBeDefined();
  await expect.poll(async () => (await fleet()).services, { timeout: 20_000 }).toBe((before.services ?? 0) + 1);
  const after = await fleet();
  expect(after.rows.map(({ state }) => state)).toEqual(before.rows.map(({ state }) => state));
  if (process.env.NFTSCOPE_OUTAGE_MS !== undefined)
    console.log(
      `lost told after ${Math.round((told('lost') ?? 0) - began)} ms, ${looks} looks in ${OUTAGE_MS} ms, back told after ${Math.round((told('back') ?? 0) - end)} ms, all there after ${Math.round(performance.now() - end)} ms`,
    );
});

test('an agent pod that is replaced, under the same name or another: the node is read, everywhere it is shown', {
  timeout: 60_000,
}, async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  hub = new LiveHub(store);
  hub.listen(id, () => undefined);
  const shown = async (name: string) => {
    const asked = await store.fleet(id, true, signal);
    const source = await store.source(id, signal);
    if (!asked.ok || !source.ok) throw new Error('no view');
    const row = asked.value.rows.find((one) => one.name === name);
    const node = source.value.nodes.find((one) => one.name === name);
    return [row?.state, row?.problem?.code, row?.reader, row?.counts?.rules, node?.state, node?.problem?.code];
  };
  const poll = (name: string) => expect.poll(() => shown(name), { timeout: 15_000, interval: 100 });
  for (const [node, again] of [
    ['node-2', 'agent-node-2'],
    ['node-3', 'agent-another'],
  ] as const) {
    await poll(node).toEqual(['ready', undefined, 'agent', expect.any(Number), 'ready', undefined]);
    const before = await shown(node);
    const session = await store.session(id, node, signal);
    expect(session.ok && session.value.problem).toBeUndefined();
    shop.api.store.remove('pods', `agent-${node}`, 'nftscope');
    await poll(node).toEqual(['unreadable', 'SRC-012', 'nothing', undefined, 'unreadable', expect.any(String)]);
    const agent = shop.agents.get(node);
    if (agent === undefined) throw new Error('no agent');
    const pod = agentPod(node, agent.port);
    shop.api.proxied.set(`nftscope/${again}:${agent.port}`, agent.url);
    shop.api.store.set('pods', { ...pod, metadata: { ...pod.metadata, name: again } });
    await poll(node).toEqual(before);
  }
});

test('in an outage nodes stay as they were read: one that changed before it, and one that is opened first then', {
  timeout: 60_000,
}, async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  const heard: LiveEvent[] = [];
  hub = new LiveHub(store);
  hub.listen(id, (event) => heard.push(event));
  const rows = async () => {
    const asked = await store.fleet(id, true, signal);
    if (!asked.ok) throw new Error(asked.problem.say);
    return asked.value.rows;
  };
  await expect.poll(async () => (await rows()).every(({ state }) => state === 'ready'), { timeout: 20_000 }).toBe(true);
  const before = await rows();
  expect(before.map(({ notAnew }) => notAnew)).toEqual([null, null, null]);
  // It is told of and cannot be read any more.
  store.changed(id, 'node-1');
  await shop.api.stop();
  await expect
    .poll(async () => (await rows())[0]?.notAnew, { timeout: 20_000 })
    .toMatch(/^the API server does not answer/);
  const during = await rows();
  const told = ({ name, state, problem, version, capturedAt, reader, counts, group }: FleetView['rows'][number]) => [
    ...[name, state, problem, version, capturedAt, reader, counts, group],
  ];
  expect(during.map(told)).toEqual(before.map(told));
  const opened = await store.session(id, 'node-2', signal);
  expect(opened.ok && [opened.value.problem, opened.value.version]).toEqual([undefined, before[1]?.version]);
  const source = await store.source(id, signal);
  expect(source.ok && source.value.nodes.map(({ state, notAnew }) => [state, typeof notAnew])).toEqual(
    before.map(() => ['ready', 'string']),
  );
  // Whoever comes now hears of it, too.
  const later: LiveEvent[] = [];
  hub.listen(id, (event) => later.push(event));
  expect(later).toContainEqual(expect.objectContaining({ kind: 'lost', what: 'the API server' }));
  // The streams of agents go through it: they may be told as well by now.
  expect(later.map(({ kind }) => kind)).not.toContain('back');

  shop.agents.get('node-1')?.change('{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}');
  await shop.api.start();
  await expect.poll(async () => (await rows())[0]?.counts?.rules, { timeout: 30_000 }).toBe(0);
  expect((await rows()).map(({ notAnew }) => notAnew)).toEqual([null, null, null]);
});

test('a node that was never read when the API server goes: it is said so, and nothing of root or nft', async () => {
  const { store } = await served();
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  await shop.api.stop();
  const opened = await store.session(id, 'node-2', signal);
  const problem = opened.ok ? opened.value.problem : opened.problem;
  expect(problem?.say).toMatch(/^The node is unreadable: reading node-2 failed: the API server does not answer: /);
  expect(problem?.do).toContain('once the API server answers');
  expect(problem?.do).not.toContain('root');
}, 30_000);

test('read by exec alone: what cannot be read says why', async () => {
  const { store } = await served({ readBy: ['exec', 'node-1=agent'] });
  const id = (await store.sources(signal)).find(({ kind }) => kind === 'cluster')?.id ?? '';
  const nodes = await store.source(id, signal);
  if (!nodes.ok) throw new Error(nodes.problem.say);
  expect(nodes.value.nodes.map(({ name, reader }) => [name, reader === 'agent'])).toEqual([
    ['node-1', true],
    ['node-2', false],
    ['node-3', false],
  ]);
}, 30_000);

test('settings that make no sense: the source is broken, the others are there', async () => {
  const { broken } = await served({ readBy: ['telepathy'], context: 'shop' });
  expect(broken.map(({ name, problem }) => [name, problem.code])).toEqual([['shop', 'KUBE-008']]);
});

test.each<[string, object, RegExp]>([
  [
    'a certificate that is none',
    { 'client-certificate-data': 'aGVsbG8=', 'client-key-data': 'aGVsbG8=' },
    /certificate/,
  ],
  [
    'a plugin that fails',
    { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false' } },
    /plugin false/,
  ],
])('beside a cluster with %s the others are there', async (_, user, words) => {
  const kubeconfig = join(folder.path, 'bad');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'bad', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'bad',
    }),
  );
  const { store } = await served({}, [{ kubeconfig }]);
  expect((await store.sources(signal)).filter(({ kind }) => kind === 'cluster').map(({ name }) => name)).toEqual([
    'shop',
  ]);
  expect(await store.failing(signal)).toMatchObject([
    { name: 'bad', problem: { code: 'KUBE-005', say: expect.stringMatching(words) } },
  ]);
});
