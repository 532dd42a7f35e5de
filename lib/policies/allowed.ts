/**
 * What the NetworkPolicies of a cluster ask for one connection (networking.k8s.io/v1). They never change a verdict: the network plugin
 * should turn them into rules, and only rules decide. What they mean is that of the API reference (NetworkPolicySpec and its parts) and of
 * the concept page of NetworkPolicies.
 */
import type { Cluster, NetworkPolicy, Pod, PolicyPeer, PolicyPort, PolicyRule } from '../cluster/cluster';
import { type Connection, type End, endOf, isIn } from './connection';
import { selects } from './label-selector';
import { allOf, anyOf, type Decision, decided, eitherOf, NO, unknown, YES } from './truth';

export type Direction = 'ingress' | 'egress';
export const DIRECTIONS = ['ingress', 'egress'] as const;

/** A policy that selects a pod, or may. */
export interface Selecting {
  readonly policy: NetworkPolicy;
  readonly selects: Decision;
  /** Whether it says anything of the direction. */
  readonly isOf: Readonly<Record<Direction, boolean>>;
}
export interface Judged extends Selecting {
  /** Undefined where it says nothing of the direction. */
  readonly allows: Decision | undefined;
}
export interface Side {
  readonly direction: Direction;
  readonly end: End;
  /** Why no policy can select this end. */
  readonly notSelected: string | undefined;
  readonly policies: readonly Judged[];
  readonly allowed: Decision;
}

/** A policy selects pods of its own namespace, by its podSelector. */
export function policiesOf(pod: Pod, policies: readonly NetworkPolicy[]): readonly Selecting[] {
  if (pod.hostNetwork) return [];
  return policies.flatMap((policy): readonly Selecting[] => {
    if (policy.namespace !== pod.namespace) return [];
    const { spec } = policy;
    if (spec === undefined) {
      const why = `only the name of ${policy.namespace}/${policy.name} was captured`;
      return [{ policy, selects: unknown(why), isOf: { ingress: true, egress: true } }];
    }
    const found = selects(spec.podSelector, pod.labels);
    if (found.truth === 'no') return [];
    return [
      { policy, selects: found, isOf: { ingress: spec.ingress !== undefined, egress: spec.egress !== undefined } },
    ];
  });
}

/** Both sides; the connection is allowed where both allow it. Answers to it are allowed with it. */
export function judge(
  connection: Connection,
  cluster: Cluster,
): { readonly egress: Side; readonly ingress: Side; readonly allowed: Decision } {
  const { from, to } = connection;
  const ends = { ...connection, to: isOwnLoopback(connection) ? from : to };
  const egress = side('egress', ends, cluster);
  const ingress = side('ingress', ends, cluster);
  return { egress, ingress, allowed: allOf([egress.allowed, ingress.allowed]) };
}

/** Behind a loopback address is whoever asks; one that a translation leads to is that of the node where it is done. */
const isOwnLoopback = ({ places }: Connection): boolean =>
  places.every(({ address }) => address === '::1' || isIn(address, '127.0.0.0/8') === true);

function side(direction: Direction, connection: Connection, cluster: Cluster): Side {
  const [end, peer] = direction === 'egress' ? [connection.from, connection.to] : [connection.to, connection.from];
  const base = { direction, end, notSelected: undefined, policies: [] };
  switch (end.kind) {
    case 'unknown':
      return { ...base, allowed: unknown(end.why) };
    case 'outside':
      return { ...base, notSelected: 'it is outside of the cluster', allowed: YES };
    case 'node': {
      const notSelected = end.pod === undefined ? 'it is a process of a node' : 'it is in the network of its node';
      return { ...base, notSelected, allowed: YES };
    }
    case 'pod': {
      const { networkPolicies } = cluster;
      if (!networkPolicies.known) return { ...base, allowed: unknown(networkPolicies.why) };
      const policies = policiesOf(end.pod, networkPolicies.value).map((one): Judged => {
        const rules = one.policy.spec?.[direction];
        if (!one.isOf[direction]) return { ...one, allows: undefined };
        if (rules === undefined) return { ...one, allows: one.selects };
        return { ...one, allows: allows(rules, one.policy, direction, connection, cluster) };
      });
      if (always(end.pod, peer)) return { ...base, policies, allowed: YES };
      const allowed = together(policies);
      return {
        ...base,
        policies,
        allowed: direction === 'egress' ? allowed : masqueraded(allowed, end.pod, connection, cluster),
      };
    }
  }
}

/** No policy comes between a pod and its own node, nor between a pod and itself. */
const always = (pod: Pod, peer: End): boolean =>
  peer.kind === 'pod'
    ? peer.pod.namespace === pod.namespace && peer.pod.name === pod.name
    : peer.kind === 'node' && peer.node === pod.node;

/** A source that became the pod's own node is that of a process of the node, where the plugin looks after translation. */
function masqueraded(allowed: Decision, pod: Pod, { sources }: Connection, cluster: Cluster): Decision {
  const [, seen] = sources;
  if (seen === undefined) return allowed;
  const end = endOf(seen, cluster);
  // An address of a pod network that no pod has may be one of the node.
  return end.kind === 'unknown' || always(pod, end) ? eitherOf([allowed, YES], TRANSLATED) : allowed;
}

/** They add up: one that allows is enough. A pod that none selects is not isolated. */
function together(policies: readonly Judged[]): Decision {
  const isOf = policies.flatMap(({ selects: is, allows: does }) => (does === undefined ? [] : [{ is, does }]));
  const sure = isOf.filter(({ is }) => is.truth === 'yes').map(({ does }) => does);
  const perhaps = isOf.filter(({ is }) => is.truth === 'unknown');
  const allowed = sure.length === 0 ? YES : anyOf(sure);
  if (allowed.truth === 'unknown') return allowed;
  // One that may select the pod takes away what is allowed only because nothing selects it, and may add to what is not.
  const other = perhaps.find(({ does }) =>
    allowed.truth === 'yes' ? sure.length === 0 && does.truth !== 'yes' : does.truth !== 'no',
  );
  return other === undefined ? allowed : unknown(other.is.why ?? '');
}

