/** What the parts of the view share: the answer, the branch, leg and step chosen, and what follows from them. */
import type { NodeOverview, OwnerView, RuleView, TraceAnswer } from '@/lib/api/types';
import { ruleKey } from '@/lib/api/types';
import { reviveTrace } from '@/lib/api/wire';
import { traceLegs } from '@/lib/explain/trace-legs';
import type { TraceNames } from '@/lib/explain/trace-names';
import { type Leg, type NumberedStep, openingStep } from '@/lib/explain/trace-steps';
import { branchVerdict } from '@/lib/explain/verdict-sentence';
import { traceWay } from '@/lib/graph/trace-way';
import type { Way } from '@/lib/graph/way-types';
import type { PacketSpec } from '@/lib/net/packet-spec';
import type { RuleRef } from '@/lib/nft/model';
import type { Branch, ChainStep, PacketView, Summary, Trace } from '@/lib/sim/trace';

export interface TraceModel {
  readonly answer: TraceAnswer;
  readonly trace: Trace;
  readonly names: TraceNames;
  /** From 0. */
  readonly branchIndex: number;
  readonly branch: Branch;
  readonly summary: Summary | undefined;
  readonly legs: readonly Leg[];
  readonly leg: Leg;
  /** The chosen step's number; 0 in a leg without steps. */
  readonly number: number;
  readonly entry: NumberedStep | undefined;
  readonly way: Way;
  /** The packet that was asked about, also where the trace could not begin. */
  readonly sent: PacketView;
  /** The nft that printed the listing. */
  readonly listedBy: string | null;
  /** `dstnat - 10`, as nft writes the priority of a base chain. */
  readonly prioText: (chain: ChainStep) => string | undefined;
  /** Owners of tables by `FAMILY NAME`, also of those the packet never came to. */
  readonly owners: ReadonlyMap<string, OwnerView>;
}

/** A number of the URL, kept within what the trace has. */
const clamp = (value: number, most: number): number => Math.min(Math.max(value, 1), most);

export function buildModel(
  answer: TraceAnswer,
  trace: Trace,
  names: TraceNames,
  overview: NodeOverview | undefined,
  chosen: { readonly branch: number | null; readonly leg: number | null; readonly step: number | null },
): TraceModel | undefined {
  const branchIndex = chosenBranch(trace, chosen.branch);
  const branch = trace.branches[branchIndex];
  if (branch === undefined) return undefined;
  const legs = traceLegs(branch);
  const leg = legs.find((l) => l.skb === (chosen.leg ?? 0)) ?? legs[0];
  if (leg === undefined) return undefined;
  const number = leg.steps.length === 0 ? 0 : clamp(chosen.step ?? openingStep(leg), leg.steps.length);
  const summary = branch.outcome.kind === 'decided' ? branch.outcome.fate.summary : undefined;
  const baseChains = (overview?.baseChains ?? []).map(({ family, table, chain, type, hook, prio }) => ({
    family,
    table,
    chain,
    type,
    hook,
    prio,
  }));
  const sent = trace.packet.saddr === undefined ? askedView(answer.packet) : trace.packet;
  const way = traceWay({ branch, leg, sent, names, baseChains });
  const texts = new Map(
    (overview?.baseChains ?? []).map((base) => [`${base.family} ${base.table} ${base.chain}`, base.prioText]),
  );
  const prioText = (chain: ChainStep) => texts.get(`${chain.family} ${chain.table} ${chain.chain}`);
  const listedBy = overview?.listedBy ?? null;
  return {
    answer,
    listedBy,
    trace,
    names,
    branchIndex,
    branch,
    summary,
    legs,
    leg,
    number,
    entry: leg.steps[number - 1],
    way,
    sent,
    prioText,
    owners: new Map([
      ...(overview?.baseChains ?? []).map((base) => [`${base.family} ${base.table}`, base.owner] as const),
      ...Object.entries(answer.owners),
    ]),
  };
}

/** The fields of a packet that a view shows, as they were asked. */
function askedView({
  family,
  saddr,
  daddr,
  protocol,
  sport,
  dport,
  flags,
  icmpType,
  icmpCode,
}: PacketSpec): PacketView {
  const fields = { family, saddr, daddr, protocol, sport, dport, flags, icmpType, icmpCode };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as PacketView;
}

/** Where branches differ, the first that is lost is the one to look at. */
const firstBranch = (trace: Trace): number =>
  Math.max(
    trace.branches.findIndex((branch) => branchVerdict(branch) !== 'delivered'),
    0,
  );

/** The branch of the URL (from 1) as an index; without one the branch to look at. */
export const chosenBranch = (trace: Trace, branch: number | null): number =>
  branch === null ? firstBranch(trace) : clamp(branch, trace.branches.length) - 1;

export const traceOf = (answer: TraceAnswer): Trace => reviveTrace(answer.trace);

export const ruleOf = (answer: TraceAnswer, at: RuleRef): RuleView | undefined => answer.rules[ruleKey(at)];

export const ownerOf = (
  model: TraceModel,
  at: { readonly family: string; readonly table: string },
): OwnerView | undefined => model.owners.get(`${at.family} ${at.table}`);
