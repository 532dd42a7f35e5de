/**
 * What a trace says: a disposition, and the steps that lead to it. A step is facts and an outcome; ignorance is a value.
 */
import type { PacketView } from '../net/packet-view';
import type { ChainType, Family, Hook, RuleRef } from '../nft/model';
import type { CtEntry } from '../world/world';

export type { PacketView };

/** What conntrack knows of the packet at a step. */
export interface CtView {
  readonly state: 'new' | 'established' | 'related' | 'invalid' | 'untracked';
  readonly direction?: 'original' | 'reply';
  readonly status?: readonly string[];
  readonly mark?: number;
  readonly zone?: number;
  readonly entry?: CtEntry;
}

/** A field that was read: in nft's words (`ip daddr`, `meta mark`, `ct state`) with its value as nft would print it. */
export interface FieldRead {
  readonly field: string;
  readonly value: string;
}

/** A field that was changed. */
export interface FieldDiff {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** A look-up in a set, map or verdict map. `name` is undefined for anonymous sets. */
export interface Lookup {
  readonly name: string | undefined;
  /** Index of the statement in the rule. */
  readonly statement: number;
  readonly key: string;
  readonly size: number;
  /** Undefined on a miss. `index` is the element's place in the listing; absent for an element added by this trace. */
  readonly hit: { readonly index?: number; readonly element: string; readonly data?: string } | undefined;
}

/** A value left to chance and the option taken on this branch. */
export interface Choice {
  readonly at: RuleRef | undefined;
  /** `numgen random mod 3`, `symhash mod 2`, `random port`, … */
  readonly what: string;
  readonly value: string;
  readonly probability: number;
}

/** Why something cannot be known, and the assumption that would settle it. `code` is stable. */
export interface Reason {
  readonly code: string;
  readonly say: string;
  /** What the user could supply or assume to settle it. */
  readonly settle: string;
  readonly at?: RuleRef;
}

/** Something taken for granted that the capture does not prove. */
export interface Assumption {
  readonly code: string;
  readonly say: string;
}

export type RuleVerdict = 'continue' | 'accept' | 'drop' | 'jump' | 'goto' | 'return' | 'stolen' | 'queue';

/** What a step rests on that no kernel was asked about: from documentation, or left out. */
export interface Unmeasured {
  readonly code: string;
  readonly say: string;
}

interface StepBase {
  /** 0 is the packet itself, also after it looped through lo; 1, 2, … are packets the kernel generated on the way. */
  readonly skb: number;
  readonly notMeasured?: readonly Unmeasured[];
}

export type Step =
  | StartStep
  | ChainStep
  | RuleStep
  | PassedStep
  | EndStep
  | PolicyStep
  | ConntrackStep
  | NatStep
  | RouteStep
  | KernelStep
  | GeneratedStep
  | TransmitStep
  | DeliverStep
  | UndecidedStep;

/** The packet enters: from the wire (`iif`), from a local process, or made by the kernel (see GeneratedStep). */
export interface StartStep extends StepBase {
  readonly kind: 'start';
  readonly from:
    | { readonly kind: 'interface'; readonly iif: string }
    | { readonly kind: 'local'; readonly uid: number | undefined };
  readonly packet: PacketView;
}
/** Evaluation of a base chain begins. `traversal` numbers these from 0 in order. */
export interface ChainStep extends StepBase {
  readonly kind: 'chain';
  readonly traversal: number;
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly type: ChainType | string;
  readonly hook: Hook;
  readonly prio: number;
  readonly policy: 'accept' | 'drop';
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  readonly packet: PacketView;
  readonly ct: CtView | undefined;
}
/** A rule whose every expression ran: one event of the kernel's trace. */
export interface RuleStep extends StepBase {
  readonly kind: 'rule';
  readonly traversal: number;
  readonly at: RuleRef;
  /** 0 in the base chain, 1 after one jump or goto, … */
  readonly depth: number;
  readonly verdict: RuleVerdict;
  readonly jumpTarget?: string;
  readonly reads: readonly FieldRead[];
  readonly lookups: readonly Lookup[];
  readonly writes: readonly FieldDiff[];
  readonly choices: readonly Choice[];
  /** Packet mark after the rule. */
  readonly mark: number;
  /** A rule set the mark to a value that is not in the capture; `mark` says nothing then. */
  readonly markUnknown?: true;
  /** False while `meta nftrace` is 0: the kernel's own trace would not show this step. */
  readonly traced: boolean;
}
/** A rule that was passed over: the first match that failed, and what it saw. The kernel reports nothing for it. */
export interface PassedStep extends StepBase {
  readonly kind: 'passed';
  readonly traversal: number;
  readonly at: RuleRef;
  readonly depth: number;
  /** Index of the statement that ended the rule. */
  readonly statement: number;
  readonly why: WhyNot;
  /** Look-ups up to and including the failing one. */
  readonly lookups: readonly Lookup[];
  /** Side effects of the statements before it stay. */
  readonly writes: readonly FieldDiff[];
}
export type WhyNot =
  /** The value read differs: `ip saddr` is 10.244.1.3, the rule wants `!= 10.244.0.0/16`. */
  | {
      readonly kind: 'value';
      readonly field: string;
      readonly saw: string;
      readonly op: string;
      readonly wanted: string;
    }
  /** The field does not exist on this packet: a TCP field of a UDP packet, a ct key without an entry. */
  | { readonly kind: 'missing'; readonly field: string; readonly because: string }
  /** The key is not in the set or map. */
  | {
      readonly kind: 'miss';
      readonly set: string | undefined;
      readonly key: string;
      readonly size: number;
      readonly negated: boolean;
    }
  /** A limit, quota or connection count said no. */
  | { readonly kind: 'limited'; readonly what: string; readonly say: string }
  /** A statement ended the rule: a full set, tproxy without a socket, … */
  | { readonly kind: 'statement'; readonly say: string };

/** The end of a chain was reached. */
export interface EndStep extends StepBase {
  readonly kind: 'end';
  readonly traversal: number;
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly depth: number;
  readonly mark: number;
  readonly traced: boolean;
}
/** A base chain's policy decided. */
export interface PolicyStep extends StepBase {
  readonly kind: 'policy';
  readonly traversal: number;
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly verdict: 'accept' | 'drop';
  readonly mark: number;
  readonly traced: boolean;
}
/** Connection tracking looked the packet up. */
export interface ConntrackStep extends StepBase {
  readonly kind: 'conntrack';
  readonly hook: Hook;
  readonly ct: CtView;
  readonly say: string;
}
/** Addresses or ports were rewritten, by a binding made in this traversal or by an entry found. */
export interface NatStep extends StepBase {
  readonly kind: 'nat';
  readonly hook: Hook;
  readonly manip: 'src' | 'dst';
  readonly by: RuleRef | 'entry';
  readonly diffs: readonly FieldDiff[];
}
/** A routing decision. */
export interface RouteStep extends StepBase {
  readonly kind: 'route';
  readonly to: 'forward' | 'input' | 'output' | 'none';
  readonly oif: string | undefined;
  readonly nexthop: string | undefined;
  readonly table: string | undefined;
  /** The route as `ip route` writes it. */
  readonly route: string | undefined;
  readonly say: string;
}
/** The kernel did something outside nftables: dropped a martian, decremented the TTL to nothing, held a fragment back. */
export interface KernelStep extends StepBase {
  readonly kind: 'kernel';
  readonly code: string;
  readonly say: string;
  readonly ends: boolean;
}
/** The kernel made a packet of its own: an ICMP error, a TCP reset, a SYN-ACK, an echo reply, a duplicate. */
export interface GeneratedStep extends StepBase {
  readonly kind: 'generated';
  readonly what: string;
  readonly packet: PacketView;
  /** The packet it answers. */
  readonly because: number;
}
export interface TransmitStep extends StepBase {
  readonly kind: 'transmit';
  readonly dev: string;
  readonly dstMac: string | undefined;
  readonly packet: PacketView;
}
export interface DeliverStep extends StepBase {
  readonly kind: 'deliver';
  readonly iif: string;
  readonly packet: PacketView;
  readonly say: string;
}
export interface UndecidedStep extends StepBase {
  readonly kind: 'undecided';
  readonly reasons: readonly Reason[];
}

/** Who ended the packet. */
export interface Culprit {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly type: 'rule' | 'policy';
  readonly handle?: number;
  readonly verdict: string;
  readonly hook: Hook;
}

export interface EgressFrame {
  readonly dev: string;
  readonly dstMac?: string;
  readonly role: 'original' | 'generated';
  readonly skb: number;
  readonly mark?: number;
  readonly packet: PacketView;
}
export interface DeliveredPacket {
  readonly iif: string;
  readonly mark?: number;
  readonly role: 'original' | 'generated';
  readonly skb: number;
  readonly packet: PacketView;
}

export type Summary =
  | 'transmitted'
  | 'delivered'
  | 'dropped'
  | 'rejected'
  | 'stolen'
  | 'answered-outside-nftables'
  | 'lost-outside-nftables';

export interface Fate {
  readonly summary: Summary;
  readonly by?: Culprit;
  readonly egress: readonly EgressFrame[];
  readonly delivered: readonly DeliveredPacket[];
  readonly passedPostrouting: readonly { readonly skb: number; readonly oif: string; readonly packet: PacketView }[];
  /** Error number that a raw socket of the node gets from sendto(2): 1 (EPERM), 22 (EINVAL), 101 (ENETUNREACH), … A TCP connection waits where it found a route. */
  readonly sendErrno?: number;
}

/** Contents of sets and objects that rules write to, after the packet. In the form of the recorded cases. */
export interface StateAfter {
  readonly sets: { readonly [ref: string]: readonly unknown[] };
  readonly objects: { readonly [ref: string]: { readonly [key: string]: number | boolean } };
}

/** One way the packet may go. */
export interface Branch {
  readonly probability: number;
  readonly choices: readonly Choice[];
  readonly steps: readonly Step[];
  readonly outcome:
    | { readonly kind: 'decided'; readonly fate: Fate }
    | { readonly kind: 'undecided'; readonly reasons: readonly Reason[] };
  /** The whole connection tracking table after the packet. */
  readonly conntrack: readonly CtEntry[];
  readonly state: StateAfter;
  readonly assumptions: readonly Assumption[];
}

/** The predicted way of one packet: one branch, or several with probabilities that add up to 1. Never empty. */
export interface Trace {
  readonly version: 1;
  readonly packet: PacketView;
  readonly branches: readonly Branch[];
}
