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
export function readingFacts(row: FleetRow): readonly ReadingFact[] {
  const { reader, following, notAnew, capturedAt } = row;
  if (reader === null) return [];
  const asOf = capturedAt === null ? '' : `As of ${capturedAt}. `;
  return [
    { label: 'Read by', say: reader },
    ...(notAnew === null
      ? []
      : [{ label: 'Reading it anew', say: `${asOf}It cannot be read now: ${notAnew}`, isBad: true }]),
    ...(following === null ? [] : [heardFact(following)]),
    ...costFacts(row),
  ];
}

/** In a few words, for the row itself; nothing where changes are told at once. */
export function heardInShort({ following, notAnew }: Pick<FleetRow, 'following' | 'notAnew'>): string | undefined {
  if (notAnew !== null) return 'cannot be read now';
  switch (following?.kind) {
    case 'asked':
      return `asked every ${following.everySeconds} s`;
    case 'lost':
      return 'not heard';
    case 'not':
      return 'not followed';
    case 'not-yet':
      return 'not heard yet';
    case 'heard':
    case undefined:
      return undefined;
  }
}

function heardFact(following: NonNullable<FleetRow['following']>): ReadingFact {
  const label = 'Changes of its ruleset';
  switch (following.kind) {
    case 'heard':
      return { label, say: 'told at once' };
    case 'asked':
      return { label, say: `asked every ${following.everySeconds} s: there are too many agents to hear all at once` };
    case 'not-yet':
      return { label, say: 'its agent has not been heard yet: what is shown is as old as its time' };
    case 'lost':
      return { label, say: `not heard: ${following.why}. What is shown is as old as its time`, isBad: true };
    case 'not':
      return { label, say: 'not followed: what is shown is as old as its time' };
  }
}

/** As of the last reading: nobody asks what nodes cost in between. */
function costFacts({ cost, problem }: FleetRow): readonly ReadingFact[] {
  if (cost === null) {
    const say = problem === null ? 'not known: it was not read yet' : 'not known: it could not be read';
    return [{ label: 'Cost', say }];
  }
  const { listing, follow, tookMs } = cost;
  const facts = [
    { label: 'Last listing', say: listingWords(listing) },
    { label: 'Last reading took', say: time(tookMs) },
  ];
  if (follow === null)
    return [
      ...facts,
      { label: 'Works changes in, as of last reading', say: 'not known: this way of reading does not tell' },
    ];
  const [proofs, proof] = [follow.failedProofs, follow.proof];
  return [
    ...facts,
    { label: 'Works changes in, as of last reading', say: followWords(follow) },
    // Where nothing is followed because of it, it is the reason.
    ...(proof === null || proof === follow.why ? [] : [{ label: 'Its nft', say: proof }]),
    {
      label: 'Proofs that failed, as of last reading',
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
