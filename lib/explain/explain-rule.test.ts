import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { describeShared } from '../../tests/shared';
import { decodeBytes } from '../decode/decode-bytes';
import type { Expression, Rule, Statement } from '../nft/model';
import { renderContext } from '../render/context';
import { explainRule } from './explain-rule';
import { wordsText } from './words';

const payload = (protocol: string, field: string): Expression => ({ kind: 'payload', protocol, field });
const meta = (key: string): Expression => ({ kind: 'meta', key });
const ct = (key: string): Expression => ({ kind: 'ct', key });
const match = (left: Expression, right: Expression, op: '==' | '!=' | 'in' | '<' | '!' = '=='): Statement => ({
  kind: 'match',
  op,
  left,
  right,
});
const bits = (...operands: readonly Expression[]): Expression => ({ kind: 'binary', op: '&', operands });

const explain = (statements: readonly Statement[], rest: Partial<Parameters<typeof explainRule>[1]> = {}) =>
  explainRule(
    { handle: 1, statements, unlisted: false },
    {
      render: renderContext({ family: 'ip', sets: [] }, '1.0.6'),
      sizes: new Map([
        ['service-ips', 36],
        ['cluster-ips', 26],
      ]),
      next: 53,
      base: false,
      ...rest,
    },
  );
const say = (...statements: readonly Statement[]) => wordsText(explain(statements).sentence);

describe('explainRule, sentence', () => {
  test.each<readonly [string, readonly Statement[], string]>([
    ['nothing', [], 'This rule has no statement: every packet passes it.'],
    ['no condition', [{ kind: 'drop' }], 'This rule drops the packet.'],
    [
      'prefix',
      [match(payload('ip', 'daddr'), { kind: 'prefix', addr: '10.96.0.0', len: 12 }), { kind: 'drop' }],
      'If the destination address is in 10.96.0.0/12, this rule drops the packet.',
    ],
    [
      'set of known size',
      [match(payload('ip', 'daddr'), { kind: 'setref', name: 'cluster-ips' }), { kind: 'reject' }],
      'If the destination address is in the set cluster-ips (26 elements), this rule rejects the packet with ICMP or ICMPv6 port unreachable.',
    ],
    [
      'two conditions, a mark',
      [
        match(payload('ip', 'daddr'), { kind: 'setref', name: 'other' }),
        match(payload('ip', 'saddr'), { kind: 'prefix', addr: '10.244.0.0', len: 16 }, '!='),
        { kind: 'mangle', key: meta('mark'), value: { kind: 'binary', op: '|', operands: [meta('mark'), 0x4000] } },
      ],
      'If the destination address is in the set other and the source address is not in 10.244.0.0/16, this rule sets 0x00004000 in the packet mark.',
    ],
    [
      'verdict map',
      [
        {
          kind: 'vmap',
          key: { kind: 'concat', parts: [payload('ip', 'daddr'), meta('l4proto'), payload('th', 'dport')] },
          data: { kind: 'setref', name: 'service-ips' },
        },
      ],
      'This rule looks up the destination address, protocol and destination port in the map service-ips (36 elements) and does what the element found says.',
    ],
    [
      'dnat to one of three',
      [
        match(meta('l4proto'), 'tcp'),
        {
          kind: 'dnat',
          flags: [],
          typeFlags: [],
          addr: {
            kind: 'map',
            key: { kind: 'numgen', mode: 'random', mod: 3, offset: 0 },
            data: { kind: 'set', elements: [0, 1, 2].map((key) => ({ key, data: `10.244.${key}.4` })) },
          },
        },
      ],
      'If the packet is TCP, this rule changes the destination to one of the 3 addresses listed, chosen at random.',
    ],
    [
      'a bit, then masquerade',
      [
        match(bits(meta('mark'), 0x4000), 0, '!='),
        { kind: 'mangle', key: meta('mark'), value: { kind: 'binary', op: '^', operands: [meta('mark'), 0x4000] } },
        { kind: 'masquerade', flags: ['fully-random'], typeFlags: [] },
      ],
      'If the bit 0x00004000 of the packet mark is set, this rule turns over 0x00004000 in the packet mark and changes the source to the address of the outgoing interface.',
    ],
    [
      'order is kept: what stands before a failing match stays',
      [{ kind: 'counter' }, match(payload('tcp', 'dport'), 22), { kind: 'accept' }],
      'This rule counts; if also the TCP destination port is 22, it accepts the packet.',
    ],
    [
      'conditions without an action',
      [match(ct('state'), 'new', 'in')],
      'Checks whether the connection is new: this is its first packet, and does nothing more.',
    ],
    [
      'states',
      [match(ct('state'), { kind: 'list', items: ['established', 'related'] }, 'in'), { kind: 'accept' }],
      'If the connection is established or related, this rule accepts the packet.',
    ],
    [
      'anonymous set, negated',
      [
        match(
          payload('tcp', 'dport'),
          { kind: 'set', elements: [{ key: 22 }, { key: { kind: 'range', from: 80, to: 90 } }] },
          '!=',
        ),
        { kind: 'return' },
      ],
      'If the TCP destination port is not one of 22, 80-90, this rule leaves the chain.',
    ],
    [
      'fib',
      [match({ kind: 'fib', result: 'type', flags: ['daddr'] }, 'local'), { kind: 'jump', target: 'nodeports' }],
      "If the destination address is one of this node's own, this rule goes on in chain nodeports.",
    ],
    [
      'reverse path',
      [match({ kind: 'fib', result: 'oif', flags: ['saddr', 'iif'] }, false), { kind: 'drop' }],
      'If a route to the source address is missing, this rule drops the packet.',
    ],
    [
      'flags',
      [match(payload('tcp', 'flags'), { kind: 'list', items: ['fin', 'rst'] }, '!'), { kind: 'continue' }],
      'If none of fin,rst is set in the TCP flags, this rule lets evaluation go on.',
    ],
    [
      'xt is not guessed',
      [
        { kind: 'xt', type: 'match', name: 'comment' },
        { kind: 'counter', packets: 3, bytes: 180 },
      ],
      'If the iptables match comment holds, this rule counts.',
    ],
  ])('%s', (_name, statements, want) => {
    expect(say(...statements)).toBe(want);
  });

  test('a rule that nft could not express', () => {
    const { sentence, parts } = explainRule(
      { handle: 1, statements: [], unlisted: true },
      {
        render: renderContext({ family: 'ip', sets: [] }, undefined),
        sizes: new Map(),
        next: null,
        base: true,
      },
    );
    expect(wordsText(sentence)).toContain('not known here');
    expect(parts).toEqual([]);
  });
});

