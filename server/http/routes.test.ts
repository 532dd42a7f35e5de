import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LISTING, PODS } from '@/lib/api/testing/node';
import type { NodeOverview, NodesView, ProblemDetails, SourcesView, SourceView, TraceAnswer } from '@/lib/api/types';
import { findFiles } from '@/scripts/files.mjs';
import { Store } from '../sessions/store';
import { DEFAULT_LIMITS } from '../sources/source';
import { fakeSource } from '../sources/testing/fake-source';
import { makeTarGz } from '../sources/testing/make-bundle';
import { replaceStore } from './current-store';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FILES = findFiles([join(ROOT, 'app/api')], /route\.ts$/);

type Handler = (request: Request, context: { params: Promise<Record<string, string>> }) => Promise<Response>;
type Route = { readonly [method in 'GET' | 'POST']?: Handler };
const routeAt = async (path: string) => (await import(join(ROOT, 'app/api', path, 'route.ts'))) as Route;

const headers = { host: 'localhost:3000' };
/** Calls a handler as Next would. */
async function call(
  route: string,
  search = '',
  {
    params = {},
    method = 'GET',
    body,
    more = {},
  }: {
    params?: Record<string, string>;
    method?: 'GET' | 'POST';
    body?: BodyInit;
    more?: Record<string, string>;
  } = {},
) {
  const handler = (await routeAt(route))[method];
  if (handler === undefined) throw new Error(`${route} has no ${method}`);
  const request = new Request(`http://localhost:3000/api/${route}${search}`, {
    method,
    headers: { ...headers, ...more },
    ...(body !== undefined && { body }),
  });
  const response = await handler(request, { params: Promise.resolve(params) });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    cache: response.headers.get('cache-control'),
    text,
    json: () => JSON.parse(text),
  };
}
const NODE = 'sources/[id]/nodes/[node]';
const node1 = { params: { id: 'fake', node: 'node-1' } };

const LINK = [
  {
    ifindex: 2,
    ifname: 'eth0',
    flags: ['UP'],
    mtu: 1500,
    link_type: 'ether',
    address: '02:00:00:00:00:01',
    addr_info: [{ family: 'inet', local: '10.240.0.11', prefixlen: 24, scope: 'global' }],
  },
];
const ROUTES = [{ dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] }];
const RULES = [{ priority: 32766, src: 'all', table: 'main' }];

