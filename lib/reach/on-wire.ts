/** Pods on the wire of their node's own interface, as macvlan and ipvlan put them there: its hooks never see their packets. */
import { formatAddress, inPrefix, parseAddress, shortest } from '../net/address';
import type { Reason } from '../sim/trace';
import type { Network } from './network';

/** Behind these a node has pods of its own. */
const LOCAL = new Set(['bridge', 'tun', 'dummy', 'vrf']);

/**
 * A pod's address lies in the network of an interface by which its node has its own address, and the node's route to it leaves there:
 * whatever device the pod has, it is on that wire.
 */
export function onWire(network: Network, address: string): Reason | undefined {
  const pod = network.podByAddress.get(address);
  const node = pod?.node;
  const home = node === undefined ? undefined : network.nodes.get(node)?.prepared;
  const target = parseAddress(address);
  if (pod === undefined || home === undefined || target === undefined) return undefined;
  const found = home.routers[target.family]?.lookup({ daddr: target.value, mark: 0, tos: 0, iif: undefined });
  const link = found?.kind === 'found' ? found.result.dev : undefined;
  if (link === undefined || link.tunnel !== undefined || LOCAL.has(link.kind ?? '')) return undefined;
  const nodes = network.cluster.nodes.known ? network.cluster.nodes.value : [];
  const own = new Set(nodes.find(({ name }) => name === node)?.addresses.map(shortest));
  const isOwnWire = link.addresses.some(
    (a) =>
      a.family === target.family && own.has(formatAddress(a.local)) && inPrefix(target.value, a.local, a.prefixLen),
  );
  if (!isOwnWire) return undefined;
  return {
    code: 'pod-on-wire',
    say: `${pod.namespace}/${pod.name} is on the network of ${node} behind ${link.name}, as with macvlan or ipvlan: its packets do not pass the hooks of the node, and who sees them is not in the capture.`,
    settle: 'Look at the rules in the network namespace of the pod.',
  };
}
