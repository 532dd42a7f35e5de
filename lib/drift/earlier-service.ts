/**
 * The Service that a node's rules were written for, read back from them: addresses, ports, policies, affinity and ranges of sources may
 * all have been others than today's. Rules that kube-proxy would write exactly so for one Service are old, not changed by somebody.
 */
import type { Endpoint, EndpointSlice, Protocol, Service, ServicePort } from '../cluster/cluster';
import type { ExpectedFamily } from '../expected/expected-of-node';
import { expectedTable } from '../expected/expected-table';
import { parseKubeProxyName } from '../explain/kube-proxy-name';
import { TableOwners } from '../explain/object-owner';
import { formatAddress, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import type { Expression, SetElement, Table } from '../nft/model';
import { renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';
import { type PortState, partsOf } from './proxy-state';

type Policy = 'Cluster' | 'Local';
const POLICIES: readonly Policy[] = ['Cluster', 'Local'];

/**
 * What a table has for each Service, by `NAMESPACE/NAME`: one line for each chain with rules, each element and each affinity set. Lines
 * are written when they are asked for: most Services of a table are as they should be.
 */
export type ServiceLines = ReadonlyMap<string, readonly (() => string)[]>;

const MAPS: ReadonlySet<string> = new Set([
  'service-ips',
  'service-nodeports',
  'no-endpoint-services',
  'no-endpoint-nodeports',
  'firewall-ips',
]);

/** O(rules + elements). */
export function serviceLines(table: Table): ServiceLines {
  const ctx = renderContext(table, undefined);
  const owners = new TableOwners(table);
  const found = new Map<string, (() => string)[]>();
  const add = (of: { readonly namespace: string; readonly name: string } | undefined, line: () => string): void => {
    if (of === undefined) return;
    const name = `${of.namespace}/${of.name}`;
    const lines = found.get(name);
    if (lines === undefined) found.set(name, [line]);
    else lines.push(line);
  };
  for (const { name, rules } of table.chains) {
    if (rules.length === 0) continue;
    add(parseKubeProxyName(name)?.service, () => `${name} ${rules.map((one) => renderRule(one, ctx)).join('; ')}`);
  }
  for (const set of table.sets) {
    if (MAPS.has(set.name)) {
      for (const one of set.elements)
        add(owners.element(set.name, one).services[0], () => `${set.name} ${elementLine(one)}`);
    } else if (set.name === 'cluster-ips') {
      for (const one of set.elements) {
        const { services } = owners.element(set.name, one);
        const names = new Map(services.map((port) => [`${port.namespace}/${port.name}`, port]));
        for (const port of names.values()) add(port, () => `${set.name} ${elementLine(one)}`);
      }
    } else if (set.name.startsWith('affinity-')) {
      add(parseKubeProxyName(set.name)?.service, () => `${set.name} ${set.timeout ?? ''}`);
    }
  }
  return found;
}

function elementLine({ key, data, comment = '' }: SetElement): string {
  const verdict = data !== undefined && isVerdict(data) ? `${data.kind} ${'target' in data ? data.target : ''}` : '';
  return `${partsOf(key).join(' ')} ${verdict} ${comment}`;
}

/**
 * Undefined where kube-proxy would have written all of it for no one Service.
 *
 * @param states of all ports that the table has of the Service
 * @param lines of the Service in the table
 */
export function earlierService(
  states: readonly PortState[],
  lines: readonly string[],
  now: Service,
  { family, actual, node, configuration }: ExpectedFamily,
): Service | undefined {
  if (actual === undefined || states.length === 0) return undefined;
  const has = [...lines].sort().join('\n');
  const read = readBack(states, now, actual);
  for (const policies of policiesOf(now)) {
    const earlier: Service = { ...read, ...policies };
    for (const kind of ENDPOINTS) {
      const endpointSlices = states.flatMap((state) => slicesOf(state, kind, earlier, family, node.name));
      const table = expectedTable(
        family,
        { services: [earlier], endpointSlices },
        { ...node, zone: HERE },
        configuration,
      );
      const written = serviceLines(table).get(`${now.namespace}/${now.name}`) ?? [];
      if (
        written.length === lines.length &&
        written
          .map((line) => line())
          .sort()
          .join('\n') === has
      )
        return earlier;
    }
  }
  return undefined;
}

/** Today's first: where rules tell nothing of a policy it has not changed. */
const policiesOf = ({ internalTrafficPolicy, externalTrafficPolicy }: Service) => {
  const others = POLICIES.flatMap((internal) =>
    POLICIES.map((external) => ({ internalTrafficPolicy: internal, externalTrafficPolicy: external })),
  );
  return [{ internalTrafficPolicy, externalTrafficPolicy }, ...others];
};

// ------------------------------------------------------------------------------------------------------------ the Service

/** All but the policies. */
function readBack(states: readonly PortState[], now: Service, table: Table): Service {
  const keys = states.map((state) => [...state.served.keys(), ...state.refused].map((key) => key.split(' ')));
  const addresses = new Set(keys.flat().flatMap(([address, , port]) => (port === undefined ? [] : (address ?? []))));
  const internal = states.flatMap(({ served }) =>
    [...served].flatMap(([key, chain]) => (/^(service|local)-/.test(chain) ? (key.split(' ')[0] ?? []) : [])),
  );
  const clusterIP = now.clusterIPs.find((one) => addresses.has(one)) ?? internal[0] ?? [...addresses][0] ?? '';
  const outside = [...addresses].filter((one) => one !== clusterIP);
  const guarded = new Set(states.flatMap((state) => [...state.guarded].map((key) => key.split(' ')[0])));
  const isBalanced = (one: string) =>
    !now.externalIPs.includes(one) && (guarded.has(one) || now.virtualIPs.includes(one));
  return {
    ...now,
    type: 'LoadBalancer',
    headless: false,
    otherProxy: false,
    clusterIPs: [clusterIP],
    virtualIPs: outside.filter(isBalanced),
    externalIPs: outside.filter((one) => !isBalanced(one)),
    loadBalancerSourceRanges: rangesOf(states),
    clientIPAffinity: affinityOf(states, table),
    ports: states.map((state, at) => portOf(state, keys[at] ?? [], clusterIP)),
  };
}

function portOf({ port }: PortState, keys: readonly (readonly string[])[], clusterIP: string): ServicePort {
  const number = keys.find(([address, , last]) => last !== undefined && address === clusterIP)?.[2];
  const nodePort = keys.find(({ length }) => length === 2)?.[1];
  return {
    name: port.port === '' ? undefined : port.port,
    protocol: port.protocol.toUpperCase() as Protocol,
    port: Number(number ?? 0),
    targetPort: undefined,
    nodePort: nodePort === undefined ? undefined : Number(nodePort),
  };
}

function affinityOf(states: readonly PortState[], table: Table): number | undefined {
  const chains = new Set(
    states.flatMap((state) => state.chains.map(({ name }) => name.replace(/^endpoint-/, 'affinity-'))),
  );
  return table.sets.find(({ name }) => chains.has(name))?.timeout;
}

/** The networks that the rule of a firewall chain lets in; none where there is no such rule. */
function rangesOf(states: readonly PortState[]): readonly string[] {
  const chain = states.flatMap(({ chains }) => chains).find(({ name }) => name.startsWith('firewall-'));
  const [match] = chain?.rules[0]?.statements ?? [];
  if (match?.kind !== 'match' || match.op !== '!=') return [];
  const { right } = match;
  const networks = rangesIn(right);
  const [only] = networks;
  // A set of one network came of several that touch.
  const isSet = typeof right === 'object' && right.kind === 'set';
  return isSet && networks.length === 1 && only !== undefined ? halves(only) : networks;
}

function rangesIn(expression: Expression): readonly string[] {
  if (typeof expression === 'string') return [withLength(expression)];
  if (typeof expression !== 'object') return [];
  switch (expression.kind) {
    case 'prefix':
      return [`${String(expression.addr)}/${expression.len}`];
    case 'set':
      return expression.elements.flatMap(({ key }) => rangesIn(key));
    case 'range':
      return networksBetween(String(expression.from), String(expression.to));
    default:
      return [];
  }
}

/** The largest networks that a range is made of. */
function networksBetween(from: string, to: string): readonly string[] {
  const [first, last] = [parseAddress(from), parseAddress(to)];
  if (first === undefined || last === undefined) return [];
  const bits = first.family === 'ip' ? 32 : 128;
  const found: string[] = [];
  let at = BigInt(first.value);
  const end = BigInt(last.value);
  while (at <= end) {
    let host = 0;
    while (host < bits && (at & ((2n << BigInt(host)) - 1n)) === 0n && at + (2n << BigInt(host)) - 1n <= end) host++;
    found.push(`${formatAddress(first.family === 'ip' ? Number(at) : at)}/${bits - host}`);
    at += 1n << BigInt(host);
  }
  return found;
}

const withLength = (address: string): string => `${address}/${parseAddress(address)?.family === 'ip6' ? 128 : 32}`;

function halves(network: string): readonly string[] {
  const prefix = parsePrefix(network);
  const bits = prefix?.family === 'ip6' ? 128 : 32;
  if (prefix === undefined || prefix.len >= bits) return [network, network];
  const [address] = network.split('/');
  // The network itself covers its first half.
  return [`${address}/${prefix.len + 1}`, network];
}

// ------------------------------------------------------------------------------------------------------------ its endpoints

/**
 * What is not seen in the rules: `hinted`, hints of topology keep some from the choice for all; `leaving`, those of this node alone
 * are about to end; `elsewhere`, there are others that a policy Local passes over.
 */
const ENDPOINTS = ['plain', 'hinted', 'leaving', 'elsewhere'] as const;
type Kind = (typeof ENDPOINTS)[number];

const HERE = 'here';
/** An address for documentation (RFC 5737, RFC 3849). */
const OUTSIDE = { ip: '192.0.2.1', ip6: '2001:db8::1' } as const;

/** One slice for each endpoint: ports with a name may be other numbers on other pods. */
function slicesOf(
  { port, cluster = new Map(), local = new Map() }: PortState,
  kind: Kind,
  { namespace, name }: Service,
  family: 'ip' | 'ip6',
  node: string,
): readonly EndpointSlice[] {
  const slice = (number: number, endpoint: Endpoint): EndpointSlice => ({
    namespace,
    name: port.port,
    service: name,
    headless: false,
    addressType: family === 'ip' ? 'IPv4' : 'IPv6',
    ports: [{ name: port.port, named: true, protocol: port.protocol.toUpperCase() as Protocol, port: number }],
    endpoints: [endpoint],
  });
  const slices = [...new Map([...cluster, ...local])].map(([text, one]) => {
    const isChosen = cluster.has(text);
    const isLeaving = kind === 'leaving' && !isChosen;
    return slice(one.port, {
      ...READY,
      ready: !isLeaving,
      terminating: isLeaving,
      addresses: [one.address],
      node: local.has(text) ? node : undefined,
      forZones: kind === 'hinted' ? [isChosen ? HERE : 'elsewhere'] : [],
    });
  });
  const isMore = kind === 'elsewhere' && cluster.size === 0;
  return isMore ? [...slices, slice(1, { ...READY, addresses: [OUTSIDE[family]] })] : slices;
}

const READY: Endpoint = {
  addresses: [],
  node: undefined,
  ready: true,
  serving: true,
  terminating: false,
  zone: undefined,
  pod: undefined,
  forZones: [],
  forNodes: [],
};
