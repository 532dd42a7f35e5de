/** The interface of docs/agent.md, over HTTP, with an nft that is a script. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBytes } from '../sources/open-source';
import { DEFAULT_LIMITS } from '../sources/source';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { fakeNft, LISTING } from './testing/fake-nft';
import { startAgent } from './testing/start-agent';
import type { TokenCheck } from './token-check';

let folder: ReturnType<typeof temporaryFolder>;
const stops: (() => void)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  folder.remove();
});
async function started(setup: Partial<Parameters<typeof startAgent>[0]> = {}) {
  const nft = setup.nft ?? ([{ of: 'image', argv: [fakeNft(folder.path)] }] as const);
  const agent = await startAgent({ ...setup, nft });
  stops.push(agent.stop);
  return agent;
}
const sha256 = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
const PADDED = `${LISTING.slice(0, -2)},${' '.repeat(5000)}{"table": {"family": "ip6", "name": "b", "handle": 2}}]}`;
const PADDED_TEXT = 'table ip filter {\n}\ntable ip6 b {\n}\n';

describe('parts', () => {
  test('a part is the output of the command, under its hash', async () => {
    const { get } = await started();
    const response = await get('/v1/parts/nft.json');
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBe(`"${sha256(LISTING)}"`);
    expect(response.headers.get('nftscope-node')).toBe('node-1');
    expect(await response.text()).toBe(LISTING);
  });

  test.each([
    ['"HASH"', 304],
    ['"HASH.gz"', 304],
    ['W/"HASH"', 304],
    ['"x", "HASH"', 304],
    ['*', 304],
    ['"x"', 200],
    ['HASH', 200],
  ])('If-None-Match: %s → %i', async (header, status) => {
    const { get } = await started();
    const etag = header.replace('HASH', sha256(LISTING));
    const response = await get('/v1/parts/nft.json', { 'if-none-match': etag });
    expect(response.status).toBe(status === 200 ? 200 : 304);
    expect(await response.text()).toBe(status === 200 ? LISTING : '');
  });

  test('gzip where it is accepted, and a strong tag of its own', async () => {
    const words = { json: `printf '%s' '${PADDED}'`, text: `printf '%s' '${PADDED_TEXT}'` };
    const { base } = await started({ nft: [{ of: 'image', argv: [fakeNft(folder.path, words)] }] });
    const raw = (encoding: string) =>
      new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve) => {
        httpGet(`${base}/v1/parts/nft.json`, { headers: { 'accept-encoding': encoding } }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
        });
      });
    const packed = await raw('br, gzip;q=0.8');
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.headers.etag).toBe(`"${sha256(PADDED)}.gz"`);
    expect(gunzipSync(packed.body).toString()).toBe(PADDED);
    for (const encoding of ['identity', 'gzip;q=0', 'br']) {
      const plain = await raw(encoding);
      expect([encoding, plain.headers['content-encoding'], plain.headers.etag]).toEqual([
        encoding,
        undefined,
        `"${sha256(PADDED)}"`,
      ]);
      expect(plain.body.toString()).toBe(PADDED);
    }
  });

  test('a reading that failed is 502 with command, status and error output', async () => {
    const { get } = await started({ program: (name) => (name === 'conntrack' ? '/nonexistent/conntrack' : 'true') });
    const response = await get('/v1/parts/conntrack.txt');
    expect(response.status).toBe(502);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      status: 502,
      code: 'AGENT-502',
      failure: { exitStatus: 127, stderr: '/nonexistent/conntrack: not found' },
    });
  });

  test('what this node does not have is 404, and so is what nobody reads', async () => {
    const { get } = await started();
    for (const path of [
      '/v1/parts/iptables-save.txt',
      '/v1/parts/passwd',
      '/v1/parts',
      '/v1/parts/../x',
      '/v2/node',
      '/',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  test('it only reads', async () => {
    const { get } = await started();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await get('/v1/node', {}, method);
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
    }
    const head = await get('/v1/parts/nft.json', {}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(LISTING.length)]);
  });

  test('a wrong age is refused', async () => {
    const { get } = await started();
    expect((await get('/v1/hashes?maxAge=soon')).status).toBe(400);
    expect((await get('/v1/hashes?maxAge=5')).status).toBe(200);
  });
});

describe('captures', () => {
  test('all parts as a bundle, which opens as a source', async () => {
    const { get } = await started({ program: (name) => (name === 'ss' ? '/nonexistent/ss' : 'true') });
    const response = await get('/v1/capture');
    const opened = openBytes('node-1.tar.gz', new Uint8Array(await response.arrayBuffer()), DEFAULT_LIMITS);
    if (!opened.ok) throw new Error(opened.problem.say);
    const { signal } = new AbortController();
    const nodes = await opened.value.nodes(signal);
    const capture = await opened.value.node('node-1', signal);
    if (!nodes.ok || !capture.ok) throw new Error('unreadable');
    expect(nodes.value).toMatchObject([{ name: 'node-1', listing: 'present' }]);
    expect(capture.value.capturedAt).toBe(response.headers.get('nftscope-captured'));
    const listing = capture.value.files.get('nft.json');
    expect(listing?.kind === 'read' && Buffer.from(listing.content).toString()).toBe(LISTING);
    expect(capture.value.files.get('sockets.txt')).toEqual({
      kind: 'failed',
      failure: { command: '/nonexistent/ss -Hltun', exitStatus: 127, stderr: '/nonexistent/ss: not found' },
    });
  });

  test('hashes: of each file, null for a failure, and of all', async () => {
    const { get } = await started({ program: (name) => (name === 'ss' ? '/nonexistent/ss' : 'true') });
    const hashes = await (await get('/v1/hashes')).json();
    expect(hashes.files['nft.json']).toBe(sha256(LISTING));
    expect(hashes.files['addr.json']).toBe(sha256(''));
    expect(hashes.files['sockets.txt']).toBe(null);
    expect(hashes.errors['sockets.txt'].exitStatus).toBe(127);
    expect(hashes.cost).toMatchObject({ listing: { bytes: LISTING.length }, changesWithoutEvent: 0 });
    expect(hashes.cost.follow).toMatchObject({ state: expect.any(String), letGo: 0, mismatches: 0 });
    const capture = await get('/v1/capture', { 'if-none-match': `W/"${hashes.hash}"` });
    expect(capture.status).toBe(304);
  });

  test('what is held need not be sent', async () => {
    const { get } = await started();
    const response = await get('/v1/capture?without=nft.json,nft.txt');
    const opened = openBytes('x.tar.gz', new Uint8Array(await response.arrayBuffer()), DEFAULT_LIMITS);
    const capture = opened.ok ? await opened.value.node('node-1', new AbortController().signal) : opened;
    if (!capture.ok) throw new Error(capture.problem.say);
    expect(capture.value.files.has('nft.json')).toBe(false);
    expect(capture.value.files.has('addr.json')).toBe(true);
    expect(response.headers.get('etag')).not.toBe((await get('/v1/capture')).headers.get('etag'));
  });
});

describe('who may ask', () => {
  const check: TokenCheck = async (token, resource) => {
    if (token === 'cut') return { kind: 'unavailable', why: 'the API server does not answer' };
    if (token === 'scraper') return { kind: resource === '/metrics' ? 'allowed' : 'forbidden' };
    return token === 'good' ? { kind: 'allowed' } : { kind: 'unknown', advice: 'Ask for a good one.' };
  };
  test.each([
    [{}, 401],
    [{ authorization: 'Basic Z29vZDo=' }, 401],
    [{ authorization: 'Bearer bad' }, 401],
    [{ authorization: 'Bearer scraper' }, 403],
    [{ authorization: 'Bearer cut' }, 503],
    [{ authorization: 'Bearer good' }, 200],
    [{ 'nftscope-authorization': 'Bearer good' }, 200],
    [{ authorization: "Bearer the-proxy's", 'nftscope-authorization': 'Bearer good' }, 200],
    [{ authorization: 'Bearer good', 'nftscope-authorization': 'Bearer bad' }, 401],
  ])('%j → %i', async (headers, status) => {
    const { get } = await started({ check });
    for (const path of ['/v1/node', '/v1/hashes', '/v1/parts/nft.json', '/v1/capture', '/v1/nothing']) {
      const response = await get(path, headers as Record<string, string>);
      expect([path, response.status]).toEqual([path, path === '/v1/nothing' && status === 200 ? 404 : status]);
      if (status === 401) expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    const events = await get('/v1/events', headers as Record<string, string>);
    expect(events.status).toBe(status);
    await events.body?.cancel();
  });

  test('nothing was run for one who may not ask', async () => {
    const { get, reader } = await started({ check });
    for (const path of ['/v1/node', '/v1/hashes', '/v1/events']) await get(path, { authorization: 'Bearer bad' });
    expect(reader.held.size).toBe(0);
  });

  test('health needs no token and tells nothing; metrics have a right of their own', async () => {
    const { get } = await started({ check });
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect((await get('/metrics')).status).toBe(401);
    const metrics = await get('/metrics', { authorization: 'Bearer scraper' });
    expect(await metrics.text()).toContain('nftscope_agent_listings_total 0\n');
  });
});

describe('an nft that fails', () => {
  const listing = async (agent: Awaited<ReturnType<typeof started>>) => {
    const response = await agent.get('/v1/parts/nft.json');
    return { status: response.status, ...(await response.json().catch(() => ({}))) };
  };
  const limits = { milliseconds: 400, bytes: 2e6 };

  test.each([
    ['crashes', 'kill -SEGV $$', { exitStatus: 139 }],
    ['says why', 'echo "Operation not permitted" >&2; exit 1', { exitStatus: 1, stderr: 'Operation not permitted\n' }],
    ['hangs', 'sleep 1000', { exitStatus: null, stderr: 'stopped after 0.4 s' }],
    [
      'prints 500 MB',
      'head -c 500000000 /dev/zero',
      { exitStatus: null, stderr: 'stopped: more than 2000000 bytes of output' },
    ],
    ['prints HTML', 'echo "<!DOCTYPE html>"', { exitStatus: 0, stderr: 'printed no listing: "<!DOCTYPE html>\\n"' }],
    ['prints nothing', 'true', { exitStatus: 0, stderr: 'printed nothing' }],
    ['is cut off', `printf '%s' '${LISTING.slice(0, -3)}'`, { exitStatus: 0 }],
    [
      'says that there is nothing, against its text',
      `echo '{"nftables": [{"metainfo": {"version": "1.0.9", "json_schema_version": 1}}]}'`,
      { stderr: 'the listing as JSON and the one as text differ: ip filter only in text' },
    ],
  ])('%s', async (_, json, failure) => {
    const agent = await started({ limits, nft: [{ of: 'image', argv: [fakeNft(folder.path, { json })] }] });
    expect(await listing(agent)).toMatchObject({ status: 502, code: 'AGENT-502', failure });
    const node = await (await agent.get('/v1/node')).json();
    expect(node.ruleset.state).toBe('unreadable');
  });

  test('the other one reads it then, and it is said why', async () => {
    const node = fakeNft(folder.path, { version: '1.1.0', json: 'kill -SEGV $$' }, 'node-nft');
    const image = fakeNft(folder.path, { version: '1.0.9' }, 'image-nft');
    const agent = await started({
      nft: [
        { of: 'node', argv: [node] },
        { of: 'image', argv: [image] },
      ],
    });
    expect((await agent.get('/v1/parts/nft.json')).status).toBe(200);
    const { nft } = await (await agent.get('/v1/node')).json();
    expect(nft.use).toEqual({ of: 'image', argv: [image], version: '1.0.9' });
    expect(nft.why).toContain(`node's nft 1.1.0 failed: ${node} -j list ruleset crashed (exit status 139, signal 11)`);
  });

  test('where none reads it, the words of each are told', async () => {
    const agent = await started({
      nft: [
        { of: 'node', argv: [fakeNft(folder.path, { json: 'echo old >&2; exit 1' }, 'node-nft')] },
        { of: 'image', argv: [fakeNft(folder.path, { json: 'kill -SEGV $$' }, 'image-nft')] },
      ],
    });
    const { failure } = await listing(agent);
    expect(failure.stderr).toMatch(/node-nft -j list ruleset failed \(exit status 1\): old/);
    expect(failure.stderr).toMatch(/image-nft -j list ruleset crashed \(exit status 139/);
    const { nft } = await (await agent.get('/v1/node')).json();
    expect(nft.use).toBe(null);
  });

  test.each([
    ['1.1.0', '1.0.9', 'node'],
    ['1.0.9', '1.0.10', 'image'],
    ['1.0.9', '1.0.9', 'node'],
  ])("the node's %s, the image's %s: the %s's is used", async (node, image, used) => {
    const agent = await started({
      nft: [
        { of: 'node', argv: [fakeNft(folder.path, { version: node }, 'node-nft')] },
        { of: 'image', argv: [fakeNft(folder.path, { version: image }, 'image-nft')] },
      ],
    });
    expect((await (await agent.get('/v1/node')).json()).nft.use.of).toBe(used);
  });

  test('a monitor that does not listen, or ends, is a watch that is lost', async () => {
    for (const [monitor, why] of [
      ['echo "# new generation 3 by process 1 (x)"; exec sleep 1000', /did not listen/],
      ['echo "no such command" >&2; exit 1', /no such command/],
    ] as const) {
      const agent = await started({
        nft: [{ of: 'image', argv: [fakeNft(folder.path, { monitor })] }],
        watchTimes: { pollMs: 5, startMs: 150, againMs: 1000, dropsMs: 1000 },
      });
      const lost = new Promise<string | undefined>((resolve) => {
        agent.reader.listen((event) => {
          if (event.kind === 'watch' && event.state.state === 'lost') resolve(event.state.why);
        });
      });
      agent.reader.start();
      expect(await lost).toMatch(why);
      await agent.get('/v1/parts/nft.json');
      expect(agent.reader.state).toBe('unwatched');
    }
  });
});

test('one command at a time, and one listing for all who ask at once', async () => {
  const log = join(folder.path, 'log');
  const noted = (run: string) => `echo begin >> ${log}; sleep 0.02; ${run}; echo end >> ${log}`;
  const other = join(folder.path, 'other');
  writeFileSync(other, `#!/bin/sh\n${noted('true')}\n`, { mode: 0o755 });
  const json = noted(`printf '%s' '${LISTING}'`);
  const agent = await started({
    nft: [{ of: 'image', argv: [fakeNft(folder.path, { json })] }],
    program: () => other,
    pauseMs: 600_000,
  });
  const paths = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? '/v1/hashes' : '/v1/capture'));
  const answers = await Promise.all(paths.map(async (path) => (await agent.get(path)).status));
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(agent.reader.facts.listings).toBe(1);
  // The listing, seven commands of ip, two of conntrack and one of ss: none began before the one before it had ended.
  expect(readFileSync(log, 'utf8')).toBe('begin\nend\n'.repeat(11));
});
