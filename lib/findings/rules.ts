/** Rules by their place. */
import type { RuleRef, Statement } from '../nft/model';
import type { Prepared } from '../sim';
import type { ProgramChain, ProgramRule } from '../sim/program';

export const chainOf = (
  p: Prepared,
  at: { readonly family: string; readonly table: string; readonly chain: string },
): ProgramChain | undefined =>
  p.program.tables.find(({ family, name }) => family === at.family && name === at.table)?.chains.get(at.chain);

export const ruleOf = (p: Prepared, at: RuleRef): ProgramRule | undefined => chainOf(p, at)?.rules[at.index];

const NAT: ReadonlySet<string> = new Set(['snat', 'dnat', 'masquerade', 'redirect']);
const XT_NAT = /^([DS]NAT|MASQUERADE|REDIRECT|NETMAP)$/;

export const isNat = (one: Statement): boolean =>
  NAT.has(one.kind) || (one.kind === 'xt' && one.type === 'target' && XT_NAT.test(one.name ?? ''));
