'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useCallback } from 'react';

const SCOPES = ['node', 'path', 'every'] as const;
/** The trace on one node, the packet's whole path, or the same question from every node. */
export type Scope = (typeof SCOPES)[number];

const PARAMS = {
  scope: parseAsStringLiteral(SCOPES).withDefault('node'),
  /** A stop of the whole path whose trace is shown: `END.STOP`. */
  stop: parseAsString,
  /** The node by which packets from outside enter the path. */
  via: parseAsString,
};

export function useScope() {
  const [{ scope, stop, via }, set] = useQueryStates(PARAMS, { history: 'push' });
  const choose = useCallback(
    (next: Scope) => void set({ scope: next, stop: null, via: next === 'path' ? via : null }),
    [set, via],
  );
  return { scope, stop, via, choose };
}
