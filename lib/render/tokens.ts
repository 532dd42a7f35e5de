/**
 * Where rendered text goes: a string, or tokens for a view. One implementation writes to either, so that the tokens of a rule
 * put together are exactly its text.
 */

export type TokenKind =
  | 'keyword'
  | 'field'
  | 'value'
  | 'name'
  | 'verdict'
  | 'write'
  | 'operator'
  | 'comment'
  | 'punctuation'
  | 'set';

/** What a name in a rule stands for, in the table of the rule. */
export interface TokenRef {
  readonly kind: 'chain' | 'set' | 'object' | 'flowtable';
  readonly name: string;
}

export interface Token {
  readonly text: string;
  readonly kind: TokenKind;
  readonly ref?: TokenRef;
  /** Index of the statement in the rule; -1 for what stands outside the statements, such as the comment. */
  readonly statement: number;
}

export interface Out {
  put(kind: TokenKind, text: string, ref?: TokenRef): void;
}

/** Collects plain text. */
export class TextOut implements Out {
  text = '';

  put(_kind: TokenKind, text: string): void {
    this.text += text;
  }
}

/** Collects tokens; `statement` is set by the writer of a rule. Spaces at the ends become tokens of their own. */
export class TokenOut implements Out {
  readonly tokens: Token[] = [];
  statement = -1;

  put(kind: TokenKind, text: string, ref?: TokenRef): void {
    const start = text.startsWith(' ') ? text.length - text.trimStart().length : 0;
    const end = text.endsWith(' ') ? text.trimEnd().length : text.length;
    if (start > 0) this.#push('punctuation', text.slice(0, start));
    if (end > start) this.#push(kind, start === 0 && end === text.length ? text : text.slice(start, end), ref);
    if (end < text.length && end > start) this.#push('punctuation', text.slice(end));
  }

  #push(kind: TokenKind, text: string, ref?: TokenRef): void {
    const { statement } = this;
    this.tokens.push(ref === undefined ? { text, kind, statement } : { text, kind, ref, statement });
  }
}
