/** Tracked connections: tuples, entries, and the table that a run changes without touching the captured one. */

import { hasPorts, PROTO } from '../net/protocols';
import type { CtEntry, CtTuple, IpValue } from '../world/world';
import type { Unknown } from './value';

/** Bits of ct->status (include/uapi/linux/netfilter/nf_conntrack_common.h). */
export const STATUS = {
  expected: 1,
  seenReply: 2,
  assured: 4,
  confirmed: 8,
  srcNat: 16,
  dstNat: 32,
  seqAdjust: 64,
  srcNatDone: 128,
  dstNatDone: 256,
  dying: 512,
  template: 2048,
  helper: 8192,
  offload: 16384,
} as const;

const STATUS_NAMES: readonly (readonly [number, string])[] = [
  [STATUS.expected, 'expected'],
  [STATUS.seenReply, 'seen-reply'],
  [STATUS.assured, 'assured'],
  [STATUS.confirmed, 'confirmed'],
  [STATUS.srcNat, 'src-nat'],
  [STATUS.dstNat, 'dst-nat'],
  [STATUS.seqAdjust, 'seq-adjust'],
  [STATUS.srcNatDone, 'src-nat-done'],
  [STATUS.dstNatDone, 'dst-nat-done'],
  [STATUS.helper, 'helper'],
  [STATUS.offload, 'offload'],
];
const STATUS_BITS: ReadonlyMap<string, number> = new Map([
  ...STATUS_NAMES.map(([bit, name]): [string, number] => [name, bit]),
  ['snat', STATUS.srcNat],
  ['dnat', STATUS.dstNat],
]);

export const statusNames = (bits: number): readonly string[] =>
  STATUS_NAMES.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);

export type Direction = 'original' | 'reply';

