/** Two sequences of events, the kernel's and ours, side by side: equal up to the first divergence, then as far as they meet again. */
import type { KernelEvent } from './kernel-event';
import type { OurEvent } from './our-events';
import type { RuleTexts } from './rule-text';

export interface EventDifference {
  readonly what: 'place' | 'rule' | 'verdict' | 'target' | 'mark';
  readonly kernel: string;
  readonly ours: string;
}

/**
 * `agrees`; `differs`: the same place, another verdict or rule; `only-kernel`, `only-ours`; and what is not compared:
 * `not-shown`: a step of ours that this kind of output never shows, or one before tracing was switched on; `foreign`: a line
 * about a table that the capture has not, such as the one that switches tracing on.
 */
export type RowOutcome = 'agrees' | 'differs' | 'only-kernel' | 'only-ours' | 'not-shown' | 'foreign';

export interface AlignedRow {
  readonly outcome: RowOutcome;
  readonly kernel?: KernelEvent;
  readonly ours?: OurEvent;
  /** Of a row that differs. */
  readonly differences: readonly EventDifference[];
  /** How the rule was recognised; `place`: by chain and verdict only, for its text is that of no rule in the capture. */
  readonly by?: 'handle' | 'text' | 'place';
}

export interface Alignment {
  /** Index of the branch of the trace. */
  readonly branch: number;
  readonly rows: readonly AlignedRow[];
  /** Rows that agree, and rows that were compared. */
  readonly agreed: number;
  readonly compared: number;
  /** Index of the first row that does not agree; null where all do. */
  readonly divergence: number | null;
}

export interface AlignOptions {
  /** False for `nft monitor trace`, which prints no line at the end of a chain (measured with 1.0.6). */
  readonly showsEnds: boolean;
  /** Recognises rules printed without a handle. */
  readonly texts?: RuleTexts;
  /** Tables of the capture, `FAMILY NAME`; lines about others are foreign. */
  readonly tables?: ReadonlySet<string>;
}

const placeOf = (event: KernelEvent | OurEvent): string =>
  `${event.family} ${event.table} ${event.chain} ${event.kind === 'end' ? 'end of chain' : event.kind}`;

/** What tells an event of the kernel from one of ours; none: they agree. */
function differencesOf(
  kernel: KernelEvent,
  ours: OurEvent,
  { texts }: AlignOptions,
): { readonly differences: readonly EventDifference[]; readonly by?: 'handle' | 'text' | 'place' } {
  const differences: EventDifference[] = [];
  const say = (what: EventDifference['what'], theirs: unknown, own: unknown) =>
    differences.push({ what, kernel: String(theirs), ours: String(own) });
  if (placeOf(kernel) !== placeOf(ours)) {
    say('place', placeOf(kernel), placeOf(ours));
    return { differences };
  }
  let by: 'handle' | 'text' | 'place' = 'place';
  if (ours.at !== undefined) {
    if (kernel.handle !== undefined) {
      by = 'handle';
      if (kernel.handle !== ours.at.handle) say('rule', `handle ${kernel.handle}`, `handle ${ours.at.handle}`);
    } else if (kernel.text !== undefined && texts !== undefined) {
      const found = texts.identify(ours.at, kernel.text);
      if (found !== 'unknown') by = 'text';
      if (found === 'other') say('rule', kernel.text, `handle ${ours.at.handle}`);
    }
  }
  if (kernel.verdict !== ours.verdict) say('verdict', kernel.verdict, ours.verdict);
  else if (kernel.jumpTarget !== undefined && kernel.jumpTarget !== ours.jumpTarget)
    say('target', kernel.jumpTarget, ours.jumpTarget ?? 'none');
  if (kernel.mark !== undefined && ours.mark !== undefined && kernel.mark !== ours.mark)
    say('mark', `0x${kernel.mark.toString(16)}`, `0x${ours.mark.toString(16)}`);
  return { differences, by };
}

export const agree = (kernel: KernelEvent, ours: OurEvent, options: AlignOptions): boolean =>
  differencesOf(kernel, ours, options).differences.length === 0;

/** True for a line about a table that the capture has not, or a rule that was added to one only to switch tracing on. */
export const isForeign = (kernel: KernelEvent, { tables, texts }: AlignOptions): boolean =>
  (tables !== undefined && !tables.has(`${kernel.family} ${kernel.table}`)) ||
  (texts !== undefined && isTracingRule(kernel) && !texts.has(kernel, kernel.text ?? ''));

export const isTracingRule = ({ kind, text }: KernelEvent): boolean =>
  kind === 'rule' && text !== undefined && /\bmeta nftrace set 1$/.test(text);

/**
 * @param kernel in the order of the kernel's messages
 * @param skipped how many of our first events came before tracing was switched on
 */
