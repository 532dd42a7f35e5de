/** Services that no endpoint, or no endpoint on a node, can serve: what the cluster's objects prove, whatever the rules are. */
import type { Endpoint, EndpointSlice, Pod, Service, ServicePort } from '../../cluster/cluster';
import { type Backends, backendsOf, chooseEndpoints, endpointKey } from '../../expected/endpoints';
import { type ServicePortFacts, servicePorts } from '../../expected/service-ports';
import { formatAddress, inPrefix, parseAddress } from '../../net/address';
import { groupBy } from '../../net/group-by';
import type { Prefix } from '../../net/prefix';
import type { Context } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { podNetworks, serviceNetworks } from '../networks';
import { isServed, nameOf } from '../services';
import { listed } from '../show';

/** One fault of several Services: those that select the same pods have it together. */
interface Fault {
  readonly service: Service;
  readonly nodes: readonly string[];
  readonly evidence: readonly Evidence[];
}

export function endpointFindings(context: Context): readonly Finding[] {
  const { services, endpointSlices } = context.cluster;
  if (!services.known || !endpointSlices.known) return [];
  const slices = groupBy(
    endpointSlices.value.filter(({ headless, addressType }) => !headless && addressType !== 'FQDN'),
    ({ namespace, service = '' }) => `${namespace}/${service}`,
  );
  const served = services.value.filter(isServed).map((service) => ({
    service,
    slices: slices.get(nameOf(service)) ?? [],
  }));
  const broken = new Set<Service>();
  const faults = { none: [] as Fault[], unmatched: [] as Fault[], unready: [] as Fault[] };
  for (const one of served) {
    const kind = faultOf(one.service, one.slices);
    if (kind === undefined) continue;
    broken.add(one.service);
    faults[kind].push({
      service: one.service,
      nodes: [],
      evidence: evidenceOf(kind, one.service, one.slices, context),
    });
  }
  return [
    ...grouped(faults.none, (group) => noEndpoints(group, context)),
    ...grouped(faults.unmatched, portMismatch),
    ...grouped(faults.unready, noneReady),
    ...localPolicies(
      context,
      served.flatMap(({ service }) => (broken.has(service) ? [] : [service])),
    ),
    ...strayEndpoints(context),
  ];
}

type FaultKind = 'none' | 'unmatched' | 'unready';

/** The first that is true of some port. */
function faultOf(service: Service, slices: readonly EndpointSlice[]): FaultKind | undefined {
  const filled = slices.filter(({ endpoints }) => endpoints.length > 0);
  if (filled.length === 0) return 'none';
  const families = [...groupBy(filled, ({ addressType }) => addressType).values()];
  if (service.ports.some((port) => families.some((family) => !family.some((slice) => hasPort(slice, port)))))
    return 'unmatched';
  const isUnready = (port: ServicePort) =>
    families.some((family) =>
      family.every((slice) => !hasPort(slice, port) || !slice.endpoints.some((endpoint) => isUsable(endpoint))),
    );
  return service.ports.some(isUnready) ? 'unready' : undefined;
}

/** By name and protocol; the number in the slice is the target port (pkg/proxy/endpointslicecache.go). */
const hasPort = ({ ports }: EndpointSlice, { name = '', protocol }: ServicePort): boolean =>
  ports.some((one) => one.named && one.port !== undefined && (one.name ?? '') === name && one.protocol === protocol);

/** Ready, or terminating and still serving (pkg/proxy/topology.go: CategorizeEndpoints). */
const isUsable = ({ ready, serving, terminating }: Endpoint): boolean => ready || (serving && terminating);

/** Services of one namespace and selector, and of the same nodes, have their fault for the same cause. */
function grouped(faults: readonly Fault[], say: (group: readonly [Fault, ...Fault[]]) => Finding): readonly Finding[] {
  const groups = groupBy(faults, ({ service, nodes }) => {
    const { namespace, selector } = service;
    const pods = Object.entries(selector ?? {})
      .map((entry) => entry.join('='))
      .sort();
    return [namespace, pods.length === 0 ? service.name : pods.join(), ...nodes].join(' ');
  });
  return [...groups.values()].flatMap(([first, ...more]) => (first === undefined ? [] : [say([first, ...more])]));
}