/** One direction of a connection. For ICMP `sport` is the id; `dport` is unused and type and code stand apart. */
export interface Tuple {
  readonly src: IpValue;
  readonly dst: IpValue;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

const ICMP_REPLY = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const ICMP6_REPLY = new Map([
  [128, 129],
  [129, 128],
  [139, 140],
  [140, 139],
]);

/** The ICMP type that answers another; undefined where conntrack knows none. */
function icmpReplyType(protocol: number, type: number): number | undefined {
  return (protocol === PROTO.icmp ? ICMP_REPLY : ICMP6_REPLY).get(type);
}

/** The tuple of the answer (nf_ct_invert_tuple); undefined for ICMP types without one. */
export function invertTuple(t: Tuple): Tuple | undefined {
  if (t.protocol === PROTO.icmp || t.protocol === PROTO.icmpv6) {
    const type = icmpReplyType(t.protocol, t.icmpType);
    return type === undefined ? undefined : { ...t, src: t.dst, dst: t.src, icmpType: type };
  }
  return {
    src: t.dst,
    dst: t.src,
    protocol: t.protocol,
    sport: t.dport,
    dport: t.sport,
    icmpType: t.icmpType,
    icmpCode: t.icmpCode,
  };
}

/**
 * A zone that holds for one direction only (`ct original zone set`): the other one is in zone 0. Kept as a number: the zone, and above
 * its 16 bits the direction.
 */
export const zoneOf = (zone: number, dir: Direction | undefined): number =>
  zone + (dir === undefined ? 0 : dir === 'original' ? 0x10000 : 0x20000);
/** nf_ct_zone_id(): the zone as one direction has it; without a direction, its number. */
export const zoneId = (zone: number, dir?: Direction): number =>
  dir === undefined || zone < 0x10000 || zone >> 16 === (dir === 'original' ? 1 : 2) ? zone & 0xffff : 0;

const keyOf = (conn: Pick<Conn, 'original' | 'reply' | 'zone'>, dir: Direction): string =>
  tupleKey(conn[dir], zoneId(conn.zone, dir));

export const tupleKey = (t: Tuple, zone: number): string =>
  `${zone}|${t.protocol}|${typeof t.src === 'bigint' ? '6' : '4'}|${t.src}|${t.dst}|${t.sport}|${t.dport}|${t.icmpType}|${t.icmpCode}`;

/** True where conntrack tells connections of a protocol apart by ports. DCCP is one it does not know (any more, since Linux 6.16). */
export const tracksPorts = (protocol: number): boolean => hasPorts(protocol) && protocol !== PROTO.dccp;

export const sameTuple = (a: Tuple, b: Tuple): boolean =>
  a.src === b.src &&
  a.dst === b.dst &&
  a.protocol === b.protocol &&
  a.sport === b.sport &&
  a.dport === b.dport &&
  a.icmpType === b.icmpType &&
  a.icmpCode === b.icmpCode;

/** TCP window tracking of one direction (struct ip_ct_tcp_state). */
export interface TcpSide {
  end: number;
  maxEnd: number;
  maxWin: number;
  scale: number;
  /** Picked up in mid-stream: windows are not checked. */
  liberal: boolean;
  closeInit: boolean;
  maxAckSet: boolean;
  maxAck: number;
  /** It sent what was not acknowledged yet (IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED). */
  unacked?: boolean;
  /** It offered selective acknowledgements (IP_CT_TCP_FLAG_SACK_PERM). */
  sack?: boolean;
  /** It offered window scaling (IP_CT_TCP_FLAG_WINDOW_SCALE). */
  scaling?: boolean;
}

export interface TcpTracking {
  original: TcpSide;
  reply: TcpSide;
  /** Segments in a row that only said again what was said before. */
  retrans?: number;
  lastDir: Direction | undefined;
  /** syn 0, synack 1, fin 2, ack 3, rst 4, none 5. */
  lastIndex: number;
  lastSeq: number;
  lastAck: number;
  lastEnd: number;
  lastWin: number;
  /** What an ignored SYN offered. */
  lastScale: number | undefined;
  lastSack?: boolean;
  /** A SYN that was ignored may be answered by an acknowledgement of something else (IP_CT_EXP_CHALLENGE_ACK). */
  challenged?: boolean;
  /** Both ends opened it (IP_CT_TCP_SIMULTANEOUS_OPEN). */
  simultaneous?: boolean;
  /** Which half of all numbers the random one of a socket of this node is in has been chosen. */
  numberChosen?: boolean;
  /** It is in the other half: the socket's numbers are taken to be that much further on. */
  numberMoved?: boolean;
}

/** SCTP as conntrack follows it (struct ip_ct_sctp). Tags are those that packets of a direction carry. */
export interface SctpTracking {
  state: number;
  readonly tag: { original: number; reply: number };
  readonly init: { original: boolean; reply: boolean };
  /** Direction of a heartbeat whose tag was not the one known. */
  doubted: Direction | undefined;
}

/** A port of chance, between two bounds; comparisons narrow them. */
export interface PortRange {
  low: number;
  high: number;
}

export interface Conn {
  readonly family: 'ip' | 'ip6';
  readonly zone: number;
  original: Tuple;
  reply: Tuple;
  status: number;
  mark: number;
  /** Set where a rule wrote a mark that the capture does not show. */
  markUnknown?: Unknown | undefined;
  labels: bigint;
  helper: string | undefined;
  /** Name of the TCP state, `SYN_SENT`, …; undefined for other protocols. */
  tcpState: string | undefined;
  /** Window tracking; undefined for captured connections, whose windows nobody knows. */
  tcp: TcpTracking | undefined;
  /** SCTP; undefined for captured associations, whose tags nobody knows. */
  sctp?: SctpTracking;
  packets: { original: number; reply: number };
  bytes: { original: number; reply: number };
  /** Port or id of the translated side that the kernel picked by chance. */
  random: { src: boolean; dst: boolean };
  /** Where it lies, as far as rules that compared it leave open. */
  ports: { src?: PortRange | undefined; dst?: PortRange | undefined };
  /** Where it was captured from. */
  readonly base: CtEntry | undefined;
  /** Connection this one was expected by. */
  readonly timeout: number | undefined;
  /** Seconds it lives after its last packet, where its protocol has more than one answer. */
  lifetime?: number;
  /** Seconds by state, of the `ct timeout` that a rule gave it. */
  policy?: ReadonlyMap<string, number>;
  natOif: string | undefined;
  /** The helper of the connection that expected it. */
  masterHelper?: string | undefined;
  /** Connections that it expects. */
  expects?: readonly Expectation[];
}

/** A connection that another one expects: from any port (struct nf_conntrack_expect). */
export type Expectation = Pick<Tuple, 'src' | 'dst' | 'protocol' | 'dport'>;

export const sameExpectation = (a: Expectation, b: Expectation): boolean =>
  a.src === b.src && a.dst === b.dst && a.protocol === b.protocol && a.dport === b.dport;

export function newConn(family: 'ip' | 'ip6', zone: number, original: Tuple, reply: Tuple): Conn {
  return {
    family,
    zone,
    original,
    reply,
    status: 0,
    mark: 0,
    labels: 0n,
    helper: undefined,
    tcpState: undefined,
    tcp: undefined,
    packets: { original: 0, reply: 0 },
    bytes: { original: 0, reply: 0 },
    random: { src: false, dst: false },
    ports: {},
    base: undefined,
    timeout: undefined,
    natOif: undefined,
  };
}

/** What `ct zone set` hangs on a packet: no connection, only the zone (nft_ct_set_zone_eval). */
export function templateConn(family: 'ip' | 'ip6', zone: number): Conn {
  const none: Tuple = { src: 0, dst: 0, protocol: 0, sport: 0, dport: 0, icmpType: 0, icmpCode: 0 };
  return { ...newConn(family, zone, none, none), status: STATUS.confirmed | STATUS.template };
}

const cloneConn = (c: Conn): Conn => ({
  ...c,
  packets: { ...c.packets },
  bytes: { ...c.bytes },
  random: { ...c.random },
  ports: { src: c.ports.src && { ...c.ports.src }, dst: c.ports.dst && { ...c.ports.dst } },
  tcp: c.tcp === undefined ? undefined : { ...c.tcp, original: { ...c.tcp.original }, reply: { ...c.tcp.reply } },
  ...(c.sctp === undefined ? {} : { sctp: { ...c.sctp, tag: { ...c.sctp.tag }, init: { ...c.sctp.init } } }),
});

function fromEntryTuple(t: CtTuple): Tuple {
  const port = (p: number | 'random' | undefined): number => (typeof p === 'number' ? p : 0);
  return {
    src: t.src,
    dst: t.dst,
    protocol: t.protocol,
    sport: t.icmpId === undefined ? port(t.sport) : port(t.icmpId),
    dport: port(t.dport),
    icmpType: t.icmpType ?? 0,
    icmpCode: t.icmpCode ?? 0,
  };
}

function toEntryTuple(t: Tuple, random: { sport: boolean; dport: boolean }): CtTuple {
  if (t.protocol === PROTO.icmp || t.protocol === PROTO.icmpv6) {
    return {
      src: t.src,
      dst: t.dst,
      protocol: t.protocol,
      icmpId: random.sport || random.dport ? 'random' : t.sport,
      icmpType: t.icmpType,
      icmpCode: t.icmpCode,
    };
  }
  const ports =
    t.protocol === PROTO.tcp ||
    t.protocol === PROTO.udp ||
    t.protocol === PROTO.udplite ||
    t.protocol === PROTO.sctp ||
    t.protocol === PROTO.gre;
  return ports
    ? {
        src: t.src,
        dst: t.dst,
        protocol: t.protocol,
        sport: random.sport ? 'random' : t.sport,
        dport: random.dport ? 'random' : t.dport,
      }
    : { src: t.src, dst: t.dst, protocol: t.protocol };
}

/** The entry as conntrack(8) would list it. */
export function toEntry(c: Conn): CtEntry {
  return {
    family: c.family,
    original: toEntryTuple(c.original, { sport: false, dport: false }),
    reply: toEntryTuple(c.reply, { sport: c.random.dst, dport: c.random.src }),
    status: statusNames(c.status),
    ...(c.tcpState === undefined ? {} : { tcpState: c.tcpState }),
    mark: c.mark,
    zone: c.zone < 0x10000 ? c.zone : 0,
    ...(c.helper === undefined ? {} : { helper: c.helper }),
    ...(c.timeout === undefined ? {} : { timeout: c.timeout }),
    ...(c.labels === 0n ? {} : { labels: labelBits(c.labels) }),
  };
}

function labelBits(labels: bigint): readonly number[] {
  const bits: number[] = [];
  for (let i = 0; i < 128; i++) if ((labels >> BigInt(i)) & 1n) bits.push(i);
  return bits;
}

function fromEntry(e: CtEntry): Conn {
  const conn = newConn(e.family, e.zone, fromEntryTuple(e.original), fromEntryTuple(e.reply));
  conn.status = e.status.reduce<number>((bits, name) => bits | (STATUS_BITS.get(name) ?? 0), STATUS.confirmed);
  // A listing does not show the done bits; both sides of a confirmed entry are done wherever NAT is in use.
  conn.status |= STATUS.srcNatDone | STATUS.dstNatDone;
  conn.mark = e.mark;
  conn.labels = (e.labels ?? []).reduce((bits, bit) => bits | (1n << BigInt(bit)), 0n);
  conn.helper = e.helper;
  conn.tcpState = e.tcpState;
  return { ...conn, base: e, timeout: e.timeout };
}

interface Hit {
  readonly conn: Conn;
  readonly dir: Direction;
}

/** The captured table, indexed once per world. */
export class CtBase {
  readonly conns: readonly Conn[];
  readonly byTuple = new Map<string, Hit>();
  readonly bySource = new Map<string, Conn[]>();

