/** The way of a packet through the kernel: hooks in order, routing, delivery, transmission. */
import { putBytes } from '../net/build-packet';
import { formatAddress, parseMac } from '../net/address';
import { u16, u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Hook } from '../nft/model';
import type { IpValue, Link } from '../world/world';
import { conntrackIn, confirm } from './conntrack';
import { addressKey, type Run } from './environment';
import { type ChainVerdict, evaluateChain } from './evaluate-chain';
import { addressType4, isLinkLocal6, isMulticast6 } from './fib';
import { defragment } from './fragments';
import { routeOut, sendEchoReply, sendIcmpError, sendReset } from './generated';
import { isBound, manipOf, natIcmpError, natPacket, nullBinding } from './nat';
import type { HookEntry } from './program';
import { formatRoute, type RouteResult } from './routing';
import { decrementTtl, destinationOf, ETHERTYPE, etherHeader, headerChecksumWrong, type Skb, sourceOf, tosOf, transportChecksumWrong, ttlOf, viewSkb } from './skb';
import { listen } from './tcp-socket';
import { listenerFor } from './read';
import { isIcmpError } from '../net/headers';

/** `accept`: goes on. Anything else ended the packet here. */
type HookResult = 'accept' | 'drop' | 'stolen';

export function kernel(run: Run, skb: Skb, code: string, say: string, ends = true): void {
  run.steps?.push({ kind: 'kernel', skb: skb.id, code, say, ends });
}

export function sysctl(run: Run, key: string): string | undefined {
  const { sysctl: all } = run.p.world;
  return all.known ? all.value.get(key) : undefined;
}

/** A boolean setting; where the capture lacks it the fallback is assumed, and said. */
export function setting(run: Run, key: string, fallback: boolean): boolean {
  const v = sysctl(run, key);
  if (v === undefined) {
    run.assume(`sysctl ${key}`, `${key} is not in the capture and taken to be ${fallback ? 1 : 0}.`);
    return fallback;
  }
  return v !== '0';
}

function ended(run: Run, skb: Skb, verdict: ChainVerdict): HookResult {
  if (verdict.kind === 'accept') return 'accept';
  if (skb.id === 0 && run.fate.by === undefined) run.fate.by = verdict.by;
  return verdict.kind;
}

function natHook(run: Run, skb: Skb, hook: Hook, entry: Extract<HookEntry, { kind: 'nat' }>): HookResult {
  const { ct } = skb;
  if (ct === undefined || skb.family === 'arp') return 'accept';
  const manip = manipOf(hook);
  const { l4proto } = skb.headers;
  if (skb.ctState === 'related' && (l4proto === PROTO.icmp || l4proto === PROTO.icmpv6) && isIcmpError(l4proto, skb.data[skb.headers.thoff] ?? 0)) {
    natIcmpError(run, skb, ct, hook);
    return 'accept';
  }
  let by: Parameters<typeof natPacket>[4] = 'entry';
  if ((skb.ctState === 'new' || skb.ctState === 'related') && !isBound(ct, manip)) {
    for (const chain of entry.chains) {
      const verdict = evaluateChain(run, skb, chain, hook);
      const result = ended(run, skb, verdict);
      if (result !== 'accept') return result;
      if (isBound(ct, manip)) {
        by = { family: chain.table.family, table: chain.table.name, chain: chain.chain.name, handle: 0, index: 0 };
        const last = run.steps?.findLast((s) => s.kind === 'rule' && s.skb === skb.id);
        if (last?.kind === 'rule') by = last.at;
        break;
      }
    }
    if (!isBound(ct, manip)) nullBinding(run, ct, hook);
  }
  if (!natPacket(run, skb, ct, hook, by)) {
    kernel(run, skb, 'nat-impossible', 'The kernel cannot translate this protocol and drops the packet.');
    return 'drop';
  }
  return 'accept';
}

