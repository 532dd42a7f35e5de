/** Pods on one bridge, as flannel's cni0: whose rules see what they send each other. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assumedOf, DemoCluster, drop, field, match, resultOf, WEB_1 } from './demo-cluster';

const API_1 = { pod: 'shop/api-5b8c9d6f7-8tqwn', ip: '10.244.1.4', ip6: 'fd00:10:244:1::4' };
let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

interface Interface {
  ifname: string;
  master?: string;
  linkinfo?: object;
  addr_info?: { scope: string }[];
}
/** The cables of node-1 become ports of cni0. @param nfCall undefined: the node has no br_netfilter */
function bridge(nfCall: '0' | '1' | undefined, slave: object = {}): void {
  const cni0 = {
    ...{ ifindex: 90, ifname: 'cni0', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'], mtu: 1500 },
    ...{ operstate: 'UP', link_type: 'ether', address: '02:00:00:00:90:01' },
  };
  const isCable = ({ ifname }: Interface) => ifname.startsWith('veth');
  demo.edit<object[]>('nodes/node-1/link.json', (links) => {
    for (const one of (links as Interface[]).filter(isCable)) {
      one.master = 'cni0';
      one.linkinfo = { info_kind: 'veth', info_slave_kind: 'bridge', info_slave_data: slave };
    }
    links.push({
      ...cni0,
      linkinfo: { info_kind: 'bridge', info_data: { nf_call_iptables: 0, nf_call_ip6tables: 0 } },
    });
    return undefined;
  });
  demo.edit<object[]>('nodes/node-1/addr.json', (links) => {
    for (const one of (links as Interface[]).filter(isCable)) {
      one.master = 'cni0';
      one.addr_info = (one.addr_info ?? []).filter(({ scope }) => scope === 'link');
    }
    const addr_info = [
      { family: 'inet', local: '10.244.1.1', prefixlen: 24, scope: 'global' },
      { family: 'inet6', local: 'fd00:10:244:1::1', prefixlen: 64, scope: 'global' },
    ];
    links.push({ ...cni0, addr_info });
    return undefined;
  });
  for (const [family, net, own] of [
    [4, '10.244.1.0/24', '10.244.1.1'],
    [6, 'fd00:10:244:1::/64', 'fd00:10:244:1::1'],
  ])
    demo.edit<{ dst: string; dev?: string }[]>(`nodes/node-1/route${family}.json`, (routes) => [
      ...routes.filter(({ dst, dev }) => dev?.startsWith('veth') !== true && dst !== own),
      { dst: String(net), dev: 'cni0', protocol: 'kernel', flags: [] },
      { type: 'local', dst: String(own), dev: 'cni0', table: 'local', protocol: 'kernel', flags: [] },
    ]);
  demo.edit<{ dev: string }[]>('nodes/node-1/neigh.json', (all) => all.filter(({ dev }) => !dev.startsWith('veth')));
  const kept = demo
    .text('nodes/node-1/sysctl.txt')
    .split('\n')
    .filter((line) => !line.includes('bridge-nf'));
  const keys =
    nfCall === undefined ? [] : ['iptables', 'ip6tables'].map((key) => `net.bridge.bridge-nf-call-${key} = ${nfCall}`);
  demo.write('nodes/node-1/sysctl.txt', [...kept, ...keys, ''].join('\n'));
}
const toApi = { from: { pod: WEB_1.pod }, dport: 8080, protocol: 'TCP' };

// Two namespaces on a bridge and these rules in a third: curl gets 200 without bridge-nf-call-iptables and waits with it.
describe.each(['prerouting', 'forward'])('a rule at %s', (hook) => {
  const ask = (base: object = {}) => {
    demo.chain('node-1', { hook, ...base }, [
      [match(field('ip', 'saddr'), WEB_1.ip), match(field('ip', 'daddr'), API_1.ip), drop],
      [match(field('ip6', 'saddr'), WEB_1.ip6), match(field('ip6', 'daddr'), API_1.ip6), drop],
    ]);
    return [API_1.ip, API_1.ip6].map((dst) => demo.ask({ ...toApi, dst }));
  };
  test.each(['0', undefined] as const)('does not see what cni0 switches (nf-call %s)', (nfCall) => {
    bridge(nfCall);
    const answers = ask();
    expect(answers.map(resultOf)).toEqual(['ok', 'ok']);
    expect(assumedOf(answers[0] ?? expect.fail())).toMatch(/between ports of cni0 on node-1 are switched/);
  });
  test('sees it where the bridge calls netfilter', () => {
    bridge('1');
    expect(ask().map(resultOf)).toEqual(['timeout', 'timeout']);
  });
  test('of the bridge family is not followed, and neither is a setting that was not captured', () => {
    bridge('0');
    demo.edit<{ nftables: object[] }>('nodes/node-1/nft.json', ({ nftables }) => {
      const at = { family: 'bridge', table: 'b' };
      nftables.push({ table: { family: 'bridge', name: 'b', handle: 901 } });
      nftables.push({
        chain: { ...at, name: 'c', handle: 1, type: 'filter', hook: 'forward', prio: 0, policy: 'accept' },
      });
      return undefined;
    });
    expect(ask().map(resultOf)).toEqual(['bridge-rules', 'bridge-rules']);
    demo.without('nodes/node-1/sysctl.txt');
    expect(ask().map(resultOf)).toEqual(['bridge-nf-call', 'bridge-nf-call']);
  });
});

// One pod on a bridge whose Service is itself: curl waits without hairpin where the bridge calls netfilter, else it gets 200.
describe('a pod asks a Service that is itself', () => {
  test.each([
    { nfCall: '1', hairpin: false, want: { ok: 2 / 3, timeout: 1 / 3 } },
    { nfCall: '1', hairpin: true, want: { ok: 1 } },
    { nfCall: '0', hairpin: false, want: { ok: 1 } },
    { nfCall: '0', hairpin: true, want: { ok: 1 } },
  ] as const)('nf-call $nfCall, hairpin $hairpin', ({ nfCall, hairpin, want }) => {
    bridge(nfCall, { hairpin });
    const answer = demo.ask({ ...toApi, from: { pod: API_1.pod }, dst: '10.99.151.112', dport: 80 });
    const results: Readonly<Record<string, number>> = 'undecided' in answer ? {} : answer.results;
    expect(Object.keys(results).sort()).toEqual(Object.keys(want).sort());
    for (const [word, share] of Object.entries(want)) expect(results[word]).toBeCloseTo(share, 6);
  });
});
