import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBytes } from './decode-bytes';
import { decodeRuleset } from './decode-ruleset';
import { problems } from './problem';
import { supplementFromText } from './supplement';
import { FIXTURE } from './testing/fixture';
import { decoded } from './testing/listing';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The same document with the members of every object in another order, drawn from a stream of numbers. */
function shuffled(json: Json, draw: () => number): Json {
  if (Array.isArray(json)) return json.map((item) => shuffled(item, draw));
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).map(([key, value]) => ({ key, value, rank: draw() }));
  entries.sort((a, b) => a.rank - b.rank);
  return Object.fromEntries(entries.map(({ key, value }) => [key, shuffled(value, draw)]));
}

const drawFrom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
};

test('the order of members does not matter', () => {
  const want = decoded(FIXTURE);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      expect(decoded(shuffled(FIXTURE as Json, drawFrom(seed)))).toEqual(want);
    }),
  );
});

test('the order of the listing of 1.0.6 and of 1.1 give the same tables', () => {
  const members = (FIXTURE as { nftables: readonly Record<string, unknown>[] }).nftables;
  const of = (...kinds: readonly string[]): readonly unknown[] =>
    members.filter((member) => kinds.includes(Object.keys(member)[0] ?? ''));
  const head = of('metainfo', 'table');
  const objects = of('counter', 'quota', 'limit', 'set', 'map', 'flowtable');
  const old = { nftables: [...head, ...objects, ...of('chain'), ...of('rule')] };
  const recent = { nftables: [...head, ...of('chain'), ...objects, ...of('rule')] };
  expect(decoded(old).tables).toEqual(decoded(recent).tables);
});

/** A value that stands in for another. */
const REPLACEMENTS: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  '@',
  '*',
  'x',
  [],
  [null],
  {},
  { a: 1 },
  { set: 1 },
  { elem: {} },
];

interface Place {
  readonly holder: Record<string | number, Json>;
  readonly key: string | number;
}

function placesOf(json: Json, places: Place[] = []): Place[] {
  if (typeof json !== 'object' || json === null) return places;
  for (const [name, value] of Object.entries(json)) {
    places.push({ holder: json as Record<string, Json>, key: Array.isArray(json) ? Number(name) : name });
    placesOf(value, places);
  }
  return places;
}

describe('nothing is thrown', () => {
  test('with one or two values replaced, moved or removed', () => {
    const places = placesOf(FIXTURE as Json).length;
    const edit = fc.tuple(fc.nat(places - 1), fc.nat(REPLACEMENTS.length + 1));
    let failures = 0;
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 2 }), (edits) => {
        const json = structuredClone(FIXTURE) as Json;
        for (const [place, choice] of edits) {
          const all = placesOf(json);
          const at = all[place % Math.max(all.length, 1)];
          if (at === undefined) break;
          const { holder, key } = at;
          const replacement = REPLACEMENTS[choice];
          if (replacement !== undefined) holder[key] = structuredClone(replacement);
          else if (Array.isArray(holder)) holder.splice(Number(key), 1);
          else delete holder[key];
        }
        const result = decodeRuleset(json);
        if (result.ok) return;
        failures++;
        // The path leads to the value, or to the object that misses a member.
        const { path, code, say } = result.problem;
        expect(code).toMatch(/^NFT-JSON-0\d\d$/);
        expect(say.length).toBeGreaterThan(10);
        expect(path).toMatch(/^(|nftables.*)$/);
      }),
      { numRuns: 3_000 },
    );
    expect(failures).toBeGreaterThan(500);
  });

  test('with damaged bytes, and what is damaged is never half a ruleset', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(FIXTURE));
    const want = decoded(FIXTURE).tables[0]?.chains.length;
    const edit = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), (edits, isCut) => {
        const damaged = bytes.slice(0, isCut ? edits[0]?.[0] : bytes.length);
        for (const [at, byte] of edits) if (at < damaged.length) damaged[at] = byte;
        const result = decodeBytes(damaged);
        if (isCut) expect(result.ok).toBe(false);
        else if (result.ok) expect(result.value.tables[0]?.chains.length).toBe(want);
      }),
      { numRuns: 1_500 },
    );
  });

  test('by any text beside the JSON', () => {
    const ruleset = decoded(FIXTURE);
    const line = fc.constantFrom(
      'table inet t {',
      'table inet t { # handle 1',
      '\tchain in {',
      '\tset s {',
      '\t}',
      '}',
      '\t\tcomment "',
      '\t\tcomment "x"',
      '\t\ttype filter hook input priority 0; policy accept;',
      '\t\telements = { 1,',
      '\t\ttypeof ip saddr : interval meta mark',
      '\t\tflags ,',
      '\t\tupdate @m { a : b } # handle 9',
      '\t\tjump {',
      '\t\t\taccept',
      '\t\t} # handle 3',
      '',
      '"',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const supplemented = supplementFromText(ruleset, lines.join('\n'));
        expect(supplemented.tables.length).toBe(ruleset.tables.length);
      }),
    );
  });
});

test('every problem has a code of its own, says what and says what to do', () => {
  const at = { offset: 1, line: 1, column: 2 };
  const all = [
    problems.empty(),
    problems.truncated('a', 1, at),
    problems.syntax('a', at, 'b', 'c'),
    problems.encoding('Byte 1 is not UTF-8.', at),
    problems.tooLarge(2, 1),
    problems.textListing(),
    problems.notAListing('', 'a'),
    problems.commands('a', 'add'),
    problems.wrongType('a', 'b', 'c'),
    problems.missing('a', 'b'),
    problems.unknownWord('a', 'b', 'c'),
    problems.inexact('a', 'b'),
    problems.orphan('a', 'b'),
    problems.twice('a', 'Table b'),
    problems.tooDeep('a', 500),
  ];
  expect(all).toHaveLength(Object.keys(problems).length);
  expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
  for (const { say, do: remedy } of all) {
    expect(say).toMatch(/\.$/);
    expect(remedy).toMatch(/\.$/);
  }
});
