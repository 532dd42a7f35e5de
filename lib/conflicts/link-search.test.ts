import { describe, expect, test } from 'vitest';
import { preparedOf, trace } from '../sim';
import type { Conflict } from './conflict';
import { linkConflictsOf } from './link-search';
import { accept, drop, match, nodeWorld, type TestChain } from './testing/node-world';

const link = (ifindex: number, ifname: string, more: object = {}) => ({
  ifindex,
  ifname,
  flags: ['UP'],
  mtu: 1500,
  operstate: 'UP',
  link_type: 'ether',
  address: `02:00:00:00:0${ifindex}:01`,
  addr_info: [],
  ...more,
});
const local = (address: string) => ({
  addr_info: [{ family: 'inet', local: address, prefixlen: 24, scope: 'global' }],
});
const port = { master: 'br0', linkinfo: { info_slave_kind: 'bridge' } };
const FILES = {
  'addr.json': JSON.stringify([
    link(1, 'lo', { link_type: 'loopback', flags: ['LOOPBACK', 'UP'] }),
    link(2, 'eth0', local('10.240.0.11')),
    link(3, 'br0', { ...local('10.244.1.1'), linkinfo: { info_kind: 'bridge' } }),
    link(4, 'p1', port),
    link(5, 'p2', port),
  ]),
  'link.json': JSON.stringify([
    link(3, 'br0', { linkinfo: { info_kind: 'bridge' } }),
    link(4, 'p1', port),
    link(5, 'p2', port),
  ]),
  'route4.json': JSON.stringify([
    { dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] },
    { dst: '10.244.1.0/24', dev: 'br0', protocol: 'kernel', scope: 'link', prefsrc: '10.244.1.1', flags: [] },
    ...['10.240.0.11', '10.244.1.1'].map((dst) => ({
      type: 'local',
      dst,
      dev: 'eth0',
      table: 'local',
      scope: 'host',
      flags: [],
    })),
  ]),
  'sysctl.txt': [
    'net.ipv4.ip_forward = 1',
    ...['all', 'eth0', 'br0', 'p1', 'p2'].map((name) => `net.ipv4.conf.${name}.rp_filter = 0`),
    'net.bridge.bridge-nf-call-iptables = 0',
    'net.bridge.bridge-nf-call-ip6tables = 0',
    '',
  ].join('\n'),
};

const chain = (table: string, base: string, ...rules: TestChain['rules']): TestChain => ({
  table,
  name: base.split(' ')[1] ?? '',
  base,
  rules,
});
const ip = (field: string, value: unknown) => match({ payload: { protocol: 'ip', field } }, value);
const ether = (field: string, value: string) => match({ payload: { protocol: 'ether', field } }, value);
const arp = (field: string, value: unknown) => match({ payload: { protocol: 'arp', field } }, value);
const tcp = (port: number) => match({ payload: { protocol: 'tcp', field: 'dport' } }, port);
const MARK = { meta: { key: 'mark' } };
const setMark = { mangle: { key: MARK, value: 7 } };

function found(chains: readonly TestChain[], device?: string) {
  const world = nodeWorld(chains, { files: FILES });
  const ruleset = world.ruleset.known && device !== undefined ? onDevice(world.ruleset.value, device) : undefined;
  const on = ruleset === undefined ? world : { ...world, ruleset: { known: true, value: ruleset } as const };
  return { world: on, ...linkConflictsOf(preparedOf(on)) };
}

type Ruleset = Extract<ReturnType<typeof nodeWorld>['ruleset'], { known: true }>['value'];
const onDevice = (ruleset: Ruleset, device: string): Ruleset => ({
  ...ruleset,
  tables: ruleset.tables.map((table) => ({
    ...table,
    chains: table.chains.map((one) =>
      one.base === undefined ? one : { ...one, base: { ...one.base, devices: [device] } },
    ),
  })),
});

const brief = ({ kind, tie, differs, families, first, second }: Conflict): string =>
  `${kind}${tie ? ' tie' : ''} ${differs} ${families}: ${first.table}, ${second.table}`;

const PEER = '02:00:00:00:00:07';

