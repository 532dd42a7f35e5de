/** The way in: ingress, the bridge, the checks of the IP layer, prerouting. */

import { u16, u32 } from '../net/headers';
import type { Link } from '../world/world';
import { receiveArp } from './arp';
import { bridgeReceive } from './bridge';
import type { Run } from './environment';
import { readHopByHop } from './extension-headers';
import { isMulticast6 } from './fib';
import { kernel, runDeviceHook, runHook } from './hooks';
import { UNMEASURED_TAG } from './not-measured';
import { routeInput } from './route-input';
import { destinationOf, headerBad, type Skb, sourceOf } from './skb';

/** A frame arrives on an interface of this node. */
export function receive(run: Run, skb: Skb, dev: Link): void {
  skb.iif = dev;
  if (run.p.planes !== undefined) run.plane ??= run.p.planes.arriving.get(dev.name);
  if (runDeviceHook(run, skb, 'ingress', dev.name) !== 'accept') return;
  if (dev.master !== undefined && run.p.linkByName.get(dev.master)?.kind === 'bridge') {
    const reserved = reservedAddress(skb);
    // With the spanning tree off the bridge group is a group like any other, and a pause ends here.
    if (reserved === undefined || reserved === 0) {
      bridgeReceive(run, skb, dev, receiveOnBridge);
      return;
    }
    if (reserved === PAUSE) {
      kernel(run, skb, 'bridge-reserved', 'No bridge takes frames to this address.');
      return;
    }
    skb.pktType = 2;
    const asked = reserved !== LLDP && run.p.program.has('bridge');
    if (asked && runHook(run, skb, 'input', 'bridge') !== 'accept') return;
  }
  receiveLayer3(run, skb);
}

const PAUSE = 1;
const LLDP = 14;

/** The last digit of 01:80:c2:00:00:0x, which is for the other end of the link alone: a bridge hands it to the port (br_handle_frame). */
function reservedAddress({ link }: Skb): number | undefined {
  const high = link === undefined ? 0 : u32(link, 0);
  const low = link === undefined ? 0 : u16(link, 4);
  return high === 0x0180c200 && low < 16 ? low : undefined;
}

function receiveLayer3(run: Run, skb: Skb): void {
  // VLAN 0 is a priority alone (__netif_receive_skb_core: check_vlan_id).
  if (skb.vlan !== undefined && (skb.vlan & 4095) === 0) skb.vlan = undefined;
  if (skb.vlan !== undefined) {
    run.steps?.push({
      kind: 'kernel',
      skb: skb.id,
      code: 'vlan',
      say: `The frame carries VLAN ${skb.vlan & 4095} and no VLAN device takes it.`,
      ends: true,
      notMeasured: UNMEASURED_TAG,
    });
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
  if (headerBad(skb)) {
    kernel(run, skb, 'bad-header', 'The IPv4 header is malformed or its checksum is wrong.');
    return;
  }
  if (total < skb.data.length) skb.data = skb.data.slice(0, total);
  prerouting(run, skb);
}

function receiveIpv6(run: Run, skb: Skb, next = prerouting): void {
  const src = BigInt(sourceOf(skb));
  const dst = BigInt(destinationOf(skb));
  const loopback = skb.iif?.type === 'loopback';
  if (headerBad(skb)) {
    kernel(run, skb, 'bad-header', 'The IPv6 header is malformed.');
    return;
  }
  if (!loopback && (src === 1n || dst === 1n)) {
    kernel(run, skb, 'martian', 'A loopback address came from the wire.');
    return;
  }
  // Groups of the node itself come back to it alone.
  const scope = isMulticast6(dst) ? (dst >> 112n) & 15n : undefined;
  if (isMulticast6(src) || scope === 0n || (scope === 1n && !loopback && skb.looped !== true)) {
    kernel(run, skb, 'martian', 'The source or the scope of the destination is impossible.');
    return;
  }
  if (!readHopByHop(run, skb)) return;
  next(run, skb);
}

/** From prerouting on; also entered by bridged packets with bridge-nf-call-iptables. */
function prerouting(run: Run, skb: Skb): void {
  if (runHook(run, skb, 'prerouting', skb.family === 'ip6' ? 'ip6' : 'ip') !== 'accept') return;
  routeInput(run, skb);
}

/** A frame that a bridge passed up: seen again on the bridge device. `seen`: prerouting has run already on the bridge. */
function receiveOnBridge(run: Run, skb: Skb, bridge: Link, seen: boolean): void {
  skb.iif = bridge;
  if (runDeviceHook(run, skb, 'ingress', bridge.name) !== 'accept') return;
  if (seen && skb.family !== 'arp') {
    // The IP layer begins anew: it does not know that the packet was put together from fragments (ip_rcv_core, ip6_rcv_core).
    skb.fragSize = undefined;
    skb.fragParts = undefined;
    if (skb.family === 'ip6') receiveIpv6(run, skb, routeInput);
    else if (headerBad(skb)) kernel(run, skb, 'bad-header', 'The IP header is malformed or its checksum is wrong.');
    else routeInput(run, skb);
    return;
  }
  receiveLayer3(run, skb);
}
