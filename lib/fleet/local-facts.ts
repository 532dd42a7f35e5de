/**
 * What belongs to a node by its nature and makes equal nodes look different: its addresses, the pods on it, its zone. Found by
 * comparing the nodes of a healthy cluster: without these facts their rulesets are the same.
 */
import type { Cluster, ClusterNode, EndpointSlice } from '../cluster/cluster';
import { splitName } from '../explain/chain-name';
import { formatAddress } from '../net/address';
import type { World } from '../world/world';
import type { Part } from './parts';

export interface LocalFacts {
  readonly own: ReadonlySet<string>;
  /** Addresses of pods on this node. */
  readonly pods: ReadonlySet<string>;
  /** Names of interfaces that lead to pods. */
  readonly interfaces: ReadonlySet<string>;
  /** False without the cluster's Services, and where it has none. */
  readonly knowsServices: boolean;
  /** By NAMESPACE/NAME. */
  readonly service: (name: string) => ServiceFacts | undefined;
}

/** A Service as far as it makes nodes differ. */
interface ServiceFacts {
  /** Some port is served by endpoints of the node alone. */
  readonly local: boolean;
  /** Endpoints that topology gives to this node (`ADDRESS PORT`); undefined where it gives all to all. */
  readonly hinted: ReadonlySet<string> | undefined;
}

const value = <T>(part: { readonly known: boolean; readonly value?: readonly T[] }): readonly T[] => part.value ?? [];

/** Facts of all nodes that are the same: made once. */
export interface ClusterFacts {
  readonly cluster: Cluster;
  readonly podsByNode: ReadonlyMap<string, readonly string[]>;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** Services: whether some port is served by endpoints of the node alone. */
  readonly local: ReadonlyMap<string, boolean>;
  /** Slices of the Services that have hints. */
  readonly hinted: ReadonlyMap<string, readonly EndpointSlice[]>;
}

export function clusterFacts(cluster: Cluster): ClusterFacts {
  const podsByNode = new Map<string, string[]>();
  for (const pod of value(cluster.pods)) {
    if (pod.hostNetwork || pod.node === undefined) continue;
    const of = podsByNode.get(pod.node) ?? [];
    podsByNode.set(pod.node, of);
    of.push(...pod.addresses);
  }
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of value(cluster.endpointSlices)) {
    const key = `${slice.namespace}/${slice.service ?? slice.name}`;
    const of = slices.get(key) ?? [];
    slices.set(key, of);
    of.push(slice);
  }
  const isHinted = (slice: EndpointSlice) =>
    slice.endpoints.some(({ forZones, forNodes }) => forZones.length + forNodes.length > 0);
  const local = value(cluster.services).map(
    ({ namespace, name, internalTrafficPolicy: internal, externalTrafficPolicy: external }) =>
      [`${namespace}/${name}`, internal === 'Local' || external === 'Local'] as const,
  );
  return {
    cluster,
    podsByNode,
    nodes: new Map(value(cluster.nodes).map((one) => [one.name, one])),
    local: new Map(local),
    hinted: new Map([...slices].filter(([, of]) => of.some(isHinted))),
  };
}

export function localFacts(node: string, world: Pick<World, 'links' | 'routes'>, facts: ClusterFacts): LocalFacts {
  const object = facts.nodes.get(node);
  const own = new Set(object?.addresses ?? []);
  const pods = new Set(facts.podsByNode.get(node) ?? []);
  const interfaces = new Set<string>();
  for (const link of world.links.known ? world.links.value : []) {
    if (link.type === 'loopback') continue;
    for (const address of link.addresses) own.add(formatAddress(address.local));
    if (link.kind === 'veth') interfaces.add(link.name);
  }
  // A host route without a gateway leads to a pod, or to a container of another kind, on this node.
  for (const part of [world.routes.ip, world.routes.ip6]) {
    for (const route of part.known ? part.value : []) {
      if (route.type !== 'unicast' || route.dst.len < (route.family === 'ip' ? 32 : 128)) continue;
      if (route.nexthops.some(({ dev, gateway }) => gateway === undefined && dev !== undefined && interfaces.has(dev)))
        pods.add(formatAddress(route.dst.addr));
    }
  }
  const service = (name: string): ServiceFacts | undefined => {
    const local = facts.local.get(name);
    const slices = facts.hinted.get(name);
    if (local === undefined) return undefined;
    return { local, hinted: slices === undefined ? undefined : hintedEndpoints(slices, node, object?.zone) };
  };
  return { own, pods, interfaces, knowsServices: facts.local.size > 0, service };
}

