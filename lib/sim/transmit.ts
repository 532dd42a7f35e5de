/** The way out: output for packets of the node itself, postrouting, the neighbour, the device, the wire. */
import { formatAddress, parseMac } from '../net/address';
import { parseHeaders } from '../net/headers';
import type { IpValue, Link } from '../world/world';
import { lacksCarrier, neighbourLost, wayOutNeeded } from './carrier';
import { addressKey, type Run } from './environment';
import { addressType4, BROADCAST, isMulticast6, joined6 } from './fib';
import { splitFragments } from './fragments';
import { kernel, runDeviceHook, runHook } from './hooks';
import { unmeasuredDevice } from './not-measured';
import type { RouteResult } from './routing';
import { isForwarding6 } from './settings';
import { copySkb, destinationOf, ETHERTYPE, etherHeader, type Skb, snapshot, ttlOf, viewSkb } from './skb';

/** A packet of this node: output, postrouting, out. */
export function send(run: Run, skb: Skb, route: RouteResult): void {
  wayOutNeeded(run, route);
  skb.local = true;
  skb.dst = route;
  skb.oif = route.dev;
  const family = skb.family === 'ip6' ? 'ip6' : 'ip';
  // nf_dup_ipv4_route and nf_dup_ipv6_route set the device, which a new route leaves and ip_output takes for the input device.
  const copiedTo = skb.duplicate === true ? route.dev : undefined;
  const result = runHook(run, skb, 'output', family);
  if (result !== 'accept') {
    if (result === 'drop' && skb.id === 0) run.fate.sendErrno ??= 1;
    return;
  }
  if (skb.dst === undefined) return;
  if (copiedTo !== undefined) skb.iif = copiedTo;
  postrouting(run, skb);
}

/** Postrouting and what follows: the neighbour, the device, the wire. */
export function postrouting(run: Run, skb: Skb): void {
  const route = skb.dst;
  skb.oif = route?.dev;
  if (skb.family === 'ip') {
    loopBack(run, skb, route);
    if (staysHere(run, skb, route)) return;
  }
  const result = runHook(run, skb, 'postrouting', skb.family === 'ip6' ? 'ip6' : 'ip');
  if (result !== 'accept') {
    if (result === 'drop' && skb.id === 0 && skb.local) run.fate.sendErrno = 1;
    return;
  }
  if (skb.family === 'ip6') {
    loopBack(run, skb, route);
    if (staysHere(run, skb, route)) return;
  }
  finishOutput(run, skb, route);
}

/** A group of the node itself (ip6_finish_output2), or one it has joined and a packet without hops left (ip_mc_output). */
function staysHere(run: Run, skb: Skb, route: RouteResult | undefined): boolean {
  if (skb.family === 'arp' || !skb.local || route?.dev?.type === 'loopback') return false;
  const daddr = destinationOf(skb);
  const stays =
    typeof daddr === 'bigint'
      ? isMulticast6(daddr) && ((daddr >> 112n) & 15n) <= 1n
      : route?.type === 'multicast' && daddr === ALL_HOSTS && ttlOf(skb) === 0;
  if (stays) kernel(run, skb, 'scope', 'It is for this node alone and does not leave.');
  return stays;
}

const ALL_HOSTS = 0xe0000001;

/**
 * A broadcast of this node, and a multicast to a group it has joined, comes back on the device it leaves by: a copy passes
 * postrouting too, in IPv4 before the packet itself (ip_mc_output), in IPv6 after it (ip6_finish_output2), and is received at once
 * (dev_loopback_xmit).
 */
function loopBack(run: Run, skb: Skb, route: RouteResult | undefined): void {
  const dev = route?.dev;
  if (!skb.local || dev === undefined || dev.type === 'loopback' || skb.family === 'arp') return;
  const daddr = destinationOf(skb);
  const joined =
    typeof daddr === 'number'
      ? route?.type === 'broadcast' || (route?.type === 'multicast' && daddr === ALL_HOSTS)
      : isMulticast6(daddr) && (joined6(dev, daddr, false) || (joined6(dev, daddr, true) && isForwarding6(run)));
  if (!joined) return;
  const copy = copySkb(skb, skb.id, skb.role);
  // A clone belongs to no socket (skb_clone).
  copy.sk = undefined;
  // It has no input device there, whatever the packet itself has.
  copy.iif = undefined;
  if (runHook(run, copy, 'postrouting', skb.family) !== 'accept') return;
  run.backlog.push(() => {
    copy.looped = true;
    copy.iif = dev;
    copy.oif = undefined;
    copy.sk = undefined;
    // The copy has no link header (dev_loopback_xmit).
    copy.link = undefined;
    copy.pktType = typeof daddr === 'number' && daddr >>> 28 !== 14 ? 1 : 2;
    run.receive(copy, dev);
  });
  run.settle();
}

