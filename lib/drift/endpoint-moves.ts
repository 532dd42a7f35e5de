/** What a Service port on a node lacks of what it should have, and has too much: the ways to it, and the endpoints it chooses from. */
import type { ServicePortRef } from '../explain/kube-proxy-name';
import { type JudgedTable, valuesOf } from './judged-table';
import type { Endpoints, PortState } from './proxy-state';

interface Moves {
  readonly lacking: readonly string[];
  /** Those of them that a chain should choose from and does not: a policy does not explain it. */
  readonly leftOut: readonly string[];
  readonly leaving: readonly string[];
  /** A chain that should choose is not there, though the Service port is known. */
  readonly isChainMissing: boolean;
  /** All that differ, whatever explains it. */
  readonly moved: readonly string[];
}

export interface Changes extends Moves {
  /** Keys that should lead somewhere. */
  readonly missing: readonly string[];
  /** Keys that lead somewhere and should not. */
  readonly stale: readonly string[];
}

/**
 * One that is rejected or dropped where it should be served is known to the node, which takes its Service to have no endpoints. With
 * policy Local both may be: then it must be in both.
 */
const missingKeys = (ours: PortState, theirs: PortState): readonly string[] => [
  ...[...ours.served.keys()].filter(
    (key) =>
      !theirs.served.has(key) && !(theirs.refused.has(key) && !(ours.refused.has(key) && theirs.chains.length > 0)),
  ),
  ...[...ours.refused].filter((key) => !ours.served.has(key) && !theirs.served.has(key) && !theirs.refused.has(key)),
];

/** Keys that a node that is behind does not know. */
const unknownKeys = (ours: PortState, theirs: PortState): readonly string[] =>
  [...ours.served.keys(), ...ours.refused].filter((key) => !theirs.served.has(key) && !theirs.refused.has(key));

/** Of a Service port that the node has and should have. */
export function changesOf(table: JudgedTable, text: string, ours: PortState, theirs: PortState): Changes {
  const stale = [...theirs.served.keys(), ...theirs.refused].filter(
    (key) => !ours.served.has(key) && !ours.refused.has(key),
  );
  const before = table.before(ours.port);
  return before === undefined
    ? { missing: missingKeys(ours, theirs), stale, ...movesOf(table, ours, theirs) }
    : { missing: unknownKeys(ours, theirs), stale, ...movesOf(table, before.get(text) ?? ours, theirs, ours) };
}

/**
 * Endpoints that should be chosen and are not, and chosen ones that should not be: hints alone make no endpoint unusable.
 *
 * @param now where `ours` is what the node would have for the Service that it knows, with the endpoints of now
 */
function movesOf(table: JudgedTable, ours: PortState, theirs: PortState, now?: PortState): Moves {
  const usable = table.usable(ours.port);
  const isUnknown = now === undefined && missingKeys(ours, theirs).length > 0;
  const lacking = new Set<string>();
  const leaving = new Set<string>();
  const leftOut = new Set<string>();
  const moved: string[] = [];
  let isChainMissing = false;
  for (const role of ['cluster', 'local'] as const) {
    const [should, has] = [ours[role], theirs[role]];
    if (isOfAZone(table, ours.port, has)) continue;
    for (const endpoint of without(should, has)) {
      moved.push(endpoint);
      // Without the chain there is no choice to be among: the Service port is missing, unless the node takes it to have no endpoints.
      if (has !== undefined) leftOut.add(endpoint);
      if (has !== undefined || (!isUnknown && theirs.refused.size > 0)) lacking.add(endpoint);
      else isChainMissing = true;
    }
    for (const endpoint of without(has, should)) {
      moved.push(endpoint);
      if (!usable.has(endpoint)) leaving.add(endpoint);
    }
  }
  // A policy of before drops what endpoints elsewhere should get now.
  const isDropped = [...(now?.served.keys() ?? [])].some((key) => !now?.refused.has(key) && theirs.refused.has(key));
  if (isDropped && lacking.size === 0) for (const one of without(now?.cluster, theirs.local)) lacking.add(one);
  return { lacking: [...lacking], leftOut: [...leftOut], leaving: [...leaving], isChainMissing, moved };
}

/** Where the zone of the node is not known: whether hints of topology would leave just these for one of the zones. */
function isOfAZone(table: JudgedTable, port: ServicePortRef, has: Endpoints | undefined): boolean {
  const { node } = table.family;
  if (node.zone !== undefined || has === undefined || has.size === 0) return false;
  if (valuesOf(table.cluster.nodes).some((one) => one.name === node.name)) return false;
  const ready = table.backends(port).filter((one) => one.ready);
  if (!ready.every(({ forZones }) => forZones.length > 0)) return false;
  const zones = new Set(ready.flatMap(({ forZones }) => forZones));
  return [...zones].some((zone) => {
    const ofZone = ready.filter(({ forZones }) => forZones.includes(zone)).map(({ text }) => text);
    return isEqual(new Set(ofZone), new Set(has.keys()));
  });
}

const without = (some: Endpoints | undefined, others: Endpoints | undefined): readonly string[] =>
  [...(some?.keys() ?? [])].filter((one) => others?.has(one) !== true);

export const isEqual = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
