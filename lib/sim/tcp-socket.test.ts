import { expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import { initialState, preparedOf, traceFrom } from './index';
import { accept, xtWorld } from './testing/xt-world';

const SYN: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '10.1.0.2',
  daddr: '10.1.0.1',
  protocol: 'tcp',
  flags: ['syn'],
  sport: 1111,
  dport: 80,
  seq: 1000,
};
const ACK: PacketSpec = { ...SYN, flags: ['ack'], seq: 73_000, ack: 2_000_000_001 };
/** An ICMP error that quotes an answer of 10.1.0.1 port 80 to 10.1.0.2 port 1111, in 20 bytes of its TCP header. */
const error = (
  icmpType: number,
  icmpCode: number,
  { ack = '000003e9', flags = '12', bytes = 20 } = {},
): PacketSpec => ({
  iif: 'eth0',
  family: 'ip',
  saddr: '10.1.0.2',
  daddr: '10.1.0.1',
  protocol: 'icmp',
  icmpType,
  icmpCode,
  payloadHex:
    `4500002c0000400040${'06'}26c90a0100010a010002${'0050'}${'0457'}f731c627${ack}60${flags}faf000000000`.slice(
      0,
      (20 + bytes) * 2,
    ),
});

/** What a listener of port 80 sends back to the last of these packets; the reason where that is undecided. */
function answer(packets: readonly PacketSpec[]): string {
  const world = {
    ...xtWorld({ rules: [[accept]] }),
    sockets: {
      known: true as const,
      value: [{ protocol: 'tcp' as const, family: 'ip' as const, address: undefined, port: 80, transparent: false }],
    },
  };
  const prepared = preparedOf(world as never);
  let state = initialState(prepared, true);
  let said = '';
  for (const packet of packets) {
    const { trace, states } = traceFrom(prepared, packet, state);
    const [branch] = trace.branches;
    if (branch?.outcome.kind === 'undecided') return branch.outcome.reasons.map((r) => r.code).join();
    state = states[0] ?? state;
    said = JSON.stringify(branch?.outcome.fate.egress.map((e) => (e.packet as { flags?: unknown }).flags) ?? []);
  }
  return said;
}

test.each([
  ['nothing between', [], '[["ack"]]'],
  ['the TTL ran out', [error(11, 0)], '[["rst"]]'],
  ['no fragments came in time', [error(11, 1)], '[["ack"]]'],
  ['the net is unreachable', [error(3, 0)], '[["rst"]]'],
  ['the port is unreachable', [error(3, 3)], '[["ack"]]'],
  ['about another segment', [error(11, 0, { flags: '10' })], '[["ack"]]'],
  ['about another answer', [error(11, 0, { ack: '00000009' })], '[["ack"]]'],
  ['a short quote', [error(11, 0, { bytes: 8 })], 'quoted-number'],
])('a half-open connection hears an ICMP error: %s', (_, between, said) => {
  expect(answer([SYN, ...between, ACK])).toBe(said);
});
