import { describe, expect, test } from 'vitest';
import { driftView } from './drift-view';
import { capturedNode, driftFacts } from './node-drift-facts';
import { type ReadDrift, servicePage, servicesView } from './service-page';
import { kubeProxyNode, listingOf, type Objects, service, slice } from './testing/kube-proxy-node';
import type { NodeSummary } from './types';

const WEB = { namespace: 'shop', name: 'web' };
const BALANCED = service(
  { type: 'LoadBalancer', ports: [{ name: 'http', port: 80, nodePort: 30080 }] },
  { loadBalancer: { ingress: [{ ip: '203.0.113.10' }] } },
);
const ONE: Objects = { services: [BALANCED], slices: [slice(['10.244.1.3'])] };

const node = (name: string, more: Partial<NodeSummary> = {}): NodeSummary => ({
  name,
  state: 'ready',
  problem: null,
  capturedAt: null,
  zone: null,
  ...more,
});

type Listing = ReturnType<typeof listingOf>;

/** What node-1 has: what kube-proxy wrote for the objects it has seen, then changed. */
function read(seen: Objects, now: Objects, change: (listing: Listing) => object = (listing) => listing): ReadDrift {
  const opened = kubeProxyNode(change(listingOf(seen)), now);
  return { capturedAt: undefined, drift: driftFacts(capturedNode(opened), opened.cluster.cluster), problem: undefined };
}

function pageOf(nodes: readonly (readonly [NodeSummary, ReadDrift | undefined])[], now: Objects) {
  const { cluster } = kubeProxyNode(listingOf(now), now).cluster;
  const found = new Map(nodes.flatMap(([{ name }, drift]) => (drift === undefined ? [] : [[name, drift] as const])));
  const state = { source: 's', state: 'done', nodes: nodes.map(([one]) => one), read: found } as const;
  return { page: servicePage(state, cluster, WEB), drift: driftView(state) };
}

/** The listing without those elements of a map. */
const without =
  (map: string, has: string) =>
  ({ nftables }: Listing) => ({
    nftables: nftables.map((entry) => {
      const body = entry.map as { name: string; elem?: readonly unknown[] } | undefined;
      if (body?.name !== map) return entry;
      return { map: { ...body, elem: (body.elem ?? []).filter((one) => !JSON.stringify(one).includes(has)) } };
    }),
  });
const noTables = ({ nftables }: Listing) => ({ nftables: nftables.slice(0, 1) });

const WAYS = ['http/tcp ClusterIP', 'http/tcp LB address', 'http/tcp NodePort'];
const ways = (states: readonly string[]) => Object.fromEntries(WAYS.map((way, index) => [way, states[index]]));

describe('how a Service stands on a node', () => {
  const two: Objects = { services: [BALANCED], slices: [slice(['10.244.1.3', '10.244.2.4'])] };
  test.each([
    { name: 'as written', read: read(ONE, ONE), state: 'expected', of: ['expected', 'expected', 'expected'] },
    {
      name: 'an endpoint not seen lies on every way',
      read: read(ONE, two),
      now: two,
      state: 'differs',
      of: ['differs', 'differs', 'differs'],
    },
    {
      name: 'no way in by the NodePort',
      read: read(ONE, ONE, without('service-nodeports', '30080')),
      state: 'missing',
      of: ['expected', 'expected', 'missing'],
    },
    {
      name: 'no way in by the load balancer address',
      read: read(ONE, ONE, without('service-ips', '203.0.113.10')),
      state: 'missing',
      of: ['expected', 'missing', 'expected'],
    },
    {
      name: 'an address that takes NodePorts concerns those alone',
      read: read(ONE, ONE, ({ nftables }) => ({
        nftables: nftables.map((entry) => {
          const set = entry.set as { name: string } | undefined;
          return set?.name === 'nodeport-ips' ? { set: { ...set, elem: [] } } : entry;
        }),
      })),
      state: 'differs',
      of: ['expected', 'expected', 'differs'],
    },
  ])('$name', ({ read: drift, now = ONE, state, of }) => {
    const { page } = pageOf([[node('node-1'), drift]], now);
    expect(page.nodes[0]).toMatchObject({ state, ways: ways(of) });
  });

  test('a rule of all Services that is gone lies on every way, and is said to concern all', () => {
    const gone = read(ONE, ONE, ({ nftables }) => ({
      nftables: nftables.filter(({ rule }) => (rule as { chain?: string } | undefined)?.chain !== 'nat-prerouting'),
    }));
    const { page, drift } = pageOf([[node('node-1'), gone]], ONE);
    expect(page.nodes[0]?.ways).toEqual(ways(['differs', 'differs', 'differs']));
    expect(page.nodes[0]?.differences.map(({ kind, name, general }) => ({ kind, name, general }))).toEqual([
      { kind: 'rule missing', name: 'nat-prerouting', general: true },
    ]);
    expect(drift.general).toEqual(['node-1']);
  });
});

