/** Matches that nft leaves out of a listing. */
import type { Expression, MatchStatement, Statement } from '../nft/model';
import { Unknown } from './value';

export const PROTOCOL_LOST = new Unknown({
  code: 'listing-wrong',
  say: 'The rule asks for packets without a TCP option, and this one is not TCP: nft does not list whether the rule is for TCP alone.',
  settle: 'Assume whether the rule matches.',
});

/**
 * True for `tcp option X missing` before which nft may have left out a match of the protocol (exthdr_dependency_kill of its
 * src/netlink_delinearize.c). By itself the test holds for what is not TCP as well.
 */
export function protocolLost({ left, op, right }: MatchStatement, before: readonly Statement[]): boolean {
  if (typeof left !== 'object' || (left.kind !== 'tcpOption' && left.kind !== 'rawTcpOption')) return false;
  if (typeof right !== 'boolean' || (op === '!=') !== right) return false;
  return !before.some((s) => s.kind === 'match' && s.op === '==' && namesTransport(s.left));
}

/** What only packets of one transport protocol have, or its number. */
function namesTransport(e: Expression): boolean {
  if (typeof e !== 'object') return false;
  if (e.kind === 'meta') return e.key === 'l4proto';
  return e.kind === 'payload' && TRANSPORT.has(String(e.protocol));
}

const TRANSPORT: ReadonlySet<string> = new Set('tcp udp udplite sctp dccp icmp icmpv6 igmp'.split(' '));
