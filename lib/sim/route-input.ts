/** The routing decision for an arriving packet, and forwarding (net/ipv4/route.c, net/ipv4/ip_forward.c, net/ipv6/ip6_output.c). */
import { formatAddress } from '../net/address';
import { u16 } from '../net/headers';
import type { Link } from '../world/world';
import { wayOutNeeded } from './carrier';
import { localDeliver } from './deliver';
import { earlyDemux, hasSocket } from './early-demux';
import { addressKey, type Run } from './environment';
import { isLinkLocal6, isMulticast6, joined6 } from './fib';
import { flowOf, turned } from './flow';
import { sendIcmpError } from './generated';
import { kernel, runHook } from './hooks';
import { compileOptions, forwardOptions } from './ip-options';
import { routeOutput } from './route-output';
import { formatRoute, madeUpRoute, type RouteResult } from './routing';
import { deviceSetting, isForwarding6, linksNeeded, noRoutes, settingUnknown, sysctl } from './settings';
import { decrementTtl, destinationOf, type Skb, sourceOf, tosOf, ttlOf } from './skb';
import { sourceForRoute } from './source-address';
import { postrouting } from './transmit';
import { routingMark } from './unknown-mark';

export function routeInput(run: Run, skb: Skb): void {
  linksNeeded(run);
  earlyDemux(run, skb);
  if (skb.family === 'ip6') routeInput6(run, skb);
  else routeInput4(run, skb);
}

export function isForwarding(run: Run, dev: Link, family: 'ip' | 'ip6'): boolean {
  if (family === 'ip6') return isForwarding6(run);
  const own = sysctl(run, `net.ipv4.conf.${dev.name}.forwarding`) ?? sysctl(run, 'net.ipv4.ip_forward');
  return own === undefined ? settingUnknown(run, 'net.ipv4.ip_forward') : own !== '0';
}

type Validity = 'ok' | 'martian' | 'rp-filter';

/** What the source address of an arriving packet must satisfy. A switch that the capture lacks counts only where it decides. */
export function sourceValid(run: Run, skb: Skb, dev: Link, src: number, dst: number, oif: Link | undefined): Validity {
  const rp = (name: string): string | undefined => sysctl(run, `net.ipv4.conf.${name}.rp_filter`);
  const own = rp(dev.name);
  const inherited = rp('default');
  const taken = validateSource(
    run,
    skb,
    dev,
    src,
    dst,
    oif,
    Math.max(Number(rp('all') ?? 0), Number(own ?? inherited ?? 0)),
  );
  if (own !== undefined && rp('all') !== undefined) return taken;
  if ([0, 1, 2].every((filter) => validateSource(run, skb, dev, src, dst, oif, filter) === taken)) return taken;
  const key = `net.ipv4.conf.${dev.name}.rp_filter`;
  if (inherited === undefined) return settingUnknown(run, key);
  run.assume(`sysctl ${key}`, `${key} is not in the capture and taken to be that of conf.default, ${inherited}.`);
  return taken;
}

const redirects = (run: Run, name: string): boolean =>
  (sysctl(run, `net.ipv4.conf.${name}.send_redirects`) ?? '1') !== '0';