describe('what is not known is not called good', () => {
  const unreadable = { code: 'SRC-012', say: 'node-2 is unreadable.', do: 'Read it again.' };
  test('not captured, unreadable, not read yet', () => {
    const { page, drift } = pageOf(
      [
        [node('node-1'), read(ONE, ONE)],
        [node('node-2'), { capturedAt: undefined, drift: { ok: false, problem: unreadable }, problem: unreadable }],
        [node('node-3', { state: 'absent' }), undefined],
        [node('node-4'), undefined],
      ],
      ONE,
    );
    expect(page.nodes.map(({ state }) => state)).toEqual(['expected', 'unknown', 'unknown', 'unread']);
    expect(page.nodes[1]?.ways).toEqual(ways(['unknown', 'unknown', 'unknown']));
    expect(page.nodes[1]?.why?.code).toBe('SRC-012');
    expect([page.done, page.of]).toEqual([3, 4]);
    expect(drift.nodes.map(({ state }) => state)).toEqual(['expected', 'unknown', 'unknown', 'unread']);
  });
  test('a node without tables lacks the Service where another node has them', () => {
    const bare = read(ONE, ONE, noTables);
    const beside = pageOf(
      [
        [node('node-1'), bare],
        [node('node-2'), read(ONE, ONE)],
      ],
      ONE,
    );
    expect(beside.page.nodes[0]).toMatchObject({ state: 'missing', ways: ways(['missing', 'missing', 'missing']) });
    const alone = pageOf([[node('node-1'), bare]], ONE);
    expect(alone.page.nodes[0]).toMatchObject({ state: 'unknown', why: { code: 'EXP-003' } });
  });
});

