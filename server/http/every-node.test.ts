/** One question from every node over HTTP: lines as the answers come, and an end when nobody reads on. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GET } from '@/app/api/sources/[id]/path/every-node/route';
import { type EveryNodeGroup, type EveryNodeProgress, withNews } from '@/lib/api/whole-path';
import { manyNodes } from '@/tests/kube/many-nodes';
import { Store } from '../sessions/store';
import type { Source } from '../sources/source';
import { replaceStore } from './current-store';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const COPIES = 120;
/** Nodes that were read. */
let read: string[] = [];
/** Told after each reading. */
let onRead = () => {};

beforeAll(async () => {
  const store = new Store();
  const source = await manyNodes(DEMO, COPIES);
  const noting: Source = {
    ...source,
    node: (name, signal) => {
      read.push(name);
      onRead();
      return source.node(name, signal);
    },
  };
  store.add('many', noting, 'configured');
  replaceStore({ store, broken: [] });
});
afterAll(() => replaceStore(undefined));

function ask(to: string, signal?: AbortSignal): Promise<Response> {
  read = [];
  const url = `http://localhost:3000/api/sources/many/path/every-node?from=every-node&to=${to}`;
  const request = new Request(url, { headers: { host: 'localhost:3000' }, ...(signal !== undefined && { signal }) });
  return GET(request, { params: Promise.resolve({ id: 'many' }) });
}

test('more than a hundred nodes: every asker once, in groups that grow', async () => {
  const response = await ask('svc:monitoring/otel-agent:statsd');
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EveryNodeProgress);
  const all = 2 * (COPIES + 3);
  expect(lines.map(({ of }) => of)).toEqual(lines.map(() => all));
  expect(lines.map(({ done }) => done)).toEqual(lines.map(({ done }) => done).toSorted((a, b) => a - b));
  expect(lines.at(-1)?.done).toBe(all);
  const groups = lines.reduce<readonly EveryNodeGroup[]>((found, { news }) => withNews(found, news), []);
  const askers = groups.flatMap((group) => group.askers.map(({ from }) => from));
  expect([askers.length, new Set(askers).size]).toEqual([all, all]);
  // Recorded in the demo cluster: node-3, which has no endpoint of its own, is refused, and so is its pod.
  const wordsOf = (from: string) =>
    groups.find((group) => group.askers.some((asker) => asker.from === from))?.results.map(({ word }) => word);
  expect([wordsOf('node-1'), wordsOf('node-3')]).toEqual([['ok'], ['eperm']]);
});

test('a target that is not there is a problem, and no node is read', async () => {
  const response = await ask('svc:shop/nothing');
  expect([response.status, ((await response.json()) as { code: string }).code, read]).toEqual([400, 'REF-004', []]);
});

test.each(['the page leaves', 'the request is ended'])('%s: no further node is read', async (how) => {
  const controller = new AbortController();
  const response = await ask('svc:shop/api:http', controller.signal);
  const reader = response.body?.getReader();
  await reader?.read();
  if (how === 'the page leaves') await reader?.cancel();
  else controller.abort();
  const before = read.length;
  expect(before).toBeLessThan(COPIES);
  // Two readings more would be one too many: the one under way may end.
  let more = 0;
  onRead = () => {
    more += 1;
  };
  for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  onRead = () => {};
  expect(more).toBeLessThanOrEqual(1);
});
