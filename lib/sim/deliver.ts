/** Delivery to the node itself: the input hook, the sockets, and what they answer. */
import { u16 } from '../net/headers';
import { PROTO, protocolName } from '../net/protocols';
import type { Run } from './environment';
import { readExtensions } from './extension-headers';
import { isMulticast6 } from './fib';
import { defragment, lacksHeaders } from './fragments';
import type { Frame } from './frame';
import { sendEchoReply, sendIcmpError, sendReset } from './generated';
import { runHook } from './hooks';
import { answerSolicitation } from './neighbour-advertisement';
import { listenerFor } from './read-route';
import { setting } from './settings';
import { destinationOf, keptSumWrong, type Skb, snapshot, sourceOf, transportChecksumWrong, viewSkb } from './skb';
import { heardError, listen } from './tcp-socket';

export function localDeliver(run: Run, skb: Skb): void {
  // IPv4 hands whole packets to input, IPv6 whatever came (ip_local_deliver, ip6_input_finish).
  if (skb.family === 'ip' && !defragment(run, skb, 'input')) return;
  skb.oif = undefined;
  if (runHook(run, skb, 'input', skb.family === 'ip6' ? 'ip6' : 'ip') !== 'accept') return;
  const iif = skb.iif?.name ?? '';
  run.fate.delivered.push({
    iif,
    role: skb.role,
    skb: skb.id,
    ...(skb.mark === 0 ? {} : { mark: skb.mark }),
    packet: viewSkb(skb),
  });
  run.steps?.push({ kind: 'deliver', skb: skb.id, iif, packet: viewSkb(skb), say: 'handed to the local sockets' });
  if (skb.family === 'ip6' && !(readExtensions(run, skb) && defragment(run, skb, 'input') && readExtensions(run, skb)))
    return;
  if (skb.family !== 'arp') run.received.push(snapshot(skb, iif));
  respond(run, skb);
}

/** Bytes of the shortest header. */
const SHORTEST: ReadonlyMap<number, number> = new Map([
  [PROTO.tcp, 20],
  [PROTO.udp, 8],
  [PROTO.udplite, 8],
  [PROTO.icmp, 8],
  [PROTO.icmpv6, 8],
]);

