/** What a router answers to neighbour solicitations, as Linux 6.18 answered them on a veth pair. */
import { expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { PacketSpec } from '../net/packet-spec';
import type { LinkAddress, Route, World } from '../world/world';
import { trace } from './index';
import { drop, match, wordOf, xtWorld } from './testing/xt-world';

const LINK = '02:00:00:00:01:02';
const TARGET = 'fd000001000000000000000000000001';
const own = 0xfd000001000000000000000000000001n;

/** A table of one chain at a hook, which drops what the rule names. */
function table(hook: string, rule?: readonly unknown[]): unknown[] {
  const at = { family: 'ip6', table: 't' };
  const chain = { ...at, name: 'c', handle: 1, type: 'filter', hook, prio: 0, policy: 'accept' };
  return [
    { table: { family: 'ip6', name: 't', handle: 1 } },
    { chain },
    ...(rule === undefined ? [] : [{ rule: { ...at, chain: 'c', handle: 2, expr: rule } }]),
  ];
}
function world(listing: unknown[], tentative = false): World {
  const plain = xtWorld({ rules: [] });
  const ruleset = decodeRuleset({
    nftables: [{ metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } }, ...listing],
  });
  if (!plain.links.known || !ruleset.ok) throw new Error('no world');
  const address: LinkAddress = {
    ...{ family: 'ip6', local: own, prefixLen: 64, scope: 'global', secondary: false, deprecated: false },
    tentative,
  };
  const value = plain.links.value.map((link) => (link.name === 'eth0' ? { ...link, addresses: [address] } : link));
  const route: Route = {
    ...{ family: 'ip6', table: 'local', type: 'local', dst: { addr: own, len: 128 }, metric: 0, tos: 0 },
    ...{ scope: undefined, protocol: 'kernel', nexthops: [{ dev: 'eth0', weight: 1, dead: false }], flags: [] },
  };
  return {
    ...plain,
    ruleset: { known: true, value: ruleset.value },
    links: { known: true, value },
    routes: { ...plain.routes, ip6: { known: true, value: [route] } },
    rules: { ...plain.rules, ip6: plain.rules.ip },
  };
}
const ASKED: PacketSpec = {
  ...{ iif: 'eth0', family: 'ip6', saddr: 'fd00:1::2', daddr: 'fd00:1::1', protocol: 'icmpv6', icmpType: 135 },
  hoplimit: 255,
  payloadHex: `${TARGET}0101020000000102`,
};
const ADVERTISEMENT = match({ payload: { protocol: 'icmpv6', field: 'type' } }, 'nd-neighbor-advert');

/** Fate, and what left: device, link address and packet. */
function answer(packet: Partial<PacketSpec>, listing: unknown[] = [], tentative = false): readonly string[] {
  const [branch] = trace(world(listing, tentative), { ...ASKED, ...packet } as PacketSpec).branches;
  if (branch?.outcome.kind !== 'decided') throw new Error(branch === undefined ? 'no branch' : wordOf(branch));
  return branch.outcome.fate.egress.map(
    ({ dev, dstMac, packet: p }) => `${dev} ${dstMac} ${p.saddr} > ${p.daddr} type ${p.icmpType} length ${p.length}`,
  );
}

test('the sender is answered, by the link address that it names', () => {
  expect(answer({})).toEqual([`eth0 ${LINK} fd00:1::1 > fd00:1::2 type 136 length 64`]);
});
test('asked by the group, it names its own link address', () => {
  expect(answer({ daddr: 'ff02::1:ff00:1' })).toEqual([`eth0 ${LINK} fd00:1::1 > fd00:1::2 type 136 length 72`]);
});
test('who has no address yet is answered by all nodes', () => {
  expect(answer({ saddr: '::', daddr: 'ff02::1:ff00:1', payloadHex: TARGET })).toEqual([
    'eth0 33:33:00:00:00:01 fd00:1::1 > ff02::1 type 136 length 72',
  ]);
});
test.each(['output', 'postrouting'])('%s may drop the answer', (hook) => {
  expect(answer({}, table(hook, [ADVERTISEMENT, drop]))).toEqual([]);
});
test('postrouting sees the device on both sides, output on one', () => {
  const iif = match({ meta: { key: 'iifname' } }, 'eth0');
  expect(answer({}, table('postrouting', [ADVERTISEMENT, iif, drop]))).toEqual([]);
  expect(answer({}, table('output', [ADVERTISEMENT, iif, drop]))).toHaveLength(1);
});
test.each([
  { name: 'a hop limit below 255', packet: { hoplimit: 254 } },
  { name: 'an address of another device', packet: { payloadHex: TARGET.replace(/1$/, '9') } },
  { name: 'an option without a length', packet: { payloadHex: `${TARGET}0100020000000102` } },
  { name: 'a link address of who has no address', packet: { saddr: '::', daddr: 'ff02::1:ff00:1' } },
])('no answer to $name', ({ packet }) => {
  expect(answer(packet)).toEqual([]);
});
test('nor for an address that is still being tried', () => {
  expect(answer({}, [], true)).toEqual([]);
});
