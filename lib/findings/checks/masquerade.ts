/** How kube-proxy tells traffic of this node's pods from other traffic, and whether it does. */
import type { Pod } from '../../cluster/cluster';
import { inferConfiguration } from '../../expected/infer-configuration';
import { formatAddress, inPrefix, parseAddress } from '../../net/address';
import { parsePrefix } from '../../net/prefix';
import type { Expression, Table } from '../../nft/model';
import type { Network } from '../../reach/network';
import type { Prepared } from '../../sim';
import { isProxyTable } from '../foreign';
import { deviceTowards, podAddress } from '../probes';
import { listed } from '../show';

export interface WrongLocal {
  readonly node: string;
  readonly family: 'ip' | 'ip6';
  /**
   * `always`: pods of the node that are taken for strangers; `never`: strangers that are taken for pods; `untold`: nothing is, other
   * than on the other nodes; `all`: everything is masqueraded, other than on the other nodes.
   */
  readonly kind: 'always' | 'never' | 'untold' | 'all';
  /** What is compared with, as it is written: a network or an interface. */
  readonly told: string;
  readonly pods: readonly Pod[];
  /** Who is no pod and taken for one: `nodes (10.240.0.11)`. */
  readonly strangers: string;
  /** A command that lists the rules which tell. */
  readonly look: string;
}

/** An address of the Internet, which no pod has. */
const STRANGER = { ip: '8.8.4.4', ip6: '2001:4860:4860::8844' } as const;

export function wrongLocalTraffic(network: Network): readonly WrongLocal[] {
  const { pods } = network.cluster;
  if (!pods.known) return [];
  const isTold = (family: 'ip' | 'ip6') =>
    [...network.nodes.values()].some(({ prepared }) => localTest(prepared, family) !== undefined);
  const odd = { ip: masqueradingAll(network, 'ip'), ip6: masqueradingAll(network, 'ip6') };
  return [...network.nodes].flatMap(([node, { prepared }]) =>
    (['ip', 'ip6'] as const).flatMap((family): readonly WrongLocal[] => {
      const test = localTest(prepared, family);
      const one = { node, family, told: test?.told ?? '', pods: [], strangers: '', look: lookAt(prepared, family) };
      if (odd[family].has(node)) return [{ ...one, kind: 'all' }];
      if (test === undefined)
        return isTold(family) && tellsNothing(prepared, family) ? [{ ...one, kind: 'untold' }] : [];
      const own = pods.value.filter((pod) => podAddress(pod, node, family) !== undefined);
      const strange = own.filter((pod) => test.holds(podAddress(pod, node, family) ?? '') === false);
      if (strange.length > 0) return [{ ...one, kind: 'always', pods: strange }];
      if (test.holds(STRANGER[family]) === true) return [{ ...one, kind: 'never', strangers: 'the Internet' }];
      const nodes = nodesApart(network, family).filter((address) => test.holds(address) === true);
      return nodes.length > 0 ? [{ ...one, kind: 'never', strangers: `nodes (${listed(nodes)})` }] : [];
    }),
  );
}

/**
 * Addresses of nodes that lie in no network of pods, so that a network for the pods alone exists: where the cloud gives both out of one,
 * no cluster CIDR tells them apart.
 */
function nodesApart({ cluster }: Network, family: 'ip' | 'ip6'): readonly string[] {
  const { nodes, pods } = cluster;
  if (!nodes.known || !pods.known) return [];
  const ofFamily = (text: string) => parsePrefix(text)?.family === family;
  const networks = nodes.value.flatMap(({ podCIDRs }) => podCIDRs).filter(ofFamily);
  const addresses = pods.value.flatMap((pod) => (pod.hostNetwork ? [] : pod.addresses)).filter(ofFamily);
  // Pods that others give addresses to.
  if (!addresses.every((address) => networks.some((one) => isIn(address, one)))) return [];
  const common = commonPrefix([...networks, ...addresses]);
  if (common === undefined) return [];
  return nodes.value.flatMap((node) => node.addresses.filter((one) => ofFamily(one) && !isIn(one, common)));
}

/** The smallest network that holds all of them. */
function commonPrefix(texts: readonly string[]): string | undefined {
  const [first, ...others] = texts.flatMap((text) => parsePrefix(text) ?? []);
  if (first === undefined) return undefined;
  let len = Math.min(first.len, ...others.map((one) => one.len));
  while (len > 0 && !others.every((one) => inPrefix(one.addr, first.addr, len))) len--;
  return `${formatAddress(first.addr)}/${len}`;
}

/** Where kube-proxy's rules tell whose traffic is local: one rule from 1.36, before at the head of each chain of a Service. */
function lookAt(p: Prepared, family: 'ip' | 'ip6'): string {
  const table = tableOf(p, family);
  if (table === undefined) return `${family === 'ip' ? 'iptables' : 'ip6tables'}-save -t nat | grep -e KUBE-MARK-MASQ`;
  const isInChains = table.chains.some(({ name }) => name === 'mark-for-masquerade');
  return isInChains
    ? `nft list table ${family} kube-proxy | grep -e mark-for-masquerade`
    : `nft list chain ${family} kube-proxy services`;
}

