import { expect, test } from 'vitest';
import type { ExplainedPart } from '@/lib/explain/explain-rule';
import type { Token, TokenKind } from '@/lib/render/tokens';
import { tokensOf } from './explanation';
import { exampleKey } from './lookup-box';
import { reviveRule } from './revive-rule';

const token = (kind: TokenKind, text: string, statement: number): Token => ({ kind, text, statement });
const TOKENS = [
  token('field', 'meta l4proto', 0),
  token('punctuation', ' ', 0),
  token('value', 'tcp', 0),
  token('punctuation', ' ', 1),
  token('field', 'ip daddr', 1),
  token('verdict', ' vmap ', 1),
  token('set', '@m', 1),
];
const part = (statement: number, piece?: 'key' | 'lookup'): ExplainedPart => ({
  statement,
  role: 'action',
  known: true,
  words: [],
  ...(piece === undefined ? {} : { piece }),
});

test.each([
  [part(0), 'meta l4proto tcp'],
  [part(1), 'ip daddr vmap @m'],
  [part(1, 'key'), 'ip daddr'],
  [part(1, 'lookup'), ' vmap @m'],
  [part(9), ''],
])('tokensOf %o', (which, want) => {
  expect(
    tokensOf(TOKENS, which)
      .map((t) => t.text)
      .join(''),
  ).toBe(want);
});

test.each([
  ['ipv4_addr . inet_proto . inet_service : verdict', '10.96.0.10 . tcp . 53'],
  ['ipv6_addr', 'fd00::10'],
  ['typeof meta l4proto . th dport', 'meta l4proto . th dport'],
  ['cgroupsv2', 'cgroupsv2'],
])('exampleKey %s', (type, want) => {
  expect(exampleKey(type)).toBe(want);
});

test('reviveRule makes exact integers of long texts, and of nothing else', () => {
  const rule = reviveRule({
    handle: 1,
    unlisted: false,
    comment: '1234567890123456',
    statements: [
      { kind: 'counter', packets: '18446744073709551615', bytes: 60 },
      { kind: 'object', object: 'counter', name: '1234567890123456' },
    ],
  });
  expect(rule.comment).toBe('1234567890123456');
  expect(rule.statements).toEqual([
    { kind: 'counter', packets: 18446744073709551615n, bytes: 60 },
    { kind: 'object', object: 'counter', name: '1234567890123456' },
  ]);
});
