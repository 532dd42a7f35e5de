/** Base chains as the search sees them: who wrote them, and what they can do to a packet. */

import { ownerOf } from '../explain/owners';
import type { Hook, Statement, Table } from '../nft/model';
import { ruleReferences, statementReferences } from '../nft/references';
import type { Prepared } from '../sim/environment';
import type { ProgramChain } from '../sim/program';
import type { ChainAt, HookChain } from './conflict';
import { chainsAt } from './order';
import { effectOf } from './paths';
import { unsolvedIn } from './unsolved';

export interface Actor {
  readonly chain: ProgramChain;
  readonly at: ChainAt;
  readonly does: HookChain['does'];
  /** Rules that can be reached from it. */
  readonly size: number;
  /** What its rules ask for and no packet of the search has: `tcp option maxseg`. */
  readonly unsolved: readonly string[];
}

const actors = new WeakMap<ProgramChain, Actor>();

/** Costs a pass over what the chain leads to; kept. */
export function actorOf(chain: ProgramChain): Actor {
  const known = actors.get(chain);
  if (known !== undefined) return known;
  const actor = { chain, at: chainAt(chain), ...abilities(chain) };
  actors.set(chain, actor);
  return actor;
}

function chainAt({ table, chain, base }: ProgramChain): ChainAt {
  return {
    family: table.family,
    table: table.name,
    chain: chain.name,
    handle: chain.handle,
    type: base?.type ?? '',
    hook: base?.hook as Hook,
    prio: base?.prio ?? 0,
    owner: ownerName(table.table),
  };
}

/** Tables that nobody is known to write belong to whoever wrote just them. */
function ownerName(table: Table): string {
  const { name } = ownerOf(table);
  return name === 'not recognised' ? `table ${table.family} ${table.name}` : name;
}

/** Routing reads neither; no rule can read the first (nft_meta_get_init knows no NFT_META_NFTRACE), and the second is a label for LSMs. */
const HARMLESS = new Set(['nftrace', 'secmark']);

const isHarmless = (statement: Statement): boolean =>
  statement.kind === 'mangle' &&
  typeof statement.key === 'object' &&
  statement.key.kind === 'meta' &&
  HARMLESS.has(statement.key.key);

function abilities(base: ProgramChain): Pick<Actor, 'does' | 'size' | 'unsolved'> {
  const does = new Set<HookChain['does'][number]>(base.base?.policy === 'drop' ? ['drop'] : []);
  const unsolved = new Set<string>();
  const seen = new Set<string>();
  const open = [base.chain.name];
  let size = 0;
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const chain = base.table.chains.get(name);
    if (chain === undefined || seen.has(name)) continue;
    seen.add(name);
    for (const { rule } of chain.rules) {
      size++;
      for (const statement of rule.statements) {
        const effect = isHarmless(statement) ? undefined : effectOf(statement);
        if (effect !== undefined && effect !== 'accept') does.add(effect);
        for (const one of unsolvedIn(statement)) unsolved.add(one);
        if (statement.kind !== 'vmap') continue;
        for (const data of verdictsOf(base, statement)) {
          if (data.kind === 'drop') does.add('drop');
          if ('target' in data) open.push(data.target);
        }
      }
      for (const one of ruleReferences(rule)) if (one.kind === 'chain') open.push(one.name);
    }
  }
  return { does: [...does].sort(), size, unsolved: [...unsolved] };
}

type VerdictData = { readonly kind: string } | { readonly kind: string; readonly target: string };

function verdictsOf(base: ProgramChain, statement: Statement): readonly VerdictData[] {
  const named = statementReferences(statement).flatMap(({ kind, name }) =>
    kind === 'set' ? (base.table.set(name)?.set.elements ?? []) : [],
  );
  const inside = statement.kind === 'vmap' && statement.data.kind === 'set' ? statement.data.elements : [];
  return [...named, ...inside].flatMap(({ data }) =>
    typeof data === 'object' && 'kind' in data ? [data as VerdictData] : [],
  );
}

/** Whether the order of two chains of one hook can matter at all. Two filters that write nothing may change places freely. */
export function canMatter(a: Actor, b: Actor): boolean {
  const changes = ({ does }: Actor): boolean => does.includes('write') || does.includes('nat');
  return (changes(a) && b.does.length > 0) || (changes(b) && a.does.length > 0);
}

/** Both drop: what the one lets in the other may not. */
export const canOverrule = (a: Actor, b: Actor): boolean =>
  a.at.type !== 'nat' && b.at.type !== 'nat' && a.does.includes('drop') && b.does.includes('drop');

/** Hooks that a packet has passed, or is at, when it comes to one. */
const SO_FAR: { readonly [H in Hook]?: readonly Hook[] } = {
  prerouting: ['prerouting'],
  input: ['prerouting', 'input'],
  forward: ['prerouting', 'forward'],
  output: ['output'],
  postrouting: ['prerouting', 'forward', 'output', 'postrouting'],
};

/** Chains on the way to a hook that translate or mark packets: what comes after may wait for that. */
export function enablersOf(p: Prepared, family: 'ip' | 'ip6', hook: Hook): readonly Actor[] {
  return (SO_FAR[hook] ?? [])
    .flatMap((one) => chainsAt(p, family, one))
    .map(actorOf)
    .filter(({ does }) => does.includes('nat') || does.includes('write'));
}
