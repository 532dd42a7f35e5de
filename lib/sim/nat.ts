/** Network address translation (net/netfilter/nf_nat_core.c, nf_nat_proto.c): choosing a mapping, and rewriting packets by it. */

import { formatAddress } from '../net/address';
import { putBytes, storeTransportChecksum } from '../net/build-packet';
import { isIcmpError, parseHeaders } from '../net/headers';
import { jhash2, reciprocalScale } from '../net/jhash';
import { PROTO } from '../net/protocols';
import type { Hook, RuleRef } from '../nft/model';
import type { IpValue } from '../world/world';
import {
  type Conn,
  invertTuple,
  type PortRange,
  STATUS,
  sameTuple,
  type Tuple,
  tracksPorts,
  zoneId,
} from './conntrack-state';
import type { Run } from './environment';
import { destinationOf, keepVerified, newSkb, type Skb, sourceOf, writeNetwork, writeTransport } from './skb';
import type { FieldDiff } from './trace';

export type Manip = 'src' | 'dst';

export interface NatRange {
  readonly minAddr: IpValue | undefined;
  readonly maxAddr: IpValue | undefined;
  readonly minPort: number | undefined;
  readonly maxPort: number | undefined;
  readonly random: boolean;
  readonly fullyRandom: boolean;
  readonly persistent: boolean;
  /** `prefix`: keep the host bits. */
  readonly netmap: boolean;
}

export const manipOf = (hook: Hook): Manip => (hook === 'postrouting' || hook === 'input' ? 'src' : 'dst');
const doneBit = (manip: Manip): number => (manip === 'src' ? STATUS.srcNatDone : STATUS.dstNatDone);
export const isBound = (ct: Conn, manip: Manip): boolean => (ct.status & doneBit(manip)) !== 0;

const isIcmp = (t: Tuple): boolean => t.protocol === PROTO.icmp || t.protocol === PROTO.icmpv6;

function taken(run: Run, t: Tuple, ct: Conn): boolean {
  const reply = invertTuple(t);
  if (reply === undefined) return false;
  const hit = run.state.ct.holder(reply, ct.zone, 'reply');
  // The same flow again is no clash.
  return hit !== undefined && hit.conn !== ct && !sameTuple(hit.conn.original, ct.original);
}

function addressInRange(t: Tuple, manip: Manip, r: NatRange): boolean {
  if (r.minAddr === undefined) return true;
  const v = t[manip];
  return v >= r.minAddr && v <= (r.maxAddr ?? r.minAddr);
}

function portInRange(t: Tuple, manip: Manip, r: NatRange): boolean {
  if (r.minPort === undefined) return true;
  const v = isIcmp(t) ? t.sport : manip === 'src' ? t.sport : t.dport;
  return v >= r.minPort && v <= (r.maxPort ?? r.minPort);
}

/** An address as the words of memory hold it, on a little-endian machine. */
function words(v: IpValue): number[] {
  if (typeof v === 'number') return [swap32(v)];
  return [96n, 64n, 32n, 0n].map((shift) => swap32(Number((v >> shift) & 0xffffffffn)));
}

/**
 * find_best_ips_proto(): the address out of a range, by a hash of the client's; after each word that of the target is mixed in, which
 * for a destination is the new one already.
 */
function pickAddress(t: Tuple, manip: Manip, r: NatRange, zone: number): Tuple {
  if (r.minAddr === undefined) return t;
  const max = r.maxAddr ?? r.minAddr;
  if (r.minAddr === max) return { ...t, [manip]: r.minAddr };
  const [low, high, dst] = [words(r.minAddr), words(max), words(t.dst)];
  const source = words(t.src);
  while (source.length < 4) source.push(0);
  let j = jhash2(source, r.persistent ? 0 : ((dst.at(-1) ?? 0) ^ zone) >>> 0) >>> 0;
  let full = false;
  let picked = 0n;
  for (const [i, last] of high.entries()) {
    const from = full ? 0 : swap32(low[i] ?? 0);
    const distance = full ? 0xffffffff : (swap32(last) - from + 1) >>> 0;
    const word = (from + reciprocalScale(j, distance)) >>> 0;
    picked = (picked << 32n) | BigInt(word);
    if (word !== swap32(last)) full = true;
    if (!r.persistent) j = (j ^ (manip === 'dst' ? swap32(word) : (dst[i] ?? 0))) >>> 0;
  }
  return { ...t, [manip]: typeof max === 'number' ? Number(picked) : picked };
}

