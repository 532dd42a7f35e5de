/** One node of a fleet: what stands in its row, and the parts that it is compared by. */
import type { BuiltCluster } from '../cluster/build-cluster';
import type { FamilyDrift } from '../drift/node-drift';
import { type OwnerKey, ownerOf } from '../explain/owners';
import type { Result } from '../net/result';
import type { Ruleset } from '../nft/model';
import type { Versions } from '../world/build-world';
import type { World } from '../world/world';
import { type ClusterFacts, clusterFacts, type LocalPart, localFacts, localParts } from './local-facts';
import { type Part, rulesetParts, worldParts } from './parts';
import { type ServiceProxy, serviceProxy } from './service-proxy';

export interface FleetInput {
  readonly node: string;
  readonly ruleset: Result<Ruleset>;
  readonly world: Omit<World, 'ruleset'>;
  readonly versions: Versions;
  /**
   * What of kube-proxy's tables is not as it should be on this node, where that can be said. What is right differs by node; so
   * only this tells whether what is local to a node was changed.
   */
  readonly drift?: readonly FamilyDrift[] | undefined;
}

/** Rules and elements of one writer of tables. */
export interface OwnerShare {
  readonly key: OwnerKey;
  readonly name: string;
  readonly how: string;
  /** `ip kube-proxy` */
  readonly tables: readonly string[];
  readonly chains: number;
  readonly rules: number;
  readonly elements: number;
}

export interface FleetNode {
  readonly node: string;
  readonly versions: Versions;
  /** The nft that printed the listing, by its own words. */
  readonly listedBy: string | undefined;
  readonly proxy: ServiceProxy;
  /** The largest first. Empty where nothing is known. */
  readonly owners: readonly OwnerShare[];
  /** Undefined where nothing is known: not zero. */
  readonly counts:
    | { readonly tables: number; readonly chains: number; readonly rules: number; readonly elements: number }
    | undefined;
  /** Undefined where the ruleset is not known; such a node is in no group. */
  readonly parts: readonly LocalPart[] | undefined;
}

const facts = new WeakMap<BuiltCluster, ClusterFacts>();
const listed = new WeakMap<Ruleset, readonly Part[]>();
const once = <K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V => {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
};

/** Cheap for a ruleset or a cluster that was seen before: what follows from them alone is kept with them. */
export function fleetNode(
  { node, ruleset, world, versions, drift = [] }: FleetInput,
  cluster: BuiltCluster,
): FleetNode {
  if (!ruleset.ok) {
    const proxy = serviceProxy(undefined, world, ruleset.problem.say);
    return { node, versions, listedBy: undefined, proxy, owners: [], counts: undefined, parts: undefined };
  }
  const shared = once(facts, cluster, () => clusterFacts(cluster.cluster));
  const nft = once(listed, ruleset.value, () => rulesetParts(ruleset.value));
  const owners = ownerShares(ruleset.value);
  const sum = (of: (share: OwnerShare) => number) => owners.reduce((total, share) => total + of(share), 0);
  return {
    node,
    versions,
    listedBy: ruleset.value.nftVersion,
    proxy: serviceProxy(ruleset.value, world, ''),
    owners,
    counts: {
      tables: ruleset.value.tables.length,
      chains: sum(({ chains }) => chains),
      rules: sum(({ rules }) => rules),
      elements: sum(({ elements }) => elements),
    },
    parts: [
      ...localParts(merged(nft, worldParts(world)), localFacts(node, world, shared)),
      ...localParts(driftParts(drift), localFacts(node, world, shared)),
    ],
  };
}

/** One part for each chain, set or map of kube-proxy that is not as it should be. */
function driftParts(drift: readonly FamilyDrift[]): readonly Part[] {
  const lines = new Map<string, { readonly table: string; readonly name: string; readonly lines: string[] }>();
  for (const { family, differences } of drift) {
    const table = `${family} kube-proxy`;
    for (const { kind, name, expected, actual } of differences) {
      // That it is not there at all, or dormant, the rules show.
      if (kind === 'table missing' || kind === 'table differs') continue;
      const part = lines.get(`${table} ${name}`) ?? { table, name, lines: [] };
      lines.set(`${table} ${name}`, part);
      if (expected !== null) part.lines.push(`− ${expected}`);
      if (actual !== null) part.lines.push(`+ ${actual}`);
    }
  }
  return [...lines.values()].map((part): Part => ({ kind: 'expected', header: '', ...part }));
}

/** iptables-save has the parameters of xt expressions, so its lines stand for those of the same chain in nft's listing. */
function merged(nft: readonly Part[], world: readonly Part[]): readonly Part[] {
  if (world.length === 0) return nft;
  const key = ({ kind, table, name }: Part) => `${kind} ${table} ${name}`;
  const saved = new Map(world.map((part) => [key(part), part]));
  const parts = nft.map((part) => ({ ...part, lines: saved.get(key(part))?.lines ?? part.lines }));
  const known = new Set(nft.map(key));
  return [...parts, ...world.filter((part) => !known.has(key(part)))];
}

function ownerShares(ruleset: Ruleset): readonly OwnerShare[] {
  const shares = new Map<string, OwnerShare>();
  for (const table of ruleset.tables) {
    const { key, name, how } = ownerOf(table);
    const before = shares.get(name);
    shares.set(name, {
      key,
      name,
      how: before?.how ?? how,
      tables: [...(before?.tables ?? []), `${table.family} ${table.name}`],
      chains: (before?.chains ?? 0) + table.chains.length,
      rules: table.chains.reduce((total, chain) => total + chain.rules.length, before?.rules ?? 0),
      elements: table.sets.reduce((total, set) => total + set.elements.length, before?.elements ?? 0),
    });
  }
  return [...shares.values()].sort((a, b) => b.rules + b.elements - a.rules - a.elements);
}
