/** A cluster as the walk sees it: nodes with their worlds, who owns which address, who listens where. */
import type { Cluster, EndpointSlice, Pod } from '../cluster/cluster';
import { formatAddress, inPrefix, parseAddress, shortest } from '../net/address';
import { parsePrefix } from '../net/prefix';
import { type Prepared, preparedOf } from '../sim/index';
import { holdsServices } from '../world/service-link';
import type { ListeningSocket, World } from '../world/world';

export interface NetworkNode {
  readonly name: string;
  readonly prepared: Prepared;
  /** False: its sockets are those that the cluster's objects promise. */
  readonly socketsCaptured: boolean;
}

/** Who answers at an address and port outside the nodes' own kernels. */
export interface Network {
  readonly nodes: ReadonlyMap<string, NetworkNode>;
  /** Captured nodes that are not among them yet. */
  readonly unread: ReadonlySet<string>;
  readonly cluster: Cluster;
  /** By its address in the shortest form, as all addresses here. */
  readonly podByAddress: ReadonlyMap<string, Pod>;
  /** Node by any of its addresses, captured or not. */
  readonly nodeByAddress: ReadonlyMap<string, string>;
  /** `ADDRESS PROTOCOL PORT` of every endpoint and every declared container port. */
  readonly listening: ReadonlySet<string>;
  /** Of declared container ports, by `ADDRESS PROTOCOL PORT`, or the name of the node for pods in its network: what speaks against it. */
  readonly unready: ReadonlyMap<string, Unready>;
  /** Why objects of the cluster are missing without which nobody can say that something does not listen. */
  readonly lacking: readonly string[];
  /** Name of the Service whose endpoint lies outside the cluster, by `ADDRESS PROTOCOL PORT`. */
  readonly outside: ReadonlyMap<string, string>;
}

/** The pods that declare the port are said not to be ready; `stopped`: nor does the container run, and why. */
export interface Unready {
  readonly pod: string;
  readonly stopped: string | undefined;
}

export const listenKey = (address: string, protocol: string, port: number): string =>
  `${address} ${protocol.toLowerCase()} ${port}`;

const value = <T>(
  part: { readonly known: true; readonly value: readonly T[] } | { readonly known: false },
): readonly T[] => (part.known ? part.value : []);

const API_SERVER = '(apiserver)';
/** The endpoints of default/kubernetes: API servers write them themselves. */
const isApiServer = ({ namespace, service, name }: EndpointSlice): boolean =>
  namespace === 'default' && (service ?? name) === 'kubernetes';

/** What follows from the cluster's objects alone, once for each cluster: networks are built anew for every node that is opened. */
interface Base {
  readonly pods: readonly Pod[];
  readonly lacking: readonly string[];
  readonly podByAddress: ReadonlyMap<string, Pod>;
  readonly nodeByAddress: ReadonlyMap<string, string>;
  readonly listening: ReadonlySet<string>;
  readonly unready: ReadonlyMap<string, Unready>;
  readonly outside: ReadonlyMap<string, string>;
  /** Of `listening`, by address. */
  readonly keysByAddress: ReadonlyMap<string, readonly string[]>;
  /** Endpoints that nobody has, unless a node turns out to have the address. */
  readonly promised: ReadonlyMap<string, readonly string[]>;
  /** Of `outside`, by address. */
  readonly outsideByAddress: ReadonlyMap<string, readonly string[]>;
  readonly hostPods: ReadonlyMap<string, readonly Pod[]>;
  readonly healthPorts: readonly number[];
  readonly kubeletPorts: ReadonlyMap<string, number>;
  readonly nodePorts: World['nodePorts'];
}
const bases = new WeakMap<Cluster, Base>();

function put<T>(map: Map<string, T[]>, key: string, item: T): void {
  const before = map.get(key);
  if (before === undefined) map.set(key, [item]);
  else before.push(item);
}

