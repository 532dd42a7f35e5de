import { setMaxListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import { buildCluster } from '@/lib/cluster/build-cluster';
import type { Cluster } from '@/lib/cluster/cluster';
import { parseAddress } from '@/lib/net/address';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { decodeQuestion, reach } from '@/lib/reach/query';
import type { World } from '@/lib/world/world';
import { describeShared } from '@/tests/shared';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS, type RawFiles, type Source } from '../sources/source';
import { redactionBy } from './redaction';

type Renaming = ReturnType<typeof redactionBy>;

const SECRET = Buffer.from('a secret of these tests, 32 byte');
const { signal } = new AbortController();
// Thousands of questions, perhaps on a busy machine.
vi.setConfig({ testTimeout: 300_000 });
setMaxListeners(0, signal);

interface Captured {
  readonly cluster: RawFiles;
  readonly nodes: ReadonlyMap<string, RawFiles>;
}

async function capturedOf(path: string): Promise<Captured> {
  const source = await openPath(path, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  return read(source.value);
}
async function read(source: Source): Promise<Captured> {
  const [entries, cluster] = [await source.nodes(signal), await source.cluster(signal)];
  if (!entries.ok || !cluster.ok) throw new Error('no capture');
  const nodes = new Map<string, RawFiles>();
  for (const { name } of entries.value) {
    const node = await source.node(name, signal);
    if (!node.ok) throw new Error(node.problem.say);
    nodes.set(name, node.value.files);
  }
  return { cluster: cluster.value.files, nodes };
}

function redacted({ cluster, nodes }: Captured): { readonly after: Captured; readonly redaction: Renaming } {
  const redaction = redactionBy(SECRET, cluster);
  return {
    redaction,
    after: {
      cluster: redaction.clusterFiles(cluster),
      nodes: new Map([...nodes].map(([name, files]) => [redaction.node(name), redaction.nodeFiles(files)])),
    },
  };
}

function networkOf({ cluster, nodes }: Captured): Network {
  const worlds = new Map<string, World>();
  for (const [node, files] of nodes)
    worlds.set(node, openNode({ node, files, cluster, capturedAt: undefined, version: '' }).world);
  return buildNetwork(clusterOf(cluster), worlds);
}

/** An unknown list is an empty one here. */
function objectsOf(files: RawFiles) {
  const { services, pods, nodes, namespaces } = clusterOf(files);
  const list = <T>(known: { readonly known: true; readonly value: readonly T[] } | { readonly known: false }) =>
    known.known ? known.value : [];
  return { services: list(services), pods: list(pods), nodes: list(nodes), namespaces: list(namespaces) };
}

function clusterOf(files: RawFiles): Cluster {
  const decoder = new TextDecoder();
  return buildCluster(
    new Map(
      [...files].map(([name, one]) => [
        name,
        one.kind === 'read' ? { kind: 'read' as const, content: decoder.decode(one.content) } : one,
      ]),
    ),
  ).cluster;
}

type Question = { readonly [key: string]: unknown };

/** The same question, or answer, with the other names and addresses. */
function renamed(value: unknown, redaction: Renaming): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, redaction)).sort();
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamed(one, redaction)]));
  if (typeof value !== 'string') return value;
  const alone = redaction.address(value);
  if (alone !== undefined) return alone;
  const [, host, port] = /^\[?([0-9a-f.:]+?)\]?(?::(\d+))?$/.exec(value) ?? [];
  if (host !== undefined && parseAddress(host) !== undefined) {
    const address = redaction.address(host) ?? host;
    return port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }
  if (value.includes('/'))
    return value
      .split('/')
      .map((part) => (part === 'external' ? part : redaction.node(part)))
      .join('/');
  return value;
}

/** What decides: words, probabilities, backends, sources and the deciding place; sentences name things their own way. */
function essence(answer: ReturnType<typeof reach>, rename: (value: unknown) => unknown): unknown {
  if ('undecided' in answer) return { undecided: answer.undecided.length };
  const { result, results, backends, sourceSeenByBackend, node, by } = answer;
  return {
    result,
    results,
    backends: rename([...backends].sort()),
    sources: rename([...sourceSeenByBackend].sort()),
    node: node === undefined ? undefined : rename(`${node}/`),
    handle: by !== undefined && 'handle' in by ? by.handle : undefined,
    assumed: answer.assumed.length,
  };
}

function ask(before: Network, after: Network, questions: readonly Question[], redaction: Renaming) {
  const different: unknown[] = [];
  let answered = 0;
  for (const question of questions) {
    const asked = decodeQuestion(question, before);
    const { from, ...rest } = question;
    const other: Question = {
      ...(renamed(rest, redaction) as Question),
      via: rest.via === undefined ? undefined : redaction.node(String(rest.via)),
      dstNode: rest.dstNode === undefined ? undefined : redaction.node(String(rest.dstNode)),
      from: renamedFrom(from, redaction),
    };
    const again = decodeQuestion(other, after);
    if (!asked.ok || !again.ok) {
      if (asked.ok !== again.ok) different.push({ question, asked, again, other });
      continue;
    }
    answered += 1;
    const left = essence(reach(before, asked.value), (value) => renamed(value, redaction));
    const right = essence(reach(after, again.value), (value) => (Array.isArray(value) ? [...value].sort() : value));
    if (JSON.stringify(left) !== JSON.stringify(right)) different.push({ question, other, left, right });
  }
  return { different, answered };
}

function renamedFrom(from: unknown, redaction: Renaming): unknown {
  if (typeof from !== 'object' || from === null) return from;
  const { node, pod } = from as { node?: string; pod?: string };
  const parts = pod?.split('/').map((part) => redaction.node(part));
  return {
    ...(node !== undefined && { node: redaction.node(node) }),
    ...(parts !== undefined && { pod: parts.join('/') }),
  };
}

