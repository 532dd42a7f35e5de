import { describe, expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { Family, Rule } from '../nft/model';
import type { RenderContext } from './context';
import { renderContext } from './context';
import { renderElement, renderExpression, renderRule, renderRuleTokens, renderStatement } from './render-rule';

interface Row {
  /** The statements of a rule, as in the JSON. */
  readonly expr: readonly unknown[];
  readonly text: string;
  readonly family?: Family;
  /** 1.1.7 where absent. */
  readonly version?: string;
  readonly sets?: readonly Readonly<Record<string, unknown>>[];
}

function decodeRule({ expr, family = 'inet', version = '1.1.7', sets = [] }: Row): [Rule, RenderContext] {
  const place = { family, table: 't' };
  const result = decodeRuleset({
    nftables: [
      { metainfo: { version } },
      { table: { family, name: 't', handle: 1 } },
      { chain: { ...place, name: 'c', handle: 2 } },
      ...sets.map((set) => ({ [set.map === undefined ? 'set' : 'map']: { ...place, handle: 3, ...set } })),
      { rule: { ...place, chain: 'c', handle: 4, expr } },
    ],
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  const table = result.value.tables[0];
  const rule = table?.chains[0]?.rules[0];
  if (table === undefined || rule === undefined) throw new Error('no rule');
  return [rule, renderContext(table, version)];
}

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const ct = (key: string, dir?: string) => ({ ct: dir === undefined ? { key } : { key, dir } });
const match = (left: unknown, right: unknown, op = '==') => [{ match: { op, left, right } }];
const mangle = (key: unknown, value: unknown) => [{ mangle: { key, value } }];
const set = (...members: readonly unknown[]) => ({ set: members });
const prefix = (addr: string, len: number) => ({ prefix: { addr, len } });
const range = (from: unknown, to: unknown) => ({ range: [from, to] });
const concat = (...parts: readonly unknown[]) => ({ concat: parts });
const map = (key: unknown, data: unknown) => ({ map: { key, data } });

const saddr = payload('ip', 'saddr');
const daddr = payload('ip', 'daddr');
const dport = payload('tcp', 'dport');
const flags = payload('tcp', 'flags');

const ROWS: readonly Row[] = [
  // ------------------------------------------------------------------------------------------------------- verdicts
  { expr: [{ accept: null }], text: 'accept' },
  { expr: [{ drop: null }], text: 'drop' },
  { expr: [{ continue: null }], text: 'continue' },
  { expr: [{ return: null }], text: 'return' },
  { expr: [{ jump: { target: 'web in' } }], text: 'jump web in' },
  { expr: [{ goto: { target: 'accept' } }], text: 'goto accept' },
  {
    expr: [{ vmap: { key: dport, data: set([7, { accept: null }], [range(8, 9), { jump: { target: 'x' } }]) } }],
    text: 'tcp dport vmap { 7 : accept, 8-9 : jump x }',
  },
  { expr: [{ vmap: { key: daddr, data: '@m' } }], text: 'ip daddr vmap @m' },
  {
    expr: [
      {
        vmap: {
          key: meta('iif'),
          data: set([{ elem: { val: 'lo', counter: { packets: 1, bytes: 2 } } }, { drop: null }]),
        },
      },
    ],
    text: 'iif vmap { "lo" counter packets 1 bytes 2 : drop }',
  },

  // ------------------------------------------------------------------------------------------------- right-hand sides
  { expr: match(dport, 22), text: 'tcp dport 22' },
  { expr: match(dport, range(22, 23), '!='), text: 'tcp dport != 22-23' },
  { expr: match(dport, 1024, '>='), text: 'tcp dport >= 1024' },
  { expr: match(dport, set(22, range(80, 90))), text: 'tcp dport { 22, 80-90 }' },
  { expr: match(dport, set(1, 2), '!='), text: 'tcp dport != { 1, 2 }' },
  { expr: match(saddr, prefix('10.0.0.0', 8)), text: 'ip saddr 10.0.0.0/8' },
  { expr: match(saddr, '@friends', '!='), text: 'ip saddr != @friends' },
  { expr: match({ '&': [saddr, '255.0.255.0'] }, '10.0.9.0'), text: 'ip saddr & 255.0.255.0 == 10.0.9.0' },
  { expr: match(concat(saddr, dport), set(concat('10.0.0.1', 80))), text: 'ip saddr . tcp dport { 10.0.0.1 . 80 }' },
  {
    expr: match(concat(saddr, 'lo'), '@s'),
    sets: [{ name: 's', type: ['ipv4_addr', 'iface_index'] }],
    text: 'ip saddr . "lo" @s',
  },

  // ------------------------------------------------------------------------------------------------------ bit fields
  { expr: match(ct('state'), ['established', 'related'], 'in'), text: 'ct state established,related' },
  { expr: match(ct('state'), 'new', 'in'), text: 'ct state new' },
  { expr: match(ct('state'), 'invalid', '!'), text: 'ct state ! invalid' },
  { expr: match(ct('state'), 'established', '!='), text: 'ct state != established' },
  { expr: match(ct('state'), set('established', 'new')), text: 'ct state { established, new }' },
  { expr: match(flags, 'syn', 'in'), text: 'tcp flags syn' },
  { expr: match(flags, 'syn'), text: 'tcp flags == syn' },
  { expr: match(flags, 0), text: 'tcp flags == 0x0' },
  { expr: match(flags, { '|': ['fin', 'syn'] }), text: 'tcp flags == fin | syn' },
  { expr: match(flags, set({ '|': ['syn', 'ack'] }, 'syn')), text: 'tcp flags { syn | ack, syn }' },
  {
    expr: match({ '&': [flags, { '|': ['fin', 'syn'] }] }, 'syn'),
    text: 'tcp flags & (fin | syn) == syn',
  },
  {
    version: '1.0.6',
    expr: match({ '&': [flags, { '|': [{ '|': ['fin', 'syn'] }, 'rst'] }] }, 'syn', '!='),
    text: 'tcp flags != syn / fin,syn,rst',
  },
  { version: '1.0.6', expr: match({ '&': [flags, 'syn'] }, 'syn'), text: 'tcp flags & syn == syn' },
  { expr: match(payload('comp', 'flags'), 0), text: 'comp flags 0x0' },

  // ------------------------------------------------------------------------------------------------- values by type
  { expr: match(meta('mark'), 291), text: 'meta mark 0x00000123' },
  { expr: match({ '&': [meta('mark'), 255] }, 18), text: 'meta mark & 0x000000ff == 0x00000012' },
  { expr: match(meta('iifname'), 'eth*'), text: 'iifname "eth*"' },
  { expr: match(meta('oif'), '22'), text: 'oif 22' },
  { expr: match(meta('iifgroup'), 'default'), text: 'iifgroup "default"' },
  { expr: match(meta('l4proto'), set('tcp', 200)), text: 'meta l4proto { tcp, 200 }' },
  { expr: match(meta('priority'), '1:ffff'), text: 'meta priority 1:ffff' },
  { expr: match(meta('hour'), range('09:30', '17:45')), text: 'meta hour "09:30"-"17:45"' },
  { expr: match(meta('day'), 'Monday'), text: 'meta day "Monday"' },
  { expr: match(meta('ipsec'), false), text: 'meta ipsec missing' },
  { expr: match(meta('protocol'), 'ip'), text: 'meta protocol ip' },
  { expr: match(payload('ether', 'type'), 0x88cc), text: 'ether type 0x88cc' },
  { expr: match(payload('ip', 'dscp'), set(3, 'ef')), text: 'ip dscp { 0x03, ef }' },
  { expr: match(payload('ip', 'frag-off'), 8191), text: 'ip frag-off 0x1fff' },
  { version: '1.0.6', expr: match(payload('ip', 'frag-off'), 8191), text: 'ip frag-off 8191' },
  { expr: match(payload('arp', 'operation'), range('request', 'reply')), text: 'arp operation 1-2' },
  { expr: match({ rt: { key: 'classid' } }, '5'), text: 'rt classid 5' },
  { expr: match({ rt: { key: 'nexthop', family: 'ip' } }, '192.0.2.1'), text: 'rt ip nexthop 192.0.2.1' },
  { expr: match(ct('expiration'), 5400), text: 'ct expiration 1h30m' },
  { expr: match(ct('expiration'), range(60, 3600)), text: 'ct expiration 60s-3600s' },
  { expr: match(ct('bytes'), -1), text: 'ct bytes 18446744073709551615' },
  { expr: match(ct('zone', 'original'), 3), text: 'ct original zone 3' },
  { expr: match(ct('saddr', 'original'), '10.0.0.1'), text: 'ct original ip saddr 10.0.0.1' },
  { expr: match(ct('helper'), 'ftp'), text: 'ct helper "ftp"' },
  { expr: match({ payload: { base: 'll', offset: 0, len: 16 } }, 0x1234), text: '@ll,0,16 0x1234' },
  {
    expr: match({ payload: { tunnel: 'vxlan', protocol: 'vxlan', field: 'vni' } }, 10),
    text: 'vxlan vni 10',
  },
  {
    expr: match({ payload: { tunnel: 'gre', protocol: 'ip', field: 'saddr' } }, '10.0.0.1'),
    text: 'gre ip saddr 10.0.0.1',
  },
  { expr: match({ exthdr: { name: 'hbh' } }, true), text: 'exthdr hbh exists' },
  { expr: match({ exthdr: { name: 'frag', field: 'more-fragments' } }, 1), text: 'frag more-fragments 1' },
  {
    expr: match({ 'tcp option': { name: 'maxseg', field: 'size' } }, range(1, 1300)),
    text: 'tcp option maxseg size 1-1300',
  },
  { expr: match({ 'tcp option': { base: 254, offset: 0, len: 8 } }, true), text: 'tcp option 254 exists' },
  { expr: match({ 'tcp option': { base: 255, offset: 8, len: 8 } }, 255), text: 'tcp option @255,8,8 255' },
  { expr: match({ 'ip option': { name: 'lsrr', field: 'ptr' } }, 1), text: 'ip option lsrr ptr 1' },
  { expr: match({ 'sctp chunk': { name: 'sack' } }, false), text: 'sctp chunk sack missing' },
  { expr: match({ 'dccp option': { type: 0 } }, true), text: 'dccp option 0 exists' },
  { expr: match({ fib: { result: 'type', flags: ['daddr', 'iif'] } }, 'local'), text: 'fib daddr . iif type local' },
  { expr: match({ fib: { result: 'oif', flags: ['saddr'] } }, false), text: 'fib saddr check missing' },
  { version: '1.1.3', expr: match({ fib: { result: 'oif', flags: ['saddr'] } }, false), text: 'fib saddr oif missing' },
  { expr: match({ socket: { key: 'cgroupv2', level: 2 } }, 'a/b'), text: 'socket cgroupv2 level 2 "a/b"' },
  { expr: match({ osf: { key: 'version', ttl: 'loose' } }, 'Linux:4.20'), text: 'osf ttl loose version "Linux:4.20"' },
  {
    expr: match({ ipsec: { key: 'daddr', family: 'ip6', dir: 'in', spnum: 1 } }, '::1'),
    text: 'ipsec in spnum 1 ip6 daddr ::1',
  },
  { expr: match({ numgen: { mode: 'inc', mod: 10, offset: 100 } }, 105), text: 'numgen inc mod 10 offset 100 105' },

  // -------------------------------------------------------------------------------------------------------- counting
  { expr: [{ counter: { packets: 1, bytes: 2 } }], text: 'counter packets 1 bytes 2' },
  { expr: [{ counter: 'c0' }], text: 'counter name "c0"' },
  { expr: [{ counter: map(dport, '@g') }], text: 'counter name tcp dport map @g' },
  { expr: [{ quota: { val: 100, val_unit: 'bytes' } }], text: 'quota 100 bytes' },
  {
    expr: [{ quota: { val: 1, val_unit: 'kbytes', inv: true, used: 300, used_unit: 'bytes' } }],
    text: 'quota over 1 kbytes used 300 bytes',
  },
  { expr: [{ limit: { rate: 7, burst: 5, per: 'minute' } }], text: 'limit rate 7/minute burst 5 packets' },
  { version: '1.0.6', expr: [{ limit: { rate: 7, burst: 5, per: 'minute' } }], text: 'limit rate 7/minute' },
  {
    expr: [{ limit: { rate: 1, burst: 2, per: 'second', rate_unit: 'kbytes', burst_unit: 'kbytes', inv: true } }],
    text: 'limit rate over 1 kbytes/second burst 2 kbytes',
  },
  { expr: [{ 'ct count': { val: 100, inv: true } }], text: 'ct count over 100' },
  { expr: [{ last: null }], text: 'last used never' },
  { expr: [{ last: { used: 59992 } }], text: 'last used 59s992ms' },

  // ------------------------------------------------------------------------------------------------- marks and packets
  { expr: mangle(meta('mark'), 0x4000), text: 'meta mark set 0x00004000' },
  { expr: mangle(meta('mark'), { '|': [meta('mark'), 16384] }), text: 'meta mark set meta mark | 0x00004000' },
  {
    expr: mangle(meta('mark'), { '|': [{ '&': [meta('mark'), 0xffff0012] }, 0x12] }),
    text: 'meta mark set meta mark & 0xffff0012 | 0x00000012',
  },
  { expr: mangle(meta('mark'), { '<<': [ct('mark'), 3] }), text: 'meta mark set ct mark << 3' },
  { expr: mangle(ct('mark'), { '|': [payload('ip', 'dscp'), 4] }), text: 'ct mark set ip dscp | 0x04' },
  {
    expr: mangle(meta('mark'), map(daddr, set(['10.0.0.1', 1], ['*', 2]))),
    text: 'meta mark set ip daddr map { 10.0.0.1 : 0x00000001, * : 0x00000002 }',
  },
  { expr: mangle(ct('event'), ['new', 'destroy']), text: 'ct event set new,destroy' },
  { expr: mangle(payload('ip', 'ttl'), 5), text: 'ip ttl set 5' },
  {
    expr: mangle(meta('mark'), { jhash: { mod: 2, seed: 0xdeadbeef, expr: concat(saddr, daddr) } }),
    text: 'meta mark set jhash ip saddr . ip daddr mod 2 seed 0xdeadbeef',
  },
  { expr: [{ reset: { 'tcp option': { name: 'fastopen' } } }], text: 'reset tcp option fastopen' },
  { expr: [{ reset: { 'tcp option': { base: 9, offset: 0, len: 0 } } }], text: 'reset tcp option 9' },
  { expr: [{ notrack: null }], text: 'notrack' },

  // ------------------------------------------------------------------------------------------------ where packets go
  { expr: [{ dnat: { addr: '10.0.0.1', port: 80 } }], family: 'ip', text: 'dnat to 10.0.0.1:80' },
  { expr: [{ dnat: { port: 80 } }], family: 'ip', text: 'dnat to :80' },
  {
    expr: [{ dnat: { family: 'ip6', addr: '2001:db8::1', port: 80, flags: ['random', 'persistent'] } }],
    text: 'dnat ip6 to [2001:db8::1]:80 random,persistent',
  },
  {
    expr: [{ dnat: { addr: range('fd00::1', 'fd00::9'), port: range(1, 2) } }],
    family: 'ip6',
    text: 'dnat to [fd00::1]-[fd00::9]:1-2',
  },
  { expr: [{ dnat: { addr: range('fd00::1', 'fd00::9') } }], family: 'ip6', text: 'dnat to fd00::1-fd00::9' },
  {
    expr: [{ dnat: { family: 'ip', addr: map(daddr, '@m'), flags: ['netmap'], type_flags: ['prefix'] } }],
    text: 'dnat ip prefix to ip daddr map @m',
  },
  {
    expr: [
      {
        dnat: {
          family: 'ip',
          addr: map({ numgen: { mode: 'random', mod: 1, offset: 0 } }, set([0, concat('10.0.0.1', 80)])),
        },
      },
    ],
    text: 'dnat ip to numgen random mod 1 map { 0 : 10.0.0.1 . 80 }',
  },
  {
    expr: [{ snat: { addr: '10.0.0.1', flags: 'fully-random' } }],
    family: 'ip',
    text: 'snat to 10.0.0.1 fully-random',
  },
  { expr: [{ masquerade: null }], text: 'masquerade' },
  { expr: [{ masquerade: { port: range(1024, 2047), flags: ['random'] } }], text: 'masquerade to :1024-2047 random' },
  { expr: [{ redirect: { port: 8080 } }], text: 'redirect to :8080' },
  { expr: [{ tproxy: { family: 'ip6', addr: '::1' } }], text: 'tproxy ip6 to [::1]' },
  { expr: [{ tproxy: { port: 8080 } }], text: 'tproxy to :8080' },
  { expr: [{ dup: { addr: '10.0.0.1', dev: 'lo' } }], family: 'ip', text: 'dup to 10.0.0.1 device "lo"' },
  { expr: [{ dup: { addr: 'lo' } }], family: 'netdev', text: 'dup to "lo"' },
  { expr: [{ fwd: { dev: 'lo' } }], family: 'netdev', text: 'fwd to "lo"' },
  {
    expr: [{ fwd: { dev: 'lo', family: 'ip', addr: '10.0.0.1' } }],
    family: 'netdev',
    text: 'fwd ip to 10.0.0.1 device "lo"',
  },
  { expr: [{ queue: { num: range(4, 5), flags: ['bypass', 'fanout'] } }], text: 'queue flags bypass,fanout to 4-5' },
  { expr: [{ flow: { op: 'add', flowtable: '@ft' } }], text: 'flow add @ft' },
  { expr: [{ reject: { type: 'icmpx', expr: 'port-unreachable' } }], text: 'reject' },
  { expr: [{ reject: { type: 'icmp', expr: 'port-unreachable' } }], family: 'ip', text: 'reject' },
  { expr: [{ reject: { type: 'icmp', expr: 'port-unreachable' } }], text: 'reject with icmp port-unreachable' },
  { expr: [{ reject: { type: 'tcp reset' } }], text: 'reject with tcp reset' },

  // ------------------------------------------------------------------------------------------------------ the others
  { expr: [{ log: null }], text: 'log' },
  {
    expr: [{ log: { prefix: 'x', flags: ['tcp sequence', 'tcp options', 'ip options'] } }],
    text: 'log prefix "x" flags tcp sequence,options flags ip options',
  },
  {
    expr: [{ log: { prefix: 'g ', group: 2, snaplen: 33, 'queue-threshold': 2, level: 'warn' } }],
    text: 'log prefix "g " group 2 snaplen 33 queue-threshold 2',
  },
  {
    expr: [
      { set: { op: 'update', elem: { elem: { val: saddr, timeout: 30 } }, set: '@d', stmt: [{ counter: null }] } },
    ],
    text: 'update @d { ip saddr timeout 30s counter }',
  },
  {
    expr: [{ map: { op: 'add', elem: saddr, data: 7, map: '@m' } }],
    sets: [{ name: 'm', type: 'ipv4_addr', map: 'mark' }],
    text: 'add @m { ip saddr : 0x00000007 }',
  },
  {
    version: '1.0.6',
    expr: [
      {
        meter: { key: saddr, stmt: { limit: { rate: 10, burst: 5, per: 'minute', inv: true } }, size: 9, name: 'ssh' },
      },
    ],
    text: 'meter ssh size 9 { ip saddr limit rate over 10/minute }',
  },
  { expr: [{ 'ct helper': 'ftp-std' }], text: 'ct helper set "ftp-std"' },
  {
    expr: [{ 'ct timeout': map(daddr, set(['10.0.0.1', 'a'])) }],
    text: 'ct timeout set ip daddr map { 10.0.0.1 : "a" }',
  },
  { expr: [{ secmark: 's1' }], text: 'meta secmark set "s1"' },
  { expr: [{ synproxy: null }], text: 'synproxy' },
  {
    expr: [{ synproxy: { wscale: 7, flags: ['timestamp', 'sack-perm'] } }],
    text: 'synproxy mss 0 wscale 7 timestamp sack-perm',
  },
  { expr: [{ synproxy: 'p1' }], text: 'synproxy name "p1"' },
  { expr: [{ tunnel: 'y' }], text: 'tunnel name "y"' },
  { expr: [{ xt: { type: 'match', name: 'physdev' } }], text: 'xt match "physdev"' },
  { version: '1.0.6', expr: [{ xt: { type: 'match', name: 'physdev' } }], text: 'xt match physdev' },
  { expr: [{ novelty: { a: 1 } }], text: '{"novelty":{"a":1}}' },
];

describe('statements', () => {
  test.each(ROWS)('$version $text', (row) => {
    const [rule, ctx] = decodeRule(row);
    expect(renderRule(rule, ctx)).toBe(row.text);
  });
});

describe('tokens', () => {
  test.each(ROWS)('$version $text', (row) => {
    const [rule, ctx] = decodeRule(row);
    const tokens = renderRuleTokens(rule, ctx);
    expect(tokens.map(({ text }) => text).join('')).toBe(row.text);
    expect(tokens.filter(({ text, kind }) => kind !== 'punctuation' && text.trim() !== text)).toEqual([]);
  });

  test('say what they stand for and which statement they belong to', () => {
    const row: Row = {
      expr: [
        ...match(saddr, '@friends'),
        { counter: 'c' },
        { flow: { op: 'add', flowtable: '@ft' } },
        { jump: { target: 'x' } },
      ],
      text: '',
    };
    const [rule, ctx] = decodeRule(row);
    const tokens = renderRuleTokens({ ...rule, comment: 'why' }, ctx).filter(({ text }) => text !== ' ');
    expect(tokens).toEqual([
      { text: 'ip saddr', kind: 'field', statement: 0 },
      { text: '@friends', kind: 'set', ref: { kind: 'set', name: 'friends' }, statement: 0 },
      { text: 'counter name', kind: 'keyword', statement: 1 },
      { text: '"c"', kind: 'name', ref: { kind: 'object', name: 'c' }, statement: 1 },
      { text: 'flow add', kind: 'keyword', statement: 2 },
      { text: '@ft', kind: 'set', ref: { kind: 'flowtable', name: 'ft' }, statement: 2 },
      { text: 'jump', kind: 'verdict', statement: 3 },
      { text: 'x', kind: 'name', ref: { kind: 'chain', name: 'x' }, statement: 3 },
      { text: 'comment "why"', kind: 'comment', statement: -1 },
    ]);
  });
});

describe('parts of a rule', () => {
  test('statement, expression, element', () => {
    const [rule, ctx] = decodeRule({ expr: match(dport, 22), text: '' });
    const [statement] = rule.statements;
    expect(statement && renderStatement(statement, ctx)).toBe('tcp dport 22');
    expect(renderExpression({ kind: 'meta', key: 'mark' }, ctx)).toBe('meta mark');
    expect(renderElement({ key: 'a', timeout: 90, comment: 'c', data: { kind: 'drop' } }, ctx, undefined)).toBe(
      'a timeout 1m30s comment "c" : drop',
    );
  });

  test('a comment is printed as it is, line breaks and all', () => {
    const [rule, ctx] = decodeRule({ expr: [{ accept: null }], text: '' });
    expect(renderRule({ ...rule, comment: 'back\\slash\nand more' }, ctx)).toBe(
      'accept comment "back\\slash\nand more"',
    );
    expect(renderRule({ handle: 1, statements: [], unlisted: false, comment: 'alone' }, ctx)).toBe('comment "alone"');
  });
});
