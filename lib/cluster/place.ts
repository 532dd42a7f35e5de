/** A place as people name it (a REF) → the addresses behind it. Names only; how a packet gets there is not asked here. */
import { formatAddress, parseAddress } from '../net/address';
import { nearNames } from '../net/near';
import { protocolNumber } from '../net/protocols';
import { failed, ok, type Problem, type Result } from '../net/result';
import type { Known } from '../world/world';
import type { ObjectRef } from './address-book';
import { serviceRef } from './address-book';
import type { ClusterNode, Pod, Protocol, Service, ServicePort } from './cluster';

/** A problem about a name, with those that are like it. */
export interface PlaceProblem extends Problem {
  readonly near: readonly string[];
}

export interface Place {
  /** As given. */
  readonly ref: string;
  /** For people: `shop/web-1`, `Service shop/api:http`, `external client`, `10.0.0.1:80`. */
  readonly label: string;
  readonly object: ObjectRef | undefined;
  /** Canonical texts, in the order of preference. Empty for `external` without an address. */
  readonly addresses: readonly string[];
  readonly where:
    | { readonly kind: 'pod'; readonly node: string | undefined }
    /** A node, or a pod in its network. */
    | { readonly kind: 'node'; readonly node: string }
    | { readonly kind: 'external' | 'service' | 'address' };
  /** Fixed by the place: that of a Service port, or given with an address. */
  readonly port: number | undefined;
  readonly protocol: string | undefined;
}

/** What of a cluster places are found in. */
export interface PlaceNames {
  readonly pods: Known<
    readonly (Pick<Pod, 'namespace' | 'name' | 'node' | 'addresses' | 'hostNetwork' | 'phase' | 'workload'> & {
      readonly ports: readonly Pick<Pod['ports'][number], 'containerPort' | 'protocol'>[];
    })[]
  >;
  readonly services: Known<
    readonly (Pick<Service, 'namespace' | 'name' | 'type' | 'clusterIPs' | 'headless'> & {
      readonly ports: readonly NamedPort[];
    })[]
  >;
  readonly nodes: Known<readonly Pick<ClusterNode, 'name' | 'addresses'>[]>;
}
type NamedPod = Extract<PlaceNames['pods'], { known: true }>['value'][number];
type NamedService = Extract<PlaceNames['services'], { known: true }>['value'][number];
type NamedPort = Pick<ServicePort, 'name' | 'protocol' | 'port'>;

/** The forms of a REF, for help and for messages. */
export const PLACE_FORMS = 'NAMESPACE/POD, pod/NAMESPACE/POD, NODE, node/NODE, external, external:IP';
/** Those of a target alone. */
export const SERVICE_FORMS = 'svc:NAMESPACE/NAME[:PORT], svc/NAMESPACE/NAME[:PORT]';
export const ADDRESS_FORMS = 'IP:PORT[/PROTOCOL], [IPv6]:PORT[/PROTOCOL]';
const TARGET_FORMS = `${PLACE_FORMS} (pods and nodes also with :PORT[/PROTOCOL]), ${SERVICE_FORMS}, ${ADDRESS_FORMS}`;

/** `external` without an address: the client in the documentation networks (RFC 5737, RFC 3849). */
const EXTERNAL_ADDRESSES = ['198.51.100.10', '2001:db8:51::10'] as const;

/**
 * Codes: REF-001 not a REF, REF-002 no such pod, REF-003 no such node, REF-004 no such Service, REF-005 no such port,
 * REF-006 has no address, REF-007 the objects were not read.
 */
export function resolvePlace(ref: string, end: 'from' | 'to', cluster: PlaceNames): Result<Place, PlaceProblem> {
  const text = asPlace(ref.trim());
  if (/^external(:|$)/i.test(text)) return external(ref, text.slice('external:'.length));
  if (/^svc:/i.test(text)) {
    if (end === 'from')
      return problem(
        'REF-001',
        `A packet does not come from a Service: ${text}.`,
        `Name where it starts: ${PLACE_FORMS}.`,
      );
    return service(ref, text.slice('svc:'.length), cluster);
  }
  const address = end === 'to' ? ADDRESS.exec(text) : null;
  if (address !== null) return addressPlace(ref, address);
  if (end === 'from' && parseAddress(text) !== undefined) {
    return problem(
      'REF-001',
      `${text} is an address, not a place.`,
      `Write external:${text} for a client there, or name the pod or node that has it.`,
    );
  }
  const named = NAMED.exec(text);
  if (named === null)
    return problem(
      'REF-001',
      `${JSON.stringify(ref)} is no place.`,
      `Use ${end === 'from' ? PLACE_FORMS : TARGET_FORMS}.`,
    );
  const [, namespace, name = '', port, protocol] = named;
  if (end === 'from' && port !== undefined)
    return problem(
      'REF-001',
      `${text} has a port, and the place where a packet starts has none.`,
      'Leave it out; the port it is sent from is the source port (--sport).',
    );
  const place = isNode(namespace, name, cluster) ? node(ref, name, cluster) : pod(ref, namespace ?? '', name, cluster);
  return place.ok && port !== undefined ? atPort(place.value, port, protocol) : place;
}

