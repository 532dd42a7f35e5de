/** Questions of reachability over the demo capture: parts of it missing, pods that have ended, bad questions. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import type { Cluster, Pod } from '@/lib/cluster/cluster';
import { decodeAsked } from '@/lib/findings/asked';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { decodeQuestion, type ReachAnswer, reach } from '@/lib/reach/query';
import type { World } from '@/lib/world/world';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';

const DEMO = fileURLToPath(new URL('../public/demo/shop-3node.tar.gz', import.meta.url));

let cluster: Cluster;
const worlds = new Map<string, World>();
beforeAll(async () => {
  const { signal } = new AbortController();
  const source = await openPath(DEMO, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const files = await source.value.cluster(signal);
  if (!files.ok) throw new Error(files.problem.say);
  for (const node of ['node-1', 'node-2', 'node-3']) {
    const capture = await source.value.node(node, signal);
    if (!capture.ok) throw new Error(capture.problem.say);
    const opened = openNode({
      node,
      files: capture.value.files,
      cluster: files.value.files,
      capturedAt: undefined,
      version: '',
    });
    cluster = opened.cluster.cluster;
    worlds.set(node, opened.world);
  }
});

const API = { dst: '10.99.151.112', dport: 80, protocol: 'TCP' };
const API_POD = { dst: '10.244.2.4', dport: 8080, protocol: 'TCP' };
const NODE_1 = { from: { node: 'node-1' } };
/** As {@link buildCluster} says it of a capture. */
const unread = (part: string) => ({ known: false, why: `cluster/${part.toLowerCase()}.json was not read` }) as const;

type Change = (whole: Cluster) => Cluster;
const whole: Change = (all) => all;
const without =
  (...parts: readonly ('pods' | 'endpointSlices' | 'services')[]): Change =>
  (all) => ({ ...all, ...Object.fromEntries(parts.map((part) => [part, unread(part)])) });

function networkOf(change: Change, nodes: readonly string[] = [...worlds.keys()]): Network {
  return buildNetwork(change(cluster), new Map([...worlds].filter(([name]) => nodes.includes(name))));
}

function answerTo(question: object, network: Network): ReturnType<typeof reach> {
  const asked = decodeQuestion({ ...question }, network);
  if (!asked.ok) throw new Error(`${asked.problem.path}: ${asked.problem.say}`);
  return reach(network, asked.value);
}
function decided(question: object, network: Network): ReachAnswer {
  const answer = answerTo(question, network);
  if ('undecided' in answer) throw new Error(answer.undecided.map(({ say }) => say).join(' '));
  return answer;
}
const codes = (question: object, network: Network): readonly string[] => {
  const answer = answerTo(question, network);
  return 'undecided' in answer ? answer.undecided.map(({ code }) => code) : ['decided'];
};

