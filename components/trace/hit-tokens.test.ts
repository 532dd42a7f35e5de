import { expect, test } from 'vitest';
import type { Token } from '@/lib/render/tokens';
import type { Lookup } from '@/lib/sim/trace';
import { hitTokens } from './hit-tokens';

/** `numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 80 }` and `tcp dport { 22, 80 }`, a token a word. */
const tokens: readonly Token[] = [
  ...'map { 0 : 10.0.0.1 . 80 , 1 : 10.0.0.2 . 80 }'.split(' ').map((text) => ({ text, statement: 1 })),
  ...'dport { 22 , 80 }'.split(' ').map((text) => ({ text, statement: 0 })),
].map((token) => ({ kind: 'value', ...token }));

const lookup = (change: Partial<Lookup>): Lookup => ({
  name: undefined,
  statement: 1,
  key: '1',
  size: 2,
  hit: { element: '1', data: '10.0.0.2 . 80' },
  ...change,
});
const marked = (change: Partial<Lookup>): string => {
  const hits = hitTokens(tokens, [lookup(change)]);
  return tokens
    .filter((_, i) => hits.has(i))
    .map((token) => token.text)
    .join(' ');
};

test('the element with its data, in the statement of the look-up', () => {
  expect(marked({})).toBe('1 : 10.0.0.2 . 80');
  expect(marked({ statement: 0, hit: { element: '80' } })).toBe('80');
});

test('nothing for a miss, a named set or an element that is not there', () => {
  expect(marked({ hit: undefined })).toBe('');
  expect(marked({ name: 'ports' })).toBe('');
  expect(marked({ hit: { element: '9', data: '10.0.0.9 . 80' } })).toBe('');
});
