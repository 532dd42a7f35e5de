/** Sets that packets and time change: no event tells of it, so what is held of them is of the moment of its listing. */
import type { HeldListing, HeldSet } from './held-listing';

/**
 * Packets add elements to a set of this kind, and time removes them: neither is told in an event (nft_dynset, and the garbage
 * collection of set backends, send none). nft 1.0.6 lists the flag `dynamic` in its text and not as JSON.
 */
export const changesUntold = ({ head, tail }: HeldSet): boolean =>
  /"flags": *\[[^\]]*"(dynamic|timeout)"/.test(head + tail) || /"(gc-interval|timeout)": *\d/.test(head + tail);

/** A set of it changes without an event. */
export const hasUntoldSets = ({ tables }: HeldListing): boolean =>
  [...tables.values()].some(({ sets }) => [...sets.values()].some(changesUntold));
