/** Lists of v1 and discovery.k8s.io/v1 objects, as `kubectl get -o json` prints them → lib/cluster. */
import { type At, at, decoding } from '../net/json-cursor';
import type { Result } from '../net/result';
import type {
  ClusterNode,
  ContainerPort,
  Endpoint,
  EndpointPort,
  EndpointSlice,
  LabelSelector,
  Labels,
  Namespace,
  NetworkPolicy,
  ObjectName,
  Pod,
  PolicyPeer,
  PolicyPort,
  PolicyRule,
  PolicySpec,
  Protocol,
  ProxyConfig,
  Service,
  ServicePort,
} from './cluster';

/** A v1 List (or a list of one kind): its items. */
const list =
  <T>(decode: (item: At) => T) =>
  (json: unknown): Result<readonly T[]> =>
    // An empty PodList of the API has `"items": null`.
    decoding(() => (at(json).optional('items')?.items() ?? []).map(decode));

export const decodePods = list(decodePod);
export const decodeServices = list(decodeService);
export const decodeEndpointSlices = list(decodeSlice);
export const decodeNodes = list(decodeNode);
export const decodeNamespaces = list(decodeNamespace);
export const decodeNetworkPolicies = list(decodeNetworkPolicy);

/** The networks of all ServiceCIDRs. */
export const decodeServiceCidrs = (json: unknown): Result<readonly string[]> =>
  decoding(() => items(at(json), 'items').flatMap((item) => strings(item.optional('spec')?.optional('cidrs'))));

/** `cluster/kube-proxy.json` (docs/captures.md): null where the configuration does not say. */
export const decodeProxyConfig = (json: unknown): Result<ProxyConfig> =>
  decoding(() => {
    const root = at(json);
    const addresses = root.optional('nodePortAddresses');
    return {
      mode: nonEmpty(root.optional('mode')),
      clusterCIDR: nonEmpty(root.optional('clusterCIDR')),
      nodePortAddresses: addresses === undefined ? undefined : strings(addresses),
      masqueradeAll: root.optional('masqueradeAll')?.boolean(),
    };
  });

/** One object of a list. */
export const DECODE_ITEM = {
  pod: decodePod,
  service: decodeService,
  endpointSlice: decodeSlice,
  node: decodeNode,
  namespace: decodeNamespace,
  networkPolicy: decodeNetworkPolicy,
} as const;

function decodeNamespace(item: At): Namespace {
  return { name: item.key('metadata').key('name').string(), labels: labelsOf(item) };
}

function decodeNetworkPolicy(item: At): NetworkPolicy {
  const spec = item.optional('spec');
  return { ...nameOf(item), spec: spec === undefined ? undefined : decodePolicySpec(spec) };
}

/**
 * Without `policyTypes` a policy is one of ingress, and of egress only where it has egress rules: SetDefaults_NetworkPolicy
 * (pkg/apis/networking/v1/defaults.go).
 */
function decodePolicySpec(spec: At): PolicySpec {
  const egress = items(spec, 'egress');
  const types = strings(spec.optional('policyTypes'));
  const isOf = (type: 'Ingress' | 'Egress') =>
    types.length > 0 ? types.includes(type) : type === 'Ingress' || egress.length > 0;
  return {
    podSelector: decodeSelector(spec.optional('podSelector')),
    ingress: isOf('Ingress') ? items(spec, 'ingress').map((rule) => decodePolicyRule(rule, 'from')) : undefined,
    egress: isOf('Egress') ? egress.map((rule) => decodePolicyRule(rule, 'to')) : undefined,
  };
}

const decodePolicyRule = (rule: At, peers: 'from' | 'to'): PolicyRule => ({
  peers: items(rule, peers).map(decodePolicyPeer),
  ports: items(rule, 'ports').map((port): PolicyPort => {
    const number = port.optional('port');
    return {
      protocol: protocolOf(port),
      port: typeof number?.value === 'number' ? number.integer(0, 65535) : number?.string(),
      endPort: port.optional('endPort')?.integer(0, 65535),
    };
  }),
});

function decodePolicyPeer(peer: At): PolicyPeer {
  const block = peer.optional('ipBlock');
  if (block !== undefined)
    return { kind: 'ipBlock', cidr: block.key('cidr').string(), except: strings(block.optional('except')) };
  const [podSelector, namespaceSelector] = [peer.optional('podSelector'), peer.optional('namespaceSelector')];
  if (podSelector === undefined && namespaceSelector === undefined)
    return { kind: 'other', members: Object.keys(peer.object()) };
  const selector = (place: At | undefined) => (place === undefined ? undefined : decodeSelector(place));
  return { kind: 'pods', podSelector: selector(podSelector), namespaceSelector: selector(namespaceSelector) };
}

