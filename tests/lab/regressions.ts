/** Small cases for what the laboratory once found. `record.ts` asks the kernel; `regressions.test.ts` asks the tracer, anywhere. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabTable } from './case';

export interface Regression {
  readonly name: string;
  readonly tables: readonly LabTable[];
  readonly packets: readonly PacketSpec[];
  /** One of the environments of helper.py, for `base`. */
  readonly environment?: string;
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

const nat = (family: string, hook: string, rules: readonly string[]) =>
  chain(family, hook, -100, rules).map((t) => ({
    ...t,
    chains: t.chains.map((c) => ({ ...c, base: c.base.replace('filter', 'nat') })),
  }));

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
/** The other direction of `syn`. */
const back: PacketSpec = { ...syn, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 2222, dport: 1111 };
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
/** Bytes `from` to `to` of a datagram in pieces: its header and zeros. */
const piece = (given: PacketSpec, id: number, from: number, to: number, mf: boolean): PacketSpec => {
  const hex = `045708ae0030000${'0'.repeat(97)}`.slice(from * 2, to * 2);
  const { sport: _s, dport: _d, ...rest } = given;
  const common = { ...rest, rawL4: true, payloadHex: hex, fragment: { index: from === 0 ? 0 : 1, of: 2 } };
  return given.family === 'ip6'
    ? { ...common, extHeaders: [{ type: 'frag', offset: from, mf, id }] }
    : { df: false, ...common, id, mf, fragOff: from };
};
/** A packet of an association, with its CRC32c. */
const sctp = (way: '>' | '<', crc: string, tag: number, chunks: string): PacketSpec => ({
  ...(way === '>' ? udp : back),
  protocol: 'sctp',
  rawL4: true,
  payloadHex: `${way === '>' ? '045708ae' : '08ae0457'}${tag.toString(16).padStart(8, '0')}${crc}${chunks}`,
});
/** From one port of the bridge to a machine behind the other. */
const bridged: PacketSpec = {
  ...udp,
  iif: 'brp0',
  saddr: '10.0.4.2',
  daddr: '10.0.4.3',
  l2: { src: '02:00:00:00:06:02', dst: '02:00:00:00:07:02' },
};
const dynamic = 'set s { type ipv4_addr; size 100; flags dynamic; }';

