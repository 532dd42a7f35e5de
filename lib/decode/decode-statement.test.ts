import { describe, expect, test } from 'vitest';
import type { Statement } from '../nft/model';
import { listingOfRule, problemOf, ruleOf, statementOf } from './testing/listing';

const PAYLOAD = { payload: { protocol: 'ip', field: 'saddr' } };
const SADDR = { kind: 'payload', protocol: 'ip', field: 'saddr' } as const;

const ROWS: readonly { readonly name: string; readonly json: unknown; readonly want: Statement }[] = [
  {
    name: 'a match',
    json: { match: { op: '==', left: PAYLOAD, right: '10.0.0.1' } },
    want: { kind: 'match', op: '==', left: SADDR, right: '10.0.0.1' },
  },
  {
    name: 'a match with a named set',
    json: { match: { op: '!=', left: PAYLOAD, right: '@blocked' } },
    want: { kind: 'match', op: '!=', left: SADDR, right: { kind: 'setref', name: 'blocked' } },
  },
  {
    name: 'bits joined by commas',
    json: { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } },
    want: {
      kind: 'match',
      op: 'in',
      left: { kind: 'ct', key: 'state' },
      right: { kind: 'list', items: ['established', 'related'] },
    },
  },
  { name: 'accept', json: { accept: null }, want: { kind: 'accept' } },
  { name: 'drop', json: { drop: null }, want: { kind: 'drop' } },
  { name: 'continue', json: { continue: null }, want: { kind: 'continue' } },
  { name: 'return', json: { return: null }, want: { kind: 'return' } },
  { name: 'jump', json: { jump: { target: 'a b' } }, want: { kind: 'jump', target: 'a b' } },
  { name: 'goto', json: { goto: { target: 'x' } }, want: { kind: 'goto', target: 'x' } },
  {
    name: 'vmap with a named map',
    json: { vmap: { key: PAYLOAD, data: '@m' } },
    want: { kind: 'vmap', key: SADDR, data: { kind: 'setref', name: 'm' } },
  },
  {
    name: 'vmap in place, with a catch-all and a counter on an element',
    json: {
      vmap: {
        key: PAYLOAD,
        data: {
          set: [
            [{ elem: { val: '10.0.0.1', counter: { packets: 1, bytes: 40 } } }, { jump: { target: 'x' } }],
            ['*', { drop: null }],
          ],
        },
      },
    },
    want: {
      kind: 'vmap',
      key: SADDR,
      data: {
        kind: 'set',
        elements: [
          {
            key: '10.0.0.1',
            data: { kind: 'jump', target: 'x' },
            statements: [{ kind: 'counter', packets: 1, bytes: 40 }],
          },
          { key: { kind: 'wildcard' }, data: { kind: 'drop' } },
        ],
      },
    },
  },
  { name: 'counter', json: { counter: { packets: 1, bytes: 2 } }, want: { kind: 'counter', packets: 1, bytes: 2 } },
  { name: 'counter without state', json: { counter: null }, want: { kind: 'counter' } },
  {
    name: 'counter beyond 2^63 - 1',
    json: { counter: { packets: -1, bytes: -2 } },
    want: { kind: 'counter', packets: 18446744073709551615n, bytes: 18446744073709551614n },
  },
  {
    name: 'counter beyond 2^53, from decodeBytes',
    json: { counter: { packets: 9007199254740993n, bytes: 0 } },
    want: { kind: 'counter', packets: 9007199254740993n, bytes: 0 },
  },
  { name: 'counter by name', json: { counter: 'c0' }, want: { kind: 'object', object: 'counter', name: 'c0' } },
  {
    name: 'counter by look-up',
    json: { counter: { map: { key: PAYLOAD, data: '@g' } } },
    want: {
      kind: 'object',
      object: 'counter',
      name: { kind: 'map', key: SADDR, data: { kind: 'setref', name: 'g' } },
    },
  },
  {
    name: 'quota',
    json: { quota: { val: 1, val_unit: 'kbytes', inv: true, used: 300, used_unit: 'bytes' } },
    want: { kind: 'quota', val: 1, valUnit: 'kbytes', over: true, used: 300, usedUnit: 'bytes' },
  },
  { name: 'quota by name', json: { quota: 'q' }, want: { kind: 'object', object: 'quota', name: 'q' } },
  {
    name: 'limit in packets',
    json: { limit: { rate: 7, burst: 9, per: 'minute' } },
    want: { kind: 'limit', rate: 7, burst: 9, per: 'minute', over: false },
  },
  {
    name: 'limit in bytes',
    json: { limit: { rate: 1, burst: 2, per: 'second', inv: true, rate_unit: 'kbytes', burst_unit: 'kbytes' } },
    want: { kind: 'limit', rate: 1, burst: 2, per: 'second', over: true, rateUnit: 'kbytes', burstUnit: 'kbytes' },
  },
  { name: 'limit by name', json: { limit: 'l' }, want: { kind: 'object', object: 'limit', name: 'l' } },
  { name: 'ct count', json: { 'ct count': { val: 100, inv: true } }, want: { kind: 'ctCount', val: 100, over: true } },
  {
    name: 'ct count beyond 2^31',
    json: { 'ct count': { val: -1 } },
    want: { kind: 'ctCount', val: 4294967295, over: false },
  },
  { name: 'last, never', json: { last: null }, want: { kind: 'last' } },
  { name: 'last', json: { last: { used: 301024 } }, want: { kind: 'last', used: 301024 } },
  {
    name: 'mangle',
    json: { mangle: { key: { meta: { key: 'mark' } }, value: { '|': [{ meta: { key: 'mark' } }, 16384] } } },
    want: {
      kind: 'mangle',
      key: { kind: 'meta', key: 'mark' },
      value: { kind: 'binary', op: '|', operands: [{ kind: 'meta', key: 'mark' }, 16384] },
    },
  },
  {
    name: 'reset',
    json: { reset: { 'tcp option': { name: 'fastopen' } } },
    want: { kind: 'reset', option: { kind: 'tcpOption', name: 'fastopen' } },
  },
  { name: 'notrack', json: { notrack: null }, want: { kind: 'notrack' } },
  {
    name: 'dnat',
    json: { dnat: { family: 'ip6', addr: '2001:db8::1', port: { range: [80, 90] } } },
    want: {
      kind: 'dnat',
      flags: [],
      typeFlags: [],
      family: 'ip6',
      addr: '2001:db8::1',
      port: { kind: 'range', from: 80, to: 90 },
    },
  },
  {
    name: 'snat with one flag as a string (1.0.6, 1.1.3)',
    json: { snat: { addr: '10.0.0.1', flags: 'random', type_flags: 'prefix' } },
    want: { kind: 'snat', flags: ['random'], typeFlags: ['prefix'], addr: '10.0.0.1' },
  },
  {
    name: 'snat with one flag as an array (1.1.7)',
    json: { snat: { addr: '10.0.0.1', flags: ['random'], type_flags: ['prefix'] } },
    want: { kind: 'snat', flags: ['random'], typeFlags: ['prefix'], addr: '10.0.0.1' },
  },
  { name: 'masquerade', json: { masquerade: null }, want: { kind: 'masquerade', flags: [], typeFlags: [] } },
  {
    name: 'redirect',
    json: { redirect: { port: 8080 } },
    want: { kind: 'redirect', flags: [], typeFlags: [], port: 8080 },
  },
  {
    name: 'tproxy',
    json: { tproxy: { family: 'ip', addr: '10.0.0.1', port: 1 } },
    want: { kind: 'tproxy', family: 'ip', addr: '10.0.0.1', port: 1 },
  },
  { name: 'dup', json: { dup: { addr: '10.0.0.1', dev: 'lo' } }, want: { kind: 'dup', addr: '10.0.0.1', dev: 'lo' } },
  {
    name: 'fwd',
    json: { fwd: { dev: 'lo', family: 'ip', addr: '10.0.0.1' } },
    want: { kind: 'fwd', dev: 'lo', family: 'ip', addr: '10.0.0.1' },
  },
  {
    name: 'reject',
    json: { reject: { type: 'icmpx', expr: 'port-unreachable' } },
    want: { kind: 'reject', type: 'icmpx', expr: 'port-unreachable' },
  },
  {
    name: 'reject with tcp reset',
    json: { reject: { type: 'tcp reset' } },
    want: { kind: 'reject', type: 'tcp reset' },
  },
  { name: 'reject, bare', json: { reject: null }, want: { kind: 'reject' } },
  { name: 'log, bare', json: { log: null }, want: { kind: 'log', flags: [] } },
  {
    name: 'log',
    json: {
      log: { prefix: 'g ', group: 2, snaplen: 33, 'queue-threshold': 2, level: 'debug', flags: ['tcp options'] },
    },
    want: {
      kind: 'log',
      flags: ['tcp options'],
      prefix: 'g ',
      group: 2,
      snaplen: 33,
      queueThreshold: 2,
      level: 'debug',
    },
  },
  {
    name: 'an update of a set',
    json: {
      set: { op: 'update', elem: { elem: { val: PAYLOAD, timeout: 30 } }, set: '@d', stmt: [{ counter: null }] },
    },
    want: {
      kind: 'setUpdate',
      op: 'update',
      set: 'd',
      elem: { kind: 'elem', val: SADDR, timeout: 30 },
      statements: [{ kind: 'counter' }],
    },
  },
  {
    name: 'an update of a map',
    json: { map: { op: 'add', elem: PAYLOAD, data: 1, map: '@m' } },
    want: { kind: 'mapUpdate', op: 'add', map: 'm', elem: SADDR, data: 1, statements: [] },
  },
  {
    name: 'an update of a map as text (1.0.6)',
    json: 'add @m { ip saddr : 0x00000001 }',
    want: { kind: 'mapUpdate', op: 'add', map: 'm', elem: SADDR, data: 1, statements: [] },
  },
  {
    name: 'an anonymous chain',
    json: 'jump {\n\t\t\taccept\n\t\t}',
    want: { kind: 'text', text: 'jump {\n\t\t\taccept\n\t\t}' },
  },
  {
    name: 'flow',
    json: { flow: { op: 'add', flowtable: '@ft' } },
    want: { kind: 'flow', op: 'add', flowtable: 'ft' },
  },
  {
    name: 'queue',
    json: { queue: { num: { range: [2, 3] }, flags: 'bypass' } },
    want: { kind: 'queue', flags: ['bypass'], num: { kind: 'range', from: 2, to: 3 } },
  },
  {
    name: 'synproxy',
    json: { synproxy: { mss: 1460, wscale: 9, flags: ['timestamp'] } },
    want: { kind: 'synproxy', flags: ['timestamp'], mss: 1460, wscale: 9 },
  },
  { name: 'synproxy, bare', json: { synproxy: null }, want: { kind: 'synproxy', flags: [] } },
  { name: 'synproxy by name', json: { synproxy: 'p' }, want: { kind: 'object', object: 'synproxy', name: 'p' } },
  { name: 'tunnel by name', json: { tunnel: 'y' }, want: { kind: 'object', object: 'tunnel', name: 'y' } },
  { name: 'ct helper', json: { 'ct helper': 'ftp' }, want: { kind: 'object', object: 'ct helper', name: 'ftp' } },
  { name: 'secmark', json: { secmark: 's1' }, want: { kind: 'object', object: 'secmark', name: 's1' } },
  {
    name: 'a meter (1.0.6)',
    json: { meter: { key: PAYLOAD, stmt: { limit: { rate: 10, burst: 5, per: 'minute' } }, size: 1000, name: 'ssh' } },
    want: {
      kind: 'meter',
      name: 'ssh',
      key: SADDR,
      statements: [{ kind: 'limit', rate: 10, burst: 5, per: 'minute', over: false }],
      size: 1000,
    },
  },
  {
    name: 'xt',
    json: { xt: { type: 'match', name: 'physdev' } },
    want: { kind: 'xt', type: 'match', name: 'physdev' },
  },
];

