import type { PacketSpec } from '../net/packet-spec';
import type { IpFamily } from '../world/world';

/** An echo request, as `ping` sends it. The walk knows the end that is asked by its port: an echo has port 0. */
export const echoOf = (family: IpFamily): Omit<PacketSpec, 'saddr' | 'daddr'> & { readonly dport: number } => ({
  family,
  ...(family === 'ip' ? { protocol: 'icmp', icmpType: 8 } : { protocol: 'icmpv6', icmpType: 128 }),
  icmpCode: 0,
  icmpId: ECHO_ID,
  icmpSeq: 1,
  dport: 0,
});

const ECHO_ID = 4711;
