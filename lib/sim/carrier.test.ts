/**
 * A device without a carrier, as Linux 6.18 answered over a veth pair whose other end was down: EHOSTUNREACH after 3.1 s to a machine
 * behind the router and to the router's own process, in IPv4 and IPv6; nothing at all where the neighbour is permanent.
 */
import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import type { Link, Neighbour, World } from '../world/world';
import { trace } from './index';
import { drop, SYN, wordOf, type XtCase, xtWorld } from './testing/xt-world';

const LOST = ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'];
const PERMANENT: Neighbour = {
  family: 'ip',
  dst: 0x0a020002,
  dev: 'eth1',
  mac: '02:00:00:00:00:09',
  state: ['PERMANENT'],
};

function withLink(
  name: string,
  more: Partial<Link>,
  known: readonly Neighbour[] = [],
  c: XtCase = { rules: [] },
): World {
  const world = xtWorld(c);
  if (!world.links.known) throw new Error(world.links.why);
  const value = world.links.value.map((link) => (link.name === name ? { ...link, ...more } : link));
  const lo: Link = {
    ...{ index: 9, name: 'lo', mtu: 65536, type: 'loopback', kind: undefined, mac: undefined, up: true },
    ...{ flags: ['LOOPBACK', 'UP', 'LOWER_UP'], group: 'default', master: undefined, addresses: [] },
  };
  return {
    ...world,
    links: { known: true, value: [...value, lo] },
    neighbours: { known: true, value: known },
    sockets: { known: true, value: [] },
  };
}
/** What became of the packet, and the ICMP errors made. */
function outcome(world: World, packet: Partial<PacketSpec> = {}): readonly string[] {
  const [branch] = trace(world, { ...SYN, ...packet }).branches;
  if (branch === undefined) throw new Error('no branch');
  const made = branch.steps.flatMap((step) =>
    step.kind === 'generated' ? [`${step.what} to ${step.packet.daddr}`] : [],
  );
  return [wordOf(branch), ...made];
}

const MASQUERADE: XtCase = { rules: [[{ masquerade: null }]], table: 'nat', hook: 'postrouting' };

describe('the way out has no carrier', () => {
  test('the sender is told', () => {
    expect(outcome(withLink('eth1', { flags: LOST }))).toEqual(['answered-outside-nftables', 'ICMP 3/1 to 10.1.0.2']);
  });
  test('a process of the node is told', () => {
    const packet = { from: 'local', saddr: '10.2.0.1' } as const;
    expect(outcome(withLink('eth1', { flags: LOST }), packet)).toEqual([
      'answered-outside-nftables',
      'ICMP 3/1 to 10.2.0.1',
    ]);
  });
  test('of a masqueraded connection the client is told', () => {
    const world = withLink('eth1', { flags: LOST }, [], MASQUERADE);
    const [branch] = trace(world, SYN).branches;
    const fate = branch?.outcome.kind === 'decided' ? branch.outcome.fate : undefined;
    expect(fate?.egress.map(({ dev, packet }) => [dev, packet.protocol, packet.daddr])).toEqual([
      ['eth0', 'icmp', '10.1.0.2'],
    ]);
  });
  test('a permanent neighbour needs no search, and the device drops in silence', () => {
    expect(outcome(withLink('eth1', { flags: LOST }, [PERMANENT]))).toEqual(['lost-outside-nftables']);
  });
  test('no neighbour is searched for on a device without ARP', () => {
    expect(outcome(withLink('eth1', { flags: [...LOST, 'NOARP'] }))).toEqual(['lost-outside-nftables']);
  });
  test('what a rule drops before is dropped', () => {
    expect(outcome(withLink('eth1', { flags: LOST }, [], { rules: [[drop]] }))).toEqual(['dropped']);
  });
  test('other ways are as before', () => {
    expect(outcome(withLink('eth0', { flags: LOST }), { iif: 'eth1' })[0]).not.toBe('transmitted');
    expect(outcome(withLink('eth1', { flags: ['UP', 'LOWER_UP'] }))).toEqual(['transmitted']);
  });
});

test.each([
  ['a route over a device that is down', withLink('eth1', { flags: [], up: false })],
  ['arrival on a device that is down', withLink('eth0', { flags: [], up: false })],
  ['arrival on a device without a carrier', withLink('eth0', { flags: LOST })],
])('%s is of another moment', (_, world) => {
  expect(outcome(world)).toEqual(['undecided link-down']);
});

test('what a route puts around the packet is not modelled', () => {
  const world = withLink('eth1', {});
  if (!world.routes.ip.known) throw new Error(world.routes.ip.why);
  const value = world.routes.ip.value.map((route) => ({
    ...route,
    nexthops: route.nexthops.map((hop) =>
      hop.dev === 'eth1' && route.type === 'unicast' ? { ...hop, encap: 'bpf' } : hop,
    ),
  }));
  expect(outcome({ ...world, routes: { ...world.routes, ip: { known: true, value } } })).toEqual([
    'undecided route-encap',
  ]);
});