describe('hooks that are not of IPv4 and IPv6', () => {
  test.each<{ name: string; chains: readonly TestChain[]; device?: string; want: readonly string[] }>([
    {
      name: 'bridge: one drops by the mark that the other sets',
      chains: [
        chain('bridge a', 'filter prerouting -300', [tcp(80), setMark]),
        chain('bridge b', 'filter prerouting -200', [match(MARK, 7), drop]),
      ],
      want: ['written delivered ip: a, b'],
    },
    {
      name: 'bridge: another mark',
      chains: [
        chain('bridge a', 'filter prerouting -300', [tcp(80), setMark]),
        chain('bridge b', 'filter prerouting -200', [match(MARK, 8), drop]),
      ],
      want: [],
    },
    {
      name: 'bridge: let in by one, dropped by the other',
      chains: [
        { ...chain('bridge a', 'filter forward 0', [ip('daddr', '10.244.1.9'), accept]), policy: 'drop' },
        chain('bridge b', 'filter forward 10', [tcp(443), drop]),
      ],
      want: ['accept-overruled delivered ip: a, b'],
    },
    {
      name: 'bridge: of one owner',
      chains: [
        { ...chain('bridge a', 'filter forward 0', [ip('daddr', '10.244.1.9'), accept]), policy: 'drop' },
        { ...chain('bridge a', 'filter forward 10', [tcp(443), drop]), name: 'too' },
      ],
      want: [],
    },
    {
      name: 'bridge: two that only drop may change places',
      chains: [
        chain('bridge a', 'filter prerouting -300', [tcp(80), drop]),
        chain('bridge b', 'filter prerouting -200', [tcp(81), drop]),
      ],
      want: [],
    },
    {
      name: 'bridge: by the address of the link, at one priority',
      chains: [
        chain('bridge a', 'filter prerouting -200', [match(MARK, 7), drop]),
        chain('bridge b', 'filter prerouting -200', [ether('saddr', PEER), setMark]),
      ],
      // At equal priority the chain registered last runs first.
      want: ['written tie delivered ip: b, a'],
    },
    {
      name: 'arp: a sender that one lets in and the other drops',
      chains: [
        { ...chain('arp a', 'filter input 0', [arp('saddr ip', '10.240.0.7'), accept]), policy: 'drop' },
        chain('arp b', 'filter input 10', [arp('saddr ether', PEER), drop]),
      ],
      want: ['accept-overruled delivered arp: a, b'],
    },
    {
      name: 'arp: senders that have nothing in common',
      chains: [
        { ...chain('arp a', 'filter input 0', [arp('saddr ip', '10.240.0.7'), accept]), policy: 'drop' },
        chain('arp b', 'filter input 10', [arp('saddr ip', '10.240.0.8'), drop]),
      ],
      want: [],
    },
    {
      name: 'a device: the mark of one, the drop of the other',
      device: 'eth0',
      chains: [
        chain('netdev a', 'filter ingress -10', [tcp(80), setMark]),
        chain('netdev b', 'filter ingress 0', [match(MARK, 7), drop]),
      ],
      want: ['written delivered ip: a, b'],
    },
    {
      name: 'a device: what leaves it',
      device: 'eth0',
      chains: [
        chain('netdev a', 'filter egress -10', [tcp(80), setMark]),
        chain('netdev b', 'filter egress 0', [match(MARK, 7), drop]),
      ],
      want: ['written delivered ip: a, b'],
    },
    {
      name: 'a device of which the listing does not say which it is',
      chains: [
        chain('netdev a', 'filter ingress -10', [tcp(80), setMark]),
        chain('netdev b', 'filter ingress 0', [match(MARK, 7), drop]),
      ],
      want: [],
    },
  ])('$name', ({ chains, device, want }) => {
    expect(found(chains, device).conflicts.map(brief)).toEqual(want);
  });

  test('the witness is a packet that comes there, and ends as is said', () => {
    const { world, conflicts } = found([
      chain('bridge a', 'filter prerouting -300', [tcp(80), setMark]),
      chain('bridge b', 'filter prerouting -200', [match(MARK, 7), drop]),
    ]);
    const [conflict] = conflicts;
    if (conflict === undefined) throw new Error('no conflict');
    expect(conflict.witness).toMatchObject({
      now: [{ result: 'not-delivered' }],
      otherwise: [{ result: 'delivered' }],
    });
    const [branch] = trace(world, conflict.witness.packet).branches;
    expect(branch?.outcome).toMatchObject({ kind: 'decided', fate: { summary: 'dropped', by: { table: 'b' } } });
    expect(conflict.rules.map(({ table }) => table)).toEqual(['a', 'b']);
  });

  test('every hook where chains of several owners meet is listed, those of a device with it', () => {
    const chains = [chain('netdev a', 'filter ingress -10', [drop]), chain('netdev b', 'filter ingress 0', [drop])];
    const { meetings, pairs } = found(chains, 'eth0');
    expect(meetings).toMatchObject([{ family: 'netdev', hook: 'ingress', device: 'eth0' }]);
    expect(pairs).toBe(0);
  });
});
