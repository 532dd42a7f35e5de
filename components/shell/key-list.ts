/** What the help says of the keys: each once, with what it does here. */
import type { KeyGroup } from './keys';

export interface KeyLine {
  readonly keys: string;
  readonly say: string;
}

/** Keys by the names that keyboards have. */
const NAMES: { readonly [key: string]: string | undefined } = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
};

/** What the lists themselves do with keys, as their ARIA patterns have it. */
const IN_LISTS: KeyGroup = {
  title: 'In lists, trees and the map',
  bindings: [
    { keys: 'ArrowUp ArrowDown', say: 'Move', run: () => {} },
    { keys: 'ArrowLeft ArrowRight', say: 'Close and open in the tree, other column in the map', run: () => {} },
    { keys: 'Enter', say: 'Choose, open', run: () => {} },
  ],
};

/** Groups of the same title become one. Of two that bind a key the later one has it, as in the registry: the other does not work here. */
export function keyList(
  groups: readonly KeyGroup[],
): readonly { readonly title: string; readonly lines: readonly KeyLine[] }[] {
  const owner = new Map<string, KeyGroup>();
  for (const group of groups) for (const { keys } of group.bindings) owner.set(keys, group);
  const lists = new Map<string, KeyLine[]>();
  for (const group of [...groups, IN_LISTS]) {
    const lines = lists.get(group.title) ?? [];
    for (const { keys, say } of group.bindings) {
      const names = keys.split(' ').map((key) => NAMES[key] ?? key);
      if ((owner.get(keys) ?? group) === group) lines.push({ keys: names.join(' '), say });
    }
    if (lines.length > 0) lists.set(group.title, lines);
  }
  return [...lists].map(([title, lines]) => ({ title, lines }));
}
