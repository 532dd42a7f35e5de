/**
 * Questions that stand for the Service traffic of a cluster: from a process and a pod of each node and from outside, to each address
 * and port of each Service. Those that no rule and no endpoint tells apart are asked once, for all their Services.
 */
import type { Cluster, Pod } from '../cluster/cluster';
import { type Backend, type Backends, backendsOf, chooseEndpoints, endpointKey } from '../expected/endpoints';
import { type ServicePortFacts, servicePorts } from '../expected/service-ports';
import { formatAddress, inPrefix, parseAddress } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import { parsePrefix } from '../net/prefix';
import type { Network } from '../reach/network';
import type { Client, Question } from '../reach/walk';
import { arrivalFromOutside } from '../sim/arrival';
import type { Prepared } from '../sim/index';
import type { World } from '../world/world';
import { Constants } from './constants';

type Family = 'ip' | 'ip6';

/** What of a Service is asked. */
export type TargetKind = 'clusterIP' | 'external' | 'nodePort';

export interface Probe {
  /** The node that translates: the client's, or the one by which it comes in. */
  readonly node: string;
  readonly family: Family;
  readonly question: Question;
  /** The packet as the node sees it first; undefined where no route leads back to the client. */
  readonly packet: PacketSpec | undefined;
  readonly target: TargetKind;
  readonly client: Client['kind'];
  /** The client as a question names it: NODE, NAMESPACE/POD, external:IP. */
  readonly from: string;
  /** Every Service port of this group. */
  readonly ports: readonly ServicePortFacts[];
  /** Usable endpoints, as they are chosen from on this node. */
  readonly backends: readonly Backend[];
}

/** An address of the Internet, and the one of a documentation network that stands for outside elsewhere. */
const OUTSIDE = { ip: '8.8.4.4', ip6: '2001:4860:4860::8844' } as const;
/** No connection of a capture uses it: see {@link freePort}. */
const FIRST_PORT = 45678;

interface Source {
  readonly client: Client;
  readonly from: string;
  readonly address: string;
  /** Its interface on the node, for pods. */
  readonly dev: string | undefined;
}

/** Names of Services, each once. */
export const serviceNames = (ports: readonly ServicePortFacts[]): readonly string[] => [
  ...new Set(ports.map(({ namespace, service }) => `${namespace}/${service}`)),
];

export function buildProbes(network: Network): readonly Probe[] {
  const { cluster, nodes } = network;
  if (!cluster.services.known || !cluster.endpointSlices.known) return [];
  const worlds = [...nodes.values()].map(({ prepared }) => prepared.world);
  const maker = new Maker(network, new Constants(worlds), freePort(worlds));
  for (const family of ['ip', 'ip6'] as const) {
    const ports = servicePorts(cluster.services.value, family, { openRange: true });
    if (ports.length === 0) continue;
    for (const [node, { prepared }] of nodes) {
      if (!prepared.world.ruleset.known) continue;
      const backends = backendsOf(cluster.endpointSlices.value, family, { name: node }, { keepsServing: true });
      maker.addNode(node, prepared, family, ports, backends);
    }
  }
  return maker.probes();
}