/**
 * Endpoints whose hints name this node or its zone (EndpointSlice hints.forNodes, hints.forZones). Where none does, kube-proxy
 * takes them all (pkg/proxy/topology.go: canUseTopology).
 */
function hintedEndpoints(
  slices: readonly EndpointSlice[],
  node: string,
  zone: string | undefined,
): ReadonlySet<string> | undefined {
  const hinted = new Set<string>();
  const all = new Set<string>();
  for (const slice of slices) {
    for (const endpoint of slice.endpoints) {
      if (endpoint.forZones.length + endpoint.forNodes.length === 0) continue;
      const here = endpoint.forNodes.includes(node) || (zone !== undefined && endpoint.forZones.includes(zone));
      for (const port of slice.ports) {
        for (const address of endpoint.addresses) {
          all.add(`${address} ${port.port}`);
          if (here) hinted.add(`${address} ${port.port}`);
        }
      }
    }
  }
  if (all.size === 0) return undefined;
  return hinted.size === 0 ? all : hinted;
}

/** A part as it is, and without the facts of its node. */
export interface LocalPart {
  readonly part: Part;
  /** The name without the names of this node's interfaces. */
  readonly name: string;
  readonly lines: readonly string[];
  /** A line as it was, where the facts of the node were taken out of it. */
  readonly texts?: ReadonlyMap<string, string>;
}

const KUBE_PROXY = /^ip6? kube-proxy$/;
const IPTABLES = /^ip6? (filter|nat|mangle)$/;

/**
 * Takes the facts of the node out of the parts. kube-proxy's are known one by one; in other tables addresses are replaced. Only
 * parts that name something of this node are looked into, so that a node costs little where another has the same listing.
 */
export function localParts(parts: readonly Part[], facts: LocalFacts): readonly LocalPart[] {
  const named = new Set<Part>();
  const index = wordIndex(parts);
  for (const words of [facts.own, facts.pods, facts.interfaces])
    for (const word of words) for (const part of index.get(word) ?? []) named.add(part);
  const replace = replacer(facts);
  return parts.flatMap((whole) => {
    const part = KUBE_PROXY.test(whole.table)
      ? ofKubeProxy(whole, facts)
      : IPTABLES.test(whole.table)
        ? ofIptables(whole)
        : whole;
    if (part === undefined) return [];
    if (!named.has(whole)) return [part === whole ? unchanged(whole) : { part, name: part.name, lines: part.lines }];
    const texts = new Map(part.lines.map((line) => [replace(line), line]));
    return [{ part, name: replace(part.name), lines: [...texts.keys()], texts }];
  });
}

const kept = new WeakMap<Part, LocalPart>();
/** The same object for the same part, so that grouping sees at once that it is the same. */
function unchanged(part: Part): LocalPart {
  const known = kept.get(part) ?? { part, name: part.name, lines: part.lines };
  kept.set(part, known);
  return known;
}

const indexes = new WeakMap<readonly Part[], ReadonlyMap<string, readonly Part[]>>();
/** The parts in which a word occurs. Built once for a listing. */
function wordIndex(parts: readonly Part[]): ReadonlyMap<string, readonly Part[]> {
  const known = indexes.get(parts);
  if (known !== undefined) return known;
  const index = new Map<string, Part[]>();
  for (const part of parts) {
    const words = new Set<string>();
    for (const line of [part.name, ...part.lines]) {
      for (const word of line.match(WORD) ?? []) words.add(CALICO_CHAIN.exec(word)?.[2] ?? word);
    }
    for (const word of words) {
      const of = index.get(word) ?? [];
      index.set(word, of);
      of.push(part);
    }
  }
  indexes.set(parts, index);
  return index;
}

