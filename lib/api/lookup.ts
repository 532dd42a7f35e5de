/** The look-up of a key in a set or map. */
import { failed, ok, type Result } from '../net/result';
import type { NftSet } from '../nft/model';
import { typeOfSetType } from '../render/context';
import { literal, SetIndex } from '../sim/sets';
import type { OpenNode } from './open-node';
import { viewProblems } from './problems';
import type { RulesetIndex } from './ruleset-index';
import { columnsOf, parts } from './set-columns';
import { elementView, findSet } from './set-page';
import type { LookupView } from './types';

const indexes = new WeakMap<NftSet, SetIndex>();

/** As the kernel would look the key up: exact, interval, concatenation or catch-all. */
export function lookup(
  node: OpenNode,
  ruleset: RulesetIndex,
  query: { readonly table: string; readonly name: string; readonly key: string },
): Result<LookupView> {
  const found = findSet(ruleset, query);
  if (!found.ok) return found;
  const { index, set } = found.value;
  const types = parts(typeOfSetType(set.type)).map(({ type }) => type);
  const words = types.length === 1 ? [query.key.trim()] : query.key.split(' . ').map((word) => word.trim());
  const known = types.filter((type) => type !== undefined);
  if (known.length !== types.length)
    return failed(viewProblems.badKey(query.key, set, 'the type of its keys is not known'));
  if (words.length !== known.length)
    return failed(viewProblems.badKey(query.key, set, `it takes ${known.length} parts`));
  const { links } = node.world;
  const names = { linkByName: new Map(links.known ? links.value.map((link) => [link.name, link]) : []) };
  const values = [];
  for (const [at, type] of known.entries()) {
    const word = words[at] ?? '';
    const value = literal(type, /^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : word, names);
    if (value === undefined)
      return failed(viewProblems.badKey(query.key, set, `${JSON.stringify(word)} is no ${type.name}`));
    values.push(value);
  }
  const sets = indexes.get(set) ?? new SetIndex(known, set.elements, names);
  indexes.set(set, sets);
  const [only] = values;
  const hit = sets.find(values.length === 1 && only !== undefined ? only : values);
  if (hit === undefined && sets.unread.length > 0) return failed(viewProblems.unsure(set));
  const columns = columnsOf(index, set);
  return ok({
    version: node.version,
    key: words.join(' . '),
    size: set.elements.length,
    hit: hit === undefined ? null : elementView(index, set, columns, hit.index, node.addresses),
  });
}
