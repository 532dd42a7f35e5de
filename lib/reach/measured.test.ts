import { describe, expect, test } from 'vitest';
import { agreementOf, decodeMeasured, type PredictedEnd } from './measured';

const ROW = { from: { node: 'node-1' }, dst: '10.96.0.10', dport: 80, protocol: 'TCP' };
const ok = (backend: string, sourceSeen = '10.244.1.3'): PredictedEnd => ({ result: 'ok', backend, sourceSeen });
const REFUSED: PredictedEnd = { result: 'refused', backend: null, sourceSeen: null };
const UNKNOWN: PredictedEnd = { result: null, backend: null, sourceSeen: null };

function agreement(row: object, ends: readonly PredictedEnd[]) {
  const rows = decodeMeasured([{ ...ROW, ...row }]);
  if (!rows.ok) throw new Error(rows.problem.say);
  const found = agreementOf(rows.value, ends);
  return found === undefined ? undefined : [found.agree, found.of, found.isUndecided];
}

describe('measured connections', () => {
  const two = { results: { ok: 20 }, backends: ['shop/a', 'shop/b'], sourceSeenByBackend: ['10.244.1.3'] };
  test.each([
    {
      name: 'all reach what is predicted',
      row: two,
      ends: [ok('shop/a'), ok('shop/b'), ok('shop/c')],
      want: [20, 20, false],
    },
    { name: 'one backend is not predicted', row: two, ends: [ok('shop/a')], want: [0, 20, false] },
    {
      name: 'another source was seen',
      row: two,
      ends: [ok('shop/a', '10.240.0.11'), ok('shop/b', '10.240.0.11')],
      want: [0, 20, false],
    },
    {
      name: 'some were refused, none should',
      row: { ...two, results: { ok: 18, refused: 2 } },
      ends: [ok('shop/a'), ok('shop/b')],
      want: [18, 20, false],
    },
    { name: 'all were refused, as predicted', row: { results: { refused: 2 } }, ends: [REFUSED], want: [2, 2, false] },
    {
      name: 'they were lost in silence, not refused',
      row: { results: { timeout: 2 } },
      ends: [REFUSED],
      want: [0, 2, false],
    },
    { name: 'the path is not known', row: two, ends: [UNKNOWN], want: [0, 20, true] },
    { name: 'nothing was tried', row: { results: {} }, ends: [ok('shop/a')], want: undefined },
  ])('$name', ({ row, ends, want }) => {
    expect(agreement(row, ends)).toEqual(want);
  });

  test('what is no list of measurements has a place in its error', () => {
    const rows = decodeMeasured([{ ...ROW, results: { ok: 'many' } }]);
    expect(rows.ok ? undefined : rows.problem.path).toBe('[0].results.ok');
  });
});
