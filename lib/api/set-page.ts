/** A page of the elements of a set or map. */
import type { AddressBook } from '../cluster/address-book';
import { failed, ok, type Result } from '../net/result';
import type { NftSet, SetElement } from '../nft/model';
import { typeOfMapData, typeOfSetType } from '../render/context';
import { renderElement } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';
import type { OpenNode } from './open-node';
import { typeText } from './overview';
import { viewProblems } from './problems';
import { setView } from './rule-view';
import type { RulesetIndex, TableIndex } from './ruleset-index';
import { type Column, columnsOf } from './set-columns';
import { filterOf, sorted } from './set-order';
import type { ElementView, SetPage } from './types';

export interface SetQuery {
  readonly table: string;
  readonly name: string;
  readonly offset: number;
  readonly limit: number;
  readonly filter?: string;
  readonly sort?: string;
  readonly descending: boolean;
}
export const MOST_ELEMENTS = 500;

/** The set or map that a question names. */
export function findSet(
  ruleset: RulesetIndex,
  query: { readonly table: string; readonly name: string },
): Result<{ index: TableIndex; set: NftSet }> {
  const index = ruleset.table(query.table);
  if (index === undefined) return failed(viewProblems.noTable(query.table, ruleset));
  const set = index.sets.get(query.name);
  return set === undefined ? failed(viewProblems.noSet(query.name, index)) : ok({ index, set });
}

/** Cost: O(elements) with a filter, O(n log n) with an order, else that of the page. */
export function setPage(node: OpenNode, ruleset: RulesetIndex, query: SetQuery): Result<SetPage> {
  const found = findSet(ruleset, query);
  if (!found.ok) return found;
  const { index, set } = found.value;
  const columns = columnsOf(index, set);
  const sort = query.sort === undefined ? undefined : columns.find(({ id }) => id === query.sort);
  if (query.sort !== undefined && sort === undefined) {
    return failed(
      viewProblems.badColumn(
        query.sort,
        columns.map(({ id }) => id),
      ),
    );
  }
  const passes = filterOf(query.filter ?? '', columns, (element) => elementText(index, set, element));
  let places = [...set.elements.keys()];
  if (passes !== undefined) places = places.filter((at) => passes(elementAt(set, at)));
  if (sort !== undefined) places = sorted(places, set, sort, query.descending);
  const limit = Math.min(Math.max(query.limit, 1), MOST_ELEMENTS);
  return ok({
    version: node.version,
    family: index.table.family,
    table: index.table.name,
    set: setView(index, set, node.addresses),
    typeText: typeText(set, index),
    owner: index.owner,
    columns: columns.map(({ id, type, label, numeric }) => ({ id, type, label, numeric })),
    rows: places
      .slice(query.offset, query.offset + limit)
      .map((at) => elementView(index, set, columns, at, node.addresses)),
    offset: query.offset,
    matched: places.length,
    total: set.elements.length,
  });
}

const elementAt = (set: NftSet, at: number): SetElement => set.elements[at] ?? { key: '' };
const elementText = (index: TableIndex, set: NftSet, element: SetElement): string =>
  renderElement(element, index.ctx, typeOfSetType(set.type), typeOfMapData(set));

export function elementView(
  index: TableIndex,
  set: NftSet,
  columns: readonly Column[],
  at: number,
  book: AddressBook,
): ElementView {
  const element = elementAt(set, at);
  return {
    index: at,
    cells: columns.map(({ cell }) => cell(element) ?? null),
    text: elementText(index, set, element),
    verdict: element.data !== undefined && isVerdict(element.data) ? element.data : null,
    object: objectOf(element, columns, book),
  };
}

/** The object an element is about: that of the chain it leads to, or of the first address in it that has a name. */
function objectOf(element: SetElement, columns: readonly Column[], book: AddressBook): ElementView['object'] {
  const { data } = element;
  if (data !== undefined && isVerdict(data) && 'target' in data) {
    const behind = book.chain(data.target);
    if (behind !== undefined) return behind;
  }
  const cell = (type: string) => columns.find((column) => column.type === type)?.cell(element);
  const address = cell('ipv4_addr') ?? cell('ipv6_addr');
  const port = Number(cell('inet_service'));
  return address === undefined ? null : (book.object(address, cell('inet_proto'), port) ?? null);
}