/** An asked connection as a probe; undefined where it is to no port of a Service, or its way in is not known. */
export function probeOf({ nodes, cluster }: Network, question: Question): Probe | undefined {
  const { client, packet } = question;
  const node = client.kind === 'outside' ? client.via : client.node;
  const p = node === undefined ? undefined : nodes.get(node)?.prepared;
  if (node === undefined || p === undefined) return undefined;
  if (!cluster.services.known || !cluster.endpointSlices.known || !p.world.ruleset.known) return undefined;
  const { family, daddr, dport, protocol, saddr } = packet;
  if (family === 'arp') return undefined;
  const value = parseAddress(daddr)?.value;
  const isOne = (texts: readonly string[]) => texts.some((text) => parseAddress(text)?.value === value);
  const isOwn =
    value !== undefined && [...nodes.values()].some((one) => one.prepared.localAddresses.has(`${family} ${value}`));
  const targetOf = (port: ServicePortFacts): TargetKind | undefined => {
    if (port.protocol !== protocol) return undefined;
    if (port.number === dport && isOne([port.clusterIP])) return 'clusterIP';
    if (port.number === dport && isOne([...port.externalIPs, ...port.loadBalancerIPs])) return 'external';
    return port.nodePort === dport && isOwn ? 'nodePort' : undefined;
  };
  const port = servicePorts(cluster.services.value, family, { openRange: true }).find(
    (one) => targetOf(one) !== undefined,
  );
  const target = port === undefined ? undefined : targetOf(port);
  if (port === undefined || target === undefined) return undefined;
  const backends = backendsOf(cluster.endpointSlices.value, family, { name: node }, { keepsServing: true });
  const key = endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase());
  const source: Source = { client, from: saddr, address: saddr, dev: deviceTowards(p, saddr) };
  const entry = entryOf(p, source, daddr);
  return {
    node,
    family,
    question,
    packet: entry === undefined ? undefined : { ...packet, ...entry },
    target,
    client: client.kind,
    from: client.kind === 'node' ? node : `external:${saddr}`,
    ports: [port],
    backends: (backends.get(key) ?? []).filter(({ ready }) => ready),
  };
}

export function freePort(worlds: readonly World[]): number {
  const used = new Set<unknown>();
  for (const { conntrack } of worlds)
    for (const { original, reply } of conntrack.known ? conntrack.value : []) {
      used.add(original.sport);
      used.add(reply.dport);
    }
  let port = FIRST_PORT;
  while (used.has(port)) port++;
  return port;
}

class Maker {
  readonly #lists = new WeakMap<readonly Backend[], string>();
  readonly #endpoints = new Map<string, string>();
  readonly #groups = new Map<string, { readonly probe: Probe; readonly ports: ServicePortFacts[] }>();

  constructor(
    readonly network: Network,
    readonly constants: Constants,
    readonly sport: number,
  ) {}

