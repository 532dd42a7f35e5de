import { expect, test } from 'vitest';
import { parseIpv4, parseIpv6 } from './address';
import { putBytes } from './build-packet';
import { jhash, reciprocalScale } from './jhash';

const v4 = (text: string): Uint8Array => {
  const b = new Uint8Array(4);
  putBytes(b, 0, 4, parseIpv4(text) ?? 0);
  return b;
};
const v6 = (text: string): Uint8Array => {
  const b = new Uint8Array(16);
  putBytes(b, 0, 16, parseIpv6(text) ?? 0n);
  return b;
};
const port = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 255, 0, 0);
const cat = (...p: Uint8Array[]): Uint8Array => Uint8Array.from(p.flatMap((x) => [...x]));

// Each value was produced by a Linux 6.18 kernel evaluating the nft expression named.
test.each([
  ['ip saddr mod 1000000 seed 0x2a', v4('10.0.1.2'), 0x2a, 1000000, 839420],
  ['ip saddr mod 1000000 seed 0', v4('10.0.1.2'), 0, 1000000, 582865],
  ['ip saddr . ip daddr', cat(v4('10.0.1.2'), v4('10.0.2.2')), 0x2a, 1000000, 859357],
  ['ip saddr . tcp dport', cat(v4('10.0.1.2'), port(80)), 0x2a, 1000000, 242867],
  ['ip daddr mod 16 seed 0xdeadbeef', v4('10.0.2.2'), 0xdeadbeef, 16, 13],
  ['ip6 saddr', v6('fd00:1::2'), 0x2a, 1000000, 418032],
  ['ip6 saddr . ip6 daddr', cat(v6('fd00:1::2'), v6('fd00:2::2')), 1, 1000000, 977832],
  ['ip6 saddr . tcp dport', cat(v6('fd00:1::2'), port(80)), 1, 1000000, 252961],
])('jhash %s', (_, bytes, seed, mod, want) => {
  expect(reciprocalScale(jhash(bytes, seed), mod)).toBe(want);
});
