/** A search as typed: words, and `key:value` filters, all of which must hold at one place. */
import { parsePrefix } from '../net/prefix';

export const SEARCH_KEYS = ['ip', 'port', 'chain', 'set', 'service', 'ns', 'verdict', 'owner'] as const;
export type SearchKey = (typeof SEARCH_KEYS)[number];

/** What `verdict:` can ask for: how a rule ends or redirects a packet. */
const SEARCH_VERDICTS = [
  'accept',
  'drop',
  'reject',
  'jump',
  'goto',
  'return',
  'continue',
  'queue',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
] as const;

/** `key` null: a word that is looked for in names, texts and comments. */
export interface SearchTerm {
  readonly key: SearchKey | null;
  readonly value: string;
}

export interface SearchProblem {
  readonly code: 'SEARCH-001' | 'SEARCH-002' | 'SEARCH-003' | 'SEARCH-004';
  readonly say: string;
  readonly do: string;
}

export interface SearchQuery {
  readonly terms: readonly SearchTerm[];
  readonly problems: readonly SearchProblem[];
}

/**
 * Reads a query. A word that is an address stands for `ip:`, because nobody looks for the address as text. Quotes hold words
 * with spaces together. Terms with a problem are left out of `terms`.
 */
export function parseQuery(query: string): SearchQuery {
  const terms: SearchTerm[] = [];
  const problems: SearchProblem[] = [];
  for (const [, key = '', quoted, bare = ''] of query.matchAll(/(?:([a-z0-9]+):)?(?:"([^"]*)"|(\S+))/gi)) {
    const value = quoted ?? bare;
    const whole = key === '' ? value : `${key}:${value}`;
    // `ip:` with nothing behind it is a filter still being typed.
    if (SEARCH_KEYS.some((k) => whole.toLowerCase() === `${k}:`)) continue;
    if (parsePrefix(whole) !== undefined) {
      terms.push({ key: 'ip', value: whole });
      continue;
    }
    const lower = key.toLowerCase();
    const known = SEARCH_KEYS.find((k) => k === lower);
    if (key !== '' && known === undefined && quoted === undefined) {
      // `shop/api:http` and `fe80::zz` are words with a colon in them, `foo:bar` looks like a filter that does not exist.
      if (/^[a-z]+$/i.test(key) && !bare.startsWith(':')) problems.push(unknownKey(key));
      else terms.push({ key: null, value: whole });
      continue;
    }
    const problem = known === undefined ? undefined : check(known, value);
    if (problem === undefined) terms.push({ key: known ?? null, value });
    else problems.push(problem);
  }
  return { terms: terms.filter((t) => t.value !== ''), problems };
}

const unknownKey = (key: string): SearchProblem => ({
  code: 'SEARCH-001',
  say: `There is no filter called ${key}.`,
  do: `Use one of ${SEARCH_KEYS.join(', ')}, or quote the words.`,
});

function check(key: SearchKey, value: string): SearchProblem | undefined {
  if (value === '') return undefined;
  if (key === 'ip' && parsePrefix(value) === undefined) {
    return {
      code: 'SEARCH-002',
      say: `${value} is not an address or prefix.`,
      do: 'Write ip:10.96.0.10, ip:10.96.0.0/12 or ip:fd00::1.',
    };
  }
  if (key === 'port' && parsePorts(value) === undefined) {
    return { code: 'SEARCH-003', say: `${value} is not a port.`, do: 'Write port:80 or port:30000-32767.' };
  }
  if (key === 'verdict' && !SEARCH_VERDICTS.some((v) => v === value.toLowerCase())) {
    return {
      code: 'SEARCH-004',
      say: `${value} is not a verdict.`,
      do: `Use one of ${SEARCH_VERDICTS.join(', ')}.`,
    };
  }
  return undefined;
}

/** `80` or `30000-32767`. */
export function parsePorts(text: string): readonly [number, number] | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const from = Number(found[1]);
  const to = Number(found[2] ?? found[1]);
  return from <= to && to <= 65535 ? [from, to] : undefined;
}