const swap32 = (v: number): number =>
  (((v & 255) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;

interface Picked {
  readonly tuple: Tuple;
  readonly randomPort: boolean;
  /** Where a port of chance lies. */
  readonly range?: PortRange | undefined;
}

function uniqueTuple(run: Run, orig: Tuple, r: NatRange, ct: Conn, manip: Manip): Picked {
  const anyPort = r.random || r.fullyRandom;
  if (manip === 'src' && !anyPort) {
    if (addressInRange(orig, 'src', r) && portInRange(orig, 'src', r)) {
      if (!taken(run, orig, ct)) return { tuple: orig, randomPort: false };
    } else {
      for (const other of run.state.ct.ofSource(ct.original, ct.zone)) {
        if (!(other.status & STATUS.srcNatDone) || other.original.src !== ct.original.src) continue;
        const candidate: Tuple = {
          ...orig,
          src: other.reply.dst,
          sport: isIcmp(orig) ? other.reply.sport : other.reply.dport,
        };
        if (addressInRange(candidate, 'src', r) && portInRange(candidate, 'src', r) && !taken(run, candidate, ct))
          return { tuple: candidate, randomPort: other.random.src, range: other.ports.src };
      }
    }
  }
  const t = pickAddress(orig, manip, r, zoneId(ct.zone));
  if (!anyPort) {
    if (r.minPort !== undefined) {
      if (portInRange(t, manip, r) && (r.minPort === r.maxPort || !taken(run, t, ct)))
        return { tuple: t, randomPort: false };
    } else if (!taken(run, t, ct)) return { tuple: t, randomPort: false };
  }
  // nf_nat_l4proto_unique_tuple()
  if (isIcmp(t)) {
    const min = r.minPort ?? 0;
    const size = (r.maxPort ?? 65535) - min + 1;
    // Towards a destination the ids are tried from the first on, elsewhere from one of chance on (find_free_id).
    if (manip === 'dst' && !anyPort)
      for (let i = 0; i < Math.min(size, 128); i++) {
        const candidate = { ...t, sport: min + i };
        if (!taken(run, candidate, ct)) return { tuple: candidate, randomPort: false };
      }
    return size === 1
      ? { tuple: { ...t, sport: min }, randomPort: false }
      : byChance(run, t, ct, 'sport', min, min + size - 1);
  }
  if (!tracksPorts(t.protocol)) return { tuple: t, randomPort: false };
  const key = manip === 'src' ? 'sport' : 'dport';
  if (r.minPort === undefined)
    return manip === 'dst' ? { tuple: t, randomPort: false } : byChance(run, t, ct, 'sport', ...classOf(t.sport));
  const [low, high] = [Math.min(r.minPort, r.maxPort ?? r.minPort), Math.max(r.minPort, r.maxPort ?? r.minPort)];
  if (low === high) return { tuple: { ...t, [key]: low }, randomPort: false };
  if (anyPort || manip === 'src') return byChance(run, t, ct, key, low, high);
  for (let port = low; port <= high; port++) {
    const candidate = { ...t, [key]: port };
    if (!taken(run, candidate, ct)) return { tuple: candidate, randomPort: false };
  }
  return { tuple: { ...t, [key]: low }, randomPort: false };
}

/** Where nf_nat_l4proto_unique_tuple() looks for another port than this one. */
const classOf = (port: number): readonly [number, number] =>
  port < 512 ? [1, 511] : port < 1024 ? [600, 1023] : [1024, 65535];

function byChance(run: Run, t: Tuple, ct: Conn, key: 'sport' | 'dport', low: number, high: number): Picked {
  return { tuple: standIn(run, t, ct, key, low, high), randomPort: true, range: { low, high } };
}

/** A port that stands for one of chance: one that nobody has, so that the entry is found by it and hides no other. */
function standIn(run: Run, t: Tuple, ct: Conn, key: 'sport' | 'dport', low: number, high: number): Tuple {
  if (t[key] >= low && t[key] <= high && !taken(run, t, ct)) return t;
  for (let port = low; port <= high; port++) {
    const candidate = { ...t, [key]: port };
    if (!taken(run, candidate, ct)) return candidate;
  }
  return t;
}

/** nf_nat_setup_info(): binds one side of the connection. */
export function setupNat(run: Run, ct: Conn, range: NatRange, manip: Manip): void {
  if (ct.status & STATUS.confirmed || isBound(ct, manip)) return;
  const current = invertTuple(ct.reply) ?? ct.original;
  const picked = uniqueTuple(run, current, range, ct, manip);
  // Of an IPv4 prefix the kernel compares words that it never wrote: a destination is taken to change (nft_nat_setup_netmap).
  const mapped = range.netmap && manip === 'dst' && ct.family === 'ip';
  if (picked.randomPort || mapped || !sameTuple(picked.tuple, current)) {
    ct.reply = invertTuple(picked.tuple) ?? ct.reply;
    ct.status |= manip === 'src' ? STATUS.srcNat : STATUS.dstNat;
    if (picked.randomPort) ct.random[manip] = true;
    ct.ports[manip] = picked.range;
  }
  ct.status |= doneBit(manip);
}

/** Binds to what already is, as the kernel does for every connection no rule translated. */
export function nullBinding(run: Run, ct: Conn, hook: Hook): void {
  const manip = manipOf(hook);
  const addr = manip === 'src' ? ct.reply.dst : ct.reply.src;
  const range: NatRange = {
    minAddr: addr,
    maxAddr: addr,
    minPort: undefined,
    maxPort: undefined,
    random: false,
    fullyRandom: false,
    persistent: false,
    netmap: false,
  };
  setupNat(run, ct, range, manip);
}

const addressBytes = (v: IpValue): Uint8Array => {
  const b = new Uint8Array(typeof v === 'number' ? 4 : 16);
  putBytes(b, 0, b.length, v);
  return b;
};

/** Protocols whose header has to have its first eight bytes to be rewritten (nf_nat_proto.c). */
const WHOLE: ReadonlySet<number> = new Set([
  PROTO.tcp,
  PROTO.udp,
  PROTO.udplite,
  PROTO.sctp,
  PROTO.gre,
  PROTO.icmp,
  PROTO.icmpv6,
]);

/**
 * A header that is cut short cannot be rewritten, nor GRE of an unknown version, of which only the destination is: the packet is dropped
 * (l4proto_manip_pkt, gre_manip_pkt).
 */
function untranslatable(skb: Skb, manip: Manip): boolean {
  const { l4proto, thoff } = skb.headers;
  if (l4proto !== undefined && WHOLE.has(l4proto) && skb.data.length < thoff + 8) return true;
  return manip === 'dst' && l4proto === PROTO.gre && ((skb.data[thoff + 1] ?? 0) & 7) > 1;
}

/** Rewrites address and port of one side; tells `diffs`, where somebody listens, what changed. */
function rewrite(skb: Skb, manip: Manip, target: Tuple, randomPort: boolean, diffs?: FieldDiff[]): void {
  const family = skb.family === 'ip6' ? 'ip6' : 'ip';
  const before = manip === 'src' ? sourceOf(skb) : destinationOf(skb);
  const addr = target[manip];
  if (before !== addr) {
    const bytes = addressBytes(addr);
    writeNetwork(skb, (family === 'ip' ? 12 : 8) + (manip === 'src' ? 0 : bytes.length), bytes);
    keepVerified(skb);
    diffs?.push({
      field: `${family} ${manip === 'src' ? 'saddr' : 'daddr'}`,
      before: formatAddress(before),
      after: formatAddress(addr),
    });
  }
  const { l4proto, thoff, fragOff } = skb.headers;
  if (l4proto === undefined || fragOff > 0) return;
  const icmp = l4proto === PROTO.icmp || l4proto === PROTO.icmpv6;
  if (icmp ? isIcmpError(l4proto, skb.data[thoff] ?? 0) : !tracksPorts(l4proto)) return;
  const at = icmp ? 4 : manip === 'src' ? 0 : 2;
  if (skb.data.length < thoff + at + 2) return;
  const old = ((skb.data[thoff + at] ?? 0) << 8) | (skb.data[thoff + at + 1] ?? 0);
  const port = icmp ? target.sport : manip === 'src' ? target.sport : target.dport;
  const field = (): string =>
    icmp ? `${family === 'ip' ? 'icmp' : 'icmpv6'} id` : `th ${manip === 'src' ? 'sport' : 'dport'}`;
  if (randomPort) {
    skb.random[icmp || manip === 'src' ? 'sport' : 'dport'] = true;
    // The bytes hold the port of the entry, whatever rules wrote: what quotes the packet belongs to the entry.
    writeTransport(skb, at, Uint8Array.of(port >> 8, port & 255));
    diffs?.push({ field: field(), before: String(old), after: 'random' });
  } else if (old !== port) {
    writeTransport(skb, at, Uint8Array.of(port >> 8, port & 255));
    diffs?.push({ field: field(), before: String(old), after: String(port) });
  }
  if (!randomPort) skb.random[icmp || manip === 'src' ? 'sport' : 'dport'] = false;
}

/** nf_nat_packet(): rewrites the packet by its connection, if that side is translated. */
export function natPacket(run: Run, skb: Skb, ct: Conn, hook: Hook, by: RuleRef | 'entry'): boolean {
  const manip = manipOf(hook);
  let bit: number = manip === 'src' ? STATUS.srcNat : STATUS.dstNat;
  if (skb.ctDir === 'reply') bit ^= STATUS.srcNat | STATUS.dstNat;
  if (!(ct.status & bit)) return true;
  if (untranslatable(skb, manip)) return false;
  const target = invertTuple(skb.ctDir === 'original' ? ct.reply : ct.original) ?? ct.original;
  const random = skb.ctDir === 'original' && ct.random[manip];
  const diffs: FieldDiff[] | undefined = run.steps === undefined ? undefined : [];
  rewrite(skb, manip, target, random, diffs);
  if (diffs !== undefined && diffs.length > 0) run.steps?.push({ kind: 'nat', skb: skb.id, hook, manip, by, diffs });
  return true;
}

/** nf_nat_icmp_reply_translation(): rewrites the packet an ICMP error quotes, then the error itself. */
export function natIcmpError(run: Run, skb: Skb, ct: Conn, hook: Hook): void {
  const manip = manipOf(hook);
  let bit: number = manip === 'src' ? STATUS.srcNat : STATUS.dstNat;
  if (skb.ctDir === 'reply') bit ^= STATUS.srcNat | STATUS.dstNat;
  if (!(ct.status & bit)) return;
  const family = skb.family === 'ip6' ? 'ip6' : 'ip';
  const at = skb.headers.thoff + 8;
  const inner = newSkb(skb.id, skb.role, family, skb.data.slice(at));
  // The quoted packet went the other way: its other side is translated back.
  rewrite(inner, manip === 'src' ? 'dst' : 'src', skb.ctDir === 'original' ? ct.reply : ct.original, false);
  skb.data.set(inner.data, at);
  const outer = invertTuple(skb.ctDir === 'original' ? ct.reply : ct.original) ?? ct.original;
  const diffs: FieldDiff[] = [];
  rewrite(skb, manip, outer, false, diffs);
  storeTransportChecksum(skb.data, family, skb.headers.l4proto ?? 0, skb.headers.thoff);
  skb.headers = parseHeaders(skb.data, family);
  if (diffs.length > 0) run.steps?.push({ kind: 'nat', skb: skb.id, hook, manip, by: 'entry', diffs });
}