function allows(
  rules: readonly PolicyRule[],
  policy: NetworkPolicy,
  direction: Direction,
  connection: Connection,
  cluster: Cluster,
): Decision {
  const found = anyOf(rules.map((rule) => ruleAllows(rule, policy, direction, connection, cluster)));
  if (found.truth !== 'no' || ['tcp', 'udp', 'sctp'].includes(connection.protocol)) return found;
  return unknown(`what policies do to ${connection.protocol} is up to the network plugin`);
}

/** The API leaves open which address a policy sees where one is translated on the way. */
const TRANSLATED = 'it depends on whether the network plugin looks before or after addresses are translated';

/** Ports and peers must both fit; what a rule leaves out it does not restrict. */
function ruleAllows(
  { peers, ports }: PolicyRule,
  policy: NetworkPolicy,
  direction: Direction,
  connection: Connection,
  cluster: Cluster,
): Decision {
  const { places, sources, to, protocol } = connection;
  const portAt = (port: number): Decision =>
    ports.length === 0 ? YES : anyOf(ports.map((one) => isPort(one, port, to, protocol)));
  const [arrival] = places;
  if (peers.length === 0) {
    if (direction === 'ingress' || to.kind === 'pod') return portAt(arrival.port);
    return eitherOf(
      places.map(({ port }) => portAt(port)),
      TRANSLATED,
    );
  }
  const one = (peer: PolicyPeer): Decision => {
    switch (peer.kind) {
      case 'pods':
        return allOf([isPeer(peer, policy, direction, connection, cluster), portAt(arrival.port)]);
      case 'ipBlock': {
        const ways = direction === 'egress' ? places : sources.map((address) => ({ address, port: arrival.port }));
        return eitherOf(
          ways.map(({ address, port }) => allOf([inBlock(peer, address), portAt(port)])),
          TRANSLATED,
        );
      }
      case 'other':
        return unknown(`${policy.namespace}/${policy.name} names a peer that is not known: ${peer.members.join(', ')}`);
    }
  };
  return anyOf(peers.map(one));
}

function isPeer(
  { podSelector, namespaceSelector }: Extract<PolicyPeer, { readonly kind: 'pods' }>,
  policy: NetworkPolicy,
  direction: Direction,
  { from, to, sources }: Connection,
  cluster: Cluster,
): Decision {
  const peer = direction === 'egress' ? to : from;
  if (peer.kind === 'unknown') return unknown(peer.why);
  const pod = peer.kind === 'outside' ? undefined : peer.pod;
  if (pod === undefined) return NO;
  const namespace =
    namespaceSelector === undefined
      ? decided(pod.namespace === policy.namespace)
      : namespaceSelects(namespaceSelector, pod.namespace, cluster);
  const found = allOf([namespace, podSelector === undefined ? YES : selects(podSelector, pod.labels)]);
  if (found.truth !== 'yes') return found;
  if (peer.kind === 'node')
    return unknown(
      `whether ${pod.namespace}/${pod.name}, in the network of its node, counts is up to the network plugin`,
    );
  return direction === 'ingress' && sources.length > 1 ? unknown(TRANSLATED) : found;
}

/** The API server gives every namespace its name as the label kubernetes.io/metadata.name, and nobody can change it. */
function namespaceSelects(selector: Parameters<typeof selects>[0], name: string, { namespaces }: Cluster): Decision {
  if (namespaces.known) {
    const found = namespaces.value.find((one) => one.name === name);
    return selects(selector, found?.labels, `the namespace ${name} is not in the list of namespaces`);
  }
  const label = 'kubernetes.io/metadata.name';
  const isName = (key: string) => key === label;
  const needsMore =
    Object.keys(selector.matchLabels).some((key) => !isName(key)) ||
    selector.matchExpressions.some(({ key }) => !isName(key));
  const byName = {
    matchLabels: Object.fromEntries(Object.entries(selector.matchLabels).filter(([key]) => isName(key))),
    matchExpressions: selector.matchExpressions.filter(({ key }) => isName(key)),
  };
  const found = selects(byName, { [label]: name });
  return found.truth === 'no' || !needsMore ? found : unknown(`labels of namespaces are not known: ${namespaces.why}`);
}

function inBlock(
  { cidr, except }: { readonly cidr: string; readonly except: readonly string[] },
  address: string,
): Decision {
  const is = (network: string): Decision => {
    const found = isIn(address, network);
    return found === undefined ? unknown(`${network} is no network`) : decided(found);
  };
  const out = anyOf(except.map(is));
  const notOut = out.truth === 'unknown' ? out : decided(out.truth === 'no');
  return allOf([is(cidr), notOut]);
}

/** Names are those of ports of the pod that the connection goes to. */
function isPort({ protocol, port, endPort }: PolicyPort, actual: number, to: End, actualProtocol: string): Decision {
  if (protocol.toLowerCase() !== actualProtocol) return NO;
  if (port === undefined) return YES;
  if (typeof port === 'number') return decided(actual >= port && actual <= (endPort ?? port));
  if (to.kind === 'unknown') return unknown(to.why);
  const pod = to.kind === 'outside' ? undefined : to.pod;
  return decided(
    pod?.ports.some((one) => one.name === port && one.protocol === protocol && one.containerPort === actual) === true,
  );
}
