'use client';

import { useQuery } from '@tanstack/react-query';
import type { RuleDetail, TableOverview } from '@/lib/api/types';
import type { VersionRef } from '../hooks/node-path';
import { ruleQuery } from '../hooks/use-ruleset';
import { tableId } from './tree-model';

export interface ChosenRule {
  readonly detail: RuleDetail | undefined;
  readonly error: Error | null;
  readonly retry: () => void;
}

/** The rule that the URL names, in full. */
export function useChosenRule(
  place: VersionRef,
  table: TableOverview,
  chain: string | null,
  handle: number | null,
): ChosenRule {
  const query = useQuery({
    ...ruleQuery(place, { table: tableId(table), chain: chain ?? '', handle: handle ?? 0 }),
    enabled: chain !== null && handle !== null,
  });
  return {
    detail: chain === null || handle === null ? undefined : query.data,
    error: query.error,
    retry: () => void query.refetch(),
  };
}
