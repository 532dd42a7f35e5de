import type { SetPage } from '@/lib/api/types';

/** A value that a spreadsheet could take for a formula is given as text. */
const quote = (text: string): string => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

/** The elements as CSV: the columns of the table, then the object. */
export function elementsCsv(pages: readonly SetPage[]): string {
  const [first] = pages;
  if (first === undefined) return '';
  const head = [...first.columns.map((c) => c.label), 'object'];
  const rows = pages.flatMap((page) =>
    page.rows.map((row) => [
      ...row.cells.map((cell) => cell ?? ''),
      row.object === null
        ? ''
        : `${row.object.namespace ?? ''}/${row.object.name}${row.object.port === null ? '' : `:${row.object.port}`}`,
    ]),
  );
  return `${[head, ...rows].map((row) => row.map(quote).join(',')).join('\r\n')}\r\n`;
}
