import { describe, expect, test } from 'vitest';
import type { ProxyConfig } from '../cluster/cluster';
import { decodeProxyConfig, decodeServiceCidrs } from '../cluster/decode-objects';
import { withGiven } from './given-configuration';
import type { InferredConfiguration } from './infer-configuration';
import { releaseOf } from './release';
import { source } from './statements';

const release = releaseOf('v1.36.0');
if (release === undefined) throw new Error('no such release');
const prefix = (addr: string, len: number) => ({ kind: 'prefix', addr, len }) as const;
const inferred: InferredConfiguration = {
  configuration: {
    release,
    mark: 0x4000,
    masqueradeAll: false,
    localTraffic: { left: source('ip'), right: prefix('10.244.0.0', 16) },
    nodePortAddresses: ['192.0.2.1'],
    unallocated: prefix('10.96.0.0', 12),
  },
  assumptions: [
    { what: 'mark', value: '0x4000', from: 'the rules' },
    { what: 'masqueradeAll', value: 'false', from: 'the rules' },
    { what: 'local traffic', value: 'ip saddr 10.244.0.0/16', from: 'the rules that name it' },
    { what: 'NodePort addresses', value: '192.0.2.1', from: 'the default' },
    { what: 'ServiceCIDRs', value: '10.96.0.0/12', from: 'the chain' },
  ],
};
const facts = { version: 'v1.36.0', address: '192.0.2.1', localAddresses: ['127.0.0.1', '192.0.2.1', '198.51.100.7'] };
const nothing: ProxyConfig = {
  mode: undefined,
  clusterCIDR: undefined,
  nodePortAddresses: undefined,
  masqueradeAll: undefined,
};
const unknown = { known: false, why: 'not read' } as const;
const given = (config: Partial<ProxyConfig>, cidrs: readonly string[] = [], podCIDRs: readonly string[] = []) =>
  withGiven(
    inferred,
    'ip',
    facts,
    { proxyConfig: { known: true, value: { ...nothing, ...config } }, serviceCIDRs: { known: true, value: cidrs } },
    { name: 'n', addresses: [], podCIDRs, zone: undefined, labels: {} },
  );
const said = ({ assumptions }: InferredConfiguration, what: string) => assumptions.find((one) => one.what === what);

test('nothing given: what the table tells stays', () => {
  expect(given({})).toEqual(inferred);
  expect(withGiven(inferred, 'ip', facts, { proxyConfig: unknown, serviceCIDRs: unknown }, undefined)).toEqual(
    inferred,
  );
});

test('the same is given: its source is named, and no contradiction', () => {
  const { configuration, assumptions } = given({ clusterCIDR: 'fd00::/56,10.244.0.0/16', masqueradeAll: false }, [
    '10.96.0.0/12',
    'fd01::/108',
  ]);
  expect(configuration).toEqual(inferred.configuration);
  expect(assumptions.map(({ from }) => from)).toEqual([
    'the rules',
    "kube-proxy's ConfigMap",
    "kube-proxy's ConfigMap",
    'the default',
    'the ServiceCIDR objects',
  ]);
});

describe('another is given: it goes first, and the contradiction is said', () => {
  test('the network of pods', () => {
    const one = given({ clusterCIDR: '10.200.0.0/16' });
    expect(one.configuration.localTraffic).toEqual({ left: source('ip'), right: prefix('10.200.0.0', 16) });
    expect(said(one, 'local traffic')).toEqual({
      what: 'local traffic',
      value: 'ip saddr 10.200.0.0/16',
      from: "kube-proxy's ConfigMap; the table says ip saddr 10.244.0.0/16 (the rules that name it)",
    });
  });

  test('that of the node is another way of detection, and no contradiction', () => {
    expect(given({ clusterCIDR: '10.0.0.0/8' }, [], ['10.244.0.0/16']).configuration).toEqual(inferred.configuration);
  });

  test('masquerading of everything', () => {
    const one = given({ masqueradeAll: true });
    expect(one.configuration.masqueradeAll).toBe(true);
    expect(said(one, 'masqueradeAll')?.from).toContain('the table says false');
  });

  test.each<[readonly string[], 'any' | readonly string[]]>([
    [['198.51.100.0/24'], ['198.51.100.7']],
    [['primary'], ['192.0.2.1']],
    [['0.0.0.0/0'], 'any'],
    [['fd00::/64'], 'any'],
    [[], ['192.0.2.1']],
    [['203.0.113.0/24'], []],
  ])('NodePorts at %j: %j', (nodePortAddresses, want) => {
    expect(given({ nodePortAddresses }).configuration.nodePortAddresses).toEqual(want);
  });

  test('Service networks, two of which touch', () => {
    const one = given({}, ['10.98.0.0/16', '10.99.0.0/16', '10.20.0.0/16']);
    expect(said(one, 'ServiceCIDRs')).toEqual({
      what: 'ServiceCIDRs',
      value: '10.20.0.0/16, 10.98.0.0/15',
      from: 'the ServiceCIDR objects; the table says 10.96.0.0/12 (the chain)',
    });
  });

  test('the mode', () => {
    expect(said(given({ mode: 'iptables' }), 'mode')?.from).toContain('ConfigMap says iptables');
    expect(said(given({ mode: 'nftables' }), 'mode')).toBeUndefined();
  });
});

test('the files of a capture', () => {
  expect(
    decodeProxyConfig({ mode: 'nftables', clusterCIDR: null, nodePortAddresses: null, masqueradeAll: true }),
  ).toEqual({
    ok: true,
    value: { ...nothing, mode: 'nftables', masqueradeAll: true },
  });
  expect(decodeServiceCidrs({ items: [{ spec: { cidrs: ['10.96.0.0/12', 'fd01::/108'] } }, { spec: {} }] })).toEqual({
    ok: true,
    value: ['10.96.0.0/12', 'fd01::/108'],
  });
  expect(decodeProxyConfig([]).ok).toBe(false);
});
