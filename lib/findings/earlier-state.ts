/**
 * Whether kube-proxy could have written a chain of a Service port at some earlier time: it is asked what it would write for the
 * Service with the endpoints that the node has, under every policy. What equals none of that, kube-proxy never wrote.
 */
import type { Endpoint, EndpointSlice, Service } from '../cluster/cluster';
import type { ExpectedFamily } from '../expected/expected-of-node';
import { type ClusterObjects, expectedTable } from '../expected/expected-table';
import type { ServicePortRef } from '../explain/kube-proxy-name';
import type { Chain, Table } from '../nft/model';
import { renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';
import type { Endpoints, PortState } from './proxy-state';

type Policy = 'Cluster' | 'Local';
const POLICIES: readonly Policy[] = ['Cluster', 'Local'];
/** That of Services without one: a chain with affinity does not name it. */
const ANY_AFFINITY = 10_800;

/** The chains of a Service port that no earlier state of its objects explains. */
export function unexplainedChains(
  state: PortState,
  service: Service,
  { family, actual, node, configuration }: ExpectedFamily,
): readonly Chain[] {
  if (actual === undefined) return [];
  const textsOf = chainTexts(actual);
  let left = state.chains.filter(({ name }) => !name.startsWith('firewall-'));
  for (const variant of variantsOf(state, service, family, node.name)) {
    if (left.length === 0) break;
    const table = expectedTable(family, variant, node, configuration);
    const written = new Map(table.chains.map((chain) => [chain.name, chain]));
    const texts = chainTexts(table);
    left = left.filter((chain) => {
      const other = written.get(chain.name);
      return other === undefined || texts(other) !== textsOf(chain);
    });
  }
  return left;
}

function chainTexts(table: Table): (chain: Chain) => string {
  const ctx = renderContext(table, undefined);
  return ({ rules }) => rules.map((rule) => renderRule(rule, ctx)).join('\n');
}

/** Choices may have been narrowed by hints of topology, so each chain's endpoints are tried by themselves as well. */
function* variantsOf(
  { port, cluster = NONE, local = NONE }: PortState,
  service: Service,
  family: 'ip' | 'ip6',
  node: string,
): Generator<ClusterObjects> {
  const affinities = [service.clientIPAffinity, service.clientIPAffinity === undefined ? ANY_AFFINITY : undefined];
  const here = new Set(local.keys());
  const choices: readonly (readonly [Endpoints, ReadonlySet<string>])[] = [
    [new Map([...cluster, ...local]), here],
    [cluster, new Set(cluster.keys())],
    [cluster, new Set()],
    [local, here],
  ];
  for (const [endpoints, isHere] of choices) {
    const endpointSlices = slicesOf(endpoints, isHere, port, service, family, node);
    for (const clientIPAffinity of affinities)
      for (const internalTrafficPolicy of POLICIES)
        for (const externalTrafficPolicy of POLICIES)
          yield {
            services: [{ ...service, clientIPAffinity, internalTrafficPolicy, externalTrafficPolicy }],
            endpointSlices,
          };
  }
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
