/** Listings of nft -j to compare: without handles and order where there is none, read by nothing of ours. */

type Json = { readonly [name: string]: unknown };

/** What is in a listing, by where it is: `chain ip kube-proxy services`, `rules …`, `set …` with its sorted elements. */
export function canonicalListing(listing: unknown): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const member of (listing as { readonly nftables: readonly Json[] }).nftables) {
    const [kind = '', body] = Object.entries(member)[0] ?? [];
    const { handle: _handle, ...rest } = body as Json;
    const at = `${rest.family} ${rest.table} ${rest.name}`;
    if (kind === 'metainfo') continue;
    if (kind === 'rule') {
      const where = `rules ${rest.family} ${rest.table} ${rest.chain}`;
      found.set(where, [...((found.get(where) as readonly unknown[] | undefined) ?? []), rest]);
    } else if (kind === 'set' || kind === 'map') {
      found.set(`${kind} ${at}`, withSortedElements(rest));
    } else {
      found.set(`${kind} ${at}`, rest);
    }
  }
  return found;
}

/** Contents of affinity sets are clients', not kube-proxy's. */
function withSortedElements(set: Json): Json {
  const { elem = [], ...rest } = set;
  if (/^affinity-/.test(String(set.name))) return rest;
  return { ...rest, elem: (elem as readonly unknown[]).map((one) => JSON.stringify(one)).toSorted() };
}

/** Places whose content differs, with both. Empty service chains of `stale` may be there. */
export function differingPlaces(
  ours: ReadonlyMap<string, unknown>,
  theirs: ReadonlyMap<string, unknown>,
  stale: ReadonlySet<string>,
): readonly string[] {
  const places = new Set([...ours.keys(), ...theirs.keys()]);
  return [...places].flatMap((place) => {
    const [a, b] = [sortedJson(ours.get(place)), sortedJson(theirs.get(place))];
    if (a === b || (a === undefined && stale.has(place.split(' ').slice(3).join(' ')))) return [];
    return [`${place}\n  ours   ${a}\n  theirs ${b}`];
  });
}

/** JSON with members in the order of their names. */
function sortedJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
