/** Service traffic that a rule or policy of somebody else than kube-proxy ends, before or after the translation. */
import { chainsAt } from '../../conflicts/order';
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
}

/** One for each rule or policy of a node. */
export function droppedTraffic(survey: Survey): readonly Dropped[] {
  const found = new Map<
    string,
    { readonly dropped: Dropped; readonly probes: Set<Probe>; readonly results: Set<string> }
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
      } as const,
      probes: new Set<Probe>(),
      results: new Set<string>(),
    };
    one.probes.add(probe);
    one.results.add(ending.result ?? 'timeout');
    found.set(key, one);
  }
  return [...found.values()].map(({ dropped, probes, results }) => ({
    ...dropped,
    probes: [...probes],
    results: [...results],
  }));
}

/** A rule may stand in a chain that others lead to: the base chain from which it is reached tells the place. */
function isBefore({ network }: Survey, node: string, { family }: Probe, by: Culprit): boolean {
  const p = network.nodes.get(node)?.prepared;
  const chain = p === undefined ? undefined : chainOf(p, by);
  if (p === undefined || chain === undefined) return by.hook === 'ingress' || by.hook === 'prerouting';
  const bases = chainsAt(p, family, by.hook).filter((base) => reachedChains(base).includes(chain));
  return runsBeforeProxy(p, family, by.hook, bases[0] ?? chain);
}
