/** `reject`: which answer each form sends (net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c). */
import { ICMP_CODE, ICMPV6_CODE, ICMPX_CODE } from '../nft/datatypes';
import type { RejectStatement } from '../nft/model';
import type { Context } from './environment';
import { routeOut, sendIcmpError, sendReset } from './generated';
import { rejectChecksumWrong, type Skb, sourceOf } from './skb';

/** icmpx code to ICMP and ICMPv6 code. */
const ICMPX: Readonly<Record<number, readonly [number, number]>> = { 0: [0, 0], 1: [3, 4], 2: [1, 3], 3: [13, 1] };

/** Answers the packet. Nothing is sent for packets that the kernel does not answer; it is dropped all the same. */
export function rejectPacket(c: Context, s: RejectStatement): void {
  const { skb, run } = c;
  if (skb.family === 'arp') return;
  const cause = routed(c);
  if (cause === undefined) return;
  // Nor are later fragments of IPv6 (reject6_csum_ok).
  if (skb.family === 'ip6' && skb.headers.fragOff > 0) return;
  if (rejectChecksumWrong(skb, c.hook, s.type === 'tcp reset')) return;
  if (s.type === 'tcp reset') {
    sendReset(run, cause, true);
    return;
  }
  const table = s.type === 'icmpx' ? ICMPX_CODE : s.type === 'icmpv6' ? ICMPV6_CODE : ICMP_CODE;
  const fallback = s.type === 'icmpx' || s.type === undefined ? 1 : s.type === 'icmpv6' ? 4 : 3;
  const named =
    typeof s.expr === 'string' ? table.symbols?.byName.get(s.expr) : typeof s.expr === 'number' ? s.expr : undefined;
  let code = named ?? fallback;
  if (s.type === 'icmpx' || s.type === undefined) code = ICMPX[code]?.[skb.family === 'ip' ? 0 : 1] ?? code;
  sendIcmpError(run, cause, { type: skb.family === 'ip' ? 3 : 1, code });
}

/**
 * Before routing a packet is given the route back to its sender, and answered by that (nf_reject_fill_skb_dst). One that looped has
 * the route it was sent by.
 */
function routed({ run, skb, hook }: Context): Skb | undefined {
  if (skb.family === 'arp' || hook !== 'prerouting' || skb.dst !== undefined) return skb;
  const dst = routeOut(run, skb.family, sourceOf(skb), undefined, 0, 0);
  return dst === undefined ? undefined : { ...skb, dst };
}