  probes(): readonly Probe[] {
    return [...this.#groups.values()].map(({ probe, ports }) => ({ ...probe, ports }));
  }

  addNode(node: string, p: Prepared, family: Family, ports: readonly ServicePortFacts[], backends: Backends): void {
    const own = nodeAddress(this.network.cluster, node, p, family);
    const inside = this.#inside(node, p, family, own);
    const outside = this.#outsideClients(p, family).map(
      (address): Source => ({
        client: { kind: 'outside', via: node, address },
        from: `external:${address}`,
        address,
        dev: undefined,
      }),
    );
    const zone = this.network.cluster.nodes.known
      ? this.network.cluster.nodes.value.find(({ name }) => name === node)?.zone
      : undefined;
    for (const port of ports) {
      const all = backends.get(endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase())) ?? [];
      const external = [...port.externalIPs, ...port.loadBalancerIPs];
      const policy = {
        internalLocal: port.internalLocal,
        externalLocal: port.externalLocal,
        accessible: external.length > 0 || port.nodePort !== undefined,
      };
      const choice = chooseEndpoints(all, policy, { name: node, zone, address: own }, { nodeHints: true });
      const internal = (port.internalLocal ? choice.local : choice.cluster) ?? [];
      const fromOutside = (port.externalLocal ? choice.local : choice.cluster) ?? [];
      const add = (source: Source, target: TargetKind, daddr: string, dport: number, chosen: readonly Backend[]) => {
        if (chosen.length > 0) this.#add({ node, p, family, source, target, daddr, dport, port, chosen });
      };
      // Who may use a load balancer's address is the Service's own choice.
      const open = port.sourceRanges === undefined ? external : port.externalIPs;
      for (const source of inside) {
        add(source, 'clusterIP', port.clusterIP, port.number, internal);
        for (const daddr of open) add(source, 'external', daddr, port.number, choice.cluster ?? []);
        if (own !== undefined && port.nodePort !== undefined)
          add(source, 'nodePort', own, port.nodePort, choice.cluster ?? []);
      }
      for (const source of outside) {
        for (const daddr of open) add(source, 'external', daddr, port.number, fromOutside);
        if (own !== undefined && port.nodePort !== undefined) add(source, 'nodePort', own, port.nodePort, fromOutside);
      }
    }
  }

  /** A process of the node, a pod of it, and each further pod that a rule names. */
  #inside(node: string, p: Prepared, family: Family, own: string | undefined): readonly Source[] {
    const sources: Source[] =
      own === undefined ? [] : [{ client: { kind: 'node', node }, from: node, address: own, dev: undefined }];
    const seen = new Set<string>();
    for (const pod of this.network.cluster.pods.known ? this.network.cluster.pods.value : []) {
      const address = podAddress(pod, node, family);
      if (address === undefined) continue;
      const dev = deviceTowards(p, address);
      const group = `${this.constants.address(address)} ${this.constants.iface(dev)}`;
      if (dev === undefined || seen.has(group)) continue;
      seen.add(group);
      sources.push({ client: { kind: 'pod', node, address }, from: `${pod.namespace}/${pod.name}`, address, dev });
    }
    return sources;
  }

  /**
   * One of the Internet; one of each further network that a router of its own leads to; and clients of the connection table that a
   * rule tells from these.
   */
  #outsideClients(p: Prepared, family: Family): readonly string[] {
    const { constants, network } = this;
    const found = new Map([[constants.address(OUTSIDE[family]), OUTSIDE[family] as string]]);
    for (const client of routedClients(p, family)) {
      if (network.podByAddress.has(client) || network.nodeByAddress.has(client) || isInside(network.cluster, client))
        continue;
      found.set(`${deviceTowards(p, client)} ${constants.address(client)}`, client);
    }
    const { conntrack } = p.world;
    for (const entry of conntrack.known ? conntrack.value : []) {
      if (entry.family !== family) continue;
      const client = formatAddress(entry.original.src);
      if (network.podByAddress.has(client) || network.nodeByAddress.has(client) || isInside(network.cluster, client))
        continue;
      const group = constants.address(client);
      if (!found.has(group) && p.localAddresses.get(`${family} ${entry.original.src}`) === undefined)
        found.set(group, client);
    }
    return [...found.values()];
  }

  #add(one: {
    readonly node: string;
    readonly p: Prepared;
    readonly family: Family;
    readonly source: Source;
    readonly target: TargetKind;
    readonly daddr: string;
    readonly dport: number;
    readonly port: ServicePortFacts;
    readonly chosen: readonly Backend[];
  }): void {
    const { node, p, family, source, target, daddr, dport, port, chosen } = one;
    const { constants } = this;
    const key = [
      node,
      family,
      source.client.kind,
      source.address,
      target,
      port.protocol,
      constants.address(daddr),
      constants.port(dport),
      port.externalLocal,
      this.#endpointsClass(chosen),
    ].join(' ');
    const known = this.#groups.get(key);
    if (known !== undefined) {
      known.ports.push(port);
      return;
    }
    const packet = {
      family,
      saddr: source.address,
      daddr,
      protocol: port.protocol,
      sport: this.sport,
      dport,
    } as const;
    const entry = entryOf(p, source, daddr);
    this.#groups.set(key, {
      ports: [port],
      probe: {
        node,
        family,
        question: { client: source.client, packet },
        packet: entry === undefined ? undefined : { ...packet, ...entry },
        target,
        client: source.client.kind,
        from: source.from,
        ports: [port],
        backends: chosen,
      },
    });
  }

  /** The same list is asked for by every client. */
  #endpointsClass(chosen: readonly Backend[]): string {
    let known = this.#lists.get(chosen);
    if (known === undefined) {
      known = chosen
        .map((backend) => this.#endpointClass(backend))
        .toSorted()
        .join(' ');
      this.#lists.set(chosen, known);
    }
    return known;
  }

  #endpointClass(backend: Backend): string {
    const { text } = backend;
    let known = this.#endpoints.get(text);
    if (known === undefined) {
      known = this.#classOf(backend);
      this.#endpoints.set(text, known);
    }
    return known;
  }

  #classOf({ ip, port }: Backend): string {
    const { network, constants } = this;
    const pod = network.podByAddress.get(ip);
    const home = pod?.node ?? network.nodeByAddress.get(ip) ?? ip;
    const there = network.nodes.get(home)?.prepared;
    const dev = there === undefined ? '' : constants.iface(deviceTowards(there, ip));
    return `${home}/${pod === undefined}/${constants.address(ip)}/${constants.port(port)}/${dev}`;
  }
}

