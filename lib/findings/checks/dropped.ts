/** Service traffic that a rule or policy of somebody else than kube-proxy ends, before or after the translation. */
import { chainsAt } from '../../conflicts/order';
import type { Ending } from '../../reach/walk';
import type { Culprit } from '../../sim/trace';
import { isProxyChain, runsBeforeProxy } from '../foreign';
import type { Probe } from '../probes';
import { reachedChains } from '../reached';
import { chainOf } from '../rules';
import type { Survey } from '../survey';

export interface Dropped {
  readonly code: 'drop-before-proxy' | 'drop-after-proxy';
  readonly node: string;
  readonly by: Culprit;
  readonly probes: readonly Probe[];
  /** What the clients notice. */
  readonly results: readonly string[];
  /** A reset or an error goes back. */
  readonly isAnswered: boolean;
}

/** One for each rule or policy of a node. */
export function droppedTraffic(survey: Survey): readonly Dropped[] {
  const found = new Map<
    string,
    { readonly dropped: Dropped; readonly probes: Set<Probe>; readonly results: Set<string>; isAnswered: boolean }
  >();
  for (const { probe, ending, node, cause } of survey.failures) {
    if (cause.kind !== 'rule') continue;
    const { by } = cause;
    const p = survey.network.nodes.get(node)?.prepared;
    if (p === undefined || isProxyChain(p.program.ruleset, by.family, by.table, by.chain)) continue;
    const key = [node, by.family, by.table, by.chain, by.type, by.handle, by.hook].join(' ');
    const known = found.get(key);
    const one = known ?? {
      dropped: {
        code: isBefore(survey, node, probe, by) ? 'drop-before-proxy' : 'drop-after-proxy',
        node,
        by,
        probes: [],
        results: [],
        isAnswered: false,
      } as const,
      probes: new Set<Probe>(),
      results: new Set<string>(),
      isAnswered: false,
    };
    one.probes.add(probe);
    one.results.add(ending.result ?? 'timeout');
    one.isAnswered ||= isAnswered(ending);
    found.set(key, one);
  }
  return [...found.values()].map(({ dropped, probes, results, isAnswered }) => ({
    ...dropped,
    isAnswered,
    probes: [...probes],
    results: [...results],
  }));
}

function isAnswered({ stops }: Ending): boolean {
  const stop = stops.findLast(({ kind }) => kind === 'node');
  const outcome = stop?.kind === 'node' ? stop.trace.branches[stop.branch]?.outcome : undefined;
  return outcome?.kind === 'decided' && outcome.fate.summary === 'rejected';
}

/** A rule may stand in a chain that others lead to: the base chain from which it is reached tells the place. */
function isBefore({ network }: Survey, node: string, { family }: Probe, by: Culprit): boolean {
  const p = network.nodes.get(node)?.prepared;
  const chain = p === undefined ? undefined : chainOf(p, by);
  if (p === undefined || chain === undefined) return by.hook === 'ingress' || by.hook === 'prerouting';
  const bases = chainsAt(p, family, by.hook).filter((base) => reachedChains(base).includes(chain));
  return runsBeforeProxy(p, family, by.hook, bases[0] ?? chain);
}
