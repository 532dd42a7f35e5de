/**
 * What a capture keeps of the cluster's objects: named fields only. Whatever is not named here is not written: annotations but a few,
 * managedFields, environments, volumes, tokens, machine ids, and objects of other kinds.
 */
import { parseJson } from '../net/json-cursor';
import { ok, type Result } from '../net/result';

/** `true` keeps a value whole; an array's only item is the choice for each of its items. */
type Fields = true | readonly [Fields] | { readonly [name: string]: Fields };
type Json = { readonly [name: string]: unknown };

/** What kube-proxy and the EndpointSlice controller read, or write for others to read. */
const ANNOTATIONS: Fields = {
  'service.kubernetes.io/topology-mode': true,
  'service.kubernetes.io/topology-aware-hints': true,
  'endpoints.kubernetes.io/last-change-trigger-time': true,
};
const METADATA: Fields = {
  name: true,
  generateName: true,
  namespace: true,
  uid: true,
  resourceVersion: true,
  generation: true,
  creationTimestamp: true,
  deletionTimestamp: true,
  labels: true,
  annotations: ANNOTATIONS,
  ownerReferences: [{ apiVersion: true, kind: true, name: true, uid: true, controller: true }],
};
const CONDITIONS: Fields = [{ type: true, status: true, reason: true, lastTransitionTime: true }];
const CONTAINER: Fields = {
  name: true,
  image: true,
  restartPolicy: true,
  ports: [{ name: true, containerPort: true, hostPort: true, hostIP: true, protocol: true }],
};
const SELECTOR: Fields = { matchLabels: true, matchExpressions: [{ key: true, operator: true, values: true }] };
const POLICY_PORTS: Fields = [{ protocol: true, port: true, endPort: true }];
const STATE: Fields = {
  running: { startedAt: true },
  waiting: { reason: true },
  terminated: { reason: true, exitCode: true, startedAt: true, finishedAt: true },
};
const STATUS: Fields = { name: true, ready: true, started: true, restartCount: true, state: STATE };

interface Kind {
  readonly kind: string;
  readonly fields: { readonly [name: string]: Fields };
}
const KINDS: ReadonlyMap<string, Kind> = new Map([
  [
    'services.json',
    {
      kind: 'Service',
      fields: {
        spec: {
          type: true,
          clusterIP: true,
          clusterIPs: true,
          externalIPs: true,
          ipFamilies: true,
          ipFamilyPolicy: true,
          ports: [{ name: true, protocol: true, port: true, targetPort: true, nodePort: true, appProtocol: true }],
          selector: true,
          sessionAffinity: true,
          sessionAffinityConfig: { clientIP: { timeoutSeconds: true } },
          externalTrafficPolicy: true,
          internalTrafficPolicy: true,
          healthCheckNodePort: true,
          loadBalancerIP: true,
          loadBalancerSourceRanges: true,
          loadBalancerClass: true,
          allocateLoadBalancerNodePorts: true,
          publishNotReadyAddresses: true,
          trafficDistribution: true,
          externalName: true,
        },
        status: { loadBalancer: { ingress: [{ ip: true, ipMode: true, hostname: true }] } },
      },
    },
  ],
  [
    'endpointslices.json',
    {
      kind: 'EndpointSlice',
      fields: {
        addressType: true,
        endpoints: [
          {
            addresses: true,
            conditions: { ready: true, serving: true, terminating: true },
            hostname: true,
            nodeName: true,
            zone: true,
            targetRef: { kind: true, namespace: true, name: true, uid: true },
            hints: { forZones: [{ name: true }], forNodes: [{ name: true }] },
          },
        ],
        ports: [{ name: true, protocol: true, port: true, appProtocol: true }],
      },
    },
  ],
  [
    'nodes.json',
    {
      kind: 'Node',
      fields: {
        spec: {
          podCIDR: true,
          podCIDRs: true,
          unschedulable: true,
          taints: [{ key: true, value: true, effect: true }],
        },
        status: {
          addresses: [{ type: true, address: true }],
          daemonEndpoints: { kubeletEndpoint: { Port: true } },
          conditions: CONDITIONS,
          nodeInfo: {
            kernelVersion: true,
            osImage: true,
            containerRuntimeVersion: true,
            kubeletVersion: true,
            kubeProxyVersion: true,
            operatingSystem: true,
            architecture: true,
          },
        },
      },
    },
  ],
  [
    'pods.json',
    {
      kind: 'Pod',
      fields: {
        spec: { nodeName: true, hostNetwork: true, containers: [CONTAINER], initContainers: [CONTAINER] },
        status: {
          phase: true,
          reason: true,
          podIP: true,
          podIPs: [{ ip: true }],
          hostIP: true,
          hostIPs: [{ ip: true }],
          startTime: true,
          conditions: CONDITIONS,
          containerStatuses: [STATUS],
          initContainerStatuses: [STATUS],
        },
      },
    },
  ],
  ['namespaces.json', { kind: 'Namespace', fields: { status: { phase: true } } }],
  [
    'networkpolicies.json',
    {
      kind: 'NetworkPolicy',
      fields: {
        spec: {
          podSelector: SELECTOR,
          policyTypes: true,
          // Peers are kept whole: of a kind that is not known they are told to be such.
          ingress: [{ from: true, ports: POLICY_PORTS }],
          egress: [{ to: true, ports: POLICY_PORTS }],
        },
      },
    },
  ],
  ['servicecidrs.json', { kind: 'ServiceCIDR', fields: { spec: { cidrs: true } } }],
]);
/** Files that are one object. */
const SINGLE: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  ['version.json', { major: true, minor: true, gitVersion: true, platform: true }],
  ['kube-proxy.json', { mode: true, clusterCIDR: true, nodePortAddresses: true, masqueradeAll: true }],
]);

/**
 * A file of cluster/ as a capture may hold it.
 *
 * @returns undefined for a file that captures do not have; a problem where it is not the JSON that it should be
 */
export function keepFields(file: string, text: string): Result<object> | undefined {
  const kind = KINDS.get(file);
  const single = SINGLE.get(file);
  if (kind === undefined && single === undefined) return undefined;
  const json = parseJson(text);
  if (!json.ok) return json;
  if (kind === undefined) return ok(asObject(pick(json.value, single ?? {})));
  const list = asObject(json.value);
  const items = Array.isArray(list.items) ? list.items : [];
  const fields: Fields = { apiVersion: true, kind: true, metadata: METADATA, ...kind.fields };
  const kept = items
    .map(asObject)
    // Items of a typed list name no kind; others may be mixed, and then hold anything.
    .filter((item) => item.kind === undefined || item.kind === kind.kind)
    .map((item) => pick(item, fields));
  const { apiVersion, kind: kindOfList } = list;
  return ok({ apiVersion, kind: kindOfList, items: kept });
}

const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

function pick(value: unknown, fields: Fields): unknown {
  if (fields === true) return value;
  if (Array.isArray(fields)) return Array.isArray(value) ? value.map((item) => pick(item, fields[0])) : undefined;
  const from = asObject(value);
  const kept: { [name: string]: unknown } = {};
  for (const [name, choice] of Object.entries(fields))
    if (Object.hasOwn(from, name)) kept[name] = pick(from[name], choice as Fields);
  return kept;
}
