/** A cluster as the walk sees it: nodes with their worlds, who owns which address, who listens where. */
import type { Cluster, Pod } from '../cluster/cluster';
import { formatAddress, inPrefix, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import { type Prepared, preparedOf } from '../sim/index';
import type { ListeningSocket, World } from '../world/world';

export interface NetworkNode {
  readonly name: string;
  readonly prepared: Prepared;
}

/** Who answers at an address and port outside the nodes' own kernels. */
export interface Network {
  readonly nodes: ReadonlyMap<string, NetworkNode>;
  /** Captured nodes that are not among them yet. */
  readonly unread: ReadonlySet<string>;
  readonly cluster: Cluster;
  readonly podByAddress: ReadonlyMap<string, Pod>;
  /** Node by any of its addresses, captured or not. */
  readonly nodeByAddress: ReadonlyMap<string, string>;
  /** `ADDRESS PROTOCOL PORT` of every endpoint and every declared container port. */
  readonly listening: ReadonlySet<string>;
  /** Name of the Service whose endpoint lies outside the cluster, by `ADDRESS PROTOCOL PORT`. */
  readonly outside: ReadonlyMap<string, string>;
}

export const listenKey = (address: string, protocol: string, port: number): string =>
  `${address} ${protocol.toLowerCase()} ${port}`;

const value = <T>(
  part: { readonly known: true; readonly value: readonly T[] } | { readonly known: false },
): readonly T[] => (part.known ? part.value : []);

/** Builds the network of a capture. @param captured further nodes that can be read. The sockets of a node, where they were not captured, are those the cluster's objects promise. */
export function buildNetwork(
  cluster: Cluster,
  worlds: ReadonlyMap<string, World>,
  captured: readonly string[] = [],
): Network {
  const podByAddress = new Map<string, Pod>();
  for (const pod of value(cluster.pods)) if (!pod.hostNetwork) for (const a of pod.addresses) podByAddress.set(a, pod);
  const nodeByAddress = new Map<string, string>();
  for (const node of value(cluster.nodes)) for (const a of node.addresses) nodeByAddress.set(a, node.name);
  for (const [name, world] of worlds) {
    for (const link of world.links.known ? world.links.value : []) {
      for (const a of link.addresses)
        if (link.type !== 'loopback' && a.scope === 'global') nodeByAddress.set(formatAddress(a.local), name);
    }
  }
  const listening = new Set<string>();
  const outside = new Map<string, string>();
  const isNobody = nobody(cluster, podByAddress, nodeByAddress);
  for (const slice of value(cluster.endpointSlices)) {
    for (const endpoint of slice.endpoints) {
      for (const port of slice.ports) {
        const address = endpoint.addresses[0];
        if (address === undefined || port.port === undefined) continue;
        const key = listenKey(address, port.protocol, port.port);
        if (isNobody(address)) continue;
        listening.add(key);
        if (podByAddress.has(address) || nodeByAddress.has(address)) continue;
        const service = slice.service ?? slice.name;
        outside.set(
          key,
          slice.namespace === 'default' && service === 'kubernetes' ? '(apiserver)' : `external/${service}`,
        );
      }
    }
  }
  for (const pod of value(cluster.pods)) {
    for (const address of pod.addresses)
      for (const port of pod.ports) listening.add(listenKey(address, port.protocol, port.containerPort));
  }
  const nodes = new Map<string, NetworkNode>();
  for (const [name, world] of worlds) {
    const sockets = world.sockets.known
      ? world.sockets
      : { known: true as const, value: promisedSockets(cluster, name, world, listening) };
    nodes.set(name, { name, prepared: preparedOf({ ...world, sockets }) });
  }
  const unread = new Set(captured.filter((name) => !nodes.has(name)));
  return { nodes, unread, cluster, podByAddress, nodeByAddress, listening, outside };
}

/** An address of a pod network that no pod has: an endpoint there is a promise that nobody keeps. */
function nobody(
  cluster: Cluster,
  pods: ReadonlyMap<string, Pod>,
  nodes: ReadonlyMap<string, string>,
): (address: string) => boolean {
  if (!cluster.pods.known) return () => false;
  const networks = value(cluster.nodes).flatMap((node) => node.podCIDRs.flatMap((text) => parsePrefix(text) ?? []));
  return (text) => {
    if (pods.has(text) || nodes.has(text)) return false;
    const address = parseAddress(text);
    return (
      address !== undefined &&
      networks.some(({ family, addr, len }) => family === address.family && inPrefix(address.value, addr, len))
    );
  };
}

function promisedSockets(
  cluster: Cluster,
  node: string,
  world: World,
  listening: ReadonlySet<string>,
): readonly ListeningSocket[] {
  const own = (world.links.known ? world.links.value : []).flatMap((l) =>
    l.addresses.map((a) => formatAddress(a.local)),
  );
  const sockets: ListeningSocket[] = [];
  const add = (protocol: string, port: number, address?: string): void => {
    const p = protocol.toLowerCase();
    if (p !== 'tcp' && p !== 'udp') return;
    const parsed = address === undefined ? undefined : parseAddress(address);
    sockets.push({
      protocol: p,
      port,
      transparent: false,
      ...(parsed === undefined ? {} : { address: parsed.value, family: parsed.family }),
    });
  };
  for (const key of listening) {
    const [address, protocol, port] = key.split(' ');
    if (address !== undefined && protocol !== undefined && own.includes(address)) add(protocol, Number(port), address);
  }
  for (const pod of value(cluster.pods)) {
    if (pod.hostNetwork && pod.node === node) for (const port of pod.ports) add(port.protocol, port.containerPort);
  }
  for (const service of value(cluster.services))
    if (service.healthCheckNodePort !== undefined) add('TCP', service.healthCheckNodePort);
  return sockets;
}

/** The name of the process of a node behind an address and port. */
export function nodeBackend(network: Network, node: string, address: string, protocol: string, port: number): string {
  for (const service of value(network.cluster.services))
    if (service.healthCheckNodePort === port) return '(kube-proxy health check server)';
  const pod = value(network.cluster.pods).find(
    (p) => p.hostNetwork && p.node === node && p.ports.some((c) => c.containerPort === port),
  );
  if (pod !== undefined) return `${pod.namespace}/${pod.name}`;
  for (const slice of value(network.cluster.endpointSlices)) {
    if (!slice.ports.some((p) => p.port === port && p.protocol.toLowerCase() === protocol)) continue;
    const ref = slice.endpoints.find((e) => e.addresses.includes(address))?.pod;
    if (ref !== undefined) return `${ref.namespace}/${ref.name}`;
  }
  return `${address}:${port}`;
}
