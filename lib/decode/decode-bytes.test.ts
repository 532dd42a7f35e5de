import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ruleset } from '../nft/model';
import { decodeBytes } from './decode-bytes';
import type { DecodeProblem } from './problem';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const METAINFO = '{"metainfo": {"version": "1.1.7", "release_name": "x", "json_schema_version": 1}}';
const HEAD = `{"nftables": [${METAINFO}, {"table": {"family": "ip", "name": "t", "handle": 1}}, `;
const CHAIN = '{"chain": {"family": "ip", "table": "t", "name": "c", "handle": 2}}';
const rule = (expr: string): string =>
  `{"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 3, "expr": [${expr}]}}`;
const listing = (...members: readonly string[]): string => `${HEAD}${[CHAIN, ...members].join(', ')}]}\n`;

function rulesetOf(text: string): Ruleset {
  const result = decodeBytes(encode(text));
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
}

function problemOf(bytes: Uint8Array): DecodeProblem | undefined {
  const result = decodeBytes(bytes);
  return result.ok ? undefined : result.problem;
}

const counterOf = (text: string): unknown => rulesetOf(text).tables[0]?.chains[0]?.rules[0]?.statements[0];

describe('integers', () => {
  test.each([
    { digits: '9007199254740991', want: 9007199254740991 },
    { digits: '9007199254740993', want: 9007199254740993n },
    { digits: '9223372036854775807', want: 9223372036854775807n },
    { digits: '-1', want: 18446744073709551615n },
    { digits: '-9223372036854775808', want: 9223372036854775808n },
    { digits: '-9007199254740993', want: 18446744073709551616n - 9007199254740993n },
    { digits: '18446744073709551615', want: 18446744073709551615n },
    { digits: '1000000000000000', want: 1000000000000000 },
  ])('$digits', ({ digits, want }) => {
    const text = listing(rule(`{"counter": {"packets": ${digits}, "bytes": 1}}`));
    expect(counterOf(text)).toEqual({ kind: 'counter', packets: want, bytes: 1 });
  });

  test('any unsigned 64-bit value, printed as nft prints it, at any place', () => {
    const value = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 20 }), fc.nat(40), (pairs, indent) => {
        const signed = (unsigned: bigint): bigint => BigInt.asIntN(64, unsigned);
        const space = ' '.repeat(indent);
        const counters = pairs.map(([a, b]) =>
          rule(`{"counter": {"packets": ${space}${signed(a)}, "bytes":${signed(b)}}}`),
        );
        const rules = rulesetOf(listing(...counters)).tables[0]?.chains[0]?.rules ?? [];
        const got = rules.map(({ statements: [counter] }) =>
          counter?.kind === 'counter' ? [BigInt(counter.packets ?? -1), BigInt(counter.bytes ?? -1)] : [],
        );
        expect(got).toEqual(pairs);
        for (const { statements } of rules) {
          for (const count of Object.values(statements[0] ?? {})) {
            // A number is exact, a bigint is no more than needed.
            if (typeof count === 'number') expect(Number.isSafeInteger(count)).toBe(true);
            if (typeof count === 'bigint') expect(Number.isSafeInteger(Number(count))).toBe(false);
          }
        }
      }),
    );
  });

  test('digits in strings stay strings', () => {
    const text = listing(
      '{"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 3, "comment": "n: 9007199254740993, m", "expr": [{"counter": {"packets": 9007199254740993, "bytes": 0}}]}}',
    );
    const [only] = rulesetOf(text).tables[0]?.chains[0]?.rules ?? [];
    expect(only?.comment).toBe('n: 9007199254740993, m');
    expect(only?.statements).toEqual([{ kind: 'counter', packets: 9007199254740993n, bytes: 0 }]);
  });

  test('in a listing that stands twice in the document, of which the last counts', () => {
    const text = `{"nftables": [${METAINFO}, {"a": 9007199254740993}], "nftables": [${METAINFO}, {"b": 9007199254740995}]}`;
    expect(rulesetOf(text).unsupported).toEqual([{ name: 'b', raw: { b: '9007199254740995' } }]);
  });

  test('in a document with more than the listing', () => {
    const text = `{"other": [[9007199254740993]], "nftables": [${METAINFO}, {"big": 9007199254740993}]}`;
    expect(rulesetOf(text).unsupported).toEqual([
      { name: 'big', raw: { big: '9007199254740993' } },
      { name: 'listing.other', raw: [['9007199254740993']] },
    ]);
  });

  test('of more than 64 bits come as strings', () => {
    const hex = '0x112233445566778899aabbccddeeff00';
    const text = listing(
      rule(`{"match": {"op": "==", "left": {"payload": {"base": "th", "offset": 0, "len": 128}}, "right": "${hex}"}}`),
    );
    expect(counterOf(text)).toMatchObject({ right: hex });
  });
});

