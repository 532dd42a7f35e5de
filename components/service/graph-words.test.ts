import { describe, expect, test } from 'vitest';
import type { EndpointRow } from '@/lib/api/service-types';
import type { ComparedLink, ComparedPart } from '@/lib/graph/compare-service-graphs';
import { carried, columnWord, fitBoth, linkWords, noteOf, partLabel, share, shortName, wayWords } from './graph-words';

const part = (more: Partial<ComparedPart>): ComparedPart => ({
  id: 'x',
  role: 'service',
  name: 'x',
  note: '',
  place: undefined,
  text: '',
  state: 'same',
  expected: undefined,
  ...more,
});
const link = (more: Partial<ComparedLink>): ComparedLink => ({
  from: 'a',
  to: 'b',
  when: [],
  probability: undefined,
  sticky: false,
  state: 'same',
  expected: undefined,
  ...more,
});
const facts = { clusterIPs: ['10.96.0.10', 'fd00::10'], loadBalancerIPs: ['203.0.113.10'], externalIPs: [] } as never;

test.each([
  ['service-KHN6ECMT-shop/web/tcp/http', 'service', 'service-KHN6ECMT'],
  ['nat-prerouting', 'base', 'nat-prerouting'],
  ['KUBE-SVC-67NZLRHBNDSAWJRO', 'service', 'KUBE-SVC-67NZLRHBNDSAWJRO'],
] as const)('%s', (name, role, short) => expect(shortName(part({ name, role }))).toBe(short));

test.each([
  ['10.96.0.10 . tcp . 80', 'ClusterIP'],
  ['fd00::10 . tcp . 80', 'ClusterIP'],
  ['203.0.113.10 . tcp . 80', 'load balancer address'],
  ['198.51.100.1 . tcp . 80', 'not an address of the Service'],
  ['tcp . 30080', 'NodePort'],
])('%s is the way by %s', (name, way) => expect(wayWords(part({ name, role: 'element' }), { facts })).toBe(way));

describe('endpoints', () => {
  const row = (address: string): EndpointRow =>
    ({
      addresses: [address],
      pod: { namespace: 'shop', name: 'web-1' },
      node: 'node-1',
      zone: null,
    }) as unknown as EndpointRow;
  test.each([
    ['10.244.1.3:8080', row('10.244.1.3'), 'web-1 · node-1'],
    ['[fd00::3]:8080', row('fd00::3'), 'web-1 · node-1'],
    ['10.244.1.30:8080', row('10.244.1.3'), 'no endpoint of the Service'],
  ])('%s', (name, endpoint, note) => expect(noteOf(part({ name, role: 'endpoint' }), [endpoint])).toBe(note));
});

test('a way that is missing is not a part that is; to another Service, the part says it', () => {
  expect(linkWords(link({ state: 'missing' }))).toBe('way missing');
  expect(linkWords(link({ state: 'missing', probability: 1 / 3 }))).toBe('way missing, expected 1/3');
  expect(linkWords(link({ state: 'other', probability: 1 / 2 }))).toBe('1/2 of new connections');
});

test('what is of another Service says whose, once', () => {
  const other = part({
    name: 'service-3FXFUSOZ-data/db-ro/tcp/sql',
    note: 'all endpoints',
    state: 'other',
    other: 'data/db-ro',
  });
  expect(noteOf(other, [])).toBe('of data/db-ro');
  expect(noteOf({ ...other, role: 'endpoint', name: '10.244.3.6:5432', note: '' }, [])).toBe('of data/db-ro');
  expect(partLabel(other, { facts }, [])).toBe('Service chain, service-3FXFUSOZ-data/db-ro/tcp/sql, of data/db-ro');
});

test('a share, and what it should be', () => {
  expect(share(1)).toBeUndefined();
  expect(share(1 / 3)).toBe('1/3');
  expect(linkWords(link({ probability: 1, expected: 0.5, state: 'altered' }))).toBe('altered, expected 1/2');
  expect(linkWords(link({ probability: 0.5, sticky: true }))).toBe('1/2 of new connections, known clients again');
});

test('a line carries what is, not what should be', () => {
  expect(carried(link({ probability: 1 / 2, expected: 1 / 3, state: 'altered' }))).toBe('1/2');
  expect(carried(link({ probability: 1 / 3, state: 'missing' }))).toBe('0');
  expect(carried(link({ probability: 1, state: 'missing' }))).toBeUndefined();
  expect(carried(link({ probability: 1 / 3 }))).toBe('1/3');
});

test('where nobody is an endpoint, the column is of verdicts', () => {
  expect(columnWord('endpoint', [part({ role: 'end', name: 'reject' })])).toBe('Verdict');
  expect(columnWord('endpoint', [part({ role: 'end' }), part({ role: 'endpoint' })])).toBe('Endpoint');
});

test('in iptables mode rules stand where map elements do', () => {
  const rule = part({ role: 'element', place: { kind: 'rule', chain: 'KUBE-SERVICES', handle: 1 } });
  expect(columnWord('element', [rule])).toBe('Rule');
  expect(columnWord('element', [rule, part({ role: 'element' })])).toBe('Map element');
});

test('chains whose names end alike stay apart where they are cut', () => {
  expect(fitBoth('service-endpoints-check', 15)).toBe('service…s-check');
  expect(fitBoth('nodeport-endpoints-check', 15)).toBe('nodepor…s-check');
  expect(fitBoth('services', 15)).toBe('services');
});
