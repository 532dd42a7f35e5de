/** Service traffic that a rule takes out of connection tracking: without an entry nothing translates it. */
import { chainsAt } from '../../conflicts/order';
import type { PacketSpec } from '../../net/packet-spec';
import type { RuleRef, Statement } from '../../nft/model';
import { initialState, type Prepared, traceFrom } from '../../sim';
import type { ProgramChain, ProgramRule } from '../../sim/program';
import { argOf } from '../../sim/xt-line';
import { pairRule } from '../../sim/xt-pair';
import { isProxyTable } from '../foreign';
import type { Probe } from '../probes';
import { reachedRules } from '../reached';
import { ruleOf } from '../rules';
import type { Survey } from '../survey';

export interface Untracked {
  readonly probe: Probe;
  readonly by: RuleRef;
  /** As the node sees it. */
  readonly packet: PacketSpec;
}

/** Probes of one node that a notrack rule hits and that would be translated without it. */
export function untrackedProbes(p: Prepared, probes: readonly Probe[]): readonly Untracked[] {
  const hooks = (['prerouting', 'output'] as const).flatMap((hook) => [
    ...chainsAt(p, 'ip', hook),
    ...chainsAt(p, 'ip6', hook),
  ]);
  if (!hooks.some((chain) => !isProxyTable(chain.table) && hasNotrack(p, chain))) return [];
  return probes.flatMap((probe) => {
    if (probe.packet === undefined) return [];
    const { trace } = traceFrom(p, probe.packet, initialState(p));
    for (const { steps, outcome } of trace.branches) {
      const hit = steps.find((step) => step.kind === 'rule' && step.skb === 0 && isNotrack(p, ruleOf(p, step.at)));
      if (hit?.kind !== 'rule' || steps.some(({ kind }) => kind === 'nat')) continue;
      // A cache on the node that has the Service's address itself is meant to be reached untracked.
      const isServed = outcome.kind === 'decided' && outcome.fate.delivered.some(({ skb }) => skb === 0);
      if (!isServed) return [{ probe, by: hit.at, packet: probe.packet }];
    }
    return [];
  });
}

/** Probes whose answer is lost because a notrack rule keeps it from being translated back. */
export function untrackedAnswers({ network, unheard }: Survey): readonly (Untracked & { readonly node: string })[] {
  return unheard.flatMap(({ probe, ending }) => {
    for (const stop of ending.stops) {
      if (stop.kind !== 'node' || stop.way !== 'reply') continue;
      const p = network.nodes.get(stop.node)?.prepared;
      const steps = stop.trace.branches[stop.branch]?.steps ?? [];
      const hit = steps.find(
        (step) => step.kind === 'rule' && step.skb === 0 && p !== undefined && isNotrack(p, ruleOf(p, step.at)),
      );
      if (hit?.kind === 'rule' && !steps.some(({ kind }) => kind === 'nat'))
        return [{ probe, by: hit.at, packet: stop.packet, node: stop.node }];
    }
    return [];
  });
}

const hasNotrack = (p: Prepared, chain: ProgramChain): boolean =>
  reachedRules(chain).some((rule) => isNotrack(p, rule));

function isNotrack(p: Prepared, rule: ProgramRule | undefined): boolean {
  return rule?.rule.statements.some((one) => one.kind === 'notrack' || isXtNotrack(p, rule, one)) === true;
}

function isXtNotrack(p: Prepared, rule: ProgramRule, one: Statement): boolean {
  if (one.kind !== 'xt' || one.type !== 'target') return false;
  if (one.name === 'NOTRACK') return true;
  if (one.name !== 'CT') return false;
  const table = p.program.tables.find(({ family, name }) => family === rule.ref.family && name === rule.ref.table);
  const line = table === undefined ? undefined : pairRule(rule, table, p.program.iptables);
  if (line === undefined || !('matches' in line) || line.target === undefined) return false;
  return (
    line.target.name === 'NOTRACK' ||
    line.target.options.some(({ name }) => name === '--notrack') ||
    argOf(line.target, '--notrack') !== undefined
  );
}
