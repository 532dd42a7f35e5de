/** One table of kube-proxy beside what it should be: what is asked of it to tell a table that is behind from one that somebody changed. */
import type { Cluster, Pod, Service } from '../cluster/cluster';
import { type Backend, backendsOf, endpointKey } from '../expected/endpoints';
import type { ExpectedFamily } from '../expected/expected-of-node';
import { expectedTable } from '../expected/expected-table';
import { endpointText, type ServicePortRef, servicePortText } from '../explain/kube-proxy-name';
import { inPrefix, parseAddress } from '../net/address';
import { groupBy } from '../net/group-by';
import { parsePrefix } from '../net/prefix';
import type { Table } from '../nft/model';
import { ruleReferences } from '../nft/references';
import { podsOf } from '../reach/network';
import type { Difference } from './compare-tables';
import { earlierService, type ServiceLines, serviceLines } from './earlier-service';
import { type PortState, type ProxyState, partsOf, proxyState } from './proxy-state';

export class JudgedTable {
  readonly cluster: Cluster;
  readonly family: ExpectedFamily;
  /** By `NAMESPACE/NAME`. */
  readonly services: ReadonlyMap<string, Service>;
  readonly expected: ProxyState;
  readonly actual: ProxyState;
  /** By Service port; one that is about several ports is with each. */
  readonly byPort: ReadonlyMap<string, readonly Difference[]>;

  constructor(cluster: Cluster, family: ExpectedFamily, differences: readonly Difference[]) {
    this.cluster = cluster;
    this.family = family;
    this.services = new Map(valuesOf(cluster.services).map((one) => [portOwner(one), one]));
    this.expected = proxyState(family.expected);
    this.actual = family.actual === undefined ? new Map() : proxyState(family.actual);
    this.byPort = differencesByPort(differences);
  }

  /** Endpoints of EndpointSlices that are ready; where there are none, those that still serve while they end. */
  usable(port: ServicePortRef): ReadonlySet<string> {
    const all = this.backends(port);
    const ready = all.filter((one) => one.ready);
    const some = ready.length > 0 ? ready : all.filter((one) => one.serving && one.terminating);
    return new Set(some.map((one) => one.text));
  }

  backends({ namespace, name, port, protocol }: ServicePortRef): readonly Backend[] {
    const { family, node, configuration } = this.family;
    this.#backends ??= backendsOf(valuesOf(this.cluster.endpointSlices), family, node, configuration.release);
    return this.#backends.get(endpointKey(namespace, name, port, protocol.toUpperCase())) ?? [];
  }
  #backends: ReadonlyMap<string, readonly Backend[]> | undefined;

  /**
   * What the node would have for the Service that its rules were written for, with the endpoints of now. Undefined where they were
   * written for no one Service.
   */
  before(port: ServicePortRef): ProxyState | undefined {
    const of = portOwner(port);
    const found = this.#befores.get(of);
    if (found !== undefined || this.#befores.has(of)) return found;
    if (this.#befores.size >= LOOKED_INTO_MAX) return undefined;
    const service = this.services.get(of);
    const { family, node, configuration } = this.family;
    const states = this.#statesOf.get(of) ?? [];
    const lines = (this.#lines.get(of) ?? []).map((line) => line());
    const earlier = service === undefined ? undefined : earlierService(states, lines, service, this.family);
    const objects = {
      services: earlier === undefined ? [] : [earlier],
      endpointSlices: valuesOf(this.cluster.endpointSlices).filter(
        (one) => one.namespace === port.namespace && one.service === port.name,
      ),
    };
    const before = earlier === undefined ? undefined : proxyState(expectedTable(family, objects, node, configuration));
    this.#befores.set(of, before);
    return before;
  }
  readonly #befores = new Map<string, ProxyState | undefined>();

  get #lines(): ServiceLines {
    this.#lined ??= this.family.actual === undefined ? new Map() : serviceLines(this.family.actual);
    return this.#lined;
  }
  #lined: ServiceLines | undefined;

  /** What the node has, by Service. */
  get #statesOf(): ReadonlyMap<string, readonly PortState[]> {
    this.#stated ??= groupBy(this.actual.values(), ({ port }) => portOwner(port));
    return this.#stated;
  }
  #stated: ReadonlyMap<string, readonly PortState[]> | undefined;

  /** Service ports of the node by what leads to them: keys of maps. */
  get byKey(): ReadonlyMap<string, readonly (readonly [string, PortState])[]> {
    this.#byKey ??= indexed(this.actual, ({ served }) => served.keys());
    return this.#byKey;
  }
  #byKey: ReadonlyMap<string, readonly (readonly [string, PortState])[]> | undefined;

  /** Service ports of the node by the endpoints they choose from. */
  get byEndpoint(): ReadonlyMap<string, readonly (readonly [string, PortState])[]> {
    this.#byEndpoint ??= indexed(this.actual, keysOf);
    return this.#byEndpoint;
  }
  #byEndpoint: ReadonlyMap<string, readonly (readonly [string, PortState])[]> | undefined;

  /** Service ports that there should be, by their Service and by the addresses of their endpoints. */
  get siblings(): ReadonlyMap<string, readonly (readonly [string, PortState])[]> {
    this.#siblings ??= indexed(this.expected, (state) => [portOwner(state.port), addressesOf(state)]);
    return this.#siblings;
  }
  #siblings: ReadonlyMap<string, readonly (readonly [string, PortState])[]> | undefined;

  isEmpty(chain: string): boolean {
    return this.family.actual?.chains.find(({ name }) => name === chain)?.rules.length === 0;
  }

  hasNoElement(set: string): boolean {
    return this.family.actual?.sets.find(({ name }) => name === set)?.elements.length === 0;
  }

  /** Whether no packet meets it: not hooked and led to by nothing, or hooked without rules and letting all pass. */
  isIdleChain(chain: string): boolean {
    const found = this.family.actual?.chains.find(({ name }) => name === chain);
    if (found?.base !== undefined) return found.rules.length === 0 && found.base.policy !== 'drop';
    return !this.references.has(chain);
  }

  /** Chains that an element, or a rule of another chain, leads to. */
  get references(): ReadonlySet<string> {
    this.#referenced ??= this.family.actual === undefined ? new Set() : referencesOf(this.family.actual);
    return this.#referenced;
  }
  #referenced: ReadonlySet<string> | undefined;

  /** Endpoints of this node that it knows, from 1.36: `PROTOCOL ADDRESS:PORT`. */
  get hairpins(): ReadonlySet<string> {
    const set = this.family.actual?.sets.find(({ name }) => name === 'hairpin-connections');
    this.#hairpinned ??= new Set(
      (set?.elements ?? []).flatMap(({ key }) => {
        const [address, , protocol, port] = partsOf(key);
        return address === undefined
          ? []
          : [`${protocol} ${endpointText({ address: String(address), port: Number(port) })}`];
      }),
    );
    return this.#hairpinned;
  }
  #hairpinned: ReadonlySet<string> | undefined;