describe('explainRule, parts', () => {
  test('a verdict map has two parts: the key, and the look-up with what happens on a miss', () => {
    const { parts } = explain([
      { kind: 'vmap', key: payload('ip', 'daddr'), data: { kind: 'setref', name: 'service-ips' } },
    ]);
    expect(parts.map((p) => [p.piece, wordsText(p.words), p.more])).toEqual([
      ['key', 'the key: destination address', undefined],
      [
        'lookup',
        'looks it up in the map service-ips (36 elements) and does what the element found says',
        'Without such an element, evaluation goes on with rule 53.',
      ],
    ]);
  });

  test.each([
    [{ next: 53, base: false }, 'When that chain ends or returns, evaluation goes on with rule 53.'],
    [{ next: null, base: true }, 'When that chain ends or returns, the chain ends and its policy decides.'],
    [
      { next: null, base: false },
      'When that chain ends or returns, the chain ends, and evaluation goes back to where it was called.',
    ],
  ])('a jump comes back: %o', (where, more) => {
    expect(explain([{ kind: 'jump', target: 'services' }], where).parts[0]?.more).toBe(more);
  });

  test('what is not known says so', () => {
    const { parts } = explain([
      { kind: 'xt', type: 'target', name: 'TCPMSS' },
      { kind: 'unsupported', name: 'synproxy2', raw: {} },
      { kind: 'text', text: 'add @m { ip saddr : 5 }' },
    ]);
    expect(parts.map((p) => p.known)).toEqual([false, false, false]);
  });

  /** One of each kind: the switch is closed, and every kind has words. */
  test.each<readonly [Statement, string]>([
    [{ kind: 'counter', packets: 1, bytes: 60 }, 'counts'],
    [{ kind: 'quota', val: 10, valUnit: 'mbytes', over: true }, 'more than 10 mbytes have passed here'],
    [{ kind: 'limit', rate: 5, per: 'second', over: false }, 'packets come no faster than 5/second'],
    [{ kind: 'object', object: 'counter', name: 'c' }, 'counts in the counter c'],
    [
      {
        kind: 'object',
        object: 'ct helper',
        name: { kind: 'map', key: payload('tcp', 'dport'), data: { kind: 'setref', name: 'h' } },
      },
      'gives the connection the helper found by TCP destination port in the map h',
    ],
    [{ kind: 'ctCount', val: 20, over: true }, 'more than 20 connections are open here'],
    [{ kind: 'last' }, 'notes when it was last used'],
    [{ kind: 'reset', option: { kind: 'tcpOption', name: 'sack-perm' } }, 'blanks the TCP option sack-perm'],
    [{ kind: 'notrack' }, 'keeps the packet out of connection tracking'],
    [
      { kind: 'snat', flags: ['random'], typeFlags: [], addr: '10.0.0.1', port: 1024 },
      'changes the source to 10.0.0.1 port 1024',
    ],
    [
      { kind: 'redirect', flags: [], typeFlags: [], port: 8080 },
      'changes the destination to this node itself, port 8080',
    ],
    [{ kind: 'tproxy', addr: '127.0.0.1', port: 3128 }, 'gives the packet to a local proxy at 127.0.0.1 port 3128'],
    [{ kind: 'dup', addr: '10.0.0.9', dev: 'eth1' }, 'sends a copy to 10.0.0.9 out of eth1'],
    [{ kind: 'fwd', dev: 'eth1' }, 'sends the packet out of eth1'],
    [{ kind: 'reject', type: 'tcp reset' }, 'rejects the packet with a TCP reset'],
    [{ kind: 'log', prefix: 'in: ', flags: [] }, 'writes a line to the kernel log that begins with "in: "'],
    [
      {
        kind: 'setUpdate',
        op: 'add',
        set: 's',
        elem: { kind: 'elem', val: payload('ip', 'saddr'), timeout: 30 },
        statements: [{ kind: 'limit', rate: 1, per: 'hour', over: true }],
      },
      'notes the source address in the set s for 30s',
    ],
    [
      { kind: 'mapUpdate', op: 'update', map: 'm', elem: payload('ip', 'saddr'), data: meta('mark'), statements: [] },
      'notes the source address with the packet mark in the map m',
    ],
    [{ kind: 'flow', op: 'add', flowtable: 'f' }, 'hands the connection to the flowtable f'],
    [{ kind: 'queue', num: 3, flags: ['bypass'] }, 'hands the packet to a program at queue 3'],
    [{ kind: 'synproxy', flags: [] }, "answers the client's SYN in the server's place"],
    [{ kind: 'meter', name: 'm', key: payload('ip', 'saddr'), statements: [] }, 'keeps for each source address in m'],
    [{ kind: 'goto', target: 'x' }, 'goes on in chain x and does not come back'],
  ])('%o', (statement, want) => {
    const { parts } = explain([statement]);
    expect(parts.map((p) => wordsText(p.words))).toEqual([want]);
  });
});

