import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '@/lib/net/result';
import { accessTo } from '../../tests/kube/access-to';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { RecordedAgent } from '../../tests/kube/recorded-agent';
import { agentPod, TOKEN } from '../../tests/kube/start-shop';
import { clusterSource } from '../kube/cluster-source';
import { captureOf } from './capture';
import { HOST_COMMANDS, hostSource } from './host-source';
import { openBytes, openPath } from './open-source';
import { singleFlight } from './single-flight';
import { DEFAULT_LIMITS, type Source } from './source';
import { fakeSource } from './testing/fake-source';
import { makeTarGz, temporaryFolder, writeTree } from './testing/make-bundle';

const LISTING = '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "x", "json_schema_version": 1}}]}';
const ERRORS = JSON.stringify({
  'conntrack.txt': { command: 'conntrack -L', exitStatus: 1, stderr: 'you must be root' },
});
const FILES = {
  // Larger than the chunks of a stream, and not compressible to less.
  'big.bin': Array.from({ length: 60_000 }, (_, i) => ((i * 2_654_435_761) % 4_294_967_296).toString(36)).join(''),
  'nodes/node-1/nft.json': LISTING,
  'nodes/node-1/conntrack.txt': '',
  'nodes/node-1/errors.json': ERRORS,
  'nodes/node-2/nft.json': LISTING,
  'nodes/node-2/notes.md': 'unknown files are ignored',
  'cluster/pods.json': '{"items": []}',
  'README.md': 'ignored too',
};
const signal = () => new AbortController().signal;
const folder = temporaryFolder();
afterAll(folder.remove);
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
});

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.say}`);
  return result.value;
}

const under = (top: string) => Object.entries(FILES).map(([path, text]) => [top + path, text] as const);
const program = (name: string) => join(folder.path, 'bin', name);
const script = (body: string) => `#!/bin/sh\n${body}\n`;

interface Subject {
  readonly name: string;
  readonly open: () => Promise<Source>;
  readonly nodes: readonly string[];
  readonly hasCluster: boolean;
  readonly fails: string | undefined;
  readonly isUnread?: boolean;
}

const bundle = { nodes: ['node-1', 'node-2'], hasCluster: true, fails: 'conntrack.txt' };
const subjects: readonly Subject[] = [
  {
    name: 'fake',
    ...bundle,
    open: async () =>
      fakeSource({
        nodes: {
          'node-1': { 'nft.json': LISTING, 'conntrack.txt': '', 'errors.json': ERRORS },
          'node-2': { 'nft.json': LISTING },
        },
        cluster: { 'pods.json': '{"items": []}' },
      }),
  },
  {
    name: 'folder',
    ...bundle,
    open: async () => value(await openPath(writeTree(join(folder.path, 'a'), FILES), DEFAULT_LIMITS)),
  },
  {
    name: 'folder with a top folder',
    ...bundle,
    open: async () =>
      value(await openPath(writeTree(join(folder.path, 'b'), Object.fromEntries(under('shop/'))), DEFAULT_LIMITS)),
  },
  {
    name: 'tar.gz',
    ...bundle,
    open: async () => value(openBytes('shop.tar.gz', await makeTarGz(under('')), DEFAULT_LIMITS)),
  },
  {
    name: 'tar.gz with a top folder, ./',
    ...bundle,
    open: async () => value(openBytes('shop.tar.gz', await makeTarGz(under('./shop/')), DEFAULT_LIMITS)),
  },
  {
    name: 'listing',
    nodes: ['node'],
    hasCluster: false,
    fails: undefined,
    open: async () =>
      value(
        await openPath(join(writeTree(join(folder.path, 'c'), { 'nft.json': LISTING }), 'nft.json'), DEFAULT_LIMITS),
      ),
  },
  {
    name: 'uploaded listing',
    nodes: ['node'],
    hasCluster: false,
    fails: undefined,
    open: async () => value(openBytes('nft.json', new TextEncoder().encode(LISTING), DEFAULT_LIMITS)),
  },
  {
    name: 'this host',
    nodes: [hostname()],
    hasCluster: false,
    fails: 'conntrack.txt',
    isUnread: true,
    open: async () => hostSource({ ...HOST_COMMANDS, program, limits: { milliseconds: 5000, bytes: 1e6 } }),
  },
  {
    name: 'cluster, by agents',
    ...bundle,
    isUnread: true,
    open: () => openTestCluster(),
  },
];