test.each(ROWS)('$name', ({ json, want }) => expect(statementOf(json)).toEqual(want));

describe('what the model does not know is kept whole', () => {
  test.each<{ readonly name: string; readonly json: unknown; readonly kind: string }>([
    { name: 'a new kind', json: { teleport: { to: 'mars' } }, kind: 'teleport' },
    { name: 'a new member of a known kind', json: { masquerade: { via: 'eth0' } }, kind: 'masquerade' },
    { name: 'two kinds in one', json: { accept: null, drop: null }, kind: 'accept, drop' },
    { name: 'a new stateful value', json: { counter: { packets: 1, bytes: 2, drops: 3 } }, kind: 'counter' },
    { name: 'a key that objects inherit', json: { constructor: 1 }, kind: 'constructor' },
  ])('$name', ({ json, kind }) => {
    expect(statementOf(json)).toEqual({ kind: 'unsupported', name: kind, raw: json });
  });
});

describe('a member of the wrong type', () => {
  test.each([
    {
      name: 'an operator',
      json: { match: { op: '~', left: PAYLOAD, right: 1 } },
      at: 'match.op',
      code: 'NFT-JSON-012',
    },
    { name: 'a missing side', json: { match: { op: '==', left: PAYLOAD } }, at: 'match.right', code: 'NFT-JSON-011' },
    {
      name: 'null as an expression',
      json: { mangle: { key: PAYLOAD, value: null } },
      at: 'mangle.value',
      code: 'NFT-JSON-010',
    },
    { name: 'a verdict with a value', json: { accept: 1 }, at: 'accept', code: 'NFT-JSON-010' },
    { name: 'a jump without target', json: { jump: {} }, at: 'jump.target', code: 'NFT-JSON-011' },
    {
      name: 'a rounded counter',
      json: { counter: { packets: 2 ** 60, bytes: 0 } },
      at: 'counter.packets',
      code: 'NFT-JSON-013',
    },
    { name: 'a fraction', json: { counter: { packets: 1.5, bytes: 0 } }, at: 'counter.packets', code: 'NFT-JSON-013' },
    { name: 'a counter that is an array', json: { counter: [] }, at: 'counter', code: 'NFT-JSON-010' },
    {
      name: 'an update without @',
      json: { set: { op: 'add', elem: 1, set: 'd' } },
      at: 'set.set',
      code: 'NFT-JSON-010',
    },
    { name: 'a NAT family', json: { dnat: { family: 'ipx' } }, at: 'dnat.family', code: 'NFT-JSON-012' },
    { name: 'flags', json: { log: { flags: [1] } }, at: 'log.flags[0]', code: 'NFT-JSON-010' },
    { name: 'an empty statement', json: {}, at: '', code: 'NFT-JSON-010' },
    { name: 'a number', json: 7, at: '', code: 'NFT-JSON-010' },
    {
      name: 'vmap elements without data',
      json: { vmap: { key: 1, data: { set: [1] } } },
      at: 'vmap.data.set[0]',
      code: 'NFT-JSON-010',
    },
    { name: 'a helper', json: { 'ct helper': 5 }, at: '["ct helper"]', code: 'NFT-JSON-010' },
  ])('$name', ({ json, at, code }) => {
    const problem = problemOf(listingOfRule([{ accept: null }, json]));
    const path = `nftables[3].rule.expr[1]${at === '' || at.startsWith('[') ? at : `.${at}`}`;
    expect(problem).toMatchObject({ code, path });
  });
});

test('a rule without expr is not an empty rule', () => {
  expect(ruleOf(listingOfRule(undefined))).toEqual({ handle: 3, statements: [], unlisted: true });
  expect(ruleOf(listingOfRule([]))).toEqual({ handle: 3, statements: [], unlisted: false });
});
