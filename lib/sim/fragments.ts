/** Defragmentation at -400 and on delivery, fragmentation on the way out (net/ipv4/ip_fragment.c, net/ipv6/reassembly.c). */
import { putBytes } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { parseHeaders, u16, u32 } from '../net/headers';
import type { Hook } from '../nft/model';
import type { Run } from './environment';
import { destinationOf, type Skb, sourceOf } from './skb';

/**
 * Conntrack's own putting together, before it looks a packet up. A packet that no tracking shall see is left in pieces
 * (ipv4_conntrack_defrag, ipv6_defrag: IP_CT_UNTRACKED).
 */
export function defragmentForTracking(run: Run, skb: Skb, hook: Hook): boolean {
  return skb.untracked || defragment(run, skb, hook);
}

/**
 * Puts fragments together. False when the packet is held back until the others arrive. Fragments wait for others of the same place
 * (enum ip_defrag_users, ip6_defrag_users).
 */
export function defragment(run: Run, skb: Skb, place: Hook): boolean {
  if (skb.family === 'arp') return true;
  const { fragOff, mf, ext } = skb.headers;
  const header = ext.find((e) => e.type === 44);
  if (skb.family === 'ip' ? fragOff === 0 && !mf : header === undefined) return true;
  const v6 = skb.family === 'ip6';
  const id = v6 ? u32(skb.data, (header?.at ?? 0) + 4) : u16(skb.data, 4);
  const key = `${place} ${skb.zone} ${sourceOf(skb)} ${destinationOf(skb)} ${id} ${skb.headers.l4proto ?? 0}`;
  let queue = run.state.fragments.get(key);
  if (queue === undefined) {
    queue = { parts: new Map(), head: undefined, first: {}, total: undefined, maxSize: 0, ids: [] };
    run.state.fragments.set(key, queue);
  }
  const start = v6 ? (header?.at ?? 40) + 8 : skb.headers.thoff;
  const body = skb.data.slice(start);
  // IPv6 lets a fragment that no queue takes go on as it is (nf_ct_frag6_gather: -EPROTO from nf_ct_frag6_queue).
  if (v6 && mf && body.length % 8 !== 0) return true;
  if (v6 && body.length === 0 && fragOff === 0) return true;
  // IPv4 drops one without a body, and its queue with it (ip_frag_queue: end == offset).
  if (!v6 && body.length === 0) {
    run.state.fragments.delete(key);
    run.steps?.push({
      kind: 'kernel',
      skb: skb.id,
      code: 'fragment-empty',
      say: 'The fragment carries nothing.',
      ends: true,
    });
    return false;
  }
  if (body.length > 0) queue.parts.set(fragOff, body);
  queue.maxSize = Math.max(queue.maxSize, skb.data.length);
  if (fragOff === 0) {
    queue.head = skb.data.slice(0, start);
    queue.first = firstOf(skb);
  }
  if (!mf && (body.length > 0 || queue.parts.size === 0)) queue.total = fragOff + body.length;
  let at = 0;
  while (queue.parts.has(at) && at !== queue.total) at += queue.parts.get(at)?.length ?? 0;
  if (queue.total === undefined || at !== queue.total || queue.head === undefined) {
    run.steps?.push({
      kind: 'kernel',
      skb: skb.id,
      code: 'fragment-held',
      say: 'The fragment is held back until the others arrive.',
      ends: true,
    });
    return false;
  }
  run.state.fragments.delete(key);
  const head = v6 ? withoutFragmentHeader(queue.head, header?.at ?? 40) : queue.head;
  const whole = new Uint8Array(head.length + queue.total);
  whole.set(head);
  for (const [offset, part] of queue.parts) whole.set(part, head.length + offset);
  if (v6) putBytes(whole, 4, 2, whole.length - 40);
  else {
    putBytes(whole, 2, 2, whole.length);
    putBytes(whole, 6, 2, u16(whole, 6) & 0x4000);
    putBytes(whole, 10, 2, 0);
    putBytes(whole, 10, 2, fold16(sum16(whole, 0, head.length)));
  }
  Object.assign(skb, queue.first);
  skb.data = whole;
  skb.headers = parseHeaders(whole, skb.family);
  skb.fragSize = queue.maxSize;
  skb.fragParts = [...queue.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part.length);
  return true;
}

/** The packet put together is the first fragment in all but its bytes, whichever came last (inet_frag_reasm_prepare: skb_morph). */
function firstOf(skb: Skb): Partial<Skb> {
  const { mark, markUnknown, priority, pktType, trace, zone, untracked, ct, ctState, ctDir } = skb;
  return { mark, markUnknown, priority, pktType, trace, zone, untracked, ct, ctState, ctDir };
}

/** Drops the fragment header, linking the header before it to the one behind. */
function withoutFragmentHeader(head: Uint8Array, at: number): Uint8Array {
  const next = head[at] ?? 59;
  const out = new Uint8Array(head.length - 8);
  out.set(head.subarray(0, at));
  let link = 6;
  let walk = 40;
  while (walk < at) {
    link = walk;
    walk += ((head[walk + 1] ?? 0) + 1) * 8;
  }
  out[link] = next;
  return out;
}

/** The packets that a large or reassembled packet leaves in. `limit` is the largest in bytes. */
export function splitFragments(skb: Skb, limit: number): readonly Uint8Array[] {
  // IPv4 refragments whatever was put together (ip_finish_output), IPv6 what is larger than its largest fragment
  // (__ip6_finish_output): an atomic fragment leaves without its header.
  if (skb.family === 'arp' || (skb.data.length <= limit && (skb.family === 'ip6' || skb.fragSize === undefined)))
    return [skb.data];
  const v6 = skb.family === 'ip6';
  const unfragmentable = v6 ? 40 : skb.headers.thoff;
  const body = skb.data.subarray(unfragmentable);
  // What is cut up anew in IPv6 is cut no smaller than this (ip6_fragment: IPV6_MIN_MTU).
  const size = v6 && skb.fragSize !== undefined ? Math.max(limit, 1280) : limit;
  const room = size - unfragmentable - (v6 ? 8 : 0);
  // Fragments that still fit leave as they came (ip_do_fragment, ip6_fragment: the fast path over frag_list).
  const parts = skb.fragParts ?? [];
  const kept = parts.reduce((n, l) => n + l, 0) === body.length && parts.every((l) => l <= limit - unfragmentable);
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < body.length; i++) {
    // All but the last are multiples of eight (ip_frag_next, ip6_frag_next).
    const cut = body.length - at <= room ? room : room & ~7;
    const part = body.subarray(at, at + (kept ? (parts[i] ?? cut) : cut));
    const last = at + part.length >= body.length;
    const frame = new Uint8Array(unfragmentable + (v6 ? 8 : 0) + part.length);
    frame.set(skb.data.subarray(0, unfragmentable));
    if (v6) {
      frame[40] = skb.data[6] ?? 59;
      frame[6] = 44;
      putBytes(frame, 42, 2, at | (last ? 0 : 1));
      putBytes(frame, 4, 2, frame.length - 40);
    } else {
      putBytes(frame, 2, 2, frame.length);
      putBytes(frame, 6, 2, (at >> 3) | (last ? 0 : 0x2000));
    }
    frame.set(part, unfragmentable + (v6 ? 8 : 0));
    if (!v6) {
      putBytes(frame, 10, 2, 0);
      putBytes(frame, 10, 2, fold16(sum16(frame, 0, unfragmentable)));
    }
    out.push(frame);
    at += part.length;
  }
  return out;
}
