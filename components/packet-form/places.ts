/** The places of a capture as options of the two fields of the question, and what may be typed instead. */
import type { NamesView, ServiceName } from '@/lib/api/types';
import { parseAddress } from '@/lib/net/address';

export interface PlaceOption {
  /** The REF of the API: `shop/web-1`, `svc:shop/api:http`, `10.0.0.1:80/tcp`, `external`. */
  readonly ref: string;
  readonly kind: 'pod' | 'node' | 'Service' | 'external' | 'address';
  readonly label: string;
  /** The address behind the name. */
  readonly note: string;
}

/** Where a packet may come from: pods of this node first, since they are what this node sees first. */
export function fromOptions(names: NamesView, node: string): readonly PlaceOption[] {
  const pods = names.pods.filter((pod) => !pod.hostNetwork && pod.addresses.length > 0);
  const here = pods.filter((pod) => pod.node === node);
  const away = pods.filter((pod) => pod.node !== node);
  return [...here.map(podOption), ...nodeOptions(names), EXTERNAL, ...away.map(podOption)];
}

/** Where it may go: Services by port, then pods and nodes. */
export function toOptions(names: NamesView): readonly PlaceOption[] {
  const pods = names.pods.filter((pod) => !pod.hostNetwork && pod.addresses.length > 0).map(podOption);
  return [...names.services.flatMap(serviceOptions), ...pods, ...nodeOptions(names), EXTERNAL];
}

const EXTERNAL: PlaceOption = {
  ref: 'external',
  kind: 'external',
  label: 'external client',
  note: 'outside the cluster',
};

type Pod = NamesView['pods'][number];
function podOption(pod: Pod): PlaceOption {
  const label = `${pod.namespace}/${pod.name}`;
  return { ref: label, kind: 'pod', label, note: pod.addresses[0] ?? '' };
}

const nodeOptions = (names: NamesView): readonly PlaceOption[] =>
  names.nodes.map((node) => ({ ref: node.name, kind: 'node', label: node.name, note: node.addresses[0] ?? '' }));

function serviceOptions(service: ServiceName): readonly PlaceOption[] {
  const address = service.clusterIPs[0];
  if (address === undefined || address === 'None' || address === '') return [];
  return service.ports.map((port) => {
    const label = `${service.namespace}/${service.name}:${port.name ?? port.port}`;
    return {
      ref: `svc:${label}`,
      kind: 'Service',
      label,
      note: `${hostPort(address, port.port)}/${port.protocol.toLowerCase()}`,
    };
  });
}

/** The address of `10.244.1.4:8080` or `[fd00::4]:8080`. */
const hostOf = (endpoint: string): string => /^\[(.+)\]/.exec(endpoint)?.[1] ?? endpoint.split(':')[0] ?? endpoint;

const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Typed by hand: `10.0.0.1` for the client; `10.0.0.1:80`, `[fd00::1]:80/udp`, `shop/web-1:8080`, `node-1:30080` for the target. */
export function typedPlace(text: string, end: 'from' | 'to'): PlaceOption | undefined {
  const typed = text.trim().toLowerCase();
  if (end === 'from') {
    if (parseAddress(typed) === undefined) return undefined;
    return { ref: `external:${typed}`, kind: 'external', label: typed, note: 'outside the cluster' };
  }
  const named = /^((?:[a-z0-9-]+\/)?[a-z0-9-]*[a-z][a-z0-9.-]*):(\d{1,5})(?:\/([a-z0-9]+))?$/.exec(typed);
  if (named !== null) return { ...refOption(typed), note: named[3] ?? 'tcp' };
  const parts = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?(?:\/([a-z0-9]+))?$/.exec(typed);
  const address = parts?.[1] ?? parts?.[2];
  if (address === undefined || parseAddress(address) === undefined) return undefined;
  const port = parts?.[3];
  if (port === undefined) return undefined;
  const protocol = parts?.[4] ?? 'tcp';
  const label = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return { ref: `${label}/${protocol}`, kind: 'address', label, note: protocol };
}

/** An option for a REF of the URL that no option stands for, so that the field still says what is asked. */
export function refOption(ref: string): PlaceOption {
  if (ref === EXTERNAL.ref) return EXTERNAL;
  if (ref.startsWith('svc:')) return { ref, kind: 'Service', label: ref.slice(4), note: '' };
  if (ref.startsWith('external:')) return { ref, kind: 'external', label: ref.slice(9), note: '' };
  if (/^[[\d]/.test(ref)) return { ref, kind: 'address', label: ref, note: '' };
  return { ref, kind: ref.includes('/') ? 'pod' : 'node', label: ref, note: '' };
}

/**
 * A question to begin with: a pod of this node asks a Service of its namespace that has several endpoints, none of which it
 * is; where no pod is named, an external client asks. Undefined where the capture names no Service.
 */
export function firstQuestion(
  names: NamesView,
  node: string,
): { readonly from: string; readonly to: string } | undefined {
  const pods = names.pods.filter((pod) => pod.node === node && !pod.hostNetwork && pod.addresses.length > 0);
  const clients = pods.map((pod) => ({ ref: podOption(pod).ref, namespace: pod.namespace, name: pod.name }));
  if (clients.length === 0) clients.push({ ref: EXTERNAL.ref, namespace: '', name: '' });
  const hosts = new Set(names.nodes.flatMap((one) => one.addresses));
  let best: { readonly from: string; readonly to: string; readonly score: number } | undefined;
  for (const service of names.services) {
    if (service.clusterIPs.length === 0 || service.clusterIPs[0] === 'None') continue;
    for (const port of service.ports) {
      const ready =
        port.endpoints?.filter((endpoint) => endpoint.ready && !hosts.has(hostOf(endpoint.address))).length ?? 0;
      for (const client of clients) {
        const own = port.endpoints?.some((endpoint) => endpoint.pod === client.name) ?? false;
        const near = client.namespace === service.namespace;
        const plain = service.type === 'ClusterIP' && port.protocol.toLowerCase() === 'tcp';
        const score = Math.min(ready, 6) + (near ? 10 : 0) + (plain ? 5 : 0) - (own ? 10 : 0);
        if (best !== undefined && best.score >= score) continue;
        const to = serviceOptions(service).find((option) => option.label.endsWith(`:${port.name ?? port.port}`));
        if (to) best = { from: client.ref, to: to.ref, score };
      }
    }
  }
  return best;
}
