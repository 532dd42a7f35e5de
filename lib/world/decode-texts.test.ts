import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeShared } from '@/tests/shared';
import { formatAddress } from '../net/address';
import { formatProblem } from '../net/result';
import { decodeConntrack } from './decode-conntrack';
import { decodeIptablesSave } from './decode-iptables-save';
import { decodeSockets } from './decode-sockets';

const value = <T>(result: import('../net/result').Result<T>): T => {
  if (!result.ok) throw new Error(formatProblem(result.problem));
  return result.value;
};
const problem = (result: import('../net/result').Result<unknown>) =>
  result.ok ? 'decoded' : formatProblem(result.problem);

test.each([
  {
    name: 'tcp, dnat and snat, assured',
    line: 'ipv4     2 tcp      6 116 TIME_WAIT src=198.51.100.10 dst=10.240.0.11 sport=60624 dport=30080 src=10.244.2.3 dst=10.240.0.11 sport=8080 dport=31943 [ASSURED] mark=16384 use=1 id=2681415744',
    want: {
      family: 'ip',
      status: ['seen-reply', 'assured', 'confirmed', 'snat', 'dnat'],
      tcpState: 'TIME_WAIT',
      mark: 16384,
      zone: 0,
      timeout: 116,
      id: '2681415744',
    },
  },
  {
    name: 'udp without a reply',
    line: 'ipv6     10 udp      17 26 src=fd00::1 dst=fd00::2 sport=5 dport=53 [UNREPLIED] src=fd00::2 dst=fd00::1 sport=53 dport=5 mark=0 zone=3 use=1 id=1',
    want: {
      family: 'ip6',
      status: ['confirmed'],
      zone: 3,
      original: { src: 0xfd00_0000_0000_0000_0000_0000_0000_0001n, protocol: 17, sport: 5, dport: 53 },
    },
  },
  {
    name: 'icmp: its ids are not the id of the entry',
    line: 'ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1 id=42',
    want: {
      status: ['seen-reply', 'confirmed'],
      original: { icmpType: 8, icmpCode: 0, icmpId: 77 },
      reply: { icmpType: 0 },
      id: '42',
    },
  },
  {
    name: 'icmp without an id of the entry (older conntrack)',
    line: 'ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1',
    want: { original: { icmpId: 77 } },
  },
  {
    name: 'a protocol without tracker',
    line: 'ipv4     2 unknown  2 578 src=10.244.3.129 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=10.244.3.129 mark=0 use=1 id=3057268759',
    want: { original: { protocol: 2 }, status: ['confirmed'], timeout: 578 },
  },
  {
    name: 'offloaded: no timeout, no state',
    line: 'ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 packets=3 bytes=300 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 packets=3 bytes=300 [OFFLOAD] mark=0 secctx=null use=2 id=7',
    want: { status: ['seen-reply', 'assured', 'confirmed', 'offload'], id: '7' },
  },
  {
    name: 'sctp with helper',
    line: 'ipv4     2 sctp     132 3 CLOSED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.3 dst=10.0.0.1 sport=2 dport=1 mark=0 helper=ftp use=1 id=7',
    want: { status: ['confirmed', 'dnat'], helper: 'ftp', tcpState: 'CLOSED' },
  },
])('conntrack: $name', ({ line, want }) => {
  expect(value(decodeConntrack(`${line}\n`))).toMatchObject([want]);
});

test('an empty table is empty, not unknown; the summary line is no entry', () => {
  expect(value(decodeConntrack(''))).toEqual([]);
  expect(value(decodeConntrack('conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n'))).toEqual([]);
});

test.each([
  ['nonsense', 'line 1: expected an entry of conntrack -o extended, got "nonsense"'],
  [
    'ipv4 2 tcp 6 1 NONE src=10.0.0.1 dst=10.0.0.2',
    'line 1: expected an entry of conntrack -o extended, got "ipv4 2 tcp 6 1 NONE src=10.0.0.1 dst=10.0.0.2"',
  ],
  ['ipv4 2 tcp 6 1 NONE src=x dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1', 'line 1: src: not an address of ip: "x"'],
])('conntrack refuses %s', (line, want) => expect(problem(decodeConntrack(line))).toBe(want));

