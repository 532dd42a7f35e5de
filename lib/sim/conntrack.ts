/** Connection tracking at prerouting and output, and confirmation (net/netfilter/nf_conntrack_core.c). */
import { isIcmpError, parseHeaders, u16, u32, u128 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Hook } from '../nft/model';
import {
  type Conn,
  type Direction,
  invertTuple,
  newConn,
  STATUS,
  sameExpectation,
  sameTuple,
  statusNames,
  type Tuple,
  toEntry,
  tracksPorts,
  zoneId,
} from './conntrack-state';
import type { Run } from './environment';
import { chooseInitialNumber } from './initial-number';
import { trackSctp } from './sctp-tracking';
import { sysctl } from './settings';
import { destinationOf, headerSumWrong, markVerified, type Skb, transportChecksumWrong } from './skb';
import { trackTcp } from './tcp-tracking';
import type { CtView } from './trace';

/** The tuple of a packet given as bytes; undefined where it cannot be told. */
export function tupleOf(data: Uint8Array, family: 'ip' | 'ip6'): Tuple | undefined {
  const h = parseHeaders(data, family);
  if (h.l4proto === undefined || h.fragOff > 0) return undefined;
  const at = h.thoff;
  const base = {
    src: family === 'ip' ? u32(data, 12) : u128(data, 8),
    dst: family === 'ip' ? u32(data, 16) : u128(data, 24),
    protocol: h.l4proto,
    sport: 0,
    dport: 0,
    icmpType: 0,
    icmpCode: 0,
  };
  if (tracksPorts(h.l4proto)) {
    if (data.length < at + 4) return undefined;
    return { ...base, sport: u16(data, at), dport: u16(data, at + 2) };
  }
  if ((h.l4proto === PROTO.icmp && family === 'ip') || (h.l4proto === PROTO.icmpv6 && family === 'ip6')) {
    if (data.length < at + 8) return undefined;
    const type = data[at] ?? 0;
    return { ...base, sport: u16(data, at + 4), icmpType: type, icmpCode: data[at + 1] ?? 0 };
  }
  return base;
}

/** How a packet stands with conntrack, for a step. */
export function ctView(skb: Skb): CtView | undefined {
  const { ct } = skb;
  if (ct === undefined) return skb.untracked ? { state: 'untracked' } : undefined;
  const status = statusNames(ct.status);
  return {
    state: skb.ctState ?? 'new',
    direction: skb.ctDir,
    ...(status.length > 0 ? { status } : {}),
    ...(ct.mark === 0 ? {} : { mark: ct.mark }),
    ...(zoneId(ct.zone) === 0 ? {} : { zone: zoneId(ct.zone) }),
    entry: toEntry(ct),
  };
}

/** A switch of conntrack whose default hardly anybody changes (net/netfilter/nf_conntrack_standalone.c). */
function switchedOn(run: Run, name: string, fallback: boolean): boolean {
  const v = sysctl(run, `net.netfilter.${name}`);
  return v === undefined ? fallback : v !== '0';
}

/**
 * Looks the packet up, or makes an entry for it. Does nothing for packets that have one, or are untracked. False where the kernel
 * drops the packet, because the table is full.
 */
export function conntrackIn(run: Run, skb: Skb, hook: Hook): boolean {
  if (skb.untracked || skb.family === 'arp') return true;
  if (skb.ct !== undefined) {
    if (!(skb.ct.status & STATUS.template)) return true;
    skb.ct = undefined;
    skb.ctState = undefined;
  }
  const say = look(run, skb, skb.family, hook);
  // A zone set before is used up by this look (nf_conntrack_in: the template).
  skb.zone = 0;
  if (say === FULL) return false;
  run.steps?.push({ kind: 'conntrack', skb: skb.id, hook, ct: ctView(skb) ?? { state: 'invalid' }, say });
  return true;
}

/** Protocols whose checksum conntrack tests whole. */
const VERIFIED: ReadonlySet<number> = new Set([PROTO.tcp, PROTO.udp, PROTO.icmp, PROTO.icmpv6, PROTO.sctp]);

/** udp_error(), udplite_error(): the header is cut short, or names a length that cannot be; UDP-Lite must have a checksum. */
function datagramBad({ data, headers }: Skb, lite: boolean): boolean {
  const at = headers.thoff;
  const length = data.length - at;
  if (length < 8) return true;
  const said = u16(data, at + 4);
  if (lite && said === 0) return u16(data, at + 6) === 0;
  return said > length || said < 8 || (lite && u16(data, at + 6) === 0);
}

