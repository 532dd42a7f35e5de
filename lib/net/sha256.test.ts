import { expect, test } from 'vitest';
import { sha256, sha256Base32 } from './sha256';

// FIPS 180-4 examples, and a text of two blocks.
test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
])('%j', (text, want) => {
  const hex = sha256(text, 32).map((byte) => byte.toString(16).padStart(2, '0'));
  expect(hex.join('')).toBe(want);
});

// Base32 of the digest of "abc" above.
test('base32', () => {
  expect(sha256Base32('abc', 16)).toBe('XJ4BNP4PAHH6UQKB');
});
