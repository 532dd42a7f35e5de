import type { Token } from '@/lib/render/tokens';
import type { Lookup } from '@/lib/sim/trace';

/**
 * The tokens of the element that a look-up in a set written in the rule hit: from the element's key to its comma. Found by text
 * within the statement, since the tokens of a set do not number its elements.
 */
export function hitTokens(tokens: readonly Token[], lookups: readonly Lookup[]): ReadonlySet<number> {
  const hits = new Set<number>();
  for (const { name, statement, hit } of lookups) {
    if (name !== undefined || hit === undefined) continue;
    const wanted = squeeze(hit.data === undefined ? hit.element : `${hit.element}:${hit.data}`);
    for (const [from, to] of elementSpans(tokens, statement)) {
      const text = squeeze(
        tokens
          .slice(from, to)
          .map((token) => token.text)
          .join(''),
      );
      if (text !== wanted) continue;
      for (let i = from; i < to; i++) hits.add(i);
      break;
    }
  }
  return hits;
}

const squeeze = (text: string): string => text.replace(/\s+/g, '');

/** Half-open token ranges of the elements between the braces of one statement. */
function elementSpans(tokens: readonly Token[], statement: number): readonly (readonly [number, number])[] {
  const spans: (readonly [number, number])[] = [];
  let open = false;
  let from = 0;
  tokens.forEach((token, i) => {
    if (token.statement !== statement) return;
    const text = token.text.trim();
    if (text === '{') {
      open = true;
      from = i + 1;
    } else if (open && (text === ',' || text === '}')) {
      if (i > from) spans.push([from, i]);
      from = i + 1;
      open = text === ',';
    }
  });
  return spans;
}
