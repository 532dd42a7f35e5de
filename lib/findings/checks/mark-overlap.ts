/** Bits of a mark that two owners write. */
import type { RuleRef } from '../../nft/model';
import type { Prepared } from '../../sim';
import type { ProgramChain } from '../../sim/program';
import { ownerName } from '../foreign';
import { type MarkOf, markWrites } from '../marks';
import type { Probe } from '../probes';
import { reachedChains } from '../reached';
import { endsOf, translationsOf } from '../translations';
import { withoutChains } from '../variants';

interface Writer {
  readonly owner: string;
  readonly family: string;
  readonly of: MarkOf;
  readonly bits: number;
  readonly overwrites: number;
  readonly at: RuleRef;
  readonly base: ProgramChain;
}

export interface MarkOverlap {
  readonly of: MarkOf;
  readonly bits: number;
  /** One rule of each owner. */
  readonly writers: readonly [Writer, Writer];
}

const KUBE_PROXY = 'kube-proxy';

/**
 * Each pair of owners with bits in common, kube-proxy first. Bits of kube-proxy that another only overwrites, such as with a
 * constant that does not hold them, count where a probe shows that it matters.
 */
export function markOverlaps(p: Prepared, probes: readonly Probe[]): readonly MarkOverlap[] {
  const found = new Map<string, MarkOverlap>();
  const counts = new Map<string, number>();
  const hits = (writer: Writer): number => {
    const count = counts.get(writer.owner) ?? probesHit(p, probes, writer).length;
    counts.set(writer.owner, count);
    return count;
  };
  const writers = markWriters(p).toSorted((a, b) => Number(b.owner === KUBE_PROXY) - Number(a.owner === KUBE_PROXY));
  for (const [i, one] of writers.entries()) {
    for (const other of writers.slice(i + 1)) {
      if (one.of !== other.of || one.owner === other.owner || !meet(one.family, other.family)) continue;
      const key = `${one.of} ${one.owner} ${other.owner}`;
      const known = found.get(key);
      let bits = (one.bits & other.bits) >>> 0;
      if (bits === 0 && known === undefined && one.owner === KUBE_PROXY) {
        const overwritten = (one.bits & other.overwrites) >>> 0;
        if (overwritten !== 0 && hits(other) > 0) bits = overwritten;
      }
      if (bits === 0) continue;
      found.set(
        key,
        known === undefined
          ? { of: one.of, bits, writers: [one, other] }
          : { ...known, bits: (known.bits | bits) >>> 0 },
      );
    }
  }
  return [...found.values()];
}

const meet = (a: string, b: string): boolean => a === b || a === 'inet' || b === 'inet';

function markWriters(p: Prepared): readonly Writer[] {
  const writers: Writer[] = [];
  for (const table of p.program.tables) {
    if (table.family === 'arp' || table.table.flags.includes('dormant')) continue;
    const seen = new Set<ProgramChain>();
    for (const base of table.chains.values()) {
      if (base.base === undefined) continue;
      for (const chain of reachedChains(base)) {
        if (seen.has(chain)) continue;
        seen.add(chain);
        const owner = ownerName(table.table, chain.chain.name);
        for (const rule of chain.rules)
          for (const write of markWrites(p, table, rule))
            writers.push({ ...write, owner, family: table.family, at: rule.ref, base });
      }
    }
  }
  return writers;
}

/** Probes whose source kube-proxy hides, or does not, only because of the other's marks. */
export function probesHit(p: Prepared, probes: readonly Probe[], writer: Writer): readonly Probe[] {
  const bases = new Set(
    markWriters(p).flatMap((one) => (one.owner === writer.owner && one.owner !== KUBE_PROXY ? [one.base] : [])),
  );
  if (bases.size === 0) return [];
  const without = withoutChains(p, (chain) => bases.has(chain));
  return probes.filter(({ packet }) => {
    if (packet === undefined || endsOf(p, packet) === endsOf(without, packet)) return false;
    const sources = (where: Prepared) =>
      translationsOf(where, packet)
        .map(({ src }) => src?.to ?? '')
        .toSorted()
        .join();
    return sources(p) !== sources(without);
  });
}
