import { describe, expect, test } from 'vitest';
import type { Token, TokenKind } from '@/lib/render/tokens';
import { groupTokens } from './token-groups';

const line = (...parts: readonly (readonly [TokenKind, string])[]): readonly Token[] =>
  parts.map(([kind, text]) => ({ kind, text, statement: 0 }));

const shown = (tokens: readonly Token[]) =>
  groupTokens(tokens).map((g) => g.pieces.map((p) => (p.spaced ? ` ${p.text}` : p.text)).join(''));

describe('groupTokens', () => {
  test('a key of several parts holds together', () => {
    const tokens = line(
      ['field', 'ip daddr'],
      ['operator', ' . '],
      ['field', 'meta l4proto'],
      ['verdict', ' vmap '],
      ['set', '@service-ips'],
    );
    expect(shown(tokens)).toEqual(['ip daddr . meta l4proto', 'vmap', '@service-ips']);
  });
  test('elements break after the comma', () => {
    const tokens = line(
      ['punctuation', '{ '],
      ['value', '0'],
      ['punctuation', ' : '],
      ['value', '10.0.0.1'],
      ['punctuation', ', '],
      ['value', '1'],
    );
    expect(shown(tokens)).toEqual(['{', '0 : 10.0.0.1,', '1']);
  });
  test('a comment wraps between its words and stays one text', () => {
    const tokens = line(['keyword', 'comment '], ['comment', '"Reject traffic  to"']);
    expect(shown(tokens)).toEqual(['comment', '"Reject', 'traffic', 'to"']);
  });
  test('the header of a field is quiet; what is written is marked as written', () => {
    const tokens = line(
      ['field', 'meta mark'],
      ['write', ' set '],
      ['field', 'ct mark'],
      ['field', ' numgen inc mod 3'],
    );
    const kinds = groupTokens(tokens).flatMap((g) => g.pieces.map((p) => `${p.text} ${p.kind}`));
    expect(kinds).toEqual([
      'meta write',
      'mark write',
      'set write',
      'ct keyword',
      'mark field',
      'numgen keyword',
      'inc keyword',
      'mod keyword',
      '3 value',
    ]);
  });
  test('nothing', () => {
    expect(groupTokens([])).toEqual([]);
  });
});
