/** What the NetworkPolicies ask for a connection asked about by names, beside what the rules do. They never change a verdict. */
import type { Cluster } from '../cluster/cluster';
import type { Place } from '../cluster/place';
import { finalPacket } from '../explain/verdict-sentence';
import { parseAddress, shortest } from '../net/address';
import type { PacketView } from '../net/packet-view';
import { DIRECTIONS, type Direction, type Judged, judge, type Side } from '../policies/allowed';
import { type Connection, type End, endOf, endOfPod, type Place as PolicyPlace } from '../policies/connection';
import type { Decision, Truth } from '../policies/truth';
import type { Ending, Question as WalkQuestion } from '../reach/walk';
import type { Branch, Trace } from '../sim/trace';

export interface PoliciesView {
  /** Why nothing can be said of them; null where they were read. */
  readonly unknown: string | null;
  /** One for each answer; several where the packet may come to several pods, and policies treat them differently. */
  readonly ways: readonly PolicyWay[];
  /** Where the rules do other than the policies ask. */
  readonly remarks: readonly string[];
}
export interface PolicyWay {
  /** Pods, nodes and addresses that this is the answer for. */
  readonly to: readonly string[];
  readonly allowed: Truth;
  /** Of `unknown`. */
  readonly why: string | null;
  readonly egress: PolicySide;
  readonly ingress: PolicySide;
}
export interface PolicySide {
  /** `shop/web-0`, `node-1`, an address. */
  readonly end: string;
  /** Why no policy can select it; null for pods. */
  readonly notSelected: string | null;
  readonly allowed: Truth;
  readonly why: string | null;
  /** Policies that select the pod, or may. */
  readonly policies: readonly PolicyLine[];
}
export interface PolicyLine {
  readonly namespace: string;
  readonly name: string;
  readonly directions: readonly Direction[];
  readonly selects: Truth;
  /** Whether it allows the connection in this direction; null where it says nothing of the direction. */
  readonly allows: Truth | null;
  readonly why: string | null;
}

/** A way of the packet as far as it is known, and what the rules on it did. */
interface Way {
  readonly last: PacketView;
  /** On whose side the rules let it pass. */
  readonly passed: readonly Direction[];
  /** A rule or the policy of a chain ended it. */
  readonly isLost: boolean;
}

/** What was named at either end. */
interface Ends {
  readonly from: Pick<Place, 'object' | 'where'>;
  readonly to: Pick<Place, 'object'>;
}

/** For a trace on one node: what a plugin asks of a pod is done on the pod's own node. */
export function policiesOfTrace(
  cluster: Cluster,
  asked: Ends,
  { packet, branches }: Trace,
  node: string,
): PoliciesView {
  const home = (address: string | undefined): boolean => {
    const end = endOf(address ?? '', cluster);
    return end.kind === 'pod' && end.pod.node === node;
  };
  const ways = branches.map((branch): Way => {
    const last = lastPacket(branch) ?? packet;
    const passed = isDelivered(branch)
      ? DIRECTIONS.filter((direction) => home(direction === 'egress' ? packet.saddr : last.daddr))
      : [];
    return { last, passed, isLost: isLost(branch) };
  });
  return policiesView(cluster, asked, packet, ways);
}

/** For a whole path; `packet` is the one that sets out. */
export function policiesOfPath(
  cluster: Cluster,
  asked: Ends,
  packet: WalkQuestion['packet'],
  endings: readonly Ending[],
): PoliciesView {
  const before = first(packet);
  const ways = endings.map(({ stops, result, by }): Way => {
    const stop = stops.findLast((one) => one.kind === 'node' && one.way === 'request');
    const branch = stop?.kind === 'node' ? stop.trace.branches[stop.branch] : undefined;
    const last = branch === undefined ? before : (lastPacket(branch) ?? before);
    const isOk = result === 'ok';
    return { last, passed: isOk ? DIRECTIONS : [], isLost: result !== undefined && !isOk && by !== undefined };
  });
  return policiesView(cluster, asked, before, ways);
}

const first = ({ family, saddr, daddr, protocol, dport }: WalkQuestion['packet']): PacketView => ({
  family: family === 'ip6' ? 'ip6' : 'ip',
  saddr,
  daddr,
  dport,
  ...(protocol !== undefined && { protocol }),
});

