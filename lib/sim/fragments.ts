/** Defragmentation at -400 and on delivery, fragmentation on the way out (net/ipv4/ip_fragment.c, net/ipv6/reassembly.c). */
import { putBytes } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { parseHeaders, u16, u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Hook } from '../nft/model';
import type { Run } from './environment';
import { destinationOf, type Skb, sourceOf, tosOf } from './skb';
import type { PendingFragment } from './state';

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
  const protocol = v6 ? '' : (skb.headers.l4proto ?? 0);
  const key = `${place} ${skb.zone} ${sourceOf(skb)} ${destinationOf(skb)} ${id} ${protocol}`;
  const start = v6 ? (header?.at ?? 40) + 8 : skb.headers.thoff;
  const body = skb.data.slice(start);
  if (v6 && fragOff === 0 && lacksHeaders(skb)) return true;
  // IPv6 lets a fragment that no queue takes go on as it is (nf_ct_frag6_gather: -EPROTO from nf_ct_frag6_queue).
  if (v6 && mf && body.length % 8 !== 0) {
    run.state.fragments.delete(key);
    return true;
  }
  let queue = run.state.fragments.get(key);
  if (queue === undefined) {
    queue = {
      parts: new Map(),
      runs: [],
      ecn: 0,
      head: undefined,
      headAt: 40,
      room: Infinity,
      first: {},
      last: false,
      end: 0,
      size: 0,
      sizeDf: 0,
    };
    run.state.fragments.set(key, queue);
  }
  const refused = enqueue(queue, body, fragOff, mf, v6);
  if (refused !== undefined) {
    if (refused.kills) run.state.fragments.delete(key);
    run.steps?.push({ kind: 'kernel', skb: skb.id, code: refused.code, say: refused.say, ends: true });
    return false;
  }
  const size = v6 ? skb.data.length : start + (queue.parts.get(fragOff)?.length ?? 0);
  queue.size = Math.max(queue.size, size);
  if (!v6 && u16(skb.data, 6) & DF) queue.sizeDf = Math.max(queue.sizeDf, size);
  queue.ecn |= 1 << (tosOf(skb) & 3);
  if (fragOff === 0) {
    queue.head = skb.data.slice(0, start);
    queue.headAt = header?.at ?? 40;
    queue.first = firstOf(skb);
  } else queue.room = Math.min(queue.room, start);
  const held = [...queue.parts.values()].reduce((n, part) => n + part.length, 0);
  if (queue.head === undefined || !queue.last || held !== queue.end) {
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
  if (queue.ecn & 1 && queue.ecn !== 1) {
    run.steps?.push({
      kind: 'kernel',
      skb: skb.id,
      code: 'fragment-ecn',
      say: 'Of the fragments some allow marks of congestion and some do not.',
      ends: true,
    });
    return false;
  }
  const head = v6 ? withoutFragmentHeader(queue.head, queue.headAt) : queue.head;
  const whole = new Uint8Array(head.length + queue.end);
  whole.set(head);
  for (const [offset, part] of queue.parts) whole.set(part, head.length + offset);
  // One that met congestion stands for all (ip_frag_ecn_table).
  const congested = queue.ecn & 8 && queue.ecn & 6 ? 3 : 0;
  if (v6) {
    putBytes(whole, 0, 2, u16(whole, 0) | (congested << 4));
    putBytes(whole, 4, 2, whole.length - 40);
  } else {
    whole[1] = (whole[1] ?? 0) | congested;
    putBytes(whole, 2, 2, whole.length);
    putBytes(whole, 6, 2, queue.sizeDf === queue.size ? DF : 0);
    putBytes(whole, 10, 2, 0);
    putBytes(whole, 10, 2, fold16(sum16(whole, 0, head.length)));
  }
  Object.assign(skb, queue.first);
  skb.data = whole;
  skb.headers = parseHeaders(whole, skb.family);
  skb.fragSize = queue.size;
  skb.fragRoom = queue.room;
  skb.fragParts = [...queue.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part.length);
  return true;
}

const DF = 0x4000;

/** True where an IPv6 fragment ends within the headers (ipv6frag_thdr_truncated). The first must not. */
export function lacksHeaders({ data, headers: { l4proto, thoff } }: Skb): boolean {
  if (l4proto === undefined) return false;
  return data.length < thoff + (l4proto === PROTO.tcp ? 20 : l4proto === PROTO.udp || l4proto === PROTO.icmpv6 ? 8 : 1);
}

interface Refused {
  readonly code: string;
  readonly say: string;
  /** The fragments that wait are dropped with it. */
  readonly kills: boolean;
}

