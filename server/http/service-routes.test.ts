import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GET as drift, POST as stopDrift } from '@/app/api/sources/[id]/drift/route';
import { GET as graphs } from '@/app/api/sources/[id]/nodes/[node]/service/route';
import { GET as service } from '@/app/api/sources/[id]/service/route';
import { GET as services } from '@/app/api/sources/[id]/services/route';
import type { ServiceGraphsView } from '@/lib/api/service-graphs';
import type { DriftView, ServicePage, ServicesView } from '@/lib/api/service-types';
import { Store } from '../sessions/store';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS } from '../sources/source';
import { replaceStore } from './current-store';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));

beforeAll(async () => {
  const opened = await openPath(DEMO, DEFAULT_LIMITS);
  if (!opened.ok) throw new Error(opened.problem.say);
  const store = new Store();
  store.add('demo', opened.value, 'demo');
  replaceStore({ store, broken: [] });
});
afterAll(() => replaceStore(undefined));

const ask = async <T>(get: typeof services | typeof graphs, search = '', more: object = {}) => {
  const request = new Request(`http://localhost:3000/${search}`, { headers: { host: 'localhost:3000' } });
  const response = await get(request, { params: Promise.resolve({ id: 'demo', node: 'node-1', ...more }) });
  return { status: response.status, body: (await response.json()) as T };
};
/** Asks until all nodes are read. */
async function whole<T extends { readonly state: string }>(get: typeof services, search = ''): Promise<T> {
  for (;;) {
    const { body } = await ask<T>(get, search);
    if (body.state !== 'reading') return body;
    await new Promise(setImmediate);
  }
}

test('all Services of the cluster', async () => {
  const { body } = await ask<ServicesView>(services);
  expect(body.services?.map(({ namespace, name }) => `${namespace}/${name}`)).toContain('shop/web');
});

test('one Service on three nodes, none of which is called good before it is read', async () => {
  const first = (await ask<ServicePage>(service, '?service=shop/web')).body;
  expect(first).toMatchObject({ state: 'reading', done: 0, of: 3 });
  expect(first.nodes.map(({ state }) => state)).toEqual(['unread', 'unread', 'unread']);
  const page = await whole<ServicePage>(service, '?service=shop/web');
  expect(page.nodes.map(({ name, state }) => [name, state])).toEqual([
    ['node-1', 'expected'],
    ['node-2', 'expected'],
    ['node-3', 'expected'],
  ]);
  expect(page.ways.map(({ id }) => id)).toEqual([
    'http/tcp ClusterIP',
    'http/tcp LB address',
    'http/tcp NodePort',
    'https/tcp ClusterIP',
    'https/tcp LB address',
    'https/tcp NodePort',
  ]);
});

test('every node counted', async () => {
  expect(await whole<DriftView>(drift)).toMatchObject({ state: 'done', done: 3, of: 3, services: {}, general: [] });
});

test('stopped where nothing is left to read is done', async () => {
  const request = new Request('http://localhost:3000/', { method: 'POST', headers: { host: 'localhost:3000' } });
  const response = await stopDrift(request, { params: Promise.resolve({ id: 'demo' }) });
  expect(await response.json()).toMatchObject({ state: 'done' });
});

test('the chain graphs of one node, a port after the other', async () => {
  const { body } = await ask<ServiceGraphsView>(graphs, '?service=shop/web');
  expect(body.problem).toBeNull();
  expect(body.graphs.map(({ table, port }) => [table, port.port])).toEqual([
    ['ip kube-proxy', 'http'],
    ['ip kube-proxy', 'https'],
  ]);
});

test.each([
  ['no Service named', service, '', {}, 400, 'REQ-001'],
  ['no namespace', service, '?service=web', {}, 400, 'REQ-001'],
  ['of a node', graphs, '?service=a/b/c', {}, 400, 'REQ-001'],
  ['no such source', services, '', { id: 'other' }, 404, 'SRC-011'],
])('%s is told', async (_name, get, search, more, status, code) => {
  const answer = await ask<{ readonly code: string }>(get, search, more);
  expect([answer.status, answer.body.code]).toEqual([status, code]);
});

test('a Service that is not there is an answer: nodes may have something left of it', async () => {
  const { status, body } = await ask<ServicePage>(service, '?service=shop/wep');
  expect(status).toBe(200);
  expect(body).toMatchObject({ facts: null, problem: { code: 'SVC-002' } });
  expect(body.problem?.do).toContain('shop/web');
});
