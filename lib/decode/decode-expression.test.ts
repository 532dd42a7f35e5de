import { describe, expect, test } from 'vitest';
import type { Expression } from '../nft/model';
import { listingOfRule, problemOf, statementOf } from './testing/listing';

/** The model of an expression on the left of a match. */
function expressionOf(json: unknown): Expression | undefined {
  const statement = statementOf({ match: { op: '==', left: json, right: 1 } });
  return statement?.kind === 'match' ? statement.left : undefined;
}

const SADDR = { kind: 'payload', protocol: 'ip', field: 'saddr' } as const;
const PAYLOAD = { payload: { protocol: 'ip', field: 'saddr' } };

const ROWS: readonly { readonly json: unknown; readonly want: Expression }[] = [
  { json: '10.0.0.1', want: '10.0.0.1' },
  { json: 22, want: 22 },
  { json: true, want: true },
  { json: -1, want: 18446744073709551615n },
  { json: 9007199254740993n, want: 9007199254740993n },
  { json: '@not-a-set-here', want: '@not-a-set-here' },
  { json: { prefix: { addr: '10.0.0.0', len: 8 } }, want: { kind: 'prefix', addr: '10.0.0.0', len: 8 } },
  { json: { prefix: { addr: false, len: 8 } }, want: { kind: 'prefix', addr: false, len: 8 } },
  { json: { range: [22, 23] }, want: { kind: 'range', from: 22, to: 23 } },
  { json: { concat: ['10.0.0.1', 'tcp', 53] }, want: { kind: 'concat', parts: ['10.0.0.1', 'tcp', 53] } },
  { json: { concat: [PAYLOAD, -1] }, want: { kind: 'concat', parts: [SADDR, 18446744073709551615n] } },
  {
    json: { set: [22, { range: [80, 90] }] },
    want: { kind: 'set', elements: [{ key: 22 }, { key: { kind: 'range', from: 80, to: 90 } }] },
  },
  { json: ['new', 'related'], want: { kind: 'list', items: ['new', 'related'] } },
  { json: { payload: { tunnel: 'gre', protocol: 'ip', field: 'saddr' } }, want: { ...SADDR, tunnel: 'gre' } },
  {
    json: { payload: { base: 'th', offset: 0, len: 16 } },
    want: { kind: 'rawPayload', base: 'th', offset: 0, len: 16 },
  },
  { json: { exthdr: { name: 'hbh' } }, want: { kind: 'exthdr', name: 'hbh' } },
  {
    json: { exthdr: { name: 'rt0', field: 'addr', offset: 1 } },
    want: { kind: 'exthdr', name: 'rt0', field: 'addr', offset: 1 },
  },
  {
    json: { 'tcp option': { name: 'maxseg', field: 'size' } },
    want: { kind: 'tcpOption', name: 'maxseg', field: 'size' },
  },
  {
    json: { 'tcp option': { base: 255, offset: 8, len: 8 } },
    want: { kind: 'rawTcpOption', base: 255, offset: 8, len: 8 },
  },
  { json: { 'ip option': { name: 'rr' } }, want: { kind: 'ipOption', name: 'rr' } },
  {
    json: { 'sctp chunk': { name: 'init', field: 'init-tag' } },
    want: { kind: 'sctpChunk', name: 'init', field: 'init-tag' },
  },
  { json: { 'dccp option': { type: 0 } }, want: { kind: 'dccpOption', type: 0 } },
  { json: { meta: { key: 'mark' } }, want: { kind: 'meta', key: 'mark' } },
  { json: { ct: { key: 'ip saddr', dir: 'original' } }, want: { kind: 'ct', key: 'ip saddr', dir: 'original' } },
  {
    json: { ct: { key: 'saddr', dir: 'reply', family: 'ip' } },
    want: { kind: 'ct', key: 'saddr', dir: 'reply', family: 'ip' },
  },
  { json: { rt: { key: 'nexthop', family: 'ip' } }, want: { kind: 'rt', key: 'nexthop', family: 'ip' } },
  { json: { rt: { key: 'classid' } }, want: { kind: 'rt', key: 'classid' } },
  {
    json: { fib: { result: 'oif', flags: ['saddr', 'iif'] } },
    want: { kind: 'fib', result: 'oif', flags: ['saddr', 'iif'] },
  },
  { json: { fib: { result: 'type', flags: 'daddr' } }, want: { kind: 'fib', result: 'type', flags: ['daddr'] } },
  { json: { socket: { key: 'transparent' } }, want: { kind: 'socket', key: 'transparent' } },
  { json: { socket: { key: 'cgroupv2', level: 1 } }, want: { kind: 'socket', key: 'cgroupv2', level: 1 } },
  { json: { osf: { key: 'version', ttl: 'loose' } }, want: { kind: 'osf', key: 'version', ttl: 'loose' } },
  {
    json: { ipsec: { key: 'daddr', family: 'ip6', dir: 'in', spnum: 1 } },
    want: { kind: 'ipsec', key: 'daddr', family: 'ip6', dir: 'in', spnum: 1 },
  },
  { json: { tunnel: { key: 'id' } }, want: { kind: 'tunnel', key: 'id' } },
  {
    json: { numgen: { mode: 'inc', mod: 10, offset: 100 } },
    want: { kind: 'numgen', mode: 'inc', mod: 10, offset: 100 },
  },
  // nft prints these unsigned 32-bit values as signed.
  {
    json: { numgen: { mode: 'random', mod: -1, offset: 0 } },
    want: { kind: 'numgen', mode: 'random', mod: 4294967295, offset: 0 },
  },
  { json: { jhash: { mod: 4, expr: PAYLOAD } }, want: { kind: 'jhash', expr: SADDR, mod: 4 } },
  {
    json: { jhash: { mod: 4, seed: 0, offset: 7, expr: PAYLOAD } },
    want: { kind: 'jhash', expr: SADDR, mod: 4, seed: 0, offset: 7 },
  },
  { json: { symhash: { mod: 2, offset: 100 } }, want: { kind: 'symhash', mod: 2, offset: 100 } },
  {
    json: { '|': [{ '|': ['fin', 'syn'] }, 'rst'] },
    want: { kind: 'binary', op: '|', operands: [{ kind: 'binary', op: '|', operands: ['fin', 'syn'] }, 'rst'] },
  },
  { json: { '|': ['fin', 'syn', 'rst'] }, want: { kind: 'binary', op: '|', operands: ['fin', 'syn', 'rst'] } },
  { json: { '<<': [PAYLOAD, 3] }, want: { kind: 'binary', op: '<<', operands: [SADDR, 3] } },
  {
    json: { map: { key: PAYLOAD, data: '@m' } },
    want: { kind: 'map', key: SADDR, data: { kind: 'setref', name: 'm' } },
  },
  {
    json: { map: { key: PAYLOAD, data: { set: [['*', 2]] } } },
    want: { kind: 'map', key: SADDR, data: { kind: 'set', elements: [{ key: { kind: 'wildcard' }, data: 2 }] } },
  },
  {
    json: { map: { key: PAYLOAD, data: { future: 1 } } },
    want: { kind: 'map', key: SADDR, data: { kind: 'unsupported', name: 'future', raw: { future: 1 } } },
  },
  {
    json: { elem: { val: PAYLOAD, timeout: 30, expires: 29, comment: 'x', counter: null } },
    want: { kind: 'elem', val: SADDR, timeout: 30, expires: 29, comment: 'x', statements: [{ kind: 'counter' }] },
  },
];

