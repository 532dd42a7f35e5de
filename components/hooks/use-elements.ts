'use client';

import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import type { LookupView, SetPage } from '@/lib/api/types';
import { getJson } from './api';
import { nodePath, type VersionRef } from './node-path';

export const ELEMENTS_PER_PAGE = 200;

export interface ElementQuery {
  /** `ip kube-proxy` */
  readonly table: string;
  readonly name: string;
  readonly filter: string;
  /** Column id; empty for the order of the listing. */
  readonly sort: string;
  readonly descending: boolean;
}

const params = (query: ElementQuery, offset: number, limit: number, v: string) => ({
  table: query.table,
  name: query.name,
  filter: query.filter,
  sort: query.sort,
  descending: query.descending ? 1 : undefined,
  offset,
  limit,
  v,
});

const keyOf = (ref: VersionRef, q: ElementQuery) =>
  ['set', ref.source, ref.node, ref.version, q.table, q.name, q.filter, q.sort, q.descending] as const;

/** The first page: columns, counts, and what stands on top. The last answer stays while another filter is being asked. */
export const useElements = (ref: VersionRef, query: ElementQuery, enabled = true) =>
  useQuery({
    queryKey: [...keyOf(ref, query), 0],
    queryFn: ({ signal }) =>
      getJson<SetPage>(`${nodePath(ref)}/set`, params(query, 0, ELEMENTS_PER_PAGE, ref.version), signal),
    placeholderData: keepPreviousData,
    enabled,
  });

/** Further pages by number, as they come into sight. */
export const useElementPages = (
  ref: VersionRef,
  query: ElementQuery,
  pages: readonly number[],
): ReadonlyMap<number, SetPage> =>
  useQueries({
    queries: pages.map((page) => ({
      queryKey: [...keyOf(ref, query), page] as const,
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        getJson<SetPage>(
          `${nodePath(ref)}/set`,
          params(query, page * ELEMENTS_PER_PAGE, ELEMENTS_PER_PAGE, ref.version),
          signal,
        ),
    })),
    combine: (results) =>
      new Map(
        results.flatMap(({ data }, i) => {
          const page = pages[i];
          return data === undefined || page === undefined ? [] : [[page, data] as const];
        }),
      ),
  });

/** Largest page the server gives. */
const EXPORT_PAGE = 500;

/** Every element that passes the filter, page after page; `progress` hears how many are there. */
export async function fetchAllElements(
  ref: VersionRef,
  query: ElementQuery,
  progress: (done: number, of: number) => void,
  signal: AbortSignal,
): Promise<readonly SetPage[]> {
  const pages: SetPage[] = [];
  let done = 0;
  let matched = Number.POSITIVE_INFINITY;
  while (done < matched) {
    const page = await getJson<SetPage>(`${nodePath(ref)}/set`, params(query, done, EXPORT_PAGE, ref.version), signal);
    pages.push(page);
    done += page.rows.length;
    matched = page.rows.length === 0 ? done : page.matched;
    progress(done, page.matched);
  }
  return pages;
}

/** As the kernel would look the key up. Asked only where there is a key. */
export const useLookup = (ref: VersionRef, table: string, name: string, key: string) =>
  useQuery({
    queryKey: ['lookup', ref.source, ref.node, ref.version, table, name, key],
    queryFn: ({ signal }) =>
      getJson<LookupView>(`${nodePath(ref)}/lookup`, { table, name, key, v: ref.version }, signal),
    enabled: key.trim() !== '',
    retry: false,
  });