const namesOf = (group: readonly Fault[]): readonly string[] => group.map(({ service }) => nameOf(service));

const namesText = (group: readonly Fault[]): string =>
  `Service${group.length === 1 ? '' : 's'} ${namesOf(group).join(', ')}`;

const allEvidence = (group: readonly Fault[]): readonly Evidence[] => group.flatMap(({ evidence }) => evidence);

const showSlices = ({ namespace, name }: Service): string =>
  `kubectl -n ${namespace} get endpointslices -l kubernetes.io/service-name=${name} -o yaml`;

// ---------------------------------------------------------------------------------------------------------- every node

function evidenceOf(
  kind: FaultKind,
  service: Service,
  slices: readonly EndpointSlice[],
  context: Context,
): readonly Evidence[] {
  const { namespace, name, ports } = service;
  const about = (text: string): Evidence => ({ kind: 'object', object: 'Service', namespace, name, text });
  const told = (slice: EndpointSlice, text: string): Evidence => ({
    kind: 'object',
    object: 'EndpointSlice',
    namespace: slice.namespace,
    name: slice.name,
    text,
  });
  switch (kind) {
    case 'none': {
      const pods = selectedPods(service, context);
      return [
        about(`selector: ${selectorText(service)}${pods === undefined ? '' : `, which ${pods.length} pods have`}`),
        ...slices.map((slice) => told(slice, 'no endpoints')),
      ];
    }
    case 'unmatched':
      return [
        ...ports.map((port) => about(`port ${portText(port)}, target port ${port.targetPort ?? port.port}`)),
        ...slices.map((slice) =>
          told(slice, slice.ports.length === 0 ? 'no ports' : `ports ${slice.ports.map(portText).join(', ')}`),
        ),
      ];
    case 'unready':
      return slices.flatMap((slice) =>
        slice.endpoints.map((endpoint) => told(slice, `${endpoint.addresses[0]}: ${conditionsText(endpoint)}`)),
      );
  }
}

const portText = ({
  name,
  protocol,
  port,
}: {
  name?: string | undefined;
  protocol: string;
  port?: number | undefined;
}) => `${name === undefined || name === '' ? '(no name)' : name}/${protocol}${port === undefined ? '' : ` ${port}`}`;

const conditionsText = ({ ready, serving, terminating }: Endpoint): string =>
  [ready ? 'ready' : 'not ready', serving ? 'serving' : 'not serving', ...(terminating ? ['terminating'] : [])].join(
    ', ',
  );

function selectorText({ selector }: Service): string {
  const labels = Object.entries(selector ?? {}).map((entry) => entry.join('='));
  return labels.length === 0 ? '(none)' : labels.join(',');
}

/** Undefined without a selector, or without knowing the pods. */
function selectedPods({ namespace, selector }: Service, { cluster }: Context): readonly Pod[] | undefined {
  const labels = Object.entries(selector ?? {});
  if (labels.length === 0 || !cluster.pods.known) return undefined;
  return cluster.pods.value.filter(
    (pod) => pod.namespace === namespace && labels.every(([key, value]) => pod.labels[key] === value),
  );
}

function noEndpoints(group: readonly [Fault, ...Fault[]], context: Context): Finding {
  const [{ service }] = group;
  const pods = selectedPods(service, context);
  const why =
    pods === undefined
      ? service.selector === undefined
        ? 'it has no selector, and nobody wrote an EndpointSlice'
        : 'its EndpointSlices are empty'
      : pods.length === 0
        ? 'its selector matches no pod'
        : 'the pods of its selector are not in its EndpointSlices';
  return finding({
    code: 'no-endpoints',
    summary: `${namesText(group)} ${group.length === 1 ? 'has' : 'have'} no endpoints: ${why}.`,
    services: namesOf(group),
    nodes: [],
    evidence: allEvidence(group),
    reproduce: showSlices(service),
    remedy:
      service.selector === undefined
        ? 'Write its EndpointSlice, or delete the Service.'
        : pods === undefined || pods.length === 0
          ? `Compare the selector with the labels of the pods: kubectl -n ${service.namespace} get pods --show-labels`
          : 'See whether these pods have addresses and the EndpointSlice controller runs.',
  });
}