/** Adds a fragment to those that wait (ip_frag_queue, nf_ct_frag6_queue, inet_frag_queue_insert); why it is dropped, where it is. */
function enqueue(q: PendingFragment, given: Uint8Array, from: number, mf: boolean, v6: boolean): Refused | undefined {
  // What is not the last is cut to a multiple of eight.
  const body = mf ? given.subarray(0, given.length & ~7) : given;
  const to = from + body.length;
  if (mf ? to > q.end && q.last : to < q.end || (q.last && to !== q.end))
    return { code: 'fragment-end', say: 'The fragment does not fit the end of the packet.', kills: !v6 };
  if (!mf) q.last = true;
  q.end = Math.max(q.end, to);
  if (body.length === 0) return { code: 'fragment-empty', say: 'The fragment carries nothing.', kills: !v6 };
  const tail = q.runs.at(-1);
  const hit = q.runs.find((r) => from < r.to && r.from < to);
  if (hit !== undefined) {
    // What lies within fragments that came one after the other is there already; any other overlap ends the packet (RFC 5722).
    return from >= hit.from && to <= hit.to
      ? { code: 'fragment-twice', say: 'The fragment is there already.', kills: false }
      : { code: 'fragment-overlap', say: 'The fragment overlaps another.', kills: true };
  }
  q.parts.set(from, body);
  if (tail !== undefined && tail.to === from) q.runs = [...q.runs.slice(0, -1), { from: tail.from, to }];
  else q.runs = [...q.runs, { from, to }].toSorted((a, b) => a.from - b.from);
  return undefined;
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

/** Where the fragment header goes, behind what each hop reads, and the place of the number that names it (ip6_find_1stfragopt). */
function firstOption({ data }: Skb): { readonly at: number; readonly link: number } {
  let at = 40;
  let link = 6;
  for (let routed = false; at + 8 <= data.length; ) {
    const next = data[link] ?? 59;
    if (next !== 0 && next !== 43 && (next !== 60 || routed)) break;
    routed ||= next === 43;
    link = at;
    at += ((data[at + 1] ?? 0) + 1) * 8;
  }
  return { at, link };
}

/** The packets that a large or reassembled packet leaves in. `limit` is the largest in bytes. */
export function splitFragments(skb: Skb, limit: number): readonly Uint8Array[] {
  // IPv4 refragments whatever was put together (ip_finish_output), IPv6 what is larger than its largest fragment
  // (__ip6_finish_output): an atomic fragment leaves without its header.
  if (skb.family === 'arp' || (skb.data.length <= limit && (skb.family === 'ip6' || skb.fragSize === undefined)))
    return [skb.data];
  const v6 = skb.family === 'ip6';
  const { at: unfragmentable, link } = v6 ? firstOption(skb) : { at: skb.headers.thoff, link: 6 };
  const body = skb.data.subarray(unfragmentable);
  // What is cut up anew in IPv6 is cut no smaller than this (ip6_fragment: IPV6_MIN_MTU).
  const size = v6 && skb.fragSize !== undefined ? Math.max(limit, 1280) : limit;
  const most = size - unfragmentable - (v6 ? 8 : 0);
  // Fragments that still fit leave as they came (ip_do_fragment, ip6_fragment: the fast path over frag_list).
  const parts = skb.fragParts ?? [];
  // The look for a socket needs the header of TCP in one piece, which is none of eights then (tcp_v4_early_demux, tcp_v6_early_demux).
  const pulled = skb.headers.l4proto === PROTO.tcp && !skb.local && (parts[0] ?? 0) < 20;
  // Nor does the frame of a later fragment hold more than the headers that it had (skb_headroom; of a veth it is no larger).
  const fits = (skb.fragRoom ?? 0) >= unfragmentable + (v6 ? 8 : 0);
  const kept =
    fits &&
    !pulled &&
    parts.reduce((n, l) => n + l, 0) === body.length &&
    parts.every((l) => l <= limit - unfragmentable);
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < body.length; i++) {
    // All but the last are multiples of eight (ip_frag_next, ip6_frag_next).
    const cut = body.length - at <= most ? most : most & ~7;
    const part = body.subarray(at, at + (kept ? (parts[i] ?? cut) : cut));
    const last = at + part.length >= body.length;
    const frame = new Uint8Array(unfragmentable + (v6 ? 8 : 0) + part.length);
    frame.set(skb.data.subarray(0, unfragmentable));
    if (v6) {
      frame[unfragmentable] = skb.data[link] ?? 59;
      frame[link] = 44;
      putBytes(frame, unfragmentable + 2, 2, at | (last ? 0 : 1));
      putBytes(frame, 4, 2, frame.length - 40);
    } else {
      putBytes(frame, 2, 2, frame.length);
      // Fragments that leave as they came lose the flag (ip_fraglist_prepare, ip_frag_next).
      putBytes(frame, 6, 2, (kept ? 0 : u16(skb.data, 6) & DF) | (at >> 3) | (last ? 0 : 0x2000));
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