/** fib_validate_source(), __fib_validate_source() of net/ipv4/fib_frontend.c. */
function validateSource(
  run: Run,
  skb: Skb,
  dev: Link,
  src: number,
  dst: number,
  oif: Link | undefined,
  filter: number,
): Validity {
  const acceptLocal = (): boolean => deviceSetting(run, dev.name, 'accept_local');
  const router = run.p.routers.ip;
  if (router === undefined) return 'ok';
  // What goes back where it came from is looked at more closely by a node that sends redirects (IN_DEV_TX_REDIRECTS).
  const returns = oif !== undefined && oif.index === dev.index && (redirects(run, 'all') || redirects(run, dev.name));
  const unfiltered = filter === 0 && !returns;
  if (unfiltered && !router.hasCustomRules && !router.hasCustomLocalRoutes)
    return run.p.localAddresses.has(addressKey('ip', src)) && !acceptLocal() ? 'martian' : 'ok';
  const marked = router.hasCustomRules && (skb.mark !== 0 || skb.markUnknown !== undefined);
  const mark = marked ? markOfSource(run, skb, dev) : 0;
  // The way back has the ports turned round; the kernel itself is the user who asks.
  const query = { daddr: src, saddr: dst, mark, tos: tosOf(skb), iif: oif?.name, uid: 0 };
  const found = router.lookup(router.asksForFlow ? { ...query, ...turned(flowOf(run, skb)) } : query);
  if (found.kind !== 'found') return filter > 0 ? 'rp-filter' : 'ok';
  const { result, multipath } = found;
  if (result.type !== 'unicast') {
    const passes = (result.type === 'local' || unfiltered) && acceptLocal();
    if (!passes) return 'martian';
    if (unfiltered) return 'ok';
  }
  const hops = multipath.length > 0 ? multipath : [result];
  if (hops.some((h) => h.dev?.index === dev.index)) return 'ok';
  if (!dev.addresses.some((a) => a.family === 'ip')) return filter > 0 ? 'rp-filter' : 'ok';
  return filter === 1 ? 'rp-filter' : 'ok';
}

const markOfSource = (run: Run, skb: Skb, dev: Link): number =>
  deviceSetting(run, dev.name, 'src_valid_mark') ? routingMark(run, skb) : 0;

function routeStep(
  run: Run,
  skb: Skb,
  to: 'forward' | 'input' | 'output' | 'none',
  r: RouteResult | undefined,
  say: string,
): void {
  run.steps?.push({
    kind: 'route',
    skb: skb.id,
    to,
    oif: r?.dev?.name,
    nexthop: r?.gateway === undefined ? undefined : formatAddress(r.gateway),
    table: r?.table,
    route: r === undefined ? undefined : formatRoute(r),
    say,
  });
}

const pick = (run: Run, result: RouteResult, multipath: readonly RouteResult[]): RouteResult => {
  if (multipath.length === 0) return result;
  const total = multipath.reduce((n, r) => n + (r.nexthop?.weight ?? 1), 0);
  const taken = run.choose(
    'multipath route',
    undefined,
    multipath.map((r) => ({ value: formatRoute(r), probability: (r.nexthop?.weight ?? 1) / total })),
  );
  return multipath[taken] ?? result;
};

/** The route of what is received as a broadcast or to a group, or cannot go on. */
const groupRoute = (dev: Link, type: 'broadcast' | 'multicast' | 'unreachable'): RouteResult =>
  madeUpRoute('ip', type, dev);

function deliver4(run: Run, skb: Skb): void {
  if (optionsRead(run, skb, undefined)) localDeliver(run, skb);
}

/**
 * ip_rcv_options(): reads the options of a packet that has its route. False where it goes no further. A packet that is to be
 * forwarded records the address it leaves by, later.
 */
function optionsRead(run: Run, skb: Skb, to: RouteResult | undefined): boolean {
  if (skb.headers.thoff <= 20) return true;
  const dst = Number(destinationOf(skb));
  const own = (): number => {
    if (to === undefined && skb.dst?.type === 'local') return dst;
    const back = routeOutput(run, { family: 'ip', daddr: sourceOf(skb), saddr: undefined, mark: 0, tos: tosOf(skb) });
    return back.kind === 'found' ? Number(back.source ?? 0) : 0;
  };
  const wrong = compileOptions(run, skb, own);
  if (wrong !== undefined) {
    kernel(run, skb, 'bad-options', 'The IPv4 options are malformed.');
    sendIcmpError(run, skb, { type: 12, code: 0, info: wrong * 2 ** 24 });
    return false;
  }
  if (skb.options?.srr === 0) return true;
  const on = ['all', skb.iif?.name].every(
    (d) => (sysctl(run, `net.ipv4.conf.${d}.accept_source_route`) ?? '0') !== '0',
  );
  if (on)
    run.undecided(
      'source-route',
      'The packet names the way it wants to go, and the node may follow it (accept_source_route).',
      'Trace the packet without the option.',
    );
  kernel(run, skb, 'source-route', 'Source routes are not accepted (accept_source_route).');
  return false;
}

