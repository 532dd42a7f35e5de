import type { Token, TokenKind, TokenRef } from '@/lib/render/tokens';

/** A stretch of text of one token, without spaces. `token` is the token's index in the line. */
export interface Piece {
  readonly text: string;
  readonly kind: TokenKind;
  readonly ref?: TokenRef | undefined;
  readonly statement: number;
  readonly token: number;
  /** Offset of the text in the line: unique, so it serves as the React key. */
  readonly at: number;
}

/** Pieces that stay on one line while the line is wide enough: a key, a name, a field. Joined by spaces where `spaced`. */
export interface Group {
  readonly pieces: readonly (Piece & { readonly spaced: boolean })[];
  readonly at: number;
}

/**
 * Where a rule's text may break: between groups. Never inside a name or a key, so the parts of a concatenation hold together,
 * `ip daddr` does, and an element with its data. Neighbouring tokens of `hits`, an element found, stay together too.
 */
export function groupTokens(tokens: readonly Token[], hits?: ReadonlySet<number>): readonly Group[] {
  const groups: { pieces: (Piece & { spaced: boolean })[]; at: number }[] = [];
  let at = 0;
  let spaced = false;
  let last: Piece | undefined;
  tokens.forEach((token, index) => {
    const words = token.text.split(/( +)/);
    const written =
      token.kind === 'field' && isSet(tokens.slice(index + 1, index + 3).find((t) => t.text.trim() !== ''));
    words.forEach((text, word) => {
      if (text === '') return;
      at += text.length;
      if (text.trim() === '') {
        spaced = true;
        return;
      }
      const kind = written ? 'write' : wordKind(token, text, word, words.length);
      const piece: Piece = { text, kind, ref: token.ref, statement: token.statement, token: index, at };
      const group = groups.at(-1);
      if (group !== undefined && last !== undefined && (!spaced || holds(last, piece) || hitBoth(last, piece, hits))) {
        group.pieces.push({ ...piece, spaced });
      } else {
        groups.push({ pieces: [{ ...piece, spaced: false }], at });
      }
      last = piece;
      spaced = false;
    });
  });
  return groups;
}

const hitBoth = (a: Piece, b: Piece, hits: ReadonlySet<number> | undefined): boolean =>
  (hits?.has(a.token) ?? false) && (hits?.has(b.token) ?? false);

/** Whether two pieces with a space between belong together. */
function holds(a: Piece, b: Piece): boolean {
  if (a.text === '.' || b.text === '.' || a.text === ':' || b.text === ':' || b.text === ',') return true;
  if (a.kind === 'verdict' && b.kind === 'name') return true;
  return a.token === b.token && (b.kind === 'field' || b.kind === 'write');
}

/** `meta mark` in `meta mark set …` is written, not read. */
const isSet = (next: Token | undefined): boolean => next?.kind === 'write' && next.text.trim() === 'set';

/** In `ip daddr` the header is quiet and the field stands out; in `numgen random mod 3` the number is a value. */
function wordKind(token: Token, text: string, word: number, words: number): TokenKind {
  if (token.kind === 'comment') return word === 0 && text === 'comment' ? 'keyword' : 'comment';
  if (token.kind !== 'field') return token.kind;
  if (/^\d/.test(text)) return 'value';
  return word === words - 1 ? 'field' : 'keyword';
}
