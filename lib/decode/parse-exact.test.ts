import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findFault, parseExact } from './parse-exact';

/** JSON.parse, with a failure as undefined. */
function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

describe('agrees with JSON.parse', () => {
  const check = (text: string): void => {
    const want = parse(text);
    const got = parseExact(text);
    expect(got.ok).toBe(want !== undefined);
    expect(findFault(text) === undefined).toBe(want !== undefined);
    if (got.ok && want !== undefined) expect(got.value).toEqual(want.value);
  };

  test.each([
    '{}',
    '[]',
    ' [ 1 , 2 ] ',
    '{"a":{"b":[null,true,false]}}',
    '"\\u00e9\\n\\"\\\\"',
    '-0',
    '1e3',
    '1.5e-7',
    '""',
    '',
    ' ',
    '{',
    '[',
    '[1,]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '[1 2]',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    'tru',
    'nul',
    'truee',
    '"\u0001"',
    '"\\x"',
    '"\\u12g4"',
    '"abc',
    '[1]]',
    '{}{}',
    "{'a':1}",
    '\u00a01',
    '{"__proto__":{"a":1}}',
    '{"a":1,"a":2}',
    '\ufeff1',
  ])('%j', check);

  test('on values', () => {
    // Integers beyond 2^53 differ on purpose.
    const value = fc.jsonValue().filter((json) => !/\d{16}/.test(JSON.stringify(json)));
    fc.assert(fc.property(value, (json) => check(JSON.stringify(json, undefined, 1))));
  });

  test('on damaged documents', () => {
    const document =
      '{"nftables": [{"rule": {"family": "ip", "handle": 12, "expr": [{"x": [true, null, -1.5e2]}, "a\\"b"]}}]}';
    const edit = fc.tuple(
      fc.nat(document.length),
      fc.nat(3),
      fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '0', '-', 'e', '\\', ' ', 't', '\n'),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = document;
        for (const [at, length, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + length);
        check(text);
      }),
      { numRuns: 5_000 },
    );
  });
});

test.each([
  { text: '9007199254740991', want: 9007199254740991 },
  { text: '9007199254740992', want: 9007199254740992n },
  { text: '-9007199254740993', want: -9007199254740993n },
  {
    text: '[18446744073709551615, 1e30, 12345678901234567.0]',
    want: [18446744073709551615n, 1e30, Number('12345678901234567')],
  },
])('$text keeps its digits', ({ text, want }) => {
  expect(parseExact(text)).toEqual({ ok: true, value: want });
});

test.each([
  { text: '{"a": [1, {"b": tru', path: ['a', 1, 'b'], index: 19, isTruncated: true },
  { text: '{"a": [1, {"b": trux}]}', path: ['a', 1, 'b'], index: 19, isTruncated: false },
  { text: '{"a": 1', path: ['a'], index: 7, isTruncated: true },
  { text: '{"a": "bc', path: ['a'], index: 9, isTruncated: true },
  // Before its first name an object has no member to be inside of; one may be called by no name.
  { text: '{"a": [1, {', path: ['a', 1], index: 11, isTruncated: true },
  { text: '{"a": [1, {"', path: ['a', 1], index: 12, isTruncated: true },
  { text: '{"a": [1, {"": 1', path: ['a', 1, ''], index: 16, isTruncated: true },
  { text: '{"a": 1} x', path: [], index: 9, isTruncated: false },
  { text: '[1, 2, , 3]', path: [2], index: 7, isTruncated: false },
])('$text breaks at $index', ({ text, ...want }) => expect(findFault(text)).toMatchObject(want));

test('a document deeper than the stack is read', () => {
  const text = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  expect(parseExact(text).ok).toBe(true);
  expect(findFault(text.slice(0, -1))?.isTruncated).toBe(true);
});
