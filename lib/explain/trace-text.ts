/** A trace as text for a terminal: the question, the verdict, then the way hook by hook. No colours, no clock. */
import type { RuleRef } from '../nft/model';
import type { Branch, ChainStep, Lookup, Trace } from '../sim/trace';
import { packetTitle } from './generated-packet';
import { ruleName } from './rule-name';
import { traceLegs } from './trace-legs';
import type { TraceNames } from './trace-names';
import { stepOutcome } from './trace-outcome';
import type { Leg, NoteStep, NumberedStep, Row, StepGroup } from './trace-steps';
import { foldWords } from './trace-why';
import { unmeasuredOf } from './unmeasured';
import { verdictFacts } from './verdict-facts';
import {
  branchSentence,
  branchVerdict,
  finalPacket,
  hostPort,
  traceVerdict,
  verdictSentence,
} from './verdict-sentence';
import { fraction, wordsText } from './words';

export interface TraceTextInput {
  readonly trace: Trace;
  readonly names: TraceNames;
  /** `shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp` */
  readonly question: string;
  /** `node-1, captured 12 s ago` */
  readonly place: string;
  /** The text of a rule, as nft prints it. */
  readonly ruleText: (at: RuleRef) => string | undefined;
  /** The one branch to show, from 0. Left out, the first of each verdict stands for those that end like it. */
  readonly branch?: number | undefined;
}

/** Width of the column that names the place on the way. */
const MARGIN = 12;

export function traceText(input: TraceTextInput): string {
  const { trace } = input;
  const groups = groupBranches(trace, input.branch);
  const lines = [
    `${input.question}      ${input.place}`,
    `${traceVerdict(trace).toUpperCase()}  ${verdictSentence(trace, input.names)}`,
    ...factLines(input, groupBranches(trace, undefined).length > 1 ? [] : groups),
    ...branchLines(input),
  ];
  for (const { branches, first } of groups) {
    lines.push('');
    if (trace.branches.length > 1) lines.push(`--- ${groupTitle(first, branches, input)}`);
    lines.push(...wayLines(first, input), ...endLines(first, input));
  }
  lines.push(...assumptionLines(trace), ...unmeasuredLines(trace));
  return `${lines.join('\n')}\n`;
}

/** Branches of one verdict go the same way but for what chance chose: the first stands for them. A chosen one for itself. */
function groupBranches(
  trace: Trace,
  chosen: number | undefined,
): readonly { readonly first: Branch; readonly branches: readonly Branch[] }[] {
  const one = chosen === undefined ? undefined : trace.branches[chosen];
  if (one !== undefined) return [{ first: one, branches: [one] }];
  const groups = new Map<string, Branch[]>();
  for (const branch of trace.branches) {
    const verdict = branchVerdict(branch);
    groups.set(verdict, [...(groups.get(verdict) ?? []), branch]);
  }
  return [...groups.values()].flatMap((branches) =>
    branches[0] === undefined ? [] : [{ first: branches[0], branches }],
  );
}

/** `branch 1 of 3 (1/3), the first of 2 with this verdict, delivered: Reaches …` */
function groupTitle(first: Branch, branches: readonly Branch[], { trace, names }: TraceTextInput): string {
  const which = `branch ${trace.branches.indexOf(first) + 1} of ${trace.branches.length} (${fraction(first.probability)})`;
  const among = branches.length > 1 ? `, the first of ${branches.length} with this verdict` : '';
  return `${which}${among}, ${branchVerdict(first)}: ${branchSentence(first, trace, names)}`;
}

function factLines({ trace }: TraceTextInput, groups: readonly { readonly first: Branch }[]): readonly string[] {
  const [only, ...others] = groups;
  if (only === undefined || others.length > 0) return [];
  const facts = verdictFacts(trace, only.first).map((fact) => {
    if (fact.kind === 'text') return fact.text;
    if (fact.kind === 'rule') return `${fact.hook}: ${fact.family} ${fact.table} ${fact.label}`;
    return trace.branches.length > 1 ? '' : `${fact.before} → ${fact.after}`;
  });
  const said = facts.filter((text) => text !== '');
  return said.length === 0 ? [] : [said.join(' · ')];
}

