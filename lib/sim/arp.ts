/** Requests for the node's own addresses (net/ipv4/arp.c, arp_process). */
import { formatMac } from '../net/address';
import { buildPacket } from '../net/build-packet';
import { u16, u32, viewPacket } from '../net/headers';
import type { Link } from '../world/world';
import type { Run } from './environment';
import { isLocal4 } from './fib';
import { kernel, runHook } from './hooks';
import { sourceValid } from './route-input';
import { deviceSetting } from './settings';
import { newSkb, type Skb, viewSkb } from './skb';
import { transmit } from './transmit';
import { routingMark } from './unknown-mark';

/**
 * True where the node answers for an address: where the route of a packet from the sender to it, by the mark that rules set, ends here
 * (ip_route_input_noref). Who has no address yet asks whether it is taken.
 */
function isAsked(run: Run, skb: Skb, dev: Link, target: number, sender: number): boolean {
  const router = run.p.routers.ip;
  if (sender === 0 || router === undefined) return isLocal4({ run }, target) && !isLocal4({ run }, sender);
  const localnet = target >>> 24 !== 127 && sender >>> 24 !== 127;
  if (target >>> 28 === 14 || sender >>> 28 === 14 || sender === 0xffffffff) return false;
  if (!localnet && !deviceSetting(run, dev.name, 'route_localnet')) return false;
  const mark = router.hasCustomRules ? routingMark(run, skb) : 0;
  const found = router.lookup({ daddr: target, saddr: sender, mark, tos: 0, iif: dev.name, uid: 0 });
  if (found.kind !== 'found' || found.result.type !== 'local') return false;
  return sourceValid(run, skb, dev, sender, target, undefined) === 'ok';
}

/** A message of ARP: input, and the reply where one is due. */
export function receiveArp(run: Run, skb: Skb): void {
  if (skb.iif === undefined || runHook(run, skb, 'input', 'arp') !== 'accept') return;
  const target = u32(skb.data, 24);
  const sender = u32(skb.data, 14);
  const { iif } = skb;
  if (u16(skb.data, 6) !== 1 || !isAsked(run, skb, iif, target, sender)) {
    kernel(run, skb, 'arp', 'No answer is due.');
    return;
  }
  const senderMac = formatMac(u16(skb.data, 8) * 2 ** 32 + u32(skb.data, 10));
  const view = viewSkb(skb);
  const reply = newSkb(
    run.nextSkb(),
    'generated',
    'arp',
    buildPacket({
      family: 'arp',
      op: 'reply',
      senderMac: iif.mac ?? '',
      saddr: view.daddr ?? '',
      targetMac: senderMac,
      daddr: view.saddr ?? '',
    }),
  );
  reply.oif = iif;
  run.steps?.push({
    kind: 'generated',
    skb: reply.id,
    what: 'ARP reply',
    packet: viewPacket(reply.data, 'arp'),
    because: skb.id,
  });
  if (runHook(run, reply, 'output', 'arp') !== 'accept') return;
  transmit(run, reply, iif, senderMac);
}
