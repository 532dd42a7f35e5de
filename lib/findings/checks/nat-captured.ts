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
    return compare(p, probe, now, instead, 'dst') ?? compare(p, probe, now, instead, 'src') ?? [];
  });
}

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'output', 'postrouting'];

const isForeign = (p: Prepared, by: RuleRef | undefined): boolean =>
  by !== undefined && !isProxyChain(p.program.ruleset, by.family, by.table, by.chain);

function compare(
  p: Prepared,
  probe: Probe,
  now: readonly Translated[],
  instead: readonly Translated[],
  manip: 'dst' | 'src',
): Captured | undefined {
  const by = now.map((one) => one[manip]?.by).find((one) => isForeign(p, one));
  if (by === undefined || !instead.some((one) => proxyBinds(p, one, manip))) return undefined;
  const addresses = (ways: readonly Translated[]) => [...new Set(ways.map((one) => endAddress(one, manip)))].toSorted();
  const [is, would] = [addresses(now), addresses(instead)];
  return is.join() === would.join() ? undefined : { probe, manip, by, now: is, instead: would };
}

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
