import { describe, expect, test } from 'vitest';
import type { ChainOverview, ChainView, RulesetPage, RuleView, SetView, TableOverview } from '@/lib/api/types';
import type { Token } from '@/lib/render/tokens';
import { arrivedOf, buildLines, type Line, pagesFor } from './lines-model';

const line = (text: string): readonly Token[] => [{ kind: 'keyword', text, statement: -1 }];
const chain = (name: string, rules: number, rest: Partial<ChainOverview> = {}): ChainOverview => ({
  name,
  handle: 1,
  rules,
  base: null,
  comment: null,
  usedBy: 0,
  object: null,
  ...rest,
});
const OWNER = { key: 'ot', name: 'not recognised', how: '' } as const;
const table = (chains: readonly ChainOverview[]): TableOverview => ({
  family: 'ip',
  name: 't',
  handle: 1,
  comment: null,
  flags: [],
  owner: OWNER,
  counts: { chains: 0, baseChains: 0, rules: 0, sets: 0, maps: 0, elements: 0, flowtables: 0, objects: 0 },
  chains,
  sets: [],
  flowtables: [],
  objects: [],
});
const set = (name: string, declaration: readonly string[], elementsCut = false): SetView => ({
  kind: 'set',
  name,
  handle: 7,
  header: line(`set ${name} {`),
  declaration: declaration.map(line),
  elementsCut,
  count: 9,
  usedBy: [],
  usedByCount: 0,
  object: null,
  writtenFor: { services: [], endpoints: [] },
});
const page = (rest: Partial<RulesetPage>): RulesetPage => ({
  version: 'v',
  table: { family: 'ip', name: 't', handle: 1, header: [] },
  declaration: [],
  owner: OWNER,
  sets: [],
  flowtables: [],
  objects: [],
  chains: [],
  offset: 0,
  limit: 500,
  totalRules: 0,
  next: null,
  ...rest,
});

const print = (lines: readonly Line[]): readonly string[] =>
  lines.map((l) => {
    if (l.kind === 'text') return `text ${l.tokens.map((t) => t.text).join('')}`;
    if (l.kind === 'rule') return `rule ${l.chain.name} ${l.index} @${l.place}`;
    if (l.kind === 'chain') return `chain ${l.chain.name}`;
    if (l.kind === 'set' || l.kind === 'elements') return `${l.kind} ${l.set.name}`;
    return l.kind;
  });

describe('buildLines', () => {
  const BASE = { type: 'filter', hook: 'input', prio: 0, prioText: 'filter', policy: 'accept', devices: [] } as const;
  test('has every line of the chains before any page is there', () => {
    const { lines, chains } = buildLines(
      table([chain('a', 2, { base: BASE, comment: 'x' }), chain('b', 1)]),
      undefined,
    );
    expect(print(lines)).toEqual([
      'table',
      'chain a',
      'declaration',
      'declaration',
      'rule a 0 @0',
      'rule a 1 @1',
      'end',
      'blank',
      'chain b',
      'rule b 0 @2',
      'end',
      'end',
    ]);
    expect(chains.get('b')).toBe(8);
  });
  test('sets come first; a long list of elements is folded into one line', () => {
    const first = page({
      declaration: [line('comment "c"')],
      sets: [
        set('few', ['type ipv4_addr', 'elements = { 10.0.0.1 }']),
        set('many', ['type ipv4_addr', 'elements = { 1,', '2,', '3,', '4,', '5 }']),
        set('cut', ['type ipv4_addr'], true),
      ],
    });
    const { lines, sets } = buildLines(table([]), first);
    expect(print(lines)).toEqual([
      'table',
      'text comment "c"',
      'blank',
      'set few',
      'text type ipv4_addr',
      'text elements = { 10.0.0.1 }',
      'end',
      'blank',
      'set many',
      'text type ipv4_addr',
      'elements many',
      'end',
      'blank',
      'set cut',
      'text type ipv4_addr',
      'elements cut',
      'end',
      'end',
    ]);
    expect(sets.get('many')).toBe(8);
  });
});

describe('pagesFor', () => {
  const { lines } = buildLines(table([chain('a', 600), chain('b', 600)]), undefined);
  test('the first page, and those of the rules in sight', () => {
    expect(pagesFor(lines, 0, 20, 500)).toEqual([0]);
    expect(pagesFor(lines, 480, 520, 500)).toEqual([0, 1]);
    expect(pagesFor(lines, lines.length - 5, lines.length + 50, 500)).toEqual([0, 2]);
  });
});

test('arrivedOf finds a rule of a chain that two pages share', () => {
  const rule = (index: number) => ({ at: { index } }) as RuleView;
  const part = (firstRule: number, n: number): ChainView => ({
    name: 'a',
    handle: 1,
    header: [],
    declaration: [],
    base: null,
    ruleCount: 4,
    firstRule,
    rules: Array.from({ length: n }, (_, i) => rule(firstRule + i)),
    usedBy: [],
    usedByCount: 0,
    object: null,
    owner: OWNER,
    writtenFor: { services: [], endpoints: [] },
  });
  const arrived = arrivedOf([page({ chains: [part(0, 2)] }), page({ chains: [part(2, 1)] })]);
  expect([0, 1, 2, 3].map((i) => arrived.rule('a', i)?.at.index)).toEqual([0, 1, 2, undefined]);
  expect(arrived.rule('b', 0)).toBeUndefined();
});
