'use client';

import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ServiceGraphsView } from '@/lib/api/service-graphs';
import type { DriftView, ServicePage, ServicesView } from '@/lib/api/service-types';
import { getJson, postJson } from './api';
import { nodePath } from './node-path';

/** How often an unfinished reading is asked for. */
const POLL_MS = 300;
/** The same where there is much to answer. */
const POLL_MS_MANY = 1500;
const MANY = 50;

const path = (source: string) => `/api/sources/${encodeURIComponent(source)}`;

/** All Services of the cluster. */
export const useServices = (source: string) =>
  useQuery({
    queryKey: ['services', source],
    queryFn: ({ signal }) => getJson<ServicesView>(`${path(source)}/services`, {}, signal),
  });

const poll = (data: { readonly state: string; readonly of: number } | undefined): number | false =>
  data?.state !== 'reading' ? false : data.of > MANY ? POLL_MS_MANY : POLL_MS;

/** Every node against what is expected, counted. The server goes on reading as long as somebody asks. */
export const useDrift = (source: string) =>
  useQuery({
    queryKey: ['drift', source],
    queryFn: ({ signal }) => getJson<DriftView>(`${path(source)}/drift`, {}, signal),
    refetchInterval: ({ state }) => poll(state.data),
    staleTime: 5000,
  });

const keyOf = (source: string, service: string) => ['service', source, service] as const;

/** One Service on all nodes. The server goes on reading as long as somebody asks. */
export const useService = (source: string, service: string) =>
  useQuery({
    queryKey: keyOf(source, service),
    queryFn: ({ signal }) => getJson<ServicePage>(`${path(source)}/service`, { service }, signal),
    refetchInterval: ({ state }) => poll(state.data),
    staleTime: 5000,
  });

/** Stops reading, or goes on. */
export function useServiceReading(source: string, service: string) {
  const client = useQueryClient();
  const query = `?service=${encodeURIComponent(service)}`;
  return useMutation({
    mutationFn: (go: 'stop' | 'on') =>
      go === 'stop'
        ? postJson<ServicePage>(`${path(source)}/service${query}`, {}, new AbortController().signal)
        : getJson<ServicePage>(`${path(source)}/service`, { service, again: 1 }, new AbortController().signal),
    onSuccess: (page) => client.setQueryData(keyOf(source, service), page),
  });
}

/** The chain graphs of one Service on one node. */
export const useServiceGraphs = (source: string, node: string, service: string, enabled: boolean) =>
  useQuery({
    queryKey: ['service-graphs', source, node, service],
    queryFn: ({ signal }) => getJson<ServiceGraphsView>(`${nodePath({ source, node })}/service`, { service }, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
