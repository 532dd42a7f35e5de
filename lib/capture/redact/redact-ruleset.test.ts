import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRuleset } from '../../decode/decode-ruleset';
import { formatIpv4, parseIpv4 } from '../../net/address';
import { redactRuleset } from './redact-ruleset';
import { redactIptablesSave, redactNftText } from './redact-text';
import { renamingOf, unchanging, wordsOf } from './testing/renamings';

const renaming = renamingOf('secret');
const words = wordsOf(renaming);
const at = (address: string) => renaming.addresses.text(address) ?? '';
const net = (address: string, len: number) => words.network(address, String(len))?.split('/')[0];

function expression(statement: object, with_ = words): unknown {
  const listing = { nftables: [{ rule: { family: 'ip', table: 't', chain: 'c', handle: 1, expr: [statement] } }] };
  const redacted = redactRuleset(listing, with_) as { nftables: { rule: { expr: unknown[] } }[] };
  return redacted.nftables[0]?.rule.expr[0];
}
const saddr = { payload: { protocol: 'ip', field: 'saddr' } };
const numberOf = (address: string): number => parseIpv4(address) ?? Number.NaN;
const numerically = (a: string, b: string): number => numberOf(a) - numberOf(b);
const LOST = { redacted: true };

describe('expressions', () => {
  test.each([
    { name: 'an address', right: '192.0.2.1', want: at('192.0.2.1') },
    {
      name: 'a prefix',
      right: { prefix: { addr: '192.0.2.0', len: 24 } },
      want: { prefix: { addr: net('192.0.2.0', 24), len: 24 } },
    },
    { name: 'a set', right: '@s', want: '@s' },
    {
      name: 'an anonymous set',
      right: { set: ['192.0.2.1', '192.0.2.9'] },
      want: { set: [at('192.0.2.1'), at('192.0.2.9')].sort(numerically) },
    },
    {
      name: 'a range',
      right: { range: ['192.0.2.5', '192.0.2.8'] },
      want: { set: [at('192.0.2.5'), { prefix: { addr: net('192.0.2.6', 31), len: 31 } }, at('192.0.2.8')] },
    },
  ])('$name', ({ right, want }) => {
    expect(expression({ match: { op: '==', left: saddr, right } })).toEqual({
      match: { op: '==', left: saddr, right: want },
    });
  });

  test.each([
    {
      name: 'greater than an address',
      match: { op: '>', left: saddr, right: '192.0.2.1' },
      want: { op: '>', left: saddr, right: LOST },
    },
    {
      name: 'a mask with holes',
      match: { op: '==', left: { '&': [saddr, '255.0.0.255'] }, right: '192.0.0.1' },
      want: { op: '==', left: LOST, right: LOST },
    },
    {
      name: 'bytes of the header by offset',
      match: { op: '==', left: { payload: { base: 'nh', offset: 96, len: 32 } }, right: 3221225985 },
      want: { op: '==', left: LOST, right: LOST },
    },
  ])('$name cannot be kept', ({ match, want }) => {
    expect(expression({ match })).toEqual({ match: want });
  });

  test.each([
    { mask: 'ff:ff:00:00:00:00', isKept: true },
    { mask: 'ff:00:ff:00:00:00', isKept: false },
  ])('the first bytes of a MAC address: mask $mask', ({ mask, isKept }) => {
    const left = { '&': [{ payload: { protocol: 'ether', field: 'saddr' } }, mask] };
    const first = `${at('02:11:22:33:44:55').slice(0, 5)}:00:00:00:00`;
    expect(expression({ match: { op: '==', left, right: '02:11:00:00:00:00' } })).toEqual({
      match: isKept ? { op: '==', left, right: first } : { op: '==', left: LOST, right: LOST },
    });
  });

  test('a mask of a prefix is kept', () => {
    const match = { op: '==', left: { '&': [saddr, '255.255.255.0'] }, right: '192.0.2.0' };
    expect(expression({ match })).toEqual({ match: { ...match, right: net('192.0.2.0', 24) } });
  });

  test('a hash of addresses, and a translation from network to network, cannot be kept', () => {
    expect(
      expression({ mangle: { key: { meta: { key: 'mark' } }, value: { jhash: { mod: 2, expr: saddr } } } }),
    ).toEqual({
      mangle: { key: { meta: { key: 'mark' } }, value: LOST },
    });
    const dnat = { addr: { map: { key: saddr, data: '@m' } }, type_flags: 'prefix' };
    expect(expression({ dnat })).toEqual({ dnat: LOST });
    expect(expression({ snat: { addr: { range: ['192.0.2.5', '192.0.2.8'] } } })).toEqual({ snat: { addr: LOST } });
  });

  test('ports, marks and interfaces stay', () => {
    for (const match of [
      { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: { range: [80, 90] } },
      { op: '==', left: { '&': [{ meta: { key: 'mark' } }, 16384] }, right: 16384 },
      { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth0' },
      { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] },
    ])
      expect(expression({ match })).toEqual({ match });
  });

  test('statements that are text, log prefixes, jumps', () => {
    expect(expression({ log: { prefix: 'from Alice: ' } })).toEqual({
      log: { prefix: expect.stringMatching(/^redacted /) },
    });
    expect(expression({ jump: { target: 'service-PFISGYVC-default/web/tcp/' } })).toEqual({
      jump: { target: words.identifier('service-PFISGYVC-default/web/tcp/') },
    });
  });
});

