/** What kube-proxy writes whatever the Services are (pkg/proxy/nftables/proxier.go: setupNFTables). */
import type { BaseChain, Chain, Expression, MapData, NftSet, Rule, SetElement, Statement } from '../nft/model';
import type { ProxyFamily } from './addresses';
import type { LocalTraffic, ProxyConfiguration } from './configuration';
import type { Generation } from './release';
import {
  addressType,
  concat,
  destination,
  destinationPort,
  flipMark,
  hasMark,
  IS_DNAT,
  IS_NEW,
  isInSet,
  jump,
  lookUp,
  MASQUERADE,
  match,
  meta,
  NO_HANDLE,
  reject,
  rule,
  setMark,
  setref,
  source,
} from './statements';

export const chain = (name: string, rules: readonly Rule[]): Chain => ({ name, handle: NO_HANDLE, rules });

type BaseRow = readonly [
  name: string,
  type: 'filter' | 'nat',
  hook: BaseChain['hook'],
  prio: number,
  jumps: readonly string[],
];

const NAT: readonly BaseRow[] = [
  ['nat-prerouting', 'nat', 'prerouting', -100, ['services']],
  ['nat-output', 'nat', 'output', -100, ['services']],
  ['nat-postrouting', 'nat', 'postrouting', 100, ['masquerading']],
];
/** Up to early 1.33 all filtering is before DNAT; -90 is behind it. */
const FILTER_BEFORE_DNAT: readonly BaseRow[] = [
  ['filter-prerouting', 'filter', 'prerouting', -110, ['firewall-check']],
  ['filter-input', 'filter', 'input', -110, ['nodeport-endpoints-check', 'service-endpoints-check']],
  ['filter-forward', 'filter', 'forward', -110, ['service-endpoints-check', 'cluster-ips-check']],
  ['filter-output', 'filter', 'output', -110, ['service-endpoints-check', 'firewall-check']],
  ['filter-output-post-dnat', 'filter', 'output', -90, ['cluster-ips-check']],
];
const FILTER: readonly BaseRow[] = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', -110, ['firewall-check']],
  ['filter-output-pre-dnat', 'filter', 'output', -110, ['firewall-check']],
  ['filter-input', 'filter', 'input', 0, ['nodeport-endpoints-check', 'service-endpoints-check']],
  ['filter-forward', 'filter', 'forward', 0, ['service-endpoints-check', 'cluster-ips-check']],
  ['filter-output', 'filter', 'output', 0, ['service-endpoints-check', 'cluster-ips-check']],
];

/** New connections only in filter chains; nat chains see nothing else anyway. */
export function baseChains(generation: Generation): readonly Chain[] {
  const rows = [...(generation === 'B' ? FILTER_BEFORE_DNAT : FILTER), ...NAT];
  return rows.map(([name, type, hook, prio, jumps]) => ({
    name,
    handle: NO_HANDLE,
    base: { type, hook, prio, policy: 'accept', devices: [] },
    rules: jumps.map((target) => rule(type === 'filter' ? [IS_NEW, jump(target)] : [jump(target)])),
  }));
}

/** From 1.36 on marks are set in place and hairpin connections are a set. */
export const marksInPlace = (generation: Generation): boolean => generation === 'D' || generation === 'E';

export const MARK_CHAIN = 'mark-for-masquerade';
export const REJECT_CHAIN = 'reject-chain';

const HAIRPINS = 'hairpin-connections';

/** Names of base chains, and of chains and sets for all Services, that only some layouts have. */
export const fixedNames = (): ReadonlySet<string> =>
  new Set([...FILTER_BEFORE_DNAT, ...FILTER, ...NAT].map(([name]) => name)).add(MARK_CHAIN).add(HAIRPINS);

export function fixedChains(family: ProxyFamily, config: ProxyConfiguration): readonly Chain[] {
  const { mark } = config;
  const daddr = destination(family);
  const inPlace = marksInPlace(config.release.generation);
  return [
    chain('nodeport-endpoints-check', [
      rule([...nodePortMatch(family, config, false), lookUp('no-endpoint-nodeports')]),
    ]),
    chain('service-endpoints-check', [rule([lookUp('no-endpoint-services', daddr)])]),
    chain('firewall-check', [rule([lookUp('firewall-ips', daddr)])]),
    chain('services', [
      ...(inPlace ? masqueradeRule(family, config) : []),
      rule([lookUp('service-ips', daddr)]),
      rule([...nodePortMatch(family, config, true), lookUp('service-nodeports')]),
    ]),
    chain('masquerading', inPlace ? masqueradingInPlace(family, mark) : masqueradingByReturn(mark)),
    chain('cluster-ips-check', clusterIpsCheck(family, config.unallocated)),
    ...(inPlace ? [] : [chain(MARK_CHAIN, [rule([setMark(mark)])])]),
    // reject is no verdict and so cannot be the value of a map.
    {
      ...chain(REJECT_CHAIN, [rule([reject(family)])]),
      comment: 'helper for @no-endpoint-services / @no-endpoint-nodeports',
    },
  ];
}