describeShared('explainRule on recorded rulesets', (shared) => {
  test('has words for every statement nft can print', () => {
    const file = join(shared, 'conformance', 'render', 'render.jsonl.gz');
    const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
    let rules = 0;
    for (const line of lines) {
      const record = JSON.parse(line) as { readonly json: string; readonly nftVersion: string };
      const decoded = decodeBytes(new TextEncoder().encode(record.json));
      if (!decoded.ok) continue;
      for (const table of decoded.value.tables) {
        const render = renderContext(table, record.nftVersion);
        for (const rule of table.chains.flatMap((chain) => chain.rules)) {
          const { sentence, parts } = explainRule(rule, { render, sizes: new Map(), next: null, base: false });
          const text = wordsText(sentence);
          expect(text).not.toMatch(/undefined|\[object| {2}|^\s*$/);
          expect(new Set(parts.map((p) => p.statement)).size).toBe(rule.statements.length);
          rules++;
        }
      }
    }
    expect(rules).toBeGreaterThan(1000);
  });
});

test('the words never depend on a rule being complete', () => {
  const rule: Rule = { handle: 1, unlisted: false, statements: [{ kind: 'dnat', flags: [], typeFlags: [] }] };
  expect(wordsText(explain(rule.statements).sentence)).toBe('This rule changes the destination.');
});
