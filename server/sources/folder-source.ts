/** A capture bundle as a folder. */
import 'server-only';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { ERRORS_FILE } from '@/lib/world/capture-files';
import { MEASURED_FILE, roleOf, topFolder } from './bundle-layout';
import { applyErrors, captureOf, entryOf, type SeenListing, seenListing, timeOf } from './capture';
import { reasonOf, sourceProblems } from './problems';
import type { Limits, NodeEntry, Source } from './source';

class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.say);
  }
}

/**
 * @param path the bundle, or a folder that holds it alone
 * @param shown what problems call it
 */
export function folderSource(path: string, limits: Limits, shown: string): Source {
  const name = basename(path);
  const root = async (): Promise<string> => {
    const names = await list(path);
    const below = await Promise.all(
      names.map(async (entry) => (await list(join(path, entry)).catch(() => [])).map((inner) => `${entry}/${inner}`)),
    );
    const top = topFolder([...names, ...below.flat()]);
    if (top === undefined) throw new Refused(sourceProblems.noCapture(name));
    return join(path, top);
  };
  return {
    describe: () => ({ kind: 'bundle', name, live: false }),
    nodes: (signal) =>
      guarded(shown, signal, async () => {
        const top = await root();
        const capturedAt = await timeOfBundle(top, limits, signal);
        const entries: NodeEntry[] = [];
        // One after the other: no more than one listing is in memory.
        for (const node of await nodesOf(top)) {
          const notes = await readKnown(top, `nodes/${node}`, limits, signal, (file) => NOTES.includes(file));
          entries.push(entryOf(node, await lookAtListing(top, node, limits, signal), notes, capturedAt));
        }
        return entries;
      }),
    node: (node, signal) =>
      guarded(shown, signal, async () => {
        const top = await root();
        const nodes = await nodesOf(top);
        // The name is one of a listing, so it cannot lead out of the bundle.
        if (!nodes.includes(node)) throw new Refused(sourceProblems.noSuchNode(node, nodes));
        const files = await readKnown(top, `nodes/${node}`, limits, signal);
        return captureOf(files, await timeOfBundle(top, limits, signal));
      }),
    cluster: (signal) =>
      guarded(shown, signal, async () => ({
        files: applyErrors(await readKnown(await root(), 'cluster', limits, signal)),
      })),
    measured: (signal) =>
      guarded(shown, signal, async () =>
        (await readKnown(await root(), '', limits, signal, (file) => file === MEASURED_FILE)).get(MEASURED_FILE),
      ),
  };
}

/** What keeps this node's listing from being read does not keep the others from being named. */
async function lookAtListing(
  root: string,
  node: string,
  limits: Limits,
  signal: AbortSignal,
): Promise<SeenListing | undefined> {
  try {
    const files = await readKnown(root, `nodes/${node}`, limits, signal, (file) => file === 'nft.json');
    const listing = files.get('nft.json');
    return listing === undefined ? undefined : seenListing(listing);
  } catch (error) {
    if (signal.aborted) throw error;
    const inside = `nodes/${node}/nft.json`;
    return { fault: error instanceof Refused ? error.problem : sourceProblems.unreadable(inside, reasonOf(error)) };
  }
}

/** Small files that tell of readings. */
const NOTES: readonly string[] = ['capture.json', ERRORS_FILE];

const timeOfBundle = async (root: string, limits: Limits, signal: AbortSignal): Promise<string | undefined> =>
  timeOf((await readKnown(root, '', limits, signal, (file) => file === 'capture.json')).get('capture.json'));

async function nodesOf(root: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, 'nodes'), { withFileTypes: true }).catch(absent([]));
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The files of one folder that the capture format knows. Links are refused: they could lead anywhere. */
async function readKnown(
  root: string,
  folder: string,
  limits: Limits,
  signal: AbortSignal,
  wanted: (name: string) => boolean = () => true,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const name of await list(join(root, folder)).catch(absent([]))) {
    const inside = folder === '' ? name : `${folder}/${name}`;
    if (roleOf(inside) === undefined || !wanted(name)) continue;
    const info = await lstat(join(root, inside));
    if (!info.isFile()) throw new Refused(sourceProblems.forbiddenEntry(inside, 'is not a plain file'));
    total += info.size;
    if (total > limits.unpackedBytes) throw new Refused(sourceProblems.unpackedTooLarge(limits.unpackedBytes));
    files.set(name, await readFile(join(root, inside), { signal }));
  }
  return files;
}

const list = async (path: string): Promise<readonly string[]> => (await readdir(path)).sort();

/** Gives `value` in the place of a folder that does not exist. */
const absent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };

async function guarded<T>(shown: string, signal: AbortSignal, read: () => Promise<T>): Promise<Result<T>> {
  try {
    signal.throwIfAborted();
    return ok(await read());
  } catch (error) {
    if (error instanceof Refused) return failed(error.problem);
    if (signal.aborted) return failed(sourceProblems.cancelled());
    return failed(sourceProblems.unreadable(shown, reasonOf(error)));
  }
}