const decodeSelector = (place: At | undefined): LabelSelector => ({
  matchLabels: stringMap(place?.optional('matchLabels')),
  matchExpressions: items(place, 'matchExpressions').map((one) => ({
    key: one.key('key').string(),
    operator: one.key('operator').string(),
    values: strings(one.optional('values')),
  })),
});

function decodePod(item: At): Pod {
  const spec = item.key('spec');
  const status = item.optional('status');
  const many = strings(status?.optional('podIPs'), 'ip');
  const one = status?.optional('podIP')?.string();
  const readiness = items(status, 'conditions')
    .find((condition) => condition.key('type').string() === 'Ready')
    ?.key('status')
    .string();
  return {
    ...nameOf(item),
    node: spec.optional('nodeName')?.string(),
    addresses: many.length > 0 || one === undefined ? many : [one],
    hostNetwork: spec.optional('hostNetwork')?.boolean() ?? false,
    phase: status?.optional('phase')?.string(),
    ready: readiness === 'True',
    ...(readiness !== undefined && readiness !== 'True' && { unready: true }),
    labels: labelsOf(item),
    ports: containersOf(spec).flatMap((container) => {
      const stopped = stoppedOf(container, status);
      return items(container, 'ports').map((port) => ({
        ...decodeContainerPort(port),
        ...(stopped !== undefined && { stopped }),
      }));
    }),
    workload: workloadOf(item),
  };
}

/** Sidecars are init containers that run on (KEP-753). */
const containersOf = (spec: At): readonly At[] => [
  ...items(spec, 'containers'),
  ...items(spec, 'initContainers').filter((one) => one.optional('restartPolicy')?.string() === 'Always'),
];

/** Why a container does not run; undefined where it does, or nothing says that it does not. */
function stoppedOf(container: At, status: At | undefined): string | undefined {
  const name = container.optional('name')?.string();
  const state = [...items(status, 'containerStatuses'), ...items(status, 'initContainerStatuses')]
    .find((one) => name !== undefined && one.key('name').string() === name)
    ?.optional('state');
  if (state?.optional('running') !== undefined) return undefined;
  for (const kind of ['waiting', 'terminated']) {
    const told = state?.optional(kind);
    if (told !== undefined) return nonEmpty(told.optional('reason')) ?? kind;
  }
  return status?.optional('phase')?.string() === 'Pending' ? 'Pending' : undefined;
}

function decodeContainerPort(port: At): ContainerPort {
  return {
    name: port.optional('name')?.string(),
    protocol: protocolOf(port),
    containerPort: port.key('containerPort').integer(1, 65535),
    hostPort: nonZero(port.optional('hostPort')),
  };
}

/** The controller; a ReplicaSet is named after its Deployment and the hash of the pod template. */
function workloadOf(item: At): string | undefined {
  const controller = items(item.key('metadata'), 'ownerReferences').find((owner) =>
    owner.optional('controller')?.boolean(),
  );
  const name = controller?.key('name').string();
  if (controller?.key('kind').string() !== 'ReplicaSet') return name;
  const hash = labelsOf(item)['pod-template-hash'];
  return hash !== undefined && name?.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name;
}

