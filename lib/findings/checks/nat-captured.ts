/** Connections that another nat chain binds first, so that kube-proxy's translation never happens. */
import type { Hook, RuleRef } from '../../nft/model';
import type { Prepared } from '../../sim';
import type { ProgramChain } from '../../sim/program';
import { isForeignNat, isProxyChain, natChains } from '../foreign';
import type { Probe } from '../probes';
import { isNat, ruleOf } from '../rules';
import { endsOf, type Translated, translationsOf } from '../translations';
import { withoutChains } from '../variants';

export interface Captured {
  readonly probe: Probe;
  readonly manip: 'dst' | 'src';
  /** The rule that binds. */
  readonly by: RuleRef;
  /** Addresses after it, and those that kube-proxy would have chosen. */
  readonly now: readonly string[];
  readonly instead: readonly string[];
}

/** The probes of one node that another binds. */
export function capturedProbes(p: Prepared, probes: readonly Probe[]): readonly Captured[] {
  const isOthers = (chain: ProgramChain): boolean => isForeignNat(p, chain);
  const isAny = (family: 'ip' | 'ip6') => HOOKS.some((hook) => natChains(p.program.hook(family, hook)).some(isOthers));
  if (!isAny('ip') && !isAny('ip6')) return [];
  const without = withoutChains(p, (chain) => chain.base?.type === 'nat' && isOthers(chain));
  return probes.flatMap((probe) => {
    if (probe.packet === undefined || endsOf(p, probe.packet) === endsOf(without, probe.packet)) return [];
    const now = translationsOf(p, probe.packet);
    if (!now.some(({ dst, src }) => isForeign(p, dst?.by) || isForeign(p, src?.by))) return [];
    const instead = translationsOf(without, probe.packet);
    // Who takes the destination takes the connection: what becomes of its source follows from that.
    return takenDestination(p, probe, now, instead) ?? takenSource(p, probe, now, instead) ?? [];
  });
}

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'output', 'postrouting'];

const isForeign = (p: Prepared, by: RuleRef | undefined): boolean =>
  by !== undefined && !isProxyChain(p.program.ruleset, by.family, by.table, by.chain);

function takenDestination(
  p: Prepared,
  probe: Probe,
  now: readonly Translated[],
  instead: readonly Translated[],
): Captured | undefined {
  const by = now.map(({ dst }) => dst?.by).find((one) => isForeign(p, one));
  if (by === undefined || !instead.some((one) => proxyBinds(p, one, 'dst'))) return undefined;
  const [is, would] = [endAddresses(now, 'dst'), endAddresses(instead, 'dst')];
  return is.join() === would.join() ? undefined : { probe, manip: 'dst', by, now: is, instead: would };
}

/**
 * A client that is an endpoint itself is masqueraded on the way back to itself only: the source counts on the ways that kube-proxy
 * masquerades, each for itself. Elsewhere it is anybody's to translate.
 */
function takenSource(
  p: Prepared,
  probe: Probe,
  now: readonly Translated[],
  instead: readonly Translated[],
): Captured | undefined {
  const masqueraded = instead.filter((one) => proxyBinds(p, one, 'src'));
  const taken = now.filter((one) => {
    if (!isForeign(p, one.src?.by)) return false;
    const same = masqueraded.filter((other) => endAddress(other, 'dst') === endAddress(one, 'dst'));
    return same.length > 0 && !same.some((other) => endAddress(other, 'src') === endAddress(one, 'src'));
  });
  const by = taken[0]?.src?.by;
  if (by === undefined) return undefined;
  const to = new Set(taken.map((one) => endAddress(one, 'dst')));
  const would = masqueraded.filter((one) => to.has(endAddress(one, 'dst')));
  return { probe, manip: 'src', by, now: endAddresses(taken, 'src'), instead: endAddresses(would, 'src') };
}

const endAddresses = (ways: readonly Translated[], manip: 'dst' | 'src'): readonly string[] =>
  [...new Set(ways.map((one) => endAddress(one, manip)))].toSorted();

/** Whether a rule of kube-proxy that translates decided, also where the address stayed the same. */
function proxyBinds(p: Prepared, { branch }: Translated, manip: 'dst' | 'src'): boolean {
  return branch.steps.some((step) => {
    if (step.kind !== 'rule' || step.skb !== 0 || isForeign(p, step.at)) return false;
    const statements = ruleOf(p, step.at)?.rule.statements ?? [];
    const isSource = statements.some(
      (one) => one.kind === 'masquerade' || (one.kind === 'xt' && one.name === 'MASQUERADE'),
    );
    return step.verdict === 'accept' && statements.some(isNat) && isSource === (manip === 'src');
  });
}

function endAddress({ branch, dst, src }: Translated, manip: 'dst' | 'src'): string {
  const translated = manip === 'dst' ? dst?.to : src?.to;
  if (translated !== undefined) return translated;
  const start = branch.steps.find((step) => step.kind === 'start');
  return (start?.kind === 'start' ? (manip === 'dst' ? start.packet.daddr : start.packet.saddr) : undefined) ?? '';
}
