/** The `fib` expression (net/ipv4/netfilter/nft_fib_ipv4.c, net/ipv6/netfilter/nft_fib_ipv6.c). */
import { PROTO } from '../net/protocols';
import { FIB_ADDRTYPE } from '../nft/datatypes';
import type { FibExpression } from '../nft/model';
import type { IpValue, Link } from '../world/world';
import { addressKey, type Context } from './environment';
import { routesUnknown } from './routes-unknown';
import type { RouteResult } from './routing';
import { destinationOf, type Skb, sourceOf, tosOf } from './skb';
import { routingMark } from './unknown-mark';
import { type Evaluated, Missing, Unknown } from './value';

const TYPE = (name: string): number => FIB_ADDRTYPE.symbols?.byName.get(name) ?? 0;
const UNICAST = TYPE('unicast');
const LOCAL = TYPE('local');
/** No type at all (RTN_UNSPEC). */
const UNSPEC = 0;
export const BROADCAST = TYPE('broadcast');
const MULTICAST = TYPE('multicast');
const ANYCAST = TYPE('anycast');

/** inet_addr_type(): an address is what the local table says, for one device if `dev` is given. */
export function addressType4(c: Pick<Context, 'run'>, addr: number, dev: Link | undefined): number | undefined {
  if (addr === 0 || addr === 0xffffffff) return BROADCAST;
  if (addr >>> 28 === 14) return MULTICAST;
  const router = c.run.p.routers.ip;
  if (router === undefined) return undefined;
  const hit = router.inTable('local', { daddr: addr, mark: 0, tos: 0, iif: undefined });
  if (hit === undefined || (dev !== undefined && hit.dev?.index !== dev.index)) return UNICAST;
  return TYPE(hit.type) || UNICAST;
}

export const isLocal4 = (c: Pick<Context, 'run'>, addr: number): boolean => addressType4(c, addr, undefined) === LOCAL;

/** Multicast, or not: ff00::/8. */
export const isMulticast6 = (addr: bigint): boolean => addr >> 120n === 0xffn;
/** fe80::/10. */
export const isLinkLocal6 = (addr: bigint): boolean => addr >> 118n === 0x3fan;
/** A group of the link. */
const isLinkGroup = (addr: bigint): boolean => isMulticast6(addr) && ((addr >> 112n) & 15n) === 2n;

/** The address of a network on the link stands for any router there, whether or not this node is one (ipv6_anycast_destination). */
export const isSubnetAnycast = ({ route, type, gateway }: RouteResult, addr: bigint): boolean =>
  type === 'unicast' && gateway === undefined && route.dst.len < 127 && route.dst.addr === addr;

function type6(c: Context, addr: bigint, other: bigint, dev: Link | undefined, useMark: boolean): number | Unknown {
  const router = c.run.p.routers.ip6;
  if (router === undefined) return unknownRoutes(c, 'ip6');
  const own = c.run.p.localAddresses.get(addressKey('ip6', addr));
  if (dev !== undefined && own !== undefined && own.index === dev.index) return LOCAL;
  const found = router.lookup({
    daddr: addr,
    saddr: other,
    mark: useMark ? routingMark(c.run, c.skb) : 0,
    tos: 0,
    iif: undefined,
    ...askedOf(c),
    ...onLink(c, addr, dev),
  });
  switch (found.kind) {
    case 'none':
    case 'unreachable':
      return TYPE('unreachable');
    case 'prohibit':
      return TYPE('prohibit');
    case 'blackhole':
      return TYPE('blackhole');
    case 'found':
      if (found.result.type === 'anycast' || isSubnetAnycast(found.result, addr)) return ANYCAST;
      if (dev === undefined && found.result.type === 'local') return LOCAL;
      if (isMulticast6(addr)) return MULTICAST;
      // Neither nobody's address nor an IPv4 address written as one of IPv6 is of a machine (ipv6_addr_type).
      return addr === 0n || addr >> 32n === 0xffffn ? UNSPEC : UNICAST;
  }
}

/** An address of a link is looked up on the device that is asked about, else on that of the packet (nft_fib6_flowi_init). */
function onLink(c: Context, addr: bigint, dev: Link | undefined): { readonly oif?: string } {
  const link = isLinkLocal6(addr) || isLinkGroup(addr);
  const on = dev ?? (c.hook === 'output' ? undefined : (c.skb.iif ?? c.skb.oif));
  return link && on !== undefined ? { oif: on.name } : {};
}

/** The protocol is asked for, ports are not, and the kernel itself is the user who asks (nft_fib4_eval, nft_fib6_flowi_init). */
const askedOf = ({ skb }: Context) => ({ protocol: skb.headers.l4proto ?? 0, uid: 0 });

