/** Routes that do not lead to a pod, and answers that reverse path filtering takes for forged. */
import type { Pod } from '../../cluster/cluster';
import { formatAddress, parseAddress } from '../../net/address';
import type { Network } from '../../reach/network';
import type { Prepared } from '../../sim';
import type { Lookup } from '../../sim/routing';
import { deviceTowards, nodeAddress, podAddress } from '../probes';
import type { Failure, Survey } from '../survey';

export interface MissingRoute {
  readonly node: string;
  readonly pod: Pod;
  readonly address: string;
  /** Where the packet goes instead. */
  readonly say: string;
}

/** Pods that a node cannot reach: its own that no interface of theirs leads to, and those of nodes beside it. */
export function missingRoutes(network: Network): readonly MissingRoute[] {
  const pods = network.cluster.pods.known ? network.cluster.pods.value : [];
  const found: MissingRoute[] = [];
  for (const family of ['ip', 'ip6'] as const) {
    const homes = new Map<string, { readonly pod: Pod; readonly address: string }[]>();
    for (const pod of pods) {
      const address = pod.node === undefined ? undefined : podAddress(pod, pod.node, family);
      if (pod.node === undefined || address === undefined) continue;
      homes.set(pod.node, [...(homes.get(pod.node) ?? []), { pod, address }]);
    }
    const ways = new Ways(network, family, homes);
    for (const [node, { prepared: p }] of network.nodes) {
      if (!p.world.links.known || !p.world.routes[family].known) continue;
      for (const [home, some] of homes) {
        for (const { pod, address } of some) {
          const say = home === node ? ways.astrayAtHome(node, address) : ways.astrayAbroad(node, home, address);
          if (say !== undefined) found.push({ node, pod, address, say });
        }
      }
    }
  }
  return found;
}

type Family = 'ip' | 'ip6';

const noWay = (way: Lookup): string | undefined => {
  if (way.kind === 'none') return 'there is no route';
  if (way.kind !== 'found') return `the route says ${way.kind}`;
  return way.result.type === 'local' || way.result.type === 'unicast' ? undefined : `the route says ${way.result.type}`;
};

/** Where the routes of the nodes lead, for one family. What all pods of a node have in common is worked out once. */
class Ways {
  readonly #addresses = new Map<string, string>();
  readonly #ownWays = new Map<string, boolean>();
  readonly #neighbours = new Map<string, boolean>();
  #specific: ReadonlySet<string> | undefined;

  constructor(
    readonly network: Network,
    readonly family: Family,
    readonly homes: ReadonlyMap<string, readonly { readonly address: string }[]>,
  ) {
    for (const [text, node] of network.nodeByAddress)
      if (parseAddress(text)?.family === family && !this.#addresses.has(node)) this.#addresses.set(node, text);
  }

  #lookup(node: string, text: string): Lookup | undefined {
    const value = parseAddress(text)?.value;
    const router = this.network.nodes.get(node)?.prepared.routers[this.family];
    return value === undefined ? undefined : router?.lookup({ daddr: value, mark: 0, tos: 0, iif: undefined });
  }

  /** A pod of the node itself: behind an interface of its own or a bridge, never behind a router. */
  astrayAtHome(node: string, address: string): string | undefined {
    const way = this.#lookup(node, address);
    const lost = way === undefined ? undefined : noWay(way);
    if (lost !== undefined || way?.kind !== 'found') return lost;
    const { gateway, dev } = way.result;
    // Pods may share the node's own link (macvlan and the like): then all of them do.
    if (dev === undefined || dev.name !== this.#uplink(node) || !this.#haveOwnWays(node)) return undefined;
    const via = gateway === undefined ? '' : ` via ${formatAddress(gateway)}`;
    return `the route leads back out of ${dev.name}${via}`;
  }

  /** The interface that has the node's address. */
  #uplink(node: string): string | undefined {
    const p = this.network.nodes.get(node)?.prepared;
    const address = p && nodeAddress(this.network.cluster, node, p, this.family);
    const value = address === undefined ? undefined : parseAddress(address)?.value;
    return value === undefined ? undefined : p?.localAddresses.get(`${this.family} ${value}`)?.name;
  }

