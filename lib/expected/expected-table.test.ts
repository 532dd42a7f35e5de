import { describe, expect, test } from 'vitest';
import { decodeEndpointSlices, decodeServices } from '../cluster/decode-objects';
import { renderContext, typeOfMapData, typeOfSetType } from '../render/context';
import { renderElement, renderRule } from '../render/render-rule';
import type { ProxyConfiguration } from './configuration';
import { expectedTable } from './expected-table';
import { releaseOf } from './release';
import { source } from './statements';

const NODE = { name: 'node-1', zone: 'zone-a', address: '10.240.0.11' };

function configuration(version: string): ProxyConfiguration {
  const release = releaseOf(version);
  if (release === undefined) throw new Error(version);
  return {
    release,
    mark: 0x4000,
    masqueradeAll: false,
    localTraffic: { left: source('ip'), right: { kind: 'prefix', addr: '10.244.0.0', len: 16 } },
    nodePortAddresses: ['10.240.0.11'],
    unallocated: undefined,
  };
}

const service = (spec: object, status: object = {}) => ({
  metadata: { namespace: 'shop', name: 'web', ...(spec as { metadata?: object }).metadata },
  spec: { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80 }], ...spec },
  status,
});
const endpoint = (address: string, rest: object = {}) => ({ addresses: [address], nodeName: 'node-2', ...rest });
const slice = (
  endpoints: readonly object[],
  labels: object = {},
  ports: readonly object[] = [{ name: 'http', port: 8080 }],
) => ({
  metadata: { namespace: 'shop', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web', ...labels } },
  addressType: 'IPv4',
  endpoints,
  ports,
});

/** Lines of the table: `chain: rule` and `set: element`, without hashes; only those of the Service. */
function lines(version: string, services: readonly object[], slices: readonly object[]): readonly string[] {
  const [decoded, decodedSlices] = [decodeServices({ items: services }), decodeEndpointSlices({ items: slices })];
  if (!decoded.ok || !decodedSlices.ok) throw new Error('not decoded');
  const objects = { services: decoded.value, endpointSlices: decodedSlices.value };
  const table = expectedTable('ip', objects, NODE, configuration(version));
  const ctx = renderContext(table, '1.0.6');
  const all = [
    ...table.chains
      .filter(({ name }) => name.includes('/'))
      .flatMap(({ name, rules }) => rules.map((rule) => `${name}: ${renderRule(rule, ctx)}`)),
    ...table.sets
      .filter(({ name }) => name !== 'nodeport-ips')
      .flatMap((set) =>
        set.elements.map(
          (element) => `${set.name}: ${renderElement(element, ctx, typeOfSetType(set.type), typeOfMapData(set))}`,
        ),
      ),
  ];
  return all.map((line) => line.replace(/\b[A-Z2-7]{8}-/g, ''));
}

describe('one endpoint', () => {
  const pod = [slice([endpoint('10.244.2.5')])];
  test('1.37 writes a plain dnat', () => {
    expect(lines('v1.37.0', [service({})], pod)).toEqual([
      'service-shop/web/tcp/http: meta l4proto tcp dnat to 10.244.2.5:8080',
      'cluster-ips: 10.96.0.10',
      'service-ips: 10.96.0.10 . tcp . 80 : goto service-shop/web/tcp/http',
    ]);
  });
  test('1.36 a map of one', () => {
    expect(lines('v1.36.2', [service({})], pod)[0]).toBe(
      'service-shop/web/tcp/http: meta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 10.244.2.5 . 8080 }',
    );
  });
});

describe('endpoints that do not count', () => {
  const none = [
    'cluster-ips: 10.96.0.10',
    'no-endpoint-services: 10.96.0.10 . tcp . 80 comment "shop/web:http" : goto reject-chain',
  ];
  test.each([
    { name: 'another port name', of: slice([endpoint('10.244.2.5')], {}, [{ name: 'grpc', port: 8080 }]) },
    {
      name: 'another protocol',
      of: slice([endpoint('10.244.2.5')], {}, [{ name: 'http', port: 8080, protocol: 'UDP' }]),
    },
    { name: 'a port of no name', of: slice([endpoint('10.244.2.5')], {}, [{ port: 8080 }]) },
    {
      name: 'a slice of a headless Service',
      of: slice([endpoint('10.244.2.5')], { 'service.kubernetes.io/headless': '' }),
    },
    { name: 'not ready', of: slice([endpoint('10.244.2.5', { conditions: { ready: false } })]) },
    {
      name: 'terminating and not serving',
      of: slice([endpoint('10.244.2.5', { conditions: { ready: false, serving: false, terminating: true } })]),
    },
    { name: 'the other family', of: { ...slice([endpoint('fd00::5')]), addressType: 'IPv6' } },
  ])('$name', ({ of }) => {
    expect(lines('v1.36.2', [service({})], [of])).toEqual(none);
  });
});

test.each([
  { name: 'headless', spec: { clusterIP: 'None' } },
  { name: 'ExternalName', spec: { type: 'ExternalName', clusterIP: '', externalName: 'x.example' } },
  { name: 'another proxy', spec: { metadata: { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } } } },
])('a Service that kube-proxy does not serve: $name', ({ spec }) => {
  expect(lines('v1.36.2', [service(spec)], [slice([endpoint('10.244.2.5')])])).toEqual([]);
});

