'use client';

import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { LiveEvent } from '@/lib/api/live-events';
import { type LiveState, liveConnection } from './live-connection';

export interface Live {
  readonly connection: LiveState;
  /** What the server itself does not hear, with the reason. */
  readonly lost: ReadonlyMap<string, string>;
}

/** A page out of sight lets its connection go after this; a browser has only six for all its pages. */
const HIDDEN_MS = 60_000;

/** Keeps what is shown of a live source new: what changed is asked for again, and nothing else. */
export function useLive(source: string | undefined): Live | undefined {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    setLive(undefined);
    if (source === undefined) return;
    const lost = new Map<string, string>();
    let connection: LiveState = { kind: 'connecting' };
    const show = () => setLive({ connection, lost: new Map(lost) });
    const open = () =>
      liveConnection({
        url: `/api/stream?source=${encodeURIComponent(source)}`,
        onEvent: (event) => {
          if (event.kind === 'hello') lost.clear();
          if (event.kind === 'lost') lost.set(event.what, event.why);
          if (event.kind === 'back') lost.delete(event.what);
          if (event.kind !== 'beat') show();
          refresh(client, source, event);
        },
        onState: (state, isBack) => {
          connection = state;
          show();
          if (isBack) refreshAll(client, source);
        },
      });
    let close: (() => void) | undefined = open();
    let hidden: ReturnType<typeof setTimeout> | undefined;
    const onVisibility = () => {
      clearTimeout(hidden);
      if (document.hidden) {
        hidden = setTimeout(() => {
          close?.();
          close = undefined;
        }, HIDDEN_MS);
      } else if (close === undefined) {
        close = open();
        refreshAll(client, source);
      }
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      clearTimeout(hidden);
      document.removeEventListener('visibilitychange', onVisibility);
      close?.();
    };
  }, [client, source]);
  return live;
}

/** Questions about a node, by the first word of their key. Those that name a version ask anew with the new one. */
const OF_NODE = ['overview', 'names', 'trace', 'service-graphs', 'conflicts'] as const;
/** Questions about all nodes of a source. */
const OF_ALL = ['fleet', 'whole-path', 'service', 'drift', 'findings', 'explained'] as const;

function refresh(client: QueryClient, source: string, event: LiveEvent): void {
  switch (event.kind) {
    case 'node':
      for (const kind of OF_NODE) void client.invalidateQueries({ queryKey: [kind, source, event.node] });
      for (const kind of OF_ALL) void client.invalidateQueries({ queryKey: [kind, source] });
      return;
    case 'nodes':
    case 'cluster':
    case 'back':
      refreshAll(client, source);
      return;
    case 'lost':
      // Nodes say that they are not heard, and whether they can be read.
      void client.invalidateQueries({ queryKey: ['sources'] });
      void client.invalidateQueries({ queryKey: ['fleet', source] });
      return;
    case 'hello':
    case 'beat':
      return;
  }
}

function refreshAll(client: QueryClient, source: string): void {
  void client.invalidateQueries({ queryKey: ['sources'] });
  for (const kind of [...OF_NODE, ...OF_ALL, 'services']) void client.invalidateQueries({ queryKey: [kind, source] });
}
