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
  for (const [node, { prepared: p }] of network.nodes) {
    if (!p.world.links.known) continue;
    for (const family of ['ip', 'ip6'] as const) {
      const router = p.routers[family];
      if (router === undefined || !p.world.routes[family].known) continue;
      const uplink = uplinkOf(p, family, nodeAddress(network.cluster, node, p, family));
      for (const pod of pods) {
        const home = pod.node;
        const address = home === undefined ? undefined : podAddress(pod, home, family);
        const value = address === undefined ? undefined : parseAddress(address)?.value;
        if (home === undefined || address === undefined || value === undefined) continue;
        const way = router.lookup({ daddr: value, mark: 0, tos: 0, iif: undefined });
        const say =
          home === node
            ? astrayAtHome(way, uplink, () => hasOwnWays(network, p, node, family, uplink))
            : astrayAbroad(network, node, home, way, family);
        if (say !== undefined) found.push({ node, pod, address, say });
      }
    }
  }
  return found;
}

type Family = 'ip' | 'ip6';

/** The interface that has the node's address. */
const uplinkOf = (p: Prepared, family: Family, address: string | undefined): string | undefined => {
  const value = address === undefined ? undefined : parseAddress(address)?.value;
  return value === undefined ? undefined : p.localAddresses.get(`${family} ${value}`)?.name;
};

const noWay = (way: Lookup): string | undefined => {
  if (way.kind === 'none') return 'there is no route';
  if (way.kind !== 'found') return `the route says ${way.kind}`;
  return way.result.type === 'local' || way.result.type === 'unicast' ? undefined : `the route says ${way.result.type}`;
};

/** A pod of the node itself: behind an interface of its own or a bridge, never behind a router. */
function astrayAtHome(way: Lookup, uplink: string | undefined, hasOwn: () => boolean): string | undefined {
  const lost = noWay(way);
  if (lost !== undefined || way.kind !== 'found') return lost;
  const { gateway, dev } = way.result;
  // Pods may share the node's own link (macvlan and the like): then all of them do.
  if (dev === undefined || dev.name !== uplink || !hasOwn()) return undefined;
  const via = gateway === undefined ? '' : ` via ${formatAddress(gateway)}`;
  return `the route leads back out of ${dev.name}${via}`;
}

/** Whether some pod of the node is reached by another interface than the node's own link, or no route tells. */
function hasOwnWays(network: Network, p: Prepared, node: string, family: Family, uplink: string | undefined): boolean {
  const pods = network.cluster.pods.known ? network.cluster.pods.value : [];
  const ways = pods.flatMap((pod) => {
    const address = podAddress(pod, node, family);
    return address === undefined ? [] : [deviceTowards(p, address)];
  });
  if (ways.some((dev) => dev !== undefined && dev !== uplink)) return true;
  // All of them lost: other nodes show how pods are reached here.
  return [...network.nodes].some(([other, { prepared }]) => {
    const its = uplinkOf(prepared, family, nodeAddress(network.cluster, other, prepared, family));
    return pods.some((pod) => {
      const address = other === node ? undefined : podAddress(pod, other, family);
      const dev = address === undefined ? undefined : deviceTowards(prepared, address);
      return dev !== undefined && dev !== its;
    });
  });
}

/** A pod of another node: the route leads to that node. Through the default router only where other nodes do it so, too. */
function astrayAbroad(network: Network, node: string, home: string, way: Lookup, family: Family): string | undefined {
  const lost = noWay(way);
  if (lost !== undefined || way.kind !== 'found') return lost;
  const { gateway, route, dev } = way.result;
  if (gateway !== undefined) {
    const owner = network.nodeByAddress.get(formatAddress(gateway));
    if (owner !== undefined && owner !== home && owner !== node)
      return `the route leads to ${owner}, by ${formatAddress(gateway)}`;
  }
  if (route.dst.len !== 0 || !areNeighbours(network, node, home, family)) return undefined;
  const isUsual = !othersHaveRoutes(network, node, home, family);
  return isUsual ? undefined : `only the default route is left, out of ${dev?.name ?? 'no interface'}`;
}

/** Whether the nodes share a link. */
function areNeighbours(network: Network, node: string, other: string, family: Family): boolean {
  const p = network.nodes.get(node)?.prepared;
  const there = [...network.nodeByAddress].find(([text, name]) => {
    return name === other && parseAddress(text)?.family === family;
  })?.[0];
  const value = there === undefined ? undefined : parseAddress(there)?.value;
  const way =
    value === undefined ? undefined : p?.routers[family]?.lookup({ daddr: value, mark: 0, tos: 0, iif: undefined });
  return way?.kind === 'found' && way.result.gateway === undefined && way.result.type === 'unicast';
}

/** Whether elsewhere in the cluster pods of a neighbour node have a route of their own. */
function othersHaveRoutes(network: Network, node: string, home: string, family: Family): boolean {
  const pods = network.cluster.pods.known ? network.cluster.pods.value : [];
  return [...network.nodes].some(([from, { prepared }]) =>
    pods.some((pod) => {
      const to = pod.node;
      if (to === undefined || to === from || (from === node && to === home)) return false;
      const value = parseAddress(podAddress(pod, to, family) ?? '')?.value;
      const way =
        value === undefined
          ? undefined
          : prepared.routers[family]?.lookup({ daddr: value, mark: 0, tos: 0, iif: undefined });
      return way?.kind === 'found' && way.result.route.dst.len !== 0 && areNeighbours(network, from, to, family);
    }),
  );
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
