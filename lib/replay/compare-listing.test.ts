import { describe, expect, test } from 'vitest';
import { canonicalListing, compareListings, handleMap, ruleHandles } from './compare-listing';

const rule = (handle: number, expr: readonly unknown[], chain = 'c') => ({
  rule: { family: 'ip', table: 't', chain, handle, expr },
});
const set = (elem: readonly unknown[]) => ({
  set: { family: 'ip', name: 's', table: 't', type: 'ipv4_addr', handle: 1, elem },
});
const listing = (...objects: readonly unknown[]) => ({ nftables: [{ metainfo: { version: 'x' } }, ...objects] });
const same = (a: unknown, b: unknown) => compareListings(canonicalListing(a), canonicalListing(b)) === undefined;

describe('the same ruleset', () => {
  test.each([
    { name: 'other handles', a: rule(5, [{ accept: null }]), b: rule(9, [{ accept: null }]) },
    {
      name: 'other counts',
      a: rule(5, [{ counter: { packets: 1, bytes: 2 } }]),
      b: rule(5, [{ counter: { packets: 0, bytes: 0 } }]),
    },
    {
      name: 'a used quota',
      a: rule(5, [{ quota: { val: 1, val_unit: 'mbytes', used: 5 } }]),
      b: rule(5, [{ quota: { val: 1, val_unit: 'mbytes' } }]),
    },
    { name: 'elements in another order', a: set(['1.1.1.1', '2.2.2.2']), b: set(['2.2.2.2', '1.1.1.1']) },
    {
      name: 'elements with less time left',
      a: set([{ elem: { val: '1.1.1.1', timeout: 9, expires: 8 } }]),
      b: set([{ elem: { val: '1.1.1.1', timeout: 9, expires: 7 } }]),
    },
    {
      name: 'members in another order',
      a: { table: { family: 'ip', name: 't', handle: 1 } },
      b: { table: { handle: 4, name: 't', family: 'ip' } },
    },
  ])('$name', ({ a, b }) => expect(same(listing(a), listing(b))).toBe(true));
});

describe('another ruleset', () => {
  test.each([
    { name: 'another verdict', a: [rule(5, [{ accept: null }])], b: [rule(5, [{ drop: null }])] },
    {
      name: 'rules in another order',
      a: [rule(5, [{ accept: null }]), rule(6, [{ drop: null }])],
      b: [rule(5, [{ drop: null }]), rule(6, [{ accept: null }])],
    },
    { name: 'a rule less', a: [rule(5, [{ accept: null }]), rule(6, [])], b: [rule(5, [{ accept: null }])] },
    { name: 'a rule more', a: [rule(5, [])], b: [rule(5, []), rule(6, [])] },
    {
      name: 'another quota',
      a: [rule(5, [{ quota: { val: 1, val_unit: 'mbytes' } }])],
      b: [rule(5, [{ quota: { val: 2, val_unit: 'mbytes' } }])],
    },
    { name: 'an element more', a: [set(['1.1.1.1'])], b: [set(['1.1.1.1', '2.2.2.2'])] },
    {
      name: 'another timeout',
      a: [set([{ elem: { val: '1.1.1.1', timeout: 9 } }])],
      b: [set([{ elem: { val: '1.1.1.1', timeout: 8 } }])],
    },
    {
      name: 'an address that is called a handle in a value',
      a: [rule(5, [{ mangle: { key: 'packets', value: 1 } }])],
      b: [rule(5, [{ mangle: { key: 'packets', value: 2 } }])],
    },
  ])('$name', ({ a, b }) => expect(same(listing(...a), listing(...b))).toBe(false));
});

test('handles go by place in the chain', () => {
  const captured = ruleHandles(listing(rule(30, []), rule(20, []), rule(7, [], 'd')));
  const loaded = ruleHandles(listing(rule(2, []), rule(3, []), rule(4, [], 'd')));
  expect([...handleMap(captured, loaded)]).toEqual([
    ['ip t c 2', 30],
    ['ip t c 3', 20],
    ['ip t d 4', 7],
  ]);
});
