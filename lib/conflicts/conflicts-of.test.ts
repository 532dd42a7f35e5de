import { describe, expect, test } from 'vitest';
import { preparedOf } from '../sim';
import type { Conflict } from './conflict';
import { conflictsOf } from './conflicts-of';
import {
  accept,
  counter,
  daddr,
  dnat,
  dport,
  drop,
  iifname,
  MARK,
  markHas,
  match,
  nodeWorld,
  saddr,
  setMark,
  snat,
  type TestChain,
} from './testing/node-world';

const A = 'ip first';
const B = 'ip second';
const nat = (table: string, prio: number, ...rules: TestChain['rules']): TestChain => ({
  table,
  name: 'pre',
  base: `nat prerouting ${prio}`,
  rules,
});
const filter = (table: string, hook: string, prio: number, ...rules: TestChain['rules']): TestChain => ({
  table,
  name: hook,
  base: `filter ${hook} ${prio}`,
  rules,
});
const TTL = { payload: { protocol: 'ip', field: 'ttl' } };
const oneOf = (...ends: readonly (readonly [string, number])[]) => ({
  map: {
    key: { numgen: { mode: 'random', mod: ends.length, offset: 0 } },
    data: { set: ends.map((end, i) => [i, { concat: end }]) },
  },
});
const PRIORITY = { meta: { key: 'priority' } };
const STATE = { ct: { key: 'state' } };
const WEB = '10.244.1.2';
const API = '10.244.1.3';

const conflictsIn = (...chains: readonly TestChain[]) => conflictsOf(preparedOf(nodeWorld(chains)));
const brief = ({ kind, tie, differs, first, second }: Conflict): string =>
  `${kind}${tie ? ' tie' : ''} ${differs}: ${first.table}, ${second.table}`;

