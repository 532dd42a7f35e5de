/** The node's own TCP sockets, as far as the packets of a run make them: listeners answer, connections acknowledge. */
import { toHex } from '../net/build-packet';
import { parseHeaders, u16, u32, u128 } from '../net/headers';
import { PROTO } from '../net/protocols';
import { socketKey } from './early-demux';
import type { Run } from './environment';
import { flowOf, turned } from './flow';
import { sendSegment } from './generated';
import { initialNumber } from './initial-number';
import { findTcpOption } from './read-options';
import { routeOutput } from './route-output';
import { sysctl } from './settings';
import { destinationOf, type HiddenField, type Skb, sourceOf, tosOf } from './skb';
import type { TcpSocketState } from './state';

/** True when a socket took the segment, so that no reset is due. */
export function listen(run: Run, skb: Skb, listener: { readonly transparent: boolean } | undefined): boolean {
  const at = skb.headers.thoff;
  const flags = skb.data[at + 13] ?? 0;
  const seq = u32(skb.data, at + 4);
  const ack = u32(skb.data, at + 8);
  const doff = ((skb.data[at + 12] ?? 0) >> 4) * 4;
  const length = skb.data.length - at - doff;
  const key = socketKey(skb);
  const known = run.state.sockets.get(key);
  const end = (seq + length + (flags & SYN ? 1 : 0) + (flags & FIN)) >>> 0;
  if (known !== undefined) {
    const segment: Segment = { key, flags, seq, ack, end, length };
    return known.phase === 'syn-received' ? halfOpen(run, skb, known, segment) : open(run, skb, known, segment);
  }
  if (listener === undefined) return false;
  if (flags & RST) return true;
  if (flags & ACK) return false;
  if (!(flags & SYN)) return true;
  if (flags & FIN) return true;
  const { transparent } = listener;
  const nth = run.state.opened.get(key) ?? 0;
  const isn = initialNumber(nth);
  const window = synAck(run, skb, seq, { isn, syn: skb, transparent });
  // Without a way back there is no connection either (tcp_conn_request: route_req).
  if (window === undefined) return true;
  run.state.opened.set(key, nth + 1);
  run.state.sockets.set(key, {
    phase: 'syn-received',
    isn,
    next: (seq + 1) >>> 0,
    window,
    syn: skb,
    transparent,
    ahead: [],
  });
  return true;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

interface Segment {
  readonly key: string;
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly end: number;
  readonly length: number;
}

/** Sequence numbers from `from` up to and without `to`. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** tcp_in_window() */
function inWindow({ seq, end }: Segment, { next, window }: TcpSocketState): boolean {
  const limit = (next + window) >>> 0;
  return seq === next || (before(next, end) && before(seq, limit)) || (seq === limit && seq === end);
}

/** What is acknowledged out of order: first what came twice (RFC 2883), then what waits, the latest first (tcp_sack_new_ofo_skb). */
function selective(s: TcpSocketState, twice: Stretch | undefined): string {
  if (s.phase === 'syn-received' || findTcpOption(s.syn, 4) === undefined) return '';
  const waiting: Stretch[] = [];
  for (const { from, to } of s.ahead.toReversed()) {
    if (!before(s.next, from)) continue;
    const at = waiting.findIndex((w) => !before(w.to, from) && !before(to, w.from));
    const w = waiting[at];
    if (w === undefined) waiting.push({ from, to });
    else waiting[at] = { from: before(from, w.from) ? from : w.from, to: before(w.to, to) ? to : w.to };
  }
  const room = findTcpOption(s.syn, 8) === undefined ? 4 : 3;
  const blocks = [...(twice === undefined ? [] : [twice]), ...waiting].slice(0, room);
  if (blocks.length === 0) return '';
  const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
  return `010105${hex(2 + 8 * blocks.length, 2)}${blocks.map((b) => hex(b.from, 8) + hex(b.to, 8)).join('')}`;
}

/** Of a segment the part that was there already. */
function seenTwice(s: Segment, next: number): Stretch | undefined {
  if (s.seq === s.end || !before(s.seq, next)) return undefined;
  return { from: s.seq, to: before(s.end, next) ? s.end : next };
}

/** An acknowledgement, with a timestamp where the SYN had one (tcp_established_options). */
function acknowledge(run: Run, skb: Skb, s: TcpSocketState, twice?: Stretch): void {
  const stamp = findTcpOption(s.syn, 8);
  const { window, hidden } = windowOf(s);
  const latest = findTcpOption(skb, 8);
  const echo = latest === undefined ? '00000000' : toHex(skb.data.subarray(latest.at + 2, latest.at + 6));
  sendSegment(
    run,
    skb,
    'TCP acknowledgement',
    ACK,
    (s.isn + 1) >>> 0,
    s.next,
    (stamp === undefined ? '' : `0101080a00000000${echo}`) + selective(s, twice),
    {
      // Before it is open the listening socket answers.
      socket: { transparent: s.transparent, wildcard: s.phase === 'syn-received' },
      // An open connection keeps the options of its SYN (tcp_v4_syn_recv_sock: inet_opt).
      ...(s.phase === 'syn-received' ? { tos: tosOf(skb) & 0xfc } : { echoes: s.syn }),
      window,
      hidden:
        stamp === undefined
          ? hidden
          : [...hidden, { base: 'th', offset: 192, len: 32, what: 'the timestamp', low: 0, high: 0xffffffff }],
    },
  );
}

/** How many bytes are still taken (tcp_receive_window). */
function leftOf({ next, window, syn }: TcpSocketState): number {
  const came = (next - u32(syn.data, syn.headers.thoff + 4) - 1) >>> 0;
  return Math.max(0, window - came);
}

/** The largest scale that a SYN-ACK is taken to offer. */
const SCALE = 7;

/**
 * The window of an acknowledgement (tcp_select_window). Where it ends does not change before a process has read what came, which no
 * capture tells; in a rule it is unknown then, and where it is scaled.
 */
function windowOf(s: TcpSocketState): { readonly window: number; readonly hidden: readonly HiddenField[] } {
  const left = leftOf(s);
  const scaled = findTcpOption(s.syn, 3) !== undefined;
  const field = { base: 'th', offset: 112, len: 16, low: 0, high: 65535 } as const;
  const hidden: HiddenField[] = [];
  if (scaled) hidden.push({ ...field, what: 'net.ipv4.tcp_rmem', setting: true });
  else if (left < s.window) hidden.push({ ...field, what: 'what the process has read' });
  const rounded = s.phase === 'syn-received' ? left : left + 2 ** SCALE - 1;
  return { window: scaled ? rounded >> SCALE : left, hidden };
}

/** ICMP errors of which a connection that was answered and not yet opened does not outlive one (tcp_v4_err, icmpv6_err_convert). */
function endsHalfOpen(family: Skb['family'], type: number, code: number): boolean {
  if (family === 'ip') return type === 12 || type === 11 || (type === 3 && code <= 1);
  return type === 4 || (type === 1 && [1, 4, 5, 6].includes(code));
}

/**
 * An ICMP error that reached the node: a half-open connection whose answer it quotes is forgotten without a word (tcp_req_err). Open
 * ones only keep the error in mind.
 */
export function heardError(run: Run, skb: Skb): void {
  const { thoff } = skb.headers;
  const [type, code] = [skb.data[thoff] ?? 0, skb.data[thoff + 1] ?? 0];
  if (skb.family === 'arp' || run.state.sockets.size === 0 || !endsHalfOpen(skb.family, type, code)) return;
  // Fragments that waited too long are not told to sockets (icmp_unreach).
  if (skb.family === 'ip' && type === 11 && code === 1) return;
  const quoted = skb.data.subarray(thoff + 8);
  const inner = parseHeaders(quoted, skb.family);
  const at = inner.thoff;
  if (inner.l4proto !== PROTO.tcp || inner.fragOff > 0 || quoted.length < at + 8) return;
  const [src, dst] = skb.family === 'ip' ? [u32(quoted, 12), u32(quoted, 16)] : [u128(quoted, 8), u128(quoted, 24)];
  const ports = ((u16(quoted, at + 2) << 16) | u16(quoted, at)) >>> 0;
  const key = `${dst} ${src} ${ports}`;
  const socket = run.state.sockets.get(key);
  if (socket?.phase !== 'syn-received') return;
  // The number of the answer is the node's own; a quote taken from a wire has another than the one that stands for it here, and is
  // known by what else it says.
  if (quoted.length < at + 14)
    run.undecided(
      'quoted-number',
      'The ICMP error quotes too little to tell whether it is about the answer of the half-open connection.',
      'Give 14 bytes of the quoted TCP header or more.',
    );
  const isAnswer = ((quoted[at + 13] ?? 0) & (SYN | ACK)) === (SYN | ACK) && u32(quoted, at + 8) === socket.next;
  if (isAnswer || u32(quoted, at + 4) === socket.isn) run.state.sockets.delete(key);
}

/** A segment for a connection that was answered and not yet opened (tcp_check_req). */
function halfOpen(run: Run, skb: Skb, socket: TcpSocketState, s: Segment): boolean {
  const again = s.seq === (socket.next - 1) >>> 0;
  if (again && (s.flags & (SYN | RST | ACK)) === SYN) {
    synAck(run, skb, s.seq, socket);
    return true;
  }
  const inside = inWindow(s, socket);
  if (s.flags & RST) {
    if (s.seq === socket.next) run.state.sockets.delete(s.key);
    else if (inside) acknowledge(run, skb, socket);
    return true;
  }
  if (s.flags & ACK && s.ack !== (socket.isn + 1) >>> 0) return false;
  if (!inside) {
    acknowledge(run, skb, socket);
    return true;
  }
  const flags = again ? s.flags & ~SYN : s.flags;
  if (flags & SYN) {
    run.state.sockets.delete(s.key);
    return false;
  }
  if (!(flags & ACK)) return true;
  socket.phase = 'established';
  return open(run, skb, socket, s);
}

/** A segment for an open connection, or one whose client has closed (tcp_validate_incoming, tcp_ack, tcp_rcv_state_process). */
function open(run: Run, skb: Skb, socket: TcpSocketState, s: Segment): boolean {
  const closed = socket.phase === 'closed';
  if (!closed) Object.assign(socket, { iif: skb.iif?.name, route: skb.dst });
  if (!(s.flags & (ACK | RST | SYN))) return true;
  const beyond = before((socket.next + leftOf(socket)) >>> 0, s.seq);
  if (s.flags & RST) {
    // The number of a FIN that was acknowledged resets as well (tcp_reset_check).
    if (s.seq === socket.next || (closed && s.seq === (socket.next - 1) >>> 0)) run.state.sockets.delete(s.key);
    else if (!beyond && !before(s.end, socket.next)) acknowledge(run, skb, socket);
    return true;
  }
  // What is out of order, opens again or acknowledges what was never sent is answered by the state of things (RFC 5961).
  const outside = beyond || before(s.end, socket.next);
  if (outside || s.flags & SYN || s.ack !== (socket.isn + 1) >>> 0) {
    acknowledge(run, skb, socket, outside && !(s.flags & SYN) ? seenTwice(s, socket.next) : undefined);
    return true;
  }
  let twice = seenTwice(s, socket.next);
  if (s.length === 0 && !(s.flags & FIN)) return true;
  const fin = (s.flags & FIN) !== 0;
  const dataEnd = (s.end - (s.flags & FIN)) >>> 0;
  if (closed) {
    if (!before(s.seq, socket.next)) return true;
    if (before(socket.next, dataEnd)) {
      // Data after the end of it.
      run.state.sockets.delete(s.key);
      return false;
    }
  } else if (before(socket.next, s.seq)) twice = wait(socket, { from: s.seq, to: s.end, fin });
  else if (before(socket.next, s.end)) twice = take(socket, s.end, fin, twice);
  acknowledge(run, skb, socket, twice);
  return true;
}

/** tcp_sack_extend(): the two as one where they meet, else the first. */
const extend = (a: Stretch | undefined, b: Stretch): Stretch =>
  a === undefined
    ? b
    : before(a.to, b.from) || before(b.to, a.from)
      ? a
      : { from: before(b.from, a.from) ? b.from : a.from, to: before(a.to, b.to) ? b.to : a.to };

/** Adds what came before its turn; what of it waited already (tcp_data_queue_ofo). */
function wait(socket: TcpSocketState, s: TcpSocketState['ahead'][number]): Stretch | undefined {
  const others = socket.ahead;
  socket.ahead = [...others, s];
  let twice: Stretch | undefined;
  for (const o of others.toSorted((a, b) => (a.from - b.from) | 0)) {
    if (!before(s.from, o.to) || !before(o.from, s.to)) continue;
    if (before(s.from, o.from) || s.from === o.from) {
      if (s.from === o.from && !before(o.to, s.to)) return s;
      twice = extend(twice, { from: o.from, to: before(o.to, s.to) ? o.to : s.to });
    } else {
      if (!before(o.to, s.to)) return s;
      twice = { from: s.from, to: o.to };
    }
  }
  return twice;
}

/**
 * What arrived is in order up to `end`, and then what waited for it (tcp_ofo_queue); what of it came twice. The end of the connection
 * ends what waits, and what is said of it (tcp_fin: tcp_sack_reset).
 */
function take(socket: TcpSocketState, end: number, fin: boolean, twice: Stretch | undefined): Stretch | undefined {
  socket.next = end;
  let seen = twice;
  let last = fin;
  for (const x of socket.ahead.toSorted((a, b) => (a.from - b.from) | 0)) {
    if (last || before(socket.next, x.from)) break;
    if (before(x.from, end)) seen = extend(seen, { from: x.from, to: before(x.to, end) ? x.to : end });
    if (!before(socket.next, x.to)) continue;
    socket.next = x.to;
    last = x.fin;
  }
  if (!last) {
    socket.ahead = socket.ahead.filter((x) => before(socket.next, x.from));
    return seen;
  }
  socket.phase = 'closed';
  socket.ahead = [];
  return undefined;
}

/**
 * The answer to a SYN (tcp_make_synack, tcp_synack_options). It offers the largest segment that fits the device, what the SYN offered of
 * selective acknowledgements, timestamps and scaling, and a window of as many whole segments as 65535 bytes hold:
 * the result. `syn` is the first one, whose offers count for those that repeat it.
 */
function synAck(
  run: Run,
  skb: Skb,
  seq: number,
  of: Pick<TcpSocketState, 'isn' | 'syn' | 'transparent'>,
): number | undefined {
  const { isn, syn, transparent } = of;
  const { family } = skb;
  if (family === 'arp') return undefined;
  const [daddr, saddr] = [sourceOf(skb), destinationOf(skb)];
  const ask = { family, daddr, saddr, mark: 0, tos: 0, anySource: transparent };
  const back = routeOutput(run, { ...ask, ...turned(flowOf(run, skb)) });
  if (back.kind !== 'found') return undefined;
  const { route } = back;
  const timestamp = findTcpOption(syn, 8);
  const sack = findTcpOption(syn, 4);
  const scale = findTcpOption(syn, 3);
  const header = family === 'ip' ? 40 : 60;
  const mss = Math.min(route.route.mtu ?? route.dev?.mtu ?? 1500, family === 'ip' ? 65535 : 65536) - header;
  const usable = mss - (timestamp === undefined ? 0 : 12);
  const window = Math.max(1, Math.floor(65535 / usable)) * usable;
  const hidden: HiddenField[] = [];
  let options = `0204${mss.toString(16).padStart(4, '0')}`;
  if (timestamp !== undefined) {
    const echo = toHex(syn.data.subarray(timestamp.at + 2, timestamp.at + 6));
    options += `${sack === undefined ? '0101' : '0402'}080a00000000${echo}`;
    hidden.push({ base: 'th', offset: 224, len: 32, what: 'the timestamp', low: 0, high: 0xffffffff });
  } else if (sack !== undefined) options += '01010402';
  if (scale !== undefined) {
    const offset = 160 + options.length * 4 + 24;
    options += '01030307';
    // By the largest receive buffer that the node allows.
    hidden.push({ base: 'th', offset, len: 8, what: 'net.ipv4.tcp_rmem', low: 0, high: 14, setting: true });
  }
  sendSegment(run, skb, 'SYN-ACK', 18 | echoesCongestion(run, syn), isn, (seq + 1) >>> 0, options, {
    window,
    hidden,
    socket: { transparent, wildcard: undefined },
    echoes: syn,
  });
  return window;
}

/** tcp_ecn_create_request(): explicit congestion notification is taken up where the SYN asks for it and is itself not marked. */
function echoesCongestion(run: Run, skb: Skb): number {
  const at = skb.headers.thoff;
  const asks = ((skb.data[at + 13] ?? 0) & 0xc0) === 0xc0;
  const marked = (tosOf(skb) & 3) !== 0 && ((skb.data[at + 12] ?? 0) & 15) === 0;
  return asks && !marked && (sysctl(run, 'net.ipv4.tcp_ecn') ?? '2') !== '0' ? 0x40 : 0;
}
