/** GET …/nodes/[node]/service: the chain graphs of one Service on one node, expected against actual. */
import type { Cluster, Service } from '../cluster/cluster';
import { type ExpectedFamily, expectedOfNode, proxyTable } from '../expected/expected-of-node';
import { iptablesNames } from '../explain/iptables-names';
import type { ServicePortRef } from '../explain/kube-proxy-name';
import { type ComparedGraph, compareServiceGraphs } from '../graph/compare-service-graphs';
import { ServiceGraphs } from '../graph/service-graph';
import { ok, type Problem, type Result } from '../net/result';
import type { Table } from '../nft/model';
import { capturedNode } from './node-drift-facts';
import type { OpenNode } from './open-node';
import type { ProblemView } from './types';

export interface ServiceQuery {
  readonly namespace: string;
  readonly name: string;
}

export interface PortGraphView {
  /** `ip kube-proxy` */
  readonly table: string;
  readonly family: 'ip' | 'ip6';
  readonly port: ServicePortRef;
  readonly graph: ComparedGraph;
}

export interface ServiceGraphsView extends ServiceQuery {
  readonly version: string;
  readonly node: string;
  /** Why nothing says what is expected; the graphs then show what is there. */
  readonly problem: ProblemView | null;
  /** By family, then in the order of the Service's ports; those that only the node has come last. */
  readonly graphs: readonly PortGraphView[];
}

export function serviceGraphs(node: OpenNode, query: ServiceQuery): Result<ServiceGraphsView> {
  const captured = capturedNode(node);
  if (!captured.ok) return captured;
  const { cluster } = node.cluster;
  const expected = expectedOfNode(captured.value, onlyWith(cluster, node.node, query));
  const base = { ...query, version: node.version, node: node.node };
  if (!expected.ok) {
    const tables = actualTables(node, expected.problem);
    return ok({
      ...base,
      problem: expected.problem,
      graphs: tables.flatMap((table) => graphsOf(node, query, undefined, table)),
    });
  }
  const graphs = expected.value.flatMap((family) => graphsOf(node, query, family, family.actual));
  return ok({ ...base, problem: null, graphs });
}

function graphsOf(
  node: OpenNode,
  query: ServiceQuery,
  expected: ExpectedFamily | undefined,
  actual: Table | undefined,
): readonly PortGraphView[] {
  const { cluster } = node.cluster;
  const version = node.ruleset.ok ? node.ruleset.value.ruleset.nftVersion : undefined;
  const isIptables = actual !== undefined && actual.name !== 'kube-proxy';
  const ours = expected === undefined ? undefined : new ServiceGraphs(expected.expected, version);
  const theirs =
    actual === undefined
      ? undefined
      : new ServiceGraphs(actual, version, isIptables ? iptablesNames(cluster) : undefined);
  const table = expected?.expected ?? actual;
  if (table === undefined || (table.family !== 'ip' && table.family !== 'ip6')) return [];
  const { family } = table;
  const ports = new Map<string, ServicePortRef>();
  for (const graphs of [ours, theirs])
    for (const port of graphs?.ports(query.namespace, query.name) ?? [])
      ports.set(`${port.port} ${port.protocol}`, port);
  const order = portOrder(cluster, query);
  return [...ports.values()]
    .toSorted((a, b) => order(a) - order(b))
    .map((port) => {
      const should = ours?.port(port);
      const keys = new Set(should?.parts.flatMap(({ id, role }) => (role === 'element' ? [id] : [])));
      const there = theirs?.port(port, keys);
      // Chains for all Services are missing or stale only where the table has them not, or not expected.
      const shared = [...(should?.parts ?? []), ...(there?.parts ?? [])].flatMap(({ role, name }) =>
        role === 'base' || role === 'chain' ? [name] : [],
      );
      const graph = compareServiceGraphs(
        should === undefined ? undefined : ours?.port(port, undefined, shared),
        theirs?.port(port, keys, shared),
      );
      return { table: `${family} ${table.name}`, family, port, graph };
    });
}

/** As the Service lists its ports; those that it has no more come last. */
function portOrder({ services }: Cluster, { namespace, name }: ServiceQuery): (port: ServicePortRef) => number {
  const known = services.known
    ? (services.value.find((one) => one.namespace === namespace && one.name === name)?.ports ?? [])
    : [];
  return ({ port, protocol }) => {
    const at = known.findIndex((one) => (one.name ?? '') === port && one.protocol.toLowerCase() === protocol);
    return at === -1 ? known.length : at;
  };
}

/** What is there where nothing tells what should be: tables of nftables mode, else the nat tables of iptables mode. */
function actualTables(node: OpenNode, { code }: Problem): readonly Table[] {
  if (!node.ruleset.ok) return [];
  const { ruleset } = node.ruleset.value;
  if (code === 'EXP-002')
    return ruleset.tables.filter(({ family, name }) => name === 'nat' && (family === 'ip' || family === 'ip6'));
  return (['ip', 'ip6'] as const).flatMap((family) => proxyTable(ruleset, family) ?? []);
}

/**
 * The cluster with this Service only, and with those that share an address from outside with it: of two that claim a key one has
 * it. Slices are all kept where they tell the node's name.
 */
function onlyWith(cluster: Cluster, node: string, { namespace, name }: ServiceQuery): Cluster {
  const { services, endpointSlices, nodes } = cluster;
  if (!services.known || !endpointSlices.known) return cluster;
  const shared = (one: Service) => [...one.externalIPs, ...one.virtualIPs];
  const own = services.value.find((one) => one.namespace === namespace && one.name === name);
  const addresses = new Set(own === undefined ? [] : shared(own));
  const kept = services.value.filter((one) => one === own || shared(one).some((address) => addresses.has(address)));
  const names = new Set(kept.map((one) => `${one.namespace}/${one.name}`));
  const isNamed = nodes.known && nodes.value.some((one) => one.name === node);
  const slices = isNamed
    ? endpointSlices.value.filter((slice) => names.has(`${slice.namespace}/${slice.service ?? ''}`))
    : endpointSlices.value;
  return {
    ...cluster,
    services: { known: true, value: kept },
    endpointSlices: { known: true, value: slices },
  };
}
