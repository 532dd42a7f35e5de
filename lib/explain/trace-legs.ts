/** Builds the legs of a branch, step by step in the order the tracer took them. */
import type { RuleRef } from '../nft/model';
import { unreachable } from '../nft/model';
import type {
  Branch,
  ChainStep,
  EndStep,
  FieldDiff,
  GeneratedStep,
  NatStep,
  PassedStep,
  PolicyStep,
  RuleStep,
  StartStep,
  Step,
  UndecidedStep,
} from '../sim/trace';
import {
  type CountedStep,
  type Leg,
  type NoteStep,
  type NumberedStep,
  type Place,
  type Row,
  sameRule,
} from './trace-steps';

interface OpenFold {
  readonly chain: string;
  readonly depth: number;
  readonly traversal: number;
  readonly id: string;
  readonly index: number;
  readonly rules: PassedStep[];
  ended: boolean;
  policy: 'accept' | undefined;
  untranslated: boolean;
}

interface OpenGroup {
  readonly id: string;
  readonly place: Place;
  iif: string | undefined;
  oif: string | undefined;
  readonly families: Set<string>;
  readonly rows: Row[];
}

/** The legs of a branch, the packet's own first. Never empty. */
export function traceLegs(branch: Branch): readonly Leg[] {
  const skbs = [...new Set([0, ...branch.steps.map((step) => step.skb)])].sort((a, b) => a - b);
  return skbs.map((skb) => new LegBuilder(branch, skb).build());
}

class LegBuilder {
  readonly #branch: Branch;
  readonly #skb: number;
  readonly #groups: OpenGroup[] = [];
  readonly #steps: NumberedStep[] = [];
  #chain: ChainStep | undefined;
  #fold: OpenFold | undefined;
  #passed = 0;

  constructor(branch: Branch, skb: number) {
    this.#branch = branch;
    this.#skb = skb;
  }

  build(): Leg {
    const steps = this.#branch.steps;
    const own = steps.map((step, index) => ({ step, index })).filter(({ step }) => step.skb === this.#skb);
    let start: StartStep | undefined;
    let generated: GeneratedStep | undefined;
    for (const { step, index } of own) {
      if (step.kind === 'start') start ??= step;
      else if (step.kind === 'generated') generated = step;
      else this.#add(step, index);
    }
    this.#closeFold();
    this.#markEnd();
    return {
      skb: this.#skb,
      start,
      generated,
      groups: this.#groups.map((group) => ({ ...group, families: [...group.families] })),
      steps: this.#steps,
      passed: this.#passed,
    };
  }

  #add(step: Exclude<Step, StartStep | GeneratedStep>, index: number): void {
    switch (step.kind) {
      case 'chain':
        this.#beginChain(step, index);
        break;
      case 'passed':
        this.#pass(step, index);
        break;
      case 'end':
        this.#end(step, index);
        break;
      case 'policy':
        if (step.verdict === 'drop') this.#count(step, index, this.#chain?.hook ?? 'kernel');
        else this.#policy(step, index);
        break;
      case 'rule':
        this.#count(step, index, this.#chain?.hook ?? 'kernel');
        break;
      case 'route':
        this.#count(step, index, 'routing');
        break;
      case 'undecided':
        this.#count(step, index, this.#last()?.place ?? 'kernel');
        break;
      case 'kernel':
        if (step.ends) this.#count(step, index, this.#last()?.place ?? 'kernel');
        else this.#note(step, index, this.#last()?.place ?? 'kernel');
        break;
      case 'conntrack':
        this.#note(step, index, step.hook);
        break;
      case 'nat':
        // A translation bound by a rule is shown with that rule.
        if (step.by === 'entry' || !this.#ruleBound(step.by)) this.#note(step, index, step.hook);
        break;
      case 'transmit':
      case 'deliver':
        this.#note(step, index, this.#last()?.place ?? 'kernel');
        break;
      default:
        unreachable(step);
    }
  }

  #ruleBound(by: RuleRef): boolean {
    return this.#steps.some(({ step }) => step.kind === 'rule' && sameRule(step.at, by));
  }

