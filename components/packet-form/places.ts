/** The places of a capture as options of the two fields of the question, and what may be typed instead. */
import type { NamesView, ServiceName } from '@/lib/api/types';
import type { Protocol, Service } from '@/lib/cluster/cluster';
import { type PlaceNames, resolvePlace } from '@/lib/cluster/place';
import { parseAddress } from '@/lib/net/address';
import { nearNames } from '@/lib/net/near';

export interface PlaceOption {
  /** The REF of the API: `shop/web-1`, `svc:shop/api:http`, `10.0.0.1:80/tcp`, `external`. */
  readonly ref: string;
  readonly kind: 'pod' | 'node' | 'Service' | 'external' | 'address';
  readonly label: string;
  /** The address behind the name. */
  readonly note: string;
}

/** Before the names of a source are read. */
export const NO_NAMES: NamesView = { pods: [], services: [], nodes: [], readings: [] };

type IpFamily = 'ip' | 'ip6';
/** The first address of a family; without a family, or where there is none of it, the first. */
export const addressOf = (addresses: readonly string[], family?: IpFamily): string | undefined =>
  addresses.find((one) => family === undefined || one.includes(':') === (family === 'ip6')) ?? addresses[0];

/**
 * Where a packet may come from: pods of this node first, since they are what this node sees first.
 * @param family whose addresses are shown, where only that can be asked
 */
export function fromOptions(names: NamesView, node: string, family?: IpFamily): readonly PlaceOption[] {
  const pods = names.pods.filter((pod) => !pod.hostNetwork && pod.addresses.length > 0);
  const here = pods.filter((pod) => pod.node === node);
  const away = pods.filter((pod) => pod.node !== node);
  const option = (pod: Pod) => podOption(pod, family);
  return [...here.map(option), ...nodeOptions(names, family), EXTERNAL, ...away.map(option)];
}

/** Where it may go: Services by port, then pods and nodes. */
export function toOptions(names: NamesView): readonly PlaceOption[] {
  const pods = names.pods.filter((pod) => !pod.hostNetwork && pod.addresses.length > 0).map((pod) => podOption(pod));
  return [...names.services.flatMap(serviceOptions), ...pods, ...nodeOptions(names), EXTERNAL];
}

const EXTERNAL: PlaceOption = {
  ref: 'external',
  kind: 'external',
  label: 'external client',
  note: 'outside the cluster',
};

type Pod = NamesView['pods'][number];
function podOption(pod: Pod, family?: IpFamily): PlaceOption {
  const label = `${pod.namespace}/${pod.name}`;
  return { ref: label, kind: 'pod', label, note: addressOf(pod.addresses, family) ?? '' };
}

const nodeOptions = (names: NamesView, family?: IpFamily): readonly PlaceOption[] =>
  names.nodes.map((node) => ({
    ref: node.name,
    kind: 'node',
    label: node.name,
    note: addressOf(node.addresses, family) ?? '',
  }));

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

export type TypedPlace =
  | { readonly ok: true; readonly place: PlaceOption }
  | { readonly ok: false; readonly say: string; readonly remedy: string };

/**
 * Typed by hand, in any form that the command takes (lib/cluster/place.ts): `svc/shop/api:http`, `node-1:30080/udp`,
 * `[fd00::1]:80`. Where a packet comes from, an address alone is a client there.
 */
