/** Which bits of the mark of a packet or connection rules write. */
import type { Expression, MangleStatement } from '../nft/model';
import { isVerdict } from '../render/render-verdict';
import type { Prepared } from '../sim';
import type { ProgramRule, ProgramTable } from '../sim/program';
import { argOf, optionOf, type XtLine } from '../sim/xt-line';
import { pairRule } from '../sim/xt-pair';

export type MarkOf = 'packet' | 'connection';

export interface MarkWrite {
  readonly of: MarkOf;
  /** Bits that it sets, or changes as its own through a mask. A constant's zeros are not among them. */
  readonly bits: number;
  /** Bits that it overwrites by the way: the zeros of a constant, all where another mark is copied. */
  readonly overwrites: number;
}

const ALL = 0xffffffff;
const unsigned = (value: number): number => value >>> 0;

/** What a rule writes to marks; nothing where it writes none, or only what another mark holds. */
export function markWrites(p: Prepared, table: ProgramTable, rule: ProgramRule): readonly MarkWrite[] {
  const found = rule.rule.statements.flatMap((one): readonly MarkWrite[] => {
    if (one.kind !== 'mangle') return [];
    const of = markOf(one);
    return of === undefined
      ? []
      : [{ of, bits: bitsOf(one.value, table), overwrites: overwrittenBy(one.value, table) }];
  });
  if (!rule.rule.statements.some((one) => one.kind === 'xt' && /^(CONN)?MARK$/.test(one.name ?? ''))) return found;
  const line = pairRule(rule, table, p.program.iptables);
  return 'matches' in line ? [...found, ...xtWrites(line)] : found;
}

function markOf({ key }: MangleStatement): MarkOf | undefined {
  if (typeof key !== 'object') return undefined;
  if (key.kind === 'meta' && key.key === 'mark') return 'packet';
  return key.kind === 'ct' && key.key === 'mark' ? 'connection' : undefined;
}

/** `mark & M` claims what M clears, `mark | V` and `mark ^ V` claim V, a constant claims its ones. */
function bitsOf(value: Expression, table: ProgramTable): number {
  if (typeof value === 'number') return unsigned(value);
  if (typeof value === 'string') return unsigned(Number(value) || 0);
  if (typeof value !== 'object') return 0;
  switch (value.kind) {
    case 'binary': {
      const masks = value.operands.filter((one) => typeof one === 'number');
      const rest = value.operands.filter((one) => typeof one === 'object').map((one) => bitsOf(one, table));
      const own = masks.map((mask) => (value.op === '&' ? unsigned(~mask) : unsigned(mask)));
      // What is shifted or cut out of another value claims nothing of its own.
      return value.op === '<<' || value.op === '>>' ? 0 : [...rest, ...own].reduce((a, b) => unsigned(a | b), 0);
    }
    case 'map': {
      const { data } = value;
      const named = data.kind === 'setref' ? table.set(data.name)?.set.elements : undefined;
      const elements = data.kind === 'set' ? data.elements : (named ?? []);
      return elements.reduce((bits, { data }) => {
        const of = data === undefined || isVerdict(data) ? 0 : bitsOf(data, table);
        return unsigned(bits | of);
      }, 0);
    }
    default:
      return 0;
  }
}

function overwrittenBy(value: Expression, table: ProgramTable): number {
  if (typeof value === 'number' || typeof value === 'string') return unsigned(~bitsOf(value, table));
  return typeof value === 'object' && value.kind === 'ct' ? ALL : 0;
}

function xtWrites({ target }: XtLine): readonly MarkWrite[] {
  if (target === undefined || (target.name !== 'MARK' && target.name !== 'CONNMARK')) return [];
  const of = target.name === 'MARK' ? 'packet' : 'connection';
  const number = (text: string | undefined) => unsigned(Number(text ?? 0) || 0);
  const set = argOf(target, '--set-xmark', '--set-mark');
  if (set !== undefined) {
    const [value, mask] = set.split('/');
    const whole = mask === undefined || number(mask) === ALL;
    return [{ of, bits: number(whole ? value : mask), overwrites: whole ? unsigned(~number(value)) : 0 }];
  }
  const or = argOf(target, '--or-mark', '--xor-mark');
  if (or !== undefined) return [{ of, bits: number(or), overwrites: 0 }];
  // The mark of the connection over that of the packet, as `meta mark set ct mark`.
  if (optionOf(target, '--restore-mark') !== undefined) {
    const mask = argOf(target, '--nfmask', '--mask');
    return [{ of: 'packet', bits: 0, overwrites: mask === undefined ? ALL : number(mask) }];
  }
  const and = argOf(target, '--and-mark');
  return and === undefined ? [] : [{ of, bits: unsigned(~number(and)), overwrites: 0 }];
}
