/** Single packets, for what the laboratory found since: as {@link REGRESSIONS}, in a file and a recording of their own. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { Regression } from './regressions';

const chain = (family: string, hook: string, priority: number, rules: readonly string[], type = 'filter') => [
  {
    family,
    name: `${family}${hook}${Math.abs(priority)}`,
    items: [],
    chains: [
      {
        name: 'c',
        base: `type ${type} hook ${hook} priority ${priority}; policy accept;`,
        rules: rules.map((r) => r.split(' + ')),
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
const syn: PacketSpec = { ...udp, protocol: 'tcp', flags: ['syn'] };
const six: PacketSpec = { ...udp, family: 'ip6', saddr: 'fd00:1::2', daddr: 'fd00:2::2' };
/** An error about `udp`, as it left the node. */
const unreachable: PacketSpec = {
  iif: 'eth1',
  family: 'ip',
  saddr: '10.0.2.2',
  daddr: '10.0.1.2',
  protocol: 'icmp',
  icmpType: 3,
  icmpCode: 3,
  payloadHex: '4500001c123440003f1111800a0001020a000202045708ae0008e075',
};
const onBridge: PacketSpec = {
  ...udp,
  iif: 'brp0',
  saddr: '10.0.4.2',
  daddr: '10.0.3.1',
  l2: { src: '02:00:00:00:06:02', dst: '02:00:00:00:04:01' },
};