export function typedPlace(text: string, end: 'from' | 'to', names: NamesView): TypedPlace {
  const typed = text.trim().toLowerCase();
  const ref = end === 'from' && parseAddress(typed) !== undefined ? `external:${typed}` : typed;
  const found = resolvePlace(ref, end, placeNames(names));
  if (!found.ok) return { ok: false, say: found.problem.say, remedy: found.problem.do };
  const { where, object, label, port, protocol } = found.value;
  const behind = /:\d+(?:\/[a-z0-9-]+)?$/.exec(typed)?.[0] ?? '';
  const note = found.value.addresses[0] ?? '';
  switch (where.kind) {
    case 'external':
      if (ref === EXTERNAL.ref) return { ok: true, place: EXTERNAL };
      return { ok: true, place: { ...refOption(`external:${note}`), note: EXTERNAL.note } };
    case 'service': {
      const name = `${object?.namespace}/${object?.name}`;
      // A number may stand for two protocols, a name for one: it is asked as it was typed.
      const own = typed.replace(/^(?:svc|service)[:/]/, '').slice(name.length);
      const given = own === '' ? `:${object?.port ?? port}` : own;
      return {
        ok: true,
        place: { ...refOption(`svc:${name}${given}`), note: `${hostPort(note, port ?? 0)}/${protocol}` },
      };
    }
    case 'address': {
      // ICMP has no ports; what has them needs one.
      if (port === undefined && protocol?.startsWith('icmp') !== true)
        return { ok: false, say: `To which port of ${label}?`, remedy: `Write ${hostPort(label, 80)}, or with /udp.` };
      const own = port === undefined ? label : hostPort(note, port);
      const shown = protocol ?? 'tcp';
      return { ok: true, place: { ref: `${own}/${shown}`, kind: 'address', label: own, note: shown } };
    }
    case 'node':
    case 'pod': {
      const name = object?.namespace == null ? (object?.name ?? '') : `${object.namespace}/${object.name}`;
      const kind = object?.kind === 'node' ? 'node' : 'pod';
      return { ok: true, place: { ref: name + behind, kind, label: name + behind, note } };
    }
  }
}

/** Names as far as they are known; what was not read, or not yet, is none to choose from. */
function placeNames({ pods, services, nodes, readings }: NamesView): PlaceNames {
  const known = <T>(value: readonly T[], file: string) => {
    const state = readings.find((one) => one.file.endsWith(file))?.state;
    if (value.length > 0 || state === 'read') return { known: true, value } as const;
    return { known: false, why: state === undefined ? 'the names are not read yet' : `${file} was not read` } as const;
  };
  return {
    pods: known(
      pods.map((pod) => ({
        ...pod,
        node: pod.node ?? undefined,
        workload: pod.owner ?? undefined,
        phase: undefined,
        ports: [],
      })),
      'pods.json',
    ),
    services: known(
      services.map(({ namespace, name, type, clusterIPs, ports }) => ({
        namespace,
        name,
        type: type as Service['type'],
        clusterIPs: clusterIPs.filter((one) => one !== '' && one !== 'None'),
        headless: type === 'ClusterIP',
        ports: ports.map((port) => ({ ...port, name: port.name ?? undefined, protocol: port.protocol as Protocol })),
      })),
      'services.json',
    ),
    nodes: known(nodes, 'nodes.json'),
  };
}

/** Every word typed must occur in the kind, the label or the address. */
export function matchesPlace(option: PlaceOption, query: string): boolean {
  const text = `${option.kind} ${option.label} ${option.note}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/**
 * What is meant by a text that nobody chose from the list: a name as it stands there, a place that the source knows, or the only
 * one that is like it.
 */
export function takenPlace(
  text: string,
  end: 'from' | 'to',
  names: NamesView,
  options: readonly PlaceOption[],
): TypedPlace {
  const typed = text.trim().toLowerCase();
  const named = options.find(
    ({ label, ref, note }) => label.toLowerCase() === typed || ref === typed || (end === 'from' && note === typed),
  );
  if (named !== undefined) return { ok: true, place: named };
  const own = typedPlace(typed, end, names);
  if (own.ok) return own;
  const like = options.filter((option) => matchesPlace(option, typed));
  const [only] = like;
  if (only === undefined) {
    const near = nearNames(
      typed,
      options.flatMap(({ kind, label }) => (kind === 'Service' ? [label] : [])),
    );
    if (near.length === 0) return own;
    return { ok: false, say: `Nothing has the name ${text.trim()}.`, remedy: `Like it: ${near.join(', ')}.` };
  }
  if (like.length === 1) return { ok: true, place: only };
  return {
    ok: false,
    say: `${like.length} places are like ${text.trim()}.`,
    remedy: 'Choose one from the list, or write more of it.',
  };
}

/** An option for a REF of the URL that no option stands for, so that the field still says what is asked. */
export function refOption(ref: string): PlaceOption {
  if (ref === EXTERNAL.ref) return EXTERNAL;
  if (ref.startsWith('svc:')) return { ref, kind: 'Service', label: ref.slice(4), note: '' };
  if (ref.startsWith('external:')) return { ref, kind: 'external', label: ref.slice(9), note: '' };
  if (/^[[\d]/.test(ref)) return { ref, kind: 'address', label: ref, note: '' };
  return { ref, kind: /^[^:]*\//.test(ref) ? 'pod' : 'node', label: ref, note: '' };
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
