import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LiveEvent } from '@/lib/api/live-events';
import { LISTING } from '@/lib/api/testing/node';
import { Store } from '../sessions/store';
import type { Source, SourceChange } from '../sources/source';
import { fakeSource } from '../sources/testing/fake-source';
import { LiveHub } from './hub';

const signal = new AbortController().signal;

/** A live source whose node holds what the test puts there. */
function liveSource() {
  const files = { 'nft.json': JSON.stringify(LISTING), 'sysctl.txt': 'net.ipv4.ip_forward = 0\n' };
  let tell: ((change: SourceChange) => void) | undefined;
  const counts = { watches: 0, readings: 0 };
  let ended: AbortSignal | undefined;
  const plain = fakeSource({ nodes: { a: files, b: files } });
  const source: Source = {
    ...plain,
    describe: () => ({ kind: 'host', name: 'live', live: true }),
    async node(name, reading) {
      counts.readings += 1;
      return plain.node(name, reading);
    },
    watch(listener, until) {
      counts.watches += 1;
      tell = listener;
      ended = until;
    },
  };
  return {
    source,
    counts,
    change: (change: SourceChange) => tell?.(change),
    set: (forward: number) => {
      files['sysctl.txt'] = `net.ipv4.ip_forward = ${forward}\n`;
    },
    isEnded: () => ended?.aborted === true,
  };
}

function setup() {
  const live = liveSource();
  const store = new Store();
  store.add('live', live.source, 'host');
  const hub = new LiveHub(store);
  const heard: LiveEvent[] = [];
  return { ...live, store, hub, heard, listen: () => hub.listen('live', (event) => heard.push(event)) };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a node that is open is read once for all, and its new version is told', async () => {
  const { store, listen, heard, change, set, counts } = setup();
  const first = await store.session('live', 'a', signal);
  if (!first.ok) throw new Error(first.problem.say);
  listen();
  listen();
  set(1);
  for (let i = 0; i < 20; i++) change({ kind: 'node', node: 'a' });
  await vi.advanceTimersByTimeAsync(1000);
  const second = await store.session('live', 'a', signal);
  if (!second.ok) throw new Error(second.problem.say);
  expect(second.value.version).not.toBe(first.value.version);
  const told = { kind: 'node', source: 'live', node: 'a', version: second.value.version };
  expect(heard).toEqual([told, told]);
  expect(counts.readings).toBe(2);
});

test('an event that changes nothing is not told twice', async () => {
  const { store, listen, heard, change } = setup();
  await store.session('live', 'a', signal);
  listen();
  for (let i = 0; i < 3; i++) {
    change({ kind: 'node', node: 'a' });
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(heard).toHaveLength(1);
});

test('a node that nobody has open is not read: it is told that it changed', async () => {
  const { listen, heard, change, counts } = setup();
  listen();
  change({ kind: 'node', node: 'b' });
  change({ kind: 'node', node: 'a', version: 'v7' });
  await vi.advanceTimersByTimeAsync(1000);
  expect(heard).toEqual([
    { kind: 'node', source: 'live', node: 'b', version: null },
    { kind: 'node', source: 'live', node: 'a', version: 'v7' },
  ]);
  expect(counts.readings).toBe(0);
});

test('what is lost is told, also to those who come later, until it is back', () => {
  const { listen, heard, change } = setup();
  listen();
  change({ kind: 'lost', what: 'nft monitor', why: 'it ended with 1' });
  listen();
  const lost = { kind: 'lost', source: 'live', what: 'nft monitor', why: 'it ended with 1' };
  expect(heard).toEqual([lost, lost]);
  change({ kind: 'back', what: 'nft monitor' });
  listen();
  expect(heard.slice(2).map(({ kind }) => kind)).toEqual(['back', 'back']);
});

test('watching begins with the first listener and ends after the last', async () => {
  const { listen, counts, isEnded, hub } = setup();
  const [one, two] = [listen(), listen()];
  expect(counts.watches).toBe(1);
  one();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isEnded()).toBe(false);
  two();
  await vi.advanceTimersByTimeAsync(5000);
  const three = listen();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([counts.watches, isEnded()]).toEqual([1, false]);
  three();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([isEnded(), hub.sources]).toEqual([true, []]);
  listen();
  expect(counts.watches).toBe(2);
});

test('a capture is never watched', () => {
  const store = new Store();
  store.add('fake', fakeSource({ nodes: {} }), 'configured');
  expect(store.watch('fake')).toBeUndefined();
});
