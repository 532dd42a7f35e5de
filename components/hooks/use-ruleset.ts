'use client';

import { queryOptions, useQueries } from '@tanstack/react-query';
import type { RuleDetail, RulesetPage } from '@/lib/api/types';
import { getJson, getText } from './api';
import { nodePath, type VersionRef } from './node-path';

/** Rules of one request: enough for a screen and its neighbours, small enough to arrive at once. */
export const RULES_PER_PAGE = 500;

/** The pages of a table's text by number. Page 0 also brings the declarations, sets, flowtables and objects. */
export function useRulesetPages(
  ref: VersionRef,
  table: string,
  pages: readonly number[],
): { readonly pages: ReadonlyMap<number, RulesetPage>; readonly error: Error | null; readonly retry: () => void } {
  return useQueries({
    queries: pages.map((page) => ({
      queryKey: ['ruleset', ref.source, ref.node, ref.version, table, page] as const,
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        getJson<RulesetPage>(
          `${nodePath(ref)}/ruleset`,
          { table, offset: page * RULES_PER_PAGE, limit: RULES_PER_PAGE, v: ref.version },
          signal,
        ),
    })),
    combine: (results) => ({
      pages: new Map(
        results.flatMap(({ data }, i) => {
          const page = pages[i];
          return data === undefined || page === undefined ? [] : [[page, data] as const];
        }),
      ),
      error: results.find((r) => r.error !== null)?.error ?? null,
      retry: () => {
        for (const result of results) if (result.isError) void result.refetch();
      },
    }),
  });
}

/** One rule in full. */
export const ruleQuery = (
  ref: VersionRef,
  at: { readonly table: string; readonly chain: string; readonly handle: number },
) =>
  queryOptions({
    queryKey: ['rule', ref.source, ref.node, ref.version, at.table, at.chain, at.handle],
    queryFn: ({ signal }) =>
      getJson<RuleDetail>(
        `${nodePath(ref)}/rule`,
        { table: at.table, chain: at.chain, handle: at.handle, v: ref.version },
        signal,
      ),
  });

/** One chain with its first rules, for what leads to it. */
export const chainQuery = (ref: VersionRef, table: string, chain: string, offset: number) =>
  queryOptions({
    queryKey: ['chain', ref.source, ref.node, ref.version, table, chain, offset],
    queryFn: ({ signal }) =>
      getJson<RulesetPage>(`${nodePath(ref)}/ruleset`, { table, chain, offset, limit: 2, v: ref.version }, signal),
  });

/** The listing as nft prints it, for the clipboard. */
export const fetchListing = (ref: VersionRef, table: string | undefined): Promise<string> =>
  getText(`${nodePath(ref)}/text`, { table, v: ref.version });
