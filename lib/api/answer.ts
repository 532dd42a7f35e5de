/** Every question that can be put to an opened node, and its answer. The same function runs in the server and in a worker. */

import type { Problem, Result } from '../net/result';
import { failed, ok } from '../net/result';
import { renderRuleset } from '../render/render-ruleset';
import { type ConflictsView, conflictsView } from './conflicts-view';
import { lookup } from './lookup';
import { names } from './names';
import type { OpenNode } from './open-node';
import { overview } from './overview';
import { viewProblems } from './problems';
import { nodeReadings } from './readings';
import { type ReplayPlan, replayPlan } from './replay-plan';
import type { RulesetIndex } from './ruleset-index';
import { type RuleQuery, type RulesetQuery, ruleDetail, rulesetPage } from './ruleset-page';
import { search } from './search';
import { type ServiceGraphsView, type ServiceQuery, serviceGraphs } from './service-graphs';
import { type SetQuery, setPage } from './set-page';
import { type TraceQuery, traceAnswer } from './trace-answer';
import type {
  LookupView,
  NamesView,
  NodeOverview,
  Reading,
  RuleDetail,
  RulesetPage,
  SearchView,
  SetPage,
  TraceAnswer,
} from './types';
import { type WhatWouldDeliver, whatWouldDeliverAnswer } from './what-would-deliver';

/** Questions by kind. Plain data: they can be posted to a worker. */
export interface NodeQueries {
  readonly overview: object;
  readonly readings: object;
  readonly ruleset: RulesetQuery;
  readonly rule: RuleQuery;
  readonly text: { readonly table?: string; readonly handles: boolean };
  readonly set: SetQuery;
  readonly lookup: { readonly table: string; readonly name: string; readonly key: string };
  readonly search: { readonly q: string; readonly limit: number };
  readonly names: object;
  readonly trace: TraceQuery;
  readonly replay: TraceQuery;
  readonly service: ServiceQuery;
  readonly conflicts: object;
  readonly deliver: TraceQuery;
}

/** Answers by kind; the server adds what it alone knows of the source. */
export interface NodeAnswers {
  readonly overview: Omit<NodeOverview, 'source'>;
  readonly readings: readonly Reading[];
  readonly ruleset: RulesetPage;
  readonly rule: RuleDetail;
  readonly text: string;
  readonly set: SetPage;
  readonly lookup: LookupView;
  readonly search: SearchView;
  readonly names: NamesView;
  readonly trace: Omit<TraceAnswer, 'source'>;
  /** Not JSON: addresses are bigints. For server/replay, not for clients. */
  readonly replay: ReplayPlan;
  readonly service: ServiceGraphsView;
  readonly conflicts: ConflictsView;
  readonly deliver: WhatWouldDeliver;
}

export type QueryKind = keyof NodeQueries;

type Answerers = { readonly [K in QueryKind]: (node: OpenNode, query: NodeQueries[K]) => Result<NodeAnswers[K]> };

/** A question about the rules of a node that has none is answered with why it has none. */
const onRules =
  <Q, A>(answer: (node: OpenNode, ruleset: RulesetIndex, query: Q) => Result<A>) =>
  (node: OpenNode, query: Q): Result<A> =>
    node.ruleset.ok ? answer(node, node.ruleset.value, query) : node.ruleset;

const ANSWERERS: Answerers = {
  overview: onRules((node, ruleset) => ok(overview(node, ruleset))),
  readings: (node) => ok(nodeReadings(node)),
  ruleset: onRules(rulesetPage),
  rule: onRules(ruleDetail),
  text: onRules((_node, ruleset, query) => text(ruleset, query)),
  set: onRules(setPage),
  lookup: onRules(lookup),
  search: onRules((node, ruleset, query) => ok(search(node, ruleset, query))),
  names: (node) => ok(names(node)),
  // A trace on an unreadable node is an answer: undecided, with the reason.
  trace: (node, query) => traceAnswer(node, node.ruleset.ok ? node.ruleset.value : undefined, query),
  replay: replayPlan,
  service: serviceGraphs,
  conflicts: onRules((node, ruleset) => ok(conflictsView(node, ruleset))),
  deliver: whatWouldDeliverAnswer,
};

export function answer<K extends QueryKind>(
  node: OpenNode,
  kind: K,
  query: NodeQueries[K],
): Result<NodeAnswers[K], Problem> {
  return ANSWERERS[kind](node, query);
}

function text(ruleset: RulesetIndex, { table, handles }: NodeQueries['text']): Result<string> {
  if (table === undefined) return ok(renderRuleset(ruleset.ruleset, { handles }));
  const index = ruleset.table(table);
  if (index === undefined) return failed(viewProblems.noTable(table, ruleset));
  return ok(renderRuleset({ ...ruleset.ruleset, tables: [index.table] }, { handles }));
}
