'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { SourcesView, SourceView } from '@/lib/api/types';
import { getJson, postFile } from './api';

const KEY = ['sources'] as const;

export const useSources = () =>
  useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => getJson<SourcesView>('/api/sources', {}, signal),
  });

/** Sends one file, a bundle or an `nft -j` listing; the answer is the new source, which the list then holds. */
export function useUpload() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (file: File) =>
      postFile<SourceView>('/api/sources', { name: file.name }, file, new AbortController().signal),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}
