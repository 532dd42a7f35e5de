import { expect, test } from 'vitest';
import { keyList } from './key-list';

const group = (title: string, ...bindings: readonly (readonly [keys: string, say: string])[]) => ({
  title,
  bindings: bindings.map(([keys, say]) => ({ keys, say, run: () => {} })),
});

test('a key is told once, with what it does here', () => {
  const list = keyList([
    group('Everywhere', ['/', 'Search the ruleset'], ['?', 'These keys']),
    group('This view', ['/', 'Filter the Services']),
    group('This view', ['Escape', 'Clear the filter'], ['ArrowDown', 'Next finding']),
  ]);
  const keys = list.flatMap(({ lines }) => lines.map((line) => line.keys));
  expect(new Set(keys).size).toBe(keys.length);
  expect(list.slice(0, 2)).toEqual([
    { title: 'Everywhere', lines: [{ keys: '?', say: 'These keys' }] },
    {
      title: 'This view',
      lines: [
        { keys: '/', say: 'Filter the Services' },
        { keys: 'Esc', say: 'Clear the filter' },
        { keys: '↓', say: 'Next finding' },
      ],
    },
  ]);
});

test('a group whose keys all mean something else here is not told', () => {
  const list = keyList([group('Everywhere', ['/', 'Search the ruleset']), group('This view', ['/', 'Filter'])]);
  expect(list.map(({ title }) => title)).toEqual(['This view', 'In lists, trees and the map']);
});
