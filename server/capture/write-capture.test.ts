import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failed } from '@/lib/net/result';
import { openPath } from '../sources/open-source';
import { sourceProblems } from '../sources/problems';
import { DEFAULT_LIMITS, type Source } from '../sources/source';
import { type FakeBundle, fakeSource } from '../sources/testing/fake-source';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { redactionMaker } from './redaction';
import { type RedactionMaker, writeCapture } from './write-capture';

const LISTING = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}';
const BUNDLE = {
  nodes: {
    'node-1': {
      'nft.json': LISTING,
      'conntrack.txt': '',
      'capture.json': '{"format":1,"capturedAt":"2026-01-31T12:00:00Z"}',
    },
    'node-2': {
      'addr.json': '[]',
      'errors.json': '{"nft.json": {"command": "nft -j list ruleset", "exitStatus": 139, "stderr": "boom"}}',
    },
    'node-3': { 'nft.json': LISTING },
  },
  cluster: {
    'pods.json': JSON.stringify({
      kind: 'List',
      items: [
        {
          kind: 'Pod',
          metadata: { name: 'p', namespace: 'n' },
          spec: { containers: [{ name: 'c', env: [{ value: 'leak' }] }] },
        },
      ],
    }),
    'errors.json': '{"nodes.json": {"command": "kubectl get nodes", "exitStatus": 1, "stderr": "Forbidden"}}',
  },
};
const { signal } = new AbortController();