/** A pod or a node, where a port and a protocol may be given. */
const NAMED = /^(?:([a-z0-9-]+)\/)?([a-z0-9._-]+)(?::(\d+)(?:\/([a-z0-9-]+))?)?$/i;

/** `node/NAME` is a node, unless there is a pod of this name in a namespace `node`. */
function isNode(namespace: string | undefined, name: string, { pods }: PlaceNames): boolean {
  if (namespace === undefined) return true;
  if (namespace.toLowerCase() !== 'node') return false;
  return !pods.known || !pods.value.some((one) => one.namespace === namespace && one.name === name);
}

function atPort(place: Place, port: string, protocol: string | undefined): Result<Place, PlaceProblem> {
  const wrong = wrongPort(port, protocol);
  return wrong ?? ok({ ...place, port: Number(port), protocol: protocol?.toLowerCase() ?? place.protocol });
}

/** `pod/NAMESPACE/NAME` and `svc/NAMESPACE/NAME[:PORT]` mean what they look like. */
function asPlace(text: string): string {
  const [, kind, rest] = /^(pod|svc|service)\/([^/]+\/.+)$/i.exec(text) ?? [];
  if (kind === undefined || rest === undefined) return text;
  return kind.toLowerCase() === 'pod' ? rest : `svc:${rest}`;
}

function problem(
  code: string,
  say: string,
  remedy: string,
  near: readonly string[] = [],
): { readonly ok: false; readonly problem: PlaceProblem } {
  const like = near.length === 0 ? '' : ` Like it: ${near.join(', ')}.`;
  return failed({ code, say: say + like, do: remedy, near });
}

/** An address with or without port and protocol; IPv6 with a port in brackets. */
const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)|([0-9a-f]*:[0-9a-f:.]*))(?::(\d+))?(?:\/([a-z0-9-]+))?$/i;

function addressPlace(ref: string, match: RegExpExecArray): Result<Place, PlaceProblem> {
  const [, bracketed, dotted, bare, port, protocol] = match;
  const address = parseAddress(bracketed ?? dotted ?? bare ?? '');
  if (address === undefined)
    return problem('REF-001', `${JSON.stringify(ref)} holds no address.`, `Use ${TARGET_FORMS}.`);
  const wrong = wrongPort(port, protocol);
  if (wrong !== undefined) return wrong;
  const text = formatAddress(address.value);
  const host = address.family === 'ip6' ? `[${text}]` : text;
  return ok({
    ref,
    label: port === undefined ? text : `${host}:${Number(port)}`,
    object: undefined,
    addresses: [text],
    where: { kind: 'address' },
    port: port === undefined ? undefined : Number(port),
    protocol: protocol?.toLowerCase(),
  });
}

function wrongPort(port: string | undefined, protocol: string | undefined) {
  if (port !== undefined && Number(port) > 65535)
    return problem('REF-005', `There is no port ${port}.`, 'Ports go up to 65535.');
  if (protocol !== undefined && protocolNumber(protocol) === undefined)
    return problem(
      'REF-001',
      `${JSON.stringify(protocol)} is no protocol.`,
      'Use tcp, udp, sctp, icmp, icmpv6 or a number.',
    );
  return undefined;
}

function external(ref: string, text: string): Result<Place, PlaceProblem> {
  const base = { ref, object: undefined, where: { kind: 'external' }, port: undefined, protocol: undefined } as const;
  if (text === '') return ok({ ...base, label: 'external client', addresses: EXTERNAL_ADDRESSES });
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  if (address === undefined)
    return problem('REF-001', `${JSON.stringify(text)} is no address.`, 'Write external:198.51.100.10.');
  const canonical = formatAddress(address.value);
  return ok({ ...base, label: `external ${canonical}`, addresses: [canonical] });
}

