/** Drift of one node: what differs from what kube-proxy should have written, what that likely means, and what is normal. */
import type { Cluster } from '../cluster/cluster';
import { type CapturedNode, type ExpectedFamily, expectedOfNode } from '../expected/expected-of-node';
import type { Assumption } from '../expected/infer-configuration';
import { servicePortText } from '../explain/kube-proxy-name';
import { formatAddress } from '../net/address';
import { ok, type Result } from '../net/result';
import { comparable } from './comparable';
import { compareTables, type Difference, type Normal } from './compare-tables';
import { type Judgement, judge } from './judge';
import { meaningOf } from './meaning';

export interface FamilyDrift {
  readonly family: 'ip' | 'ip6';
  readonly differences: readonly ExplainedDifference[];
  readonly normal: readonly Normal[];
  readonly assumptions: readonly Assumption[];
}

export interface ExplainedDifference extends Difference {
  /** A sentence: what made it. */
  readonly meaning: string;
  /** What it is part of; none: it is no fault. */
  readonly judgements: readonly Judgement[];
}

export interface NodeDrift {
  readonly node: string;
  readonly families: readonly FamilyDrift[];
}

/** Codes as {@link expectedOfNode} and {@link comparable}. */
export function nodeDrift(
  node: CapturedNode,
  cluster: Cluster,
  others: readonly CapturedNode[] = [],
): Result<NodeDrift> {
  const expected = expectedOfNode(node, cluster, others);
  if (!expected.ok) return expected;
  const listed = comparable(node);
  if (!listed.ok) return listed;
  return ok(driftOf(node, expected.value, cluster));
}

/** The same where what is expected is known. */
export const driftOf = (node: CapturedNode, expected: readonly ExpectedFamily[], cluster: Cluster): NodeDrift => ({
  node: node.name,
  families: expected.map((family) => familyDrift(family, node, cluster)),
});

/** Of one family, where what is expected is computed already. */
export function familyDrift(expected: ExpectedFamily, node: CapturedNode, cluster: Cluster): FamilyDrift {
  const { family, assumptions } = expected;
  const { differences, normal } = compareTables(expected.expected, expected.actual, node.ruleset.nftVersion);
  const gone = differences.filter((one) => isGoneAddress(one, node));
  const real = differences.filter((one) => !gone.includes(one));
  const judgements = judge(cluster, expected, real);
  return {
    family,
    assumptions,
    differences: real.map((one) => {
      const own = judgements.get(one) ?? [];
      return { ...one, meaning: meaningOf(one, own), judgements: own };
    }),
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

/** The Service ports that a difference is about; none: it concerns all Services. */
export const concernedServices = ({ owner }: Difference): readonly string[] => owner.services.map(servicePortText);