/** Runs everything at a hook. `from`: entries of lower priority are left out, as after defragmentation or bridge callbacks. */
export function runHook(run: Run, skb: Skb, hook: Hook, family: 'ip' | 'ip6' | 'arp' | 'bridge', keep?: (prio: number) => boolean): HookResult {
  for (const entry of run.p.program.hook(family, hook)) {
    if (keep !== undefined && !keep(entry.prio)) continue;
    switch (entry.kind) {
      case 'chain': {
        const verdict = evaluateChain(run, skb, entry.chain, hook);
        if (entry.chain.base?.type === 'route' && hook === 'output' && verdict.kind === 'accept') rerouteAfterChain(run, skb);
        const result = ended(run, skb, verdict);
        if (result !== 'accept') return result;
        break;
      }
      case 'defrag':
        if (!defragment(run, skb)) return 'stolen';
        break;
      case 'conntrack':
        if (hook === 'prerouting' || hook === 'output') conntrackIn(run, skb, hook);
        break;
      case 'nat': {
        const before = destinationOf(skb);
        const result = natHook(run, skb, hook, entry);
        if (result !== 'accept') return result;
        if (hook === 'prerouting' && destinationOf(skb) !== before) skb.dst = undefined;
        if (hook === 'output' && destinationOf(skb) !== before) reroute(run, skb);
        break;
      }
      case 'confirm':
        if (!confirm(run, skb)) {
          kernel(run, skb, 'conntrack-clash', 'Another connection took the same tuple first.');
          return 'drop';
        }
        break;
    }
  }
  return 'accept';
}

const routeKeys = new WeakMap<Skb, string>();
const routeKey = (skb: Skb): string => `${sourceOf(skb)} ${destinationOf(skb)} ${skb.mark} ${tosOf(skb)}`;

/** Remembers what the route of a packet of the node's own was chosen by, for `type route` chains. */
function rememberRoute(skb: Skb): void {
  routeKeys.set(skb, routeKey(skb));
}

function rerouteAfterChain(run: Run, skb: Skb): void {
  if (routeKeys.get(skb) === routeKey(skb)) return;
  reroute(run, skb);
}

/** ip_route_me_harder(): chooses the route again; the device that later chains of this hook see stays. */
function reroute(run: Run, skb: Skb): void {
  if (skb.family === 'arp') return;
  const daddr = destinationOf(skb);
  const route = routeOut(run, skb.family, daddr, sourceOf(skb), skb.mark, tosOf(skb));
  rememberRoute(skb);
  skb.dst = route;
  if (route === undefined) {
    kernel(run, skb, 'no-route', `There is no route to ${formatAddress(daddr)}.`, false);
    return;
  }
  run.steps?.push({ kind: 'route', skb: skb.id, to: 'output', oif: route.dev?.name, nexthop: route.gateway === undefined ? undefined : formatAddress(route.gateway), table: route.table, route: formatRoute(route), say: 'routed again' });
}

// ------------------------------------------------------------------------------------------------------ receiving

/** A frame arrives on an interface of this node. */
export function receive(run: Run, skb: Skb, dev: Link): void {
  skb.iif = dev;
  for (const chain of run.p.program.atDevice('ingress', dev.name)) {
    if (chain.base !== undefined && chain.base.devices.length === 0) {
      run.undecided('chain-device', `The listing does not say to which device the chain ${chain.table.family} ${chain.table.name} ${chain.chain.name} is bound.`, 'Capture nft.txt (nft -a list ruleset) too, or use nft 1.1 or newer.');
    }
    const result = ended(run, skb, evaluateChain(run, skb, chain, 'ingress'));
    if (result !== 'accept') return;
  }
  if (dev.master !== undefined && run.p.linkByName.get(dev.master)?.kind === 'bridge') {
    bridgeReceive(run, skb, dev);
    return;
  }
  receiveLayer3(run, skb);
}