function baseOf(cluster: Cluster): Base {
  const known = bases.get(cluster);
  if (known !== undefined) return known;
  const podByAddress = new Map<string, Pod>();
  const hostPods = new Map<string, Pod[]>();
  const pods = podsOf(cluster);
  for (const pod of pods) {
    if (!pod.hostNetwork) for (const a of pod.addresses) podByAddress.set(shortest(a), pod);
    else if (pod.node !== undefined) put(hostPods, pod.node, pod);
  }
  const nodeByAddress = new Map<string, string>();
  for (const node of value(cluster.nodes)) for (const a of node.addresses) nodeByAddress.set(shortest(a), node.name);
  const listening = new Set<string>();
  const outside = new Map<string, string>();
  const promised = new Map<string, string[]>();
  const outsideByAddress = new Map<string, string[]>();
  const isNobody = nobody(cluster, podByAddress, nodeByAddress);
  for (const slice of value(cluster.endpointSlices)) {
    for (const endpoint of slice.endpoints) {
      for (const port of slice.ports) {
        const [given] = endpoint.addresses;
        if (given === undefined || port.port === undefined) continue;
        const address = shortest(given);
        const key = listenKey(address, port.protocol, port.port);
        if (isNobody(address)) {
          put(promised, address, key);
          continue;
        }
        listening.add(key);
        // Without the nodes a pod in the network of its node has an address that nobody else is known to have.
        if (podByAddress.has(address) || nodeByAddress.has(address) || endpoint.pod !== undefined) continue;
        put(outsideByAddress, address, key);
        outside.set(key, isApiServer(slice) ? API_SERVER : `external/${slice.service ?? slice.name}`);
      }
    }
  }
  for (const pod of pods) {
    for (const address of pod.addresses)
      for (const port of pod.ports) listening.add(listenKey(shortest(address), port.protocol, port.containerPort));
  }
  for (const { addresses, kubeletPort } of value(cluster.nodes)) {
    if (kubeletPort === undefined) continue;
    for (const address of addresses) listening.add(listenKey(shortest(address), 'TCP', kubeletPort));
  }
  const keysByAddress = new Map<string, string[]>();
  for (const key of listening) put(keysByAddress, key.slice(0, key.indexOf(' ')), key);
  const healthPorts = value(cluster.services).flatMap(({ healthCheckNodePort }) => healthCheckNodePort ?? []);
  const lacking = [
    ...(cluster.pods.known ? [] : [cluster.pods.why]),
    ...(cluster.endpointSlices.known ? [] : [cluster.endpointSlices.why]),
  ];
  const made = {
    pods,
    lacking,
    podByAddress,
    nodeByAddress,
    listening,
    unready: cluster.pods.known ? unreadyOf(pods) : new Map<string, Unready>(),
    outside,
    keysByAddress,
    promised,
    outsideByAddress,
    hostPods,
    healthPorts,
    kubeletPorts: new Map(
      value(cluster.nodes).flatMap(({ name, kubeletPort }) =>
        kubeletPort === undefined ? [] : [[name, kubeletPort] as const],
      ),
    ),
    nodePorts: nodePortsOf(cluster),
  };
  bases.set(cluster, made);
  return made;
}

/** Only one pod can have a port of an address: where one of several is ready, it has it. */
function unreadyOf(pods: readonly Pod[]): ReadonlyMap<string, Unready> {
  const found = new Map<string, Unready>();
  const ready = new Set<string>();
  for (const pod of pods) {
    const places = pod.hostNetwork ? [pod.node ?? ''] : pod.addresses.map(shortest);
    for (const { protocol, containerPort, stopped } of pod.ports) {
      for (const place of places) {
        const key = listenKey(place, protocol, containerPort);
        if (pod.ready || (pod.unready !== true && stopped === undefined)) ready.add(key);
        // One that runs has it rather than one that does not.
        else if (found.get(key)?.stopped !== undefined || !found.has(key))
          found.set(key, { pod: `${pod.namespace}/${pod.name}`, stopped });
      }
    }
  }
  for (const key of ready) found.delete(key);
  return found;
}

/** A balancer gives a Service of the type LoadBalancer NodePorts, too. */
function nodePortsOf({ services }: Cluster): NonNullable<World['nodePorts']> {
  if (!services.known) return services;
  const ports = services.value.flatMap((service) => service.ports);
  const named = ports.flatMap(({ protocol, nodePort }) =>
    nodePort === undefined ? [] : [`${protocol.toLowerCase()} ${nodePort}`],
  );
  return { known: true, value: new Set(named) };
}

/** Pods that have their addresses still. Without the pods themselves, those that endpoints name. */
export function podsOf(cluster: Cluster): readonly Pod[] {
  if (cluster.pods.known) return cluster.pods.value.filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
  const nodes = new Set(value(cluster.nodes).flatMap(({ addresses }) => addresses.map(shortest)));
  const found = new Map<string, Pod>();
  for (const { endpoints } of value(cluster.endpointSlices)) {
    for (const { pod, node, addresses, ready } of endpoints) {
      // An endpoint of a pod in its node's network has the node's address.
      const own = addresses.map(shortest).filter((address) => !nodes.has(address));
      if (pod === undefined || own.length === 0) continue;
      const key = `${pod.namespace}/${pod.name}`;
      const before = found.get(key)?.addresses ?? [];
      const all = [...new Set([...before, ...own])];
      const rest = { hostNetwork: false, phase: undefined, labels: {}, ports: [], workload: undefined };
      found.set(key, { ...pod, ...rest, node, ready, addresses: all });
    }
  }
  return [...found.values()];
}

/** Nodes with their sockets, as long as nothing else is promised on them. */
const nodesKnown = new WeakMap<World, { readonly base: Base; readonly node: NetworkNode }>();

