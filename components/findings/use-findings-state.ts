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
  /** What its names leave open, as a trace is asked. */
  family: parseAsString,
  protocol: parseAsString,
  sport: parseAsString,
  dport: parseAsString,
  flags: parseAsString,
  /** The node by which its packets come in from outside. */
  via: parseAsString,
} as const;

/** No connection is asked about. */
export const NO_CONNECTION = {
  from: null,
  to: null,
  family: null,
  protocol: null,
  sport: null,
  dport: null,
  flags: null,
  via: null,
} as const;

/** The state of the view, all of it in the URL beside the source. */
export const useFindingsState = () => useQueryStates(PARAMS, { history: 'replace' });
