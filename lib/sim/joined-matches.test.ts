import { expect, test } from 'vitest';
import { trace } from './index';
import { drop, match, SYN, xtWorld } from './testing/xt-world';

const not = (protocol: string, field: string, value: unknown) => match({ payload: { protocol, field } }, value, '!=');
const port = (field: string, value: number) => not('tcp', field, value);

// tests/lab/regressions.ts holds what a kernel does with rules of nft; these may be rules of iptables, which compares one by one.
const rows = [
  { name: 'both differ', rule: [port('sport', 1), port('dport', 2), drop], want: ['dropped'] },
  { name: 'one of them differs', rule: [port('sport', 40000), port('dport', 2), drop], want: ['undecided'] },
  { name: 'none differs', rule: [port('sport', 40000), port('dport', 80), drop], want: ['transmitted'] },
  {
    name: 'a raw load of a byte, or two of its fields',
    rule: [not('ip', 'version', 4), not('ip', 'hdrlength', 6), drop],
    want: ['undecided'],
  },
  { name: 'they are no neighbours', rule: [port('dport', 80), port('window', 2), drop], want: ['transmitted'] },
];

test.each(rows)('two matches of what shall differ, in a table of iptables: $name', ({ rule, want }) => {
  const { branches } = trace(xtWorld({ rules: [rule] }), SYN);
  expect(branches.map(({ outcome: o }) => (o.kind === 'decided' ? o.fate.summary : o.kind))).toEqual(want);
});
