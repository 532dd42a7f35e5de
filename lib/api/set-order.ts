/** Filter and order of elements. */
import { parseAddress } from '../net/address';
import type { NftSet, SetElement } from '../nft/model';
import type { Column } from './set-columns';

/** Words, all of which must be in the text; `COLUMN:WORD` looks in one column. Undefined: everything passes. */
export function filterOf(
  filter: string,
  columns: readonly Column[],
  text: (element: SetElement) => string,
): ((element: SetElement) => boolean) | undefined {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const tests = words.map((word) => {
    const colon = word.indexOf(':');
    const id = word.slice(0, Math.max(colon, 0));
    const chosen = columns.find((one) => one.id === id);
    if (chosen === undefined) return (_element: SetElement, whole: () => string) => whole().includes(word);
    const rest = word.slice(colon + 1);
    return (element: SetElement) => chosen.cell(element)?.toLowerCase().includes(rest) ?? false;
  });
  return (element) => {
    let whole: string | undefined;
    const lazy = () => {
      whole ??= text(element).toLowerCase();
      return whole;
    };
    return tests.every((test) => test(element, lazy));
  };
}

type SortKey = number | bigint | string | undefined;

/** Numbers and addresses by value, other texts by their letters; elements without the cell last; equal ones as listed. */
export function sorted(places: readonly number[], set: NftSet, sort: Column, descending: boolean): number[] {
  const keys = new Map(places.map((at) => [at, sortKey(cellAt(set, at, sort))]));
  return [...places].sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0) || a - b;
    return (descending ? -1 : 1) * compare(x, y) || a - b;
  });
}

function cellAt(set: NftSet, at: number, column: Column): string | undefined {
  const element = set.elements[at];
  return element === undefined ? undefined : column.cell(element);
}

function sortKey(cell: string | undefined): SortKey {
  if (cell === undefined) return undefined;
  const start = /^[^/-]+/.exec(cell)?.[0] ?? cell;
  const address = parseAddress(start)?.value;
  if (address !== undefined) return address;
  return /^\d+$/.test(start) ? BigInt(start) : cell;
}

function compare(a: number | bigint | string, b: number | bigint | string): number {
  // Text after numbers: `*` and names among addresses.
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string') return 1;
  if (typeof b === 'string') return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
