/** What virtual servers of IPVS may take is left open, and nothing else is. */
import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import type { CtEntry, Known, Link, World } from '../world/world';
import { trace } from './index';
import { accept, drop, SYN, wordOf, type XtCase, xtWorld } from './testing/xt-world';

const VIP = 0x0a600001; // 10.96.0.1
const PORTS: Known<ReadonlySet<string>> = { known: true, value: new Set(['tcp 30080']) };

/** A router with kube-proxy's interface in IPVS mode, or another one in its place. */
function node(more: Partial<World> = {}, name = 'kube-ipvs0', c: XtCase = { rules: [[accept]] }): World {
  const world = xtWorld(c);
  const [first] = world.links.known ? world.links.value : [];
  if (!world.links.known || !world.routes.ip.known || first === undefined) throw new Error('not read');
  const [own] = first.addresses;
  if (own === undefined) throw new Error('eth0 has no address');
  const dummy: Link = { ...first, name, index: 9, kind: 'dummy', addresses: [{ ...own, local: VIP, prefixLen: 32 }] };
  const template = world.routes.ip.value.find(({ type }) => type === 'local');
  if (template === undefined) throw new Error('no local route');
  const local = { ...template, dst: { addr: VIP, len: 32 }, nexthops: [{ dev: name, weight: 1, dead: false }] };
  return {
    ...world,
    links: { known: true, value: [...world.links.value, dummy] },
    routes: { ...world.routes, ip: { known: true, value: [...world.routes.ip.value, local] } },
    sockets: { known: true, value: [] },
    nodePorts: PORTS,
    ...more,
  };
}
const words = (world: World, packet: Partial<PacketSpec>): readonly string[] =>
  trace(world, { ...SYN, ...packet }).branches.map(wordOf);

const OPEN = ['undecided another-data-plane'];

test.each([
  ['a Service', { daddr: '10.96.0.1', dport: 80 }, OPEN],
  ['a Service, by a process of the node', { from: 'local' as const, saddr: '10.1.0.1', daddr: '10.96.0.1' }, OPEN],
  ['a NodePort', { daddr: '10.1.0.1', dport: 30080 }, OPEN],
  ['the same port in UDP', { daddr: '10.1.0.1', dport: 30080, protocol: 'udp' }, ['delivered']],
  ['a port of the node that is no NodePort', { daddr: '10.1.0.1', dport: 22 }, ['delivered']],
  ['another machine', { daddr: '10.2.0.2' }, ['transmitted']],
])('%s', (_, packet, expected) => {
  expect(words(node(), packet)).toEqual(expected);
});

test('kube-router has an interface of another name, and any other dummy interface is none of IPVS', () => {
  expect(words(node({}, 'kube-dummy-if'), { daddr: '10.96.0.1' })).toEqual(OPEN);
  expect(words(node({}, 'dummy0'), { daddr: '10.96.0.1' })).toEqual(['delivered']);
});

test('where Services were not read any port of the node may be a NodePort', () => {
  const unread = node({ nodePorts: { known: false, why: 'services.json was not read' } });
  expect(words(unread, { daddr: '10.1.0.1', dport: 22 })).toEqual(OPEN);
  expect(words(unread, { daddr: '10.2.0.2' })).toEqual(['transmitted']);
});

describe('chains around it', () => {
  test('what is dropped before IPVS sees it is dropped', () => {
    const filtered = node({}, 'kube-ipvs0', { rules: [[drop]], hook: 'prerouting', table: 'raw' });
    expect(words(filtered, { daddr: '10.96.0.1' })).toEqual(['dropped']);
  });
  test('an echo to the address of a Service is answered by the node', () => {
    const echo: PacketSpec = {
      ...{ family: 'ip', iif: 'eth0', saddr: '10.1.0.2', daddr: '10.96.0.1', protocol: 'icmp', ttl: 64 },
      ...{ icmpType: 8, icmpCode: 0 },
    };
    expect(trace(node(), echo).branches.map(wordOf)).toEqual(['delivered']);
  });
});

test('an answer on an open connection to a Service goes back through IPVS', () => {
  const tuple = { protocol: 6, src: 0x0a010002, dst: VIP, sport: 40000, dport: 80 };
  const entry: CtEntry = {
    family: 'ip',
    original: tuple,
    reply: { protocol: 6, src: 0x0a020002, dst: 0x0a010002, sport: 8080, dport: 40000 },
    status: ['confirmed', 'seen-reply', 'assured'],
    tcpState: 'ESTABLISHED',
    mark: 0,
    zone: 0,
  };
  const answer: Partial<PacketSpec> = {
    ...{ iif: 'eth1', saddr: '10.2.0.2', daddr: '10.1.0.2', sport: 8080, dport: 40000, flags: ['ack'] },
  };
  expect(words(node({ conntrack: { known: true, value: [entry] } }), answer)).toEqual(OPEN);
  const plain = { ...entry, original: { ...tuple, dst: 0x0a020002, dport: 8080 } };
  expect(words(node({ conntrack: { known: true, value: [plain] } }), answer)).toEqual(['transmitted']);
});
