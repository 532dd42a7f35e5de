import { expect, test } from 'vitest';
import { trace } from './index';
import { torn } from './misprints';
import { drop, match, SYN, xtWorld } from './testing/xt-world';

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const outcomes = (rule: readonly unknown[]) =>
  trace(xtWorld({ rules: [rule] }), SYN).branches.map(({ outcome: o }) =>
    o.kind === 'decided' ? o.fate.summary : o.reasons.map((r) => r.code).join(),
  );

const keys = (a: unknown, b: unknown, elements: readonly (readonly unknown[])[]) =>
  match({ concat: [a, b] }, { set: elements.map((concat) => ({ concat })) });

test.each([
  {
    name: 'all are 0',
    elements: [
      [0, 80],
      [0, 443],
    ],
    want: ['listing-wrong'],
  },
  {
    name: 'one is not',
    elements: [
      [0, 80],
      [41, 443],
    ],
    want: ['transmitted'],
  },
])('a plain number beside a mark in a key of ranges is listed as 0: $name', ({ elements, want }) => {
  const inKey = elements.map(([length, mark]) => [mark, length]);
  expect(outcomes([keys({ meta: { key: 'mark' } }, { meta: { key: 'length' } }, inKey), drop])).toEqual(want);
});

test('numbers of the network are listed as they are', () => {
  expect(outcomes([keys(payload('ip', 'ttl'), payload('tcp', 'dport'), [[0, 80]]), drop])).toEqual(['transmitted']);
});

test('a write of the first half of the transport header by its own value may be one of ICMP', () => {
  const sport = payload('th', 'sport');
  const value = { '|': [{ '&': [sport, 1023] }, 768] };
  expect(outcomes([{ mangle: { key: sport, value } }])).toEqual(['listing-wrong']);
  expect(outcomes([{ mangle: { key: sport, value: 768 } }])).toEqual(['transmitted']);
});

test.each([
  // The kernel stored cs0 for a packet with ef, and ef, 5 and 4 for the others.
  { protocol: 'ip6', field: 'dscp', by: 6, want: true },
  { protocol: 'ip', field: 'dscp', by: 2, want: false },
  { protocol: 'tcp', field: 'doff', by: 4, want: false },
  { protocol: 'ip', field: 'version', by: 4, want: false },
])('a rule that adds $protocol $field to a set: the value is torn: $want', ({ protocol, field, by, want }) => {
  expect(torn({ kind: 'binary', op: '>>', operands: [{ kind: 'payload', protocol, field }, by] })).toBe(want);
});
