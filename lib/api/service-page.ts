/** One Service: what the cluster says of it, its ways in, and how it stands on every node. */
import type { Cluster, Endpoint, EndpointSlice, Service } from '../cluster/cluster';
import type { ExplainedDifference } from '../drift/node-drift';
import { backendsOf, chooseEndpoints, endpointKey } from '../expected/endpoints';
import { servicePorts } from '../expected/service-ports';
import { nearNames } from '../net/near';
import type { Problem } from '../net/result';
import { DIRECTIONS, policiesOf } from '../policies/allowed';
import type { DriftFacts, FamilyDriftFacts } from './node-drift-facts';
import type {
  EndpointPolicies,
  EndpointRow,
  NodeWayState,
  ServiceDifference,
  ServiceFacts,
  ServiceNodeRow,
  ServicePage,
  ServicePortView,
  ServiceRow,
  ServicesView,
  UsedEndpoints,
  WayKind,
  WayView,
} from './service-types';
import type { NodeSummary, ProblemView } from './types';

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

const byName = (a: ServiceName, b: ServiceName): number => compare(a.namespace, b.namespace) || compare(a.name, b.name);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

// ------------------------------------------------------------------------------------------------------------- list

export function servicesView(source: string, { services, endpointSlices }: Cluster): ServicesView {
  if (!services.known) return { source, services: null, problem: services.why };
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of endpointSlices.known ? endpointSlices.value : []) {
    const key = `${slice.namespace}/${slice.service ?? ''}`;
    const before = slices.get(key);
    if (before === undefined) slices.set(key, [slice]);
    else before.push(slice);
  }
  return {
    source,
    services: services.value.toSorted(byName).map((service): ServiceRow => {
      const own = endpointsReady(slices.get(`${service.namespace}/${service.name}`) ?? []);
      return {
        namespace: service.namespace,
        name: service.name,
        type: typeWord(service),
        addresses: [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs],
        ports: service.ports.map(({ name, port, protocol }) =>
          [name, `${port}/${protocol.toLowerCase()}`].filter((part) => part !== undefined).join(' '),
        ),
        served: notServed(service) === null,
        endpoints: endpointSlices.known ? own : null,
      };
    }),
    problem: null,
  };
}

/** A pod with addresses of both families is one endpoint, ready where all its addresses are. */
function endpointsReady(slices: readonly EndpointSlice[]): NonNullable<ServiceRow['endpoints']> {
  const found = new Map<string, boolean>();
  const leaving = new Set<string>();
  for (const { endpoints } of slices)
    for (const { pod, addresses, ready, serving, terminating } of endpoints) {
      const key = pod === undefined ? (addresses[0] ?? '') : `${pod.namespace}/${pod.name}`;
      found.set(key, ready && found.get(key) !== false);
      if (!ready && serving && terminating) leaving.add(key);
    }
  return { ready: [...found.values()].filter((ready) => ready).length, leaving: leaving.size, all: found.size };
}

const typeWord = ({ type, headless }: Service): string => (headless && type === 'ClusterIP' ? 'headless' : type);

// ------------------------------------------------------------------------------------------------------------- page

/** What was read of one node: its drift, or why it could not be read. */
export interface ReadDrift {
  readonly capturedAt: string | undefined;
  readonly drift: DriftFacts;
  /** Why nothing is known of its rules. */
  readonly problem: Problem | undefined;
}

export interface ServiceState extends Pick<ServicePage, 'source' | 'state'> {
  readonly nodes: readonly NodeSummary[];
  readonly read: ReadonlyMap<string, ReadDrift>;
}

export function servicePage(
  { source, state, nodes, read }: ServiceState,
  cluster: Cluster,
  wanted: ServiceName,
): ServicePage {
  const { services, endpointSlices } = cluster;
  const service = services.known ? services.value.find((one) => isNamed(one, wanted)) : undefined;
  const slices = endpointSlices.known
    ? endpointSlices.value.filter((one) => one.namespace === wanted.namespace && one.service === wanted.name)
    : [];
  const drifts = [...read.values()].flatMap(({ drift }) => (drift.ok ? drift.value : []));
  const ways =
    service === undefined
      ? []
      : waysOf(
          service,
          drifts.some(({ masqueradeAll }) => masqueradeAll),
        );
  const rows = nodes.map((node) => nodeRow(node, read.get(node.name), { wanted, service, slices, ways, drifts }));
  return {
    source,
    ...wanted,
    facts: service === undefined ? null : factsOf(service, slices),
    problem: service === undefined ? noService(wanted, services) : null,
    endpoints: endpointSlices.known ? slices.flatMap(endpointRows) : null,
    policies: policiesOn(slices, cluster),
    ways,
    state,
    done: rows.filter((row) => row.state !== 'unread').length,
    of: rows.length,
    nodes: rows,
  };
}