describe('hints', () => {
  const zones = (a: string, b: string) => [
    slice([
      endpoint('10.244.1.5', { hints: { forZones: [{ name: a }] } }),
      endpoint('10.244.2.5', { hints: { forZones: [{ name: b }] } }),
    ]),
  ];
  const chosen = (version: string, slices: readonly object[]) =>
    lines(version, [service({})], slices)
      .find((line) => line.includes('numgen'))
      ?.match(/10\.244\.\d\.5/g);
  test.each([
    { name: 'this zone only', slices: zones('zone-a', 'zone-b'), want: ['10.244.1.5'] },
    { name: 'no endpoint for this zone', slices: zones('zone-c', 'zone-b'), want: ['10.244.1.5', '10.244.2.5'] },
    {
      name: 'one without a hint turns it off',
      slices: [slice([endpoint('10.244.1.5', { hints: { forZones: [{ name: 'zone-a' }] } }), endpoint('10.244.2.5')])],
      want: ['10.244.1.5', '10.244.2.5'],
    },
  ])('$name', ({ slices, want }) => expect(chosen('v1.35.0', slices)).toEqual(want));

  const nodes = [
    slice([
      endpoint('10.244.1.5', { hints: { forNodes: [{ name: 'node-1' }], forZones: [{ name: 'zone-a' }] } }),
      endpoint('10.244.2.5', { hints: { forNodes: [{ name: 'node-2' }], forZones: [{ name: 'zone-a' }] } }),
    ]),
  ];
  test('of nodes, from 1.34', () => expect(chosen('v1.34.0', nodes)).toEqual(['10.244.1.5']));
});

describe('source ranges', () => {
  const balanced = (ranges: readonly string[], ingress: object = { ip: '203.0.113.7' }) =>
    service({ type: 'LoadBalancer', loadBalancerSourceRanges: ranges }, { loadBalancer: { ingress: [ingress] } });
  const firewall = (version: string, one: object) =>
    lines(version, [one], []).filter((line) => line.startsWith('firewall-shop'));
  test.each([
    { name: 'one', version: '1.36.2', ranges: ['198.51.100.0/24'], want: 'ip saddr != 198.51.100.0/24 drop' },
    // As nft 1.0.6 lists such a set.
    {
      name: 'touching ones are one',
      version: '1.36.2',
      ranges: ['10.0.0.0/24', '9.0.0.0/8', '10.0.1.0/24', '10.0.2.0/24'],
      want: 'ip saddr != { 9.0.0.0-10.0.2.255 } drop',
    },
    {
      name: "the node's own address adds the load balancer's",
      version: '1.36.2',
      ranges: ['10.240.0.0/24'],
      want: 'ip saddr != { 10.240.0.0/24, 203.0.113.7 } drop',
    },
    { name: 'all, up to 1.33', version: '1.33.5', ranges: ['0.0.0.0/0'], want: 'ip saddr != { 0.0.0.0/0 } drop' },
  ])('$name', ({ version, ranges, want }) => {
    expect(firewall(version, balanced(ranges))).toEqual([`firewall-shop/web/tcp/http: ${want}`]);
  });
  test.each([
    { name: 'all, from 1.34', one: balanced(['0.0.0.0/0']) },
    { name: 'of the other family only', one: balanced(['fd00::/8']) },
    {
      name: 'an address that is a proxy of its own',
      one: balanced(['10.0.0.0/8'], { ip: '203.0.113.7', ipMode: 'Proxy' }),
    },
  ])('none: $name', ({ one }) => expect(firewall('1.34.0', one)).toEqual([]));
});

test.each([
  ['1.28.0', undefined],
  ['1.31.14', 'B'],
  ['1.33.5', 'B'],
  ['1.33.13', 'C'],
  ['v1.35.6', 'C'],
  ['1.36.0-alpha.1', 'D'],
  ['1.37.1', 'E'],
  ['latest', undefined],
] as const)('release %s: %s', (version, generation) => {
  expect(releaseOf(version)?.generation).toBe(generation);
});
