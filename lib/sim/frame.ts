import type { IpValue } from '../world/world';

/** A packet that left on a device, with its bytes: what the next node gets. */
export interface Frame {
  readonly dev: string;
  readonly nexthop: IpValue | undefined;
  readonly skb: number;
  readonly role: 'original' | 'generated';
  readonly family: 'ip' | 'ip6';
  readonly bytes: Uint8Array;
  readonly unknownPorts: readonly ('sport' | 'dport')[];
}
