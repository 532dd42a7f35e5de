/**
 * The catalogue of what can be wrong with a listing: a stable code, what is wrong, and what to do about it.
 *
 * A decoder returns one of these, it does not throw. The codes are for documentation and tests, the texts for people.
 */

/** The outcome of decoding. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: DecodeProblem };

export type DecodeCode =
  | 'NFT-JSON-001'
  | 'NFT-JSON-002'
  | 'NFT-JSON-003'
  | 'NFT-JSON-004'
  | 'NFT-JSON-005'
  | 'NFT-JSON-006'
  | 'NFT-JSON-007'
  | 'NFT-JSON-008'
  | 'NFT-JSON-010'
  | 'NFT-JSON-011'
  | 'NFT-JSON-012'
  | 'NFT-JSON-013'
  | 'NFT-JSON-014'
  | 'NFT-JSON-015'
  | 'NFT-JSON-016';

export interface DecodeProblem {
  readonly code: DecodeCode;
  /** Where in the document, `nftables[41].rule.expr[2].match.op`; empty for the whole of it. */
  readonly path: string;
  /** What is wrong. */
  readonly say: string;
  /** What to do about it. */
  readonly do: string;
  readonly expected?: string;
  /** The offending value as JSON, shortened. */
  readonly got?: string;
  /** Where the text of the document stops being JSON. */
  readonly at?: TextPlace;
}

/** A place in a text: `offset` in bytes from 0, `line` and `column` (in characters) from 1. */
export interface TextPlace {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

const READ_AGAIN = 'Read the node again with `nft -j list ruleset`.';
const REPORT =
  'This is not what nft 1.0.6 to 1.1.7 print. If nft itself printed it, report its version and this message; otherwise read the node again.';

const bytes = (count: number): string => `${count.toLocaleString('en-US')} byte${count === 1 ? '' : 's'}`;
const inside = (path: string): string => (path === '' ? '' : `, inside ${path}`);

/** Every problem that decoding a listing can end in. */
export const problems = {
  empty: (): DecodeProblem => ({
    code: 'NFT-JSON-001',
    path: '',
    say: 'The listing is empty: not even an empty ruleset, which nft prints as {"nftables": [{"metainfo": …}]}.',
    do: 'nft failed or crashed before printing. Look at its exit status (139 is a crash: an older nft reading sets made by a newer one) and error output, and read the node with the nft that wrote the ruleset.',
  }),
  truncated: (path: string, length: number, at: TextPlace): DecodeProblem => ({
    code: 'NFT-JSON-002',
    path,
    say: `The listing breaks off after ${bytes(length)}${inside(path)}. Nothing of it is shown, because what is missing is unknown.`,
    do: 'nft 1.0.6 breaks off like this, with exit status 0, on a table with the flag persist: read the node with a newer nft. Otherwise the copy is incomplete (disk full, connection lost): read it again.',
    at,
  }),
  syntax: (path: string, at: TextPlace, expected: string, got: string): DecodeProblem => ({
    code: 'NFT-JSON-003',
    path,
    say: `Not JSON: line ${at.line}, column ${at.column} (byte ${at.offset})${inside(path)} should hold ${expected}.`,
    do: 'Keep the error output of nft out of the file (no 2>&1) and the file unedited, and read the node again.',
    expected,
    got,
    at,
  }),
  encoding: (say: string, at: TextPlace | undefined): DecodeProblem => ({
    code: 'NFT-JSON-004',
    path: '',
    say,
    do: 'nft -j prints UTF-8. Copy the file as bytes, without converting it.',
    ...(at === undefined ? {} : { at }),
  }),
  tooLarge: (length: number, limit: number): DecodeProblem => ({
    code: 'NFT-JSON-005',
    path: '',
    say: `The listing has ${bytes(length)}; up to ${bytes(limit)} can be read.`,
    do: 'Read one table at a time with `nft -j list table FAMILY NAME`.',
  }),
  textListing: (): DecodeProblem => ({
    code: 'NFT-JSON-006',
    path: '',
    say: 'This is the text of `nft list ruleset`, not its JSON.',
    do: `${READ_AGAIN} The text can be given beside the JSON, not in its place.`,
  }),
  notAListing: (path: string, got: string): DecodeProblem => ({
    code: 'NFT-JSON-007',
    path,
    say: 'This JSON is not a listing of nft.',
    do: READ_AGAIN,
    expected: 'an object {"nftables": [ … ]}',
    got,
  }),
  commands: (path: string, command: string): DecodeProblem => ({
    code: 'NFT-JSON-008',
    path,
    say: `This JSON holds commands (${command}), not a ruleset.`,
    do: `${READ_AGAIN} Input for nft -f, and the output of nft --echo and nft monitor, only say what changes.`,
    got: command,
  }),
  wrongType: (path: string, expected: string, got: string): DecodeProblem => ({
    code: 'NFT-JSON-010',
    path,
    say: `${path} should be ${expected}.`,
    do: REPORT,
    expected,
    got,
  }),
  missing: (path: string, expected: string): DecodeProblem => ({
    code: 'NFT-JSON-011',
    path,
    say: `${path} is missing; it should be ${expected}.`,
    do: REPORT,
    expected,
  }),
  unknownWord: (path: string, expected: string, got: string): DecodeProblem => ({
    code: 'NFT-JSON-012',
    path,
    say: `${path} is a word that nftscope does not know.`,
    do: REPORT,
    expected,
    got,
  }),
  inexact: (path: string, got: string): DecodeProblem => ({
    code: 'NFT-JSON-013',
    path,
    say: `${path} is a number that lost digits on its way, or never was an integer.`,
    do: 'nft prints integers of up to 20 digits. Give the bytes as nft wrote them; another program has rewritten these (jq before 1.7 does).',
    expected: 'an integer with all its digits',
    got,
  }),
  orphan: (path: string, what: string): DecodeProblem => ({
    code: 'NFT-JSON-014',
    path,
    say: `${path} belongs to ${what}, which the listing does not contain.`,
    do: 'Read the whole ruleset with `nft -j list ruleset`, not a part of it.',
    expected: 'a listing with all tables and chains of its rules',
  }),
  twice: (path: string, what: string): DecodeProblem => ({
    code: 'NFT-JSON-015',
    path,
    say: `${what} is listed twice.`,
    do: 'Two listings were joined. Give them one at a time.',
  }),
  tooDeep: (path: string, limit: number): DecodeProblem => ({
    code: 'NFT-JSON-016',
    path,
    say: `${path === '' ? 'The document' : path} is nested deeper than ${limit} levels, which no ruleset is.`,
    do: REPORT,
  }),
};
