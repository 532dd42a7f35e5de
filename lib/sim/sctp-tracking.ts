/** SCTP as conntrack follows it: states and verification tags (net/netfilter/nf_conntrack_proto_sctp.c). */
import { u16, u32 } from '../net/headers';
import { type Conn, type Direction, type SctpTracking, STATUS } from './conntrack-state';
import type { Skb } from './skb';

const [NO, CL, CW, CE, ES, SS, SR, SA, HS] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const IV = 9;

const DATA = 0;
const INIT = 1;
const INIT_ACK = 2;
const HEARTBEAT = 4;
const HEARTBEAT_ACK = 5;
const ABORT = 6;
const SHUTDOWN = 7;
const SHUTDOWN_ACK = 8;
const ERROR = 9;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const SHUTDOWN_COMPLETE = 14;
/** The chunks of the rows of NEXT. */
const ROWS = [
  INIT,
  INIT_ACK,
  ABORT,
  SHUTDOWN,
  SHUTDOWN_ACK,
  ERROR,
  COOKIE_ECHO,
  COOKIE_ACK,
  SHUTDOWN_COMPLETE,
  HEARTBEAT,
  HEARTBEAT_ACK,
];

/** Next state by direction, chunk and state. */
const NEXT: Readonly<Record<Direction, readonly (readonly number[])[]>> = {
  original: [
    [CL, CL, CW, CE, ES, CL, CL, SA, CW],
    [CL, CL, CW, CE, ES, SS, SR, SA, CL],
    [CL, CL, CL, CL, CL, CL, CL, CL, CL],
    [CL, CL, CW, CE, SS, SS, SR, SA, CL],
    [SA, CL, CW, CE, ES, SA, SA, SA, SA],
    [CL, CL, CW, CE, ES, SS, SR, SA, CL],
    [CL, CL, CE, CE, ES, SS, SR, SA, CL],
    [CL, CL, CW, ES, ES, SS, SR, SA, CL],
    [CL, CL, CW, CE, ES, SS, SR, CL, CL],
    [HS, CL, CW, CE, ES, SS, SR, SA, HS],
    [CL, CL, CW, CE, ES, SS, SR, SA, HS],
  ],
  reply: [
    [IV, CL, CW, CE, ES, SS, SR, SA, IV],
    [IV, CW, CW, CE, ES, SS, SR, SA, IV],
    [IV, CL, CL, CL, CL, CL, CL, CL, IV],
    [IV, CL, CW, CE, SR, SS, SR, SA, IV],
    [IV, CL, CW, CE, ES, SA, SA, SA, IV],
    [IV, CL, CW, CL, ES, SS, SR, SA, IV],
    [IV, CL, CE, CE, ES, SS, SR, SA, IV],
    [IV, CL, CW, ES, ES, SS, SR, SA, IV],
    [IV, CL, CW, CE, ES, SS, SR, CL, IV],
    [IV, CL, CW, CE, ES, SS, SR, SA, HS],
    [IV, CL, CW, CE, ES, SS, SR, SA, ES],
  ],
};

/** Chunks that other chunks must not come with: before them, or at all. */
const ALONE: ReadonlySet<number> = new Set([INIT, INIT_ACK, SHUTDOWN_COMPLETE]);
const FIRST: ReadonlySet<number> = new Set([COOKIE_ACK, COOKIE_ECHO]);
/** Chunks that begin nothing. */
const NEVER_NEW: ReadonlySet<number> = new Set([ABORT, SHUTDOWN_COMPLETE, COOKIE_ACK]);
/** Chunks with a rule of their own about the tag. */
const OWN_TAG_RULE: ReadonlySet<number> = new Set([
  INIT,
  SHUTDOWN_COMPLETE,
  COOKIE_ECHO,
  ABORT,
  SHUTDOWN_ACK,
  HEARTBEAT,
  HEARTBEAT_ACK,
]);

interface Chunk {
  readonly type: number;
  readonly flags: number;
  /** The tag that an INIT or INIT_ACK asks for; undefined where it is cut short. */
  readonly asks: number | undefined;
}

/** for_each_sctp_chunk(); none where one of them has no length. */
function chunksOf({ data, headers }: Skb): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = headers.thoff + 12; data.length >= at + 4; ) {
    const length = u16(data, at + 2);
    if (length === 0) return [];
    chunks.push({
      type: data[at] ?? 0,
      flags: data[at + 1] ?? 0,
      asks: data.length >= at + 20 ? u32(data, at + 4) : undefined,
    });
    at += (length + 3) & ~3;
  }
  return chunks;
}

