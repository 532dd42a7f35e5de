/** SCTP packets as Linux 6.18 took them at prerouting: with a wrong CRC-32C they are invalid, unless conntrack is told not to look. */
import { expect, test } from 'vitest';
import { buildPacket, fromHex, toHex } from '../net/build-packet';
import type { PacketSpec } from '../net/packet-spec';
import { trace } from './index';
import { drop, match, SYN, wordOf, xtWorld } from './testing/xt-world';

const world = xtWorld({ rules: [[match({ ct: { key: 'state' } }, 'invalid', 'in'), drop]], hook: 'prerouting' });
const INIT: PacketSpec = {
  ...SYN,
  protocol: 'sctp',
  payloadHex: '010000140000000100001000000100010000000a',
};
const fateOf = (packet: PacketSpec, w = world): string => {
  const [branch] = trace(w, packet).branches;
  if (branch === undefined) throw new Error('no branch');
  return wordOf(branch);
};

test('an association is opened by a packet with the right sum', () => {
  expect(fateOf(INIT)).toBe('transmitted');
});
test('one that is said to be wrong is invalid', () => {
  expect(fateOf({ ...INIT, badChecksum: 'l4' })).toBe('dropped');
});
test.each([8, 9, 10, 11])('byte %i of the header is part of the sum', (at) => {
  const bytes = fromHex(toHex(buildPacket(INIT)));
  bytes[20 + at] = (bytes[20 + at] ?? 0) ^ 1;
  expect(fateOf({ ...INIT, hex: toHex(bytes) })).toBe('dropped');
});
test('nobody looks where nf_conntrack_checksum is 0', () => {
  if (!world.sysctl.known) throw new Error(world.sysctl.why);
  const value = new Map([...world.sysctl.value, ['net.netfilter.nf_conntrack_checksum', '0']]);
  expect(fateOf({ ...INIT, badChecksum: 'l4' }, { ...world, sysctl: { known: true, value } })).toBe('transmitted');
});
