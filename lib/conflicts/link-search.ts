/** Conflicts of chains of bridges, of ARP and of devices. There are no nat chains: one reads what the other writes, or drops what it let in. */

import { count } from '../explain/words';
import type { PacketSpec } from '../net/packet-spec';
import { initialState, preparedOf, traceFrom } from '../sim';
import type { Prepared } from '../sim/environment';
import type { Branch, ChainStep } from '../sim/trace';
import { worldWithoutRule } from '../world/without-rule';
import { actorOf, canMatter, canOverrule } from './chains';
import type { Conflict, Conflicts, End, Meeting, Unsearched } from './conflict';
import { difference, endOf, traceFully } from './ends';
import { type LinkPair, linkPackets } from './link-packets';
import { type LinkPlace, linkChainsAt, linkPassings, linkPlaces, withChains } from './link-place';
import { acceptedBy, isException } from './overruled';
import { decidingRules } from './search-pair';
import { unsolvedText } from './unsolved';

/** Packets tried for one pair. */
const PACKETS_MAX = 400;
/** And for one node. */
const NODE_MAX = 4000;
const FILTERING: ReadonlySet<string> = new Set(['input', 'forward', 'output']);

const answers = new WeakMap<Prepared, Conflicts>();

/** As conflictsOf, for the hooks that are not of IPv4 and IPv6. Kept for each world. */
export function linkConflictsOf(p: Prepared): Conflicts {
  const known = answers.get(p);
  if (known !== undefined) return known;
  const answer = search(p);
  answers.set(p, answer);
  return answer;
}

function search(p: Prepared): Conflicts {
  const conflicts = new Map<string, Conflict>();
  const meetings: Meeting[] = [];
  const unsearched: Unsearched[] = [];
  let pairs = 0;
  let packets = 0;
  for (const place of linkPlaces(p)) {
    const actors = linkChainsAt(p, place).map(actorOf);
    if (new Set(actors.map(({ at }) => at.owner)).size < 2) continue;
    meetings.push(meetingOf(place, actors));
    for (const [i, first] of actors.entries())
      for (const second of actors.slice(i + 1)) {
        const mayOverrule = FILTERING.has(place.hook) && canOverrule(first, second);
        if (first.at.owner === second.at.owner || (!canMatter(first, second) && !mayOverrule)) continue;
        const give = (why: Unsearched['why'], say: string) =>
          unsearched.push({ first: first.at, second: second.at, family: place.family, why, say });
        if (packets >= NODE_MAX) {
          give('bound', `The search ended after ${NODE_MAX} packets, before this pair.`);
          continue;
        }
        pairs++;
        const found = searchPairAt({ p, place, first, second }, mayOverrule);
        packets += found.packets;
        for (const one of found.conflicts) {
          // A chain of several devices is one chain.
          const key = [one.kind, chainKey(one.first), chainKey(one.second)].join('|');
          if (!conflicts.has(key)) conflicts.set(key, one);
        }
        if (found.conflicts.length > 0) continue;
        if (found.isCut) give('bound', `${count(found.packets, 'packet')} tried; there are more that could be.`);
        else if (found.undecided > 0)
          give('undecided', `${found.undecided} of ${found.packets} packets have no decided way.`);
        else if (found.packets === 0) give('undecided', 'No packet is known that could come there.');
        else {
          const say = unsolvedText(first.unsolved, second.unsolved);
          if (say !== undefined) give('unsolved', say);
        }
      }
  }
  return { version: 1, conflicts: [...conflicts.values()], meetings, unsearched, pairs, packets };
}

const chainKey = ({ family, table, chain }: Conflict['first']): string => `${family} ${table} ${chain}`;

function meetingOf({ family, hook, device }: LinkPlace, actors: readonly ReturnType<typeof actorOf>[]): Meeting {
  const chains = actors.map(({ at, does }, i) => ({
    ...at,
    tie: actors[i - 1]?.at.prio === at.prio || actors[i + 1]?.at.prio === at.prio,
    does,
  }));
  return { hook, family, ...(device !== undefined && { device }), chains };
}

interface Found {
  readonly conflicts: readonly Conflict[];
  readonly packets: number;
  readonly isCut: boolean;
  readonly undecided: number;
}

