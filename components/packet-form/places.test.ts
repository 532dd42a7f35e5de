import { describe, expect, test } from 'vitest';
import type { NamesView, PodName, ServiceName } from '@/lib/api/types';
import { firstQuestion, fromOptions, NO_NAMES, refOption, takenPlace, toOptions, typedPlace } from './places';

const pod = (name: string, node: string, address: string, hostNetwork = false): PodName => ({
  namespace: 'shop',
  name,
  node,
  addresses: [address],
  hostNetwork,
  ready: true,
  owner: null,
});
const service = (name: string, endpoints: readonly string[], clusterIP = '10.96.0.1'): ServiceName => ({
  namespace: 'shop',
  name,
  type: 'ClusterIP',
  clusterIPs: [clusterIP],
  externalIPs: [],
  loadBalancerIPs: [],
  ports: [
    {
      name: 'http',
      protocol: 'TCP',
      port: 80,
      targetPort: null,
      nodePort: null,
      endpoints: endpoints.map((own) => ({ address: '10.244.9.9:8080', ready: true, pod: own, node: null })),
    },
  ],
});
const NAMES: NamesView = {
  pods: [
    pod('api-1', 'node-1', '10.244.1.4'),
    pod('web-1', 'node-1', '10.244.1.3'),
    pod('api-2', 'node-2', '10.244.2.4'),
    pod('agent', 'node-1', '10.240.0.11', true),
  ],
  services: [service('lonely', [], 'None'), service('api', ['api-1', 'api-2'])],
  nodes: [{ name: 'node-1', addresses: ['10.240.0.11'], zone: null, podCIDRs: [] }],
  readings: [],
};

test('from: pods of this node first, then nodes, outside, other pods', () => {
  expect(fromOptions(NAMES, 'node-1').map(({ ref }) => ref)).toEqual([
    'shop/api-1',
    'shop/web-1',
    'node-1',
    'external',
    'shop/api-2',
  ]);
});

test('the address of the family that is asked by', () => {
  const both = {
    ...NAMES,
    nodes: [{ ...NAMES.nodes[0], name: 'node-1', zone: null, podCIDRs: [], addresses: ['10.240.0.11', 'fd00::11'] }],
  };
  const note = (family?: 'ip' | 'ip6') => fromOptions(both, 'node-1', family).find(({ ref }) => ref === 'node-1')?.note;
  expect([note(), note('ip'), note('ip6')]).toEqual(['10.240.0.11', '10.240.0.11', 'fd00::11']);
  expect(fromOptions(both, 'node-1', 'ip6')[0]?.note).toBe('10.244.1.4');
});

test('to: Service ports with their address first; headless Services have none', () => {
  const [first, second] = toOptions(NAMES);
  expect(first).toEqual({
    ref: 'svc:shop/api:http',
    kind: 'Service',
    label: 'shop/api:http',
    note: '10.96.0.1:80/tcp',
  });
  expect(second?.kind).toBe('pod');
});

