/** What one ruleset has that another has not, by table, chain, set and element, in words. */

import type { ComparedPart } from './compared-part';
import type { PartKind } from './parts';

export interface Difference {
  /** `more`: only here; `less`: only in the reference; `other`: on both, and not the same. */
  readonly sign: 'more' | 'less' | 'other';
  readonly kind: PartKind | 'table';
  /** `ip kube-proxy`; empty for what belongs to no table. */
  readonly table: string;
  /** Chain, set, …; empty for a whole table. */
  readonly name: string;
  readonly say: string;
  /** The first rules or elements that differ; `count` is how many there are. */
  readonly lines: readonly DifferentLine[];
  readonly count: number;
}

export interface DifferentLine {
  readonly sign: 'more' | 'less';
  readonly text: string;
}

/** Lines shown of one difference. */
const LINES = 12;

const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;

export function differences(reference: readonly ComparedPart[], here: readonly ComparedPart[]): readonly Difference[] {
  const before = byKey(reference);
  const after = byKey(here);
  const tablesBefore = new Set(reference.map(({ table }) => table));
  const tablesAfter = new Set(here.map(({ table }) => table));
  const isWhole = (table: string) => table !== '' && !(tablesBefore.has(table) && tablesAfter.has(table));
  const found: Difference[] = [];
  for (const table of tablesAfter) if (isWhole(table)) found.push(wholeTable('more', table, here));
  for (const table of tablesBefore) if (isWhole(table)) found.push(wholeTable('less', table, reference));
  for (const [key, part] of after) {
    if (isWhole(part.table)) continue;
    const other = before.get(key);
    if (other === undefined) found.push(...onlyIn('more', part));
    else if (other.header !== part.header || other.lines.join('\n') !== part.lines.join('\n'))
      found.push(changed(other, part));
  }
  for (const [key, part] of before) if (!after.has(key) && !isWhole(part.table)) found.push(...onlyIn('less', part));
  // What the rules themselves show is not told once more.
  const shownAt = new Set(found.flatMap(({ kind, table, name }) => (kind === 'table' ? [] : [`${table} ${name}`])));
  return found.filter(({ kind, table, name }) => kind !== 'table' || name === '' || !shownAt.has(`${table} ${name}`));
}

/** Parts of one key are one: the chains of several pods, once the names of their interfaces are gone. */
function byKey(parts: readonly ComparedPart[]): ReadonlyMap<string, ComparedPart> {
  const map = new Map<string, ComparedPart>();
  for (const part of parts) {
    const key = `${part.kind} ${part.table} ${part.name}`;
    const known = map.get(key);
    map.set(key, known === undefined ? part : { ...known, lines: [...new Set([...known.lines, ...part.lines])] });
  }
  return map;
}

function wholeTable(sign: 'more' | 'less', table: string, parts: readonly ComparedPart[]): Difference {
  const of = parts.filter((part) => part.table === table);
  const chains = of.filter(({ kind }) => kind === 'chain');
  const rules = chains.reduce((total, { lines }) => total + lines.length, 0);
  const say = `${sign === 'more' ? 'has the' : 'has no'} table ${table}: ${plural(chains.length, 'chain')}, ${plural(rules, 'rule')}`;
  return { sign, kind: 'table', table, name: '', say, lines: [], count: 0 };
}

const isElements = (kind: PartKind): boolean => kind === 'set' || kind === 'map';
const unitOf = (kind: PartKind): string => (isElements(kind) ? 'element' : kind === 'chain' ? 'rule' : 'line');