function pod(ref: string, namespace: string, name: string, cluster: PlaceNames): Result<Place, PlaceProblem> {
  const { pods } = cluster;
  if (!pods.known) return notRead('pod', pods.why);
  const found =
    pods.value.find((one) => one.namespace === namespace && one.name === name) ??
    onlyOfWorkload(pods.value, namespace, name);
  if (found === undefined) {
    const services = cluster.services.known ? cluster.services.value : [];
    const hint = services.some((one) => one.namespace === namespace && one.name === name)
      ? `There is a Service of this name: svc:${namespace}/${name}.`
      : podsOf(namespace, pods.value);
    const near = podsLike(namespace, name, pods.value);
    return problem('REF-002', `There is no pod ${namespace}/${name}.`, hint, near);
  }
  if (found.addresses.length === 0)
    return problem(
      'REF-006',
      `The pod ${namespace}/${found.name} has no address${found.phase === undefined ? '' : ` (${found.phase})`}.`,
      'Choose a running pod.',
    );
  return ok(podPlace(ref, found));
}

/** Pods of a name like it; else those of a workload like it, whose names have more behind; else pods of this name elsewhere. */
function podsLike(namespace: string, name: string, pods: readonly NamedPod[]): readonly string[] {
  const own = pods.filter((one) => one.namespace === namespace);
  const like = nearNames(`${namespace}/${name}`, pods.map(fullName));
  if (like.length > 0) return like;
  const known = new Set(own.flatMap((one) => one.workload ?? []));
  // `web-1` as of a StatefulSet, where `web` is a Deployment.
  const stem = name.replace(/-\d+$/, '');
  const workloads = known.has(stem) ? [stem] : nearNames(name, known);
  const members = own.filter(({ workload }) => workload !== undefined && workloads.includes(workload));
  const elsewhere = pods.filter((one) => one.name === name || one.workload === name);
  return (members.length > 0 ? members : elsewhere).map(fullName).slice(0, MOST_NAMES);
}