const isNamed = (a: ServiceName, b: ServiceName): boolean => a.namespace === b.namespace && a.name === b.name;

function noService({ namespace, name }: ServiceName, services: Cluster['services']): ProblemView {
  if (!services.known)
    return {
      code: 'SVC-001',
      say: `What the cluster says of Services is not known: ${services.why}.`,
      do: 'Capture the cluster with kubectl get services and endpointslices, of all namespaces.',
    };
  const near = nearNames(
    `${namespace}/${name}`,
    services.value.map((one) => `${one.namespace}/${one.name}`),
  );
  return {
    code: 'SVC-002',
    say: `The cluster has no Service ${namespace}/${name}.`,
    do:
      near.length === 0
        ? 'What nodes may have left of it is below.'
        : `Like it: ${near.join(', ')}. What nodes may have left of it is below.`,
  };
}

function factsOf(service: Service, slices: readonly EndpointSlice[]): ServiceFacts {
  return {
    type: typeWord(service),
    clusterIPs: service.clusterIPs,
    externalIPs: service.externalIPs,
    loadBalancerIPs: service.loadBalancerIPs,
    proxiedIPs: service.loadBalancerIPs.filter((address) => !service.virtualIPs.includes(address)),
    sourceRanges: service.loadBalancerSourceRanges,
    ports: service.ports.map(
      (port): ServicePortView => ({
        name: port.name ?? '',
        protocol: port.protocol.toLowerCase(),
        port: port.port,
        targetPort: port.targetPort === undefined ? null : String(port.targetPort),
        nodePort: port.nodePort ?? null,
      }),
    ),
    selector: Object.entries(service.selector ?? {}).map(([key, value]) => `${key}=${value}`),
    externalTrafficPolicy: isOpenOutside(service) ? service.externalTrafficPolicy : null,
    internalTrafficPolicy: service.clusterIPs.length > 0 ? service.internalTrafficPolicy : null,
    affinity: service.clientIPAffinity ?? null,
    healthCheckNodePort: service.healthCheckNodePort ?? null,
    publishNotReadyAddresses: service.publishNotReadyAddresses,
    trafficDistribution: service.trafficDistribution ?? null,
    externalName: service.externalName ?? null,
    slices: slices.map(({ name }) => name),
    notServed: notServed(service),
  };
}

/** Whether clients come from outside: only then the API keeps an externalTrafficPolicy, and the default of any other says nothing. */
const isOpenOutside = ({ type, externalIPs }: Service): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0);

/** As {@link servicePorts} leaves Services out. */
function notServed(service: Service): string | null {
  if (service.type === 'ExternalName') return 'an ExternalName is an answer of DNS: nodes have no rule for it';
  if (service.headless) return 'headless: clients go to its pods directly, nodes have no rule for it';
  if (service.otherProxy) return 'the label service.kubernetes.io/service-proxy-name leaves it to another proxy';
  return service.clusterIPs.length === 0 ? 'it has no ClusterIP' : null;
}

function endpointRows(slice: EndpointSlice): readonly EndpointRow[] {
  const ports = slice.ports.map(({ name, protocol, port }) => ({
    name: name ?? '',
    protocol: protocol.toLowerCase(),
    port: port ?? null,
  }));
  return slice.endpoints.map(
    (endpoint: Endpoint, index): EndpointRow => ({
      id: `${slice.name} ${index}`,
      pod: endpoint.pod ?? null,
      addresses: endpoint.addresses,
      ports,
      ready: endpoint.ready,
      serving: endpoint.serving,
      terminating: endpoint.terminating,
      node: endpoint.node ?? null,
      zone: endpoint.zone ?? null,
      forZones: endpoint.forZones,
      forNodes: endpoint.forNodes,
      slice: slice.name,
    }),
  );
}

