/** Chains that kube-proxy names by a hash in iptables mode (pkg/proxy/iptables/proxier.go): found by making the names anew. */
import type { Cluster, EndpointSlice, Service } from '../cluster/cluster';
import { sha256Base32 } from '../net/sha256';
import { type EndpointRef, endpointText, type ServicePortRef, type ServiceRole } from './kube-proxy-name';

export interface IptablesName {
  readonly role: ServiceRole;
  readonly service: ServicePortRef;
  readonly endpoint: EndpointRef | undefined;
}

const OF_SERVICE: ReadonlyMap<string, ServiceRole> = new Map([
  ['KUBE-SVC-', 'service'],
  ['KUBE-SVL-', 'local'],
  ['KUBE-EXT-', 'external'],
  ['KUBE-XLB-', 'external'],
  ['KUBE-FW-', 'firewall'],
]);

/** Names by chain; empty where Services were not read. Without EndpointSlices chains of endpoints stay unknown. */
export function iptablesNames({
  services,
  endpointSlices,
}: Pick<Cluster, 'services' | 'endpointSlices'>): ReadonlyMap<string, IptablesName> {
  const names = new Map<string, IptablesName>();
  if (!services.known) return names;
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of endpointSlices.known ? endpointSlices.value : []) {
    const key = serviceOfSlice(slice);
    slices.set(key, [...(slices.get(key) ?? []), slice]);
  }
  for (const service of services.value) {
    for (const { name = '', protocol } of service.ports) {
      const port = { namespace: service.namespace, name: service.name, protocol: protocol.toLowerCase(), port: name };
      const text = `${service.namespace}/${service.name}${name === '' ? '' : `:${name}`}${port.protocol}`;
      const hash = sha256Base32(text, 16);
      for (const [prefix, role] of OF_SERVICE) names.set(prefix + hash, { role, service: port, endpoint: undefined });
      for (const endpoint of endpointsOf(slices.get(keyOf(service)) ?? [], name, protocol)) {
        const chain = `KUBE-SEP-${sha256Base32(text + endpointText(endpoint), 16)}`;
        names.set(chain, { role: 'endpoint', service: port, endpoint });
      }
    }
  }
  return names;
}

const keyOf = ({ namespace, name }: Pick<Service, 'namespace' | 'name'>): string => `${namespace}/${name}`;
const serviceOfSlice = ({ namespace, service = '' }: EndpointSlice): string => keyOf({ namespace, name: service });

function endpointsOf(slices: readonly EndpointSlice[], name: string, protocol: string): readonly EndpointRef[] {
  return slices.flatMap(({ ports, endpoints }) =>
    ports
      .filter((port) => (port.name ?? '') === name && port.protocol === protocol)
      .flatMap(({ port }) =>
        port === undefined
          ? []
          : endpoints.flatMap(({ addresses: [address] }) => (address === undefined ? [] : [{ address, port }])),
      ),
  );
}
