/** Rules loaded by iptables in the running kernel: which of them count a packet and what leaves, against the tracer's answer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PacketSpec } from '@/lib/net/packet-spec';
import type { PacketView } from '@/lib/net/packet-view';
import { trace } from '@/lib/sim/index';
import type { Branch } from '@/lib/sim/trace';
import { type Frame, MAC, whyNot, XtLab } from './xt-lab';

const from = { iif: 'eth0', l2: { src: '02:00:00:00:01:02', dst: MAC.eth0 } } as const;
const ip = { ...from, family: 'ip', saddr: '10.1.0.2', daddr: '10.2.0.2', ttl: 64 } as const;
const ip6 = { ...from, family: 'ip6', saddr: 'fd00:1::2', daddr: 'fd00:2::2', hoplimit: 64 } as const;
const syn = { protocol: 'tcp', sport: 40001, flags: ['syn'], tcpOptionsHex: '020405b4' } as const;

const PACKETS: Readonly<Record<string, PacketSpec>> = {
  'tcp to 80': { ...ip, ...syn, dport: 80 },
  'tcp to 8080': { ...ip, ...syn, dport: 8080, saddr: '10.1.0.5' },
  'tcp ack': { ...ip, protocol: 'tcp', sport: 40001, dport: 80, flags: ['ack'] },
  udp: { ...ip, protocol: 'udp', sport: 500, dport: 53, ttl: 5, dscp: 46, payloadHex: '00'.repeat(100) },
  echo: { ...ip, protocol: 'icmp', icmpType: 8, icmpCode: 0, icmpId: 7, icmpSeq: 1 },
  'tcp to the router': { ...ip, ...syn, daddr: '10.1.0.1', dport: 80 },
  'udp to the router': { ...ip, protocol: 'udp', sport: 500, dport: 9999, daddr: '10.1.0.1' },
  'udp of a user': {
    from: 'local',
    family: 'ip',
    saddr: '10.1.0.1',
    daddr: '10.2.0.2',
    protocol: 'udp',
    sport: 5000,
    dport: 53,
    uid: 1000,
    gid: 1001,
  },
  'tcp6 to 80': { ...ip6, ...syn, dport: 80 },
  'echo 6': { ...ip6, protocol: 'icmpv6', icmpType: 128, icmpCode: 0, icmpId: 7, icmpSeq: 1 },
};

/** Matches of a forwarded, an incoming and an outgoing packet; no rule has a target, so that all of them are asked. */
const MATCHES = [
  '-p tcp -m tcp --dport 80',
  '-p tcp -m tcp ! --dport 80:90 --syn',
  '-p udp -m udp --sport :600',
  '-p tcp -m multiport --dports 80,443,1000:2000',
  '-p tcp -m multiport ! --dports 80,443',
  '-p udp -m multiport --ports 53',
  '-m conntrack --ctstate NEW',
  '-m conntrack ! --ctstate NEW,DNAT',
  '-m conntrack --ctstate INVALID',
  '-m conntrack --ctproto udp --ctdir ORIGINAL',
  '-m conntrack --ctorigdst 10.2.0.0/16 --ctorigdstport 80:90',
  '-m conntrack --ctstatus CONFIRMED',
  '-m conntrack ! --ctstatus CONFIRMED',
  '-m state --state NEW,RELATED',
  '-m mark --mark 0/0xff',
  '-m connmark --mark 1',
  '-m addrtype --dst-type LOCAL',
  '-m addrtype ! --src-type LOCAL --dst-type UNICAST,BROADCAST',
  '-m statistic --mode random --probability 0.5',
  '-m statistic --mode nth --every 3 --packet 1',
  '-m physdev --physdev-is-bridged',
  '-m physdev ! --physdev-is-bridged',
  '-m recent --set --name seen',
  '-p icmp -m icmp --icmp-type echo-request',
  '-p icmp -m icmp ! --icmp-type 3/1',
  '-p icmp -m icmp --icmp-type any',
  '-m length --length 100:200',
  '-m ttl --ttl-gt 5',
  '-m ttl --ttl-lt 64',
  '-m ttl ! --ttl-eq 64',
  '-m pkttype --pkt-type unicast',
  '-m iprange --src-range 10.1.0.1-10.1.0.3 ! --dst-range 10.1.0.1-10.1.0.2',
  '-m dscp --dscp 46',
  '-m dscp ! --dscp 46',
  '-m tos ! --tos 0xb8/0xfc',
  '-p tcp -m tcpmss --mss 500:1460',
  '-p tcp -m tcpmss ! --mss 500:1460',
  '-p tcp -m connlimit --connlimit-above 5 --connlimit-mask 24',
  '-p tcp -m connlimit --connlimit-upto 5 --connlimit-saddr',
  '-m policy --dir DIR --pol none',
  '-m comment --comment "-j \'x\' ! --y"',
  '! -s 10.1.0.2 -m comment --comment z',
  '! -p tcp -m comment --comment z',
];
const NOT_OUTPUT = [
  '-i eth+ -m comment --comment z',
  '-m mac --mac-source 02:00:00:00:01:02',
  '-m mac ! --mac-source 02:00:00:00:01:02',
];
const OUTPUT = [
  '-m owner --uid-owner 1000',
  '-m owner ! --uid-owner 0-999 --gid-owner 1001',
  '-m owner --socket-exists',
  '-m owner ! --socket-exists',
  '-m owner ! --uid-owner 1000',
];
const MATCHES_6 = [
  '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
  '-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW',
  '-m addrtype --dst-type LOCAL',
  '-m addrtype --dst-type UNICAST',
  '-m addrtype ! --dst-type MULTICAST',
  '-m hl --hl-lt 65 -m length --length 40:60',
  '-m mark ! --mark 1/1',
];
const asked = (chain: string, dir: string, of: readonly string[]): readonly string[] =>
  of.map((m) => `-A ${chain} ${m.replace('DIR', dir)}`);
