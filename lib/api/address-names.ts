/** Names for the readers of a trace (lib/explain) from the cluster of a capture. */

import type { ObjectRef } from '../cluster/address-book';
import type { Cluster } from '../cluster/cluster';
import type { NamedEndpoint, ServicePortName, TraceNames } from '../explain/trace-names';
import { isKubeProxyRule } from './kube-proxy-rule';
import { endpointsOf } from './names';
import type { OpenNode } from './open-node';

export function addressNames(open: OpenNode): TraceNames {
  const { node, addresses } = open;
  const { cluster } = open.cluster;
  return {
    node,
    address(text) {
      const pod = addresses.pod(text);
      if (pod !== undefined) {
        return { kind: 'pod', name: `${pod.namespace}/${pod.name}`, ...(pod.node !== undefined && { node: pod.node }) };
      }
      const object = addresses.object(text);
      return object?.kind === 'node' ? { kind: 'node', name: object.name } : undefined;
    },
    service(text, protocol, port) {
      const object = addresses.object(text, protocol, port);
      if (object?.kind !== 'service') return undefined;
      // Asked for a port, a Service that has not this port is no answer.
      if (port !== undefined && object.port === null) return undefined;
      return {
        service: `${object.namespace}/${object.name}`,
        port: object.port ?? undefined,
        endpoints: port === undefined ? undefined : endpointsAt(cluster, object, port, protocol),
      };
    },
    nodePort: (protocol, port) => nodePortOf(cluster, protocol, port),
    isKubeProxyRule: (at) => isKubeProxyRule(open, at),
  };
}

function nodePortOf({ services }: Cluster, protocol: string, number: number): ServicePortName | undefined {
  for (const { namespace, name, ports } of services.known ? services.value : [])
    for (const port of ports)
      if (port.nodePort === number && port.protocol.toLowerCase() === protocol)
        return { service: `${namespace}/${name}`, port: port.name ?? String(port.port) };
  return undefined;
}

function endpointsAt(
  { services, endpointSlices }: Cluster,
  { namespace, name }: ObjectRef,
  number: number,
  protocol: string | undefined,
): readonly NamedEndpoint[] | undefined {
  if (!services.known || !endpointSlices.known) return undefined;
  const service = services.value.find((one) => one.namespace === namespace && one.name === name);
  const port = service?.ports.find((one) => one.port === number && one.protocol.toLowerCase() === protocol);
  const slices = endpointSlices.value.filter((one) => one.namespace === namespace && one.service === name);
  return port === undefined ? undefined : (endpointsOf(port, slices) ?? undefined);
}
