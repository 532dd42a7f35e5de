/** The entries of a hook in another order. */

import type { Hook } from '../nft/model';
import type { Prepared } from '../sim/environment';
import type { HookEntry, ProgramChain } from '../sim/program';

/** Where one of two passes the other. `control` moves it up to the other only: what differs there already is not their doing. */
export interface Passing {
  /** Undefined where nothing stands between the two. */
  readonly control: Prepared | undefined;
  readonly passed: Prepared;
}

/** Moves the element at `i` to just before, and to just after, that at `j`; and the other way round. `i` < `j`. */
export function moves<T>(
  list: readonly T[],
  i: number,
  j: number,
): readonly (readonly [readonly T[] | undefined, readonly T[]])[] {
  const [a, b] = [list[i], list[j]];
  if (a === undefined || b === undefined) return [];
  const head = list.slice(0, i);
  const between = list.slice(i + 1, j);
  const tail = list.slice(j + 1);
  if (between.length === 0) return [[undefined, [...head, b, a, ...tail]]];
  return [
    [
      [...head, ...between, a, b, ...tail],
      [...head, ...between, b, a, ...tail],
    ],
    [
      [...head, a, b, ...between, ...tail],
      [...head, b, a, ...between, ...tail],
    ],
  ];
}

const withEntries = (p: Prepared, family: 'ip' | 'ip6', hook: Hook, entries: readonly HookEntry[]): Prepared => ({
  ...p,
  program: p.program.withOrder(family, hook, entries),
});

const holdsChain = (entry: HookEntry, chain: ProgramChain): boolean =>
  (entry.kind === 'chain' && entry.chain === chain) || (entry.kind === 'nat' && entry.chains.includes(chain));

/**
 * The worlds in which `first` and `second` have changed places. All nat chains of a hook run from one place: a filter passes them
 * together; two nat chains pass each other inside.
 */
export function passings(
  p: Prepared,
  family: 'ip' | 'ip6',
  hook: Hook,
  first: ProgramChain,
  second: ProgramChain,
): readonly Passing[] {
  const entries = p.program.hook(family, hook);
  const i = entries.findIndex((entry) => holdsChain(entry, first));
  const j = entries.findIndex((entry) => holdsChain(entry, second));
  const at = entries[i];
  const made = (list: readonly HookEntry[]): Prepared => withEntries(p, family, hook, list);
  if (i !== j)
    return moves(entries, i, j).map(([control, passed]) => ({
      control: control && made(control),
      passed: made(passed),
    }));
  if (at?.kind !== 'nat') return [];
  const inside = (chains: readonly ProgramChain[]): Prepared =>
    made(entries.map((entry) => (entry === at ? { ...at, chains } : entry)));
  return moves(at.chains, at.chains.indexOf(first), at.chains.indexOf(second)).map(([control, passed]) => ({
    control: control && inside(control),
    passed: inside(passed),
  }));
}

/** Base chains of a hook in the order in which they run. */
export const chainsAt = (p: Prepared, family: 'ip' | 'ip6', hook: Hook): readonly ProgramChain[] =>
  p.program.hook(family, hook).flatMap((entry) => {
    if (entry.kind === 'chain') return [entry.chain];
    return entry.kind === 'nat' ? entry.chains : [];
  });

/** Whether what decides their order is the order of loading (docs/trace.md, equal priorities). */
export function isTie(p: Prepared, family: 'ip' | 'ip6', hook: Hook, a: ProgramChain, b: ProgramChain): boolean {
  const isNat = (chain: ProgramChain): boolean => chain.base?.type === 'nat';
  if (isNat(a) === isNat(b)) return a.base?.prio === b.base?.prio;
  const place = p.program.hook(family, hook).find(({ kind }) => kind === 'nat')?.prio;
  return (isNat(a) ? b : a).base?.prio === place;
}
