import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeBytes } from '@/lib/decode/decode-bytes';
import { describeShared } from '@/tests/shared';
import { lostFacts } from './lost-facts';

interface Listed {
  readonly id: string;
  readonly nftVersion: string;
  readonly loadedBy: string;
  readonly lossy?: readonly string[];
  readonly json: string;
  readonly text: string;
}

const DYNAMIC = 'the flag dynamic of sets that rules write to';
/** What the record says itself that its JSON lost. */
const WORDS = [
  ['the typeof of keys whose type has no width', 'typeof-key'],
  ['the typeof of what maps map to', 'typeof-data'],
] as const;

/** Sets of the text that a rule of their table writes to. */
function writtenIn(text: string): readonly string[] {
  return text.split(/^(?=table )/m).flatMap((table) => {
    const [, name = ''] = /^table (\w+ \S+) \{/.exec(table) ?? [];
    return [...table.matchAll(/^\t(?:set|map) (\S+) \{\n((?:\t\t.*\n)*)/gm)]
      .filter(([, set = '', body = '']) => {
        const isWritten = [...table.matchAll(/\b(?:add|update) @(\S+)/g)].some(([, written]) => written === set);
        // Without the flag only one with a timeout can be written to.
        if (isWritten) expect([name, set, body]).toEqual([name, set, expect.stringMatching(/\bdynamic\b|\btimeout\b/)]);
        return isWritten;
      })
      .map(([, set]) => `${name} ${set}`);
  });
}

describeShared('facts that a listing lost', (dir) => {
  test.each(['render', 'upstream/shell'])('%s: told where the text has them, and nowhere else', (file) => {
    const packed = readFileSync(join(dir, 'conformance', 'render', `${file}.jsonl.gz`));
    const seen = new Set<string>();
    for (const line of gunzipSync(packed).toString('utf8').trim().split('\n')) {
      const { id, nftVersion, loadedBy, lossy = [], json, text } = JSON.parse(line) as Listed;
      const ruleset = decodeBytes(Buffer.from(json));
      if (!ruleset.ok) continue;
      const facts = lostFacts(ruleset.value);
      const of = (words: string) => facts.find(({ message }) => message.includes(` ${words} (`))?.where;
      for (const [words, loss] of WORDS) {
        const where = of(words);
        // What a newer nft loaded, 1.0.6 may print without typeof in its text too.
        if (where === undefined || (loss === 'typeof-key' && loadedBy !== nftVersion)) continue;
        seen.add(loss);
        expect([id, nftVersion, where, lossy]).toEqual([id, nftVersion, where, expect.arrayContaining([loss])]);
      }
      if (of(DYNAMIC) !== undefined) seen.add('dynamic');
      const written = nftVersion === '1.0.6' ? writtenIn(text) : [];
      expect([id, nftVersion, [...(of(DYNAMIC) ?? [])].sort()]).toEqual([id, nftVersion, [...written].sort()]);
      if (nftVersion !== '1.0.6' && lossy.includes('typeof-data'))
        expect([id, of(WORDS[1][0])]).not.toEqual([id, undefined]);
    }
    expect([...seen].sort()).toEqual(['dynamic', 'typeof-data', 'typeof-key']);
  });
});
