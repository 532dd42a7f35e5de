/** How a node is read and what that costs it, in words. */
import type { FleetRow } from '@/lib/api/fleet-view';
import { count } from '@/lib/explain/words';

interface ReadingFact {
  readonly label: string;
  readonly say: string;
  /** Something that should not be. */
  readonly isBad?: boolean;
}

/** Empty for a capture: nobody reads there. What is not known is said, never left out. */
export function readingFacts({ reader, cost, problem }: FleetRow): readonly ReadingFact[] {
  if (reader === null) return [];
  const way = { label: 'Read by', say: reader };
  if (cost === null) {
    const say = problem === null ? 'not known: it was not read yet' : 'not known: it could not be read';
    return [way, { label: 'Cost', say }];
  }
  const { listing, follow, tookMs } = cost;
  const facts = [
    way,
    { label: 'Last listing', say: listingWords(listing) },
    { label: 'Whole reading', say: time(tookMs) },
  ];
  if (follow === null)
    return [...facts, { label: 'Follows changes', say: 'not known: this way of reading does not tell' }];
  const proofs = follow.failedProofs;
  return [
    ...facts,
    { label: 'Follows changes', say: followWords(follow) },
    {
      label: 'Proofs that failed',
      say: proofs === 0 ? 'none' : `${proofs}: a new listing was not what had been followed or told`,
      isBad: proofs > 0,
    },
  ];
}

type Cost = NonNullable<FleetRow['cost']>;

function listingWords(listing: Cost['listing']): string {
  if (listing === null) return 'not known';
  const { wallMs, cpuMs, bytes } = listing;
  const took = wallMs === null ? 'time not measured' : time(wallMs);
  return [took, ...(cpuMs === null ? [] : [`${time(cpuMs)} of processor time`]), size(bytes)].join(', ');
}

function followWords({ state, why, letGo }: NonNullable<Cost['follow']>): string {
  const again = letGo === 0 ? '' : `; listed anew ${count(letGo, 'time')}`;
  switch (state) {
    case 'following':
      return `yes${again}`;
    case 'listing':
      return `no, every change costs a listing${why === null ? '' : `: ${why}`}${again}`;
    case 'off':
      return 'no: switched off';
  }
}

const time = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const size = (bytes: number): string =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
