/** Services → the ports that kube-proxy serves in one family. */
import type { Service } from '../cluster/cluster';
import { addressOf, type Network, networkOf, type ProxyFamily } from './addresses';
import type { PortName } from './names';
import type { Release } from './release';

/** One port of a Service, with what its rules need. Addresses are canonical texts of the family. */
export interface ServicePortFacts extends PortName {
  readonly number: number;
  readonly nodePort: number | undefined;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  /** Undefined: everybody may come. */
  readonly sourceRanges: readonly Network[] | undefined;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** Seconds; undefined without affinity. */
  readonly affinity: number | undefined;
}

/** pkg/proxy/serviceport.go, and the label selectors of cmd/kube-proxy/app/server.go */
export function servicePorts(
  services: readonly Service[],
  family: ProxyFamily,
  release: Pick<Release, 'openRange'>,
): readonly ServicePortFacts[] {
  return services.flatMap((service) => {
    // One of each family (clusterIPs and ipFamilies go together).
    const [clusterIP] = ofFamily(service.clusterIPs, family);
    if (service.type === 'ExternalName' || service.headless || service.otherProxy || clusterIP === undefined) return [];
    const common = {
      namespace: service.namespace,
      service: service.name,
      clusterIP,
      externalIPs: ofFamily(service.externalIPs, family),
      loadBalancerIPs: ofFamily(service.virtualIPs, family),
      sourceRanges: sourceRanges(service, family, release),
      internalLocal: service.internalTrafficPolicy === 'Local',
      externalLocal: service.externalTrafficPolicy === 'Local' && isExternal(service),
      affinity: service.clientIPAffinity,
    };
    return service.ports.map(
      (port): ServicePortFacts => ({
        ...common,
        protocol: port.protocol.toLowerCase(),
        port: port.name ?? '',
        number: port.port,
        nodePort: port.nodePort,
      }),
    );
  });
}

const ofFamily = (texts: readonly string[], family: ProxyFamily): readonly string[] =>
  texts.flatMap((text) => addressOf(text, family) ?? []);

/** apiservice.ExternallyAccessible */
const isExternal = ({ type, externalIPs }: Service): boolean =>
  type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);

function sourceRanges(
  { loadBalancerSourceRanges }: Service,
  family: ProxyFamily,
  { openRange }: Pick<Release, 'openRange'>,
): readonly Network[] | undefined {
  const networks = loadBalancerSourceRanges.flatMap((text) => {
    // Earlier releases wrote white space as well, which nft passes over.
    const range = text.trim();
    return range.includes('/') ? (networkOf(range, family) ?? []) : [];
  });
  if (networks.length === 0 || (openRange && networks.some(({ len }) => len === 0))) return undefined;
  return networks;
}
