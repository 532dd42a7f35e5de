/** Ways of one trace that go on alike: a value left to chance need not matter to what comes after. */
import type { Traced } from '../sim';
import type { Branch } from '../sim/trace';

/** Fewer are followed one by one. */
const MANY = 16;

interface Way {
  /** The branch that stands for all. */
  readonly at: number;
  readonly probability: number;
}

/**
 * Branches that leave the same packets and the same state are one way. Marks are left out where no device asks for them again:
 * they end with the node (`skb->mark` is not on the wire).
 */
export function alike({ trace, states, frames, received }: Traced, isTunnel: (dev: string) => boolean): readonly Way[] {
  const all = trace.branches.map(({ probability }, at): Way => ({ at, probability }));
  if (all.length <= MANY) return all;
  const ways = new Map<string, Way>();
  for (const one of all) {
    const key = keyOf(
      trace.branches[one.at],
      states[one.at]?.changes(),
      [...(frames[one.at] ?? []), ...(received[one.at] ?? [])],
      isTunnel,
    );
    const known = key === undefined ? undefined : ways.get(key);
    ways.set(key ?? `alone ${one.at}`, known ? { ...known, probability: known.probability + one.probability } : one);
  }
  return [...ways.values()];
}

function keyOf(
  branch: Branch | undefined,
  state: string | undefined,
  frames: Traced['frames'][number],
  isTunnel: (dev: string) => boolean,
): string | undefined {
  if (branch === undefined || state === undefined || branch.outcome.kind !== 'decided') return undefined;
  const sent = frames.map(({ mark, bytes, nexthop, ...frame }) => ({
    ...frame,
    nexthop: String(nexthop),
    bytes: bytes.join(),
    outer: isTunnel(frame.dev) ? mark : undefined,
  }));
  return JSON.stringify([branch.outcome.fate, sent, state, branch.assumptions], (name, value) =>
    name === 'mark' ? undefined : value,
  );
}
