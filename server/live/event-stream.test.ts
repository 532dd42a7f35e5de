import { expect, test, vi } from 'vitest';
import type { LiveEvent } from '@/lib/api/live-events';
import { eventStream } from './event-stream';

const start = () => {
  const controller = new AbortController();
  const stop = vi.fn();
  let tell: (event: LiveEvent) => void = () => undefined;
  const response = eventStream((to) => {
    tell = to;
    return stop;
  }, controller.signal);
  return { response, controller, stop, tell: (event: LiveEvent) => tell(event) };
};

test('events in their own words, not kept and not compressed', async () => {
  const { response, controller, tell } = start();
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
  tell({ kind: 'node', source: 's', node: 'line\nbreak', version: null });
  controller.abort();
  expect(await response.text()).toBe(
    'event: hello\ndata: {"kind":"hello","beatMs":15000}\n\n' +
      'event: node\ndata: {"kind":"node","source":"s","node":"line\\nbreak","version":null}\n\n',
  );
});

test('a client that goes away is no longer told', async () => {
  const { response, stop, tell } = start();
  await response.body?.cancel();
  expect(stop).toHaveBeenCalledTimes(1);
  tell({ kind: 'beat' });
  expect(stop).toHaveBeenCalledTimes(1);
});

test('a client that does not read is let go', async () => {
  const { response, stop, tell } = start();
  for (let i = 0; i < 2000; i++) tell({ kind: 'beat' });
  expect(stop).toHaveBeenCalledTimes(1);
  expect((await response.text()).split('\n\n').length).toBeLessThan(1100);
});
