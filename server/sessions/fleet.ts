/** All nodes of one source side by side, for the Fleet view. */
import 'server-only';
import { createHash } from 'node:crypto';
import { type FleetView, fleetGroups, fleetView, type ReadNode } from '@/lib/api/fleet-view';
import { decodeListing } from '@/lib/api/open-node';
import type { NodeSummary } from '@/lib/api/types';
import { fleetNode } from '@/lib/fleet/fleet-node';
import type { FleetGroup } from '@/lib/fleet/groups';
import type { Problem, Result } from '@/lib/net/result';
import type { Ruleset } from '@/lib/nft/model';
import { buildParts } from '@/lib/world/build-world';
import type { NodeCapture, RawFiles, Source } from '../sources/source';
import { inTurns } from './in-turns';
import type { Described } from './look-at';
import { INLINE_BYTES, openSession } from './session';
import { Sweep, textsBeside } from './sweep';

/** Decoded listings kept, so that equal ones are decoded once. */
const LISTINGS = 32;

export class Fleet {
  readonly #sweep: Sweep<ReadNode>;
  readonly #listings = new Map<string, Result<Ruleset>>();
  /** Of what was read; begun once for all who ask. */
  #groups: Promise<readonly FleetGroup[]> | undefined;

  constructor(readonly source: Source) {
    this.#sweep = new Sweep(source, {
      what: 'fleet',
      read: async (name, capture, described, signal) =>
        capture.ok
          ? { ...(await this.#facts(name, capture.value, described, signal)), cost: capture.value.cost }
          : unread(name, capture.problem),
      again: (known, { capturedAt, cost }) => ({ ...known, capturedAt, cost }),
      onNew: () => {
        this.#groups = undefined;
      },
    });
  }

  /** What is known now; starts reading what is not. @param goOn also after it was stopped */
  async view(id: string, nodes: readonly NodeSummary[], described: Described, goOn: boolean): Promise<FleetView> {
    const { read, state } = this.#sweep.ask(nodes, described, goOn);
    const whole = nodes.every((node) => node.state === 'absent' || read.has(node.name));
    if (whole) this.#groups ??= inTurns(fleetGroups(read));
    const groups = whole ? await this.#groups : undefined;
    const { services, pods } = described.cluster.cluster;
    return fleetView({
      source: id,
      state,
      nodes,
      read,
      following: this.source.following?.(),
      groups: groups ?? [],
      services: services.known ? services.value.length : null,
      pods: pods.known ? pods.value.length : null,
    });
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** A node is not as it was read; without a name: none is, for the cluster changed. */
  changed(node?: string): void {
    this.#sweep.changed(node);
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
    const { parts, versions, capturedAt: noted } = buildParts(textsBeside(files));
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
