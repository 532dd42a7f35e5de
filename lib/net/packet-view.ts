/** Header fields of a packet as shown to people and compared with recordings. Addresses as text, flags as names. */
export interface PacketView {
  readonly family: 'ip' | 'ip6' | 'arp' | 'other';
  readonly saddr?: string;
  readonly daddr?: string;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, `sctp`, …, or the number. */
  readonly protocol?: string | number;
  readonly nexthdr?: number;
  readonly sport?: number | 'random';
  readonly dport?: number | 'random';
  readonly flags?: readonly string[];
  readonly seq?: number;
  readonly ack?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number | 'random';
  readonly icmpSeq?: number;
  readonly mtu?: number;
  readonly ttl?: number;
  readonly hoplimit?: number;
  readonly dscp?: number;
  readonly ecn?: number;
  readonly length?: number;
  readonly fragOff?: number;
  readonly mf?: boolean;
  readonly df?: boolean;
  readonly extHeaders?: readonly { readonly type: string }[];
  readonly inner?: PacketView;
  readonly op?: string | number;
  readonly senderMac?: string;
  readonly targetMac?: string;
}
