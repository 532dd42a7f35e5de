/**
 * Compares a predicted result with what the kernel did, field for field that the recording has (docs/cases.md). Lists are compared
 * in order, frames, deliveries and conntrack entries as bags.
 */

const EVENT = [
  'skb',
  'traversal',
  'family',
  'table',
  'chain',
  'type',
  'handle',
  'verdict',
  'jumpTarget',
  'mark',
] as const;

type Plain = { readonly [key: string]: unknown };
const isPlain = (v: unknown): v is Plain => typeof v === 'object' && v !== null && !Array.isArray(v);
const memberOf = (v: unknown, key: string): unknown => (isPlain(v) ? v[key] : undefined);
const listOf = (v: unknown): readonly unknown[] => (Array.isArray(v) ? v : []);

/** True when `got` has everything that `want` has; the string "random" stands for any value. */
function same(want: unknown, got: unknown): boolean {
  if (want === 'random') return got !== undefined && got !== null;
  if (Array.isArray(want))
    return Array.isArray(got) && want.length === got.length && want.every((w, i) => same(w, got[i]));
  if (isPlain(want)) return isPlain(got) && Object.entries(want).every(([key, v]) => same(v, got[key]));
  return want === got || (want === undefined && got === undefined);
}

function sameBag(want: unknown, got: unknown): boolean {
  const rest = [...listOf(got)];
  for (const w of listOf(want)) {
    const hit = rest.findIndex((g) => same(w, g));
    if (hit < 0) return false;
    rest.splice(hit, 1);
  }
  return rest.length === 0;
}

const eventText = (e: unknown): string =>
  EVENT.map((key) => memberOf(e, key) ?? (key === 'skb' || key === 'traversal' ? 0 : '')).join(' ');

function differences(want: unknown, got: unknown): readonly string[] {
  const parts: string[] = [];
  const events = (r: unknown): string => listOf(memberOf(r, 'events')).map(eventText).join('\n');
  if (events(want) !== events(got)) parts.push('events');
  const [w, g] = [memberOf(want, 'fate'), memberOf(got, 'fate')];
  const sameFate =
    memberOf(w, 'summary') === memberOf(g, 'summary') &&
    same(memberOf(w, 'by') ?? undefined, memberOf(g, 'by')) &&
    same(memberOf(w, 'sendErrno') ?? undefined, memberOf(g, 'sendErrno')) &&
    sameBag(memberOf(w, 'egress'), memberOf(g, 'egress')) &&
    sameBag(memberOf(w, 'delivered'), memberOf(g, 'delivered'));
  if (!sameFate) parts.push('fate');
  if (memberOf(want, 'conntrack') !== undefined && !sameBag(memberOf(want, 'conntrack'), memberOf(got, 'conntrack')))
    parts.push('conntrack');
  if (memberOf(want, 'state') !== undefined && !same(memberOf(want, 'state'), memberOf(got, 'state')))
    parts.push('state');
  return parts;
}

/**
 * What differs: nothing, or some of events, fate, conntrack, state, undecided, probabilities, never-seen. `repeat` is how often the
 * packet was sent where chance decides: a likely outcome that never showed is a difference too.
 */
export function compareResult(want: unknown, got: unknown, repeat: number | undefined): readonly string[] {
  if (memberOf(got, 'undecided') !== undefined) return ['undecided'];
  const predicted = listOf(memberOf(got, 'outcomes'));
  const seen = listOf(memberOf(want, 'outcomesSeen'));
  if (seen.length === 0)
    return differences(want, predicted.length === 1 ? predicted[0] : predicted.length > 1 ? {} : got);
  const outcomes = predicted.length > 0 ? predicted : [{ ...(isPlain(got) ? got : {}), probability: 1 }];
  const parts = new Set<string>();
  const total = outcomes.reduce<number>((sum, o) => sum + Number(memberOf(o, 'probability') ?? 0), 0);
  if (Math.abs(total - 1) > 1e-6) parts.add('probabilities');
  const matched = new Set<number>();
  for (const s of seen) {
    const found = outcomes.map((o) => differences(memberOf(s, 'outcome'), o));
    const hit = found.findIndex((d) => d.length === 0);
    if (hit >= 0) matched.add(hit);
    else for (const d of found.toSorted((a, b) => a.length - b.length)[0] ?? []) parts.add(d);
  }
  const sent = repeat ?? seen.reduce<number>((sum, s) => sum + Number(memberOf(s, 'count') ?? 0), 0);
  outcomes.forEach((o, i) => {
    const p = Math.min(Number(memberOf(o, 'probability') ?? 0), 1);
    if (!matched.has(i) && (1 - p) ** sent < 1e-6) parts.add('never-seen');
  });
  return [...parts];
}
