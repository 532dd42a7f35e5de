/** What a table of kube-proxy says of each Service port: where its addresses lead, and between which endpoints it chooses. */

import {
  type EndpointRef,
  endpointText,
  parseKubeProxyName,
  type ServicePortRef,
  servicePortText,
} from '../explain/kube-proxy-name';
import { TableOwners } from '../explain/object-owner';
import type { Chain, Expression, Table } from '../nft/model';
import { isVerdict } from '../render/render-verdict';

/** The endpoints of a chain, by `ADDRESS:PORT`. */
export type Endpoints = ReadonlyMap<string, EndpointRef>;

/** One Service port. Keys are `ADDRESS PROTOCOL PORT`, for NodePorts `PROTOCOL PORT`. */
export interface PortState {
  readonly port: ServicePortRef;
  /** Keys of service-ips and service-nodeports, with the chain they lead to. */
  readonly served: ReadonlyMap<string, string>;
  /** Keys that are rejected or dropped for want of endpoints. */
  readonly refused: ReadonlySet<string>;
  /** Keys of firewall-ips: whoever calls them must come from a range. */
  readonly guarded: ReadonlySet<string>;
  /** Undefined where there is no such chain, or an empty one. */
  readonly cluster: Endpoints | undefined;
  readonly local: Endpoints | undefined;
  /** Every chain of it that has rules. */
  readonly chains: readonly Chain[];
}

/** By {@link servicePortText}. */
export type ProxyState = ReadonlyMap<string, PortState>;

/** Endpoints are read from their chain when they are asked for: most Services of a table are as they should be. */
class Draft implements PortState {
  readonly served = new Map<string, string>();
  readonly refused = new Set<string>();
  readonly guarded = new Set<string>();
  readonly chains: Chain[] = [];
  readonly #known = new Map<'service' | 'local', Endpoints>();

  constructor(
    readonly port: ServicePortRef,
    readonly owners: TableOwners,
  ) {}

  get cluster(): Endpoints | undefined {
    return this.#endpoints('service');
  }

  get local(): Endpoints | undefined {
    return this.#endpoints('local');
  }

  #endpoints(role: 'service' | 'local'): Endpoints | undefined {
    const chain = this.chains.find(({ name }) => name.startsWith(`${role}-`));
    if (chain === undefined) return undefined;
    const known = this.#known.get(role) ?? endpointsOf(chain, this.owners);
    this.#known.set(role, known);
    return known;
  }
}

const SERVED: ReadonlySet<string> = new Set(['service-ips', 'service-nodeports']);
const GUARDED = 'firewall-ips';
const REFUSED: ReadonlySet<string> = new Set(['no-endpoint-services', 'no-endpoint-nodeports']);

/** O(rules + elements). */
export function proxyState(table: Table): ProxyState {
  const owners = new TableOwners(table);
  const found = new Map<string, Draft>();
  const of = (port: ServicePortRef): Draft => {
    const key = servicePortText(port);
    const draft = found.get(key) ?? new Draft(port, owners);
    found.set(key, draft);
    return draft;
  };
  for (const set of table.sets) {
    if (!SERVED.has(set.name) && !REFUSED.has(set.name) && set.name !== GUARDED) continue;
    for (const element of set.elements) {
      const [port] = owners.element(set.name, element).services;
      if (port === undefined) continue;
      const key = partsOf(element.key).join(' ');
      const { data } = element;
      if (set.name === GUARDED) of(port).guarded.add(key);
      else if (REFUSED.has(set.name)) of(port).refused.add(key);
      else if (data !== undefined && isVerdict(data) && data.kind === 'goto') of(port).served.set(key, data.target);
    }
  }
  for (const chain of table.chains) {
    const name = chain.rules.length === 0 ? undefined : parseKubeProxyName(chain.name);
    if (name === undefined) continue;
    of(name.service).chains.push(chain);
  }
  return found;
}

const endpointsOf = (chain: Chain, owners: TableOwners): Endpoints =>
  new Map(
    chain.rules
      .flatMap((rule) => owners.rule(chain.name, rule).endpoints)
      .map((endpoint) => [endpointText(endpoint), endpoint]),
  );

/** Parts of the key of an element. */
export const partsOf = (key: Expression): readonly (string | number)[] => {
  if (typeof key === 'string' || typeof key === 'number') return [key];
  if (typeof key !== 'object') return [];
  if (key.kind === 'concat') return key.parts.flatMap(partsOf);
  return key.kind === 'elem' ? partsOf(key.val) : [];
};