function routeInput4(run: Run, skb: Skb): void {
  const dev = skb.iif;
  if (dev === undefined) return;
  // A packet that looped through lo keeps the route it was sent by, unless NAT took it away; one of an open connection has a route.
  if (skb.dst !== undefined && (dev.type === 'loopback' || skb.looped === true || skb.socketIif === dev.name)) {
    // To a group it does so only where it has joined (__mkroute_output: RTCF_LOCAL).
    if (skb.dst.type === 'multicast' && Number(destinationOf(skb)) !== 0xe0000001)
      kernel(run, skb, 'multicast', 'No socket of this node has joined the group.');
    else deliver4(run, skb);
    return;
  }
  const src = Number(sourceOf(skb));
  const dst = Number(destinationOf(skb));
  const localnet = (): boolean => deviceSetting(run, dev.name, 'route_localnet');
  const martian = (what: string): void => kernel(run, skb, 'martian', `The kernel drops it as a martian: ${what}.`);
  if (dst >>> 28 === 14) {
    routeMulticast4(run, skb, dev, src, dst);
    return;
  }
  if (src >>> 28 === 14 || src === 0xffffffff) {
    martian(`source ${formatAddress(src)}`);
    return;
  }
  const broadcast = dst === 0xffffffff || (src === 0 && dst === 0);
  if (!broadcast) {
    if (src === 0) {
      martian(`source ${formatAddress(src)}`);
      return;
    }
    if (dst === 0) {
      martian(`destination ${formatAddress(dst)}`);
      return;
    }
    if (dst >>> 24 === 127) {
      if (!localnet()) {
        martian(`destination ${formatAddress(dst)} from ${dev.name}`);
        return;
      }
    } else if (src >>> 24 === 127 && !localnet()) {
      martian(`source ${formatAddress(src)} from ${dev.name}`);
      return;
    }
  }
  const router = run.p.routers.ip;
  if (router === undefined) noRoutes(run, 'ip');
  const forwarding = (): boolean => isForwarding(run, dev, 'ip');
  const lookup = (): ReturnType<typeof router.lookup> => {
    const query = { daddr: dst, saddr: src, mark: routingMark(run, skb), tos: tosOf(skb), iif: dev.name, uid: 0 };
    return router.lookup(router.asksForFlow ? { ...query, ...flowOf(run, skb) } : query);
  };
  const found = broadcast ? undefined : lookup();
  if (found !== undefined && found.kind !== 'found') {
    routeStep(
      run,
      skb,
      'none',
      undefined,
      found.kind === 'none'
        ? `no route to ${formatAddress(dst)}`
        : `the route to ${formatAddress(dst)} is ${found.kind}`,
    );
    if (!forwarding()) {
      kernel(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv4.ip_forward).');
      return;
    }
    if (found.kind === 'blackhole') {
      kernel(run, skb, 'blackhole', 'The route swallows the packet.');
      return;
    }
    // The route that says so is none of the node's own: the answer comes from an address of the way back.
    skb.dst = groupRoute(dev, 'unreachable');
    if (!optionsRead(run, skb, undefined)) return;
    kernel(run, skb, 'no-route', 'The kernel answers with an ICMP error.');
    sendIcmpError(run, skb, { type: 3, code: found.kind === 'none' ? 0 : found.kind === 'unreachable' ? 1 : 13 });
    return;
  }
  const result = found === undefined ? undefined : pick(run, found.result, found.multipath);
  const type = broadcast ? 'broadcast' : result?.type;
  if (type === 'broadcast') {
    if (src !== 0 && sourceValid(run, skb, dev, src, 0, undefined) !== 'ok') {
      martian(`source ${formatAddress(src)} belongs to this node`);
      return;
    }
    routeStep(run, skb, 'input', result, 'broadcast');
    skb.dst = result ?? groupRoute(dev, 'broadcast');
    deliver4(run, skb);
    return;
  }
  const validity = sourceValid(run, skb, dev, src, dst, type === 'local' ? undefined : result?.dev);
  const refuse = (): boolean => {
    if (validity === 'ok') return false;
    if (validity === 'rp-filter')
      kernel(
        run,
        skb,
        'rp-filter',
        `Reverse path filtering drops it: the way back to ${formatAddress(src)} does not lead out of ${dev.name}.`,
      );
    else martian(`source ${formatAddress(src)} belongs to this node`);
    return true;
  };
  if (type === 'local') {
    if (refuse()) return;
    routeStep(run, skb, 'input', result, `${formatAddress(dst)} is local`);
    skb.dst = result;
    deliver4(run, skb);
    return;
  }
  if (!forwarding()) {
    routeStep(run, skb, 'none', result, `${formatAddress(dst)} is not local`);
    kernel(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv4.ip_forward).');
    return;
  }
  if (type !== 'unicast' || result === undefined) {
    martian(`destination ${formatAddress(dst)}`);
    return;
  }
  if (refuse()) return;
  routeStep(run, skb, 'forward', result, 'forwarded');
  skb.dst = result;
  if (optionsRead(run, skb, result)) forward(run, skb, result);
}

