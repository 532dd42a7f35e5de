import type { UseView } from '@/lib/api/types';
import type { RuleRef } from '@/lib/nft/model';
import type { TokenRef } from '@/lib/render/tokens';
import type { NodeRef } from '../hooks/node-path';
import { viewHref } from '../shell/views';

/** Links inside the Ruleset of one node. */
export interface RulesetLinks {
  readonly table: (table: string) => string;
  readonly chain: (table: string, chain: string) => string;
  readonly rule: (at: Pick<RuleRef, 'family' | 'table' | 'chain' | 'handle'>) => string;
  readonly set: (table: string, set: string, key?: string) => string;
  /** For the names in the rules of a table. */
  readonly ref: (table: string) => (ref: TokenRef) => string | undefined;
  readonly use: (table: string, use: UseView) => string;
}

export function rulesetLinks({ source, node }: NodeRef, q: string): RulesetLinks {
  const href = (params: Record<string, string | number | undefined>): string =>
    viewHref('/ruleset', { source, node, q, ...params });
  const chain = (table: string, name: string): string => href({ table, chain: name });
  const set = (table: string, name: string, key?: string): string => href({ table, set: name, key });
  const rule = (at: Pick<RuleRef, 'family' | 'table' | 'chain' | 'handle'>): string =>
    href({ table: `${at.family} ${at.table}`, chain: at.chain, rule: at.handle });
  return {
    table: (table) => href({ table }),
    chain,
    rule,
    set,
    ref: (table) => (ref) => {
      switch (ref.kind) {
        case 'chain':
          return chain(table, ref.name);
        case 'set':
          return set(table, ref.name);
        case 'object':
        case 'flowtable':
          return href({ table, chain: undefined });
      }
    },
    use: (table, use) => (use.kind === 'rule' ? rule(use.at) : set(table, use.map, use.key)),
  };
}

/** Who uses a thing, in a few words: `used by nat-postrouting`, `used by 2 rules`, `used by 36 elements`. */
export function usesWords(uses: readonly UseView[], count: number): string {
  const [first] = uses;
  if (first === undefined) return '';
  if (count === 1) return first.kind === 'rule' ? `used by ${first.at.chain}` : `used by ${first.map}`;
  const kinds = new Set(uses.map((u) => u.kind));
  const base = kinds.size > 1 ? 'places' : kinds.has('rule') ? 'rules' : 'elements';
  return `used by ${count} ${base}`;
}
