/**
 * Integers that JSON.parse would round: those of sixteen digits and more. They are found in the bytes before parsing, which
 * costs a look at every sixteenth byte.
 */

/** The shortest decimal that a double may not hold: 2^53 has sixteen digits. */
const LONG = 16;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

/**
 * Offsets of the first digits of integers of sixteen digits or more. What stands in a string and looks like a number there
 * is reported too: strings are not told apart here.
 */
export function findLongIntegers(bytes: Uint8Array): number[] {
  const found: number[] = [];
  // A run of sixteen digits covers one position of every sixteen.
  for (let i = LONG - 1; i < bytes.length; i += LONG) {
    const byte = bytes[i] as number;
    if (byte > 57 || byte < 48) continue;
    let start = i;
    while (isDigit(bytes[start - 1])) start--;
    let end = i + 1;
    while (isDigit(bytes[end])) end++;
    if (end - start >= LONG && isNumber(bytes, start, end)) found.push(start);
    // The next look is at the first position that the run does not cover.
    i += Math.floor((end - 1 - i) / LONG) * LONG;
  }
  return found;
}

/** White space, the end of the text, and the byte given. */
const isBoundary = (byte: number | undefined, ...others: readonly number[]): boolean =>
  byte === undefined || byte <= 32 || others.includes(byte);

/** True where the digits are a whole JSON number: no fraction, no exponent, no letter against them. */
function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  const before = bytes[start - 1] === 45 ? start - 2 : start - 1;
  // `:`, `[`, `,` before; `,`, `]`, `}` after.
  return isBoundary(bytes[before], 58, 91, 44) && isBoundary(bytes[end], 44, 93, 125);
}

/** Where a member of the top-level array stands: bytes from `start` up to, not including, `end`. */
export interface MemberSpan {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The members of the array in `{"nftables": [ … ]}` that hold one of the offsets. The bytes must be valid JSON of that form.
 * Cost: one pass over the bytes.
 */
export function membersAt(bytes: Uint8Array, offsets: readonly number[]): MemberSpan[] {
  const spans: MemberSpan[] = [];
  let depth = 0;
  let index = 0;
  let start = 0;
  let next = 0;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case 34: // a string
        for (i++; bytes[i] !== 34 && i < bytes.length; i++) if (bytes[i] === 92) i++;
        break;
      case 123: // {
      case 91: // [
        depth++;
        if (depth !== 2) break;
        // Of two members of one name the last stands, as with JSON.parse.
        spans.length = 0;
        index = 0;
        start = i + 1;
        break;
      case 125: // }
      case 93: // ]
        if (depth === 2) next = addSpan(spans, offsets, next, { index, start, end: i });
        depth--;
        break;
      case 44: // ,
        if (depth !== 2) break;
        next = addSpan(spans, offsets, next, { index, start, end: i });
        index++;
        start = i + 1;
        break;
      default:
        break;
    }
  }
  return spans;
}

/** Adds the span when an offset lies in it; returns the number of the first offset behind it. */
function addSpan(spans: MemberSpan[], offsets: readonly number[], next: number, span: MemberSpan): number {
  let first = next;
  while ((offsets[first] ?? Number.POSITIVE_INFINITY) < span.start) first++;
  let behind = first;
  while ((offsets[behind] ?? Number.POSITIVE_INFINITY) < span.end) behind++;
  if (behind > first) spans.push(span);
  return behind;
}
