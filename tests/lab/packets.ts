/** First packets: from every side, plain and odd. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import { V4, V6, type Values } from './values';

const SIDES: readonly { from: string; iif: string; v4: readonly string[]; v6: readonly string[] }[] = [
  {
    from: 'client',
    iif: 'eth0',
    v4: ['10.0.1.2', '10.0.1.3', '10.0.1.130', '10.244.0.5'],
    v6: ['fd00:1::2', 'fd00:1::3', 'fd00:1::8002', 'fd00:244::5'],
  },
  {
    from: 'server',
    iif: 'eth1',
    v4: ['10.0.2.2', '10.0.2.3', '10.244.1.6'],
    v6: ['fd00:2::2', 'fd00:2::3', 'fd00:244:1::6'],
  },
  { from: 'server2', iif: 'eth2', v4: ['10.0.3.2', '10.0.3.3'], v6: ['fd00:3::2', 'fd00:3::3'] },
  { from: 'stub', iif: 'vip0', v4: ['172.30.0.2'], v6: ['fd00:30::2'] },
  { from: 'client-br', iif: 'brp0', v4: ['10.0.4.2', '10.0.4.4'], v6: ['fd00:4::2'] },
];
const ODD4 = [
  '127.0.0.1',
  '0.0.0.0',
  '224.0.0.5',
  '255.255.255.255',
  '10.0.1.255',
  '10.0.2.255',
  '192.168.66.1',
  '192.168.67.1',
  '192.168.68.1',
  '10.0.2.77',
  '203.0.113.5',
  '169.254.1.1',
  '10.0.1.0',
];
const ODD6 = [
  '::1',
  'ff02::1',
  'ff02::5',
  'fd00:66::1',
  'fd00:67::1',
  'fd00:68::1',
  'fd00:2::77',
  '2001:db8:5::1',
  'fe80::1',
  'fd00:1::',
  'ff05::9',
];
const FLAGS: readonly (readonly string[])[] = [
  ['syn'],
  ['syn'],
  ['syn'],
  ['ack'],
  ['syn', 'ack'],
  ['rst'],
  ['fin', 'ack'],
  ['psh', 'ack'],
  ['rst', 'ack'],
  [],
  ['syn', 'fin'],
  ['fin'],
  ['fin', 'psh', 'urg'],
  ['syn', 'ecn', 'cwr'],
  ['urg', 'ack'],
];

/** A packet by itself. */
export function packetOf(g: Values, families: readonly ('ip' | 'ip6')[], mayBeLocal: boolean): PacketSpec {
  const { r } = g;
  const family = r.pick(families);
  const six = family === 'ip6';
  const local = mayBeLocal && r.chance(0.25);
  const side = r.pick([SIDES[0], SIDES[0], SIDES[0], ...SIDES].filter((x) => x !== undefined));
  const own = six
    ? ['fd00:1::1', 'fd00:2::1', 'fd00:2::11', 'fd00:255::1', '::1']
    : ['10.0.1.1', '10.0.2.1', '10.0.2.11', '10.255.255.1', '127.0.0.1'];
  const saddr = local
    ? r.pick(own)
    : r.weighted([
        [12, r.pick(six ? side.v6 : side.v4)],
        [1, r.pick(six ? ODD6 : ODD4)],
        [1, r.pick(six ? V6 : V4)],
      ]);
  const daddr = r.weighted([
    [10, six ? g.v6() : g.v4()],
    [1.5, r.pick(six ? ODD6 : ODD4)],
    [1, r.pick(own)],
  ]);
  const protocol = r.weighted<string | number>([
    [8, 'tcp'],
    [6, 'udp'],
    [3, six ? 'icmpv6' : 'icmp'],
    [0.5, 'sctp'],
    [0.3, 253],
    [0.2, 'gre'],
    [0.3, 'udplite'],
    [0.2, 'dccp'],
  ]);
  const size = r.weighted([
    [6, 0],
    [3, 1],
    [2, 20],
    [1, r.int(2, 90)],
    [0.5, 500],
  ]);
  const base: Record<string, unknown> = {
    ...(local
      ? {
          from: 'local',
          ...(r.chance(0.4) ? { uid: r.pick([0, 1000, 65534]) } : {}),
          ...(r.chance(0.3) ? { mark: r.pick([1, 2, 16]) } : {}),
        }
      : { from: side.from, iif: side.iif }),
    family,
    saddr,
    daddr,
    protocol,
    payloadHex: Array.from({ length: size }, (_, i) => ((i * 7 + 13) & 255).toString(16).padStart(2, '0')).join(''),
    ...(r.chance(0.5) ? { dscp: r.pick([8, 10, 46, 63]) } : {}),
    ...(r.chance(0.2) ? { ecn: r.int(1, 3) } : {}),
    [six ? 'hoplimit' : 'ttl']: r.weighted([
      [8, 64],
      [2, 128],
      [1, 255],
      [1, 2],
      [0.8, 1],
      [1, 63],
    ]),
    ...(r.chance(0.06) ? { badChecksum: 'l4' } : !six && !local && r.chance(0.02) ? { badChecksum: 'ip' } : {}),
    ...(six && r.chance(0.15) ? { flowlabel: 0x12345 } : {}),
    ...(!six && r.chance(0.2) ? { df: false } : {}),
    ...(!six && r.chance(0.05)
      ? { ipOptionsHex: r.pick(['94040000', '01010101', '0707040a000101', '07070800000000']) }
      : {}),
    ...(six && r.chance(0.15)
      ? {
          extHeaders: r.pick([
            [{ type: 'hbh' }],
            [{ type: 'dst' }],
            [{ type: 'rt', hex: '000000000000' }],
            [{ type: 'hbh' }, { type: 'dst' }],
            [{ type: 'frag', id: r.int(1, 1e6) }],
          ]),
        }
      : {}),
  };
  if (!local && r.chance(0.03))
    base.l2 = { dst: r.pick(['ff:ff:ff:ff:ff:ff', '02:00:00:00:99:99', '33:33:00:00:00:01', '01:00:5e:00:00:05']) };
  switch (protocol) {
    case 'tcp':
      base.flags = r.pick(FLAGS);
      base.sport = g.port();
      base.dport = g.port();
      if ((base.flags as string[]).includes('ack')) base.ack = 5000;
      if (r.chance(0.3))
        base.tcpOptionsHex = r.pick([
          '020405b4',
          '020405b40402080a000000010000000001030307',
          '01010101',
          '0101080a0000000100000000',
          '0402',
          '030307',
        ]);
      break;
    case 'icmp':
      base.icmpType = r.weighted([
        [8, 8],
        [1, 0],
        [1, 13],
        [1, 3],
        [0.5, 11],
        [0.5, 5],
        [0.5, 42],
      ]);
      base.icmpCode = 0;
      base.icmpId = r.pick([1, 4096]);
      base.icmpSeq = 1;
      break;
    case 'icmpv6':
      base.icmpType = r.weighted([
        [8, 128],
        [1, 129],
        [0.5, 1],
        [0.5, 137],
        [0.5, 200],
        [0.5, 143],
      ]);
      base.icmpCode = 0;
      base.icmpId = r.pick([1, 4096]);
      base.icmpSeq = 1;
      break;
    default:
      base.sport = g.port();
      base.dport = g.port();
  }
  if (
    (protocol === 'icmp' && [3, 11, 5].includes(Number(base.icmpType))) ||
    (protocol === 'icmpv6' && base.icmpType === 1)
  ) {
    base.payloadHex = six
      ? '6000000000081140fd000001000000000000000000000002fd0000020000000000000000000000029c400035000800ff'
      : '4500001c123440004011000000000000000000009c40003500080000';
  }
  return base as unknown as PacketSpec;
}

