import { describe, expect, test } from 'vitest';
import { decodeLinks } from '../world/decode-links';
import { decodeNeighbours } from '../world/decode-neighbours';
import { decodeRoutes } from '../world/decode-routes';
import { decodeRules } from '../world/decode-rules';
import { addressLines, neighbourLines, routeChanges, routeText, ruleLines, ruleText } from './setup-commands';
import { settingMatters, sysctlPlan } from './sysctl-plan';

function routes(family: 'ip' | 'ip6', ...json: readonly object[]) {
  const decoded = decodeRoutes(json, family);
  if (!decoded.ok) throw new Error(decoded.problem.say);
  return decoded.value;
}
function rules(...json: readonly object[]) {
  const decoded = decodeRules(json, 'ip');
  if (!decoded.ok) throw new Error(decoded.problem.say);
  return decoded.value;
}

describe('routes', () => {
  test.each([
    [
      { dst: 'default', gateway: '10.0.0.1', dev: 'eth0', flags: [] },
      'unicast default table main via 10.0.0.1 dev eth0',
    ],
    [
      {
        dst: '10.0.0.0/24',
        dev: 'eth0',
        protocol: 'kernel',
        scope: 'link',
        prefsrc: '10.0.0.2',
        metric: 100,
        flags: [],
      },
      'unicast 10.0.0.0/24 table main metric 100 scope link src 10.0.0.2 dev eth0',
    ],
    [{ type: 'blackhole', dst: '10.1.0.0/16', table: '100', flags: [] }, 'blackhole 10.1.0.0/16 table 100'],
    [
      { dst: '10.2.0.0/16', gateway: '169.254.1.1', dev: 'cali1', flags: ['onlink'] },
      'unicast 10.2.0.0/16 table main via 169.254.1.1 dev cali1 onlink',
    ],
    [
      {
        dst: '10.3.0.0/16',
        flags: [],
        nexthops: [
          { gateway: '10.0.0.3', dev: 'eth0', weight: 1, flags: [] },
          { gateway: '10.0.0.4', dev: 'eth1', weight: 2, flags: [] },
        ],
      },
      'unicast 10.3.0.0/16 table main nexthop via 10.0.0.3 dev eth0 weight 1 nexthop via 10.0.0.4 dev eth1 weight 2',
    ],
  ])('%j', (json, text) => expect(routes('ip', json).map(routeText)).toEqual([text]));

  test('only what differs is changed; next hops become reachable first', () => {
    const captured = routes(
      'ip',
      { dst: 'default', gateway: '10.0.0.1', dev: 'eth0', flags: [] },
      { dst: '10.0.0.0/24', dev: 'eth0', scope: 'link', flags: [] },
      { type: 'local', dst: '10.0.0.2', dev: 'eth0', table: 'local', scope: 'host', flags: [] },
      { type: 'local', dst: '127.0.0.1', dev: 'lo', table: 'local', scope: 'host', flags: [] },
    );
    const current = routes(
      'ip',
      { type: 'local', dst: '127.0.0.1', dev: 'lo', table: 'local', scope: 'host', flags: [] },
      { dst: '10.9.0.0/24', dev: 'eth1', scope: 'link', flags: [] },
    );
    expect(routeChanges(captured, current)).toEqual({
      remove: ['unicast 10.9.0.0/24 table main scope link dev eth1'],
      add: [
        'local 10.0.0.2/32 table local scope host dev eth0',
        'unicast 10.0.0.0/24 table main scope link dev eth0',
        'unicast default table main via 10.0.0.1 dev eth0',
      ],
    });
    expect(routeChanges(captured, captured)).toEqual({ remove: [], add: [] });
  });

  test('the same route twice is two', () => {
    const twice = routes(
      'ip6',
      { dst: 'fd00::1', dev: 'a', metric: 256, flags: [] },
      { dst: 'fd00::1', dev: 'a', metric: 256, flags: [] },
    );
    expect(routeChanges(twice, twice.slice(1)).add.length).toBe(1);
  });
});

describe('rules of policy routing', () => {
  const usual = [
    { priority: 0, src: 'all', table: 'local' },
    { priority: 32766, src: 'all', table: 'main' },
  ];
  test.each([
    [
      { priority: 100, src: 'all', fwmark: '0x1', fwmask: '0xff', table: '100' },
      'pref 100 from all fwmark 0x1/0xff lookup 100',
    ],
    [
      { priority: 5, not: null, src: '10.0.0.0', srclen: 8, iif: 'eth0', action: 'blackhole' },
      'pref 5 not from 10.0.0.0/8 iif eth0 blackhole',
    ],
    [
      { priority: 6, src: 'all', table: 'main', suppress_prefixlen: 0 },
      'pref 6 from all lookup main suppress_prefixlength 0',
    ],
  ])('%j', (json, text) => {
    expect(rules(json).map(ruleText)).toEqual([text]);
  });

  test('rule 0 stays where the capture has it, and goes last where it has not', () => {
    expect(ruleLines(rules(...usual), 'ip')).toEqual([
      'del pref 32766',
      'del pref 32767',
      'add pref 32766 from all lookup main',
    ]);
    expect(ruleLines(rules({ priority: 100, src: 'all', table: 'local' }), 'ip').at(-1)).toBe('del pref 0');
  });
});

