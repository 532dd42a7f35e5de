/** Services, EndpointSlices, node and configuration → the table that kube-proxy should have written. */
import type { EndpointSlice, Service } from '../cluster/cluster';
import type { Chain, NftSet, Rule, SetElement, Statement, Table, Verdict } from '../nft/model';
import { contains, networkOf, networkSet, type ProxyFamily } from './addresses';
import type { ProxyConfiguration, ProxyNode } from './configuration';
import { type Backend, backendsOf, chooseEndpoints, endpointKey } from './endpoints';
import {
  addressTypeName,
  baseChains,
  chain,
  fixedChains,
  fixedSets,
  isLocal,
  MARK_CHAIN,
  marksInPlace,
  masqueradeMatches,
  REJECT_CHAIN,
} from './fixed-part';
import { endpointBase, portBase } from './names';
import { type ServicePortFacts, servicePorts } from './service-ports';
import {
  addressType,
  concat,
  destination,
  destinationPort,
  dnatTo,
  dnatToOneOf,
  goTo,
  goToOneOf,
  isInSet,
  isProtocol,
  jump,
  match,
  NO_HANDLE,
  remember,
  rule,
  setMark,
  source,
} from './statements';

export interface ClusterObjects {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
}

/** The table of one family. Chains and sets come in the order of their Services, the fixed ones first. */
export function expectedTable(
  family: ProxyFamily,
  objects: ClusterObjects,
  node: ProxyNode,
  config: ProxyConfiguration,
): Table {
  const backends = backendsOf(objects.endpointSlices, family, node, config.release);
  const writer = new TableWriter(family, node, config);
  for (const port of servicePorts(objects.services, family, config.release)) {
    const key = endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase());
    writer.addPort(port, backends.get(key) ?? []);
  }
  return writer.table();
}

/** pkg/proxy/nftables/proxier.go: syncProxyRules, one Service port after the other. */
class TableWriter {
  readonly #chains: Chain[] = [];
  readonly #affinitySets: NftSet[] = [];
  /** By set and the text of the key: a key that two Services claim is there once. */
  readonly #elements = new Map<string, Map<string, SetElement>>();

  constructor(
    readonly family: ProxyFamily,
    readonly node: ProxyNode,
    readonly config: ProxyConfiguration,
  ) {
    const { nodePortAddresses } = config;
    if (nodePortAddresses !== 'any') for (const address of nodePortAddresses) this.#put('nodeport-ips', [address]);
  }

