/** The tables of a listing while it is read, and the look-ups that its members need. */
import type { Chain, Family, Flowtable, NamedObject, NftSet, Rule } from '../nft/model';
import { problems } from './problem';
import { asNames, asNumber, asText, asWord, DecodeFailure, type RawObject } from './raw';

export interface ChainBuilder extends Chain {
  /** {@link NO_RULES}, shared and frozen, until the first rule. */
  rules: Rule[];
}

export const NO_RULES: Rule[] = [];
Object.freeze(NO_RULES);

export interface TableBuilder {
  readonly family: Family;
  readonly name: string;
  readonly handle: number;
  readonly comment: string | undefined;
  readonly flags: readonly string[];
  readonly objects: NamedObject[];
  readonly sets: NftSet[];
  readonly flowtables: Flowtable[];
  readonly chains: ChainBuilder[];
  /** Behind the last looked-up chain in `chains`: rules are listed in the order of their chains. */
  at: number;
  /** Where chains stand, filled up to its size when the order does not help. */
  readonly places: Map<string, number>;
  placed: number;
}

const FAMILIES: readonly Family[] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];

/** How many chains without rules are passed over before looking up by name. */
const NEAR = 8;

export class Tables {
  readonly #tables = new Map<string, TableBuilder>();
  /** Members of a table follow each other. */
  #last: TableBuilder | undefined;

  get all(): readonly TableBuilder[] {
    return [...this.#tables.values()];
  }

  add(raw: RawObject): void {
    const family = asWord(raw.family, raw, 'family', FAMILIES);
    const name = asText(raw.name, raw, 'name');
    const id = `${family} ${name}`;
    if (this.#tables.has(id)) throw new DecodeFailure(raw, 'name', (path) => problems.twice(path, `Table ${id}`));
    this.#tables.set(id, {
      family,
      name,
      handle: asNumber(raw.handle, raw, 'handle'),
      comment: raw.comment === undefined ? undefined : asText(raw.comment, raw, 'comment'),
      flags: asNames(raw.flags, raw, 'flags'),
      objects: [],
      sets: [],
      flowtables: [],
      chains: [],
      at: 0,
      places: new Map(),
      placed: 0,
    });
  }

  /** The table that a member names. */
  tableOf(raw: RawObject): TableBuilder {
    const table = this.findTable(raw);
    if (table !== undefined) return table;
    throw new DecodeFailure(raw, 'table', (path) => problems.orphan(path, `table ${raw.family} ${raw.table}`));
  }

  findTable(raw: RawObject): TableBuilder | undefined {
    const last = this.#last;
    if (last !== undefined && raw.table === last.name && raw.family === last.family) return last;
    const family = asText(raw.family, raw, 'family');
    const table = this.#tables.get(`${family} ${asText(raw.table, raw, 'table')}`);
    if (table !== undefined) this.#last = table;
    return table;
  }

  /** The chain that a rule names. */
  chainOf(raw: RawObject): ChainBuilder {
    const chain = this.findChain(raw);
    if (chain !== undefined) return chain;
    const { family, name } = this.tableOf(raw);
    throw new DecodeFailure(raw, 'chain', (path) => problems.orphan(path, `chain ${family} ${name} ${raw.chain}`));
  }

  findChain(raw: RawObject): ChainBuilder | undefined {
    const name = asText(raw.chain, raw, 'chain');
    const table = this.findTable(raw);
    if (table === undefined) return undefined;
    const { chains, places } = table;
    // From the chain of the last rules on, mostly one step: comparing a name is cheaper than hashing it.
    for (let at = table.at; at < Math.min(table.at + NEAR, chains.length); at++) {
      const chain = chains[at];
      if (chain?.name !== name) continue;
      table.at = at + 1;
      return chain;
    }
    for (; table.placed < chains.length; table.placed++) {
      const chain = chains[table.placed];
      if (chain !== undefined) places.set(chain.name, table.placed);
    }
    const at = places.get(name);
    if (at === undefined) return undefined;
    table.at = at + 1;
    return chains[at];
  }
}
