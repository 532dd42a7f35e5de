/** More agents than streams are kept open: the others are asked in turn, and nothing of theirs is missed. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Following } from '@/lib/fleet/following';
import { accessTo } from '../../tests/kube/access-to';
import { eventually } from '../../tests/kube/eventually';
import { type Shop, startShop, TOKEN } from '../../tests/kube/start-shop';
import type { Source, SourceChange } from '../sources/source';
import { type ClusterSourceOptions, clusterSource } from './cluster-source';

const LISTING = '{"nftables": [{"metainfo": {"json_schema_version": 1}}]}';
const NODES = ['node-1', 'node-2', 'node-3'] as const;
const signal = () => new AbortController().signal;

let shop: Shop;
let controller: AbortController;
beforeEach(async () => {
  shop = await startShop();
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await shop.stop();
});
const agent = (node: string) => {
  const found = shop.agents.get(node);
  if (found === undefined) throw new Error(`no agent ${node}`);
  return found;
};
const made = (more: Partial<ClusterSourceOptions> = {}) =>
  clusterSource({
    access: accessTo(shop.api),
    agentToken: async () => TOKEN,
    times: { againMs: 5, againMsMax: 40, forbiddenMs: 30 },
    agentTimes: { againMs: 5, againMsMax: 40, silenceMs: 10_000 },
    turnTimes: { everyMs: 20, gapMs: 1 },
    quietMs: 5,
    restMs: { agent: 0, exec: 0 },
    streamsMax: 1,
    ...more,
  });
const followed = (more: Partial<ClusterSourceOptions> = {}) => watch(made(more));
function watch(source: Source) {
  const told: SourceChange[] = [];
  source.watch?.((change) => told.push(change), controller.signal);
  const ways = (): readonly Following[] => {
    const of = source.following?.();
    return NODES.map((node) => of?.(node) ?? { kind: 'not' });
  };
  const changed = () => told.flatMap((one) => (one.kind === 'node' ? [one.node] : []));
  return { source, told, ways, changed };
}
const kinds = (ways: readonly Following[]) => ways.map(({ kind }) => kind);

test('one has a stream, the others are asked: each says so, and a change of either is told once', async () => {
  const { ways, changed } = followed();
  await eventually(() => kinds(ways()).join() === 'heard,asked,asked');
  expect(ways()[1]).toEqual({ kind: 'asked', everySeconds: 1 });
  agent('node-2').change(LISTING);
  await eventually(() => changed().includes('node-2'));
  agent('node-1').change(LISTING);
  await eventually(() => changed().includes('node-1'));
  const turns = agent('node-3').asked.length;
  await eventually(() => agent('node-3').asked.length > turns + 3);
  expect(changed().sort()).toEqual(['node-1', 'node-2']);
  // Asked with the hash that is known: no listing was sent.
  expect(new Set(agent('node-3').asked)).toEqual(new Set(['HEAD /v1/parts/nft.json']));
  expect(agent('node-3').sent).toBe(0);
  expect([agent('node-1').streams, agent('node-2').streams]).toEqual([1, 0]);
});

test('a node that somebody opens gets the stream; what changed while it moved is told', async () => {
  const { source, ways, changed } = followed();
  await eventually(() => kinds(ways()).join() === 'heard,asked,asked');
  source.attend?.('node-3');
  agent('node-1').change(LISTING);
  agent('node-3').change(LISTING);
  await eventually(() => kinds(ways()).join() === 'asked,asked,heard');
  await eventually(() => [...changed()].sort().join() === 'node-1,node-3');
  await eventually(() => agent('node-1').streams === 0 && agent('node-3').streams === 1);
});

test('one that does not answer in its turn is not heard, with the reason, until it does', async () => {
  const { told, ways } = followed();
  await eventually(() => kinds(ways()).join() === 'heard,asked,asked');
  agent('node-2').fault = 'html';
  await eventually(() => ways()[1]?.kind === 'lost');
  expect(ways()[1]).toMatchObject({
    why: 'what answers at /v1/parts/nft.json is no agent: it sends a page of HTML (status 200)',
  });
  await eventually(() => told.some((one) => one.kind === 'lost' && one.what === 'agents'));
  expect(told.flatMap((one) => (one.kind === 'lost' ? [one.why] : []))).toEqual([
    '1 of 3 are not heard. node-2: what answers at /v1/parts/nft.json is no agent: it sends a page of HTML (status 200)',
  ]);
  agent('node-2').fault = 'none';
  await eventually(() => ways()[1]?.kind === 'asked');
  await eventually(() => told.some((one) => one.kind === 'back' && one.what === 'agents'));
});

test.each([
  { by: 'stream', streamsMax: 3 },
  { by: 'turn', streamsMax: 0 },
])('a change between a reading and the first word of the agent is told: $by', async ({ streamsMax }) => {
  const source = made({ streamsMax });
  expect((await source.node('node-2', signal())).ok).toBe(true);
  expect((await source.node('node-3', signal())).ok).toBe(true);
  agent('node-2').change(LISTING);
  const { changed, ways } = watch(source);
  await eventually(() => kinds(ways()).every((kind) => kind === 'heard' || kind === 'asked'));
  expect(changed()).toEqual(['node-2']);
});

test('asked in turn are no more than that: an agent that hangs shows as one that is asked less often', async () => {
  const { ways } = followed({ streamsMax: 0 });
  await eventually(() => kinds(ways()).join() === 'asked,asked,asked');
  for (const node of NODES) agent(node).fault = 'hang';
  await eventually(() => ways().every((one) => one.kind === 'asked' && one.everySeconds > 1));
});

test('ends: nobody is asked any more', async () => {
  const { ways } = followed();
  await eventually(() => kinds(ways()).join() === 'heard,asked,asked');
  controller.abort();
  expect(kinds(ways())).toEqual(['not', 'not', 'not']);
  await eventually(() => agent('node-1').streams === 0);
});
