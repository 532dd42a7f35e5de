'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { SearchView } from '@/lib/api/types';
import { getJson } from './api';
import { nodePath, type VersionRef } from './node-path';

/** Where the query holds. An empty query is not asked. */
export const useSearch = (ref: VersionRef, q: string) =>
  useQuery({
    queryKey: ['search', ref.source, ref.node, ref.version, q],
    queryFn: ({ signal }) => getJson<SearchView>(`${nodePath(ref)}/search`, { q, v: ref.version }, signal),
    enabled: q.trim() !== '',
    placeholderData: keepPreviousData,
  });