/** From some pods, every node and outside to every port of every Service. */
function questionsOf({ cluster, nodes }: Captured, podsMax: number): readonly Question[] {
  const { services, pods } = objectsOf(cluster);
  const sources: Question[] = [
    ...[...nodes.keys()].map((node) => ({ from: { node } })),
    ...pods
      .filter(({ hostNetwork, addresses }) => !hostNetwork && addresses.length > 0)
      .slice(0, podsMax)
      .map(({ namespace, name }) => ({ from: { pod: `${namespace}/${name}` } })),
  ];
  return services.flatMap(({ clusterIPs, loadBalancerIPs, ports }) =>
    ports.flatMap(({ port, protocol }) =>
      [...clusterIPs, ...loadBalancerIPs].flatMap((dst) =>
        sources.map((source) => ({ ...source, dst, dport: port, protocol: protocol.toLowerCase() })),
      ),
    ),
  );
}

const SPECIAL = /^(0\.|127\.|169\.254\.|22[4-9]\.|2[345]\d\.|::1?$|f[ef][0-9a-f]{2}:)/;

/** Names and addresses of the original that are still there. */
function leaks(before: Captured, after: Captured): readonly string[] {
  const { services, pods, nodes, namespaces } = objectsOf(before.cluster);
  const secret = new Set<string>();
  for (const name of [...services, ...pods, ...nodes, ...namespaces].flatMap((one) => [
    one.name,
    'namespace' in one ? one.namespace : '',
  ]))
    if (!/^(default|kube-.*|kubernetes|coredns.*|)$/.test(name)) secret.add(name);
  for (const one of [...pods, ...nodes]) for (const address of one.addresses) secret.add(address);
  for (const one of services)
    for (const address of [...one.clusterIPs, ...one.loadBalancerIPs, ...one.externalIPs]) secret.add(address);
  const found = new Set<string>();
  for (const [where, files] of [...after.nodes, ['cluster', after.cluster] as const])
    for (const [file, reading] of files) {
      const text = reading.kind === 'read' ? Buffer.from(reading.content).toString() : JSON.stringify(reading);
      if (file === 'versions.json' || file === 'version.json') continue;
      for (const word of text.split(/[^\w.:-]+/))
        for (const part of new Set([word, ...word.split(':'), word.replace(/:\d+$/, '')]))
          if (secret.has(part) && !SPECIAL.test(part)) found.add(`${where}/${file}: ${part}`);
    }
  return [...found];
}

/** Names of the captures that are words of nft's JSON as well. */
const isWordOfTheFormat = (leak: string): boolean => /nft\.json: data$/.test(leak);

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));

describe('a redacted capture of the demo', () => {
  test('answers every question as before, up to the renaming', async () => {
    const before = await capturedOf(DEMO);
    const { after, redaction } = redacted(before);
    const { different, answered } = ask(networkOf(before), networkOf(after), questionsOf(before, 5), redaction);
    expect(different.slice(0, 3)).toEqual([]);
    expect(answered).toBeGreaterThan(300);
  });

  test('has no name and no address of the original', async () => {
    const before = await capturedOf(DEMO);
    const { after } = redacted(before);
    expect(leaks(before, after).filter((leak) => !isWordOfTheFormat(leak))).toEqual([]);
  });

  test('by the same secret is the same, by another one another', async () => {
    const before = await capturedOf(DEMO);
    const text = (files: RawFiles) =>
      [...files].map(([, one]) => (one.kind === 'read' ? Buffer.from(one.content).toString() : ''));
    const by = (secret: Buffer) => text(redactionBy(secret, before.cluster).clusterFiles(before.cluster));
    expect(by(SECRET)).toEqual(by(SECRET));
    expect(by(SECRET)).not.toEqual(by(Buffer.from('another secret of these tests…')));
  });
});

describeShared('redacted captures of measured clusters', (shared) => {
  const folder = join(shared, 'captures');
  test.each(['shop-3node', 'shop-kube-proxy-1.33', 'shop-iptables-node'])(
    '%s: every measured row as before',
    async (name) => {
      const before = await capturedOf(join(folder, name));
      const { after, redaction } = redacted(before);
      const rows = JSON.parse(readFileSync(join(folder, name, 'connectivity.json'), 'utf8')) as readonly Question[];
      const asked = rows.map(({ from, srcIP, via, dstNode, dst, dport, protocol }) => ({
        from,
        srcIP,
        via,
        dstNode,
        dst,
        dport,
        protocol,
      }));
      const { different, answered } = ask(networkOf(before), networkOf(after), asked, redaction);
      expect(different.slice(0, 3)).toEqual([]);
      expect(answered).toBe(rows.length);
      expect(leaks(before, after).filter((leak) => !isWordOfTheFormat(leak))).toEqual([]);
    },
  );

  test('every fault is found at the same place', async () => {
    const different: unknown[] = [];
    for (const file of readdirSync(join(folder, 'faults')).filter((one) => one.endsWith('.tar.gz'))) {
      const before = await capturedOf(join(folder, 'faults', file));
      const { after, redaction } = redacted(before);
      const asked = ask(
        networkOf(before),
        networkOf(after),
        questionsOf(before, 1).filter((_, index) => index % 9 === 0),
        redaction,
      );
      if (asked.different.length > 0) different.push([file, asked.different.length, asked.different[0]]);
      const left = leaks(before, after).filter((leak) => !isWordOfTheFormat(leak));
      if (left.length > 0) different.push([file, left]);
    }
    expect(different).toEqual([]);
  }, 300_000);
});
