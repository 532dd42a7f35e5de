/**
 * Where the new rules of one transaction stand in their chain.
 *
 * The kernel puts all rules of a transaction into the chain before it tells of the first, takes each deleted one out before it tells
 * of that, and tells with a new rule the one before it at that moment; none where it is then the first or the last
 * (nf_tables_newrule, nf_tables_commit, nf_tables_rule_notify). An order is believed only if all of that fits it.
 */
import type { HeldRule } from './held-listing';
import type { Place } from './transaction';

export type RuleChange =
  | { readonly kind: 'add'; readonly rule: HeldRule; readonly isInsert: boolean; readonly place: Place }
  | { readonly kind: 'delete'; readonly handle: number };

interface Entry {
  readonly rule: HeldRule;
  /** The number of the change that takes it out. */
  deletedAt: number;
}

const CHANGES_MAX = 3000;

const handleOf = (change: RuleChange | undefined): number | undefined =>
  change?.kind === 'add' ? change.rule.handle : change?.handle;

/**
 * To put a rule in the place of another is told as a deletion and then an addition (nf_tables_newrule). In the place of the first rule it
 * looks like one that was appended; that both have one handle tells it, where the kernel leaves the handle.
 */
function isByFirst(entries: readonly Entry[], changes: readonly RuleChange[], index: number): boolean {
  const before = changes[index - 1];
  const first = entries.find(({ deletedAt }) => deletedAt >= index - 1);
  return before?.kind === 'delete' && before.handle === first?.rule.handle;
}

/**
 * @param changes in the order in which the kernel told them
 * @returns the rules afterwards; a sentence where they cannot be known
 */
export function placeRules(
  before: readonly HeldRule[],
  changes: readonly RuleChange[],
): readonly HeldRule[] | { readonly why: string } {
  if (changes.length > CHANGES_MAX) return { why: `more than ${CHANGES_MAX} rules of it changed at once` };
  const entries: Entry[] = before.map((rule) => ({ rule, deletedAt: Number.POSITIVE_INFINITY }));
  const alive = (handle: number): number =>
    entries.findIndex((entry) => entry.rule.handle === handle && entry.deletedAt === Number.POSITIVE_INFINITY);
  // Rules behind one that is told later.
  const waiting = new Map<number, HeldRule>();
  for (const [index, change] of changes.entries()) {
    if (change.kind === 'delete') {
      const entry = entries[alive(change.handle)];
      if (entry === undefined) return { why: `rule ${change.handle} was deleted and is not held` };
      entry.deletedAt = index;
      continue;
    }
    const { rule, isInsert, place } = change;
    if (alive(rule.handle) !== -1) return { why: `rule ${rule.handle} was added and is held` };
    const entry = { rule, deletedAt: Number.POSITIVE_INFINITY };
    if (place === null) {
      const head = entries.find(({ deletedAt }) => deletedAt > index);
      if (isInsert) entries.unshift(entry);
      else if (head === undefined || !isByFirst(entries, changes, index)) entries.push(entry);
      else if (handleOf(changes[index - 1]) === rule.handle) entries.unshift(entry);
      else return { why: `rule ${rule.handle} was added, or put in the place of the first` };
    } else {
      const behind = alive(place);
      if (behind === -1 && waiting.has(place)) return { why: `two rules stand behind ${place}, which is not held` };
      if (behind === -1) waiting.set(place, rule);
      else entries.splice(behind + 1, 0, entry);
    }
    let last = rule.handle;
    for (let next = waiting.get(last); next !== undefined && alive(last) !== -1; next = waiting.get(last)) {
      waiting.delete(last);
      entries.splice(alive(last) + 1, 0, { rule: next, deletedAt: Number.POSITIVE_INFINITY });
      last = next.handle;
    }
  }
  for (const place of waiting.keys()) return { why: `a rule stands behind ${place}, which is not held` };
  for (const [index, change] of changes.entries()) {
    if (change.kind === 'delete') continue;
    const then = entries.filter(({ deletedAt }) => deletedAt > index).map(({ rule }) => rule);
    const at = then.indexOf(change.rule);
    const place = at === 0 || at === then.length - 1 ? null : (then[at - 1]?.handle ?? null);
    if (place !== change.place) return { why: `where rule ${change.rule.handle} stands is not certain` };
  }
  return entries.filter(({ deletedAt }) => deletedAt === Number.POSITIVE_INFINITY).map(({ rule }) => rule);
}
