/** Bridged frames (net/bridge/br_input.c, br_forward.c), and the IP hooks that bridge-nf-call-iptables adds (br_netfilter_hooks.c). */

import { formatAddress, parseMac } from '../net/address';
import type { Link } from '../world/world';
import { confirm } from './conntrack';
import type { Run } from './environment';
import { flowOf } from './flow';
import { kernel, runHook } from './hooks';
import { isForwarding, sourceValid } from './route-input';
import { madeUpRoute, type RouteResult } from './routing';
import { deviceSetting, settingUnknown, sysctl } from './settings';
import { copySkb, destinationOf, headerBad, type Skb, sourceOf, tosOf } from './skb';
import { bridgePorts, bridgeTransmit, neighbourMac } from './transmit';
import { routingMark } from './unknown-mark';

type PassUp = (run: Run, skb: Skb, bridge: Link, seen: boolean) => void;

/** Whether bridged packets of the family run through the ip hooks. */
function callsIpHooks(run: Run, skb: Skb, bridge: Link): boolean {
  if (skb.family === 'arp') return false;
  // Tagged frames only where bridge-nf-filter-vlan-tagged says so (br_nf_pre_routing: is_vlan_ip).
  if (skb.vlan !== undefined && (sysctl(run, 'net.bridge.bridge-nf-filter-vlan-tagged') ?? '0') === '0') return false;
  const key = skb.family === 'ip' ? 'net.bridge.bridge-nf-call-iptables' : 'net.bridge.bridge-nf-call-ip6tables';
  if (bridge.nfCall?.[skb.family] === true) return true;
  // A kernel without br_netfilter has no such key.
  return run.p.world.sysctl.known ? (sysctl(run, key) ?? '0') !== '0' : settingUnknown(run, key);
}

const mark = (run: Run): boolean => run.p.program.has('bridge');
const macOf = (skb: Skb): string =>
  [...(skb.link?.subarray(0, 6) ?? [])].map((b) => b.toString(16).padStart(2, '0')).join(':');

/** A frame arrives on a port of a bridge. */
export function bridgeReceive(run: Run, skb: Skb, port: Link, up: PassUp): void {
  const bridge = run.p.linkByName.get(port.master ?? '');
  if (bridge === undefined) return;
  const dst = parseMac(macOf(skb)) ?? 0;
  const host = dst === parseMac(bridge.mac ?? '') || dst === parseMac(port.mac ?? '');
  // A frame to another port of its own goes up, too, and no further (br_handle_frame_finish: BR_FDB_LOCAL).
  let own = host || isPort(run, bridge, dst);
  const group = Math.floor(dst / 2 ** 40) % 2 === 1;
  skb.pktType = host ? 0 : dst === 0xffffffffffff ? 1 : group ? 2 : 3;
  const ipHooks = callsIpHooks(run, skb, bridge);
  let way: RouteResult | 'up' | undefined;
  // br_netfilter sits at priority 0 of the bridge's prerouting, and chains registered after it there come first.
  if (mark(run) && runHook(run, skb, 'prerouting', 'bridge', (prio) => prio <= 0) !== 'accept') return;
  if (ipHooks && skb.family !== 'arp') {
    if (isInvalid(run, skb)) return;
    const before = destinationOf(skb);
    skb.iif = bridge;
    skb.bridgePorts = { in: port.name };
    // To the ip hooks a bridged packet looks as if it were for this host (setup_pre_routing).
    const other = skb.pktType === 3;
    if (other) skb.pktType = 0;
    if (runHook(run, skb, 'prerouting', skb.family) !== 'accept') return;
    if (other) skb.pktType = 3;
    skb.iif = port;
    if (destinationOf(skb) !== before) {
      way = wayOfTranslated(run, skb, bridge);
      if (way === undefined) return;
      if (way === 'up') {
        own = true;
        skb.pktType = 0;
        setMac(skb, bridge.mac);
      } else skb.dst = way;
    }
  }
  if (mark(run) && runHook(run, skb, 'prerouting', 'bridge', (prio) => prio > 0) !== 'accept') return;
  if (typeof way === 'object') {
    if (!toNeighbour(run, skb, bridge, way)) return;
  } else if (own) {
    passUp(run, skb, bridge, ipHooks, up);
    return;
  }
  const ports = bridgePorts(run, bridge, macOf(skb), port);
  if (ports === undefined) {
    run.undecided(
      'bridge-port',
      `Which port of ${bridge.name} leads to ${macOf(skb)} is not in the capture.`,
      'Name the port.',
    );
  }
  if (ports.length === 0 && !group) kernel(run, skb, 'bridge-no-port', 'No other port of the bridge takes the frame.');
  for (const out of ports) {
    const frame = group ? copySkb(skb, skb.id, skb.role) : skb;
    bridgeForward(run, frame, bridge, port, out, ipHooks);
  }
  if (group && typeof way !== 'object') passUp(run, skb, bridge, ipHooks, up);
}

function isPort(run: Run, bridge: Link, mac: number): boolean {
  const { links } = run.p.world;
  return links.known && links.value.some((l) => l.master === bridge.name && parseMac(l.mac ?? '') === mac);
}

const setMac = (skb: Skb, mac: string | undefined): void => {
  const link = skb.link?.slice();
  const value = mac === undefined ? undefined : parseMac(mac);
  if (link === undefined || value === undefined) return;
  link.set([40, 32, 24, 16, 8, 0].map((s) => Math.floor(value / 2 ** s) % 256));
  skb.link = link;
};