const inTable = (table: string, chain: string, rules: readonly string[]): readonly string[] =>
  rules.map((r) => `-t ${table} -A ${chain} ${r}`);

const RULESETS: Readonly<Record<string, readonly string[]>> = {
  matches: [
    ...asked('FORWARD', 'in', [...MATCHES, ...NOT_OUTPUT]),
    ...asked('INPUT', 'in', [...MATCHES, ...NOT_OUTPUT]),
    ...asked('OUTPUT', 'out', [...MATCHES, ...OUTPUT]),
    ...asked('FORWARD', 'in', MATCHES_6).map((r) => `-6 ${r}`),
    '-t raw -A PREROUTING -m rpfilter',
    '-t raw -A PREROUTING -m rpfilter --invert',
    '-t raw -A PREROUTING -m rpfilter --loose --validmark',
    '-t raw -A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-in',
  ],
  'marks and header fields': [
    ...inTable('mangle', 'PREROUTING', [
      '-j MARK --set-mark 0x5',
      '-j MARK --set-xmark 0xf0/0x5f',
      '-j MARK --or-mark 0x100',
      '-j MARK --xor-mark 0x101',
      '-j MARK --and-mark 0xfff0',
      '-j CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xff',
      '-j MARK --set-mark 0',
      '-j CONNMARK --restore-mark',
      '-m mark --mark 0xf0',
      '-m connmark --mark 0xf0/0xff',
      '-p udp -j TOS --set-tos 0x10/0x3f',
      '-p tcp -j DSCP --set-dscp 10',
      '-j TTL --ttl-inc 3',
      '-p icmp -j TTL --ttl-set 9',
    ]),
    '-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1300',
    '-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu',
    '-t mangle -A FORWARD -p tcp -m tcpmss --mss 1300',
    '-t mangle -A FORWARD -j CLASSIFY --set-class 1:2',
    '-t mangle -A FORWARD -j LOG --log-prefix "-j x"',
    '-6 -t mangle -A PREROUTING -j HL --hl-dec 10',
    '-6 -t mangle -A PREROUTING -j TOS --set-tos 0x20/0xff',
  ],
  'destination NAT': [
    ...inTable('nat', 'PREROUTING', [
      '-p tcp --dport 80 -j DNAT --to-destination 10.2.0.3-10.2.0.5:8000',
      '-p tcp --dport 8080 -j REDIRECT --to-ports 99',
      '-p icmp -j NETMAP --to 10.2.0.8/29',
      '-p udp --dport 53 -j DNAT --to-destination :5353',
    ]),
    '-t nat -A OUTPUT -p udp -j DNAT --to-destination 10.1.0.7',
    '-A FORWARD -m conntrack --ctstate DNAT --ctorigdst 10.2.0.2',
    '-A FORWARD -m conntrack ! --ctstate DNAT',
    '-A INPUT -m conntrack --ctstate NEW,DNAT',
    '-t nat -A POSTROUTING -m conntrack --ctstate DNAT',
    '-6 -t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00:2::5]:81',
  ],
  'source NAT': [
    '-t nat -A POSTROUTING -p tcp -j MASQUERADE',
    '-t nat -A POSTROUTING -p udp --dport 53 -j SNAT --to-source 10.2.0.9:1000-1000',
    '-t nat -A POSTROUTING -p icmp -j MASQUERADE --random',
    '-6 -t nat -A POSTROUTING -j MASQUERADE --random-fully',
  ],
  reject: [
    '-A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset',
    '-A FORWARD -p tcp -j REJECT --reject-with icmp-host-prohibited',
    '-A FORWARD -p udp -j REJECT',
    '-A FORWARD -p icmp -j REJECT --reject-with icmp-proto-unreachable',
    '-A INPUT -p tcp -j REJECT --reject-with icmp-admin-prohibited',
    '-A INPUT -p udp -j REJECT --reject-with icmp-net-unreachable',
    '-A OUTPUT -p udp -j REJECT --reject-with icmp-host-unreachable',
    '-A OUTPUT -m conntrack --ctstate RELATED',
    '-6 -A FORWARD -p tcp -j REJECT --reject-with icmp6-adm-prohibited',
    '-6 -A FORWARD -j REJECT --reject-with icmp6-no-route',
  ],
  tracking: [
    '-t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack',
    '-t raw -A PREROUTING -p udp -j NOTRACK',
    '-t raw -A PREROUTING -p icmp -j CT --zone 5',
    '-A FORWARD -m conntrack --ctstate UNTRACKED',
    '-A FORWARD -m conntrack --ctstate NEW',
    '-A FORWARD -m connmark --mark 0',
    '-t mangle -A PREROUTING -p tcp --dport 8080 -j TPROXY --on-port 5000 --tproxy-mark 1/1',
    '-N USER',
    '-A FORWARD -m comment --comment go -g USER',
    '-A FORWARD -m comment --comment never',
    '-A USER -p icmp -m icmp --icmp-type 8 -j RETURN',
    '-A USER -m length --length 50: -j DROP',
  ],
};