/** Both halves of a fragmented UDP packet. */
export function fragments(g: Values, family: 'ip' | 'ip6'): PacketSpec[] {
  const { r } = g;
  const base = packetOf(g, [family], false);
  const id = r.int(1, 65535);
  const { extHeaders: _e, ipOptionsHex: _o, badChecksum: _b, tcpOptionsHex: _t, flags: _f, l2: _l, ...plain } = base;
  const first = { ...plain, protocol: 'udp', sport: g.port(), dport: g.port(), payloadHex: '11'.repeat(40), id };
  const cut = 16;
  // The transport header, with the length of the whole and no checksum.
  const header = (n: number): string => (n & 0xffff).toString(16).padStart(4, '0');
  const whole = `${header(first.sport)}${header(first.dport)}${header(48)}0000${'11'.repeat(40)}`;
  const parts = [whole.slice(0, cut * 2), whole.slice(cut * 2)];
  const specs = parts.map((hex, i): PacketSpec => {
    const { sport: _s, dport: _d, df: _df, ...rest } = first;
    return family === 'ip'
      ? {
          ...rest,
          df: false,
          rawL4: true,
          payloadHex: hex,
          mf: i === 0,
          fragOff: i === 0 ? 0 : cut,
          fragment: { index: i, of: 2 },
        }
      : {
          ...rest,
          rawL4: true,
          payloadHex: hex,
          extHeaders: [{ type: 'frag', offset: i === 0 ? 0 : cut, mf: i === 0, id }],
          fragment: { index: i, of: 2 },
        };
  });
  return r.chance(0.2) ? specs.toReversed() : specs;
}
