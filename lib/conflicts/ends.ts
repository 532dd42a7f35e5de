/** Where a packet ends up, and whether two answers differ in what a user would notice. */

import type { PacketSpec } from '../net/packet-spec';
import { initialState, type Prepared, traceFrom } from '../sim';
import type { Branch, Trace } from '../sim/trace';
import type { Differs, End } from './conflict';

/** Chance opens more ways than this: the packet proves nothing. */
const BRANCHES_MAX = 256;

export function traceEnds(p: Prepared, packet: PacketSpec): readonly End[] | undefined {
  return endsOf(traceFrom(p, packet, initialState(p), { verdictOnly: true, branchesMax: BRANCHES_MAX }).trace);
}

export const traceFully = (p: Prepared, packet: PacketSpec): Trace =>
  traceFrom(p, packet, initialState(p), { branchesMax: BRANCHES_MAX }).trace;

/** All ends, equal ones together; undefined where one is undecided: nothing is claimed then. */
function endsOf({ branches }: Trace): readonly End[] | undefined {
  const found = new Map<string, End>();
  for (const branch of branches) {
    const end = endOf(branch);
    if (end === undefined) return undefined;
    const key = [end.result, end.daddr, end.dport, end.saddr].join(' ');
    const known = found.get(key);
    found.set(key, { ...end, probability: end.probability + (known?.probability ?? 0) });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, end]) => end);
}

export function endOf({ outcome, probability }: Branch): End | undefined {
  if (outcome.kind === 'undecided') return undefined;
  const { fate } = outcome;
  switch (fate.summary) {
    case 'transmitted':
    case 'delivered': {
      const ends = fate.summary === 'delivered' ? fate.delivered : fate.egress;
      const packet = ends.find(({ skb, role }) => skb === 0 && role === 'original')?.packet;
      const { daddr = null, dport = null, saddr = null } = packet ?? {};
      return { probability, result: 'delivered', daddr, dport, saddr };
    }
    case 'stolen':
      return undefined;
    case 'dropped':
    case 'rejected':
    case 'answered-outside-nftables':
    case 'lost-outside-nftables':
      return { probability, result: 'not-delivered', daddr: null, dport: null, saddr: null };
  }
}

/** Undefined where both are the same to everybody outside. A drop and a reject are. */
export function difference(a: readonly End[], b: readonly End[]): Differs | undefined {
  if (!isSame(a, b, ({ result }) => result)) return 'delivered';
  if (!isSame(a, b, ({ daddr, dport }) => `${daddr} ${dport}`)) return 'destination';
  return isSame(a, b, ({ saddr }) => saddr ?? '') ? undefined : 'source';
}

function isSame(a: readonly End[], b: readonly End[], of: (end: End) => string): boolean {
  const shares = (ends: readonly End[]): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const end of ends) sums.set(of(end), (sums.get(of(end)) ?? 0) + end.probability);
    return sums;
  };
  const [x, y] = [shares(a), shares(b)];
  return x.size === y.size && [...x].every(([key, share]) => Math.abs(share - (y.get(key) ?? -1)) < 1e-9);
}
