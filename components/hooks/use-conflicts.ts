'use client';

import { useQuery } from '@tanstack/react-query';
import type { ConflictsView } from '@/lib/api/conflicts-view';
import { getJson } from './api';
import { nodePath } from './node-path';

/** Chains of two owners on a node whose order matters. */
export const useConflicts = (source: string, node: string) =>
  useQuery({
    queryKey: ['conflicts', source, node],
    queryFn: ({ signal }) => getJson<ConflictsView>(`${nodePath({ source, node })}/conflicts`, {}, signal),
  });
