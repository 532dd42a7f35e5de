'use client';

import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { TraceAnswer } from '@/lib/api/types';
import { type EveryNodeGroup, type EveryNodeProgress, type WholePathView, withNews } from '@/lib/api/whole-path';
import type { MeasuredAgreement } from '@/lib/reach/measured';
import { getJson, getLines, type Query } from './api';

const path = (source: string) => `/api/sources/${encodeURIComponent(source)}/path`;

/** A question by names; `via` is the node by which packets from outside enter. */
export interface PathQuery {
  readonly from: string;
  readonly to: string;
  readonly via: string;
  /** What the names leave open: family, protocol, ports. */
  readonly more: { readonly [name: string]: string | null };
}

const params = ({ from, to, via, more }: PathQuery): Query => ({ ...more, from, to, via });

export const useWholePath = (source: string, query: PathQuery | undefined) =>
  useQuery({
    queryKey: ['whole-path', source, 'path', query],
    queryFn: ({ signal }) => getJson<WholePathView>(path(source), query === undefined ? {} : params(query), signal),
    enabled: query !== undefined,
    placeholderData: keepPreviousData,
  });

/** How far a question from every node is, and its answers so far. */
interface EveryNodeState {
  readonly done: number;
  readonly of: number;
  readonly groups: readonly EveryNodeGroup[];
  readonly lacks?: string | undefined;
}

/**
 * Asked once: with a thousand nodes it takes a minute, and a change on one of them would begin it anew for ever. The groups grow while it
 * is asked; leaving the page ends it, on the server as well.
 */
export function useEveryNode(source: string, query: PathQuery | undefined) {
  const client = useQueryClient();
  const queryKey = ['every-node', source, query?.to, query?.more];
  const asked = useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      let state: EveryNodeState = { done: 0, of: 0, groups: [] };
      await getLines<EveryNodeProgress>(
        `${path(source)}/every-node`,
        { ...query?.more, from: 'every-node', to: query?.to },
        ({ done, of, news, lacks }) => {
          state = { done, of, groups: withNews(state.groups, news), lacks };
          client.setQueryData(queryKey, state);
        },
        signal,
      );
      return state;
    },
    enabled: query !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const stop = () => void client.cancelQueries({ queryKey }, { revert: false });
  return { ...asked, stop };
}

/** How measured connections agree with the path; null where none was measured. */
export const useMeasured = (source: string, query: PathQuery | undefined) =>
  useQuery({
    queryKey: ['whole-path', source, 'measured', query],
    queryFn: ({ signal }) =>
      getJson<MeasuredAgreement | null>(`${path(source)}/measured`, query === undefined ? {} : params(query), signal),
    enabled: query !== undefined,
    retry: false,
  });

/** The trace of one stop of a whole path. */
export const useStop = (source: string, query: PathQuery | undefined, stop: string | null) =>
  useQuery({
    queryKey: ['whole-path', source, 'stop', query, stop],
    queryFn: ({ signal }) =>
      getJson<TraceAnswer>(`${path(source)}/stop`, { ...(query === undefined ? {} : params(query)), stop }, signal),
    enabled: query !== undefined && stop !== null,
  });
