'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { NodeOverview, SourcesView, SourceView } from '@/lib/api/types';
import { getJson, postFile } from './api';
import { type NodeRef, nodePath } from './node-path';

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
    onSuccess: async () => {
      // A first list that was asked for before is not to be taken for the one with the upload.
      await client.cancelQueries({ queryKey: KEY });
      await client.invalidateQueries({ queryKey: KEY });
    },
  });
}

/** Reads a live node once more; everything shown about it follows, because its version is another one. */
export function useReadAgain({ source, node }: NodeRef) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      getJson<NodeOverview>(`${nodePath({ source, node })}/overview`, { refresh: 1 }, new AbortController().signal),
    onSuccess: (overview) => {
      client.setQueryData(['overview', source, node], overview);
      return client.invalidateQueries({ queryKey: KEY });
    },
  });
}