describe('pairs whose order matters', () => {
  // Lower priority first; at equal priority the chain registered last, which is the later in the listing.
  const REJECT = { reject: { type: 'icmp', expr: 'port-unreachable' } };
  test.each<{ name: string; chains: readonly TestChain[]; want: readonly string[] }>([
    {
      name: 'two nat chains at one priority claim a port',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), nat(B, -100, [dport(80), dnat(API, 8080)])],
      want: ['nat-binds-first tie destination: second, first'],
    },
    {
      name: 'the same at two priorities',
      chains: [nat(A, -110, [dport(80), dnat(WEB, 8080)]), nat(B, -90, [dport(80), dnat(API, 8080)])],
      want: ['nat-binds-first destination: first, second'],
    },
    {
      name: 'they claim different ports',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), nat(B, -100, [dport(81), dnat(API, 8080)])],
      want: [],
    },
    {
      name: 'they send the port to the same place',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), nat(B, -100, [dport(80), dnat(WEB, 8080)])],
      want: [],
    },
    {
      name: 'one accepts without a translation: the other still binds',
      chains: [nat(A, -90, [dport(80), dnat(WEB, 8080)]), nat(B, -100, [dport(80), accept])],
      want: [],
    },
    // What kube-proxy's nat-prerouting does to a port of a Service's address that the Service has not.
    {
      name: 'one translates what the other would only mark for masquerade: the mark is never written',
      chains: [
        nat(A, -100, [dport(80), dnat(WEB, 8080)]),
        nat(B, -90, [saddr('198.51.100.10'), setMark({ '|': [MARK, 0x4000] })]),
        { table: B, name: 'post', base: 'nat postrouting 100', rules: [[markHas(0x4000), snat('10.240.0.11')]] },
      ],
      want: ['nat-skips source: first, second'],
    },
    {
      name: 'the same, marked before the translation',
      chains: [
        nat(A, -90, [dport(80), dnat(WEB, 8080)]),
        nat(B, -100, [saddr('198.51.100.10'), setMark({ '|': [MARK, 0x4000] })]),
        { table: B, name: 'post', base: 'nat postrouting 100', rules: [[markHas(0x4000), snat('10.240.0.11')]] },
      ],
      want: ['before-nat source: second, first'],
    },
    {
      name: 'one translates what the other would drop',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), nat(B, -90, [dport(80), drop])],
      want: ['nat-skips delivered: first, second'],
    },
    {
      name: 'both of one owner',
      chains: [
        nat(A, -100, [dport(80), dnat(WEB, 8080)]),
        { ...nat(A, -100, [dport(80), dnat(API, 8080)]), name: 'too' },
      ],
      want: [],
    },
    {
      name: 'a packet that fits both needs the source of one and the port of the other',
      chains: [
        nat(A, -100, [saddr(API), dnat(WEB, 8080)]),
        nat(B, -100, [iifname('veth3'), dport(4711), dnat('10.240.0.1', 1)]),
      ],
      want: ['nat-binds-first tie destination: second, first'],
    },
    {
      name: 'no packet of one interface comes by the other',
      chains: [nat(A, -100, [iifname('eth0'), dnat(WEB, 8080)]), nat(B, -100, [iifname('veth3'), dnat(API, 8080)])],
      want: [],
    },
    {
      name: 'one sets the priority that the other drops',
      chains: [
        filter(A, 'forward', -5, [dport(8080), { mangle: { key: PRIORITY, value: '1:7' } }]),
        filter(B, 'forward', 5, [match(PRIORITY, '1:7'), dport(8080), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'a priority that nobody asks for',
      chains: [
        filter(A, 'forward', -5, [dport(8080), { mangle: { key: PRIORITY, value: '1:7' } }]),
        filter(B, 'forward', 5, [dport(8080), drop]),
      ],
      want: [],
    },
    {
      name: 'one takes out of tracking what the other drops untracked',
      chains: [
        filter(A, 'prerouting', -301, [dport(5001), { notrack: null }]),
        filter(B, 'prerouting', -300, [match(STATE, 'untracked', 'in'), dport(5001), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'a filter drops the port before it is translated',
      chains: [filter(A, 'prerouting', -150, [dport(80), drop]), nat(B, -100, [dport(80), dnat(WEB, 8080)])],
      want: ['before-nat delivered: first, second'],
    },
    {
      name: 'it drops what is never translated',
      chains: [filter(A, 'prerouting', -150, [dport(81), drop]), nat(B, -100, [dport(80), dnat(WEB, 8080)])],
      want: [],
    },
    {
      name: 'it drops before and after alike',
      chains: [filter(A, 'prerouting', -150, [saddr(API), drop]), nat(B, -100, [dport(80), dnat(WEB, 8080)])],
      want: [],
    },
    {
      name: 'a filter drops the address that another translates to',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), filter(B, 'prerouting', -50, [daddr(WEB), drop])],
      want: ['after-nat delivered: first, second'],
    },
    {
      name: 'of a hundred addresses that one translates the other drops what the last becomes',
      chains: [
        nat(
          A,
          -100,
          ...Array.from({ length: 100 }, (_, i) => [
            daddr(`10.96.0.${i + 1}`),
            dport(80),
            dnat(i === 99 ? WEB : API, 8000 + i),
          ]),
        ),
        filter(B, 'prerouting', -50, [iifname('eth0'), daddr(WEB), dport(8099), drop]),
      ],
      want: ['after-nat delivered: first, second'],
    },
    {
      name: 'the same of maps, as kube-proxy writes endpoints',
      chains: [
        nat(
          A,
          -100,
          ...Array.from({ length: 100 }, (_, i) => [
            daddr(`10.96.0.${i + 1}`),
            dport(80),
            { dnat: { family: 'ip', addr: oneOf([API, 8000 + i], [i === 99 ? WEB : API, 8000 + i]) } },
          ]),
        ),
        filter(B, 'prerouting', -50, [iifname('eth0'), daddr(WEB), dport(8099), drop]),
      ],
      want: ['after-nat delivered: first, second'],
    },
    {
      name: 'one drops packets with few hops left, which the other gives them',
      chains: [
        filter(A, 'forward', -10, [{ mangle: { key: TTL, value: 64 } }]),
        filter(B, 'forward', 10, [match(TTL, 10, '<'), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'one takes hops away, and the other drops such packets',
      chains: [
        filter(A, 'forward', -10, [{ mangle: { key: TTL, value: 5 } }]),
        filter(B, 'forward', 10, [match(TTL, 5), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'one drops just the hops that the other overwrites',
      chains: [
        filter(A, 'forward', -10, [{ mangle: { key: TTL, value: 7 } }]),
        filter(B, 'forward', 10, [match(TTL, 5), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'a filter at the place of nat only counts',
      chains: [nat(A, -100, [dport(80), dnat(WEB, 8080)]), filter(B, 'prerouting', -100, [dport(80), counter, accept])],
      want: [],
    },
    {
      name: 'two filters drop different ports',
      chains: [filter(A, 'forward', 0, [dport(80), drop]), filter(B, 'forward', 0, [dport(81), drop])],
      want: [],
    },
    {
      name: 'one drops what the other rejects',
      chains: [filter(A, 'forward', 0, [dport(80), drop]), filter(B, 'forward', 0, [dport(80), REJECT])],
      want: [],
    },
    {
      name: 'one drops by the mark that the other sets',
      chains: [
        filter(A, 'prerouting', -150, [dport(80), setMark(1)]),
        filter(B, 'prerouting', -140, [match(MARK, 1), drop]),
      ],
      want: ['written delivered: first, second'],
    },
    {
      name: 'one drops by another mark',
      chains: [
        filter(A, 'prerouting', -150, [dport(80), setMark(1)]),
        filter(B, 'prerouting', -140, [match(MARK, 2), drop]),
      ],
      want: [],
    },
    {
      name: 'two sources for one packet',
      chains: [
        { table: A, name: 'post', base: 'nat postrouting 99', rules: [[iifname('veth2'), snat('10.240.0.250')]] },
        { table: B, name: 'post', base: 'nat postrouting 100', rules: [[saddr(WEB), snat('10.240.0.251')]] },
      ],
      want: ['nat-binds-first source: first, second'],
    },
  ])('$name', ({ chains, want }) => {
    expect(conflictsIn(...chains).conflicts.map(brief)).toEqual(want);
  });
});

describe('what stands between two chains is not laid to them', () => {
  test('a drop between a filter that only counts and a translation', () => {
    const { conflicts } = conflictsIn(
      filter('ip counts', 'prerouting', -150, [dport(80), counter]),
      filter(A, 'prerouting', -120, [dport(80), drop]),
      nat(B, -100, [dport(80), dnat(WEB, 8080)]),
    );
    expect(conflicts.map(brief)).toEqual(['before-nat delivered: first, second']);
  });
});

describe('bits of marks', () => {
  const steering = (bits: unknown): TestChain => filter(A, 'prerouting', -150, [iifname('eth0'), setMark(bits)]);
  const masquerading: readonly TestChain[] = [
    filter(B, 'prerouting', -90, [dport(99), setMark({ '|': [MARK, 0x10] })]),
    { table: B, name: 'post', base: 'nat postrouting 100', rules: [[markHas(0x10), snat('10.240.0.11')]] },
  ];
  test.each<{ name: string; bits: unknown; want: readonly string[] }>([
    { name: 'the same bit', bits: { '|': [MARK, 0x10] }, want: ['mark-bits source: first, second'] },
    { name: 'the bit as the whole mark', bits: 0x10, want: ['mark-bits source: first, second'] },
    { name: 'another bit', bits: { '|': [MARK, 0x20] }, want: [] },
    { name: 'another mark: the bit is cleared before it is set', bits: 0x20, want: [] },
  ])('$name', ({ bits, want }) => {
    const { conflicts } = conflictsIn(steering(bits), ...masquerading);
    expect(conflicts.filter(({ kind }) => kind === 'mark-bits').map(brief)).toEqual(want);
  });

  test.each([
    { name: 'the same bit by iptables', set: '0x10/0x10', want: ['mark-bits source: mangle, second'] },
    { name: 'another bit by iptables', set: '0x20/0x20', want: [] },
  ])('$name', ({ set, want }) => {
    const steered: TestChain = {
      table: 'ip mangle',
      name: 'PREROUTING',
      base: 'filter prerouting -150',
      rules: [[iifname('eth0'), { xt: { type: 'target', name: 'MARK' } }]],
    };
    const save = `*mangle\n-A PREROUTING -i eth0 -j MARK --set-xmark ${set}\nCOMMIT\n`;
    const world = nodeWorld([steered, ...masquerading], { files: { 'iptables-save.txt': save } });
    const { conflicts } = conflictsOf(preparedOf(world));
    expect(conflicts.filter(({ kind }) => kind === 'mark-bits').map(brief)).toEqual(want);
  });

  test('a bit that only its writer reads', () => {
    const own: TestChain = { table: A, name: 'forward', base: 'filter forward 0', rules: [[markHas(0x10), drop]] };
    const other = filter(B, 'prerouting', -90, [dport(99), setMark({ '|': [MARK, 0x10] })]);
    const { conflicts } = conflictsIn(steering(0x10), own, other);
    // The other's bit is read by the first: that is the conflict, and the only one.
    expect(conflicts.filter(({ kind }) => kind === 'mark-bits').map(brief)).toEqual([
      'mark-bits delivered: second, first',
    ]);
  });
});

describe('accept overruled', () => {
  const closed = (...rules: TestChain['rules']): TestChain => ({
    ...filter(A, 'forward', 0, ...rules),
    policy: 'drop',
  });
  test.each<{ name: string; chains: readonly TestChain[]; want: readonly string[] }>([
    {
      name: 'an exception from a drop',
      chains: [closed([dport(80), accept]), filter(B, 'forward', 10, [dport(80), drop])],
      want: ['accept-overruled delivered: first, second'],
    },
    {
      name: 'a chain that accepts everything makes no exception',
      chains: [filter(A, 'forward', 0, [counter, accept]), filter(B, 'forward', 10, [dport(80), drop])],
      want: [],
    },
    {
      name: 'the second drops what the first does not let in either',
      chains: [closed([dport(80), accept]), filter(B, 'forward', 10, [dport(81), drop])],
      want: [],
    },
  ])('$name', ({ chains, want }) => {
    expect(conflictsIn(...chains).conflicts.map(brief)).toEqual(want);
  });
});

test('the witness proves it, and is a packet of the node', () => {
  const { conflicts } = conflictsIn(
    nat(A, -100, [dport(80), dnat(WEB, 8080)]),
    nat(B, -100, [dport(80), dnat(API, 8080)]),
  );
  expect(conflicts[0]?.witness).toEqual({
    packet: {
      iif: 'eth0',
      family: 'ip',
      saddr: '198.51.100.10',
      daddr: '10.240.0.11',
      protocol: 'tcp',
      sport: 47811,
      dport: 80,
    },
    now: [{ probability: 1, result: 'delivered', daddr: API, dport: 8080, saddr: '198.51.100.10' }],
    otherwise: [{ probability: 1, result: 'delivered', daddr: WEB, dport: 8080, saddr: '198.51.100.10' }],
  });
  expect(conflicts[0]?.rules.map(({ table, handle }) => `${table} ${handle}`)).toEqual(['second 1', 'first 1']);
});

test('a packet whose way is not known proves nothing, and that is said', () => {
  const unknown = [{ xt: { type: 'match', name: 'somebody' } }, drop];
  const { conflicts, unsearched } = conflictsIn(
    filter(A, 'prerouting', -150, unknown),
    nat(B, -100, [dport(80), dnat(WEB, 8080)]),
  );
  expect(conflicts).toEqual([]);
  expect(unsearched.map(({ why }) => why)).toEqual(['undecided']);
});

describe('a class of traffic and congestion bits', () => {
  const DSCP = { payload: { protocol: 'ip', field: 'dscp' } };
  const ECN = { payload: { protocol: 'ip', field: 'ecn' } };
  const toWeb = nat(B, -100, [dport(80), dnat(WEB, 8080)]);
  const witness = (...chains: readonly TestChain[]) =>
    conflictsIn(...chains).conflicts.map((one) => one.witness.packet);

  test('that one asks for', () => {
    const reading = (match_: object) => filter(A, 'prerouting', -90, [match_, daddr(WEB), drop]);
    expect(witness(reading(match(DSCP, 'ef')), toWeb)).toMatchObject([{ dscp: 46 }]);
    expect(witness(reading(match(DSCP, { set: ['af41', 'cs6'] })), toWeb)).toMatchObject([
      { dscp: expect.any(Number) },
    ]);
    expect(witness(reading(match(ECN, 'ce')), toWeb)).toMatchObject([{ ecn: 3 }]);
    // Zero will do: nothing is said of it.
    expect(witness(reading(match(DSCP, 'ef', '!=')), toWeb)[0]).not.toHaveProperty('dscp');
  });

  test('that one writes and the other reads', () => {
    const write = filter(A, 'prerouting', -150, [dport(80), { mangle: { key: DSCP, value: 'cs1' } }]);
    const read = filter(B, 'prerouting', -140, [match(DSCP, 'cs1'), drop]);
    expect(conflictsIn(write, read).conflicts.map(brief)).toEqual(['written delivered: first, second']);
  });
});

describe('what no packet of the search has', () => {
  const toWeb = nat(B, -100, [dport(80), dnat(WEB, 8080)]);
  const asking = (left: object, right: unknown) => filter(A, 'prerouting', -90, [match(left, right), daddr(WEB), drop]);
  const MSS = { 'tcp option': { name: 'maxseg', field: 'size' } };
  const ROUTE = { 'ip option': { name: 'rr', field: 'type' } };
  test.each<readonly [string, object, unknown, string]>([
    ['an option of TCP', MSS, 500, 'tcp option maxseg size'],
    ['an option of IP', ROUTE, 7, 'ip option rr type'],
    ['bytes by their place', { payload: { base: 'th', offset: 16, len: 16 } }, 4712, '@th,16,16'],
  ])('%s is listed', (_, left, right, name) => {
    const { conflicts, unsearched } = conflictsIn(asking(left, right), toWeb);
    expect(conflicts).toEqual([]);
    expect(unsearched.map(({ why, say }) => [why, say])).toEqual([
      ['unsolved', `Rules ask for ${name}, which no packet that was tried has.`],
    ]);
  });
  test('is not, where a conflict is shown all the same, or nothing of the kind is asked for', () => {
    const both_ = filter(A, 'prerouting', -90, [match(MSS, 500), drop], [daddr(WEB), drop]);
    expect(conflictsIn(both_, toWeb)).toMatchObject({ conflicts: [{}], unsearched: [] });
    expect(conflictsIn(filter(A, 'prerouting', -90, [daddr(API), drop]), toWeb).unsearched).toEqual([]);
  });
});

test('who meets whom, in the order in which they run', () => {
  const { meetings } = conflictsIn(
    filter(A, 'forward', 0, [dport(80), drop]),
    filter(B, 'forward', 0, [counter]),
    filter('ip third', 'forward', -5, [setMark(1)]),
    filter(A, 'input', 0, [dport(80), drop]),
  );
  expect(
    meetings.map(({ hook, chains }) => [hook, ...chains.map(({ table, tie, does }) => `${table} ${tie} ${does}`)]),
  ).toEqual([['forward', 'third false write', 'second true ', 'first true drop']]);
});

test('the rule that takes a packet out of tracking is named with the one that asks for it', () => {
  const { conflicts } = conflictsIn(
    filter(A, 'prerouting', -301, [dport(5001), { notrack: null }]),
    filter(B, 'prerouting', -300, [match(STATE, 'untracked', 'in'), dport(5001), drop]),
  );
  expect(conflicts[0]?.rules.map(({ table }) => table).sort()).toEqual(['first', 'second']);
});
