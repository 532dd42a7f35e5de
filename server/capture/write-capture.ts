/** Any source → a capture: its nodes and the cluster's objects in a folder, or in a .tar.gz that is packed when all is there. */
import 'server-only';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { packTar } from 'modern-tar/fs';
import { keepFields } from '@/lib/capture/cluster-fields';
import { decodeNodes } from '@/lib/cluster/decode-objects';
import { count } from '@/lib/explain/words';
import { parseJson } from '@/lib/net/json-cursor';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { describeFailure, type FileReading } from '@/lib/world/capture-files';
import { sourceProblems } from '../sources/problems';
import type { RawFiles, Source } from '../sources/source';
import { CaptureFolder } from './capture-folder';

/** How names and addresses are changed; the identity where they are not. */
export interface Redaction {
  readonly node: (name: string) => string;
  readonly nodeFiles: (files: RawFiles) => RawFiles;
  readonly clusterFiles: (files: RawFiles) => RawFiles;
}

export interface RedactionMaker {
  /** Tells secrets apart, and tells nothing of them. */
  readonly id: string;
  /** A word for a text, by the secret: it tells nothing of the text. */
  readonly word: (text: string) => string;
  /** When the cluster's objects are known, which have the names. */
  readonly make: (cluster: RawFiles) => Redaction;
}

export interface CaptureOptions {
  /** A folder, or the name of an archive: .tar.gz or .tgz. */
  readonly out: string;
  /** All where none is named. */
  readonly nodes: readonly string[];
  /** Which source it is: a capture that was begun from another one is not gone on with. Undefined: any. */
  readonly origin?: string | undefined;
  readonly redaction?: RedactionMaker | undefined;
  readonly now: () => Date;
  readonly tell: (words: string) => void;
}
export interface Captured {
  readonly nodes: number;
  /** Nodes that could not be captured; the next run tries them again. */
  readonly failed: number;
  /** Of a live source, what is written as a failed reading: lists of objects, and rulesets of nodes of which other things were read. */
  readonly unread: number;
}

/** A reading of a node works on the node: few at once. */
const AT_ONCE = 4;
const RULESET = 'nft.json';
const NODES = 'nodes.json';
const isArchive = (path: string): boolean => /\.(tar\.gz|tgz)$/i.test(path);

/** Writes, or goes on with, a capture. What is in it already is kept. */
export async function writeCapture(
  source: Source,
  options: CaptureOptions,
  signal: AbortSignal,
): Promise<Result<Captured>> {
  const path = isArchive(options.out) ? `${options.out}.partial` : options.out;
  const opened = await CaptureFolder.open(path, {
    format: 1,
    ...(source.describe().live && { capturedAt: options.now().toISOString() }),
    ...(options.origin !== undefined && { source: (options.redaction?.word ?? plainWord)(options.origin) }),
    ...(options.redaction !== undefined && { redacted: options.redaction.id }),
  });
  if (opened.kind === 'occupied') return failed(captureProblems.occupied(path, opened.why));
  const { folder } = opened;
  const cluster = await source.cluster(signal);
  if (!cluster.ok) return cluster;
  const kept = keepCluster(cluster.value.files);
  const redaction = options.redaction?.make(kept);
  const unread = await writeCluster(folder, kept, redaction, options);
  const captured = await captureNodes(source, folder, redaction, options, signal);
  if (!captured.ok) return captured;
  if (captured.value.failed > 0) return captured;
  await folder.finish();
  if (isArchive(options.out)) await pack(path, options.out);
  // What a copy of a capture lacks was lacking before.
  return source.describe().live ? ok({ ...captured.value, unread: captured.value.unread + unread }) : captured;
}

const plainWord = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Names what was not read. What an earlier run could not read is written anew where more is read now. */
async function writeCluster(
  folder: CaptureFolder,
  files: RawFiles,
  redaction: Redaction | undefined,
  options: CaptureOptions,
): Promise<number> {
  const failures = [...files].flatMap(([name, reading]) =>
    reading.kind === 'failed' ? [{ name, failure: reading.failure }] : [],
  );
  const before = await folder.cluster();
  const written = redaction?.clusterFiles(files) ?? files;
  const gone = before === undefined || failures.length > before.size ? [] : await leftBy(folder, written);
  if (gone.length > 0)
    options.tell(
      `${gone.join(', ')} left the cluster before ${gone.length === 1 ? 'it was' : 'they were'} captured: the objects of the cluster are written anew`,
    );
  if (files.size > 0 && (before === undefined || failures.length < before.size || gone.length > 0))
    await folder.addCluster(written);
  else if (before?.size === 0) return 0;
  for (const { name, failure } of failures) options.tell(`${name}: not read: ${describeFailure(failure)}`);
  return failures.length;
}

