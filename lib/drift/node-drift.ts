/** Drift of one node: what differs from what kube-proxy should have written, what that likely means, and what is normal. */
import type { Cluster } from '../cluster/cluster';
import { type CapturedNode, type ExpectedFamily, expectedOfNode } from '../expected/expected-of-node';
import { fixedNames } from '../expected/fixed-part';
import type { Assumption } from '../expected/infer-configuration';
import { parseKubeProxyName, servicePortText } from '../explain/kube-proxy-name';
import { formatAddress } from '../net/address';
import { ok, type Result } from '../net/result';
import type { Table } from '../nft/model';
import { comparable } from './comparable';
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
  const context = { isRestEqual, retimed: retimedPorts(real, expected), fixed: fixedNames() };
  return {
    family,
    assumptions,
    differences: real.map((one) => ({ ...one, meaning: meaningOf(one, context) })),
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

interface Meanings {
  /** Nothing differs but which endpoints are chosen. */
  readonly isRestEqual: boolean;
  /** Service ports all of whose affinity sets have another timeout. */
  readonly retimed: ReadonlySet<string>;
  /** Chains and sets of kube-proxy's releases that are there whatever the Services. */
  readonly fixed: ReadonlySet<string>;
}

/** A change of the Service's affinity timeout is one for all of its endpoints. */
function retimedPorts(differences: readonly Difference[], expected: Table): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const count = (name: string, by: number): void => {
    const port = affinityPort(name);
    if (port !== undefined) counts.set(port, (counts.get(port) ?? 0) + by);
  };
  for (const { name } of expected.sets) count(name, 1);
  for (const { kind, name } of differences) if (kind === 'set differs' || kind === 'set missing') count(name, -1);
  return new Set([...counts].filter(([, left]) => left === 0).map(([port]) => port));
}

/** The Service port of an affinity set. */
function affinityPort(name: string): string | undefined {
  const parsed = name.startsWith('affinity-') ? parseKubeProxyName(name) : undefined;
  return parsed === undefined ? undefined : servicePortText(parsed.service);
}

function meaningOf(difference: Difference, { isRestEqual, retimed, fixed }: Meanings): string {
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
      if (!isOfService) return DECLARED;
      return retimed.has(affinityPort(name) ?? '')
        ? 'The affinity timeout of the Service changed after the last sync.'
        : 'Somebody other than kube-proxy changed this set: other endpoints of the Service have the timeout that they should.';
    case 'rule differs':
      if (isEndpointRule(difference) && isRestEqual)
        return 'Other endpoints: they, or hints of topology, changed after the last sync; or somebody changed the rule.';
      return isOfService ? BEHIND : SOMEBODY;
    case 'rule order':
      return SOMEBODY;
    case 'chain extra':
    case 'set extra':
      if (isOfService) return EXTRA;
      return fixed.has(name) ? LEFT : ADDED;
    case 'element extra':
      if (affinityPort(name) !== undefined) return PERMANENT;
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
const DECLARED = 'Somebody other than kube-proxy declared the set otherwise.';
const ADDED =
  "Somebody other than kube-proxy added it: a full sync writes kube-proxy's own chains and sets, and leaves others there.";
const LEFT = 'Another release of kube-proxy wrote it, or somebody did: a full sync leaves it there.';
const PERMANENT =
  'Somebody other than kube-proxy added the client: rules add clients with the timeout of the set, this one keeps its endpoint for good.';
const BEHIND =
  'kube-proxy is behind the cluster: it has not seen a change, cannot write it, or has stopped; or somebody changed its table.';
const EXTRA = 'kube-proxy has not taken away what is gone from the cluster: it is behind, failing or stopped.';
const MISSING =
  'kube-proxy has not written what the cluster has: it is behind, failing or stopped, or somebody took it away.';
