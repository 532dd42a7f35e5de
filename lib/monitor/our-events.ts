/** The events that the steps of a trace stand for, each with the step it comes from. */
import type { RuleRef } from '../nft/model';
import type { PacketView, Step } from '../sim/trace';

export interface OurEvent {
  readonly kind: 'rule' | 'end' | 'policy';
  /** Index in the branch's steps. */
  readonly step: number;
  readonly skb: number;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly at?: RuleRef;
  readonly verdict: string;
  readonly jumpTarget?: string;
  /** Undefined where it is not known. */
  readonly mark: number | undefined;
  /** True for the first event of a traversal. */
  readonly first: boolean;
  /** As the traversal began. */
  readonly packet: PacketView | undefined;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
}

/** One event for each traced step; see {@link import('./kernel-event').KernelEvent}. */
export function ourEvents(steps: readonly Step[]): readonly OurEvent[] {
  const events: OurEvent[] = [];
  const seen = new Set<number>();
  const chains = new Map<number, Extract<Step, { kind: 'chain' }>>();
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'chain') chains.set(step.traversal, step);
    if ((step.kind !== 'rule' && step.kind !== 'end' && step.kind !== 'policy') || !step.traced) continue;
    const chain = chains.get(step.traversal);
    const place = step.kind === 'rule' ? step.at : step;
    events.push({
      kind: step.kind,
      step: index,
      skb: step.skb,
      family: place.family,
      table: place.table,
      chain: place.chain,
      verdict: step.kind === 'end' ? 'continue' : step.verdict,
      mark: step.kind === 'rule' && step.markUnknown === true ? undefined : step.mark,
      first: !seen.has(step.traversal),
      packet: chain?.packet,
      iif: chain?.iif,
      oif: chain?.oif,
      ...(step.kind === 'rule' && { at: step.at }),
      ...(step.kind === 'rule' && step.jumpTarget !== undefined && { jumpTarget: step.jumpTarget }),
    });
    seen.add(step.traversal);
  }
  return events;
}
