/** The list-and-watch loop against a fake API server over HTTP. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessTo } from '../../tests/kube/access-to';
import { eventually } from '../../tests/kube/eventually';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { KubeClient } from './kube-client';
import { type ListState, ListWatch, type Times } from './list-watch';

const PODS = { group: '', resource: 'pods', path: '/api/v1/pods' };
const FAST: Partial<Times> = { againMs: 5, againMsMax: 40, forbiddenMs: 30, watchSeconds: 60, silenceMs: 10_000 };
const pod = (name: string, phase = 'Running') => ({ metadata: { namespace: 'shop', name }, status: { phase } });

let api: FakeApiServer;
let controller: AbortController;
beforeEach(async () => {
  api = await new FakeApiServer().start();
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await api.stop();
});

function following(times: Partial<Times> = {}) {
  const states: ListState[] = [];
  let changes = 0;
  const list = new ListWatch<string>({
    client: new KubeClient(accessTo(api)),
    resource: PODS,
    keep: (object) => (object as ReturnType<typeof pod>).status.phase,
    same: (a, b) => a === b,
    changed: () => {
      changes += 1;
    },
    turned: (state) => states.push(state),
    times: { ...FAST, ...times },
    random: () => 0.5,
  });
  void list.run(controller.signal);
  return { list, states, changes: () => changes, held: () => Object.fromEntries(list.held) };
}
const watching = (list: ListWatch<string>) => eventually(() => list.state.kind === 'read' && list.state.watching);
const lists = () => api.asked.filter(({ url }) => !url.includes('watch=1')).length;

test('lists in pages, then hears what is added, changed and removed', async () => {
  for (let i = 0; i < 1203; i++) api.store.set('pods', pod(`p${i}`));
  const { list, held } = following();
  await watching(list);
  expect(list.held.size).toBe(1203);
  expect(lists()).toBe(3);
  api.store.set('pods', pod('new', 'Pending'));
  api.store.set('pods', pod('p7', 'Failed'));
  api.store.remove('pods', 'p8', 'shop');
  await eventually(() => !list.held.has('shop/p8'));
  expect(held()).toMatchObject({ 'shop/new': 'Pending', 'shop/p7': 'Failed' });
  expect(lists()).toBe(3);
});

test('what is kept stays the same: nothing is told', async () => {
  api.store.set('pods', pod('a'));
  const { list, changes } = following();
  await watching(list);
  const before = changes();
  api.store.set('pods', { ...pod('a'), metadata: { ...pod('a').metadata, annotations: { beat: '1' } } });
  api.store.set('pods', pod('b'));
  await eventually(() => list.held.has('shop/b'));
  expect(changes() - before).toBe(1);
});

test('a watch that breaks in the middle of a line goes on from its version, without a new list', async () => {
  api.store.set('pods', pod('a'));
  const { list } = following();
  await watching(list);
  api.store.set('pods', pod('b'));
  await eventually(() => list.held.has('shop/b'));
  api.dropWatches();
  api.store.set('pods', pod('c'));
  await eventually(() => list.held.has('shop/c'));
  expect(lists()).toBe(1);
});

test('a bookmark moves the version on: after compaction it is not listed anew', async () => {
  api.store.set('pods', pod('a'));
  const { list } = following();
  await watching(list);
  await eventually(() => api.watchesOf('pods') === 1);
  api.store.compact();
  api.bookmark();
  const marked = String(api.store.version);
  api.endWatches();
  await eventually(() => api.asked.some(({ url }) => url.includes(`resourceVersion=${marked}&`)));
  await eventually(() => api.watchesOf('pods') === 1);
  expect(lists()).toBe(1);
});

test.each(['event', 'status'] as const)('410 Gone as %s: lists anew and misses nothing', async (as) => {
  api.store.set('pods', pod('a'));
  api.store.set('pods', pod('b'));
  const { list } = following();
  await watching(list);
  await eventually(() => api.watchesOf('pods') === 1);
  await api.stop();
  api.store.remove('pods', 'a', 'shop');
  api.store.set('pods', pod('c'));
  api.store.compact();
  if (as === 'status') api.faults.watch = 'http-410';
  await api.start();
  await eventually(() => list.held.has('shop/c'));
  api.faults.watch = 'none';
  await eventually(() => api.watchesOf('pods') === 1);
  expect([...list.held.keys()].sort()).toEqual(['shop/b', 'shop/c']);
});

test('pages that expire while they are read: the list begins anew', async () => {
  for (let i = 0; i < 800; i++) api.store.set('pods', pod(`p${i}`));
  api.faults.delayMs = 60;
  const { list } = following();
  await eventually(() => lists() === 1);
  await eventually(() => api.asked.some(({ url }) => url.includes('continue=')));
  api.store.compact();
  await watching(list);
  expect(list.held.size).toBe(800);
});

test.each(['garbage', 'half-line'] as const)(
  'a watch that sends %s is left, and what was held stays',
  async (fault) => {
    api.store.set('pods', pod('a'));
    api.faults.watch = fault;
    const { list, states } = following();
    await eventually(
      () => states.filter(({ kind }) => kind === 'read').length > 1 || lists() > 1 || api.asked.length > 3,
    );
    expect(Object.fromEntries(list.held)).toEqual({ 'shop/a': 'Running' });
    api.faults.watch = 'none';
    api.store.set('pods', pod('b'));
    await eventually(() => list.held.has('shop/b'));
  },
);

test('a frame that comes a few bytes at a time is one event', async () => {
  api.faults.chunkBytes = 7;
  const { list } = following();
  await watching(list);
  api.store.set('pods', pod('ümläut-€'));
  await eventually(() => list.held.has('shop/ümläut-€'));
});

test('a watch that hears nothing is begun again after a while, and nothing is lost: it may be quiet', async () => {
  api.store.set('pods', pod('a'));
  api.faults.watch = 'silent';
  const { list, states } = following({ silenceMs: 40 });
  const watches = () => api.asked.filter(({ url }) => url.includes('watch=1')).length;
  await eventually(() => watches() > 2);
  expect(states.map(({ kind }) => kind)).not.toContain('lost');
  expect(list.held.size).toBe(1);
  api.faults.watch = 'none';
  api.store.set('pods', pod('b'));
  await eventually(() => list.held.has('shop/b'));
  expect(lists()).toBe(1);
});

test('the API server is gone and comes back: lost is told, what was held stays, nothing is missed', async () => {
  api.store.set('pods', pod('a'));
  const { list, states } = following();
  await watching(list);
  await eventually(() => api.watchesOf('pods') === 1);
  await api.stop();
  await eventually(() => list.state.kind === 'lost');
  expect(list.held.size).toBe(1);
  api.store.set('pods', pod('b'));
  await api.start();
  await eventually(() => list.held.has('shop/b'));
  expect(states.at(-1)).toEqual({ kind: 'read', watching: true });
});

test('a right that is missing is named, and used once it is there', async () => {
  api.store.set('pods', pod('a'));
  api.denied.add('list pods');
  const { list, states } = following();
  await eventually(() => states.length > 0);
  expect(states[0]).toMatchObject({
    kind: 'lost',
    trouble: { kind: 'forbidden', right: { verb: 'list', resource: 'pods', group: '' } },
  });
  expect(list.held.size).toBe(0);
  api.denied.clear();
  await watching(list);
  expect(list.held.size).toBe(1);
});

test('without the right to watch it is listed now and then', async () => {
  api.store.set('pods', pod('a'));
  api.denied.add('watch pods');
  const { list } = following();
  await eventually(() => list.held.size === 1);
  api.store.set('pods', pod('b'));
  await eventually(() => list.held.size === 2);
  expect(list.state).toEqual({ kind: 'read', watching: false });
});

test('a right that is taken away: what it showed is gone', async () => {
  api.store.set('pods', pod('a'));
  const { list } = following();
  await watching(list);
  await eventually(() => api.watchesOf('pods') === 1);
  api.denied.add('list pods').add('watch pods');
  api.dropWatches();
  await eventually(() => list.held.size === 0);
  expect(list.state).toMatchObject({ kind: 'lost', trouble: { kind: 'forbidden' } });
});

test('ends with its signal', async () => {
  const { list } = following();
  await watching(list);
  await eventually(() => api.watchesOf('pods') === 1);
  controller.abort();
  await eventually(() => api.watchesOf('pods') === 0);
});
