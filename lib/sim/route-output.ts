/** The route of a packet of the node's own (net/ipv4/route.c ip_route_output_key_hash_rcu, net/ipv6/route.c ip6_route_output). */
import type { IpValue, Link } from '../world/world';
import { addressKey, type Run } from './environment';
import { isLocal4 } from './fib';
import { madeUpRoute, type RouteResult } from './routing';
import { deviceSetting, noRoutes } from './settings';
import { selectIpv4 } from './source-address';

export interface OutputQuery {
  readonly family: 'ip' | 'ip6';
  readonly daddr: IpValue;
  /** Undefined, or 0: to be chosen. */
  readonly saddr: IpValue | undefined;
  readonly mark: number;
  readonly tos: number;
  readonly oif?: string | undefined;
  readonly uid?: number;
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Any source will do: raw sockets, packets that are routed again (FLOWI_FLAG_ANYSRC). */
  readonly anySource?: boolean;
}

export type Output =
  | { readonly kind: 'found'; readonly route: RouteResult; readonly source: IpValue | undefined }
  | { readonly kind: 'failed'; readonly errno: number };

const ERRNO = { none: 101, unreachable: 113, prohibit: 13, blackhole: 22 } as const;
const INVALID = 22;
const LOOPBACK = 0x7f000001;

const loopbackOf = (run: Run): Link | undefined => [...run.p.linkByName.values()].find((l) => l.type === 'loopback');

/** Packets to the node's own addresses leave through lo, whatever device the route names. */
function viaLoopback(run: Run, r: RouteResult): RouteResult {
  if (r.type !== 'local' && r.type !== 'anycast') return r;
  const lo = loopbackOf(run);
  return lo === undefined ? r : { ...r, dev: lo };
}

const failed = (errno: number): Output => ({ kind: 'failed', errno });

/** Looks a route up. Unknown routes end the run. */
export function routeOutput(run: Run, q: OutputQuery): Output {
  const router = run.p.routers[q.family];
  if (router === undefined) return noRoutes(run, q.family);
  return q.family === 'ip' ? output4(run, q) : output6(run, q);
}

function output4(run: Run, q: OutputQuery): Output {
  let daddr = Number(q.daddr);
  let saddr = q.saddr === undefined ? 0 : Number(q.saddr);
  if (saddr !== 0) {
    if (saddr >>> 28 === 14 || saddr === 0xffffffff) return failed(INVALID);
    if (q.anySource !== true && !isLocal4({ run }, saddr)) return failed(ERRNO.none);
  }
  if (daddr === 0) {
    // An unspecified destination is the source itself, over lo, whosever that is (ip_route_output_key_hash_rcu).
    if (saddr === 0) saddr = LOOPBACK;
    daddr = saddr;
    const lo = loopbackOf(run);
    if (lo === undefined) return failed(ERRNO.none);
    const found =
      run.p.routers.ip?.inTable('local', { daddr, mark: 0, tos: 0, iif: undefined }) ?? onLink(run, lo.name);
    if (found === undefined) return failed(ERRNO.none);
    return { kind: 'found', route: { ...found, type: 'local', dev: lo, gateway: undefined }, source: saddr };
  }
  const toAll = daddr >>> 28 === 14 || daddr === 0xffffffff;
  const oif = q.oif ?? (toAll && saddr !== 0 ? run.p.localAddresses.get(addressKey('ip', saddr))?.name : undefined);
  const forced = toAll && oif !== undefined ? onLink(run, oif) : undefined;
  if (toAll && saddr !== 0 && oif === undefined) return failed(ERRNO.none);
  const found = run.p.routers.ip?.lookup({
    daddr,
    ...(saddr === 0 ? {} : { saddr }),
    mark: q.mark,
    tos: q.tos,
    iif: undefined,
    ...(oif === undefined ? {} : { oif }),
    ...(q.uid === undefined ? {} : { uid: q.uid }),
    ...(q.protocol === undefined ? {} : { protocol: q.protocol }),
    ...(q.sport === undefined ? {} : { sport: q.sport }),
    ...(q.dport === undefined ? {} : { dport: q.dport }),
  });
  if (found === undefined) return failed(ERRNO.none);
  const result = forced ?? (found.kind === 'found' ? found.result : onLink(run, oif));
  if (result === undefined) return failed(found.kind === 'found' ? ERRNO.none : ERRNO[found.kind]);
  const limited = daddr === 0xffffffff;
  const group = daddr >>> 28 === 14;
  // The limited broadcast leaves by the route that is found, but as a broadcast (__mkroute_output).
  // To a group nobody goes by a gateway, unless the route is one for groups.
  const route: RouteResult = limited
    ? { ...result, type: 'broadcast', gateway: undefined }
    : group
      ? { ...result, type: 'multicast', ...(result.route.dst.len < 4 ? { gateway: undefined } : {}) }
      : viaLoopback(run, result);
  const loopback = route.dev?.type === 'loopback';
  if (
    saddr >>> 24 === 127 &&
    !loopback &&
    route.dev !== undefined &&
    !deviceSetting(run, route.dev.name, 'route_localnet')
  )
    return failed(INVALID);
  const source =
    saddr !== 0
      ? saddr
      : (result.route.prefsrc ??
        (result.type === 'local'
          ? daddr
          : selectIpv4(run, result.dev, result.gateway === undefined ? daddr : Number(result.gateway))));
  return { kind: 'found', route, source };
}

/** Where a device is asked for and no route leads there, the destination is taken to be on its link. */
function onLink(run: Run, oif: string | undefined): RouteResult | undefined {
  const dev = oif === undefined ? undefined : run.p.linkByName.get(oif);
  return dev === undefined ? undefined : madeUpRoute('ip', 'unicast', dev);
}

function output6(run: Run, q: OutputQuery): Output {
  const daddr = BigInt(q.daddr);
  const found = run.p.routers.ip6?.lookup({
    daddr,
    ...(q.saddr === undefined || q.saddr === 0n ? {} : { saddr: q.saddr }),
    mark: q.mark,
    tos: q.tos,
    iif: undefined,
    ...(q.oif === undefined ? {} : { oif: q.oif }),
    ...(q.uid === undefined ? {} : { uid: q.uid }),
    ...(q.protocol === undefined ? {} : { protocol: q.protocol }),
    ...(q.sport === undefined ? {} : { sport: q.sport }),
    ...(q.dport === undefined ? {} : { dport: q.dport }),
  });
  if (found === undefined) return failed(ERRNO.none);
  if (found.kind !== 'found') return failed(ERRNO[found.kind]);
  return { kind: 'found', route: viaLoopback(run, found.result), source: q.saddr };
}