/**
 * Where a frame goes whose destination the ip hooks changed: along the bridge by this route, or up to the node; undefined where it is
 * dropped (br_nf_pre_routing_finish, br_nf_pre_routing_finish_ipv6).
 */
function wayOfTranslated(run: Run, skb: Skb, bridge: Link): RouteResult | 'up' | undefined {
  const [daddr, saddr] = [destinationOf(skb), sourceOf(skb)];
  const router = run.p.routers[typeof daddr === 'number' ? 'ip' : 'ip6'];
  const group = typeof daddr === 'number' ? daddr >>> 28 === 14 : daddr >> 118n >= 0x3fan;
  if (router === undefined || group) {
    run.undecided(
      'bridge-dnat',
      'A bridged packet was translated on the bridge; where it goes from there is not known.',
      'Trace the packet on the interface behind the bridge.',
    );
  }
  const inside = typeof daddr === 'number' ? daddr >>> 24 === 127 : daddr === 1n;
  if (inside && (typeof daddr === 'bigint' || !deviceSetting(run, bridge.name, 'route_localnet'))) {
    kernel(run, skb, 'martian', `The kernel drops it as a martian: destination ${formatAddress(daddr)} on a bridge.`);
    return undefined;
  }
  const ask = { daddr, saddr, mark: routingMark(run, skb), tos: tosOf(skb), iif: bridge.name, uid: 0 };
  const found = router.lookup({ ...ask, ...flowOf(run, skb) });
  if (typeof daddr === 'number' && typeof saddr === 'number') {
    // Without forwarding, and without a route, the node is to say so.
    if (found.kind !== 'found' || !isForwarding(run, bridge, 'ip')) return 'up';
    if (found.result.type === 'unicast' && sourceValid(run, skb, bridge, saddr, daddr, found.result.dev) !== 'ok') {
      kernel(run, skb, 'martian', 'The kernel drops it as a martian: the source is not valid here.');
      return undefined;
    }
  } else if (found.kind !== 'found') {
    kernel(run, skb, 'no-route', 'There is no route to the new destination.');
    return undefined;
  }
  const { result } = found;
  return result.type === 'unicast' && result.dev?.index === bridge.index ? result : 'up';
}

/** The frame goes on to the neighbour of its new destination (br_nf_pre_routing_finish_bridge). */
function toNeighbour(run: Run, skb: Skb, bridge: Link, way: RouteResult): boolean {
  const nexthop = way.gateway ?? destinationOf(skb);
  const mac = neighbourMac(run, bridge, nexthop);
  if (mac === undefined) {
    kernel(run, skb, 'neighbour', `The neighbour ${formatAddress(nexthop)} on ${bridge.name} does not answer.`);
    return false;
  }
  if (mac === 'unknown')
    run.undecided(
      'bridge-dnat',
      `The link address of ${formatAddress(nexthop)} is not in the capture.`,
      'Capture ip neigh.',
    );
  setMac(skb, mac);
  return true;
}

/** br_validate_ipv4(), br_validate_ipv6(): asked at prerouting, and again at forward. */
function isInvalid(run: Run, skb: Skb): boolean {
  if (skb.family === 'arp' || !headerBad(skb)) return false;
  kernel(run, skb, 'bad-header', 'The IP header is malformed or its checksum is wrong.');
  return true;
}

function passUp(run: Run, skb: Skb, bridge: Link, ipHooks: boolean, up: PassUp): void {
  if (mark(run) && runHook(run, skb, 'input', 'bridge') !== 'accept') return;
  // Copies of the packet may be on their way out of other ports: its connection is settled here (br_nf_local_in).
  if (ipHooks && skb.pktType !== 0 && !confirm(run, skb)) return;
  up(run, skb, bridge, ipHooks && skb.family !== 'arp');
}

function bridgeForward(run: Run, skb: Skb, bridge: Link, from: Link, out: Link, ipHooks: boolean): void {
  // What the kernel knew of its checksum is forgotten (__br_forward: skb_forward_csum).
  skb.verified = undefined;
  skb.iif = from;
  skb.oif = out;
  if (mark(run) && runHook(run, skb, 'forward', 'bridge', (prio) => prio <= 0) !== 'accept') return;
  if (ipHooks) skb.bridgePorts = { in: from.name, out: out.name };
  if (ipHooks && isInvalid(run, skb)) return;
  if (ipHooks && skb.family !== 'arp' && !ipHook(run, skb, bridge, 'forward')) return;
  skb.iif = from;
  skb.oif = out;
  if (mark(run) && runHook(run, skb, 'forward', 'bridge', (prio) => prio > 0) !== 'accept') return;
  bridgeTransmit(run, skb, out, macOf(skb), (s) => {
    if (!ipHooks || s.family === 'arp') return true;
    const passed = ipHook(run, s, bridge, 'postrouting');
    s.oif = out;
    return passed;
  });
}

/** The ip hook of a bridged packet: both devices are the bridge. */
function ipHook(run: Run, skb: Skb, bridge: Link, hook: 'forward' | 'postrouting'): boolean {
  // br_nf_post_routing calls the hook without an input device.
  skb.iif = hook === 'postrouting' ? undefined : bridge;
  skb.oif = bridge;
  // The kernel gives bridged packets a stand-in route that leads nowhere.
  skb.dst ??= madeUpRoute(skb.family === 'ip6' ? 'ip6' : 'ip', 'unicast', bridge);
  const other = skb.pktType === 3;
  if (other) skb.pktType = 0;
  const passed = runHook(run, skb, hook, skb.family === 'ip6' ? 'ip6' : 'ip') === 'accept';
  if (other) skb.pktType = 3;
  return passed;
}
