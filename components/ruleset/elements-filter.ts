import type { ColumnView } from '@/lib/api/types';
import { termsOf } from '../ui/term-field';

/**
 * A filter as people type it, `port:80 address:10.96`, in the ids that the server knows, `key2:80 key0:10.96`. The beginning of
 * a label is enough; of columns with one label the first is meant.
 */
export function filterByIds(filter: string, columns: readonly Pick<ColumnView, 'id' | 'label'>[]): string {
  return termsOf(filter)
    .map((term) => {
      const colon = term.indexOf(':');
      const key = term.slice(0, colon).toLowerCase();
      if (colon < 1 || columns.some((c) => c.id === key)) return term;
      const column =
        columns.find((c) => c.label.toLowerCase() === key) ??
        (key.length < 2 ? undefined : columns.find((c) => c.label.toLowerCase().startsWith(key)));
      return column === undefined ? term : `${column.id}${term.slice(colon)}`;
    })
    .join(' ');
}
