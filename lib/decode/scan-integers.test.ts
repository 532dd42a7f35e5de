import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findLongIntegers, membersAt } from './scan-integers';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What the scan should find, by a regular expression instead. */
const expected = (text: string): number[] =>
  [...text.matchAll(/(?<![^\s:[,-]|[^\s:[,]-)(?<!\d)\d{16,}(?!\d)(?![^\s,\]}])/g)].map((match) => match.index);

describe('long integers', () => {
  test.each([
    { text: '123456789012345', want: [] },
    { text: '1234567890123456', want: [0] },
    { text: '[-9007199254740993]', want: [2] },
    { text: '{"a": 18446744073709551615, "b": 1, "c": 9007199254740993}', want: [6, 41] },
    { text: '"1234567890123456"', want: [] },
    { text: '"0x112233445566778899aabb"', want: [] },
    { text: '[1234567890123456.5, 1234567890123456e3]', want: [] },
    { text: `[${'1234567890123456, '.repeat(3)}1]`, want: [1, 19, 37] },
    { text: `[${'9'.repeat(100)}]`, want: [1] },
    // In a string it is reported too: the reader of the member tells them apart.
    { text: '"n: 1234567890123456, "', want: [4] },
  ])('$text', ({ text, want }) => {
    expect(findLongIntegers(bytesOf(text))).toEqual(want);
    expect(expected(text)).toEqual(want);
  });

  test('are found at every alignment', () => {
    for (let before = 0; before < 40; before++) {
      for (const digits of [15, 16, 17, 20, 33]) {
        const text = `[${' '.repeat(before)}${'7'.repeat(digits)},1]`;
        expect(findLongIntegers(bytesOf(text))).toEqual(digits < 16 ? [] : [before + 1]);
      }
    }
  });

  test('as a regular expression finds them, in any mixture', () => {
    const piece = fc.oneof(
      fc.constantFrom(' ', ', ', ': ', '[', ']', '{', '}', '"', '-', '.', 'e', 'x', '\n'),
      fc.stringMatching(/^\d{1,40}$/),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join('');
        expect(findLongIntegers(bytesOf(text))).toEqual(expected(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('members that hold an offset', () => {
  const text = '{"nftables": [{"a": [1, 2]}, {"b": "]}, 7"}, {"c": {"d": 8}}]}';
  const bytes = bytesOf(text);
  const textOf = (digit: string): string[] =>
    membersAt(bytes, [text.indexOf(digit)]).map(({ index, start, end }) => `${index}${text.slice(start, end)}`);
  expect(textOf('1')).toEqual(['0{"a": [1, 2]}']);
  expect(textOf('7')).toEqual(['1 {"b": "]}, 7"}']);
  expect(textOf('8')).toEqual(['2 {"c": {"d": 8}}']);
  const all = ['1', '2', '8'].map((digit) => text.indexOf(digit));
  expect(membersAt(bytes, all).map(({ index }) => index)).toEqual([0, 2]);
});
