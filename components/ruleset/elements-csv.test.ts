import { expect, test } from 'vitest';
import type { SetPage } from '@/lib/api/types';
import { elementsCsv } from './elements-csv';

const page = (rows: SetPage['rows']): SetPage =>
  ({
    columns: [
      { id: 'key0', type: 'ipv4_addr', label: 'address', numeric: false },
      { id: 'comment', type: '', label: 'comment', numeric: false },
    ],
    rows,
  }) as unknown as SetPage;

test('one line for each element of every page, quoted, formulas as text', () => {
  const row = (index: number, cells: readonly (string | null)[], object: SetPage['rows'][number]['object'] = null) => ({
    index,
    cells,
    text: '',
    verdict: null,
    object,
  });
  const csv = elementsCsv([
    page([row(0, ['10.0.0.1', 'say "hi", twice'], { kind: 'service', namespace: 'shop', name: 'api', port: 'http' })]),
    page([row(1, ['10.0.0.2', null]), row(2, ['=1+1', '-2'])]),
  ]);
  expect(csv.split('\r\n')).toEqual([
    '"address","comment","object"',
    '"10.0.0.1","say ""hi"", twice","shop/api:http"',
    '"10.0.0.2","",""',
    `"'=1+1","'-2",""`,
    '',
  ]);
  expect(elementsCsv([])).toBe('');
});
