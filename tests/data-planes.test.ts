/** What handles packets beside netfilter on nodes of the demo capture: IPVS, XDP, and links that carry nothing. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DemoCluster, resultOf, WEB_1, WEB_2 } from './demo-cluster';

// biome-ignore lint/suspicious/noExplicitAny: as ip -j prints them
type Item = any;
let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

const FROM_WEB = { from: { pod: WEB_1.pod }, protocol: 'TCP' };
const POD = { ...FROM_WEB, dst: WEB_2.ip, dport: 8080 };
const change = (file: string, name: string, more: object): void => {
  demo.edit<Item[]>(`nodes/node-2/${file}`, (links) =>
    links.map((one) => (one.ifname === name ? { ...one, ...more } : one)),
  );
};
/** The interface behind which a pod of node-2 is. */
const deviceOf = (address: string): string =>
  JSON.parse(demo.text('nodes/node-2/route4.json')).find((route: Item) => route.dst === address).dev;
const word = (question: object): string => resultOf(demo.ask(question));

describe('IPVS', () => {
  const VIP = '10.99.151.112';
  beforeEach(() => {
    for (const node of ['node-1', 'node-2', 'node-3']) {
      const link = {
        ...{ ifindex: 99, ifname: 'kube-ipvs0', flags: ['BROADCAST', 'NOARP'], mtu: 1500, link_type: 'ether' },
        ...{ operstate: 'DOWN', address: 'aa:bb:cc:dd:ee:ff' },
      };
      const address = { family: 'inet', local: VIP, prefixlen: 32, scope: 'global' };
      demo.edit<Item[]>(`nodes/${node}/addr.json`, (links) => [...links, { ...link, addr_info: [address] }]);
      demo.edit<Item[]>(`nodes/${node}/link.json`, (links) => [
        ...links,
        { ...link, linkinfo: { info_kind: 'dummy' } },
      ]);
      const route = { type: 'local', dst: VIP, dev: 'kube-ipvs0', table: 'local', scope: 'host', flags: [] };
      demo.edit<Item[]>(`nodes/${node}/route4.json`, (routes) => [...routes, route]);
      demo.without(`nodes/${node}/nft.txt`);
      demo.edit<{ nftables: Item[] }>(`nodes/${node}/nft.json`, ({ nftables }) => ({
        nftables: nftables.filter((one) => 'metainfo' in one),
      }));
    }
  });
  test.each([
    ['a Service from a pod', { ...FROM_WEB, dst: VIP, dport: 80 }, 'another-data-plane'],
    ['a Service from a node', { from: { node: 'node-2' }, protocol: 'TCP', dst: VIP, dport: 80 }, 'another-data-plane'],
    [
      'a NodePort',
      { from: 'external', node: 'node-1', dst: '10.240.0.11', dport: 30090, protocol: 'TCP' },
      'another-data-plane',
    ],
    ['a pod', POD, 'ok'],
    ['a process of a node', { ...FROM_WEB, dst: '10.240.0.12', dport: 9100 }, 'ok'],
    ['a port of a node where nothing listens', { ...FROM_WEB, dst: '10.240.0.12', dport: 9 }, 'refused'],
  ])('%s: %s', (_, question, expected) => {
    expect(word(question)).toBe(expected);
  });
  test('without the Services any port of a node may be a NodePort', () => {
    demo.without('cluster/services.json');
    expect(word({ ...FROM_WEB, dst: '10.240.0.12', dport: 9100 })).toBe('another-data-plane');
    expect(word(POD)).toBe('ok');
  });
});

test('an XDP program at the way in', () => {
  change('link.json', 'eth0', { xdp: { mode: 1, prog: { id: 5, name: 'guard' } } });
  expect(word(POD)).toBe('another-data-plane');
  expect(word({ ...FROM_WEB, dst: '10.244.1.4', dport: 8080 })).toBe('ok');
});

test('a pod behind a link without a carrier: the kernel tells that the host is unreachable', () => {
  const flags = ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'];
  const dev = deviceOf(WEB_2.ip);
  for (const file of ['addr.json', 'link.json']) change(file, dev, { flags, operstate: 'LOWERLAYERDOWN' });
  expect(word(POD)).toBe('icmp-host-unreachable');
});

test('sockets that are bound to a mapped address, or to another interface', () => {
  const question = { from: { node: 'node-1' }, dst: '10.240.0.12', dport: 9100, protocol: 'TCP' };
  const line = (local: string): DemoCluster => demo.write('nodes/node-2/sockets.txt', `tcp LISTEN 0 9 ${local} *:*\n`);
  line('[::ffff:10.240.0.12]:9100');
  expect(word(question)).toBe('ok');
  line(`0.0.0.0%${deviceOf(WEB_2.ip)}:9100`);
  expect(word(question)).toBe('refused');
});
