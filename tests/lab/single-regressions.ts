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
];