/** The packet as it left the node, or as it was where it was lost. */
function lastPacket(branch: Branch): PacketView | undefined {
  const end = finalPacket(branch)?.packet;
  if (end !== undefined) return end;
  const step = branch.steps.findLast((one) => one.kind === 'chain' && one.skb === 0);
  return step?.kind === 'chain' ? step.packet : undefined;
}

const isDelivered = ({ outcome }: Branch): boolean =>
  outcome.kind === 'decided' && ['transmitted', 'delivered'].includes(outcome.fate.summary);
const isLost = ({ outcome }: Branch): boolean =>
  outcome.kind === 'decided' && ['dropped', 'rejected'].includes(outcome.fate.summary) && outcome.fate.by !== undefined;

function policiesView(cluster: Cluster, asked: Ends, before: PacketView, ways: readonly Way[]): PoliciesView {
  if (!cluster.networkPolicies.known) return { unknown: cluster.networkPolicies.why, ways: [], remarks: [] };
  const found = new Map<string, PolicyWay & { readonly to: string[] }>();
  const remarks = new Set<string>();
  for (const way of ways) {
    for (const connection of connectionsOf(cluster, asked, before, way.last)) {
      const view = wayView(judge(connection, cluster), connection);
      for (const remark of remarksOn(view, way)) remarks.add(remark);
      const key = JSON.stringify({ ...view, to: [], ingress: { ...view.ingress, end: '' } });
      const known = found.get(key);
      if (known === undefined) found.set(key, { ...view, to: [view.ingress.end] });
      else if (!known.to.includes(view.ingress.end)) known.to.push(view.ingress.end);
    }
  }
  return { unknown: null, ways: [...found.values()], remarks: [...remarks] };
}

/** One, or one for each endpoint where the packet was lost before one was chosen. */
function connectionsOf(
  cluster: Cluster,
  { from, to }: Ends,
  before: PacketView,
  last: PacketView,
): readonly Connection[] {
  const { saddr = '', daddr = '' } = before;
  const asked = { address: daddr, port: portOf(before) };
  const arrived = { address: last.daddr ?? daddr, port: portOf(last) };
  const protocol = String(before.protocol ?? '');
  const chosen = isSame(asked, arrived) ? endpointsBehind(cluster, asked, protocol) : undefined;
  const targets = chosen ?? [arrived];
  return targets.map(
    (target): Connection => ({
      from: sourceEnd(from, saddr, cluster),
      sources: last.saddr === undefined || last.saddr === saddr ? [saddr] : [saddr, last.saddr],
      to: namedEnd(to, target.address, cluster),
      places: isSame(asked, target) ? [target] : [target, asked],
      protocol,
    }),
  );
}

const portOf = ({ dport }: PacketView): number => (typeof dport === 'number' ? dport : 0);
const isSame = (a: PolicyPlace, b: PolicyPlace): boolean => a.address === b.address && a.port === b.port;

/** Who was named, whatever address of its own a node chose. */
function sourceEnd({ object, where }: Ends['from'], address: string, cluster: Cluster): End {
  const pod =
    object?.kind === 'pod' && cluster.pods.known
      ? cluster.pods.value.find(({ namespace, name }) => name === object.name && namespace === object.namespace)
      : undefined;
  if (pod !== undefined) return endOfPod(pod);
  return where.kind === 'node' ? { kind: 'node', node: where.node } : endOf(address, cluster);
}

/** A pod in the network of its node is told from the node by its name only. */
function namedEnd({ object }: Ends['to'], address: string, cluster: Cluster): End {
  if (object?.kind !== 'pod' || !cluster.pods.known) return endOf(address, cluster);
  const pod = cluster.pods.value.find(
    ({ namespace, name, addresses }) =>
      name === object.name && namespace === object.namespace && addresses.some((one) => shortest(one) === address),
  );
  return pod === undefined ? endOf(address, cluster) : endOfPod(pod);
}

