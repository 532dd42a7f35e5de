import { describe, expect, test } from 'vitest';
import type { DriftView, ServiceRow } from '@/lib/api/service-types';
import { differWords, isNobodyReady, oddFirst, rowState } from './row-state';

const row: ServiceRow = {
  namespace: 'shop',
  name: 'web',
  type: 'ClusterIP',
  addresses: ['10.96.0.10'],
  ports: ['http 80/tcp'],
  served: true,
  endpoints: { ready: 1, leaving: 0, all: 1 },
};
const drift = (states: readonly DriftView['nodes'][number]['state'][], more: Partial<DriftView> = {}): DriftView => ({
  source: 's',
  state: 'done',
  done: states.filter((state) => state !== 'unread').length,
  of: states.length,
  nodes: states.map((state, index) => ({ name: `node-${index + 1}`, state, differences: 0, why: null })),
  services: {},
  general: [],
  ...more,
});
const dropped = [
  { node: 'node-2', word: 'dropped' },
  { node: 'node-3', word: 'dropped' },
];

describe('how a Service of the list stands', () => {
  test.each([
    { name: 'nothing was compared yet', drift: undefined, say: 'comparing' },
    {
      name: 'the first node is being read',
      drift: drift(['unread', 'unread'], { state: 'reading' }),
      say: 'comparing',
    },
    { name: 'no node could be compared', drift: drift(['unknown', 'unknown']), say: 'not known' },
    { name: 'reading was stopped before the first', drift: drift(['unread'], { state: 'stopped' }), say: 'not known' },
    { name: 'one could not', drift: drift(['expected', 'unknown']), say: 'as expected on 1 of 2' },
    { name: 'all', drift: drift(['expected', 'differs']), say: 'as expected' },
  ])('$name: $say', ({ drift, say }) => expect(rowState(row, drift, [])).toEqual({ lost: [], odd: [], say }));

  test('rules as expected are not the traffic: nobody looked what becomes of it', () => {
    expect(rowState(row, drift(['expected']), undefined).say).toBe('rules as expected');
  });

  test('traffic that is lost, and rules that differ, own and of all Services', () => {
    const compared = drift(['differs', 'differs'], {
      services: { 'shop/web': ['node-1'] },
      general: ['node-1', 'node-2'],
    });
    expect(rowState(row, compared, dropped)).toMatchObject({
      lost: ['dropped on 2 nodes'],
      odd: ['node-1', 'node-2'],
    });
  });

  test('what kube-proxy writes nothing for is on no node, whatever concerns all', () => {
    const general = drift(['differs'], { general: ['node-1'] });
    expect(rowState({ ...row, served: false }, general, dropped)).toEqual({ lost: [], odd: [], say: 'no rules' });
  });
});

test('one node by its name, more by their number', () => {
  expect(differWords(['node-3'])).toBe('node-3 differs');
  expect(differWords(['node-1', 'node-3'])).toBe('2 nodes differ');
});

test('nobody is ready where none is, and none serves while it ends', () => {
  const of = (endpoints: ServiceRow['endpoints'], served = true) => isNobodyReady({ ...row, served, endpoints });
  expect(of({ ready: 0, leaving: 0, all: 1 })).toBe(true);
  expect(of({ ready: 0, leaving: 0, all: 0 })).toBe(true);
  expect(of({ ready: 0, leaving: 1, all: 1 })).toBe(false);
  expect(of({ ready: 0, leaving: 0, all: 1 }, false)).toBe(false);
  expect(of(null)).toBe(false);
});

test('what is lost stands before what differs, and that before the rest; else the order stays', () => {
  const rows = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...row, name }));
  const nobody = { ...row, name: 'f', endpoints: { ready: 0, leaving: 0, all: 2 } };
  const stateOf = ({ name }: ServiceRow) => ({
    lost: name === 'd' ? ['dropped on node-1'] : [],
    odd: name === 'b' || name === 'd' ? ['node-1'] : [],
    say: 'as expected',
  });
  expect(oddFirst([...rows, nobody], stateOf).map(({ name }) => name)).toEqual(['d', 'f', 'b', 'a', 'c', 'e']);
});
