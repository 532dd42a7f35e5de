/** What can be wrong with a source: stable codes, what is wrong, what to do about it. */
import 'server-only';
import type { Problem } from '@/lib/net/result';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'this user may not read it'],
  ['EPERM', 'this user may not read it'],
  ['ENOTDIR', 'a part of its path is no folder'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'its links lead in a circle'],
  ['ENAMETOOLONG', 'its name is too long'],
]);

/** Why a file could not be read, without its path: Node's own message names it in full. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : (REASONS.get(code) ?? code);
}

const mb = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;
const FORMAT = 'docs/captures.md describes the bundle.';

export const sourceProblems = {
  unreadable: (path: string, why: string): Problem => ({
    code: 'SRC-001',
    say: `${path} cannot be read: ${why}.`,
    do: 'Check that the file or folder exists and may be read by this user.',
  }),
  noCapture: (name: string): Problem => ({
    code: 'SRC-002',
    say: `${name} is no capture: it has neither nodes/ nor cluster/, at its root or under one top folder.`,
    do: `Give a bundle (folder or .tar.gz) or the output of nft -j list ruleset. ${FORMAT}`,
  }),
  packedTooLarge: (limit: number): Problem => ({
    code: 'SRC-003',
    say: `The file is larger than ${mb(limit)}.`,
    do: 'Pack fewer nodes into a bundle, or start nftscope with the path instead of uploading it.',
  }),
  unpackedTooLarge: (limit: number): Problem => ({
    code: 'SRC-004',
    say: `The bundle unpacks to more than ${mb(limit)}.`,
    do: 'Pack fewer nodes into a bundle. A capture of a large node has about 100 MB unpacked.',
  }),
  tooManyEntries: (limit: number): Problem => ({
    code: 'SRC-005',
    say: `The bundle has more than ${limit.toLocaleString('en-US')} entries.`,
    do: `Pack only the files of the capture format. ${FORMAT}`,
  }),
  forbiddenEntry: (entry: string, why: string): Problem => ({
    code: 'SRC-006',
    path: entry,
    say: `The bundle has an entry that is not allowed: ${JSON.stringify(entry)} ${why}. Nothing of it was opened.`,
    do: 'Pack plain files under plain names: tar -czf bundle.tar.gz nodes cluster.',
  }),
  damaged: (why: string): Problem => ({
    code: 'SRC-007',
    say: `The archive is damaged or incomplete: ${why}.`,
    do: 'Copy it again as bytes (disk full, connection lost?), and check it with tar -tzf.',
  }),
  noSuchNode: (node: string, near: readonly string[]): Problem => ({
    code: 'SRC-008',
    say: `There is no node ${JSON.stringify(node)}${near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`}.`,
    do: 'Choose a node of this source.',
  }),
  cancelled: (): Problem => ({ code: 'SRC-009', say: 'The reading was cancelled.', do: 'Ask again.' }),
} as const;
