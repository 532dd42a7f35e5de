/**
 * What NetworkPolicies mean. Expectations are worked out from the documentation of networking.k8s.io/v1 and the concept page, not from
 * this code; each row says which sentence it is about.
 */
import { describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build-cluster';
import type { Cluster, Pod } from '../cluster/cluster';
import type { FileReading } from '../world/capture-files';
import { judge, policiesOf } from './allowed';
import { type Connection, endOf, endOfPod } from './connection';

const read = (...items: unknown[]): FileReading => ({ kind: 'read', content: JSON.stringify({ items }) });
const pod = (name: string, ip: string, labels: object, more: object = {}) => {
  const [namespace, own] = name.split('/');
  return {
    metadata: { namespace, name: own, labels },
    spec: {
      nodeName: 'node-1',
      containers: [
        {
          ports: [
            { name: 'http', containerPort: 8080 },
            { name: 'dns', containerPort: 53, protocol: 'UDP' },
          ],
        },
      ],
      ...more,
    },
    status: { phase: 'Running', podIP: ip },
  };
};
const PODS = read(
  pod('shop/web', '10.244.1.2', { app: 'web', tier: 'front' }),
  pod('shop/api', '10.244.2.3', { app: 'api' }, { nodeName: 'node-2' }),
  pod('data/job', '10.244.1.4', { app: 'web' }),
  pod('data/host', '192.168.0.1', { app: 'web' }, { hostNetwork: true }),
);
const NODES = read(
  {
    metadata: { name: 'node-1' },
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
  },
  {
    metadata: { name: 'node-2' },
    spec: { podCIDRs: ['10.244.2.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
  },
);
const NAMESPACES = read(
  { metadata: { name: 'shop', labels: { team: 'a', 'kubernetes.io/metadata.name': 'shop' } } },
  { metadata: { name: 'data', labels: { team: 'b', 'kubernetes.io/metadata.name': 'data' } } },
);

const policy = (spec: object, namespace = 'shop', name = 'p') => ({ metadata: { namespace, name }, spec });
function clusterOf(
  policies: readonly object[] | undefined,
  more: ReadonlyMap<string, FileReading> = new Map(),
): Cluster {
  const files = new Map<string, FileReading>([
    ['pods.json', PODS],
    ['nodes.json', NODES],
    ['namespaces.json', NAMESPACES],
    ...(policies === undefined ? [] : [['networkpolicies.json', read(...policies)] as const]),
    ...more,
  ]);
  return buildCluster(files).cluster;
}
function named(cluster: Cluster, name: string): Pod {
  const found = cluster.pods.known
    ? cluster.pods.value.find((one) => `${one.namespace}/${one.name}` === name)
    : undefined;
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
}

describe('a pod and itself', () => {
  // No policy comes between a pod and itself, by whatever address of its own it asks.
  const none = [policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })];
  test.each(['127.0.0.1', '127.1.2.3', '::1'])('by %s', (address) => {
    const cluster = clusterOf(none);
    const [from, to] = [endOfPod(named(cluster, 'shop/web')), endOf(address, cluster)];
    const found = judge({ from, sources: [address], to, places: [{ address, port: 8080 }], protocol: 'tcp' }, cluster);
    expect(found.allowed.truth).toBe('yes');
    expect(found.ingress).toMatchObject({ end: from, notSelected: undefined });
  });

  test('what was translated to a loopback address is with the node, not with the pod', () => {
    const cluster = clusterOf(none);
    const [from, to] = [endOfPod(named(cluster, 'shop/web')), endOf('127.0.0.1', cluster)];
    const places = [
      { address: '127.0.0.1', port: 80 },
      { address: '192.0.2.1', port: 80 },
    ] as const;
    const found = judge({ from, sources: ['10.244.1.2'], to, places, protocol: 'tcp' }, cluster);
    expect(found.allowed.truth).toBe('no');
  });
});

interface Row {
  readonly name: string;
  readonly policies: readonly object[] | undefined;
  /** A pod, or an address. Default shop/web. */
  readonly from?: string;
  /** Default shop/api. */
  readonly to?: string;
  readonly port?: number;
  readonly protocol?: string;
  /** The source as it arrives. */
  readonly seen?: string;
  /** The address and port that were asked for. */
  readonly asked?: { readonly address: string; readonly port: number };
  readonly files?: ReadonlyMap<string, FileReading>;
  readonly want: 'yes' | 'no' | 'unknown';
}

function allowed({
  policies,
  from = 'shop/web',
  to = 'shop/api',
  port = 8080,
  protocol = 'tcp',
  seen,
  asked,
  files,
}: Row) {
  const cluster = clusterOf(policies, files);
  const end = (text: string) => (text.includes('/') ? endOfPod(named(cluster, text)) : endOf(text, cluster));
  const address = (text: string) => (text.includes('/') ? (named(cluster, text).addresses[0] ?? '') : text);
  const connection: Connection = {
    from: end(from),
    sources: seen === undefined ? [address(from)] : [address(from), seen],
    to: end(to),
    places: asked === undefined ? [{ address: address(to), port }] : [{ address: address(to), port }, asked],
    protocol,
  };
  return judge(connection, cluster).allowed;
}

const API = { podSelector: { matchLabels: { app: 'api' } } };
const WEB = { podSelector: { matchLabels: { app: 'web' } } };
const ingress = (...rules: object[]) => policy({ ...API, policyTypes: ['Ingress'], ingress: rules });
const egress = (...rules: object[]) => policy({ ...WEB, policyTypes: ['Egress'], egress: rules });
const TEAM_B = { namespaceSelector: { matchLabels: { team: 'b' } } };
const OUT = '203.0.113.7';

const ROWS: readonly Row[] = [
  { name: 'no policy: not isolated', policies: [], want: 'yes' },
  { name: 'a policy of another namespace', policies: [policy({ ...API }, 'data')], want: 'yes' },
  {
    name: 'a policy that selects other pods',
    policies: [policy({ podSelector: { matchLabels: { app: 'x' } } })],
    want: 'yes',
  },
  // Default deny: an empty podSelector selects all pods of the namespace, no rule allows nothing.
  { name: 'default deny ingress', policies: [policy({ podSelector: {}, policyTypes: ['Ingress'] })], want: 'no' },
  { name: 'default deny egress', policies: [policy({ podSelector: {}, policyTypes: ['Egress'] })], want: 'no' },
  {
    name: 'default deny egress does not isolate for ingress',
    from: 'data/job',
    policies: [policy({ podSelector: {}, policyTypes: ['Egress'] })],
    want: 'yes',
  },
  {
    name: 'default deny ingress does not isolate for egress',
    to: OUT,
    policies: [policy({ podSelector: {}, policyTypes: ['Ingress'] })],
    want: 'yes',
  },
  { name: 'podSelector missing selects all', policies: [policy({ policyTypes: ['Ingress'] })], want: 'no' },
  // policyTypes absent: always ingress; egress where there are egress rules.
  { name: 'no policyTypes, no rules: denies ingress', policies: [policy({ podSelector: {} })], want: 'no' },
  {
    name: 'no policyTypes, no rules: says nothing of egress',
    to: OUT,
    policies: [policy({ podSelector: {} })],
    want: 'yes',
  },
  {
    name: 'no policyTypes, egress rules: of egress too',
    to: OUT,
    policies: [policy({ ...WEB, egress: [{ to: [API] }] })],
    want: 'no',
  },
  {
    name: 'no policyTypes, egress rules: denies ingress all the same',
    from: 'data/job',
    policies: [policy({ ...API, egress: [{}] })],
    want: 'no',
  },
  {
    name: 'no policyTypes, empty egress: says nothing of egress',
    to: OUT,
    policies: [policy({ podSelector: {}, egress: [] })],
    want: 'yes',
  },
  {
    name: 'policyTypes without Egress: egress rules do not count',
    to: OUT,
    policies: [policy({ ...WEB, policyTypes: ['Ingress'], egress: [{ to: [API] }] })],
    want: 'yes',
  },
  // An empty rule, from missing, from empty: all sources.
  { name: 'ingress: [{}] allows all', from: 'data/job', policies: [ingress({})], want: 'yes' },
  { name: 'from missing', from: OUT, policies: [ingress({ ports: [{ port: 8080 }] })], want: 'yes' },
  { name: 'from empty', from: OUT, policies: [ingress({ from: [] })], want: 'yes' },
  { name: 'ingress: [] allows nothing', policies: [policy({ ...API, ingress: [] })], want: 'no' },
  // Peers.
  { name: 'podSelector alone: of the own namespace', policies: [ingress({ from: [WEB] })], want: 'yes' },
  { name: 'podSelector alone: not of another', from: 'data/job', policies: [ingress({ from: [WEB] })], want: 'no' },
  {
    name: 'podSelector: {} is all pods of the own namespace',
    policies: [ingress({ from: [{ podSelector: {} }] })],
    want: 'yes',
  },
  {
    name: 'podSelector: {} is no pod of another',
    from: 'data/job',
    policies: [ingress({ from: [{ podSelector: {} }] })],
    want: 'no',
  },
  {
    name: 'podSelector: {} is nobody outside',
    from: OUT,
    policies: [ingress({ from: [{ podSelector: {} }] })],
    want: 'no',
  },
  {
    name: 'namespaceSelector alone: all its pods',
    from: 'data/job',
    policies: [ingress({ from: [TEAM_B] })],
    want: 'yes',
  },
  { name: 'namespaceSelector alone: not those of others', policies: [ingress({ from: [TEAM_B] })], want: 'no' },
  {
    name: 'namespaceSelector: {} is all namespaces',
    from: 'data/job',
    policies: [ingress({ from: [{ namespaceSelector: {} }] })],
    want: 'yes',
  },
  {
    name: 'namespaceSelector: {} is nobody outside',
    from: OUT,
    policies: [ingress({ from: [{ namespaceSelector: {} }] })],
    want: 'no',
  },
  { name: 'both in one peer: and', policies: [ingress({ from: [{ ...TEAM_B, ...WEB }] })], want: 'no' },
  {
    name: 'both in one peer: both hold',
    from: 'data/job',
    policies: [ingress({ from: [{ ...TEAM_B, ...WEB }] })],
    want: 'yes',
  },
  { name: 'two peers: or', policies: [ingress({ from: [TEAM_B, WEB] })], want: 'yes' },
  { name: 'a peer of no known kind', policies: [ingress({ from: [{ serviceAccounts: {} }] })], want: 'unknown' },
  {
    name: 'a peer of no known kind beside one that fits',
    policies: [ingress({ from: [{ serviceAccounts: {} }, WEB] })],
    want: 'yes',
  },
  // matchExpressions.
  ...(
    [
      ['In', 'app', ['web', 'x'], 'yes'],
      ['In', 'app', ['x'], 'no'],
      ['In', 'absent', ['x'], 'no'],
      ['NotIn', 'app', ['web'], 'no'],
      ['NotIn', 'app', ['x'], 'yes'],
      ['NotIn', 'absent', ['x'], 'yes'],
      ['Exists', 'tier', [], 'yes'],
      ['Exists', 'absent', [], 'no'],
      ['Exists', 'constructor', [], 'no'],
      ['DoesNotExist', 'tier', [], 'no'],
      ['DoesNotExist', 'absent', [], 'yes'],
      ['Gt', 'tier', ['1'], 'unknown'],
    ] as const
  ).map(
    ([operator, key, values, want]): Row => ({
      name: `${key} ${operator} ${values.join(',')}`,
      policies: [ingress({ from: [{ podSelector: { matchExpressions: [{ key, operator, values }] } }] })],
      want,
    }),
  ),
  {
    name: 'labels and expressions: all must hold',
    policies: [
      ingress({
        from: [
          {
            podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
          },
        ],
      }),
    ],
    want: 'no',
  },
  // ipBlock.
  { name: 'ipBlock', from: OUT, policies: [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24' } }] })], want: 'yes' },
  {
    name: 'ipBlock of others',
    from: OUT,
    policies: [ingress({ from: [{ ipBlock: { cidr: '198.51.100.0/24' } }] })],
    want: 'no',
  },
  {
    name: 'ipBlock: except',
    from: OUT,
    policies: [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.0/28'] } }] })],
    want: 'no',
  },
  {
    name: 'ipBlock: not in except',
    from: '203.0.113.17',
    policies: [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.0/28'] } }] })],
    want: 'yes',
  },
  {
    name: 'ipBlock of the other family',
    from: OUT,
    policies: [ingress({ from: [{ ipBlock: { cidr: '::/0' } }] })],
    want: 'no',
  },
  {
    name: 'ipBlock that makes no sense',
    from: OUT,
    policies: [ingress({ from: [{ ipBlock: { cidr: '203.0.113.7' } }] })],
    want: 'unknown',
  },
  {
    name: 'an excepted address, allowed by another rule',
    from: OUT,
    policies: [
      ingress({ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['203.0.113.0/24'] } }] }, { ports: [{ port: 8080 }] }),
    ],
    want: 'yes',
  },
  // Ports.
  { name: 'port', policies: [ingress({ ports: [{ port: 8080 }] })], want: 'yes' },
  { name: 'another port', policies: [ingress({ ports: [{ port: 80 }] })], want: 'no' },
  { name: 'protocol is TCP by default', protocol: 'udp', policies: [ingress({ ports: [{ port: 8080 }] })], want: 'no' },
  {
    name: 'a protocol alone: all its ports',
    protocol: 'udp',
    port: 99,
    policies: [ingress({ ports: [{ protocol: 'UDP' }] })],
    want: 'yes',
  },
  { name: 'endPort', port: 32000, policies: [ingress({ ports: [{ port: 32000, endPort: 32768 }] })], want: 'yes' },
  {
    name: 'endPort: the last',
    port: 32768,
    policies: [ingress({ ports: [{ port: 32000, endPort: 32768 }] })],
    want: 'yes',
  },
  {
    name: 'endPort: behind',
    port: 32769,
    policies: [ingress({ ports: [{ port: 32000, endPort: 32768 }] })],
    want: 'no',
  },
  { name: 'named port', policies: [ingress({ ports: [{ port: 'http' }] })], want: 'yes' },
  { name: 'named port of another number', port: 9090, policies: [ingress({ ports: [{ port: 'http' }] })], want: 'no' },
  {
    name: 'named port of another protocol',
    protocol: 'udp',
    policies: [ingress({ ports: [{ port: 'http', protocol: 'UDP' }] })],
    want: 'no',
  },
  {
    name: 'named port of UDP',
    protocol: 'udp',
    port: 53,
    policies: [ingress({ ports: [{ port: 'dns', protocol: 'UDP' }] })],
    want: 'yes',
  },
  {
    name: 'named port in egress is one of the pod it goes to',
    policies: [egress({ ports: [{ port: 'http' }] })],
    want: 'yes',
  },
  { name: 'named port outside of the cluster', to: OUT, policies: [egress({ ports: [{ port: 'http' }] })], want: 'no' },
  { name: 'ports and from: both', policies: [ingress({ from: [TEAM_B], ports: [{ port: 8080 }] })], want: 'no' },
  { name: 'ports empty: all', policies: [ingress({ from: [WEB], ports: [] })], want: 'yes' },
  {
    name: 'ICMP and default deny: undefined',
    protocol: 'icmp',
    policies: [policy({ podSelector: {} })],
    want: 'unknown',
  },
  { name: 'ICMP without a policy', protocol: 'icmp', policies: [], want: 'yes' },
  // Both sides must allow; policies add up.
  { name: 'egress allows, ingress does not', policies: [egress({ to: [API] }), ingress()], want: 'no' },
  { name: 'ingress allows, egress does not', policies: [egress({ to: [TEAM_B] }), ingress({})], want: 'no' },
  { name: 'both allow', policies: [egress({ to: [API] }), ingress({ from: [WEB] })], want: 'yes' },
  {
    name: 'one of two allows',
    policies: [ingress(), policy({ ...API, ingress: [{ from: [WEB] }] }, 'shop', 'q')],
    want: 'yes',
  },
  // Nodes, and the pod itself.
  { name: "the pod's own node may always", from: '192.168.0.2', policies: [ingress()], want: 'yes' },
  { name: 'another node may not', from: '192.168.0.1', policies: [ingress()], want: 'no' },
  {
    name: 'another node, by its address',
    from: '192.168.0.1',
    policies: [ingress({ from: [{ ipBlock: { cidr: '192.168.0.0/24' } }] })],
    want: 'yes',
  },
  { name: 'to its own node', to: '192.168.0.1', policies: [egress()], want: 'yes' },
  { name: 'to another node', to: '192.168.0.2', policies: [egress()], want: 'no' },
  { name: 'to itself', to: 'shop/web', policies: [egress(), policy({ ...WEB })], want: 'yes' },
  {
    name: 'a pod in the network of its node is not selected',
    to: 'data/host',
    policies: [policy({ podSelector: {} }, 'data')],
    want: 'yes',
  },
  {
    name: 'a pod in the network of a node as a peer that fits',
    from: 'data/host',
    policies: [ingress({ from: [TEAM_B] })],
    want: 'unknown',
  },
  {
    name: 'a pod in the network of a node as a peer that does not',
    from: 'data/host',
    policies: [ingress({ from: [API] })],
    want: 'no',
  },
  // Translation.
  {
    name: 'by a Service: pods are those behind it',
    asked: { address: '10.96.0.9', port: 80 },
    policies: [egress({ to: [API], ports: [{ port: 8080 }] })],
    want: 'yes',
  },
  {
    name: "by a Service: the port is the pod's",
    asked: { address: '10.96.0.9', port: 80 },
    policies: [egress({ to: [API], ports: [{ port: 80 }] })],
    want: 'no',
  },
  {
    name: 'by a Service, a network that has the pod and not the Service',
    asked: { address: '10.96.0.9', port: 80 },
    policies: [egress({ to: [{ ipBlock: { cidr: '10.244.0.0/16' } }] })],
    want: 'unknown',
  },
  {
    name: 'by a Service, a network that has both',
    asked: { address: '10.96.0.9', port: 80 },
    policies: [egress({ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] })],
    want: 'yes',
  },
  {
    name: 'from outside, arriving as a node',
    from: OUT,
    seen: '192.168.0.1',
    policies: [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24' } }] })],
    want: 'unknown',
  },
  {
    name: "from outside, arriving as the pod's own node",
    from: OUT,
    seen: '192.168.0.2',
    policies: [ingress()],
    want: 'unknown',
  },
  {
    name: 'from a pod, arriving as a node',
    seen: '192.168.0.1',
    policies: [ingress({ from: [WEB] })],
    want: 'unknown',
  },
  // What is not known.
  { name: 'policies were not read', policies: undefined, want: 'unknown' },
  {
    name: 'policies were not read, and nobody can be selected',
    from: '192.168.0.1',
    to: OUT,
    policies: undefined,
    want: 'yes',
  },
  {
    name: 'a policy of which only the name was captured',
    policies: [{ metadata: { namespace: 'shop', name: 'p' } }],
    want: 'unknown',
  },
  {
    name: 'only the name, beside one that forbids',
    policies: [ingress(), { metadata: { namespace: 'shop', name: 'q' } }],
    want: 'unknown',
  },
  {
    name: 'an address of a network of pods that no pod has',
    from: '10.244.1.99',
    policies: [ingress({ from: [WEB] })],
    want: 'unknown',
  },
  {
    name: 'namespaces were not read',
    policies: [ingress({ from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }] })],
    files: new Map([['namespaces.json', { kind: 'absent' }]]),
    want: 'unknown',
  },
  {
    name: 'namespaces were not read: the name is a label',
    policies: [ingress({ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }] })],
    files: new Map([['namespaces.json', { kind: 'absent' }]]),
    want: 'yes',
  },
  {
    name: 'namespaces were not read: all of them',
    policies: [ingress({ from: [{ namespaceSelector: {} }] })],
    files: new Map([['namespaces.json', { kind: 'absent' }]]),
    want: 'yes',
  },
  {
    name: 'namespaces were not read: another name',
    policies: [
      ingress({ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'data', team: 'a' } } }] }),
    ],
    files: new Map([['namespaces.json', { kind: 'absent' }]]),
    want: 'no',
  },
];

describe('whether policies allow', () => {
  test.each(ROWS)('$name: $want', (row) => expect(allowed(row).truth).toBe(row.want));
  test.each(ROWS.filter(({ want }) => want === 'unknown'))('says why: $name', (row) =>
    expect(allowed(row).why).toMatch(/\w{3}/),
  );
});

test('which policies select a pod, and for which direction', () => {
  const cluster = clusterOf([
    ingress(),
    egress(),
    policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }, 'shop', 'all'),
  ]);
  const { networkPolicies } = cluster;
  const of = (name: string) =>
    policiesOf(named(cluster, name), networkPolicies.known ? networkPolicies.value : []).map(
      ({ policy: { name: own }, isOf }) => [own, isOf.ingress, isOf.egress],
    );
  expect(of('shop/api')).toEqual([
    ['p', true, false],
    ['all', true, true],
  ]);
  expect(of('data/host')).toEqual([]);
});

test('a policy that makes no sense makes policies unknown, with the place', () => {
  const { networkPolicies } = clusterOf([policy({ podSelector: { matchLabels: ['x'] } })]);
  expect(networkPolicies).toMatchObject({
    known: false,
    why: expect.stringContaining('items[0].spec.podSelector.matchLabels'),
  });
});
