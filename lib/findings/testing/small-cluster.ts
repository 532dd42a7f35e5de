/** One captured node of a cluster of two, with kube-proxy and whatever a test puts beside it. */
import { buildCluster } from '../../cluster/build-cluster';
import { nodeWorld, type TestChain } from '../../conflicts/testing/node-world';
import { expectedTable } from '../../expected/expected-table';
import { releaseOf } from '../../expected/release';
import { source } from '../../expected/statements';
import { ok } from '../../net/result';
import type { Table } from '../../nft/model';
import type { Network } from '../../reach/network';
import type { Question } from '../../reach/walk';
import type { World } from '../../world/world';
import { decodeAsked } from '../asked';
import { Context } from '../context';

interface Small {
  /** Of others, beside kube-proxy's table: loaded after it. */
  readonly chains?: readonly TestChain[];
  readonly more?: readonly unknown[];
  /** Files of the node that differ: `sysctl.txt`, `route4.json`, … */
  readonly files?: Readonly<Record<string, string>>;
  readonly service?: object;
  /** Addresses of the endpoints; `.1.` are on node-1. */
  readonly endpoints?: readonly string[];
  /** What kube-proxy has seen, where that is not what is there now. */
  readonly seen?: readonly string[];
  /** What somebody did to kube-proxy's table. */
  readonly edit?: (table: Table) => Table;
  /** How kube-proxy tells its pods. */
  readonly clusterCidr?: string;
  readonly ask?: { readonly [key: string]: unknown };
  readonly pods?: readonly string[];
}

const PODS = ['10.244.1.2', '10.244.1.3', '10.244.2.2'];
const nodeOf = (address: string): string => (address.startsWith('10.244.1.') ? 'node-1' : 'node-2');
const nameOf = (address: string): string => `pod-${address.split('.').slice(2).join('-')}`;

/** shop/web is 10.96.0.10:80 and NodePort 30080, and goes to port 8080 of 10.244.1.3 and 10.244.2.2; node-2 is not captured. */
export function smallCluster(small: Small = {}): Context {
  const { endpoints = PODS.slice(1), seen = endpoints, clusterCidr = '10.244.0.0/16', pods = PODS, ask } = small;
  const cluster = clusterOf(endpoints, pods, small.service);
  const before = clusterOf(seen, pods, small.service);
  const release = releaseOf('v1.36.2');
  const { services, endpointSlices } = before;
  const [addr = '', len] = clusterCidr.split('/');
  if (release === undefined || !services.known || !endpointSlices.known) throw new Error('not decoded');
  const table = expectedTable(
    'ip',
    { services: services.value, endpointSlices: endpointSlices.value },
    { name: 'node-1', zone: undefined, address: '10.240.0.11' },
    {
      release,
      mark: 0x4000,
      masqueradeAll: false,
      localTraffic: { left: source('ip'), right: { kind: 'prefix', addr, len: Number(len) } },
      nodePortAddresses: ['10.240.0.11'],
      unallocated: undefined,
    },
  );
  const { chains = [], more = [], files = {}, edit = (one) => one } = small;
  const others = nodeWorld(chains, { more, files: { 'route4.json': JSON.stringify(ROUTES), ...files } });
  if (!others.ruleset.known) throw new Error(others.ruleset.why);
  const ruleset = { ...others.ruleset.value, tables: [edit(table), ...others.ruleset.value.tables] };
  const world: World = { ...others, ruleset: { known: true, value: ruleset } };
  const versions = { nft: '1.0.6', kernel: undefined, kubeProxy: 'v1.36.2' };
  const node = { name: 'node-1', ruleset: ok(ruleset), world, versions, files: new Map(), problems: new Map() };
  const asked = ask && ((network: Network) => decodeAsked(ask, network));
  return new Context({ cluster, nodes: [node] }, asked);
}

/** The question of a context that has one. */
export function questionOf({ question }: Context): Question {
  if (question === undefined) throw new Error('nothing is asked');
  return question;
}

export const ROUTES: readonly object[] = [
  { dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] },
  { dst: '10.240.0.0/24', dev: 'eth0', protocol: 'kernel', scope: 'link', prefsrc: '10.240.0.11', flags: [] },
  { dst: '10.244.1.2', dev: 'veth2', scope: 'link', flags: [] },
  { dst: '10.244.1.3', dev: 'veth3', scope: 'link', flags: [] },
  { dst: '10.244.2.0/24', gateway: '10.240.0.12', dev: 'eth0', flags: [] },
  {
    type: 'local',
    dst: '10.240.0.11',
    dev: 'eth0',
    table: 'local',
    protocol: 'kernel',
    scope: 'host',
    prefsrc: '10.240.0.11',
    flags: [],
  },
];

function clusterOf(endpoints: readonly string[], pods: readonly string[], service: object = {}) {
  const objects = {
    'services.json': [
      {
        metadata: { namespace: 'shop', name: 'web' },
        spec: {
          type: 'NodePort',
          clusterIP: '10.96.0.10',
          clusterIPs: ['10.96.0.10'],
          ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }],
          ...service,
        },
        status: {},
      },
    ],
    'endpointslices.json': [
      {
        metadata: { namespace: 'shop', name: 'web-x', labels: { 'kubernetes.io/service-name': 'web' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: endpoints.map((address) => ({ addresses: [address], nodeName: nodeOf(address) })),
      },
    ],
    'nodes.json': [1, 2].map((n) => ({
      metadata: { name: `node-${n}`, labels: {} },
      spec: { podCIDR: `10.244.${n}.0/24`, podCIDRs: [`10.244.${n}.0/24`] },
      status: { addresses: [{ type: 'InternalIP', address: `10.240.0.${10 + n}` }] },
    })),
    'pods.json': pods.map((address) => ({
      metadata: { namespace: 'shop', name: nameOf(address), labels: {} },
      spec: { nodeName: nodeOf(address), containers: [{ ports: [{ containerPort: 8080 }] }] },
      status: {
        phase: 'Running',
        podIP: address,
        podIPs: [{ ip: address }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    })),
  };
  const files = Object.entries(objects).map(
    ([name, items]) => [name, { kind: 'read', content: JSON.stringify({ items }) }] as const,
  );
  return buildCluster(new Map(files)).cluster;
}
