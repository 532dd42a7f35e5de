/** TCP as conntrack follows it: states and windows (net/netfilter/nf_conntrack_proto_tcp.c). */
import { u16, u32 } from '../net/headers';
import { type Conn, type Direction, STATUS, type TcpSide, type TcpTracking } from './conntrack-state';
import { placedNumber } from './initial-number';
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
const FIN_SET = 2;
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

function segmentOf(skb: Skb, tcp: TcpTracking | undefined): Segment | undefined {
  const at = skb.headers.thoff;
  const doff = ((skb.data[at + 12] ?? 0) >> 4) * 4;
  if (skb.data.length < at + 20 || doff < 20 || skb.data.length < at + doff) return undefined;
  const flags = (skb.data[at + 13] ?? 0) & (FIN | SYN | RST | ACK | URG);
  if (!VALID_FLAGS.has(flags)) return undefined;
  const seq = placedNumber(u32(skb.data, at + 4), tcp);
  const length = skb.data.length - at - doff;
  const index =
    flags & RST ? RST_SET : flags & SYN ? (flags & ACK ? 1 : SYN_SET) : flags & FIN ? 2 : flags & ACK ? ACK_SET : 5;
  return {
    flags,
    index,
    seq,
    ack: placedNumber(u32(skb.data, at + 8), tcp),
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

/** TCP options by kind, up to one that is cut short: where their values lie. */
function* optionsOf({
  data,
  headers,
}: Skb): Generator<{ readonly kind: number; readonly at: number; readonly length: number }> {
  const end = headers.thoff + ((data[headers.thoff + 12] ?? 0) >> 4) * 4;
  for (let at = headers.thoff + 20; at < end; ) {
    const kind = data[at] ?? 0;
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = data[at + 1] ?? 0;
    if (length < 2 || at + length > end) return;
    yield { kind, at: at + 2, length: length - 2 };
    at += length;
  }
}

/** What a SYN offers (tcp_options): `scale` undefined where it offers none. */
function offersOf(skb: Skb): { readonly scale: number | undefined; readonly sack: boolean } {
  let scale: number | undefined;
  let sack = false;
  for (const { kind, at, length } of optionsOf(skb)) {
    if (kind === 3 && length === 1) scale = Math.min(skb.data[at] ?? 0, 14);
    if (kind === 4 && length === 0) sack = true;
  }
  return { scale, sack };
}

/** tcp_sack(): the furthest that a segment acknowledges selectively. */
function sackOf(skb: Skb, ack: number, tcp: TcpTracking): number {
  for (const { kind, at, length } of optionsOf(skb)) {
    if (kind !== 5 || length < 8 || length % 8 !== 0) continue;
    let furthest = ack;
    for (let i = 4; i < length; i += 8) {
      const right = placedNumber(u32(skb.data, at + i), tcp);
      if (after(right, furthest)) furthest = right;
    }
    return furthest;
  }
  return ack;
}

/** tcp_init_sender() */
function initSender(sender: TcpSide, receiver: TcpSide, skb: Skb, s: Segment, dir: Direction): void {
  const { scale, sack } = offersOf(skb);
  Object.assign(sender, { ...emptySide(), liberal: sender.liberal, sack, unacked: false });
  sender.end = s.end;
  sender.maxEnd = s.end;
  sender.maxWin = s.window === 0 ? 1 : s.window;
  sender.scaling = scale !== undefined;
  sender.scale = scale ?? 0;
  // Both ends must offer scaling for it to hold.
  if (dir === 'reply' && !(sender.scaling && receiver.scaling === true)) {
    sender.scale = 0;
    receiver.scale = 0;
  }
}

type Window = 'accept' | 'ignore' | 'invalid';

function inWindow(track: TcpTracking, dir: Direction, state: number, skb: Skb, s: Segment, liberal: boolean): Window {
  const sender = track[dir];
  const receiver = track[dir === 'original' ? 'reply' : 'original'];
  let { seq, ack, end } = s;
  const raw = s.window;
  let sack = receiver.sack === true ? sackOf(skb, ack, track) : ack;
  if (sender.maxWin === 0) {
    if (s.flags & SYN) {
      initSender(sender, receiver, skb, s, dir);
      if (!(s.flags & ACK)) return 'accept';
    } else {
      sender.end = end;
      sender.maxWin = Math.max(raw * 2 ** sender.scale, 1);
      sender.maxEnd = (end + sender.maxWin) >>> 0;
      if (receiver.maxWin === 0) {
        receiver.end = sack;
        receiver.maxEnd = sack;
      } else if (sack === (receiver.end + 1) >>> 0) receiver.end = sack;
    }
  } else if (s.flags & SYN && (state === SS || state === SR) && after(end, sender.end)) {
    initSender(sender, receiver, skb, s, dir);
    if (dir === 'reply' && !(s.flags & ACK)) return 'accept';
  }
  if (!(s.flags & ACK) || ((s.flags & (ACK | RST)) === (ACK | RST) && ack === 0)) {
    ack = receiver.end;
    sack = ack;
  }
  if (s.flags & RST && seq === 0 && state === SS) {
    seq = sender.end;
    end = sender.end;
  }
  const refused = (verdict: Window): Window => (liberal || sender.liberal ? 'accept' : verdict);
  const maxAckWindow = Math.max(sender.maxWin, 66000);
  const inReceive = after(end, (sender.end - receiver.maxWin - 1) >>> 0);
  const seen = before(sack, (receiver.end + 1) >>> 0);
  const ackOk = after(sack, (receiver.end - maxAckWindow - 1) >>> 0);
  if (!before(seq, (sender.maxEnd + 1) >>> 0)) {
    const overshot = (end - sender.maxEnd + 1) >>> 0;
    if (receiver.maxWin !== 0 && inReceive && ackOk && seen && overshot <= receiver.maxWin) {
      // More than the window allows: it passes, and may be acknowledged.
      sender.end = end;
      sender.unacked = true;
      return refused('ignore');
    }
    return refused('invalid');
  }
  if (!seen) return refused('invalid');
  if ((receiver.maxWin !== 0 && !inReceive) || !ackOk) return refused('ignore');
  const win = s.flags & SYN ? raw : raw * 2 ** sender.scale;
  sender.maxWin = Math.max(sender.maxWin, win + ((sack - ack) >>> 0));
  if (after(end, sender.end)) {
    sender.end = end;
    sender.unacked = true;
  }
  if (s.flags & ACK && (!sender.maxAckSet || after(ack, sender.maxAck))) {
    sender.maxAck = ack;
    sender.maxAckSet = true;
  }
  if (receiver.maxWin !== 0 && after(end, sender.maxEnd)) receiver.maxWin += (end - sender.maxEnd) >>> 0;
  if (after((sack + win) >>> 0, (receiver.maxEnd - 1) >>> 0))
    receiver.maxEnd = (sack + win + (win === 0 ? 1 : 0)) >>> 0;
  if (ack === receiver.end) receiver.unacked = false;
  if (s.index === ACK_SET) noteAck(track, dir, s, ack);
  return 'accept';
}

/** Segments that only say again what was said are counted. */
function noteAck(t: TcpTracking, dir: Direction, s: Segment, ack: number): void {
  const same =
    t.lastDir === dir && t.lastSeq === s.seq && t.lastAck === ack && t.lastEnd === s.end && t.lastWin === s.window;
  t.retrans = same ? (t.retrans ?? 0) + 1 : 0;
  t.lastDir = dir;
  t.lastSeq = s.seq;
  t.lastAck = ack;
  t.lastEnd = s.end;
  t.lastWin = s.window;
}

/** nf_tcp_handle_invalid(): the end of an open connection is remembered though its numbers do not fit. */
function noteInvalid(ct: Conn, t: TcpTracking, dir: Direction, s: Segment): void {
  if (!(ct.status & STATUS.assured) || (s.index !== RST_SET && s.index !== FIN_SET)) return;
  if (t.lastDir !== dir && (t.lastIndex === FIN_SET || t.lastIndex === RST_SET)) {
    if (ct.lifetime !== undefined && ct.lifetime >= 120) ct.lifetime = Math.min(ct.lifetime, UNANSWERED);
    return;
  }
  t.lastIndex = s.index;
  t.lastDir = dir;
}

/** Seconds an entry lives in each state (tcp_timeouts), and where a side does not answer (RETRANS, UNACK). */
const LIFETIME = [120, 120, 60, 432000, 120, 60, 30, 120, 10, 120];
const UNANSWERED = 300;

/** How long an entry lives after a segment (nf_conntrack_tcp_packet). */
function lifetimeOf({ tcp, status, policy }: Conn, s: Segment, next: number): number {
  const lifetime = (state: number): number => policy?.get(STATES[state]?.toLowerCase() ?? '') ?? LIFETIME[state] ?? 0;
  const seconds = lifetime(next);
  if (s.index === RST_SET) return lifetime(CL);
  const again = policy?.get('retrans') ?? UNANSWERED;
  const unacked = policy?.get('unack') ?? UNANSWERED;
  if ((tcp?.retrans ?? 0) >= 3 && seconds > again) return again;
  if ((tcp?.original.unacked === true || tcp?.reply.unacked === true) && seconds > unacked) return unacked;
  if (tcp?.lastWin === 0 && seconds > again) return again;
  const alone = next === ES && !(status & STATUS.seenReply);
  return alone ? Math.min(seconds, unacked) : seconds;
}

export interface TcpSettings {
  readonly loose: boolean;
  readonly liberal: boolean;
}

export type TcpVerdict = 'accept' | 'uncounted' | 'invalid' | 'repeat' | 'kill';

/**
 * What a reset does to an open connection: `closes` without a look at its window, `check` by its window, `keep` open by its window
 * (its number is not the one expected, the other side may answer), `ask` further.
 */
function resetOf(
  ct: Conn,
  t: TcpTracking,
  dir: Direction,
  s: Segment,
  old: number,
): 'closes' | 'check' | 'keep' | 'ask' | 'invalid' {
  // A connection that is closing may be in use again already: its numbers prove nothing (tcp_can_early_drop).
  if (old >= FW && old <= CL) return 'closes';
  const other = t[dir === 'original' ? 'reply' : 'original'];
  if (!other.maxAckSet || t.lastIndex === SYN_SET) return 'ask';
  const established = old === ES && (ct.status & STATUS.assured) !== 0;
  if (s.seq === 0 && !established) return 'check';
  if (before(s.seq, other.maxAck)) return 'invalid';
  if (!established || s.seq === other.maxAck) return 'check';
  if (t.lastIndex === ACK_SET && t.lastDir === dir && s.seq === t.lastEnd) return 'check';
  return 'keep';
}

/** A reset that answers a segment which was let through although it did not fit. */
function answersIgnored(ct: Conn, t: TcpTracking, dir: Direction, s: Segment, old: number): boolean {
  const open = (ct.status & STATUS.seenReply) !== 0 && t.lastIndex === SYN_SET;
  const half = (ct.status & STATUS.assured) === 0 && t.lastIndex === ACK_SET;
  if ((open || half) && t.lastDir !== dir && s.ack === t.lastEnd) return true;
  return old === SS && t.lastIndex === ACK_SET && t.lastDir === 'reply' && s.seq === t.lastAck;
}

/**
 * Follows one segment. `invalid`: the packet gets no entry. `repeat`: the entry is dead, look up again. `kill`: the packet passes and
 * the entry goes (a reset as the only answer). `uncounted`: the packet passes, and neither renews the entry nor counts in it
 * (nf_conntrack_tcp_packet returns before nf_ct_refresh_acct).
 */
export function trackTcp(ct: Conn, dir: Direction, skb: Skb, settings: TcpSettings): TcpVerdict {
  const s = segmentOf(skb, ct.tcp);
  if (s === undefined) return 'invalid';
  if (!(ct.status & STATUS.confirmed) && ct.tcp === undefined) {
    const first = NEXT.original[s.index]?.[NO] ?? IV;
    if (first >= IV) return 'invalid';
    const side = emptySide();
    side.end = s.end;
    side.maxWin = s.window === 0 ? 1 : s.window;
    side.maxEnd = s.end;
    const other = emptySide();
    if (first === SS) {
      const { scale, sack } = offersOf(skb);
      Object.assign(side, { scale: scale ?? 0, scaling: scale !== undefined, sack });
    } else {
      if (!settings.loose) return 'invalid';
      side.maxEnd = (s.end + side.maxWin) >>> 0;
      Object.assign(side, { liberal: true, sack: true });
      Object.assign(other, { liberal: true, sack: true });
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
      lastScale: undefined,
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
        scale: t.lastScale ?? 0,
        scaling: t.lastScale !== undefined,
        sack: t.lastSack === true,
      };
      t[dir] = emptySide();
      t.challenged = false;
    } else {
      t.lastIndex = s.index;
      t.lastDir = dir;
      t.lastSeq = s.seq;
      t.lastEnd = s.end;
      t.lastWin = s.window;
      if (s.index === SYN_SET && dir === 'original') {
        const { scale, sack } = offersOf(skb);
        t.lastScale = scale;
        t.lastSack = sack;
        t.simultaneous = false;
        t.challenged = old === LA;
      }
      if (old === SS && s.index === ACK_SET && dir === 'reply') t.lastAck = s.ack;
      return 'uncounted';
    }
  }
  if (next === IV) return 'invalid';
  if (t !== undefined) {
    if (
      next === TW &&
      old === LA &&
      s.index === ACK_SET &&
      t.lastDir !== dir &&
      t.lastIndex === SYN_SET &&
      t.challenged
    ) {
      // The answer to a SYN that was let through acknowledges no end (RFC 5961).
      t.challenged = false;
      return 'uncounted';
    }
    if (next === S2) t.simultaneous = true;
    if (next === SR && dir === 'reply' && s.index === ACK_SET && t.simultaneous) next = ES;
    let skipWindow = false;
    if (next === CL && s.index === RST_SET) {
      const reset = resetOf(ct, t, dir, s, old);
      if (reset === 'invalid') return 'invalid';
      if (reset === 'keep') next = old;
      skipWindow = reset === 'closes' || (reset !== 'check' && answersIgnored(ct, t, dir, s, old));
    }
    if (!skipWindow) {
      const window = inWindow(t, dir, old, skb, s, settings.liberal);
      if (window === 'invalid') {
        noteInvalid(ct, t, dir, s);
        return 'invalid';
      }
      if (window === 'ignore') return 'uncounted';
    }
    t.lastIndex = s.index;
    t.lastDir = dir;
    if (old !== next && next === FW) t[dir].closeInit = true;
  }
  ct.tcpState = STATES[next] ?? 'NONE';
  if (!(ct.status & STATUS.seenReply)) {
    if (s.flags & RST) return 'kill';
    // A SYN that is sent again does not make the entry live longer.
    if (s.index === SYN_SET && old === SS && ct.lifetime !== undefined) return 'uncounted';
  } else if (!(ct.status & STATUS.assured) && (old === SR || old === ES) && next === ES) ct.status |= STATUS.assured;
  ct.lifetime = lifetimeOf(ct, s, next);
  return 'accept';
}
