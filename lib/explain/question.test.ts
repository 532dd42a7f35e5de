import { describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build-cluster';
import { decodeEnvironment } from '../world/decode-environment';
import type { World } from '../world/world';
import { askPacket, type Question } from './question';

const list = (...items: unknown[]) => ({ kind: 'read', content: JSON.stringify({ items }) }) as const;
const pod = (name: string, nodeName: string, ...ips: string[]) => ({
  metadata: { namespace: 'shop', name },
  spec: { nodeName, containers: [] },
  status: { podIPs: ips.map((ip) => ({ ip })) },
});
const node = (name: string, ...ips: string[]) => ({
  metadata: { name },
  status: { addresses: ips.map((address) => ({ type: 'InternalIP', address })) },
});
const { cluster } = buildCluster(
  new Map([
    ['pods.json', list(pod('here', 'node-1', '10.244.1.3', 'fd00:10:244:1::3'), pod('there', 'node-2', '10.244.2.3'))],
    ['nodes.json', list(node('node-1', '10.240.0.11', 'fd00:10:240::11'), node('node-2', '10.240.0.12'))],
    [
      'services.json',
      list({
        metadata: { namespace: 'shop', name: 'dual' },
        spec: { clusterIPs: ['fd00:10:96::5', '10.96.0.5'], ports: [{ name: 'http', port: 80 }] },
      }),
    ],
  ]),
);

const link = (ifindex: number, ifname: string, ...addresses: string[]) => ({
  ifindex,
  ifname,
  flags: ['UP'],
  mtu: 1500,
  link_type: 'ether',
  addr_info: addresses.map((text) => {
    const [local, prefixlen] = text.split('/');
    return { family: text.includes(':') ? 'inet6' : 'inet', local, prefixlen: Number(prefixlen), scope: 'global' };
  }),
});
const rules = [0, 32766].map((priority, at) => ({ priority, src: 'all', table: at === 0 ? 'local' : 'main' }));
function world(json: object = {}): World {
  const parts = decodeEnvironment({
    addr: [link(2, 'eth0', '10.240.0.11/24', 'fd00:10:240::11/64'), link(3, 'veth1', '10.244.1.1/32')],
    route4: [
      { dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] },
      { dst: '10.244.1.3', dev: 'veth1', scope: 'link', flags: [] },
      { dst: '10.244.2.0/24', gateway: '10.240.0.12', dev: 'eth0', flags: [] },
      { type: 'local', table: 'local', dst: '10.240.0.11', dev: 'eth0', prefsrc: '10.240.0.11', flags: [] },
      { type: 'local', table: 'local', dst: '127.0.0.0/8', dev: 'lo', prefsrc: '127.0.0.1', flags: [] },
    ],
    route6: [{ dst: 'fd00:10:244:1::3', dev: 'veth1', metric: 256, flags: [] }],
    rule4: rules,
    rule6: rules,
    ...json,
  });
  if (!parts.ok) throw new Error(parts.problem.say);
  return { ...parts.value, ruleset: { known: false, why: 'not asked' } };
}

test.each<{ name: string; question: Question; want: object }>([
  {
    name: 'a pod of this node comes in by its own interface',
    question: { from: 'shop/here', to: '10.96.0.5:80' },
    want: {
      iif: 'veth1',
      family: 'ip',
      saddr: '10.244.1.3',
      daddr: '10.96.0.5',
      protocol: 'tcp',
      sport: 40000,
      dport: 80,
    },
  },
  {
    name: 'a pod of another node by the way to it',
    question: { from: 'shop/there', to: '10.96.0.5:80/UDP' },
    want: { iif: 'eth0', saddr: '10.244.2.3', protocol: 'udp' },
  },
  {
    name: 'an external client by the default route',
    question: { from: 'external:203.0.113.7', to: '10.240.0.11:30080', sport: 1234 },
    want: { iif: 'eth0', saddr: '203.0.113.7', sport: 1234 },
  },
  {
    name: 'the node itself: a local process, source by the route',
    question: { from: 'node-1', to: '10.96.0.5:80' },
    want: { from: 'local', saddr: '10.240.0.11' },
  },
  {
    name: 'the node to its loopback',
    question: { from: 'node-1', to: '127.0.0.1:30080' },
    want: { from: 'local', saddr: '127.0.0.1' },
  },
  {
    name: 'another node',
    question: { from: 'node-2', to: 'shop/here', dport: 8080 },
    want: { iif: 'eth0', saddr: '10.240.0.12', daddr: '10.244.1.3' },
  },
  {
    name: 'the family both have, the target deciding',
    question: { from: 'shop/here', to: 'svc:shop/dual' },
    want: { family: 'ip6', iif: 'veth1', saddr: 'fd00:10:244:1::3', daddr: 'fd00:10:96::5' },
  },
  {
    name: 'the only family the source has',
    question: { from: 'shop/there', to: 'svc:shop/dual' },
    want: { family: 'ip', daddr: '10.96.0.5' },
  },
  {
    name: 'a family asked for',
    question: { from: 'shop/here', to: 'svc:shop/dual', family: 'ip' },
    want: { family: 'ip' },
  },
  {
    name: 'ping',
    question: { from: 'shop/here', to: 'shop/there', protocol: 'ICMP' },
    want: { protocol: 'icmp', icmpType: 8, icmpCode: 0 },
  },
  {
    name: 'icmpv6 chooses the family',
    question: { from: 'shop/here', to: 'node-1', protocol: 'icmpv6' },
    want: { family: 'ip6', saddr: 'fd00:10:244:1::3', daddr: 'fd00:10:240::11', icmpType: 128 },
  },
  {
    name: 'a client outside asks the address of a cable of a pod: no router is on it',
    question: { from: 'external', to: '10.244.1.1:80' },
    want: { iif: 'eth0' },
  },
])('$name', ({ question, want }) => {
  const asked = askPacket(question, 'node-1', world(), cluster);
  expect(asked.ok ? asked.value.packet : asked.problem).toMatchObject(want);
});

