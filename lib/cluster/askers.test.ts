import { expect, test } from 'vitest';
import { askersLack, askersOf } from './askers';
import type { Cluster, Pod } from './cluster';
import type { Place } from './place';

const pod = (node: string, name: string, address: string, more: Partial<Pod> = {}) =>
  ({
    namespace: 'shop',
    name,
    node,
    addresses: [address],
    hostNetwork: false,
    phase: 'Running',
    ready: true,
    ...more,
  }) as Pod;
const known = <T>(value: readonly T[]) => ({ known: true, value }) as const;
function cluster(pods: readonly Pod[]): Cluster {
  const services = [{ namespace: 'shop', name: 'api', clusterIPs: ['10.96.0.7'] }];
  const slices = [{ namespace: 'shop', name: 'api-1', service: 'api', endpoints: [{ addresses: ['10.244.1.2'] }] }];
  return { pods: known(pods), services: known(services), endpointSlices: known(slices) } as unknown as Cluster;
}
const to = (address: string) => ({ addresses: [address] }) as unknown as Place;
const refs = (nodes: readonly string[], place: Place, of: Cluster) =>
  askersOf(nodes, place, of).map(({ node, from, kind }) => `${node} ${kind} ${from}`);

const SERVICE = to('10.96.0.7');

test.each([
  { name: 'the first by name', pods: [pod('n', 'b', '10.244.1.4'), pod('n', 'a', '10.244.1.3')], want: 'shop/a' },
  {
    name: 'not one that answers for the Service',
    pods: [pod('n', 'a', '10.244.1.2'), pod('n', 'b', '10.244.1.3')],
    want: 'shop/b',
  },
  { name: 'one that answers, where there is no other', pods: [pod('n', 'a', '10.244.1.2')], want: 'shop/a' },
  {
    name: 'ready before not ready',
    pods: [pod('n', 'a', '10.244.1.3', { ready: false }), pod('n', 'b', '10.244.1.4')],
    want: 'shop/b',
  },
  {
    name: 'none in the network of the node',
    pods: [pod('n', 'a', '192.168.0.1', { hostNetwork: true })],
    want: undefined,
  },
  { name: 'none that has ended', pods: [pod('n', 'a', '10.244.1.3', { phase: 'Succeeded' })], want: undefined },
  { name: 'none of another node', pods: [pod('m', 'a', '10.244.1.3')], want: undefined },
])('the pod that asks: $name', ({ pods, want }) =>
  expect(refs(['n'], SERVICE, cluster(pods))).toEqual(['n node n', ...(want === undefined ? [] : [`n pod ${want}`])]),
);

test('the target itself does not ask', () => {
  const pods = [pod('n', 'a', '10.244.1.3'), pod('n', 'b', '10.244.1.4')];
  expect(refs(['n'], to('10.244.1.3'), cluster(pods))).toEqual(['n node n', 'n pod shop/b']);
});

test('without the list of pods the nodes ask', () => {
  const none = { ...cluster([]), pods: { known: false, why: 'missing right' } } as unknown as Cluster;
  expect(refs(['n', 'm'], SERVICE, none)).toEqual(['n node n', 'm node m']);
});

test('why no pod asks is said, and nothing where pods were read', () => {
  const whole = cluster([]);
  const why = 'cluster/pods.json: missing right: list pods (API group "")';
  expect(askersLack(whole)).toBeUndefined();
  expect(askersLack({ ...whole, pods: { known: false, why } })).toBe(`Only nodes ask, no pods: ${why}.`);
});
