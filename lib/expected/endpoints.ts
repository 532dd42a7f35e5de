/** EndpointSlices → the endpoints of each Service port, and which of them a node uses. */
import type { Endpoint, EndpointSlice } from '../cluster/cluster';
import { compareEndpoints, type EndpointOrder } from '../cluster/endpoint-order';
import { addressOf, type ProxyFamily } from './addresses';
import type { ProxyNode } from './configuration';
import type { Release } from './release';

/** One endpoint of a Service port as kube-proxy keeps it. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
  /** `IP:port`, `[IPv6]:port`: what endpoints are sorted by. */
  readonly text: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly local: boolean;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

/** Endpoints by Service port: see {@link endpointKey}. */
export type Backends = ReadonlyMap<string, readonly Backend[]>;

/** Slice ports match Service ports by name and protocol; the number in the slice is the target port. */
export const endpointKey = (namespace: string, service: string, portName: string, protocol: string): string =>
  `${namespace}/${service}/${portName}/${protocol}`;

/** Endpoints of the family, in the order kube-proxy counts them (pkg/proxy/endpointslicecache.go). */
export function backendsOf(
  slices: readonly EndpointSlice[],
  family: ProxyFamily,
  node: Pick<ProxyNode, 'name' | 'endpointOrder'>,
  release: Pick<Release, 'keepsServing'>,
): Backends {
  const found = new Map<string, Map<string, Backend>>();
  const type = family === 'ip' ? 'IPv4' : 'IPv6';
  for (const slice of slices) {
    if (slice.addressType !== type || slice.service === undefined || slice.headless) continue;
    for (const { name = '', named, protocol, port } of slice.ports) {
      if (!named || port === undefined) continue;
      const key = endpointKey(slice.namespace, slice.service, name, protocol);
      const backends = found.get(key) ?? new Map<string, Backend>();
      found.set(key, backends);
      for (const endpoint of slice.endpoints) {
        const backend = backendOf(endpoint, port, family, node.name);
        if (backend === undefined) continue;
        const replaces = release.keepsServing ? !backend.terminating : backend.local;
        if (replaces || !backends.has(backend.text)) backends.set(backend.text, backend);
      }
    }
  }
  return new Map([...found].map(([key, backends]) => [key, sorted([...backends.values()], node.endpointOrder)]));
}

const sorted = (backends: readonly Backend[], order: EndpointOrder | undefined): readonly Backend[] =>
  backends.toSorted((a, b) => compareEndpoints(a.ip, b.ip, order) || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));

/** Only the first address counts. */
function backendOf(endpoint: Endpoint, port: number, family: ProxyFamily, node: string): Backend | undefined {
  const ip = addressOf(endpoint.addresses[0] ?? '', family);
  if (ip === undefined) return undefined;
  const { ready, serving, terminating, forZones, forNodes } = endpoint;
  return {
    ip,
    port,
    text: family === 'ip' ? `${ip}:${port}` : `[${ip}]:${port}`,
    ready,
    serving,
    terminating,
    local: endpoint.node === node,
    forZones,
    forNodes,
  };
}

/** What decides which endpoints of a Service port a node uses. */
export interface Policy {
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** It has a NodePort, load balancer or external address. */
  readonly accessible: boolean;
}

/** Undefined where the policy does not use such endpoints at all. */
export interface Choice {
  readonly cluster: readonly Backend[] | undefined;
  readonly local: readonly Backend[] | undefined;
  /** On some node there is an endpoint that can be used. */
  readonly hasAny: boolean;
}

/** pkg/proxy/topology.go: CategorizeEndpoints */
export function chooseEndpoints(
  all: readonly Backend[],
  policy: Policy,
  node: ProxyNode,
  release: Pick<Release, 'nodeHints'>,
): Choice {
  const usesCluster = !policy.internalLocal || policy.accessible;
  const usesLocal = policy.internalLocal || (policy.externalLocal && policy.accessible);
  if (all.length === 0)
    return { cluster: usesCluster ? [] : undefined, local: usesLocal ? [] : undefined, hasAny: false };
  const ready = all.filter((one) => one.ready);
  let cluster: readonly Backend[] | undefined;
  if (usesCluster) {
    const near = ready.filter(byTopology(ready, node, release));
    cluster = near.length > 0 ? near : all.filter(isLeaving);
  }
  let local: readonly Backend[] | undefined;
  if (usesLocal) {
    const here = ready.filter((one) => one.local);
    local = here.length > 0 ? here : all.filter((one) => one.local && isLeaving(one));
  }
  const hasAny = (cluster?.length ?? 0) > 0 || (usesLocal && all.some((one) => one.ready || isLeaving(one)));
  return { cluster, local, hasAny };
}

/** Terminating but still answering: used where nothing is ready. */
const isLeaving = (one: Backend): boolean => one.serving && one.terminating;

/** Hints count only where every ready endpoint has one and some name this node, or its zone. */
function byTopology(
  ready: readonly Backend[],
  { name, zone }: ProxyNode,
  { nodeHints }: Pick<Release, 'nodeHints'>,
): (one: Backend) => boolean {
  const forThisNode = (one: Backend) => one.forNodes.includes(name);
  if (nodeHints && ready.every((one) => one.forNodes.length > 0) && ready.some(forThisNode)) return forThisNode;
  const forThisZone = (one: Backend) => zone !== undefined && one.forZones.includes(zone);
  if (ready.every((one) => one.forZones.length > 0) && ready.some(forThisZone)) return forThisZone;
  return () => true;
}