function decodeService(item: At): Service {
  const spec = item.key('spec');
  const clusterIPs = strings(spec.optional('clusterIPs'));
  const clusterIP = spec.optional('clusterIP')?.string();
  const all = clusterIPs.length > 0 || clusterIP === undefined ? clusterIPs : [clusterIP];
  const affinity = spec.optional('sessionAffinity')?.string() === 'ClientIP';
  const timeout = spec.optional('sessionAffinityConfig')?.optional('clientIP')?.optional('timeoutSeconds')?.integer();
  const ingress = items(item.optional('status')?.optional('loadBalancer'), 'ingress').flatMap((one) => {
    const ip = one.optional('ip')?.string();
    return ip === undefined ? [] : [{ ip, virtual: (one.optional('ipMode')?.string() ?? 'VIP') === 'VIP' }];
  });
  return {
    ...nameOf(item),
    type: spec.optional('type')?.oneOf(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']) ?? 'ClusterIP',
    clusterIPs: all.filter((ip) => ip !== 'None' && ip !== ''),
    headless: all.includes('None'),
    otherProxy: labelsOf(item)['service.kubernetes.io/service-proxy-name'] !== undefined,
    externalIPs: strings(spec.optional('externalIPs')),
    loadBalancerIPs: ingress.map(({ ip }) => ip),
    virtualIPs: ingress.filter(({ virtual }) => virtual).map(({ ip }) => ip),
    loadBalancerSourceRanges: strings(spec.optional('loadBalancerSourceRanges')),
    ports: items(spec, 'ports').map(decodeServicePort),
    selector: spec.optional('selector') === undefined ? undefined : stringMap(spec.optional('selector')),
    externalTrafficPolicy: spec.optional('externalTrafficPolicy')?.oneOf(['Cluster', 'Local']) ?? 'Cluster',
    internalTrafficPolicy: spec.optional('internalTrafficPolicy')?.oneOf(['Cluster', 'Local']) ?? 'Cluster',
    // 10800 is the API's default.
    clientIPAffinity: affinity ? (timeout ?? 10800) : undefined,
    healthCheckNodePort: nonZero(spec.optional('healthCheckNodePort')),
    publishNotReadyAddresses: spec.optional('publishNotReadyAddresses')?.boolean() ?? false,
    trafficDistribution: spec.optional('trafficDistribution')?.string(),
    externalName: spec.optional('externalName')?.string(),
  };
}

function decodeServicePort(port: At): ServicePort {
  const target = port.optional('targetPort');
  return {
    name: nonEmpty(port.optional('name')),
    protocol: protocolOf(port),
    port: port.key('port').integer(1, 65535),
    targetPort: typeof target?.value === 'number' ? target.integer(0, 65535) : target?.string(),
    nodePort: nonZero(port.optional('nodePort')),
  };
}

function decodeSlice(item: At): EndpointSlice {
  return {
    ...nameOf(item),
    service: labelsOf(item)['kubernetes.io/service-name'],
    headless: labelsOf(item)['service.kubernetes.io/headless'] !== undefined,
    addressType: item.key('addressType').oneOf(['IPv4', 'IPv6', 'FQDN']),
    endpoints: items(item, 'endpoints').map(decodeEndpoint),
    ports: items(item, 'ports').map(
      (port): EndpointPort => ({
        name: nonEmpty(port.optional('name')),
        named: port.optional('name') !== undefined,
        protocol: protocolOf(port),
        port: nonZero(port.optional('port')),
      }),
    ),
  };
}

function decodeEndpoint(item: At): Endpoint {
  const conditions = item.optional('conditions');
  const ready = conditions?.optional('ready')?.boolean() ?? true;
  const target = item.optional('targetRef');
  const hints = item.optional('hints');
  return {
    addresses: strings(item.key('addresses')),
    ready,
    serving: conditions?.optional('serving')?.boolean() ?? true,
    terminating: conditions?.optional('terminating')?.boolean() ?? false,
    node: item.optional('nodeName')?.string(),
    zone: item.optional('zone')?.string(),
    pod:
      target?.optional('kind')?.string() === 'Pod'
        ? { namespace: target.key('namespace').string(), name: target.key('name').string() }
        : undefined,
    forZones: strings(hints?.optional('forZones'), 'name'),
    forNodes: strings(hints?.optional('forNodes'), 'name'),
  };
}

function decodeNode(item: At): ClusterNode {
  const spec = item.optional('spec');
  const labels = labelsOf(item);
  const cidr = spec?.optional('podCIDR')?.string();
  const cidrs = strings(spec?.optional('podCIDRs'));
  const daemons = item.optional('status')?.optional('daemonEndpoints');
  const kubeletPort = nonZero(daemons?.optional('kubeletEndpoint')?.optional('Port'));
  return {
    name: item.key('metadata').key('name').string(),
    addresses: items(item.optional('status'), 'addresses')
      .filter((address) => ['InternalIP', 'ExternalIP'].includes(address.key('type').string()))
      .map((address) => address.key('address').string()),
    podCIDRs: cidrs.length > 0 || cidr === undefined ? cidrs : [cidr],
    zone: labels['topology.kubernetes.io/zone'],
    labels,
    ...(kubeletPort !== undefined && { kubeletPort }),
  };
}

const items = (parent: At | undefined, name: string): readonly At[] => parent?.optional(name)?.items() ?? [];

/** A list of strings, or of one string member of its objects. */
function strings(list: At | undefined, member?: string): readonly string[] {
  return (list?.items() ?? []).map((item) => (member === undefined ? item : item.key(member)).string());
}

function nameOf(item: At): ObjectName {
  const metadata = item.key('metadata');
  return { namespace: metadata.key('namespace').string(), name: metadata.key('name').string() };
}

const labelsOf = (item: At): Labels => stringMap(item.key('metadata').optional('labels'));

function stringMap(map: At | undefined): Labels {
  if (map === undefined) return {};
  return Object.fromEntries(Object.keys(map.object()).map((key) => [key, map.optional(key)?.string() ?? '']));
}

const protocolOf = (port: At): Protocol => port.optional('protocol')?.oneOf(['TCP', 'UDP', 'SCTP']) ?? 'TCP';

function nonZero(item: At | undefined): number | undefined {
  const value = item?.integer(0, 65535);
  return value === 0 ? undefined : value;
}

function nonEmpty(item: At | undefined): string | undefined {
  const text = item?.string();
  return text === '' ? undefined : text;
}