  constructor(entries: readonly CtEntry[]) {
    this.conns = entries.map(fromEntry);
    for (const conn of this.conns) {
      this.byTuple.set(keyOf(conn, 'original'), { conn, dir: 'original' });
      this.byTuple.set(keyOf(conn, 'reply'), { conn, dir: 'reply' });
      const key = sourceKey(conn.original, conn.zone);
      const list = this.bySource.get(key);
      if (list === undefined) this.bySource.set(key, [conn]);
      else list.push(conn);
    }
  }
}

/** Connections of one client address and port, for the reuse of source mappings (net/netfilter/nf_nat_core.c, hash_by_src). */
const sourceKey = (t: Tuple, zone: number): string => `${zone}|${t.protocol}|${t.src}|${t.sport}`;

/** The table of one run: the captured one with this run's changes on top. */
export class CtTable {
  private readonly replaced = new Map<Conn, Conn | undefined>();
  private readonly added: Conn[] = [];
  private readonly byTuple = new Map<string, Hit>();
  /** What stands behind the stand-in for a port that chance picked. */
  private readonly behind = new Map<string, Hit>();

  constructor(private readonly base: CtBase) {}

  /** Set once a connection expects another. */
  anyExpected = false;

  /** The connection that expects one like this. */
  expecting(one: Expectation, zone: number): Conn | undefined {
    if (!this.anyExpected) return undefined;
    return this.all().find((conn) => conn.zone === zone && conn.expects?.some((e) => sameExpectation(e, one)) === true);
  }

