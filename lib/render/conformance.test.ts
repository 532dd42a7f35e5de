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

/** Why a text cannot be rebuilt from the JSON of a record that does not say so itself (`lossy`); docs/quality.md tells of each. */
type Exemption = 'devices' | 'stray byte' | 'element statements';

interface Expected {
  readonly file: string;
  /** Records without `lossy`, and how many of them are exempt. All others are equal to the byte. */
  readonly records: number;
  readonly exempt: { readonly [E in Exemption]?: number };
  /** Records that say themselves what is lost. */
  readonly lossy: number;
}

const FILES: readonly Expected[] = [
  { file: 'render', records: 187, exempt: { devices: 5, 'stray byte': 3 }, lossy: 51 },
  { file: 'upstream/shell', records: 864, exempt: { devices: 3, 'element statements': 1 }, lossy: 85 },
  { file: 'upstream/py', records: 14_219, exempt: { devices: 799 }, lossy: 84 },
  { file: 'upstream/unsupported-kernel', records: 380, exempt: { devices: 2, 'stray byte': 3 }, lossy: 6 },
];

/** The JSON of nft 1.0.6 has no devices of chains: all but them is compared. */
const DEVICES = / (device "[^"]*"|devices = \{[^}]*\}) priority/g;

/** nft prints a byte of memory behind the text of a secmark that no kernel has seen. The rest is compared without it. */
const STRAY_BYTE = /(?<=:s0)\f(?=")/g;

const encoder = new TextEncoder();

function* recordsOf(path: string): Generator<ListingRecord> {
  for (const line of gunzipSync(readFileSync(path)).toString('utf8').split('\n')) {
    if (line !== '') yield JSON.parse(line) as ListingRecord;
  }
}

/** From the record and from what decoding found left out, not from what we rendered. */
function exemptionOf({ nftVersion, kernelAccepted, text }: ListingRecord, ruleset: Ruleset): Exemption | undefined {
  if (nftVersion === '1.0.6' && text.search(DEVICES) !== -1) return 'devices';
  if (kernelAccepted === false && text.search(STRAY_BYTE) !== -1) return 'stray byte';
  return ruleset.omissions.some(({ what }) => what === 'element.statements') ? 'element statements' : undefined;
}

function isEqual({ text, textHandles }: ListingRecord, ruleset: Ruleset, exemption: Exemption | undefined): boolean {
  const expected = (listed: string): string => {
    if (exemption === 'devices') return listed.replace(DEVICES, ' priority');
    return exemption === 'stray byte' ? listed.replace(STRAY_BYTE, '') : listed;
  };
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
  test.each(FILES)('$file: $records records, exempt $exempt, lossy $lossy', { timeout: 60_000 }, (expected) => {
    const failed: string[] = [];
    const badlyTokenized: string[] = [];
    const exempt: { [E in Exemption]?: number } = {};
    let [records, lossy, lossySame] = [0, 0, 0];
    for (const record of recordsOf(join(dir, 'conformance', 'render', `${expected.file}.jsonl.gz`))) {
      const result = decodeBytes(encoder.encode(record.json));
      const name = `${record.id} (${record.nftVersion}, loaded by ${record.loadedBy})`;
      if (result.ok) badlyTokenized.push(...badTokens(result.value));
      if (record.lossy !== undefined) {
        lossy += 1;
        if (result.ok && isEqual(record, result.value, undefined)) lossySame += 1;
        continue;
      }
      records += 1;
      const exemption = result.ok ? exemptionOf(record, result.value) : undefined;
      if (exemption !== undefined) exempt[exemption] = (exempt[exemption] ?? 0) + 1;
      // What is lost here is inside an element; nothing of the record is left to compare.
      if (exemption === 'element statements') continue;
      if (!result.ok || !isEqual(record, result.value, exemption)) failed.push(name);
    }
    console.info(
      `${expected.file}: ${records} records, exempt ${JSON.stringify(exempt)}; lossy ${lossySame} of ${lossy} the same`,
    );
    expect(badlyTokenized).toEqual([]);
    expect(failed).toEqual([]);
    expect({ file: expected.file, records, exempt, lossy }).toEqual(expected);
  });
});
