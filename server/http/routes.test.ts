import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LISTING, PODS } from '@/lib/api/testing/node';
import type { NodeOverview, NodesView, ProblemDetails, SourcesView, SourceView, TraceAnswer } from '@/lib/api/types';
import { findFiles } from '@/scripts/files.mjs';
import { type Configured, configuredStore } from '../sessions/configured';
import { Store } from '../sessions/store';
import { DEFAULT_LIMITS } from '../sources/source';
import { fakeSource } from '../sources/testing/fake-source';
import { makeTarGz } from '../sources/testing/make-bundle';
import { replaceStore } from './current-store';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FILES = findFiles([join(ROOT, 'app/api')], /route\.ts$/);

type Handler = (request: Request, context: { params: Promise<Record<string, string>> }) => Promise<Response>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
type Route = { readonly [method in Method]?: Handler };
const routeAt = async (path: string) => (await import(join(ROOT, 'app/api', path, 'route.ts'))) as Route;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies readonly Method[];
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
    method?: Method;
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
    allow: response.headers.get('allow'),
    policy: response.headers.get('content-security-policy'),
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

function fakeStore(): Configured {
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
  return { store, broken: [{ name: 'lost.tar.gz', problem: { code: 'SRC-001', say: 'gone', do: 'look' } }] };
}

beforeAll(() => {
  // A worker that was built of other sources would answer for these.
  vi.stubEnv('NFTSCOPE_WORKER', '/nowhere');
  replaceStore(fakeStore());
});
afterAll(() => {
  replaceStore(undefined);
  vi.unstubAllEnvs();
});

describe('every route refuses strangers', () => {
  test.each(FILES.map((file) => [relative(join(ROOT, 'app/api'), dirname(file))]))('%s', async (route) => {
    const handlers = Object.entries(await routeAt(route)).filter(([name]) => /^[A-Z]+$/.test(name));
    expect(handlers.map(([method]) => method).sort()).toEqual([...METHODS].sort());
    for (const method of METHODS) {
      for (const more of [{ host: 'evil.example' }, { origin: 'http://evil.example' }]) {
        const answer = await call(route, '', { method, more, ...node1 });
        expect([answer.status, answer.type]).toEqual([403, 'application/problem+json']);
      }
    }
  });

  test('every route is built with the guard', () => {
    for (const file of FILES)
      expect(readFileSync(file, 'utf8')).toMatch(/OPTIONS \} = (route|nodeRoute|packetRoute)\b/);
  });
});

describe('what a route does not answer', () => {
  test.each([
    ['sources', 'DELETE', 'GET, HEAD, POST, OPTIONS'],
    ['health', 'POST', 'GET, HEAD, OPTIONS'],
    [`${NODE}/trace`, 'PUT', 'GET, HEAD, POST, OPTIONS'],
    [`${NODE}/verify`, 'GET', 'POST, OPTIONS'],
    [`${NODE}/set`, 'PATCH', 'GET, HEAD, OPTIONS'],
  ] as const)('%s %s: 405, with what it does', async (route, method, allow) => {
    const answer = await call(route, '', { method, ...node1 });
    expect([answer.status, answer.json().code, answer.allow]).toEqual([405, 'HTTP-405', allow]);
    const options = await call(route, '', { method: 'OPTIONS', ...node1 });
    expect([options.status, options.allow]).toEqual([204, allow]);
  });

  test.each(METHODS)('an unknown address, %s: 404', async (method) => {
    const answer = await call('[[...path]]', '', { method });
    expect([answer.status, answer.json().code]).toEqual([404, 'HTTP-404']);
  });
});

