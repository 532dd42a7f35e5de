/**
 * All nodes of one source, read one after the other for the Fleet view. Reading goes on between requests and ends when nobody has
 * asked for a while, or on request. What was read of a node stays until the node changes.
 */
import 'server-only';
import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FleetView, fleetGroups, fleetView, type ReadNode } from '@/lib/api/fleet-view';
import { decodeListing } from '@/lib/api/open-node';
import type { NodeSummary } from '@/lib/api/types';
import type { BuiltCluster } from '@/lib/cluster/build-cluster';
import { fleetNode } from '@/lib/fleet/fleet-node';
import type { FleetGroup } from '@/lib/fleet/groups';
import type { Problem, Result } from '@/lib/net/result';
import type { Ruleset } from '@/lib/nft/model';
import { buildParts } from '@/lib/world/build-world';
import type { NodeCapture, RawFiles, Source } from '../sources/source';
import type { Described } from './look-at';
import { INLINE_BYTES, openSession } from './session';

/** Nodes read at the same time; decoding is one at a time in any case. Those of a cluster are mostly waited for. */
const READERS = { capture: 4, cluster: 24 } as const;
/** Reading ends when nobody asked for so long. */
const ABANDONED_MS = 20_000;
/** Decoded listings kept, so that equal ones are decoded once. */
const LISTINGS = 32;

