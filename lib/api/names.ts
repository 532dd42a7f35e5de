/** Pods, Services and nodes of a capture, for the packet form. */
import type { Cluster, EndpointSlice, Service, ServicePort } from '../cluster/cluster';
import type { OpenNode } from './open-node';
import { clusterReadings } from './readings';
import type { NamesView, ServiceName, ServicePortName } from './types';

const known = <T>(part: { readonly known: boolean; readonly value?: readonly T[] }): readonly T[] => part.value ?? [];

export function names(node: OpenNode): NamesView {
  const { cluster, problems } = node.cluster;
  const slices = slicesByService(cluster);
  return {
    pods: known(cluster.pods).map((pod) => ({
      namespace: pod.namespace,
      name: pod.name,
      node: pod.node ?? null,
      addresses: pod.addresses,
      hostNetwork: pod.hostNetwork,
      ready: pod.ready,
      owner: pod.workload ?? null,
    })),
    services: known(cluster.services).map((service) =>
      serviceName(service, cluster.endpointSlices.known ? slices : undefined),
    ),
    nodes: known(cluster.nodes).map(({ name, addresses, zone, podCIDRs }) => ({
      name,
      addresses,
      zone: zone ?? null,
      podCIDRs,
    })),
    readings: clusterReadings(node.clusterFiles, problems),
  };
}

type Slices = ReadonlyMap<string, readonly EndpointSlice[]>;

function slicesByService(cluster: Cluster): Slices {
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of known(cluster.endpointSlices)) {
    if (slice.service === undefined) continue;
    const key = `${slice.namespace}/${slice.service}`;
    slices.set(key, [...(slices.get(key) ?? []), slice]);
  }
  return slices;
}

const serviceName = (service: Service, slices: Slices | undefined): ServiceName => ({
  namespace: service.namespace,
  name: service.name,
  type: service.type,
  clusterIPs: service.clusterIPs,
  externalIPs: service.externalIPs,
  loadBalancerIPs: service.loadBalancerIPs,
  ports: service.ports.map((port) => ({
    name: port.name ?? null,
    protocol: port.protocol,
    port: port.port,
    targetPort: port.targetPort === undefined ? null : String(port.targetPort),
    nodePort: port.nodePort ?? null,
    endpoints:
      slices === undefined ? null : endpointsOf(port, slices.get(`${service.namespace}/${service.name}`) ?? []),
  })),
});

/** Endpoints of a Service port: those of the slices' port of the same name and protocol. */
export function endpointsOf(port: ServicePort, slices: readonly EndpointSlice[]): ServicePortName['endpoints'] {
  return slices.flatMap((slice) =>
    slice.ports
      .filter((one) => one.name === port.name && one.protocol === port.protocol)
      .flatMap((one) =>
        slice.endpoints.flatMap((endpoint) =>
          endpoint.addresses.map((address) => ({
            address: `${address.includes(':') ? `[${address}]` : address}:${one.port ?? '*'}`,
            ready: endpoint.ready,
            pod: endpoint.pod?.name ?? null,
            node: endpoint.node ?? null,
          })),
        ),
      ),
  );
}
