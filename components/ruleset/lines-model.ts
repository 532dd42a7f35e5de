/**
 * The lines of one table as nft lists them. Where each chain and rule stands is known from the overview alone, so the list has
 * its full length at once, and rules arrive in pages as they come into sight.
 */
import type {
  ChainOverview,
  ChainView,
  RulesetPage,
  RuleView,
  SetView,
  StatefulView,
  TableOverview,
} from '@/lib/api/types';
import type { Token } from '@/lib/render/tokens';
import { colourText } from './colour-text';

export type Line =
  | { readonly kind: 'table' }
  | { readonly kind: 'text'; readonly tokens: readonly Token[]; readonly indent: number }
  | { readonly kind: 'set'; readonly set: SetView }
  | { readonly kind: 'elements'; readonly set: SetView }
  | { readonly kind: 'stateful'; readonly object: StatefulView }
  | { readonly kind: 'chain'; readonly chain: ChainOverview; readonly firstRule: number }
  | { readonly kind: 'declaration'; readonly chain: ChainOverview; readonly firstRule: number; readonly index: number }
  /** `index` in the chain, `place` in the table. */
  | { readonly kind: 'rule'; readonly chain: ChainOverview; readonly index: number; readonly place: number }
  | { readonly kind: 'end'; readonly indent: number }
  | { readonly kind: 'blank' };

export interface Lines {
  readonly lines: readonly Line[];
  /** Line of a chain's header by name. */
  readonly chains: ReadonlyMap<string, number>;
  /** Line of a set's header by name. */
  readonly sets: ReadonlyMap<string, number>;
  /** Line of a flowtable or object by name. */
  readonly stateful: ReadonlyMap<string, number>;
}

const FOLD_AT = 4;
const startsElements = (line: readonly Token[]): boolean => line[0]?.text.startsWith('elements = {') === true;

/** Sets, objects and flowtables come with the first page; until it is there, the list holds the chains only. */
export function buildLines(table: TableOverview, first: RulesetPage | undefined): Lines {
  const lines: Line[] = [{ kind: 'table' }];
  const chains = new Map<string, number>();
  const sets = new Map<string, number>();
  const stateful = new Map<string, number>();
  const blank = (): void => {
    if (lines.length > 1) lines.push({ kind: 'blank' });
  };

  for (const tokens of first?.declaration ?? []) lines.push({ kind: 'text', tokens, indent: 1 });
  for (const object of [...(first?.objects ?? [])]) {
    blank();
    stateful.set(object.name, lines.length);
    pushStateful(lines, object);
  }
  for (const set of first?.sets ?? []) {
    blank();
    sets.set(set.name, lines.length);
    pushSet(lines, set);
  }
  for (const flowtable of first?.flowtables ?? []) {
    blank();
    stateful.set(flowtable.name, lines.length);
    pushStateful(lines, flowtable);
  }
  let place = 0;
  for (const chain of table.chains) {
    blank();
    chains.set(chain.name, lines.length);
    lines.push({ kind: 'chain', chain, firstRule: place });
    const declared = (chain.comment === null ? 0 : 1) + (chain.base === null ? 0 : 1);
    for (let index = 0; index < declared; index++) {
      lines.push({ kind: 'declaration', chain, firstRule: place, index });
    }
    for (let index = 0; index < chain.rules; index++) lines.push({ kind: 'rule', chain, index, place: place++ });
    lines.push({ kind: 'end', indent: 1 });
  }
  lines.push({ kind: 'end', indent: 0 });
  return { lines, chains, sets, stateful };
}

function pushSet(lines: Line[], set: SetView): void {
  lines.push({ kind: 'set', set });
  const at = set.declaration.findIndex(startsElements);
  const before = at === -1 ? set.declaration : set.declaration.slice(0, at);
  const elements = at === -1 ? [] : set.declaration.slice(at);
  for (const tokens of before) lines.push({ kind: 'text', tokens, indent: 2 });
  // A long list of elements has a table of its own, which a line names and opens.
  if (set.elementsCut || elements.length > FOLD_AT) lines.push({ kind: 'elements', set });
  else {
    elements.forEach((tokens, i) => {
      lines.push({ kind: 'text', tokens: colourText(tokens), indent: i === 0 ? 2 : 4 });
    });
  }
  lines.push({ kind: 'end', indent: 1 });
}

function pushStateful(lines: Line[], object: StatefulView): void {
  const [, ...rest] = object.lines;
  lines.push({ kind: 'stateful', object });
  for (const tokens of rest) lines.push({ kind: 'text', tokens, indent: 2 });
  lines.push({ kind: 'end', indent: 1 });
}

/** What has arrived, to be found by chain and index. */
export interface Arrived {
  readonly chain: (name: string) => ChainView | undefined;
  readonly rule: (chain: string, index: number) => RuleView | undefined;
}

export function arrivedOf(pages: Iterable<RulesetPage>): Arrived {
  const parts = new Map<string, ChainView[]>();
  for (const page of pages) {
    for (const chain of page.chains) {
      const known = parts.get(chain.name);
      if (known === undefined) parts.set(chain.name, [chain]);
      else known.push(chain);
    }
  }
  return {
    chain: (name) => parts.get(name)?.[0],
    rule: (chain, index) => {
      for (const part of parts.get(chain) ?? []) {
        const rule = part.rules[index - part.firstRule];
        if (index >= part.firstRule && rule !== undefined) return rule;
      }
      return undefined;
    },
  };
}

/** The pages that the lines from `start` to `end` need; page 0 always. */
export function pagesFor(lines: readonly Line[], start: number, end: number, perPage: number): readonly number[] {
  const pages = new Set<number>([0]);
  for (let i = Math.max(0, start); i <= Math.min(lines.length - 1, end); i++) {
    const line = lines[i];
    if (line?.kind === 'rule') pages.add(Math.floor(line.place / perPage));
    else if (line?.kind === 'chain' || line?.kind === 'declaration') pages.add(Math.floor(line.firstRule / perPage));
  }
  return [...pages].sort((a, b) => a - b);
}
