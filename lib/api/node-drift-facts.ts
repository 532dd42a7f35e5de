/** What one node's tables of kube-proxy are against what they should be: for every Service at once, as the Service view asks. */
import type { Cluster } from '../cluster/cluster';
import { comparable } from '../drift/comparable';
import { type FamilyDrift, familyDrift } from '../drift/node-drift';
import type { ProxyNode } from '../expected/configuration';
import { type CapturedNode, expectedOfNode } from '../expected/expected-of-node';
import type { Release } from '../expected/release';
import { ok, type Result } from '../net/result';
import type { OpenNode } from './open-node';

export interface FamilyDriftFacts extends FamilyDrift {
  /** The node as kube-proxy knows it, and its release: they decide which endpoints it uses. */
  readonly node: ProxyNode;
  readonly release: Release;
  readonly masqueradeAll: boolean;
}

/** Why nothing was compared, or the families that were. */
export type DriftFacts = Result<readonly FamilyDriftFacts[]>;

export const capturedNode = (node: OpenNode): Result<CapturedNode> =>
  node.ruleset.ok
    ? ok({
        name: node.node,
        ruleset: node.ruleset.value.ruleset,
        world: node.world,
        version: node.built.versions.kubeProxy,
      })
    : node.ruleset;

/** Codes of {@link expectedOfNode} and {@link comparable}, and those of reading the node. A family whose table the node lacks is left out. */
export function driftFacts(captured: Result<CapturedNode>, cluster: Cluster): DriftFacts {
  if (!captured.ok) return captured;
  const expected = expectedOfNode(captured.value, cluster);
  if (!expected.ok) return expected;
  const listed = comparable(captured.value);
  if (!listed.ok) return listed;
  return ok(
    expected.value.map((family) => ({
      ...familyDrift(family, captured.value, cluster),
      node: family.node,
      release: family.configuration.release,
      masqueradeAll: family.configuration.masqueradeAll,
    })),
  );
}
