/** A connection as NetworkPolicies see it: who opens it, to whom, and which port. */
import type { Cluster, Pod } from '../cluster/cluster';
import { inPrefix, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';

export type End =
  | { readonly kind: 'pod'; readonly pod: Pod }
  /** A process of a node; `pod` where it is one in the node's network. */
  | { readonly kind: 'node'; readonly node: string; readonly pod?: Pod | undefined }
  | { readonly kind: 'outside' }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Connection {
  readonly from: End;
  /** Its own address; then the one it arrives with, where that is another. */
  readonly sources: readonly [string, ...string[]];
  readonly to: End;
  /** Where it arrives; then what was asked, where that is another. */
  readonly places: readonly [Place, ...Place[]];
  /** `tcp`, … */
  readonly protocol: string;
}

type Address = number | bigint;
interface Addresses {
  readonly pods: ReadonlyMap<Address, Pod>;
  readonly nodes: ReadonlyMap<Address, string>;
}
const known = new WeakMap<Cluster, Addresses>();

function addressesOf(cluster: Cluster): Addresses {
  const before = known.get(cluster);
  if (before !== undefined) return before;
  const [pods, nodes] = [new Map<Address, Pod>(), new Map<Address, string>()];
  const put = <T>(map: Map<Address, T>, texts: readonly string[], value: T): void => {
    for (const text of texts) {
      const address = parseAddress(text)?.value;
      if (address !== undefined) map.set(address, value);
    }
  };
  // A finished pod's address may be somebody else's now.
  for (const pod of cluster.pods.known ? cluster.pods.value : [])
    if (!pod.hostNetwork && pod.phase !== 'Succeeded' && pod.phase !== 'Failed') put(pods, pod.addresses, pod);
  for (const { name, addresses } of cluster.nodes.known ? cluster.nodes.value : []) put(nodes, addresses, name);
  const made = { pods, nodes };
  known.set(cluster, made);
  return made;
}

/** Who has an address. */
export function endOf(address: string, cluster: Cluster): End {
  const value = parseAddress(address)?.value;
  if (value === undefined) return { kind: 'unknown', why: `${address} is no address` };
  const found = addressesOf(cluster);
  const pod = found.pods.get(value);
  if (pod !== undefined) return { kind: 'pod', pod };
  const node = found.nodes.get(value);
  if (node !== undefined) return { kind: 'node', node };
  const { pods, nodes } = cluster;
  if (!pods.known) return { kind: 'unknown', why: `whether ${address} is a pod is not known: ${pods.why}` };
  if (!nodes.known) return { kind: 'unknown', why: `whether ${address} is a node is not known: ${nodes.why}` };
  const isOfPods = nodes.value.some(({ podCIDRs }) => podCIDRs.some((cidr) => isIn(address, cidr) === true));
  return isOfPods
    ? { kind: 'unknown', why: `${address} is in a network of pods, and no pod has it` }
    : { kind: 'outside' };
}

/** A pod that was named; one in its node's network is a process of the node. */
export const endOfPod = (pod: Pod): End =>
  pod.hostNetwork ? { kind: 'node', node: pod.node ?? '', pod } : { kind: 'pod', pod };

/** Undefined where the network makes no sense. */
export function isIn(address: string, network: string): boolean | undefined {
  const prefix = network.includes('/') ? parsePrefix(network) : undefined;
  const parsed = parseAddress(address);
  if (prefix === undefined || parsed === undefined) return undefined;
  return prefix.family === parsed.family && inPrefix(parsed.value, prefix.addr, prefix.len);
}
