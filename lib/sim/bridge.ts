/** Bridged frames (net/bridge/br_input.c, br_forward.c), and the IP hooks that bridge-nf-call-iptables adds (br_netfilter_hooks.c). */

import { parseMac } from '../net/address';
import type { Link } from '../world/world';
import { confirm } from './conntrack';
import type { Run } from './environment';
import { kernel, runHook } from './hooks';
import { madeUpRoute } from './routing';
import { settingUnknown, sysctl } from './settings';
import { copySkb, destinationOf, headerBad, type Skb } from './skb';
import { bridgePorts, bridgeTransmit } from './transmit';

type PassUp = (run: Run, skb: Skb, bridge: Link, seen: boolean) => void;

/** Whether bridged packets of the family run through the ip hooks. */
function callsIpHooks(run: Run, skb: Skb, bridge: Link): boolean {
  if (skb.family === 'arp') return false;
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
  const own = dst === parseMac(bridge.mac ?? '') || dst === parseMac(port.mac ?? '');
  const group = Math.floor(dst / 2 ** 40) % 2 === 1;
  skb.pktType = own ? 0 : dst === 0xffffffffffff ? 1 : group ? 2 : 3;
  const ipHooks = callsIpHooks(run, skb, bridge);
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
    if (destinationOf(skb) !== before && !own) {
      run.undecided(
        'bridge-dnat',
        'A bridged packet was translated on the bridge; where it goes from there is not modelled.',
        'Trace the packet on the interface behind the bridge.',
      );
    }
  }
  if (mark(run) && runHook(run, skb, 'prerouting', 'bridge', (prio) => prio > 0) !== 'accept') return;
  if (own) {
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
  if (group) passUp(run, skb, bridge, ipHooks, up);
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