/** Traffic to NodePorts; `fib` is not asked on input, where all is for this node. */
function nodePortMatch(
  family: ProxyFamily,
  { nodePortAddresses }: ProxyConfiguration,
  isLocalAsked: boolean,
): readonly Statement[] {
  if (nodePortAddresses !== 'any') return [isInSet(destination(family), 'nodeport-ips')];
  const loopback = family === 'ip' ? ({ kind: 'prefix', addr: '127.0.0.0', len: 8 } as const) : '::1';
  const notLoopback = match(destination(family), '!=', loopback);
  return isLocalAsked ? [match(addressType('daddr'), '==', 'local'), notLoopback] : [notLoopback];
}

const isNotLocal = ({ left, right }: LocalTraffic): Statement => match(left, '!=', right);
export const isLocal = ({ left, right }: LocalTraffic): Statement => match(left, '==', right);

/** What of the traffic to ClusterIPs is masqueraded: `undefined` none, else those that pass these matches. */
export function masqueradeMatches({
  masqueradeAll,
  localTraffic,
}: ProxyConfiguration): readonly Statement[] | undefined {
  if (masqueradeAll) return [];
  return localTraffic === undefined ? undefined : [isNotLocal(localTraffic)];
}

function masqueradeRule(family: ProxyFamily, config: ProxyConfiguration): readonly Rule[] {
  const which = masqueradeMatches(config);
  if (which === undefined) return [];
  const comment = config.masqueradeAll
    ? 'masquerade all clusterIP traffic'
    : 'masquerade clusterIP traffic from outside cluster';
  return [rule([isInSet(destination(family), 'cluster-ips'), ...which, setMark(config.mark)], comment)];
}

const masqueradingInPlace = (family: ProxyFamily, mark: number): readonly Rule[] => [
  rule([hasMark(mark, true), flipMark(mark), MASQUERADE]),
  rule([
    IS_DNAT,
    match(concat(source(family), destination(family), meta('l4proto'), destinationPort('th')), '==', setref(HAIRPINS)),
    MASQUERADE,
  ]),
];

const masqueradingByReturn = (mark: number): readonly Rule[] => [
  rule([hasMark(mark, false), { kind: 'return' }]),
  rule([flipMark(mark)]),
  rule([MASQUERADE]),
];

function clusterIpsCheck(family: ProxyFamily, networks: Expression | undefined): readonly Rule[] {
  const daddr = destination(family);
  const check = rule([isInSet(daddr, 'cluster-ips'), reject(family)], 'Reject traffic to invalid ports of ClusterIPs');
  if (networks === undefined) return [check];
  return [check, rule([match(daddr, '==', networks), { kind: 'drop' }], 'Drop traffic to unallocated ClusterIPs')];
}

// ----------------------------------------------------------------------------------------------------- sets and maps

const VERDICT: MapData = { kind: 'verdict' };
export const addressTypeName = (family: ProxyFamily): string => (family === 'ip' ? 'ipv4_addr' : 'ipv6_addr');

/** The elements of each set and map, by its name. */
export type Elements = ReadonlyMap<string, readonly SetElement[]>;

export function fixedSets(family: ProxyFamily, config: ProxyConfiguration, elements: Elements): readonly NftSet[] {
  const address = addressTypeName(family);
  const port = ['inet_proto', 'inet_service'];
  const of = (kind: NftSet['kind'], name: string, names: readonly string[], comment: string): NftSet => ({
    kind,
    name,
    handle: NO_HANDLE,
    type: { kind: 'types', names },
    ...(kind === 'map' && { data: VERDICT }),
    flags: [],
    autoMerge: false,
    comment,
    statements: [],
    elements: elements.get(name) ?? [],
  });
  return [
    of('set', 'cluster-ips', [address], 'Active ClusterIPs'),
    ...(config.nodePortAddresses === 'any'
      ? []
      : [of('set', 'nodeport-ips', [address], 'IPs that accept NodePort traffic')]),
    ...(marksInPlace(config.release.generation)
      ? [of('set', HAIRPINS, [address, address, ...port], 'service hairpin connections')]
      : []),
    of(
      'map',
      'no-endpoint-services',
      [address, ...port],
      'vmap to drop or reject packets to services with no endpoints',
    ),
    of('map', 'no-endpoint-nodeports', port, 'vmap to drop or reject packets to service nodeports with no endpoints'),
    of('map', 'firewall-ips', [address, ...port], 'destinations that are subject to LoadBalancerSourceRanges'),
    of('map', 'service-ips', [address, ...port], 'ClusterIP, ExternalIP and LoadBalancer IP traffic'),
    of('map', 'service-nodeports', port, 'NodePort traffic'),
  ];
}
