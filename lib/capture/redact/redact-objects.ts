/** Lists of the cluster's objects, as captures keep them (cluster-fields.ts), and outputs of `ip -j`. */
import { parseAddress } from '../../net/address';
import { formatIp } from './address-map';
import type { ServicePort } from './kube-proxy-names';
import { API_GROUPS, APP_PROTOCOLS, KINDS, PROTOCOLS, REASONS, ROUTING_TABLES } from './plain-words';
import type { Words } from './words';

type Json = unknown;
type JsonObject = { readonly [name: string]: Json };

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: Json): string => (typeof value === 'string' ? value : '');
const items = (list: Json): readonly JsonObject[] => {
  const all = isObject(list) ? list.items : undefined;
  return Array.isArray(all) ? all.filter(isObject) : [];
};
const array = (value: Json): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

const NAME_KEYS: ReadonlySet<string> = new Set(
  'name namespace nodeName hostname externalName zone loadBalancerClass address'.split(' '),
);
/** Objects of any kind may be named there. */
const REFERENCES: ReadonlySet<string> = new Set(['ownerReferences', 'targetRef']);
/** Modes of topology and times. */
const PLAIN_ANNOTATION = /^(?:[Aa]uto|[Dd]isabled|\d{4}-[\d:.TZ+-]{6,31})$/;
const LABEL_MAPS: ReadonlySet<string> = new Set(['labels', 'matchLabels', 'selector']);

/** Of rules of NetworkPolicies: whom they name. */
const PEER_LISTS: ReadonlySet<string> = new Set(['from', 'to']);
const SELECTOR = ['matchLabels', 'matchExpressions'] as const;
/** With the members that they have. */
const PEERS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['podSelector', SELECTOR],
  ['namespaceSelector', SELECTOR],
  ['ipBlock', ['cidr', 'except']],
]);
const OPERATORS: ReadonlySet<string> = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);
const POLICY_TYPES: ReadonlySet<string> = new Set(['Ingress', 'Egress']);

/** One list of objects, of whatever kind. */
export function redactObjects(list: Json, words: Words): Json {
  return redact(list, '', '', words);
}

function redact(value: Json, key: string, parent: string, words: Words): Json {
  const { names } = words.renaming;
  if (typeof value === 'string') return redactWord(value, key, parent, words);
  if (Array.isArray(value)) return value.map((one) => redact(one, key, key, words));
  if (!isObject(value)) return value;
  if (PEER_LISTS.has(key) && key === parent) return redactPeer(value, words);
  if (LABEL_MAPS.has(key)) return redactLabels(value, words);
  if (typeof value.operator === 'string' && typeof value.key === 'string') {
    const { key: label } = value;
    const values = Array.isArray(value.values)
      ? value.values.map((one) => names.labelValue(label, text(one)))
      : undefined;
    const operator = OPERATORS.has(value.operator) ? value.operator : 'redacted';
    return { key: names.labelKey(label), operator, ...(values !== undefined && { values }) };
  }
  if (key === 'taints')
    return {
      ...value,
      key: names.labelKey(text(value.key)),
      ...(typeof value.value === 'string' && { value: names.name(value.value) }),
    };
  // generateName is the beginning of the name.
  const { generateName: _, ...rest } = value;
  return Object.fromEntries(
    Object.entries(rest).map(([name, one]) => [name, redact(one, name, Array.isArray(one) ? name : key, words)]),
  );
}

/** Of a kind that is not known nothing is kept but that it is there. */
function redactPeer(peer: JsonObject, words: Words): JsonObject {
  const members = Object.entries(peer);
  const known = members.filter(([name]) => PEERS.has(name));
  return {
    ...Object.fromEntries(known.map(([name, one]) => [name, redact(membersOf(one, PEERS.get(name)), name, '', words)])),
    ...(known.length < members.length && { redacted: true }),
  };
}

function membersOf(value: Json, names: readonly string[] = []): Json {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name))) : value;
}

function redactWord(value: string, key: string, parent: string, words: Words): string {
  const { names, addresses } = words.renaming;
  if (parent === 'ports' && (key === 'name' || key === 'targetPort' || key === 'port')) return names.portName(value);
  // A name may have an address in it; an address may stand where a name may.
  if (NAME_KEYS.has(key)) return addresses.text(value) ?? names.name(value);
  switch (key) {
    case 'uid':
      return names.uid(value);
    case 'image':
      return 'redacted';
    case 'reason':
      return value === '' || REASONS.has(value) ? value : 'redacted';
    case 'appProtocol':
      return APP_PROTOCOLS.has(value) || value.startsWith('kubernetes.io/') ? value : names.name(value);
    case 'kind':
      return KINDS.has(value) || !REFERENCES.has(parent) ? value : names.name(value);
    case 'apiVersion':
      return REFERENCES.has(parent) ? apiVersion(value, words) : value;
    case 'policyTypes':
      return POLICY_TYPES.has(value) ? value : 'redacted';
    case 'type':
      return parent === 'conditions' ? names.labelKey(value) : value;
    default:
      return parent === 'annotations' && !PLAIN_ANNOTATION.test(value) ? 'redacted' : words.scrub(value);
  }
}

