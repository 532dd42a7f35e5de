import type { Token, TokenKind } from '@/lib/render/tokens';

/**
 * Colours for a line of a set or map that comes as plain text: values, verdicts with the chain they lead to, comments. The
 * tokens joined are the line.
 */
export function colourText(line: readonly Token[]): readonly Token[] {
  const [only, ...more] = line;
  if (only === undefined || more.length > 0) return line;
  if (!/^\s*(elements = |\S.*[,}]$)|^\s+\S/.test(only.text)) return line;
  const tokens: Token[] = [];
  let target = false;
  for (const [text] of only.text.matchAll(/\s+|"[^"]*"|[{},:=]|[^\s{},]+/g)) {
    const kind = kindOf(text, target);
    tokens.push(
      target && kind === 'name'
        ? { text, kind, ref: { kind: 'chain', name: text }, statement: -1 }
        : { text, kind, statement: -1 },
    );
    if (text.trim() !== '') target = text === 'goto' || text === 'jump';
  }
  return tokens;
}

const OPTION = new Set(['elements', 'comment', 'expires', 'timeout', 'counter', 'packets', 'bytes', 'limit', 'rate']);

function kindOf(text: string, target: boolean): TokenKind {
  if (text.trim() === '' || /^[{},:=.]$/.test(text)) return 'punctuation';
  if (target) return 'name';
  if (text.startsWith('"')) return 'comment';
  if (/^(accept|drop|jump|goto|return|continue)$/.test(text)) return 'verdict';
  return OPTION.has(text) ? 'keyword' : 'value';
}
