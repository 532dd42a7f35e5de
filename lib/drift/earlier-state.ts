/**
 * Whether kube-proxy could have written a chain of a Service port at some earlier time: it is asked what it would write for the
 * Service with the endpoints that the node has, under every policy. What equals none of that, kube-proxy never wrote.
 */
import type { Endpoint, EndpointSlice, Service } from '../cluster/cluster';
import type { ExpectedFamily } from '../expected/expected-of-node';
import { expectedTable } from '../expected/expected-table';
import type { ServicePortRef } from '../explain/kube-proxy-name';
import type { Chain, Table } from '../nft/model';
import { renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';
import type { Endpoints, PortState } from './proxy-state';

type Policy = 'Cluster' | 'Local';
const POLICIES: readonly Policy[] = ['Cluster', 'Local'];
/** That of Services without one: a chain with affinity does not name it. */
const ANY_AFFINITY = 10_800;
/** Addresses for documentation (RFC 5737, RFC 3849) stand for those from outside that a Service may have had. */
const OUTSIDE = { ip: '192.0.2.1', ip6: '2001:db8::1' } as const;

/** Whether one earlier state of a Service port's objects explains all chains that it has. */
export function isExplained(
  state: PortState,
  service: Service,
  { family, actual, node, configuration }: ExpectedFamily,
): boolean {
  if (actual === undefined) return true;
  const textsOf = chainTexts(actual);
  // Ranges of sources may have been any.
  const chains = state.chains.filter(({ name }) => !name.startsWith('firewall-'));
  for (const earlier of earlierServices(state, service, family)) {
    const left = new Set(chains);
    for (const endpointSlices of choicesOf(state, service, family, node.name)) {
      if (left.size === 0) return true;
      const table = expectedTable(family, { services: [earlier], endpointSlices }, node, configuration);
      const written = new Map(table.chains.map((chain) => [chain.name, chain]));
      const texts = chainTexts(table);
      for (const chain of left) {
        const other = written.get(chain.name);
        if (other !== undefined && texts(other) === textsOf(chain)) left.delete(chain);
      }
    }
    if (left.size === 0) return true;
  }
  return false;
}

function chainTexts(table: Table): (chain: Chain) => string {
  const ctx = renderContext(table, undefined);
  return ({ rules }) => rules.map((rule) => renderRule(rule, ctx)).join('\n');
}

/** The Service under every policy, as it is first; what leads to its chains tells some of it. */
function* earlierServices(state: PortState, service: Service, family: 'ip' | 'ip6'): Generator<Service> {
  const targets = [...state.served.values()];
  const internal = targets.some((name) => name.startsWith('service-'))
    ? (['Cluster'] as const)
    : targets.some((name) => name.startsWith('local-'))
      ? (['Local'] as const)
      : POLICIES;
  const affinities = [service.clientIPAffinity, service.clientIPAffinity === undefined ? ANY_AFFINITY : undefined];
  const exposed: Service = {
    ...service,
    type: 'LoadBalancer',
    externalIPs: [...service.externalIPs, OUTSIDE[family]],
  };
  const hidden: Service = {
    ...service,
    type: 'ClusterIP',
    externalIPs: [],
    virtualIPs: [],
    ports: service.ports.map((port) => ({ ...port, nodePort: undefined })),
  };
  for (const one of [service, exposed, hidden])
    for (const clientIPAffinity of affinities)
      for (const internalTrafficPolicy of internal)
        for (const externalTrafficPolicy of POLICIES)
          yield { ...one, clientIPAffinity, internalTrafficPolicy, externalTrafficPolicy };
}

/** What the node has; and each chain's endpoints by themselves, as hints of topology may have narrowed one of them. */
function* choicesOf(
  { port, cluster = NONE, local = NONE }: PortState,
  service: Service,
  family: 'ip' | 'ip6',
  node: string,
): Generator<readonly EndpointSlice[]> {
  const here = new Set(local.keys());
  const choices: readonly (readonly [Endpoints, ReadonlySet<string>])[] = [
    [new Map([...cluster, ...local]), here],
    [cluster, new Set(cluster.keys())],
    [cluster, new Set()],
    [local, here],
  ];
  for (const [endpoints, isHere] of choices) yield slicesOf(endpoints, isHere, port, service, family, node);
}

const NONE: Endpoints = new Map();

/** One slice for each endpoint. */
function slicesOf(
  endpoints: Endpoints,
  here: ReadonlySet<string>,
  port: ServicePortRef,
  service: Service,
  family: 'ip' | 'ip6',
  node: string,
): readonly EndpointSlice[] {
  const upper = port.protocol.toUpperCase();
  const known = service.ports.find(({ name = '', protocol }) => name === port.port && protocol === upper);
  if (known === undefined) return [];
  return [...endpoints].map(([text, { address, port: number }]) => ({
    namespace: service.namespace,
    name: text,
    service: service.name,
    headless: false,
    addressType: family === 'ip' ? 'IPv4' : 'IPv6',
    ports: [{ name: port.port, named: true, protocol: known.protocol, port: number }],
    endpoints: [{ ...READY, addresses: [address], node: here.has(text) ? node : undefined }],
  }));
}

const READY: Omit<Endpoint, 'addresses' | 'node'> = {
  ready: true,
  serving: true,
  terminating: false,
  zone: undefined,
  pod: undefined,
  forZones: [],
  forNodes: [],
};
