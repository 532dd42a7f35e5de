/** The model of a packet's way that the figure draws. */
import type { TraceNames } from '../explain/trace-names';
import type { Leg } from '../explain/trace-steps';
import type { Family, Hook } from '../nft/model';
import type { Branch, PacketView } from '../sim/trace';

/** A base chain of the ruleset, as the hook map lists it. */
export interface WayBaseChain {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly type: string;
  readonly hook: string;
  readonly prio: number;
}

export interface WayCell {
  readonly id: string;
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly type: string;
  readonly prio: number;
  /** Numbers of the steps in it. */
  readonly steps: readonly number[];
  /** The packet got here. */
  readonly reached: boolean;
  readonly ends: 'lost' | 'undecided' | undefined;
}

export interface WayEnd {
  readonly kind: 'pod' | 'node' | 'Service' | 'process' | 'external' | 'address' | 'next hop';
  readonly name: string | undefined;
  readonly detail: string;
}

/** What the packet is addressed to on the stretch before a stop, where that changed. */
export interface WayChange {
  readonly text: string;
  readonly changed: boolean;
}

export type WayStop =
  | {
      readonly kind: 'end';
      readonly id: string;
      readonly at: WayEnd;
      readonly reached: boolean;
      readonly change?: WayChange;
    }
  | {
      readonly kind: 'hook';
      readonly id: string;
      readonly hook: Hook;
      readonly note: string;
      readonly conntrack: boolean;
      readonly cells: readonly WayCell[];
      readonly reached: boolean;
      readonly ends: 'lost' | 'undecided' | undefined;
      readonly change?: WayChange;
    }
  | {
      readonly kind: 'routing';
      readonly id: string;
      /** The decision, and what the kernel did with it. */
      readonly steps: readonly number[];
      readonly reached: boolean;
      readonly ends: 'lost' | 'undecided' | undefined;
      readonly change?: WayChange;
    };

/** The packet drawn back to its sender. */
export interface WayReturn {
  readonly text: string;
  /** Index of the stop it starts from. */
  readonly from: number;
}

export interface Way {
  readonly stops: readonly WayStop[];
  readonly back: WayReturn | undefined;
  /** `input, local process, output: not taken`. */
  readonly aside: string | undefined;
}

export interface WayInput {
  readonly branch: Branch;
  readonly leg: Leg;
  readonly sent: PacketView;
  readonly names: TraceNames;
  /** All base chains of the ruleset; only those outlined are taken from here. */
  readonly baseChains: readonly WayBaseChain[];
}
