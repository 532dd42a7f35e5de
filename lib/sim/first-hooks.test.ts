/**
 * What the first hooks see of packets that are no ordinary traffic: who asks for an address, ARP, addresses of nobody. Asked of
 * Linux 6.18 with frames over a veth pair and counters in the rules.
 */
import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import type { Route, World } from '../world/world';
import { trace } from './index';
import { drop, match, outcome, SYN, wordOf, xtWorld } from './testing/xt-world';

const fib = (result: string, flags: readonly string[]) => ({ fib: { result, flags } });
const missing = match(fib('oif', ['saddr', 'iif']), false);

describe('fib of who has no address yet', () => {
  const ask = (daddr: string, saddr = '0.0.0.0'): readonly string[] =>
    outcome(
      { rules: [[missing, drop]], hook: 'prerouting', table: 'raw' },
      { ...SYN, protocol: 'udp', flags: [], saddr, daddr, sport: 68, dport: 67, l2: { dst: 'ff:ff:ff:ff:ff:ff' } },
    );
  test.each(['255.255.255.255', '224.0.0.1', '224.0.0.5'])('to %s it is found', (daddr) => {
    expect(ask(daddr)).not.toContain('dropped');
  });
  test('to other groups, and from the rest of 0.0.0.0/8, it is not', () => {
    expect(ask('224.0.1.5')).toEqual(['dropped']);
    expect(ask('224.0.0.5', '0.0.0.7')).toEqual(['dropped']);
  });
});

const ROUTE6: Route = {
  ...{ family: 'ip6', table: 'main', type: 'unicast', dst: { addr: 0n, len: 0 }, metric: 1024, tos: 0 },
  ...{ scope: undefined, protocol: 'static', flags: [], nexthops: [] },
};
const LOCAL6 = 0xfd000001n << 96n;

/** The router with a route of IPv6 to everywhere by eth0: over a gateway, on the link, or none. */
function world6(by: 'gateway' | 'link' | 'none', rule: readonly unknown[]): World {
  const table = { family: 'ip6', table: 'six' };
  const base = { type: 'filter', hook: 'prerouting', prio: -350, policy: 'accept' };
  const more = [
    { table: { family: 'ip6', name: 'six', handle: 9 } },
    { chain: { ...table, name: 'p', handle: 1, ...base } },
    { rule: { ...table, chain: 'p', handle: 2, expr: rule } },
  ];
  const world = xtWorld({ rules: [], more });
  const nexthop = { dev: 'eth0', ...(by === 'gateway' ? { gateway: LOCAL6 + 2n } : {}), weight: 1, dead: false };
  const local: Route = { ...ROUTE6, table: 'local', type: 'local', dst: { addr: LOCAL6 + 1n, len: 128 } };
  const everywhere = by === 'none' ? [] : [{ ...ROUTE6, nexthops: [nexthop] }];
  const look = (priority: number, name: string) =>
    ({ family: 'ip6', priority, not: false, l3mdev: false, action: { kind: 'table', table: name } }) as const;
  return {
    ...world,
    routes: { ...world.routes, ip6: { known: true, value: [local, ...everywhere] } },
    rules: { ...world.rules, ip6: { known: true, value: [look(0, 'local'), look(32766, 'main')] } },
  };
}

describe('fib of nobody in IPv6', () => {
  const UDP6: PacketSpec = {
    iif: 'eth0',
    family: 'ip6',
    saddr: '::',
    daddr: 'fd00:1::1',
    protocol: 'udp',
    sport: 1,
    dport: 2,
  };
  const PING6: PacketSpec = { ...UDP6, protocol: 'icmpv6', icmpType: 128, daddr: 'ff02::1' };
  const dropped = (by: 'gateway' | 'link' | 'none', rule: readonly unknown[], packet: PacketSpec): boolean =>
    trace(world6(by, rule), packet).branches.map(wordOf).includes('dropped');
  const type = (word: string) => [match(fib('type', ['saddr']), word), drop];

  test.each([
    ['gateway', '::', 'unspec'],
    ['gateway', '::ffff:1.2.3.4', 'unspec'],
    ['gateway', '::1.2.3.4', 'unicast'],
    ['link', '::', 'anycast'],
    ['none', '::', 'unreachable'],
  ] as const)('route by %s: %s is %s', (by, saddr, word) => {
    const words = ['unspec', 'unicast', 'anycast', 'unreachable'];
    expect(words.filter((w) => dropped(by, type(w), { ...UDP6, saddr }))).toEqual([word]);
  });
  test('ICMPv6 to the link is found where it comes in, without a route', () => {
    const rule = [missing, drop];
    expect(dropped('none', rule, PING6)).toBe(false);
    expect(dropped('none', rule, { ...PING6, daddr: 'fe80::1' })).toBe(false);
    expect(dropped('none', rule, { ...PING6, daddr: 'fd00:1::1' })).toBe(true);
    expect(dropped('none', rule, { ...UDP6, daddr: 'ff02::1' })).toBe(true);
  });
});

const onDevice = (
  family: 'inet' | 'netdev',
  hook: string,
  policy: string,
  rule: readonly unknown[],
): readonly unknown[] => [
  { table: { family, name: 'dev', handle: 9 } },
  { chain: { family, table: 'dev', name: 'c', handle: 1, type: 'filter', hook, prio: 0, policy, dev: 'eth0' } },
  { rule: { family, table: 'dev', chain: 'c', handle: 2, expr: rule } },
];
const nfproto = (word: string) => match({ meta: { key: 'nfproto' } }, word);
const etherType = match({ payload: { protocol: 'ether', field: 'type' } }, 'arp');
const ARP: PacketSpec = {
  ...{
    iif: 'eth0',
    family: 'arp',
    op: 'request',
    saddr: '10.1.0.2',
    daddr: '10.1.0.1',
    senderMac: '02:00:00:00:01:02',
  },
  l2: { src: '02:00:00:00:01:02', dst: 'ff:ff:ff:ff:ff:ff' },
};

describe('hooks of a device', () => {
  const seen = (more: readonly unknown[], packet: PacketSpec): readonly string[] =>
    outcome({ rules: [], more }, packet);
  test('inet ingress knows the protocol of a packet, netdev does not', () => {
    expect(seen(onDevice('inet', 'ingress', 'accept', [nfproto('ipv4'), drop]), SYN)).toEqual(['dropped']);
    expect(seen(onDevice('inet', 'ingress', 'accept', [nfproto('ipv6'), drop]), SYN)).toEqual(['transmitted']);
    expect(seen(onDevice('netdev', 'ingress', 'accept', [nfproto('ipv4'), drop]), SYN)).toEqual(['transmitted']);
  });
  test('inet ingress sees no ARP', () => {
    expect(seen(onDevice('inet', 'ingress', 'drop', []), ARP)).toEqual(['answered-outside-nftables']);
    expect(seen(onDevice('netdev', 'ingress', 'drop', []), ARP)).toEqual(['dropped']);
  });
  test('egress sees the link header of an ARP reply', () => {
    const to = match({ payload: { protocol: 'ether', field: 'daddr' } }, '02:00:00:00:01:02');
    const drops = [etherType, to].map((m) => seen(onDevice('netdev', 'egress', 'accept', [m, drop]), ARP));
    // The reply is lost; the request itself met no rule.
    expect(drops).toEqual([['lost-outside-nftables'], ['lost-outside-nftables']]);
    expect(
      seen(onDevice('netdev', 'egress', 'accept', [match({ meta: { key: 'protocol' } }, 'ip'), drop]), ARP),
    ).toEqual(['answered-outside-nftables']);
  });
});
