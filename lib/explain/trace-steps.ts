/**
 * A branch of a trace as people read it: one leg for the packet and one for each packet the kernel made on the way; in a
 * leg the places passed (hooks, routing), in a place its rows. Only matched rules, routing decisions and what ends the
 * packet are numbered steps; rules passed over are folded by chain.
 */

import { type Hook, type RuleRef, unreachable } from '../nft/model';
import type {
  ChainStep,
  ConntrackStep,
  DeliverStep,
  FieldDiff,
  GeneratedStep,
  KernelStep,
  NatStep,
  PassedStep,
  PolicyStep,
  RouteStep,
  RuleStep,
  StartStep,
  TransmitStep,
  UndecidedStep,
} from '../sim/trace';

/** Where on the way a row stands: a hook, the routing decision, or the kernel outside both. */
export type Place = Hook | 'routing' | 'kernel';

export type CountedStep = RuleStep | RouteStep | PolicyStep | KernelStep | UndecidedStep;
export type NoteStep = ConntrackStep | NatStep | KernelStep | TransmitStep | DeliverStep;

/** One numbered step. `number` counts from 1 in its leg. */
export interface NumberedStep {
  readonly number: number;
  /** Index in `Branch.steps`. */
  readonly index: number;
  readonly step: CountedStep;
  readonly place: Place;
  /** The base chain evaluation it belongs to; undefined outside chains. */
  readonly chain: ChainStep | undefined;
  readonly depth: number;
  /** What it changed: the rule's own writes, and the translation it bound. */
  readonly writes: readonly FieldDiff[];
  /** The translation this rule bound. */
  readonly nat: NatStep | undefined;
  /** Set on the step that ended the packet badly, or left it open. */
  readonly ends: 'lost' | 'undecided' | undefined;
}

/** Rules of one chain that were passed over one after the other. With no rules it only says that the chain ended. */
export interface Fold {
  readonly id: string;
  /** Index of its first step in `Branch.steps`. */
  readonly index: number;
  readonly chain: string;
  readonly depth: number;
  readonly rules: readonly PassedStep[];
  /** The end of the chain was reached after them. */
  readonly ended: boolean;
  /** The base chain's policy then accepted. */
  readonly policy: 'accept' | undefined;
  /** In a nat chain: its policy accepted, so nothing was translated. */
  readonly untranslated: boolean;
}

export type Row =
  | { readonly kind: 'chain'; readonly index: number; readonly step: ChainStep }
  | { readonly kind: 'step'; readonly entry: NumberedStep }
  | { readonly kind: 'passed'; readonly fold: Fold }
  | { readonly kind: 'note'; readonly index: number; readonly step: NoteStep };

export interface StepGroup {
  readonly id: string;
  readonly place: Place;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  readonly families: readonly string[];
  readonly rows: readonly Row[];
}

/** The way of one packet: 0 is the one asked about, others were made by the kernel. */
export interface Leg {
  readonly skb: number;
  readonly start: StartStep | undefined;
  readonly generated: GeneratedStep | undefined;
  readonly groups: readonly StepGroup[];
  readonly steps: readonly NumberedStep[];
  readonly passed: number;
}

export function sameRule(a: RuleRef, b: RuleRef): boolean {
  return a.handle === b.handle && a.chain === b.chain && a.table === b.table && a.family === b.family;
}

/** Where a leg opens: the step that lost the packet or left it open, else the first change, else the last step. */
export function openingStep(leg: Leg): number {
  const failing = leg.steps.find((entry) => entry.ends !== undefined);
  const change = leg.steps.find((entry) => entry.writes.length > 0);
  return (failing ?? change ?? leg.steps.at(-1))?.number ?? 0;
}

export type Move = 'back' | 'step' | 'over' | 'out' | 'change' | 'verdict';

/**
 * The step a debugger's move leads to; the current one where there is none further. `over` passes what a jump leads to,
 * `out` also the rest of the current chain.
 */
export function moveStep(leg: Leg, current: number, move: Move): number {
  const at = leg.steps[current - 1];
  const last = leg.steps.length;
  const later = leg.steps.slice(Math.max(current, 0));
  const chain = at?.chain?.traversal;
  switch (move) {
    case 'back':
      return Math.max(Math.min(1, last), current - 1);
    case 'step':
      return Math.min(last, current + 1);
    case 'over':
      return later.find((next) => next.chain?.traversal !== chain || next.depth <= (at?.depth ?? 0))?.number ?? last;
    case 'out':
      return later.find((next) => next.chain?.traversal !== chain || next.depth < (at?.depth ?? 0))?.number ?? last;
    case 'change':
      return later.find((next) => next.writes.length > 0)?.number ?? current;
    case 'verdict':
      return last;
    default:
      return unreachable(move);
  }
}