function routeMulticast4(run: Run, skb: Skb, dev: Link, src: number, dst: number): void {
  // 224.0.0.1 is joined by every interface; other groups are not in a capture.
  if (dst !== 0xe0000001) {
    routeStep(run, skb, 'none', undefined, `the group ${formatAddress(dst)} is not joined`);
    run.assume('multicast', 'Multicast groups other than all-hosts are taken not to be joined.');
    kernel(run, skb, 'multicast', 'No socket of this node has joined the group.');
    return;
  }
  if (src >>> 28 === 14 || src === 0xffffffff || src >>> 24 === 127) {
    kernel(run, skb, 'martian', 'The kernel drops it as a martian.');
    return;
  }
  if (sourceValid(run, skb, dev, src, 0, undefined) !== 'ok') {
    kernel(run, skb, 'martian', `The source ${formatAddress(src)} does not fit the interface.`);
    return;
  }
  routeStep(run, skb, 'input', undefined, 'multicast to all hosts');
  skb.dst = groupRoute(dev, 'multicast');
  deliver4(run, skb);
}

function routeInput6(run: Run, skb: Skb): void {
  const dev = skb.iif;
  if (dev === undefined) return;
  if (skb.dst !== undefined && (dev.type === 'loopback' || skb.looped === true || skb.socketIif === dev.name)) {
    // A duplicate has the route to a machine, which forwards nothing that came back (ip6_forward: PACKET_LOOPBACK).
    if (skb.looped === true && skb.duplicate === true)
      kernel(run, skb, 'looped', 'The copy of a duplicate has a route to another machine and is not forwarded.');
    else localDeliver(run, skb);
    return;
  }
  const src = BigInt(sourceOf(skb));
  const dst = BigInt(destinationOf(skb));
  const forwarding = (): boolean => isForwarding(run, dev, 'ip6');
  if (isMulticast6(dst)) {
    if (!joined6(dev, dst, false) && !(joined6(dev, dst, true) && forwarding())) {
      routeStep(run, skb, 'none', undefined, `the group ${formatAddress(dst)} is not joined`);
      kernel(run, skb, 'multicast', 'No socket of this node has joined the group.');
      return;
    }
    routeStep(run, skb, 'input', undefined, 'multicast');
    skb.dst = madeUpRoute('ip6', 'multicast', dev);
    localDeliver(run, skb);
    return;
  }
  const router = run.p.routers.ip6;
  if (router === undefined) noRoutes(run, 'ip6');
  const found = router.lookup({
    daddr: dst,
    saddr: src,
    mark: routingMark(run, skb),
    tos: tosOf(skb),
    iif: dev.name,
    uid: 0,
    ...flowOf(run, skb),
    // rt6_need_strict(): these belong to one device.
    ...(isLinkLocal6(dst) || dst === 1n ? { oif: dev.name } : {}),
  });
  if (found.kind !== 'found') {
    routeStep(
      run,
      skb,
      'none',
      undefined,
      found.kind === 'none'
        ? `no route to ${formatAddress(dst)}`
        : `the route to ${formatAddress(dst)} is ${found.kind}`,
    );
    if (found.kind === 'blackhole') {
      kernel(run, skb, 'blackhole', 'The route swallows the packet.');
      return;
    }
    // Whether the node forwards does not matter here (ip6_pkt_discard).
    kernel(run, skb, 'no-route', 'The kernel answers with an ICMPv6 error.');
    sendIcmpError(run, skb, { type: 1, code: found.kind === 'prohibit' ? 1 : 0 });
    return;
  }
  const result = pick(run, found.result, found.multipath);
  if (result.type === 'local' || result.type === 'anycast') {
    routeStep(run, skb, 'input', result, `${formatAddress(dst)} is local`);
    skb.dst = result;
    localDeliver(run, skb);
    return;
  }
  if (!forwarding()) {
    routeStep(run, skb, 'none', result, `${formatAddress(dst)} is not local`);
    kernel(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv6.conf.all.forwarding).');
    return;
  }
  routeStep(run, skb, 'forward', result, 'forwarded');
  skb.dst = result;
  forward(run, skb, result);
}

