/** Names for the readers of a trace (lib/explain) from the cluster of a capture. */
import type { TraceNames } from '../explain/trace-names';
import type { OpenNode } from './open-node';

export function addressNames({ node, addresses }: OpenNode): TraceNames {
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
      return { service: `${object.namespace}/${object.name}`, port: object.port ?? undefined };
    },
  };
}