function nextState(dir: Direction, state: number, chunk: number): number {
  const row = ROWS.indexOf(chunk);
  return row < 0 ? state : (NEXT[dir][row]?.[state] ?? IV);
}

/** sctp_new() */
function begin(chunks: readonly Chunk[], tag: number): SctpTracking | undefined {
  const t: SctpTracking = {
    state: NO,
    tag: { original: 0, reply: 0 },
    init: { original: false, reply: false },
    doubted: undefined,
  };
  for (const c of chunks) {
    const state = nextState('original', NO, c.type);
    if (state === NO || state === IV) return undefined;
    if (c.type === INIT) {
      if (tag !== 0 || c.asks === undefined) return undefined;
      t.tag.reply = c.asks;
    } else if (c.type === HEARTBEAT) t.tag.original = tag;
    else if (c.type === SHUTDOWN_ACK) t.tag.reply = tag;
  }
  return t;
}

/** Seconds an entry lives in each state (sctp_timeouts). */
const LIFETIME = [0, 10, 3, 3, 210, 3, 3, 3, 30];

/** Follows one packet (nf_conntrack_sctp_packet). `invalid`: it gets no entry. `uncounted`: it passes and is not counted. */
export function trackSctp(ct: Conn, dir: Direction, skb: Skb): 'accept' | 'uncounted' | 'invalid' {
  const other: Direction = dir === 'original' ? 'reply' : 'original';
  const tag = u32(skb.data, skb.headers.thoff + 4);
  const chunks = chunksOf(skb);
  const has = (type: number): boolean => chunks.some((c) => c.type === type);
  // do_basic_checks()
  if (chunks.length === 0) return 'invalid';
  for (const [i, { type }] of chunks.entries()) {
    const alone = chunks.slice(0, i + 1).some((c) => ALONE.has(c.type));
    if (i > 0 && (alone || FIRST.has(type))) return 'invalid';
  }
  if (!(ct.status & STATUS.confirmed)) {
    if (chunks.some((c) => NEVER_NEW.has(c.type))) return 'invalid';
    const begun = begin(chunks, tag);
    if (begun === undefined) return 'invalid';
    ct.sctp = begun;
  }
  const t = ct.sctp;
  if (t === undefined) return 'accept';
  if (!chunks.some((c) => OWN_TAG_RULE.has(c.type)) && tag !== t.tag[dir]) return 'invalid';
  let ignored = false;
  for (const c of chunks) {
    const turned = (c.flags & 1) !== 0;
    switch (c.type) {
      case INIT:
        if (tag !== 0) return 'invalid';
        break;
      case ABORT:
      case SHUTDOWN_COMPLETE:
        if (tag !== t.tag[turned ? other : dir]) return 'invalid';
        break;
      case COOKIE_ECHO:
        if (tag !== t.tag[dir]) return 'invalid';
        break;
      case COOKIE_ACK:
        t.init.original = false;
        t.init.reply = false;
        break;
      case HEARTBEAT:
      case HEARTBEAT_ACK: {
        if (t.tag[dir] === 0) t.tag[dir] = tag;
        else if (tag === t.tag[dir]) t.doubted = undefined;
        else {
          if (has(DATA) || ignored) return 'invalid';
          if (c.type === HEARTBEAT) {
            t.doubted = dir;
            ignored = true;
            continue;
          }
          if (t.doubted === undefined || t.doubted === dir) return 'invalid';
          t.doubted = undefined;
          t.tag[dir] = tag;
          t.tag[other] = 0;
        }
        break;
      }
      default:
    }
    const next = nextState(dir, t.state, c.type);
    if (next === IV) return 'invalid';
    if (c.type === INIT) {
      if (c.asks === undefined) return 'invalid';
      if (t.init[dir] && t.init[other]) t.init[other] = false;
      t.init[dir] = true;
      t.tag[other] = c.asks;
      if (next === CL && t.state === CL && ct.status & STATUS.confirmed) ignored = true;
    } else if (c.type === INIT_ACK) {
      if (c.asks === undefined) return 'invalid';
      const known = t.tag[other];
      if (!t.init[other] && known !== 0 && known !== c.asks) return 'invalid';
      if (t.init[dir] && t.init[other] && known !== c.asks) return 'invalid';
      t.tag[other] = c.asks;
    }
    t.state = next;
  }
  if (ignored) return 'uncounted';
  ct.lifetime = LIFETIME[t.state] ?? 0;
  if (t.state === ES) ct.status |= STATUS.assured;
  return 'accept';
}
