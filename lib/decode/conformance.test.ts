import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { describe, expect, test } from 'vitest';
import { describeShared } from '../../tests/shared';
import type { Ruleset } from '../nft/model';
import { decodeBytes } from './decode-bytes';
import { supplementFromText } from './supplement';

interface ListingRecord {
  readonly id: string;
  readonly nftVersion: string;
  readonly loadedBy: string;
  readonly lossy?: readonly string[];
  readonly json: string;
  readonly text: string;
  readonly textHandles: string;
}

const CORPORA = [
  { file: 'render', records: 238 },
  { file: 'upstream/shell', records: 949 },
  { file: 'upstream/py', records: 14_303 },
  { file: 'upstream/unsupported-kernel', records: 386 },
];

function recordsOf(path: string): readonly ListingRecord[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ListingRecord);
}

/** Names of everything unsupported in a ruleset. */
function unsupportedIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { kind, name, raw } = value as { readonly kind?: unknown; readonly name?: unknown; readonly raw?: unknown };
  if (kind === 'unsupported' || raw !== undefined) return [String(name)];
  return Object.values(value).flatMap(unsupportedIn);
}

const nameOf = ({ id, nftVersion, loadedBy }: ListingRecord): string => `${id} (${nftVersion}, loaded by ${loadedBy})`;

/** What the text does not tell either. */
const UNTOLD = new Set(['rule.statement', 'rule.statements', 'meter.set', 'set.type']);

describeShared('listings of three nft versions', (dir) => {
  describe.each(CORPORA)('$file', ({ file, records }) => {
    const all = recordsOf(join(dir, 'conformance', 'render', `${file}.jsonl.gz`));
    const encoder = new TextEncoder();

    test('decode without error and without anything unsupported', () => {
      expect(all).toHaveLength(records);
      const failed: string[] = [];
      for (const record of all) {
        const result = decodeBytes(encoder.encode(record.json));
        if (!result.ok) failed.push(`${nameOf(record)}: ${result.problem.code} ${result.problem.path}`);
        else failed.push(...unsupportedIn(result.value).map((name) => `${nameOf(record)}: unsupported ${name}`));
      }
      // The one that nft itself cut short.
      const truncated = 'owner/dumps/0002-persist.nft (1.0.6, loaded by 1.1.7): NFT-JSON-002 nftables[1].table.flags';
      expect(failed).toEqual(file === 'upstream/shell' ? [truncated] : []);
    });

    test('the text answers every omission that it can, with handles and without', { timeout: 30_000 }, () => {
      const left: string[] = [];
      for (const record of all) {
        const result = decodeBytes(encoder.encode(record.json));
        if (!result.ok) continue;
        const supplemented = supplementFromText(result.value, record.textHandles);
        expect(supplementFromText(result.value, record.text)).toEqual(supplemented);
        const untold = supplemented.omissions.filter(({ what }) => !UNTOLD.has(what));
        left.push(...untold.map(({ what, where }) => `${nameOf(record)}: ${what} ${where}`));
      }
      expect(left).toEqual([]);
    });

    test('1.0.6 with its text says what 1.1.3 says', () => {
      const differences: string[] = [];
      const recent = new Map(
        all.filter(({ nftVersion }) => nftVersion === '1.1.3').map((record) => [keyOf(record), record]),
      );
      for (const record of all.filter(({ nftVersion }) => nftVersion === '1.0.6')) {
        const other = recent.get(keyOf(record));
        if (other === undefined) continue;
        const [a, b] = [record, other].map((each) => decodeBytes(encoder.encode(each.json)));
        if (!a?.ok || !b?.ok) continue;
        const older = declarationsOf(supplementFromText(a.value, record.textHandles));
        const newer = declarationsOf(supplementFromText(b.value, other.textHandles));
        for (const [name, value] of older) {
          if (newer.has(name) && newer.get(name) !== value) differences.push(`${record.id}: ${name}`);
        }
      }
      expect(differences).toEqual(file === 'upstream/shell' ? UNEQUAL : []);
    });
  });
});

