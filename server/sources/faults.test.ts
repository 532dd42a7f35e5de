import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Result } from '@/lib/net/result';
import { HOST_COMMANDS, hostSource } from './host-source';
import { openBytes, openPath } from './open-source';
import { runCommand } from './run-command';
import { singleFlight } from './single-flight';
import { DEFAULT_LIMITS, type Limits, type NodeCapture, type Source } from './source';
import { fakeSource } from './testing/fake-source';
import { makeTarGz, temporaryFolder, writeTree } from './testing/make-bundle';

const folder = temporaryFolder();
afterAll(folder.remove);
const signal = () => new AbortController().signal;
const code = (result: Result<unknown>) => (result.ok ? 'ok' : result.problem.code);
const node1: readonly [string, string] = ['nodes/node-1/nft.json', '{"nftables": []}'];

async function nodesOf(bytes: Uint8Array, limits: Partial<Limits> = {}) {
  const source = openBytes('x.tar.gz', bytes, { ...DEFAULT_LIMITS, ...limits });
  return source.ok ? source.value.nodes(signal()) : source;
}

describe('hostile and damaged archives', () => {
  test.each([
    { name: 'absolute path', entry: { header: { name: '/etc/passwd', size: 1 }, body: 'x' } },
    { name: 'escape', entry: { header: { name: 'nodes/../../x', size: 1 }, body: 'x' } },
    { name: 'escape at the start', entry: { header: { name: '../x', size: 1 }, body: 'x' } },
    { name: 'backslash', entry: { header: { name: 'nodes\\..\\x', size: 1 }, body: 'x' } },
    { name: 'drive', entry: { header: { name: 'C:/x', size: 1 }, body: 'x' } },
    {
      name: 'symbolic link',
      entry: { header: { name: 'nodes/node-1/nft.txt', size: 0, type: 'symlink', linkname: '/etc/passwd' } },
    },
    {
      name: 'hard link',
      entry: { header: { name: 'nodes/node-1/nft.txt', size: 0, type: 'link', linkname: 'nodes/node-1/nft.json' } },
    },
    { name: 'fifo', entry: { header: { name: 'nodes/node-1/nft.txt', size: 0, type: 'fifo' } } },
  ] as const)('refused whole: $name', async ({ entry }) => {
    expect(code(await nodesOf(await makeTarGz([node1, entry])))).toBe('SRC-006');
  });

  test.each([
    { name: 'the same name', again: 'nodes/node-1/nft.json' },
    { name: 'another way to write it', again: './nodes//node-1/nft.json' },
  ])('refused whole: a file that is there twice, $name', async ({ again }) => {
    const second = [again, '{"nftables": [{}]}'] as const;
    expect(code(await nodesOf(await makeTarGz([node1, second])))).toBe('SRC-006');
    const folders = { header: { name: 'nodes/', size: 0, type: 'directory' } } as const;
    expect(code(await nodesOf(await makeTarGz([folders, folders, node1])))).toBe('ok');
  });

  test('a bomb is stopped at the limit', async () => {
    const bomb = await makeTarGz([node1, ['nodes/node-1/big', '0'.repeat(20_000_000)]]);
    expect(bomb.length).toBeLessThan(50_000);
    expect(code(await nodesOf(bomb, { unpackedBytes: 1e6 }))).toBe('SRC-004');
  });

  test('too large packed', async () => {
    expect(code(await nodesOf(await makeTarGz([node1]), { packedBytes: 10 }))).toBe('SRC-003');
  });

  test('too many entries', async () => {
    const many = Array.from({ length: 50 }, (_, i) => [`nodes/node-${i}/nft.json`, ''] as const);
    expect(code(await nodesOf(await makeTarGz(many), { entries: 20 }))).toBe('SRC-005');
  });

  test.each([0.3, 0.7, 0.99])('truncated at %s of its length', async (part) => {
    const text = Array.from({ length: 4000 }, (_, i) => `${(i * 7919) % 104_729} `).join('');
    const whole = await makeTarGz([node1, ['nodes/node-1/nft.txt', text]]);
    expect(code(await nodesOf(whole.subarray(0, Math.floor(whole.length * part))))).toBe('SRC-007');
  });

  test('a truncated tar in a whole gzip', async () => {
    const { gunzipSync } = await import('node:zlib');
    const tar = gunzipSync(await makeTarGz([['nodes/node-1/nft.txt', 'x'.repeat(5000)]]));
    expect(code(await nodesOf(gzipSync(tar.subarray(0, 2000))))).toBe('SRC-007');
  });

  test('gzip of something else', async () => {
    expect(['SRC-002', 'SRC-007']).toContain(code(await nodesOf(gzipSync('hello'))));
  });

  test('no capture inside', async () => {
    expect(code(await nodesOf(await makeTarGz([['readme.md', 'x']])))).toBe('SRC-002');
  });
});