function receiveLayer3(run: Run, skb: Skb, fromBridge = false): void {
  if (skb.vlan !== undefined && !fromBridge) {
    kernel(run, skb, 'vlan', `The frame carries VLAN ${skb.vlan & 4095} and no VLAN device takes it.`);
    return;
  }
  if (skb.pktType === 3) {
    kernel(run, skb, 'other-host', 'The frame is addressed to another MAC address.');
    return;
  }
  switch (skb.family) {
    case 'arp':
      receiveArp(run, skb);
      return;
    case 'ip':
      receiveIpv4(run, skb);
      return;
    case 'ip6':
      receiveIpv6(run, skb);
      return;
  }
}

function receiveIpv4(run: Run, skb: Skb): void {
  const total = u16(skb.data, 2);
  if (skb.data.length < 20 || (skb.data[0] ?? 0) >> 4 !== 4 || total > skb.data.length || headerChecksumWrong(skb.data)) {
    kernel(run, skb, 'bad-header', 'The IPv4 header is malformed or its checksum is wrong.');
    return;
  }
  if (total < skb.data.length) skb.data = skb.data.slice(0, total);
  prerouting(run, skb);
}

function receiveIpv6(run: Run, skb: Skb): void {
  const src = BigInt(sourceOf(skb));
  const dst = BigInt(destinationOf(skb));
  const loopback = skb.iif?.type === 'loopback';
  if (skb.data.length < 40 || u16(skb.data, 4) + 40 > skb.data.length) {
    kernel(run, skb, 'bad-header', 'The IPv6 header is malformed.');
    return;
  }
  if (!loopback && (src === 1n || dst === 1n)) {
    kernel(run, skb, 'martian', 'A loopback address came from the wire.');
    return;
  }
  if (isMulticast6(src) || (isMulticast6(dst) && ((dst >> 112n) & 15n) === 0n)) {
    kernel(run, skb, 'martian', 'The source or the scope of the destination is impossible.');
    return;
  }
  prerouting(run, skb);
}

/** From prerouting on; also entered by bridged packets with bridge-nf-call-iptables. */
function prerouting(run: Run, skb: Skb): void {
  if (runHook(run, skb, 'prerouting', skb.family === 'ip6' ? 'ip6' : 'ip') !== 'accept') return;
  routeInput(run, skb);
}

export function routeInput(run: Run, skb: Skb): void {
  if (skb.family === 'ip6') routeInput6(run, skb);
  else routeInput4(run, skb);
}

function lost(run: Run, skb: Skb, code: string, say: string): void {
  kernel(run, skb, code, say);
}

const isForwarding = (run: Run, dev: Link | undefined, family: 'ip' | 'ip6'): boolean => {
  if (family === 'ip6') return setting(run, 'net.ipv6.conf.all.forwarding', false);
  const own = dev === undefined ? undefined : sysctl(run, `net.ipv4.conf.${dev.name}.forwarding`);
  return own === undefined ? setting(run, 'net.ipv4.ip_forward', false) : own !== '0';
};

/** fib_validate_source(): what the source address of an arriving packet must satisfy. */
function sourceValid(run: Run, skb: Skb, dev: Link, src: number, dst: number, oif: Link | undefined): 'ok' | 'martian' | 'rp-filter' {
  const all = Number(sysctl(run, 'net.ipv4.conf.all.rp_filter') ?? 0);
  const own = Number(sysctl(run, `net.ipv4.conf.${dev.name}.rp_filter`) ?? sysctl(run, 'net.ipv4.conf.default.rp_filter') ?? 0);
  const filter = Math.max(all, own);
  const on = (key: string): boolean => (sysctl(run, `net.ipv4.conf.all.${key}`) ?? '0') !== '0' || (sysctl(run, `net.ipv4.conf.${dev.name}.${key}`) ?? '0') !== '0';
  const acceptLocal = on('accept_local');
  const router = run.p.routers.ip;
  if (router === undefined) return 'ok';
  if (filter === 0 && !(oif !== undefined && oif.index === dev.index)) {
    if (acceptLocal) return 'ok';
    if (!router.hasCustomRules) return run.p.localAddresses.has(addressKey('ip', src)) ? 'martian' : 'ok';
  }
  const found = router.lookup({ daddr: src, saddr: dst, mark: on('src_valid_mark') ? skb.mark : 0, tos: tosOf(skb), iif: oif?.name });
  if (found.kind !== 'found') return filter > 0 ? 'rp-filter' : found.kind === 'none' ? 'ok' : 'ok';
  const { result, multipath } = found;
  if (result.type !== 'unicast' && !(result.type === 'local' && acceptLocal)) return 'martian';
  const hops = multipath.length > 0 ? multipath : [result];
  if (hops.some((h) => h.dev?.index === dev.index)) return 'ok';
  return filter === 1 ? 'rp-filter' : 'ok';
}