/** What chance may choose: one line a branch. */
function branchLines({ trace, names }: TraceTextInput): readonly string[] {
  if (trace.branches.length < 2) return [];
  return [
    '',
    ...trace.branches.map((branch) => {
      const end = finalPacket(branch);
      const who = end === undefined ? undefined : names.address(end.packet.daddr ?? '');
      const to =
        end === undefined
          ? ''
          : ` → ${hostPort(end.packet.daddr, end.packet.dport)}${who === undefined ? '' : ` ${who.kind} ${who.name}`}`;
      const chosen = branch.choices.map(({ what, value }) => `${what} = ${value}`).join(', ');
      return `  ${fraction(branch.probability).padEnd(6)} ${branchVerdict(branch)}${to}${chosen === '' ? '' : `   (${chosen})`}`;
    }),
  ];
}

// ---------------------------------------------------------------------------------------------------------- the way

function wayLines(branch: Branch, input: TraceTextInput): readonly string[] {
  const summary = branch.outcome.kind === 'decided' ? branch.outcome.fate.summary : undefined;
  return traceLegs(branch).flatMap((leg) => [
    ...legTitle(leg),
    ...leg.groups.flatMap((group) => {
      const lines = rowLines(group, (entry) => stepLines(entry, stepOutcome(entry, summary).word, input));
      return lines.map((line, index) => `${(index === 0 ? label(group) : '').padEnd(MARGIN)}${line}`.trimEnd());
    }),
  ]);
}

function legTitle(leg: Leg): readonly string[] {
  if (leg.generated === undefined) return [];
  const { packet, what } = leg.generated;
  const from = hostPort(packet.saddr, packet.sport);
  return ['', `answer: ${packetTitle(packet, what)}, ${from} → ${hostPort(packet.daddr, packet.dport)}`];
}

const label = ({ place }: StepGroup): string => (place === 'routing' ? 'route' : place);

function rowLines(group: StepGroup, step: (entry: NumberedStep) => readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const [index, row] of group.rows.entries()) {
    if (row.kind === 'step') lines.push(...step(row.entry));
    else if (row.kind === 'chain') lines.push(chainTitle(row.step));
    else if (row.kind === 'note') lines.push(noteLine(row.step));
    else lines.push(...foldLines(row, group.rows[index - 1], lines));
  }
  return lines;
}

const chainTitle = (step: ChainStep): string =>
  `${step.family} ${step.table} ${step.chain} (${step.type === 'filter' ? '' : `${step.type} `}${step.prio})`;

/** What a chain passed over stands behind its name where nothing else happened in it. */
function foldLines(row: Extract<Row, { kind: 'passed' }>, before: Row | undefined, lines: string[]): readonly string[] {
  const words = wordsText(foldWords(row.fold));
  const name = row.fold.depth === 0 || words.startsWith(`${row.fold.chain}: `) ? '' : `${row.fold.chain}  `;
  if (before?.kind !== 'chain') return [`${'  '.repeat(row.fold.depth + 1)}${name}${words}`];
  const title = lines.pop() ?? '';
  return [`${title}   ${words}`];
}

function noteLine(step: NoteStep): string {
  switch (step.kind) {
    case 'conntrack':
      return `conntrack: ${step.say}`;
    case 'nat':
      return `translated${step.by === 'entry' ? ' by the connection entry' : ''}: ${changes(step.diffs)}`;
    case 'transmit':
      return `out of ${step.dev}${step.dstMac === undefined ? '' : ` to ${step.dstMac}`}`;
    case 'deliver':
    case 'kernel':
      return step.say;
  }
}

