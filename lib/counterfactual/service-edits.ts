/** What could be different in the Services that a packet asks for: each edit gives other objects of the cluster. */

import type { Endpoint, EndpointSlice, ObjectName, Pod, Protocol, Service, ServicePort } from '../cluster/cluster';
import { contains, networkOf } from '../expected/addresses';
import type { ClusterObjects } from '../expected/expected-table';
import { formatAddress, parseAddress } from '../net/address';
import type { PacketView } from '../net/packet-view';
import { type SelectorEdit, selectorEdits, slicesOfPods } from './selector-edits';

/** One field of a Service, or the readiness of one of its endpoints. */
export type ServiceEdit =
  | {
      readonly field: 'externalTrafficPolicy' | 'internalTrafficPolicy';
      readonly from: 'Local';
      readonly to: 'Cluster';
    }
  | { readonly field: 'publishNotReadyAddresses'; readonly from: 'false'; readonly to: 'true' }
  | { readonly field: 'sessionAffinity'; readonly from: 'ClientIP'; readonly to: 'None' }
  | { readonly field: 'loadBalancerSourceRanges'; readonly add: string }
  /** A port that leads where the port `like` does. */
  | { readonly field: 'ports'; readonly add: ServicePort; readonly like: ServicePort }
  | { readonly field: 'nodePort'; readonly of: ServicePort; readonly to: number }
  | { readonly field: 'ready'; readonly address: string; readonly pod: ObjectName | undefined }
  | SelectorEdit;

export interface EditedService {
  readonly service: ObjectName;
  readonly edit: ServiceEdit;
}

/**
 * Services whose address the packet goes to, or whose NodePort, or that could have it.
 *
 * @param pods whom a Service without endpoints could select
 */
export function* serviceEdits(
  { services, endpointSlices }: ClusterObjects,
  packet: PacketView,
  pods: readonly Pod[] = [],
): Generator<EditedService> {
  const asked = askedOf(packet);
  if (asked === undefined) return;
  const named = services.filter((service) => addressesOf(service).includes(asked.daddr));
  const served = services.filter(
    (service) => !named.includes(service) && service.ports.some(({ nodePort }) => nodePort === asked.dport),
  );
  for (const service of [...named, ...served]) {
    const slices = endpointSlices.filter((slice) => isOf(slice, service));
    for (const edit of editsOf(service, slices, asked, named.includes(service)))
      yield { service: nameOf(service), edit };
    if (slices.every(({ endpoints }) => endpoints.length === 0))
      for (const edit of selectorEdits(service, pods)) yield { service: nameOf(service), edit };
  }
  if (named.length === 0 && isNodePort(asked.dport)) yield* nodePortEdits(services, asked);
}

interface Asked {
  readonly family: 'ip' | 'ip6';
  readonly saddr: string | undefined;
  readonly daddr: string;
  readonly protocol: Protocol;
  readonly dport: number;
}

const PROTOCOLS: ReadonlyMap<unknown, Protocol> = new Map([
  ['tcp', 'TCP'],
  ['udp', 'UDP'],
  ['sctp', 'SCTP'],
] as const);

function askedOf({ family, saddr, daddr, protocol, dport }: PacketView): Asked | undefined {
  const known = PROTOCOLS.get(protocol);
  if ((family !== 'ip' && family !== 'ip6') || daddr === undefined || known === undefined || typeof dport !== 'number')
    return undefined;
  return {
    family,
    saddr: saddr === undefined ? undefined : canonical(saddr),
    daddr: canonical(daddr),
    protocol: known,
    dport,
  };
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address.value);
}

const addressesOf = ({ clusterIPs, externalIPs, virtualIPs }: Service): readonly string[] =>
  [...clusterIPs, ...externalIPs, ...virtualIPs].map(canonical);

const nameOf = ({ namespace, name }: Service): ObjectName => ({ namespace, name });

const isOf = (slice: EndpointSlice, { namespace, name }: ObjectName): boolean =>
  slice.namespace === namespace && slice.service === name;

/** Tried for one Service. */
const ENDPOINTS_MAX = 8;
const PORTS_MAX = 8;

/** The smallest first. */
function* editsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  { family, saddr, protocol, dport }: Asked,
  isNamed: boolean,
): Generator<ServiceEdit> {
  const seen = new Set<string>();
  for (const { addressType, endpoints } of slices) {
    if (addressType !== (family === 'ip' ? 'IPv4' : 'IPv6')) continue;
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses;
      // One that is terminating does not become ready again.
      if (address === undefined || endpoint.ready || endpoint.terminating || seen.has(address)) continue;
      if (seen.size < ENDPOINTS_MAX) yield { field: 'ready', address, pod: endpoint.pod };
      seen.add(address);
    }
  }
  const ranges = service.loadBalancerSourceRanges.flatMap((text) => networkOf(text.trim(), family) ?? []);
  if (ranges.length > 0 && saddr !== undefined && !ranges.some((range) => contains(range, saddr)))
    yield { field: 'loadBalancerSourceRanges', add: `${saddr}/${family === 'ip' ? 32 : 128}` };
  const asks = isNamed
    ? (port: ServicePort) => port.port === dport && port.protocol === protocol
    : (port: ServicePort) => port.nodePort === dport && port.protocol === protocol;
  if (!service.ports.some(asks)) yield* portEdits(service, dport, protocol, isNamed);
  if (service.clientIPAffinity !== undefined) yield { field: 'sessionAffinity', from: 'ClientIP', to: 'None' };
  if (service.internalTrafficPolicy === 'Local') yield { field: 'internalTrafficPolicy', from: 'Local', to: 'Cluster' };
  if (service.externalTrafficPolicy === 'Local') yield { field: 'externalTrafficPolicy', from: 'Local', to: 'Cluster' };
  if (!service.publishNotReadyAddresses && slices.some(({ endpoints }) => endpoints.some(({ ready }) => !ready)))
    yield { field: 'publishNotReadyAddresses', from: 'false', to: 'true' };
}

