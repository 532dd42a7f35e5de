/** What the node itself sends through a bridge, as Linux 6.18 sent it: br0 with the ports p1, added first, and p2. */
import { describe, expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { PacketSpec } from '../net/packet-spec';
import type { Link, Route, World } from '../world/world';
import { trace } from './index';
import { drop, match, wordOf, xtWorld } from './testing/xt-world';

const HOST = '02:00:00:00:06:02';
const BR0 = 0x0a000401;

function world(rules: readonly (readonly [hook: string, expr: readonly unknown[]])[]): World {
  const plain = xtWorld({ rules: [] });
  const at = { family: 'bridge', table: 't' };
  const nftables = [
    { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'bridge', name: 't', handle: 1 } },
    ...rules.flatMap(([hook, expr], i) => [
      { chain: { ...at, name: `c${i}`, handle: 10 + i, type: 'filter', hook, prio: 0, policy: 'accept' } },
      { rule: { ...at, chain: `c${i}`, handle: 20 + i, expr } },
    ]),
  ];
  const ruleset = decodeRuleset({ nftables });
  if (!plain.links.known || !ruleset.ok) throw new Error('no world');
  const link = (index: number, name: string, more: Partial<Link>): Link => ({
    ...{ index, name, mtu: 1500, type: 'ether', kind: 'veth', mac: `02:00:00:00:04:0${index}`, up: true },
    ...{ flags: ['UP', 'LOWER_UP'], group: 'default', master: undefined, addresses: [] },
    ...more,
  });
  const own = { family: 'ip', local: BR0, prefixLen: 24, scope: 'global' } as const;
  const route = (type: 'local' | 'broadcast' | 'unicast', table: string, addr: number, len: number): Route => ({
    ...{ family: 'ip', table, type, dst: { addr, len }, metric: 0, tos: 0, scope: 'link', protocol: 'kernel' },
    ...{ prefsrc: BR0, nexthops: [{ dev: 'br0', weight: 1, dead: false }], flags: [] },
  });
  const value = [
    link(4, 'br0', {
      kind: 'bridge',
      addresses: [{ ...own, secondary: false, deprecated: false, tentative: false }],
    }),
    link(5, 'p1', { master: 'br0' }),
    link(6, 'p2', { master: 'br0' }),
  ];
  return {
    ...plain,
    ruleset: { known: true, value: ruleset.value },
    links: { known: true, value },
    routes: {
      ...plain.routes,
      ip: {
        known: true,
        value: [
          route('local', 'local', BR0, 32),
          route('broadcast', 'local', 0x0a0004ff, 32),
          route('unicast', 'main', 0x0a000400, 24),
        ],
      },
    },
    fdb: new Map([[HOST, 'p1']]),
  };
}
function branchOf(packet: PacketSpec, ...rules: Parameters<typeof world>[0]) {
  const [branch] = trace(world(rules), packet).branches;
  if (branch?.outcome.kind !== 'decided') throw new Error(branch === undefined ? 'no branch' : wordOf(branch));
  return branch;
}
const sent = (packet: PacketSpec, ...rules: Parameters<typeof world>[0]): readonly string[] => {
  const { outcome } = branchOf(packet, ...rules);
  return outcome.kind === 'decided' ? outcome.fate.egress.map((one) => `${one.dev} ${one.packet.op ?? ''}`.trim()) : [];
};

const ARP = match({ meta: { key: 'protocol' } }, 'arp');

describe('an ARP request that comes in by a port', () => {
  const asked: PacketSpec = {
    ...{ iif: 'p1', family: 'arp', op: 'request', saddr: '10.0.4.2', daddr: '10.0.4.1', senderMac: HOST },
    l2: { src: HOST, dst: 'ff:ff:ff:ff:ff:ff' },
  };
  test('is answered out of that port', () => {
    expect(sent(asked)).toEqual(['p2 request', 'p1 reply']);
  });
  test.each(['output', 'postrouting'])('%s of the bridge may drop the answer', (hook) => {
    const answer = match({ meta: { key: 'oifname' } }, 'p1');
    expect(sent(asked, [hook, [ARP, answer, drop]])).toEqual(['p2 request']);
  });
});

test('a broadcast leaves by the port added last first', () => {
  const toAll: PacketSpec = {
    ...{
      from: 'local',
      family: 'ip',
      saddr: '10.0.4.1',
      daddr: '10.0.4.255',
      protocol: 'udp',
      sport: 40_000,
      dport: 4,
    },
  };
  expect(sent(toAll)).toEqual(['p2', 'p1']);
});
