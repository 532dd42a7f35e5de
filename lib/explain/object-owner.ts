/** Who wrote a chain, a rule, a set or an element, and for kube-proxy which Service, port and endpoint it is for. */
import type { Chain, Expression, NftSet, Rule, SetElement, Statement, Table } from '../nft/model';
import { isVerdict } from '../render/render-verdict';
import type { IptablesName } from './iptables-names';
import {
  type EndpointRef,
  endpointText,
  parseKubeProxyName,
  parseServiceComment,
  type ServicePortRef,
  type ServiceRole,
  servicePortText,
} from './kube-proxy-name';
import { chainOwner, type Owner, ownerOf } from './owners';

/** What it is for; `fixed`: for all Services alike. `other`: not kube-proxy's. */
export type ObjectRole =
  | ServiceRole
  | 'cluster IP'
  | 'external IP'
  | 'NodePort'
  | 'node address'
  | 'hairpin'
  | 'client'
  | 'fixed'
  | 'other';

export interface ObjectOwner {
  readonly component: Owner;
  readonly role: ObjectRole;
  /** Several where they share it: ports of one ClusterIP, Services with an endpoint in common. Sorted, without repetition. */
  readonly services: readonly ServicePortRef[];
  /** The endpoint it is for; for rules, all that they lead to themselves. */
  readonly endpoints: readonly EndpointRef[];
}

const NO_SERVICE = { services: [], endpoints: [] } as const;

/** `kube-proxy, shop/api:http/tcp, endpoint 10.244.1.5:8080`. */
export function ownerText({ component, role, services, endpoints }: ObjectOwner): string {
  const shown = role === 'fixed' || role === 'other' ? [] : [role];
  const ends = endpoints.length === 0 ? [] : [`to ${endpoints.map(endpointText).join(', ')}`];
  return [component.name, ...shown, ...services.map(servicePortText), ...ends].join(', ');
}

/** Owners of everything in one table. Built in O(1); the first element of a shared set costs a pass over the table. */
export class TableOwners {
  readonly component: Owner;
  readonly #isKubeProxy: boolean;
  readonly #sets: ReadonlyMap<string, NftSet>;
  readonly #chains: ReadonlyMap<string, Chain>;
  #byAddress: ReadonlyMap<string, readonly ServicePortRef[]> | undefined;
  #byEndpoint: ReadonlyMap<string, readonly ServicePortRef[]> | undefined;

  /** @param iptables of chains that kube-proxy names in iptables mode: without them their Services stay unknown */
  constructor(
    readonly table: Table,
    readonly iptables: ReadonlyMap<string, IptablesName> = new Map(),
  ) {
    this.component = ownerOf(table);
    this.#isKubeProxy = table.name === 'kube-proxy' && (table.family === 'ip' || table.family === 'ip6');
    this.#sets = new Map(table.sets.map((set) => [set.name, set]));
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  }

