import { describe, expect, test } from 'vitest';
import { endpointShares, type PartState } from '../graph/compare-service-graphs';
import { serviceGraphs } from './service-graphs';
import { kubeProxyNode, listingOf, type Objects, service, slice } from './testing/kube-proxy-node';

const WEB = { namespace: 'shop', name: 'web' };
const BALANCED = service(
  { type: 'LoadBalancer', ports: [{ name: 'http', port: 80, nodePort: 30080 }] },
  { loadBalancer: { ingress: [{ ip: '203.0.113.10' }] } },
);

/** Parts and links of the first port's graph, without hashes. */
function graphOf(seen: Objects, now: Objects = seen, change: (listing: Listing) => Listing = (listing) => listing) {
  const view = serviceGraphs(kubeProxyNode(change(listingOf(seen)), now), WEB);
  if (!view.ok) throw new Error(view.problem.say);
  const [first] = view.value.graphs;
  const short = (id: string) => id.replace(/[A-Z2-7]{8}-/, '');
  return {
    problem: view.value.problem?.code,
    states: Object.fromEntries((first?.graph.parts ?? []).map(({ id, state }) => [short(id), state])),
    chosen: Object.fromEntries(endpointShares(first?.graph ?? { parts: [], links: [] })),
    notes: Object.fromEntries((first?.graph.parts ?? []).map(({ id, note }) => [short(id), note])),
    links: (first?.graph.links ?? []).map(({ from, to, probability, sticky, when, state }) => ({
      way: `${short(from)} → ${short(to)}`,
      probability,
      sticky,
      when: when.join(' or '),
      state,
    })),
  };
}
type Listing = ReturnType<typeof listingOf>;

const shares = (links: ReturnType<typeof graphOf>['links']) =>
  links.filter(({ way }) => way.includes('→ endpoint')).map(({ way, probability }) => [way, probability]);
const except = (states: Readonly<Record<string, PartState>>, state: PartState) =>
  Object.fromEntries(Object.entries(states).filter(([, one]) => one !== state));

describe('from base chain to endpoint', () => {
  const { states, links, notes } = graphOf({
    services: [BALANCED],
    slices: [slice(['10.244.1.3', '10.244.2.4', '10.244.1.5'])],
  });

  test('every part in its column, by name', () => {
    expect(Object.keys(states)).toEqual([
      'chain:nat-output',
      'chain:nat-prerouting',
      'chain:services',
      'element:service-ips:10.96.0.10 . tcp . 80',
      'element:service-ips:203.0.113.10 . tcp . 80',
      'element:service-nodeports:tcp . 30080',
      'chain:external-shop/web/tcp/http',
      'chain:service-shop/web/tcp/http',
      'endpoint:10.244.1.3:8080',
      'endpoint:10.244.1.5:8080',
      'endpoint:10.244.2.4:8080',
    ]);
    expect(except(states, 'same')).toEqual({});
  });
  test('each endpoint gets a third', () => {
    expect(shares(links)).toEqual([
      ['chain:service-shop/web/tcp/http → endpoint:10.244.1.3:8080', 1 / 3],
      ['chain:service-shop/web/tcp/http → endpoint:10.244.1.5:8080', 1 / 3],
      ['chain:service-shop/web/tcp/http → endpoint:10.244.2.4:8080', 1 / 3],
    ]);
  });
  test('what the chain for traffic from outside does', () => {
    expect(notes['chain:external-shop/web/tcp/http']).toBe('source is replaced');
  });
  test('only addresses of the node take NodePorts', () => {
    expect(links.find(({ way }) => way.endsWith('nodeports:tcp . 30080'))?.when).toBe('ip daddr @nodeport-ips');
  });
});

test('a Service of which nobody is ready refuses', () => {
  const { states, links } = graphOf({ services: [service()], slices: [] });
  expect(Object.keys(states)).toContain('end:reject');
  expect(links.map(({ way }) => way)).toContain('element:no-endpoint-services:10.96.0.10 . tcp . 80 → end:reject');
});

test('known clients are sent to the same endpoint, new ones to any', () => {
  const { links } = graphOf({
    services: [
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } }),
    ],
    slices: [slice(['10.244.1.3', '10.244.2.4'])],
  });
  expect(links.filter(({ sticky }) => sticky).map(({ way, probability }) => [way, probability])).toEqual([
    ['chain:service-shop/web/tcp/http → endpoint:10.244.1.3:8080', 1 / 2],
    ['chain:service-shop/web/tcp/http → endpoint:10.244.2.4:8080', 1 / 2],
  ]);
});