  /** Whether some pod of the node is reached by another interface than the node's link; of a node that lost all, others tell. */
  #haveOwnWays(node: string): boolean {
    let known = this.#ownWays.get(node);
    if (known === undefined) {
      known =
        this.#hasOwn(node) || [...this.network.nodes.keys()].some((other) => other !== node && this.#hasOwn(other));
      this.#ownWays.set(node, known);
    }
    return known;
  }

  #hasOwn(node: string): boolean {
    const p = this.network.nodes.get(node)?.prepared;
    const uplink = this.#uplink(node);
    return (this.homes.get(node) ?? []).some(({ address }) => {
      const dev = p && deviceTowards(p, address);
      return dev !== undefined && dev !== uplink;
    });
  }

  /** A pod of another node: the route leads to that node. Over the default route only where that is usual here. */
  astrayAbroad(node: string, home: string, address: string): string | undefined {
    const way = this.#lookup(node, address);
    const lost = way === undefined ? undefined : noWay(way);
    if (lost !== undefined || way?.kind !== 'found') return lost;
    const { gateway, route, dev } = way.result;
    if (gateway !== undefined) {
      const owner = this.network.nodeByAddress.get(formatAddress(gateway));
      if (owner !== undefined && owner !== home && owner !== node)
        return `the route leads to ${owner}, by ${formatAddress(gateway)}`;
    }
    if (route.dst.len !== 0 || !this.#areNeighbours(node, home)) return undefined;
    const isUsual = [...this.#specificWays].every((pair) => pair === `${node} ${home}`);
    return isUsual ? undefined : `only the default route is left, out of ${dev?.name ?? 'no interface'}`;
  }

  /** Whether the nodes share a link. */
  #areNeighbours(node: string, other: string): boolean {
    const key = `${node} ${other}`;
    let known = this.#neighbours.get(key);
    if (known === undefined) {
      const address = this.#addresses.get(other);
      const way = address === undefined ? undefined : this.#lookup(node, address);
      known = way?.kind === 'found' && way.result.gateway === undefined && way.result.type === 'unicast';
      this.#neighbours.set(key, known);
    }
    return known;
  }

  /** Pairs of neighbour nodes of which the first has a route of its own to a pod of the second. */
  get #specificWays(): ReadonlySet<string> {
    if (this.#specific === undefined) {
      const pairs = new Set<string>();
      for (const from of this.network.nodes.keys()) {
        for (const [to, [first]] of this.homes) {
          if (to === from || first === undefined || !this.#areNeighbours(from, to)) continue;
          const way = this.#lookup(from, first.address);
          if (way?.kind === 'found' && way.result.route.dst.len !== 0) pairs.add(`${from} ${to}`);
        }
      }
      this.#specific = pairs;
    }
    return this.#specific;
  }
}

/** Failures of strict filtering: the way back to the client leads out of another interface. Loose filtering is not meant. */
export const strictlyFiltered = ({ network, failures }: Survey): readonly Failure[] =>
  failures.filter(({ node, cause, probe, ending }) => {
    if (cause.kind !== 'kernel' || cause.step.code !== 'rp-filter') return false;
    const p = network.nodes.get(node)?.prepared;
    if (p === undefined || !p.world.sysctl.known) return false;
    const iif = arrivalOf(ending);
    const rp = (name: string) =>
      Number(p.world.sysctl.known ? (p.world.sysctl.value.get(`net.ipv4.conf.${name}.rp_filter`) ?? 0) : 0);
    if (iif === undefined || Math.max(rp('all'), rp(iif)) !== 1) return false;
    // By which link the Internet comes in where the default route is another's is not known.
    return probe.client !== 'outside' || !isByDefault(p, probe.question.packet.saddr);
  });

function arrivalOf({ stops }: Failure['ending']): string | undefined {
  const last = stops.findLast(({ kind }) => kind === 'node');
  return last?.kind === 'node' ? last.packet.iif : undefined;
}

function isByDefault(p: Prepared, client: string): boolean {
  const address = parseAddress(client);
  const way =
    address === undefined
      ? undefined
      : p.routers[address.family]?.lookup({ daddr: address.value, mark: 0, tos: 0, iif: undefined });
  return way?.kind !== 'found' || way.result.route.dst.len === 0;
}
