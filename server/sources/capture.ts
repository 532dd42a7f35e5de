/** Raw files of a node → a capture: errors.json applied, hashed. */
import 'server-only';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { decodeBytes } from '@/lib/decode/decode-bytes';
import { type At, at, decoding, parseJson } from '@/lib/net/json-cursor';
import { formatProblem, type Problem, type Result } from '@/lib/net/result';
import { ERRORS_FILE, type Failure, type FileReading } from '@/lib/world/capture-files';
import type { NodeCapture, NodeEntry, RawFiles } from './source';

/**
 * @param contents bytes by file name, errors.json among them
 * @param capturedAt time of the whole bundle; the node's own capture.json goes first
 */
export function captureOf(contents: ReadonlyMap<string, Uint8Array>, capturedAt?: string): NodeCapture {
  const files = applyErrors(contents);
  return { files, capturedAt: timeOf(contents.get('capture.json')) ?? capturedAt, hash: hashOf(files) };
}

/**
 * A file with an entry in errors.json is a failed reading, whatever of it was written; so is a file that errors.json names
 * and that is not there. An errors.json that makes no sense makes itself a failed reading: it is not known what failed.
 */
export function applyErrors(contents: ReadonlyMap<string, Uint8Array>): RawFiles {
  const files = new Map<string, FileReading<Uint8Array>>();
  for (const [name, content] of contents) if (name !== ERRORS_FILE) files.set(name, { kind: 'read', content });
  const text = contents.get(ERRORS_FILE);
  if (text === undefined) return files;
  const errors = decodeErrors(new TextDecoder().decode(text));
  if (!errors.ok) {
    const stderr = formatProblem(errors.problem, ERRORS_FILE);
    files.set(ERRORS_FILE, {
      kind: 'failed',
      failure: { command: 'reading the list of failed commands', exitStatus: null, stderr },
    });
    return files;
  }
  for (const [name, failure] of errors.value) files.set(name, { kind: 'failed', failure });
  return files;
}

/** A listing that was seen. */
export interface SeenListing {
  readonly fault: Problem | undefined;
}

/** Looks at the bytes of a listing without decoding it: it may have 100 MB, and there may be many. */
export function seenListing(bytes: Uint8Array): SeenListing {
  if (bytes.length > 0 && isUtf8(bytes)) return { fault: undefined };
  const decoded = decodeBytes(bytes);
  return { fault: decoded.ok ? undefined : decoded.problem };
}

/**
 * @param seen undefined where the node has no listing
 * @param small the node's errors.json and capture.json, where it has them
 */
export function entryOf(
  name: string,
  seen: SeenListing | undefined,
  small: ReadonlyMap<string, Uint8Array>,
  capturedAt: string | undefined,
): NodeEntry {
  const reading = applyErrors(small).get('nft.json');
  const listing = reading?.kind === 'failed' ? reading.failure : seen === undefined ? 'absent' : 'present';
  const fault = listing === 'present' ? seen?.fault : undefined;
  return {
    name,
    listing,
    capturedAt: timeOf(small.get('capture.json')) ?? capturedAt,
    ...(fault !== undefined && { fault }),
  };
}

/** `{"nft.json": {"command", "exitStatus", "stderr"}, …}` */
function decodeErrors(text: string): Result<ReadonlyMap<string, Failure>> {
  const json = parseJson(text);
  if (!json.ok) return json;
  return decoding(() => {
    const root = at(json.value);
    return new Map(Object.keys(root.object()).map((name) => [name, decodeFailure(root.key(name))]));
  });
}

function decodeFailure(entry: At): Failure {
  return {
    command: entry.optional('command')?.string() ?? 'the command',
    exitStatus: entry.optional('exitStatus')?.integer(0, 255) ?? null,
    stderr: entry.optional('stderr')?.string() ?? '',
  };
}

/** The time in a capture.json; undefined when it has none that can be understood. */
export function timeOf(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return undefined;
  const json = parseJson(new TextDecoder().decode(content));
  const time = json.ok ? decoding(() => at(json.value).key('capturedAt').string()) : json;
  return time.ok && !Number.isNaN(Date.parse(time.value)) ? time.value : undefined;
}

export function hashOf(files: RawFiles): string {
  const hash = createHash('sha256');
  for (const [name, reading] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`\0${name}\0${reading.kind}\0`);
    if (reading.kind === 'read') hash.update(`${reading.content.length}\0`).update(reading.content);
    else if (reading.kind === 'failed') hash.update(JSON.stringify(reading.failure));
  }
  return hash.digest('hex').slice(0, 32);
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1;
