import type { SearchMatch, SearchView } from '@/lib/api/types';
import type { Token } from '@/lib/render/tokens';

/** What a search found, by place. */
export interface SearchHits {
  readonly rule: (table: string, handle: number) => readonly string[] | undefined;
  readonly chain: (table: string, name: string) => readonly string[] | undefined;
  readonly set: (table: string, name: string) => number;
}

export const placeId = (m: SearchMatch): string => `${m.family} ${m.table} ${m.kind} ${m.name} ${m.handle} ${m.index}`;

export function hitsOf(view: SearchView | undefined): SearchHits {
  const rules = new Map<string, readonly string[]>();
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, number>();
  for (const match of view?.matches ?? []) {
    const table = `${match.family} ${match.table}`;
    if (match.kind === 'rule') rules.set(`${table} ${match.handle}`, match.found);
    else if (match.kind === 'chain') chains.set(`${table} ${match.name}`, match.found);
    else sets.set(`${table} ${match.name}`, (sets.get(`${table} ${match.name}`) ?? 0) + 1);
  }
  return {
    rule: (table, handle) => rules.get(`${table} ${handle}`),
    chain: (table, name) => chains.get(`${table} ${name}`),
    set: (table, name) => sets.get(`${table} ${name}`) ?? 0,
  };
}

/** The tokens of a line that hold what was found; undefined where none does. A prefix is several tokens. */
export function hitTokens(tokens: readonly Token[], found: readonly string[]): ReadonlySet<number> | undefined {
  const text = tokens
    .map((t) => t.text)
    .join('')
    .toLowerCase();
  const spans = found.flatMap((f) => spansOf(text, f.toLowerCase()));
  const hits = new Set<number>();
  let at = 0;
  tokens.forEach((token, index) => {
    const from = at;
    at += token.text.length;
    if (token.text.trim() !== '' && spans.some((s) => from < s.to && s.from < at)) hits.add(index);
  });
  return hits.size === 0 ? undefined : hits;
}

/** Where a text stands; a number or address only as a whole: `80` is not in `8080`. */
function spansOf(text: string, wanted: string): readonly { readonly from: number; readonly to: number }[] {
  const spans: { from: number; to: number }[] = [];
  const whole = /^[\d.:/-]+$/.test(wanted);
  for (let from = text.indexOf(wanted); from !== -1 && wanted !== ''; from = text.indexOf(wanted, from + 1)) {
    const to = from + wanted.length;
    if (whole && (/[\w.]/.test(text[from - 1] ?? ' ') || /\w/.test(text[to] ?? ' '))) continue;
    spans.push({ from, to });
  }
  return spans;
}

/** `ip:10.99.151.112` found as 10.96.0.0/12: worth saying at the rule. */
export function holdsWords(view: SearchView | undefined, found: readonly string[]): string | undefined {
  const asked = view?.terms.find((t) => t.key === 'ip');
  if (asked === undefined || found.includes(asked.value)) return undefined;
  return found.some((text) => /[/-]/.test(text) && /^[\da-f.:]/i.test(text)) ? `holds ${asked.value}` : undefined;
}
