import { expect, test } from 'vitest';
import { decodeCost } from './reading-cost';

test.each([
  {
    name: 'followed, and once it was wrong',
    json: {
      listing: { wallMs: 44, cpuMs: 40, bytes: 81_234 },
      follow: {
        state: 'following',
        why: null,
        proof: 'it proves itself',
        transactions: 17,
        letGo: 2,
        mismatches: 1,
        writeMs: 13,
      },
      changesWithoutEvent: 3,
    },
    want: {
      listing: { wallMs: 44, cpuMs: 40, bytes: 81_234 },
      follow: { state: 'following', why: null, proof: 'it proves itself', letGo: 2, failedProofs: 4 },
    },
  },
  {
    name: 'switched off, nothing listed yet',
    json: { listing: null, follow: { state: 'off' } },
    want: { listing: null, follow: { state: 'off', why: null, proof: null, letGo: 0, failedProofs: 0 } },
  },
  { name: 'of a later version, with less', json: {}, want: { listing: null, follow: null } },
  { name: 'a state that is not known', json: { follow: { state: 'sleeping' } }, want: undefined },
  { name: 'no object', json: 'cheap', want: undefined },
  { name: 'a size that is none', json: { listing: { bytes: -1 } }, want: undefined },
])('$name', ({ json, want }) => expect(decodeCost(json)).toEqual(want));
