/** What policy rules may ask of a packet beside its addresses: protocol and ports. */
import { u16 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Run } from './environment';
import type { Skb } from './skb';

export interface Flow {
  readonly protocol: number;
  readonly sport?: number;
  readonly dport?: number;
}

/** Where the four bytes that the kernel takes for ports lie in a transport header (proto_ports_offset). */
const PORTS_AT: ReadonlyMap<number, number> = new Map([
  [PROTO.tcp, 0],
  [PROTO.udp, 0],
  [PROTO.udplite, 0],
  [PROTO.sctp, 0],
  [PROTO.dccp, 0],
  [PROTO.esp, 0],
  [PROTO.ah, 4],
]);

/**
 * The flow of a packet as routing reads it out of its headers (fib4_rules_early_flow_dissect, fib6_rules_early_flow_dissect): at input, and
 * where rules made the node route its own packet again. A fragment has no ports.
 */
export function flowOf(run: Run, { family, data, headers, random }: Skb): Flow {
  const { l4proto, thoff, fragOff, mf } = headers;
  const protocol = family === 'arp' ? 0 : (l4proto ?? 0);
  const offset = PORTS_AT.get(protocol);
  if (offset === undefined || fragOff > 0 || mf || thoff + offset + 4 > data.length) return { protocol };
  if ((random.sport || random.dport) && asksForPorts(run, family))
    run.undecided(
      'random-port',
      'A rule gave the packet a port by chance, and a routing rule of the node asks for ports.',
      'Trace the packet with each of the ports.',
    );
  return { protocol, sport: u16(data, thoff + offset), dport: u16(data, thoff + offset + 2) };
}

function asksForPorts({ p }: Run, family: Skb['family']): boolean {
  const rules = p.world.rules[family === 'ip6' ? 'ip6' : 'ip'];
  return rules.known && rules.value.some((r) => r.sport !== undefined || r.dport !== undefined);
}

/** The flow of what comes back. */
export const turned = ({ protocol, sport, dport }: Flow): Flow =>
  sport === undefined || dport === undefined ? { protocol } : { protocol, sport: dport, dport: sport };

/** The flow that a socket of ICMP asks a route for: type and code lie where others have the port (struct flowi_uli). */
export const icmpFlow = (family: 'ip' | 'ip6', type: number, code: number): Flow => ({
  protocol: family === 'ip' ? PROTO.icmp : PROTO.icmpv6,
  sport: 0,
  dport: type * 256 + code,
});

/** The flow of a process that sends the packet. */
export function flowOfSender(run: Run, skb: Skb): Flow {
  const { l4proto, thoff, fragOff } = skb.headers;
  if (skb.family !== 'arp' && fragOff === 0 && l4proto === (skb.family === 'ip' ? PROTO.icmp : PROTO.icmpv6))
    return icmpFlow(skb.family, skb.data[thoff] ?? 0, skb.data[thoff + 1] ?? 0);
  return flowOf(run, skb);
}