test('an anonymous set has the replaced addresses and no others, sorted, and nothing in it touches', () => {
  const part = fc.record({ start: fc.integer({ min: 0, max: 255 }), len: fc.integer({ min: 26, max: 32 }) });
  const bounds = (member: unknown): readonly [number, number] => {
    const { range, prefix } = Object(member) as { range?: [string, string]; prefix?: { addr: string; len: number } };
    const from = numberOf(range?.[0] ?? prefix?.addr ?? String(member));
    const to = range === undefined ? from + 2 ** (32 - (prefix?.len ?? 32)) - 1 : numberOf(range[1]);
    return [from, to];
  };
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const networks = parts.map(({ start, len }) => {
        const from = numberOf('198.51.100.0') + Math.floor(start / 2 ** (32 - len)) * 2 ** (32 - len);
        return { from, to: from + 2 ** (32 - len) - 1, member: { prefix: { addr: formatIpv4(from), len } } };
      });
      const { match } = expression({
        match: { op: '==', left: saddr, right: { set: networks.map(({ member }) => member) } },
      }) as { match: { right: { set: unknown[] } } };
      const intervals = match.right.set.map(bounds);
      for (const [index, [from]] of intervals.entries())
        if (index > 0) expect(from).toBeGreaterThan((intervals[index - 1]?.[1] ?? 0) + 1);
      for (let value = numberOf('198.51.100.0'); value <= numberOf('198.51.100.255'); value += 1) {
        const isIn = networks.some(({ from, to }) => from <= value && value <= to);
        const other = renaming.addresses.ipv4(value);
        expect(intervals.some(([from, to]) => from <= other && other <= to)).toBe(isIn);
      }
    }),
    { numRuns: 50 },
  );
});

test('elements of intervals become those of prefixes, with what belongs to them', () => {
  const map = {
    family: 'ip',
    name: 'm',
    table: 't',
    type: ['ipv4_addr', 'inet_service'],
    map: 'verdict',
    elem: [
      [{ concat: [{ range: ['192.0.2.5', '192.0.2.6'] }, 80] }, { drop: null }],
      [{ elem: { val: { concat: ['192.0.2.9', 81] }, comment: 'mine', expires: 5 } }, { goto: { target: 'x' } }],
    ],
  };
  expect(redactRuleset({ nftables: [{ map }] }, words)).toEqual({
    nftables: [
      {
        map: {
          ...map,
          elem: [
            [{ concat: [at('192.0.2.5'), 80] }, { drop: null }],
            [{ concat: [at('192.0.2.6'), 80] }, { drop: null }],
            [
              { elem: { val: { concat: [at('192.0.2.9'), 81] }, comment: words.comment('mine'), expires: 5 } },
              { goto: { target: 'x' } },
            ],
          ],
        },
      },
    ],
  });
});