/** Two nodes behind a fake API server, each with an agent that serves the readings of the bundle. */
async function openTestCluster(): Promise<Source> {
  const api = await new FakeApiServer().start();
  stops.push(() => api.stop());
  for (const node of bundle.nodes) {
    const reading = captureOf(new Map(filesOf(node))).files;
    const agent = await new RecordedAgent(node, reading, TOKEN).start();
    stops.push(() => agent.stop());
    api.store.set('nodes', { metadata: { name: node } });
    api.store.set('pods', agentPod(node, agent.port));
    api.proxied.set(`nftscope/agent-${node}:${agent.port}`, agent.url);
  }
  return clusterSource({ access: accessTo(api), agentToken: async () => TOKEN });
}

const filesOf = (node: string) =>
  Object.entries(FILES).flatMap(([path, text]) => {
    const name = path.startsWith(`nodes/${node}/`) ? (path.split('/')[2] ?? '') : '';
    return /\.(json|txt)$/.test(name) ? [[name, new TextEncoder().encode(text)] as const] : [];
  });

beforeAll(() => {
  const scripts = {
    'bin/nft': script(
      `case "$*" in "-j list ruleset") echo '${LISTING}';; --version) echo 'nftables v1.0.6 (Lester Gooch #5)';; esac`,
    ),
    'bin/ip': script('echo "[]"'),
    'bin/conntrack': script('echo "you must be root" >&2; exit 1'),
    'bin/ss': script('true'),
  };
  writeTree(folder.path, scripts, 0o755);
});

describe.each(
  subjects.flatMap((subject) => [
    subject,
    { ...subject, name: `${subject.name}, single flight`, open: async () => singleFlight(await subject.open()) },
  ]),
)('$name', (subject) => {
  test('names its nodes, sorted', async () => {
    const entries = value(await (await subject.open()).nodes(signal()));
    expect(entries.map(({ name }) => name)).toEqual(subject.nodes);
    expect(entries.every(({ listing }) => listing === (subject.isUnread === true ? 'unread' : 'present'))).toBe(true);
  });

  test('gives the listing of a node as bytes', async () => {
    const source = await subject.open();
    const capture = value(await source.node(subject.nodes[0] ?? '', signal()));
    const reading = capture.files.get('nft.json');
    expect(reading?.kind === 'read' && new TextDecoder().decode(reading.content).trim()).toBe(LISTING);
    expect(capture.files.has('notes.md')).toBe(false);
    expect(capture.files.has('errors.json')).toBe(false);
  });

  test('a reading that failed is failed, not empty', async () => {
    if (subject.fails === undefined) return;
    const capture = value(await (await subject.open()).node(subject.nodes[0] ?? '', signal()));
    expect(capture.files.get(subject.fails)).toMatchObject({
      kind: 'failed',
      failure: { exitStatus: 1, stderr: expect.stringContaining('you must be root') },
    });
  });

  test('the same content has the same hash', async () => {
    const source = await subject.open();
    const node = subject.nodes[0] ?? '';
    const [one, two] = [value(await source.node(node, signal())), value(await source.node(node, signal()))];
    if (source.describe().live) expect(one.hash).toMatch(/^[0-9a-f]{32}$/);
    else expect(one.hash).toBe(two.hash);
  });

  test('a node that is not there is a problem', async () => {
    const result = await (await subject.open()).node('../node-1', signal());
    expect(result.ok ? 'found' : result.problem.code).toBe('SRC-008');
  });

  test('the cluster: files, or none', async () => {
    expect(value(await (await subject.open()).cluster(signal())).files.has('pods.json')).toBe(subject.hasCluster);
  });

  test('cancelled before it began', async () => {
    const result = await (await subject.open()).node(subject.nodes[0] ?? '', AbortSignal.abort());
    expect(result.ok ? 'read' : result.problem.code).toBe('SRC-009');
  });
});
