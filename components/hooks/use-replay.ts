'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReplayView, TraceAnswer, VerifyAnswer } from '@/lib/api/types';
import { getJson, postJson } from './api';
import { nodePath } from './node-path';

/** Whether this server replays packets in a kernel; it does not change while the server runs. */
export const useReplayOffered = (): boolean =>
  useQuery({
    queryKey: ['replay'],
    queryFn: ({ signal }) => getJson<ReplayView>('/api/replay', {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  }).data?.offered ?? false;

/** A replay of the packet of an answer: begun on demand, kept for the same capture and packet. */
export function useReplay({ source, node, version, packet }: TraceAnswer) {
  const client = useQueryClient();
  const queryKey = ['verify', source.id, node, version, packet];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      postJson<VerifyAnswer>(
        `${nodePath({ source: source.id, node })}/verify?v=${encodeURIComponent(version)}`,
        { packet },
        signal,
      ),
    enabled: false,
    retry: false,
  });
  return { ...query, cancel: () => void client.cancelQueries({ queryKey }) };
}
