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

/** The tokens of a rule that hold what was found; undefined where none does. */
export function hitTokens(tokens: readonly Token[], found: readonly string[]): ReadonlySet<number> | undefined {
  const wanted = found.map((text) => text.toLowerCase());
  const hits = new Set<number>();
  tokens.forEach((token, index) => {
    const text = token.text.trim().toLowerCase();
    if (text === '') return;
    // A short word, `80`, must be the whole token; a longer one may stand inside a comment or a name.
    if (wanted.some((w) => text === w || text === `@${w}` || (w.length > 3 && text.includes(w)))) hits.add(index);
  });
  return hits.size === 0 ? undefined : hits;
}

/** `ip:10.99.151.112` found as 10.96.0.0/12: worth saying at the rule. */
export function holdsWords(view: SearchView | undefined, found: readonly string[]): string | undefined {
  const asked = view?.terms.find((t) => t.key === 'ip');
  if (asked === undefined || found.includes(asked.value)) return undefined;
  return found.some((text) => /[/-]/.test(text) && /^[\da-f.:]/i.test(text)) ? `holds ${asked.value}` : undefined;
}