  /** A table that starts where this one is; the two do not share changes. `map` translates entries held elsewhere. */
  fork(): CtTable {
    const copy = new CtTable(this.base);
    if (this.byTuple.size === 0 && this.replaced.size === 0 && this.added.length === 0 && this.behind.size === 0) {
      copy.anyExpected = this.anyExpected;
      return copy;
    }
    const seen = new Map<Conn, Conn>();
    const clone = (c: Conn): Conn => {
      const known = seen.get(c);
      if (known !== undefined) return known;
      const made = cloneConn(c);
      seen.set(c, made);
      return made;
    };
    for (const [from, to] of this.replaced) copy.replaced.set(from, to === undefined ? undefined : clone(to));
    for (const c of this.added) copy.added.push(clone(c));
    for (const [key, hit] of this.byTuple) copy.byTuple.set(key, { conn: clone(hit.conn), dir: hit.dir });
    copy.anyExpected = this.anyExpected;
    for (const [key, hit] of this.behind) copy.behind.set(key, { conn: clone(hit.conn), dir: hit.dir });
    return copy;
  }

  /** What differs from the captured table, as a text: equal texts, equal tables. */
  changes(): string {
    const told = (_: string, value: unknown): unknown =>
      typeof value === 'bigint' ? `${value}n` : value instanceof Map ? [...value] : value;
    const conns = [
      ...[...this.replaced].map(([from, to]) => [this.base.conns.indexOf(from), to && { ...to, base: undefined }]),
      ...this.added.map((conn) => ['added', { ...conn, base: undefined }]),
    ];
    return JSON.stringify([conns, [...this.behind].map(([key, { dir }]) => [key, dir]), this.anyExpected], told);
  }

