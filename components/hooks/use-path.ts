'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { TraceAnswer } from '@/lib/api/types';
import type { EveryNodeGroup, WholePathView } from '@/lib/api/whole-path';
import type { MeasuredAgreement } from '@/lib/reach/measured';
import { getJson, type Query } from './api';

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

export const useEveryNode = (source: string, query: PathQuery | undefined) =>
  useQuery({
    queryKey: ['whole-path', source, 'every', query?.to, query?.more],
    queryFn: ({ signal }) =>
      getJson<readonly EveryNodeGroup[]>(
        `${path(source)}/every-node`,
        { ...query?.more, from: 'every-node', to: query?.to },
        signal,
      ),
    enabled: query !== undefined,
  });

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