/** The neighbour and the device. `known`: the link address of the neighbour, where the packet itself was caused by a message that names it. */
export function finishOutput(run: Run, skb: Skb, route: RouteResult | undefined, known?: string): void {
  const dev = route?.dev;
  if (route === undefined || dev === undefined) {
    kernel(run, skb, 'no-device', 'The route names no device.');
    return;
  }
  if (dev.type === 'loopback') {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    for (const frame of framesOf(skb, dev))
      run.backlog.push(() => {
        frame.iif = dev;
        frame.oif = undefined;
        frame.link = etherHeader(0, 0, ETHERTYPE[frame.family]);
        frame.sk = undefined;
        run.receive(frame, dev);
      });
    return;
  }
  const nexthop = route.gateway ?? destinationOf(skb);
  skb.nexthop = nexthop;
  const mac = known ?? neighbourMac(run, dev, nexthop);
  if (mac !== undefined && !toGroup(mac) && neighbourLost(run, skb, dev, nexthop)) {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    return;
  }
  if (mac === undefined) {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    kernel(run, skb, 'neighbour', `The neighbour ${formatAddress(nexthop)} on ${dev.name} does not answer.`);
    return;
  }
  transmit(run, skb, dev, mac);
}

/** Frames to all and to groups need nobody's answer. */
const toGroup = (mac: string): boolean => mac !== 'unknown' && Math.floor((parseMac(mac) ?? 0) / 2 ** 40) % 2 === 1;

/**
 * The MAC address of the next hop; undefined where it is known not to answer. Whether a frame goes to all is a matter of the next hop's
 * own address on the device, not of the route: a rule may have changed the address since (arp_constructor).
 */
export function neighbourMac(run: Run, dev: Link, nexthop: IpValue): string | 'unknown' | undefined {
  const family = typeof nexthop === 'number' ? 'ip' : 'ip6';
  if (typeof nexthop === 'number' && addressType4({ run }, nexthop, dev) === BROADCAST) return 'ff:ff:ff:ff:ff:ff';
  if (typeof nexthop === 'number' && nexthop >>> 28 === 14) {
    return `01:00:5e:${[(nexthop >>> 16) & 127, (nexthop >>> 8) & 255, nexthop & 255].map((b) => b.toString(16).padStart(2, '0')).join(':')}`;
  }
  if (typeof nexthop === 'bigint' && isMulticast6(nexthop)) {
    const tail = Number(nexthop & 0xffffffffn);
    return `33:33:${[24, 16, 8, 0].map((s) => ((tail >>> s) & 255).toString(16).padStart(2, '0')).join(':')}`;
  }
  if (dev.flags.includes('NOARP') || dev.type === 'none') return 'unknown';
  const n = run.p.neighbours.get(`${dev.name} ${addressKey(family, nexthop)}`);
  if (
    n?.state.includes('FAILED') ||
    (run.p.world.neighboursComplete && (n === undefined || n.state.includes('INCOMPLETE')))
  )
    return undefined;
  if (n === undefined || n.state.some((s) => s === 'STALE' || s === 'DELAY' || s === 'PROBE' || s === 'INCOMPLETE')) {
    run.assume(
      `neighbour ${formatAddress(nexthop)}`,
      `The neighbour ${formatAddress(nexthop)} on ${dev.name} is taken to answer.`,
    );
  }
  return n?.mac ?? 'unknown';
}

/** Out of a device to a link address; out of a bridge by the port that leads there. */
export function transmit(run: Run, skb: Skb, dev: Link, dstMac: string): void {
  const own = dev.mac === undefined ? 0 : (parseMac(dev.mac) ?? 0);
  const mac = dstMac === 'unknown' ? undefined : dstMac;
  skb.link = etherHeader(mac === undefined ? 0 : (parseMac(mac) ?? 0), own, ETHERTYPE[skb.family]);
  for (const [i, frame] of framesOf(skb, dev).entries()) {
    if (dev.kind === 'bridge') bridgeOutput(run, frame, dev, mac);
    // After a fragment that egress drops no other is sent (ip_do_fragment, ip6_fragment: NET_XMIT_DROP).
    else if (!deviceTransmit(run, frame, dev, mac, i === 0 ? skb : undefined)) break;
  }
}

/** Egress of a device, and the wire; false where egress drops the packet. `whole` is what is handed on to the next node: the packet, or for its first fragment all of it. */
function deviceTransmit(
  run: Run,
  skb: Skb,
  dev: Link,
  dstMac: string | undefined,
  whole: Skb | undefined = skb,
): boolean {
  skb.oif = dev;
  // Egress knows no input device (nf_hook_egress).
  const from = skb.iif;
  skb.iif = undefined;
  const result = runDeviceHook(run, skb, 'egress', dev.name);
  skb.iif = from;
  if (result !== 'accept') {
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    return result !== 'drop';
  }
  if (lacksCarrier(dev)) {
    // dev_deactivate() leaves it the queue that drops whatever comes (noop_enqueue).
    run.fate.passedPostrouting.push({ skb: skb.id, oif: dev.name, packet: viewSkb(skb) });
    kernel(run, skb, 'no-carrier', `${dev.name} has no carrier: the packet is dropped there.`);
    return true;
  }
  if (skb.family !== 'arp' && whole !== undefined) run.frames.push(snapshot(whole, dev.name));
  const packet = viewSkb(skb);
  run.fate.egress.push({
    dev: dev.name,
    ...(dstMac === undefined ? {} : { dstMac }),
    role: skb.role,
    skb: skb.id,
    ...(skb.mark === 0 ? {} : { mark: skb.mark }),
    packet,
  });
  run.steps?.push({ kind: 'transmit', skb: skb.id, dev: dev.name, dstMac, packet, ...unmeasuredDevice(dev) });
  return true;
}