describe('expected against actual', () => {
  const one = { services: [service()], slices: [slice(['10.244.1.3'])] };
  const two = { services: [service()], slices: [slice(['10.244.1.3', '10.244.2.4'])] };

  test('an endpoint that kube-proxy has not seen is missing, and its chain altered', () => {
    const { states, links } = graphOf(one, two);
    expect(except(states, 'same')).toEqual({
      'chain:service-shop/web/tcp/http': 'altered',
      'endpoint:10.244.2.4:8080': 'missing',
    });
    expect(
      links.filter(({ state }) => state !== 'same').map(({ way, state, probability }) => [way, state, probability]),
    ).toEqual([
      ['chain:service-shop/web/tcp/http → endpoint:10.244.1.3:8080', 'altered', 1],
      ['chain:service-shop/web/tcp/http → endpoint:10.244.2.4:8080', 'missing', 1 / 2],
    ]);
  });
  test('an endpoint that is gone is stale', () => {
    expect(except(graphOf(two, one).states, 'same')).toEqual({
      'chain:service-shop/web/tcp/http': 'altered',
      'endpoint:10.244.2.4:8080': 'stale',
    });
  });
  test('an element that somebody took away is missing; chains of all Services are not', () => {
    const { states } = graphOf(
      one,
      one,
      withElements('service-ips', () => []),
    );
    expect(except(states, 'same')).toEqual({ 'element:service-ips:10.96.0.10 . tcp . 80': 'missing' });
  });
  test('an element that leads to another Service is altered', () => {
    const other = {
      services: [
        service(),
        {
          ...service({ clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11'] }),
          metadata: { namespace: 'shop', name: 'api' },
        },
      ],
      slices: [
        slice(['10.244.1.3']),
        {
          ...slice(['10.244.1.5']),
          metadata: { namespace: 'shop', name: 'api-x', labels: { 'kubernetes.io/service-name': 'api' } },
        },
      ],
    };
    const swapped = withElements('service-ips', ([[a, toA] = [0, 0], [b, toB] = [0, 0]]) => [
      [a, toB],
      [b, toA],
    ]);
    const { states, links, chosen } = graphOf(other, other, swapped);
    expect(except(states, 'same')).toEqual({
      'element:service-ips:10.96.0.10 . tcp . 80': 'altered',
      'element:service-ips:10.96.0.11 . tcp . 80': 'stale',
      // It is not left over: it is api's, in its place.
      'chain:service-shop/api/tcp/http': 'other',
      'endpoint:10.244.1.5:8080': 'other',
    });
    const ways = new Map(links.map(({ way, state }) => [way, state]));
    expect(ways.get('element:service-ips:10.96.0.10 . tcp . 80 → chain:service-shop/api/tcp/http')).toBe('other');
    expect(ways.get('chain:service-shop/api/tcp/http → endpoint:10.244.1.5:8080')).toBe('other');
    expect(ways.get('element:service-ips:10.96.0.10 . tcp . 80 → chain:service-shop/web/tcp/http')).toBe('missing');
    // Packets to web come to api's endpoint only, whatever else leads to web's.
    expect(chosen).toEqual({ '10.244.1.5': 1 });
  });
  test('a chain whose element leads elsewhere is as expected, and nothing leads there', () => {
    const elsewhere = withElements('service-ips', ([first]) => [
      [(first ?? [])[0], { goto: { target: 'reject-chain' } }],
    ]);
    const { states, notes, chosen } = graphOf(one, one, elsewhere);
    expect(states['chain:service-shop/web/tcp/http']).toBe('same');
    expect(notes['chain:service-shop/web/tcp/http']).toBe('nothing leads here');
    expect(chosen).toEqual({});
  });
  test('endpoints are chosen as the chain of their node has them, the gone one too', () => {
    expect(graphOf(two, one).chosen).toEqual({ '10.244.1.3': 1 / 2, '10.244.2.4': 1 / 2 });
    expect(graphOf(one, two).chosen).toEqual({ '10.244.1.3': 1 });
  });
  test('a chain that is empty and nothing leads to waits to be deleted: as it should be', () => {
    const name = 'external-KHN6ECMT-shop/web/tcp/http';
    const { states, notes } = graphOf(one, one, ({ nftables }) => ({
      nftables: [...nftables, { chain: { family: 'ip', table: 'kube-proxy', name, handle: 999 } }],
    }));
    expect(states['chain:external-shop/web/tcp/http']).toBe('same');
    expect(notes['chain:external-shop/web/tcp/http']).toBe('empty, waits to be deleted');
  });
  test('an empty chain that something still leads to is stale', () => {
    const bare = { services: [service()], slices: [] };
    const emptied = ({ nftables }: Listing) => ({
      nftables: nftables.filter(
        ({ rule }) => !/^service-.*\//.test((rule as { chain?: string } | undefined)?.chain ?? ''),
      ),
    });
    expect(graphOf(one, bare, emptied).states['chain:service-shop/web/tcp/http']).toBe('stale');
  });
  test('what is left of a Service that is gone is stale, and what all Services share is not', () => {
    const { states } = graphOf(one, { services: [], slices: [] });
    expect(except(states, 'stale')).toEqual({
      'chain:nat-output': 'same',
      'chain:nat-prerouting': 'same',
      'chain:services': 'same',
    });
  });
});

test('where nothing tells what should be, what is there is shown and not compared', () => {
  const listing = listingOf({ services: [service()], slices: [slice(['10.244.1.3'])] });
  const node = kubeProxyNode(listing, { services: [service()], slices: [] });
  const view = serviceGraphs({ ...node, cluster: kubeProxyNode(listing, { services: [], slices: [] }).cluster }, WEB);
  const blind = serviceGraphs(
    {
      ...node,
      cluster: { ...node.cluster, cluster: { ...node.cluster.cluster, services: { known: false, why: 'not read' } } },
    },
    WEB,
  );
  if (!view.ok || !blind.ok) throw new Error('no answer');
  expect(blind.value.problem?.code).toBe('EXP-001');
  expect(new Set(blind.value.graphs.flatMap(({ graph }) => graph.parts.map(({ state }) => state)))).toEqual(
    new Set(['unknown']),
  );
  expect(view.value.problem).toBeNull();
});

/** The listing with other elements in one of its maps. */
function withElements(
  name: string,
  change: (elements: [unknown, unknown][]) => unknown[],
): (listing: Listing) => Listing {
  return ({ nftables }) => ({
    nftables: nftables.map((entry) => {
      const map = entry.map as { name: string; elem?: [unknown, unknown][] } | undefined;
      return map?.name === name ? { map: { ...map, elem: change(map.elem ?? []) } } : entry;
    }),
  });
}
