/** Conflicts of one node: every pair of base chains that meet at a hook, with a packet that proves it. */

import { count } from '../explain/words';
import type { Hook } from '../nft/model';
import type { Prepared } from '../sim/environment';
import type { Pair } from './candidates';
import { type Actor, actorOf, canMatter, canOverrule } from './chains';
import type { Conflict, Conflicts, Meeting, Unsearched } from './conflict';
import { markConflicts } from './mark-bits';
import { chainsAt, isTie } from './order';
import { searchOverruled } from './overruled';
import { type Searched, searchPair } from './search-pair';
import { unsolvedText } from './unsolved';

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
/** Where accept means that a packet is let in; before routing it means that a filter has nothing to say of it. */
const FILTERING: ReadonlySet<Hook> = new Set(['input', 'forward', 'output']);
const FAMILIES = ['ip', 'ip6'] as const;
/** Packets tried on one node; the pairs that are left then are told. */
const PACKETS_MAX = 20_000;

const answers = new WeakMap<Prepared, Conflicts>();

/**
 * Searches all pairs of chains of different owners. A conflict is only claimed with a packet that ends differently when the two
 * change places; a packet that is undecided either way proves nothing. Kept for each world.
 */
export function conflictsOf(p: Prepared): Conflicts {
  const known = answers.get(p);
  if (known !== undefined) return known;
  const search = new Search(p);
  for (const family of FAMILIES) {
    for (const hook of HOOKS) search.hook(family, hook);
    search.marks(family);
  }
  const answer = search.answer();
  answers.set(p, answer);
  return answer;
}

class Search {
  private readonly conflicts = new Map<string, Conflict>();
  private readonly meetings: Meeting[] = [];
  private readonly unsearched: Unsearched[] = [];
  private pairs = 0;
  private packets = 0;

  constructor(private readonly p: Prepared) {}

  hook(family: 'ip' | 'ip6', hook: Hook): void {
    const actors = chainsAt(this.p, family, hook).map(actorOf);
    if (new Set(actors.map(({ at }) => at.owner)).size < 2) return;
    this.meetings.push(meetingOf(this.p, family, hook, actors));
    for (const [i, first] of actors.entries())
      for (const second of actors.slice(i + 1)) {
        if (first.at.owner === second.at.owner) continue;
        const pair = { p: this.p, family, hook, first, second };
        if (canMatter(first, second)) this.pair(pair, searchPair);
        if (FILTERING.has(hook) && canOverrule(first, second)) this.pair(pair, searchOverruled);
      }
  }

  marks(family: 'ip' | 'ip6'): void {
    const { conflicts, packets } = markConflicts(this.p, family);
    this.packets += packets;
    for (const conflict of conflicts) this.add(conflict);
  }

  private pair(pair: Pair, search: (pair: Pair) => Searched): void {
    const { family, first, second } = pair;
    const give = (why: Unsearched['why'], say: string): void => {
      this.unsearched.push({ first: first.at, second: second.at, family, why, say });
    };
    if (this.packets >= PACKETS_MAX) {
      give('bound', `The search ended after ${PACKETS_MAX} packets, before this pair.`);
      return;
    }
    this.pairs++;
    const { found, packets, isCut, undecided } = search(pair);
    this.packets += packets;
    if (found !== undefined) this.add(found);
    else if (isCut) give('bound', `${count(packets, 'packet')} tried; the chains have more ways than were followed.`);
    else if (undecided > 0) give('undecided', `${undecided} of ${packets} packets have no decided way.`);
    else this.unsolved(pair);
  }

  /** Once for a pair, which is searched for each kind of conflict. */
  private unsolved({ family, first, second }: Pair): void {
    const say = unsolvedText(first.unsolved, second.unsolved);
    const isSaid = this.unsearched.some(
      (one) => one.family === family && one.first === first.at && one.second === second.at,
    );
    if (say === undefined || isSaid) return;
    this.unsearched.push({ first: first.at, second: second.at, family, why: 'unsolved', say });
  }

  /** The same pair in both families is one conflict. */
  private add(conflict: Conflict): void {
    const key = [conflict.kind, chainKey(conflict.first), chainKey(conflict.second)].join('|');
    const known = this.conflicts.get(key);
    this.conflicts.set(
      key,
      known === undefined ? conflict : { ...known, families: [...known.families, ...conflict.families] },
    );
  }

  answer(): Conflicts {
    const { meetings, unsearched, pairs, packets } = this;
    return { version: 1, conflicts: [...this.conflicts.values()], meetings, unsearched, pairs, packets };
  }
}

const chainKey = ({ family, table, chain }: Conflict['first']): string => `${family} ${table} ${chain}`;

function meetingOf(p: Prepared, family: 'ip' | 'ip6', hook: Hook, actors: readonly Actor[]): Meeting {
  const ties = (a: Actor | undefined, b: Actor | undefined): boolean =>
    a !== undefined && b !== undefined && isTie(p, family, hook, a.chain, b.chain);
  const chains = actors.map(({ at, does, chain }, i) => {
    const self = { at, does, chain, size: 0, unsolved: [] };
    return { ...at, tie: ties(actors[i - 1], self) || ties(self, actors[i + 1]), does };
  });
  return { hook, family, chains };
}
