/** Packets that may prove that two chains conflict, the likeliest first. */

import type { PacketSpec } from '../net/packet-spec';
import type { Hook } from '../nft/model';
import type { Prepared } from '../sim/environment';
import { type Actor, enablersOf } from './chains';
import { packetsFor } from './packets';
import { type Effect, type Path, pathsOf } from './paths';
import { ANY, both, type Wanted, withoutFields } from './wanted';

export interface Pair {
  readonly p: Prepared;
  readonly family: 'ip' | 'ip6';
  readonly hook: Hook;
  readonly first: Actor;
  readonly second: Actor;
}

const NARROW = { pathsMax: 40, elementsMax: 12 } as const;
const INNER = { pathsMax: 12, elementsMax: 6 } as const;
const ENABLING = { pathsMax: 48, elementsMax: 12 } as const;
const ALL: ReadonlySet<Effect> = new Set(['drop', 'nat', 'write']);
const CHANGES: ReadonlySet<Effect> = new Set(['nat', 'write']);
/** Packets made for one combination of ways. */
const EACH = 3;

/** Packets for other hosts are forwarded, those for the node come in; unless they are translated on the way. */
const ENTERING: { readonly [H in Hook]?: Wanted } = {
  forward: { fields: {}, daddrLocal: false },
  input: { fields: {}, daddrLocal: true },
};

export interface Candidates extends Iterable<PacketSpec> {
  /** True once ways were left out because there were too many. */
  readonly isCut: () => boolean;
}

/**
 * Ways through the smaller chain, with those through the other that they leave open, as packets. Then the same for packets that an
 * earlier chain translates or marks: what the two ask of destination and mark is left to that chain.
 */
export function candidatesFor(
  pair: Pair,
  effects: { first: ReadonlySet<Effect>; second: ReadonlySet<Effect> } = { first: ALL, second: ALL },
): Candidates {
  let isCut = false;
  const seen = new Set<string>();
  const { p, family, hook } = pair;
  const [small, large] =
    pair.first.size <= pair.second.size
      ? [
          { actor: pair.first, effects: effects.first },
          { actor: pair.second, effects: effects.second },
        ]
      : [
          { actor: pair.second, effects: effects.second },
          { actor: pair.first, effects: effects.first },
        ];

  function* fresh(packets: readonly PacketSpec[]): Generator<PacketSpec> {
    for (const packet of packets) {
      const key = JSON.stringify(packet);
      if (seen.has(key) || !passes(packet, hook)) continue;
      seen.add(key);
      yield packet;
    }
  }

  function* all(): Generator<PacketSpec> {
    const outer = pathsOf(p, small.actor.chain, family, small.effects, NARROW, ENTERING[hook] ?? ANY);
    isCut ||= outer.isCut;
    const ways: Path[] = [];
    for (const one of outer.paths) {
      const inner = pathsOf(p, large.actor.chain, family, large.effects, INNER, one.wanted);
      isCut ||= inner.isCut;
      ways.push(...inner.paths);
      for (const { wanted } of inner.paths) yield* fresh(packetsFor(p, family, wanted, EACH));
    }
    // One of the two may give the packet what the other asks for.
    const others = pathsOf(p, large.actor.chain, family, large.effects, NARROW, ENTERING[hook] ?? ANY);
    for (const [changing, asking] of [
      [outer.paths, others.paths],
      [others.paths, outer.paths],
    ] as const)
      for (const { effect, wanted } of changing) {
        if (!CHANGES.has(effect)) continue;
        for (const one of distinct(asking.map((way) => afterChanges(way.wanted)))) {
          const merged = both(afterEntering(wanted), one);
          if (merged !== undefined) yield* fresh(packetsFor(p, family, merged, 2));
        }
      }
    const pairKeys = new Set([pair.first.chain, pair.second.chain]);
    const late = [...outer.paths, ...ways].map(({ wanted }) => wanted).map(afterChanges);
    for (const enabler of enablersOf(p, family, hook)) {
      if (pairKeys.has(enabler.chain)) continue;
      const enabling = pathsOf(p, enabler.chain, family, CHANGES, ENABLING);
      for (const { wanted } of enabling.paths)
        for (const one of distinct(late)) {
          const merged = both(wanted, one);
          if (merged !== undefined) yield* fresh(packetsFor(p, family, merged, 2));
        }
    }
  }

  return { [Symbol.iterator]: all, isCut: () => isCut };
}

function afterEntering({ daddrLocal, ...rest }: Wanted): Wanted {
  return rest.fields.daddr === undefined ? rest : { ...rest, ...(daddrLocal !== undefined && { daddrLocal }) };
}

/** What is left to ask of a packet before it was translated and marked. */
function afterChanges(wanted: Wanted): Wanted {
  const { daddrLocal: _, oif: __, ...rest } = withoutFields(wanted, 'daddr', 'dport', 'mark');
  return rest;
}

const LATE_MAX = 12;

const distinct = (all: readonly Wanted[]): readonly Wanted[] =>
  [...new Map(all.map((one) => [key(one), one])).values()].slice(0, LATE_MAX);

const key = (wanted: Wanted): string =>
  JSON.stringify(wanted, (_, value) => (typeof value === 'bigint' ? String(value) : value));

/** Whether the packet can come to the hook at all. */
function passes({ from }: PacketSpec, hook: Hook): boolean {
  const isLocal = from === 'local';
  if (hook === 'output') return isLocal;
  return hook === 'postrouting' || !isLocal;
}
