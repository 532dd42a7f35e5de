/**
 * The one port through which captures come in. A source names its nodes and gives the raw outputs of commands; it decodes
 * nothing. server/sources/contract.test.ts runs the same tests over every implementation.
 */
import 'server-only';
import type { Following } from '@/lib/fleet/following';
import type { ReadingCost } from '@/lib/fleet/reading-cost';
import type { Problem, Result } from '@/lib/net/result';
import type { Failure, FileReading } from '@/lib/world/capture-files';

export interface SourceDescription {
  readonly kind: 'bundle' | 'ruleset' | 'host' | 'cluster';
  /** For people: the name of the file or folder, `this host`, the context of a cluster. */
  readonly name: string;
  /** True where reading again may give something else. */
  readonly live: boolean;
}

/** Raw outputs by the file names of a capture bundle. A name that is not there was not read. */
export type RawFiles = ReadonlyMap<string, FileReading<Uint8Array>>;

export interface NodeCapture {
  readonly files: RawFiles;
  /** RFC 3339; undefined where nobody noted it. */
  readonly capturedAt: string | undefined;
  /** SHA-256 over names, outcomes and contents: equal captures have equal hashes. */
  readonly hash: string;
  /** What reading it cost, where that was measured; no part of the hash. */
  readonly cost?: ReadingCost | undefined;
  /** What read it, for people: {@link NodeEntry.reader}; no part of the hash. */
  readonly reader?: string | undefined;
  /** It could not be read anew, and why: this is the last reading before, or, where that is let go, a failed one. */
  readonly notAnew?: string | undefined;
}

/** A node of a source, as far as it can be told without reading its listing. */
export interface NodeEntry {
  readonly name: string;
  /** `unread`: a live source, which has not looked yet. */
  readonly listing: 'present' | 'absent' | 'unread' | Failure;
  /** Why a listing that is there cannot be one, as far as that shows without decoding it. */
  readonly fault?: Problem | undefined;
  readonly capturedAt: string | undefined;
  /** How a node of a live cluster is read: `agent`, `exec in kube-system/kube-proxy-x7k2p`. */
  readonly reader?: string | undefined;
}

export interface ClusterCapture {
  readonly files: RawFiles;
}

/** What a live source tells by itself. */
export type SourceChange =
  /** Something on the node changed; `version` where it is known without reading the node (NodeCapture.hash). */
  | { readonly kind: 'node'; readonly node: string; readonly version?: string }
  /** Nodes came, went, or are read in another way. */
  | { readonly kind: 'nodes' }
  /** The cluster's objects changed. */
  | { readonly kind: 'cluster' }
  /** What is shown may be old from now on: `what` is not heard any more, and is heard again. */
  | { readonly kind: 'lost'; readonly what: string; readonly why: string }
  | { readonly kind: 'back'; readonly what: string };

export interface Source {
  describe(): SourceDescription;
  /** Tells it apart from others of its kind, whatever they are called: of a cluster, its API server. */
  origin?(): string;
  /** The nodes that were captured, by name. */
  nodes(signal: AbortSignal): Promise<Result<readonly NodeEntry[]>>;
  /** Everything read on one node. A reading that failed is `failed` in it, never empty. SRC-008: no such node. */
  node(name: string, signal: AbortSignal): Promise<Result<NodeCapture>>;
  /** The cluster's objects; no files where the source has none. */
  cluster(signal: AbortSignal): Promise<Result<ClusterCapture>>;
  /** Connections that were measured beside a capture (docs/captures.md); undefined without such a file. Only captures have any. */
  measured?(signal: AbortSignal): Promise<Result<Uint8Array | undefined>>;
  /** Tells of changes until the signal. Sources that never change have it not. */
  watch?(tell: (change: SourceChange) => void, signal: AbortSignal): void;
  /** Somebody opened this node: from now on it is followed more closely than others, where there is such a difference. */
  attend?(node: string): void;
  /** How changes of nodes are heard of at this moment. Sources whose nodes are all followed alike have it not. */
  following?(): (node: string) => Following;
  /** Why a node cannot be read at this moment, for none that is read in the same way can; undefined where it can be tried. */
  unreachable?(): (node: string) => string | undefined;
  /** What could not be read while nobody watches, and is worth another try: `all` with the list of nodes and the cluster. Told once. */
  due?(): Promise<{ readonly all: boolean; readonly nodes: readonly string[] }>;
}

/** How much a bundle may hold. Beyond that it is refused whole. */
export interface Limits {
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly entries: number;
}
export const DEFAULT_LIMITS: Limits = { packedBytes: 64e6, unpackedBytes: 1e9, entries: 20_000 };
