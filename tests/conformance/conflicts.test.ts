/** Captures of clusters with two owners at a hook: those where the order matters, and those where it does not. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import { conflictsOf } from '@/lib/conflicts/conflicts-of';
import { preparedOf } from '@/lib/sim';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { describeShared } from '../shared';

async function conflictsIn(path: string): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const source = await openPath(path, { ...DEFAULT_LIMITS, unpackedBytes: 1e9 });
  if (!source.ok) throw new Error(source.problem.say);
  const nodes = await source.value.nodes(signal);
  if (!nodes.ok) throw new Error(nodes.problem.say);
  const found: string[] = [];
  for (const { name } of nodes.value) {
    const capture = await source.value.node(name, signal);
    if (!capture.ok) continue;
    const { files, capturedAt, hash } = capture.value;
    const { world } = openNode({ node: name, files, cluster: new Map(), capturedAt, version: hash });
    for (const { kind, families, tie, differs, first, second } of conflictsOf(preparedOf(world)).conflicts)
      found.push(`${name} ${kind}${tie ? ' tie' : ''} ${families} ${differs}: ${first.table}, ${second.table}`);
  }
  return found;
}

describeShared('conflicts of captures', (dir) => {
  test.each<{ path: string; want: readonly string[] }>([
    { path: 'shop-3node', want: [] },
    { path: 'faults/healthy-observer-at-a-tie.tar.gz', want: [] },
    { path: 'faults/healthy-foreign-dnat.tar.gz', want: [] },
    { path: 'faults/healthy-rolling-upgrade.tar.gz', want: [] },
    { path: 'faults/docker-forward-policy-drop.tar.gz', want: [] },
    {
      path: 'faults/priority-tie-two-nat-owners.tar.gz',
      want: ['node-3 nat-binds-first tie ip destination: edge-lb, kube-proxy'],
    },
    {
      path: 'faults/hostport-captures-nodeport.tar.gz',
      // At prerouting and, for processes of the node, at output.
      want: [
        'node-1 nat-binds-first tie ip destination: cni_hostport, kube-proxy',
        'node-1 nat-binds-first tie ip destination: cni_hostport, kube-proxy',
      ],
    },
    {
      path: 'faults/port-forward-hidden-behind-proxy.tar.gz',
      want: ['node-2 nat-binds-first ip destination: kube-proxy, portfwd'],
    },
    {
      path: 'faults/egress-snat-captures-masquerade.tar.gz',
      // A Service whose endpoint lies outside meets kindnet's masquerade before the gateway's.
      want: [
        'node-1 nat-binds-first ip source: kindnet-ipmasq, egress-gw',
        'node-1 nat-binds-first ip source: egress-gw, kube-proxy',
      ],
    },
    {
      path: 'faults/mark-bit-0x4000-set-by-other.tar.gz',
      want: ['node-1 mark-bits ip source: wan-policy, kube-proxy'],
    },
    {
      path: 'faults/prerouting-drops-nodeports.tar.gz',
      want: ['node-1 before-nat ip delivered: host-guard, kube-proxy'],
    },
  ])(
    '$path',
    async ({ path, want }) => {
      expect(await conflictsIn(join(dir, 'captures', path))).toEqual(want);
    },
    60_000,
  );
});
