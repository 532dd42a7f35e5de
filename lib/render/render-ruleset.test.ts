import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeBytes } from '../decode/decode-bytes';
import type { Chain, NftSet, Ruleset, Table } from '../nft/model';
import { renderContext } from './context';
import { renderChainHeader, renderRuleset } from './render-ruleset';
import { renderSetHeader } from './render-set';

const FIXTURES = new URL('../../tests/fixtures/render/', import.meta.url);

/** What nft printed for the ruleset of the same name. Handles that only the kernel knows are in `json` as well. */
interface Listing {
  readonly listedBy: string;
  readonly json: string;
  readonly text: string;
  readonly textHandles: string;
}

/** Lines that the JSON of nft 1.0.6 has nothing of: comments of tables and chains, flags of tables, `dynamic`, devices. */
const OMITTED = /^(\tcomment .*|\tflags dormant|\t\tflags dynamic)\n\n?/gm;
const withoutOmitted = (text: string): string =>
  text.replace(OMITTED, '').replace(/ device "lo" priority/g, ' priority');

describe('fixtures', () => {
  const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.json'));

  test.each(names)('%s', (name) => {
    const listing = JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')) as Listing;
    const result = decodeBytes(new TextEncoder().encode(listing.json));
    if (!result.ok) throw new Error(JSON.stringify(result.problem));
    expect(renderRuleset(result.value)).toBe(withoutOmitted(listing.text));
    expect(renderRuleset(result.value, { handles: true })).toBe(withoutOmitted(listing.textHandles));
  });
});

const chain = (over: Partial<Chain>): Chain => ({ name: 'c', handle: 2, rules: [], ...over });

const table = (over: Partial<Table>): Table => ({
  family: 'inet',
  name: 't',
  handle: 1,
  flags: [],
  objects: [],
  sets: [],
  flowtables: [],
  chains: [],
  ...over,
});

const ruleset = (...tables: readonly Table[]): Ruleset => ({
  nftVersion: '1.1.7',
  releaseName: undefined,
  tables,
  unsupported: [],
  omissions: [],
});

const set = (over: Partial<NftSet>): NftSet => ({
  kind: 'set',
  name: 's',
  handle: 3,
  type: { kind: 'types', names: ['ipv4_addr'] },
  flags: [],
  autoMerge: false,
  statements: [],
  elements: [],
  ...over,
});

describe('layout', () => {
  test('nothing', () => {
    expect(renderRuleset(ruleset())).toBe('');
    expect(renderRuleset(ruleset(table({})))).toBe('table inet t {\n}\n');
  });

  test('a blank line follows the flags of a table, not its comment', () => {
    const chains = [chain({})];
    const block = '\tchain c {\n\t}\n}\n';
    expect(renderRuleset(ruleset(table({ comment: 'x', chains })))).toBe(`table inet t {\n\tcomment "x"\n${block}`);
    expect(renderRuleset(ruleset(table({ comment: 'x', flags: ['dormant'], chains })))).toBe(
      `table inet t {\n\tflags dormant\n\tcomment "x"\n\n${block}`,
    );
    expect(renderRuleset(ruleset(table({ flags: ['dormant'] })))).toBe('table inet t {\n\tflags dormant\n}\n');
  });

  test('blocks stand in a fixed order, one blank line between', () => {
    const text = renderRuleset(
      ruleset(
        table({
          chains: [chain({ comment: 'last' })],
          flowtables: [
            { name: 'f', handle: 5, hook: 'ingress', prio: 3, devices: ['a', 'b'], flags: [], counter: true },
          ],
          sets: [set({})],
          objects: [
            { kind: 'counter', name: 'n', handle: 6, packets: 1, bytes: 2 },
            { kind: 'synproxy', name: 'p', handle: 7, mss: 1, flags: ['sack-perm'] },
          ],
        }),
      ),
      { handles: true },
    );
    expect(text).toBe(
      [
        'table inet t { # handle 1',
        '\tcounter n { # handle 6',
        '\t\tpackets 1 bytes 2',
        '\t}',
        '',
        '\tsynproxy p { # handle 7',
        '\t\tmss 1',
        '\t\t sack-perm',
        '\t}',
        '',
        '\tset s { # handle 3',
        '\t\ttype ipv4_addr',
        '\t}',
        '',
        '\tflowtable f { # handle 5',
        '\t\thook ingress priority filter + 3',
        '\t\tdevices = { "a", "b" }',
        '\t\tcounter',
        '\t}',
        '',
        '\tchain c { # handle 2',
        '\t\tcomment "last"',
        '\t}',
        '}',
        '',
      ].join('\n'),
    );
  });

  test.each([
    {
      version: '1.1.7',
      devices: ['eth0'],
      text: 'type filter hook ingress device "eth0" priority filter; policy drop;',
    },
    {
      version: '1.1.7',
      devices: ['a', 'b'],
      text: 'type filter hook ingress devices = { "a", "b" } priority filter; policy drop;',
    },
    {
      version: '1.1.3',
      devices: ['a', 'b'],
      text: 'type filter hook ingress devices = { a, b } priority filter; policy drop;',
    },
  ])('$version $devices', ({ version, devices, text }) => {
    const ctx = renderContext({ family: 'netdev', sets: [] }, version);
    const base = { type: 'filter', hook: 'ingress', prio: 0, policy: 'drop', devices } as const;
    expect(renderChainHeader(chain({ base }), ctx)).toBe(text);
    expect(renderChainHeader(chain({}), ctx)).toBeUndefined();
  });
});

