'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { DiagnosisView, FindingsView } from '@/lib/api/findings-types';
import type { SourceView } from '@/lib/api/types';
import { getJson, postJson, type Query } from './api';

/** How often an answer that is not ready is asked for. */
const POLL_MS = 400;

const path = (source: string) => `/api/sources/${encodeURIComponent(source)}/findings`;
const keyOf = (source: string) => ['findings', source] as const;

/** What is wrong in a source. @param enabled false: only what another view has asked for already */
export const useFindings = (source: string, enabled = true) =>
  useQuery({
    queryKey: keyOf(source),
    queryFn: ({ signal }) => getJson<FindingsView>(path(source), {}, signal),
    refetchInterval: ({ state }) =>
      enabled && (state.data?.state === 'reading' || state.data?.state === 'looking') ? POLL_MS : false,
    staleTime: 5000,
    enabled,
  });

/** As {@link useFindings}; of a live source only what another view has asked for, and that no change has made old. */
export function useKnownFindings({ id, live }: Pick<SourceView, 'id' | 'live'>, enabled: boolean) {
  const client = useQueryClient();
  // A live source changes all the time: looking through it again and again is for the views that show all of it.
  const { data } = useFindings(id, enabled && !live);
  const isOld = live && client.getQueryState(keyOf(id))?.isInvalidated === true;
  return isOld ? undefined : (data?.diagnosis ?? undefined);
}

/** Stops looking, or goes on. */
export function useFindingsLooking(source: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (go: 'stop' | 'on') =>
      go === 'stop'
        ? postJson<FindingsView>(path(source), {}, new AbortController().signal)
        : getJson<FindingsView>(path(source), { again: 1 }, new AbortController().signal),
    onSuccess: (view) => client.setQueryData(keyOf(source), view),
  });
}

/** How a connection ends and what explains it; nothing is asked while there is no question. */
export const useExplained = (source: string, question: Query | undefined) =>
  useQuery({
    queryKey: ['explained', source, question],
    queryFn: ({ signal }) => getJson<DiagnosisView>(`${path(source)}/explain`, question ?? {}, signal),
    enabled: question !== undefined,
  });