export const SINGLE_REGRESSIONS: readonly Regression[] = [
  {
    name: 'an error whose checksum was found right twice is not asked again when it leaves',
    tables: [
      ...chain('ip', 'prerouting', -100, [], 'nat'),
      ...chain('ip', 'postrouting', 0, ['@nh,8,8 set 184 + counter']),
    ],
    packets: [udp, unreachable],
  },
  {
    name: 'an error whose header a rule made wrong before its checksum was asked a second time is dropped',
    tables: [
      ...chain('ip', 'prerouting', -100, [], 'nat'),
      ...chain('ip', 'prerouting', -150, ['@nh,8,8 set 184 + counter']),
    ],
    packets: [udp, unreachable],
  },
  {
    name: 'no error goes to the address of a network on the link, which stands for any router there',
    environment: 'no-forward',
    tables: chain('ip6', 'output', 0, ['icmpv6 type 1 counter', 'counter']),
    packets: [
      { ...udp, family: 'ip6', saddr: 'fd00:1::', daddr: 'fd00:68::1' },
      { ...udp, family: 'ip6', saddr: 'fd00:1::2', daddr: 'fd00:68::1' },
    ],
  },
  {
    name: 'the type of the input device of what the node sends over a bridge is that of the port',
    tables: [
      ...chain('bridge', 'output', 0, ['meta iiftype != loopback counter', 'meta iiftype ether counter', 'iif 0']),
      ...chain('bridge', 'postrouting', 0, ['meta iiftype ether counter']),
    ],
    packets: [onBridge],
  },
  {
    name: 'a label of CIPSO in an IPv4 option is an error, as no domain of them is configured',
    tables: chain('ip', 'input', 0, ['counter']),
    packets: ['86040000', '8607000000010000', '8608000000010102'].map((ipOptionsHex) => ({
      ...udp,
      daddr: '10.0.1.1',
      ipOptionsHex,
    })),
  },
  {
    name: 'a connection expects another, from its server, and each is expected by one alone',
    tables: [
      {
        family: 'ip',
        name: 't',
        items: ['ct expectation e { protocol tcp; dport 8888; timeout 1m; size 8; l3proto ip; }'],
        chains: [
          {
            name: 'c',
            base: 'type filter hook forward priority 0; policy accept;',
            rules: [
              ['tcp dport != 8888', 'ct mark set 7', 'ct expectation set "e"', 'counter'],
              ['ct state related', 'ct mark 7'],
            ],
          },
          {
            name: 'r',
            base: 'type filter hook prerouting priority -300; policy accept;',
            rules: [['ct expectation set "e"']],
          },
        ],
      },
    ],
    packets: [
      { ...syn, sport: 1111 },
      { ...syn, sport: 1111 },
      { ...syn, sport: 1112 },
      { ...syn, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 5, dport: 8888 },
      { ...syn, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 6, dport: 8888 },
      { ...syn, sport: 1113 },
    ],
  },
  ...['base', 'bridge-nf'].map((environment) => ({
    name: `a frame with a VLAN tag goes along a bridge, past the ip hooks, and not up: ${environment}`,
    environment,
    tables: [
      ...chain('bridge', 'prerouting', 0, ['vlan id 10 counter', 'ip saddr 10.0.4.2 counter']),
      ...chain('bridge', 'input', 0, ['counter']),
      ...chain('bridge', 'forward', 0, ['counter']),
      ...chain('ip', 'prerouting', 0, ['counter']),
      ...chain('ip', 'forward', 0, ['counter']),
    ],
    packets: [
      { ...onBridge, l2: { ...onBridge.l2, vlan: 10 } },
      { ...onBridge, l2: { ...onBridge.l2, vlan: 0x6000 } },
      { ...onBridge, daddr: '10.0.4.3', l2: { src: '02:00:00:00:06:02', dst: '02:00:00:00:07:02', vlan: 10 } },
      { ...udp, l2: { src: '02:00:00:00:01:02', dst: '02:00:00:00:01:01', vlan: 10 } },
      { ...udp, l2: { src: '02:00:00:00:01:02', dst: '02:00:00:00:01:01', vlan: 0x2000 } },
    ],
  })),
  {
    name: 'a listener does not answer an IPv4 address in the clothes of IPv6, but there is a reset where none listens',
    tables: [],
    packets: [8080, 9].map((dport) => ({
      ...syn,
      family: 'ip6' as const,
      saddr: '::ffff:10.0.1.2',
      daddr: 'fd00:1::1',
      dport,
    })),
  },
  {
    name: 'what has nothing behind its IPv6 headers belongs to no connection',
    tables: chain('ip6', 'forward', 0, ['ct state invalid counter', 'meta l4proto 59 counter']),
    packets: [
      {
        ...udp,
        family: 'ip6',
        saddr: 'fd00:1::2',
        daddr: 'fd00:2::2',
        protocol: 59,
        rawL4: true,
        payloadHex: '00010203',
      },
    ],
  },
  {
    name: 'what the kernel sends by itself is in the cgroup 0',
    tables: chain('ip', 'output', 0, ['meta cgroup 0 counter', 'meta cgroup != 0 counter']),
    packets: [
      { ...udp, daddr: '10.0.1.1' },
      { ...syn, daddr: '10.0.1.1' },
    ],
  },
  {
    name: 'hop-by-hop options that nobody knows stop a packet before the rules',
    tables: [...chain('ip6', 'prerouting', 0, ['counter']), ...chain('ip6', 'output', 0, ['counter'])],
    packets: [
      '830400000000',
      'c30400000000',
      '430400000000',
      '030400000000',
      '050200000100',
      '010401000000',
      'c20400001000',
    ].map((hex) => ({ ...six, extHeaders: [{ type: 'hbh' as const, hex }] })),
  },
  {
    name: 'extension headers that the node does not accept for itself',
    tables: [...chain('ip6', 'input', 0, ['counter']), ...chain('ip6', 'output', 0, ['counter'])],
    packets: [
      ...['830400000000', '430400000000'].map((hex) => [{ type: 'dst' as const, hex }]),
      ...['000100000000', '000000000000', '020100000000', '040000000000'].map((hex) => [{ type: 'rt' as const, hex }]),
      [{ type: 'dst' as const }, { type: 'hbh' as const }],
    ].map((extHeaders) => ({ ...six, daddr: 'fd00:1::1', extHeaders })),
  },
  {
    name: 'an option that asks for it is answered even where it went to a group',
    tables: chain('ip6', 'output', 0, ['counter']),
    packets: ['830400000000', 'c30400000000'].map((hex) => ({
      ...six,
      daddr: 'ff02::1',
      extHeaders: [{ type: 'dst' as const, hex }],
      l2: { dst: '33:33:00:00:00:01' },
    })),
  },
  {
    name: 'headers that may come before others, but which nft and conntrack take for the transport protocol',
    tables: chain('ip6', 'prerouting', 0, [
      'meta l4proto 135 counter',
      'meta l4proto 139 counter',
      'exthdr mh exists counter',
    ]),
    packets: [135, 139, 140].map((protocol) => ({
      ...six,
      protocol,
      rawL4: true,
      payloadHex: '3a000000000000008000f1f100010001',
    })),
  },
  {
    name: 'what stays on the node: a group of its own, and one without hops left; answers to groups go no further than the link',
    tables: [...chain('ip6', 'prerouting', 0, ['counter']), ...chain('ip', 'postrouting', 0, ['counter'])],
    packets: [
      { ...six, from: 'local', saddr: 'fd00:1::1', daddr: 'ff01::1' },
      { ...six, daddr: 'ff01::1', l2: { dst: '33:33:00:00:00:01' } },
      { ...udp, from: 'local', saddr: '10.0.1.1', daddr: '224.0.0.5', ttl: 0 },
      { ...udp, from: 'local', saddr: '10.0.1.1', daddr: '224.0.0.1', ttl: 0 },
      { ...syn, from: 'local', saddr: '224.0.0.1', daddr: '0.0.0.0' },
    ],
  },
  {
    name: 'a length of IPv6 that a rule writes changes the transport checksum, and makes it wrong',
    tables: chain('ip6', 'prerouting', 0, ['ip6 length set 21']),
    packets: [
      { ...six, protocol: 'tcp', flags: ['syn'], daddr: 'fd00:1::1' },
      { ...six, protocol: 'tcp', flags: ['syn'] },
    ],
  },
  {
    name: 'while a chain runs, its packet has the protocol that it came with',
    tables: [
      ...chain('ip', 'prerouting', -300, ['ip protocol set 6', 'meta l4proto udp counter', 'udp dport 2222 counter']),
      ...chain('ip', 'prerouting', 0, ['meta l4proto tcp counter', 'tcp dport 2222 counter']),
    ],
    packets: [{ ...udp, payloadHex: '11'.repeat(20) }],
  },
  {
    name: 'addresses that begin with 0 are like any other, but for 0.0.0.0',
    tables: chain('ip', 'prerouting', 0, ['fib saddr type unicast counter', 'fib daddr type broadcast counter']),
    packets: [
      { ...udp, saddr: '0.1.2.3' },
      { ...udp, daddr: '0.1.2.3' },
      { ...udp, saddr: '0.1.2.3', daddr: '10.0.1.1' },
      { ...udp, from: 'local', saddr: '10.0.1.1', daddr: '0.1.2.3' },
      { ...udp, from: 'local', saddr: '0.1.2.3' },
    ],
  },
  {
    name: 'multicast routing takes what is said to it, and does not answer',
    tables: [],
    packets: [
      { ...udp, daddr: '10.0.1.1', protocol: 103, rawL4: true, payloadHex: '20000000' },
      { ...six, daddr: 'fd00:1::1', protocol: 103, rawL4: true, payloadHex: '20000000' },
    ],
  },
  ...['base', 'bridge-nf'].map((environment) => ({
    name: `a frame to another port of the bridge goes up, and is for nobody: ${environment}`,
    environment,
    tables: [...chain('bridge', 'input', 0, ['counter']), ...chain('bridge', 'forward', 0, ['counter'])],
    packets: [{ ...onBridge, daddr: '10.0.4.3', l2: { src: '02:00:00:00:06:02', dst: '02:00:00:00:07:01' } }],
  })),
  {
    name: 'an answer to nobody goes by the default route in IPv6; what a process sends to nobody is for the node',
    tables: chain('ip6', 'output', 0, ['oifname "lo" counter', 'oifname "eth1" counter']),
    packets: [
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: '::', daddr: 'fd00:1::1', dport: 9 },
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: '::', daddr: 'fd00:1::1', dport: 8080 },
      { ...six, protocol: 'icmpv6', icmpType: 128, icmpCode: 0, saddr: '::', daddr: 'fd00:1::1' },
      { ...six, from: 'local', saddr: 'fd00:1::1', daddr: '::' },
    ],
  },
  {
    name: 'a reset by a rule goes between addresses of one machine each',
    tables: chain('ip6', 'prerouting', 0, ['tcp dport 9 reject with tcp reset', 'counter']),
    packets: [
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: '::ffff:10.0.1.2', dport: 9 },
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: '::', dport: 9 },
      { ...six, protocol: 'tcp', flags: ['syn'], dport: 9 },
      { ...six, protocol: 'tcp', flags: ['syn'], from: 'local', saddr: 'fd00:2::1', daddr: '::', dport: 33 },
    ],
  },
  {
    name: 'what a process sends from nobody gets the source of its route',
    tables: chain('ip', 'output', 0, ['ip saddr 10.0.2.1 counter', 'ct state invalid counter']),
    packets: [
      { ...udp, from: 'local', saddr: '0.0.0.0', protocol: 112, rawL4: true },
      { ...udp, from: 'local', saddr: '0.0.0.0', daddr: '10.0.1.1' },
      { ...syn, from: 'local', saddr: '0.0.0.0', daddr: '10.0.1.1' },
    ],
  },
  {
    name: 'UDP believes the sum that conntrack made of a long datagram whose IPv6 header a rule changed',
    tables: chain('ip6', 'input', 300, ['ct state new counter', 'ip6 flowlabel set 5']),
    packets: [
      { ...six, daddr: 'fd00:1::1', payloadHex: '11'.repeat(68) },
      { ...six, daddr: 'fd00:1::1', payloadHex: '11'.repeat(69) },
    ],
  },
  {
    name: 'an echo whose target a rule made another one is not answered',
    tables: chain('ip', 'input', 300, ['ip daddr set 10.0.2.2', 'counter']),
    packets: [{ ...udp, protocol: 'icmp', icmpType: 8, icmpCode: 0, daddr: '10.0.1.1' }],
  },
  {
    name: 'ct helper is that of the connection by which this one was expected',
    tables: [
      {
        family: 'ip',
        name: 't',
        items: [
          'ct helper h { type "ftp" protocol tcp; l3proto ip; }',
          'ct expectation e { protocol tcp; dport 8888; timeout 1m; size 8; l3proto ip; }',
        ],
        chains: [
          {
            name: 'c',
            base: 'type filter hook forward priority 0; policy accept;',
            rules: [
              ['tcp dport 2222', 'ct helper set "h"', 'ct expectation set "e"'],
              ['ct helper "ftp"', 'counter'],
              ['ct helper != "ftp"', 'counter'],
            ],
          },
        ],
      },
    ],
    packets: [syn, { ...syn, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 5, dport: 8888 }],
  },
  {
    name: 'what a process sends to a group of IPv6 goes to it, whatever a rule makes of its destination',
    tables: chain('ip6', 'output', 0, ['ip6 daddr set fd00:2::2']),
    packets: ['ff02::1:ff00:11', 'ff02::5', 'ff05::9'].map((daddr) => ({
      ...six,
      from: 'local',
      saddr: 'fd00:1::1',
      daddr,
    })),
  },
  {
    name: 'a link-local peer is answered by the device it was heard on, or not at all',
    tables: chain('ip6', 'output', 0, ['counter']),
    packets: [
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: 'fe80::1', daddr: 'fd00:1::1', dport: 8080 },
      { ...six, protocol: 'tcp', flags: ['syn'], saddr: 'fe80::1', daddr: 'fd00:1::1', dport: 9 },
    ],
  },
  {
    name: 'frames for the other end of the link alone do not cross a bridge',
    tables: [
      ...chain('bridge', 'prerouting', 0, ['counter']),
      ...chain('bridge', 'input', 0, ['counter']),
      ...chain('ip', 'prerouting', 0, ['iifname "brp0" counter']),
    ],
    packets: [0, 1, 2, 14].flatMap((last) =>
      ['10.0.4.3', '10.0.4.1'].map((daddr) => ({
        ...onBridge,
        daddr,
        l2: { src: '02:00:00:00:06:02', dst: `01:80:c2:00:00:0${last.toString(16)}` },
      })),
    ),
  },
  {
    name: 'IGMP is nothing that IPv6 knows, and a group has a route of its own',
    tables: chain('ip6', 'input', 0, ['rt classid 0 counter', 'rt classid != 0 counter']),
    packets: [
      { ...six, daddr: 'fd00:1::1', protocol: 2, rawL4: true, payloadHex: '1600000000000000' },
      { ...udp, daddr: '10.0.1.1', protocol: 2, rawL4: true, payloadHex: '1600000000000000' },
      { ...six, daddr: 'ff02::1', l2: { dst: '33:33:00:00:00:01' } },
    ],
  },
  {
    name: 'extension headers are looked for anew after a rule wrote the header before them; a stolen packet shows no mark',
    tables: [
      ...chain('ip6', 'input', 0, ['ip6 nexthdr set 17', 'exthdr dst exists counter', 'exthdr dst missing counter']),
      ...chain('ip', 'input', 0, ['meta mark set 5', 'synproxy mss 1460 wscale 7 timestamp sack-perm']),
    ],
    packets: [
      { ...six, daddr: 'fd00:1::1', extHeaders: [{ type: 'dst' }] },
      { ...syn, daddr: '10.0.1.1' },
    ],
  },
  {
    name: 'the family of an extension header is asked for before a look-up that counts',
    tables: chain('inet', 'prerouting', 0, ['iifname @s rt type 0', 'iifname @s ip option rr exists']).map((t) => ({
      ...t,
      items: ['set s { type ifname; flags dynamic; counter; elements = { "eth0" }; }'],
    })),
    packets: [udp, six],
  },
  {
    name: 'at egress the link header is read for the IPv4 header where an option is looked for',
    tables: [
      {
        family: 'netdev',
        name: 'e',
        items: [],
        chains: [
          {
            name: 'c',
            base: 'type filter hook egress device "eth1" priority 0; policy accept;',
            rules: [['ip option rr missing'], ['ip option rr exists'], ['ip option rr type 7']],
          },
        ],
      },
    ],
    packets: [{ ...udp, ipOptionsHex: '0707040a00010100' }],
  },
  {
    name: 'UDP-Lite that was seen both ways is assured',
    tables: chain('ip6', 'output', 0, ['ct status assured counter', 'ct status seen-reply counter']),
    packets: [443, 53, 53, 443].map((sport) => ({
      ...six,
      from: 'local' as const,
      saddr: 'fd00:2::1',
      daddr: 'fd00:2::1',
      protocol: 'udplite',
      sport,
      dport: sport === 53 ? 443 : 53,
    })),
  },
  {
    name: 'a rule changes no address where the transport checksum is cut off, and leaves that of UDP-Lite alone',
    tables: [
      ...chain('ip', 'prerouting', -250, [
        'ip daddr set 10.0.3.3 counter',
        'udplite dport set 9 counter',
        'tcp dport set 9',
      ]),
      ...chain('ip6', 'prerouting', -250, ['ip6 daddr set fd00:3::3 counter', 'udp dport set 9']),
    ],
    packets: [
      ...[136, 17, 6, 58, 1].map((protocol) => ({ ...udp, protocol, rawL4: true, payloadHex: '00000001' })),
      ...[136, 17, 6, 58, 1].map((protocol) => ({ ...six, protocol, rawL4: true, payloadHex: '00000001' })),
    ],
  },
  {
    name: 'a reset of IPv6 that no socket sends is in no cgroup; what ARP answers has a device from the start',
    tables: [
      ...chain('ip6', 'output', 0, ['meta cgroup 0 counter', 'meta cgroup != 0 counter', 'socket wildcard 1 counter']),
      ...chain('arp', 'output', 0, ['meta iiftype ether', 'meta iiftype != ether']),
    ],
    packets: [
      { ...six, protocol: 'tcp', flags: ['syn'], daddr: 'fd00:1::1', dport: 9 },
      {
        from: 'client',
        iif: 'eth0',
        family: 'arp',
        op: 'request',
        saddr: '10.0.1.2',
        daddr: '10.0.1.1',
        senderMac: '02:00:00:00:01:02',
      },
    ],
  },
  {
    name: 'messages about multicast routers are not tracked; a length that a rule wrote is no wrong checksum',
    tables: [
      ...chain('ip6', 'prerouting', 0, ['ct state untracked counter']),
      ...chain('ip', 'prerouting', -201, ['ip length set 40', 'ct state new']),
      ...chain('ip', 'forward', 0, ['ct state new counter']),
    ],
    packets: [
      ...[150, 151, 152, 153].map((icmpType) => ({ ...six, protocol: 'icmpv6' as const, icmpType, icmpCode: 0 })),
      { ...udp, protocol: 'icmp', icmpType: 8, icmpCode: 0 },
    ],
  },
  {
    name: 'whom ARP answers for is a matter of the routes, by the mark that a rule set',
    environment: 'policy-routing',
    tables: chain('arp', 'input', 0, [
      'arp saddr ip 10.0.1.2 meta mark set 2',
      'arp saddr ip 10.0.1.3 meta mark set 1',
    ]),
    packets: ['10.0.1.2', '10.0.1.3', '10.0.1.4'].flatMap((saddr) =>
      ['10.0.2.2', '10.0.1.1', '10.0.9.9', '127.0.0.1'].map(
        (daddr): PacketSpec => ({
          from: 'client',
          iif: 'eth0',
          family: 'arp',
          op: 'request',
          saddr,
          daddr,
          senderMac: '02:00:00:00:01:02',
        }),
      ),
    ),
  },
  {
    name: 'ARP answers nobody whose source the filter refuses',
    environment: 'rp-strict',
    tables: chain('arp', 'input', 0, ['counter']),
    packets: ['10.0.1.2', '10.0.2.2', '10.0.1.1', '0.0.0.0', '127.0.0.1', '224.0.0.1', '10.0.1.255', '203.0.113.5'].map(
      (saddr): PacketSpec => ({
        from: 'client',
        iif: 'eth0',
        family: 'arp',
        op: 'request',
        saddr,
        daddr: '10.0.1.1',
        senderMac: '02:00:00:00:01:02',
      }),
    ),
  },
  {
    name: 'elements that rules add are listed by their names: interfaces, priorities, flags, and fields within a byte',
    tables: [
      'ip dscp',
      'tcp doff',
      'ip version',
      'tcp flags',
      'ct status',
      'meta priority',
      'meta priority . meta mark',
      'meta iif',
      'fib daddr oif',
      'meta oif . meta mark',
    ].map((key, i) => ({
      family: 'ip',
      name: `t${i}`,
      items: [`set s { typeof ${key}; size 9; flags dynamic; }`],
      chains: [
        {
          name: 'c',
          base: 'type filter hook forward priority 0; policy accept;',
          rules: [[`add @s { ${key} }`], [`${key} @s`]],
        },
      ],
    })),
    packets: [
      { ...syn, flags: ['syn', 'ecn'], dscp: 46 },
      { ...udp, dscp: 10, ecn: 1 },
    ],
  },
  {
    name: 'a copy may not be cut up, and its length and header checksum are right',
    tables: [
      ...chain('ip', 'prerouting', -300, ['ip length set 60', '@nh,8,8 set 4', 'dup to 10.0.3.3']),
      ...chain('ip', 'output', 0, [
        'ip frag-off 0x4000 counter',
        'ip length 60 counter',
        'ip checksum > 30000 counter',
      ]),
      ...chain('ip6', 'prerouting', -300, ['ip6 length set 20', 'dup to fd00:3::3']),
      ...chain('ip6', 'output', 0, ['ip6 length 20 counter', 'ip6 length 8 counter']),
    ],
    packets: [{ ...udp, df: false }, { ...udp, ipOptionsHex: '94040000' }, six],
  },
  {
    name: 'a connection lives as long as its timeout policy says',
    tables: [
      {
        family: 'ip',
        name: 't',
        items: [
          'ct timeout a { protocol tcp; l3proto ip; policy = { established: 100, close: 7, syn_sent: 44, unack: 77 }; }',
          'ct timeout b { protocol udp; l3proto ip; policy = { unreplied: 15, replied: 60 }; }',
        ],
        chains: [
          {
            name: 'c',
            base: 'type filter hook forward priority 0; policy accept;',
            rules: [
              ['tcp dport 80', 'ct timeout set "a"'],
              ['udp dport 53', 'ct timeout set "b"'],
              ...[1, 10, 20, 35, 50, 90, 110, 200].map((n) => [`ct expiration > ${n}s`]),
            ],
          },
        ],
      },
    ],
    packets: [
      { ...udp, dport: 53 },
      { ...udp, dport: 53 },
      { ...udp, iif: 'eth1', saddr: '10.0.2.2', daddr: '10.0.1.2', sport: 53, dport: 1111 },
      { ...syn, dport: 80 },
      { ...syn, dport: 80 },
      {
        ...syn,
        iif: 'eth1',
        saddr: '10.0.2.2',
        daddr: '10.0.1.2',
        sport: 80,
        dport: 1111,
        flags: ['syn', 'ack'],
        seq: 7000,
        ack: 1001,
      },
      { ...syn, dport: 80, flags: ['ack'], seq: 1001, ack: 7001 },
      { ...syn, dport: 80, flags: ['psh', 'ack'], seq: 1001, ack: 7001, payloadHex: '0102' },
      { ...syn, dport: 80, flags: ['rst'], seq: 1003 },
      { ...syn, dport: 80, flags: ['rst'], seq: 1003 },
    ],
  },
  {
    name: 'an answer that belongs to no connection goes to the port that chance picked',
    tables: [
      ...chain('ip', 'prerouting', -300, ['ct zone set 1']),
      ...chain('ip', 'input', 0, ['snat to 10.244.0.5 random'], 'nat'),
      ...chain('ip', 'output', 0, ['ct state invalid counter']),
    ],
    packets: [
      { ...syn, daddr: '10.0.1.1' },
      { ...syn, daddr: '10.0.1.1', dport: 8080 },
    ],
  },
  {
    name: 'what a rule adds to a set without a time of its own has no end',
    tables: ['flags dynamic,timeout;', 'flags dynamic,timeout; timeout 1h;', 'flags dynamic; timeout 2h;'].map(
      (flags, i) => ({
        family: 'ip',
        name: `t${i}`,
        items: [`set s { type ifname; size 9; ${flags} elements = { "lo" }; }`],
        chains: [
          {
            name: 'c',
            base: 'type filter hook forward priority 0; policy accept;',
            rules: [['add @s { oifname }'], ['add @s { iifname timeout 3h }']],
          },
        ],
      }),
    ),
    packets: [udp],
  },
  {
    name: 'what was put together from fragments is cut up again on its way over lo',
    tables: [
      ...chain('ip', 'prerouting', -350, ['iif "lo" counter']),
      ...chain('ip', 'input', -150, ['iifname "eth0" + dup to 10.0.3.3 device "eth2"']),
      ...chain('ip', 'output', -10, ['@nh,8,8 set 184 + counter'], 'route'),
    ],
    packets: [0, 1].map((index) => ({
      ...udp,
      daddr: '10.0.1.1',
      df: false,
      rawL4: true,
      id: 77,
      mf: index === 0,
      fragOff: index * 16,
      payloadHex: index === 0 ? `045708ae00300000${'11'.repeat(8)}` : '11'.repeat(32),
      fragment: { index, of: 2 },
    })),
  },
];