export class Fleet {
  readonly #source: Source;
  readonly #read = new Map<string, ReadNode>();
  /** The cluster that each was read with. */
  readonly #clusters = new Map<string, BuiltCluster>();
  /** Nodes that changed since they were read: shown as they were until they are read again. */
  readonly #changed = new Set<string>();
  readonly #listings = new Map<string, Result<Ruleset>>();
  #groups: readonly FleetGroup[] | undefined;
  #reading: AbortController | undefined;
  #isStopped = false;
  #askedAt = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** What is known now; starts reading what is not. @param goOn also after it was stopped */
  view(id: string, nodes: readonly NodeSummary[], described: Described, goOn: boolean): FleetView {
    this.#askedAt = Date.now();
    if (goOn) this.#isStopped = false;
    for (const name of this.#read.keys()) if (!nodes.some((node) => node.name === name)) this.#read.delete(name);
    const open = nodes.filter(
      ({ name, state }) => state !== 'absent' && (!this.#read.has(name) || this.#changed.has(name)),
    );
    if (open.length > 0 && this.#reading === undefined && !this.#isStopped) this.#start(open, described);
    const whole = nodes.every(({ name, state }) => state === 'absent' || this.#read.has(name));
    if (whole) this.#groups ??= fleetGroups(this.#read);
    const { services, pods } = described.cluster.cluster;
    return fleetView({
      source: id,
      state: this.#reading !== undefined ? 'reading' : this.#isStopped && open.length > 0 ? 'stopped' : 'done',
      nodes,
      read: this.#read,
      groups: whole ? (this.#groups ?? []) : [],
      services: services.known ? services.value.length : null,
      pods: pods.known ? pods.value.length : null,
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#reading?.abort();
    this.#reading = undefined;
  }

  /** A node is not as it was read; without a name: none is, for the cluster changed. */
  changed(node?: string): void {
    if (node !== undefined) this.#changed.add(node);
    else for (const name of this.#read.keys()) this.#changed.add(name);
  }

  #start(open: readonly NodeSummary[], described: Described): void {
    const controller = new AbortController();
    // Each reader listens to it.
    setMaxListeners(0, controller.signal);
    this.#reading = controller;
    const queue = [...open];
    const reader = async () => {
      for (let node = queue.shift(); node !== undefined && !controller.signal.aborted; node = queue.shift()) {
        if (Date.now() - this.#askedAt > ABANDONED_MS) controller.abort();
        else await this.#readNode(node.name, described, controller.signal);
      }
    };
    const readers = this.#source.describe().kind === 'cluster' ? READERS.cluster : READERS.capture;
    void Promise.all(Array.from({ length: readers }, reader))
      .catch((error: unknown) =>
        process.stderr.write(`fleet: ${error instanceof Error ? error.stack : String(error)}\n`),
      )
      .finally(() => {
        if (this.#reading === controller) this.#reading = undefined;
      });
  }

  async #readNode(name: string, described: Described, signal: AbortSignal): Promise<void> {
    this.#changed.delete(name);
    const capture = await this.#source.node(name, signal);
    if (signal.aborted) return;
    // Other requests have their turn between two nodes.
    await nextTurn();
    // Nothing that was read is different, and neither is the cluster: what follows from them is the same.
    const known = this.#read.get(name);
    if (capture.ok && known?.version === capture.value.hash && this.#clusters.get(name) === described.cluster) {
      this.#read.set(name, { ...known, capturedAt: capture.value.capturedAt });
      return;
    }
    const read = capture.ok ? await this.#facts(name, capture.value, described, signal) : unread(name, capture.problem);
    if (signal.aborted) return;
    this.#read.set(name, read);
    this.#clusters.set(name, described.cluster);
    this.#groups = undefined;
  }

  async #facts(name: string, capture: NodeCapture, described: Described, signal: AbortSignal): Promise<ReadNode> {
    const { files, hash, capturedAt } = capture;
    const listing = files.get('nft.json');
    if (listing?.kind === 'read' && listing.content.length > INLINE_BYTES) {
      const cluster = described.clusterFiles;
      const session = await openSession({ node: name, files, cluster, capturedAt, version: hash }, signal);
      const facts = await session.ask('fleet', {}, signal);
      session.close();
      const { problem } = session;
      if (!facts.ok) return unread(name, facts.problem, hash);
      return { version: hash, capturedAt: session.capturedAt ?? capturedAt, facts: facts.value, problem };
    }
    const ruleset = this.#decoded(files);
    const { parts, versions, capturedAt: noted } = buildParts(texts(files));
    const facts = fleetNode({ node: name, ruleset, world: parts, versions }, described.cluster);
    const problem = ruleset.ok ? undefined : ruleset.problem;
    return { version: hash, capturedAt: noted ?? capturedAt, facts, problem };
  }

  #decoded(files: RawFiles): Result<Ruleset> {
    let key = '';
    for (const name of ['nft.json', 'nft.txt']) {
      const reading = files.get(name);
      if (reading?.kind === 'read') key += `${name} ${hashOfBody(reading.content)} `;
      else if (name === 'nft.json') return decodeListing(files);
    }
    const known = this.#listings.get(key) ?? decodeListing(files);
    this.#listings.delete(key);
    this.#listings.set(key, known);
    for (const old of [...this.#listings.keys()].slice(0, Math.max(this.#listings.size - LISTINGS, 0)))
      this.#listings.delete(old);
    return known;
  }
}

/** Equal listings of a cluster are one body: hashed once. */
const hashes = new WeakMap<Uint8Array, string>();
function hashOfBody(content: Uint8Array): string {
  const hash = hashes.get(content) ?? createHash('sha256').update(content).digest('hex');
  hashes.set(content, hash);
  return hash;
}

function unread(node: string, problem: Problem, version = ''): ReadNode {
  const versions = { nft: undefined, kernel: undefined, kubeProxy: undefined };
  const proxy = { kind: 'unknown', how: problem.say, beside: null } as const;
  const facts = { node, versions, listedBy: undefined, proxy, owners: [], counts: undefined, parts: undefined };
  return { version, capturedAt: undefined, facts, problem };
}

function texts(files: RawFiles) {
  const decoder = new TextDecoder();
  return new Map(
    [...files]
      .filter(([name]) => name !== 'nft.json' && name !== 'nft.txt')
      .map(([name, reading]) => [
        name,
        reading.kind === 'read' ? ({ kind: 'read', content: decoder.decode(reading.content) } as const) : reading,
      ]),
  );
}