test('addresses: IPv4 in order, IPv6 backwards, loopback its own', () => {
  const addresses = [
    { family: 'inet', local: '10.0.0.1', prefixlen: 24, broadcast: '10.0.0.255', scope: 'global' },
    { family: 'inet6', local: 'fd00::11', prefixlen: 64, scope: 'global' },
    { family: 'inet6', local: 'fd00::1', prefixlen: 64, scope: 'global', deprecated: true },
    { family: 'inet', local: '10.9.0.1', address: '10.9.0.2', prefixlen: 32, scope: 'global' },
  ];
  const link = (ifname: string, index: number, addr_info: readonly object[]) => ({
    ifindex: index,
    ifname,
    flags: ['UP'],
    mtu: 1500,
    link_type: 'ether',
    addr_info,
  });
  const lo = [{ family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: 'host' }];
  const links = decodeLinks([link('lo', 1, lo), link('eth0', 2, addresses)], undefined);
  if (!links.ok) throw new Error(links.problem.say);
  expect(addressLines(links.value)).toEqual([
    'addr add 10.0.0.1/24 broadcast 10.0.0.255 scope global dev eth0',
    'addr add 10.9.0.1 peer 10.9.0.2/32 scope global dev eth0',
    'addr add fd00::1/64 scope global dev eth0 preferred_lft 0 nodad',
    'addr add fd00::11/64 scope global dev eth0 nodad',
  ]);
});

test('neighbours: as captured, made up where missing, silent where they failed', () => {
  const captured = decodeNeighbours([
    { dst: '10.0.0.1', dev: 'eth0', lladdr: '02:00:00:00:00:09', state: ['STALE'] },
    { dst: '10.0.0.2', dev: 'eth0', state: ['FAILED'] },
    { dst: '10.0.0.3', dev: 'eth0', state: ['INCOMPLETE'] },
  ]);
  if (!captured.ok) throw new Error(captured.problem.say);
  const needed = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => ({ dev: 'eth0', address }));
  const lines = neighbourLines(captured.value, needed);
  expect(lines[0]).toBe('neigh replace 10.0.0.1 lladdr 02:00:00:00:00:09 dev eth0 nud permanent');
  expect(lines.map((line) => line.split(' ')[2])).toEqual(['10.0.0.1', '10.0.0.3', '10.0.0.4']);
});

test('settings: the capture over the usual, quiet over both, in an order that resets nothing', () => {
  const plan = sysctlPlan(
    new Map([
      ['net.ipv4.conf.all.rp_filter', '2'],
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv4.conf.eth0.rp_filter', '1'],
      ['net.ipv4.conf.gone0.rp_filter', '1'],
      ['net.ipv4.icmp_ratelimit', '1000'],
      ['net.netfilter.nf_conntrack_max', '5'],
      ['kernel.panic', '1'],
      ['net.core.somaxconn', '1'],
    ]),
    ['lo', 'eth0'],
  );
  const first = new Map(plan.first);
  expect(plan.first[0]).toEqual(['net.ipv4.ip_forward', '1']);
  expect(first.get('net.ipv4.conf.all.rp_filter')).toBe('2');
  expect(first.get('net.ipv4.icmp_ratelimit')).toBe('0');
  expect([...first.keys()].filter((key) => /^kernel|^net\.core|conntrack_max/.test(key))).toEqual([]);
  expect(plan.links).toEqual([['net.ipv4.conf.eth0.rp_filter', '1']]);
});

test.each([
  [['net.bridge.bridge-nf-call-iptables', '1'], false, false],
  [['net.bridge.bridge-nf-call-iptables', '1'], true, true],
  [['net.ipv4.conf.eth0.rp_filter', '1'], false, true],
  [['net.ipv4.fwmark_reflect', '0'], false, false],
  [['net.ipv6.icmp.ratelimit', '0'], false, false],
] as const)('a setting that cannot be made: %j, with a bridge %s', (setting, hasBridge, matters) => {
  expect(settingMatters(setting, hasBridge)).toBe(matters);
});