/** The ready endpoints of the Service that has this address and port; undefined where none has. */
function endpointsBehind(
  cluster: Cluster,
  { address, port }: PolicyPlace,
  protocol: string,
): readonly PolicyPlace[] | undefined {
  const { services, endpointSlices } = cluster;
  if (!services.known || !endpointSlices.known) return undefined;
  const isNode = endOf(address, cluster).kind === 'node';
  for (const service of services.value) {
    const isVirtual = [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs].some(
      (one) => shortest(one) === address,
    );
    const found = service.ports.find(
      (one) =>
        one.protocol.toLowerCase() === protocol &&
        (isVirtual ? one.port === port : isNode && one.nodePort !== undefined && one.nodePort === port),
    );
    if (found === undefined) continue;
    const family = parseAddress(address)?.family;
    return endpointSlices.value
      .filter((slice) => slice.namespace === service.namespace && slice.service === service.name)
      .flatMap((slice) =>
        slice.endpoints
          .filter(({ ready }) => ready)
          .flatMap(({ addresses: [first = ''] }) =>
            slice.ports.flatMap((one) =>
              one.port !== undefined && one.name === found.name && one.protocol === found.protocol
                ? [{ address: shortest(first), port: one.port }]
                : [],
            ),
          ),
      )
      .filter((place) => parseAddress(place.address)?.family === family);
  }
  return undefined;
}

const reason = (decision: Decision): string | null => decision.why ?? null;

function wayView(judged: ReturnType<typeof judge>, { sources, places }: Connection): PolicyWay {
  const ingress = sideView(judged.ingress, places[0].address);
  return {
    to: [ingress.end],
    allowed: judged.allowed.truth,
    why: reason(judged.allowed),
    egress: sideView(judged.egress, sources[0]),
    ingress,
  };
}

function sideView({ end, notSelected, policies, allowed }: Side, address: string): PolicySide {
  return {
    end: endName(end, address),
    notSelected: notSelected ?? null,
    allowed: allowed.truth,
    why: reason(allowed),
    policies: policies.map(policyLine),
  };
}

function endName(end: End, address: string): string {
  const pod = end.kind === 'pod' || end.kind === 'node' ? end.pod : undefined;
  if (pod !== undefined) return `${pod.namespace}/${pod.name}`;
  return end.kind === 'node' ? end.node : address;
}

const policyLine = ({ policy: { namespace, name }, selects, isOf, allows }: Judged): PolicyLine => ({
  namespace,
  name,
  directions: DIRECTIONS.filter((direction) => isOf[direction]),
  selects: selects.truth,
  allows: allows?.truth ?? null,
  why: selects.why ?? allows?.why ?? null,
});

/** Where rules and policies disagree. What cannot be known disagrees with nothing. */
function remarksOn({ allowed, egress, ingress }: PolicyWay, { passed, isLost }: Way): readonly string[] {
  if (isLost && allowed === 'yes') {
    const selecting = [
      ...egress.policies.map(({ directions }) => directions.includes('egress')),
      ...ingress.policies.map(({ directions }) => directions.includes('ingress')),
    ];
    // Where no policy selects an end there is nothing to compare: a Service without endpoints is rejected by kube-proxy's own rules.
    if (selecting.length === 0) return [];
    return [
      selecting.includes(true)
        ? `The rules end what the policies allow, from ${egress.end} to ${ingress.end}.`
        : `The rules end the connection from ${egress.end} to ${ingress.end}; no policy asks for that.`,
    ];
  }
  const sides = { egress, ingress };
  return passed
    .filter((direction) => sides[direction].allowed === 'no')
    .map((direction) => {
      const side = sides[direction];
      const names = side.policies
        .filter(({ allows }) => allows !== null)
        .map(({ namespace, name }) => `${namespace}/${name}`);
      return `The rules pass what the ${direction} policies of ${side.end} do not allow (${names.join(', ')}): the network plugin does not enforce them here, or not in nftables.`;
    });
}

/** Whether there is anything to tell: a policy that selects an end, or that cannot be known. */
export const hasPolicies = ({ unknown, ways, remarks }: PoliciesView): boolean =>
  unknown !== null ||
  remarks.length > 0 ||
  ways.some(
    ({ allowed, egress, ingress }) => allowed === 'unknown' || egress.policies.length + ingress.policies.length > 0,
  );
