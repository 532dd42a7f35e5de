import { expect, test } from 'vitest';
import type { NodeSummary } from '@/lib/api/types';
import type { Result } from '@/lib/net/result';
import type { NodeCapture, Source } from '../sources/source';
import { fakeSource } from '../sources/testing/fake-source';
import { type Described, lookAt } from './look-at';
import { Sweep } from './sweep';

const NODES = ['node-1', 'node-2', 'node-3'];
const summaries: readonly NodeSummary[] = NODES.map((name) => ({
  name,
  state: 'ready',
  problem: null,
  capturedAt: null,
  zone: null,
}));

/** A source whose nodes can change, and a sweep that notes what it reads. */
async function made() {
  const nodes: Record<string, Record<string, string>> = Object.fromEntries(
    NODES.map((name) => [name, { 'nft.json': `{"of": "${name}"}` }]),
  );
  const source: Source = fakeSource({ nodes });
  const read: string[] = [];
  const sweep = new Sweep<string>(source, {
    what: 'test',
    read: (node: string, capture: Result<NodeCapture>) => {
      read.push(node);
      const file = capture.ok ? capture.value.files.get('nft.json') : undefined;
      return file?.kind === 'read' ? new TextDecoder().decode(file.content) : 'unreadable';
    },
    again: (known) => known,
  });
  const described = await lookAt(source);
  if (!described.ok) throw new Error(described.problem.say);
  return { nodes, read, sweep, described: described.value };
}

/** Asks until nothing is being read. */
async function settled(sweep: Sweep<string>, described: Described) {
  for (;;) {
    const answer = sweep.ask(summaries, described, false);
    if (answer.state !== 'reading') return answer;
    await new Promise(setImmediate);
  }
}

test('all nodes are read once; asking again reads nothing', async () => {
  const { sweep, read, described } = await made();
  const first = sweep.ask(summaries, described, false);
  expect([first.state, first.read.size]).toEqual(['reading', 0]);
  expect((await settled(sweep, described)).read.get('node-2')).toBe('{"of": "node-2"}');
  await settled(sweep, described);
  expect(read.toSorted()).toEqual(NODES);
});

test('a node that changed is shown as it was, then read again, and no other', async () => {
  const { sweep, nodes, read, described } = await made();
  await settled(sweep, described);
  nodes['node-2'] = { 'nft.json': '{"of": "new"}' };
  sweep.changed('node-2');
  expect(sweep.ask(summaries, described, false).read.get('node-2')).toBe('{"of": "node-2"}');
  expect((await settled(sweep, described)).read.get('node-2')).toBe('{"of": "new"}');
  expect(read.slice(3)).toEqual(['node-2']);
});

test('the same bytes and the same cluster are not looked at again; another cluster is', async () => {
  const { sweep, read, described } = await made();
  await settled(sweep, described);
  sweep.changed();
  await settled(sweep, described);
  expect(read).toHaveLength(3);
  sweep.changed();
  await settled(sweep, { ...described, cluster: { ...described.cluster } });
  expect(read).toHaveLength(6);
});

test('stopped: nothing is read until somebody wants to go on', async () => {
  const { sweep, read, described } = await made();
  sweep.ask(summaries, described, false);
  sweep.stop();
  const stopped = await settled(sweep, described);
  expect(stopped.state).toBe('stopped');
  expect(read).toEqual([]);
  sweep.ask(summaries, described, true);
  expect((await settled(sweep, described)).state).toBe('done');
  expect(read.toSorted()).toEqual(NODES);
});

test('a node that changed is still to be read where its reading was stopped', async () => {
  const { sweep, nodes, described } = await made();
  await settled(sweep, described);
  nodes['node-1'] = { 'nft.json': '{"of": "new"}' };
  sweep.changed('node-1');
  sweep.ask(summaries, described, false);
  sweep.stop();
  expect((await settled(sweep, described)).state).toBe('stopped');
  sweep.ask(summaries, described, true);
  expect((await settled(sweep, described)).read.get('node-1')).toBe('{"of": "new"}');
});

test('a node that is gone is forgotten', async () => {
  const { sweep, described } = await made();
  await settled(sweep, described);
  expect([...sweep.ask(summaries.slice(1), described, false).read.keys()].toSorted()).toEqual(['node-2', 'node-3']);
});

test('nodes that come together are worked on one a turn: requests are answered in between', async () => {
  const { sweep, read, described } = await made();
  let most = 0;
  sweep.ask(summaries, described, false);
  while (read.length < NODES.length) {
    const before = read.length;
    await new Promise(setImmediate);
    most = Math.max(most, read.length - before);
  }
  expect(most).toBe(1);
});
