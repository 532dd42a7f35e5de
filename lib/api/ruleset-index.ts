/** A ruleset with what leads where: uses of chains, sets and objects, by table. Built once; O(rules + elements). */
import type { IptablesName } from '../explain/iptables-names';
import { TableOwners } from '../explain/object-owner';
import { type Owner, ownerOf } from '../explain/owners';
import type { Chain, Family, NftSet, RuleRef, Ruleset, Table } from '../nft/model';
import { elementReferences, type Reference, ruleReferences } from '../nft/references';
import { type RenderContext, renderContext, typeOfSetType } from '../render/context';
import { renderExpression } from '../render/render-rule';
import type { UseView } from './types';

/** Uses of one name: all are counted, the first are kept. */
export interface Uses {
  readonly count: number;
  readonly first: readonly UseView[];
}
const KEPT = 200;
type IptablesNames = () => ReadonlyMap<string, IptablesName>;
const NO_NAMES: IptablesNames = () => new Map();
const NO_USES: Uses = { count: 0, first: [] };

export class TableIndex {
  readonly ctx: RenderContext;
  readonly owner: Owner;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly #uses = new Map<string, { count: number; first: UseView[] }>();
  #owners: TableOwners | undefined;

  /** @param names of chains that kube-proxy names by a hash; asked for once somebody wants to know who wrote what */
  constructor(
    readonly table: Table,
    nftVersion: string | undefined,
    readonly names: IptablesNames = NO_NAMES,
  ) {
    this.ctx = renderContext(table, nftVersion);
    this.owner = ownerOf(table);
    this.chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.sets = new Map(table.sets.map((set) => [set.name, set]));
    for (const chain of table.chains) {
      for (const [index, rule] of chain.rules.entries()) {
        for (const reference of ruleReferences(rule)) {
          this.#add(reference, () => ({ kind: 'rule', at: this.ruleRef(chain, index), verb: reference.verb }));
        }
      }
    }
    for (const set of table.sets) {
      // Plain sets lead nowhere.
      if (set.data === undefined) continue;
      for (const [index, element] of set.elements.entries()) {
        for (const reference of elementReferences(element, set)) {
          const key = () => renderExpression(element.key, this.ctx, { type: typeOfSetType(set.type), join: '|' });
          this.#add(reference, () => ({ kind: 'element', map: set.name, index, key: key(), verb: reference.verb }));
        }
      }
    }
  }

  /** Who wrote each part, and for whom. */
  get owners(): TableOwners {
    const isIptables = this.table.name !== 'kube-proxy' && this.chains.has('KUBE-SERVICES');
    this.#owners ??= new TableOwners(this.table, isIptables ? this.names() : undefined);
    return this.#owners;
  }

  ruleRef(chain: Chain, index: number): RuleRef {
    const { family, name } = this.table;
    return { family, table: name, chain: chain.name, handle: chain.rules[index]?.handle ?? 0, index };
  }

  uses(kind: Reference['kind'], name: string): Uses {
    return this.#uses.get(`${kind} ${name}`) ?? NO_USES;
  }

  #add(reference: Reference, use: () => UseView): void {
    const key = `${reference.kind} ${reference.name}`;
    const uses = this.#uses.get(key) ?? { count: 0, first: [] };
    uses.count += 1;
    if (uses.first.length < KEPT) uses.first.push(use());
    this.#uses.set(key, uses);
  }
}

export class RulesetIndex {
  /** In listing order. */
  readonly tables: readonly TableIndex[];
  readonly #byName: ReadonlyMap<string, TableIndex>;

  constructor(
    readonly ruleset: Ruleset,
    names?: IptablesNames,
  ) {
    this.tables = ruleset.tables.map((table) => new TableIndex(table, ruleset.nftVersion, names));
    this.#byName = new Map(this.tables.map((index) => [`${index.table.family} ${index.table.name}`, index]));
  }

  /** @param name family and name, `ip kube-proxy` */
  table(name: string): TableIndex | undefined {
    return this.#byName.get(name);
  }

  at(family: Family, table: string): TableIndex | undefined {
    return this.table(`${family} ${table}`);
  }
}
