/**
 * What the cluster says of kube-proxy's configuration goes before what its table tells; where the two say different things, both are named.
 * The table may be older than the ConfigMap: kube-proxy reads that when it starts, and ServiceCIDRs and addresses at full syncs.
 */
import type { Cluster, ClusterNode, ProxyConfig } from '../cluster/cluster';
import { addressOf, contains, networkExpression, networkOf, networkSet, type ProxyFamily } from './addresses';
import type { ProxyConfiguration } from './configuration';
import type { Assumption, InferredConfiguration, NodeFacts } from './infer-configuration';
import { source } from './statements';

const CONFIG = "kube-proxy's ConfigMap";
const CIDRS = 'the ServiceCIDR objects';

interface Given {
  readonly what: Assumption['what'];
  readonly value: string;
  readonly from: string;
  readonly change: Partial<ProxyConfiguration>;
}

/** @param object the Node, for the networks of its pods */
export function withGiven(
  inferred: InferredConfiguration,
  family: ProxyFamily,
  facts: NodeFacts,
  { proxyConfig, serviceCIDRs }: Pick<Cluster, 'proxyConfig' | 'serviceCIDRs'>,
  object: ClusterNode | undefined,
): InferredConfiguration {
  const config = proxyConfig.known ? proxyConfig.value : undefined;
  const given = [
    masqueradeAll(config),
    localTraffic(config, inferred, family, object),
    nodePortAddresses(config, family, facts),
    serviceCIDRs.known ? unallocated(serviceCIDRs.value, inferred, family) : undefined,
  ].filter((one) => one !== undefined);
  let { configuration } = inferred;
  for (const { change } of given) configuration = { ...configuration, ...change };
  const assumptions = inferred.assumptions.map((one): Assumption => {
    const known = given.find(({ what }) => what === one.what);
    if (known === undefined) return one;
    const other = sameWords(known.value, one.value) ? '' : `; the table says ${one.value} (${one.from})`;
    return { what: one.what, value: known.value, from: known.from + other };
  });
  const mode = config?.mode;
  const otherMode: readonly Assumption[] =
    mode === undefined || mode === 'nftables'
      ? []
      : [{ what: 'mode', value: 'nftables', from: `the table that is there; ${CONFIG} says ${mode}` }];
  return { configuration, assumptions: [...assumptions, ...otherMode] };
}

/** Lists are the same in any order. */
const sameWords = (a: string, b: string): boolean => {
  const words = (text: string) =>
    text
      .split(/[\s,{}]+/)
      .filter(Boolean)
      .sort()
      .join(' ');
  return words(a) === words(b);
};

function masqueradeAll(config: ProxyConfig | undefined): Given | undefined {
  const value = config?.masqueradeAll;
  if (value === undefined) return undefined;
  return { what: 'masqueradeAll', value: String(value), from: CONFIG, change: { masqueradeAll: value } };
}

/**
 * Only where the table tells local traffic by an address: the detection may be another one (NodeCIDR, an interface), which is not in
 * what is kept of the ConfigMap.
 */
function localTraffic(
  config: ProxyConfig | undefined,
  { configuration }: InferredConfiguration,
  family: ProxyFamily,
  object: ClusterNode | undefined,
): Given | undefined {
  const [network] = (config?.clusterCIDR ?? '').split(',').flatMap((text) => networkOf(text.trim(), family) ?? []);
  const told = configuration.localTraffic;
  if (network === undefined || told === undefined) return undefined;
  if (typeof told.left !== 'object' || told.left.kind !== 'payload') return undefined;
  const toldText = networkText(told.right);
  const ofNode = (object?.podCIDRs ?? []).flatMap((text) => networkOf(text, family) ?? []);
  if (ofNode.some((one) => networkText(networkExpression(one, family)) === toldText)) return undefined;
  const right = networkExpression(network, family);
  const value = `${family} saddr ${networkText(right)}`;
  return { what: 'local traffic', value, from: CONFIG, change: { localTraffic: { left: source(family), right } } };
}

function networkText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { kind, addr, len, from, to, elements } = value as {
    readonly kind?: string;
    readonly addr?: string;
    readonly len?: number;
    readonly from?: string;
    readonly to?: string;
    readonly elements?: readonly { readonly key: unknown }[];
  };
  if (kind === 'prefix') return `${addr}/${len}`;
  if (kind === 'range') return `${from}-${to}`;
  return (elements ?? []).map(({ key }) => networkText(key)).join(', ');
}

/** A family without a network in the list takes NodePorts at all its local addresses; `primary` is the address of the Node. */
function nodePortAddresses(config: ProxyConfig | undefined, family: ProxyFamily, facts: NodeFacts): Given | undefined {
  const listed = config?.nodePortAddresses;
  // An empty list is the default, which has changed between releases.
  if (listed === undefined || listed.length === 0) return undefined;
  const from = CONFIG;
  const what = 'NodePort addresses';
  if (listed.includes('primary')) {
    if (facts.address === undefined) return undefined;
    return { what, value: facts.address, from, change: { nodePortAddresses: [facts.address] } };
  }
  const networks = listed.flatMap((text) => networkOf(text, family) ?? []);
  const isAny = networks.length === 0 || networks.some(({ len }) => len === 0);
  if (isAny) return { what, value: 'any local address', from, change: { nodePortAddresses: 'any' } };
  if (facts.localAddresses === undefined) return undefined;
  const own = facts.localAddresses.flatMap((text) => addressOf(text, family) ?? []);
  const value = own.filter((address) => networks.some((network) => contains(network, address)));
  return { what, value: value.join(', ') || 'none', from, change: { nodePortAddresses: value } };
}

/** Only where the table has such a rule: releases without it write none. */
function unallocated(
  all: readonly string[],
  { configuration }: InferredConfiguration,
  family: ProxyFamily,
): Given | undefined {
  const networks = all.flatMap((text) => networkOf(text, family) ?? []);
  if (networks.length === 0 || configuration.unallocated === undefined) return undefined;
  const right = networkSet(networks, family);
  return { what: 'ServiceCIDRs', value: networkText(right), from: CIDRS, change: { unallocated: right } };
}