/** Of each network behind a gateway, the default route's aside, one address. */
function routedClients(p: Prepared, family: Family): readonly string[] {
  const routes = p.world.routes[family];
  if (!routes.known) return [];
  return routes.value.flatMap(({ table, type, dst, nexthops: [hop, ...more] }) => {
    if (table !== 'main' || type !== 'unicast' || dst.len === 0 || hop?.gateway === undefined || more.length > 0)
      return [];
    const dev = p.linkByName.get(hop.dev ?? '');
    if (dev === undefined || dev.type !== 'ether' || !(dev.kind === undefined || WIRED.has(dev.kind))) return [];
    const isHost = dst.len === (family === 'ip' ? 32 : 128);
    const step = isHost ? 0 : 10;
    return [formatAddress(typeof dst.addr === 'number' ? dst.addr + step : dst.addr + BigInt(step))];
  });
}

/** Kinds of links that lead to a network of machines, not into a tunnel. */
const WIRED: ReadonlySet<string> = new Set(['veth', 'vlan', 'bond', 'bridge', 'macvlan', 'ipvlan']);

function entryOf(p: Prepared, source: Source, daddr: string): Pick<PacketSpec, 'from' | 'iif'> | undefined {
  if (source.client.kind === 'node') return { from: 'local' };
  const dev = source.client.kind === 'pod' ? source.dev : arrivalDevice(p, source.address, daddr);
  return dev === undefined ? undefined : { iif: dev };
}

/** The interface by which a node reaches an address. */
export function deviceTowards(p: Prepared, text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const found = p.routers[address.family]?.lookup({ daddr: address.value, mark: 0, tos: 0, iif: undefined });
  return found?.kind === 'found' ? found.result.dev?.name : undefined;
}

function arrivalDevice(p: Prepared, client: string, target: string): string | undefined {
  const [from, to] = [parseAddress(client), parseAddress(target)];
  if (from === undefined || to === undefined) return undefined;
  const back = p.routers[from.family]?.lookup({ daddr: from.value, mark: 0, tos: 0, iif: undefined });
  return arrivalFromOutside(p, to.family, to.value, back)?.dev.name;
}

/** The node's own address of the family: that of the Node object, where an interface has it. */
export function nodeAddress(cluster: Cluster, node: string, p: Prepared, family: Family): string | undefined {
  const has = (text: string) => {
    const found = parseAddress(text);
    return found?.family === family && p.localAddresses.has(`${family} ${found.value}`);
  };
  const object = cluster.nodes.known ? cluster.nodes.value.find(({ name }) => name === node) : undefined;
  const named = object?.addresses.find(has);
  if (named !== undefined || object !== undefined) return named;
  for (const { type, addresses } of p.linkByName.values()) {
    if (type === 'loopback') continue;
    const found = addresses.find((one) => one.family === family && one.scope === 'global' && !one.secondary);
    if (found !== undefined) return formatAddress(found.local);
  }
  return undefined;
}

/** Whether an address lies in a pod network, whoever has it. */
export function isInside(cluster: Cluster, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || !cluster.nodes.known) return false;
  return cluster.nodes.value.some(({ podCIDRs }) =>
    podCIDRs.some((cidr) => {
      const prefix = parsePrefix(cidr);
      return prefix?.family === address.family && inPrefix(address.value, prefix.addr, prefix.len);
    }),
  );
}

/** The address of a pod of the node's own network that can send. */
export function podAddress(pod: Pod, node: string, family: Family): string | undefined {
  if (pod.node !== node || pod.hostNetwork || (pod.phase !== undefined && pod.phase !== 'Running')) return undefined;
  return pod.addresses.find((text) => parseAddress(text)?.family === family);
}
