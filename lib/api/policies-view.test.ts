/** Policies beside traces. Expectations are worked out by hand from what each policy says and each packet does. */
import { describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build-cluster';
import type { Cluster } from '../cluster/cluster';
import { resolvePlace } from '../cluster/place';
import type { PacketView } from '../net/packet-view';
import type { Branch, Fate, Step, Trace } from '../sim/trace';
import { policiesFact, policiesText } from './policies-text';
import { hasPolicies, policiesOfTrace } from './policies-view';

const read = (...items: unknown[]) => ({ kind: 'read', content: JSON.stringify({ items }) }) as const;
const pod = (name: string, ip: string, node: string, app: string) => ({
  metadata: { namespace: 'shop', name, labels: { app } },
  spec: { nodeName: node, containers: [{ ports: [{ containerPort: 8080 }] }] },
  status: { phase: 'Running', podIP: ip },
});
const node = (name: string, ip: string) => ({
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address: ip }] },
});
const policy = (name: string, spec: object) => ({ metadata: { namespace: 'shop', name }, spec });

function clusterOf(...policies: object[]): Cluster {
  return buildCluster(
    new Map([
      [
        'pods.json',
        read(
          pod('web', '10.244.1.2', 'node-1', 'web'),
          pod('api-1', '10.244.1.3', 'node-1', 'api'),
          pod('api-2', '10.244.2.3', 'node-2', 'other'),
        ),
      ],
      ['nodes.json', read(node('node-1', '192.168.0.1'), node('node-2', '192.168.0.2'))],
      ['namespaces.json', read({ metadata: { name: 'shop' } })],
      [
        'services.json',
        read({
          metadata: { namespace: 'shop', name: 'api' },
          spec: { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30080 }] },
        }),
      ],
      [
        'endpointslices.json',
        read({
          metadata: { namespace: 'shop', name: 'api-x', labels: { 'kubernetes.io/service-name': 'api' } },
          addressType: 'IPv4',
          ports: [{ port: 8080 }],
          endpoints: [
            { addresses: ['10.244.1.3'] },
            { addresses: ['10.244.2.3'] },
            { addresses: ['10.244.9.9'], conditions: { ready: false } },
          ],
        }),
      ],
      ['networkpolicies.json', read(...policies)],
    ]),
  ).cluster;
}

const at = (daddr: string, dport: number, saddr = '10.244.1.2'): PacketView => ({
  family: 'ip',
  saddr,
  daddr,
  protocol: 'tcp',
  sport: 40000,
  dport,
});
const RULE = { family: 'ip', table: 't', chain: 'c', type: 'rule', verdict: 'drop', hook: 'forward' } as const;

function branch(summary: Fate['summary'], last: PacketView, by?: Fate['by']): Branch {
  const step: Step = { kind: 'transmit', skb: 0, dev: 'veth', dstMac: undefined, packet: last };
  const fate: Fate = { summary, egress: [], delivered: [], passedPostrouting: [], ...(by !== undefined && { by }) };
  return {
    probability: 1,
    choices: [],
    steps: summary === 'transmitted' ? [step] : [],
    outcome: { kind: 'decided', fate },
    conntrack: [],
    state: { sets: {}, objects: {} },
    assumptions: [],
  };
}
function view(cluster: Cluster, to: string, packet: PacketView, branches: readonly Branch[], on = 'node-1') {
  const [from, target] = [resolvePlace('shop/web', 'from', cluster), resolvePlace(to, 'to', cluster)];
  if (!from.ok || !target.ok) throw new Error('no such place');
  const trace: Trace = { version: 1, packet, branches };
  return policiesOfTrace(cluster, { from: from.value, to: target.value }, trace, on);
}

