/** Entries of the connection table, and clients' affinity, that hold on to what is no more. */
import type { Cluster } from '../../cluster/cluster';
import { backendsOf, endpointKey } from '../../expected/endpoints';
import { type ServicePortFacts, servicePorts } from '../../expected/service-ports';
import { parseKubeProxyName } from '../../explain/kube-proxy-name';
import { formatAddress, parseAddress } from '../../net/address';
import { protocolName } from '../../net/protocols';
import type { NftSet, Table } from '../../nft/model';
import { ruleReferences } from '../../nft/references';
import type { Network, NetworkNode } from '../../reach/network';
import type { Prepared } from '../../sim';
import type { CtEntry } from '../../world/world';
import { isProxyTable } from '../foreign';
import { deviceTowards, freePort, isInside } from '../probes';
import { translationsOf } from '../translations';

export interface HeldConnection {
  readonly code: 'conntrack-stale-udp' | 'conntrack-to-removed-endpoint' | 'conntrack-without-nat';
  readonly node: string;
  readonly port: ServicePortFacts;
  readonly entry: CtEntry;
  /** Whom it leads to. */
  readonly endpoint: string;
}

/** Entries to addresses of Services that lead to an endpoint that is gone, or nowhere. */
export function heldConnections(network: Network): readonly HeldConnection[] {
  const { services, endpointSlices } = network.cluster;
  if (!services.known || !endpointSlices.known) return [];
  const found: HeldConnection[] = [];
  for (const family of ['ip', 'ip6'] as const) {
    const ports = servicePorts(services.value, family, { openRange: true });
    const backends = backendsOf(endpointSlices.value, family, { name: '' }, { keepsServing: true });
    const byTarget = new Map<string, ServicePortFacts>();
    for (const port of ports) {
      for (const address of [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIPs])
        byTarget.set(`${address} ${port.protocol} ${port.number}`, port);
      if (port.nodePort !== undefined) byTarget.set(`node ${port.protocol} ${port.nodePort}`, port);
    }
    for (const node of network.nodes.values()) {
      for (const entry of entriesOf(node, family)) {
        const target = formatAddress(entry.original.dst);
        const isOwn = node.prepared.localAddresses.has(`${family} ${entry.original.dst}`);
        const protocol = protocolName(entry.original.protocol);
        const port = byTarget.get(`${isOwn ? 'node' : target} ${protocol} ${entry.original.dport}`);
        if (port === undefined) continue;
        const all = backends.get(endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase()));
        const code = codeOf(network, node, port, entry, new Set(all?.map(({ text }) => text)));
        if (code !== undefined) found.push({ code, node: node.name, port, entry, endpoint: endpointOf(entry) });
      }
    }
  }
  return found;
}

const entriesOf = ({ prepared }: NetworkNode, family: 'ip' | 'ip6'): readonly CtEntry[] =>
  prepared.world.conntrack.known ? prepared.world.conntrack.value.filter((entry) => entry.family === family) : [];

function endpointOf({ family, reply }: CtEntry): string {
  const address = formatAddress(reply.src);
  return `${family === 'ip' ? address : `[${address}]`}:${reply.sport}`;
}

function codeOf(
  network: Network,
  node: NetworkNode,
  port: ServicePortFacts,
  entry: CtEntry,
  endpoints: ReadonlySet<string>,
): HeldConnection['code'] | undefined {
  const p = node.prepared;
  if (entry.reply.src === entry.original.dst) {
    const isEnding = entry.tcpState !== undefined && ENDING.has(entry.tcpState);
    const isOwn = p.localAddresses.has(`${entry.family} ${entry.original.dst}`);
    if (isEnding || isOwn || endpoints.size === 0) return undefined;
    return wouldTranslate(network, p, port, entry) ? 'conntrack-without-nat' : undefined;
  }
  if (endpoints.has(endpointOf(entry))) return undefined;
  if (port.protocol === 'udp') {
    // A pod may live on and be no endpoint any more; whom another's rules choose is none of kube-proxy's.
    const isLeft = isGone(network, p, entry) || !wouldReach(network, p, port, entry);
    return isLeft && isPodNetwork(network, entry) ? 'conntrack-stale-udp' : undefined;
  }
  return entry.tcpState === 'ESTABLISHED' && isGone(network, p, entry) ? 'conntrack-to-removed-endpoint' : undefined;
}