describe('writing a capture', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let told: string[];
  beforeEach(() => {
    folder = temporaryFolder();
    told = [];
  });
  afterEach(() => folder.remove());

  const write = (
    source: Source,
    out: string,
    more: { nodes?: string[]; signal?: AbortSignal; redaction?: RedactionMaker | undefined } = {},
  ) =>
    writeCapture(
      source,
      {
        out,
        nodes: more.nodes ?? [],
        redaction: more.redaction,
        now: () => new Date('2026-02-01T00:00:00Z'),
        tell: (words) => told.push(words),
      },
      more.signal ?? signal,
    );
  const opened = async (path: string): Promise<Source> => {
    const source = await openPath(path, DEFAULT_LIMITS);
    if (!source.ok) throw new Error(source.problem.say);
    return source.value;
  };
  /** A source that knows how often each node was read, and fails at some. */
  function counting(source: Source, broken: ReadonlySet<string> = new Set()) {
    const reads: string[] = [];
    const counted: Source = {
      ...source,
      async node(name, abort) {
        reads.push(name);
        return broken.has(name) ? failed(sourceProblems.cancelled()) : source.node(name, abort);
      },
    };
    return { source: counted, reads };
  }

  test.each(['out', 'out.tar.gz', 'out.tgz'])('%s opens as the source that it was made from', async (name) => {
    const out = join(folder.path, name);
    const from = fakeSource(BUNDLE);
    expect(await write(from, out)).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
    expect(readdirSync(folder.path)).toEqual([name]);
    const copy = await opened(out);
    expect(await copy.nodes(signal)).toEqual(await from.nodes(signal));
    for (const node of Object.keys(BUNDLE.nodes)) {
      const [left, right] = [await copy.node(node, signal), await from.node(node, signal)];
      if (!left.ok || !right.ok) throw new Error('unreadable');
      expect(left.value.capturedAt).toBe(right.value.capturedAt);
      const contents = (files: typeof left.value.files) =>
        [...files]
          .filter(([file]) => file !== 'capture.json')
          .map(([file, one]) => [file, one.kind === 'read' ? Buffer.from(one.content).toString() : one])
          .sort();
      expect(contents(left.value.files)).toEqual(contents(right.value.files));
    }
    const cluster = await copy.cluster(signal);
    if (!cluster.ok) throw new Error('no cluster');
    expect(cluster.value.files.get('nodes.json')).toMatchObject({ kind: 'failed', failure: { stderr: 'Forbidden' } });
    expect(JSON.stringify([...cluster.value.files])).not.toMatch(/leak/);
  });

  test('a live source has the time at which the capture began', async () => {
    const out = join(folder.path, 'out');
    const live = fakeSource(BUNDLE);
    await write({ ...live, describe: () => ({ kind: 'host', name: 'x', live: true }) }, out);
    expect(JSON.parse(readFileSync(join(out, 'capture.json'), 'utf8'))).toEqual({
      format: 1,
      capturedAt: '2026-02-01T00:00:00.000Z',
    });
  });

  test('only the nodes that are named; one that is not there is named', async () => {
    const out = join(folder.path, 'out');
    await write(fakeSource(BUNDLE), out, { nodes: ['node-3'] });
    expect(readdirSync(join(out, 'nodes'))).toEqual(['node-3']);
    expect(await write(fakeSource(BUNDLE), out, { nodes: ['node-9'] })).toMatchObject({
      ok: false,
      problem: { code: 'SRC-008' },
    });
  });

  test('goes on where it was broken off, and does not read what is there', async () => {
    const out = join(folder.path, 'out.tar.gz');
    const first = counting(fakeSource(BUNDLE), new Set(['node-2']));
    expect(await write(first.source, out)).toEqual({ ok: true, value: { nodes: 2, failed: 1, unread: 0 } });
    expect(existsSync(out)).toBe(false);
    const second = counting(fakeSource(BUNDLE));
    expect(await write(second.source, out)).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
    expect(second.reads).toEqual(['node-2']);
    expect(readdirSync(folder.path)).toEqual(['out.tar.gz']);
  });

  test('what was half written is written anew', async () => {
    const out = join(folder.path, 'out');
    await write(fakeSource(BUNDLE), out, { nodes: ['node-1'] });
    mkdirSync(join(out, '.partial/nodes/node-3'), { recursive: true });
    writeFileSync(join(out, '.partial/nodes/node-3/nft.json'), '{"nftab');
    await write(fakeSource(BUNDLE), out);
    expect(readFileSync(join(out, 'nodes/node-3/nft.json'), 'utf8')).toBe(LISTING);
    expect(readdirSync(out).sort()).toEqual(['capture.json', 'cluster', 'nodes']);
  });

  test.each([false, true])(
    'a live node of which only the ruleset was not read is written, named, and tried again (redacted: %s)',
    async (isRedacted) => {
      const redaction = isRedacted ? redactionMaker(Buffer.alloc(32, 7)) : undefined;
      const live = (bundle: FakeBundle): Source => ({
        ...fakeSource(bundle),
        describe: () => ({ kind: 'host', name: 'x', live: true }),
      });
      const out = join(folder.path, 'out');
      const { nodes } = BUNDLE;
      expect(await write(live({ nodes }), out, { redaction })).toEqual({
        ok: true,
        value: { nodes: 3, failed: 0, unread: 1 },
      });
      expect(told).toContainEqual(expect.stringMatching(/^node-2 .*; nft.json: nft -j list ruleset crashed/));
      const well = counting(live({ nodes: { ...nodes, 'node-2': { 'nft.json': LISTING } } }));
      const value = { nodes: 3, failed: 0, unread: 0 };
      expect(await write(well.source, out, { redaction })).toEqual({ ok: true, value });
      expect(well.reads).toEqual(['node-2']);
      expect(
        readdirSync(join(out, 'nodes')).filter((node) => existsSync(join(out, 'nodes', node, 'errors.json'))),
      ).toEqual([]);
    },
  );

  test('is stopped between nodes', async () => {
    const out = join(folder.path, 'out');
    const stop = new AbortController();
    const source = fakeSource(BUNDLE);
    const stopping: Source = {
      ...source,
      node: async (name, abort) => {
        stop.abort();
        return source.node(name, abort);
      },
    };
    expect(await write(stopping, out, { signal: stop.signal })).toMatchObject({ problem: { code: 'SRC-009' } });
    expect(readdirSync(join(out, 'nodes'))).toEqual([]);
  });

  test.each([
    { name: 'other files', files: { 'notes.txt': 'mine' } },
    { name: 'a redacted capture', files: { 'capture.json': '{"format":1,"redacted":"0123456789abcdef"}' } },
    { name: 'a capture.json of something else', files: { 'capture.json': '{"format":2}' } },
  ])('does not write into a folder with $name', async ({ files }) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    expect(await write(fakeSource(BUNDLE), folder.path)).toMatchObject({ ok: false, problem: { code: 'CAP-001' } });
    expect(readdirSync(folder.path)).toEqual(Object.keys(files));
  });

  test.each(['../up', 'a/b', '.hidden', ''])('a node whose name is %j is not written', async (name) => {
    const source = fakeSource({ nodes: { [name]: { 'nft.json': LISTING } } });
    await expect(write(source, join(folder.path, 'out'))).rejects.toThrow(/name of a folder/);
  });
});
