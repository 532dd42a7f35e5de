/** A capture bundle as .tar or .tar.gz, on disk or uploaded. It stays packed; a node is unpacked when it is asked for. */
import 'server-only';
import type { Readable } from 'node:stream';
import { failed, ok, type Result } from '@/lib/net/result';
import { MEASURED_FILE, type Role, roleOf, topFolder } from './bundle-layout';
import { applyErrors, byName, captureOf, entryOf, type SeenListing, seenListing, timeOf } from './capture';
import { sourceProblems } from './problems';
import { readTar } from './read-tar';
import type { ClusterCapture, Limits, NodeCapture, NodeEntry, Source } from './source';

/** What one pass over the archive showed. */
interface Index {
  readonly top: string;
  readonly nodes: readonly NodeEntry[];
  readonly capturedAt: string | undefined;
}

/** @param open gives the bytes from the start, each time it is called */
export function tarSource(name: string, open: () => Readable, limits: Limits): Source {
  let index: Promise<Result<Index>> | undefined;
  const look = async (signal: AbortSignal): Promise<Result<Index>> => {
    index ??= readIndex(name, open, limits, signal);
    const result = await index;
    // A pass that a caller cut short says nothing about the archive.
    if (!result.ok && result.problem.code === 'SRC-009') index = undefined;
    return result;
  };

  /** Contents by file name of the entries with this role. */
  const contents = async (top: string, has: (role: Role) => boolean, signal: AbortSignal) => {
    const roleAt = (path: string) => (path.startsWith(top) ? roleOf(path.slice(top.length)) : undefined);
    const wanted = (path: string) => {
      const role = roleAt(path);
      return role !== undefined && has(role);
    };
    const files = await readTar(open, wanted, limits, signal);
    if (!files.ok) return files;
    const named = new Map<string, Uint8Array>();
    for (const [path, content] of files.value) {
      const file = roleAt(path)?.file;
      if (content !== undefined && file !== undefined) named.set(file, content);
    }
    return ok(named);
  };

  return {
    describe: () => ({ kind: 'bundle', name, live: false }),
    async nodes(signal) {
      const found = await look(signal);
      return found.ok ? ok(found.value.nodes) : found;
    },
    async node(node, signal): Promise<Result<NodeCapture>> {
      const found = await look(signal);
      if (!found.ok) return found;
      const { top, nodes, capturedAt } = found.value;
      const names = nodes.map((entry) => entry.name);
      if (!names.includes(node)) return failed(sourceProblems.noSuchNode(node, names));
      const files = await contents(top, (role) => role.kind === 'node' && role.node === node, signal);
      return files.ok ? ok(captureOf(files.value, capturedAt)) : files;
    },
    async cluster(signal): Promise<Result<ClusterCapture>> {
      const found = await look(signal);
      if (!found.ok) return found;
      const files = await contents(found.value.top, (role) => role.kind === 'cluster', signal);
      return files.ok ? ok({ files: applyErrors(files.value) }) : files;
    },
    async measured(signal): Promise<Result<Uint8Array | undefined>> {
      const found = await look(signal);
      if (!found.ok) return found;
      const files = await contents(found.value.top, (role) => role.file === MEASURED_FILE, signal);
      return files.ok ? ok(files.value.get(MEASURED_FILE)) : files;
    },
  };
}

/** Small files that tell of readings, wherever they are. */
const NOTES = /(^|\/)(capture|errors)\.json$/;
const LISTING = /(^|\/)nodes\/[^/]+\/nft\.json$/;

async function readIndex(
  name: string,
  open: () => Readable,
  limits: Limits,
  signal: AbortSignal,
): Promise<Result<Index>> {
  const seen = new Map<string, SeenListing>();
  const look = (path: string) =>
    LISTING.test(path) ? (content: Uint8Array) => void seen.set(path, seenListing(content)) : NOTES.test(path);
  const files = await readTar(open, look, limits, signal);
  if (!files.ok) return files;
  const top = topFolder(files.value.keys());
  if (top === undefined) return failed(sourceProblems.noCapture(name));
  const capturedAt = timeOf(files.value.get(`${top}capture.json`));
  const nodes = new Map<string, { listing: SeenListing | undefined; notes: Map<string, Uint8Array> }>();
  for (const [path, content] of files.value) {
    const [first, node, file] = path.startsWith(top) ? path.slice(top.length).split('/') : [];
    if (first !== 'nodes' || node === undefined || file === undefined) continue;
    const entry = nodes.get(node) ?? { listing: undefined, notes: new Map() };
    nodes.set(node, entry);
    entry.listing ??= seen.get(path);
    if (content !== undefined) entry.notes.set(file, content);
  }
  const entries = [...nodes].map(([node, { listing, notes }]) => entryOf(node, listing, notes, capturedAt));
  return ok({ top, nodes: entries.sort(byName), capturedAt });
}
