'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FleetAnswer, isChanges, withChanges } from '@/lib/api/fleet-changes';
import type { FleetView } from '@/lib/api/fleet-view';
import { getJson, postJson } from './api';

/** How often an unfinished reading is asked for. */
const POLL_MS = 250;
/** The same where there is much to answer. */
const POLL_MS_MANY = 1000;
const MANY = 50;
/** Whether agents are heard by now changes nothing that was read, so that nobody tells it. */
const POLL_MS_HEARD = 3000;

const path = (source: string) => `/api/sources/${encodeURIComponent(source)}/fleet`;
const keyOf = (source: string) => ['fleet', source] as const;

/** All nodes of a source side by side. The server goes on reading as long as somebody asks. What is shown already is not sent again. */
export function useFleet(source: string) {
  const client = useQueryClient();
  return useQuery({
    queryKey: keyOf(source),
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<FleetView>(keyOf(source));
      const answer = await getJson<FleetAnswer>(path(source), { since: before?.at }, signal);
      return before !== undefined && isChanges(answer) ? withChanges(before, answer) : (answer as FleetView);
    },
    refetchInterval: ({ state: { data } }) => {
      if (data?.state === 'reading') return data.of > MANY ? POLL_MS_MANY : POLL_MS;
      return data?.rows.some(({ following }) => following?.kind === 'not-yet') ? POLL_MS_HEARD : false;
    },
    staleTime: 5000,
  });
}

/** Stops reading, or goes on. */
export function useFleetReading(source: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (go: 'stop' | 'on') =>
      go === 'stop'
        ? postJson<FleetView>(path(source), {}, new AbortController().signal)
        : getJson<FleetView>(path(source), { again: 1 }, new AbortController().signal),
    onSuccess: (view) => client.setQueryData(keyOf(source), view),
  });
}
