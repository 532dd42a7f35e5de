/** Where kube-proxy's table is not what the objects ask for, what mends it is named first. */
import { expect, test } from 'vitest';
import { nodeFiles } from '../conflicts/testing/node-world';
import { listingOf, type Objects, service, slice } from './testing/kube-proxy-node';
import { testNode } from './testing/node';
import { whatWouldDeliverAnswer } from './what-would-deliver';

const SSH = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n';
const NODES = {
  items: [{ metadata: { name: 'node-1' }, status: { addresses: [{ type: 'InternalIP', address: '10.240.0.11' }] } }],
};
const HTTP = { name: 'http', port: 80, protocol: 'TCP' };
const AT = { loadBalancer: { ingress: [{ ip: '203.0.113.12', ipMode: 'VIP' }] } };
const slices = [slice(['10.244.1.3'])];
const open: Objects = {
  services: [service({ type: 'LoadBalancer', ports: [{ ...HTTP, nodePort: 30080 }] }, AT)],
  slices,
};
const ranged = (range: string): Objects => ({
  services: [service({ type: 'LoadBalancer', ports: [HTTP], loadBalancerSourceRanges: [range] }, AT)],
  slices,
});

interface Body {
  readonly name?: string;
  readonly chain?: string;
  readonly elem?: readonly unknown[];
}
type Entry = Readonly<Partial<Record<'map' | 'rule', Body>>>;

/** The changes found, as words; `edit` is what somebody did to the table that kube-proxy wrote for `written`. */
function found(
  daddr: string,
  dport: number,
  cluster: Objects,
  edit: (all: readonly Entry[]) => readonly Entry[] = (all) => all,
  written = cluster,
) {
  const files = { 'nft.json': JSON.stringify({ nftables: edit(listingOf(written).nftables) }), 'sockets.txt': SSH };
  const node = testNode(nodeFiles([], { files }), {
    'services.json': { items: cluster.services },
    'endpointslices.json': { items: cluster.slices },
    'nodes.json': NODES,
  });
  const packet = { iif: 'eth0', family: 'ip' as const, saddr: '198.51.100.10', daddr, protocol: 'tcp', dport };
  const answer = whatWouldDeliverAnswer(node, { packet });
  if (!answer.ok) throw new Error(answer.problem.say);
  expect(answer.value.needed).toBe(true);
  return answer.value.found.map(({ change, command }) => [change.kind, command ?? '']);
}

const without = (map: string, mark: string) => (all: readonly Entry[]) =>
  all.map((entry): Entry => {
    const body = entry.map;
    if (body?.name !== map) return entry;
    const elem = (body.elem ?? []).filter((one) => !JSON.stringify(one).includes(mark));
    expect(elem.length).toBe((body.elem ?? []).length - 1);
    return { map: { ...body, elem } };
  });

// The cluster IP leads to the chain as well, so that nothing tells of it but what the objects ask for.
test.each([
  { name: 'of a NodePort', daddr: '10.240.0.11', dport: 30080, map: 'service-nodeports', mark: '30080' },
  { name: 'of a balancer', daddr: '203.0.113.12', dport: 80, map: 'service-ips', mark: '203.0.113.12' },
  { name: 'of a cluster IP', daddr: '10.96.0.10', dport: 80, map: 'service-ips', mark: '10.96.0.10' },
])('a missing element $name', ({ daddr, dport, map, mark }) => {
  const [first] = found(daddr, dport, open, without(map, mark));
  expect(first?.[0]).toBe('element-added');
  expect(first?.[1]).toContain(`nft add element ip kube-proxy ${map} '{ `);
  expect(first?.[1]).toContain(mark);
});

const RANGE = ranged('198.51.100.0/26');
test("somebody's rule in a firewall chain goes before the protection itself", () => {
  const added = (all: readonly Entry[]): readonly Entry[] => {
    const at = all.findIndex((entry) => /^firewall-[A-Z0-9]{8}-/.test(entry.rule?.chain ?? ''));
    const chain = all[at]?.rule?.chain;
    const left = { payload: { protocol: 'ip', field: 'saddr' } };
    const expr = [{ match: { op: '==', left, right: '198.51.100.10' } }, { drop: null }];
    const rule: object = { family: 'ip', table: 'kube-proxy', chain, handle: 999, expr };
    return all.toSpliced(at, 0, { rule });
  };
  const [first, second] = found('203.0.113.12', 80, RANGE, added);
  expect(first?.[0]).toBe('rule-dropped');
  expect(first?.[1]).toMatch(/^nft delete rule .* handle 999$/);
  expect(second?.[0]).toBe('element-removed');
});

test("kube-proxy's own rule is none that somebody added, though it is behind", () => {
  const kinds = found('203.0.113.12', 80, RANGE, undefined, ranged('192.0.2.0/24')).map(([kind]) => kind);
  expect(kinds.slice(0, 2)).toEqual(['element-removed', 'rule-dropped']);
});
