import type { ServiceRow } from '@/lib/api/service-types';

/** Every word is in the row, in any case. */
export function matchesService(row: ServiceRow, wanted: string): boolean {
  if (wanted.trim() === '') return true;
  const text = [`${row.namespace}/${row.name}`, row.type, ...row.addresses, ...row.ports].join(' ').toLowerCase();
  return wanted
    .toLowerCase()
    .trim()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
