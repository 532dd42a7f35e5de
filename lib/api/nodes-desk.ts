/**
 * The nodes of one source one after the other, for the Fleet view and the Service view: equal listings are decoded once, and what
 * nodes are compared by stays here. Made to live in a thread of its own; pure.
 */
import type { BuiltCluster } from '../cluster/build-cluster';
import type { Cluster } from '../cluster/cluster';
import { type FleetNode, fleetNode } from '../fleet/fleet-node';
import { type FleetGroup, groupInSteps } from '../fleet/groups';
import { ok, type Problem, type Result } from '../net/result';
import type { Ruleset } from '../nft/model';
import { type BuiltParts, buildParts, buildWorld } from '../world/build-world';
import type { FileReading } from '../world/capture-files';
import { type DriftFacts, driftFacts } from './node-drift-facts';
import { decodeListing } from './open-node';

export interface DeskNode {
  readonly node: string;
  readonly files: ReadonlyMap<string, FileReading<Uint8Array>>;
  /** Equal for equal listings; undefined where the node has none that could be read. */
  readonly listing: string | undefined;
}
/** Without what nodes are compared by, which is as large as the ruleset. */
export type FleetFacts = Omit<FleetNode, 'parts'>;
interface Described {
  readonly capturedAt: string | undefined;
  /** Why nothing is known of its rules. */
  readonly problem: Problem | undefined;
}
export interface FleetReply extends Described {
  readonly facts: FleetFacts;
}
export interface DriftReply extends Described {
  readonly drift: DriftFacts;
}

/** Decoded listings that are held. */
const LISTINGS = 32;

export class NodesDesk {
  readonly #listings = new Map<string, Result<Ruleset>>();
  readonly #nodes = new Map<string, FleetNode>();
  readonly #drifts = new Map<
    string,
    { readonly beside: string; readonly cluster: Cluster; readonly drift: DriftFacts }
  >();
  #cluster: BuiltCluster | undefined;

  /** Of the same cluster again it is cheap. */
  setCluster(cluster: BuiltCluster): void {
    this.#cluster = cluster;
  }

  /** The listing itself is not needed then. */
  holds(listing: string): boolean {
    return this.#listings.has(listing);
  }

  fleet({ node, files, listing }: DeskNode): FleetReply {
    const { ruleset, built } = this.#decoded(files, listing);
    const drifts = this.#drift(node, listing, ruleset, built);
    const drift = drifts.ok ? drifts.value : undefined;
    const known = fleetNode({ node, ruleset, world: built.parts, versions: built.versions, drift }, this.#known());
    this.#nodes.set(node, known);
    const { parts: _parts, ...facts } = known;
    return { facts, capturedAt: built.capturedAt, problem: ruleset.ok ? undefined : ruleset.problem };
  }

  drift({ node, files, listing }: DeskNode): DriftReply {
    const { ruleset, built } = this.#decoded(files, listing);
    const { capturedAt } = built;
    const drift = this.#drift(node, listing, ruleset, built);
    return { capturedAt, drift, problem: ruleset.ok ? undefined : ruleset.problem };
  }

  /** Worked out once for the Fleet view and the Service view. */
  #drift(node: string, listing: string | undefined, ruleset: Result<Ruleset>, built: BuiltParts): DriftFacts {
    if (!ruleset.ok) return ruleset;
    const { cluster } = this.#known();
    const world = buildWorld(built.parts, { known: true, value: ruleset.value });
    const version = built.versions.kubeProxy;
    // All that it follows from: the listing, the cluster, and what is looked at beside them.
    const { links, sysctl } = world;
    const isOff = sysctl.known ? sysctl.value.get('net.ipv6.conf.all.disable_ipv6') : null;
    const beside = JSON.stringify([listing, version, isOff, links, built.parts.endpointOrder], bigAsText);
    const known = this.#drifts.get(node);
    if (listing !== undefined && known?.beside === beside && known.cluster === cluster) return known.drift;
    const drift = driftFacts(ok({ name: node, ruleset: ruleset.value, world, version }), cluster);
    this.#drifts.set(node, { beside, cluster, drift });
    return drift;
  }

  /** In steps. Nodes that are not named are forgotten; one that was never asked about is in no group. */
  *groups(names: readonly string[]): Generator<undefined, readonly FleetGroup[]> {
    const wanted = new Set(names);
    for (const known of [this.#nodes, this.#drifts])
      for (const name of known.keys()) if (!wanted.has(name)) known.delete(name);
    return yield* groupInSteps(names.flatMap((name) => this.#nodes.get(name) ?? []));
  }

  #known(): BuiltCluster {
    if (this.#cluster === undefined) throw new Error('asked before there was a cluster');
    return this.#cluster;
  }

  #decoded(
    files: DeskNode['files'],
    listing: string | undefined,
  ): { readonly ruleset: Result<Ruleset>; readonly built: BuiltParts } {
    const built = buildParts(textsBeside(files));
    if (listing === undefined) return { ruleset: decodeListing(files), built };
    const ruleset = this.#listings.get(listing) ?? decodeListing(files);
    this.#listings.delete(listing);
    this.#listings.set(listing, ruleset);
    for (const old of [...this.#listings.keys()].slice(0, Math.max(this.#listings.size - LISTINGS, 0)))
      this.#listings.delete(old);
    return { ruleset, built };
  }
}

const bigAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** The texts beside the listing. */
function textsBeside(files: DeskNode['files']) {
  const decoder = new TextDecoder();
  const texts = new Map<string, FileReading>();
  for (const [name, one] of files) {
    if (name === 'nft.json' || name === 'nft.txt') continue;
    texts.set(name, one.kind === 'read' ? { kind: 'read', content: decoder.decode(one.content) } : one);
  }
  return texts;
}
