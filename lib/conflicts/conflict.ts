/** Chains of two owners that meet, and a packet that proves that it matters. */

import type { PacketSpec } from '../net/packet-spec';
import type { Hook, RuleRef } from '../nft/model';

/**
 * What the two do to each other:
 * - `nat-binds-first`: two nat chains of a hook translate the same packet; only the first to bind does
 * - `nat-skips`: the first translates the packet, which ends the nat chains of the hook; the second would do something else to it,
 *   as marking it, and never gets it (net/netfilter/nf_nat_core.c: nf_nat_inet_fn)
 * - `before-nat`, `after-nat`: a chain sees the packet before, or after, the other's nat chain has translated it
 * - `written`: one reads what the other writes: a mark, a field of a header, what is tracked
 * - `mark-bits`: both write the same bits of the packet's or connection's mark, and one reads what the other wrote
 * - `accept-overruled`: the first lets a packet in that it would else drop, and the second drops it all the same
 */
export type ConflictKind =
  | 'nat-binds-first'
  | 'nat-skips'
  | 'before-nat'
  | 'after-nat'
  | 'written'
  | 'mark-bits'
  | 'accept-overruled';

/** What differs between the order as it is and the other: whether the packet arrives, where, or from whom it seems to come. */
export type Differs = 'delivered' | 'destination' | 'source';

/** A base chain and who wrote it. */
export interface ChainAt {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly type: string;
  readonly hook: Hook;
  readonly prio: number;
  /** Name of the component; of a table nobody knows, the table. */
  readonly owner: string;
}

/** One end of a packet, with its probability. */
export interface End {
  readonly probability: number;
  readonly result: 'delivered' | 'not-delivered';
  readonly daddr: string | null;
  readonly dport: number | 'random' | null;
  readonly saddr: string | null;
}

export interface Witness {
  readonly packet: PacketSpec;
  /** As the rules are. */
  readonly now: readonly End[];
  /** In the other order; for mark bits: without the overlap; for an accept overruled: without the second chain. */
  readonly otherwise: readonly End[];
}

export interface Conflict {
  readonly kind: ConflictKind;
  /** Families of packets for which it was shown. */
  readonly families: readonly ('ip' | 'ip6' | 'arp')[];
  /** The chain that runs first now, and the one that runs after it. */
  readonly first: ChainAt;
  readonly second: ChainAt;
  /** Equal priority: the order is that of loading. */
  readonly tie: boolean;
  readonly differs: Differs;
  /** Bits that both write, for `mark-bits`. */
  readonly bits?: { readonly of: 'meta mark' | 'ct mark'; readonly mask: number };
  readonly witness: Witness;
  /** Rules of the two that the witness met and that decided something. */
  readonly rules: readonly RuleRef[];
}

/** A chain in its place among all of its hook. */
export interface HookChain extends ChainAt {
  /** Has the same priority as its neighbour. */
  readonly tie: boolean;
  /** Drops packets, writes to them, binds translations: what it can do to the others. */
  readonly does: readonly ('drop' | 'write' | 'nat')[];
}

/** Hooks of their own have IPv4 and IPv6 packets, bridged frames, ARP, and each device. */
export type HookFamily = 'ip' | 'ip6' | 'bridge' | 'arp' | 'netdev';

/** A hook where chains of several owners meet, in the order in which they run. */
export interface Meeting {
  readonly hook: Hook;
  readonly family: HookFamily;
  /** Of ingress and egress. */
  readonly device?: string;
  readonly chains: readonly HookChain[];
}

/** A pair for which the search was given up or not begun. */
export interface Unsearched {
  readonly first: ChainAt;
  readonly second: ChainAt;
  readonly family: HookFamily;
  /** `unsolved`: rules ask for something that no packet was given. */
  readonly why: 'bound' | 'undecided' | 'unsolved';
  readonly say: string;
}

export interface Conflicts {
  readonly version: 1;
  readonly conflicts: readonly Conflict[];
  readonly meetings: readonly Meeting[];
  /** Where a conflict may have been missed. */
  readonly unsearched: readonly Unsearched[];
  /** Pairs of chains looked at, and packets traced for them. */
  readonly pairs: number;
  readonly packets: number;
}
