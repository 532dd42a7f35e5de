import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { Json, Ruleset } from '../nft/model';
import { renderContext } from './context';
import { renderRule, renderRuleTokens } from './render-rule';
import { renderRuleset } from './render-ruleset';

const FIXTURES = new URL('../../tests/fixtures/render/', import.meta.url);

const listings = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.json'))
  .map(
    (name) => JSON.parse((JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')) as { json: string }).json) as Json,
  );

type Path = readonly (string | number)[];

/** Every place in a document, outermost first. */
function pathsOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))];
}

function replaceAt(value: Json, [key, ...rest]: Path, by: Json): Json {
  if (key === undefined) return by;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((member, index) => (index === Number(key) ? replaceAt(member, rest, by) : member));
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, name === key ? replaceAt(member, rest, by) : member]),
  );
}

const valueAt = (value: Json, path: Path): Json =>
  path.reduce<Json>((at, key) => (at as { readonly [key: string]: Json })[key] as Json, value);

/** One rule, set or object of a fixture, with the heads of its table, and all places in it. */
const members = listings.flatMap((listing) => {
  const all = (listing as { readonly nftables: readonly { readonly [key: string]: Json }[] }).nftables;
  const heads = all.filter((member) => 'metainfo' in member || 'table' in member || 'chain' in member);
  return all.filter((member) => !heads.includes(member)).map((member) => ({ heads, member, paths: pathsOf(member) }));
});
const pool = members.flatMap(({ member, paths }) => paths.map((path) => valueAt(member, path)));

const replacement = fc.oneof(
  fc.nat(pool.length - 1).map((index) => pool[index] ?? null),
  fc.constantFrom<Json>(null, true, false, 0, -1, 4294967295, 1e15, '', '*', '@x', '-', [], {}, '\u0000"'),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

/** A listing of one member with up to three parts replaced by parts of others, or by anything. */
const mutant = fc
  .tuple(
    fc.nat(members.length - 1),
    fc.array(fc.tuple(fc.nat(), replacement), { maxLength: 3 }),
    fc.constantFrom('1.0.6', '1.1.3', '1.1.7', ''),
  )
  .map(([index, changes, version]) => {
    const { heads, member, paths } = members[index] ?? { heads: [], member: {}, paths: [] };
    const changed = changes.reduce<Json>(
      (value, [at, by]) => replaceAt(value, paths[at % paths.length] ?? [], by),
      member,
    );
    return { nftables: [...heads.map((head) => ('metainfo' in head ? { metainfo: { version } } : head)), changed] };
  });

function renderAll(ruleset: Ruleset): void {
  expect(renderRuleset(ruleset, { handles: true })).toBeTypeOf('string');
  for (const table of ruleset.tables) {
    const ctx = renderContext(table, ruleset.nftVersion);
    for (const rule of table.chains.flatMap(({ rules }) => rules)) {
      const tokens = renderRuleTokens(rule, ctx);
      expect(tokens.map(({ text }) => text).join('')).toBe(renderRule(rule, ctx));
    }
  }
}

describe('whatever can be decoded can be rendered', () => {
  test('mutated listings', { timeout: 30_000 }, () => {
    let decoded = 0;
    fc.assert(
      fc.property(mutant, (listing) => {
        const result = decodeRuleset(listing);
        if (!result.ok) return;
        decoded += 1;
        renderAll(result.value);
      }),
      { numRuns: 5000, seed: 20260801 },
    );
    // A property that never reaches the renderer proves nothing.
    expect(decoded).toBeGreaterThan(1000);
  });
});
