/** One question from every node of the demo cluster. What is expected was recorded there: its connectivity.json. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { policiesOfGroups } from '@/lib/api/whole-path';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS } from '../sources/source';
import { lookAt } from './look-at';
import { Paths } from './paths';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const { signal } = new AbortController();

async function demo(keep?: number) {
  const source = await openPath(DEMO, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const described = await lookAt(source.value);
  if (!described.ok) throw new Error(described.problem.say);
  return { paths: new Paths('demo', source.value, keep), described: described.value };
}
async function asked(to: string) {
  const { paths, described } = await demo();
  return paths.everyNode({ to }, described, signal);
}
async function groups(to: string) {
  const found = await asked(to);
  if (!found.ok) throw new Error(found.problem.say);
  return found.value.map(({ results, askers, say }) => ({
    words: results.map(({ word }) => word).join(' '),
    askers: askers.map(({ kind, node }) => `${kind} ${node}`),
    say,
  }));
}

test('a Service whose endpoints are local: the node without one is the odd one out, and its pod', async () => {
  const found = await groups('svc:monitoring/otel-agent:statsd');
  expect(found.map(({ words, askers }) => [words, ...askers])).toEqual([
    ['ok', 'node node-1', 'pod node-1', 'node node-2', 'pod node-2'],
    ['eperm', 'node node-3'],
    ['timeout', 'pod node-3'],
  ]);
  expect(found[1]?.say).toMatch(/no endpoint on its node/);
});

test('a load balancer that only takes nodes: all pods are refused for one reason, said once', async () => {
  const found = await groups('203.0.113.12:80');
  expect(found.map(({ words, askers }) => [words, ...askers])).toEqual([
    ['ok', 'node node-1', 'node node-2', 'node node-3'],
    ['timeout', 'pod node-1', 'pod node-2', 'pod node-3'],
  ]);
  expect(found[1]?.say).toMatch(/its address is not in the source ranges of shop\/payments/);
});

test('a target that is not there is one problem, not one for each node', async () => {
  expect(await asked('svc:shop/nothing')).toMatchObject({ ok: false, problem: { code: 'REF-004' } });
});

test.each([
  ['a target without a port', { to: 'external' }, 'REF-009'],
  ['a protocol that no path is followed of', { to: '10.244.1.4', protocol: 'gre' }, 'REF-012'],
  ['a protocol of the other family', { to: '10.244.1.4', protocol: 'icmpv6' }, 'REF-008'],
  ['no protocol', { to: '10.244.1.4:80', protocol: 'tpc' }, 'REF-001'],
])('%s is one problem, and nobody is asked', async (_, question, code) => {
  const { paths, described } = await demo();
  const found = await paths.everyNode(question, described, signal, () => expect.unreachable());
  expect(found).toMatchObject({ ok: false, problem: { code } });
});

test('an echo from every node: the kernel of a pod answers it', async () => {
  const { paths, described } = await demo();
  const found = await paths.everyNode({ to: 'data/postgres-0', protocol: 'icmp' }, described, signal);
  if (!found.ok) throw new Error(found.problem.say);
  expect(found.value.map(({ results, askers }) => [results.map(({ word }) => word), askers.length])).toEqual([
    [['ok'], 6],
  ]);
});

/** The demo's only policy lets pods app=api of shop reach postgres of data on 5432. Nodes cannot be selected. */
test('what NetworkPolicies ask is said of each asker', async () => {
  const { paths, described } = await demo();
  const found = await paths.everyNode({ to: 'data/postgres-1:5432' }, described, signal);
  if (!found.ok) throw new Error(found.problem.say);
  const said = policiesOfGroups(found.value);
  const of = (asker: string) => said.find(({ askers }) => askers.includes(asker))?.say;
  expect(of('kube-system/coredns-7c65d6cfc9-q8v7n')).toMatch(
    /^NetworkPolicies do not allow it\. The rules do otherwise/,
  );
  // A node may always talk with its own pods (networking.k8s.io/v1).
  expect(of('node-3')).toBe('NetworkPolicies allow it.');
  expect(of('node-1')).toMatch(/^NetworkPolicies do not allow it\./);
});

test.each([
  // What was measured there: 20 times ok, 2 times refused; the last was not.
  ['svc:shop/api:http', { of: 20, agree: 20, isUndecided: false, results: [{ word: 'ok', count: 20 }] }],
  [
    'svc:shop/inventory:http',
    { of: 2, agree: 2, isUndecided: false, results: [{ word: 'icmp-port-unreachable', count: 2 }] },
  ],
  ['10.99.151.112:81', null],
])('measured connections from a pod to %s', async (to, want) => {
  const { paths, described } = await demo();
  const found = await paths.measured({ question: { from: 'shop/web-6d4f8b7c9-2hxkz', to } }, described, signal);
  expect(found).toEqual({ ok: true, value: want });
});

test('a path over more nodes than are kept open ends', async () => {
  const { paths, described } = await demo(1);
  const question = { question: { from: 'shop/web-6d4f8b7c9-2hxkz', to: 'svc:shop/api:http' } };
  const view = await paths.view(question, described, signal);
  if (!view.ok) throw new Error(view.problem.say);
  expect(view.value.results.map(({ word, probability }) => [word, probability])).toEqual([['ok', 1]]);
});
