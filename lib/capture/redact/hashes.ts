/** What redaction needs of cryptography, given by the caller: `lib/` has none. */
export interface Hashes {
  /** SHA-256 of UTF-8, as kube-proxy names its chains. */
  readonly sha256: (text: string) => Uint8Array;
  /** HMAC-SHA-256 under the secret of this redaction: without it a replacement cannot be turned back. */
  readonly keyed: (text: string) => Uint8Array;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, section 6: as many characters as are asked for. */
export function base32(bytes: Uint8Array, length: number): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5 && text.length < length; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
    held &= 255;
  }
  return text;
}
