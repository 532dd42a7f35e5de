/** Who asks when one question is put from every node: a process of the node, and a pod on it. */
import type { Cluster, Pod } from './cluster';
import type { Place } from './place';

export interface Asker {
  readonly node: string;
  /** A REF (lib/cluster/place.ts): `node-1`, `shop/web-0`. */
  readonly from: string;
  readonly kind: 'node' | 'pod';
}

/**
 * The node, and the first of its running pods by name. Pods that answer the question themselves ask only where there is no other: a
 * packet to oneself takes another way than that of everybody else. Pods in the node's network ask as the node does.
 */
export function askersOf(nodes: readonly string[], to: Place, cluster: Cluster): readonly Asker[] {
  const answering = answeringAddresses(to, cluster);
  const pods = new Map<string, Pod>();
  for (const pod of cluster.pods.known ? cluster.pods.value : []) {
    if (pod.node === undefined || pod.hostNetwork || pod.addresses.length === 0) continue;
    if (pod.phase !== undefined && pod.phase !== 'Running') continue;
    const known = pods.get(pod.node);
    if (known === undefined || rank(pod, answering) < rank(known, answering)) pods.set(pod.node, pod);
  }
  return nodes.flatMap((node): readonly Asker[] => {
    const pod = pods.get(node);
    const self = { node, from: node, kind: 'node' } as const;
    return pod === undefined ? [self] : [self, { node, from: `${pod.namespace}/${pod.name}`, kind: 'pod' }];
  });
}

/** Why no pod asks; undefined where pods were read. */
export const askersLack = ({ pods }: Cluster): string | undefined =>
  pods.known ? undefined : `Only nodes ask, no pods: ${pods.why}.`;

/** The smallest asks. */
const rank = (pod: Pod, answering: ReadonlySet<string>): string =>
  `${pod.addresses.some((address) => answering.has(address)) ? 1 : 0}${pod.ready ? 0 : 1} ${pod.namespace}/${pod.name}`;

/** Of the target itself, and of the endpoints behind it where it is a Service or the address of one. */
function answeringAddresses(to: Place, { services, endpointSlices }: Cluster): ReadonlySet<string> {
  const found = new Set(to.addresses);
  const targets = new Set(
    (services.known ? services.value : [])
      .filter(({ clusterIPs }) => clusterIPs.some((address) => found.has(address)))
      .map(({ namespace, name }) => `${namespace}/${name}`),
  );
  for (const { namespace, service, endpoints } of endpointSlices.known ? endpointSlices.value : [])
    if (targets.has(`${namespace}/${service}`))
      for (const { addresses } of endpoints) for (const address of addresses) found.add(address);
  return found;
}