/** Priority of a forwarded IPv4 packet by its type of service (ip_forward, ip_tos2prio of net/ipv4/route.c). */
const TOS_PRIORITY = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

function forward(run: Run, skb: Skb, route: RouteResult): void {
  wayOutNeeded(run, route);
  const v6 = skb.family === 'ip6';
  if (skb.transparentSocket) {
    kernel(
      run,
      skb,
      'tproxy-no-route',
      'A packet given to a transparent socket is not forwarded; a local route for it is missing.',
    );
    return;
  }
  // Its socket is found before the route is (tcp_v4_early_demux), and what has one is not forwarded (ip_forward, ip6_forward).
  if (hasSocket(run, skb)) {
    kernel(run, skb, 'socket', 'The packet belongs to a connection of this node, and its route leads elsewhere.');
    return;
  }
  if (skb.pktType !== 0) {
    kernel(run, skb, 'not-for-us', 'Frames sent to a broadcast or multicast MAC address are not forwarded.');
    return;
  }
  // What the kernel knew of its checksum is forgotten (skb_forward_csum).
  skb.verified = undefined;
  // What leaves by the device it came in by is not asked for its source (ip6_forward).
  if (v6 && route.dev?.index !== skb.iif?.index) {
    const src = BigInt(sourceOf(skb));
    if (src === 0n || isMulticast6(src) || src === 1n) {
      kernel(run, skb, 'martian', `The source ${formatAddress(src)} is not forwarded.`);
      return;
    }
    if (ttlOf(skb) > 1 && isLinkLocal6(src)) {
      kernel(run, skb, 'scope', 'A link-local source does not leave its link.');
      sendIcmpError(run, skb, { type: 1, code: 2 });
      return;
    }
  }
  if (ttlOf(skb) <= 1) {
    kernel(run, skb, 'ttl', `The ${v6 ? 'hop limit' : 'TTL'} is used up.`);
    sendIcmpError(run, skb, v6 ? { type: 3, code: 0 } : { type: 11, code: 0 });
    return;
  }
  const mtu = route.route.mtu ?? route.dev?.mtu ?? 65535;
  if (v6 && (skb.fragSize ?? skb.data.length) > mtu) {
    kernel(run, skb, 'too-big', `The packet is larger than the MTU of ${mtu}.`);
    sendIcmpError(run, skb, { type: 2, code: 0, info: mtu });
    return;
  }
  if (!v6 && skb.data.length > mtu && (u16(skb.data, 6) & 0x4000) !== 0 && skb.fragSize === undefined) {
    kernel(run, skb, 'too-big', `The packet is larger than the MTU of ${mtu} and must not be fragmented.`);
    sendIcmpError(run, skb, { type: 3, code: 4, info: mtu });
    return;
  }
  decrementTtl(skb);
  if (!v6 && (sysctl(run, 'net.ipv4.ip_forward_update_priority') ?? '1') !== '0')
    skb.priority = TOS_PRIORITY[(tosOf(skb) & 0x1e) >> 1] ?? 0;
  skb.oif = route.dev;
  if (runHook(run, skb, 'forward', v6 ? 'ip6' : 'ip') !== 'accept') return;
  if (skb.options !== undefined)
    forwardOptions(skb, () => Number(sourceForRoute(run, 'ip', route, route.gateway ?? destinationOf(skb)) ?? 0));
  postrouting(run, skb);
}
