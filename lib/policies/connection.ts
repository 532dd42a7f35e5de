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

/** Who has an address. */
export function endOf(address: string, { pods, nodes }: Cluster): End {
  const value = parseAddress(address)?.value;
  const has = (texts: readonly string[]) => texts.some((text) => parseAddress(text)?.value === value);
  if (value === undefined) return { kind: 'unknown', why: `${address} is no address` };
  const pod = pods.known
    ? pods.value.find(
        (one) => !one.hostNetwork && one.phase !== 'Succeeded' && one.phase !== 'Failed' && has(one.addresses),
      )
    : undefined;
  if (pod !== undefined) return { kind: 'pod', pod };
  const node = nodes.known ? nodes.value.find(({ addresses }) => has(addresses)) : undefined;
  if (node !== undefined) return { kind: 'node', node: node.name };
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