/** Policies that select the pods behind the Service. Endpoints that are no pods are never selected. */
function policiesOn(slices: readonly EndpointSlice[], { pods, networkPolicies }: Cluster): EndpointPolicies {
  if (!networkPolicies.known) return { unknown: networkPolicies.why, list: [], of: 0 };
  if (!pods.known) return { unknown: pods.why, list: [], of: 0 };
  const wanted = new Set(
    slices.flatMap(({ endpoints }) =>
      endpoints.flatMap(({ pod }) => (pod === undefined ? [] : `${pod.namespace}/${pod.name}`)),
    ),
  );
  const behind = pods.value.filter(({ namespace, name }) => wanted.has(`${namespace}/${name}`));
  const found = new Map<string, EndpointPolicies['list'][number] & { readonly pods: string[] }>();
  for (const pod of behind) {
    for (const { policy, selects, isOf } of policiesOf(pod, networkPolicies.value)) {
      const { namespace, name } = policy;
      const key = `${namespace}/${name}`;
      const known = found.get(key) ?? {
        namespace,
        name,
        directions: DIRECTIONS.filter((direction) => isOf[direction]),
        selects: selects.truth === 'yes' ? 'yes' : 'unknown',
        pods: [],
      };
      known.pods.push(pod.name);
      found.set(key, known);
    }
  }
  return { unknown: null, list: [...found.values()].toSorted(byName), of: behind.length };
}

// ------------------------------------------------------------------------------------------------------------- ways

function waysOf(service: Service, masqueradeAll: boolean): readonly WayView[] {
  if (notServed(service) !== null) return [];
  const internal = masqueradeAll ? BECOMES : `source kept${service.internalTrafficPolicy === 'Local' ? ONLY_HERE : ''}`;
  const external = service.externalTrafficPolicy === 'Local' ? `source kept${ONLY_HERE}` : BECOMES;
  return service.ports.flatMap(({ name = '', protocol, port, nodePort }) => {
    const of = { name, protocol: protocol.toLowerCase(), port };
    const way = (kind: WayKind, addresses: readonly string[], number: number, source: string): WayView => ({
      id: `${of.name}/${of.protocol} ${kind}`,
      port: of,
      kind,
      addresses,
      number,
      source,
    });
    return [
      way('ClusterIP', service.clusterIPs, port, internal),
      ...(service.virtualIPs.length === 0 ? [] : [way('LB address', service.virtualIPs, port, external)]),
      ...(service.externalIPs.length === 0 ? [] : [way('external IP', service.externalIPs, port, external)]),
      ...(nodePort === undefined ? [] : [way('NodePort', [], nodePort, external)]),
    ];
  });
}

const BECOMES = 'source becomes the node';
const ONLY_HERE = ', endpoints of that node only';

// ------------------------------------------------------------------------------------------------------------ nodes

interface Of {
  readonly wanted: ServiceName;
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
  readonly ways: readonly WayView[];
  /** Of all nodes that were read. */
  readonly drifts: readonly FamilyDriftFacts[];
}

function nodeRow(node: NodeSummary, read: ReadDrift | undefined, of: Of): ServiceNodeRow {
  const base = {
    name: node.name,
    zone: node.zone,
    capturedAt: read?.capturedAt ?? node.capturedAt,
    reading: read === undefined && node.state !== 'absent' ? ('unread' as const) : node.state,
    used: [],
    differences: [],
  };
  const all = (state: NodeWayState) => Object.fromEntries(of.ways.map(({ id }) => [id, state]));
  if (read === undefined && node.state !== 'absent') return { ...base, state: 'unread', why: null, ways: {} };
  const problem = read?.problem ?? (read === undefined ? node.problem : null) ?? null;
  if (problem !== null || read === undefined) return { ...base, state: 'unknown', why: problem, ways: all('unknown') };
  const { drift } = read;
  if (!drift.ok) {
    const others = of.drifts.length > 0;
    if (drift.problem.code !== 'EXP-003' || !others)
      return { ...base, state: 'unknown', why: drift.problem, ways: all('unknown') };
    return {
      ...base,
      state: of.ways.length === 0 ? 'expected' : 'missing',
      why: noTable(node.name),
      ways: all('missing'),
    };
  }
  const differences = drift.value.flatMap((family) => concerned(family, of.wanted));
  const absent = of.ways.filter((way) => lacksFamily(way, of, drift.value));
  const ways = Object.fromEntries(
    of.ways.map((way) => [way.id, absent.includes(way) ? 'missing' : wayState(way, of, differences)] as const),
  );
  const found = Object.values(ways);
  const state = found.includes('missing') ? 'missing' : differences.length > 0 ? 'differs' : 'expected';
  return {
    ...base,
    state,
    why: absent.length > 0 ? noTable(node.name) : null,
    ways,
    used: drift.value.flatMap((family) => usedOf(family, of)),
    differences: differences.map(
      ({ family, difference: { owner, ...rest } }): ServiceDifference => ({
        ...rest,
        family,
        general: owner.services.length === 0,
      }),
    ),
  };
}

