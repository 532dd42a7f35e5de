/** What packets leave behind: connections, elements added by rules, counters, quotas, limits. One object per run, forked between runs. */
import type { NftSet, SetElement, Statement } from '../nft/model';
import { type CtBase, CtTable, type Tuple } from './conntrack-state';
import type { RouteResult } from './routing';
import type { Skb } from './skb';
import type { Scalar } from './value';

/** State of one element's statements, or of a named object. */
export interface StatefulState {
  packets: number;
  bytes: number;
  /** Quota: bytes used. */
  used: number;
  /** Limit: tokens left; undefined before its first use. */
  tokens: number | undefined;
  /** Connection count: the tuples on its list, by key. */
  connections: Map<string, { readonly tuple: Tuple; readonly zone: number }> | undefined;
  /** The run that went through the list of connections last. */
  sweptIn?: object;
}

export interface DynamicElement {
  readonly element: SetElement;
  readonly key: Scalar;
  readonly statements: readonly Statement[];
  readonly state: StatefulState;
}

/** The changes a run made to one set. */
export interface SetOverlay {
  readonly added: Map<Scalar, DynamicElement>;
  readonly removed: Set<Scalar>;
  /** Deleted elements that the kernel has not swept yet. */
  dead: number;
}

const cloneStateful = (s: StatefulState): StatefulState => ({
  ...s,
  connections: s.connections === undefined ? undefined : new Map(s.connections),
});
export const newStateful = (): StatefulState => ({
  packets: 0,
  bytes: 0,
  used: 0,
  tokens: undefined,
  connections: undefined,
});

/** TCP sockets of this node as far as the packets of a flow made them. */
export interface TcpSocketState {
  phase: 'syn-received' | 'established' | 'closed';
  /** Sequence number of the SYN-ACK sent. */
  isn: number;
  /** The next sequence number that is expected, and how many from there are taken. */
  next: number;
  readonly window: number;
  /** The SYN that opened it. */
  readonly syn: Skb;
  readonly transparent: boolean;
  /** How the last packet came: its device, and its route (sk_rx_dst). */
  iif?: string | undefined;
  route?: RouteResult | undefined;
  /** What came before its turn. */
  ahead: readonly { readonly from: number; readonly to: number; readonly fin: boolean }[];
}

/** Fragments that wait for the rest of their packet (struct inet_frag_queue). */
export interface PendingFragment {
  readonly parts: Map<number, Uint8Array>;
  /** What came one after the other, in the order of their places. */
  runs: readonly { readonly from: number; readonly to: number }[];
  /** The codes of congestion seen: one bit for each. */
  ecn: number;
  /** The headers of the first fragment. */
  head: Uint8Array | undefined;
  /** Where the fragment header of IPv6 lies in them. */
  headAt: number;
  /** The fewest bytes of headers that a later fragment has. */
  room: number;
  /** What the kernel knew of the first fragment beside its bytes. */
  first: Partial<Skb>;
  /** True once the last fragment came. */
  last: boolean;
  /** As far as is known. */
  end: number;
  /** The largest fragment, and the largest that must not be cut. */
  size: number;
  sizeDf: number;
}

export class SimState {
  readonly ct: CtTable;
  readonly sets = new Map<NftSet, SetOverlay>();
  /** By statement object or named object. */
  readonly stateful = new Map<object, StatefulState>();
  /** Next position of each `numgen inc` and `statistic nth`, by expression; a range where it is one of several. */
  readonly numgen = new Map<object, number | { readonly low: number; readonly high: number }>();
  readonly sockets = new Map<string, TcpSocketState>();
  /** How many connections the node's sockets were asked for, by the place of the socket. */
  readonly opened = new Map<string, number>();
  readonly fragments = new Map<string, PendingFragment>();
  /** True where the history before the first packet is known to be empty: counters at zero, buckets full. */
  constructor(
    base: CtBase | CtTable,
    readonly fresh: boolean,
  ) {
    this.ct = base instanceof CtTable ? base : new CtTable(base);
  }

  fork(): SimState {
    const copy = new SimState(this.ct.fork(), this.fresh);
    for (const [set, o] of this.sets) {
      copy.sets.set(set, {
        added: new Map([...o.added].map(([k, e]) => [k, { ...e, state: cloneStateful(e.state) }])),
        removed: new Set(o.removed),
        dead: o.dead,
      });
    }
    for (const [k, s] of this.stateful) copy.stateful.set(k, cloneStateful(s));
    for (const [k, n] of this.numgen) copy.numgen.set(k, n);
    for (const [k, s] of this.sockets) copy.sockets.set(k, { ...s });
    for (const [k, n] of this.opened) copy.opened.set(k, n);
    for (const [k, f] of this.fragments) copy.fragments.set(k, { ...f, parts: new Map(f.parts) });
    return copy;
  }

  /** What packets changed, as a text: equal texts, equal states. Undefined where more than connections changed. */
  changes(): string | undefined {
    const { sets, stateful, sockets, opened, fragments, numgen } = this;
    const isMore = [sets, stateful, sockets, opened, fragments, numgen].some(({ size }) => size > 0);
    return isMore ? undefined : this.ct.changes();
  }

  overlay(set: NftSet): SetOverlay {
    let o = this.sets.get(set);
    if (o === undefined) {
      o = { added: new Map(), removed: new Set(), dead: 0 };
      this.sets.set(set, o);
    }
    return o;
  }

  of(owner: object): StatefulState {
    let s = this.stateful.get(owner);
    if (s === undefined) {
      s = newStateful();
      this.stateful.set(owner, s);
    }
    return s;
  }
}
