/** From the bytes of `nft -j list ruleset` to the model. */
import type { Ruleset } from '../nft/model';
import { decodeRuleset } from './decode-ruleset';
import { findFault, parseExact } from './parse-exact';
import { type DecodeProblem, problems, type Result, type TextPlace } from './problem';
import { joinPath } from './raw';
import { findLongIntegers, membersAt } from './scan-integers';

/** The most bytes of a listing that can be read: the longest string that V8 makes, about 512 MiB. */
export const LONGEST_LISTING = 0x1fffffe8;

/**
 * Decodes one listing as nft wrote it: UTF-8, one JSON document. Integers beyond 2^53 keep all their digits, which they would
 * not if the caller parsed the JSON. Nothing half-read is returned: a listing that breaks off is a problem of its own code,
 * also where nft ended with exit status 0. Nothing is thrown.
 *
 * Cost on a listing of 100 MB: within 1.5 times that of JSON.parse (bench/decode.bench.ts).
 */
export function decodeBytes(bytes: Uint8Array): Result<Ruleset> {
  const text = decodeText(bytes);
  if (typeof text !== 'string') return { ok: false, problem: text };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: explainSyntax(text) };
  }
  const long = findLongIntegers(bytes);
  return decodeRuleset(long.length === 0 ? json : withExactIntegers(json, text, bytes, long));
}

function decodeText(bytes: Uint8Array): string | DecodeProblem {
  if (bytes.length > LONGEST_LISTING) return problems.tooLarge(bytes.length, LONGEST_LISTING);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return problems.encoding('The listing is UTF-16, as PowerShell writes files.', undefined);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const at = placeOfBadByte(bytes);
    return problems.encoding(`Byte ${at.offset} (line ${at.line}) is not UTF-8.`, at);
  }
}

/** The first byte that cannot be decoded: the shortest prefix that fails, by halving. */
function placeOfBadByte(bytes: Uint8Array): TextPlace {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUtf8Start(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const before = new TextDecoder().decode(bytes.subarray(0, good));
  return { ...placeIn(before, before.length), offset: good };
}

/** True for the start of a valid text, which may end in the middle of a character. */
function isUtf8Start(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function placeIn(text: string, index: number): TextPlace {
  const before = text.slice(0, index);
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    offset: new TextEncoder().encode(before).length,
    line: before.split('\n').length,
    column: index - lineStart + 1,
  };
}

/** Why a text is no JSON. */
function explainSyntax(text: string): DecodeProblem {
  if (text.trim() === '') return problems.empty();
  if (/^\s*(table \w+ \S+ \{|#!\/)/.test(text)) return problems.textListing();
  const fault = findFault(text);
  // JSON.parse and the reader agree on what JSON is; a document that only one refuses would be a bug of the reader.
  if (fault === undefined) return problems.syntax('', placeIn(text, 0), 'a JSON document', text.slice(0, 20));
  const at = placeIn(text, fault.index);
  const path = joinPath(fault.path);
  if (fault.isTruncated) return problems.truncated(path, at.offset, at);
  return problems.syntax(path, at, fault.expected, JSON.stringify(text.slice(fault.index, fault.index + 20)));
}

/** The document with the members that hold long integers read again, exactly. */
function withExactIntegers(json: unknown, text: string, bytes: Uint8Array, offsets: readonly number[]): unknown {
  const members = (json as { readonly nftables?: unknown } | null)?.nftables;
  if (!Array.isArray(members) || Object.keys(json as object).length !== 1) return exact(text, json);
  const decoder = new TextDecoder();
  const copy: unknown[] = members.slice();
  for (const { index, start, end } of membersAt(bytes, offsets)) {
    copy[index] = exact(decoder.decode(bytes.subarray(start, end)), copy[index]);
  }
  return { nftables: copy };
}

function exact(text: string, otherwise: unknown): unknown {
  const result = parseExact(text);
  return result.ok ? result.value : otherwise;
}
