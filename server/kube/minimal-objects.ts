/**
 * Objects of the API cut down to the fields that lib/cluster reads (lib/cluster/decode-objects.ts), as JSON text: one string
 * takes a quarter of the memory of the object, and is joined to a list without being written again.
 */
import 'server-only';

type Json = { readonly [key: string]: unknown };
const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function pick(value: unknown, names: readonly string[]): Json {
  const from = object(value);
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));
}

function metadata(from: unknown, labels?: readonly string[]): Json {
  const all = object(object(from).metadata);
  const kept = labels === undefined ? all.labels : pick(all.labels, labels);
  return { ...pick(all, ['namespace', 'name']), ...(kept !== undefined && { labels: kept }) };
}

export type Minimal = (object: unknown) => Json;

/** Of Services and their slices only the labels that kube-proxy looks at. */
function proxyLabels(from: unknown): Json {
  const all = object(object(object(from).metadata).labels);
  const names = Object.keys(all).filter((name) => /^(service\.|endpointslice\.)?kubernetes\.io\//.test(name));
  return metadata(from, names);
}

const service: Minimal = (from) => ({
  metadata: proxyLabels(from),
  spec: object(object(from).spec),
  status: { loadBalancer: pick(object(object(from).status).loadBalancer, ['ingress']) },
});

const endpointSlice: Minimal = (from) => ({
  metadata: proxyLabels(from),
  ...pick(from, ['addressType']),
  endpoints: list(object(from).endpoints).map((endpoint) => ({
    ...pick(endpoint, ['addresses', 'conditions', 'nodeName', 'zone', 'hints']),
    ...(object(endpoint).targetRef !== undefined && {
      targetRef: pick(object(endpoint).targetRef, ['kind', 'namespace', 'name']),
    }),
  })),
  ports: list(object(from).ports),
});

const node: Minimal = (from) => ({
  metadata: metadata(from),
  spec: pick(object(from).spec, ['podCIDR', 'podCIDRs']),
  status: {
    addresses: list(object(object(from).status).addresses),
    ...pick(object(from).status, ['daemonEndpoints']),
  },
});

/** When it began is left out: it would change what is held at each restart. */
const statusOf = (status: unknown): Json => {
  const { running, waiting, terminated } = object(object(status).state);
  const state =
    running !== undefined
      ? { running: {} }
      : waiting !== undefined
        ? { waiting: pick(waiting, ['reason']) }
        : terminated !== undefined
          ? { terminated: pick(terminated, ['reason']) }
          : {};
  return { ...pick(status, ['name']), state };
};

const pod: Minimal = (from) => {
  const { spec, status } = object(from);
  const owners = list(object(object(from).metadata).ownerReferences).filter(
    (owner) => object(owner).controller === true,
  );
  const isReady = list(object(status).conditions).some(
    (condition) => object(condition).type === 'Ready' && object(condition).status === 'True',
  );
  const sidecars = list(object(spec).initContainers).filter((one) => object(one).restartPolicy === 'Always');
  const containerOf = (container: unknown) => ({
    ...(!isReady && pick(container, ['name'])),
    ports: list(object(container).ports).map((port) => pick(port, ['name', 'protocol', 'containerPort', 'hostPort'])),
  });
  return {
    metadata: {
      ...metadata(from),
      ...(owners.length > 0 && { ownerReferences: owners.map((owner) => pick(owner, ['kind', 'name', 'controller'])) }),
    },
    spec: {
      ...pick(spec, ['nodeName', 'hostNetwork']),
      containers: list(object(spec).containers).map(containerOf),
      ...(sidecars.length > 0 && {
        initContainers: sidecars.map((one) => ({ ...containerOf(one), restartPolicy: 'Always' })),
      }),
    },
    status: {
      ...pick(status, ['phase', 'podIP', 'podIPs']),
      ...(!isReady && {
        containerStatuses: list(object(status).containerStatuses).map(statusOf),
        initContainerStatuses: list(object(status).initContainerStatuses).map(statusOf),
      }),
      conditions: list(object(status).conditions)
        .filter((condition) => object(condition).type === 'Ready')
        .map((condition) => pick(condition, ['type', 'status'])),
    },
  };
};

const named: Minimal = (from) => ({ metadata: metadata(from) });
const networkPolicy: Minimal = (from) => ({
  metadata: metadata(from, []),
  spec: pick(object(from).spec, ['podSelector', 'policyTypes', 'ingress', 'egress']),
});
const serviceCidr: Minimal = (from) => ({ metadata: metadata(from, []), spec: pick(object(from).spec, ['cidrs']) });

export const MINIMAL = {
  service,
  endpointSlice,
  node,
  pod,
  namespace: named,
  networkPolicy,
  serviceCidr,
} as const;