const unknownRoutes = (c: Context, family: 'ip' | 'ip6'): Unknown => new Unknown(routesUnknown(c.run.p.world, family));

/** Evaluates `fib FLAGS RESULT`; the result of oif is an interface index, 0 for none. */
export function evaluateFib(expr: FibExpression, c: Context): Evaluated {
  const { skb } = c;
  if (skb.family === 'arp') return new Missing('fib', 'the packet is ARP');
  const flags = new Set(expr.flags);
  const dev = flags.has('iif') ? skb.iif : flags.has('oif') ? skb.oif : undefined;
  const addr = flags.has('saddr') ? sourceOf(skb) : destinationOf(skb);
  const other = flags.has('saddr') ? destinationOf(skb) : sourceOf(skb);
  if (expr.result === 'type') {
    if (skb.family === 'ip') return addressType4(c, Number(addr), dev) ?? unknownRoutes(c, 'ip');
    return type6(c, BigInt(addr), BigInt(other), dev, flags.has('mark'));
  }
  const found = outputInterface(c, skb.family, addr, other, dev, flags);
  if (found instanceof Unknown) return found;
  if (expr.result === 'oifname') return found?.name ?? '';
  return found?.index ?? 0;
}

/**
 * nft_fib_can_skip(): a packet is not looked up where it comes to an open connection by the device of the one before, nor where it came
 * over lo or is a copy of what the node sent to all (PACKET_LOOPBACK). The socket is known from routing on.
 */
function skipsLookup(c: Context): boolean {
  const { skb, hook } = c;
  if (hook !== 'prerouting' && hook !== 'input' && hook !== 'ingress') return false;
  if (hook === 'input' && skb.socketIif !== undefined) return skb.socketIif === skb.iif?.name;
  return skb.looped === true || skb.iif?.type === 'loopback';
}

/**
 * Who has no IPv4 address yet sends from 0.0.0.0 to all or to a group of the link: found where it comes in (nft_fib4_eval). A socket of
 * IPv6 that has none asks its link with ICMPv6 (nft_fib_v6_skip_icmpv6).
 */
function comesFromNobody(skb: Skb): boolean {
  const to = destinationOf(skb);
  if (BigInt(sourceOf(skb)) !== 0n) return false;
  if (typeof to === 'number') return to === 0xffffffff || to >>> 8 === 0xe00000;
  return skb.headers.l4proto === PROTO.icmpv6 && (isLinkLocal6(to) || isLinkGroup(to));
}

function outputInterface(
  c: Context,
  family: 'ip' | 'ip6',
  addr: IpValue,
  other: IpValue,
  dev: Link | undefined,
  flags: ReadonlySet<string>,
): Link | undefined | Unknown {
  const { skb } = c;
  if (skipsLookup(c) || comesFromNobody(skb)) return skb.iif;
  const router = c.run.p.routers[family];
  if (router === undefined) return unknownRoutes(c, family);
  const strictSource = flags.has('saddr') && c.hook === 'forward' && flags.has('iif');
  const found = router.lookup({
    daddr: addr,
    saddr: other,
    mark: flags.has('mark') ? routingMark(c.run, skb) : 0,
    tos: tosOf(skb),
    iif: strictSource ? skb.oif?.name : undefined,
    ...askedOf(c),
    ...(family === 'ip6' ? onLink(c, BigInt(addr), dev) : {}),
  });
  if (found.kind !== 'found') return undefined;
  const { result, multipath } = found;
  if (result.type === 'local') return undefined;
  if (family === 'ip6' && result.type === 'anycast') return undefined;
  if (dev === undefined) return result.dev;
  const all = multipath.length > 0 ? multipath : [result];
  return all.some((r) => r.dev?.index === dev.index) ? dev : undefined;
}

/** Groups that every interface of a router joins, and the solicited-node groups of its addresses. */
export function joined6(dev: Link, dst: bigint, forwarding: boolean): boolean {
  const plain = dst & ~(15n << 112n);
  const scope = Number((dst >> 112n) & 15n);
  if (plain === 0xff000000000000000000000000000001n && (scope === 1 || scope === 2)) return true;
  if (forwarding && plain === 0xff000000000000000000000000000002n && (scope === 1 || scope === 2 || scope === 5))
    return true;
  if (dst >> 24n === 0xff0200000000000000000001ffn) {
    return dev.addresses.some((a) => a.family === 'ip6' && (BigInt(a.local) & 0xffffffn) === (dst & 0xffffffn));
  }
  return false;
}
