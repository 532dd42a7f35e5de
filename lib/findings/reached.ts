/** What a base chain leads to. */
import { elementReferences, ruleReferences } from '../nft/references';
import type { ProgramChain, ProgramRule } from '../sim/program';

const known = new WeakMap<ProgramChain, readonly ProgramChain[]>();

/** The chain and all that its rules and their maps lead to. */
export function reachedChains(base: ProgramChain): readonly ProgramChain[] {
  const before = known.get(base);
  if (before !== undefined) return before;
  const { table } = base;
  const found = new Set([base]);
  const sets = new Set<string>();
  for (const chain of found) {
    for (const { rule } of chain.rules) {
      for (const { kind, name } of ruleReferences(rule)) {
        const next = kind === 'chain' ? table.chains.get(name) : undefined;
        if (next !== undefined) found.add(next);
        if (kind !== 'set' || sets.has(name)) continue;
        sets.add(name);
        for (const target of mapTargets(base, name)) found.add(target);
      }
    }
  }
  const reached = [...found];
  known.set(base, reached);
  return reached;
}

function mapTargets({ table }: ProgramChain, name: string): readonly ProgramChain[] {
  const set = table.table.sets.find((one) => one.name === name);
  if (set?.data?.kind !== 'verdict') return [];
  return set.elements.flatMap((element) =>
    elementReferences(element, set).flatMap((one) => {
      const chain = one.kind === 'chain' ? table.chains.get(one.name) : undefined;
      return chain === undefined ? [] : [chain];
    }),
  );
}

/** Every rule that a packet in the chain may meet. */
export const reachedRules = (base: ProgramChain): readonly ProgramRule[] =>
  reachedChains(base).flatMap(({ rules }) => rules);
