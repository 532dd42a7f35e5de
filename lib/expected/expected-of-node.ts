/** The expected tables of one captured node: its configuration is read back from its tables, or from those of other nodes. */
import type { Cluster, ClusterNode } from '../cluster/cluster';
import { formatAddress, parseAddress } from '../net/address';
import { failed, ok, type Problem, type Result } from '../net/result';
import type { Ruleset, Table } from '../nft/model';
import type { World } from '../world/world';
import type { ProxyFamily } from './addresses';
import type { ProxyConfiguration, ProxyNode } from './configuration';
import { type ClusterObjects, expectedTable } from './expected-table';
import { withGiven } from './given-configuration';
import { type Assumption, inferConfiguration, type NodeFacts } from './infer-configuration';
import { proxyNodeName } from './node-name';

/** What is known of a node. */
export interface CapturedNode {
  readonly name: string;
  readonly ruleset: Ruleset;
  readonly world: Pick<World, 'links' | 'sysctl' | 'endpointOrder'>;
  /** Of kube-proxy, where the capture says it. */
  readonly version: string | undefined;
}

export interface ExpectedFamily {
  readonly family: ProxyFamily;
  readonly expected: Table;
  /** Undefined where the node lacks the table. */
  readonly actual: Table | undefined;
  readonly assumptions: readonly Assumption[];
  /** The node as kube-proxy knows it, and what it was taken to be configured with. */
  readonly node: ProxyNode;
  readonly configuration: ProxyConfiguration;
}

/** A `kube-proxy` table of the family; kube-proxy makes no other. */
export const proxyTable = (ruleset: Ruleset, family: ProxyFamily): Table | undefined =>
  ruleset.tables.find((table) => table.family === family && table.name === 'kube-proxy');

/** Whether a ruleset has rules of kube-proxy's iptables mode, which keeps no table of its own. */
const isIptablesMode = (ruleset: Ruleset): boolean =>
  ruleset.tables.some(({ chains }) => chains.some(({ name, rules }) => name === 'KUBE-SERVICES' && rules.length > 0));

/**
 * Codes: EXP-001 Services or EndpointSlices were not read, EXP-002 another mode than nftables, EXP-003 no table to read the
 * configuration from.
 *
 * @param others other nodes of the cluster: their tables tell the configuration where this node's do not
 */
export function expectedOfNode(
  node: CapturedNode,
  cluster: Cluster,
  others: readonly CapturedNode[] = [],
): Result<readonly ExpectedFamily[]> {
  const objects = objectsOf(cluster);
  if (!objects.ok) return objects;
  const own = { ip: proxyTable(node.ruleset, 'ip'), ip6: proxyTable(node.ruleset, 'ip6') };
  if (own.ip === undefined && own.ip6 === undefined && isIptablesMode(node.ruleset))
    return failed(otherMode(node.name));
  const tables = [own.ip, own.ip6].filter((table) => table !== undefined);
  const isNode = cluster.nodes.known && cluster.nodes.value.some(({ name }) => name === node.name);
  const name = isNode ? node.name : (proxyNodeName(node.name, objects.value.endpointSlices, tables) ?? node.name);
  const families = (['ip', 'ip6'] as const).flatMap((family) => {
    const actual = own[family];
    if (actual === undefined && family === 'ip6' && isIpv6Off(node)) return [];
    return expectedFamily(family, actual, { ...node, name, captured: node.name }, cluster, objects.value, others) ?? [];
  });
  return families.length === 0 ? failed(noTable(node.name)) : ok(families);
}

function expectedFamily(
  family: ProxyFamily,
  actual: Table | undefined,
  node: CapturedNode & { readonly captured: string },
  cluster: Cluster,
  objects: ClusterObjects,
  others: readonly CapturedNode[],
): ExpectedFamily | undefined {
  const object = cluster.nodes.known ? cluster.nodes.value.find(({ name }) => name === node.name) : undefined;
  const facts = factsOf(family, node, object);
  const told =
    (actual === undefined ? undefined : inferConfiguration(actual, facts)) ?? inferFromOthers(family, facts, others);
  if (told === undefined) return undefined;
  const inferred = withGiven(told, family, facts, cluster, object);
  const zone = object === undefined ? zoneOf(node.name, objects) : undefined;
  const { endpointOrder } = node.world;
  const proxyNode = { name: node.name, zone: object?.zone ?? zone, address: facts.address, endpointOrder };
  const named: readonly Assumption[] =
    node.name === node.captured
      ? []
      : [{ what: 'node name', value: node.name, from: 'the endpoints that its tables treat as local' }];
  return {
    family,
    expected: expectedTable(family, objects, proxyNode, inferred.configuration),
    actual,
    assumptions: [...inferred.assumptions, ...named, ...(zone === undefined ? [] : [zoned(zone)])],
    node: proxyNode,
    configuration: inferred.configuration,
  };
}

/** That of the endpoints on the node, where the Node object was not read: EndpointSlices have it from there. */
const zoneOf = (node: string, { endpointSlices }: ClusterObjects): string | undefined =>
  endpointSlices.flatMap(({ endpoints }) => endpoints).find((one) => one.node === node && one.zone !== undefined)?.zone;

const zoned = (zone: string): Assumption => ({ what: 'zone', value: zone, from: 'the endpoints on the node' });

/** The first other node with such a table; its NodePort addresses are its own, so the default stands in. */
function inferFromOthers(family: ProxyFamily, facts: NodeFacts, others: readonly CapturedNode[]) {
  for (const other of others) {
    const table = proxyTable(other.ruleset, family);
    const inferred = table === undefined ? undefined : inferConfiguration(table, { ...facts, localAddresses: [] });
    if (inferred === undefined) continue;
    const from = `the table ${family} kube-proxy of ${other.name}: this node has none to read`;
    return {
      configuration: inferred.configuration,
      assumptions: inferred.assumptions.map((one): Assumption => ({ ...one, from })),
    };
  }
  return undefined;
}

function factsOf(family: ProxyFamily, node: CapturedNode, object: ClusterNode | undefined): NodeFacts {
  const { links } = node.world;
  const primary = object?.addresses.map(parseAddress).find((one) => one?.family === family);
  return {
    version: node.version,
    address: primary === undefined ? undefined : formatAddress(primary.value),
    localAddresses: links.known
      ? links.value.flatMap(({ addresses }) =>
          addresses.filter((one) => one.family === family).map((one) => formatAddress(one.local)),
        )
      : undefined,
  };
}

const isIpv6Off = ({ world: { sysctl } }: CapturedNode): boolean =>
  sysctl.known && sysctl.value.get('net.ipv6.conf.all.disable_ipv6') === '1';

function objectsOf({ services, endpointSlices }: Cluster): Result<ClusterObjects> {
  if (services.known && endpointSlices.known)
    return ok({ services: services.value, endpointSlices: endpointSlices.value });
  const why = services.known ? (endpointSlices.known ? '' : endpointSlices.why) : services.why;
  return failed({
    code: 'EXP-001',
    say: `What kube-proxy should have written is unknown: ${why}.`,
    do: 'Capture the cluster with kubectl get services and endpointslices, of all namespaces.',
  });
}

const otherMode = (node: string): Problem => ({
  code: 'EXP-002',
  say: `kube-proxy of ${node} is in iptables mode.`,
  do: 'Only the tables of its nftables mode are computed.',
});

const noTable = (node: string): Problem => ({
  code: 'EXP-003',
  say: `Nothing tells the configuration of kube-proxy on ${node}: neither it nor another node has a table of its nftables mode (1.31 or later).`,
  do: 'Capture a node where kube-proxy runs in nftables mode, too.',
});