describe('typedPlace', () => {
  test.each([
    { text: '198.51.100.7', end: 'from', ref: 'external:198.51.100.7' },
    { text: 'external', end: 'from', ref: 'external' },
    { text: 'external:[2001:db8::1]', end: 'from', ref: 'external:2001:db8::1' },
    { text: 'pod/shop/web-1', end: 'from', ref: 'shop/web-1' },
    { text: 'node/node-1', end: 'from', ref: 'node-1' },
    { text: 'shop/agent', end: 'from', ref: 'shop/agent' },
    { text: '10.0.0.1:80', end: 'to', ref: '10.0.0.1:80/tcp' },
    { text: '10.0.0.1:80/tcp', end: 'to', ref: '10.0.0.1:80/tcp' },
    { text: '10.0.0.1:53/UDP', end: 'to', ref: '10.0.0.1:53/udp' },
    { text: '10.0.0.1:53/17', end: 'to', ref: '10.0.0.1:53/17' },
    { text: '[fd00::1]:443', end: 'to', ref: '[fd00::1]:443/tcp' },
    { text: '10.0.0.1/icmp', end: 'to', ref: '10.0.0.1/icmp' },
    { text: 'shop/web-1:8080', end: 'to', ref: 'shop/web-1:8080' },
    { text: 'pod/shop/web-1:8080/tcp', end: 'to', ref: 'shop/web-1:8080/tcp' },
    { text: 'node-1:30080/UDP', end: 'to', ref: 'node-1:30080/udp' },
    { text: 'node/node-1:30080', end: 'to', ref: 'node-1:30080' },
    { text: 'svc:shop/api', end: 'to', ref: 'svc:shop/api:http' },
    { text: 'svc/shop/api:80', end: 'to', ref: 'svc:shop/api:80' },
    { text: 'service/shop/api:http/tcp', end: 'to', ref: 'svc:shop/api:http/tcp' },
  ] as const)('$text as $end is $ref', ({ text, end, ref }) =>
    expect(typedPlace(text, end, NAMES)).toMatchObject({ ok: true, place: { ref } }),
  );
  test.each([
    { text: 'web', end: 'from', say: 'There is no node web.' },
    { text: 'shop/web-1:8080', end: 'from', say: 'has a port' },
    { text: 'shop/gone', end: 'to', say: 'There is no pod shop/gone.' },
    { text: 'svc/shop/gone', end: 'to', say: 'There is no Service shop/gone.' },
    { text: 'svc/shop/api:https', end: 'to', say: 'has no port https' },
    { text: '10.0.0.1', end: 'to', say: 'To which port of 10.0.0.1?' },
    { text: '10.0.0.999:80', end: 'to', say: 'holds no address' },
    { text: '10.0.0.1:80/tpc', end: 'to', say: '"tpc" is no protocol' },
  ] as const)('$text as $end is none: $say', ({ text, end, say }) =>
    expect(typedPlace(text, end, NAMES)).toMatchObject({ ok: false, say: expect.stringContaining(say) }),
  );
  test('a name that nothing was read for is not said to be wrong', () =>
    expect(typedPlace('shop/web-1', 'from', NO_NAMES)).toMatchObject({
      ok: false,
      say: 'No pod can be named: the names are not read yet.',
    }));
});

describe('takenPlace', () => {
  const from = (text: string) => takenPlace(text, 'from', NAMES, fromOptions(NAMES, 'node-1'));
  const to = (text: string) => takenPlace(text, 'to', NAMES, toOptions(NAMES));
  test.each([
    { what: 'a name', taken: from('shop/web-1'), ref: 'shop/web-1' },
    { what: 'a part that only one has', taken: from('web'), ref: 'shop/web-1' },
    { what: 'a name that others begin with', taken: to('external client'), ref: 'external' },
    { what: 'the address of a pod', taken: from('10.244.1.3'), ref: 'shop/web-1' },
    { what: 'the label of a Service port', taken: to('shop/api:http'), ref: 'svc:shop/api:http' },
    { what: 'an address of somebody', taken: to('10.96.0.1:80/tcp'), ref: '10.96.0.1:80/tcp' },
  ])('$what', ({ taken, ref }) => expect(taken).toMatchObject({ ok: true, place: { ref } }));
  test('several are like it', () => expect(from('api-')).toMatchObject({ ok: false, say: '2 places are like api-.' }));
  test('a Service port of a like name', () =>
    expect(to('shop/aip:http')).toEqual({
      ok: false,
      say: 'Nothing has the name shop/aip:http.',
      remedy: 'Like it: shop/api:http.',
    }));
  test('nobody is', () =>
    expect(from('shop/wep-1')).toMatchObject({ ok: false, say: expect.stringContaining('Like it: shop/web-1') }));
});

test.each([
  { ref: 'svc:shop/api:http', kind: 'Service', label: 'shop/api:http' },
  { ref: 'external:198.51.100.7', kind: 'external', label: '198.51.100.7' },
  { ref: '10.0.0.1:80/tcp', kind: 'address', label: '10.0.0.1:80/tcp' },
  { ref: 'shop/gone', kind: 'pod', label: 'shop/gone' },
  { ref: 'node-1:30080/udp', kind: 'node', label: 'node-1:30080/udp' },
])('a REF no option stands for still shows: $ref', ({ ref, kind, label }) => {
  expect(refOption(ref)).toMatchObject({ kind, label });
});

describe('firstQuestion', () => {
  test('a pod of this node asks a Service of its namespace that it is not part of', () => {
    expect(firstQuestion(NAMES, 'node-1')).toMatchObject({ from: 'shop/web-1', to: 'svc:shop/api:http' });
  });
  test('nothing to ask without names', () => {
    expect(firstQuestion({ ...NAMES, pods: [] }, 'node-1')).toMatchObject({
      from: 'external',
      to: 'svc:shop/api:http',
    });
    expect(firstQuestion({ pods: [], services: [], nodes: [], readings: [] }, 'node-1')).toBeUndefined();
  });
});