function apiVersion(value: string, { renaming: { names } }: Words): string {
  const [, group, version] = /^(.*)\/(v\d+(?:(?:alpha|beta)\d+)?)$/.exec(value) ?? [];
  if (group === undefined) return value === 'v1' ? value : names.name(value);
  return API_GROUPS.has(group) ? value : `${names.name(group)}/${version}`;
}

function redactLabels(labels: JsonObject, words: Words): JsonObject {
  // A list's `selector` may be of another shape than a Service's: { matchLabels }.
  if (Object.values(labels).some((value) => typeof value !== 'string'))
    return redact(labels, '', '', words) as JsonObject;
  const { names } = words.renaming;
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [names.labelKey(key), names.labelValue(key, text(value))]),
  );
}

/** Names of all objects in some lists. */
export function namesIn(lists: readonly Json[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const list of lists)
    for (const item of items(list)) {
      const metadata = isObject(item.metadata) ? item.metadata : {};
      for (const name of [text(metadata.name), text(metadata.namespace)]) if (name !== '') names.add(name);
    }
  return names;
}

/** The ports of all Services with the endpoints of their slices, as kube-proxy's iptables mode hashes them. */
export function servicePortsOf(services: Json, slices: Json): readonly ServicePort[] {
  const endpoints = new Map<string, string[]>();
  for (const slice of items(slices)) {
    const metadata = isObject(slice.metadata) ? slice.metadata : {};
    const labels = isObject(metadata.labels) ? metadata.labels : {};
    for (const port of array(slice.ports)) {
      const key = [
        metadata.namespace,
        labels['kubernetes.io/service-name'],
        text(port.name),
        port.protocol ?? 'TCP',
      ].join('/');
      const known = endpoints.get(key) ?? [];
      for (const { addresses } of array(slice.endpoints)) {
        const address = Array.isArray(addresses) ? text(addresses[0]) : '';
        known.push(address.includes(':') ? `[${address}]:${port.port}` : `${address}:${port.port}`);
      }
      endpoints.set(key, known);
    }
  }
  return items(services).flatMap(({ metadata, spec }) => {
    if (!isObject(metadata) || !isObject(spec)) return [];
    const [namespace, service] = [text(metadata.namespace), text(metadata.name)];
    return array(spec.ports).map((port) => {
      const [name, protocol] = [text(port.name), text(port.protocol) || 'TCP'];
      const of = endpoints.get([namespace, service, name, protocol].join('/')) ?? [];
      return { namespace, service, port: name, protocol: protocol.toLowerCase(), endpoints: of };
    });
  });
}

/** The first address of each endpoint: the one that kube-proxy takes. */
export function endpointAddressesIn(slices: Json): readonly string[] {
  return items(slices).flatMap(({ endpoints }) =>
    array(endpoints).flatMap(({ addresses }) => {
      const address = parseAddress(Array.isArray(addresses) ? text(addresses[0]) : '');
      return address === undefined ? [] : [formatIp(address)];
    }),
  );
}

/** Names that people give, in files of /etc/iproute2 or to namespaces, by the member that has them; with those that iproute2 brings. */
const NAMED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['table', ROUTING_TABLES],
  ['protocol', PROTOCOLS],
  ['group', new Set(['default'])],
  ['realm', new Set<string>()],
  ['realms', new Set<string>()],
  ['link_netns', new Set<string>()],
  ['user', new Set(['root'])],
]);
/** Other names of an interface, and of what it is made of. */
const DROPPED: ReadonlySet<string> = new Set(['altnames', 'phys_port_name', 'phys_port_id', 'phys_switch_id', 'prog']);

/** Output of `ip -j`: addresses wherever they are. Rules have the length of a prefix beside it. */
export function redactIpOutput(value: Json, words: Words): Json {
  if (typeof value === 'string') return words.scrub(value);
  if (Array.isArray(value)) return value.map((one) => redactIpOutput(one, words));
  if (!isObject(value)) return value;
  const { names } = words.renaming;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]): readonly (readonly [string, Json])[] => {
      if (DROPPED.has(key)) return [];
      const plain = NAMED.get(key);
      // The group of a VXLAN is an address.
      if (plain !== undefined && typeof one === 'string' && parseAddress(one) === undefined)
        return [[key, plain.has(one) || /^(?:0x[0-9a-f]+|\d+)$/.test(one) ? one : names.name(one)]];
      // `eth0:WORD` of an address: what is behind the interface anybody may choose (ip-address(8), label).
      if (key === 'label') return [[key, words.scrub(text(one).replace(/:.*$/, ''))]];
      if (key === 'ifalias') return [[key, words.comment(text(one))]];
      const len = value[`${key}len`];
      if ((key === 'src' || key === 'dst') && typeof one === 'string' && typeof len === 'number') {
        const network = words.network(one, String(len));
        return [[key, network === undefined ? one : network.slice(0, network.indexOf('/'))]];
      }
      return [[key, redactIpOutput(one, words)]];
    }),
  );
}