describe('the Service itself', () => {
  test('one that is gone: what is left of it', () => {
    const { page, drift } = pageOf([[node('node-1'), read(ONE, { services: [], slices: [] })]], {
      services: [],
      slices: [],
    });
    expect(page).toMatchObject({ facts: null, problem: { code: 'SVC-002' }, ways: [] });
    expect(page.nodes[0]?.state).toBe('differs');
    expect(drift.services).toEqual({ 'shop/web': ['node-1'] });
  });
  test.each([
    ['headless', service({ clusterIP: 'None', clusterIPs: ['None'] }), 'headless'],
    ['ExternalName', service({ type: 'ExternalName', externalName: 'a.example' }), 'ExternalName'],
  ])('%s: nodes have no rule for it', (_name, one, type) => {
    const objects = { services: [one], slices: [] };
    const { page } = pageOf([[node('node-1'), read(objects, objects)]], objects);
    expect(page.facts).toMatchObject({ type, notServed: expect.any(String) });
    expect(page.ways).toEqual([]);
  });
  test('what becomes of the source, by policy', () => {
    const source = (spec: object) => {
      const objects = { services: [{ ...BALANCED, spec: { ...BALANCED.spec, ...spec } }], slices: [] };
      return pageOf([[node('node-1'), read(objects, objects)]], objects).page.ways.map((way) => way.source);
    };
    expect(source({})).toEqual(['source kept', 'source becomes the node', 'source becomes the node']);
    const local = 'source kept, endpoints of that node only';
    expect(source({ externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' })).toEqual([local, local, local]);
  });
  test('endpoints that the node uses: all, or its own', () => {
    const objects = {
      services: [{ ...BALANCED, spec: { ...BALANCED.spec, externalTrafficPolicy: 'Local' } }],
      slices: [slice(['10.244.1.3', '10.244.2.4', '10.244.1.5'])],
    };
    const { page } = pageOf([[node('node-1'), read(objects, objects)]], objects);
    expect(page.nodes[0]?.used).toEqual([{ port: 'http/tcp', family: 'ip', internal: 3, external: 2, of: 3 }]);
    expect(page.endpoints?.map(({ node: on }) => on)).toEqual(['node-1', 'node-2', 'node-1']);
  });
});

describe('the list', () => {
  const view = (objects: Objects) => servicesView('s', kubeProxyNode(listingOf(objects), objects).cluster.cluster);
  test('a pod of both families is one endpoint, ready where all its addresses are', () => {
    const pod = { targetRef: { kind: 'Pod', namespace: 'shop', name: 'web-1' } };
    const six = { ...slice(['10.244.1.3'], { ...pod, conditions: { ready: false } }), addressType: 'IPv6' };
    const objects = {
      services: [BALANCED],
      slices: [
        slice(['10.244.1.3'], pod),
        { ...six, endpoints: six.endpoints.map((one) => ({ ...one, addresses: ['fd00::3'] })) },
      ],
    };
    expect(view(objects).services?.[0]).toMatchObject({ endpoints: { ready: 0, all: 1 } });
  });
  test('one that serves while it ends is not ready, and not gone', () => {
    const ends = { ready: false, serving: true, terminating: true };
    const gone = { ready: false, serving: false, terminating: true };
    const objects = (conditions: object) => ({ services: [BALANCED], slices: [slice(['10.244.1.3'], { conditions })] });
    expect(view(objects(ends)).services?.[0]?.endpoints).toEqual({ ready: 0, leaving: 1, all: 1 });
    expect(view(objects(gone)).services?.[0]?.endpoints).toEqual({ ready: 0, leaving: 0, all: 1 });
  });
  test('by namespace and name, with what can be looked for', () => {
    const other = { ...service(), metadata: { namespace: 'data', name: 'z' } };
    expect(
      view({ services: [BALANCED, other], slices: [] }).services?.map(({ namespace, name, ports, addresses }) => [
        namespace,
        name,
        ports,
        addresses,
      ]),
    ).toEqual([
      ['data', 'z', ['http 80/tcp'], ['10.96.0.10']],
      ['shop', 'web', ['http 80/tcp'], ['10.96.0.10', '203.0.113.10']],
    ]);
  });
  test('Services that were not read are not none', () => {
    const { cluster } = kubeProxyNode(listingOf(ONE), ONE).cluster;
    const blind = { ...cluster, services: { known: false, why: 'cluster/services.json was not read' } } as const;
    expect(servicesView('s', blind)).toEqual({
      source: 's',
      services: null,
      problem: 'cluster/services.json was not read',
    });
    const state = { source: 's', state: 'done', nodes: [], read: new Map() } as const;
    expect(servicePage(state, blind, WEB).problem?.code).toBe('SVC-001');
  });
});

test('policies that select pods behind the Service, and how many of them', () => {
  const { cluster } = kubeProxyNode(listingOf(ONE), ONE).cluster;
  const pod = (name: string, app: string) => ({
    namespace: 'shop',
    name,
    node: 'node-1',
    addresses: [],
    hostNetwork: name === 'on-host',
    phase: 'Running',
    ready: true,
    labels: { app },
    ports: [],
    workload: undefined,
  });
  const selector = (app: string) => ({ matchLabels: { app }, matchExpressions: [] });
  const policy = (namespace: string, name: string, spec: object | undefined) => ({ namespace, name, spec });
  const endpoint = (name: string) => ({ addresses: [], pod: { namespace: 'shop', name } });
  const known = <T>(value: readonly T[]) => ({ known: true, value }) as const;
  const of = {
    ...cluster,
    pods: known([pod('a', 'web'), pod('b', 'other'), pod('on-host', 'web'), pod('not-behind', 'web')]),
    networkPolicies: known([
      policy('shop', 'web', { podSelector: selector('web'), ingress: [], egress: undefined }),
      policy('shop', 'named', undefined),
      policy('other', 'web', { podSelector: selector('web'), ingress: [], egress: [] }),
      policy('shop', 'nobody', { podSelector: selector('nobody'), ingress: [], egress: [] }),
    ]),
    endpointSlices: known([{ ...WEB, service: 'web', ports: [], endpoints: ['a', 'b', 'on-host'].map(endpoint) }]),
  } as unknown as typeof cluster;
  const state = { source: 's', state: 'done', nodes: [], read: new Map() } as const;
  expect(servicePage(state, of, WEB).policies).toEqual({
    unknown: null,
    list: [
      { namespace: 'shop', name: 'named', directions: ['ingress', 'egress'], selects: 'unknown', pods: ['a', 'b'] },
      { namespace: 'shop', name: 'web', directions: ['ingress'], selects: 'yes', pods: ['a'] },
    ],
    of: 3,
  });
  const unread = { ...of, networkPolicies: { known: false, why: 'no right' } } as const;
  expect(servicePage(state, unread, WEB).policies).toEqual({ unknown: 'no right', list: [], of: 0 });
});

describe('policies are those that say something', () => {
  const policies = (spec: object) => {
    const objects: Objects = { services: [service({ ports: [{ port: 80 }], ...spec })], slices: [] };
    const { facts } = pageOf([], objects).page;
    return [facts?.externalTrafficPolicy, facts?.internalTrafficPolicy];
  };
  test.each([
    { name: 'nobody comes from outside to a ClusterIP', spec: { type: 'ClusterIP' }, is: [null, 'Cluster'] },
    {
      name: 'but to its external IP',
      spec: { type: 'ClusterIP', externalIPs: ['203.0.113.50'] },
      is: ['Cluster', 'Cluster'],
    },
    { name: 'and to NodePorts', spec: { type: 'NodePort', externalTrafficPolicy: 'Local' }, is: ['Local', 'Cluster'] },
    {
      name: 'a headless Service has neither',
      spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] },
      is: [null, null],
    },
  ])('$name', ({ spec, is }) => expect(policies(spec)).toEqual(is));
});

test('the list knows what kube-proxy leaves to others', () => {
  const labelled = service({ type: 'ClusterIP', ports: [{ port: 80 }] });
  const metadata = {
    ...(labelled as { metadata: object }).metadata,
    labels: { 'service.kubernetes.io/service-proxy-name': 'x' },
  };
  const rows = (one: object) => {
    const { cluster } = kubeProxyNode(listingOf({ services: [], slices: [] }), {
      services: [one],
      slices: [],
    } as Objects).cluster;
    return servicesView('s', cluster).services?.map(({ served }) => served);
  };
  expect(rows(labelled)).toEqual([true]);
  expect(rows({ ...labelled, metadata })).toEqual([false]);
});