describe('problems', () => {
  const good = listing(rule('{"accept": null}'));
  test.each([
    { name: 'no bytes', text: '', code: 'NFT-JSON-001', path: '' },
    { name: 'white space', text: ' \n', code: 'NFT-JSON-001', path: '' },
    { name: 'broken off in a name', text: good.slice(0, 140), code: 'NFT-JSON-002', path: 'nftables[1].table.name' },
    // As nft 1.0.6 leaves it, with exit status 0.
    {
      name: 'broken off at flags',
      text: `{"nftables": [${METAINFO}, {"table": {"family": "ip", "name": "t", "handle": 1235, "flags": `,
      code: 'NFT-JSON-002',
      path: 'nftables[1].table.flags',
    },
    {
      name: 'broken off before the last brace',
      text: good.trimEnd().slice(0, -1),
      code: 'NFT-JSON-002',
      path: 'nftables',
    },
    {
      name: 'a warning before',
      text: `# Warning: table ip filter is managed by iptables-nft\n${good}`,
      code: 'NFT-JSON-003',
      path: '',
    },
    { name: 'two listings', text: good + good, code: 'NFT-JSON-003', path: '' },
    {
      name: 'a lost comma',
      text: good.replace('}, {"chain"', '} {"chain"'),
      code: 'NFT-JSON-003',
      path: 'nftables[1]',
    },
    { name: 'text', text: 'table ip t { # handle 1\n}\n', code: 'NFT-JSON-006', path: '' },
    { name: 'a script', text: '#!/usr/sbin/nft -f\n', code: 'NFT-JSON-006', path: '' },
    { name: 'another document', text: '{"kind": "List"}', code: 'NFT-JSON-007', path: '' },
    { name: 'another document with a long number', text: '[9007199254740993]', code: 'NFT-JSON-007', path: '' },
    { name: 'null and a long number', text: '{"nftables": 9007199254740993}', code: 'NFT-JSON-007', path: 'nftables' },
    {
      name: 'commands',
      text: '{"nftables": [{"flush": {"ruleset": null}}]}',
      code: 'NFT-JSON-008',
      path: 'nftables[0]',
    },
    {
      name: 'a type',
      text: listing(rule('{"jump": {"target": 7}}')),
      code: 'NFT-JSON-010',
      path: 'nftables[3].rule.expr[0].jump.target',
    },
    {
      name: 'a type behind a long number',
      text: listing(rule('{"counter": {"packets": 9007199254740993, "bytes": "0"}}')),
      code: 'NFT-JSON-010',
      path: 'nftables[3].rule.expr[0].counter.bytes',
    },
    {
      name: 'a rewritten number',
      text: listing(rule('{"counter": {"packets": 1.8446744073709552e+19, "bytes": 0}}')),
      code: 'NFT-JSON-013',
      path: 'nftables[3].rule.expr[0].counter.packets',
    },
  ])('$name: $code', ({ text, code, path }) => {
    const problem = problemOf(encode(text));
    expect(problem).toMatchObject({ code, path });
    expect(problem?.say).toMatch(/^.{10,}[.:}]/);
    expect(problem?.do).toMatch(/\.$/);
  });

  test('a listing cut at any byte is never taken for a whole one', () => {
    const bytes = encode(good.trimEnd());
    for (let length = 0; length < bytes.length; length++) {
      const problem = problemOf(bytes.subarray(0, length));
      expect(problem?.code).toBe(length === 0 ? 'NFT-JSON-001' : 'NFT-JSON-002');
      if (length > 0) expect(problem?.at).toMatchObject({ offset: length, line: 1, column: length + 1 });
    }
    expect(decodeBytes(bytes).ok).toBe(true);
  });

  test('the place of a syntax error, in bytes and in characters', () => {
    const text = '{"nftables": [\n  {"tåble": x}\n]}';
    expect(problemOf(encode(text))).toMatchObject({
      code: 'NFT-JSON-003',
      path: 'nftables[0]["tåble"]',
      at: { offset: 28, line: 2, column: 13 },
      got: '"x}\\n]}"',
    });
  });

  test('bytes that are not UTF-8', () => {
    const bytes = encode(good);
    bytes[60] = 0xff;
    expect(problemOf(bytes)).toMatchObject({ code: 'NFT-JSON-004', at: { offset: 60, line: 1 } });
    // The end of a character is missing at the end of the file.
    expect(problemOf(Uint8Array.of(0x22, 0xc3))).toMatchObject({ code: 'NFT-JSON-004', at: { offset: 1 } });
    expect(problemOf(Uint8Array.of(0xff, 0xfe, 0x7b, 0))?.code).toBe('NFT-JSON-004');
  });

  test('more than a string can hold', () => {
    const bytes = new Proxy(new Uint8Array(1), {
      get: (target, key) => (key === 'length' ? 600_000_000 : Reflect.get(target, key)),
    });
    expect(problemOf(bytes)?.code).toBe('NFT-JSON-005');
  });

  test('a path of 60,000 steps is told in a line', () => {
    for (const text of [`{"nftables":${'['.repeat(60_000)}`, `${'{"a":'.repeat(60_000)}x`]) {
      const problem = problemOf(encode(text));
      expect(problem?.code).toMatch(/^NFT-JSON-00[23]$/);
      expect(problem?.path).toMatch(/levels/);
      expect(`${problem?.path} ${problem?.say}`.length).toBeLessThan(400);
    }
  });

  test('deeper than the stack', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(problemOf(encode(listing(rule(`{"quantum": ${deep}}`))))?.code).toBe('NFT-JSON-016');
    expect(problemOf(encode(listing(rule(`{"match": {"op": "==", "left": ${deep}, "right": 1}}`))))?.code).toMatch(
      /^NFT-JSON-01[06]$/,
    );
  });
});

test('a byte order mark and line breaks do no harm', () => {
  expect(rulesetOf(`\ufeff${listing()}`).tables[0]?.name).toBe('t');
  expect(rulesetOf(JSON.stringify(JSON.parse(listing()), undefined, 2)).tables[0]?.name).toBe('t');
});