const API_ONLY = policy('api', { podSelector: { matchLabels: { app: 'api' } }, policyTypes: ['Ingress'] });
const WEB_OUT = policy('web-out', { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Egress'] });

describe('where the packet comes to', () => {
  test('each branch by itself; those alike together', () => {
    const found = view(clusterOf(API_ONLY), 'svc:shop/api', at('10.96.0.9', 80), [
      branch('transmitted', at('10.244.1.3', 8080)),
      branch('transmitted', at('10.244.2.3', 8080)),
    ]);
    expect(found.ways.map(({ to, allowed }) => [to, allowed])).toEqual([
      [['shop/api-1'], 'no'],
      [['shop/api-2'], 'yes'],
    ]);
    expect(policiesFact(found)).toBe('NetworkPolicies: it depends on the pod');
  });
  test('lost before an endpoint was chosen: all that are ready', () => {
    const found = view(clusterOf(), 'svc:shop/api', at('10.96.0.9', 80), [
      branch('dropped', at('10.96.0.9', 80), RULE),
    ]);
    expect(found.ways.map(({ to, allowed }) => [to, allowed])).toEqual([[['shop/api-1', 'shop/api-2'], 'yes']]);
  });
  test('a NodePort that was not translated is about the pods behind it', () => {
    const packet = at('192.168.0.2', 30080);
    const found = view(clusterOf(API_ONLY), '192.168.0.2:30080', packet, [branch('dropped', packet, RULE)]);
    expect(found.ways.map(({ to }) => to)).toEqual([['shop/api-1'], ['shop/api-2']]);
  });
  test('a process of the node is the node, by whatever address of its own it asks', () => {
    const cluster = clusterOf(API_ONLY);
    const [from, to] = [resolvePlace('node-1', 'from', cluster), resolvePlace('shop/api-1', 'to', cluster)];
    if (!from.ok || !to.ok) throw new Error('no such place');
    const packet = at('10.244.1.3', 8080, '10.244.1.1');
    const trace: Trace = { version: 1, packet, branches: [branch('transmitted', packet)] };
    const found = policiesOfTrace(cluster, { from: from.value, to: to.value }, trace, 'node-1');
    expect(found.ways).toMatchObject([{ to: ['shop/api-1'], allowed: 'yes', egress: { end: 'node-1' } }]);
    expect(found.remarks).toEqual([]);
  });
  test('another port of the node is about the node', () => {
    const packet = at('192.168.0.2', 22);
    const found = view(clusterOf(WEB_OUT), '192.168.0.2:22', packet, [branch('transmitted', packet)]);
    expect(found.ways).toMatchObject([
      { to: ['node-2'], allowed: 'no', ingress: { notSelected: 'it is a process of a node' } },
    ]);
  });
});

describe('remarks', () => {
  const to1 = [branch('transmitted', at('10.244.1.3', 8080))];
  const to2 = [branch('transmitted', at('10.244.2.3', 8080))];
  const ask = (branches: readonly Branch[], policies: object[], on?: string) =>
    view(clusterOf(...policies), 'svc:shop/api', at('10.96.0.9', 80), branches, on).remarks;
  test.each([
    {
      name: 'passed on the node of the pod that forbids',
      branches: to1,
      policies: [API_ONLY],
      want: [/ingress policies of shop\/api-1 do not allow \(shop\/api\)/],
    },
    {
      name: 'passed where the source may not send',
      branches: to2,
      policies: [WEB_OUT],
      want: [/egress policies of shop\/web do not allow \(shop\/web-out\)/],
    },
    {
      name: 'passed on a node that is neither: nothing is said',
      branches: to1,
      policies: [API_ONLY],
      on: 'node-2',
      want: [],
    },
    { name: 'passed, and allowed', branches: to2, policies: [API_ONLY], want: [] },
    {
      name: 'dropped, and forbidden',
      branches: [branch('dropped', at('10.244.1.3', 8080), RULE)],
      policies: [WEB_OUT],
      want: [],
    },
    {
      name: 'dropped by a rule, and no policy selects an end: nothing is said',
      branches: [branch('dropped', at('10.96.0.9', 80), RULE)],
      policies: [policy('other', { podSelector: { matchLabels: { app: 'none' } }, policyTypes: ['Ingress'] })],
      want: [],
    },
    {
      name: 'dropped by a rule, and the policy is of the other direction',
      branches: [branch('dropped', at('10.96.0.9', 80), RULE)],
      policies: [policy('w', { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] })],
      want: [/api-1; no policy asks for that/, /api-2; no policy asks for that/],
    },
    {
      name: 'dropped by a rule, and allowed by a policy',
      branches: [branch('dropped', at('10.96.0.9', 80), RULE)],
      policies: [policy('w', { podSelector: { matchLabels: { app: 'web' } }, egress: [{}], policyTypes: ['Egress'] })],
      want: [/end what the policies allow, from shop\/web to shop\/api-1/, /api-2/],
    },
    {
      name: 'lost without a rule: nothing is said',
      branches: [branch('lost-outside-nftables', at('10.96.0.9', 80))],
      policies: [],
      want: [],
    },
  ])('$name', ({ branches, policies, on, want }) => {
    const remarks = ask(branches, policies, on);
    expect(remarks).toHaveLength(want.length);
    for (const [index, text] of want.entries()) expect(remarks[index]).toMatch(text);
  });
});

test('policies that were not read are not known, and are said to be', () => {
  const { networkPolicies: _, ...cluster } = clusterOf();
  const unread: Cluster = { ...cluster, networkPolicies: { known: false, why: 'missing right' } };
  const found = view(unread, 'shop/api-1', at('10.244.1.3', 8080), [branch('transmitted', at('10.244.1.3', 8080))]);
  expect([found.unknown, found.ways, hasPolicies(found)]).toEqual(['missing right', [], true]);
  expect(policiesText(found)).toContain('not known: missing right');
  expect(
    hasPolicies(
      view(clusterOf(), 'shop/api-1', at('10.244.1.3', 8080), [branch('transmitted', at('10.244.1.3', 8080))]),
    ),
  ).toBe(false);
});
