/** API servers, and proxies before them, that do what they may and others do not: the list-and-watch loop goes on. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../tests/kube/eventually';
import { KubeClient } from './kube-client';
import { type ListState, ListWatch } from './list-watch';

type Handler = (url: URL, response: http.ServerResponse, request: http.IncomingMessage) => void;
const servers: http.Server[] = [];
const controllers: AbortController[] = [];
afterEach(async () => {
  for (const controller of controllers.splice(0)) controller.abort();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function clientOf(handler: Handler): Promise<KubeClient> {
  const server = http.createServer((request, response) =>
    handler(new URL(request.url ?? '/', 'http://api'), response, request),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agent = new http.Agent({ keepAlive: true });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new KubeClient({
    context: 'odd',
    server: url,
    inCluster: false,
    credentials: async () => ({ headers: {}, agent, tls: {} }),
  });
}
async function following(handler: Handler) {
  const states: ListState[] = [];
  const controller = new AbortController();
  controllers.push(controller);
  const list = new ListWatch<string>({
    client: await clientOf(handler),
    resource: { group: '', resource: 'pods', path: '/api/v1/pods' },
    keep: (object) => (object as { readonly status: { readonly phase: string } }).status.phase,
    same: (a, b) => a === b,
    changed: () => undefined,
    turned: (state) => states.push(state),
    times: { againMs: 5, againMsMax: 40, forbiddenMs: 30, watchSeconds: 60, silenceMs: 10_000 },
    random: () => 0.5,
  });
  void list.run(controller.signal);
  return { states, held: () => Object.fromEntries(list.held) };
}
const pod = (name: string, phase: string, version: string) => ({
  metadata: { namespace: 'shop', name, resourceVersion: version },
  status: { phase },
});
const json = (value: object) => JSON.stringify(value);
const isWatch = (url: URL) => url.searchParams.get('watch') === '1';
const listOf = (version: string, ...items: readonly object[]) =>
  json({ metadata: { resourceVersion: version }, items });
const event = (type: string, object: object) => `${json({ type, object })}\n`;

test('versions are opaque: they are given back as they came, whatever is in them', async () => {
  const asked: (string | null)[] = [];
  const { held } = await following((url, response) => {
    if (!isWatch(url)) return void response.end(listOf('a+b/c=&limit=0 %41', pod('a', 'Pending', 'x')));
    asked.push(url.searchParams.get('resourceVersion'));
    if (asked.length === 1) return void response.end(event('MODIFIED', pod('a', 'Running', '9#?ä')));
    response.writeHead(200).flushHeaders();
  });
  await eventually(() => asked.length === 2);
  expect(asked).toEqual(['a+b/c=&limit=0 %41', '9#?ä']);
  expect(held()).toEqual({ 'shop/a': 'Running' });
});

test('bookmarks with nothing but a version, and events with members that are not known', async () => {
  const asked: (string | null)[] = [];
  const { held } = await following((url, response) => {
    if (!isWatch(url)) return void response.end(listOf('1'));
    asked.push(url.searchParams.get('resourceVersion'));
    if (asked.length > 1) return void response.writeHead(200).flushHeaders();
    response.write(`${json({ type: 'ADDED', object: { ...pod('a', 'Running', '2'), future: {} }, more: 1 })}\n`);
    response.end(event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '77', creationTimestamp: null } }));
  });
  await eventually(() => asked.length === 2);
  expect([asked, held()]).toEqual([['1', '77'], { 'shop/a': 'Running' }]);
});

test('packed answers, also those nobody asked for: of a list and of a watch that goes on', async () => {
  let more: (() => void) | undefined;
  const { held } = await following((url, response) => {
    response.setHeader('content-encoding', 'gzip');
    if (!isWatch(url)) return void response.end(gzipSync(listOf('1', pod('a', 'Pending', '1'))));
    response.write(gzipSync(event('MODIFIED', pod('a', 'Running', '2'))));
    more = () => response.write(gzipSync(event('ADDED', pod('b', 'Running', '3'))));
  });
  await eventually(() => held()['shop/a'] === 'Running');
  more?.();
  await eventually(() => held()['shop/b'] === 'Running');
});

test('an event that is cut within a character', async () => {
  const name = 'ä€𝄞';
  const { held } = await following((url, response) => {
    if (!isWatch(url)) return void response.end(listOf('1'));
    const bytes = Buffer.from(event('ADDED', pod(name, 'Running', '2')));
    response.writeHead(200).flushHeaders();
    let at = 0;
    const next = () => {
      if (at >= bytes.length || response.destroyed) return;
      response.write(bytes.subarray(at, at + 1));
      at += 1;
      setImmediate(next);
    };
    next();
  });
  await eventually(() => held()[`shop/${name}`] === 'Running');
});

test.each([
  { where: 'list', isHere: (url: URL) => !isWatch(url) },
  { where: 'watch', isHere: isWatch },
])('429 with Retry-After, of a $where: not asked again before', async ({ isHere }) => {
  const at: number[] = [];
  const { held, states } = await following((url, response) => {
    if (isHere(url)) {
      at.push(performance.now());
      if (at.length === 1)
        return void response.writeHead(429, { 'retry-after': '1' }).end(json({ kind: 'Status', message: 'too many' }));
    }
    if (!isWatch(url)) return void response.end(listOf('1', pod('a', 'Running', '1')));
    response.writeHead(200).flushHeaders();
  });
  await eventually(() => at.length === 2 && held()['shop/a'] === 'Running');
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(950);
  expect(states.some((state) => state.kind === 'lost' && state.trouble.kind === 'status')).toBe(true);
});

test('410 in the middle of a watch: listed anew, and what went meanwhile is gone', async () => {
  let lists = 0;
  const { held } = await following((url, response) => {
    if (!isWatch(url)) {
      lists += 1;
      return void response.end(
        lists === 1 ? listOf('1', pod('a', 'Running', '1')) : listOf('9', pod('b', 'Running', '8')),
      );
    }
    if (url.searchParams.get('resourceVersion') === '9') return void response.writeHead(200).flushHeaders();
    response.write(event('ADDED', pod('c', 'Running', '2')));
    response.write(
      event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }),
    );
  });
  await eventually(() => held()['shop/b'] === 'Running');
  expect(held()).toEqual({ 'shop/b': 'Running' });
});

test('a watch that is closed time and again, with nothing said: it goes on from the same version, and is not lost', async () => {
  let watches = 0;
  const versions = new Set<string | null>();
  const { states } = await following((url, response) => {
    if (!isWatch(url)) return void response.end(listOf('5'));
    watches += 1;
    versions.add(url.searchParams.get('resourceVersion'));
    response.end();
  });
  await eventually(() => watches === 8);
  expect([...versions]).toEqual(['5']);
  expect(states.map(({ kind }) => kind)).not.toContain('lost');
});

test('a connection that was closed while nobody used it is no outage', async () => {
  let answers = 0;
  const client = await clientOf((_, response, request) => {
    answers += 1;
    // The second question on a connection meets one that is gone, as behind a balancer that forgot it.
    if (answers === 2) return void request.socket.destroy();
    response.end('{}');
  });
  const ask = () =>
    client.json('/version', {
      signal: new AbortController().signal,
      right: { verb: 'get', resource: '/version', group: '' },
    });
  expect((await ask()).ok).toBe(true);
  expect((await ask()).ok).toBe(true);
  expect(answers).toBe(3);
});

test('a page of HTML with status 200, of a proxy that wants a login: said so, and tried again', async () => {
  let asked = 0;
  const { states, held } = await following((url, response) => {
    asked += 1;
    if (asked === 1)
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Login</title>');
    if (!isWatch(url)) return void response.end(listOf('1', pod('a', 'Running', '1')));
    response.writeHead(200, { via: '1.1 proxy', 'x-forwarded-for': '10.0.0.1' }).flushHeaders();
  });
  await eventually(() => held()['shop/a'] === 'Running');
  expect(states[0]).toMatchObject({ kind: 'lost', trouble: { kind: 'nonsense' } });
});
