/** What became of the addresses of a packet on one node. */
import type { PacketSpec } from '../net/packet-spec';
import type { RuleRef } from '../nft/model';
import { initialState, type Prepared, traceFrom } from '../sim';
import type { Branch } from '../sim/trace';

export interface Translation {
  readonly by: RuleRef;
  /** The address after it; undefined where it stayed the same. */
  readonly to: string | undefined;
}

/** One way of the packet; undefined members: that address was not translated. */
export interface Translated {
  readonly branch: Branch;
  readonly dst: Translation | undefined;
  readonly src: Translation | undefined;
}

/** Every decided way of the packet. */
export function translationsOf(p: Prepared, packet: PacketSpec): readonly Translated[] {
  const { trace } = traceFrom(p, packet, initialState(p));
  return trace.branches.flatMap((branch) => (branch.outcome.kind === 'decided' ? [translated(branch)] : []));
}

function translated(branch: Branch): Translated {
  const found: { dst?: Translation; src?: Translation } = {};
  for (const step of branch.steps) {
    if (step.kind !== 'nat' || step.skb !== 0 || step.by === 'entry') continue;
    const field = step.manip === 'dst' ? / daddr$/ : / saddr$/;
    found[step.manip] = { by: step.by, to: step.diffs.find((one) => field.test(one.field))?.after };
  }
  return { branch, dst: found.dst, src: found.src };
}

/** Where the packet goes and whom it seems to come from, on all its ways: cheaper than {@link translationsOf}, for comparing. */
export function endsOf(p: Prepared, packet: PacketSpec): string {
  const { trace } = traceFrom(p, packet, initialState(p), { verdictOnly: true });
  const ends = trace.branches.map(({ outcome }) => {
    if (outcome.kind !== 'decided') return 'undecided';
    const { summary, egress, delivered } = outcome.fate;
    const packets = [...egress, ...delivered].filter(({ skb }) => skb === 0);
    return [summary, ...packets.map(({ packet: { saddr, daddr } }) => `${saddr} ${daddr}`)].join(' ');
  });
  return [...new Set(ends)].toSorted().join('; ');
}