function stepLines(entry: NumberedStep, outcome: string, input: TraceTextInput): readonly string[] {
  const { step } = entry;
  const indent = '  '.repeat(entry.depth + 1);
  switch (step.kind) {
    case 'rule': {
      const text = input.ruleText(step.at) ?? ruleName(step.at);
      return [
        `${indent}${entry.depth === 0 ? '' : `${step.at.chain}  `}${text} #${step.at.handle}${verbOf(text, outcome, step.jumpTarget)}`,
        ...step.lookups.flatMap((lookup) => lookupLine(lookup, indent)),
        ...step.choices.map(
          ({ what, value, probability }) => `${indent}  ${what} = ${value} (${fraction(probability)})`,
        ),
        ...(entry.writes.length === 0 ? [] : [`${indent}  ${changes(entry.writes)}`]),
      ];
    }
    case 'route':
      return [`${step.route ?? step.say}${step.to === 'none' ? '' : ` → ${step.to}`}`];
    case 'policy':
      return [`${indent}policy ${step.verdict} of ${step.chain}`];
    case 'kernel':
      return [`${step.say}`];
    case 'undecided':
      return step.reasons.flatMap((reason) => [`${indent}undecided: ${reason.say}`, `${indent}  ${reason.settle}`]);
  }
}

/** What the rule did, unless its text ends with just that. */
function verbOf(text: string, outcome: string, target: string | undefined): string {
  if (target !== undefined && text.endsWith(`${outcome} ${target}`)) return '';
  return text.endsWith(` ${outcome.toLowerCase()}`) ? '' : `   → ${outcome}${target === undefined ? '' : ` ${target}`}`;
}

function lookupLine({ name, key, size, hit }: Lookup, indent: string): readonly string[] {
  if (name === undefined || hit === undefined) return [];
  const data = hit.data === undefined ? '' : ` → ${hit.data}`;
  return [`${indent}  ${key}: ${hit.element === key ? '' : `${hit.element}, `}1 of ${size} in @${name}${data}`];
}

const changes = (
  diffs: readonly { readonly field: string; readonly before: string; readonly after: string }[],
): string => diffs.map(({ field, before, after }) => `${field} ${before} → ${after}`).join(', ');

// ----------------------------------------------------------------------------------------------------- and then

/** Where the packet goes from here, and what the reply meets. */
function endLines(branch: Branch, { trace, names }: TraceTextInput): readonly string[] {
  const end = finalPacket(branch);
  if (end === undefined || branchVerdict(branch) !== 'delivered') return [];
  const lines: string[] = [];
  if (!end.local) {
    const route = branch.steps.findLast((step) => step.kind === 'route' && step.skb === 0);
    const hop = route?.kind === 'route' ? route.nexthop : undefined;
    const target = names.address(end.packet.daddr ?? '');
    const via = hop === undefined || hop === end.packet.daddr ? [] : [names.address(hop)?.name ?? hop];
    const to = target === undefined ? hostPort(end.packet.daddr, end.packet.dport) : `${target.kind} ${target.name}`;
    lines.push(`then ${[...via, to].join(' → ')}`);
  }
  const before = hostPort(trace.packet.daddr, trace.packet.dport);
  if (before !== hostPort(end.packet.daddr, end.packet.dport)) lines.push(`reply: its source becomes ${before} again`);
  return lines;
}

function assumptionLines(trace: Trace): readonly string[] {
  const assumed = new Map(trace.branches.flatMap((branch) => branch.assumptions).map(({ code, say }) => [code, say]));
  return assumed.size === 0 ? [] : ['', ...[...assumed.values()].map((say) => `assumed: ${say}`)];
}

function unmeasuredLines(trace: Trace): readonly string[] {
  const notes = unmeasuredOf(trace.branches.flatMap(({ steps }) => steps));
  return notes.length === 0 ? [] : ['', ...notes.map(({ say }) => `not measured against a kernel: ${say}`)];
}
