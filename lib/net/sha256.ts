/** SHA-256 (FIPS 180-4), for names that are made of it. */

/** Round constants and initial state: fractional parts of the cube and square roots of the first primes (FIPS 180-4, 4.2.2, 5.3.3). */
function rootsOfPrimes(): { readonly rounds: Int32Array; readonly initial: Int32Array } {
  const rounds = new Int32Array(64);
  const initial = new Int32Array(8);
  const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0;
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) isPrime &&= n % d !== 0;
    if (!isPrime) continue;
    if (found < 8) initial[found] = fraction(Math.sqrt(n));
    rounds[found++] = fraction(Math.cbrt(n));
  }
  return { rounds, initial };
}

const { rounds: K, initial: INITIAL } = rootsOfPrimes();
const W = new Int32Array(64);

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
const word = (of: Int32Array, i: number): number => of[i] as number;

/** The first bytes of the digest, at most 32. */
export function sha256(text: string, length: number): readonly number[] {
  const bytes = padded(text);
  const state = Int32Array.from(INITIAL);
  for (let at = 0; at < bytes.length; at += 64) addBlock(state, bytes, at);
  return Array.from({ length }, (_, i) => (word(state, i >> 2) >>> (24 - (i & 3) * 8)) & 255);
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first characters of the digest in base32 (RFC 4648): names of kube-proxy have 8 or 16 of them. */
export function sha256Base32(text: string, characters: number): string {
  let hash = '';
  let bits = 0;
  let held = 0;
  for (const byte of sha256(text, Math.ceil((characters * 5) / 8))) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) hash += BASE32[(held >> (bits - 5)) & 31];
  }
  return hash.slice(0, characters);
}

function padded(text: string): Uint8Array {
  const content = new TextEncoder().encode(text);
  const bytes = new Uint8Array(Math.ceil((content.length + 9) / 64) * 64);
  bytes.set(content);
  bytes[content.length] = 0x80;
  new DataView(bytes.buffer).setUint32(bytes.length - 4, content.length * 8);
  return bytes;
}

function addBlock(state: Int32Array, bytes: Uint8Array, at: number): void {
  const view = new DataView(bytes.buffer, at, 64);
  for (let i = 0; i < 16; i++) W[i] = view.getInt32(i * 4);
  for (let i = 16; i < 64; i++) {
    const a = word(W, i - 15);
    const b = word(W, i - 2);
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    W[i] = word(W, i - 16) + s0 + word(W, i - 7) + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + word(K, i) + word(W, i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = word(state, i) + value;
}
