/** What a replay in a kernel says of a trace. */
import type { Alignment } from './align-sequence';

/** How a packet ended: where it left, where it was delivered, what the sender was told. */
export interface EndingDifference {
  readonly what: 'sent' | 'delivered' | 'error';
  readonly kernel: string;
  readonly ours: string;
}

/** Why a trace cannot be replayed, or why the replay proves nothing. `code` is stable (docs/trace.md). */
export interface Obstacle {
  readonly code: string;
  readonly say: string;
}

interface Replayed {
  /** `6.18`: what the stamp names; `release` is the whole. */
  readonly kernel: string;
  readonly release: string;
  readonly nft: string;
  /** How often the packet was sent, each time into a fresh state. */
  readonly runs: number;
  /** Branches of the trace that the kernel took, of all. */
  readonly branchesSeen: readonly number[];
  readonly branches: number;
  readonly alignment: Alignment;
}

export type Agreement =
  | (Replayed & { readonly kind: 'agrees' })
  | (Replayed & { readonly kind: 'diverges'; readonly endings: readonly EndingDifference[] })
  | { readonly kind: 'not-replayable'; readonly obstacles: readonly Obstacle[] };

/** The stamp: "agrees with kernel 6.18, 14 of 14 steps"; where chance decides, how many of its ways the kernel took. */
export function stamp(agreement: Agreement): string {
  switch (agreement.kind) {
    case 'agrees': {
      const { kernel, alignment, branches, branchesSeen } = agreement;
      const steps = `agrees with kernel ${kernel}, ${alignment.agreed} of ${alignment.compared} steps`;
      return branchesSeen.length < branches ? `${steps} on ${branchesSeen.length} of ${branches} branches` : steps;
    }
    case 'diverges': {
      const { kernel, alignment } = agreement;
      return alignment.divergence === null
        ? `differs from kernel ${kernel} in where the packet ends; ${alignment.agreed} of ${alignment.compared} steps agree`
        : `differs from kernel ${kernel} at step ${stepNumber(alignment)} of ${alignment.compared}`;
    }
    case 'not-replayable':
      return 'not replayable';
  }
}

/** The place of the divergence among the rows that are compared, from 1. */
export function stepNumber({ rows, divergence }: Alignment): number {
  return rows
    .slice(0, (divergence ?? rows.length - 1) + 1)
    .filter(({ outcome }) => outcome !== 'not-shown' && outcome !== 'foreign').length;
}

/** How many steps came before the kernel said no more, where all of them agree and ours go on; undefined where that is not so. */
export function endsAfter(alignment: Alignment): number | undefined {
  const { rows, divergence, agreed } = alignment;
  if (divergence === null || agreed === 0) return undefined;
  const saidMore = rows.slice(divergence).some(({ outcome, kernel }) => outcome !== 'foreign' && kernel !== undefined);
  return saidMore ? undefined : agreed;
}
