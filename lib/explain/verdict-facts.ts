/** The facts under the headline of a trace: what was translated, where it ended, what the client sees. */
import type { RuleRef } from '../nft/model';
import type { Branch, PacketView, Trace } from '../sim/trace';
import { rejectedWith } from './generated-packet';
import { branchVerdict, finalPacket, hostPort, refusal } from './verdict-sentence';
import { within } from './words';

/** One fact of the line under the headline. */
export type VerdictFact =
  | { readonly kind: 'translation'; readonly before: string; readonly after: string }
  | {
      readonly kind: 'rule';
      readonly hook: string;
      readonly label: string;
      readonly chain: string;
      readonly handle: number | undefined;
      readonly table: string;
      readonly family: string;
    }
  | { readonly kind: 'text'; readonly text: string };

/** The facts under the headline, for the branch shown: translation, where it ended, what the client sees. */
export function verdictFacts(trace: Trace, branch: Branch): readonly VerdictFact[] {
  const facts: VerdictFact[] = [];
  const end = finalPacket(branch);
  const before = hostPort(trace.packet.daddr, trace.packet.dport);
  const after = end ? hostPort(end.packet.daddr, end.packet.dport) : before;
  if (after !== before) facts.push({ kind: 'translation', before, after });
  if (branch.outcome.kind === 'decided' && branch.outcome.fate.by) {
    const { family, table, chain, handle, hook } = branch.outcome.fate.by;
    facts.push({
      kind: 'rule',
      hook,
      family,
      table,
      chain,
      handle,
      label: handle === undefined ? `${chain} policy` : `${chain} #${handle}`,
    });
  }
  if (branch.outcome.kind === 'undecided') {
    const [reason] = branch.outcome.reasons;
    facts.push(...undecidedAt(branch, reason?.at));
    if (reason) facts.push({ kind: 'text', text: `to settle it: ${within(reason.settle)}` });
  }
  const translated = branch.steps.some((step) => step.kind === 'nat' && step.skb === 0);
  if (end && translated) facts.push({ kind: 'text', text: 'the reply is translated back' });
  const sees = clientSees(branch, trace.packet);
  if (sees !== undefined) facts.push({ kind: 'text', text: sees });
  return facts;
}

/** Errors of send(2) by number. */
const ERRNO: Readonly<Record<number, string>> = {
  1: 'EPERM',
  13: 'EACCES',
  22: 'EINVAL',
  90: 'EMSGSIZE',
  101: 'ENETUNREACH',
  113: 'EHOSTUNREACH',
};

/** The rule where it cannot be known, with the hook of the chain it stands in. */
function undecidedAt(branch: Branch, at: RuleRef | undefined): readonly VerdictFact[] {
  const chain = branch.steps.findLast((step) => step.kind === 'chain' && step.skb === 0);
  if (at === undefined || chain?.kind !== 'chain') return [];
  const { family, table, handle } = at;
  return [{ kind: 'rule', hook: chain.hook, family, table, chain: at.chain, handle, label: `${at.chain} #${handle}` }];
}

/**
 * A connection that found a route is not told that a rule dropped its segment: it sends again until it gives up (tcp_connect and
 * sctp_packet_transmit drop the error of ip_queue_xmit). Only who sends a datagram, or by a raw socket, gets the error.
 */
const waitsAnyway = (branch: Branch, { protocol }: PacketView): boolean =>
  (protocol === 'tcp' || protocol === 'sctp') && branch.steps.some((step) => step.skb === 0 && step.kind === 'route');

/** What the sender notices of a lost packet. */
function clientSees(branch: Branch, sent: PacketView): string | undefined {
  const verdict = branchVerdict(branch);
  if (verdict === 'dropped') {
    const errno = branch.outcome.kind === 'decided' ? branch.outcome.fate.sendErrno : undefined;
    return errno === undefined || waitsAnyway(branch, sent)
      ? 'nothing is sent back: the client waits'
      : `the sender gets ${ERRNO[errno] ?? `error ${errno}`}`;
  }
  if (verdict !== 'rejected') return undefined;
  const answer = refusal(branch) ?? branch.steps.findLast((step) => step.kind === 'generated' && step.because === 0);
  return answer?.kind === 'generated' ? rejectedWith(answer, sent) : undefined;
}