/** An address that endpoints have; a process of a node may answer for other reasons. */
const isPodNetwork = ({ cluster, podByAddress, nodeByAddress }: Network, { reply }: CtEntry): boolean => {
  const address = formatAddress(reply.src);
  return (
    !nodeByAddress.has(address) && (podByAddress.has(address) || isInside(cluster, address) || !cluster.nodes.known)
  );
};

/** States of a connection that sends no more (nf_conntrack_proto_tcp.c). */
const ENDING: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK', 'CLOSE_WAIT', 'FIN_WAIT']);

/** Nobody that is known has the address any more: no pod, no node, no endpoint of another Service. */
function isGone(
  { cluster, podByAddress, nodeByAddress, listening }: Network,
  p: Prepared,
  { family, reply }: CtEntry,
): boolean {
  const address = formatAddress(reply.src);
  if (!cluster.pods.known || nodeByAddress.has(address) || p.localAddresses.has(`${family} ${reply.src}`)) return false;
  const pod = podByAddress.get(address);
  if (pod !== undefined && pod.phase !== 'Succeeded' && pod.phase !== 'Failed') return false;
  return !listening.has(`${address} ${protocolName(reply.protocol)} ${reply.sport}`);
}

/** Whether a new connection of the same client would be translated: else the entry is as it has to be. */
const wouldTranslate = (network: Network, p: Prepared, port: ServicePortFacts, entry: CtEntry): boolean =>
  targetsOf(network, p, port, entry).length > 0;

const wouldReach = (network: Network, p: Prepared, port: ServicePortFacts, entry: CtEntry): boolean =>
  targetsOf(network, p, port, entry).includes(formatAddress(entry.reply.src));

/** Where a new connection of the same client would be sent. */
function targetsOf(
  { nodes }: Network,
  p: Prepared,
  port: ServicePortFacts,
  { family, original }: CtEntry,
): readonly (string | undefined)[] {
  const saddr = formatAddress(original.src);
  const isLocal = p.localAddresses.has(`${family} ${original.src}`);
  const iif = isLocal ? undefined : deviceTowards(p, saddr);
  if (!isLocal && iif === undefined) return [];
  const ways = translationsOf(p, {
    ...(iif === undefined ? { from: 'local' } : { iif }),
    family,
    saddr,
    daddr: formatAddress(original.dst),
    protocol: port.protocol,
    sport: freePort([...nodes.values()].map(({ prepared }) => prepared.world)),
    ...(typeof original.dport === 'number' && { dport: original.dport }),
  });
  return ways.flatMap(({ dst }) => (dst === undefined ? [] : [dst.to]));
}

export interface HeldClient {
  readonly node: string;
  readonly service: { readonly namespace: string; readonly name: string };
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly set: NftSet;
  readonly family: 'ip' | 'ip6';
}

/** Clients whose session affinity leads to an endpoint that is gone. */
export function heldClients({ nodes, cluster }: Network): readonly HeldClient[] {
  const found: HeldClient[] = [];
  for (const [node, { prepared }] of nodes) {
    const { ruleset } = prepared.world;
    for (const table of ruleset.known ? ruleset.value.tables : []) {
      if (!isProxyTable(table)) continue;
      for (const set of table.sets) {
        const name = set.elements.length === 0 ? undefined : parseKubeProxyName(set.name);
        if (name?.role !== 'affinity' || name.endpoint === undefined) continue;
        const { service, endpoint } = name;
        // A set that no rule reads holds nobody.
        if (!isRead(table, set.name)) continue;
        if (!isEndpoint(cluster, service, endpoint))
          found.push({ node, service, endpoint, set, family: table.family === 'ip6' ? 'ip6' : 'ip' });
      }
    }
  }
  return found;
}

const isRead = ({ chains }: Table, set: string): boolean =>
  chains.some(({ rules }) =>
    rules.some((rule) => ruleReferences(rule).some(({ kind, name }) => kind === 'set' && name === set)),
  );

function isEndpoint(
  { endpointSlices }: Cluster,
  service: { readonly namespace: string; readonly name: string },
  { address, port }: HeldClient['endpoint'],
): boolean {
  // What was not read is not gone.
  if (!endpointSlices.known) return true;
  const value = parseAddress(address)?.value;
  return endpointSlices.value.some(
    (slice) =>
      slice.namespace === service.namespace &&
      slice.service === service.name &&
      slice.ports.some((one) => one.port === port) &&
      slice.endpoints.some(({ addresses }) => addresses.some((one) => parseAddress(one)?.value === value)),
  );
}
