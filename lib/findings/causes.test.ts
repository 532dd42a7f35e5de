import { expect, test } from 'vitest';
import { inOrder } from './causes';
import { type Finding, type FindingCode, finding } from './finding';

const of = (code: FindingCode, services: readonly string[], nodes: readonly string[] = []): Finding =>
  finding({ code, summary: '', services, nodes, evidence: [], reproduce: '', remedy: '' });

const told = (findings: readonly Finding[]): readonly string[] =>
  inOrder(findings).map(({ code, causes }) => [code, ...causes.map((cause) => `< ${cause.code}`)].join(' '));

test('what is most serious comes first; of that what hits all Services', () => {
  expect(
    told([
      of('capture-incomplete', [], ['node-1']),
      of('priority-tie', [], ['node-1']),
      of('no-endpoints', ['shop/web']),
      of('forwarding-off', [], ['node-1']),
    ]),
  ).toEqual(['forwarding-off', 'no-endpoints', 'priority-tie', 'capture-incomplete']);
});

test('what follows from another comes after it', () => {
  expect(
    told([
      of('service-missing-on-node', ['shop/db'], ['node-1']),
      of('forwarding-off', [], ['node-3']),
      of('comment-too-long', ['long/one', 'shop/db'], ['node-1', 'node-2']),
    ]),
  ).toEqual(['forwarding-off', 'comment-too-long', 'service-missing-on-node < comment-too-long']);
});

test.each<readonly [string, Finding, Finding]>([
  [
    'another node',
    of('conntrack-stale-udp', ['kube-system/dns'], ['node-1']),
    of('endpoint-stale-on-node', ['kube-system/dns'], ['node-2']),
  ],
  [
    'another Service',
    of('conntrack-stale-udp', ['kube-system/dns'], ['node-1']),
    of('endpoint-stale-on-node', ['shop/web'], ['node-1']),
  ],
])('%s is no cause', (_, one, other) => {
  expect(inOrder([one, other]).flatMap(({ causes }) => causes)).toEqual([]);
});

test('of what somebody changed only what can have such a consequence is its cause', () => {
  const masquerade = of('masquerade-missing', [], ['node-1']);
  const altered = (name: string, node = 'node-1'): Finding => ({
    ...of('proxy-rules-altered', [], [node]),
    evidence: [
      {
        kind: 'difference',
        node,
        family: 'ip',
        table: 'kube-proxy',
        name,
        expected: 'ip daddr @cluster-ips',
        actual: null,
      },
    ],
  });
  expect(told([masquerade, altered('services')])).toEqual([
    'proxy-rules-altered',
    'masquerade-missing < proxy-rules-altered',
  ]);
  expect(told([masquerade, altered('filter-forward')])).toEqual(['proxy-rules-altered', 'masquerade-missing']);
  expect(told([masquerade, altered('services', 'node-2')])).toEqual(['proxy-rules-altered', 'masquerade-missing']);
});

test('endpoints that lack are part of a lag that shows in endpoints too many of the same Services', () => {
  const lacking = of('endpoint-missing-on-node', ['shop/web'], ['node-1']);
  const stale = (...services: string[]): Finding => of('endpoint-stale-on-node', services, ['node-1']);
  expect(told([lacking, stale('shop/api', 'shop/web')])).toEqual([
    'endpoint-stale-on-node',
    'endpoint-missing-on-node < endpoint-stale-on-node',
  ]);
  const more = of('endpoint-missing-on-node', ['shop/api', 'shop/web'], ['node-1']);
  expect(told([more, stale('shop/web')])).toEqual(['endpoint-missing-on-node', 'endpoint-stale-on-node']);
});
