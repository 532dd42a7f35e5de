/** Reading what routing and sockets know of a packet: `rt`, `socket`. */

import { isIcmpError, parseHeaders, u16, u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { RtExpression, SocketExpression } from '../nft/model';
import type { Link, ListeningSocket } from '../world/world';
import type { Context } from './environment';
import { unknownHost, unsupported } from './read-unknown';
import { routeOutput } from './route-output';
import { destinationOf, sourceOf } from './skb';
import { type Evaluated, Missing } from './value';

export function readRt(expr: RtExpression, name: string): (c: Context) => Evaluated {
  return (c) => {
    const { skb } = c;
    const dst = skb.dst;
    if (dst === undefined) return new Missing(name, 'the packet has no route yet');
    switch (expr.key) {
      case 'classid':
        return 0;
      case 'ipsec':
        return 0;
      case 'nexthop': {
        const family = expr.family ?? (c.family === 'ip6' ? 'ip6' : c.family === 'ip' ? 'ip' : undefined);
        if (family !== undefined && family !== skb.family)
          return new Missing(name, 'the packet is of the other family');
        return (dst.gateway ?? destinationOf(skb)) as number | bigint;
      }
      case 'mtu': {
        const dev = dst.dev ?? skb.oif;
        if (dev === undefined || skb.family === 'arp') return new Missing(name, 'the route has no device');
        // get_tcpmss(): the smaller MTU of both ways, or the default of TCP where it says nothing.
        const header = skb.family === 'ip' ? 40 : 60;
        const most = skb.family === 'ip' ? 65535 : 65575;
        const { family } = skb;
        const ask = { family, daddr: sourceOf(skb), saddr: undefined, mark: 0, tos: 0 };
        const back = c.run.p.routers[family] === undefined ? undefined : routeOutput(c.run, ask);
        const mtuOf = (link: Link, route: number | undefined): number => Math.min(route ?? link.mtu, most);
        const forward = mtuOf(dev, dst.route.mtu);
        const mtu =
          back?.kind !== 'found' || back.route.dev === undefined
            ? forward
            : Math.min(forward, mtuOf(back.route.dev, back.route.route.mtu));
        return mtu <= header || mtu > 65535 ? 536 : mtu - header;
      }
      default:
        return unsupported(name);
    }
  };
}

/** A socket that listens. */
export interface Listener {
  readonly wildcard: boolean;
  readonly transparent: boolean | undefined;
}

/** Where a rule gives a packet to a proxy; undefined is not known. */
export interface ProxyAt {
  readonly port: number | undefined;
  readonly address: ListeningSocket['address'];
}

/** The same for a rule, which sees whoever listens: what the cluster's objects promise is not all. Undefined also there. */
export const listenerAsked = (c: Pick<Context, 'run' | 'skb'>, to?: ProxyAt): Listener | 'none' | undefined =>
  c.run.p.world.socketsPromised === true ? undefined : listenerFor(c, to);

/** Sockets that listen for the packet, or where `to` says: the most specific first. Undefined when the capture does not list sockets. */
export function listenerFor(c: Pick<Context, 'run' | 'skb'>, to?: ProxyAt): Listener | 'none' | undefined {
  const { sockets } = c.run.p.world;
  if (!sockets.known) return undefined;
  const { l4proto, thoff } = c.skb.headers;
  const protocol = l4proto === PROTO.tcp ? 'tcp' : l4proto === PROTO.udp ? 'udp' : undefined;
  if (protocol === undefined) return 'none';
  const port = to?.port ?? u16(c.skb.data, thoff + 2);
  const daddr = to === undefined ? destinationOf(c.skb) : to.address;
  const fits = sockets.value.filter(
    (s) =>
      s.protocol === protocol &&
      s.port === port &&
      (s.address === undefined
        ? s.family === undefined || s.family === c.skb.family
        : daddr === undefined || s.address === daddr) &&
      (s.device === undefined || arrivedBy(c, s.device)),
  );
  const best = fits.find((s) => s.address !== undefined) ?? fits[0];
  if (best === undefined) return 'none';
  // Without an address the proxy's is the first of the device (nf_tproxy_laddr4, nf_tproxy_laddr6).
  const found = daddr === undefined && best.address !== undefined ? undefined : best.transparent;
  return { wildcard: best.address === undefined, transparent: found };
}

/** A socket that is bound to a device takes what arrives there, or on a member of that VRF (inet_bound_dev_eq). */
function arrivedBy({ run, skb: { iif } }: Pick<Context, 'run' | 'skb'>, device: string): boolean {
  if (iif?.assumed === 'name')
    run.undecided(
      'interface-unknown',
      `A socket is bound to ${device}, and by which interface the packet arrives is not known.`,
      'Name the interface.',
    );
  if (iif?.name === device) return true;
  return iif?.master === device && run.p.linkByName.get(device)?.kind === 'vrf';
}

export function readSocket(expr: SocketExpression, name: string): (c: Context) => Evaluated {
  return (c) => {
    const { ownSocket, sk } = c.skb;
    if (c.hook === 'output' && ownSocket === undefined) {
      // Nothing is looked up where no device names the side that asks (nft_socket_do_lookup).
      if (sk === undefined) return new Missing(name, 'the packet belongs to no socket');
      return unknownHost(`The sending socket's ${expr.key}`, 'Assume a value.');
    }
    if (c.skb.headers.fragOff > 0) return new Missing(name, 'the packet is a later fragment');
    const asked = quotedBy(c);
    const found = (c.hook === 'output' ? ownSocket : undefined) ?? (asked === undefined ? 'none' : socketFor(asked));
    if (found === undefined) return unknownHost('The list of sockets', 'Capture ss -Hltun on the node.');
    if (found === 'none') return new Missing(name, 'no socket takes this packet');
    switch (expr.key) {
      case 'transparent':
        if (found.transparent === undefined)
          return unknownHost('Whether the socket is transparent', 'Capture ss -HltunO --inet-sockopt on the node.');
        return found.transparent ? 1 : 0;
      case 'wildcard':
        return found.wildcard === undefined
          ? new Missing(name, 'the connection is not open yet')
          : found.wildcard
            ? 1
            : 0;
      default:
        return unknownHost(`The socket's ${expr.key}`, 'Assume a value.');
    }
  };
}

/** A connection's own socket, else one that listens. */
function socketFor(
  c: Pick<Context, 'run' | 'skb'>,
): { readonly wildcard: boolean | undefined; readonly transparent: boolean | undefined } | 'none' | undefined {
  const { l4proto, thoff } = c.skb.headers;
  const ports = `${sourceOf(c.skb)} ${destinationOf(c.skb)} ${u32(c.skb.data, thoff)}`;
  const open = l4proto === PROTO.tcp ? c.run.state.sockets.get(ports) : undefined;
  const listener = listenerAsked(c);
  if (open === undefined || listener === undefined || listener === 'none') return listener;
  return { transparent: listener.transparent, wildcard: open.phase === 'syn-received' ? undefined : false };
}

/** The packet whose socket is asked for: the packet itself, or for an ICMP error the answer to what it quotes (nf_sk_lookup_slow_v4, _v6). */
function quotedBy(c: Context): Pick<Context, 'run' | 'skb'> | undefined {
  const { run, skb } = c;
  const { l4proto, thoff } = skb.headers;
  if (skb.family === 'arp' || (l4proto !== PROTO.icmp && l4proto !== PROTO.icmpv6)) return c;
  if (!isIcmpError(l4proto, skb.data[thoff] ?? 0)) return undefined;
  const inner = skb.data.slice(thoff + 8);
  const h = parseHeaders(inner, skb.family);
  if (h.l4proto !== PROTO.tcp && h.l4proto !== PROTO.udp) return undefined;
  const [at, len] = skb.family === 'ip' ? [12, 4] : [8, 16];
  const swapped = inner.slice();
  swapped.set(inner.subarray(at + len, at + 2 * len), at);
  swapped.set(inner.subarray(at, at + len), at + len);
  swapped.set(inner.subarray(h.thoff + 2, h.thoff + 4), h.thoff);
  swapped.set(inner.subarray(h.thoff, h.thoff + 2), h.thoff + 2);
  return { run, skb: { ...skb, data: swapped, headers: h } };
}
