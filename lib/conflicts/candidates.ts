/** Packets that may prove that two chains conflict, the likeliest first. */

import type { PacketSpec } from '../net/packet-spec';
import type { Hook } from '../nft/model';
import type { Prepared } from '../sim/environment';
import { aimOf, targetsOf } from './aim';
import { type Actor, enablersOf } from './chains';
import { packetsFor } from './packets';
import { type Effect, type Path, pathsOf, pathsTo } from './paths';
import { ANY, bitsOf, both, REWRITTEN, type Wanted, withoutFields } from './wanted';

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
const AIMED = { pathsMax: 4, elementsMax: 12 } as const;
/** Destinations that are asked for, those of the fewest addresses first. */
const AIMS_MAX = 12;
const ALL: ReadonlySet<Effect> = new Set(['drop', 'nat', 'write']);
const CHANGES: ReadonlySet<Effect> = new Set(['nat', 'write']);
/** Packets made for one combination of ways: first the likeliest of each, then more of each. */
const ROUNDS = [3, 48] as const;
/** Combinations of ways for one pair. */
const COMBINATIONS_MAX = 600;

/** Packets for other hosts are forwarded, those for the node come in; unless they are translated on the way. */
const ENTERING: { readonly [H in Hook]?: Wanted } = {
  forward: { fields: {}, daddrLocal: false },
  input: { fields: {}, daddrLocal: true },
};

interface Effects {
  readonly first: ReadonlySet<Effect>;
  readonly second: ReadonlySet<Effect>;
}

export interface Candidates extends Iterable<PacketSpec> {
  /** True while not every way had a packet, and where ways were left out because there were too many. */
  readonly isCut: () => boolean;
}

/**
 * Ways through the smaller chain, with those through the other that they leave open, as packets. Then the same for packets that an
 * earlier chain translates or marks: what the two ask of destination and mark is left to that chain.
 */
export function candidatesFor(pair: Pair, effects: Effects = { first: ALL, second: ALL }): Candidates {
  const { p, family, hook } = pair;
  const seen = new Set<string>();
  let isCut = true;

  function* packets(): Generator<PacketSpec> {
    const { ways, isWhole } = combinations(pair, effects);
    for (const [round, each] of ROUNDS.entries()) {
      for (const wanted of ways)
        for (const packet of packetsFor(p, family, wanted, each)) {
          const key = JSON.stringify(packet);
          if (seen.has(key) || !passes(packet, hook)) continue;
          seen.add(key);
          yield packet;
        }
      if (round === 0) isCut = !isWhole;
    }
  }

  return { [Symbol.iterator]: packets, isCut: () => isCut };
}

interface Combinations {
  readonly ways: readonly Wanted[];
  /** No way was left out. */
  readonly isWhole: boolean;
}

function combinations(pair: Pair, effects: Effects): Combinations {
  const { p, family, hook } = pair;
  const entering = ENTERING[hook] ?? ANY;
  const a = { actor: pair.first, effects: effects.first };
  const b = { actor: pair.second, effects: effects.second };
  const [small, large] = a.actor.size <= b.actor.size ? [a, b] : [b, a];
  const ways = new Map<string, Wanted>();
  const put = (wanted: Wanted | undefined): void => {
    if (wanted !== undefined && ways.size < COMBINATIONS_MAX) ways.set(keyOf(wanted), wanted);
  };
  const outer = pathsOf(p, small.actor.chain, family, small.effects, NARROW, entering);
  let isWhole = !outer.isCut;
  const asked: Path[] = [...outer.paths];
  const direct: Wanted[] = [];
  for (const one of outer.paths) {
    const inner = pathsOf(p, large.actor.chain, family, large.effects, INNER, one.wanted);
    if (inner.isCut) isWhole = false;
    asked.push(...inner.paths);
    for (const { wanted } of inner.paths) direct.push(wanted);
  }
  const others = pathsOf(p, large.actor.chain, family, large.effects, NARROW, entering);
  const enablers = enablersOf(p, family, hook);
  for (const { chain, does } of enablers) {
    if (!does.includes('nat')) continue;
    const asking = [
      ...(chain === small.actor.chain ? [] : outer.paths),
      ...(chain === large.actor.chain ? [] : others.paths),
    ];
    for (const wanted of aimed(pair, chain, asking)) put(wanted);
  }
  for (const wanted of direct) put(wanted);
  // One of the two may give the packet what the other asks for.
  for (const [changing, asking] of [
    [outer.paths, others.paths],
    [others.paths, outer.paths],
  ] as const) {
    const late = distinct(
      asking.flatMap(({ wanted }) => {
        const unwritten = withoutFields(wanted, ...REWRITTEN);
        return [unwritten, afterChanges(wanted), afterSource(wanted), afterChanges(unwritten)];
      }),
    );
    for (const { effect, wanted } of changing)
      if (CHANGES.has(effect)) for (const one of late) put(both(afterEntering(wanted), one));
  }
  const late = distinct(asked.map(({ wanted }) => afterChanges(wanted)));
  for (const enabler of enablers) {
    if (enabler.chain === pair.first.chain || enabler.chain === pair.second.chain) continue;
    const enabling = pathsOf(p, enabler.chain, family, CHANGES, ENABLING);
    for (const { wanted } of enabling.paths) for (const one of late) put(both(wanted, one));
  }
  return { ways: [...ways.values()], isWhole: isWhole && ways.size < COMBINATIONS_MAX };
}

/** Packets that a chain sends to where these ask for. */
function* aimed({ p, family }: Pair, chain: Pair['first']['chain'], asking: readonly Path[]): Generator<Wanted> {
  const bits = bitsOf('daddr', family);
  const aims = asking.flatMap(({ wanted }) => {
    const aim = aimOf(wanted);
    return aim === undefined ? [] : [{ aim, wanted, size: targetsOf(aim, bits) }];
  });
  aims.sort((a, b) => (a.size < b.size ? -1 : a.size > b.size ? 1 : 0));
  for (const { aim, wanted } of aims.slice(0, AIMS_MAX))
    for (const path of pathsTo(p, chain, family, aim, AIMED)) {
      const found = both(path.wanted, afterChanges(wanted));
      if (found !== undefined) yield found;
    }
}

function afterEntering({ daddrLocal, ...rest }: Wanted): Wanted {
  return rest.fields.daddr === undefined ? rest : { ...rest, ...(daddrLocal !== undefined && { daddrLocal }) };
}

/** What is left to ask of a packet before it was translated and marked. */
function afterChanges(wanted: Wanted): Wanted {
  const { daddrLocal: _, oif: __, ...rest } = withoutFields(wanted, 'daddr', 'dport', 'mark', 'ttl');
  return rest;
}

/** The same where sources are translated. */
const afterSource = (wanted: Wanted): Wanted => withoutFields(wanted, 'saddr', 'sport', 'mark', 'ttl');

const LATE_MAX = 36;

const distinct = (all: readonly Wanted[]): readonly Wanted[] =>
  [...new Map(all.map((one) => [keyOf(one), one])).values()].slice(0, LATE_MAX);

const keyOf = (wanted: Wanted): string =>
  JSON.stringify(wanted, (_, value) => (typeof value === 'bigint' ? String(value) : value));

/** Whether the packet can come to the hook at all. */
function passes({ from }: PacketSpec, hook: Hook): boolean {
  const isLocal = from === 'local';
  if (hook === 'output') return isLocal;
  return hook === 'postrouting' || !isLocal;
}
