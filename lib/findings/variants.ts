/** The same node with some base chains out of the way: what would be without them. */
import type { Hook } from '../nft/model';
import type { Prepared } from '../sim';
import type { HookEntry, ProgramChain } from '../sim/program';

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** Without the base chains that `isGone` names; everything else stays in its place. Chains at ingress and egress stay. */
export function withoutChains(p: Prepared, isGone: (chain: ProgramChain, hook: Hook) => boolean): Prepared {
  let { program } = p;
  for (const family of ['ip', 'ip6'] as const) {
    for (const hook of HOOKS) {
      const entries = p.program.hook(family, hook);
      const left = entries.flatMap((entry): readonly HookEntry[] => {
        if (entry.kind === 'chain') return isGone(entry.chain, hook) ? [] : [entry];
        if (entry.kind !== 'nat') return [entry];
        return [{ ...entry, chains: entry.chains.filter((chain) => !isGone(chain, hook)) }];
      });
      program = program.withOrder(family, hook, left);
    }
  }
  return { ...p, program };
}