function look(run: Run, skb: Skb, family: 'ip' | 'ip6', hook: Hook): string {
  const proto = skb.headers.l4proto;
  const at = skb.headers.thoff;
  // Nor can one be told where nothing follows the headers (get_l4proto: ipv6_skip_exthdr).
  if (proto === undefined || (family === 'ip6' && proto === PROTO.nonxt)) return 'invalid: the headers are malformed';
  if (family === 'ip6' && proto === PROTO.ah)
    return run.undecided(
      'authentication-header',
      'Connections of what lies behind an authentication header are not modelled.',
      'Assume the state of the connection.',
    );
  if ((proto === PROTO.udp || proto === PROTO.udplite) && datagramBad(skb, proto === PROTO.udplite))
    return 'invalid: the length in the header does not fit';
  const checksums = hook === 'prerouting' && switchedOn(run, 'nf_conntrack_checksum', true);
  // For UDP-Lite the kernel checks against the pseudo header of UDP (nf_conntrack_proto_udp.c), so a right checksum fails.
  if (checksums && (proto === PROTO.udplite || transportChecksumWrong(skb)))
    return 'invalid: the transport checksum is wrong';
  if (checksums && VERIFIED.has(proto) && !(proto === PROTO.udp && u16(skb.data, at + 6) === 0)) {
    // The sum is made over all of an IPv4 packet: a wrong one of its header is noticed too (__skb_checksum_complete).
    if (family === 'ip' && proto !== PROTO.sctp && skb.verified === undefined && headerSumWrong(skb))
      return 'invalid: the checksum of the IPv4 header is wrong';
    markVerified(skb);
  }
  const icmp = (proto === PROTO.icmp && family === 'ip') || (proto === PROTO.icmpv6 && family === 'ip6');
  if (icmp) {
    const type = skb.data[at] ?? 0;
    if (skb.data.length < at + 8) return 'invalid: the ICMP header is cut short';
    if (proto === PROTO.icmpv6 && ((type >= 130 && type <= 136) || [143, 151, 152].includes(type))) {
      skb.untracked = true;
      return 'not tracked: neighbour discovery and messages about multicast listeners and routers never are';
    }
    if (isIcmpError(proto, type)) return lookError(run, skb, family);
    if (proto === PROTO.icmp && type > 18) return 'invalid: unknown ICMP type';
  }
  const tuple = tupleOf(skb.data, family);
  if (tuple === undefined) return 'invalid: no tuple can be read';
  for (let round = 0; round < 2; round++) {
    const hit = run.state.ct.find(tuple, skb.zone);
    let ct: Conn;
    let dir: Direction;
    if (hit === undefined) {
      const made = create(run, skb, family, tuple);
      if (typeof made === 'string') return made;
      ct = made;
      dir = 'original';
    } else ({ conn: ct, dir } = hit);
    let counted = true;
    if (proto === PROTO.tcp) {
      const acks = ((skb.data[at + 13] ?? 0) & 16) !== 0;
      if (skb.data.length >= at + 20)
        chooseInitialNumber(run, ct, dir, u32(skb.data, at + 4), acks ? u32(skb.data, at + 8) : undefined);
      const verdict = trackTcp(ct, dir, skb, {
        loose: switchedOn(run, 'nf_conntrack_tcp_loose', true),
        liberal: switchedOn(run, 'nf_conntrack_tcp_be_liberal', false),
      });
      if (ct.base !== undefined)
        run.assume('tcp-window', 'Sequence numbers of captured TCP connections are taken to be in the window.');
      if (verdict === 'invalid') return 'invalid: the TCP flags or sequence numbers do not fit';
      if (verdict === 'repeat') {
        run.state.ct.remove(ct);
        continue;
      }
      if (verdict === 'kill') run.state.ct.remove(ct);
      counted = verdict !== 'uncounted';
    }
    if (proto === PROTO.sctp) {
      if (ct.base !== undefined)
        run.assume('sctp-tag', 'The verification tags of captured SCTP associations are taken to fit.');
      const verdict = trackSctp(ct, dir, skb);
      if (verdict === 'invalid') return 'invalid: the SCTP chunks or the verification tag do not fit';
      counted = verdict !== 'uncounted';
    }
    attach(skb, ct, dir);
    if (counted) {
      ct.packets[dir]++;
      ct.bytes[dir] += skb.data.length;
    }
    // GRE that was seen both ways is no probe (nf_conntrack_gre_packet).
    if (proto === PROTO.gre) {
      const both = (ct.status & STATUS.seenReply) !== 0;
      if (both) ct.status |= STATUS.assured;
      ct.lifetime = both ? 180 : 30;
    }
    // So is UDP-Lite, at once; UDP is one for its first two seconds (nf_conntrack_udplite_packet, nf_conntrack_udp_packet).
    if (proto === PROTO.udplite && (ct.status & STATUS.seenReply) !== 0) ct.status |= STATUS.assured;
    if (dir === 'reply') ct.status |= STATUS.seenReply;
    if (hit !== undefined) return `found in ${dir} direction`;
    return run.p.world.conntrack.known
      ? 'no entry for this tuple: a new connection'
      : 'the connection table was not captured: taken to be a new connection';
  }
  return 'invalid: the entry was reopened twice';
}

