import { expect, test } from 'vitest';
import { holdListing, writeListing } from './held-listing';

const TABLE = '{"table": {"family": "ip", "name": "t", "handle": 1}}';
const CHAIN = '{"chain": {"family": "ip", "table": "t", "name": "c", "handle": 2}}';
const COUNTER = '{"counter": {"family": "ip", "name": "n", "table": "t", "handle": 3, "packets": 0, "bytes": 0}}';
const SET =
  '{"set": {"family": "ip", "name": "s", "table": "t", "type": "ipv4_addr", "handle": 4, "elem": ["10.0.0.1"]}}';
const RULE = '{"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 5, "expr": [{"accept": null}]}}';
const ORDERS: readonly [version: string, items: readonly string[]][] = [
  ['1.0.6', [TABLE, COUNTER, SET, CHAIN, RULE]],
  ['1.1.3', [TABLE, CHAIN, COUNTER, SET, RULE]],
];
const listing = (version: string, items: readonly string[]): string =>
  `{"nftables": [${[`{"metainfo": {"version": "${version}", "json_schema_version": 1}}`, ...items].join(', ')}]}\n`;

test.each(ORDERS)('a listing of nft %s is written as it was', (version, items) => {
  const text = listing(version, items);
  const held = holdListing(text);
  expect(held === undefined ? undefined : writeListing(held)).toBe(text);
});

test.each(['', '[]', '{"nftables": [{"rule": {"family": "ip", "table": "t", "chain": "c"}}]}'])(
  '%j is not held',
  (text) => {
    expect(holdListing(text)).toBeUndefined();
  },
);
