import { expect, test } from 'vitest';
import { buildCluster } from '../../cluster/build-cluster';
import { drop, match, nodeWorld, type TestChain } from '../../conflicts/testing/node-world';
import { buildNetwork } from '../../reach/network';
import { unheardDiscovery } from './neighbour-discovery';

const link = (n: number) => [
  { ifindex: 1, ifname: 'lo', link_type: 'loopback', flags: ['LOOPBACK', 'UP'], mtu: 65536, addr_info: [] },
  {
    ...{ ifindex: 2, ifname: 'eth0', link_type: 'ether', flags: ['UP'], mtu: 1500, operstate: 'UP' },
    address: `02:00:00:00:00:0${n}`,
    addr_info: [
      { family: 'inet6', local: `fd00::${n}`, prefixlen: 64, scope: 'global' },
      { family: 'inet6', local: `fe80::${n}`, prefixlen: 64, scope: 'link' },
    ],
  },
];
const local = (dst: string) => ({ type: 'local', dst, dev: 'eth0', table: 'local', protocol: 'kernel', flags: [] });
const files = (n: number) => ({
  'addr.json': JSON.stringify(link(n)),
  'route6.json': JSON.stringify([
    { dst: 'fd00::/64', dev: 'eth0', protocol: 'kernel', flags: [] },
    { dst: 'fe80::/64', dev: 'eth0', protocol: 'kernel', flags: [] },
    local(`fd00::${n}`),
    local(`fe80::${n}`),
    { type: 'multicast', dst: 'ff00::/8', dev: 'eth0', table: 'local', protocol: 'kernel', flags: [] },
  ]),
  'rule6.json': JSON.stringify([
    { priority: 0, src: 'all', table: 'local' },
    { priority: 32766, src: 'all', table: 'main' },
  ]),
  'sysctl.txt': 'net.ipv6.conf.all.forwarding = 1\n',
});
const node = (n: number) => ({
  metadata: { name: `node-${n}`, labels: {} },
  spec: {},
  status: { addresses: [{ type: 'InternalIP', address: `fd00::${n}` }] },
});
const pod = {
  metadata: { namespace: 'shop', name: 'web', labels: {} },
  spec: { nodeName: 'node-2', containers: [] },
  status: { phase: 'Running', podIP: 'fd00:244::2', podIPs: [{ ip: 'fd00:244::2' }] },
};
const CLUSTER = { 'nodes.json': [node(1), node(2)], 'pods.json': [pod] };

const icmp = (type: string) => match({ payload: { protocol: 'icmpv6', field: 'type' } }, type);
const from = (addr: string, len: number) =>
  match({ payload: { protocol: 'ip6', field: 'saddr' } }, { prefix: { addr, len } });
const chain = (base: string, ...rules: TestChain['rules']): TestChain => ({
  table: 'ip6 others',
  name: 'chain',
  base,
  rules,
});

test.each<readonly [string, TestChain, readonly string[]]>([
  ['nothing', chain('filter output 0'), []],
  ['answers on the way out', chain('filter output 0', [icmp('nd-neighbor-advert'), drop]), ['advertisements out']],
  ['questions on the way out', chain('filter output 0', [icmp('nd-neighbor-solicit'), drop]), ['solicitations out']],
  [
    'all that a policy drops',
    { ...chain('filter output 0'), policy: 'drop' },
    ['advertisements out', 'solicitations out'],
  ],
  ['what link-local addresses send', chain('filter input 0', [from('fe80::', 10), drop]), ['solicitations in']],
  ['errors', chain('filter output 0', [icmp('time-exceeded'), drop]), []],
])('%s dropped', (_, others, want) => {
  const { cluster } = buildCluster(
    new Map(
      Object.entries(CLUSTER).map(([name, items]) => [name, { kind: 'read', content: JSON.stringify({ items }) }]),
    ),
  );
  const worlds = [nodeWorld([others], { files: files(1) }), nodeWorld([], { files: files(2) })];
  const network = buildNetwork(cluster, new Map(worlds.map((world, at) => [`node-${at + 1}`, world])));
  const found = unheardDiscovery(network, 'node-1').map(({ what, way }) => `${what} ${way}`);
  expect([...new Set(found)].toSorted()).toEqual(want);
});
