'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';

const PARAMS = {
  severity: parseAsStringLiteral(['error', 'warning', 'info'] as const),
  code: parseAsString,
  /** Findings on this node; `node` is the place that other views show. */
  on: parseAsString,
  /** `NAMESPACE/NAME`, or `NAMESPACE/`. */
  service: parseAsString,
  find: parseAsString,
  /** The finding that is open, by its id or its code. */
  open: parseAsString,
  /** A connection that is asked about. */
  from: parseAsString,
  to: parseAsString,
} as const;

/** The state of the view, all of it in the URL beside the source. */
export const useFindingsState = () => useQueryStates(PARAMS, { history: 'replace' });
