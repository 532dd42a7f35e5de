'use client';

import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import type { NamesView, NodeOverview, TraceAnswer } from '@/lib/api/types';
import { getJson, type Query } from './api';
import { nodePath } from './node-path';

/** Pods, Services and nodes of the capture, for the form and for the addresses in a trace. */
export const useNames = (source: string, node: string) =>
  useQuery({
    queryKey: ['names', source, node],
    queryFn: ({ signal }) => getJson<NamesView>(`${nodePath({ source, node })}/names`, {}, signal),
  });

/** The trace of one question; nothing is asked while there is none. The last answer stays until the next is there. */
export const useTrace = (source: string, node: string, question: Query | undefined) =>
  useQuery({
    queryKey: ['trace', source, node, question],
    queryFn: ({ signal }) => getJson<TraceAnswer>(`${nodePath({ source, node })}/trace`, question ?? {}, signal),
    enabled: question !== undefined,
    placeholderData: keepPreviousData,
  });

/** What is small about a node: base chains, owners, interfaces. */
export const overviewQuery = (source: string, node: string) =>
  queryOptions({
    queryKey: ['overview', source, node],
    queryFn: ({ signal }) => getJson<NodeOverview>(`${nodePath({ source, node })}/overview`, {}, signal),
  });

export const useOverview = (source: string, node: string) => useQuery(overviewQuery(source, node));