  /** Whether no rule reads it. */
  isIdleSet(set: string): boolean {
    return !(this.family.actual?.chains ?? []).some(({ rules }) =>
      rules.some((rule) => ruleReferences(rule).some(({ kind, name }) => kind === 'set' && name === set)),
    );
  }

  pod(address: string): Pod | undefined {
    return namesOf(this.cluster).pods.get(address);
  }

  /** The node that a pod with the address is on, or whose own it is. */
  home(address: string): string | undefined {
    return this.pod(address)?.node ?? namesOf(this.cluster).nodes.get(address);
  }

  /** A pod, a node, or an address outside of the pod networks, which may be anything. */
  isSomebody(text: string): boolean {
    const { pods, nodes } = namesOf(this.cluster);
    if (pods.has(text) || nodes.has(text)) return true;
    const address = parseAddress(text);
    const networks = valuesOf(this.cluster.nodes).flatMap(({ podCIDRs }) =>
      podCIDRs.flatMap((cidr) => parsePrefix(cidr) ?? []),
    );
    return !networks.some(({ family, addr, len }) => family === address?.family && inPrefix(address.value, addr, len));
  }
}

/** Services whose earlier states are computed. Where more differ it is no matter of one of them. */
export const LOOKED_INTO_MAX = 200;

export const valuesOf = <T>(part: { readonly known: boolean; readonly value?: readonly T[] }): readonly T[] =>
  part.value ?? [];

export const portOwner = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

function indexed(
  states: ProxyState,
  keysFor: (state: PortState) => Iterable<string>,
): ReadonlyMap<string, readonly (readonly [string, PortState])[]> {
  const found = new Map<string, (readonly [string, PortState])[]>();
  for (const entry of states)
    for (const key of keysFor(entry[1])) {
      const some = found.get(key);
      if (some === undefined) found.set(key, [entry]);
      else some.push(entry);
    }
  return found;
}

export const keysOf = ({ cluster, local }: PortState): ReadonlySet<string> =>
  new Set([...(cluster?.keys() ?? []), ...(local?.keys() ?? [])]);

export const addressesOf = (state: PortState): string => [...new Set([...keysOf(state)].map(addressOf))].sort().join();

/** `10.244.1.5:8080`, `[fd00::5]:8080` */
export const addressOf = (endpoint: string): string => endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

const differencesByPort = (differences: readonly Difference[]): ReadonlyMap<string, readonly Difference[]> => {
  const found = new Map<string, Difference[]>();
  for (const one of differences)
    for (const port of new Set(one.owner.services.map(servicePortText))) {
      const some = found.get(port);
      if (some === undefined) found.set(port, [one]);
      else some.push(one);
    }
  return found;
};

function referencesOf(table: Table): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('target' in value && typeof value.target === 'string') found.add(value.target);
    for (const member of Object.values(value)) visit(member);
  };
  for (const { rules } of table.chains) for (const { statements } of rules) visit(statements);
  for (const { elements } of table.sets) for (const { data } of elements) visit(data);
  return found;
}

interface Names {
  readonly pods: ReadonlyMap<string, Pod>;
  /** By address. */
  readonly nodes: ReadonlyMap<string, string>;
}

/** Once for all nodes of a cluster. */
const NAMES = new WeakMap<Cluster, Names>();

/** Addresses of pods, without those in the network of their host, and of nodes. */
function namesOf(cluster: Cluster): Names {
  const known = NAMES.get(cluster);
  if (known !== undefined) return known;
  const pods = podsOf(cluster).filter(({ hostNetwork }) => !hostNetwork);
  const names = {
    pods: new Map(pods.flatMap((pod) => pod.addresses.map((address) => [address, pod] as const))),
    nodes: new Map(
      valuesOf(cluster.nodes).flatMap(({ name, addresses }) => addresses.map((address) => [address, name] as const)),
    ),
  };
  NAMES.set(cluster, names);
  return names;
}
