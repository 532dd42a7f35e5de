/** The sequence number that a socket of the node begins with, which the kernel picks at random (secure_tcp_seq). */
import type { Conn, Direction } from './conntrack-state';
import type { Run } from './environment';

/** What stands for it: far from any number that a packet guesses. */
export const ISN = 2_000_000_000;

const NEAR = 2 ** 24;
const HALF = 2 ** 31;
const near = (n: number): boolean => Math.abs((n - ISN) | 0) < NEAR;

/**
 * Numbers wrap around, so half of all first numbers lie before a given one and half behind it. Where a segment's number has nothing to do
 * with that of the node's socket, and conntrack compares the two, chance decides: once for each connection.
 */
export function chooseInitialNumber(
  run: Run,
  { tcp }: Conn,
  dir: Direction,
  seq: number,
  ack: number | undefined,
): void {
  if (tcp === undefined || tcp.numberChosen === true) return;
  const { original, reply } = tcp;
  if (reply.maxWin === 0 || !near(reply.end)) return;
  const compared = dir === 'reply' ? seq : ack;
  if (compared === undefined || near(compared)) return;
  tcp.numberChosen = true;
  const options = [
    { value: 'before it', probability: 0.5 },
    { value: 'behind it', probability: 0.5 },
  ];
  const what = `where the socket's random sequence number lies from ${compared}`;
  if (run.choose(what, undefined, options) === 0) return;
  reply.end = (reply.end + HALF) >>> 0;
  reply.maxEnd = (reply.maxEnd + HALF) >>> 0;
  if (original.maxAckSet && near(original.maxAck)) original.maxAck = (original.maxAck + HALF) >>> 0;
}
