import { expect, test } from 'vitest';
import type { Trace } from '../sim/trace';
import { reviveTrace, toWire } from './wire';

const tuple = {
  src: 0xfd00_0000_0000_0000_0000_0000_0000_0001n,
  dst: 0xfd00_0000_0000_0000_0000_0000_0000_0002n,
  protocol: 6,
  sport: 1,
  dport: 2,
};
const entry = {
  family: 'ip6',
  original: tuple,
  reply: { ...tuple, src: tuple.dst, dst: tuple.src },
  status: ['confirmed'],
  mark: 0,
  zone: 0,
} as const;

test('a trace survives JSON: addresses as text there, as numbers again here', () => {
  const trace: Trace = {
    version: 1,
    packet: { family: 'ip6' },
    branches: [
      {
        probability: 1,
        choices: [],
        steps: [],
        outcome: { kind: 'undecided', reasons: [] },
        conntrack: [entry],
        state: { sets: {}, objects: {} },
        assumptions: [],
      },
    ],
  };
  const wire = toWire(trace);
  expect(wire.branches[0]?.conntrack[0]?.original.src).toBe('fd00::1');
  expect(reviveTrace(JSON.parse(JSON.stringify(wire)))).toEqual(trace);
});

test('64-bit integers become text', () => {
  expect(toWire({ packets: 18446744073709551615n, few: 1 })).toEqual({ packets: '18446744073709551615', few: 1 });
});
