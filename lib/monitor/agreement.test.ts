import { expect, test } from 'vitest';
import { type Agreement, endsAfter, stamp } from './agreement';
import type { AlignedRow, RowOutcome } from './align-sequence';

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

const row = (outcome: RowOutcome): AlignedRow => ({
  outcome,
  differences: [],
  ...(outcome === 'only-ours' || outcome === 'not-shown' ? {} : { kernel: EVENT }),
});
const EVENT = { kind: 'rule', id: '1', family: 'ip', table: 't', chain: 'c', verdict: 'accept' } as const;

test.each([
  { name: 'the kernel said no more', rows: ['agrees', 'agrees', 'only-ours', 'not-shown', 'only-ours'], want: 2 },
  { name: 'lines of other tables follow', rows: ['agrees', 'only-ours', 'foreign'], want: 1 },
  { name: 'it said something else', rows: ['agrees', 'differs', 'only-ours'], want: undefined },
  { name: 'it left one out and went on', rows: ['agrees', 'only-ours', 'agrees'], want: undefined },
  { name: 'nothing agrees', rows: ['only-ours'], want: undefined },
  { name: 'all agrees', rows: ['agrees', 'not-shown'], want: undefined },
] as const)('where the kernel stops: $name', ({ rows, want }) => {
  const divergence = rows.findIndex((one) => one === 'differs' || one === 'only-ours');
  expect(
    endsAfter({
      branch: 0,
      rows: rows.map(row),
      agreed: rows.filter((one) => one === 'agrees').length,
      compared: rows.filter((one) => one !== 'not-shown' && one !== 'foreign').length,
      divergence: divergence === -1 ? null : divergence,
    }),
  ).toBe(want);
});
