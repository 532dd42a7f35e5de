/** The sequence number that a socket of the node begins with, which the kernel picks at random (secure_tcp_seq). */
import type { Conn, Direction, TcpTracking } from './conntrack-state';
import type { Run } from './environment';
import type { Branch } from './trace';

/** What stands for it: far from any number that a packet guesses. */
const ISN = 2_000_000_000;

/**
 * The number of the socket's nth connection with the same peer, from 0. The kernel adds a clock of 64 ns to what it picked for the two
 * (seq_scale): the next number lies behind the last, and further than a window where milliseconds have passed.
 */
export const initialNumber = (nth: number): number => ISN + nth * STEP;

const STEP = 500_000;

/** True for a number that a socket of the node begins with, and for the one behind it. */
export const isInitialNumber = (n: number): boolean => n >= ISN && n - ISN < NEAR && (n - ISN) % STEP <= 1;

/** The number that the node's answer to a packet began with: what acknowledges the answer is one more. */
export function answeredNumber(answer: Branch | undefined): number {
  if (answer?.outcome.kind !== 'decided') return ISN;
  const synAck = answer.outcome.fate.egress.find(
    ({ packet: { flags = [] } }) => flags.includes('syn') && flags.includes('ack'),
  );
  return synAck?.packet.seq ?? ISN;
}

const NEAR = 2 ** 24;
const HALF = 2 ** 31;
const near = (n: number): boolean => Math.abs((n - ISN) | 0) < NEAR;

/** A number as conntrack takes it: those of the socket lie in the half of all numbers that was chosen. */
export const placedNumber = (n: number, tcp: TcpTracking | undefined): number =>
  tcp?.numberMoved === true && near(n) ? (n + HALF) >>> 0 : n;

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
  const own = tcp[dir];
  // The socket answers for a side whose numbers somebody else began with, or is the side that answers.
  const takesOver = near(seq) && own.maxWin !== 0 && !near(own.end);
  if (!takesOver && (reply.maxWin === 0 || !near(reply.end))) return;
  const compared = takesOver ? own.end : dir === 'reply' ? seq : ack;
  if (compared === undefined || near(compared)) return;
  tcp.numberChosen = true;
  const options = [
    { value: 'before it', probability: 0.5 },
    { value: 'behind it', probability: 0.5 },
  ];
  const what = `where the socket's random sequence number lies from ${compared}`;
  if (run.choose(what, undefined, options) === 0) return;
  tcp.numberMoved = true;
  if (takesOver) return;
  reply.end = placedNumber(reply.end, tcp);
  reply.maxEnd = placedNumber(reply.maxEnd, tcp);
  if (original.maxAckSet) original.maxAck = placedNumber(original.maxAck, tcp);
}
