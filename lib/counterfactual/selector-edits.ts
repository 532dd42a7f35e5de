/** Selectors that would find pods, for a Service that selects none: a label that is spelled otherwise on pods that have all the rest. */
import type { EndpointSlice, ObjectName, Pod, Service } from '../cluster/cluster';
import { nearNames } from '../net/near';

/** One label of the selector; `to` null takes it out. */
export interface SelectorEdit {
  readonly field: 'selector';
  readonly label: string;
  readonly from: string;
  readonly to: string | null;
  /** Whom the Service then selects. */
  readonly pods: readonly Pod[];
}

/** Tried for one Service. */
const SELECTORS_MAX = 4;

/**
 * Only what selects a pod that is ready. Where the selector has nothing but the one label, all pods of the namespace have "the rest":
 * then the value has to be like theirs.
 */
export function* selectorEdits({ namespace, name, selector }: Service, pods: readonly Pod[]): Generator<SelectorEdit> {
  const labels = Object.entries(selector ?? {});
  const own = pods.filter((pod) => pod.namespace === namespace && pod.addresses.length > 0);
  const has = (pod: Pod, [key, value]: readonly [string, string]): boolean => pod.labels[key] === value;
  let count = 0;
  for (const one of labels) {
    const [label, from] = one;
    const rest = labels.filter((other) => other !== one);
    const like = own.filter((pod) => rest.every((other) => has(pod, other)));
    const values = [...new Set(like.flatMap((pod) => pod.labels[label] ?? []))];
    const near = nearNames(from, values, SELECTORS_MAX);
    const others = rest.length > 0 ? values : values.filter((value) => value === name);
    const without = rest.length > 0 && like.some((pod) => pod.labels[label] === undefined) ? [null] : [];
    for (const to of [...new Set([...near, ...others]), ...without]) {
      const found = like.filter((pod) => to === null || pod.labels[label] === to);
      if (to === from || count >= SELECTORS_MAX || !found.some(({ ready }) => ready)) continue;
      count++;
      yield { field: 'selector', label, from, to, pods: found };
    }
  }
}

/** As the controller of EndpointSlices would write it: one for each pod, since a target port by name is another for each. */
export function slicesOfPods(
  { namespace, name, ports, headless, publishNotReadyAddresses }: Service,
  pods: readonly Pod[],
): readonly EndpointSlice[] {
  return pods.flatMap((pod) =>
    (['IPv4', 'IPv6'] as const).flatMap((addressType): readonly EndpointSlice[] => {
      const addresses = pod.addresses.filter((one) => one.includes(':') === (addressType === 'IPv6')).slice(0, 1);
      if (addresses.length === 0) return [];
      const ready = pod.ready || publishNotReadyAddresses;
      return [
        {
          ...{ namespace, name: `${name}-${pod.name}`, service: name, headless, addressType },
          ports: ports.map((port) => ({
            name: port.name,
            named: true,
            protocol: port.protocol,
            port: targetOf(pod, port),
          })),
          endpoints: [
            {
              ...{ addresses, ready, serving: ready, terminating: false },
              ...{ node: pod.node, zone: undefined, pod: nameOf(pod), forZones: [], forNodes: [] },
            },
          ],
        },
      ];
    }),
  );
}

const nameOf = ({ namespace, name }: ObjectName): ObjectName => ({ namespace, name });

function targetOf(pod: Pod, { port, targetPort = port, protocol }: Service['ports'][number]): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  return pod.ports.find((one) => one.name === targetPort && one.protocol === protocol)?.containerPort;
}
