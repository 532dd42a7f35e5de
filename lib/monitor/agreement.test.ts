import { expect, test } from 'vitest';
import { type Agreement, stamp } from './agreement';

const agreeing = (branchesSeen: readonly number[], branches: number): Agreement => ({
  kind: 'agrees',
  kernel: '6.18',
  release: '6.18.44',
  nft: '1.0.6',
  runs: 3,
  branchesSeen,
  branches,
  alignment: { branch: 0, rows: [], agreed: 4, compared: 4, divergence: null },
});

test.each([
  { name: 'one way', agreement: agreeing([0], 1), want: 'agrees with kernel 6.18, 4 of 4 steps' },
  { name: 'every way seen', agreement: agreeing([0, 1], 2), want: 'agrees with kernel 6.18, 4 of 4 steps' },
  {
    name: 'a way not seen',
    agreement: agreeing([1], 2),
    want: 'agrees with kernel 6.18, 4 of 4 steps on 1 of 2 branches',
  },
])('$name', ({ agreement, want }) => {
  expect(stamp(agreement)).toBe(want);
});
