/** Rules that translate destinations and never get a packet, because another nat chain has bound the connection. */
import { packetsFor } from '../../conflicts/packets';
import { pathsOf } from '../../conflicts/paths';
import type { PacketSpec } from '../../net/packet-spec';
import type { Hook, RuleRef } from '../../nft/model';
import type { Prepared } from '../../sim';
import type { ProgramChain } from '../../sim/program';
import { isForeignNat, natChains } from '../foreign';
import { reachedRules } from '../reached';
import { translationsOf } from '../translations';
import { withoutChains } from '../variants';

export interface HiddenDnat {
  readonly rule: RuleRef;
  /** The rule that binds instead. */
  readonly by: RuleRef;
  readonly packet: PacketSpec;
}

const LIMITS = { pathsMax: 64, elementsMax: 64 } as const;
const PACKETS_MAX = 12;

/**
 * For each rule packets are made that it would translate alone. Where each of them is translated by another, it is hidden. Packets to
 * the node's own address count before those to others, which few would send.
 *
 * @param ownAddress the address at which the node is known
 */
export function hiddenDnats(
  p: Prepared,
  ownAddress: (family: 'ip' | 'ip6') => string | undefined,
): readonly HiddenDnat[] {
  return (['ip', 'ip6'] as const).flatMap((family) =>
    (['prerouting', 'output'] as const).flatMap((hook) => {
      const chains = natChains(p.program.hook(family, hook));
      return chains.flatMap((chain, at) =>
        at > 0 && isForeignNat(p, chain) ? hiddenIn(p, family, hook, chain, ownAddress(family)) : [],
      );
    }),
  );
}

function hiddenIn(
  p: Prepared,
  family: 'ip' | 'ip6',
  hook: Hook,
  chain: ProgramChain,
  own: string | undefined,
): readonly HiddenDnat[] {
  const alone = withoutChains(p, (one, at) => at === hook && one.base?.type === 'nat' && one !== chain);
  const { paths } = pathsOf(p, chain, family, new Set(['nat', 'write']), LIMITS);
  const tried = new Map<string, { readonly rule: RuleRef; readonly packets: PacketSpec[] }>();
  for (const { wanted } of paths) {
    for (const packet of packetsFor(p, family, wanted, PACKETS_MAX)) {
      if ((packet.from === 'local') !== (hook === 'output')) continue;
      const rule = translationsOf(alone, packet).find(({ dst }) => dst !== undefined)?.dst?.by;
      if (rule === undefined || !reachedRules(chain).some(({ ref }) => isSame(ref, rule))) continue;
      const key = `${rule.chain} ${rule.handle}`;
      const known = tried.get(key) ?? { rule, packets: [] };
      known.packets.push(packet);
      tried.set(key, known);
    }
  }
  return [...tried.values()].flatMap(({ rule, packets }) => {
    const meant = packets.filter(({ daddr }) => daddr === own);
    const taken = (meant.length > 0 ? meant : packets).map((packet) => ({
      packet,
      by: takenBy(p, packet, chain),
    }));
    const [first] = taken;
    if (first?.by === undefined || taken.some(({ by }) => by === undefined)) return [];
    return [{ rule, by: first.by, packet: first.packet }];
  });
}

/** The rule of another chain that binds the packet on each of its ways. */
function takenBy(p: Prepared, packet: PacketSpec, chain: ProgramChain): RuleRef | undefined {
  const own = reachedRules(chain);
  const rules = translationsOf(p, packet).map(({ dst }) => dst?.by);
  const isOthers = (by: RuleRef | undefined) => by !== undefined && !own.some(({ ref }) => isSame(ref, by));
  return rules.length > 0 && rules.every(isOthers) ? rules[0] : undefined;
}

const isSame = (a: RuleRef, b: RuleRef): boolean =>
  a.family === b.family && a.table === b.table && a.chain === b.chain && a.handle === b.handle;
