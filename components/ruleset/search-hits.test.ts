import { describe, expect, test } from 'vitest';
import type { SearchMatch, SearchView } from '@/lib/api/types';
import type { Token, TokenKind } from '@/lib/render/tokens';
import { keyOf } from './places';
import { hitsOf, hitTokens, holdsWords } from './search-hits';

const line = (...parts: readonly (readonly [TokenKind, string])[]): readonly Token[] =>
  parts.map(([kind, text]) => ({ kind, text, statement: 0 }));
const RULE = line(
  ['field', 'ip daddr'],
  ['punctuation', ' '],
  ['value', '10.96.0.0'],
  ['value', '/12'],
  ['punctuation', ' '],
  ['field', 'tcp dport'],
  ['punctuation', ' '],
  ['value', '8080'],
  ['verdict', ' drop'],
);
const marked = (...found: readonly string[]) => [...(hitTokens(RULE, found) ?? [])].map((i) => RULE[i]?.text);

describe('hitTokens', () => {
  test('a prefix of several tokens', () => {
    expect(marked('10.96.0.0/12')).toEqual(['10.96.0.0', '/12']);
  });
  test('a port is found whole only', () => {
    expect(marked('80')).toEqual([]);
    expect(marked('8080')).toEqual(['8080']);
    expect(marked('0.96.0.0')).toEqual([]);
  });
  test('words stand anywhere, in any case', () => {
    expect(marked('DROP')).toEqual([' drop']);
    expect(hitTokens(RULE, ['nothing'])).toBeUndefined();
    expect(hitTokens(RULE, [''])).toBeUndefined();
  });
});

const match = (kind: SearchMatch['kind'], name: string, handle: number, found: readonly string[]): SearchMatch => ({
  kind,
  family: 'ip',
  table: 't',
  name,
  handle,
  index: null,
  text: '',
  found,
});
const VIEW: SearchView = {
  version: 'v',
  terms: [{ key: 'ip', value: '10.99.151.112' }],
  problems: [],
  matches: [
    match('rule', 'c', 39, ['10.96.0.0/12']),
    match('chain', 'c', 31, ['c']),
    match('element', 's', 37, ['10.99.151.112']),
    match('element', 's', 37, ['10.99.151.112']),
  ],
  total: 4,
};

test('hitsOf finds by place', () => {
  const hits = hitsOf(VIEW);
  expect([hits.rule('ip t', 39), hits.chain('ip t', 'c'), hits.set('ip t', 's')]).toEqual([['10.96.0.0/12'], ['c'], 2]);
  expect([hits.rule('ip6 t', 39), hits.set('ip t', 'x')]).toEqual([undefined, 0]);
});

test('holdsWords: where the address asked for stands in a wider one', () => {
  expect(holdsWords(VIEW, ['10.96.0.0/12'])).toBe('holds 10.99.151.112');
  expect(holdsWords(VIEW, ['10.99.151.112'])).toBeUndefined();
  expect(holdsWords(VIEW, ['shop/api'])).toBeUndefined();
});

test.each([
  ['10.96.0.1', '10.96.0.1'],
  ['10.0.0.1 . tcp . 80 comment "a" : goto x', '10.0.0.1 . tcp . 80'],
  ['10.0.0.1 . tcp . 80 : drop', '10.0.0.1 . tcp . 80'],
  ['fd00::1 expires 5s', 'fd00::1'],
])('the key of the element %s', (text, want) => {
  expect(keyOf(text)).toBe(want);
});
