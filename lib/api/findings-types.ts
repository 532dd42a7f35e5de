/** What GET /api/sources/[id]/findings answers. Types only, as lib/api/types.ts. */
import type { Evidence, Finding } from '../findings/finding';
import type { Token } from '../render/tokens';
import type { Reason } from '../sim/trace';
import type { OwnerKey, ProblemView } from './types';

type RuleEvidence = Extract<Evidence, { readonly kind: 'rule' }>;
type PacketEvidence = Extract<Evidence, { readonly kind: 'packet' }>;
type DifferenceEvidence = Extract<Evidence, { readonly kind: 'difference' }>;

/**
 * A rule comes with its tokens, so that it looks as everywhere else; `tokens` is null where the rule cannot be found again. Of a
 * difference `in` says whether its name is that of a chain or of a set there; null where it is of neither. A packet that does not say
 * how it comes in is asked for by names, `ends`; null where it can be traced as it is.
 */
export type EvidenceView =
  | Exclude<Evidence, RuleEvidence | DifferenceEvidence | PacketEvidence>
  | (PacketEvidence & { readonly ends: PacketEnds | null })
  | (RuleEvidence & { readonly tokens: readonly Token[] | null; readonly owner: OwnerKey | null })
  | (DifferenceEvidence & { readonly in: 'chain' | 'set' | null });

/** A packet as it is asked for by names. */
export interface PacketEnds {
  readonly from: string;
  readonly to: string;
  /** The node that its way begins on; null where that is not known. */
  readonly begins: string | null;
}

export interface FindingView extends Omit<Finding, 'evidence' | 'causes'> {
  /** Unique in the answer, and the same as long as code, nodes and Services are: `no-endpoints~4f1a09c2`. */
  readonly id: string;
  /** The first ones; `evidenceCount` tells of all. */
  readonly evidence: readonly EvidenceView[];
  readonly evidenceCount: number;
  /** Ids of the findings that this one follows from. */
  readonly causes: readonly string[];
}

/** What was looked at: without it an empty list says nothing. */
export interface LookedAt {
  readonly nodes: number;
  /** Nodes whose rules are not known, with the reason. */
  readonly unknown: readonly { readonly name: string; readonly why: string }[];
  /** Null where they were not read. */
  readonly services: number | null;
  readonly pods: number | null;
  /** How many codes there are. */
  readonly codes: number;
}

/** How a connection that was asked about ends. */
export interface AskedView {
  /** Every outcome with its probability: `ok`, `refused`, …; `undecided`. */
  readonly results: { readonly [word: string]: number };
  readonly undecided: readonly Reason[];
  /** Pods reached that are no endpoint of the Service asked for. */
  readonly astray: readonly string[];
  /** Ids of the findings that explain it, the likeliest first. */
  readonly explainedBy: readonly string[];
}

export interface DiagnosisView {
  /** The most serious root cause first, each followed by what follows from it. */
  readonly findings: readonly FindingView[];
  readonly looked: LookedAt;
  /** Null where no connection was asked about. */
  readonly asked: AskedView | null;
}

export interface FindingsView {
  readonly source: string;
  /** `reading`: nodes are being read; `looking`: what was read is being looked through. */
  readonly state: 'reading' | 'looking' | 'done' | 'stopped' | 'failed';
  /** Nodes read, of all. */
  readonly done: number;
  readonly of: number;
  /** Why there is no answer. */
  readonly problem: ProblemView | null;
  /** The last whole answer: while another is worked out, that of before. */
  readonly diagnosis: DiagnosisView | null;
}
