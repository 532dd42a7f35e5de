/** Contents of sets and objects as Linux 6.18 listed them by nft 1.0.6. */
import { expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import { trace } from './index';
import { SYN, xtWorld } from './testing/xt-world';

const at = { family: 'ip', table: 't' };
const SADDR = { payload: { protocol: 'ip', field: 'saddr' } };

function stateOf(expr: readonly unknown[], more: readonly unknown[]) {
  const nftables = [
    { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'ip', name: 't', handle: 1 } },
    { chain: { ...at, name: 'c', handle: 1, type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
    ...more,
    { rule: { ...at, chain: 'c', handle: 9, expr } },
  ];
  const ruleset = decodeRuleset({ nftables });
  if (!ruleset.ok) throw new Error(ruleset.problem.say);
  return trace({ ...xtWorld({ rules: [] }), ruleset: { known: true, value: ruleset.value } }, SYN).branches[0]?.state;
}
const add = (timeout: number) => [{ set: { op: 'add', elem: { elem: { val: SADDR, timeout } }, set: '@s' } }];
const set = (timeout?: number) => [
  {
    set: { ...at, name: 's', handle: 2, type: 'ipv4_addr', flags: ['timeout', 'dynamic'], ...(timeout && { timeout }) },
  },
];

test('the time of the set itself is not listed with an element, another one is', () => {
  expect(stateOf(add(10), set(10))?.sets).toEqual({ 'ip t s': [{ elem: { val: '10.1.0.2' } }] });
  expect(stateOf(add(20), set(10))?.sets).toEqual({ 'ip t s': [{ elem: { val: '10.1.0.2', timeout: 20 } }] });
  expect(stateOf(add(10), set())?.sets).toEqual({ 'ip t s': [{ elem: { val: '10.1.0.2', timeout: 10 } }] });
});

test.each([
  { name: 'packets', object: { rate: 3 }, want: { rate: 3, burst: 5 } },
  { name: 'bytes', object: { rate: 100, rate_unit: 'bytes' }, want: { rate: 100, burst: 0 } },
  { name: 'bytes with a burst', object: { rate: 100, rate_unit: 'bytes', burst: 20 }, want: { rate: 100, burst: 20 } },
])('burst of a limit of $name', ({ object, want }) => {
  const limit = { limit: { ...at, name: 'lk', handle: 2, per: 'second', ...object } };
  expect(stateOf([{ accept: null }], [limit])?.objects).toEqual({ 'limit ip t lk': want });
});
