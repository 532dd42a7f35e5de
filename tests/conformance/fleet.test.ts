/** The fault captures are one healthy cluster with one thing broken on one node each: that node must be the odd one out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeListing } from '@/lib/api/open-node';
import { buildCluster } from '@/lib/cluster/build-cluster';
import { nodeDrift } from '@/lib/drift/node-drift';
import { type FleetNode, fleetNode } from '@/lib/fleet/fleet-node';
import { groupNodes } from '@/lib/fleet/groups';
import { buildParts, buildWorld, type NodeFiles } from '@/lib/world/build-world';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS, type RawFiles } from '@/server/sources/source';
import { describeShared } from '../shared';

/** Faults that are in the ruleset of their node, by what their descriptions say; in the others all rulesets are equal. */
const IN_THE_RULESET = new Set(
  `affinity-to-removed-endpoint bogon-filter-drops-pod-network calico-policy-drops-endpoint conntrack-stale-udp
  dnat-target-altered docker-forward-policy-drop egress-snat-captures-masquerade firewalld-strict-forward-ports
  forward-drops-new-dns-only healthy-foreign-dnat healthy-observer-at-a-tie healthy-rolling-upgrade
  hostport-captures-nodeport input-policy-drops-host-endpoint iptables-leftovers ipv6-target-port-dropped
  kube-proxy-stopped-then-endpoint-added kube-proxy-stopped-then-endpoint-removed kube-proxy-stopped-then-service-added
  kube-proxy-stopped-then-service-deleted legacy-iptables-drop map-element-deleted-by-hand mark-bit-0x4000-set-by-other
  neighbour-discovery-dropped node-in-iptables-mode node-traffic-redirected-to-local-proxy nodes-disagree-masquerade-set
  notrack-dns-leftover port-forward-hidden-behind-proxy prerouting-drops-nodeports priority-tie-two-nat-owners
  related-icmp-dropped rule-added-to-kube-proxy-table ruleset-flushed two-mark-bit-and-not-ready
  two-selector-typo-and-docker wrong-cluster-cidr`.split(/\s+/),
);
/** The second fault of this one is a setting of node-3; the first is in the ruleset of node-1. */
const FIRST_NODE_ONLY = 'two-missing-service-and-forwarding';
const UNREADABLE = new Set(['reader-crashes-on-newer-sets', 'reader-without-privilege']);

const texts = (files: RawFiles): NodeFiles => {
  const decoder = new TextDecoder();
  return new Map(
    [...files].map(([name, reading]) => [
      name,
      reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading,
    ]),
  );
};

function driftOf(
  name: string,
  ruleset: ReturnType<typeof decodeListing>,
  parts: ReturnType<typeof buildParts>['parts'],
  versions: ReturnType<typeof buildParts>['versions'],
  { cluster }: ReturnType<typeof buildCluster>,
) {
  if (!ruleset.ok) return undefined;
  const world = buildWorld(parts, { known: true, value: ruleset.value });
  const drift = nodeDrift({ name, ruleset: ruleset.value, world, version: versions.kubeProxy }, cluster);
  return drift.ok ? drift.value.families : undefined;
}

async function fleetOf(path: string): Promise<readonly FleetNode[]> {
  const { signal } = new AbortController();
  const must = <T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T => {
    if (!result.ok) throw new Error(path);
    return result.value;
  };
  const source = must(await openPath(path, DEFAULT_LIMITS));
  const cluster = buildCluster(texts(must(await source.cluster(signal)).files));
  const nodes: FleetNode[] = [];
  for (const { name } of must(await source.nodes(signal))) {
    const { files } = must(await source.node(name, signal));
    const { parts, versions } = buildParts(texts(files));
    const ruleset = decodeListing(files);
    const drift = driftOf(name, ruleset, parts, versions, cluster);
    nodes.push(fleetNode({ node: name, ruleset, world: parts, versions, drift }, cluster));
  }
  return nodes;
}

describeShared('which node is the odd one out', (shared) => {
  test('a healthy cluster is one group', async () => {
    const nodes = await fleetOf(join(shared, 'captures', 'shop-3node'));
    expect(groupNodes(nodes).map((group) => group.nodes)).toEqual([['node-1', 'node-2', 'node-3']]);
    expect(nodes.map(({ proxy }) => proxy.kind)).toEqual(['nftables', 'nftables', 'nftables']);
  });

  test('kube-proxy in iptables mode', async () => {
    const [node] = await fleetOf(join(shared, 'captures', 'shop-iptables-node'));
    expect(node?.proxy).toMatchObject({ kind: 'iptables', beside: null });
  });

  const folder = join(shared, 'captures', 'faults');
  const faults = readdirSync(folder).filter((file) => file.endsWith('.fault.json'));
  test.each(faults)('%s', async (file) => {
    const name = file.replace('.fault.json', '');
    const fault = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly nodes: readonly string[] };
    const nodes = await fleetOf(join(folder, `${name}.tar.gz`));
    const [, ...odd] = groupNodes(nodes);
    const want = IN_THE_RULESET.has(name) ? fault.nodes : name === FIRST_NODE_ONLY ? fault.nodes.slice(0, 1) : [];
    expect(odd.flatMap((group) => group.nodes)).toEqual(want);
    for (const group of odd) expect(group.differences).not.toEqual([]);
    const unreadable = nodes.filter(({ parts, counts }) => parts === undefined && counts === undefined);
    expect(unreadable.map(({ node }) => node)).toEqual(UNREADABLE.has(name) ? fault.nodes : []);
    if (UNREADABLE.has(name)) expect(unreadable[0]?.proxy.kind).toBe('unknown');
  });

  test('what is different is named with its place', async () => {
    const differencesOf = async (name: string) =>
      groupNodes(await fleetOf(join(folder, `${name}.tar.gz`)))[1]?.differences.map(
        ({ table, say }) => `${table}: ${say}`,
      );
    expect(await differencesOf('map-element-deleted-by-hand')).toEqual([
      'ip kube-proxy: map service-ips: 1 element less',
    ]);
    expect(await differencesOf('nodes-disagree-masquerade-set')).toEqual([
      'inet kindnet-ipmasq: set noMasqV4: 1 element more, 1 element less',
    ]);
    expect(await differencesOf('rule-added-to-kube-proxy-table')).toEqual([
      'ip kube-proxy: chain filter-forward: 1 rule more',
    ]);
    expect(await differencesOf('firewalld-strict-forward-ports')).toEqual([
      'inet firewalld: has the table inet firewalld: 14 chains, 28 rules',
    ]);
  });
});