const MOST_NAMES = 5;
const fullName = ({ namespace, name }: Pick<NamedPod, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** What can be named instead, where a name was well written but is none. */
function podsOf(namespace: string, pods: readonly NamedPod[]): string {
  const some = (names: readonly string[]) =>
    `${names.slice(0, MOST_NAMES).join(', ')}${names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''}`;
  const own = pods.filter((one) => one.namespace === namespace).map(fullName);
  if (own.length > 0) return `The namespace ${namespace} has ${some(own)}.`;
  const namespaces = [...new Set(pods.map((one) => one.namespace))].sort();
  return namespaces.length === 0
    ? 'The cluster has no pods: name a node, or external.'
    : `No pod is in a namespace ${namespace}; pods are in ${some(namespaces)}.`;
}

function podPlace(ref: string, found: NamedPod): Place {
  const only = found.ports.length === 1 ? found.ports[0] : undefined;
  return {
    ref,
    label: `${found.namespace}/${found.name}`,
    object: { kind: 'pod', namespace: found.namespace, name: found.name, port: null },
    addresses: found.addresses.map(canonical),
    where:
      found.hostNetwork && found.node !== undefined
        ? { kind: 'node', node: found.node }
        : { kind: 'pod', node: found.node },
    port: only?.containerPort,
    protocol: only?.protocol.toLowerCase(),
  };
}

/** `shop/api` where the workload api has one pod; with several nobody could say which is meant. */
function onlyOfWorkload(pods: readonly NamedPod[], namespace: string, name: string): NamedPod | undefined {
  const [only, ...others] = pods.filter((one) => one.namespace === namespace && one.workload === name);
  return others.length === 0 ? only : undefined;
}

function node(ref: string, name: string, cluster: PlaceNames): Result<Place, PlaceProblem> {
  const { nodes } = cluster;
  if (!nodes.known) return notRead('node', nodes.why);
  const found = nodes.value.find((one) => one.name === name);
  if (found === undefined) {
    return problem(
      'REF-003',
      `There is no node ${name}.`,
      nodesOf(nodes.value.map((one) => one.name)),
      nearNames(
        name,
        nodes.value.map((one) => one.name),
      ),
    );
  }
  if (found.addresses.length === 0)
    return problem('REF-006', `The node ${name} has no address.`, 'Give an address in its place.');
  return ok(nodePlace(ref, found));
}

/** What can be named instead of a node that is not there. */
function nodesOf(names: readonly string[]): string {
  const some = `${names.slice(0, MOST_NAMES).join(', ')}${names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''}`;
  return `${names.length === 0 ? 'No node is known' : `The nodes are ${some}`}; a pod is NAMESPACE/POD.`;
}

const nodePlace = (ref: string, { name, addresses }: Pick<ClusterNode, 'name' | 'addresses'>): Place => ({
  ref,
  label: `node ${name}`,
  object: { kind: 'node', namespace: null, name, port: null },
  addresses: addresses.map(canonical),
  where: { kind: 'node', node: name },
  port: undefined,
  protocol: undefined,
});

function service(ref: string, text: string, cluster: PlaceNames): Result<Place, PlaceProblem> {
  const match = /^([^/:]+)\/([^/:]+)(?::([^/:]+))?(?:\/([a-z]+))?$/i.exec(text);
  if (match === null)
    return problem(
      'REF-001',
      `${JSON.stringify(ref)} names no Service.`,
      'Write svc:NAMESPACE/NAME or svc/NAMESPACE/NAME, with :PORT where it has several.',
    );
  const [, namespace = '', name = '', wanted, protocol] = match;
  const { services } = cluster;
  if (!services.known) return notRead('Service', services.why);
  const found = services.value.find((one) => one.namespace === namespace && one.name === name);
  if (found === undefined) {
    const near = nearNames(
      `${namespace}/${name}`,
      services.value.map((one) => `${one.namespace}/${one.name}`),
    );
    return problem(
      'REF-004',
      `There is no Service ${namespace}/${name}.`,
      'Name a Service as svc:NAMESPACE/NAME or svc/NAMESPACE/NAME.',
      near.map((one) => `svc:${one}`),
    );
  }
  const [address] = found.clusterIPs;
  if (address === undefined) {
    const why = found.headless ? 'is headless: clients go to its pods directly' : `has no ClusterIP (${found.type})`;
    return problem('REF-006', `The Service ${namespace}/${name} ${why}.`, 'Name a pod of it, or an address.');
  }
  const port = choosePort(found, wanted, protocol?.toUpperCase());
  return port.ok ? ok(servicePlace(ref, found, port.value)) : port;
}

function choosePort(
  found: NamedService,
  wanted: string | undefined,
  protocol: string | undefined,
): Result<NamedPort, PlaceProblem> {
  const label = (port: NamedPort) => `${port.name ?? port.port}`;
  const all = found.ports
    .map((port) => `${port.name === undefined ? '' : `${port.name} = `}${port.port}/${port.protocol.toLowerCase()}`)
    .join(', ');
  const candidates = found.ports.filter(
    (port) =>
      (protocol === undefined || port.protocol === protocol) &&
      (wanted === undefined || port.name === wanted || String(port.port) === wanted),
  );
  const [only, ...others] = candidates;
  const service = `${found.namespace}/${found.name}`;
  if (only === undefined) {
    const near = found.ports.map((port) => `svc:${service}:${label(port)}`);
    return problem(
      'REF-005',
      `The Service ${service} has no port ${wanted ?? ''}${protocol === undefined ? '' : `/${protocol.toLowerCase()}`}; it has ${all}.`,
      'Choose one of its ports. For a port it does not have, give its address: IP:PORT.',
      near,
    );
  }
  if (others.length > 0 && !(wanted !== undefined && protocol === undefined && samePortTwice(candidates, wanted))) {
    return problem(
      'REF-005',
      `The Service ${service} has several ports: ${all}.`,
      'Add the port, by name or number.',
      found.ports.map((port) => `svc:${service}:${label(port)}`),
    );
  }
  return ok(only);
}

/** Port 53 of DNS is TCP and UDP: a number alone means TCP, as an address without a protocol does. */
function samePortTwice(candidates: readonly NamedPort[], wanted: string): boolean {
  return (
    candidates.every((port) => String(port.port) === wanted) && candidates[0]?.protocol === ('TCP' satisfies Protocol)
  );
}

const servicePlace = (ref: string, found: NamedService, port: NamedPort): Place => ({
  ref,
  label: `Service ${found.namespace}/${found.name}:${port.name ?? port.port}`,
  object: serviceRef(found, port),
  addresses: found.clusterIPs.map(canonical),
  where: { kind: 'service' },
  port: port.port,
  protocol: port.protocol.toLowerCase(),
});

function notRead(what: string, why: string): { readonly ok: false; readonly problem: PlaceProblem } {
  return problem(
    'REF-007',
    `No ${what} can be named: ${why}.`,
    'Give addresses (external:IP, IP:PORT), or the packet itself.',
  );
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address.value);
}