const portMismatch = (group: readonly [Fault, ...Fault[]]): Finding =>
  finding({
    code: 'endpoint-port-mismatch',
    summary: `No EndpointSlice of ${namesText(group)} has the port of the Service by name and protocol, so kube-proxy uses no endpoint.`,
    services: namesOf(group),
    nodes: [],
    evidence: allEvidence(group),
    reproduce: showSlices(group[0].service),
    remedy:
      'Give a target port that the containers have: a number, or the name of one of their ports. In a hand-written EndpointSlice, name the port as the Service does.',
  });

const noneReady = (group: readonly [Fault, ...Fault[]]): Finding =>
  finding({
    code: 'no-ready-endpoints',
    summary: `No endpoint of ${namesText(group)} is ready.`,
    services: namesOf(group),
    nodes: [],
    evidence: allEvidence(group),
    reproduce: showSlices(group[0].service),
    remedy: 'See why the pods are not ready: their readiness probes, or their readiness gates.',
  });

// ------------------------------------------------------------------------------------------------------- policies Local

/** Nodes whose clients have no endpoint under policy Local, though there are usable ones elsewhere. */
function localPolicies(context: Context, services: readonly Service[]): readonly Finding[] {
  const wanted = services.filter(
    ({ internalTrafficPolicy, externalTrafficPolicy }) =>
      internalTrafficPolicy === 'Local' || externalTrafficPolicy === 'Local',
  );
  const { nodes, endpointSlices } = context.cluster;
  if (wanted.length === 0 || !endpointSlices.known) return [];
  const names = nodes.known ? nodes.value.map(({ name }) => name) : context.nodes.map(({ name }) => name);
  const lacking = { external: new Map<string, Set<string>>(), internal: new Map<string, Set<string>>() };
  for (const family of ['ip', 'ip6'] as const) {
    const ports = servicePorts(wanted, family, { openRange: true });
    for (const node of names) {
      const backends = backendsOf(endpointSlices.value, family, { name: node }, { keepsServing: true });
      for (const port of ports) {
        const { external, internal } = lacksLocal(port, backends, node);
        const name = `${port.namespace}/${port.service}`;
        if (external) lacking.external.set(name, (lacking.external.get(name) ?? new Set()).add(node));
        if (internal) lacking.internal.set(name, (lacking.internal.get(name) ?? new Set()).add(node));
      }
    }
  }
  const faults = (of: ReadonlyMap<string, ReadonlySet<string>>, policy: string): readonly Fault[] =>
    wanted.flatMap((service) => {
      const without = of.get(nameOf(service));
      if (without === undefined) return [];
      const { namespace, name } = service;
      return [
        {
          service,
          nodes: [...without],
          evidence: [{ kind: 'object', object: 'Service', namespace, name, text: `${policy}: Local` } as const],
        },
      ];
    });
  return [
    ...grouped(faults(lacking.external, 'externalTrafficPolicy'), externalLocal),
    ...grouped(faults(lacking.internal, 'internalTrafficPolicy'), internalLocal),
  ];
}

function lacksLocal(
  port: ServicePortFacts,
  backends: Backends,
  node: string,
): { readonly external: boolean; readonly internal: boolean } {
  const { internalLocal, externalLocal } = port;
  const accessible = port.nodePort !== undefined || port.loadBalancerIPs.length + port.externalIPs.length > 0;
  const key = endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase());
  const choice = chooseEndpoints(
    backends.get(key) ?? [],
    { internalLocal, externalLocal, accessible },
    { name: node, zone: undefined, address: undefined },
    { nodeHints: true },
  );
  const lacks = choice.hasAny && choice.local?.length === 0;
  return { external: lacks && externalLocal && accessible, internal: lacks && internalLocal };
}

