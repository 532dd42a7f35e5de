/** Drift of one node: what differs from what kube-proxy should have written, what that likely means, and what is normal. */
import type { Cluster } from '../cluster/cluster';
import { type CapturedNode, type ExpectedFamily, expectedOfNode } from '../expected/expected-of-node';
import type { Assumption } from '../expected/infer-configuration';
import { servicePortText } from '../explain/kube-proxy-name';
import { formatAddress } from '../net/address';
import { ok, type Result } from '../net/result';
import { compareTables, type Difference, type Normal } from './compare-tables';

export interface FamilyDrift {
  readonly family: 'ip' | 'ip6';
  readonly differences: readonly ExplainedDifference[];
  readonly normal: readonly Normal[];
  readonly assumptions: readonly Assumption[];
}

export interface ExplainedDifference extends Difference {
  /** A sentence: what makes such a difference. */
  readonly meaning: string;
}

export interface NodeDrift {
  readonly node: string;
  readonly families: readonly FamilyDrift[];
}

/** Codes as {@link expectedOfNode}. */
export function nodeDrift(
  node: CapturedNode,
  cluster: Cluster,
  others: readonly CapturedNode[] = [],
): Result<NodeDrift> {
  const expected = expectedOfNode(node, cluster, others);
  if (!expected.ok) return expected;
  return ok(driftOf(node, expected.value));
}

/** The same where what is expected is known. */
export const driftOf = (node: CapturedNode, expected: readonly ExpectedFamily[]): NodeDrift => ({
  node: node.name,
  families: expected.map((family) => familyDrift(family, node)),
});

/** Of one family, where what is expected is computed already. */
export function familyDrift(
  { family, expected, actual, assumptions }: ExpectedFamily,
  node: CapturedNode,
): FamilyDrift {
  const { differences, normal } = compareTables(expected, actual, node.ruleset.nftVersion);
  const gone = differences.filter((one) => isGoneAddress(one, node));
  const real = differences.filter((one) => !gone.includes(one));
  const isRestEqual = real.every(isEndpointRule);
  return {
    family,
    assumptions,
    differences: real.map((one) => ({ ...one, meaning: meaningOf(one, isRestEqual) })),
    normal: [
      ...normal,
      ...gone.map(({ name, actual: text }) => ({
        name,
        why: `${text} is no address of the node any more: kube-proxy reads addresses at full syncs only, up to an hour apart`,
      })),
    ],
  };
}

/** An address that takes NodePort traffic and is not on the node: it does nothing until the next full sync. */
function isGoneAddress({ kind, name, actual }: Difference, { world }: CapturedNode): boolean {
  if (kind !== 'element extra' || name !== 'nodeport-ips' || !world.links.known) return false;
  return !world.links.value.some(({ addresses }) => addresses.some(({ local }) => formatAddress(local) === actual));
}

const isEndpointRule = ({ kind, owner: { role } }: Difference): boolean =>
  kind === 'rule differs' && (role === 'service' || role === 'local');

/** The Service ports that a difference is about; none: it concerns all Services. */
export const concernedServices = ({ owner }: Difference): readonly string[] => owner.services.map(servicePortText);

function meaningOf(difference: Difference, isRestEqual: boolean): string {
  const { kind, name, owner } = difference;
  const isOfService = owner.services.length > 0;
  switch (kind) {
    case 'table missing':
      return 'kube-proxy has not started in nftables mode, stopped and was cleaned up, or somebody deleted its table.';
    case 'table differs':
      return 'Somebody made the table dormant: none of its rules sees a packet. kube-proxy does not mend that by itself.';
    case 'chain differs':
      return 'The base chain of another release, or somebody changed it.';
    case 'set differs':
      return isOfService ? 'The affinity timeout of the Service changed after the last sync.' : SOMEBODY;
    case 'rule differs':
      if (isEndpointRule(difference) && isRestEqual)
        return 'Other endpoints: they, or hints of topology, changed after the last sync; or somebody changed the rule.';
      return isOfService ? BEHIND : SOMEBODY;
    case 'rule order':
      return SOMEBODY;
    case 'chain extra':
    case 'set extra':
    case 'element extra':
      return isOfService ? EXTRA : SOMEBODY;
    case 'rule extra':
      return isOfService ? `${EXTRA} Or somebody added it.` : SOMEBODY;
    case 'rule missing':
    case 'chain missing':
    case 'set missing':
    case 'element missing':
      if (name === 'nodeport-ips') return 'kube-proxy reads addresses at full syncs only, up to an hour apart.';
      return isOfService ? MISSING : SOMEBODY;
    case 'element differs':
      return isOfService ? BEHIND : SOMEBODY;
  }
}

const SOMEBODY = 'Somebody other than kube-proxy changed its table, which the next full sync mends.';
const BEHIND =
  'kube-proxy is behind the cluster: it has not seen a change, cannot write it, or has stopped; or somebody changed its table.';
const EXTRA = 'kube-proxy has not taken away what is gone from the cluster: it is behind, failing or stopped.';
const MISSING =
  'kube-proxy has not written what the cluster has: it is behind, failing or stopped, or somebody took it away.';