describe('declarations of sets', () => {
  const ctx = renderContext({ family: 'inet', sets: [] }, '1.1.7');

  test('every line', () => {
    const full = set({
      flags: ['timeout', 'dynamic'],
      policy: 'memory',
      size: 100,
      count: 3,
      timeout: 5400,
      gcInterval: 30,
      autoMerge: true,
      comment: 'all of it',
      statements: [
        { kind: 'limit', rate: 1, per: 'second', over: false, burst: 5 },
        { kind: 'counter' },
        { kind: 'last' },
      ],
    });
    expect(renderSetHeader(full, ctx)).toEqual([
      'type ipv4_addr',
      'policy memory',
      'size 100\t# count 3',
      'flags dynamic,timeout',
      'limit rate 1/second burst 5 packets counter last',
      'auto-merge',
      'timeout 1h30m',
      'gc-interval 30s',
      'comment "all of it"',
    ]);
  });

  test.each([
    { over: { flags: ['timeout'] }, lines: ['type ipv4_addr', 'flags timeout'] },
    { over: { flags: ['timeout'], timeout: 60 }, lines: ['type ipv4_addr', 'timeout 1m'] },
    { over: { type: { kind: 'types', names: ['ifname', 'mark'] } }, lines: ['type ifname . mark'] },
    { over: { kind: 'map', data: { kind: 'object', object: 'ct helper' } }, lines: ['type ipv4_addr : ct helper'] },
    { over: { kind: 'map', data: { kind: 'verdict' } }, lines: ['type ipv4_addr : verdict'] },
    {
      over: {
        type: {
          kind: 'typeof',
          expr: {
            kind: 'concat',
            parts: [
              { kind: 'meta', key: 'iifname' },
              { kind: 'ct', key: 'mark' },
            ],
          },
        },
      },
      lines: ['typeof iifname . ct mark'],
    },
  ] satisfies readonly { over: Partial<NftSet>; lines: readonly string[] }[])('$lines', ({ over, lines }) => {
    expect(renderSetHeader(set(over), ctx)).toEqual(lines);
  });

  test.each([
    { version: '1.1.7', over: { type: { kind: 'types', names: ['inet_service'] } }, perLine: [5, 1] },
    { version: '1.1.7', over: {}, perLine: [2, 2, 2] },
    { version: '1.1.7', over: { timeout: 60 }, perLine: [1, 1, 1, 1, 1, 1] },
    { version: '1.0.6', over: { timeout: 60 }, perLine: [2, 2, 2] },
    { version: '1.1.7', over: { type: { kind: 'types', names: ['ipv6_addr'] } }, perLine: [1, 1, 1, 1, 1, 1] },
  ] satisfies readonly { version: string; over: Partial<NftSet>; perLine: readonly number[] }[])(
    'elements per line $version $over',
    ({ version, over, perLine }) => {
      const elements = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ key }));
      const text = renderRuleset({ ...ruleset(table({ sets: [set({ ...over, elements })] })), nftVersion: version });
      const list = text.slice(text.indexOf('{ a') + 2, text.indexOf(' }'));
      expect(list.split(',\n\t\t\t     ').map((line) => line.split(', ').length)).toEqual(perLine);
    },
  );
});
