import { expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import { withLoaded } from './as-loaded';
import { trace } from './index';
import { drop, match, SYN, xtWorld } from './testing/xt-world';

const absent = match({ 'tcp option': { name: 'timestamp' } }, false);
const client = match({ payload: { protocol: 'ip', field: 'saddr' } }, '0.0.0.0', '!=');
const counter = { counter: { packets: 0, bytes: 0 } };
const notTcp = match({ meta: { key: 'l4proto' } }, 'udp');
const udp: PacketSpec = { ...SYN, protocol: 'udp' };

// `meta l4proto tcp tcp option timestamp missing` and the rule without the protocol have one listing.
const rows = [
  { name: 'a TCP packet without it', rule: [absent, drop], packet: SYN, want: 'decided' },
  { name: 'a packet that is not TCP', rule: [absent, drop], packet: udp, want: 'undecided' },
  { name: 'after another match', rule: [client, absent, drop], packet: udp, want: 'undecided' },
  { name: 'after a match of the protocol', rule: [notTcp, counter, absent, drop], packet: udp, want: 'decided' },
  {
    name: 'after a field of the protocol',
    rule: [match({ payload: { protocol: 'udp', field: 'dport' } }, SYN.dport), absent, drop],
    packet: udp,
    want: 'decided',
  },
];

test.each(rows)('a TCP option that is missing: $name', ({ rule, packet, want }) => {
  const { branches } = trace(xtWorld({ rules: [rule] }), packet);
  expect(branches.map(({ outcome }) => outcome.kind)).toEqual([want]);
});

test('a later match that fails ends the rule whatever the protocol was', () => {
  const { branches } = trace(
    xtWorld({ rules: [[absent, match({ payload: { protocol: 'tcp', field: 'dport' } }, 80), drop]] }),
    udp,
  );
  expect(branches.map(({ outcome }) => outcome.kind)).toEqual(['decided']);
});

test('the text that was loaded tells whether a protocol is asked for', () => {
  const world = xtWorld({ rules: [[absent, drop]] });
  const outcomes = ['tcp option timestamp missing drop', 'meta l4proto tcp tcp option timestamp missing drop'].map(
    (rule) => {
      const ruleset = withLoaded(
        world.ruleset.known ? world.ruleset.value : fail(),
        `table ip t {\n chain c {\n  ${rule}\n }\n}\n`,
      );
      return trace({ ...world, ruleset: { known: true, value: ruleset } }, udp).branches.map(
        ({ outcome }) => outcome.kind,
      );
    },
  );
  expect(outcomes).toEqual([['decided'], ['undecided']]);
});

function fail(): never {
  throw new Error('the world has no ruleset');
}
