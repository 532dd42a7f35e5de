/** A listing was made while transactions came: which of them it has already. */
import { type Applied, applyTransaction } from './apply-transaction';
import type { HeldListing } from './held-listing';
import type { Place, Transaction } from './transaction';

/** Longest row of transactions during one listing that is tried. */
const ROW_MAX = 64;

/**
 * Works into a fresh listing those transactions that it lacks. A listing is of one moment (nft lists again where the generation
 * changed meanwhile), so it has the first few and lacks the rest. The longest rest that fits is taken: one that is too long and
 * still fits ends in the same ruleset, as the last change of each thing counts.
 *
 * @param heard all that was heard since before the listing began
 */
export function align(
  listing: HeldListing,
  heard: readonly Transaction[],
  places: ReadonlyMap<string, Place>,
): Applied & { readonly lacked?: number } {
  if (heard.length > ROW_MAX)
    return { kind: 'relist', why: `${heard.length} transactions came while it was listed`, isMonitorSpent: false };
  for (let from = 0; from <= heard.length; from += 1) {
    let applied: Applied = { kind: 'next', listing };
    for (const transaction of heard.slice(from)) {
      if (applied.kind === 'next') applied = applyTransaction(applied.listing, transaction, places);
    }
    if (applied.kind === 'next') return { ...applied, lacked: heard.length - from };
    if (applied.isMonitorSpent) return applied;
  }
  // Not reached: the empty rest fits.
  return { kind: 'next', listing, lacked: 0 };
}
