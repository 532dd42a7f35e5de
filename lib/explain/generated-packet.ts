/** Packets the kernel makes on the way: their names, and what the sender makes of them. */
import type { GeneratedStep, PacketView } from '../sim/trace';

const UNREACHABLE: Readonly<Record<number, string>> = {
  0: 'net unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  4: 'fragmentation needed',
  9: 'net prohibited',
  10: 'host prohibited',
  13: 'admin prohibited',
};
const UNREACHABLE6: Readonly<Record<number, string>> = {
  0: 'no route',
  1: 'admin prohibited',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'policy failed',
  6: 'reject route',
};

/** `ICMP port unreachable`, `TCP reset`, `ICMPv6 no route`. */
export function packetTitle(packet: PacketView, otherwise: string): string {
  const { protocol, icmpType: type, icmpCode: code } = packet;
  if (protocol === 'tcp') {
    const flags = packet.flags ?? [];
    if (flags.includes('rst')) return 'TCP reset';
    if (flags.includes('syn') && flags.includes('ack')) return 'TCP SYN-ACK';
  }
  if (protocol === 'icmp') {
    if (type === 3) return `ICMP ${UNREACHABLE[code ?? -1] ?? `unreachable, code ${code}`}`;
    if (type === 11) return 'ICMP time exceeded';
    if (type === 0) return 'ICMP echo reply';
    if (type === 5) return 'ICMP redirect';
  }
  if (protocol === 'icmpv6') {
    if (type === 1) return `ICMPv6 ${UNREACHABLE6[code ?? -1] ?? `unreachable, code ${code}`}`;
    if (type === 2) return 'ICMPv6 packet too big';
    if (type === 3) return 'ICMPv6 time exceeded';
    if (type === 129) return 'ICMPv6 echo reply';
  }
  return otherwise;
}

/** What a kernel sends where no socket takes the packet. */
export const refusing = (title: string): boolean => title === 'TCP reset' || title.endsWith('port unreachable');

/** What the client sees: `“connection refused” at once (ICMP port unreachable)`. */
export function rejectedWith(answer: GeneratedStep, sent: PacketView): string {
  const title = packetTitle(answer.packet, answer.what);
  if (refusing(title) && (sent.protocol === 'tcp' || sent.protocol === 'udp')) {
    return `the client sees “connection refused” at once (${title})`;
  }
  return `the client gets ${title} at once`;
}
