'use client';

import { parseAsString, useQueryStates } from 'nuqs';
import { useCallback } from 'react';
import type { NodeSummary, SourceView } from '@/lib/api/types';
import { useSources } from '../hooks/use-sources';

/** Where the user is: which source, which node. It lives in the URL; what the URL leaves out is the first there is. */
export type Place =
  | { readonly state: 'loading' }
  | { readonly state: 'problem'; readonly problem: Error; readonly retry: () => void }
  /** The URL names a source or node that does not exist, or there is none at all. Never silently another one. */
  | { readonly state: 'missing'; readonly say: string; readonly sources: readonly SourceView[] }
  | {
      readonly state: 'ready';
      readonly sources: readonly SourceView[];
      readonly source: SourceView;
      readonly node: NodeSummary;
    };

export function resolvePlace(
  sources: readonly SourceView[],
  sourceId: string | null,
  nodeName: string | null,
): Extract<Place, { state: 'missing' | 'ready' }> {
  const source = sourceId === null ? sources[0] : sources.find((s) => s.id === sourceId);
  if (source === undefined) {
    const say =
      sourceId === null
        ? 'There is no source yet. Open a capture, or start nftscope with one.'
        : `There is no source called ${sourceId}.`;
    return { state: 'missing', say, sources };
  }
  const node =
    nodeName === null
      ? (source.nodes.find((n) => n.state === 'ready') ?? source.nodes[0])
      : source.nodes.find((n) => n.name === nodeName);
  if (node === undefined) {
    const say = nodeName === null ? `${source.name} holds no node.` : `${source.name} has no node called ${nodeName}.`;
    return { state: 'missing', say, sources };
  }
  return { state: 'ready', sources, source, node };
}

export function usePlace(): Place {
  const sources = useSources();
  const [url] = useQueryStates({ source: parseAsString, node: parseAsString });
  if (sources.isPending) return { state: 'loading' };
  if (sources.isError) return { state: 'problem', problem: sources.error, retry: () => void sources.refetch() };
  return resolvePlace(sources.data.sources, url.source, url.node);
}

/** Goes to another source or node; a new source starts at its first node. */
export function useGoTo(): (place: { readonly source?: string; readonly node?: string }) => void {
  const [, set] = useQueryStates({ source: parseAsString, node: parseAsString }, { history: 'push' });
  return useCallback(
    ({ source, node }) => {
      if (source !== undefined) void set({ source, node: node ?? null });
      else if (node !== undefined) void set({ node });
    },
    [set],
  );
}