function attach(skb: Skb, ct: Conn, dir: Direction): void {
  skb.ct = ct;
  skb.ctDir = dir;
  skb.ctState =
    dir === 'reply' || ct.status & STATUS.seenReply ? 'established' : ct.status & STATUS.expected ? 'related' : 'new';
}

function create(run: Run, skb: Skb, family: 'ip' | 'ip6', tuple: Tuple): Conn | string {
  const reply = invertTuple(tuple);
  if (reply === undefined) return 'invalid: this ICMP type opens no connection';
  if (tuple.protocol === PROTO.icmp && ![8, 13, 15, 17].includes(tuple.icmpType))
    return 'invalid: an ICMP answer without its question';
  if (tuple.protocol === PROTO.icmpv6 && ![128, 139].includes(tuple.icmpType))
    return 'invalid: an ICMPv6 answer without its question';
  if (isFull(run)) return FULL;
  const made = newConn(family, skb.zone, tuple, reply);
  const master = run.state.ct.expecting(tuple, skb.zone);
  if (master !== undefined) {
    made.status |= STATUS.expected;
    made.mark = master.mark;
    made.markUnknown = master.markUnknown;
    made.masterHelper = master.helper;
    master.expects = master.expects?.filter((e) => !sameExpectation(e, tuple)) ?? [];
  }
  return made;
}

/** No entry could be made: the packet is dropped. */
const FULL = 'full';

/**
 * __nf_conntrack_alloc(): over nf_conntrack_max the kernel looks in a few hash buckets for an entry that is not assured, to make
 * room (early_drop), and drops the packet where it finds none.
 */
function isFull(run: Run): boolean {
  const { conntrack } = run.p.world;
  if (!conntrack.known)
    run.assume(
      'conntrack-unknown',
      'The connection table was not captured; the packet is taken to belong to none of its entries.',
    );
  const max = Number(sysctl(run, 'net.netfilter.nf_conntrack_max') ?? 0);
  const count = Math.max(run.state.ct.size, Number(sysctl(run, 'net.netfilter.nf_conntrack_count') ?? 0));
  if (max === 0 || count < max) return false;
  const evictable = conntrack.known ? conntrack.value.filter((e) => !e.status.includes('assured')).length : undefined;
  if (evictable === 0 && conntrack.known && conntrack.value.length >= max) return true;
  return run.undecided(
    'conntrack-full',
    `The connection table is full (${count} entries, net.netfilter.nf_conntrack_max ${max}): the kernel drops a new connection unless one of the ${evictable === undefined ? '' : `${evictable} `}entries that are not assured lies near its place in the table.`,
    'Raise net.netfilter.nf_conntrack_max, or assume that there is room.',
  );
}

/** An ICMP error: it belongs to the connection of the packet it quotes. */
function lookError(run: Run, skb: Skb, family: 'ip' | 'ip6'): string {
  const quoted = skb.data.subarray(skb.headers.thoff + 8);
  if (quoted.length < (family === 'ip' ? 20 : 40)) return 'invalid: the quoted packet is cut short';
  const inner = tupleOf(quoted, family);
  const inverse = inner === undefined ? undefined : invertTuple(inner);
  if (inverse === undefined) return 'invalid: the quoted packet has no tuple';
  const hit = run.state.ct.find(inverse, skb.zone);
  if (hit === undefined) return 'invalid: the quoted packet belongs to no connection';
  if (hit.conn[hit.dir].dst !== destinationOf(skb))
    return 'invalid: the error goes to another host than the quoted packet came from';
  skb.ct = hit.conn;
  skb.ctDir = hit.dir;
  skb.ctState = 'related';
  return `an error about a packet of the ${hit.dir === 'original' ? 'reply' : 'original'} direction`;
}

/** Attaches a packet made in answer to another to that one's connection (nf_conntrack_attach). */
export function attachAnswer(answer: Skb, cause: Skb): void {
  if (cause.ct === undefined) return;
  answer.ct = cause.ct;
  answer.ctDir = cause.ctDir === 'original' ? 'reply' : 'original';
  answer.ctState = 'related';
  // A zone that was not asked for yet goes along.
  if (cause.ct.status & STATUS.template) answer.zone = cause.zone;
}

/** Stores the connection when its first packet has passed the last hook. `false`: lost a race against an equal tuple, dropped. */
export function confirm(run: Run, skb: Skb): boolean {
  const { ct } = skb;
  if (ct === undefined || ct.status & STATUS.confirmed || skb.ctDir !== 'original') return true;
  if (ct.status & STATUS.dying) return false;
  const { ct: table } = run.state;
  // A port that chance picks is one that nobody has.
  const chosen = ct.random.src || ct.random.dst;
  const held = table.holder(ct.original, ct.zone, 'original')?.conn;
  if (held !== undefined || (!chosen && table.holder(ct.reply, ct.zone, 'reply') !== undefined)) {
    if (held !== undefined && sameTuple(held.original, ct.original)) {
      skb.ct = held;
      return true;
    }
    return false;
  }
  ct.status |= STATUS.confirmed;
  table.add(ct);
  return true;
}