describe('no answer tells of the server’s files or code', () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const long = 'a'.repeat(300_000);
  const junk = encodeURIComponent('\0"<script>../../etc/passwd');
  const body = (text: string) => ({ method: 'POST', body: text }) as const;
  const asks: readonly (readonly [string, string, Parameters<typeof call>[2]])[] = [
    ['as it is', '', {}],
    ['bad id', '', { params: { id: '../../etc/passwd', node: 'node-1' } }],
    ['id of a prototype', '', { params: { id: '__proto__', node: 'constructor' } }],
    ['bad node', '', { params: { id: 'fake', node: '../../../etc/passwd' } }],
    ['node that is no encoding', '', { params: { id: 'fake', node: '%ff' } }],
    ['node without a listing', '', { params: { id: 'fake', node: 'node-3' } }],
    ['bad query', `?table=${junk}&chain=${junk}&name=${junk}&key=${junk}&handle=${junk}&q=${junk}&packet=${junk}`, {}],
    ['bad numbers', '?table=ip%20kube-proxy&name=service-ips&offset=1e9&limit=-1&handle=9e99', {}],
    ['bad version', `?v=${junk}&table=ip%20kube-proxy&chain=services&handle=21&name=service-ips&key=x&q=x`, {}],
    ['huge query', `?table=${long}&chain=${long}&name=${long}&key=${long}&q=${long}&from=${long}&to=${long}`, {}],
    ['deep query', `?packet=${deep}`, {}],
    ['deep member', `?packet={"protocol":${deep}}`, {}],
    ['long member', `?packet={"iif":"eth0","saddr":"10.0.0.1","daddr":"${long}","protocol":"tcp"}`, {}],
    ['bad method', '', { method: 'DELETE' }],
    ['no body', '', { method: 'POST' }],
    ['bad body', '', body('{"packet": ')],
    ['body of another kind', '', { ...body('<a/>'), more: { 'content-type': 'text/xml' } }],
    ['form', '', { ...body('a=b'), more: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['body that is no object', '', body('[1]')],
    ['deep body', '', body(deep)],
    ['deep packet', '', body(`{"packet": {"flags": ${deep}}}`)],
    ['long packet', '', body(`{"packet": {"iif": "${long}", "protocol": "${long}"}}`)],
    ['long names', '', body(`{"from": "${long}", "to": "${long}"}`)],
    ['large body', '', body(`"${long.repeat(4)}"`)],
    ['body that is not UTF-8', '', { method: 'POST', body: Buffer.from([0xff, 0xfe, 0x80]) }],
  ];
  const LEAKS = [
    ROOT,
    process.cwd(),
    'node_modules',
    'file://',
    /\n\s+at /,
    /\.[cm]?[jt]s:\d+/,
    /\b(Range|Type|Syntax)Error\b/,
  ];

  test.each(FILES.map((file) => relative(join(ROOT, 'app/api'), dirname(file))))('%s', async (route) => {
    for (const [name, search, options] of asks) {
      const answer = await call(route, search, { ...node1, ...options });
      for (const leak of LEAKS) expect(`${name}: ${answer.text}`).not.toMatch(leak);
      expect([name, answer.policy]).toEqual([name, "default-src 'none'; frame-ancestors 'none'"]);
      if (answer.status < 300) continue;
      expect([name, answer.type, answer.status === 500]).toEqual([name, 'application/problem+json', false]);
      const problem: ProblemDetails = answer.json();
      expect(problem).toMatchObject({ status: answer.status, code: expect.stringMatching(/^[A-Z]+(-[A-Z]+)?-\d{3}$/) });
      expect([name, problem.title !== '', problem.detail !== '', answer.text.length < 4000]).toEqual([
        name,
        true,
        true,
        true,
      ]);
    }
  });

  test('a configured capture that cannot be read is named, not its folder', async () => {
    vi.stubEnv('NFTSCOPE_SOURCES', JSON.stringify(['/no/such/folder/lost.tar.gz', join(ROOT, 'server/http')]));
    replaceStore(await configuredStore(new AbortController().signal));
    const { broken }: SourcesView = (await call('sources')).json();
    vi.unstubAllEnvs();
    replaceStore(fakeStore());
    expect(broken.map(({ name, problem }) => [name, problem.code, problem.say])).toEqual([
      ['lost.tar.gz', 'SRC-001', 'lost.tar.gz cannot be read: there is no such file or folder.'],
      ['http', 'SRC-002', expect.stringMatching(/^http is no capture: /)],
    ]);
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
    ['conflicts', ''],
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
    ['trace', `?packet={"l2":${'['.repeat(20)}${']'.repeat(20)}}`, 'REQ-004'],
    ['trace', '?from=external', 'REQ-001'],
    ['trace', '?from=external&to=10.0.0.1:80&family=inet', 'REQ-001'],
    ['trace', '?from=external&to=10.0.0.1:80&family=IPv6', 'REF-008'],
    ['trace', '?from=kube-system/dns&to=10.0.0.1:80', 'REF-002'],
    ['trace', '?packet={"saddr":"10.0.0.1","daddr":"10.0.0.2","protocol":"tcp"}', 'PKT-003'],
  ])('%s%s is refused: %s', async (question, search, code) => {
    const answer = await call(`${NODE}/${question}`, search, node1);
    expect([answer.status, answer.json().code]).toEqual([400, code]);
  });
});

test('limits are told as they are in docs/api.md; more than that gives as much', async () => {
  const table = '?table=ip%20kube-proxy';
  for (const [route, search, most] of [
    ['ruleset', table, 2000],
    ['set', `${table}&name=service-ips`, 500],
    ['search', '?q=drop', 500],
  ] as const) {
    const refused = await call(`${NODE}/${route}`, `${search}&limit=1e9`, node1);
    expect([refused.status, refused.json()]).toMatchObject([
      400,
      { code: 'REQ-001', title: 'limit is "1e9".', detail: `Give a whole number; ${most} are given at most.` },
    ]);
    const [all, more] = await Promise.all(
      [`&limit=${most}`, '&limit=999999999'].map((limit) => call(`${NODE}/${route}`, search + limit, node1)),
    );
    expect([more?.status, more?.text]).toEqual([200, all?.text]);
  }
  const offset = '9007199254740991';
  expect((await call(`${NODE}/ruleset`, `${table}&offset=${offset}`, node1)).json().detail).toBe(
    'Give a whole number from 0 to 999999999999999.',
  );
  expect((await call(`${NODE}/ruleset`, `${table}&offset=999999999999999`, node1)).status).toBe(200);
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

test('what would deliver is asked as a trace is', async () => {
  const fields = { iif: 'eth0', saddr: '192.0.2.1', daddr: '10.96.0.10', protocol: 'udp', dport: 53 };
  const path = `${NODE}/what-would-deliver`;
  const asked = await call(path, `?packet=${encodeURIComponent(JSON.stringify(fields))}`, node1);
  const posted = await call(path, '', { ...node1, method: 'POST', body: JSON.stringify({ packet: fields }) });
  expect([asked.status, posted.status]).toEqual([200, 200]);
  expect(asked.json()).toMatchObject({ version: 1 });
  expect(posted.json()).toEqual(asked.json());
  const nothing = await call(path, '', node1);
  expect([nothing.status, nothing.json().code]).toEqual([400, 'REQ-002']);
});

describe('a posted question', () => {
  const LARGE = 'a'.repeat(1_000_001);
  test.each([
    ['not JSON', '{', 400, 'REQ-003', undefined],
    ['no object', '[]', 400, 'REQ-001', undefined],
    ['a member of another type', '{"from": 5, "to": "10.0.0.1:80"}', 400, 'REQ-001', 'from'],
    ['one end', '{"from": "external"}', 400, 'REQ-001', 'to'],
    ['no port', '{"from": "external", "to": "10.0.0.1", "dport": 65536}', 400, 'REQ-001', 'dport'],
    ['nothing', '{}', 400, 'REQ-002', undefined],
    ['nested', `{"packet": ${'['.repeat(20)}${']'.repeat(20)}}`, 400, 'REQ-004', 'body'],
    ['too large', `"${LARGE}"`, 413, 'REQ-005', undefined],
    ['a packet without a family', '{"packet": {"iif": "eth0"}}', 400, 'PKT-001', 'packet.family'],
  ])('%s', async (_name, body, status, code, path) => {
    const answer = await call(`${NODE}/trace`, '', { ...node1, method: 'POST', body });
    const problem: ProblemDetails = answer.json();
    expect([answer.status, problem.code, problem.path]).toEqual([status, code, path]);
    // Advice for captures does not fit a question.
    expect(`${problem.title} ${problem.detail}`).not.toMatch(/captur|bundle|Read it again/i);
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

  test('a bundle with a listing that is not UTF-8: marked at once', async () => {
    const listing = Buffer.from([0x7b, 0xff, 0x7d]);
    const header = { name: 'nodes/b/nft.json', size: listing.length };
    const bundle = await makeTarGz([['nodes/a/nft.json', JSON.stringify(LISTING)], { header, body: listing }]);
    expect((await upload('two.tar.gz', bundle)).json().nodes).toMatchObject([
      { name: 'a', state: 'ready', problem: null },
      { name: 'b', state: 'unreadable', problem: { code: 'NFT-JSON-004' } },
    ]);
  });

  test.each([
    ['too large packed', async () => new Uint8Array(200_000).fill(65), 413, 'SRC-003'],
    ['a bomb', () => makeTarGz([['nodes/n/nft.json', '0'.repeat(5_000_000)]]), 413, 'SRC-004'],
    [
      'two of a name',
      () =>
        makeTarGz([
          ['nodes/n/nft.json', '{}'],
          ['nodes/n/nft.json', '[]'],
        ]),
      422,
      'SRC-006',
    ],
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