/** Nodes that the objects in the capture have, that were not captured, and that are no more: nobody could capture them now. */
async function leftBy(folder: CaptureFolder, now: RawFiles): Promise<readonly string[]> {
  const listing = now.get(NODES);
  const present = listing?.kind === 'read' ? namesIn(listing.content) : undefined;
  const before = await folder.clusterFile(NODES);
  if (present === undefined || before === undefined) return [];
  const captured = await folder.nodes();
  return (namesIn(before) ?? []).filter((name) => !present.includes(name) && !captured.has(name));
}

function namesIn(content: Uint8Array): readonly string[] | undefined {
  const json = parseJson(new TextDecoder().decode(content));
  const nodes = json.ok ? decodeNodes(json.value) : undefined;
  return nodes?.ok === true ? nodes.value.map(({ name }) => name) : undefined;
}

async function captureNodes(
  source: Source,
  folder: CaptureFolder,
  redaction: Redaction | undefined,
  options: CaptureOptions,
  signal: AbortSignal,
): Promise<Result<Captured>> {
  const entries = await source.nodes(signal);
  if (!entries.ok) return entries;
  const known = entries.value.map(({ name }) => name);
  const missing = options.nodes.find((name) => !known.includes(name));
  if (missing !== undefined) return failed(sourceProblems.noSuchNode(missing, known));
  const wanted = options.nodes.length === 0 ? known : options.nodes;
  const written = (name: string) => redaction?.node(name) ?? name;
  const there = await folder.nodes();
  const { live } = source.describe();
  // A ruleset that a live node did not give may be there now.
  const isThere = (name: string) => there.has(written(name)) && !(live && there.get(written(name))?.has(RULESET));
  const todo = wanted.filter((name) => !isThere(name));
  let done = wanted.length - todo.length;
  if (done > 0) options.tell(`${done} of ${count(wanted.length, 'node')} ${done === 1 ? 'is' : 'are'} there`);
  let failures = 0;
  let unread = 0;
  const next = todo.values();
  const worker = async (): Promise<void> => {
    for (const name of next) {
      if (signal.aborted) return;
      const capture = await source.node(name, signal);
      if (!capture.ok) {
        failures += 1;
        if (!signal.aborted) options.tell(`${name}: not captured: ${capture.problem.say} [${capture.problem.code}]`);
        continue;
      }
      const { files, capturedAt } = capture.value;
      const listing = files.get(RULESET);
      if (live && listing?.kind === 'failed') {
        if (![...files.values()].some(({ kind }) => kind === 'read')) {
          failures += 1;
          options.tell(`${name}: not captured: ${describeFailure(listing.failure)}`);
          continue;
        }
        unread += 1;
      }
      await folder.addNode(written(name), redaction?.nodeFiles(files) ?? files, capturedAt);
      done += 1;
      options.tell(`${name} (${done} of ${wanted.length}): ${summary(files)}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, todo.length) }, worker));
  if (signal.aborted) return failed(sourceProblems.cancelled());
  return ok({ nodes: done, failed: failures, unread });
}

function summary(files: RawFiles): string {
  let bytes = 0;
  let count = 0;
  const failures: string[] = [];
  for (const [name, reading] of files) {
    if (reading.kind === 'failed') failures.push(`${name}: ${describeFailure(reading.failure)}`);
    if (reading.kind !== 'read') continue;
    count += 1;
    bytes += reading.content.length;
  }
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return [`${count} files, ${size}`, ...failures].join('; ');
}

/** Only the fields that a capture may hold (lib/capture/cluster-fields.ts). */
function keepCluster(files: RawFiles): RawFiles {
  const kept = new Map<string, FileReading<Uint8Array>>();
  for (const [name, reading] of files) {
    if (reading.kind !== 'read') {
      kept.set(name, reading);
      continue;
    }
    const fields = keepFields(name, new TextDecoder().decode(reading.content));
    if (fields === undefined) continue;
    kept.set(
      name,
      fields.ok
        ? { kind: 'read', content: Buffer.from(JSON.stringify(fields.value)) }
        : { kind: 'failed', failure: { command: `reading ${name}`, exitStatus: null, stderr: fields.problem.say } },
    );
  }
  return kept;
}

/** Beside its place first: an archive under its name is whole. */
async function pack(folder: string, archive: string): Promise<void> {
  const partial = `${archive}.packing`;
  const map = <T extends object>(header: T) => ({ ...header, uid: 0, gid: 0, uname: '', gname: '' });
  await pipeline(packTar(folder, { map }), createGzip(), createWriteStream(partial, { mode: 0o600 }));
  await rename(partial, archive);
  await rm(folder, { recursive: true });
}

const captureProblems = {
  occupied: (path: string, why: string): Problem => ({
    code: 'CAP-001',
    say: `${path} cannot take the capture: ${why}.`,
    do: 'Give an empty folder, or one that this command began in the same way.',
  }),
} as const;
