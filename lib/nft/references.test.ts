import { expect, test } from 'vitest';
import type { SetElement, Statement } from './model';
import { elementReferences, statementReferences } from './references';

const key = { kind: 'payload', protocol: 'ip', field: 'daddr' } as const;
const set = (name: string) => ({ kind: 'setref', name }) as const;

test.each<{ name: string; statement: Statement; want: string[] }>([
  { name: 'match', statement: { kind: 'match', op: '==', left: key, right: set('ips') }, want: ['match set ips'] },
  { name: 'vmap', statement: { kind: 'vmap', key, data: set('m') }, want: ['vmap set m'] },
  {
    name: 'anonymous vmap',
    statement: {
      kind: 'vmap',
      key,
      data: {
        kind: 'set',
        elements: [
          { key: 0, data: { kind: 'goto', target: 'a' } },
          { key: 1, data: { kind: 'jump', target: 'b' } },
        ],
      },
    },
    want: ['goto chain a', 'jump chain b'],
  },
  { name: 'jump', statement: { kind: 'jump', target: 'c' }, want: ['jump chain c'] },
  {
    name: 'dnat by map',
    statement: { kind: 'dnat', addr: { kind: 'map', key, data: set('m') }, flags: [], typeFlags: [] },
    want: ['map set m'],
  },
  {
    name: 'set update',
    statement: { kind: 'setUpdate', op: 'update', set: 's', elem: key, statements: [] },
    want: ['update set s'],
  },
  { name: 'object', statement: { kind: 'object', object: 'counter', name: 'c' }, want: ['counter object c'] },
  {
    name: 'object by map',
    statement: { kind: 'object', object: 'limit', name: { kind: 'map', key, data: set('m') } },
    want: ['map set m'],
  },
  { name: 'flow', statement: { kind: 'flow', op: 'add', flowtable: 'f' }, want: ['flow add flowtable f'] },
  {
    name: 'unknown JSON',
    statement: { kind: 'unsupported', name: 'x', raw: { kind: 'jump', target: 'nowhere' } },
    want: [],
  },
])('$name', ({ statement, want }) => {
  expect(statementReferences(statement).map((found) => `${found.verb} ${found.kind} ${found.name}`)).toEqual(want);
});

test('elements lead to chains and name objects', () => {
  const map = {
    kind: 'map',
    name: 'm',
    handle: 1,
    type: { kind: 'types', names: ['mark'] },
    flags: [],
    autoMerge: false,
    statements: [],
    elements: [],
  } as const;
  const element: SetElement = { key: 1, data: { kind: 'goto', target: 'a' } };
  expect(elementReferences(element, { ...map, data: { kind: 'verdict' } })).toEqual([
    { kind: 'chain', name: 'a', verb: 'goto' },
  ]);
  expect(elementReferences({ key: 1, data: 'c' }, { ...map, data: { kind: 'object', object: 'counter' } })).toEqual([
    { kind: 'object', name: 'c', verb: 'map' },
  ]);
});
