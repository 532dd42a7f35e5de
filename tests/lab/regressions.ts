/** Small cases for what the laboratory once found. `record.ts` asks the kernel; `regressions.test.ts` asks the tracer, anywhere. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabTable } from './case';

export interface Regression {
  readonly name: string;
  readonly tables: readonly LabTable[];
  readonly packets: readonly PacketSpec[];
}

const chain = (family: string, hook: string, prio: number, rules: readonly string[], items: readonly string[] = []) => [
  {
    family,
    name: `t${hook}${Math.abs(prio)}`,
    items,
    chains: [
      {
        name: 'b',
        base: `type filter hook ${hook} priority ${prio}; policy accept;`,
        rules: rules.map((r) => [r]),
      },
    ],
  },
];

const udp: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '10.0.1.2',
  daddr: '10.0.2.2',
  protocol: 'udp',
  sport: 1111,
  dport: 2222,
};
const local: PacketSpec = { ...udp, daddr: '10.0.1.1' };
const syn: PacketSpec = { ...udp, protocol: 'tcp', flags: ['syn'] };
const six: PacketSpec = { ...udp, family: 'ip6', saddr: 'fd00:1::2', daddr: 'fd00:2::2' };
const half = (index: number, hex: string, offset: number): PacketSpec => ({
  ...udp,
  df: false,
  rawL4: true,
  id: 77,
  mf: index === 0,
  fragOff: offset,
  payloadHex: hex,
  fragment: { index, of: 2 },
});
const dynamic = 'set s { type ipv4_addr; size 100; flags dynamic; }';

export const REGRESSIONS: readonly Regression[] = [
  {
    name: 'IPv4 fragments leave as they came',
    tables: [],
    packets: [half(0, `0457 08ae 0030 0000 ${'11'.repeat(8)}`.replaceAll(' ', ''), 0), half(1, '11'.repeat(32), 16)],
  },
  {
    name: 'an IPv6 fragment without a body goes on as it is',
    tables: [],
    packets: [{ ...six, rawL4: true, extHeaders: [{ type: 'frag', mf: true, id: 5 }] }],
  },
  {
    name: 'an atomic fragment leaves without its header',
    tables: [],
    packets: [{ ...six, payloadHex: '01'.repeat(12), extHeaders: [{ type: 'frag', id: 6 }] }],
  },
  { name: 'no reset from a broadcast address', tables: [], packets: [{ ...syn, daddr: '10.0.2.255' }] },
  { name: 'no SYN-ACK from a broadcast address', tables: [], packets: [{ ...syn, daddr: '10.0.2.255', dport: 8080 }] },
  { name: 'no reset from the limited broadcast', tables: [], packets: [{ ...syn, daddr: '255.255.255.255' }] },
  {
    name: 'continue lets a rule go on',
    tables: chain('ip', 'forward', 0, ['continue meta mark set 5']),
    packets: [udp],
  },
  {
    name: 'an error about a closed port has no connection before output -200',
    tables: chain('ip', 'output', -300, ['ct state invalid meta mark set 1', 'ct state related meta mark set 2']),
    packets: [local],
  },
  {
    name: 'a reset by a rule closes the connection',
    tables: chain('ip', 'input', -10, ['ct direction reply reject with tcp reset']),
    packets: [
      { from: 'local', family: 'ip', saddr: '10.0.1.1', daddr: '10.0.1.2', protocol: 'tcp', sport: 5, dport: 6 },
      { ...syn, daddr: '10.0.1.1', sport: 6, dport: 5, seq: 9000 },
    ],
  },
  {
    name: 'nothing answers an echo reply that output rejects',
    tables: chain('ip6', 'output', 0, ['icmpv6 type echo-reply reject']),
    packets: [{ ...six, daddr: 'fd00:1::1', protocol: 'icmpv6', icmpType: 128, icmpId: 7, icmpSeq: 1 }],
  },
  {
    name: 'a duplicate is not duplicated',
    tables: chain('ip', 'postrouting', 0, ['dup to 10.0.3.3']),
    packets: [udp],
  },
  {
    name: 'the device of a duplicate is its input device at postrouting',
    tables: [
      ...chain('ip', 'forward', 0, ['dup to 10.0.3.3']),
      ...chain('ip', 'postrouting', 5, ['iifname "eth2" meta mark set 9']),
    ],
    packets: [udp],
  },
  {
    name: 'a limited broadcast comes back',
    tables: chain('ip', 'input', 0, ['counter']),
    packets: [{ ...udp, from: 'local', saddr: '10.0.2.1', daddr: '255.255.255.255', dport: 53 }],
  },
  {
    name: 'a multicast to all nodes comes back',
    tables: chain('ip6', 'input', 0, ['counter']),
    packets: [{ ...six, from: 'local', saddr: 'fd00:1::1', daddr: 'ff02::1', dport: 53 }],
  },
  {
    name: 'a timestamp request that is too short has no reply',
    tables: [],
    packets: [{ ...local, protocol: 'icmp', icmpType: 13, icmpId: 1, icmpSeq: 1 }],
  },
  {
    name: 'a timestamp reply has three timestamps',
    tables: [],
    packets: [{ ...local, protocol: 'icmp', icmpType: 13, icmpId: 1, icmpSeq: 1, payloadHex: '00000001' }],
  },
  {
    name: 'a look-up runs the statements of the element',
    tables: chain(
      'ip',
      'forward',
      0,
      ['add @s { ip saddr counter }', 'ip saddr @s counter', 'ip saddr != @s counter'],
      [dynamic],
    ),
    packets: [udp],
  },
  {
    name: 'a look-up misses where the statement of the element says no',
    tables: chain(
      'ip',
      'forward',
      0,
      ['add @s { ip saddr limit rate 1/hour burst 1 packets }', 'ip saddr @s meta mark set 3'],
      [dynamic],
    ),
    packets: [udp],
  },
  {
    name: 'UDP over IPv6 without a checksum is not answered',
    tables: [],
    packets: [{ ...six, daddr: 'fd00:1::1', rawL4: true, payloadHex: '0457 08ae 000a 0000 0102'.replaceAll(' ', '') }],
  },
  {
    name: 'an anycast address answers from a unicast one',
    tables: [],
    packets: [{ ...six, daddr: 'fd00:1::', protocol: 'icmpv6', icmpType: 128, icmpId: 7, icmpSeq: 1 }],
  },
  { name: 'DCCP is tracked without ports', tables: [], packets: [{ ...udp, protocol: 'dccp' }] },
  {
    name: 'a guessed acknowledgement of a SYN-ACK is invalid',
    tables: chain('ip', 'input', 0, ['ct state invalid meta mark set 7']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ack: 7001 },
    ],
  },
];
