/** Paths of the Kubernetes API → what is meant. */

export interface Target {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** After `proxy`. */
  readonly rest: string;
}

export function targetOf(path: string): Target | undefined {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const [api, ...after] = parts;
  const group = api === 'apis' ? after.shift() : api === 'api' ? '' : undefined;
  if (group === undefined || after.shift() !== 'v1') return undefined;
  const isNamespaced = after[0] === 'namespaces' && after.length > 2;
  const namespace = isNamespaced ? after[1] : undefined;
  const [resource, name, subresource, ...rest] = isNamespaced ? after.slice(2) : after;
  if (resource === undefined) return undefined;
  return { group, resource, namespace, name, subresource, rest: rest.join('/') };
}

/** As kube-apiserver words it. */
export function forbidden(user: string, verb: string, { group, resource, subresource, namespace }: Target): object {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return statusOf(
    403,
    'Forbidden',
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${scope}`,
  );
}

export const statusOf = (code: number, reason: string, message: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});

const KINDS: Readonly<Record<string, string>> = {
  services: 'Service',
  endpointslices: 'EndpointSlice',
  nodes: 'Node',
  pods: 'Pod',
  namespaces: 'Namespace',
  networkpolicies: 'NetworkPolicy',
  servicecidrs: 'ServiceCIDR',
  configmaps: 'ConfigMap',
};
export const kindOf = (resource: string): string | undefined => KINDS[resource];
