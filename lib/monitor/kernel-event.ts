/**
 * What the kernel says of a traced packet: one event for each rule that ran to its end, each end of a chain, each policy
 * (net/netfilter/nf_tables_trace.c). `nft monitor trace` prints them as lines; a replay reads them from netlink.
 */
export interface KernelEvent {
  readonly kind: 'rule' | 'end' | 'policy';
  /** Changes when the packet passes lo or a rule rewrites its headers; not the same as "one packet". */
  readonly id: string;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle?: number;
  /** The rule as nft printed it, without its handle. */
  readonly text?: string;
  readonly verdict: string;
  readonly jumpTarget?: string;
  /** Packet mark after the rule; undefined where the message does not say. */
  readonly mark?: number;
  /** Line in the pasted text, from 1. */
  readonly line?: number;
  /** Headers and devices as the first message of a traversal has them. */
  readonly packet?: KernelPacket;
}

/** Only what was said; addresses as nft prints them. */
export interface KernelPacket {
  readonly iif?: string;
  readonly oif?: string;
  readonly saddr?: string;
  readonly daddr?: string;
  readonly protocol?: string;
  readonly sport?: number;
  readonly dport?: number;
}