describe('a listing that cannot be one is marked before it is opened', () => {
  const UTF16 = Buffer.from('\ufeff{"nftables": []}', 'utf16le');
  const LATIN1 = Buffer.from('{"nftables": [{"table": {"comment": "caf\xe9"}}]}', 'latin1');
  const rows = [
    ['empty', Buffer.alloc(0), 'NFT-JSON-001'],
    ['UTF-16', UTF16, 'NFT-JSON-004'],
    ['Latin-1', LATIN1, 'NFT-JSON-004'],
    ['UTF-8', Buffer.from('{"nftables": [{"table": {"comment": "café"}}]}'), undefined],
  ] as const;
  const faults = async (source: Result<Source>) => {
    const nodes = source.ok ? await source.value.nodes(signal()) : source;
    return nodes.ok ? nodes.value.map(({ name, listing, fault }) => [name, listing, fault?.code]) : nodes.problem.code;
  };

  test.each(rows)('%s', async (name, bytes, want) => {
    const inside = (node: string, content: string) => [`nodes/${node}/nft.json`, content] as const;
    const root = writeTree(
      join(folder.path, `fault-${name}`),
      Object.fromEntries([inside('a', '{}'), inside('b', '')]),
    );
    writeFileSync(join(root, 'nodes/b/nft.json'), bytes);
    expect(await faults(await openPath(root, DEFAULT_LIMITS))).toEqual([
      ['a', 'present', undefined],
      ['b', 'present', want],
    ]);
    const binary = { header: { name: 'nodes/b/nft.json', size: bytes.length }, body: bytes };
    const bundle = await makeTarGz([inside('a', '{}'), binary]);
    expect(await faults(openBytes('x.tar.gz', bundle, DEFAULT_LIMITS))).toEqual([
      ['a', 'present', undefined],
      ['b', 'present', want],
    ]);
    expect(await faults(openBytes('nft.json', bytes, DEFAULT_LIMITS))).toEqual([['node', 'present', want]]);
    expect(await faults(await openPath(join(root, 'nodes/b/nft.json'), DEFAULT_LIMITS))).toEqual([
      ['node', 'present', want],
    ]);
  });

  test('a reading that failed keeps its own reason', async () => {
    const errors = JSON.stringify({ 'nft.json': { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' } });
    const source = fakeSource({ nodes: { a: { 'nft.json': '', 'errors.json': errors } } });
    expect(await faults({ ok: true, value: source })).toEqual([
      ['a', expect.objectContaining({ exitStatus: 139 }), undefined],
    ]);
  });

  test('a link in the place of a listing: the other nodes are named', async () => {
    const root = writeTree(join(folder.path, 'linked-listing'), { 'nodes/a/nft.json': '{}', 'nodes/b/nft.txt': 'x' });
    symlinkSync('/etc/passwd', join(root, 'nodes/b/nft.json'));
    expect(await faults(await openPath(root, DEFAULT_LIMITS))).toEqual([
      ['a', 'present', undefined],
      ['b', 'present', 'SRC-006'],
    ]);
  });
});

describe('folders', () => {
  test('links in the place of files are refused', async () => {
    const root = writeTree(join(folder.path, 'linked'), { 'nodes/node-1/nft.txt': 'x' });
    symlinkSync('/etc/passwd', join(root, 'nodes/node-1/nft.json'));
    const source = await openPath(root, DEFAULT_LIMITS);
    expect(source.ok && code(await source.value.node('node-1', signal()))).toBe('SRC-006');
  });

  test('a folder without a capture, a path that is not there', async () => {
    const source = await openPath(writeTree(join(folder.path, 'none'), { 'readme.md': 'x' }), DEFAULT_LIMITS);
    expect(source.ok && code(await source.value.nodes(signal()))).toBe('SRC-002');
    expect(code(await openPath(join(folder.path, 'missing'), DEFAULT_LIMITS))).toBe('SRC-001');
  });

  test('an errors.json that makes no sense is itself a failed reading', async () => {
    const source = fakeSource({ nodes: { a: { 'nft.json': '', 'errors.json': '{"nft.json": 5}' } } });
    const capture = await source.node('a', signal());
    expect(capture.ok && capture.value.files.get('errors.json')).toMatchObject({ kind: 'failed' });
  });
});

describe('this host', () => {
  const fakeNft = (body: string) => {
    const bin = writeTree(join(folder.path, `bin-${Math.abs(hash(body))}`), { nft: `#!/bin/sh\n${body}\n` }, 0o755);
    const program = (name: string) => (name === 'nft' ? join(bin, name) : join(folder.path, 'no-such-program'));
    return hostSource({ ...HOST_COMMANDS, program, limits: { milliseconds: 400, bytes: 100_000 } });
  };
  const hash = (text: string) => [...text].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) | 0, 7);

  test.each([
    { name: 'crash', body: 'kill -SEGV $$', want: { exitStatus: 139 } },
    { name: 'crash after half a listing', body: 'printf \'{"nftables": [\'; kill -SEGV $$', want: { exitStatus: 139 } },
    {
      name: 'not permitted',
      body: 'echo "Operation not permitted (you must be root)" >&2; exit 1',
      want: { exitStatus: 1, stderr: expect.stringContaining('must be root') },
    },
    {
      name: 'never ends',
      body: 'exec sleep 60',
      want: { exitStatus: null, stderr: expect.stringContaining('stopped after 0.4 s') },
    },
    {
      name: 'never stops talking',
      body: 'exec yes',
      want: { exitStatus: null, stderr: expect.stringContaining('more than 100000 bytes') },
    },
  ])('nft: $name', async ({ body, want }) => {
    const capture = await fakeNft(body).node(hostname(), signal());
    expect(capture.ok && capture.value.files.get('nft.json')).toMatchObject({
      kind: 'failed',
      failure: { command: expect.stringContaining('-j list ruleset'), ...want },
    });
    expect(capture.ok && capture.value.files.get('addr.json')).toMatchObject({
      kind: 'failed',
      failure: { exitStatus: 127 },
    });
  });

  test('arguments are a vector, never a shell; the environment is fixed', async () => {
    const canary = join(folder.path, 'canary');
    const limits = { milliseconds: 3000, bytes: 1000 };
    const echoed = await runCommand(['echo', `; touch ${canary} $(touch ${canary})`], limits, signal());
    expect(echoed.kind).toBe('read');
    expect(existsSync(canary)).toBe(false);
    const env = await runCommand(['env'], limits, signal());
    const names =
      env.kind === 'read'
        ? Buffer.from(env.content)
            .toString()
            .match(/^\w+(?==)/gm)
        : [];
    expect(names?.sort()).toEqual(['LC_ALL', 'NODE_ENV', 'PATH', 'TZ']);
  });
});

describe('single flight', () => {
  /** A source whose readings end when told to, and that counts them. */
  function slow() {
    let started = 0;
    let aborted = 0;
    const finish: ((capture: Result<NodeCapture>) => void)[] = [];
    const source: Source = {
      ...fakeSource({ nodes: { a: {} } }),
      node: (_name, flight) => {
        started += 1;
        flight.addEventListener('abort', () => {
          aborted += 1;
        });
        return new Promise((resolve) => finish.push(resolve));
      },
    };
    return { source: singleFlight(source), counts: () => ({ started, aborted }), finish };
  }
  const capture: Result<NodeCapture> = { ok: true, value: { files: new Map(), capturedAt: undefined, hash: 'h' } };

  test('two who ask get one reading', async () => {
    const { source, counts, finish } = slow();
    const both = Promise.all([source.node('a', signal()), source.node('a', signal())]);
    finish[0]?.(capture);
    expect((await both).map(code)).toEqual(['ok', 'ok']);
    expect(counts().started).toBe(1);
  });

  test('one who leaves does not take the reading from the other; the last one stops it', async () => {
    const { source, counts } = slow();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = source.node('a', first.signal);
    const two = source.node('a', second.signal);
    first.abort();
    expect(code(await one)).toBe('SRC-009');
    expect(counts().aborted).toBe(0);
    second.abort();
    expect(code(await two)).toBe('SRC-009');
    expect(counts().aborted).toBe(1);
  });
});