function searchPairAt(pair: LinkPair, mayOverrule: boolean): Found {
  const { p, place, first, second } = pair;
  const mayMatter = canMatter(first, second);
  const ways = linkPassings(p, place, first.chain, second.chain);
  const alone = withChains(
    p,
    place,
    linkChainsAt(p, place).filter((chain) => chain !== second.chain),
  );
  let written: Conflict | undefined;
  let overruled: Conflict | undefined;
  let packets = 0;
  let undecided = 0;
  let isCut = false;
  for (const packet of linkPackets(pair)) {
    if ((written !== undefined || !mayMatter) && (overruled !== undefined || !mayOverrule)) break;
    if (packets >= PACKETS_MAX) {
      isCut = true;
      break;
    }
    packets++;
    const now = endsAt(p, packet, place);
    // One that does not come there proves nothing of the two.
    if (now === 'elsewhere') continue;
    if (now === undefined) {
      undecided++;
      continue;
    }
    if (mayMatter) written ??= writtenBetween(pair, packet, now, ways);
    if (mayOverrule) overruled ??= overruledBetween(pair, packet, now, alone);
  }
  return { conflicts: [written, overruled].filter((one) => one !== undefined), packets, isCut, undecided };
}

function writtenBetween(
  { p, place, first, second }: LinkPair,
  packet: PacketSpec,
  now: readonly End[],
  ways: ReturnType<typeof linkPassings>,
): Conflict | undefined {
  for (const { control, passed } of ways) {
    const otherwise = known(endsAt(passed, packet, place));
    const differs = otherwise && difference(now, otherwise);
    if (otherwise === undefined || differs === undefined) continue;
    const before = control && known(endsAt(control, packet, place));
    if (control !== undefined && (before === undefined || difference(now, before) !== undefined)) continue;
    return {
      ...common(first, second, packet),
      kind: 'written',
      differs,
      witness: { packet, now, otherwise },
      rules: decidingRules(first, second, [traceFully(p, packet), traceFully(passed, packet)]),
    };
  }
  return undefined;
}

function overruledBetween(
  { p, place, first, second }: LinkPair,
  packet: PacketSpec,
  now: readonly End[],
  alone: Prepared,
): Conflict | undefined {
  const otherwise = known(endsAt(alone, packet, place));
  if (otherwise === undefined) return undefined;
  if (now.some(({ result }) => result === 'delivered')) return undefined;
  if (otherwise.some(({ result }) => result !== 'delivered')) return undefined;
  const trace = traceFully(p, packet);
  const [branch] = trace.branches;
  const accepted = branch && acceptedBy(branch, { first, second });
  if (accepted === undefined) return undefined;
  if (!isException(preparedOf(worldWithoutRule(p.world, accepted)), { first }, packet)) return undefined;
  return {
    ...common(first, second, packet),
    kind: 'accept-overruled',
    differs: 'delivered',
    witness: { packet, now, otherwise },
    rules: decidingRules(first, second, [trace]),
  };
}

const common = (first: LinkPair['first'], second: LinkPair['second'], { family }: PacketSpec) => ({
  families: [family],
  first: first.at,
  second: second.at,
  tie: first.at.prio === second.at.prio,
});

const BRANCHES_MAX = 64;

const known = (ends: ReturnType<typeof endsAt>): readonly End[] | undefined =>
  ends === 'elsewhere' ? undefined : ends;

/** Undefined where one is undecided; `elsewhere` where no branch came to the place. */
function endsAt(p: Prepared, packet: PacketSpec, place: LinkPlace): readonly End[] | 'elsewhere' | undefined {
  const { branches } = traceFrom(p, packet, initialState(p), { branchesMax: BRANCHES_MAX }).trace;
  if (!branches.some(({ steps }) => steps.some((step) => step.kind === 'chain' && isAt(step, place))))
    return 'elsewhere';
  const ends: End[] = [];
  for (const branch of branches) {
    const end = packet.family === 'arp' ? arpEnd(branch) : endOf(branch);
    if (end === undefined) return undefined;
    ends.push(end);
  }
  return ends;
}

const isAt = ({ family, hook }: ChainStep, place: LinkPlace): boolean =>
  hook === place.hook &&
  (place.family === 'netdev' ? family === 'netdev' || family === 'inet' : family === place.family);

/** A request for the node is answered; any other ARP packet is learned from, or goes on, unless it is dropped. */
function arpEnd({ steps, outcome, probability }: Branch): End | undefined {
  if (outcome.kind === 'undecided') return undefined;
  const { by, egress } = outcome.fate;
  const wasAnswered = steps.some((step) => step.kind === 'generated');
  const isSent = egress.some(({ role }) => role !== 'original');
  const sent = egress.find(({ skb }) => skb === 0)?.packet;
  const lost = by !== undefined || (wasAnswered && !isSent);
  return {
    probability,
    result: lost ? 'not-delivered' : 'delivered',
    daddr: sent?.daddr ?? null,
    dport: null,
    saddr: sent?.saddr ?? null,
  };
}