const WORD = /[0-9A-Za-z_.:-]+/g;
/** Calico names chains after interfaces: cali-tw-cali1234. */
const CALICO_CHAIN = /^(cali-(?:tw|fw|pro|pri|to|from)-)(.+)$/;

function replacer({ own, pods, interfaces }: LocalFacts): (text: string) => string {
  return (text) =>
    text.replace(WORD, (word) => {
      if (own.has(word)) return '<this node>';
      if (pods.has(word)) return '<pod of this node>';
      const prefixed = CALICO_CHAIN.exec(word);
      if (interfaces.has(word)) return '<interface of a pod>';
      return prefixed !== null && interfaces.has(prefixed[2] ?? '') ? `${prefixed[1]}<interface of a pod>` : word;
    });
}

/**
 * kube-proxy 1.29 to 1.36 in nftables mode: `local-` chains and what leads to them exist where the node has endpoints, elements
 * that drop (a Service with policy Local) where it has none, `hairpin-connections` holds the endpoints on the node.
 */
function ofKubeProxy(part: Part, facts: LocalFacts): Part | undefined {
  const { prefix, meaning } = splitName(part.name);
  const service = facts.service(meaning.split('/').slice(0, 2).join('/'));
  const without = (left: (line: string) => boolean): Part => ({
    ...part,
    lines: part.lines.filter((line) => !left(line)),
  });
  if (part.kind === 'expected' || part.kind === 'flags') return part;
  // Chains and sets that are no longer used are emptied at once and deleted a minute later.
  if (prefix === 'affinity-' || (prefix !== '' && part.kind === 'chain' && part.lines.length === 0)) return undefined;
  if (part.name === 'hairpin-connections') return without((line) => isLocal(line.split(' ')[0] ?? '', facts));
  if (part.name === 'no-endpoint-services' || part.name === 'no-endpoint-nodeports')
    return without((line) => line.endsWith(': drop') && isPolicyLocal(line, facts));
  if (part.name === 'service-ips') return without((line) => / goto local-/.test(line));
  switch (prefix) {
    case 'local-':
      return endpointsOf(part).every(([address]) => isLocal(address, facts)) ? undefined : part;
    case 'external-':
      return without((line) => line.startsWith('goto local-'));
    case 'service-': {
      const hinted = service?.hinted;
      const found = endpointsOf(part).map(([address, port]) => `${address} ${port}`);
      if (hinted === undefined || found.length === 0 || !found.every((one) => hinted.has(one))) return part;
      return { ...part, lines: ['endpoints by the hints of their EndpointSlices'] };
    }
    case 'endpoint-':
      return service?.hinted !== undefined || service?.local === true ? undefined : part;
    default:
      return part;
  }
}

const isLocal = (address: string, { own, pods }: LocalFacts): boolean => own.has(address) || pods.has(address);

/** `… comment "shop/edge:http" : drop`; without the cluster's Services any of them may be. */
function isPolicyLocal(line: string, { knowsServices, service }: LocalFacts): boolean {
  if (!knowsServices) return true;
  const name = /comment "([^":]+)/.exec(line)?.[1];
  return name !== undefined && service(name)?.local === true;
}

/** Addresses and ports that a chain of kube-proxy translates to, or the endpoint chains it goes to. */
function endpointsOf(part: Part): readonly (readonly [address: string, port: string])[] {
  const text = part.lines.join('\n');
  return [
    ...text.matchAll(/\d+ : ([0-9a-f.:]+) \. (\d+)/g),
    ...text.matchAll(/goto endpoint-\S+__([0-9a-f.:]+)\/(\d+)/g),
  ].map(([, address = '', port = '']) => [address, port] as const);
}

/** kube-proxy in iptables mode: KUBE-SVL- chains for policy Local; rules of KUBE-SERVICES in the order of their writing. */
function ofIptables(part: Part): Part | undefined {
  if (part.name.startsWith('KUBE-SVL-')) return undefined;
  if (!part.name.startsWith('KUBE-')) return part;
  const lines = part.lines.filter((line) => !/KUBE-SVL-|has no local endpoints/.test(line));
  return {
    ...part,
    lines: /^KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|PROXY-FIREWALL)$/.test(part.name) ? lines.sort() : lines,
  };
}