describe('what is not in the capture', () => {
  test('without pods endpoints tell whose an address is, and it is never a Service', () => {
    const { backends } = decided({ ...NODE_1, ...API }, networkOf(without('pods')));
    expect(backends).toEqual(decided({ ...NODE_1, ...API }, networkOf(whole)).backends);
    expect(decided({ ...NODE_1, ...API_POD }, networkOf(without('pods'))).backends).toEqual([
      'shop/api-5b8c9d6f7-c2mvl',
    ]);
  });
  test.each([
    { name: 'a pod’s port that no endpoint has', question: { ...API_POD, dport: 8081 }, change: without('pods') },
    {
      name: 'a port of a node',
      question: { dst: '10.240.0.12', dport: 9100, protocol: 'TCP' },
      change: without('pods', 'endpointSlices'),
    },
    { name: 'an address that nobody names', question: API_POD, change: without('pods', 'endpointSlices') },
  ])('$name is undecided', ({ question, change }) => {
    expect(codes({ ...NODE_1, ...question }, networkOf(change))).not.toContain('decided');
  });
  test('a health check is answered by a Service that was not read', () => {
    const question = { from: 'external', dst: '10.240.0.12', dport: 30991, protocol: 'TCP' };
    const answer = answerTo(question, networkOf(without('services')));
    if (!('undecided' in answer)) throw new Error(answer.result);
    expect(answer.undecided.map(({ say }) => say).join(' ')).toMatch(/cluster\/services\.json/);
  });
  test('of a live cluster a missing right is told, and nobody is sent to capture', () => {
    const why = 'cluster/services.json: GET /api/v1/services failed: missing right: list services (API group "")';
    const refused: Change = (all) => ({ ...all, services: { known: false, why } });
    const question = { from: 'external', dst: '10.240.0.12', dport: 30991, protocol: 'TCP' };
    const answer = answerTo(question, networkOf(refused));
    if (!('undecided' in answer)) throw new Error(answer.result);
    const said = answer.undecided.map(({ say, settle }) => `${say} ${settle}`).join(' ');
    expect(said).toMatch(/missing right: list services \(API group ""\)\. Grant the right/);
    expect(said).not.toMatch(/in the capture|Capture/);
  });
  test('a rule that rejects is said to reject, one that drops to drop', () => {
    // shop/inventory has no endpoints: kube-proxy rejects. 203.0.113.12 takes nodes only: it drops.
    const web = { from: { pod: 'shop/web-6d4f8b7c9-2hxkz' }, protocol: 'TCP', dport: 80 };
    const rejected = decided({ ...web, dst: '10.106.32.181' }, networkOf(whole));
    expect([rejected.result, rejected.by?.verdict]).toEqual(['icmp-port-unreachable', 'reject']);
    const dropped = decided({ ...web, dst: '203.0.113.12' }, networkOf(whole));
    expect([dropped.result, dropped.by?.verdict]).toEqual(['timeout', 'drop']);
  });
  test('an address that the pods would name', () => {
    const network = networkOf(without('pods', 'endpointSlices', 'services'));
    expect(codes({ ...NODE_1, dst: '10.244.1.4', dport: 8080, protocol: 'TCP' }, network)).toEqual([
      'objects-not-read',
    ]);
    expect(decodeQuestion({ from: { pod: 'shop/api-5b8c9d6f7-c2mvl' }, ...API }, network)).toMatchObject({
      ok: false,
      problem: { code: 'REF-007' },
    });
  });
  test('an address that endpoints would name: the right is said', () => {
    const why = 'missing right: list endpointslices (API group "discovery.k8s.io")';
    const refused: Change = (all) => ({ ...all, endpointSlices: { known: false, why } });
    const from = { pod: 'shop/web-6d4f8b7c9-2hxkz' };
    const answer = answerTo({ from, dst: '198.18.7.7', dport: 1521, protocol: 'TCP' }, networkOf(refused));
    if (!('undecided' in answer)) throw new Error(answer.result);
    expect(answer.undecided.map(({ say, settle }) => `${say} ${settle}`)).toEqual([
      `Whose address 198.18.7.7 is, is not known: ${why}. Grant the right to nftscope (docs/cluster.md).`,
    ]);
  });
  test('a node that was not captured is the one that lacks', () => {
    const answer = answerTo({ ...NODE_1, ...API_POD }, networkOf(whole, ['node-2']));
    if (!('undecided' in answer)) throw new Error(answer.result);
    expect(answer.undecided.map(({ settle }) => settle)).toEqual(['Capture node-1.']);
  });
  test('what is taken to listen is said', () => {
    const { assumed } = decided({ ...NODE_1, ...API_POD }, networkOf(whole));
    expect(assumed.join(' ')).toMatch(/api-5b8c9d6f7-c2mvl on port 8080\/tcp is taken to listen/);
    const kubelet = decided({ from: 'external', dst: '10.240.0.13', dport: 10250, protocol: 'TCP' }, networkOf(whole));
    expect(kubelet.result).toBe('refused');
    expect(kubelet.assumed.join(' ')).toMatch(/node-3 at 10\.240\.0\.13 port 10250\/tcp is taken not to listen/);
  });
  test('a node that was not captured passes the packets of its pods on, and knows nothing of Services', () => {
    const network = networkOf(whole, ['node-2']);
    const from = { from: { pod: 'shop/api-5b8c9d6f7-8tqwn' } };
    const answer = decided({ ...from, ...API_POD }, network);
    expect([answer.result, answer.sourceSeenByBackend]).toEqual(['ok', ['10.244.1.4']]);
    expect(answer.assumed.filter((say) => say.includes('node-1 is not in the capture'))).toHaveLength(1);
    expect(codes({ ...from, ...API }, network)).toEqual(['outside-capture']);
  });
});

