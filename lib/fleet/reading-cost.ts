/** What reading a node costs it. The member `cost` of an agent's answers (docs/agent.md, /v1/hashes) is one. */
import { type At, at, decoding } from '../net/json-cursor';

export interface ReadingCost {
  /** From the question to the whole answer, as this server saw it: with waiting and transport. */
  readonly tookMs: number;
  /** nft's last listing, as JSON and as text; what is not measured is null. */
  readonly listing: { readonly wallMs: number | null; readonly cpuMs: number | null; readonly bytes: number } | null;
  /** Null where nobody tells: the way of reading has no such thing, or an older agent. */
  readonly follow: FollowCost | null;
}

/** Whether changes are worked into the listing that is held, or each costs a listing. */
export interface FollowCost {
  readonly state: 'following' | 'listing' | 'off';
  /** Why it does not follow. */
  readonly why: string | null;
  /** That this nft has to prove itself first, and what it has proven; null where its version is known, or nobody tells. */
  readonly proof: string | null;
  /** How often what was followed had to be let go and listed anew. */
  readonly letGo: number;
  /** Listings that proved that something had been missed: of what was followed, and of what no event had told. */
  readonly failedProofs: number;
}

/** Without `tookMs`, which the agent cannot know. Undefined for what is no such member. */
export function decodeCost(json: unknown): Omit<ReadingCost, 'tookMs'> | undefined {
  const decoded = decoding(() => {
    const root = at(json);
    const [listing, follow] = [root.optional('listing'), root.optional('follow')];
    return {
      listing: listing === undefined ? null : listingCost(listing),
      follow: follow === undefined ? null : followCost(follow, root.optional('changesWithoutEvent')?.integer() ?? 0),
    };
  });
  return decoded.ok ? decoded.value : undefined;
}

const listingCost = (one: At) => ({
  wallMs: one.optional('wallMs')?.integer() ?? null,
  cpuMs: one.optional('cpuMs')?.integer() ?? null,
  bytes: one.key('bytes').integer(),
});

function followCost(one: At, changesWithoutEvent: number): FollowCost {
  return {
    state: one.key('state').oneOf(['following', 'listing', 'off']),
    why: one.optional('why')?.string() ?? null,
    proof: one.optional('proof')?.string() ?? null,
    letGo: one.optional('letGo')?.integer() ?? 0,
    failedProofs: (one.optional('mismatches')?.integer() ?? 0) + changesWithoutEvent,
  };
}