  get #inPlace(): boolean {
    return marksInPlace(this.config.release.generation);
  }

  #put(set: string, key: readonly (string | number)[], data?: Verdict, comment?: string): void {
    const elements = this.#elements.get(set) ?? new Map<string, SetElement>();
    this.#elements.set(set, elements);
    const [only] = key;
    elements.set(key.join(' '), {
      key: key.length === 1 && only !== undefined ? only : concat(...key),
      ...(data !== undefined && { data }),
      ...(comment !== undefined && { comment }),
    });
  }

  addPort(port: ServicePortFacts, all: readonly Backend[]): void {
    const { node, config } = this;
    const accessible = port.nodePort !== undefined || port.loadBalancerIPs.length + port.externalIPs.length > 0;
    const { internalLocal, externalLocal } = port;
    const choice = chooseEndpoints(all, { internalLocal, externalLocal, accessible }, node, config.release);
    const { cluster = [], local = [], hasAny } = choice;
    const base = portBase(port);
    const internal = internalLocal ? local : cluster;
    const hasInternal = hasAny && internal.length > 0;
    const hasExternal = hasAny && (externalLocal ? local : cluster).length > 0;
    const usable = [...new Map([...cluster, ...local].map((one) => [one.text, one])).values()];

    this.#addAddresses(port, base, hasAny, hasInternal, hasExternal);
    this.#addEndpoints(port, usable);
    if (cluster.length > 0)
      this.#chains.push(this.#choiceChain(`service-${base}`, port, cluster, hasInternal && !internalLocal));
    if (local.length > 0)
      this.#chains.push(this.#choiceChain(`local-${base}`, port, local, hasInternal && internalLocal));
    if (hasAny && accessible)
      this.#chains.push(chain(`external-${base}`, this.#externalRules(port, base, hasExternal)));
  }

  #addAddresses(
    port: ServicePortFacts,
    base: string,
    hasAny: boolean,
    hasInternal: boolean,
    hasExternal: boolean,
  ): void {
    const { clusterIP, protocol, number, nodePort, sourceRanges } = port;
    const without: Verdict = hasAny ? { kind: 'drop' } : goTo(REJECT_CHAIN);
    const comment = this.#comment(port);
    this.#put('cluster-ips', [clusterIP]);
    if (hasInternal)
      this.#put(
        'service-ips',
        [clusterIP, protocol, number],
        goTo(`${port.internalLocal ? 'local' : 'service'}-${base}`),
      );
    else this.#put('no-endpoint-services', [clusterIP, protocol, number], without, comment);
    for (const ip of [...port.externalIPs, ...port.loadBalancerIPs]) {
      if (hasAny) this.#put('service-ips', [ip, protocol, number], goTo(`external-${base}`));
      if (!hasExternal) this.#put('no-endpoint-services', [ip, protocol, number], without, comment);
    }
    if (nodePort !== undefined) {
      if (hasAny) this.#put('service-nodeports', [protocol, nodePort], goTo(`external-${base}`));
      if (!hasExternal) this.#put('no-endpoint-nodeports', [protocol, nodePort], without, comment);
    }
    if (port.loadBalancerIPs.length === 0 || sourceRanges === undefined) return;
    for (const ip of port.loadBalancerIPs) this.#put('firewall-ips', [ip, protocol, number], goTo(`firewall-${base}`));
    this.#chains.push(chain(`firewall-${base}`, [this.#firewallRule(port, sourceRanges)]));
  }

  #comment({ namespace, service, port }: ServicePortFacts): string {
    const { commentBytes } = this.config.release;
    const whole = `${namespace}/${service}${port === '' ? '' : `:${port}`}`;
    return commentBytes === undefined ? whole : whole.slice(0, commentBytes);
  }

  /** A node in one of the ranges may call the load balancer address with that address as its source. */
  #firewallRule(port: ServicePortFacts, ranges: NonNullable<ServicePortFacts['sourceRanges']>): Rule {
    const { family, node } = this;
    const own = node.address;
    const isNodeAllowed = own !== undefined && ranges.some((range) => contains(range, own));
    const more = isNodeAllowed ? port.loadBalancerIPs.flatMap((ip) => networkOf(ip, family) ?? []) : [];
    return rule([match(source(family), '!=', networkSet([...ranges, ...more], family)), { kind: 'drop' }]);
  }

  #addEndpoints(port: ServicePortFacts, usable: readonly Backend[]): void {
    const { family } = this;
    for (const { ip, port: number, local } of usable) {
      if (this.#inPlace && local) this.#put('hairpin-connections', [ip, ip, port.protocol, number]);
      if (this.#inPlace && port.affinity === undefined) continue;
      const base = endpointBase(port, ip, number);
      const rules = [rule([isProtocol(port.protocol), dnatTo(ip, number)])];
      if (port.affinity !== undefined) {
        rules.unshift(rule([remember(family, `affinity-${base}`)]));
        this.#affinitySets.push(affinitySet(`affinity-${base}`, family, port.affinity));
      }
      if (!this.#inPlace) rules.unshift(rule([match(source(family), '==', ip), jump(MARK_CHAIN)]));
      this.#chains.push(chain(`endpoint-${base}`, rules));
    }
  }

  #choiceChain(name: string, port: ServicePortFacts, backends: readonly Backend[], isInternal: boolean): Chain {
    const { family, config } = this;
    const rules: Rule[] = [];
    if (!this.#inPlace && isInternal) rules.push(...this.#masqueradeRule(port));
    const [only, ...more] = backends;
    if (this.#inPlace && port.affinity === undefined) {
      const isPlain = config.release.generation === 'E' && only !== undefined && more.length === 0;
      const dnat = isPlain
        ? dnatTo(only.ip, only.port)
        : dnatToOneOf(
            family,
            backends.map((one) => concat(one.ip, one.port)),
          );
      return chain(name, [...rules, rule([isProtocol(port.protocol), dnat])]);
    }
    const bases = backends.map((one) => endpointBase(port, one.ip, one.port));
    if (port.affinity !== undefined)
      for (const base of bases)
        rules.push(rule([isInSet(source(family), `affinity-${base}`), goTo(`endpoint-${base}`)]));
    rules.push(rule([goToOneOf(bases.map((base) => `endpoint-${base}`))]));
    return chain(name, rules);
  }

  /** Up to 1.35 each internal chain begins with it. */
  #masqueradeRule({ clusterIP, protocol, number }: ServicePortFacts): readonly Rule[] {
    const which = masqueradeMatches(this.config);
    if (which === undefined) return [];
    const isPort = this.config.release.portInMasquerade ? [match(destinationPort(protocol), '==', number)] : [];
    return [rule([match(destination(this.family), '==', clusterIP), ...isPort, ...which, jump(MARK_CHAIN)])];
  }

  #externalRules(port: ServicePortFacts, base: string, hasExternal: boolean): readonly Rule[] {
    const { mark, localTraffic } = this.config;
    const masquerade = this.#inPlace ? setMark(mark) : jump(MARK_CHAIN);
    const comment = (text: string): string | undefined => (this.#inPlace ? text : undefined);
    const toCluster: Statement = goTo(`service-${base}`);
    if (!port.externalLocal) return [rule([masquerade], comment('masquerade')), rule([toCluster])];
    const fromNode = match(addressType('saddr'), '==', 'local');
    return [
      ...(localTraffic === undefined ? [] : [rule([isLocal(localTraffic), toCluster], 'short-circuit pod traffic')]),
      rule([fromNode, masquerade], 'masquerade local traffic'),
      rule([fromNode, toCluster], 'short-circuit local traffic'),
      ...(hasExternal ? [rule([goTo(`local-${base}`)])] : []),
    ];
  }

  table(): Table {
    const { family, config } = this;
    const elements = new Map([...this.#elements].map(([name, byKey]) => [name, [...byKey.values()]]));
    return {
      family,
      name: 'kube-proxy',
      handle: NO_HANDLE,
      comment: 'rules for kube-proxy',
      flags: [],
      objects: [],
      sets: [...fixedSets(family, config, elements), ...this.#affinitySets],
      flowtables: [],
      chains: [...baseChains(config.release.generation), ...fixedChains(family, config), ...this.#chains],
    };
  }
}

/** 65535 is what nft gives a dynamic set of no size. */
const affinitySet = (name: string, family: ProxyFamily, timeout: number): NftSet => ({
  kind: 'set',
  name,
  handle: NO_HANDLE,
  type: { kind: 'types', names: [addressTypeName(family)] },
  flags: ['dynamic', 'timeout'],
  size: 65_535,
  timeout,
  autoMerge: false,
  statements: [],
  elements: [],
});
