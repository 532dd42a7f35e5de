/** TCP as conntrack follows it: states and windows (net/netfilter/nf_conntrack_proto_tcp.c). */
import { u16, u32 } from '../net/headers';
import { type Conn, type Direction, STATUS, type TcpSide, type TcpTracking } from './conntrack-state';
import type { Skb } from './skb';

const STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;
const [NO, SS, SR, ES, FW, CW, LA, TW, CL, S2] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const IV = 10;
const IG = 11;

/** Next state by direction, segment (syn, synack, fin, ack, rst, none) and state. */
const NEXT: Readonly<Record<Direction, readonly (readonly number[])[]>> = {
  original: [
    [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2],
    [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR],
    [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV],
    [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
  ],
  reply: [
    [IV, S2, IV, IV, IV, IV, IV, SS, IV, S2],
    [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR],
    [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG],
    [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
  ],
};

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const URG = 32;
const VALID_FLAGS = new Set([SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG]);
const SYN_SET = 0;
const RST_SET = 4;
const ACK_SET = 3;

interface Segment {
  readonly flags: number;
  readonly index: number;
  readonly seq: number;
  readonly ack: number;
  readonly end: number;
  readonly window: number;
}

function segmentOf(skb: Skb): Segment | undefined {
  const at = skb.headers.thoff;
  const doff = ((skb.data[at + 12] ?? 0) >> 4) * 4;
  if (skb.data.length < at + 20 || doff < 20 || skb.data.length < at + doff) return undefined;
  const flags = (skb.data[at + 13] ?? 0) & (FIN | SYN | RST | ACK | URG);
  if (!VALID_FLAGS.has(flags)) return undefined;
  const seq = u32(skb.data, at + 4);
  const length = skb.data.length - at - doff;
  const index =
    flags & RST ? RST_SET : flags & SYN ? (flags & ACK ? 1 : SYN_SET) : flags & FIN ? 2 : flags & ACK ? ACK_SET : 5;
  return {
    flags,
    index,
    seq,
    ack: u32(skb.data, at + 8),
    end: (seq + length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0)) >>> 0,
    window: u16(skb.data, at + 14),
  };
}

const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
const after = (a: number, b: number): boolean => before(b, a);
const emptySide = (): TcpSide => ({
  end: 0,
  maxEnd: 0,
  maxWin: 0,
  scale: 0,
  liberal: false,
  closeInit: false,
  maxAckSet: false,
  maxAck: 0,
});

/** Window scale option of a SYN; undefined when absent. */
function windowScale(skb: Skb): number | undefined {
  const at = skb.headers.thoff;
  const end = at + ((skb.data[at + 12] ?? 0) >> 4) * 4;
  let o = at + 20;
  while (o < end) {
    const kind = skb.data[o] ?? 0;
    if (kind === 0) return undefined;
    if (kind === 1) {
      o++;
      continue;
    }
    const len = skb.data[o + 1] ?? 0;
    if (len < 2) return undefined;
    if (kind === 3 && len === 3) return Math.min(skb.data[o + 2] ?? 0, 14);
    o += len;
  }
  return undefined;
}

function initSender(sender: TcpSide, receiver: TcpSide, skb: Skb, s: Segment, dir: Direction): void {
  sender.end = s.end;
  sender.maxEnd = s.end;
  sender.maxWin = s.window === 0 ? 1 : s.window;
  const scale = windowScale(skb);
  sender.scale = scale ?? 0;
  // Both ends must offer scaling for it to hold.
  if (dir === 'reply' && scale === undefined) receiver.scale = 0;
  if (dir === 'reply' && scale !== undefined && receiver.scale === 0) sender.scale = 0;
}

type Window = 'accept' | 'ignore' | 'invalid';

function inWindow(track: TcpTracking, dir: Direction, state: number, skb: Skb, s: Segment, liberal: boolean): Window {
  const sender = track[dir];
  const receiver = track[dir === 'original' ? 'reply' : 'original'];
  let { seq, ack, end } = s;
  const win = s.window;
  if (sender.maxWin === 0) {
    if (s.flags & SYN) {
      initSender(sender, receiver, skb, s, dir);
      if (!(s.flags & ACK)) return 'accept';
    } else {
      sender.end = end;
      sender.maxWin = Math.max(win * 2 ** sender.scale, 1);
      sender.maxEnd = (end + sender.maxWin) >>> 0;
      if (receiver.maxWin === 0) {
        receiver.end = ack;
        receiver.maxEnd = ack;
      } else if (ack === (receiver.end + 1) >>> 0) receiver.end = ack;
    }
  } else if (((state === SS && dir === 'original') || (state === SR && dir === 'reply')) && after(end, sender.end)) {
    initSender(sender, receiver, skb, s, dir);
    if (dir === 'reply' && !(s.flags & ACK)) return 'accept';
  }
  if (!(s.flags & ACK) || ((s.flags & (ACK | RST)) === (ACK | RST) && ack === 0)) ack = receiver.end;
  if (s.flags & RST && seq === 0 && state === SS) {
    seq = sender.end;
    end = sender.end;
  }
  const refused = (verdict: Window): Window => (liberal || sender.liberal ? 'accept' : verdict);
  const maxAckWindow = Math.max(sender.maxWin, 66000);
  const inReceive = receiver.maxWin === 0 || after(end, (sender.end - receiver.maxWin - 1) >>> 0);
  const ackOk = before(ack, (receiver.end + 1) >>> 0) && after(ack, (receiver.end - maxAckWindow - 1) >>> 0);
  if (!before(seq, (sender.maxEnd + 1) >>> 0)) {
    const overshot = (end - sender.maxEnd + 1) >>> 0;
    if (inReceive && ackOk && overshot <= receiver.maxWin) return refused('ignore');
    return refused('invalid');
  }
  if (!inReceive) return refused('ignore');
  if (!before(ack, (receiver.end + 1) >>> 0)) return refused('invalid');
  if (!ackOk) return refused('ignore');
  const scaled = s.flags & SYN ? win : win * 2 ** sender.scale;
  if (sender.maxWin < scaled) sender.maxWin = scaled;
  if (after(end, sender.end)) {
    sender.end = end;
    sender.unacked = true;
  }
  if (s.flags & ACK && (!sender.maxAckSet || after(ack, sender.maxAck))) {
    sender.maxAck = ack;
    sender.maxAckSet = true;
  }
  if (receiver.maxWin !== 0 && after(end, sender.maxEnd)) receiver.maxWin += (end - sender.maxEnd) >>> 0;
  if (after((ack + scaled) >>> 0, (receiver.maxEnd - 1) >>> 0)) {
    receiver.maxEnd = (ack + scaled + (scaled === 0 ? 1 : 0)) >>> 0;
  }
  if (ack === receiver.end) receiver.unacked = false;
  return 'accept';
}

/** Seconds an entry lives in each state (tcp_timeouts), and where a side does not answer (RETRANS, UNACK). */
const LIFETIME = [120, 120, 60, 432000, 120, 60, 30, 120, 10, 120];
const UNANSWERED = 300;

/** How long an entry lives after a segment (nf_conntrack_tcp_packet). */
function lifetimeOf({ tcp, status }: Conn, s: Segment, next: number): number {
  const seconds = LIFETIME[next] ?? 0;
  if (s.index === RST_SET) return LIFETIME[CL] ?? 0;
  const halted =
    (tcp?.retrans ?? 0) >= 3 || tcp?.original.unacked === true || tcp?.reply.unacked === true || tcp?.lastWin === 0;
  const alone = next === ES && !(status & STATUS.seenReply);
  return halted || alone ? Math.min(seconds, UNANSWERED) : seconds;
}

export interface TcpSettings {
  readonly loose: boolean;
  readonly liberal: boolean;
}

export type TcpVerdict = 'accept' | 'invalid' | 'repeat' | 'kill';

/**
 * Follows one segment. `invalid`: the packet gets no entry. `repeat`: the entry is dead, look up again. `kill`: the packet passes and
 * the entry goes (a reset as the only answer).
 */
export function trackTcp(ct: Conn, dir: Direction, skb: Skb, settings: TcpSettings): TcpVerdict {
  const s = segmentOf(skb);
  if (s === undefined) return 'invalid';
  if (!(ct.status & STATUS.confirmed) && ct.tcp === undefined) {
    const first = NEXT.original[s.index]?.[NO] ?? IV;
    if (first >= IV) return 'invalid';
    const side = emptySide();
    side.end = s.end;
    side.maxWin = s.window === 0 ? 1 : s.window;
    side.maxEnd = s.end;
    const other = emptySide();
    if (first === SS) side.scale = windowScale(skb) ?? 0;
    else {
      if (!settings.loose) return 'invalid';
      side.maxEnd = (s.end + side.maxWin) >>> 0;
      side.liberal = true;
      other.liberal = true;
    }
    ct.tcp = {
      original: side,
      reply: other,
      lastDir: undefined,
      lastIndex: 5,
      lastSeq: 0,
      lastAck: 0,
      lastEnd: 0,
      lastWin: 0,
      lastScale: 0,
    };
    ct.tcpState = 'NONE';
  }
  let old: number = Math.max(0, STATES.indexOf((ct.tcpState ?? 'NONE') as (typeof STATES)[number]));
  let next = NEXT[dir][s.index]?.[old] ?? IV;
  const t = ct.tcp;
  if (next === SS && old >= TW && old !== S2) {
    const closing =
      t === undefined || t.original.closeInit || t.reply.closeInit || (t.lastDir === dir && t.lastIndex === RST_SET);
    if (closing) return 'repeat';
    next = IG;
  }
  if (next === IG) {
    if (t === undefined) return 'accept';
    if (
      s.index === 1 &&
      t.lastIndex === SYN_SET &&
      t.lastDir !== undefined &&
      dir !== t.lastDir &&
      s.ack === t.lastEnd
    ) {
      // A SYN-ACK to a SYN that was let through although the connection seemed open: the kernel starts over from the noted values.
      old = SS;
      next = SR;
      t[t.lastDir] = {
        ...emptySide(),
        end: t.lastEnd,
        maxEnd: t.lastEnd,
        maxWin: Math.max(1, t.lastWin),
        scale: t.lastScale,
      };
      t[dir] = emptySide();
    } else {
      t.lastIndex = s.index;
      t.lastDir = dir;
      t.lastSeq = s.seq;
      t.lastEnd = s.end;
      t.lastWin = s.window;
      if (s.index === SYN_SET && dir === 'original') t.lastScale = windowScale(skb) ?? 0;
      if (old === SS && s.index === ACK_SET && dir === 'reply') t.lastAck = s.ack;
      return 'accept';
    }
  }
  if (next === IV) return 'invalid';
  if (t !== undefined) {
    let skipWindow = false;
    if (next === CL && s.index === RST_SET) {
      const other = t[dir === 'original' ? 'reply' : 'original'];
      const established = old >= ES && old < TW;
      // A connection that is closing may be in use again already: its numbers prove nothing (tcp_can_early_drop). The same holds
      // right after a SYN of the client that was let through although the connection is open.
      if ((old >= FW && old <= CL) || (old >= SR && t.lastIndex === SYN_SET && t.lastDir === 'original'))
        skipWindow = true;
      else if (other.maxAckSet && !(s.seq === 0 && !established)) {
        if (before(s.seq, other.maxAck) && !other.liberal && !settings.liberal) return 'invalid';
        if (
          established &&
          s.seq !== other.maxAck &&
          !(t.lastIndex === RST_SET && t.lastDir === dir && t.lastSeq === s.seq)
        )
          next = old;
      }
      if (
        !skipWindow &&
        ((ct.status & STATUS.seenReply && t.lastIndex === SYN_SET) ||
          (!(ct.status & STATUS.assured) && t.lastIndex === ACK_SET)) &&
        s.ack === t.lastEnd
      ) {
        skipWindow = true;
      }
    }
    if (!skipWindow) {
      const window = inWindow(t, dir, old, skb, s, settings.liberal);
      if (window === 'invalid') return 'invalid';
      if (window === 'ignore') return 'accept';
    }
    if (s.index === ACK_SET) {
      const same =
        t.lastDir === dir &&
        t.lastSeq === s.seq &&
        t.lastAck === s.ack &&
        t.lastEnd === s.end &&
        t.lastWin === s.window;
      t.retrans = same ? (t.retrans ?? 0) + 1 : 0;
      t.lastSeq = s.seq;
      t.lastAck = s.ack;
      t.lastEnd = s.end;
      t.lastWin = s.window;
    }
    t.lastIndex = s.index;
    t.lastDir = dir;
    if (old !== next && next === FW) t[dir].closeInit = true;
  }
  ct.tcpState = STATES[next] ?? 'NONE';
  ct.lifetime = lifetimeOf(ct, s, next);
  if (!(ct.status & STATUS.seenReply)) {
    if (s.flags & RST && dir === 'reply') return 'kill';
    if (s.flags & RST && ct.status & STATUS.confirmed) return 'kill';
  } else if (!(ct.status & STATUS.assured) && (old === SR || old === ES) && next === ES) ct.status |= STATUS.assured;
  return 'accept';
}
