/** The node's own TCP sockets, as far as the packets of a run make them: listeners answer, connections acknowledge. */
import { toHex } from '../net/build-packet';
import { u32 } from '../net/headers';
import type { Run } from './environment';
import { routeOut, sendSegment } from './generated';
import { findTcpOption } from './read-options';
import { sysctl } from './settings';
import { destinationOf, type HiddenField, type Skb, sourceOf, tosOf } from './skb';

/** The sequence number our listeners begin with; the kernel's is random: far from any number that a packet guesses. */
export const ISN = 2_000_000_000;

/** True when a socket took the segment, so that no reset is due. */
export function listen(run: Run, skb: Skb, listening: boolean): boolean {
  const at = skb.headers.thoff;
  const flags = skb.data[at + 13] ?? 0;
  const seq = u32(skb.data, at + 4);
  const ack = u32(skb.data, at + 8);
  const doff = ((skb.data[at + 12] ?? 0) >> 4) * 4;
  const length = skb.data.length - at - doff;
  const key = `${sourceOf(skb)} ${destinationOf(skb)} ${u32(skb.data, at)}`;
  const known = run.state.sockets.get(key);
  if (known !== undefined) {
    if (flags & 4) {
      run.state.sockets.delete(key);
      return true;
    }
    if (known.phase === 'syn-received') {
      if (flags & 2) {
        synAck(run, skb, seq);
        return true;
      }
      if (!(flags & 16)) return true;
      if (ack !== (known.isn + 1) >>> 0) return false;
      known.phase = 'established';
    }
    if (length > 0 || flags & 1) {
      const next = (seq + length + (flags & 1)) >>> 0;
      sendSegment(run, skb, 'TCP acknowledgement', 16, (known.isn + 1) >>> 0, next, '');
      if (flags & 1) known.phase = 'closed';
    }
    return true;
  }
  if (!listening) return false;
  if (flags & 4) return true;
  if (flags & 16) return false;
  if (!(flags & 2)) return true;
  if (flags & 1) return true;
  run.state.sockets.set(key, { phase: 'syn-received', isn: ISN });
  synAck(run, skb, seq);
  return true;
}

/**
 * The answer to a SYN (tcp_make_synack, tcp_synack_options). It offers the largest segment that fits the device, what the SYN offered of
 * selective acknowledgements, timestamps and scaling, and a window of as many whole segments as 65535 bytes hold.
 */
function synAck(run: Run, skb: Skb, seq: number): void {
  const { family } = skb;
  if (family === 'arp') return;
  const timestamp = findTcpOption(skb, 8);
  const sack = findTcpOption(skb, 4);
  const scale = findTcpOption(skb, 3);
  const back = routeOut(run, family, sourceOf(skb), destinationOf(skb), 0, 0);
  const header = family === 'ip' ? 40 : 60;
  const mss = Math.min(back?.route.mtu ?? back?.dev?.mtu ?? 1500, family === 'ip' ? 65535 : 65536) - header;
  const usable = mss - (timestamp === undefined ? 0 : 12);
  const hidden: HiddenField[] = [];
  let options = `0204${mss.toString(16).padStart(4, '0')}`;
  if (timestamp !== undefined) {
    const echo = toHex(skb.data.subarray(timestamp.at + 2, timestamp.at + 6));
    options += `${sack === undefined ? '0101' : '0402'}080a00000000${echo}`;
    hidden.push({ base: 'th', offset: 224, len: 32, what: 'the timestamp', low: 0, high: 0xffffffff });
  } else if (sack !== undefined) options += '01010402';
  if (scale !== undefined) {
    const offset = 160 + options.length * 4 + 24;
    options += '01030307';
    // By the largest receive buffer that the node allows.
    hidden.push({ base: 'th', offset, len: 8, what: 'net.ipv4.tcp_rmem', low: 0, high: 14, setting: true });
  }
  sendSegment(run, skb, 'SYN-ACK', 18 | echoesCongestion(run, skb), ISN, (seq + 1) >>> 0, options, {
    window: Math.max(1, Math.floor(65535 / usable)) * usable,
    hidden,
  });
}

/** tcp_ecn_create_request(): explicit congestion notification is taken up where the SYN asks for it and is itself not marked. */
function echoesCongestion(run: Run, skb: Skb): number {
  const at = skb.headers.thoff;
  const asks = ((skb.data[at + 13] ?? 0) & 0xc0) === 0xc0;
  const marked = (tosOf(skb) & 3) !== 0 && ((skb.data[at + 12] ?? 0) & 15) === 0;
  return asks && !marked && (sysctl(run, 'net.ipv4.tcp_ecn') ?? '2') !== '0' ? 0x40 : 0;
}
