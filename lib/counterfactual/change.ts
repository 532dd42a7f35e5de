/** One thing about a node that could be different. */

import type { Expression, Family, RuleRef, SetElement } from '../nft/model';
import type { CtEntry, IpFamily } from '../world/world';
import type { EditedService } from './service-edits';

export interface ChainRef {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
}

export interface SetRef {
  readonly family: Family;
  readonly table: string;
  readonly set: string;
}

export type Change =
  /** The rule is not there. */
  | { readonly kind: 'rule-dropped'; readonly at: RuleRef }
  | { readonly kind: 'element-removed'; readonly set: SetRef; readonly index: number; readonly element: SetElement }
  | {
      readonly kind: 'element-added';
      readonly set: SetRef;
      readonly key: Expression;
      /** Of a verdict map: the chain that it leads to, or accept. */
      readonly data?: SetElement['data'];
    }
  | { readonly kind: 'policy-accept'; readonly chain: ChainRef }
  /** The chain runs on the other side of another. */
  | {
      readonly kind: 'priority';
      readonly chain: ChainRef;
      readonly from: number;
      readonly to: number;
      readonly past: ChainRef;
    }
  | { readonly kind: 'sysctl'; readonly key: string; readonly from: string; readonly to: string }
  | { readonly kind: 'conntrack-gone'; readonly entry: CtEntry }
  /** A field of a Service, or an endpoint of it, and kube-proxy's tables as they follow. */
  | ({ readonly kind: 'service' } & EditedService);

/** What else a change touches. */
export type Touches = 'connection' | 'key' | 'rule' | 'service' | 'chain' | 'node';

/** The order of changes. A field of a Service is its owner's to change and stays; what is taken out of a table takes a protection along. */
export const TOUCHES: readonly Touches[] = ['connection', 'service', 'key', 'rule', 'chain', 'node'];

/** A change to try. `later`: only where nothing smaller delivers, for what it takes away is more than what decided. */
export interface Candidate {
  readonly change: Change;
  readonly touches: Touches;
  readonly later: boolean;
  /** It brings kube-proxy's table nearer to what the objects ask for: tried before all others. */
  readonly mends?: boolean;
}

export const PACKET_FAMILIES: readonly IpFamily[] = ['ip', 'ip6'];
