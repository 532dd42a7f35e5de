'use client';

import { parseAsBoolean, parseAsInteger, parseAsString, useQueryStates } from 'nuqs';

const PARSERS = {
  /** `ip kube-proxy` */
  table: parseAsString,
  chain: parseAsString,
  /** Handle of the chosen rule. */
  rule: parseAsInteger,
  /** Name of the set or map whose elements are shown. */
  set: parseAsString,
  q: parseAsString.withDefault(''),
  /** Of the elements: filter, column, direction, and the key that is looked up. */
  filter: parseAsString.withDefault(''),
  sort: parseAsString.withDefault(''),
  desc: parseAsBoolean.withDefault(false),
  key: parseAsString.withDefault(''),
};

/** Everything that is chosen in the Ruleset; it lives in the URL. */
export const useRulesetState = () => useQueryStates(PARSERS, { history: 'replace', scroll: false });

type RulesetChange = {
  readonly [K in 'table' | 'chain' | 'set' | 'key' | 'filter' | 'sort']?: string | null;
} & { readonly rule?: number | null; readonly desc?: boolean | null };

/** A choice of another thing leaves behind what belonged to the last one. */
export const selection = (to: RulesetChange): RulesetChange => ({
  chain: null,
  rule: null,
  set: null,
  key: null,
  filter: null,
  sort: null,
  desc: null,
  ...to,
});
