import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import { trace } from './index';
import { drop, outcome, SYN, wordOf, xt, xtWorld } from './testing/xt-world';

const UDP: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '10.1.0.2',
  daddr: '10.2.0.2',
  protocol: 'udp',
  sport: 500,
  dport: 53,
  ttl: 5,
  dscp: 46,
};
const ECHO: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '10.1.0.2',
  daddr: '10.2.0.2',
  protocol: 'icmp',
  icmpType: 8,
  icmpCode: 0,
  icmpId: 1,
};

/** `-m MODULE OPTIONS`: yes, no, or the code of what is not known. Most were seen in the kernel too (tests/kernel/xt.test.ts). */
const ROWS: readonly (readonly [line: string, packet: PacketSpec, want: 'yes' | 'no' | string])[] = [
  ['tcp --sport 40000 --dport 80:90', SYN, 'yes'],
  ['tcp ! --dport 80:90', SYN, 'no'],
  ['tcp --dport 1000:', SYN, 'no'],
  ['tcp --syn', SYN, 'yes'],
  ['tcp ! --tcp-flags FIN,SYN,RST,ACK SYN', SYN, 'no'],
  ['tcp --tcp-flags ALL NONE', SYN, 'no'],
  ['tcp --tcp-option 5', SYN, 'xt-match-unmodelled'],
  ['tcp', SYN, 'yes'],
  ['udp --dport 53', UDP, 'yes'],
  ['udp --dport 53', SYN, 'no'],
  ['multiport --dports 22,80,1000:2000', SYN, 'yes'],
  ['multiport ! --dports 22,80', SYN, 'no'],
  ['multiport --ports 40000', SYN, 'yes'],
  ['multiport --sports 80', SYN, 'no'],
  ['conntrack --ctstate NEW', SYN, 'yes'],
  ['conntrack --ctstate RELATED,ESTABLISHED', SYN, 'no'],
  ['conntrack ! --ctstate RELATED,ESTABLISHED,DNAT', SYN, 'yes'],
  ['conntrack --ctstate NEW --ctproto 17', SYN, 'no'],
  ['conntrack --ctorigdst 10.2.0.0/16 --ctorigdstport 80 --ctdir ORIGINAL', SYN, 'yes'],
  ['conntrack ! --ctorigdst 10.2.0.2', SYN, 'no'],
  ['conntrack --ctstatus NONE', SYN, 'no'],
  ['conntrack ! --ctstatus SEEN_REPLY,ASSURED', SYN, 'yes'],
  ['mark --mark 0x0/0xff', SYN, 'yes'],
  ['mark ! --mark 0', SYN, 'no'],
  ['connmark --mark 1', SYN, 'no'],
  ['addrtype --dst-type LOCAL', SYN, 'no'],
  ['addrtype --dst-type LOCAL,UNICAST ! --src-type LOCAL', SYN, 'yes'],
  ['set --match-set blocked src', SYN, 'ipset-unknown'],
  ['set ! --match-set blocked src,dst', SYN, 'ipset-unknown'],
  ['physdev --physdev-is-bridged', SYN, 'no'],
  ['physdev ! --physdev-is-bridged', SYN, 'yes'],
  ['limit --limit 1/min --limit-burst 1', SYN, 'yes'],
  ['hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name x', SYN, 'yes'],
  ['hashlimit --hashlimit-above 5/sec --hashlimit-burst 5 --hashlimit-name x', SYN, 'no'],
  ['recent --set --name r --mask 255.255.255.255 --rsource', SYN, 'yes'],
  ['recent --rcheck --seconds 10 --name r --rsource', SYN, 'no'],
  ['recent ! --rcheck --seconds 10 --name r --rsource', SYN, 'yes'],
  ['owner --uid-owner 0', SYN, 'no'],
  ['owner ! --uid-owner 0', SYN, 'yes'],
  ['icmp --icmp-type 8', ECHO, 'yes'],
  ['icmp ! --icmp-type 8/0', ECHO, 'no'],
  ['icmp --icmp-type any', ECHO, 'yes'],
  ['icmp --icmp-type 8', SYN, 'no'],
  ['length --length 0:39', SYN, 'no'],
  ['ttl --ttl-lt 6', UDP, 'yes'],
  ['ttl ! --ttl-eq 63', SYN, 'no'],
  ['pkttype --pkt-type unicast', SYN, 'yes'],
  ['iprange --src-range 10.1.0.1-10.1.0.3 ! --dst-range 10.2.0.2-10.2.0.2', SYN, 'no'],
  ['dscp --dscp 0x2e', UDP, 'yes'],
  ['tos ! --tos 0xb8/0xfc', UDP, 'no'],
  ['tcpmss --mss 1:65535', SYN, 'no'],
  ['tcpmss ! --mss 1:65535', SYN, 'yes'],
  ['connlimit --connlimit-above 0 --connlimit-mask 32 --connlimit-saddr', SYN, 'yes'],
  ['connlimit --connlimit-upto 1 --connlimit-saddr', SYN, 'yes'],
  ['cpu --cpu 3', SYN, 'host-state'],
  ['time --timestart 08:00', SYN, 'clock'],
  ['u32 --u32 "0>>22&0x3C@8=1"', SYN, 'xt-program'],
  ['string --string "-j x" --algo bm', SYN, 'xt-program'],
  ['bpf --bytecode "1,6 0 0 0"', SYN, 'xt-program'],
  ['nfacct --nfacct-name  x', SYN, 'yes'],
  ['policy --dir in --pol ipsec', SYN, 'no'],
];

describe('matches', () => {
  test.each(ROWS)('-m %s', (line, packet, want) => {
    const name = line.split(' ')[0] ?? '';
    const got = outcome({ rules: [[xt(name), drop]], save: [`-m ${line} -j DROP`] }, packet);
    const word = got[0] === 'dropped' ? 'yes' : got[0] === 'transmitted' ? 'no' : got[0]?.replace('undecided ', '');
    expect([got.length, word]).toEqual([1, want]);
  });
});

describe('chance', () => {
  const branches = (line: string) =>
    trace(xtWorld({ rules: [[xt('statistic'), drop]], save: [`-m statistic ${line} -j DROP`] }), SYN).branches.map(
      (b) => [wordOf(b), b.probability] as const,
    );
  test.each([
    [
      '--mode random --probability 0.50000000000',
      [
        ['dropped', 0.5],
        ['transmitted', 0.5],
      ],
    ],
    [
      '--mode random ! --probability 0.25000000000',
      [
        ['dropped', 0.75],
        ['transmitted', 0.25],
      ],
    ],
    [
      '--mode random --probability 0.33333333349',
      [
        ['dropped', 715827883 / 2 ** 31],
        ['transmitted', 1 - 715827883 / 2 ** 31],
      ],
    ],
    ['--mode random --probability 1.00000000000', [['dropped', 1]]],
    ['--mode random --probability 0.00000000000', [['transmitted', 1]]],
    [
      '--mode nth --every 2',
      [
        ['transmitted', 0.5],
        ['dropped', 0.5],
      ],
    ],
    ['--mode nth --every 1', [['dropped', 1]]],
  ] as const)('%s', (line, want) => {
    expect(branches(line)).toEqual(want);
  });
});
