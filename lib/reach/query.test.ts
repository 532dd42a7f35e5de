import { expect, test } from 'vitest';
import { reachOf } from './query';
import type { Ending } from './walk';

const ending = (result: string, probability: number): Ending => ({
  stops: [],
  probability,
  result,
  undecided: [],
  backend: undefined,
  sourceSeen: undefined,
  node: undefined,
  by: undefined,
  assumptions: [],
});

test('shares of many endings add up to what a person would write', () => {
  // Of 100 equal ones, 70 and 30: the doubles add up to 0.7000000000000004 and 0.3000000000000001.
  const endings = Array.from({ length: 100 }, (_, i) => ending(i % 10 < 7 ? 'ok' : 'timeout', 0.01));
  expect(reachOf(endings)).toMatchObject({ results: { ok: 0.7, timeout: 0.3 } });
  const thirds = [ending('ok', 1 / 3), ending('ok', 1 / 3), ending('refused', 1 / 3)];
  expect(reachOf(thirds)).toMatchObject({ results: { ok: 0.666666666667, refused: 0.333333333333 } });
});
