/**
 * Bob Jenkins' lookup3 as the kernel uses it (include/linux/jhash.h), for nft's `jhash` and for the choice of NAT addresses.
 * Recomputed values in docs/netfilter notes: `jhash ip saddr mod 1000000 seed 0x2a` of 10.0.1.2 is 839420.
 */
const INITVAL = 0xdeadbeef;

const rol = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

function final(a0: number, b0: number, c0: number): number {
  let a = a0;
  let b = b0;
  let c = c0;
  c = (c ^ b) - rol(b, 14);
  a = (a ^ c) - rol(c, 11);
  b = (b ^ a) - rol(a, 25);
  c = (c ^ b) - rol(b, 16);
  a = (a ^ c) - rol(c, 4);
  b = (b ^ a) - rol(a, 14);
  c = (c ^ b) - rol(b, 24);
  return c >>> 0;
}

function mix(s: [number, number, number]): void {
  let [a, b, c] = s;
  a = ((a - c) ^ rol(c, 4)) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ rol(a, 6)) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ rol(b, 8)) | 0;
  b = (b + a) | 0;
  a = ((a - c) ^ rol(c, 16)) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ rol(a, 19)) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ rol(b, 4)) | 0;
  b = (b + a) | 0;
  s[0] = a;
  s[1] = b;
  s[2] = c;
}

/** jhash() over bytes with an initial value; words are read little-endian, as on the machines Kubernetes runs on. */
export function jhash(key: Uint8Array, initval: number): number {
  let length = key.length;
  let at = 0;
  const word = (o: number): number =>
    (key[o] ?? 0) | ((key[o + 1] ?? 0) << 8) | ((key[o + 2] ?? 0) << 16) | ((key[o + 3] ?? 0) << 24);
  const start = (INITVAL + length + initval) | 0;
  const s: [number, number, number] = [start, start, start];
  while (length > 12) {
    s[0] = (s[0] + word(at)) | 0;
    s[1] = (s[1] + word(at + 4)) | 0;
    s[2] = (s[2] + word(at + 8)) | 0;
    mix(s);
    length -= 12;
    at += 12;
  }
  if (length === 0) return s[2] >>> 0;
  // Bytes beyond the end read as zero, which is what the kernel's fall-through switch adds up to.
  return final((s[0] + word(at)) | 0, (s[1] + word(at + 4)) | 0, (s[2] + word(at + 8)) | 0);
}

/** jhash2() over 32-bit words. */
export function jhash2(words: readonly number[], initval: number): number {
  let length = words.length;
  let at = 0;
  const start = (INITVAL + (length << 2) + initval) | 0;
  const s: [number, number, number] = [start, start, start];
  while (length > 3) {
    s[0] = (s[0] + (words[at] ?? 0)) | 0;
    s[1] = (s[1] + (words[at + 1] ?? 0)) | 0;
    s[2] = (s[2] + (words[at + 2] ?? 0)) | 0;
    mix(s);
    length -= 3;
    at += 3;
  }
  if (length === 0) return s[2] >>> 0;
  return final(
    (s[0] + (words[at] ?? 0)) | 0,
    (s[1] + (length > 1 ? (words[at + 1] ?? 0) : 0)) | 0,
    (s[2] + (length > 2 ? (words[at + 2] ?? 0) : 0)) | 0,
  );
}

/** reciprocal_scale(): a 32-bit hash to 0 … range - 1. */
export function reciprocalScale(hash: number, range: number): number {
  return Number((BigInt(hash >>> 0) * BigInt(range)) >> 32n);
}
