import { expect, test } from 'vitest';
import { filterByIds } from './elements-filter';

const COLUMNS = [
  { id: 'key0', label: 'address' },
  { id: 'key1', label: 'protocol' },
  { id: 'key2', label: 'port' },
  { id: 'target', label: 'chain' },
];

test.each([
  ['', ''],
  ['shop', 'shop'],
  ['port:80', 'key2:80'],
  ['proto:tcp address:10.96', 'key1:tcp key0:10.96'],
  ['Chain:shop/api', 'target:shop/api'],
  ['key0:10.96', 'key0:10.96'],
  // Too short to mean one of protocol and port; not a column.
  ['p:80', 'p:80'],
  ['fd00::1', 'fd00::1'],
  [':80', ':80'],
])('%s', (typed, want) => {
  expect(filterByIds(typed, COLUMNS)).toBe(want);
});
