/**
 * kube-proxy's tables against what it should have written, as findings: Services and endpoints that it has not seen come or go, and
 * what somebody else wrote into them. What a difference means is judged where tables are compared.
 */
import type { DriftCode } from '../../drift/judge';
import type { ExplainedDifference } from '../../drift/node-drift';
import { groupBy } from '../../net/group-by';
import type { Rule, Table } from '../../nft/model';
import { renderContext } from '../../render/context';
import { renderRule } from '../../render/render-rule';
import type { Context, NodeContext } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { servicesInRule } from '../services-in-rule';
import { nodesOf } from '../show';
import { changeCommand, driftRemedy, driftSummary } from './drift-words';

/** What is wrong on one node, of one code. */
interface Wrong {
  readonly code: DriftCode;
  readonly isIdle: boolean;
  readonly node: string;
  /** None: it concerns all. */
  readonly services: readonly string[];
  readonly evidence: readonly Evidence[];
  /** Sentences, as drift has them. */
  readonly meanings: readonly string[];
}

export function driftFindings(context: Context): readonly Finding[] {
  const wrong = context.nodes.flatMap((node) => wrongOn(node, context));
  const byNode = groupBy(wrong, ({ code, node, isIdle }) => `${code} ${node} ${isIdle}`);
  const joined = [...byNode.values()].flatMap(([first, ...more]): readonly Wrong[] =>
    first === undefined
      ? []
      : [
          {
            ...first,
            services: [...new Set([first, ...more].flatMap(({ services }) => services))].sort(),
            evidence: [first, ...more].flatMap(({ evidence }) => evidence),
            meanings: [...new Set([first, ...more].flatMap(({ meanings }) => meanings))],
          },
        ],
  );
  // Nodes that lack the same lack it for one cause.
  const groups = groupBy(joined, ({ code, services, isIdle }) => `${code} ${services.join()} ${isIdle}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [say(first, group)];
  });
}

/** Pieces of evidence that one finding names. */
const EVIDENCE_MAX = 24;

function say({ code, services, isIdle, meanings }: Wrong, group: readonly Wrong[]): Finding {
  const nodes = nodesOf(group);
  const evidence = group.flatMap((one) => one.evidence);
  const [first] = evidence;
  return finding({
    code,
    // What no packet meets does no harm now.
    ...(isIdle && { severity: 'info' }),
    summary: driftSummary(code, { services, nodes, evidence, isIdle }),
    services,
    nodes,
    evidence: evidence.slice(0, EVIDENCE_MAX),
    assumptions: [
      "That the cluster's objects and the rules were read at about the same time.",
      ...(evidence.length > EVIDENCE_MAX
        ? [`Of ${evidence.length} differences ${EVIDENCE_MAX} are named; nftscope drift shows all.`]
        : []),
    ],
    reproduce: first === undefined ? 'nft list ruleset' : changeCommand(first),
    remedy: driftRemedy(code, isIdle, meanings),
  });
}

function wrongOn(node: NodeContext, context: Context): readonly Wrong[] {
  const { drift, proxy, ruleset } = node;
  if (proxy.kind !== 'nftables' || drift === undefined) return [];
  return drift.families.flatMap(({ family, differences }) => {
    const table = ruleset?.tables.find((one) => one.family === family && one.name === 'kube-proxy');
    if (table === undefined) return [];
    return differences.flatMap((one) =>
      one.judgements.map(({ code, services, isIdle }): Wrong => {
        const rule = one.kind === 'rule extra' ? ruleOf(table, one, ruleset?.nftVersion) : undefined;
        const named = services.length > 0 ? services : servicesTouched(table, one, node, context);
        return {
          code,
          isIdle,
          node: node.name,
          services: named,
          evidence: [evidenceOf(one, family, node.name, rule)],
          meanings: [one.meaning],
        };
      }),
    );
  });
}

/** The Services that a rule in a chain for all names by their addresses and ports. */
function servicesTouched(
  table: Table,
  one: ExplainedDifference,
  { ruleset }: NodeContext,
  { cluster }: Context,
): readonly string[] {
  if (one.kind !== 'rule extra' && one.kind !== 'rule differs') return [];
  const rule = ruleOf(table, one, ruleset?.nftVersion);
  return rule === undefined ? [] : servicesInRule(rule, cluster);
}

function ruleOf(table: Table, { name, actual }: ExplainedDifference, nftVersion: string | undefined): Rule | undefined {
  const ctx = renderContext(table, nftVersion);
  return table.chains.find((chain) => chain.name === name)?.rules.find((rule) => renderRule(rule, ctx) === actual);
}

function evidenceOf(
  { name, expected, actual }: ExplainedDifference,
  family: string,
  node: string,
  rule: Rule | undefined,
): Evidence {
  const of = { node, family, table: 'kube-proxy' } as const;
  return rule === undefined
    ? { kind: 'difference', ...of, name, expected, actual }
    : { kind: 'rule', ...of, chain: name, handle: rule.handle, text: actual ?? '' };
}
