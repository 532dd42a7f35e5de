/** The probes of a cluster, asked: how each ends, and who or what on which node ended it. */
import type { Network } from '../reach/network';
import { ask, type Ending, type Question } from '../reach/walk';
import type { Culprit, KernelStep } from '../sim/trace';
import { buildProbes, type Probe, probeOf } from './probes';

/** A probe that did not arrive, and why. */
export interface Failure {
  readonly probe: Probe;
  readonly ending: Ending;
  readonly node: string;
  readonly cause:
    | { readonly kind: 'rule'; readonly by: Culprit }
    /** The kernel itself, outside of nftables. */
    | { readonly kind: 'kernel'; readonly step: KernelStep };
}

/** A probe that did not arrive although no rule and no kernel ended it: its answer was not taken for one. With steps. */
export interface Unheard {
  readonly probe: Probe;
  readonly ending: Ending;
}

interface Asked {
  readonly failures: readonly Failure[];
  readonly unheard: readonly Unheard[];
}

export class Survey {
  #probes: readonly Probe[] | undefined;
  #asked: readonly Asked[] | undefined;

  /** @param asked a further question, where somebody asks one */
  constructor(
    readonly network: Network,
    readonly asked: Question | undefined = undefined,
  ) {}

  get probes(): readonly Probe[] {
    const asked = this.asked && probeOf(this.network, this.asked);
    this.#probes ??= [...buildProbes(this.network), ...(asked === undefined ? [] : [asked])];
    return this.#probes;
  }

  of(node: string): readonly Probe[] {
    return this.probes.filter((probe) => probe.node === node);
  }

  get failures(): readonly Failure[] {
    return this.#answers.flatMap(({ failures }) => failures);
  }

  get unheard(): readonly Unheard[] {
    return this.#answers.flatMap(({ unheard }) => unheard);
  }

  get #answers(): readonly Asked[] {
    this.#asked ??= this.probes.map((probe) => askProbe(this.network, probe));
    return this.#asked;
  }
}

function askProbe(network: Network, probe: Probe): Asked {
  const endings = ask(network, probe.question, { verdictOnly: true }).filter(isLost);
  const ruled = endings.flatMap((ending): readonly Failure[] => {
    const found = culpritOf(ending);
    return found === undefined ? [] : [{ probe, ending, node: found.node, cause: { kind: 'rule', by: found.by } }];
  });
  if (ruled.length === endings.length) return { failures: ruled, unheard: [] };
  // What the kernel does outside of nftables stands in the steps only.
  const others = ask(network, probe.question)
    .filter(isLost)
    .filter((ending) => culpritOf(ending) === undefined)
    .map((ending) => ({ ending, failure: kernelFailure(probe, ending) }));
  return {
    failures: [...ruled, ...others.flatMap(({ failure }) => failure ?? [])],
    unheard: others.flatMap(({ ending, failure }) => (failure === undefined ? [{ probe, ending }] : [])),
  };
}

const isLost = ({ result, undecided }: Ending): boolean => undecided.length === 0 && result !== 'ok';

/** The last rule or policy on the way that ended the packet; one that hands it to somebody else, such as synproxy, did not. */
export function culpritOf({ stops }: Ending): { readonly node: string; readonly by: Culprit } | undefined {
  for (const stop of stops.toReversed()) {
    if (stop.kind !== 'node') continue;
    const outcome = stop.trace.branches[stop.branch]?.outcome;
    const by = outcome?.kind === 'decided' ? outcome.fate.by : undefined;
    if (by !== undefined)
      return by.verdict === 'stolen' || by.verdict === 'queue' ? undefined : { node: stop.node, by };
  }
  return undefined;
}

function kernelFailure(probe: Probe, ending: Ending): Failure | undefined {
  const found = kernelStepOf(ending);
  return found && { probe, ending, node: found.node, cause: { kind: 'kernel', step: found.step } };
}

/** The last thing that a kernel did outside of nftables to end the packet; the ending must have been asked with steps. */
export function kernelStepOf({ stops }: Ending): { readonly node: string; readonly step: KernelStep } | undefined {
  for (const stop of stops.toReversed()) {
    if (stop.kind !== 'node') continue;
    const steps = stop.trace.branches[stop.branch]?.steps ?? [];
    const step = steps.findLast((one) => one.kind === 'kernel' && one.skb === 0 && one.ends);
    if (step?.kind === 'kernel') return { node: stop.node, step };
  }
  return undefined;
}
