import { describe, expect, test } from 'vitest';
import type { EvidenceView, FindingView } from '@/lib/api/findings-types';
import type { ServicePage, WayView } from '@/lib/api/service-types';
import { elementsOf, elementTroubles, troublesByService, troublesOf, troubleWords } from './troubles';

const way = (kind: WayView['kind'], addresses: readonly string[], number: number): WayView => ({
  id: `${kind} ${number}`,
  port: { name: 'https', protocol: 'tcp', port: 443 },
  kind,
  addresses,
  number,
  source: '',
});
const page = {
  namespace: 'shop',
  name: 'web',
  facts: { notServed: null } as ServicePage['facts'],
  ways: [
    way('ClusterIP', ['10.101.115.108'], 443),
    way('LB address', ['203.0.113.10'], 443),
    way('NodePort', [], 30443),
  ],
};
const packet = (node: string, daddr: string, dport: number, protocol = 'tcp'): EvidenceView => ({
  kind: 'packet',
  node,
  packet: { family: 'ip', daddr, dport, protocol },
  text: '',
  ends: null,
});
const finding = (code: FindingView['code'], more: Partial<FindingView> = {}): FindingView => ({
  id: code,
  code,
  severity: 'error',
  summary: '',
  services: ['shop/web'],
  nodes: ['node-3'],
  evidence: [],
  evidenceCount: 0,
  assumptions: [],
  reproduce: '',
  remedy: '',
  causes: [],
  ...more,
});

describe('what becomes of the traffic of a Service', () => {
  test('a captured NodePort is marked by its way and its map element, on its node only', () => {
    const evidence = [packet('node-3', '10.240.0.13', 30443), packet('node-2', '203.0.113.10', 443)];
    const troubles = troublesOf([finding('nat-captured', { evidence })], page);
    expect(troubles.map(({ node, word, ways }) => [node, word, [...ways]])).toEqual([
      ['node-3', 'captured', ['NodePort 30443']],
    ]);
    expect([...elementTroubles(troubles, page.ways, 'node-3')]).toEqual([['tcp . 30443', 'captured']]);
    expect(elementTroubles(troubles, page.ways, 'node-1').size).toBe(0);
  });

  test('each node and each word counts once', () => {
    const all = [
      finding('drop-after-proxy', { nodes: ['node-1', 'node-2'] }),
      finding('drop-before-proxy', { nodes: ['node-2'] }),
      finding('nat-captured'),
    ];
    expect(troubleWords(troublesOf(all, page))).toEqual(['dropped on 2 nodes', 'captured on node-3']);
  });

  test.each([
    ['of another Service', finding('nat-captured', { services: ['shop/api'] })],
    ['that may not be', finding('drop-after-proxy', { severity: 'warning' })],
    ['of the rules themselves, which are compared', finding('proxy-rules-altered')],
    ['of the cluster', finding('no-endpoints', { nodes: [] })],
    [
      'of a family that it has no address of',
      finding('forwarding-off', {
        services: [],
        evidence: [{ kind: 'sysctl', node: 'node-3', key: 'net.ipv6.conf.all.forwarding', value: '0' }],
      }),
    ],
  ])('none is one %s', (_, one) => expect(troublesOf([one], page)).toEqual([]));

  test('forwarding that is off names no Service and is of all', () => {
    const evidence: EvidenceView[] = [{ kind: 'sysctl', node: 'node-3', key: 'net.ipv4.ip_forward', value: '0' }];
    const troubles = troublesOf([finding('forwarding-off', { services: [], evidence })], page);
    expect(troubleWords(troubles)).toEqual(['not forwarded on node-3']);
    expect(troubles[0]?.ways.size).toBe(0);
  });

  test('a packet to a port with another protocol, or to the ClusterIP by a NodePort number, is on no way', () => {
    const evidence = [packet('node-3', '10.240.0.13', 30443, 'udp'), packet('node-3', '10.101.115.108', 30443)];
    expect(troublesOf([finding('nat-captured', { evidence })], page)[0]?.ways.size).toBe(0);
  });

  test('of a finding about many Services the packets of this one are told, and who sends', () => {
    const ends = { from: 'shop/a', to: 'x', begins: 'node-1' };
    const other: EvidenceView = { ...packet('node-3', '10.99.0.1', 80), ends } as EvidenceView;
    const own: EvidenceView = {
      ...packet('node-3', '203.0.113.10', 443),
      ends: { ...ends, from: 'shop/b' },
    } as EvidenceView;
    const of = (evidence: readonly EvidenceView[]) =>
      troublesOf([finding('drop-after-proxy', { services: ['shop/api', 'shop/web'], evidence })], page)[0];
    expect(of([other, own])?.evidence).toEqual([own]);
    expect(of([other, own])?.sender).toEqual({ from: 'shop/b', begins: 'node-1', to: 'x' });
    // None is shown to it: the same sender may be asked about.
    expect(of([other])?.evidence).toEqual([]);
    expect(of([other])?.sender).toEqual({ from: 'shop/a', begins: 'node-1', to: null });
    expect(of([])?.sender).toBeNull();
  });

  test('a Service that no node serves has none', () => {
    const facts = { notServed: 'it is headless' } as ServicePage['facts'];
    expect(troublesOf([finding('nat-captured')], { ...page, facts })).toEqual([]);
  });
});

describe('the same for the list of Services', () => {
  const row = { namespace: 'shop', name: 'web', served: true, addresses: ['10.101.115.108', '203.0.113.10'] };
  const wordsOf = (findings: readonly FindingView[], more: Partial<typeof row> = {}) =>
    troubleWords(troublesByService(findings)({ ...row, ...more }));

  test('those that name it, with the nodes', () => {
    const all = [finding('nat-captured'), finding('drop-after-proxy', { services: ['shop/api'] })];
    expect(wordsOf(all)).toEqual(['captured on node-3']);
    expect(wordsOf(all, { name: 'api' })).toEqual(['dropped on node-3']);
    expect(wordsOf(all, { served: false })).toEqual([]);
  });

  test('those that name none are of all with an address of the family', () => {
    const all = [finding('nd-dropped', { services: [] })];
    expect(wordsOf(all)).toEqual([]);
    expect(wordsOf(all, { addresses: ['fd00:10:96::a'] })).toEqual(['neighbours not found on node-3']);
  });

  test('warnings, and what is no packet, say nothing of the traffic', () => {
    expect(wordsOf([finding('drop-after-proxy', { severity: 'warning' }), finding('proxy-rules-altered')])).toEqual([]);
  });
});

test('keys of map elements by way', () => {
  expect(page.ways.flatMap(elementsOf)).toEqual([
    '10.101.115.108 . tcp . 443',
    '203.0.113.10 . tcp . 443',
    'tcp . 30443',
  ]);
});
