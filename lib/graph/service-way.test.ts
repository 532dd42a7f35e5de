import { expect, test } from 'vitest';
import type { Branch, Step } from '../sim/trace';
import { serviceWay } from './service-way';

const rule = (chain: string, lookups: readonly (readonly [string, string, string?])[] = [], verdict = 'jump'): Step =>
  ({
    kind: 'rule',
    skb: 0,
    at: { family: 'ip', table: 'kube-proxy', chain, handle: 1, index: 0 },
    verdict,
    lookups: lookups.map(([name, element, data]) => ({ name, hit: { element, data } })),
    writes: [],
  }) as unknown as Step;
const dnat = (address: string, port?: string): Step =>
  ({
    kind: 'nat',
    skb: 0,
    manip: 'dst',
    by: { chain: 'service' },
    diffs: [
      { field: 'ip daddr', before: '10.96.0.10', after: address },
      ...(port === undefined ? [] : [{ field: 'th dport', before: '80', after: port }]),
    ],
  }) as unknown as Step;
const start = { kind: 'start', skb: 0, packet: { family: 'ip', daddr: '10.96.0.10', dport: 80 } } as unknown as Step;
const branch = (...steps: readonly Step[]): Branch => ({ steps: [start, ...steps] }) as unknown as Branch;

const KNOWN = new Set([
  'chain:nat-prerouting',
  'chain:services',
  'element:service-ips:10.96.0.10 . tcp . 80',
  'chain:service',
  'endpoint:10.244.1.3:8080',
  'endpoint:10.244.2.4:8080',
  'endpoint:10.244.2.4:80',
  'element:no-endpoint-services:10.96.0.10 . tcp . 80',
  'end:reject',
]);
const stages = (...branches: readonly Branch[]) => serviceWay(branches, 'ip kube-proxy', KNOWN);
const TO_SERVICE = [
  rule('nat-prerouting'),
  rule('services', [['service-ips', '10.96.0.10 . tcp . 80', 'goto service']]),
  rule('service', [], 'accept'),
];

test('part after part; where chance decides all that may follow come at once', () => {
  expect(
    stages(branch(...TO_SERVICE, dnat('10.244.1.3', '8080')), branch(...TO_SERVICE, dnat('10.244.2.4', '8080'))),
  ).toEqual([
    ['chain:nat-prerouting'],
    ['chain:services'],
    ['element:service-ips:10.96.0.10 . tcp . 80'],
    ['chain:service'],
    ['endpoint:10.244.1.3:8080', 'endpoint:10.244.2.4:8080'],
  ]);
});

test('a port that is not changed is that of the packet', () => {
  expect(stages(branch(...TO_SERVICE, dnat('10.244.2.4'))).at(-1)).toEqual(['endpoint:10.244.2.4:80']);
});

test('refused by the map of Services without endpoints', () => {
  const refused = rule('service-endpoints-check', [
    ['no-endpoint-services', '10.96.0.10 . tcp . 80', 'goto reject-chain'],
  ]);
  expect(stages(branch(refused))).toEqual([['element:no-endpoint-services:10.96.0.10 . tcp . 80'], ['end:reject']]);
});

test('other tables and packets of the kernel do not count', () => {
  const elsewhere = {
    ...rule('nat-prerouting'),
    at: { family: 'inet', table: 'edge', chain: 'services' },
  } as unknown as Step;
  expect(stages(branch(elsewhere, { ...rule('services'), skb: 1 } as Step))).toEqual([]);
});
