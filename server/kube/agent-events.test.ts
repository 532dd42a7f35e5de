/** How soon a lost stream is begun again. */
import * as http from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followAgent } from './agent-events';
import type { AgentWay } from './agent-way';
import { answered } from './kube-client';
import { oddAnswer, troubled } from './trouble';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Seconds between the tries of ten minutes in which nobody answers. */
async function gaps(random: number): Promise<readonly number[]> {
  const controller = new AbortController();
  const at: number[] = [];
  const way: AgentWay = {
    name: 'nowhere',
    get: async () => {
      at.push(Date.now());
      return troubled({ kind: 'unreachable', why: 'nobody is there' });
    },
  };
  const ended = followAgent(way, { heard: () => {}, lost: () => {} }, controller.signal, undefined, () => random);
  await vi.advanceTimersByTimeAsync(600_000);
  controller.abort();
  await ended;
  return at.slice(1).map((time, index) => (time - (at[index] ?? 0)) / 1000);
}

test('after an outage a stream is tried again within 15 s, however long it was', async () => {
  const longest = await gaps(0.999);
  expect(longest.length).toBeGreaterThan(30);
  expect(Math.max(...longest)).toBeLessThanOrEqual(15);
});

test('and not all at once: chance spreads them over 10 s', async () => {
  const [soon, late] = [await gaps(0), await gaps(0.999)];
  expect(Math.max(...late) - Math.max(...soon)).toBeGreaterThanOrEqual(9);
});

test('a connection that nobody takes is given up, although an answer may take longer', async () => {
  // A name that is never resolved: the socket stays where it is when packets are lost.
  const ask = () => http.request({ host: 'nowhere.invalid', lookup: () => {} });
  const answer = answered(ask, new AbortController().signal, 90_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await answer).toEqual({
    ok: false,
    trouble: { kind: 'unreachable', why: 'no connection within 10 s' },
  });
});

test.each([
  [200, 'text/html; charset=utf-8', 'what answers at /x is no agent: it sends a page of HTML (status 200)'],
  [302, 'text/html', 'what answers at /x is no agent: it sends a page of HTML (status 302)'],
  [200, undefined, 'what answers at /x is no agent: it sends something without a type'],
  [503, 'application/problem+json', 'the agent answers 503 to /x'],
])('an answer of %s with %s', (statusCode, type, want) => {
  expect(oddAnswer({ statusCode, headers: type === undefined ? {} : { 'content-type': type } }, '/x')).toBe(want);
});
