/** Two listings of nft -j: are they the same ruleset? And which handle of one is which of the other? */

type Json = { readonly [key: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects of a listing in order, each as text without what differs between two loads: handles, counts, remaining times. */
export function canonicalListing(json: unknown): readonly string[] {
  const lines: string[] = [];
  for (const { kind, body } of objectsOf(json)) lines.push(`${kind} ${JSON.stringify(canonical(body, kind))}`);
  return lines;
}

function objectsOf(json: unknown): readonly { readonly kind: string; readonly body: Json }[] {
  const list = isObject(json) ? json.nftables : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((object: unknown) => {
    const [entry] = isObject(object) ? Object.entries(object) : [];
    return entry !== undefined && entry[0] !== 'metainfo' && isObject(entry[1])
      ? [{ kind: entry[0], body: entry[1] }]
      : [];
  });
}

/** Members of `counter`, `quota`, `last` and of an element that count or run down. */
const COUNTS = new Set(['packets', 'bytes', 'used', 'expires']);

function canonical(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item, key));
    // Elements come in the order of a hash with a seed of its own.
    return key === 'elem' || key === 'set' || key === 'flags' ? sorted(items) : items;
  }
  if (!isObject(value)) return value;
  const counts = key === 'counter' || key === 'quota' || key === 'last';
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .filter((name) => name !== 'handle' && name !== 'expires' && !(counts && COUNTS.has(name)))
      .map((name) => [name, canonical(value[name], name)]),
  );
}

const sorted = (items: readonly unknown[]): readonly unknown[] =>
  items
    .map((item) => ({ item, text: JSON.stringify(item) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ item }) => item);

export interface ListingDifference {
  readonly captured: string | undefined;
  readonly loaded: string | undefined;
}

/** The first difference; undefined where there is none. */
export function compareListings(captured: readonly string[], loaded: readonly string[]): ListingDifference | undefined {
  const at = captured.findIndex((line, index) => line !== loaded[index]);
  if (at !== -1) return { captured: captured[at], loaded: loaded[at] };
  return loaded.length > captured.length ? { captured: undefined, loaded: loaded[captured.length] } : undefined;
}

/** Handles of the rules, by `FAMILY TABLE CHAIN`, in order. */
export type RuleHandles = ReadonlyMap<string, readonly number[]>;

export function ruleHandles(json: unknown): RuleHandles {
  const handles = new Map<string, number[]>();
  for (const { kind, body } of objectsOf(json)) {
    if (kind !== 'rule') continue;
    const chain = `${String(body.family)} ${String(body.table)} ${String(body.chain)}`;
    const list = handles.get(chain) ?? [];
    list.push(Number(body.handle));
    handles.set(chain, list);
  }
  return handles;
}

/** From the handles of the loaded ruleset to those of the capture: a rule is known by its place in its chain. */
export function handleMap(captured: RuleHandles, loaded: RuleHandles): ReadonlyMap<string, number> {
  const map = new Map<string, number>();
  for (const [chain, list] of loaded) {
    for (const [index, handle] of list.entries()) {
      const theirs = captured.get(chain)?.[index];
      if (theirs !== undefined) map.set(`${chain} ${handle}`, theirs);
    }
  }
  return map;
}