  chain(name: string): ObjectOwner {
    if (this.#isKubeProxy) return this.#named(name);
    const component = chainOwner(this.table, name, this.component);
    const known = component.key === 'kp' ? this.iptables.get(name) : undefined;
    if (known === undefined) return { component, role: component.key === 'kp' ? 'fixed' : 'other', ...NO_SERVICE };
    const { role, service, endpoint } = known;
    return { component, role, services: [service], endpoints: endpoint === undefined ? [] : [endpoint] };
  }

  set(name: string): ObjectOwner {
    return this.#isKubeProxy ? this.#named(name) : { component: this.component, role: 'other', ...NO_SERVICE };
  }

  /** A rule belongs to its chain; in a chain that several share, to whoever it sends packets to. */
  rule(chain: string, rule: Rule): ObjectOwner {
    const owner = this.chain(chain);
    if (this.#isKubeProxy)
      return { ...owner, endpoints: uniqueEndpoints(rule.statements.flatMap((one) => this.#endpointsIn(one))) };
    const target = rule.statements.flatMap((one) =>
      one.kind === 'jump' || one.kind === 'goto' ? [one.target] : [],
    )[0];
    if (target === undefined) return owner;
    const told = this.chain(target);
    // Chains of kube-proxy for all Services: the rule is for that of its target. Base chains and those of nobody known: so is the writer.
    if (owner.role === 'fixed') return told.services.length > 0 ? told : owner;
    const isShared = owner.component === this.component || owner.component.name === 'iptables-nft';
    return isShared && told.component !== this.component ? told : owner;
  }

  element(setName: string, element: SetElement): ObjectOwner {
    const set = this.set(setName);
    if (!this.#isKubeProxy) return set;
    const { component } = this;
    const parts = partsOf(element.key);
    const of = (role: ObjectRole, services: readonly ServicePortRef[], endpoints: readonly EndpointRef[] = []) => ({
      component,
      role,
      services,
      endpoints,
    });
    switch (setName) {
      case 'cluster-ips':
        return of('cluster IP', this.#servicesAt(String(parts[0])));
      case 'nodeport-ips':
        return of('node address', []);
      case 'hairpin-connections': {
        const [address, , protocol, port] = parts;
        return of('hairpin', this.#servicesTo(`${protocol} ${address} ${port}`), [
          { address: String(address), port: Number(port) },
        ]);
      }
      case 'service-ips':
      case 'no-endpoint-services':
      case 'firewall-ips':
      case 'service-nodeports':
      case 'no-endpoint-nodeports': {
        const service = serviceOf(element, String(parts.at(-2)));
        const isNodePort = setName.endsWith('nodeports');
        const address = isNodePort ? '' : String(parts[0]);
        const role = isNodePort ? 'NodePort' : this.#isClusterIp(address) ? 'cluster IP' : 'external IP';
        return of(role, service === undefined ? [] : [service]);
      }
      default:
        // Contents of an affinity set are clients of its endpoint.
        return set.role === 'affinity' ? { ...set, role: 'client' } : set;
    }
  }

  #named(name: string): ObjectOwner {
    const parsed = parseKubeProxyName(name);
    const { component } = this;
    if (parsed === undefined) return { component, role: 'fixed', ...NO_SERVICE };
    const { role, service } = parsed;
    const isOfEndpoint = role === 'endpoint' || role === 'affinity';
    const endpoints = isOfEndpoint ? [parsed.endpoint ?? this.#endpointOf(name)] : [];
    return { component, role, services: [service], endpoints: endpoints.filter((one) => one !== undefined) };
  }

  /** Names that are cut tell no address: the rule of the endpoint's chain does. */
  #endpointOf(name: string): EndpointRef | undefined {
    const chain = this.#chains.get(name.replace(/^affinity-/, 'endpoint-'));
    return chain?.rules.flatMap(({ statements }) => statements).flatMap(destinationsOf)[0];
  }

  /** Destinations that a statement gives to packets, and endpoints whose chain it leads to. */
  #endpointsIn(statement: Statement): readonly EndpointRef[] {
    return targetsOf(statement)
      .flatMap((target) => this.#named(target).endpoints)
      .concat(destinationsOf(statement));
  }

  #isClusterIp(address: string): boolean {
    this.#byAddress ??= this.#indexAddresses();
    return this.#byAddress.has(address);
  }

  #servicesAt(address: string): readonly ServicePortRef[] {
    this.#byAddress ??= this.#indexAddresses();
    return this.#byAddress.get(address) ?? [];
  }

  #servicesTo(endpoint: string): readonly ServicePortRef[] {
    this.#byEndpoint ??= this.#indexEndpoints();
    return this.#byEndpoint.get(endpoint) ?? [];
  }

  /** The ports served at each ClusterIP: from the maps that lead from there, and from those that say nobody serves it. */
  #indexAddresses(): ReadonlyMap<string, readonly ServicePortRef[]> {
    const clusterIps = new Set(this.#sets.get('cluster-ips')?.elements.map(({ key }) => String(partsOf(key)[0])));
    const found = new Collected();
    for (const name of ['service-ips', 'no-endpoint-services']) {
      for (const element of this.#sets.get(name)?.elements ?? []) {
        const [address, protocol] = partsOf(element.key);
        if (!clusterIps.has(String(address))) continue;
        const service = serviceOf(element, String(protocol));
        if (service !== undefined) found.add(String(address), service);
      }
    }
    for (const address of clusterIps) found.touch(address);
    return found.sorted();
  }

  /** The Services with each endpoint: from the rules of their chains and the names of endpoint chains. */
  #indexEndpoints(): ReadonlyMap<string, readonly ServicePortRef[]> {
    const found = new Collected();
    for (const { name, rules } of this.table.chains) {
      const parsed = parseKubeProxyName(name);
      if (parsed === undefined) continue;
      for (const { address, port } of rules.flatMap(({ statements }) => statements).flatMap(destinationsOf))
        found.add(`${parsed.service.protocol} ${address} ${port}`, parsed.service);
    }
    return found.sorted();
  }
}

/** Service ports by some key, each once. */
class Collected {
  readonly #found = new Map<string, Map<string, ServicePortRef>>();