test.each<{ name: string; question: Question; json?: object; want: string }>([
  { name: 'no port', question: { from: 'shop/here', to: 'shop/there' }, want: 'REF-009' },
  {
    name: 'icmpv6 to an IPv4 address',
    question: { from: 'shop/here', to: '10.244.2.3', protocol: 'icmpv6' },
    want: 'REF-008',
  },
  {
    name: 'icmpv6 between IPv4 addresses',
    question: { from: 'shop/here', to: 'shop/there', protocol: '58', family: 'ip' },
    want: 'REF-008',
  },
  { name: 'no common family', question: { from: 'shop/there', to: '[fd00::1]:80' }, want: 'REF-008' },
  {
    name: 'no route to the source',
    question: { from: 'external', to: '10.96.0.5:80' },
    json: { route4: [] },
    want: 'REF-010',
  },
  {
    name: "the node's own address from outside",
    question: { from: 'external:10.240.0.11', to: '10.96.0.5:80' },
    want: 'REF-010',
  },
  { name: 'a bad protocol', question: { from: 'shop/here', to: '10.96.0.5:80', protocol: 'xyz' }, want: 'REF-001' },
])('$name: $want', ({ question, json, want }) => {
  const asked = askPacket(question, 'node-1', world(json), cluster);
  expect(asked.ok ? asked.value.packet : asked.problem.code).toBe(want);
});

test('without routes the interface is not known, and the packet can be asked all the same', () => {
  const asked = askPacket({ from: 'shop/here', to: '10.96.0.5:80' }, 'node-1', world({ route4: undefined }), cluster);
  expect(asked.ok && asked.value.packet).toMatchObject({ from: 'unknown', daddr: '10.96.0.5' });
});

test('without a cluster the node itself still has a name', () => {
  const asked = askPacket({ from: 'vm', to: '10.0.0.1:80' }, 'vm', world(), buildCluster(new Map()).cluster);
  expect(asked.ok && asked.value.packet).toMatchObject({ from: 'local', saddr: '10.240.0.11' });
});

describe('the device on which a client outside asks an address of a bridge', () => {
  const bridge = { ...link(4, 'br0', '172.18.0.1/16'), linkinfo: { info_kind: 'bridge' } };
  const port = (ifindex: number, ifname: string, kind?: string) => ({
    ...link(ifindex, ifname),
    master: 'br0',
    ...(kind !== undefined && { linkinfo: { info_kind: kind } }),
  });
  test.each([
    { name: 'none of its ports leads out', ports: [port(5, 'veth5', 'veth'), port(6, 'vnet0', 'tun')], want: 'eth0' },
    { name: 'it has no ports', ports: [], want: 'eth0' },
    { name: 'one port is a card', ports: [port(5, 'veth5', 'veth'), port(6, 'eth1')], want: 'br0' },
  ])('$name: $want', ({ ports, want }) => {
    const addr = [link(2, 'eth0', '10.240.0.11/24'), bridge, ...ports];
    const asked = askPacket({ from: 'external', to: '172.18.0.1:80' }, 'node-1', world({ addr, link: addr }), cluster);
    expect(asked.ok ? asked.value.packet.iif : asked.problem).toBe(want);
  });
});
