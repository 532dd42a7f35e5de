/** Expected against actual: both graphs of one port in one, each part and link with how it stands. */
import { groupBy } from '../net/group-by';
import { compareParts, type GraphLink, type GraphPart, type ServiceGraph } from './service-graph';

/**
 * `same`: as expected. `altered`: there, and not as expected. `missing`: expected only. `stale`: there only. `unknown`: there, and
 * nothing tells what is expected. `other`: of another Service, where it is in its place; here something leads to it that should not.
 */
export type PartState = 'same' | 'altered' | 'missing' | 'stale' | 'other' | 'unknown';

export interface ComparedPart extends GraphPart {
  readonly state: PartState;
  /** What it should hold, where it is altered. */
  readonly expected: string | undefined;
}

export interface ComparedLink extends GraphLink {
  readonly state: PartState;
  /** The probability it should have, where that is another. */
  readonly expected: number | undefined;
}

export interface ComparedGraph {
  readonly parts: readonly ComparedPart[];
  readonly links: readonly ComparedLink[];
}

/** @param expected undefined: nothing tells it. @param actual undefined: the table is not there */
export function compareServiceGraphs(
  expected: ServiceGraph | undefined,
  actual: ServiceGraph | undefined,
): ComparedGraph {
  const parts = joined(
    expected?.parts,
    actual?.parts,
    ({ id }) => id,
    (ours, theirs, state): ComparedPart => {
      const part = theirs ?? ours;
      const isAltered = state === 'same' && ours.text !== theirs?.text;
      const isOther = state === 'stale' && part.other !== undefined;
      return {
        ...part,
        state: isOther ? 'other' : isAltered ? 'altered' : state,
        expected: isAltered ? ours.text : undefined,
      };
    },
  );
  const links = joined(expected?.links, actual?.links, linkKey, (ours, theirs, state): ComparedLink => {
    const link = theirs ?? ours;
    const other = state === 'same' && ours.probability !== theirs?.probability;
    const isAltered = other || (state === 'same' && ours.when.join() !== theirs?.when.join());
    return { ...link, state: isAltered ? 'altered' : state, expected: other ? ours.probability : undefined };
  });
  const reached = new Set((actual?.links ?? []).map(({ to }) => to));
  const shouldBeReached = new Set((expected?.links ?? []).map(({ to }) => to));
  const ordered = parts
    .map((part): ComparedPart => {
      if (reached.has(part.id)) return part;
      if (isLeaving(part)) return { ...part, state: 'same', note: LEAVING };
      return part.state === 'same' && shouldBeReached.has(part.id) ? { ...part, note: UNREACHED } : part;
    })
    .toSorted(compareParts);
  const others = new Set(ordered.flatMap(({ id, state }) => (state === 'other' ? [id] : [])));
  const told = links.map((link) =>
    link.state === 'stale' && others.has(link.to) ? { ...link, state: 'other' as const } : link,
  );
  const place = new Map(ordered.map(({ id }, index) => [id, index]));
  const at = (id: string): number => place.get(id) ?? ordered.length;
  return { parts: ordered, links: told.toSorted((a, b) => at(a.from) - at(b.from) || at(a.to) - at(b.to)) };
}

/** Service chains are emptied at once and deleted by a later sync, up to an hour on (pkg/proxy/nftables/proxier.go). */
const isLeaving = ({ state, text, place }: ComparedPart): boolean =>
  state === 'stale' && text === '' && place?.kind === 'chain';
const LEAVING = 'empty, waits to be deleted';
const UNREACHED = 'nothing leads here';

const linkKey = ({ from, to }: GraphLink): string => `${from} ${to}`;

/** Things of one key, those of the first list before what only the second has. `ours` is `theirs` where it is not expected. */
function joined<T, R>(
  ours: readonly T[] | undefined,
  theirs: readonly T[] | undefined,
  keyOf: (one: T) => string,
  join: (ours: T, theirs: T | undefined, state: PartState) => R,
): readonly R[] {
  const rest = new Map((theirs ?? []).map((one) => [keyOf(one), one]));
  const found = (ours ?? []).map((one) => {
    const there = rest.get(keyOf(one));
    rest.delete(keyOf(one));
    return join(one, there, there === undefined ? 'missing' : 'same');
  });
  const state = ours === undefined ? 'unknown' : 'stale';
  return [...found, ...[...rest.values()].map((one) => join(one, one, state))];
}

/**
 * The part of new connections that comes to each endpoint, by its address: the largest of those that its chains have, and only of chains
 * that packets to the Service get to. Null: the rules do not tell; not there: never chosen.
 */
export function endpointShares({ parts, links }: ComparedGraph): ReadonlyMap<string, number | null> {
  const there = links.filter(({ state }) => state !== 'missing');
  const next = groupBy(there, ({ from }) => from);
  // What leads in by an address that is not the Service's is not among its ways.
  const ways = parts.filter(({ role, state }) => role === 'element' && state !== 'missing' && state !== 'stale');
  const seen = new Set(ways.map(({ id }) => id));
  // The loop goes on over what it adds.
  for (const id of seen) for (const { to } of next.get(id) ?? []) seen.add(to);
  const shares = new Map<string, number | null>();
  for (const { id, role, name } of parts) {
    if (role !== 'endpoint') continue;
    const own = there.filter(({ from, to }) => to === id && seen.has(from));
    if (own.length === 0) continue;
    const address = /^\[(.+)\]:\d+$/.exec(name)?.[1] ?? name.slice(0, name.lastIndexOf(':'));
    const told = own.flatMap(({ probability }) => probability ?? []);
    shares.set(address, told.length === 0 ? null : Math.max(...told));
  }
  return shares;
}
