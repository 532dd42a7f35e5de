/** Packets that one owner lets in as an exception from its own drop, and another drops all the same: accept ends a chain, not a hook. */

import type { RuleRef } from '../nft/model';
import { preparedOf } from '../sim';
import type { Prepared } from '../sim/environment';
import type { Branch, ChainStep } from '../sim/trace';
import { worldWithoutRule } from '../world/without-rule';
import { candidatesFor, type Pair } from './candidates';
import type { Conflict } from './conflict';
import { traceEnds, traceFully } from './ends';
import type { Effect } from './paths';
import { decidingRules, type Searched } from './search-pair';

const PACKETS_MAX = 120;
const ACCEPT: ReadonlySet<Effect> = new Set(['accept']);
const DROP: ReadonlySet<Effect> = new Set(['drop']);

export function searchOverruled(pair: Pair): Searched {
  const { p, family, hook, first, second } = pair;
  let packets = 0;
  let undecided = 0;
  const candidates = candidatesFor(pair, { first: ACCEPT, second: DROP });
  const entries = p.program
    .hook(family, hook)
    .filter((entry) => entry.kind !== 'chain' || entry.chain !== second.chain);
  const alone: Prepared = { ...p, program: p.program.withOrder(family, hook, entries) };
  for (const packet of candidates) {
    if (packets >= PACKETS_MAX) break;
    packets++;
    const now = traceEnds(p, packet);
    const otherwise = traceEnds(alone, packet);
    if (now === undefined || otherwise === undefined) {
      undecided++;
      continue;
    }
    if (now.some(({ result }) => result === 'delivered')) continue;
    if (otherwise.some(({ result }) => result !== 'delivered')) continue;
    const trace = traceFully(p, packet);
    const [branch] = trace.branches;
    const accepted = branch && acceptedBy(branch, pair);
    if (accepted === undefined) continue;
    if (!isException(preparedOf(worldWithoutRule(p.world, accepted)), pair, packet)) continue;
    const found: Conflict = {
      kind: 'accept-overruled',
      families: [family],
      first: first.at,
      second: second.at,
      tie: first.at.prio === second.at.prio,
      differs: 'delivered',
      witness: { packet, now, otherwise },
      rules: decidingRules(first, second, [trace]),
    };
    return { found, packets, isCut: false, undecided };
  }
  return { found: undefined, packets, isCut: false, undecided };
}

/** The rule by which the first chain accepts what the second then drops. */
export function acceptedBy(
  { steps, outcome }: Branch,
  { first, second }: Pick<Pair, 'first' | 'second'>,
): RuleRef | undefined {
  if (outcome.kind === 'undecided' || outcome.fate.by === undefined) return undefined;
  let base: ChainStep | undefined;
  let accepted: RuleRef | undefined;
  const isIn = ({ at }: Pair['first']): boolean =>
    base?.family === at.family && base.table === at.table && base.chain === at.chain;
  for (const step of steps) {
    if (step.kind === 'chain') base = step;
    if (step.kind === 'rule' && step.verdict === 'accept' && isIn(first)) accepted = step.at;
    const isDrop = (step.kind === 'rule' || step.kind === 'policy') && step.verdict === 'drop';
    if (isDrop) return isIn(second) ? accepted : undefined;
  }
  return undefined;
}

/** Without the rule the chain drops the packet itself: a chain that only counts, or accepts everything, makes no exception. */
export function isException(
  without: Prepared,
  { first }: Pick<Pair, 'first'>,
  packet: Parameters<typeof traceFully>[1],
): boolean {
  return traceFully(without, packet).branches.every(({ steps, outcome }) => {
    if (outcome.kind === 'undecided' || outcome.fate.by === undefined) return false;
    const last = steps.findLast((step) => step.kind === 'chain' && step.skb === 0);
    const { at } = first;
    return last?.kind === 'chain' && last.family === at.family && last.table === at.table && last.chain === at.chain;
  });
}
