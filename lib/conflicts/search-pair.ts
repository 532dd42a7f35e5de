/** The search for a packet for which the order of two chains matters. */

import type { RuleRef } from '../nft/model';
import type { Prepared } from '../sim/environment';
import type { Branch, ChainStep, RuleStep, Trace } from '../sim/trace';
import { candidatesFor, type Pair } from './candidates';
import type { Actor } from './chains';
import type { Conflict, ConflictKind, Differs, Witness } from './conflict';
import { difference, traceEnds, traceFully } from './ends';
import { isTie, passings } from './order';

/** Packets tried for one pair in one family. */
const PACKETS_MAX = 400;
/** And after one was found that only seems to come from somebody else: one that is lost, or goes elsewhere, says more. */
const MORE_MAX = 60;

export interface Searched {
  readonly found: Conflict | undefined;
  readonly packets: number;
  readonly isCut: boolean;
  /** Packets whose way is not known. */
  readonly undecided: number;
}

const RANK: { readonly [D in Differs]: number } = { delivered: 3, destination: 2, source: 1 };

interface Best {
  readonly kind: ConflictKind;
  readonly differs: Differs;
  readonly witness: Witness;
  readonly passed: Prepared;
}

export function searchPair(pair: Pair): Searched {
  const { p, family, hook, first, second } = pair;
  const ways = passings(p, family, hook, first.chain, second.chain);
  let best: Best | undefined;
  let packets = 0;
  let undecided = 0;
  let last = PACKETS_MAX;
  const candidates = candidatesFor(pair);
  for (const packet of candidates) {
    if (packets >= last) break;
    packets++;
    const now = traceEnds(p, packet);
    if (now === undefined) {
      undecided++;
      continue;
    }
    for (const { control, passed } of ways) {
      const otherwise = traceEnds(passed, packet);
      const differs = otherwise && difference(now, otherwise);
      if (otherwise === undefined || differs === undefined) continue;
      const before = control && traceEnds(control, packet);
      // What differs before one has passed the other is the doing of what stands between them.
      if (control !== undefined && (before === undefined || difference(now, before) !== undefined)) continue;
      if (best !== undefined && RANK[differs] < RANK[best.differs]) continue;
      const traces = [traceFully(p, packet), traceFully(passed, packet)] as const;
      if (!isBetween(pair, traces)) continue;
      const kind = kindOf(pair, traces);
      // Where both translate, the order decides which; the other kinds of a nat chain say less.
      const isMore = best === undefined || RANK[differs] > RANK[best.differs] || isStronger(kind, best.kind);
      if (!isMore) continue;
      best = { kind, differs, witness: { packet, now, otherwise }, passed };
      last = Math.min(last, packets + MORE_MAX);
    }
    if (best !== undefined && best.differs !== 'source') break;
  }
  const isCut = candidates.isCut();
  if (best === undefined) return { found: undefined, packets, isCut, undecided };
  const { kind, witness, differs, passed } = best;
  const found: Conflict = {
    kind,
    families: [family],
    first: first.at,
    second: second.at,
    tie: isTie(p, family, hook, first.chain, second.chain),
    differs,
    witness,
    rules: decidingRules(first, second, [traceFully(p, witness.packet), traceFully(passed, witness.packet)]),
  };
  return { found, packets, isCut: false, undecided };
}

const isStronger = (kind: ConflictKind, than: ConflictKind): boolean =>
  kind === 'nat-binds-first' && than !== 'nat-binds-first';

/** What the two do to this packet, by its traces in the order as it is and with the two changed. */
function kindOf({ hook, first, second }: Pair, [now, passed]: readonly [Trace, Trace]): ConflictKind {
  const isNat = ({ at }: Actor): boolean => at.type === 'nat';
  if (isNat(first) && isNat(second)) {
    const by = (actor: Actor): boolean =>
      [now, passed].some(({ branches }) => branches.some((branch) => translates(branch, actor, hook)));
    if (by(first)) return by(second) ? 'nat-binds-first' : 'nat-skips';
    return by(second) ? 'before-nat' : 'written';
  }
  if (!isNat(first) && !isNat(second)) return 'written';
  const [nat, filter] = isNat(first) ? [first, second] : [second, first];
  if (!filter.does.includes('drop') || !nat.does.includes('nat')) return 'written';
  return nat === second ? 'before-nat' : 'after-nat';
}

/** Of a filter and a nat chain: all nat chains were passed together; the one meant must be the one that does something. */
function isBetween({ hook, first, second }: Pair, traces: readonly Trace[]): boolean {
  const nats = [first, second].filter(({ at }) => at.type === 'nat');
  const [nat] = nats;
  if (nat === undefined || nats.length === 2) return true;
  return traces.some(({ branches }) => branches.some((branch) => acts(branch, nat, hook)));
}

function translates({ steps }: Branch, { at }: Actor, hook: string): boolean {
  let base: ChainStep | undefined;
  return steps.some((step) => {
    if (step.kind === 'chain') base = step;
    return step.kind === 'nat' && step.hook === hook && step.by !== 'entry' && base !== undefined && isChain(base, at);
  });
}

function acts({ steps }: Branch, { at }: Actor, hook: string): boolean {
  let base: ChainStep | undefined;
  for (const step of steps) {
    if (step.kind === 'chain') base = step;
    if (base === undefined || !isChain(base, at)) continue;
    if (step.kind === 'nat' && step.hook === hook && step.by !== 'entry') return true;
    if (step.kind === 'rule' && (step.verdict === 'drop' || step.writes.length > 0)) return true;
    if (step.kind === 'policy' && step.verdict === 'drop') return true;
  }
  return false;
}

const isChain = (
  a: { readonly family: string; readonly table: string; readonly chain: string },
  b: { readonly family: string; readonly table: string; readonly chain: string },
): boolean => a.family === b.family && a.table === b.table && a.chain === b.chain;

const RULES_MAX = 6;

/** Rules of the two that ended a way or wrote something. */
export function decidingRules(first: Actor, second: Actor, traces: readonly Trace[]): readonly RuleRef[] {
  const found = new Map<string, RuleRef>();
  for (const { branches } of traces)
    for (const { steps } of branches) {
      let base: ChainStep | undefined;
      for (const step of steps) {
        if (step.kind === 'chain') base = step;
        if (step.kind !== 'rule' || base === undefined) continue;
        const actor = [first, second].find(({ at }) => base !== undefined && isChain(base, at));
        if (actor === undefined || (!decides(step) && !untracks(step, actor))) continue;
        found.set([step.at.family, step.at.table, step.at.chain, step.at.index].join(' '), step.at);
      }
    }
  return [...found.values()].slice(0, RULES_MAX);
}

/** What is not tracked any more is no field that a step shows as written. */
const untracks = ({ at }: RuleStep, { chain: { table } }: Actor): boolean =>
  table.chains.get(at.chain)?.rules[at.index]?.rule.statements.some(({ kind }) => kind === 'notrack') === true;

const decides = ({ verdict, writes }: RuleStep): boolean =>
  writes.length > 0 || verdict === 'accept' || verdict === 'drop' || verdict === 'stolen';
