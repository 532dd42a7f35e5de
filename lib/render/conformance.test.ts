import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeShared } from '../../tests/shared';
import { decodeBytes } from '../decode/decode-bytes';
import type { Ruleset } from '../nft/model';
import { renderContext } from './context';
import { renderRule, renderRuleTokens } from './render-rule';
import { renderRuleset } from './render-ruleset';

interface ListingRecord {
  readonly id: string;
  readonly nftVersion: string;
  readonly loadedBy: string;
  readonly kernelAccepted?: boolean;
  readonly lossy?: readonly string[];
  readonly json: string;
  readonly text: string;
  readonly textHandles: string;
}

const FILES = ['render', 'upstream/shell', 'upstream/py', 'upstream/unsupported-kernel'];

/** The JSON of nft 1.0.6 has no devices of chains: the rest of the text is compared without them. */
const DEVICES = / (device "[^"]*"|devices = \{[^}]*\}) priority/g;

/** nft prints a byte of memory behind the text of a secmark that no kernel has seen. */
const STRAY_BYTE = /:s0\f"/;

const encoder = new TextEncoder();

function* recordsOf(path: string): Generator<ListingRecord> {
  for (const line of gunzipSync(readFileSync(path)).toString('utf8').split('\n')) {
    if (line !== '') yield JSON.parse(line) as ListingRecord;
  }
}

/** What keeps the text from being rebuilt from the JSON; undefined where nothing does. */
function lossOf(record: ListingRecord, ruleset: Ruleset | undefined): string | undefined {
  if (record.lossy !== undefined) return record.lossy.join(', ');
  if (record.kernelAccepted === false && STRAY_BYTE.test(record.text)) return 'stray byte';
  return ruleset?.omissions.find(({ what }) => what === 'element.statements')?.what;
}

function isEqual({ nftVersion, text, textHandles }: ListingRecord, ruleset: Ruleset): boolean {
  const expected = (listed: string): string => (nftVersion === '1.0.6' ? listed.replace(DEVICES, ' priority') : listed);
  return (
    renderRuleset(ruleset) === expected(text) && renderRuleset(ruleset, { handles: true }) === expected(textHandles)
  );
}

/** Ids of rules whose tokens are not their text. */
function badTokens(ruleset: Ruleset): readonly string[] {
  return ruleset.tables.flatMap((table) => {
    const ctx = renderContext(table, ruleset.nftVersion);
    const rules = table.chains.flatMap((chain) => chain.rules);
    return rules
      .map((rule) => ({ text: renderRule(rule, ctx), tokens: renderRuleTokens(rule, ctx) }))
      .filter(({ text, tokens }) => tokens.map((token) => token.text).join('') !== text)
      .map(({ text }) => text);
  });
}

describeShared('text of nft list ruleset', (dir) => {
  test.each(FILES)('%s', { timeout: 60_000 }, (file) => {
    const failed: string[] = [];
    const badlyTokenized: string[] = [];
    const shares = new Map<string, { same: number; all: number; lossySame: number; lossyAll: number }>();
    for (const record of recordsOf(join(dir, 'conformance', 'render', `${file}.jsonl.gz`))) {
      const result = decodeBytes(encoder.encode(record.json));
      const ruleset = result.ok ? result.value : undefined;
      const same = ruleset !== undefined && isEqual(record, ruleset);
      const loss = lossOf(record, ruleset);
      const share = shares.get(record.nftVersion) ?? { same: 0, all: 0, lossySame: 0, lossyAll: 0 };
      shares.set(record.nftVersion, share);
      share[loss === undefined ? 'all' : 'lossyAll'] += 1;
      if (same) share[loss === undefined ? 'same' : 'lossySame'] += 1;
      if (!same && loss === undefined) failed.push(`${record.id} (${record.nftVersion}, loaded by ${record.loadedBy})`);
      if (ruleset !== undefined) badlyTokenized.push(...badTokens(ruleset));
    }
    const table = [...shares].map(
      ([version, { same, all, lossySame, lossyAll }]) => `${version}: ${same}/${all}, lossy ${lossySame}/${lossyAll}`,
    );
    console.info(`${file}: ${table.join('; ')}`);
    expect(badlyTokenized).toEqual([]);
    expect(failed).toEqual([]);
  });
});