/** What a packet is cut up into before a device takes it: itself, unless it is larger than the MTU or was put together from fragments. */
function framesOf(skb: Skb, dev: Link): readonly Skb[] {
  const limit = skb.fragSize ?? dev.mtu;
  if (skb.data.length <= limit && skb.fragSize === undefined) return [skb];
  const frames = splitFragments(skb, Math.min(limit, dev.mtu));
  if (frames.length === 1 && (skb.family !== 'ip6' || frames[0] === skb.data)) return [skb];
  return frames.map((data) => {
    const frame = copySkb(skb, skb.id, skb.role);
    frame.data = data;
    frame.headers = parseHeaders(data, skb.family);
    frame.fragSize = undefined;
    frame.fragParts = undefined;
    return frame;
  });
}

/** The address that a frame carries. */
const macOf = (skb: Skb): string | undefined =>
  skb.link === undefined
    ? undefined
    : [...skb.link.subarray(0, 6)].map((b) => b.toString(16).padStart(2, '0')).join(':');

/** `fwd to` and `dup to` of a device: the frame leaves by it as it is, through its egress chains (nf_do_netdev_egress). */
export function redirectFrame(run: Run, skb: Skb, dev: Link): void {
  deviceTransmit(run, skb, dev, macOf(skb));
}

/**
 * Ports of a bridge that a frame to `mac` leaves by; undefined where nobody knows. Broadcast and multicast leave by all, the port added
 * last first (br_flood; new_nbp puts it in front): that with the highest index, as far as a capture tells.
 */
export function bridgePorts(
  run: Run,
  bridge: Link,
  mac: string | undefined,
  except: Link | undefined,
): readonly Link[] | undefined {
  const { links, fdb } = run.p.world;
  const ports = (links.known ? links.value : [])
    .filter((l) => l.master === bridge.name && l !== except && l.up)
    .sort((a, b) => b.index - a.index);
  if (mac === undefined) return ports.length === 1 ? ports : undefined;
  if (Math.floor((parseMac(mac) ?? 0) / 2 ** 40) % 2 === 1) return ports;
  const known = fdb?.get(mac);
  if (known !== undefined) return ports.filter((p) => p.name === known);
  return ports.length <= 1 ? ports : undefined;
}

/** One bridge port: postrouting of the bridge, with the IP hooks behind it where the bridge calls them, and out. */
export function bridgeTransmit(
  run: Run,
  skb: Skb,
  port: Link,
  mac: string | undefined,
  ipHooks: (skb: Skb) => boolean,
): void {
  const from = skb.iif;
  skb.iif = undefined;
  skb.oif = port;
  if (run.p.program.has('bridge') && runHook(run, skb, 'postrouting', 'bridge') !== 'accept') {
    if (skb.local)
      run.fate.passedPostrouting.push({ skb: skb.id, oif: port.master ?? port.name, packet: viewSkb(skb) });
    return;
  }
  skb.iif = from;
  if (!ipHooks(skb)) return;
  for (const [i, frame] of framesOf(skb, port).entries())
    deviceTransmit(run, frame, port, mac, i === 0 ? skb : undefined);
}

/** A packet of the node leaves through a bridge: bridge output and postrouting on each port. */
function bridgeOutput(run: Run, skb: Skb, bridge: Link, mac: string | undefined): void {
  const ports = bridgePorts(run, bridge, mac, undefined);
  if (ports === undefined) {
    run.assume(
      'bridge-port',
      `Which port of ${bridge.name} leads to ${mac ?? 'the neighbour'} is not in the capture; the frame is taken to reach it.`,
    );
    if (run.p.program.has('bridge'))
      run.undecided(
        'bridge-port',
        `Which port of ${bridge.name} leads to ${mac ?? 'the neighbour'} is not in the capture, and bridge chains may ask.`,
        'Name the port.',
      );
    deviceTransmit(run, skb, bridge, mac);
    return;
  }
  ports.forEach((port, i) => {
    const frame = i === ports.length - 1 ? skb : copySkb(skb, skb.id, skb.role);
    frame.iif = undefined;
    frame.oif = port;
    if (run.p.program.has('bridge') && runHook(run, frame, 'output', 'bridge') !== 'accept') {
      run.fate.passedPostrouting.push({ skb: frame.id, oif: bridge.name, packet: viewSkb(frame) });
      return;
    }
    bridgeTransmit(run, frame, port, mac, () => true);
  });
}
