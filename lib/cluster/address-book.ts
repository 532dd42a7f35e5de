/** Which object of the cluster an address, an address with port, or a chain of kube-proxy stands for. */
import { parseAddress } from '../net/address';
import type { Cluster, Pod, Service, ServicePort } from './cluster';

export interface ObjectRef {
  readonly kind: 'service' | 'pod' | 'node' | 'endpointslice' | 'namespace';
  readonly namespace: string | null;
  readonly name: string;
  /** For Services: the port's name or number. */
  readonly port: string | null;
}

const podRef = (pod: Pod): ObjectRef => ({ kind: 'pod', namespace: pod.namespace, name: pod.name, port: null });
const nodeRef = (name: string): ObjectRef => ({ kind: 'node', namespace: null, name, port: null });

export function serviceRef(
  service: Pick<Service, 'namespace' | 'name'>,
  port?: Pick<ServicePort, 'name' | 'port'>,
): ObjectRef {
  const portName = port === undefined ? null : (port.name ?? String(port.port));
  return { kind: 'service', namespace: service.namespace, name: service.name, port: portName };
}

/** Addresses are compared as numbers, so any spelling of an IPv6 address is found. */
export class AddressBook {
  readonly #pods = new Map<number | bigint, Pod>();
  readonly #nodes = new Map<number | bigint, string>();
  readonly #services = new Map<number | bigint, Service[]>();

  constructor(cluster: Cluster) {
    const known = <T>(part: { readonly known: boolean; readonly value?: readonly T[] }) => part.value ?? [];
    for (const node of known(cluster.nodes)) for (const text of node.addresses) this.#put(this.#nodes, text, node.name);
    for (const pod of known(cluster.pods)) {
      // A pod in the host's network has the node's addresses; a finished pod's address may be somebody else's now.
      if (pod.hostNetwork || pod.phase === 'Succeeded' || pod.phase === 'Failed') continue;
      for (const text of pod.addresses) this.#put(this.#pods, text, pod);
    }
    for (const service of known(cluster.services)) {
      for (const text of [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs]) {
        const address = parseAddress(text)?.value;
        if (address === undefined) continue;
        this.#services.set(address, [...(this.#services.get(address) ?? []), service]);
      }
    }
  }

  #put<T>(map: Map<number | bigint, T>, text: string, value: T): void {
    const address = parseAddress(text)?.value;
    if (address !== undefined) map.set(address, value);
  }

  pod(text: string): Pod | undefined {
    const address = parseAddress(text)?.value;
    return address === undefined ? undefined : this.#pods.get(address);
  }

  /** The object that an address is: a pod, a node, or a Service (with its port, where protocol and port are those of one). */
  object(text: string, protocol?: string, port?: number): ObjectRef | undefined {
    const address = parseAddress(text)?.value;
    if (address === undefined) return undefined;
    const pod = this.#pods.get(address);
    if (pod !== undefined) return podRef(pod);
    const services = this.#services.get(address);
    for (const service of services ?? []) {
      const found = service.ports.find((p) => p.port === port && p.protocol === protocol?.toUpperCase());
      if (found !== undefined) return serviceRef(service, found);
    }
    const [first] = services ?? [];
    if (first !== undefined) return serviceRef(first);
    const node = this.#nodes.get(address);
    return node === undefined ? undefined : nodeRef(node);
  }

  /**
   * The object behind a chain or set that kube-proxy (nftables mode) named:
   * `service-HASH-NAMESPACE/NAME/PROTOCOL/PORT`, for endpoints with `__ADDRESS/PORT` behind.
   */
  chain(name: string): ObjectRef | undefined {
    const match = KUBE_PROXY_NAME.exec(name);
    if (match === null) return undefined;
    const [, kind, namespace = '', service = '', port = '', address] = match;
    if (kind === 'endpoint' && address !== undefined) {
      // kube-proxy writes the colons of IPv6 as dots, which nft names may hold.
      const pod = this.pod(address) ?? this.pod(address.replaceAll('.', ':'));
      if (pod !== undefined) return podRef(pod);
    }
    return { kind: 'service', namespace, name: service, port: port === '' ? null : port };
  }
}

const KUBE_PROXY_NAME =
  /^(service|external|local|firewall|endpoint|affinity)-[A-Z2-7]{8}-([^/]+)\/([^/]+)\/(?:tcp|udp|sctp)\/([^/]*?)(?:__([^/]+)\/\d+)?$/;
