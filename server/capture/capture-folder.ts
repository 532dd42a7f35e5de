/**
 * A capture that is being written: a folder to which nodes come one by one. A node, and the cluster's objects, are written under
 * `.partial/` and then moved to their place, so what is in its place is complete, and a capture that was broken off goes on from there.
 */
import 'server-only';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import { ERRORS_FILE, type Failure } from '@/lib/world/capture-files';
import { forbiddenName } from '../sources/bundle-layout';
import type { RawFiles } from '../sources/source';

const PARTIAL = '.partial';
const NOTE = 'capture.json';
const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** What capture.json of the whole capture says. */
interface Note {
  readonly format: 1;
  /** When the capture was begun; not there for a copy of another capture. */
  readonly capturedAt?: string;
  /** Names and addresses are not the real ones; all captures by one secret have the same word here. */
  readonly redacted?: string;
  /** A word for the source; older captures have none, and several hosts may be captured into one folder. */
  readonly source?: string;
}

export type Opened =
  | { readonly kind: 'open'; readonly folder: CaptureFolder }
  /** The folder has something else in it. */
  | { readonly kind: 'occupied'; readonly why: string };

export class CaptureFolder {
  private constructor(
    readonly path: string,
    readonly note: Note,
  ) {}

  /** A new capture, or the one that is in the folder already. */
  static async open(path: string, note: Note): Promise<Opened> {
    // Not with its parents: a name with a mistake makes no tree.
    await mkdir(path, { mode: 0o700 }).catch(unlessThere);
    const names = await readdir(path);
    const held = names.includes(NOTE) ? noteOf(await readFile(join(path, NOTE), 'utf8')) : undefined;
    if (held === undefined && names.length > 0)
      return { kind: 'occupied', why: 'there is something else in it, which is no capture of this program' };
    if (held !== undefined && held.redacted !== note.redacted) return { kind: 'occupied', why: otherwise(held) };
    if (held?.source !== undefined && note.source !== undefined && held.source !== note.source)
      return { kind: 'occupied', why: 'the capture in it is of another source' };
    const folder = new CaptureFolder(path, held ?? note);
    await rm(join(path, PARTIAL), { recursive: true, force: true });
    await mkdir(join(path, 'nodes'), { recursive: true });
    if (held === undefined) await writeFile(join(path, NOTE), json(note), { mode: 0o600 });
    return { kind: 'open', folder };
  }

  /** The nodes that are in their place, each with the names of the readings that failed. */
  async nodes(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const names = await readdir(join(this.path, 'nodes'));
    return new Map(
      await Promise.all(names.map(async (name) => [name, await this.#failedIn(join('nodes', name))] as const)),
    );
  }

  /** The readings of the cluster's objects that failed; undefined where nothing of them is in its place. */
  async cluster(): Promise<ReadonlySet<string> | undefined> {
    return (await readdir(this.path)).includes('cluster') ? this.#failedIn('cluster') : undefined;
  }

  /** A file of the cluster's objects that is in its place. */
  async clusterFile(name: string): Promise<Uint8Array | undefined> {
    return readFile(join(this.path, 'cluster', name)).catch(unlessAbsent);
  }

  async #failedIn(place: string): Promise<ReadonlySet<string>> {
    const text = await readFile(join(this.path, place, ERRORS_FILE), 'utf8').catch(unlessAbsent);
    const errors = parseJson(text ?? '{}');
    return new Set(errors.ok && typeof errors.value === 'object' ? Object.keys(errors.value ?? {}) : []);
  }

  /** @param capturedAt undefined where it is not known */
  async addNode(name: string, files: RawFiles, capturedAt: string | undefined): Promise<void> {
    if (forbiddenName(name) !== undefined || name.includes('/') || name.startsWith('.'))
      throw new Error(`${JSON.stringify(name)} cannot be the name of a folder`);
    const own = new Map(files);
    own.delete(NOTE);
    await this.#add(join('nodes', name), own, capturedAt === undefined ? undefined : { format: 1, capturedAt });
  }

  async addCluster(files: RawFiles): Promise<void> {
    await this.#add('cluster', files, undefined);
  }

  async #add(place: string, files: RawFiles, note: object | undefined): Promise<void> {
    const partial = join(this.path, PARTIAL, place);
    await mkdir(partial, { recursive: true, mode: 0o700 });
    const errors: Record<string, Failure> = {};
    for (const [file, reading] of files) {
      if (reading.kind === 'read') await writeFile(join(partial, file), reading.content, { mode: 0o600 });
      else if (reading.kind === 'failed') errors[file] = reading.failure;
    }
    if (Object.keys(errors).length > 0) await writeFile(join(partial, ERRORS_FILE), json(errors), { mode: 0o600 });
    if (note !== undefined) await writeFile(join(partial, NOTE), json(note), { mode: 0o600 });
    // An earlier reading, in which something failed.
    await rm(join(this.path, place), { recursive: true, force: true });
    await rename(partial, join(this.path, place));
  }

  async finish(): Promise<void> {
    await rm(join(this.path, PARTIAL), { recursive: true, force: true });
  }
}

const otherwise = ({ redacted }: Note): string =>
  `the capture in it is ${redacted === undefined ? 'not redacted' : 'redacted, by another secret or none now'}`;

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function noteOf(text: string): Note | undefined {
  const value = parseJson(text);
  if (!value.ok) return undefined;
  const note = decoding((): Note => {
    const root = at(value.value);
    const redacted = root.optional('redacted')?.string();
    const capturedAt = root.optional('capturedAt')?.string();
    const source = root.optional('source')?.string();
    root.key('format').integer(1, 1);
    return {
      format: 1,
      ...(capturedAt !== undefined && { capturedAt }),
      ...(redacted !== undefined && { redacted }),
      ...(source !== undefined && { source }),
    };
  });
  return note.ok ? note.value : undefined;
}