beforeAll(() => {
  const store = new Store({ ...DEFAULT_LIMITS, packedBytes: 100_000, unpackedBytes: 1_000_000 });
  const files = {
    'nft.json': JSON.stringify(LISTING),
    'addr.json': JSON.stringify(LINK),
    'route4.json': JSON.stringify(ROUTES),
    'rule4.json': JSON.stringify(RULES),
  };
  const failed = JSON.stringify({ 'nft.json': { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' } });
  store.add(
    'fake',
    fakeSource({
      nodes: { 'node-1': files, 'node-2': { 'nft.json': '', 'errors.json': failed }, 'node-3': { 'addr.json': '[]' } },
      cluster: {
        'pods.json': JSON.stringify(PODS),
        'nodes.json': JSON.stringify({
          items: [
            { metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'a' } } },
            { metadata: { name: 'node-4' } },
          ],
        }),
      },
    }),
    'configured',
  );
  replaceStore({ store, broken: [{ name: 'lost.tar.gz', problem: { code: 'SRC-001', say: 'gone', do: 'look' } }] });
});
afterAll(() => replaceStore(undefined));

describe('every route refuses strangers', () => {
  test.each(FILES.map((file) => [relative(join(ROOT, 'app/api'), dirname(file))]))('%s', async (route) => {
    const handlers = Object.entries(await routeAt(route)).filter(([name]) => /^[A-Z]+$/.test(name));
    expect(handlers.length).toBeGreaterThan(0);
    for (const [method] of handlers) {
      for (const more of [{ host: 'evil.example' }, { origin: 'http://evil.example' }]) {
        const answer = await call(route, '', { method: method as 'GET', more, ...node1 });
        expect([answer.status, answer.type]).toEqual([403, 'application/problem+json']);
      }
    }
  });

  test('every route is built with the guard', () => {
    for (const file of FILES) expect(readFileSync(file, 'utf8')).toMatch(/\b(guarded|nodeRoute)\b/);
  });
});

describe('sources', () => {
  test('nodes with their states: unreadable is not empty, absent is not forgotten', async () => {
    const view: SourcesView = (await call('sources')).json();
    expect(view.broken).toMatchObject([{ name: 'lost.tar.gz' }]);
    expect(view.sources[0]?.nodes.map(({ name, state, zone }) => [name, state, zone])).toEqual([
      ['node-1', 'ready', 'a'],
      ['node-2', 'unreadable', null],
      ['node-3', 'incomplete', null],
      ['node-4', 'absent', null],
    ]);
    expect(view.sources[0]?.nodes[1]?.problem?.say).toContain('crashed (exit status 139, signal 11)');
    const nodes: NodesView = (await call('sources/[id]/nodes', '', { params: { id: 'fake' } })).json();
    expect(nodes.readings.find(({ file }) => file === 'cluster/services.json')?.state).toBe('absent');
  });

  test.each([
    ['no such source', 'sources/[id]/nodes', { id: 'nope' }, 404, 'SRC-011'],
    ['no such node', `${NODE}/overview`, { id: 'fake', node: 'nope' }, 404, 'SRC-008'],
    ['an unreadable node', `${NODE}/overview`, { id: 'fake', node: 'node-2' }, 422, 'SRC-012'],
    ['a node without a listing', `${NODE}/overview`, { id: 'fake', node: 'node-3' }, 422, 'SRC-013'],
  ])('%s', async (_name, route, params, status, code) => {
    const answer = await call(route, '', { params });
    const problem: ProblemDetails = answer.json();
    expect([answer.status, problem.status, problem.code]).toEqual([status, status, code]);
    expect(problem.detail).not.toBe('');
  });
});

describe('a node', () => {
  test.each([
    ['overview', ''],
    ['ruleset', '?table=ip%20kube-proxy'],
    ['rule', '?table=ip%20kube-proxy&chain=services&handle=21'],
    ['set', '?table=ip%20kube-proxy&name=service-ips&sort=key0&descending=1'],
    ['lookup', '?table=ip%20kube-proxy&name=blocked&key=192.0.2.1'],
    ['search', '?q=ip:192.0.2.1'],
    ['names', ''],
  ])('%s', async (question, search) => {
    const answer = await call(`${NODE}/${question}`, search, node1);
    expect([answer.status, answer.type, answer.cache]).toEqual([200, 'application/json', 'no-store']);
    expect(answer.json()).toBeTypeOf('object');
  });

  test('the listing as text', async () => {
    const answer = await call(`${NODE}/text`, '?table=inet%20site', node1);
    expect(answer.text).toMatch(
      /^table inet site \{\n\tchain first \{\n\t\ttype filter hook forward priority filter; policy drop;\n/,
    );
    expect(answer.type).toContain('text/plain');
  });

  test('answers of a version never change; a version that is gone says so', async () => {
    const overview: NodeOverview = (await call(`${NODE}/overview`, '', node1)).json();
    expect((await call(`${NODE}/names`, `?v=${overview.version}`, node1)).cache).toContain('immutable');
    const gone = await call(`${NODE}/names`, '?v=old', node1);
    expect([gone.status, gone.json().code]).toEqual([409, 'SRC-010']);
  });

  test.each([
    ['set', '?table=ip%20kube-proxy', 'REQ-001'],
    ['set', '?table=ip%20kube-proxy&name=blocked&offset=-1', 'REQ-001'],
    ['trace', '', 'REQ-002'],
    ['trace', '?packet={', 'REQ-001'],
    ['trace', '?from=external', 'REQ-001'],
    ['trace', '?from=kube-system/dns&to=10.0.0.1:80', 'REF-002'],
    ['trace', '?packet={"saddr":"10.0.0.1","daddr":"10.0.0.2","protocol":"tcp"}', 'PKT-003'],
  ])('%s%s is refused: %s', async (question, search, code) => {
    const answer = await call(`${NODE}/${question}`, search, node1);
    expect([answer.status, answer.json().code]).toEqual([400, code]);
  });
});

describe('trace', () => {
  test('by names and by fields, GET and POST: the same', async () => {
    const fields = {
      iif: 'eth0',
      saddr: '198.51.100.10',
      daddr: '10.96.0.10',
      protocol: 'udp',
      sport: 40000,
      dport: 53,
    };
    const byName: TraceAnswer = (await call(`${NODE}/trace`, '?from=external&to=10.96.0.10:53/UDP', node1)).json();
    const byFields: TraceAnswer = (
      await call(`${NODE}/trace`, `?packet=${encodeURIComponent(JSON.stringify(fields))}`, node1)
    ).json();
    const posted: TraceAnswer = (
      await call(`${NODE}/trace`, '', { ...node1, method: 'POST', body: JSON.stringify({ packet: fields }) })
    ).json();
    expect(byName.from).toMatchObject({ label: 'external client', address: '198.51.100.10' });
    expect(byFields.trace).toEqual(byName.trace);
    expect(posted).toEqual(byFields);
    const rule = byName.rules['ip kube-proxy services 22'];
    expect(rule?.tokens.map(({ text }) => text).join('')).toBe('ip daddr . meta l4proto . th dport vmap @service-ips');
    expect(byName.owners['ip kube-proxy']?.key).toBe('kp');
    expect(byName.names['10.244.1.2']).toMatchObject({ kind: 'pod', name: 'dns-1' });
  });
});

describe('uploads', () => {
  const upload = (name: string, body: Uint8Array) =>
    call('sources', `?name=${name}`, { method: 'POST', body: Buffer.from(body) });
  const listing = new TextEncoder().encode(JSON.stringify(LISTING));

  test('a listing; twice is the same source', async () => {
    const first = await upload('nft.json', listing);
    const source: SourceView = first.json();
    expect([first.status, source.kind, source.origin, source.nodes.length]).toEqual([201, 'ruleset', 'uploaded', 1]);
    expect((await upload('nft.json', listing)).json().id).toBe(source.id);
    expect(
      (await call(`${NODE}/overview`, '', { params: { id: source.id, node: source.nodes[0]?.name ?? '' } })).status,
    ).toBe(200);
  });

  test('a bundle', async () => {
    const bundle = await makeTarGz([['shop/nodes/n/nft.json', JSON.stringify(LISTING)]]);
    expect((await upload('shop.tar.gz', bundle)).json()).toMatchObject({
      kind: 'bundle',
      name: 'shop',
      nodes: [{ name: 'n', state: 'ready' }],
    });
  });

  test.each([
    ['too large packed', async () => new Uint8Array(200_000).fill(65), 413, 'SRC-003'],
    ['a bomb', () => makeTarGz([['nodes/n/nft.json', '0'.repeat(5_000_000)]]), 413, 'SRC-004'],
    ['an escape', () => makeTarGz([['nodes/../../x', 'x']]), 422, 'SRC-006'],
    [
      'truncated',
      async () =>
        (await makeTarGz([['nodes/n/nft.json', Array.from({ length: 9000 }, (_, i) => i * i).join()]])).subarray(
          0,
          5000,
        ),
      422,
      'SRC-007',
    ],
    ['no capture', () => makeTarGz([['readme', 'x']]), 422, 'SRC-002'],
    ['text of nft', async () => new TextEncoder().encode('table ip filter {\n}\n'), 422, 'NFT-JSON-006'],
    ['nothing', async () => new Uint8Array(), 422, 'NFT-JSON-001'],
  ] as const)('refused and forgotten: %s', async (_name, make, status, code) => {
    const before: SourcesView = (await call('sources')).json();
    const answer = await upload('x', await make());
    expect([answer.status, answer.json().code]).toEqual([status, code]);
    const after: SourcesView = (await call('sources')).json();
    expect(after.sources.length).toBe(before.sources.length);
  });
});