test.each(ROWS)('$json', ({ json, want }) => expect(expressionOf(json)).toEqual(want));

describe('what the model does not know is kept whole', () => {
  test.each([
    { json: { quantum: { key: 'spin' } }, name: 'quantum' },
    { json: { payload: { protocol: 'ip', field: 'saddr', layer: 2 } }, name: 'payload' },
    { json: { meta: { key: 'mark', width: 64 } }, name: 'meta' },
    { json: { osf: { key: 'name', depth: 1 } }, name: 'osf' },
    { json: { fib: { result: 'oif', flags: ['daddr', 64] } }, name: 'fib' },
    { json: { meta: 1, ct: 2 }, name: 'meta, ct' },
  ])('$name', ({ json, name }) => expect(expressionOf(json)).toEqual({ kind: 'unsupported', name, raw: json }));

  test('integers beyond 2^53 in it become their digits', () => {
    expect(expressionOf({ quantum: [9007199254740993n, { n: 1 }] })).toEqual({
      kind: 'unsupported',
      name: 'quantum',
      raw: { quantum: ['9007199254740993', { n: 1 }] },
    });
  });

  test('a member of an element that is no statement is kept as an unsupported one', () => {
    expect(expressionOf({ elem: { val: 1, colour: 'red' } })).toEqual({
      kind: 'elem',
      val: 1,
      statements: [{ kind: 'unsupported', name: 'colour', raw: { colour: 'red' } }],
    });
  });
});

test.each([
  { name: 'a prefix length', json: { prefix: { addr: '10.0.0.0', len: '8' } }, at: 'prefix.len', code: 'NFT-JSON-010' },
  { name: 'a range of three', json: { range: [1, 2, 3] }, at: 'range', code: 'NFT-JSON-010' },
  { name: 'a concatenation', json: { concat: 'a' }, at: 'concat', code: 'NFT-JSON-010' },
  { name: 'a field', json: { payload: { protocol: 'ip' } }, at: 'payload.field', code: 'NFT-JSON-011' },
  { name: 'a direction', json: { ct: { key: 'zone', dir: 'up' } }, at: 'ct.dir', code: 'NFT-JSON-012' },
  { name: 'a mode', json: { numgen: { mode: 'x', mod: 1, offset: 0 } }, at: 'numgen.mode', code: 'NFT-JSON-012' },
  { name: 'a lone operand', json: { '&': [1] }, at: '["&"]', code: 'NFT-JSON-010' },
  { name: 'an option', json: { 'tcp option': { name: 1 } }, at: '["tcp option"].name', code: 'NFT-JSON-010' },
  { name: 'an empty object', json: {}, at: '', code: 'NFT-JSON-010' },
])('$name of the wrong type', ({ json, at, code }) => {
  const problem = problemOf(listingOfRule([{ match: { op: '==', left: json, right: 1 } }]));
  const step = at === '' || at.startsWith('[') ? at : `.${at}`;
  expect(problem).toMatchObject({ code, path: `nftables[3].rule.expr[0].match.left${step}` });
});

test('an expression nested deeper than any is refused with its path', () => {
  let deep: unknown = 'fin';
  for (let i = 0; i < 600; i++) deep = { '|': [deep, 'syn'] };
  const problem = problemOf(listingOfRule([{ match: { op: '==', left: deep, right: 1 } }]));
  expect(problem?.code).toBe('NFT-JSON-016');
  expect(problem?.path).toContain('match.left["|"][0]["|"][0]');
});
