import { describe, expect, test } from 'vitest';
import type { NamesView, PodName, ServiceName } from '@/lib/api/types';
import { firstQuestion, fromOptions, refOption, toOptions, typedPlace } from './places';

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
    { text: 'web', end: 'from', ref: undefined },
    { text: '10.0.0.1:80', end: 'to', ref: '10.0.0.1:80/tcp' },
    { text: '10.0.0.1:53/UDP', end: 'to', ref: '10.0.0.1:53/udp' },
    { text: '[fd00::1]:443', end: 'to', ref: '[fd00::1]:443/tcp' },
    { text: 'shop/web-1:8080', end: 'to', ref: 'shop/web-1:8080' },
    { text: 'node-1:30080/UDP', end: 'to', ref: 'node-1:30080/udp' },
    { text: 'shop/web-1:8080', end: 'from', ref: undefined },
    { text: '10.0.0.1', end: 'to', ref: undefined },
    { text: '10.0.0.999:80', end: 'to', ref: undefined },
  ] as const)('$text as $end is $ref', ({ text, end, ref }) => expect(typedPlace(text, end)?.ref).toBe(ref));
});

test.each([
  { ref: 'svc:shop/api:http', kind: 'Service', label: 'shop/api:http' },
  { ref: 'external:198.51.100.7', kind: 'external', label: '198.51.100.7' },
  { ref: '10.0.0.1:80/tcp', kind: 'address', label: '10.0.0.1:80/tcp' },
  { ref: 'shop/gone', kind: 'pod', label: 'shop/gone' },
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
