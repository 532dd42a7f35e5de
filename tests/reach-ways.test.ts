/** Ways between nodes: routes that lead round, owners of next hops, who decided what an answer tells. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assumedOf, DemoCluster, drop, field, match, resultOf, WEB_1, WEB_2 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

interface Route {
  dst: string;
  gateway?: string;
}
const route = (node: string, dst: string, gateway: string) =>
  demo.edit<Route[]>(`nodes/${node}/route${dst.includes(':') ? 6 : 4}.json`, (routes) => {
    for (const one of routes) if (one.dst === dst) one.gateway = gateway;
    return undefined;
  });

describe('routes that lead round', () => {
  const loop = () => {
    route('node-1', '10.244.3.0/24', '10.240.0.12');
    route('node-2', '10.244.3.0/24', '10.240.0.11');
    route('node-1', 'fd00:10:244:3::/64', 'fd00:10:240::12');
    route('node-2', 'fd00:10:244:3::/64', 'fd00:10:240::11');
  };
  // Two network namespaces whose routes point at each other: connect(2) fails at once with EHOSTUNREACH, by "time exceeded".
  test.each([
    { dst: '10.244.3.3', protocol: 'TCP', want: 'icmp-ttl-exceeded' },
    { dst: '10.244.3.3', protocol: 'ICMP', want: 'icmp-ttl-exceeded' },
    { dst: 'fd00:10:244:3::3', protocol: 'UDP', want: 'icmp6-hop-limit-exceeded' },
  ])('$dst/$protocol: $want', ({ want, ...question }) => {
    loop();
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dport: 8080, ...question });
    expect(resultOf(answer)).toBe(want);
    expect(assumedOf(answer)).toMatch(/goes round between node-\d and node-\d: their routes are a loop/);
  });
  test('the answer goes round: the client waits', () => {
    route('node-2', '10.244.1.0/24', '10.240.0.13');
    route('node-3', '10.244.1.0/24', '10.240.0.12');
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: WEB_2.ip, dport: 8080, protocol: 'TCP' });
    expect(resultOf(answer)).toBe('timeout');
    expect(assumedOf(answer)).toMatch(/The answer goes round between node-\d and node-\d/);
  });
  test('a rule that stops what has gone far is met on the way', () => {
    loop();
    // 64 at the pod; 20 is reached in the middle of a round that is passed over where no rule asks.
    demo.chain('node-2', { hook: 'forward' }, [[match(field('ip', 'ttl'), 20, '<'), drop]]);
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: '10.244.3.3', dport: 8080, protocol: 'TCP' });
    expect(answer).toMatchObject({ result: 'timeout', node: 'node-2', by: { hook: 'forward', verdict: 'drop' } });
  });
});

describe('a sender without a route is told at once', () => {
  // connect(2) and sendto(2) in a namespace with such routes, of both families.
  test.each([
    { type: undefined, want: 'enetunreach' },
    { type: 'prohibit', want: 'eacces' },
    { type: 'blackhole', want: 'einval' },
    { type: 'unreachable', want: 'ehostunreach' },
  ])('$type: $want', ({ type, want }) => {
    for (const [file, dst] of [
      ['route4.json', '192.0.2.0/24'],
      ['route6.json', '2001:db8:9::/64'],
    ])
      demo.edit<Route[]>(`nodes/node-1/${file}`, (routes) => [
        ...routes.filter((one) => one.dst !== 'default'),
        ...(type === undefined ? [] : [{ type, dst: dst ?? '', flags: [] }]),
      ]);
    for (const dst of ['192.0.2.1', '2001:db8:9::1'])
      for (const protocol of ['TCP', 'UDP', 'ICMP'])
        expect([dst, protocol, resultOf(demo.ask({ from: { node: 'node-1' }, dst, dport: 80, protocol }))]).toEqual([
          dst,
          protocol,
          want,
        ]);
  });
});

describe('who refused is told wherever the client is', () => {
  test.each([
    { from: { pod: WEB_1.pod } },
    { from: { node: 'node-1' } },
    { from: { node: 'node-2' } },
    { from: 'external', node: 'node-1' },
  ])('$from', (who) => {
    demo.chain('node-2', { hook: 'forward' }, [
      [match(field('tcp', 'dport'), 8080), { reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    ]);
    demo.chain('node-2', { hook: 'output' }, [
      [match(field('tcp', 'dport'), 8080), { reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    ]);
    const answer = demo.ask({ ...who, dst: WEB_2.ip, dport: 8080, protocol: 'TCP' });
    expect(answer).toMatchObject({ result: 'icmp-admin-prohibited', node: 'node-2', by: { verdict: 'reject' } });
  });
  test('a node whose port is closed', () => {
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: '10.240.0.12', dport: 81, protocol: 'TCP' });
    expect(answer).toMatchObject({ result: 'refused', node: 'node-2' });
  });
});

describe('a next hop by its link-local address', () => {
  const way = { from: { pod: WEB_1.pod }, dst: WEB_2.ip6, dport: 8080, protocol: 'TCP' };
  interface Addr {
    ifname: string;
    addr_info: { family: string; local: string; scope: string }[];
  }
  const linkLocalOf = (node: string, ifname: string): string => {
    const links = JSON.parse(demo.text(`nodes/${node}/addr.json`)) as Addr[];
    const found = links.find((one) => one.ifname === ifname)?.addr_info.find(({ scope }) => scope === 'link')?.local;
    if (found === undefined) throw new Error('no such address');
    return found;
  };
  const veth = 'veth823dc19d';

  test('it is that of a node on the link', () => {
    route('node-1', 'fd00:10:244:2::/64', linkLocalOf('node-2', 'eth0'));
    expect(resultOf(demo.ask(way))).toBe('ok');
    demo.chain('node-2', { hook: 'forward' }, [[match(field('ip6', 'daddr'), WEB_2.ip6), drop]]);
    expect(demo.ask(way)).toMatchObject({ result: 'timeout', node: 'node-2' });
  });
  test('that of another link of the node is not', () => {
    route('node-1', 'fd00:10:244:2::/64', linkLocalOf('node-2', veth));
    expect(resultOf(demo.ask(way))).toBe('outside-capture');
  });
  test('nor is it where the neighbour table has another machine', () => {
    const hop = linkLocalOf('node-2', 'eth0');
    route('node-1', 'fd00:10:244:2::/64', hop);
    demo.edit<object[]>('nodes/node-1/neigh.json', (all) => [
      ...all.filter((one) => !('dst' in one && one.dst === hop)),
      { dst: hop, dev: 'eth0', lladdr: '02:ff:ff:ff:ff:01', state: ['REACHABLE'] },
    ]);
    expect(resultOf(demo.ask(way))).toBe('outside-capture');
  });
  test('two nodes say that it is theirs', () => {
    const hop = linkLocalOf('node-2', 'eth0');
    route('node-1', 'fd00:10:244:2::/64', hop);
    demo.edit<Addr[]>('nodes/node-3/addr.json', (links) => {
      const own = links.find(({ ifname }) => ifname === 'eth0')?.addr_info.find(({ scope }) => scope === 'link');
      if (own !== undefined) own.local = hop;
      return undefined;
    });
    demo.write('nodes/node-1/neigh.json', '[]');
    expect(resultOf(demo.ask(way))).toBe('outside-capture');
  });
});