export const REGRESSIONS: readonly Regression[] = [
  {
    name: 'SYN proxying answers for whoever was asked',
    tables: chain('ip', 'forward', 0, ['synproxy mss 1460 wscale 7 timestamp sack-perm']),
    packets: [syn, { ...syn, daddr: '10.0.4.3', tcpOptionsHex: '020405b40402080a000000010000000001030307' }],
  },
  {
    name: 'a datagram is cut off where its length says',
    tables: chain('ip6', 'input', -450, ['udp length set 8']),
    packets: [{ ...six, daddr: 'fd00:1::1', payloadHex: '0102030405060708' }],
  },
  {
    name: 'a routing header is read whatever its type',
    tables: chain('ip6', 'prerouting', 0, ['srh last-entry 0', 'srh tag 5', 'rt type 4']),
    packets: [{ ...six, extHeaders: [{ type: 'rt', hex: '000000000000' }] }],
  },
  {
    name: 'SYN proxying drops what has a wrong header checksum',
    tables: chain('ip', 'forward', 0, ['@nh,8,8 set 184', 'synproxy mss 1460 wscale 7 timestamp sack-perm']),
    packets: [syn],
  },
  {
    name: 'dscp beside other fields, in sets and hashed',
    tables: chain('ip', 'prerouting', 0, [
      'ip dscp . udp dport { cs1 . 2222 }',
      'udp dport . ip dscp { 2222 . cs2 }',
      'meta mark set jhash ip saddr . ip dscp mod 1000 seed 1',
      'meta mark set ip saddr . ip dscp map { 10.0.1.2 . cs1 : 7 }',
    ]),
    packets: [{ ...udp, dscp: 8 }],
  },
  {
    name: 'GRE of a version that nft does not look into',
    tables: chain('ip', 'prerouting', 0, ['@ih,0,8 >= 0']),
    packets: [
      { ...udp, protocol: 'gre', payloadHex: '0d141b222930373e' },
      { ...udp, protocol: 'gre', payloadHex: '00000800293037ff' },
    ],
  },
  {
    name: 'a TCP option by its number is missing where there is no TCP',
    tables: chain('ip', 'prerouting', 0, [
      'meta l4proto udp counter tcp option 254 missing',
      'tcp option 2 exists',
      'meta l4proto { tcp, udp } counter meta l4proto udp counter tcp option 2 missing',
    ]),
    packets: [udp, { ...syn, tcpOptionsHex: '020405b4' }],
  },
  {
    name: 'a datagram whose length was raised has no answer',
    tables: chain('ip', 'input', -401, ['udp length set 9']),
    packets: [local],
  },
  {
    name: 'a checksum that a rule writes stays as it was written',
    tables: chain('ip', 'output', -300, ['ip checksum set 0']),
    packets: [{ ...udp, from: 'local', saddr: '127.0.0.1', daddr: '10.0.2.1' }],
  },
  ...(['ip', 'ip6'] as const).map((family) => {
    const [to, away] = family === 'ip' ? ['10.0.1.1', '10.0.2.1'] : ['fd00:1::1', 'fd00:2::1'];
    return {
      name: `the sum the kernel keeps, where a rule writes an address of ${family}`,
      tables: chain(family, 'prerouting', 0, [`${family} daddr set ${away}`, 'th dport set 81']),
      packets: [{ ...(family === 'ip' ? syn : { ...six, protocol: 'tcp', flags: ['syn'] }), daddr: to }],
    };
  }),
  ...(['tcp reset', 'icmp type port-unreachable'] as const).map((answer) => ({
    name: `reject with ${answer} asks for the sum of what is forwarded`,
    tables: [
      ...chain('ip', 'prerouting', 0, ['th dport set 81']),
      ...chain('ip', 'forward', 0, [`reject with ${answer}`]),
    ],
    packets: [syn],
  })),
  {
    name: 'rt mtu knows that the node is reached over lo',
    tables: chain('ip', 'postrouting', 0, ['rt mtu 1460', 'rt mtu 65495']),
    packets: [{ ...udp, from: 'local', saddr: '127.0.0.1', daddr: '10.0.2.11' }],
  },
  {
    name: 'an open connection keeps the IPv4 options of its SYN',
    tables: [],
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080, ipOptionsHex: '07070800000000' },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 0 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['rst'], seq: 7001, ackFollows: 0 },
    ],
  },
  {
    name: 'fib does not look up a broadcast that came back',
    tables: chain('ip', 'prerouting', 0, ['fib saddr . iif oif exists', 'fib daddr oifname "eth1"']),
    packets: [{ ...udp, from: 'local', saddr: '10.0.2.1', daddr: '10.0.2.255' }],
  },
  {
    name: 'fib does not look up what comes to an open connection',
    tables: chain('ip', 'input', 0, ['fib daddr oifname "eth*"', 'counter']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 0 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 0 },
    ],
  },
  {
    name: 'an error about a packet with a port of chance belongs to its connection',
    tables: [
      ...chain('ip', 'postrouting', -400, ['ct state new udp sport set 81', 'ct state related counter']),
      ...nat('inet', 'postrouting', ['masquerade fully-random']),
    ],
    packets: [{ ...local, from: 'local', saddr: '127.0.0.1', daddr: '10.255.255.1', dport: 3000 }],
  },
  {
    name: 'an answer that a rule made into another ICMP message is dropped by NAT',
    tables: [...nat('ip', 'output', ['counter']), ...chain('ip', 'output', -300, ['th sport set 40000'])],
    packets: [local],
  },
  {
    name: 'an ICMP redirect about a translated connection is dropped',
    tables: [...nat('ip', 'postrouting', ['masquerade']), ...chain('ip', 'forward', 0, ['ct state related counter'])],
    packets: [
      udp,
      {
        iif: 'eth1',
        family: 'ip',
        saddr: '10.0.2.2',
        daddr: '10.0.2.1',
        protocol: 'icmp',
        icmpType: 5,
        icmpCode: 1,
        payloadHex: '4500001c000000003f11643e0a0002010a000202045708ae0008de0d',
      },
    ],
  },
  {
    name: 'a reset by a rule is answered though its sum is not made yet',
    tables: chain('ip', 'output', 0, ['th dport set 40000 reject']).concat(
      chain('ip', 'forward', 0, ['reject with tcp reset']),
    ),
    packets: [syn],
  },
  {
    name: 'echo to 0.0.0.0 and from ::1 is answered over lo',
    tables: [],
    packets: [
      { ...udp, from: 'local', saddr: '10.0.2.11', daddr: '0.0.0.0', protocol: 'icmp', icmpType: 8, icmpId: 1 },
      { ...six, from: 'local', saddr: '::1', daddr: 'fd00:2::', protocol: 'icmpv6', icmpType: 128, icmpId: 1 },
    ],
  },
  {
    name: 'a reset by a rule asks for its connection in the zone that was set',
    tables: chain('ip', 'prerouting', -300, ['ct original zone set 1 reject with tcp reset']),
    packets: [
      { ...syn, from: 'local', saddr: '10.0.2.1', daddr: '10.0.2.2' },
      { ...back, daddr: '10.0.2.1', flags: ['syn', 'ack'], seq: 7000, ack: 1001 },
    ],
  },
  {
    name: 'a SYN that is sent again, and what the window does not fit, is not counted',
    tables: chain(
      'ip',
      'forward',
      0,
      [1, 2, 3].map((n) => `ct original packets ${n}`),
    ),
    packets: [
      syn,
      syn,
      { ...back, flags: ['syn', 'ack'], seq: 7000, ack: 1001 },
      syn,
      { ...syn, flags: ['ack'], seq: 1001, ack: 7001 },
    ],
  },
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
    name: 'the acknowledgement of a SYN-ACK belongs to its connection',
    tables: chain('ip', 'input', 0, ['ct state invalid meta mark set 7']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 0 },
    ],
  },
  {
    name: 'an echo reply has the recorded route of the request',
    tables: chain('ip', 'input', 0, ['ip option rr ptr 8', 'ip option rr ptr 4']),
    packets: [{ ...local, protocol: 'icmp', icmpType: 8, icmpId: 1, icmpSeq: 1, ipOptionsHex: '07070400000000' }],
  },
  {
    name: 'malformed options are answered with a parameter problem',
    tables: [],
    packets: [{ ...udp, ipOptionsHex: '07070300000000' }],
  },
  {
    name: 'an error about a forwarded packet has an address of the device it came in by',
    tables: chain('ip6', 'forward', -300, ['reject']),
    packets: [{ ...six, iif: 'eth1', saddr: 'fd00:244:2::7', daddr: 'fd00:96::10' }],
  },
  {
    name: 'the unspecified destination is the node itself',
    tables: [],
    packets: [{ ...syn, from: 'local', saddr: '127.0.0.1', daddr: '0.0.0.0', flags: ['fin', 'ack'], ack: 5000 }],
  },
  {
    name: 'a forwarded packet has the priority of its type of service',
    tables: chain('ip', 'forward', 0, ['meta priority 0:4', 'meta priority 0']),
    packets: [{ ...udp, dscp: 46 }],
  },
  {
    name: 'of a later fragment words are read as ports',
    tables: chain('inet', 'prerouting', -450, ['udp dport 4369', 'th dport 4369', '@th,0,24 != 0', '@th,8,16 != 0']),
    // It waits for the others for half a minute: no other case may have its id.
    packets: [{ ...half(1, '11'.repeat(32), 16), id: 78 }],
  },
  {
    name: 'within a tick ct count adds what it has',
    tables: [
      {
        family: 'ip',
        name: 't',
        items: [],
        chains: [
          {
            name: 'b',
            base: 'type filter hook prerouting priority -250; policy accept;',
            rules: [['jump c'], ['jump c']],
          },
          { name: 'c', base: undefined, rules: [['ct count over 1 meta mark set 1']] },
        ],
      },
    ],
    packets: [udp],
  },
  {
    name: 'a template shows its state only',
    tables: chain('ip', 'prerouting', -300, ['ct original zone set 1', 'ct mark 0', 'ct zone 1', 'ct state new']),
    packets: [udp, { ...udp, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 2222, dport: 1111 }],
  },
  {
    name: 'a SYN that asks for congestion notification gets it',
    tables: chain('ip', 'output', 0, ['tcp flags & ecn == ecn', 'tcp window 65160', 'ip frag-off & 0x4000 == 0x4000']),
    packets: [
      {
        ...syn,
        daddr: '10.0.1.1',
        dport: 8080,
        flags: ['syn', 'ecn', 'cwr'],
        tcpOptionsHex: '0101080a0000000100000000',
      },
    ],
  },
  {
    name: 'a deleted element counts towards the size of its set for a while',
    tables: chain(
      'ip',
      'forward',
      0,
      ['add @s { ip saddr }', 'delete @s { ip saddr }', 'add @s { ip daddr } meta mark set 4'],
      ['set s { type ipv4_addr; size 1; flags dynamic; }'],
    ),
    packets: [udp],
  },
  {
    name: 'DCCP is not rejected with an error',
    tables: chain('ip', 'forward', 0, ['reject']),
    packets: [{ ...udp, protocol: 'dccp' }],
  },
  {
    name: 'GRE that is cut short is not translated',
    tables: [
      {
        family: 'ip',
        name: 't',
        items: [],
        chains: [{ name: 'b', base: 'type nat hook prerouting priority 0; policy accept;', rules: [['redirect']] }],
      },
    ],
    packets: [{ ...udp, protocol: 'gre' }],
  },
  {
    name: 'egress sees fragments one by one',
    tables: [
      {
        family: 'netdev',
        name: 't',
        items: ['counter o { packets 0 bytes 0 }'],
        chains: [
          {
            name: 'b',
            base: 'type filter hook egress device "eth1" priority 0; policy accept;',
            rules: [['meta iiftype ether counter name "o"']],
          },
        ],
      },
    ],
    packets: [half(0, `0457 08ae 0030 0000 ${'11'.repeat(8)}`.replaceAll(' ', ''), 0), half(1, '11'.repeat(32), 16)],
  },
  {
    name: 'a confirmed connection is counted once',
    tables: chain('ip', 'input', 0, []).concat(
      ...['prerouting', 'output'].map((hook) => chain('ip', hook, 5, ['ct count over 1 meta mark set 2', 'counter'])),
    ),
    packets: [
      { from: 'local', family: 'ip', saddr: '10.0.1.1', daddr: '10.0.1.1', protocol: 'udp', sport: 5, dport: 53 },
    ],
  },
  {
    name: 'a packet without ports is not counted',
    tables: chain('ip', 'prerouting', 0, ['ct count over 5', 'counter']),
    packets: [{ ...udp, rawL4: true, payloadHex: '0800' }],
  },
  {
    name: 'a destination written in an output chain of type nat is not routed',
    tables: nat('ip', 'output', ['ip daddr set 10.0.1.2']),
    packets: [
      { from: 'local', family: 'ip', saddr: '10.0.2.1', daddr: '10.0.2.2', protocol: 'udp', sport: 5, dport: 6 },
    ],
  },
  {
    name: 'a mark of an earlier chain does not route again',
    tables: [
      ...chain('ip', 'output', 0, ['meta mark set 1']),
      ...chain('ip', 'output', 5, ['counter']).map((t) => ({
        ...t,
        chains: t.chains.map((c) => ({ ...c, base: c.base.replace('filter', 'route') })),
      })),
    ],
    packets: [
      { from: 'local', family: 'ip', saddr: '10.0.2.1', daddr: '10.0.2.2', protocol: 'udp', sport: 5, dport: 6 },
    ],
  },
  {
    name: 'what reject demands stands before the rule',
    tables: chain('ip', 'forward', 0, ['meta mark set 5 reject with tcp reset', 'meta mark 5']),
    packets: [udp, syn],
  },
  {
    name: 'a set of protocols tells reject enough',
    tables: chain('ip', 'forward', 0, ['meta l4proto { 17, 6 } reject with tcp reset']),
    packets: [udp],
  },
  {
    name: 'an error about a prohibited destination comes from the sender itself',
    tables: [],
    packets: [{ ...udp, saddr: '10.0.3.1', daddr: '192.168.68.1' }],
  },
  {
    name: 'an address of an IPv6 range',
    tables: nat('ip6', 'postrouting', ['snat to fd00:3::2-fd00:3::5']),
    packets: [six, { ...six, saddr: 'fd00:1::8002' }, { ...six, daddr: '2001:db8::7' }],
  },
  {
    name: 'a destination out of an IPv6 range',
    tables: nat('ip6', 'prerouting', ['dnat to fd00:3::2-fd00:3::5']),
    packets: [six, { ...six, saddr: 'fd00:1::8002' }, { ...six, daddr: '2001:db8::7' }],
  },
  {
    name: 'a prefix that maps an address to itself',
    tables: nat('ip', 'prerouting', ['dnat prefix to 10.0.2.0/24']),
    packets: [udp],
  },
  {
    name: 'a prefix keeps the host of the packet as it is',
    tables: nat('ip', 'input', ['ip saddr set 198.51.100.9 snat prefix to 10.0.3.0/25']),
    packets: [local],
  },
  {
    name: 'echo ids that are picked by chance',
    tables: nat('ip', 'postrouting', ['masquerade random']),
    packets: [{ ...udp, protocol: 'icmp', icmpType: 8, icmpId: 7, icmpSeq: 1 }],
  },
  {
    name: 'a SYN within the window of a half-open connection resets it',
    tables: [],
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, seq: 2000 },
    ],
  },
  {
    name: 'kernel sockets of resets and errors',
    tables: chain('ip', 'output', 0, ['socket wildcard 1 meta mark set 1', 'socket transparent 1 meta mark set 2']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 81 },
      { ...local, dport: 9 },
      { ...syn, daddr: '10.0.1.1', dport: 8081 },
    ],
  },
  {
    name: 'ICMPv6 redirects are answered',
    tables: [],
    packets: [{ ...six, daddr: 'fd00:66::5', protocol: 'icmpv6', icmpType: 137, icmpId: 1, icmpSeq: 1 }],
  },
  {
    name: 'what was put together has the mark of the first fragment',
    tables: [
      ...chain('ip', 'prerouting', -401, ['numgen inc mod 2 0 meta mark set 5']),
      ...chain('ip', 'forward', 0, ['counter']),
    ],
    packets: [
      half(0, `0457 08ae 0030 0000 ${'11'.repeat(8)}`.replaceAll(' ', ''), 0),
      half(1, '11'.repeat(32), 16),
      { ...half(1, '11'.repeat(32), 16), id: 78 },
      { ...half(0, `0457 08ae 0030 0000 ${'11'.repeat(8)}`.replaceAll(' ', ''), 0), id: 78 },
    ],
  },
  {
    name: 'an assured connection is not added to a count, and one that is closed leaves it',
    tables: chain(
      'ip',
      'forward',
      0,
      [0, 1, 2].map((n) => `ct count over ${n} meta mark set ${n + 1}`),
    ),
    packets: [
      syn,
      { ...back, flags: ['syn', 'ack'], seq: 7000, ack: 1001 },
      { ...syn, flags: ['ack'], seq: 1001, ack: 7001 },
      { ...syn, sport: 3333 },
      { ...syn, flags: ['rst'], seq: 1001 },
      { ...syn, flags: ['ack'], seq: 1001, ack: 7001 },
    ],
  },
  {
    name: 'a masqueraded connection that would leave by another device is forgotten',
    tables: [
      ...nat('ip', 'postrouting', ['masquerade']),
      ...chain('ip', 'prerouting', -150, ['numgen inc mod 2 1 ip daddr set 10.0.3.2']),
    ],
    packets: [udp, udp, udp],
  },
  {
    name: 'no reset for a broadcast that came back, before routing either',
    tables: chain('ip', 'prerouting', -300, ['reject with tcp reset']),
    packets: [{ ...syn, from: 'local', saddr: '10.0.2.1', daddr: '255.255.255.255' }],
  },
  {
    name: 'SCTP: tags, states, and when an association is assured',
    tables: chain('ip', 'forward', 0, ['ct expiration > 100s', 'ct expiration > 5s', 'counter']),
    packets: [
      // INIT asks for the tag 0x22, INIT_ACK for 0x11; a foreign tag; COOKIE_ECHO, COOKIE_ACK; SHUTDOWN, SHUTDOWN_ACK, SHUTDOWN_COMPLETE.
      sctp('>', '3d49e5c0', 0, '0100001400000022000100000001000100000001'),
      sctp('<', '46753b9a', 0x22, '0200001400000011000100000001000100000001'),
      sctp('>', '1367aed8', 0x33, '0a000004'),
      sctp('>', 'cc9a28df', 0x11, '0a000004'),
      sctp('<', '6cbaecd2', 0x22, '0b000004'),
      sctp('>', 'bc9d8cb1', 0x11, '0700000801020304'),
      sctp('<', '5533ceb0', 0x22, '08000004'),
      sctp('>', '3fab0aa4', 0x11, '0e000004'),
    ],
  },
  {
    name: 'TCP: what the window does not allow passes, and may be acknowledged',
    tables: chain('ip', 'forward', 0, ['ct expiration > 100s', 'counter']),
    packets: [
      syn,
      { ...back, flags: ['syn', 'ack'], seq: 7000, ack: 1001 },
      { ...back, flags: ['rst'], seq: 7001 },
      { ...back, flags: ['psh', 'ack'], seq: 7004, ack: 1001, payloadHex: '01020304' },
      { ...syn, flags: ['ack'], seq: 1001, ack: 7003 },
      { ...back, flags: ['ack'], seq: 4294902296, ack: 1104 },
    ],
  },
  {
    name: 'TCP: both ends open it',
    tables: chain('ip', 'forward', 0, ['counter']),
    packets: [
      syn,
      { ...back, flags: ['syn'], seq: 7000 },
      { ...syn, flags: ['syn', 'ack'], seq: 1000, ack: 7001 },
      { ...back, flags: ['ack'], seq: 7001, ack: 1001 },
      { ...syn, flags: ['rst'], seq: 2000 },
      { ...syn, flags: ['rst'], seq: 1001 },
    ],
  },
  {
    name: 'a datagram that names more than it carries belongs to no connection',
    tables: chain('ip', 'output', 0, ['ct state invalid', 'counter']),
    packets: [{ ...udp, from: 'local', saddr: '10.0.2.1', rawL4: true, payloadHex: '045708ae0030000011111111' }],
  },
  {
    name: 'a half-open socket answers in the class of the segment',
    tables: [],
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080, dscp: 10 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['syn', 'ack'], seq: 900000, dscp: 8, ecn: 1, ackFollows: 0 },
    ],
  },
  {
    name: 'the last piece of what is cut up anew need not be a multiple of eight',
    tables: chain('ip', 'prerouting', -150, ['dup to 10.0.3.3 device "eth2"']),
    packets: [half(0, `0457 08ae 0036 0000 ${'11'.repeat(16)}`.replaceAll(' ', ''), 0), half(1, '11'.repeat(30), 24)],
  },
  {
    name: 'a zone of one direction clashes with no entry of another zone',
    tables: [
      ...chain('ip', 'output', -300, ['ct zone set 1']),
      ...chain('ip', 'prerouting', -450, ['ct original zone set 1']),
    ],
    packets: [
      { ...udp, from: 'local', saddr: '10.0.1.1', daddr: '10.0.2.2', dport: 9 },
      { ...udp, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.1', sport: 9, dport: 1111 },
    ],
  },
  {
    name: 'a port of chance stays in its class',
    tables: [
      ...nat('ip', 'postrouting', ['masquerade random']),
      ...chain('ip', 'postrouting', 200, [
        'udp sport >= 1024 counter',
        'udp sport < 1024 counter',
        'ct reply proto-dst 80',
      ]),
    ],
    packets: [udp],
  },
  {
    name: 'a broadcast whose destination a rule changes goes to the neighbour of the new address, unless the sender knew it',
    tables: chain('ip', 'postrouting', 0, [
      'tcp flags rst tcp dport 1 ip daddr set 10.244.1.6',
      'tcp flags rst tcp dport 2 ip daddr set 10.0.2.3',
      'udp dport 2222 ip daddr set 10.244.1.6',
    ]),
    packets: [
      { ...syn, saddr: '10.0.2.255', daddr: '10.0.3.1', sport: 1, flags: ['ack'], ack: 5000 },
      { ...syn, saddr: '10.0.2.255', daddr: '10.0.3.1', sport: 2, flags: ['ack'], ack: 5000 },
      { ...syn, saddr: '10.0.2.255', daddr: '10.0.3.1', sport: 3, flags: ['ack'], ack: 5000 },
      { ...udp, from: 'local', saddr: '10.0.1.1', daddr: '10.0.1.255' },
    ],
  },
  {
    name: 'a duplicate that is routed anew comes from the device it was to leave by',
    tables: [
      ...chain('ip', 'output', 0, ['dup to 10.0.1.3', 'meta mark set 1']).map((t) => ({
        ...t,
        chains: t.chains.map((c) => ({ ...c, base: c.base.replace('filter', 'route') })),
      })),
      ...chain('ip', 'postrouting', 0, ['iifname "eth0" counter', 'iifname "eth1" counter']),
    ],
    packets: [{ ...udp, from: 'local', saddr: '10.0.2.1' }],
  },
  {
    name: 'what is known of the number of a socket holds for the segments that acknowledge it',
    tables: [
      ...chain('ip', 'prerouting', 0, ['ct state established counter']),
      ...chain('ip', 'output', 0, ['ct state invalid counter']),
    ],
    // Of several connections the number lies before the guess in some and behind it in others.
    packets: [1, 2, 3, 4, 5, 6].flatMap((sport, n) => [
      { ...syn, daddr: '10.0.1.1', sport, dport: 8080 },
      {
        ...back,
        from: 'local',
        saddr: '10.0.1.1',
        sport: 8080,
        dport: sport,
        flags: ['fin', 'ack'],
        seq: 7001,
        ack: 1001,
      },
      { ...syn, daddr: '10.0.1.1', sport, dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 3 * n },
    ]),
  },
  {
    name: 'a duplicate of what goes to a group comes back in IPv6 alone, from no device, and no further than prerouting',
    tables: [
      ...chain('ip6', 'postrouting', 101, ['dup to fd00:3::3', 'iifname "eth2" counter']),
      ...chain('ip6', 'prerouting', 0, ['counter']),
      ...chain('ip6', 'input', 0, ['counter']),
      ...chain('ip', 'postrouting', 101, ['dup to 10.0.3.3', 'iifname "eth2" counter']),
      ...chain('ip', 'prerouting', 0, ['counter']),
    ],
    packets: [
      { ...six, from: 'local', saddr: 'fd00:2::1', daddr: 'ff02::1' },
      { ...udp, from: 'local', saddr: '10.0.2.1', daddr: '224.0.0.1' },
    ],
  },
  {
    name: 'a frame that is translated on a bridge goes on along it to the neighbour of the new address',
    environment: 'bridge-nf',
    tables: [
      ...nat('ip', 'postrouting', ['masquerade']),
      ...nat('ip', 'prerouting', ['udp dport 53 dnat to 10.0.4.5', 'udp dport 54 dnat to 10.0.1.2']),
      ...chain('ip', 'forward', 0, ['counter']),
      ...chain('bridge', 'input', 0, ['counter']),
      ...chain('bridge', 'forward', 0, ['counter']),
    ],
    packets: [
      bridged,
      {
        ...bridged,
        iif: 'brp1',
        saddr: '10.0.4.3',
        daddr: '10.0.4.1',
        sport: 2222,
        dport: 1111,
        l2: { src: '02:00:00:00:07:02', dst: '02:00:00:00:04:01' },
      },
      { ...bridged, dport: 53 },
      { ...bridged, dport: 54 },
    ],
  },
  {
    name: 'a frame that is translated on a bridge, IPv6',
    environment: 'bridge-nf',
    tables: [
      ...nat('ip6', 'prerouting', ['udp dport 53 dnat to fd00:4::5', 'udp dport 54 dnat to fd00:9::9', 'dnat to ::1']),
      ...chain('ip6', 'forward', 0, ['counter']),
      ...chain('bridge', 'input', 0, ['counter']),
      ...chain('bridge', 'forward', 0, ['counter']),
    ],
    packets: [
      { ...bridged, family: 'ip6', saddr: 'fd00:4::2', daddr: 'fd00:4::3', dport: 53 },
      { ...bridged, family: 'ip6', saddr: 'fd00:4::2', daddr: 'fd00:4::3', dport: 54 },
      { ...bridged, family: 'ip6', saddr: 'fd00:4::2', daddr: 'fd00:4::3', dport: 55 },
    ],
  },
  {
    name: 'neighbouring fields that shall differ from values are compared at once',
    tables: [
      ...chain('ip', 'prerouting', 0, [
        'udp dport != 81 meta mark 0 udp sport != 1111 counter',
        'udp sport != 1111 udp dport != 2222',
        'udp sport != 1111 counter udp dport != 81',
        'udp sport != 1111 udp dport != { 81, 82 }',
        'ip ttl != 64 ip protocol != 6 ip checksum != 3 ip saddr != 10.0.1.2',
        'ip saddr != 10.0.1.2 ip daddr != 10.0.2.3',
        'ether daddr != 02:00:00:00:01:01 ether saddr != 02:00:00:00:01:03',
        'tcp sport != 1111 tcp dport != 81',
      ]),
      ...chain('arp', 'input', 0, ['arp saddr ether != 02:00:00:00:01:03 arp operation != request']),
    ],
    packets: [
      udp,
      { ...udp, sport: 81 },
      { iif: 'eth0', family: 'arp', op: 'request', saddr: '10.0.1.2', daddr: '10.0.1.1' },
    ],
  },
  {
    name: 'a second connection of the same two begins with another number',
    tables: chain('ip', 'prerouting', 0, ['ct state established counter']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['syn', 'ack'], seq: 7000, ackFollows: 0 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, seq: 7001 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['psh', 'ack'], seq: 7001, ackFollows: 0, payloadHex: '0102' },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['psh', 'ack'], seq: 7002, ackFollows: 2, payloadHex: '0102' },
    ],
  },
  ...(
    [
      ['', udp],
      [', IPv6', six],
    ] as const
  ).map(([name, one]) => ({
    name: `fragments that overlap, that come twice, that do not fit, and those of other congestion${name}`,
    tables: chain(one.family, 'prerouting', 0, ['udp dport 2222 counter', 'meta mark set 1']),
    packets: [
      // One of two runs ends the packet, all of one run is there already.
      ...[piece(one, 1, 0, 16, true), piece(one, 1, 8, 24, true), piece(one, 1, 16, 48, false)],
      ...[piece(one, 2, 0, 16, true), piece(one, 2, 0, 16, true), piece(one, 2, 8, 16, true)],
      piece(one, 2, 16, 48, false),
      ...[piece(one, 3, 0, 16, true), piece(one, 3, 24, 32, true), piece(one, 3, 16, 24, true)],
      ...[piece(one, 3, 16, 32, true), piece(one, 3, 32, 48, false)],
      ...[piece(one, 4, 16, 40, false), piece(one, 4, 32, 48, true), piece(one, 4, 0, 16, true)],
      ...[piece(one, 5, 32, 48, true), piece(one, 5, 16, 40, false), piece(one, 5, 0, 16, true)],
      ...[piece(one, 6, 0, 13, true), piece(one, 6, 8, 48, false), piece(one, 6, 0, 8, true)],
      ...[piece({ ...one, ecn: 1 }, 7, 0, 16, true), piece(one, 7, 16, 48, false)],
      ...[piece({ ...one, ecn: 1 }, 8, 0, 16, true), piece({ ...one, ecn: 3 }, 8, 16, 48, false)],
      ...[piece({ ...one, ecn: 2 }, 9, 16, 48, false), piece({ ...one, ecn: 1 }, 9, 0, 16, true)],
      ...[piece({ ...one, df: true }, 10, 0, 16, true), piece(one, 10, 16, 48, false)],
      ...[piece(one, 11, 0, 16, true), piece({ ...one, df: true }, 11, 16, 48, false)],
    ],
  })),
  {
    name: 'a first fragment without all headers goes on alone',
    tables: chain('ip6', 'prerouting', 0, ['counter']),
    packets: [
      piece({ ...six, protocol: 'tcp' }, 1, 0, 16, true),
      piece({ ...six, protocol: 'tcp' }, 1, 16, 48, false),
      piece({ ...six, daddr: 'fd00:1::1', protocol: 'tcp' }, 2, 0, 16, true),
      ...[piece(six, 3, 0, 16, true), piece(six, 3, 0, 4, true), piece(six, 3, 16, 48, false)],
      ...[piece(six, 4, 0, 16, true), piece(six, 4, 16, 29, true), piece(six, 4, 16, 48, false)],
    ],
  },
  {
    name: 'TCP: what came twice is said before what waits, and nothing of it after the end',
    tables: chain('ip', 'output', 0, ['tcp option sack0 left 0-0xffffffff counter', 'tcp option sack exists counter']),
    packets: [
      {
        sport: 1,
        data: [
          [0, 1],
          [0, 1, 'fin'],
        ] as const,
      },
      {
        sport: 2,
        data: [
          [10, 20],
          [10, 20],
          [5, 15],
          [15, 30],
          [0, 12],
        ] as const,
      },
      {
        sport: 3,
        data: [
          [10, 20],
          [30, 40],
          [5, 45],
          [0, 7],
        ] as const,
      },
      {
        sport: 4,
        data: [
          [10, 20],
          [30, 40],
          [8, 25],
          [12, 14],
          [40, 50, 'fin'],
          [60, 70],
          [0, 10],
          [20, 35],
        ] as const,
      },
      {
        sport: 5,
        data: [
          [20, 30],
          [10, 20],
          [0, 25],
        ] as const,
      },
    ].flatMap(({ sport, data }, n, all) => {
      const first = all.slice(0, n).reduce((sum, x) => sum + x.data.length + 2, 0);
      const one: PacketSpec = { ...syn, daddr: '10.0.1.1', sport, dport: 8080 };
      return [
        { ...one, tcpOptionsHex: '020405b404020101' },
        { ...one, flags: ['ack'], seq: 1001, ackFollows: first },
        ...data.map(([from, to, fin]) => ({
          ...one,
          flags: ['ack', ...(fin === undefined ? [] : [fin])],
          seq: 1001 + from,
          ackFollows: first,
          payloadHex: '00'.repeat(to - from),
        })),
      ];
    }),
  },
  {
    name: 'SCTP: a chunk without a length makes the packet invalid',
    tables: chain('ip', 'forward', 0, ['sctp chunk data exists counter', 'sctp chunk heartbeat exists counter']),
    packets: [sctp('>', 'ffe342d4', 100, '0400000400000000'), sctp('>', 'cf720689', 100, '04000004')],
  },
  {
    name: 'the window of a socket before it took anything',
    tables: chain('ip', 'output', 0, [
      'tcp window 64240 counter',
      'tcp window 63000-64239 counter',
      'tcp window 0-62999 counter',
    ]),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 2001, ackFollows: 0, payloadHex: '01' },
    ],
  },
  {
    name: 'a segment beyond the window of a socket that scales it',
    tables: chain('ip', 'prerouting', 0, ['ct state invalid counter', 'ct state established counter']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080, tcpOptionsHex: '020405b40402080a000000010000000001030307' },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['ack'], seq: 1001, ackFollows: 0 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['psh', 'ack'], seq: 1001, ackFollows: 0, payloadHex: '0102' },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['fin', 'ack'], seq: 67001, ackFollows: 0 },
    ],
  },
  {
    name: 'what was put together leaves in pieces: behind the options of hops, and anew where TCP or an option had to be moved',
    tables: chain('inet', 'postrouting', 0, ['counter']),
    packets: [
      ...[
        { ...piece(six, 1, 0, 16, true), extHeaders: [{ type: 'hbh' }, { type: 'frag', offset: 0, mf: true, id: 1 }] },
        piece(six, 1, 16, 48, false),
      ],
      ...[
        piece(six, 2, 0, 16, true),
        {
          ...piece(six, 2, 16, 48, false),
          extHeaders: [{ type: 'hbh' }, { type: 'frag', offset: 16, mf: false, id: 2 }],
        },
      ],
      ...[piece({ ...six, protocol: 'tcp' }, 3, 0, 24, true), piece({ ...six, protocol: 'tcp' }, 3, 24, 48, false)],
      ...[
        piece({ ...udp, protocol: 'tcp' }, 5, 16, 32, false),
        piece({ ...udp, protocol: 'tcp' }, 5, 0, 8, true),
        piece({ ...udp, protocol: 'tcp' }, 5, 8, 16, true),
      ],
    ],
  },
  {
    name: 'fragments of IPv6 that no queue takes are reported on delivery',
    tables: chain('ip6', 'input', 0, ['counter']),
    packets: [
      piece({ ...six, daddr: 'fd00:1::1' }, 1, 8, 21, true),
      piece({ ...six, daddr: 'fd00:1::1' }, 2, 0, 21, true),
      piece({ ...six, daddr: 'fd00:1::1', protocol: 'icmpv6' }, 3, 8, 21, true),
    ],
  },
  {
    name: 'an open connection that no process has accepted has no owner',
    tables: chain('ip', 'output', 0, ['meta skuid 0 counter', 'meta skgid 0 counter']),
    packets: [
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
      { ...syn, daddr: '10.0.1.1', dport: 8080, flags: ['psh', 'ack'], seq: 1001, ackFollows: 0, payloadHex: '0102' },
    ],
  },
  {
    name: 'a group whose answer is translated back is reset like anybody',
    tables: nat('ip6', 'output', ['dnat to fd00:3::3']),
    packets: [
      { ...six, from: 'local', saddr: 'fd00:2::11', daddr: 'ff05::9', protocol: 'tcp', flags: ['syn'], sport: 53 },
      {
        ...six,
        iif: 'eth2',
        saddr: 'fd00:3::3',
        daddr: 'fd00:2::11',
        protocol: 'tcp',
        flags: ['syn', 'ack'],
        sport: 2222,
        dport: 53,
        seq: 7000,
        ack: 1001,
      },
    ],
  },
];