/** The same number in another protocol is nearest to what was asked for. */
function* portEdits(service: Service, dport: number, protocol: Protocol, isNamed: boolean): Generator<ServiceEdit> {
  const isNear = ({ port, nodePort }: ServicePort): boolean => (isNamed ? port : nodePort) === dport;
  const near = service.ports.filter(isNear);
  const others = isNamed ? service.ports.filter((port) => !isNear(port) && port.protocol === protocol) : [];
  for (const like of [...near, ...others].slice(0, PORTS_MAX))
    yield {
      field: 'ports',
      like,
      add: {
        name: `${protocol.toLowerCase()}-${dport}`,
        protocol,
        port: isNamed ? dport : like.port,
        targetPort: like.targetPort ?? like.port,
        nodePort: isNamed ? undefined : dport,
      },
    };
}

/** The range of NodePorts where the API server is not told another (--service-node-port-range). */
const isNodePort = (port: number): boolean => port >= 30000 && port <= 32767;

function* nodePortEdits(services: readonly Service[], { protocol, dport }: Asked): Generator<EditedService> {
  const isTaken = services.some(({ ports }) =>
    ports.some((one) => one.nodePort === dport && one.protocol === protocol),
  );
  if (isTaken) return;
  let count = 0;
  for (const service of services)
    for (const port of service.ports) {
      const couldHave = service.type === 'NodePort' || service.type === 'LoadBalancer';
      if (!couldHave || port.nodePort !== undefined || port.protocol !== protocol || count >= PORTS_MAX) continue;
      count++;
      yield { service: nameOf(service), edit: { field: 'nodePort', of: port, to: dport } };
    }
}

/** The objects with the edit. */
export function editObjects(
  { services, endpointSlices }: ClusterObjects,
  { service: at, edit }: EditedService,
): ClusterObjects {
  const isIt = ({ namespace, name }: ObjectName): boolean => namespace === at.namespace && name === at.name;
  return {
    services: services.map((service) => (isIt(service) ? editService(service, edit) : service)),
    endpointSlices: [
      ...endpointSlices.map((slice) => (isOf(slice, at) ? editSlice(slice, edit) : slice)),
      ...(edit.field === 'selector'
        ? services.filter(isIt).flatMap((service) => slicesOfPods(service, edit.pods))
        : []),
    ],
  };
}

function editService(service: Service, edit: ServiceEdit): Service {
  switch (edit.field) {
    case 'externalTrafficPolicy':
      return { ...service, externalTrafficPolicy: edit.to };
    case 'internalTrafficPolicy':
      return { ...service, internalTrafficPolicy: edit.to };
    case 'publishNotReadyAddresses':
      return { ...service, publishNotReadyAddresses: true };
    case 'sessionAffinity':
      return { ...service, clientIPAffinity: undefined };
    case 'loadBalancerSourceRanges':
      return { ...service, loadBalancerSourceRanges: [...service.loadBalancerSourceRanges, edit.add] };
    case 'ports':
      return { ...service, ports: [...service.ports, edit.add] };
    case 'nodePort':
      return {
        ...service,
        ports: service.ports.map((port) => (port === edit.of ? { ...port, nodePort: edit.to } : port)),
      };
    case 'ready':
    case 'selector':
      return service;
  }
}

/** What the controller of EndpointSlices would write (k8s.io/endpointslice, podToEndpoint: ready with publishNotReadyAddresses). */
function editSlice(slice: EndpointSlice, edit: ServiceEdit): EndpointSlice {
  const all = (change: (endpoint: Endpoint) => Endpoint): EndpointSlice => ({
    ...slice,
    endpoints: slice.endpoints.map(change),
  });
  switch (edit.field) {
    case 'publishNotReadyAddresses':
      return all((endpoint) => ({ ...endpoint, ready: true }));
    case 'ready':
      return all((endpoint) =>
        endpoint.addresses[0] === edit.address ? { ...endpoint, ready: true, serving: true } : endpoint,
      );
    case 'ports': {
      const { add, like } = edit;
      const same = slice.ports.find(
        (port) => (port.name ?? '') === (like.name ?? '') && port.protocol === like.protocol,
      );
      const port = { name: add.name, named: true, protocol: add.protocol, port: same?.port };
      return same === undefined ? slice : { ...slice, ports: [...slice.ports, port] };
    }
    case 'externalTrafficPolicy':
    case 'internalTrafficPolicy':
    case 'sessionAffinity':
    case 'loadBalancerSourceRanges':
    case 'nodePort':
    case 'selector':
      return slice;
  }
}