describe('who answers', () => {
  test('a pod that has ended has no address', () => {
    const ended: Change = (all) => {
      if (!all.pods.known) throw new Error('no pods');
      const model = all.pods.value.find(({ name }) => name === 'api-5b8c9d6f7-c2mvl') as Pod;
      const job: Pod = { ...model, name: 'job-done', phase: 'Succeeded' };
      return { ...all, pods: { known: true, value: [...all.pods.value, job] } };
    };
    const network = networkOf(ended);
    expect(decided({ ...NODE_1, ...API_POD }, network).backends).toEqual(['shop/api-5b8c9d6f7-c2mvl']);
    expect(decodeQuestion({ from: { pod: 'shop/job-done' }, ...API }, network)).toMatchObject({ ok: false });
  });
  test.each([
    { dst: '0.0.0.0', want: ['refused', []] },
    { dst: '10.244.1.4', want: ['ok', ['10.244.1.1']] },
    { dst: '10.244.2.4', want: ['ok', ['10.240.0.11']] },
  ])('node-1 to $dst: the source is that of the route', ({ dst, want }) => {
    const { result, sourceSeenByBackend } = decided({ ...NODE_1, dst, dport: 8080, protocol: 'TCP' }, networkOf(whole));
    expect([result, sourceSeenByBackend]).toEqual(want);
  });
  test.each([
    { dport: 8080, want: 'ok' },
    { dport: 8081, want: 'refused' },
  ])('what a pod asks of its own loopback address stays in it: port $dport', ({ dport, want }) => {
    const question = { from: { pod: 'shop/api-5b8c9d6f7-c2mvl' }, dst: '127.0.0.1', dport, protocol: 'TCP' };
    expect(decided(question, networkOf(whole)).result).toBe(want);
  });
  test.each([
    { question: { dst: '127.0.0.1', protocol: 'ICMP' }, want: ['ok', ['127.0.0.1']] },
    { question: { dst: '::1', protocol: 'ICMP' }, want: ['ok', ['::1']] },
    { question: { dst: '127.0.0.1', dport: 9999, protocol: 'UDP' }, want: ['icmp-port-unreachable', []] },
    { question: { dst: '::1', dport: 9999, protocol: 'UDP' }, want: ['icmp6-port-unreachable', []] },
    {
      question: { dst: '127.0.0.1', dport: 8080, protocol: 'TCP', srcIP: '10.244.2.4' },
      want: ['ok', ['10.244.2.4']],
    },
  ])('in the words of the kernel: $question', ({ question, want }) => {
    const from = { pod: 'shop/api-5b8c9d6f7-c2mvl' };
    const { result, sourceSeenByBackend } = decided({ from, ...question }, networkOf(whole));
    expect([result, sourceSeenByBackend]).toEqual(want);
  });
  test('whether the kernel of the pod knows SCTP nobody captured', () => {
    const question = { from: { pod: 'shop/api-5b8c9d6f7-c2mvl' }, dst: '127.0.0.1', dport: 1, protocol: 'SCTP' };
    expect(codes(question, networkOf(whole))).toEqual(['pod-protocol']);
  });
  test('an echo needs no port', () => {
    expect(decided({ ...NODE_1, dst: '10.244.2.4', protocol: 'ICMP' }, networkOf(whole))).toMatchObject({
      result: 'ok',
      backends: ['shop/api-5b8c9d6f7-c2mvl'],
    });
  });
});

test.each([
  { name: 'a port too high', question: { ...NODE_1, ...API, dport: 70_000 }, path: 'dport', say: /70000/ },
  { name: 'a source that is no text', question: { ...NODE_1, ...API, srcIP: 5 }, path: 'srcIP', say: /5/ },
  { name: 'a list of sources', question: { ...NODE_1, ...API, srcIP: ['10.0.0.1'] }, path: 'srcIP', say: /10/ },
  { name: 'a port below 0', question: { ...NODE_1, ...API, dport: -1 }, path: 'dport', say: /-1/ },
  { name: 'no port', question: { ...NODE_1, ...API, dport: undefined }, path: 'dport', say: /undefined/ },
  {
    name: 'a node that is not there',
    question: { from: { node: 'node-l' }, ...API },
    path: 'from.node',
    say: /Like it: node-1/,
  },
  {
    name: 'an entry that is not there',
    question: { from: 'external', via: 'nodes-2', ...API },
    path: 'via',
    say: /Like it: node-2/,
  },
  {
    name: 'two entries that contradict each other',
    question: { from: 'external', node: 'node-1', via: 'node-2', ...API },
    path: 'via',
    say: /node-1.*node-2/,
  },
  {
    name: 'ICMPv6 to an IPv4 address',
    question: { ...NODE_1, dst: '10.244.2.4', protocol: 'ICMPv6' },
    path: 'protocol',
    say: /IPv4/,
  },
  {
    name: 'a pod on another node',
    question: { from: { pod: 'shop/api-5b8c9d6f7-c2mvl', node: 'node-1' }, ...API },
    path: 'from.node',
    say: /is on node-2, not on node-1/,
  },
])('$name is an error', ({ question, path, say }) => {
  const asked = decodeQuestion({ ...question }, networkOf(whole));
  expect(asked.ok ? undefined : asked.problem).toMatchObject({ path, say: expect.stringMatching(say) });
});

test('the node of a question from outside is where it enters', () => {
  const asked = decodeQuestion({ from: 'external', node: 'node-3', ...API }, networkOf(whole));
  expect(asked.ok && asked.value.client).toMatchObject({ kind: 'outside', via: 'node-3' });
});

test('asked of findings, two entries that contradict each other are an error as well', () => {
  const question = { from: 'external:203.0.113.7', node: 'node-1', ...API };
  expect(decodeAsked({ ...question, via: 'node-2' }, networkOf(whole))).toMatchObject({
    ok: false,
    problem: { code: 'REACH-001', path: 'via' },
  });
  const asked = decodeAsked(question, networkOf(whole));
  expect(asked.ok && asked.value.client).toEqual({ kind: 'outside', via: 'node-1', address: '203.0.113.7' });
});