function onlyIn(sign: 'more' | 'less', part: ComparedPart): readonly Difference[] {
  const { kind, table, name, lines } = part;
  // That two tables meet follows from the table that is there.
  if (kind === 'order') return [];
  if (kind === 'flags' && name === 'unknown') {
    const where = sign === 'more' ? 'here' : 'in the reference';
    const say = `whether the table ${table} is dormant ${where} is not known: it has a flag, and nft 1.0.6 does not say which without nft.txt`;
    return [{ sign: 'other', kind: 'table', table, name: '', say, lines: [], count: 0 }];
  }
  if (kind === 'flags') {
    const say = `the table ${table} is ${sign === 'more' ? '' : 'not '}dormant${sign === 'more' ? ': none of its rules sees a packet' : ''}`;
    return [{ sign, kind: 'table', table, name: '', say, lines: [], count: 0 }];
  }
  if (kind === 'expected') return [notExpected(sign, part)];
  const size = lines.length === 0 ? '' : `, ${plural(lines.length, unitOf(kind))}`;
  const what =
    kind === 'legacy' ? `the table ${name} of legacy iptables, which nft does not show` : `the ${kind} ${name}`;
  const say = `${sign === 'more' ? 'has' : 'has not'} ${what}${size}`;
  return [{ sign, kind, table, name, say, ...shown(lines.map((text) => ({ sign, text: textOf(part, text) }))) }];
}

/** What only one of the two has against what kube-proxy should have written. */
function notExpected(sign: 'more' | 'less', part: ComparedPart): Difference {
  const { table, name, lines } = part;
  const where = sign === 'more' ? 'is not' : 'is, unlike in the reference,';
  const say = `${name === '' ? 'the table' : name} ${where} what kube-proxy should have written`;
  const texts = lines.map((line) => textOf(part, line));
  // What is wrong there is not here, and the other way round.
  const told = texts.map(
    (text): DifferentLine => ({
      sign: text.startsWith('− ') === (sign === 'more') ? 'less' : 'more',
      text: text.slice(2),
    }),
  );
  return { sign: 'other', kind: 'table', table, name, say, ...shown(told) };
}

function changed(before: ComparedPart, after: ComparedPart): Difference {
  const { kind, table, name } = after;
  if (kind === 'expected') return notExpected('more', after);
  if (kind === 'order') {
    const say = `another order at ${name}: ${after.lines.join(', ')}`;
    return { sign: 'other', kind, table, name, say, lines: [], count: 0 };
  }
  // Told in the words of the node, unless only the forms without its facts can be compared.
  const isLocal = before.original !== undefined && after.original !== undefined;
  const linesOf = (part: ComparedPart) => (isLocal ? part.lines : (part.original ?? part.lines));
  const lines = lineDifferences(linesOf(before), linesOf(after), isElements(kind)).map(({ sign, text }) => ({
    sign,
    text: textOf(sign === 'more' ? after : before, text),
  }));
  const more = lines.filter(({ sign }) => sign === 'more').length;
  const less = lines.length - more;
  const unit = unitOf(kind);
  const parts = [
    ...(before.header === after.header ? [] : [`declared as “${after.header}” instead of “${before.header}”`]),
    ...(more === 0 ? [] : [`${plural(more, unit)} more`]),
    ...(less === 0 ? [] : [`${plural(less, unit)} less`]),
  ];
  const say = `${kind === 'legacy' ? 'legacy table' : kind} ${name}: ${parts.length === 0 ? 'another order' : parts.join(', ')}`;
  return { sign: 'other', kind, table, name, say, ...shown(lines) };
}

const textOf = ({ texts }: ComparedPart, line: string): string => texts?.get(line) ?? line;

const shown = (lines: readonly DifferentLine[]) => ({ lines: lines.slice(0, LINES), count: lines.length });

/** Elements have no order. Of rules the common beginning and end are passed over, and what is left is told line by line. */
function lineDifferences(
  before: readonly string[],
  after: readonly string[],
  unordered: boolean,
): readonly DifferentLine[] {
  if (unordered) return setDifference(before, after);
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++;
  return setDifference(before.slice(start, before.length - end), after.slice(start, after.length - end));
}

function setDifference(before: readonly string[], after: readonly string[]): readonly DifferentLine[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [
    ...after.filter((line) => !had.has(line)).map((text) => ({ sign: 'more', text }) as const),
    ...before.filter((line) => !has.has(line)).map((text) => ({ sign: 'less', text }) as const),
  ];
}