  #beginChain(step: ChainStep, index: number): void {
    this.#closeFold();
    this.#chain = step;
    const group = this.#group(step.hook);
    group.iif ??= step.iif;
    group.oif ??= step.oif;
    group.families.add(step.family);
    group.rows.push({ kind: 'chain', index, step });
  }

  #pass(step: PassedStep, index: number): void {
    this.#passed++;
    const open = this.#fold;
    if (open && !open.ended && open.chain === step.at.chain && open.traversal === step.traversal) {
      open.rules.push(step);
      return;
    }
    this.#openFold(step.at.chain, step.depth, step.traversal, index).rules.push(step);
  }

  #end(step: EndStep, index: number): void {
    const open = this.#fold;
    const same = open && !open.ended && open.chain === step.chain && open.traversal === step.traversal;
    (same ? open : this.#openFold(step.chain, step.depth, step.traversal, index)).ended = true;
  }

  #policy(step: PolicyStep, index: number): void {
    const open = this.#fold;
    const same = open && open.chain === step.chain && open.traversal === step.traversal;
    const fold = same ? open : this.#openFold(step.chain, 0, step.traversal, index);
    fold.policy = 'accept';
    fold.untranslated = this.#chain?.type === 'nat';
  }

  #openFold(chain: string, depth: number, traversal: number, index: number): OpenFold {
    this.#closeFold();
    const fold: OpenFold = {
      id: `p${index}`,
      index,
      chain,
      depth,
      traversal,
      rules: [],
      ended: false,
      policy: undefined,
      untranslated: false,
    };
    this.#fold = fold;
    return fold;
  }

  #closeFold(): void {
    const fold = this.#fold;
    if (!fold) return;
    this.#fold = undefined;
    const rows = this.#group(this.#chain?.hook ?? 'kernel').rows;
    const before = rows.at(-1);
    // The caller's end adds nothing to a called chain that ended: `firewall-check: …; chain ends, policy accept`.
    if (fold.rules.length === 0 && before?.kind === 'passed' && before.fold.ended) {
      const { policy, untranslated } = fold;
      rows[rows.length - 1] = { kind: 'passed', fold: { ...before.fold, policy, untranslated } };
    } else rows.push({ kind: 'passed', fold });
  }

  #note(step: NoteStep, index: number, place: Place): void {
    this.#closeFold();
    this.#group(place).rows.push({ kind: 'note', index, step });
  }

  #count(step: CountedStep, index: number, place: Place): void {
    this.#closeFold();
    const rule = step.kind === 'rule' ? step : undefined;
    const nat = rule ? this.#natOf(rule, index) : undefined;
    const inChain =
      step.kind === 'rule' || step.kind === 'policy' || (step.kind === 'undecided' && place !== 'routing');
    const entry: NumberedStep = {
      number: this.#steps.length + 1,
      index,
      step,
      place,
      chain: inChain ? this.#chain : undefined,
      depth: rule?.depth ?? (step.kind === 'undecided' && inChain ? this.#depthOf(step) : 0),
      writes: rule ? withNat(rule.writes, nat?.diffs ?? []) : [],
      nat,
      ends: step.kind === 'undecided' ? 'undecided' : undefined,
    };
    this.#steps.push(entry);
    const group = this.#group(place);
    if (step.kind === 'route') group.oif ??= step.oif;
    group.rows.push({ kind: 'step', entry });
  }

  /** An undecided rule stands in the chain of the last jump when that is where its rule is. */
  #depthOf(step: UndecidedStep): number {
    const chain = step.reasons[0]?.at?.chain;
    const before = this.#steps.at(-1);
    if (chain === undefined || before === undefined || before.step.kind !== 'rule') return 0;
    return before.step.jumpTarget === chain ? before.depth + 1 : before.step.at.chain === chain ? before.depth : 0;
  }

  /** The translation that follows a nat rule, before anything else happens to the same packet. */
  #natOf(rule: RuleStep, index: number): NatStep | undefined {
    for (const step of this.#branch.steps.slice(index + 1)) {
      if (step.skb !== this.#skb) continue;
      if (step.kind === 'nat') return step.by !== 'entry' && sameRule(step.by, rule.at) ? step : undefined;
      if (step.kind === 'rule' || step.kind === 'route' || step.kind === 'chain') return undefined;
    }
    return undefined;
  }

  #last(): OpenGroup | undefined {
    return this.#groups.at(-1);
  }

  #group(place: Place): OpenGroup {
    const last = this.#last();
    if (last?.place === place) return last;
    const id = `${place}-${this.#groups.length}`;
    const group: OpenGroup = { id, place, iif: undefined, oif: undefined, families: new Set(), rows: [] };
    this.#groups.push(group);
    return group;
  }

  /** Marks the step that lost the packet: the last one, when its verdict is a bad one. */
  #markEnd(): void {
    const last = this.#steps.at(-1);
    if (!last || last.ends || !isLoss(last.step)) return;
    const marked: NumberedStep = { ...last, ends: 'lost' };
    this.#steps[this.#steps.length - 1] = marked;
    for (const group of this.#groups) {
      const at = group.rows.findIndex((row) => row.kind === 'step' && row.entry === last);
      if (at >= 0) group.rows[at] = { kind: 'step', entry: marked };
    }
  }
}

function isLoss(step: CountedStep): boolean {
  if (step.kind === 'rule') return step.verdict === 'drop';
  if (step.kind === 'policy') return step.verdict === 'drop';
  if (step.kind === 'route') return step.to === 'none';
  return step.kind === 'kernel' && step.ends;
}

/** The rule's own writes first, then those of the translation it did not already name. */
function withNat(writes: readonly FieldDiff[], nat: readonly FieldDiff[]): readonly FieldDiff[] {
  return [...writes, ...nat.filter((diff) => !writes.some((write) => write.field === diff.field))];
}