describe('texts', () => {
  const SERVICE = 'service-PFISGYVC-default/web/tcp/';
  test.each([
    {
      line: '\t\tip saddr 192.0.2.1 drop comment "mine" # handle 4',
      want: `\t\tip saddr ${at('192.0.2.1')} drop comment "${words.comment('mine')}" # handle 4`,
    },
    {
      line: '\t\tip daddr != 192.0.2.0/24 tcp dport 80-90 accept',
      want: `\t\tip daddr != ${net('192.0.2.0', 24)}/24 tcp dport 80-90 accept`,
    },
    {
      line: '\t\tip saddr 192.0.2.5-192.0.2.6 drop',
      want: `\t\tip saddr { ${at('192.0.2.5')}, ${at('192.0.2.6')} } drop`,
    },
    {
      line: '\t\telements = { 192.0.2.5-192.0.2.6, 192.0.2.9 }',
      want: `\t\telements = { ${at('192.0.2.5')}, ${at('192.0.2.6')}, ${at('192.0.2.9')} }`,
    },
    { line: '\t\tdnat to 192.0.2.1:80', want: `\t\tdnat to ${at('192.0.2.1')}:80` },
    { line: '\t\tdnat ip6 to [2001:db8::1]:80', want: `\t\tdnat ip6 to [${at('2001:db8::1')}]:80` },
    { line: `\t\tgoto ${SERVICE} # handle 9`, want: `\t\tgoto ${words.identifier(SERVICE)} # handle 9` },
    { line: '\t\t@nh,96,32 0xc0000201 drop # handle 5', want: '\t\tredacted # handle 5' },
    { line: '\t\tiifname "eth0" accept', want: '\t\tiifname "eth0" accept' },
  ])('$line', ({ line, want }) => {
    expect(redactNftText(line, words, new Set([SERVICE]))).toBe(want);
  });

  test.each([
    {
      line: '-A INPUT -s 192.0.2.1/32 -m comment --comment "for Alice" -j DROP',
      want: `-A INPUT -s ${at('192.0.2.1')}/32 -m comment --comment "${words.comment('for Alice')}" -j DROP`,
    },
    {
      line: '-A INPUT -m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP',
      want: '-A INPUT -m iprange --src-range redacted -j DROP',
    },
    { line: '-A INPUT -s 192.0.2.1/255.0.0.255 -j DROP', want: '-A INPUT -s redacted -j DROP' },
    {
      line: '-A X -j DNAT --to-destination 192.0.2.1:80-90',
      want: `-A X -j DNAT --to-destination ${at('192.0.2.1')}:80-90`,
    },
    {
      line: '-A X -m string --string "secret \\"word" --algo bm -j DROP',
      want: '-A X -m string --string redacted --algo bm -j DROP',
    },
  ])('$line', ({ line, want }) => {
    expect(redactIptablesSave(line, words)).toBe(want);
  });

  test('where nothing is renamed the text stays', () => {
    const same = wordsOf(unchanging());
    const line =
      '\t\tip saddr . tcp dport vmap { 192.0.2.1 . 80 : goto c, 192.0.2.0/24 . 81-90 : drop } comment "masquerade"';
    expect(redactNftText(line, same, new Set(['c']))).toBe(line);
  });
});

describe('the gateway of an ICMP redirect, which nft prints as a number', () => {
  const gateway = { payload: { protocol: 'icmp', field: 'gateway' } };
  const table = { table: { family: 'ip', name: 't', handle: 1 } };
  const chain = { chain: { family: 'ip', table: 't', name: 'c', handle: 1 } };
  const readable = (items: readonly object[]) => decodeRuleset({ nftables: [table, chain, ...items] }).ok;
  const number = 3405803862;
  test.each([
    { name: 'compared', statement: { match: { op: '==', left: gateway, right: number } } },
    {
      name: 'in a set',
      statement: { match: { op: '==', left: gateway, right: { set: [number, { range: [number, number + 1] }] } } },
    },
    { name: 'masked', statement: { match: { op: '==', left: { '&': [gateway, 4294967040] }, right: number } } },
    { name: 'in a map', statement: { vmap: { key: gateway, data: { set: [[number, { drop: null }]] } } } },
    { name: 'written', statement: { mangle: { key: gateway, value: number } } },
  ])('$name', ({ statement }) => {
    const redacted = expression(statement);
    expect(JSON.stringify(redacted)).not.toContain('34058038');
    expect(readable([{ rule: { family: 'ip', table: 't', chain: 'c', handle: 2, expr: [redacted] } }])).toBe(true);
  });

  test('elements of a set of its type', () => {
    const set = { family: 'ip', table: 't', name: 's', handle: 1, type: { typeof: gateway }, elem: [number] };
    const map = { ...set, name: 'm', map: 'verdict', elem: [[number, { drop: null }]] };
    const { nftables } = redactRuleset({ nftables: [{ set }, { map }] }, wordsOf(unchanging())) as {
      nftables: object[];
    };
    expect(JSON.stringify(nftables)).not.toContain(String(number));
    expect(readable(nftables)).toBe(true);
  });

  test('in text', () => {
    const line = `\t\ticmp gateway ${number} drop # handle 5`;
    expect(redactNftText(line, words, new Set())).toBe('\t\tredacted # handle 5');
  });
});
