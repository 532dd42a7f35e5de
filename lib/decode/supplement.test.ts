import { describe, expect, test } from 'vitest';
import type { Ruleset } from '../nft/model';
import { supplementFromText } from './supplement';
import { decoded, listing } from './testing/listing';

const INET = { family: 'inet', table: 't' };
const rule = (chain: string, handle: number, expr?: readonly unknown[]): unknown => ({
  rule: { ...INET, chain, handle, ...(expr === undefined ? {} : { expr }) },
});

/** As nft 1.0.6 prints it. */
const RULESET = decoded(
  listing(
    [
      { table: { family: 'inet', name: 't', handle: 7, flags: 't' } },
      { set: { ...INET, name: 'd', handle: 1, type: 'ipv4_addr', size: 65535, flags: ['timeout'], timeout: 5400 } },
      { set: { ...INET, name: 'i', handle: 2, type: 'ipv4_addr', flags: ['interval'] } },
      {
        set: {
          ...INET,
          name: 'e',
          handle: 3,
          type: 'ipv4_addr',
          stmt: [{ limit: { rate: 1, burst: 5, per: 'second' } }, { counter: null }],
          elem: [{ elem: { val: '10.0.0.1', limit: { rate: 1, burst: 5, per: 'second' } } }],
        },
      },
      { map: { ...INET, name: 'm', handle: 4, type: 'integer', map: 'mark' } },
      { map: { ...INET, name: 'n', handle: 5, type: 'ipv4_addr', map: 'ipv4_addr', flags: ['interval'] } },
      { flowtable: { ...INET, name: 'f', handle: 6, hook: 'ingress', prio: 0, dev: 'lo' } },
      { chain: { ...INET, name: 'in', handle: 8, type: 'filter', hook: 'ingress', prio: 0, policy: 'accept' } },
      { chain: { ...INET, name: 'a b', handle: 9 } },
      rule('a b', 10, [{ accept: null }]),
      rule('a b', 11),
      rule('a b', 12),
    ],
    '1.0.6',
  ),
);

const TEXT = `table inet t { # handle 7
	flags dormant
	comment "the { table"

	set d { # handle 1
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 1h30m
	}

	set i { # handle 2
		type ipv4_addr
		flags interval
		auto-merge
	}

	set e { # handle 3
		type ipv4_addr
		limit rate 1/second counter
		elements = { 10.0.0.1 limit rate 1/second counter packets 1 bytes 2 }
	}

	map m { # handle 4
		typeof vlan id : meta mark
	}

	map n { # handle 5
		type ipv4_addr : interval ipv4_addr
		flags interval
	}

	flowtable f { # handle 6
		hook ingress priority filter
		devices = { lo }
		counter
	}

	chain in { # handle 8
		type filter hook ingress devices = { lo, "eth0" } priority filter; policy accept;
	}

	chain a b { # handle 9
		comment "two
lines"
		accept # handle 10
		update @m { vlan id : 0x00000001 } # handle 11
		last used never # handle 12
	}
}
`;