  /** The entry a tuple belongs to, ready to be changed. In a zone of one direction an entry must fit by that of its tuple. */
  find(tuple: Tuple, zone: number): Hit | undefined {
    if (zone < 0x10000) return this.findKey(tupleKey(tuple, zone));
    for (const dir of ['original', 'reply'] as const) {
      const hit = this.findKey(tupleKey(tuple, zoneId(zone, dir)));
      if (hit?.dir === dir) return hit;
    }
    return undefined;
  }

  private findKey(key: string): Hit | undefined {
    const own = this.byTuple.get(key);
    if (own !== undefined) return own;
    const captured = this.base.byTuple.get(key);
    if (captured === undefined) return undefined;
    if (this.replaced.has(captured.conn)) {
      const conn = this.replaced.get(captured.conn);
      return conn === undefined ? undefined : { conn, dir: captured.dir };
    }
    const conn = cloneConn(captured.conn);
    this.replaced.set(captured.conn, conn);
    return { conn, dir: captured.dir };
  }

  /** What stands in the place that one direction of an entry would have: among those of that direction's zone. */
  holder(tuple: Tuple, zone: number, dir: Direction): Hit | undefined {
    const place = zoneId(zone, dir);
    const key = tupleKey(tuple, place);
    const hit = this.hasKey(key) ? this.findKey(key) : undefined;
    return hit !== undefined && zoneId(zone, hit.dir) === place ? hit : undefined;
  }

  private hasKey(key: string): boolean {
    if (this.byTuple.has(key)) return true;
    const captured = this.base.byTuple.get(key);
    return (
      captured !== undefined && !(this.replaced.has(captured.conn) && this.replaced.get(captured.conn) === undefined)
    );
  }

  add(conn: Conn): void {
    this.added.push(conn);
    this.byTuple.set(keyOf(conn, 'original'), { conn, dir: 'original' });
    const reply = keyOf(conn, 'reply');
    const held = this.byTuple.get(reply);
    if (held !== undefined && held.conn !== conn) this.behind.set(reply, held);
    this.byTuple.set(reply, { conn, dir: 'reply' });
  }

  private forget(key: string, conn: Conn): void {
    if (this.behind.get(key)?.conn === conn) this.behind.delete(key);
    if (this.byTuple.get(key)?.conn !== conn) return;
    const held = this.behind.get(key);
    this.behind.delete(key);
    if (held === undefined) this.byTuple.delete(key);
    else this.byTuple.set(key, held);
  }

  /** Sets the ports that chance picked, once they are known: `portsOf` gives those of the reply; undefined where it knows none. */
  settle(portsOf: (conn: Conn) => { readonly sport: number; readonly dport: number } | undefined): void {
    for (const conn of this.added) {
      const ports = conn.random.src || conn.random.dst ? portsOf(conn) : undefined;
      if (ports === undefined) continue;
      this.forget(keyOf(conn, 'reply'), conn);
      conn.reply = { ...conn.reply, ...ports };
      conn.random = { src: false, dst: false };
      this.byTuple.set(keyOf(conn, 'reply'), { conn, dir: 'reply' });
    }
  }

  remove(conn: Conn): void {
    conn.status |= STATUS.dying;
    for (const [from, to] of this.replaced) if (to === conn) this.replaced.set(from, undefined);
    const at = this.added.indexOf(conn);
    if (at >= 0) this.added.splice(at, 1);
    for (const dir of ['original', 'reply'] as const) this.forget(keyOf(conn, dir), conn);
  }

  /** Entries of one client address and port. */
  ofSource(tuple: Tuple, zone: number): readonly Conn[] {
    const key = sourceKey(tuple, zone);
    const captured = (this.base.bySource.get(key) ?? []).flatMap((c) =>
      this.replaced.has(c) ? (this.replaced.get(c) ?? []) : c,
    );
    return [...captured, ...this.added.filter((c) => sourceKey(c.original, c.zone) === key)];
  }

  all(): readonly Conn[] {
    const captured = this.base.conns.flatMap((c) => (this.replaced.has(c) ? (this.replaced.get(c) ?? []) : c));
    return [...captured, ...this.added];
  }

  get size(): number {
    let removed = 0;
    for (const to of this.replaced.values()) if (to === undefined) removed++;
    return this.base.conns.length - removed + this.added.length;
  }
}