const KEYS = [
  'family',
  'saddr',
  'daddr',
  'protocol',
  'sport',
  'dport',
  'icmpType',
  'icmpCode',
  'icmpId',
  'ttl',
  'hoplimit',
  'dscp',
  'ecn',
  'flags',
  'length',
] as const;
const sameView = (ours: PacketView, kernel: PacketView): boolean =>
  KEYS.every((k) => ours[k] === 'random' || JSON.stringify(ours[k]) === JSON.stringify(kernel[k]));

/** What differs between a branch and what the kernel did; empty where they agree. */
function differences(b: Branch, frames: readonly Frame[], counted: readonly string[]): readonly string[] {
  if (b.outcome.kind === 'undecided') return b.outcome.reasons.map((r) => `undecided: ${r.say}`);
  const ours = new Set(
    b.steps.flatMap((s) => (s.kind === 'rule' ? [`${s.at.family} ${s.at.table} ${s.at.chain} ${s.at.index}`] : [])),
  );
  const { egress } = b.outcome.fate;
  const rest = [...frames];
  const lost = egress.filter((e) => {
    const at = rest.findIndex((f) => f.dev === e.dev && sameView(e.packet, f.packet));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  return [
    ...counted.filter((k) => !ours.has(k)).map((k) => `kernel only: ${k}`),
    ...[...ours].filter((k) => !counted.includes(k)).map((k) => `tracer only: ${k}`),
    ...lost.map((e) => `tracer only: ${e.dev} ${JSON.stringify(e.packet)}`),
    ...rest.map((f) => `kernel only: ${f.dev} ${JSON.stringify(f.packet)}`),
  ];
}

const why = whyNot();
describe.skipIf(why !== undefined)(`iptables in the kernel${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let lab: XtLab;
  beforeAll(() => {
    lab = new XtLab();
  });
  afterAll(() => lab.close());

  it.each(Object.keys(RULESETS))('%s', async (name) => {
    const rules = RULESETS[name] ?? [];
    lab.load(rules);
    const world = lab.world();
    const bad: string[] = [];
    for (const [title, packet] of Object.entries(PACKETS)) {
      const { frames, counted } = await lab.send(packet);
      const found = trace(world, packet).branches.map((b) => differences(b, frames, counted));
      const best = found.toSorted((a, b) => a.length - b.length)[0] ?? [];
      bad.push(...best.map((d) => `${title}: ${d}`));
    }
    expect(bad).toEqual([]);
  });
});
