/** A path, or the bytes of an upload, → the source they are: by what is in them, not by their names. */
import 'server-only';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { failed, ok, type Result } from '@/lib/net/result';
import { folderSource } from './folder-source';
import { reasonOf, sourceProblems } from './problems';
import { rulesetSource } from './ruleset-source';
import type { Limits, Source } from './source';
import { tarSource } from './tar-source';

/**
 * A folder, an archive or a listing on disk. Only its beginning is read here.
 *
 * @param shown what problems call it: the path as the user gave it, or its name alone where a stranger may read them
 */
export async function openPath(path: string, limits: Limits, shown = path): Promise<Result<Source>> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return ok(folderSource(path, limits, shown));
    if (!info.isFile()) return failed(sourceProblems.unreadable(shown, 'it is neither a file nor a folder'));
    const head = Buffer.alloc(512);
    const file = await open(path);
    const { bytesRead } = await file.read(head, 0, 512, 0).finally(() => file.close());
    if (!isArchive(head.subarray(0, bytesRead))) return ok(rulesetSource(basename(path), path));
    if (info.size > limits.packedBytes) return failed(sourceProblems.packedTooLarge(limits.packedBytes));
    return ok(tarSource(nameOf(path), () => createReadStream(path), limits));
  } catch (error) {
    return failed(sourceProblems.unreadable(shown, reasonOf(error)));
  }
}

/** An upload, held in memory: an archive as it came, a listing as its bytes. */
export function openBytes(name: string, bytes: Uint8Array, limits: Limits): Result<Source> {
  if (bytes.length > limits.packedBytes) return failed(sourceProblems.packedTooLarge(limits.packedBytes));
  if (!isArchive(bytes)) return ok(rulesetSource(basename(name), bytes));
  return ok(
    tarSource(nameOf(name), () => Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)]), limits),
  );
}

/** gzip by its magic number, tar by the word at byte 257 of its first header (POSIX ustar and GNU). */
function isArchive(head: Uint8Array): boolean {
  if (head[0] === 0x1f && head[1] === 0x8b) return true;
  return new TextDecoder('latin1').decode(head.subarray(257, 262)) === 'ustar';
}

const nameOf = (path: string): string => basename(path).replace(/\.(tar\.gz|tgz|tar)$/i, '');
