import { describe, expect, test } from 'vitest';
import { prepare } from './environment';
import { initialState, trace, traceFrom } from './index';
import { drop, match, SYN, xtWorld } from './testing/xt-world';
import type { Branch } from './trace';

const numgen = (mod: number, mode = 'random', offset = 0) => ({ numgen: { mode, mod, offset } });
const ends = (branches: readonly Branch[]) =>
  branches.map(({ outcome: o, choices, probability }) => [
    choices.map(({ value }) => value).join(' '),
    o.kind === 'decided' ? o.fate.summary : o.kind,
    Number(probability.toFixed(9)),
  ]);

describe('a value left to chance opens one branch for each class that the rule tells apart', () => {
  const IN_SET = match(numgen(100), { set: [3, { range: [10, 19] }, 50] });
  const rows: readonly (readonly [string, unknown, readonly unknown[]])[] = [
    [
      '<',
      match(numgen(100), 30, '<'),
      [
        ['0-29', 'dropped', 0.3],
        ['30-99', 'transmitted', 0.7],
      ],
    ],
    [
      '>=',
      match(numgen(100), 99, '>='),
      [
        ['0-98', 'transmitted', 0.99],
        ['99', 'dropped', 0.01],
      ],
    ],
    [
      '!=',
      match(numgen(3, 'random', 7), 8, '!='),
      [
        ['7', 'dropped', 1 / 3],
        ['8', 'transmitted', 1 / 3],
        ['9', 'dropped', 1 / 3],
      ],
    ],
    [
      'a range',
      match(numgen(100), { range: [30, 59] }),
      [
        ['0-29', 'transmitted', 0.3],
        ['30-59', 'dropped', 0.3],
        ['60-99', 'transmitted', 0.4],
      ],
    ],
    [
      'a set',
      IN_SET,
      [
        ['0-2', 'transmitted', 0.03],
        ['3', 'dropped', 0.01],
        ['4-9', 'transmitted', 0.06],
        ['10-19', 'dropped', 0.1],
        ['20-49', 'transmitted', 0.3],
        ['50', 'dropped', 0.01],
        ['51-99', 'transmitted', 0.49],
      ],
    ],
  ];
  test.each(rows)('%s', (_, rule, want) => {
    const rounded = want.map((end) =>
      (end as unknown[]).map((v) => (typeof v === 'number' ? Number(v.toFixed(9)) : v)),
    );
    expect(ends(trace(xtWorld({ rules: [[rule, drop]] }), SYN).branches)).toEqual(rounded);
  });

  test('what a step says of it is the class', () => {
    const { branches } = trace(
      xtWorld({
        rules: [
          [match(numgen(100), 30, '<'), drop],
          [IN_SET, drop],
        ],
      }),
      SYN,
    );
    const seen = branches.at(-1)?.steps.flatMap((s) => (s.kind === 'passed' ? [s.why] : []));
    expect(seen).toMatchObject([
      { kind: 'value', saw: '30-99' },
      { kind: 'miss', key: '51-99' },
    ]);
  });

  test('a bitwise operation knows every value alone', () => {
    const odd = match({ '&': [numgen(4), 1] }, 1);
    expect(ends(trace(xtWorld({ rules: [[odd, drop]] }), SYN).branches).map(([, end]) => end)).toEqual([
      'transmitted',
      'dropped',
      'transmitted',
      'dropped',
    ]);
  });
});

test('a counter of unknown position moves on with its class, and begins anew behind its last value', () => {
  const p = prepare(xtWorld({ rules: [[match(numgen(4, 'inc'), 0), drop]] }));
  const first = traceFrom(p, SYN, initialState(p));
  expect(ends(first.trace.branches)).toEqual([
    ['0', 'dropped', 0.25],
    ['1-2', 'transmitted', 0.5],
    ['3', 'transmitted', 0.25],
  ]);
  const next = first.states.map((state) => ends(traceFrom(p, { ...SYN, sport: 40001 }, state).trace.branches));
  expect(next).toEqual([
    [['', 'transmitted', 1]],
    [
      ['2', 'transmitted', 0.5],
      ['3', 'transmitted', 0.5],
    ],
    [['', 'dropped', 1]],
  ]);
});
