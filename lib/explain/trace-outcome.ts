/** What a step does, in a word or two: at the right of its row, and in what is said aloud. */
import { unreachable } from '../nft/model';
import type { RuleStep, Summary } from '../sim/trace';
import type { Leg, NumberedStep } from './trace-steps';

export interface Outcome {
  readonly word: string;
  /** After the word, quieter: `, accept`. */
  readonly rest: string;
  /** A second line: what the verdict means here. */
  readonly note: string | undefined;
  readonly tone: 'plain' | 'write' | 'lost' | 'accept' | 'undecided';
}

const outcome = (word: string, rest = '', tone: Outcome['tone'] = 'plain', note?: string): Outcome => ({
  word,
  rest,
  tone,
  note,
});

/** `summary` is the branch's, so that a drop that answered says reject. */
export function stepOutcome(entry: NumberedStep, summary: Summary | undefined): Outcome {
  const { step } = entry;
  switch (step.kind) {
    case 'rule':
      return ruleOutcome(entry, step, summary);
    case 'route':
      return step.to === 'none' ? outcome('no route', '', 'lost') : outcome(`to ${step.to}`);
    case 'policy':
      return outcome('DROP', ', policy', 'lost', 'no rule accepted it');
    case 'kernel':
      return outcome('ends here', '', 'lost', 'outside nftables');
    case 'undecided':
      return outcome('undecided', '', 'undecided', 'not known from here on');
    default:
      return unreachable(step);
  }
}

function ruleOutcome(entry: NumberedStep, step: RuleStep, summary: Summary | undefined): Outcome {
  const hit = step.lookups.some((lookup) => lookup.hit?.data !== undefined && lookup.name !== undefined) ? 'hit, ' : '';
  switch (step.verdict) {
    case 'jump':
    case 'goto':
      return outcome(`${hit}${step.verdict}`);
    case 'accept':
      if (entry.nat)
        return outcome(entry.nat.manip === 'dst' ? 'DNAT' : 'SNAT', ', accept', 'write', 'ends this nat hook');
      return outcome(`${hit}accept`, '', 'accept', entry.chain?.type === 'nat' ? 'no translation' : undefined);
    case 'drop':
      return outcome(entry.ends === 'lost' && summary === 'rejected' ? 'REJECT' : 'DROP', ', final', 'lost');
    case 'continue':
      return entry.writes.length > 0 ? outcome('write', ', goes on', 'write') : outcome('goes on');
    case 'return':
      return outcome('return');
    case 'stolen':
      return outcome('stolen', ', final', 'undecided', 'taken out of the way');
    case 'queue':
      return outcome('queue', '', 'undecided', 'a program decides');
    default:
      return unreachable(step.verdict);
  }
}

/** What a screen reader hears when the step is chosen: `Step 4 of 9, dnat, ip daddr 10.244.2.4, tcp dport 8080`. */
export function announceStep(leg: Leg, number: number, summary: Summary | undefined): string {
  const entry = leg.steps[number - 1];
  if (!entry) return '';
  const { word, rest } = stepOutcome(entry, summary);
  const { step } = entry;
  const what = `${word}${rest}`.toLowerCase().replaceAll(', ', ' ');
  const where = step.kind === 'rule' ? (step.jumpTarget ?? '') : step.kind === 'route' ? (step.route ?? '') : '';
  const writes = entry.writes.map((write) => `${write.field} ${write.after}`);
  const said = step.kind === 'undecided' ? (step.reasons[0]?.say ?? '') : step.kind === 'kernel' ? step.say : '';
  const place = entry.place === 'kernel' ? '' : `in ${entry.place}`;
  const parts = [`Step ${number} of ${leg.steps.length}`, `${what} ${where}`.trim(), ...writes, said, place];
  return parts.filter((part) => part !== '').join(', ');
}

/** `step 1`, `steps 2–4`. */
export function stepSpan(numbers: readonly number[]): string | undefined {
  const first = numbers[0];
  const last = numbers.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return first === last ? `step ${first}` : `steps ${first}–${last}`;
}