interface LocalTest {
  readonly told: string;
  /** Undefined where it cannot be known. */
  holds(address: string): boolean | undefined;
}

function localTest(p: Prepared, family: 'ip' | 'ip6'): LocalTest | undefined {
  const { ruleset } = p.world;
  if (!ruleset.known) return undefined;
  const table = tableOf(p, family);
  return table === undefined ? iptablesTest(p, family) : nftablesTest(p, inferLocal(table));
}

const configurationOf = (table: Table) =>
  inferConfiguration(table, { version: undefined, address: undefined, localAddresses: undefined })?.configuration;

const inferLocal = (table: Table) => configurationOf(table)?.localTraffic;

/** Nodes whose kube-proxy masquerades all (masqueradeAll), where others do not and are no fewer. */
function masqueradingAll({ nodes }: Network, family: 'ip' | 'ip6'): ReadonlySet<string> {
  const known = [...nodes].flatMap(([node, { prepared }]) => {
    const table = tableOf(prepared, family);
    const configuration = table === undefined ? undefined : configurationOf(table);
    return configuration === undefined ? [] : [{ node, isAll: configuration.masqueradeAll }];
  });
  const all = known.filter(({ isAll }) => isAll);
  return new Set(all.length * 2 > known.length ? [] : all.map(({ node }) => node));
}

function tableOf({ world: { ruleset } }: Prepared, family: 'ip' | 'ip6'): Table | undefined {
  if (!ruleset.known) return undefined;
  return ruleset.value.tables.find((one) => one.family === family && isProxyTable(one));
}

/** kube-proxy has written its rules for Services without a word on whose traffic is local, and does not masquerade all. */
function tellsNothing(p: Prepared, family: 'ip' | 'ip6'): boolean {
  const table = tableOf(p, family);
  // Chains that somebody emptied say nothing of what kube-proxy was told.
  if (table?.chains.some(({ name, rules }) => name.startsWith('service-') && rules.length > 0) !== true) return false;
  const configuration = configurationOf(table);
  return configuration !== undefined && configuration.localTraffic === undefined && !configuration.masqueradeAll;
}

function nftablesTest(p: Prepared, local: ReturnType<typeof inferLocal>): LocalTest | undefined {
  if (local === undefined || typeof local.left !== 'object') return undefined;
  const { left, right } = local;
  if (left.kind === 'payload' && left.field === 'saddr') {
    const networks = networksIn(right);
    if (networks === undefined) return undefined;
    return { told: networks.join(', '), holds: (address) => networks.some((one) => isIn(address, one)) };
  }
  if (left.kind !== 'meta' || (left.key !== 'iifname' && left.key !== 'iif')) return undefined;
  const names = texts(right);
  if (names === undefined) return undefined;
  return { told: names.join(', '), holds: (address) => isBehind(p, address, names) };
}

function isBehind(p: Prepared, address: string, names: readonly string[]): boolean | undefined {
  const dev = deviceTowards(p, address);
  // A port of a bridge is seen as the bridge.
  return dev === undefined
    ? undefined
    : names.some((name) => name === dev || (name.endsWith('*') && dev.startsWith(name.slice(0, -1))));
}

const isIn = (text: string, network: string): boolean => {
  const [address, prefix] = [parseAddress(text), parsePrefix(network)];
  return address !== undefined && prefix?.family === address.family && inPrefix(address.value, prefix.addr, prefix.len);
};

/** The networks that an expression names; undefined where it names anything else. */
function networksIn(right: Expression): readonly string[] | undefined {
  if (typeof right === 'string') return [right];
  if (typeof right !== 'object') return undefined;
  if (right.kind === 'prefix' && typeof right.addr === 'string') return [`${right.addr}/${right.len}`];
  return right.kind === 'set' ? every(right.elements.map(({ key }) => networksIn(key))) : undefined;
}

function texts(right: Expression): readonly string[] | undefined {
  if (typeof right === 'string') return [right];
  return typeof right === 'object' && right.kind === 'set'
    ? every(right.elements.map(({ key }) => texts(key)))
    : undefined;
}

const every = (lists: readonly (readonly string[] | undefined)[]): readonly string[] | undefined =>
  lists.every((one) => one !== undefined) ? lists.flat() : undefined;

/** In iptables mode: `! -s NETWORK … -j KUBE-MARK-MASQ` in the chains of Services (pkg/proxy/iptables/proxier.go). */
function iptablesTest(p: Prepared, family: 'ip' | 'ip6'): LocalTest | undefined {
  const save = p.world.iptables[family];
  if (!save.known) return undefined;
  for (const { table, chain, args } of save.value.rules) {
    if (table !== 'nat' || !/^KUBE-SV[CL]-/.test(chain) || args.at(-1) !== 'KUBE-MARK-MASQ') continue;
    const at = args.findIndex((word, i) => word === '!' && args[i + 1] === '-s');
    const network = args[at + 2];
    const prefix = at < 0 || network === undefined ? undefined : parsePrefix(network);
    if (prefix === undefined || network === undefined) continue;
    return { told: `${formatAddress(prefix.addr)}/${prefix.len}`, holds: (address) => isIn(address, network) };
  }
  return undefined;
}