/** What the sockets and the protocols of the node do with a delivered packet. */
function respond(run: Run, skb: Skb): void {
  const { l4proto, thoff } = skb.headers;
  if (l4proto === undefined || skb.family === 'arp') return;
  const at = thoff;
  const fragment = skb.family === 'ip6' ? skb.headers.ext.find((e) => e.type === 44) : undefined;
  if (fragment !== undefined && (skb.headers.mf || skb.headers.fragOff > 0)) {
    // Reported are a first fragment that lacks part of the headers and one whose end is no multiple of eight, with the place of the
    // length; any other waits (ipv6_frag_rcv, ip6_frag_queue).
    if (skb.headers.fragOff === 0 && lacksHeaders(skb)) sendIcmpError(run, skb, { type: 4, code: 3 });
    else if (skb.headers.mf && (skb.data.length - fragment.at) % 8 !== 0)
      sendIcmpError(run, skb, { type: 4, code: 0, info: 4 });
    return;
  }
  // Headers that are cut short are dropped without an answer (__udp4_lib_rcv, tcp_v4_rcv, icmp_rcv: pskb_may_pull).
  if (skb.data.length < at + (SHORTEST.get(l4proto) ?? 0)) return;
  switch (l4proto) {
    case PROTO.icmp: {
      const type = skb.data[at] ?? 0;
      if (skb.family !== 'ip' || transportChecksumWrong(skb)) return;
      heardError(run, skb);
      if (type !== 8 && type !== 13) return;
      // The route says who is meant: 0.0.0.0 over lo is the node itself (icmp_rcv: rt_flags).
      if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') {
        if (type === 13 || setting(run, 'net.ipv4.icmp_echo_ignore_broadcasts', true)) return;
      }
      sendEchoReply(run, skb);
      return;
    }
    case PROTO.icmpv6:
      if (skb.family !== 'ip6' || transportChecksumWrong(skb)) return;
      heardError(run, skb);
      if (skb.data[at] === 135) answerSolicitation(run, skb);
      if (skb.data[at] === 128) sendEchoReply(run, skb);
      return;
    case PROTO.tcp:
      deliverTcp(run, skb);
      return;
    case PROTO.udp:
    case PROTO.udplite: {
      // A length that cannot be is dropped (__udp4_lib_rcv, __udp6_lib_rcv: short_packet); in IPv6 0 stands for all there is.
      const said = u16(skb.data, at + 4) || (skb.family === 'ip6' ? skb.data.length - at : 0);
      if (said > skb.data.length - at || (l4proto === PROTO.udp && said < 8)) return;
      // What lies behind the length that it names is cut off.
      if (l4proto === PROTO.udp && said < skb.data.length - at) {
        skb.data = skb.data.slice(0, at + said);
        skb.verified = undefined;
      }
      if (transportChecksumWrong(skb)) return;
      if (l4proto === PROTO.udp && u16(skb.data, at + 6) !== 0 && keptSumWrong(skb)) return;
      // IPv6 takes no datagram without a checksum (udp6_csum_init).
      if (skb.family === 'ip6' && u16(skb.data, at + 6) === 0) return;
      if (skb.transparentSocket) {
        taken(run, skb, 'proxy');
        return;
      }
      if (l4proto === PROTO.udplite) assumeNobody(run, l4proto);
      const found = l4proto === PROTO.udplite ? 'none' : listenerFor({ run, skb });
      if (found === undefined) {
        run.assume('sockets', 'The listening sockets are not in the capture; the packet is taken to find one.');
        taken(run, skb, 'any');
        return;
      }
      // UDP lets go of the connection before it looks for a socket (__udp4_lib_rcv, ip6_protocol_deliver_rcu: nf_reset_ct): the
      // error is not attached to it and has none before conntrack's place in output.
      if (found === 'none') {
        const freed = { ...skb, ct: undefined, ctState: undefined };
        sendIcmpError(run, freed, skb.family === 'ip' ? { type: 3, code: 3 } : { type: 1, code: 4 });
        return;
      }
      taken(run, skb, found.wildcard ? 'any' : 'address');
      return;
    }
    default:
      // Multicast routing takes PIM, whatever it says (pim_rcv, pim6_rcv).
      if (l4proto === PROTO.pim || l4proto === (skb.family === 'ip' ? PROTO.igmp : PROTO.nonxt)) return;
      assumeNobody(run, l4proto);
      if (skb.family === 'ip') sendIcmpError(run, skb, { type: 3, code: 2 });
      else sendIcmpError(run, skb, { type: 4, code: 1, info: 6 });
  }
}

/** No capture lists sockets of other protocols, or who is told of all packets of one. */
function assumeNobody(run: Run, l4proto: number): void {
  run.assume(
    `protocol ${l4proto}`,
    `Nothing on the node is taken to listen for ${protocolName(l4proto)}: no capture lists who does.`,
  );
}

/** A process has the datagram; what it answers is its own. */
function taken(run: Run, skb: Skb, takenBy: Frame['takenBy']): void {
  const at = run.received.findLastIndex((frame) => frame.skb === skb.id);
  const frame = run.received[at];
  if (frame !== undefined && takenBy !== undefined) run.received[at] = { ...frame, takenBy };
}

function deliverTcp(run: Run, skb: Skb): void {
  if (transportChecksumWrong(skb) || skb.pktType !== 0) return;
  const found = skb.transparentSocket ? { wildcard: true, transparent: true } : listenerFor({ run, skb });
  if (found === undefined) {
    run.assume('sockets', 'The listening sockets are not in the capture; the packet is taken to find one.');
    return;
  }
  const listener = found === 'none' ? undefined : { transparent: found.transparent === true };
  // Nor SYNs to an IPv6 anycast address, nor what no socket takes there (tcp_v6_conn_request, tcp_v6_send_reset).
  const syn = ((skb.data[skb.headers.thoff + 13] ?? 0) & 0x16) === 2;
  const group = skb.dst?.type === 'anycast' || isMulticast6(BigInt(destinationOf(skb)));
  if (skb.family === 'ip6' && group && (found === 'none' || syn)) return;
  // The same holds for IPv4 broadcasts (tcp_v4_conn_request, tcp_v4_send_reset).
  const toAll = skb.family === 'ip' && (Number(destinationOf(skb)) === 0xffffffff || skb.dst?.type === 'broadcast');
  if (toAll && (found === 'none' || syn)) return;
  // A listener does not answer an IPv4 address that is written as one of IPv6 (tcp_v6_conn_request).
  if (skb.family === 'ip6' && syn && found !== 'none' && BigInt(sourceOf(skb)) >> 32n === 0xffffn) return;
  if (listen(run, skb, listener)) return;
  sendReset(run, skb, false, listener);
}