/** A copy without handles, as \`nft list ruleset\` prints it. */
const withoutHandles = (text: string): string => text.replace(/ # handle \d+/g, '');

const factsOf = (ruleset: Ruleset): readonly string[] =>
  ruleset.omissions.map(({ what, where }) => `${what}: ${where}`);

test('what the JSON of 1.0.6 leaves out', () => {
  expect(factsOf(RULESET).toSorted()).toEqual([
    'chain.comment: every chain',
    'chain.devices: inet t in',
    'element.statements: inet t e',
    'flowtable.counter: inet t f',
    'rule.statements: inet t a b #11',
    'rule.statements: inet t a b #12',
    'set.auto-merge: every set',
    'set.flags: every set',
    'set.type: inet t m',
    'table.comment: every table',
    'table.flags: inet t',
  ]);
});

describe.each([
  { name: 'with handles', text: TEXT },
  { name: 'without handles', text: withoutHandles(TEXT) },
])('the text $name', ({ text }) => {
  const supplemented = supplementFromText(RULESET, text);
  const table = supplemented.tables[0];
  const setOf = (name: string): unknown => table?.sets.find((set) => set.name === name);

  test('supplies the rest', () => {
    expect(table).toMatchObject({ flags: ['dormant'], comment: 'the { table' });
    expect(setOf('d')).toMatchObject({ flags: ['timeout', 'dynamic'] });
    expect(setOf('i')).toMatchObject({ flags: ['interval'], autoMerge: true });
    expect(setOf('e')).toMatchObject({
      autoMerge: false,
      elements: [
        {
          key: '10.0.0.1',
          statements: [
            { kind: 'limit', rate: 1, burst: 5 },
            { kind: 'counter', packets: 1, bytes: 2 },
          ],
        },
      ],
    });
    expect(setOf('m')).toMatchObject({
      type: { kind: 'typeof', expr: { kind: 'payload', protocol: 'vlan', field: 'id' } },
      data: { kind: 'typeof', expr: { kind: 'meta', key: 'mark' } },
    });
    expect(setOf('n')).toMatchObject({ data: { kind: 'types', names: ['ipv4_addr'], interval: true } });
    expect(table?.flowtables[0]).toMatchObject({ counter: true });
    expect(table?.chains[0]?.base?.devices).toEqual(['lo', 'eth0']);
    expect(table?.chains[1]).toMatchObject({ comment: 'two\nlines' });
  });

  test('gives an unlisted rule its text, or the statement it is', () => {
    const [, update, last] = table?.chains[1]?.rules ?? [];
    expect(update).toMatchObject({ unlisted: false, statements: [{ kind: 'mapUpdate', map: 'm', data: 1 }] });
    expect(last).toMatchObject({ unlisted: true, statements: [{ kind: 'text', text: 'last used never' }] });
  });

  test('settles the omissions that it answers, and no other', () => {
    expect(factsOf(supplemented)).toEqual(['rule.statements: inet t a b #12']);
  });
});

describe('a text that does not fit changes nothing it does not say', () => {
  test.each([
    { name: 'empty', text: '' },
    { name: 'JSON', text: '{"nftables": []}' },
    { name: 'another table', text: TEXT.replace('table inet t', 'table ip t') },
    { name: 'a table made anew', text: TEXT.replace('handle 7', 'handle 99') },
  ])('$name', ({ text }) => {
    const supplemented = supplementFromText(RULESET, text);
    expect(supplemented.tables).toEqual(RULESET.tables);
    expect(supplemented.omissions).toEqual(RULESET.omissions);
  });

  test('a block made anew, and a chain with other rules', () => {
    const text = TEXT.replace('set i { # handle 2', 'set i { # handle 22').replace('handle 11', 'handle 111');
    const facts = factsOf(supplementFromText(RULESET, text));
    expect(facts).toContain('set.auto-merge: every set');
    expect(facts).toContain('rule.statements: inet t a b #11');
    expect(facts).not.toContain('chain.devices: inet t in');
    const shorter = withoutHandles(TEXT).replace('\t\taccept\n', '');
    expect(factsOf(supplementFromText(RULESET, shorter))).toContain('rule.statements: inet t a b #11');
  });

  test('elements that are not the same', () => {
    const text = TEXT.replace('elements = { 10.0.0.1', 'elements = { 10.0.0.2');
    const supplemented = supplementFromText(RULESET, text);
    expect(factsOf(supplemented)).toContain('element.statements: inet t e');
    expect(supplemented.tables[0]?.sets[2]).toEqual(RULESET.tables[0]?.sets[2]);
  });

  test('what the JSON says stands', () => {
    const ruleset = decoded(
      listing([
        { table: { family: 'inet', name: 't', handle: 7, comment: 'JSON' } },
        { set: { ...INET, name: 'd', handle: 1, type: 'ipv4_addr' } },
        {
          chain: {
            ...INET,
            name: 'in',
            handle: 8,
            type: 'filter',
            hook: 'ingress',
            prio: 0,
            policy: 'accept',
            dev: 'x',
          },
        },
      ]),
    );
    const [table] = supplementFromText(ruleset, TEXT).tables;
    expect(table).toMatchObject({ comment: 'JSON', flags: [] });
    expect(table?.sets[0]?.flags).toEqual([]);
    expect(table?.chains[0]?.base?.devices).toEqual(['x']);
  });
});

test('an anonymous chain that nft cut in the JSON is whole in the text', () => {
  const inner = Array.from({ length: 60 }, (_, index) => `\t\t\tip saddr 10.0.0.${index} drop\n`).join('');
  const whole = `jump {\n${inner}\t\t}`;
  const ruleset = decoded(
    listing([
      { table: { family: 'inet', name: 't', handle: 7 } },
      { chain: { ...INET, name: 'c', handle: 8 } },
      rule('c', 9, [{ match: { op: '==', left: { meta: { key: 'nfproto' } }, right: 'ipv4' } }, whole.slice(0, 1023)]),
    ]),
  );
  const text = `table inet t { # handle 7\n\tchain c { # handle 8\n\t\tmeta nfproto ipv4 ${whole} # handle 9\n\t}\n}\n`;
  const supplemented = supplementFromText(ruleset, text);
  expect(supplemented.tables[0]?.chains[0]?.rules[0]?.statements[1]).toEqual({ kind: 'text', text: whole });
  // Still text: its rules are not in the model.
  expect(factsOf(supplemented)).toEqual(['rule.statement: inet t c #9']);
});

test('a comment of iptables is not a comment of the rule', () => {
  const ruleset = decoded(
    listing([
      { table: { family: 'inet', name: 't', handle: 7 } },
      { chain: { ...INET, name: 'c', handle: 8 } },
      rule('c', 9, [{ xt: { type: 'match', name: 'comment' } }]),
      rule('c', 10, [{ accept: null }]),
    ]),
  );
  const text = 'table inet t {\n\tchain c {\n\t\t comment "iptables"\n\t\taccept comment "nft"\n\t}\n}\n';
  const rules = supplementFromText(ruleset, text).tables[0]?.chains[0]?.rules;
  expect(rules?.map((each) => each.comment)).toEqual([undefined, 'nft']);
});
