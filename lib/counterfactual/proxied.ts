/** A node whose tables of kube-proxy are known to follow from the cluster's objects: other objects give other tables. */

import type { Cluster, Pod } from '../cluster/cluster';
import { comparable } from '../drift/comparable';
import { driftOf } from '../drift/node-drift';
import { type CapturedNode, type ExpectedFamily, expectedOfNode } from '../expected/expected-of-node';
import { type ClusterObjects, expectedTable } from '../expected/expected-table';
import { within } from '../explain/words';
import { failed, ok, type Result } from '../net/result';
import { editTable } from '../nft/edit';
import type { NftSet, Ruleset, Table } from '../nft/model';

export interface Proxied {
  readonly objects: ClusterObjects;
  readonly families: readonly ExpectedFamily[];
  /** That a Service could select; none where they were not read. */
  readonly pods: readonly Pod[];
}

/** Fails with the reason where a table is not what the objects say: what kube-proxy would write next is then not known. */
export function proxiedOf(node: CapturedNode, cluster: Cluster): Result<Proxied> {
  const { services, endpointSlices } = cluster;
  const expected = expectedOfNode(node, cluster);
  if (!expected.ok) return expected;
  const listed = comparable(node);
  if (!listed.ok) return listed;
  // expectedOfNode fails without them.
  if (!services.known || !endpointSlices.known) return notAsExpected('Services or EndpointSlices were not read');
  const differing = driftOf(node, expected.value, cluster).families.find(({ differences }) => differences.length > 0);
  if (differing !== undefined)
    return notAsExpected(`the table ${differing.family} kube-proxy is not what the objects say (nftscope drift)`);
  return ok({
    objects: { services: services.value, endpointSlices: endpointSlices.value },
    families: expected.value,
    pods: (cluster.pods.known ? cluster.pods.value : []).filter(isAlive),
  });
}

const isAlive = ({ phase }: Pod): boolean => phase !== 'Succeeded' && phase !== 'Failed';

const notAsExpected = (why: string): Result<never> =>
  failed({ code: 'DLV-001', say: `${why}.`, do: 'Mend what differs, or wait for the next sync of kube-proxy.' });

/** Why objects are not changed, as part of a sentence. */
export const whyNot = (result: Result<Proxied>): string | undefined =>
  result.ok ? undefined : within(result.problem.say);

/** The ruleset once kube-proxy has seen other objects. What clients wrote into sets stays. */
export const withObjects = (ruleset: Ruleset, { families }: Proxied, objects: ClusterObjects): Ruleset =>
  families.reduce((all, { family, node, configuration }) => {
    const table = expectedTable(family, objects, node, configuration);
    return editTable(all, { family, name: 'kube-proxy' }, (actual) => synced(table, actual));
  }, ruleset);

/** Chains that stay keep their handles: they are the same chains to the kernel. */
function synced(table: Table, actual: Table): Table {
  const handles = new Map(actual.chains.map(({ name, handle }) => [name, handle]));
  const sets = new Map(actual.sets.map((set) => [set.name, set]));
  return {
    ...table,
    handle: actual.handle,
    chains: table.chains.map((chain) => ({ ...chain, handle: handles.get(chain.name) ?? chain.handle })),
    sets: table.sets.map((set) => (isOfClients(set) ? (sets.get(set.name) ?? set) : set)),
  };
}

/** Sets of session affinity are filled by packets. */
const isOfClients = ({ name }: NftSet): boolean => name.startsWith('affinity-');
