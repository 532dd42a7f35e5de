import { describe, expect, test } from 'vitest';
import type { NodeOverview } from '@/lib/api/types';
import { cellWord, firstFamily, mapChains, type OverviewChain } from './map-chains';

const chain = (rest: Partial<OverviewChain>): OverviewChain => ({
  family: 'ip',
  table: 't',
  chain: 'c',
  handle: 1,
  type: 'filter',
  hook: 'input',
  prio: 0,
  prioText: 'filter',
  policy: 'accept',
  devices: [],
  owner: { key: 'ot', name: 'not recognised', how: '' },
  rules: 1,
  ends: [],
  empty: false,
  preview: [],
  order: 0,
  ...rest,
});

describe('cellWord', () => {
  test.each([
    ['nothing to say', {}, ''],
    ['empty', { empty: true }, 'empty'],
    ['the policy is the last word', { policy: 'drop', empty: true, ends: ['drop', 'reject'] }, 'drop'],
    ['rules that end packets', { ends: ['drop', 'reject'] }, 'drop, reject'],
  ] as const)('%s', (_name, rest, want) => {
    expect(cellWord({ chain: chain(rest), run: 1, runsAt: 0, nat: false })).toBe(want);
  });
});

test('mapChains takes the order of registration from the listing, over all tables', () => {
  const overview = {
    tables: [
      { family: 'ip', name: 'a', chains: [{ name: 'x' }, { name: 'y' }] },
      { family: 'ip', name: 'b', chains: [{ name: 'x' }] },
    ],
    baseChains: [
      chain({ table: 'b', chain: 'x' }),
      chain({ table: 'a', chain: 'y' }),
      chain({ table: 'a', chain: 'x' }),
    ],
  } as unknown as Pick<NodeOverview, 'tables' | 'baseChains'>;
  expect(mapChains(overview).map((c) => c.order)).toEqual([2, 1, 0]);
});

test('firstFamily', () => {
  expect(firstFamily([chain({ family: 'ip6' })])).toBe('ip6');
  expect(firstFamily([chain({ family: 'inet' })])).toBe('ip');
  expect(firstFamily([])).toBe('ip');
});
