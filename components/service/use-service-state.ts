'use client';

import { parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';

const PARAMS = {
  /** `NAMESPACE/NAME`; without it the list is shown. */
  service: parseAsString,
  /** Filter of the list. */
  find: parseAsString,
  /** `NAME/PROTOCOL` and `ip` or `ip6`: whose chains are drawn. */
  port: parseAsString,
  family: parseAsStringLiteral(['ip', 'ip6'] as const),
  as: parseAsStringLiteral(['figure', 'text'] as const),
  /** The part of the graph that is chosen. */
  part: parseAsString,
  /** A way in and a place: the packet whose way is shown on the graph. */
  way: parseAsString,
  from: parseAsString,
  /** Only nodes that are not as expected. */
  odd: parseAsBoolean,
} as const;

/** The state of the view, all of it in the URL beside source and node. Another Service is a new entry of the history. */
export const useServiceState = () => useQueryStates(PARAMS, { history: 'replace' });