/** Builds the network of a capture. @param captured further nodes that can be read. The sockets of a node, where they were not captured, are those the cluster's objects promise. */
export function buildNetwork(
  cluster: Cluster,
  worlds: ReadonlyMap<string, World>,
  captured: readonly string[] = [],
): Network {
  const base = baseOf(cluster);
  const nodeByAddress = new Map(base.nodeByAddress);
  const listening = new Set(base.listening);
  const outside = new Map(base.outside);
  for (const [name, world] of worlds) {
    for (const link of world.links.known ? world.links.value : []) {
      if (holdsServices(link)) continue;
      for (const a of link.addresses) {
        if (link.type === 'loopback' || a.scope !== 'global') continue;
        const address = formatAddress(a.local);
        nodeByAddress.set(address, name);
        // The address of a node that no Node object has.
        for (const key of base.promised.get(address) ?? []) listening.add(key);
        for (const key of base.outsideByAddress.get(address) ?? []) outside.delete(key);
      }
    }
  }
  const nodes = new Map<string, NetworkNode>();
  for (const [name, world] of worlds) nodes.set(name, networkNode(base, name, world));
  const unread = new Set(captured.filter((name) => !nodes.has(name)));
  const { podByAddress, lacking, unready } = base;
  return { nodes, unread, cluster, podByAddress, nodeByAddress, listening, unready, lacking, outside };
}

function networkNode(base: Base, name: string, world: World): NetworkNode {
  const known = nodesKnown.get(world);
  if (known !== undefined && known.base === base && known.node.name === name) return known.node;
  const sockets = world.sockets.known
    ? world.sockets
    : { known: true as const, value: promisedSockets(base, name, world) };
  const { nodePorts } = base;
  const socketsCaptured = world.sockets.known;
  const prepared = preparedOf({ ...world, sockets, socketsPromised: !socketsCaptured, nodePorts });
  const node = { name, prepared, socketsCaptured };
  nodesKnown.set(world, { base, node });
  return node;
}

const alone = new WeakMap<World, Network>();

/** One node by itself. Traces of it and ways through the cluster take the same for its sockets. */
export function networkOfNode(cluster: Cluster, name: string, world: World): Network {
  const known = alone.get(world);
  if (known !== undefined && known.cluster === cluster && known.nodes.has(name)) return known;
  const network = buildNetwork(cluster, new Map([[name, world]]));
  alone.set(world, network);
  return network;
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

/** On a node's own addresses: those that are endpoints or that pods have, the ports of pods in its network, and health checks. */
function promisedSockets(base: Base, node: string, world: World): readonly ListeningSocket[] {
  const own = new Set(
    (world.links.known ? world.links.value : []).flatMap((l) => l.addresses.map((a) => formatAddress(a.local))),
  );
  const sockets: ListeningSocket[] = [];
  const add = (protocol: string, port: number, address?: string): void => {
    const p = protocol.toLowerCase();
    if (p !== 'tcp' && p !== 'udp') return;
    const parsed = address === undefined ? undefined : parseAddress(address);
    sockets.push({
      protocol: p,
      port,
      transparent: undefined,
      ...(parsed === undefined ? {} : { address: parsed.value, family: parsed.family }),
    });
  };
  for (const address of own) {
    for (const key of [...(base.keysByAddress.get(address) ?? []), ...(base.promised.get(address) ?? [])]) {
      const [, protocol = '', port] = key.split(' ');
      add(protocol, Number(port), address);
    }
  }
  for (const pod of base.hostPods.get(node) ?? []) for (const port of pod.ports) add(port.protocol, port.containerPort);
  for (const port of base.healthPorts) add('TCP', port);
  if (base.kubeletPorts.has(node)) add('TCP', base.kubeletPorts.get(node) ?? 0);
  return sockets;
}

/** The name of the process of a node behind an address and port: the API server first, whatever pod it runs in. */
export function nodeBackend(network: Network, node: string, address: string, protocol: string, port: number): string {
  const { cluster } = network;
  const behind = value(cluster.endpointSlices).flatMap((slice) => {
    if (!slice.ports.some((p) => p.port === port && p.protocol.toLowerCase() === protocol)) return [];
    const endpoint = slice.endpoints.find(({ addresses }) => addresses.some((one) => shortest(one) === address));
    return endpoint === undefined ? [] : [{ slice, endpoint }];
  });
  if (behind.some(({ slice }) => isApiServer(slice))) return API_SERVER;
  if (protocol === 'tcp' && value(cluster.services).some(({ healthCheckNodePort }) => healthCheckNodePort === port))
    return '(kube-proxy health check server)';
  if (protocol === 'tcp' && baseOf(cluster).kubeletPorts.get(node) === port) return '(kubelet)';
  const has = ({ ports }: Pod): boolean =>
    ports.some((one) => one.containerPort === port && one.protocol.toLowerCase() === protocol);
  const pods = (baseOf(cluster).hostPods.get(node) ?? []).filter(has);
  // Only one of them can have the port.
  const pod = pods.find(({ ready }) => ready) ?? pods.find(({ phase }) => phase === 'Running') ?? pods[0];
  if (pod !== undefined) return `${pod.namespace}/${pod.name}`;
  for (const { endpoint } of behind) {
    const ref = endpoint.pod;
    if (ref !== undefined) return `${ref.namespace}/${ref.name}`;
  }
  return `${address}:${port}`;
}