  touch(key: string): Map<string, ServicePortRef> {
    const known = this.#found.get(key) ?? new Map<string, ServicePortRef>();
    this.#found.set(key, known);
    return known;
  }

  add(key: string, service: ServicePortRef): void {
    this.touch(key).set(servicePortText(service), service);
  }

  sorted(): ReadonlyMap<string, readonly ServicePortRef[]> {
    const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);
    return new Map(
      [...this.#found].map(([key, all]) => [key, [...all].toSorted(byText).map(([, service]) => service)]),
    );
  }
}

/** Of an element of kube-proxy's maps: by the chain it leads to, else by its comment. */
function serviceOf({ data, comment }: SetElement, protocol: string): ServicePortRef | undefined {
  if (data !== undefined && isVerdict(data) && data.kind === 'goto') {
    const parsed = parseKubeProxyName(data.target);
    if (parsed !== undefined) return parsed.service;
  }
  return comment === undefined ? undefined : parseServiceComment(comment, protocol);
}

const partsOf = (key: Expression): readonly (string | number)[] => {
  if (typeof key === 'string' || typeof key === 'number') return [key];
  if (typeof key !== 'object') return [];
  if (key.kind === 'concat') return key.parts.flatMap(partsOf);
  return key.kind === 'elem' ? partsOf(key.val) : [];
};

/** Chains that a statement leads to by name. */
function targetsOf(statement: Statement): readonly string[] {
  if (statement.kind === 'goto' || statement.kind === 'jump') return [statement.target];
  if (statement.kind !== 'vmap' || statement.data.kind !== 'set') return [];
  return statement.data.elements.flatMap(({ data }) =>
    data !== undefined && isVerdict(data) && 'target' in data ? [data.target] : [],
  );
}

/** Destinations that a statement gives to packets. */
function destinationsOf(statement: Statement): readonly EndpointRef[] {
  if (statement.kind !== 'dnat') return [];
  const { addr, port } = statement;
  if (typeof addr === 'string' && typeof port === 'number') return [{ address: addr, port }];
  if (typeof addr !== 'object' || addr.kind !== 'map' || addr.data.kind !== 'set') return [];
  return addr.data.elements.flatMap(({ data }) => {
    if (data === undefined || isVerdict(data)) return [];
    const [address, number] = partsOf(data);
    return typeof address === 'string' && typeof number === 'number' ? [{ address, port: number }] : [];
  });
}

const uniqueEndpoints = (all: readonly EndpointRef[]): readonly EndpointRef[] => [
  ...new Map(all.map((one) => [endpointText(one), one])).values(),
];
