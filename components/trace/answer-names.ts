/** Names for the addresses of a trace, from its answer and from the names of the capture. */
import type { NamesView, ObjectView, TraceAnswer } from '@/lib/api/types';
import type { AddressName, ServicePortName, TraceNames } from '@/lib/explain/trace-names';

export function answerNames(answer: TraceAnswer, names: NamesView | undefined): TraceNames {
  const nodeOf = new Map<string, string>();
  for (const pod of names?.pods ?? []) {
    if (pod.node !== null) for (const address of pod.addresses) nodeOf.set(address, pod.node);
  }
  return {
    node: answer.node,
    address(address) {
      const object = answer.names[address];
      const { from } = answer;
      if (object === undefined && from?.address === address && from.ref.startsWith('external')) {
        return { kind: 'external', name: 'client' };
      }
      return object === undefined ? undefined : addressName(object, nodeOf.get(address));
    },
    service: (address, protocol, port) => findService(names, address, protocol, port) ?? asked(answer, address),
    nodePort: (protocol, port) => findNodePort(names, protocol, port),
  };
}

function addressName(object: ObjectView, node: string | undefined): AddressName | undefined {
  if (object.kind === 'pod')
    return { kind: 'pod', name: `${object.namespace}/${object.name}`, ...(node === undefined ? {} : { node }) };
  if (object.kind === 'node') return { kind: 'node', name: object.name };
  return undefined;
}

function findService(
  names: NamesView | undefined,
  address: string,
  protocol: string | undefined,
  port: number | undefined,
): ServicePortName | undefined {
  for (const service of names?.services ?? []) {
    const addresses = [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs];
    if (!addresses.includes(address)) continue;
    const name = `${service.namespace}/${service.name}`;
    if (port === undefined) return { service: name, port: undefined };
    const found = service.ports.find(
      (p) => p.port === port && (protocol === undefined || p.protocol.toLowerCase() === protocol),
    );
    if (found)
      return { service: name, port: found.name ?? String(found.port), endpoints: found.endpoints ?? undefined };
  }
  return undefined;
}

function findNodePort(names: NamesView | undefined, protocol: string, number: number): ServicePortName | undefined {
  for (const { namespace, name, ports } of names?.services ?? [])
    for (const port of ports)
      if (port.nodePort === number && port.protocol.toLowerCase() === protocol)
        return { service: `${namespace}/${name}`, port: port.name ?? String(port.port) };
  return undefined;
}

/** The Service the question named, for a capture whose names are not read yet. */
function asked({ to }: TraceAnswer, address: string): ServicePortName | undefined {
  if (to?.object?.kind !== 'service' || to.address !== address) return undefined;
  return { service: `${to.object.namespace}/${to.object.name}`, port: to.object.port ?? undefined };
}

/** `shop/api:http`, `shop/api-5b8c9d6f7-c2mvl`, `node-2`. */
export function objectName({ namespace, name, port }: ObjectView): string {
  const full = namespace === null ? name : `${namespace}/${name}`;
  return port === null ? full : `${full}:${port}`;
}

export const OBJECT_KIND: { readonly [K in ObjectView['kind']]: string } = {
  service: 'svc',
  pod: 'pod',
  node: 'node',
  endpointslice: 'slice',
  namespace: 'ns',
};
