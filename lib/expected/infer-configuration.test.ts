import { expect, test } from 'vitest';
import type { Expression } from '../nft/model';
import type { ProxyConfiguration } from './configuration';
import { expectedTable } from './expected-table';
import { inferConfiguration } from './infer-configuration';
import { releaseOf } from './release';
import { meta, source } from './statements';

const NODE = { name: 'node-1', zone: undefined, address: '10.240.0.11' };
const SERVICE_NETWORK: Expression = { kind: 'prefix', addr: '10.96.0.0', len: 12 };

function configuration(version: string, rest: Partial<ProxyConfiguration> = {}): ProxyConfiguration {
  const release = releaseOf(version);
  if (release === undefined) throw new Error(version);
  return {
    release,
    mark: 0x4000,
    masqueradeAll: false,
    localTraffic: { left: source('ip'), right: { kind: 'prefix', addr: '10.244.0.0', len: 16 } },
    nodePortAddresses: ['10.240.0.11'],
    unallocated: SERVICE_NETWORK,
    ...rest,
  };
}

const OBJECTS = {
  services: [
    {
      namespace: 'shop',
      name: 'web',
      type: 'NodePort' as const,
      clusterIPs: ['10.96.0.10'],
      headless: false,
      otherProxy: false,
      externalIPs: [],
      loadBalancerIPs: [],
      virtualIPs: [],
      loadBalancerSourceRanges: [],
      ports: [{ name: 'http', protocol: 'TCP' as const, port: 80, targetPort: 8080, nodePort: 30080 }],
      selector: undefined,
      externalTrafficPolicy: 'Local' as const,
      internalTrafficPolicy: 'Cluster' as const,
      clientIPAffinity: undefined,
      healthCheckNodePort: undefined,
      publishNotReadyAddresses: false,
      trafficDistribution: undefined,
      externalName: undefined,
    },
  ],
  endpointSlices: [
    {
      namespace: 'shop',
      name: 'web-1',
      service: 'web',
      headless: false,
      addressType: 'IPv4' as const,
      ports: [{ name: 'http', named: true, protocol: 'TCP' as const, port: 8080 }],
      endpoints: ['10.244.1.5', '10.244.2.5'].map((address) => ({
        addresses: [address],
        ready: true,
        serving: true,
        terminating: false,
        node: 'node-1',
        zone: undefined,
        pod: undefined,
        forZones: [],
        forNodes: [],
      })),
    },
  ],
};

/** A table written with a configuration tells that configuration. */
test.each<readonly [string, string, Partial<ProxyConfiguration>]>([
  ['1.32.13', 'defaults', {}],
  ['1.32.13', 'an interface', { localTraffic: { left: meta('iif'), right: 'cni0' } }],
  ['1.32.13', 'masqueradeAll', { masqueradeAll: true }],
  ['1.35.6', 'defaults', {}],
  ['1.35.6', 'names of interfaces', { localTraffic: { left: meta('iifname'), right: 'veth*' } }],
  ['1.36.2', 'masqueradeAll, another bit', { masqueradeAll: true, mark: 0x10000 }],
  ['1.36.2', 'the highest bit', { mark: 0x8000_0000 }],
  ['1.36.2', 'any address, no Service networks', { nodePortAddresses: 'any', unallocated: undefined }],
  ['1.36.2', 'nothing tells local traffic', { localTraffic: undefined }],
])('%s, %s', (version, _name, rest) => {
  const given = configuration(version, rest);
  const table = expectedTable('ip', OBJECTS, NODE, given);
  const facts = { version: `v${version}`, address: NODE.address, localAddresses: [NODE.address] };
  expect(inferConfiguration(table, facts)?.configuration).toEqual(given);
});

test('the table decides the layout, whatever version is told', () => {
  const table = expectedTable('ip', OBJECTS, NODE, configuration('1.32.13'));
  const facts = { version: 'v1.36.2', address: NODE.address, localAddresses: undefined };
  const inferred = inferConfiguration(table, facts);
  expect(inferred?.configuration.release.generation).toBe('B');
  expect(inferred?.assumptions[0]).toEqual({ what: 'layout', value: 'B (1.32)', from: 'the names in the table' });
});

test('NodePort addresses: those of the set that the node has', () => {
  const table = expectedTable(
    'ip',
    OBJECTS,
    NODE,
    configuration('1.36.2', { nodePortAddresses: ['10.240.0.11', '10.240.0.99', '192.0.2.7'] }),
  );
  const facts = { version: undefined, address: NODE.address, localAddresses: ['10.240.0.11', '192.0.2.7'] };
  expect(inferConfiguration(table, facts)?.configuration.nodePortAddresses).toEqual(['10.240.0.11', '192.0.2.7']);
});

test('an empty table tells nothing', () => {
  const table = { ...expectedTable('ip', OBJECTS, NODE, configuration('1.36.2')), chains: [], sets: [] };
  expect(
    inferConfiguration(table, { version: 'v1.36.2', address: undefined, localAddresses: undefined }),
  ).toBeUndefined();
});