const externalLocal = (group: readonly [Fault, ...Fault[]]): Finding =>
  finding({
    code: 'external-policy-no-local-endpoint',
    summary: `Traffic from outside to ${namesText(group)} is dropped on ${listed(group[0].nodes)}: externalTrafficPolicy is Local and no usable endpoint is there.`,
    services: namesOf(group),
    nodes: group[0].nodes,
    evidence: allEvidence(group),
    reproduce: showSlices(group[0].service),
    remedy:
      'Nothing, where load balancers ask the health check port. Else send clients to nodes with an endpoint, run one on every node, or use the policy Cluster.',
  });

const internalLocal = (group: readonly [Fault, ...Fault[]]): Finding =>
  finding({
    code: 'internal-policy-no-local-endpoint',
    summary: `Clients of ${namesText(group)} on ${listed(group[0].nodes)} are dropped: internalTrafficPolicy is Local and no usable endpoint is there.`,
    services: namesOf(group),
    nodes: group[0].nodes,
    evidence: allEvidence(group),
    reproduce: showSlices(group[0].service),
    remedy: 'Run an endpoint on every node that has clients, or use the policy Cluster.',
  });

// ------------------------------------------------------------------------------------------- addresses that nobody has

/** Endpoints in a network of pods or Services that no pod and no node has; what is outside of them may be anything. */
function strayEndpoints(context: Context): readonly Finding[] {
  const { pods, nodes, services, endpointSlices } = context.cluster;
  if (!pods.known || !services.known || !endpointSlices.known) return [];
  const owned = new Set<string>();
  for (const { phase, addresses } of pods.value)
    if (phase !== 'Succeeded' && phase !== 'Failed') for (const text of addresses) owned.add(canonical(text));
  for (const { addresses } of nodes.known ? nodes.value : []) for (const text of addresses) owned.add(canonical(text));
  for (const { world } of context.nodes)
    for (const { addresses } of world.links.known ? world.links.value : [])
      for (const { local } of addresses) owned.add(formatAddress(local));
  const networks = [
    ...podNetworks(context).map((network) => ({ network, what: 'of the pod network' })),
    ...serviceNetworks(context).map((network) => ({ network, what: 'of the Service network' })),
  ];
  const used = new Map<string, { readonly what: string; readonly slices: Set<EndpointSlice> }>();
  const names = new Set(services.value.map(nameOf));
  for (const slice of endpointSlices.value) {
    // Slices may outlive their Service for a while.
    if (!names.has(`${slice.namespace}/${slice.service}`)) continue;
    for (const { ready, addresses } of slice.endpoints) {
      const [address] = addresses;
      if (!ready || address === undefined || owned.has(canonical(address))) continue;
      const inside = networks.find(({ network }) => isIn(address, network));
      if (inside === undefined) continue;
      const known = used.get(address) ?? { what: inside.what, slices: new Set<EndpointSlice>() };
      used.set(address, known);
      known.slices.add(slice);
    }
  }
  return [...used].map(([address, { what, slices }]) => {
    const some = [...slices];
    return finding({
      code: 'endpoint-not-a-pod-address',
      summary: `The endpoint ${address} of ${[...new Set(some.map(({ namespace, service }) => `${namespace}/${service}`))].join(', ')} is an address ${what} that no pod has.`,
      services: some.map(({ namespace, service }) => `${namespace}/${service}`),
      nodes: [],
      evidence: some.map(
        ({ namespace, name }) =>
          ({ kind: 'object', object: 'EndpointSlice', namespace, name, text: `endpoint ${address}, ready` }) as const,
      ),
      assumptions: ['That pods and EndpointSlices were read at about the same time.'],
      reproduce: `kubectl get pods -A -o wide | grep -w ${address}`,
      remedy: 'Correct the EndpointSlice; where a controller wrote it, see whether it runs.',
    });
  });
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address.value);
}

function isIn(text: string, { family, addr, len }: Prefix): boolean {
  const address = parseAddress(text);
  return address?.family === family && inPrefix(address.value, addr, len);
}