test('sockets: wildcards, devices, both families', () => {
  const text = [
    'udp   UNCONN 0      0         127.0.0.53%lo:53        0.0.0.0:*',
    'tcp   LISTEN 0      4096            0.0.0.0:22        0.0.0.0:*   users:(("sshd",pid=1,fd=3))',
    'tcp   LISTEN 0      4096                  *:8080            *:*',
    'tcp   LISTEN 0      4096               [::]:22           [::]:*',
    'udp   UNCONN 0      0      [fe80::1]%eth0:546           [::]:*',
    'tcp   LISTEN 0      50    [::ffff:10.0.0.9]:9100           *:*',
    'tcp   LISTEN 0      50      0.0.0.0%eth1:9200        0.0.0.0:*',
    // ss -HltunO --inet-sockopt of iproute2 6.1.0: alone it says which options are set.
    'tcp LISTEN 0      5      127.0.0.1:15001 0.0.0.0:* inet-sockopt: ( is_icsk mc_loop transparent mc_all)',
    'tcp LISTEN 0      5      127.0.0.1:15006 0.0.0.0:* inet-sockopt: ( is_icsk mc_loop mc_all)',
  ].join('\n');
  expect(value(decodeSockets(text))).toEqual([
    { protocol: 'udp', family: 'ip', address: 0x7f000035, port: 53, device: 'lo' },
    { protocol: 'tcp', family: 'ip', port: 22 },
    { protocol: 'tcp', port: 8080 },
    { protocol: 'tcp', family: 'ip6', port: 22 },
    {
      protocol: 'udp',
      family: 'ip6',
      address: 0xfe80_0000_0000_0000_0000_0000_0000_0001n,
      port: 546,
      device: 'eth0',
    },
    // Such a socket of IPv6 takes connections of IPv4.
    { protocol: 'tcp', family: 'ip', address: 0x0a000009, port: 9100 },
    { protocol: 'tcp', family: 'ip', port: 9200, device: 'eth1' },
    { protocol: 'tcp', family: 'ip', address: 0x7f000001, port: 15001, transparent: true },
    { protocol: 'tcp', family: 'ip', address: 0x7f000001, port: 15006, transparent: false },
  ]);
  expect(problem(decodeSockets('u_str LISTEN 0 4096 /run/x 1 * 0'))).toContain('line 1: expected a socket');
});

test('iptables-save: words, quotes, counters, tables', () => {
  const text =
    '# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n[3:180] -A PREROUTING -m comment --comment "say \\"hi\\" \\\\ there" -j X\nCOMMIT\n*filter\n-A FORWARD ! -s 10.0.0.0/8 -j DROP\nCOMMIT\n';
  expect(value(decodeIptablesSave(text, 'ip')).rules).toEqual([
    {
      table: 'nat',
      chain: 'PREROUTING',
      args: ['-m', 'comment', '--comment', 'say "hi" \\ there', '-j', 'X'],
      counters: [3, 180],
    },
    { table: 'filter', chain: 'FORWARD', args: ['!', '-s', '10.0.0.0/8', '-j', 'DROP'] },
  ]);
  expect(problem(decodeIptablesSave('-A X -j DROP', 'ip'))).toBe('line 1: expected *TABLE, got "-A X -j DROP"');
  expect(problem(decodeIptablesSave('*nat\n-A X --comment "open', 'ip'))).toBe('line 2: a quote is not closed');
});

describeShared('captures', (shared) => {
  test('every line of conntrack and iptables-save', () => {
    for (const node of ['shop-3node/nodes/node-1', 'shop-3node/nodes/node-2', 'shop-3node/nodes/node-3']) {
      const text = readFileSync(`${shared}/captures/${node}/conntrack.txt`, 'utf8');
      const entries = value(decodeConntrack(text));
      expect(entries).toHaveLength(text.split('\n').filter((line) => line !== '').length);
      for (const entry of entries) expect(text).toContain(`src=${formatAddress(entry.original.src)} `);
    }
    const save = readFileSync(`${shared}/captures/shop-iptables-node/nodes/node-4/iptables-save.txt`, 'utf8');
    expect(value(decodeIptablesSave(save, 'ip')).rules).toHaveLength(
      save.split('\n').filter((line) => line.startsWith('-A')).length,
    );
  });
});
