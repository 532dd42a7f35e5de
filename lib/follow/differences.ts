/** Where two listings differ, but for what packets and time change by themselves and the order of elements. */
import type { HeldChain, HeldListing, HeldSet, HeldTable } from './held-listing';
import { changesUntold } from './remaining-time';

/** Counters, quotas and remaining times, as any listing may have them. */
const steady = (text: string): string => text.replace(/"(packets|bytes|used|expires)": ?\d+/g, '"$1": 0');

/** The first few places in words; empty where the two tell one ruleset. */
export function differences(a: HeldListing, b: HeldListing): readonly string[] {
  const found: string[] = [];
  const same = (what: string, one: unknown, other: unknown): void => {
    if (one !== other && found.length < 5) found.push(what);
  };
  same('the order of tables', [...a.tables.keys()].join('\n'), [...b.tables.keys()].join('\n'));
  for (const [key, table] of a.tables) {
    const other = b.tables.get(key);
    if (other !== undefined) compareTables(`table ${key}`, table, other, same);
  }
  return found;
}

type Same = (what: string, one: unknown, other: unknown) => void;

function compareTables(where: string, a: HeldTable, b: HeldTable, same: Same): void {
  same(where, a.text, b.text);
  same(`${where}: objects`, objectTexts(a.objects), objectTexts(b.objects));
  same(`${where}: flowtables`, objectTexts(a.flowtables), objectTexts(b.flowtables));
  same(`${where}: names of sets`, [...a.sets.keys()].join('\n'), [...b.sets.keys()].join('\n'));
  same(`${where}: names of chains`, [...a.chains.keys()].join('\n'), [...b.chains.keys()].join('\n'));
  for (const [name, set] of a.sets) {
    const other = b.sets.get(name);
    if (other !== undefined) same(`${where}, set ${name}`, setText(set), setText(other));
  }
  for (const [name, chain] of a.chains) {
    const other = b.chains.get(name);
    if (other !== undefined) same(`${where}, chain ${name}`, chainText(chain), chainText(other));
  }
}

const objectTexts = (objects: HeldTable['objects']): string =>
  [...objects.values()].map(({ text }) => steady(text)).join('\n');
const chainText = ({ text, rules }: HeldChain): string => steady([text, ...rules.map((rule) => rule.text)].join('\n'));
const setText = (set: HeldSet): string => {
  const { head, tail, elements } = set;
  return `${head}${tail}${changesUntold(set) ? '' : steady([...elements.values()].sort().join('\n'))}`;
};
