import { describe, expect, test } from 'vitest';
import { differences } from './differences';
import { type HeldListing, holdListing, writeListing } from './held-listing';
import { hasUntoldSets } from './remaining-time';

const held = (elements: string, more = '"flags": ["timeout", "dynamic"], "timeout": 10800'): HeldListing => {
  const elem = elements === '' ? '' : `, "elem": [${elements}]`;
  const set = `{"set": {"family": "ip", "name": "s", "table": "t", "type": "ipv4_addr", "handle": 2, ${more}${elem}}}`;
  const listing = holdListing(`{"nftables": [{"table": {"family": "ip", "name": "t", "handle": 1}}, ${set}]}`);
  if (listing === undefined) throw new Error('it cannot be held');
  return listing;
};
const expiring = (address: string, seconds: number, comment = '') =>
  `{"elem": {"val": "${address}"${comment === '' ? '' : `, "comment": ${JSON.stringify(comment)}`}, "expires": ${seconds}}}`;

describe('elements that expire', () => {
  // nft prints whole seconds, rounded down: 3 is up to 3.999.
  test.each([
    { name: 'nothing passed', passedMs: 0, want: expiring('10.0.0.5', 3) },
    { name: 'a second', passedMs: 1000, want: expiring('10.0.0.5', 2) },
    { name: 'not yet ended for certain', passedMs: 3500, want: expiring('10.0.0.5', 0) },
  ])('$name', ({ passedMs, want }) => {
    expect(writeListing(held(expiring('10.0.0.5', 3)), passedMs)).toBe(writeListing(held(want)));
  });

  test('what has ended is not written, and the rest is', () => {
    const both = held(`${expiring('10.0.0.5', 3)}, ${expiring('10.0.0.6', 30)}, "10.0.0.7"`);
    expect(writeListing(both, 4000)).toBe(writeListing(held(`${expiring('10.0.0.6', 26)}, "10.0.0.7"`)));
    expect(writeListing(held(expiring('10.0.0.5', 3)), 4000)).toBe(writeListing(held('')));
  });

  test('words of a comment are no time', () => {
    const one = expiring('10.0.0.5', 30, '"expires": 1');
    expect(writeListing(held(one), 5000)).toBe(writeListing(held(expiring('10.0.0.5', 25, '"expires": 1'))));
  });
});

test.each([
  { more: '"flags": ["dynamic"]', want: true },
  { more: '"flags": ["interval"], "timeout": 60', want: true },
  { more: '"flags": ["interval"]', want: false },
])('$more: changes without an event: $want', ({ more, want }) => {
  const one = held('"10.0.0.5"', more);
  expect(hasUntoldSets(one)).toBe(want);
  expect(differences(one, held('"10.0.0.6"', more)).length === 0).toBe(want);
});
