/** Which of its addresses the node uses (net/ipv4/devinet.c inet_select_addr, net/ipv6/addrconf.c ipv6_dev_get_saddr). */
import { inPrefix } from '../net/address';
import type { IpValue, Link, LinkAddress } from '../world/world';
import type { Context, Run } from './environment';
import { isLinkLocal6, isMulticast6 } from './fib';
import type { RouteResult } from './routing';
import { destinationOf } from './skb';

/** The primary address of a device, one in the peer's network first; then that of any other device. */
export function selectIpv4(run: Pick<Run, 'p'>, dev: Link | undefined, peer: number | undefined): number | undefined {
  const usable = (a: LinkAddress): boolean =>
    a.family === 'ip' && !a.secondary && a.scope !== 'host' && a.scope !== 'link';
  const on = dev?.addresses.filter(usable) ?? [];
  const inNet = peer === undefined ? undefined : on.find((a) => inPrefix(peer, a.peer ?? a.local, a.prefixLen));
  const chosen = inNet ?? on[0];
  if (chosen !== undefined) return Number(chosen.local);
  const { links } = run.p.world;
  for (const link of links.known ? links.value : []) {
    if (link === dev) continue;
    const a = link.addresses.find(usable);
    if (a !== undefined) return Number(a.local);
  }
  return undefined;
}

function commonBits(a: bigint, b: bigint): number {
  const diff = a ^ b;
  return diff === 0n ? 128 : 128 - diff.toString(2).length;
}

const SCOPE = { link: 2, site: 5, global: 14 } as const;

/** __ipv6_addr_src_scope(): the loopback address counts as of its link. */
function scopeOf(addr: bigint): number {
  if (isMulticast6(addr)) return Number((addr >> 112n) & 15n);
  if (addr === 1n || isLinkLocal6(addr)) return SCOPE.link;
  return addr >> 118n === 0x3fbn ? SCOPE.site : SCOPE.global;
}

/** The default policy table (net/ipv6/addrlabel.c), the longest prefix first. */
const LABELS: readonly (readonly [prefix: bigint, len: number, label: number])[] = [
  [1n, 128, 0],
  [0xffffn << 32n, 96, 4],
  [0n, 96, 3],
  [0x20010000n << 96n, 32, 6],
  [0x20010010n << 96n, 28, 7],
  [0x3ffen << 112n, 16, 12],
  [0x2002n << 112n, 16, 2],
  [0xfec0n << 112n, 10, 11],
  [0xfc00n << 112n, 7, 5],
];
const labelOf = (addr: bigint): number =>
  LABELS.find(([prefix, len]) => addr >> BigInt(128 - len) === prefix >> BigInt(128 - len))?.[2] ?? 1;

/**
 * ipv6_dev_get_saddr(): RFC 6724 as the kernel has it: the same address, scope, deprecation, outgoing device, label, longest match.
 * Of equals the first that the devices list, the newest of each.
 */
export function selectIpv6(run: Pick<Run, 'p'>, dev: Link | undefined, daddr: bigint): bigint | undefined {
  const { links } = run.p.world;
  const scope = scopeOf(daddr);
  const label = labelOf(daddr);
  const onlyDevice = dev !== undefined && (isMulticast6(daddr) || scope <= SCOPE.link);
  const rank = (link: Link, a: LinkAddress): readonly number[] => {
    const value = BigInt(a.local);
    const own = scopeOf(value);
    return [
      value === daddr ? 1 : 0,
      own >= scope ? -own : own - 128,
      a.deprecated ? 0 : 1,
      dev === undefined || link === dev ? 1 : 0,
      labelOf(value) === label ? 1 : 0,
      Math.min(commonBits(value, daddr), a.prefixLen),
    ];
  };
  let best: { value: bigint; rank: readonly number[] } | undefined;
  for (const link of links.known ? links.value : []) {
    if (onlyDevice && link !== dev) continue;
    for (const a of link.addresses) {
      if (a.family !== 'ip6' || a.tentative) continue;
      const mine = rank(link, a);
      const differs = best === undefined ? 0 : mine.findIndex((n, i) => n !== best?.rank[i]);
      if (best === undefined || (differs >= 0 && (mine[differs] ?? 0) > (best.rank[differs] ?? 0)))
        best = { value: BigInt(a.local), rank: mine };
    }
  }
  return best?.value;
}

/** The source a route gives to a packet that has none. */
export function sourceForRoute(
  run: Pick<Run, 'p'>,
  family: 'ip' | 'ip6',
  r: RouteResult,
  daddr: IpValue,
): IpValue | undefined {
  if (r.route.prefsrc !== undefined) return r.route.prefsrc;
  if (family === 'ip') return selectIpv4(run, r.dev, r.gateway === undefined ? Number(daddr) : Number(r.gateway));
  // A local address leaves through lo, but its route names the device it belongs to.
  const dev = r.nexthop?.dev === undefined ? r.dev : run.p.linkByName.get(r.nexthop.dev);
  return selectIpv6(run, dev, BigInt(daddr));
}

/** The address `masquerade` takes; undefined where the device has none, and the packet is dropped. */
export function masqueradeAddress(c: Context): IpValue | undefined {
  const { skb } = c;
  const daddr = destinationOf(skb);
  if (skb.family === 'ip6') return selectIpv6(c.run, skb.oif, BigInt(daddr));
  return selectIpv4(c.run, skb.oif, Number(skb.dst?.gateway ?? daddr));
}

/** The address `redirect` takes: loopback at output, else the first address of the input device, in IPv6 of the same scope (nf_nat_redirect.c). */
export function redirectAddress(c: Context): IpValue | undefined {
  const { skb } = c;
  if (c.hook === 'output') return skb.family === 'ip6' ? 1n : 0x7f000001;
  const on = skb.iif?.addresses ?? [];
  if (skb.family === 'ip') {
    const a = on.find((x) => x.family === 'ip' && !x.secondary);
    return a === undefined ? undefined : a.local;
  }
  const scope = scopeBits(BigInt(destinationOf(skb)));
  return on.find(
    (x) => x.family === 'ip6' && !x.tentative && (scope === 0 || (scope & scopeBits(BigInt(x.local))) !== 0),
  )?.local;
}

/** The scope of an address as ipv6_addr_type() codes it: 0 global, 0x10 loopback, 0x20 link, 0x40 site (net/ipv6/addrconf_core.c). */
function scopeBits(addr: bigint): number {
  if (addr === 1n) return 0x10;
  if (addr >> 118n === 0x3fan) return 0x20;
  if (addr >> 118n === 0x3fbn) return 0x40;
  if (!isMulticast6(addr)) return 0;
  return [0, 0x10, 0x20, 0, 0, 0x40][Number((addr >> 112n) & 15n)] ?? 0;
}