const noTable = (node: string): ProblemView => ({
  code: 'EXP-003',
  say: `${node} lacks a table of kube-proxy that other nodes have.`,
  do: 'See whether kube-proxy runs there, and in nftables mode.',
});

interface Concerned {
  readonly family: 'ip' | 'ip6';
  readonly difference: ExplainedDifference;
}

/** What concerns the Service, and what concerns all. */
const concerned = ({ family, differences }: FamilyDriftFacts, wanted: ServiceName): readonly Concerned[] =>
  differences.flatMap((difference) => {
    const { services } = difference.owner;
    return services.length === 0 || services.some((one) => isNamed(one, wanted)) ? [{ family, difference }] : [];
  });

const familyOf = (address: string): 'ip' | 'ip6' => (address.includes(':') ? 'ip6' : 'ip');

/** The way needs a family whose table other nodes have and this one has not. */
function lacksFamily(way: WayView, { service, drifts }: Of, own: readonly FamilyDriftFacts[]): boolean {
  const addresses = way.kind === 'NodePort' ? (service?.clusterIPs ?? []) : way.addresses;
  return addresses.some((address) => {
    const family = familyOf(address);
    return !own.some((one) => one.family === family) && drifts.some((one) => one.family === family);
  });
}

function wayState(way: WayView, { service }: Of, differences: readonly Concerned[]): NodeWayState {
  const own = differences.filter(({ difference }) => service !== undefined && touches(difference, way, service));
  if (own.some(({ difference }) => isEntryMissing(difference))) return 'missing';
  return own.length > 0 ? 'differs' : 'expected';
}

/** Nothing leads a packet in any more; with less it may still arrive. */
const isEntryMissing = ({ kind, name }: ExplainedDifference): boolean =>
  kind === 'table missing' ||
  kind === 'table differs' ||
  (kind === 'element missing' && (name === 'service-ips' || name === 'service-nodeports'));

/** Whether a difference lies on a way, by what kube-proxy's chains lead to (pkg/proxy/nftables/proxier.go). */
function touches({ owner, name, expected, actual }: ExplainedDifference, way: WayView, service: Service): boolean {
  if (owner.services.length === 0) return name === 'nodeport-ips' ? way.kind === 'NodePort' : true;
  const isOfPort = owner.services.some(
    (one) => isNamed(one, service) && one.port === way.port.name && one.protocol === way.port.protocol,
  );
  if (!isOfPort) return false;
  const isFromInside = way.kind === 'ClusterIP';
  switch (owner.role) {
    case 'cluster IP':
      return isFromInside;
    case 'external IP': {
      const [address = ''] = (expected ?? actual ?? '').split(' ');
      return !isFromInside && way.addresses.includes(address);
    }
    case 'NodePort':
      return way.kind === 'NodePort';
    case 'service':
      return !isFromInside || service.internalTrafficPolicy === 'Cluster';
    case 'local':
      return isFromInside ? service.internalTrafficPolicy === 'Local' : service.externalTrafficPolicy === 'Local';
    case 'external':
      return !isFromInside;
    case 'firewall':
      return way.kind === 'LB address';
    case 'endpoint':
    case 'affinity':
    case 'hairpin':
    case 'client':
    case 'node address':
    case 'fixed':
    case 'other':
      return true;
  }
}

function usedOf({ family, node, release }: FamilyDriftFacts, { service, slices }: Of): readonly UsedEndpoints[] {
  if (service === undefined) return [];
  const backends = backendsOf(slices, family, node, release);
  return servicePorts([service], family, release).map((port): UsedEndpoints => {
    const all = backends.get(endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase())) ?? [];
    const accessible = port.nodePort !== undefined || port.loadBalancerIPs.length + port.externalIPs.length > 0;
    const { internalLocal, externalLocal } = port;
    const { cluster, local } = chooseEndpoints(all, { internalLocal, externalLocal, accessible }, node, release);
    return {
      port: `${port.port}/${port.protocol}`,
      family,
      internal: (internalLocal ? local : cluster)?.length ?? 0,
      external: accessible ? ((externalLocal ? local : cluster)?.length ?? 0) : null,
      of: all.length,
    };
  });
}
