import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LiveEvent } from '@/lib/api/live-events';
import { type LiveState, liveConnection } from './live-connection';

class FakeStream {
  readonly listeners = new Map<string, (event: { readonly data?: unknown }) => void>();
  closed = false;
  addEventListener(kind: string, listener: (event: { readonly data?: unknown }) => void) {
    this.listeners.set(kind, listener);
  }
  close() {
    this.closed = true;
  }
  say(event: LiveEvent) {
    this.listeners.get(event.kind)?.({ data: JSON.stringify(event) });
  }
  fail() {
    this.listeners.get('error')?.({});
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setup() {
  const streams: FakeStream[] = [];
  const states: string[] = [];
  const events: string[] = [];
  const close = liveConnection({
    url: '/api/stream?source=host',
    open: () => {
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
    random: () => 0.5,
    onEvent: (event) => events.push(event.kind),
    onState: (state: LiveState, isBack) => states.push(`${state.kind}${isBack ? ' again' : ''}`),
  });
  const stream = (at: number): FakeStream => {
    const found = streams.at(at);
    if (found === undefined) throw new Error('no stream');
    return found;
  };
  return { streams, states, events, close, stream };
}
const HELLO = { kind: 'hello', beatMs: 1000 } as const;

test('connects, hears, and closes for good', () => {
  const { stream, streams, states, events, close } = setup();
  stream(0).say(HELLO);
  stream(0).say({ kind: 'node', source: 'host', node: 'a', version: 'v2' });
  expect([states, events]).toEqual([
    ['connecting', 'connected'],
    ['hello', 'node'],
  ]);
  close();
  expect(stream(0).closed).toBe(true);
  stream(0).fail();
  vi.advanceTimersByTime(600_000);
  expect(streams).toHaveLength(1);
  expect(states).toHaveLength(2);
});

test('a lost connection shows, and comes back after growing pauses', () => {
  const { stream, streams, states } = setup();
  stream(0).say(HELLO);
  stream(0).fail();
  expect(states.at(-1)).toBe('lost');
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = streams.length;
    vi.advanceTimersByTime(pause - 1);
    expect(streams).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(streams).toHaveLength(before + 1);
    stream(-1).fail();
  }
  vi.advanceTimersByTime(30_000);
  stream(-1).say(HELLO);
  expect(states.at(-1)).toBe('connected again');
  stream(-1).fail();
  const before = streams.length;
  vi.advanceTimersByTime(1000);
  expect(streams).toHaveLength(before + 1);
});

test('a connection that is silent is lost', () => {
  const { stream, states } = setup();
  stream(0).say(HELLO);
  vi.advanceTimersByTime(2400);
  stream(0).say({ kind: 'beat' });
  vi.advanceTimersByTime(2400);
  expect(states.at(-1)).toBe('connected');
  vi.advanceTimersByTime(200);
  expect(states.at(-1)).toBe('lost');
  expect(stream(0).closed).toBe(true);
});

test('a day of events leaves one stream and one timer', () => {
  const { stream, streams } = setup();
  stream(0).say(HELLO);
  for (let i = 0; i < 86_400; i++) {
    vi.advanceTimersByTime(1000);
    stream(0).say({ kind: 'beat' });
  }
  expect(streams).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(1);
});