export function alignSequence(
  kernel: readonly KernelEvent[],
  ours: readonly OurEvent[],
  branch: number,
  options: AlignOptions,
  skipped = 0,
): Alignment {
  const rows: AlignedRow[] = [];
  const push = (row: Omit<AlignedRow, 'differences'>, differences: readonly EventDifference[] = []) =>
    rows.push({ ...row, differences });
  const isHidden = (event: OurEvent) => event.kind === 'end' && !options.showsEnds;
  let k = 0;
  let o = 0;
  for (; o < skipped; o++) push({ outcome: 'not-shown', ...known('ours', ours[o]) });
  for (;;) {
    const theirs = kernel[k];
    const own = ours[o];
    if (theirs !== undefined && isForeign(theirs, options)) {
      push({ outcome: 'foreign', kernel: theirs });
      k++;
    } else if (own !== undefined && isHidden(own)) {
      push({ outcome: 'not-shown', ours: own });
      o++;
    } else if (theirs !== undefined && own !== undefined) {
      const { differences, by } = differencesOf(theirs, own, options);
      if (differences.length > 0) break;
      push({ outcome: 'agrees', kernel: theirs, ours: own, ...known('by', own.at === undefined ? undefined : by) });
      k++;
      o++;
    } else break;
  }
  rows.push(...alignRest(kernel.slice(k), ours.slice(o), options));
  const compared = rows.filter(({ outcome }) => outcome !== 'not-shown' && outcome !== 'foreign');
  const divergence = rows.findIndex(({ outcome }) => DIVERGES.has(outcome));
  return {
    branch,
    rows,
    agreed: compared.filter(({ outcome }) => outcome === 'agrees').length,
    compared: compared.length,
    divergence: divergence === -1 ? null : divergence,
  };
}

const DIVERGES = new Set<RowOutcome>(['differs', 'only-kernel', 'only-ours']);

const known = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };

/** Beyond this many cells of the table the rest is set side by side as it comes. */
const CELLS_MAX = 4e6;

/** After a divergence: the longest common subsequence, so that one sees where both meet again. Rows × columns in time and memory. */
function alignRest(
  kernel: readonly KernelEvent[],
  ours: readonly OurEvent[],
  options: AlignOptions,
): readonly AlignedRow[] {
  const rows: AlignedRow[] = [];
  const width = ours.length + 1;
  const isSmall = (kernel.length + 1) * width <= CELLS_MAX;
  const lengths = new Uint16Array(isSmall ? (kernel.length + 1) * width : 0);
  const at = (k: number, o: number) => lengths[k * width + o] ?? 0;
  for (let k = kernel.length - 1; isSmall && k >= 0; k--) {
    for (let o = ours.length - 1; o >= 0; o--) {
      const theirs = kernel[k];
      const own = ours[o];
      const same = theirs !== undefined && own !== undefined && agree(theirs, own, options);
      lengths[k * width + o] = same ? at(k + 1, o + 1) + 1 : Math.max(at(k + 1, o), at(k, o + 1));
    }
  }
  let k = 0;
  let o = 0;
  for (;;) {
    const theirs = kernel[k];
    const own = ours[o];
    if (theirs === undefined && own === undefined) return rows;
    if (theirs !== undefined && isForeign(theirs, options)) {
      rows.push({ outcome: 'foreign', kernel: theirs, differences: [] });
      k++;
    } else if (own !== undefined && own.kind === 'end' && !options.showsEnds) {
      rows.push({ outcome: 'not-shown', ours: own, differences: [] });
      o++;
    } else if (theirs !== undefined && own !== undefined) {
      const { differences, by } = differencesOf(theirs, own, options);
      const samePlace = !differences.some(({ what }) => what === 'place');
      if (differences.length === 0) {
        rows.push({ outcome: 'agrees', kernel: theirs, ours: own, differences, ...known('by', own.at && by) });
        k++;
        o++;
      } else if (samePlace && at(k + 1, o + 1) >= Math.max(at(k + 1, o), at(k, o + 1))) {
        rows.push({ outcome: 'differs', kernel: theirs, ours: own, differences });
        k++;
        o++;
      } else if (at(k, o + 1) >= at(k + 1, o)) {
        rows.push({ outcome: 'only-ours', ours: own, differences: [] });
        o++;
      } else {
        rows.push({ outcome: 'only-kernel', kernel: theirs, differences: [] });
        k++;
      }
    } else if (theirs !== undefined) {
      rows.push({ outcome: 'only-kernel', kernel: theirs, differences: [] });
      k++;
    } else if (own !== undefined) {
      rows.push({ outcome: 'only-ours', ours: own, differences: [] });
      o++;
    }
  }
}

/** The better of two alignments: without divergence, then with more agreement before it. */
export function better(a: Alignment, b: Alignment): Alignment {
  const score = ({ divergence, rows }: Alignment): number =>
    divergence === null ? Number.MAX_SAFE_INTEGER : rows.slice(0, divergence).filter(isAgreement).length;
  const [ours, theirs] = [score(a), score(b)];
  if (ours !== theirs) return ours > theirs ? a : b;
  return b.agreed > a.agreed ? b : a;
}

const isAgreement = ({ outcome }: AlignedRow): boolean => outcome === 'agrees';
