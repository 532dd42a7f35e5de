/** Expected tables and drift of one node with 10,000 Services (bar: 3 s together), and how both grow from 1,000. */
import type { Cluster, EndpointSlice, Service } from '../lib/cluster/cluster';
import { nodeDrift } from '../lib/drift/node-drift';
import type { ProxyConfiguration } from '../lib/expected/configuration';
import { type ClusterObjects, expectedTable } from '../lib/expected/expected-table';
import { releaseOf } from '../lib/expected/release';
import { source } from '../lib/expected/statements';
import { formatIpv4 } from '../lib/net/address';
import type { Bench } from './bench';

const NODES = 100;
const ENDPOINTS = 3;
const NODE = { name: 'node-0', zone: undefined, address: '10.240.0.10' };

function objectsOf(count: number): ClusterObjects {
  const services: Service[] = [];
  const endpointSlices: EndpointSlice[] = [];
  for (let i = 0; i < count; i++) {
    const namespace = `team-${i % 97}`;
    const name = `service-${i}`;
    services.push({
      namespace,
      name,
      type: i % 4 === 0 ? 'NodePort' : 'ClusterIP',
      clusterIPs: [formatIpv4(0x0a600000 + 10 + i)],
      headless: false,
      otherProxy: false,
      externalIPs: [],
      loadBalancerIPs: [],
      virtualIPs: [],
      loadBalancerSourceRanges: [],
      ports: [
        {
          name: 'http',
          protocol: 'TCP',
          port: 80,
          targetPort: 8080,
          nodePort: i % 4 === 0 ? 30_000 + i / 4 : undefined,
        },
      ],
      selector: undefined,
      externalTrafficPolicy: 'Cluster',
      internalTrafficPolicy: 'Cluster',
      clientIPAffinity: i % 50 === 0 ? 10_800 : undefined,
      healthCheckNodePort: undefined,
      publishNotReadyAddresses: false,
      trafficDistribution: undefined,
      externalName: undefined,
    });
    endpointSlices.push({
      namespace,
      name: `${name}-x`,
      service: name,
      headless: false,
      addressType: 'IPv4',
      ports: [{ name: 'http', named: true, protocol: 'TCP', port: 8080 }],
      endpoints: Array.from({ length: ENDPOINTS }, (_, e) => ({
        addresses: [formatIpv4(0x0a800000 + i * ENDPOINTS + e + 2)],
        ready: true,
        serving: true,
        terminating: false,
        node: `node-${(i + e) % NODES}`,
        zone: undefined,
        pod: undefined,
        forZones: [],
        forNodes: [],
      })),
    });
  }
  return { services, endpointSlices };
}

const release = releaseOf('1.36.2');
if (release === undefined) throw new Error('no such release');
const configuration: ProxyConfiguration = {
  release,
  mark: 0x4000,
  masqueradeAll: false,
  localTraffic: { left: source('ip'), right: { kind: 'prefix', addr: '10.128.0.0', len: 9 } },
  nodePortAddresses: [NODE.address],
  unallocated: undefined,
};

/** What the node has was computed before, in other objects; what is timed computes it again and compares. */
function drift(count: number): () => unknown {
  const objects = objectsOf(count);
  const actual = expectedTable('ip', objectsOf(count), NODE, configuration);
  const known = <T>(value: T) => ({ known: true, value }) as const;
  const absent = { known: false, why: 'not part of this benchmark' } as const;
  const cluster: Cluster = {
    services: known(objects.services),
    endpointSlices: known(objects.endpointSlices),
    nodes: known([{ name: NODE.name, addresses: [NODE.address], podCIDRs: [], zone: undefined, labels: {} }]),
    pods: absent,
    namespaces: absent,
    networkPolicies: absent,
    proxyConfig: absent,
    serviceCIDRs: absent,
    version: absent,
  };
  const node = {
    name: NODE.name,
    ruleset: { nftVersion: '1.0.6', releaseName: undefined, tables: [actual], unsupported: [], omissions: [] },
    world: { links: absent, sysctl: absent },
    version: 'v1.36.2',
  };
  return () => {
    const found = nodeDrift(node, cluster);
    const differences = found.ok ? found.value.families.flatMap((family) => family.differences) : undefined;
    if (differences?.length !== 0) throw new Error('expected no difference');
    return differences;
  };
}

const ten = objectsOf(10_000);

export const bench: Bench = {
  name: 'expected table and drift of one node, 10,000 Services with 3 endpoints each (bar: 3 s)',
  cases: {
    'expected + drift, 10,000 Services': drift(10_000),
    'expected alone': () => expectedTable('ip', ten, NODE, configuration),
    'expected + drift, 1,000 Services': drift(1000),
  },
};
