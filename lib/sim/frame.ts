import type { IpValue } from '../world/world';

/** A packet that left on a device, with its bytes: what the next node gets. */
export interface Frame {
  readonly dev: string;
  readonly nexthop: IpValue | undefined;
  readonly skb: number;
  readonly role: 'original' | 'generated';
  readonly family: 'ip' | 'ip6';
  readonly bytes: Uint8Array;
  /** Of the packet when it left. */
  readonly mark: number;
  readonly unknownPorts: readonly ('sport' | 'dport')[];
  /** UDP that a process of the node got: by a socket that is bound to the address, to all addresses, or that stands in for others. */
  readonly takenBy?: 'address' | 'any' | 'proxy';
}
