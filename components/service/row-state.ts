/** How a Service of the list stands on the nodes: what becomes of its traffic, and whether the rules are as expected. */
import type { DriftView, ServiceRow } from '@/lib/api/service-types';
import type { NodeWord } from './troubles';
import { troubleWords } from './troubles';

export interface RowState {
  /** `captured on node-3`: what the findings say becomes of the traffic. */
  readonly lost: readonly string[];
  /** Nodes whose rules for it are not as expected. */
  readonly odd: readonly string[];
  /** The state in words where neither is; what is not known is said. */
  readonly say: string;
}

/** @param troubles undefined: nobody has looked what becomes of the traffic, or not to the end */
export function rowState(
  row: ServiceRow,
  drift: DriftView | undefined,
  troubles: readonly NodeWord[] | undefined,
): RowState {
  if (!row.served) return { lost: [], odd: [], say: 'no rules' };
  const own = drift?.services[`${row.namespace}/${row.name}`] ?? [];
  const odd = [...new Set([...own, ...(drift?.general ?? [])])];
  return { lost: troubleWords(troubles ?? []), odd, say: said(drift, troubles !== undefined) };
}

function said(drift: DriftView | undefined, isLookedAt: boolean): string {
  if (drift === undefined) return 'comparing';
  const known = drift.nodes.filter(({ state }) => state === 'expected' || state === 'differs').length;
  if (known === 0) return drift.state === 'reading' ? 'comparing' : 'not known';
  const words = isLookedAt ? 'as expected' : 'rules as expected';
  return known === drift.of ? words : `${words} on ${known} of ${drift.of}`;
}

export const differWords = (odd: readonly string[]): string =>
  odd.length === 1 ? `${odd[0]} differs` : `${odd.length} nodes differ`;

/**
 * Connections to it are refused, by rules that are as expected. Where none is ready, kube-proxy goes on with those that still serve while
 * they end (CategorizeEndpoints, pkg/proxy/topology.go).
 */
export const isNobodyReady = ({ served, endpoints }: ServiceRow): boolean =>
  served && endpoints !== null && endpoints.ready === 0 && endpoints.leaving === 0;

export const isNotAsExpected = ({ lost, odd }: RowState): boolean => lost.length > 0 || odd.length > 0;

/** What traffic is lost of, then what differs, then the rest; each in the order given. */
export function oddFirst(rows: readonly ServiceRow[], stateOf: (row: ServiceRow) => RowState): readonly ServiceRow[] {
  const rank = (row: ServiceRow): number => {
    const { lost, odd } = stateOf(row);
    if (lost.length > 0 || isNobodyReady(row)) return 0;
    return odd.length > 0 ? 1 : 2;
  };
  return rows
    .map((row) => ({ row, at: rank(row) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ row }) => row);
}