const keyOf = ({ id, loadedBy }: ListingRecord): string => `${id} ${loadedBy}`;

/** Where the text of 1.0.6 itself says less than that of 1.1.3. */
const UNEQUAL = [
  'maps/dumps/typeof_maps_add_delete.nft: ip dynset input 9 statement 0',
  'sets/dumps/0067nat_concat_interval_0.nft: ip nat ipportmap4 type',
  'sets/dumps/0067nat_concat_interval_0.nft: ip nat ipportmap5 type',
  'sets/dumps/inner_0.nft: netdev x x type',
  'sets/dumps/inner_0.nft: netdev x y type',
];

/** The facts that supplementing adds, by where they stand. */
function declarationsOf({ tables }: Ruleset): Map<string, string> {
  const facts = new Map<string, unknown>();
  for (const table of tables) {
    const where = `${table.family} ${table.name}`;
    facts.set(`${where} table`, [table.comment, table.flags]);
    for (const set of table.sets) {
      facts.set(`${where} ${set.name} flags`, [set.flags, set.autoMerge, set.comment]);
      facts.set(`${where} ${set.name} type`, [set.type, set.data]);
      facts.set(
        `${where} ${set.name} statements`,
        set.elements.map(({ statements }) => statements?.length),
      );
    }
    for (const flowtable of table.flowtables) facts.set(`${where} ${flowtable.name} flowtable`, flowtable);
    for (const chain of table.chains) {
      facts.set(`${where} ${chain.name} chain`, [chain.comment, chain.base]);
      for (const rule of chain.rules) {
        for (const [index, statement] of rule.statements.entries()) {
          const isUpdate =
            statement.kind === 'mapUpdate' || statement.kind === 'setUpdate' || statement.kind === 'text';
          if (isUpdate) facts.set(`${where} ${chain.name} ${rule.handle} statement ${index}`, statement);
        }
      }
    }
  }
  return new Map([...facts].map(([name, value]) => [name, JSON.stringify(value)]));
}

// ---------------------------------------------------------------------------------------------------------- captures

interface CapturedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

async function capturedFiles(path: string): Promise<readonly CapturedFile[]> {
  if (path.endsWith('.tar.gz')) {
    const entries = await unpackTar(gunzipSync(readFileSync(path)));
    return entries.flatMap(({ header, data }) => (data === undefined ? [] : [{ name: header.name, bytes: data }]));
  }
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /nft[^/]*\.(json|txt)$|errors\.json$/.test(name));
  return files.map((name) => ({ name, bytes: readFileSync(join(path, name)) }));
}

describeShared('captures', (dir) => {
  const captures = join(dir, 'captures');
  const inFolder = (folder: string): readonly string[] =>
    readdirSync(join(captures, folder))
      .filter((name) => name.endsWith('.tar.gz') || existsSync(join(captures, folder, name, 'nodes')))
      .map((name) => join(folder, name));

  test.each([...inFolder('.'), ...inFolder('faults')])('%s', async (capture) => {
    const files = await capturedFiles(join(captures, capture));
    const listings = files.filter(({ name }) => /\/nft(-[\d.]+)?\.json$/.test(`/${name}`));
    expect(listings.length).toBeGreaterThan(0);
    for (const { name, bytes } of listings) {
      const result = decodeBytes(bytes);
      if (bytes.length === 0) {
        expect(result).toMatchObject({ ok: false, problem: { code: 'NFT-JSON-001' } });
        continue;
      }
      expect(result).toMatchObject({ ok: true });
      if (!result.ok) continue;
      expect(unsupportedIn(result.value)).toEqual([]);
      const text = files.find((file) => file.name === name.replace(/\.json$/, '.txt'));
      if (text === undefined) continue;
      expect(supplementFromText(result.value, new TextDecoder().decode(text.bytes)).omissions).toEqual([]);
    }
  });
});
