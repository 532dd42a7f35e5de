/** Names that kube-proxy (nftables mode) gives to chains and sets, read back (pkg/proxy/nftables/proxier.go). */

export type ServiceRole = 'service' | 'local' | 'external' | 'firewall' | 'endpoint' | 'affinity';

/** A port of a Service as kube-proxy names it. */
export interface ServicePortRef {
  readonly namespace: string;
  readonly name: string;
  /** `tcp`, `udp`, `sctp` */
  readonly protocol: string;
  /** The port's name; empty where it has none. */
  readonly port: string;
}

export interface EndpointRef {
  readonly address: string;
  readonly port: number;
}

export interface KubeProxyName {
  readonly role: ServiceRole;
  /** What the Service's chains have in common. */
  readonly hash: string;
  readonly service: ServicePortRef;
  /** For endpoint and affinity names that are whole; very long ones are cut. */
  readonly endpoint: EndpointRef | undefined;
}

const NAME =
  /^(service|local|external|firewall|endpoint|affinity)-([A-Z2-7]{8})-([^/]+)\/([^/]+)\/(tcp|udp|sctp)\/([^/]*?)(?:__(.*))?$/;

/** Undefined for names without this form: those of fixed chains and sets, and those of others. */
export function parseKubeProxyName(name: string): KubeProxyName | undefined {
  const found = NAME.exec(name);
  if (found === null) return undefined;
  const [, role, hash = '', namespace = '', service = '', protocol = '', port = '', end] = found;
  return {
    role: role as ServiceRole,
    hash,
    service: { namespace, name: service, protocol, port },
    endpoint: end === undefined ? undefined : parseEnd(end),
  };
}

/** `10.244.1.5/8080`, `fd00.10.244.1..5/8080`: colons of IPv6 are dots in names. */
function parseEnd(end: string): EndpointRef | undefined {
  const found = /^([^/]+)\/(\d+)$/.exec(end);
  if (found === null) return undefined;
  const [, text = '', port] = found;
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(text) ? text : text.replaceAll('.', ':');
  return { address, port: Number(port) };
}

/** `NAMESPACE/NAME:PORT`, as comments of elements have it; the protocol stands in the key. */
export function parseServiceComment(comment: string, protocol: string): ServicePortRef | undefined {
  const found = /^([^/:\s]+)\/([^/:\s]+?)(?::(\S+))?$/.exec(comment);
  if (found === null) return undefined;
  const [, namespace = '', name = '', port = ''] = found;
  return { namespace, name, protocol, port };
}

/** `shop/api:http/tcp`, `shop/db/tcp`. */
export const servicePortText = ({ namespace, name, protocol, port }: ServicePortRef): string =>
  `${namespace}/${name}${port === '' ? '' : `:${port}`}/${protocol}`;

export const endpointText = ({ address, port }: EndpointRef): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
