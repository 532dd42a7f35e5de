/** The node's own TCP sockets, as far as the packets of a run make them: listeners answer, connections acknowledge. */
import { u32 } from '../net/headers';
import type { Run } from './environment';
import { sendSegment } from './generated';
import { findTcpOption } from './read-options';
import { destinationOf, type Skb, sourceOf } from './skb';

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

function synAck(run: Run, skb: Skb, seq: number): void {
  const timestamp = findTcpOption(skb, 8);
  const sack = findTcpOption(skb, 4);
  const scale = findTcpOption(skb, 3);
  let options = '020405b4';
  if (timestamp !== undefined) options += `${sack === undefined ? '0101' : '0402'}080a0000000000000000`;
  else if (sack !== undefined) options += '01010402';
  if (scale !== undefined) options += '01030307';
  sendSegment(run, skb, 'SYN-ACK', 18, ISN, (seq + 1) >>> 0, options);
}