function routeStep(run: Run, skb: Skb, to: 'forward' | 'input' | 'output' | 'none', r: RouteResult | undefined, say: string): void {
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

function routeInput4(run: Run, skb: Skb): void {
  const dev = skb.iif;
  if (dev === undefined) return;
  // A packet that looped through lo keeps the route it was sent by, unless NAT took it away.
  if (skb.dst !== undefined && dev.type === 'loopback') {
    localDeliver(run, skb);
    return;
  }
  const src = Number(sourceOf(skb));
  const dst = Number(destinationOf(skb));
  const localnet = (): boolean => (sysctl(run, 'net.ipv4.conf.all.route_localnet') ?? '0') !== '0' || (sysctl(run, `net.ipv4.conf.${dev.name}.route_localnet`) ?? '0') !== '0';
  const martian = (what: string): void => lost(run, skb, 'martian', `The kernel drops it as a martian: ${what}.`);
  if (dst >>> 28 === 14) {
    routeMulticast4(run, skb, dev, src, dst);
    return;
  }
  if (src >>> 28 === 14 || src === 0xffffffff) return martian(`source ${formatAddress(src)}`);
  const broadcast = dst === 0xffffffff || (src === 0 && dst === 0);
  if (!broadcast) {
    if (src >>> 24 === 0) return martian(`source ${formatAddress(src)}`);
    if (dst >>> 24 === 0) return martian(`destination ${formatAddress(dst)}`);
    if (dst >>> 24 === 127) {
      if (!localnet()) return martian(`destination ${formatAddress(dst)} from ${dev.name}`);
    } else if (src >>> 24 === 127 && !localnet()) return martian(`source ${formatAddress(src)} from ${dev.name}`);
  }
  const router = run.p.routers.ip;
  if (router === undefined) run.undecided('routes-unknown', 'The routes of family ip were not captured.', 'Capture ip -j route show table all and ip -j rule show on the node.');
  const forwarding = isForwarding(run, dev, 'ip');
  const found = broadcast || router === undefined ? undefined : router.lookup({ daddr: dst, saddr: src, mark: skb.mark, tos: tosOf(skb), iif: dev.name, protocol: skb.headers.l4proto ?? 0 });
  if (found !== undefined && found.kind !== 'found') {
    routeStep(run, skb, 'none', undefined, found.kind === 'none' ? `no route to ${formatAddress(dst)}` : `the route to ${formatAddress(dst)} is ${found.kind}`);
    if (!forwarding) return lost(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv4.ip_forward).');
    if (found.kind === 'blackhole') return lost(run, skb, 'blackhole', 'The route swallows the packet.');
    kernel(run, skb, 'no-route', 'The kernel answers with an ICMP error.');
    sendIcmpError(run, skb, { type: 3, code: found.kind === 'none' ? 0 : found.kind === 'unreachable' ? 1 : 13 });
    return;
  }
  const result = found === undefined ? undefined : pick(run, found.result, found.multipath);
  const type = broadcast ? 'broadcast' : result?.type;
  if (type === 'broadcast') {
    if (src !== 0 && sourceValid(run, skb, dev, src, 0, undefined) !== 'ok') return martian(`source ${formatAddress(src)} belongs to this node`);
    routeStep(run, skb, 'input', result, 'broadcast');
    skb.dst = result ?? skb.dst;
    localDeliver(run, skb);
    return;
  }
  const validity = sourceValid(run, skb, dev, src, dst, type === 'local' ? undefined : result?.dev);
  const refuse = (): boolean => {
    if (validity === 'ok') return false;
    if (validity === 'rp-filter') lost(run, skb, 'rp-filter', `Reverse path filtering drops it: the way back to ${formatAddress(src)} does not lead out of ${dev.name}.`);
    else martian(`source ${formatAddress(src)} belongs to this node`);
    return true;
  };
  if (type === 'local') {
    if (refuse()) return;
    routeStep(run, skb, 'input', result, `${formatAddress(dst)} is local`);
    skb.dst = result;
    localDeliver(run, skb);
    return;
  }
  if (!forwarding) {
    routeStep(run, skb, 'none', result, `${formatAddress(dst)} is not local`);
    return lost(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv4.ip_forward).');
  }
  if (type !== 'unicast' || result === undefined) return martian(`destination ${formatAddress(dst)}`);
  if (refuse()) return;
  routeStep(run, skb, 'forward', result, 'forwarded');
  skb.dst = result;
  forward(run, skb, result);
}

function routeMulticast4(run: Run, skb: Skb, dev: Link, src: number, dst: number): void {
  // 224.0.0.1 is joined by every interface; other groups are not in a capture.
  if (dst !== 0xe0000001) {
    routeStep(run, skb, 'none', undefined, `the group ${formatAddress(dst)} is not joined`);
    run.assume('multicast', 'Multicast groups other than all-hosts are taken not to be joined.');
    return lost(run, skb, 'multicast', 'No socket of this node has joined the group.');
  }
  if (src >>> 28 === 14 || src === 0xffffffff || src >>> 24 === 127) return lost(run, skb, 'martian', 'The kernel drops it as a martian.');
  if (sourceValid(run, skb, dev, src, 0, undefined) !== 'ok') return lost(run, skb, 'martian', `The source ${formatAddress(src)} does not fit the interface.`);
  routeStep(run, skb, 'input', undefined, 'multicast to all hosts');
  localDeliver(run, skb);
}

/** Groups that every interface of a router joins, and the solicited-node groups of its addresses. */
function joined6(run: Run, dev: Link, dst: bigint, forwarding: boolean): boolean {
  const plain = dst & ~(15n << 112n);
  const scope = Number((dst >> 112n) & 15n);
  if (plain === 0xff000000000000000000000000000001n && (scope === 1 || scope === 2)) return true;
  if (forwarding && plain === 0xff000000000000000000000000000002n && (scope === 1 || scope === 2 || scope === 5)) return true;
  if (dst >> 24n === 0xff0200000000000000000001ffn) {
    return dev.addresses.some((a) => a.family === 'ip6' && (BigInt(a.local) & 0xffffffn) === (dst & 0xffffffn));
  }
  void run;
  return false;
}

function routeInput6(run: Run, skb: Skb): void {
  const dev = skb.iif;
  if (dev === undefined) return;
  if (skb.dst !== undefined && dev.type === 'loopback') {
    localDeliver(run, skb);
    return;
  }
  const src = BigInt(sourceOf(skb));
  const dst = BigInt(destinationOf(skb));
  const forwarding = isForwarding(run, dev, 'ip6');
  if (isMulticast6(dst)) {
    if (!joined6(run, dev, dst, forwarding)) {
      routeStep(run, skb, 'none', undefined, `the group ${formatAddress(dst)} is not joined`);
      return lost(run, skb, 'multicast', 'No socket of this node has joined the group.');
    }
    routeStep(run, skb, 'input', undefined, 'multicast');
    localDeliver(run, skb);
    return;
  }
  const router = run.p.routers.ip6;
  if (router === undefined) return run.undecided('routes-unknown', 'The routes of family ip6 were not captured.', 'Capture ip -j -6 route show table all and ip -j -6 rule show on the node.');
  const found = router.lookup({ daddr: dst, saddr: src, mark: skb.mark, tos: tosOf(skb), iif: dev.name, ...(isLinkLocal6(dst) ? { oif: dev.name } : {}) });
  if (found.kind !== 'found') {
    routeStep(run, skb, 'none', undefined, found.kind === 'none' ? `no route to ${formatAddress(dst)}` : `the route to ${formatAddress(dst)} is ${found.kind}`);
    if (found.kind === 'blackhole') return lost(run, skb, 'blackhole', 'The route swallows the packet.');
    if (!forwarding && found.kind === 'none') return lost(run, skb, 'forwarding-off', 'There is no route, and forwarding is off.');
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
  if (!forwarding) {
    routeStep(run, skb, 'none', result, `${formatAddress(dst)} is not local`);
    return lost(run, skb, 'forwarding-off', 'Forwarding is off (net.ipv6.conf.all.forwarding).');
  }
  routeStep(run, skb, 'forward', result, 'forwarded');
  skb.dst = result;
  forward(run, skb, result);
}

// ------------------------------------------------------------------------------------------------------ forwarding

function forward(run: Run, skb: Skb, route: RouteResult): void {
  const v6 = skb.family === 'ip6';
  if (skb.pktType !== 0) return lost(run, skb, 'not-for-us', 'Frames sent to a broadcast or multicast MAC address are not forwarded.');
  if (v6) {
    const src = BigInt(sourceOf(skb));
    if (src === 0n || isMulticast6(src) || src === 1n) return lost(run, skb, 'martian', `The source ${formatAddress(src)} is not forwarded.`);
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
  skb.oif = route.dev;
  if (runHook(run, skb, 'forward', v6 ? 'ip6' : 'ip') !== 'accept') return;
  postrouting(run, skb);
}

// ------------------------------------------------------------------------------------------------------ sending

/** Postrouting and what follows: the neighbour, the device, the wire. */
function postrouting(run: Run, skb: Skb): void {
  const route = skb.dst;
  skb.oif = route?.dev;
  const result = runHook(run, skb, 'postrouting', skb.family === 'ip6' ? 'ip6' : 'ip');
  if (result !== 'accept') {
    if (result === 'drop' && skb.id === 0 && skb.local) run.fate.sendErrno = 1;
    return;
  }
  finishOutput(run, skb, route);
}

function finishOutput(run: Run, skb: Skb, route: RouteResult | undefined): void {
  const dev = route?.dev;
  if (route === undefined || dev === undefined) return lost(run, skb, 'no-device', 'The route names no device.');
  if (dev.type === 'loopback') {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    run.backlog.push(() => {
      skb.iif = dev;
      skb.oif = undefined;
      skb.link = etherHeader(0, 0, ETHERTYPE[skb.family]);
      skb.sk = undefined;
      skb.priority = skb.priority;
      receive(run, skb, dev);
    });
    return;
  }
  const nexthop = route.gateway ?? destinationOf(skb);
  const mac = neighbourMac(run, skb, dev, nexthop, route);
  if (mac === undefined) {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    return lost(run, skb, 'neighbour', `The neighbour ${formatAddress(nexthop)} on ${dev.name} does not answer.`);
  }
  transmit(run, skb, dev, mac);
}

/** The MAC address of the next hop; undefined where it is known not to answer. */
function neighbourMac(run: Run, skb: Skb, dev: Link, nexthop: IpValue, route: RouteResult): string | 'unknown' | undefined {
  const family = typeof nexthop === 'number' ? 'ip' : 'ip6';
  if (typeof nexthop === 'number' && (route.type === 'broadcast' || nexthop === 0xffffffff)) return 'ff:ff:ff:ff:ff:ff';
  if (typeof nexthop === 'number' && nexthop >>> 28 === 14) {
    return `01:00:5e:${[(nexthop >>> 16) & 127, (nexthop >>> 8) & 255, nexthop & 255].map((b) => b.toString(16).padStart(2, '0')).join(':')}`;
  }
  if (typeof nexthop === 'bigint' && isMulticast6(nexthop)) {
    const tail = Number(nexthop & 0xffffffffn);
    return `33:33:${[24, 16, 8, 0].map((s) => ((tail >>> s) & 255).toString(16).padStart(2, '0')).join(':')}`;
  }
  if (dev.flags.includes('NOARP') || dev.type === 'none') return 'unknown';
  const n = run.p.neighbours.get(`${dev.name} ${addressKey(family, nexthop)}`);
  if (n?.state.includes('FAILED') || (run.p.world.neighboursComplete && (n === undefined || n.state.includes('INCOMPLETE')))) return undefined;
  if (n === undefined || n.state.some((s) => s === 'STALE' || s === 'DELAY' || s === 'PROBE' || s === 'INCOMPLETE')) {
    run.assume(`neighbour ${formatAddress(nexthop)}`, `The neighbour ${formatAddress(nexthop)} on ${dev.name} is taken to answer.`);
  }
  void skb;
  return n?.mac ?? 'unknown';
}

function transmit(run: Run, skb: Skb, dev: Link, dstMac: string): void {
  const own = dev.mac === undefined ? 0 : (parseMac(dev.mac) ?? 0);
  skb.link = etherHeader(dstMac === 'unknown' ? 0 : (parseMac(dstMac) ?? 0), own, ETHERTYPE[skb.family]);
  if (dev.kind === 'bridge') {
    bridgeOutput(run, skb, dev);
    return;
  }
  deviceTransmit(run, skb, dev, dstMac === 'unknown' ? undefined : dstMac);
}

function deviceTransmit(run: Run, skb: Skb, dev: Link, dstMac: string | undefined): void {
  skb.oif = dev;
  for (const chain of run.p.program.atDevice('egress', dev.name)) {
    if (chain.base !== undefined && chain.base.devices.length === 0) {
      run.undecided('chain-device', `The listing does not say to which device the chain ${chain.table.family} ${chain.table.name} ${chain.chain.name} is bound.`, 'Capture nft.txt (nft -a list ruleset) too, or use nft 1.1 or newer.');
    }
    const result = ended(run, skb, evaluateChain(run, skb, chain, 'egress'));
    if (result !== 'accept') {
      run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
      return;
    }
  }
  const view = viewSkb(skb);
  for (const packet of fragmentsOf(skb, dev)) {
    run.fate.egress.push({ dev: dev.name, ...(dstMac === undefined ? {} : { dstMac }), role: skb.role, skb: skb.id, ...(skb.mark === 0 ? {} : { mark: skb.mark }), packet });
  }
  run.steps?.push({ kind: 'transmit', skb: skb.id, dev: dev.name, dstMac, packet: view });
}

/** The frames a packet leaves in: one, unless it is larger than the MTU or was put together from fragments. */
function fragmentsOf(skb: Skb, dev: Link): readonly ReturnType<typeof viewSkb>[] {
  const limit = skb.fragSize ?? dev.mtu;
  const whole = viewSkb(skb);
  if (skb.data.length <= limit && skb.fragSize === undefined) return [whole];
  return splitFragments(skb, Math.min(limit, dev.mtu));
}

import { splitFragments } from './fragments';

// ------------------------------------------------------------------------------------------------ local delivery

function localDeliver(run: Run, skb: Skb): void {
  if (!defragment(run, skb)) return;
  skb.oif = undefined;
  if (runHook(run, skb, 'input', skb.family === 'ip6' ? 'ip6' : 'ip') !== 'accept') return;
  const iif = skb.iif?.name ?? '';
  run.fate.delivered.push({ iif, role: skb.role, skb: skb.id, ...(skb.mark === 0 ? {} : { mark: skb.mark }), packet: viewSkb(skb) });
  run.steps?.push({ kind: 'deliver', skb: skb.id, iif, packet: viewSkb(skb), say: 'handed to the local sockets' });
  respond(run, skb);
}

/** What the sockets and the protocols of the node do with a delivered packet. */
function respond(run: Run, skb: Skb): void {
  const { l4proto, thoff } = skb.headers;
  if (l4proto === undefined || skb.family === 'arp') return;
  const at = thoff;
  switch (l4proto) {
    case PROTO.icmp: {
      const type = skb.data[at] ?? 0;
      if (skb.family !== 'ip' || transportChecksumWrong(skb)) return;
      if (type !== 8 && type !== 13) return;
      if (addressType4({ run }, Number(destinationOf(skb)), undefined) !== 2) {
        if (type === 13 || (sysctl(run, 'net.ipv4.icmp_echo_ignore_broadcasts') ?? '1') !== '0') return;
      }
      sendEchoReply(run, skb);
      return;
    }
    case PROTO.icmpv6:
      if (skb.family !== 'ip6' || transportChecksumWrong(skb) || skb.data[at] !== 128) return;
      sendEchoReply(run, skb);
      return;
    case PROTO.tcp:
      deliverTcp(run, skb);
      return;
    case PROTO.udp:
    case PROTO.udplite: {
      if (transportChecksumWrong(skb)) return;
      const found = l4proto === PROTO.udplite ? 'none' : listenerFor({ run, skb });
      if (found === undefined) {
        run.assume('sockets', 'The listening sockets are not in the capture; the packet is taken to find one.');
        return;
      }
      if (found === 'none') sendIcmpError(run, skb, skb.family === 'ip' ? { type: 3, code: 3 } : { type: 1, code: 4 });
      return;
    }
    default:
      if (l4proto === PROTO.igmp || (l4proto === PROTO.nonxt && skb.family === 'ip6')) return;
      if (skb.family === 'ip') sendIcmpError(run, skb, { type: 3, code: 2 });
      else sendIcmpError(run, skb, { type: 4, code: 1, info: 6 });
  }
}

function deliverTcp(run: Run, skb: Skb): void {
  if (transportChecksumWrong(skb) || skb.pktType !== 0) return;
  const found = listenerFor({ run, skb });
  if (found === undefined) {
    run.assume('sockets', 'The listening sockets are not in the capture; the packet is taken to find one.');
    return;
  }
  if (listen(run, skb, found !== 'none')) return;
  sendReset(run, skb, false);
}

// -------------------------------------------------------------------------------------------------- local origin

/** A packet of this node: output, postrouting, out. */
export function send(run: Run, skb: Skb, route: RouteResult): void {
  skb.local = true;
  skb.dst = route;
  skb.oif = route.dev;
  rememberRoute(skb);
  const family = skb.family === 'ip6' ? 'ip6' : 'ip';
  const result = runHook(run, skb, 'output', family);
  if (result !== 'accept') {
    if (result === 'drop' && skb.id === 0) run.fate.sendErrno = 1;
    return;
  }
  if (skb.dst === undefined) return;
  postrouting(run, skb);
}

// -------------------------------------------------------------------------------------------------------- bridge

function bridgeReceive(run: Run, skb: Skb, port: Link): void {
  void port;
  void putBytes;
  run.undecided('bridge', 'Bridged packets are not decided yet.', 'Trace the packet on the interface behind the bridge.');
  void skb;
}

function bridgeOutput(run: Run, skb: Skb, bridge: Link): void {
  void skb;
  void bridge;
  run.undecided('bridge', 'Packets that leave through a bridge are not decided yet.', 'Trace the packet on the interface behind the bridge.');
}

// ----------------------------------------------------------------------------------------------------------- ARP

function receiveArp(run: Run, skb: Skb): void {
  if (runHook(run, skb, 'input', 'arp') !== 'accept') return;
  run.undecided('arp', 'ARP is not decided yet.', 'Look at the arp tables.');
  void u32;
}
