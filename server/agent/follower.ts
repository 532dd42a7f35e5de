/**
 * Holds a listing of the ruleset and works into it what the kernel tells, where that is certain (lib/follow). Where it is not, the
 * listing is let go, with the reason, until it is made anew.
 */
import 'server-only';
import { align } from '@/lib/follow/align';
import { applyTransaction } from '@/lib/follow/apply-transaction';
import { differences } from '@/lib/follow/differences';
import { type HeldListing, holdListing, writeListing } from '@/lib/follow/held-listing';
import { FollowProof } from '@/lib/follow/proof';
import { hasUntoldSets } from '@/lib/follow/remaining-time';
import { newRules, type Place, placeIn, type Transaction, TransactionReader } from '@/lib/follow/transaction';
import { unfollowable } from '@/lib/follow/unfollowable';
import type { Argv } from '../sources/node-commands';
import { MonitorProcess, type WatchTimes } from './monitor-process';

interface Listener {
  /** What is held is newer than what was last written. */
  readonly followed: () => void;
  /** It must be listed anew, now or at the next change. */
  readonly unheld: (why: string) => void;
  /** The monitor listens: a listing that begins now can be followed. */
  readonly ready: () => void;
  /** A new listing has to prove what was worked in before it is shown. */
  readonly prove: () => void;
}
export interface FollowFacts {
  readonly isFollowing: boolean;
  /** Why it does not follow now. */
  readonly why: string | undefined;
  readonly transactions: number;
  /** How often the listing was let go. */
  readonly letGo: number;
  /** New listings that were not what had been followed. One is enough: from then on it does not follow. */
  readonly mismatches: number;
  /** That this nft proves itself, and what it has proven; undefined where its version was compared with a kernel. */
  readonly proof: string | undefined;
}

/** Complaints arrive by another way than lines. */
const SETTLE_MS = 30;
/** What one monitor tells, the other one tells by then. */
const LATE_MS = 2000;
const HEARD_MAX = 100;

export class Follower {
  #monitor: MonitorProcess;
  #reader = new TransactionReader();
  #places = new Map<string, Place>();
  #held: HeldListing | undefined;
  /** When the last listing began, and the one that is held (performance.now). */
  #beganAt = 0;
  #heldOf = 0;
  #why: string | undefined = 'its monitor does not listen yet';
  /** Since the listing that runs now, or that the held one is of. Undefined: the monitor did not listen then. */
  #heard: Transaction[] | undefined;
  #isBasing = false;
  #isMissed = false;
  #queue: Transaction[] = [];
  /** Transactions that the text told more than the JSON, since the listing is held. */
  #ahead = 0;
  #late: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #transactions = 0;
  #letGo = 0;
  #mismatches = 0;
  #isDistrusted = false;
  #proof: FollowProof | undefined;

  /**
   * @param nft the nft to be used, asked anew at each start
   * @param version its version, asked anew at each listing
   */
  constructor(
    nft: () => Argv,
    readonly version: () => string | undefined,
    readonly listener: Listener,
    times?: WatchTimes,
  ) {
    this.#monitor = new MonitorProcess(
      () => lineByLine(nft()),
      {
        line: (line) => this.#hear(line),
        complaint: (words) => {
          if (/^W:/m.test(words)) this.#spent(`nft monitor: ${words.trim().split('\n')[0]}`);
        },
        dropped: () => this.#spent('messages of the kernel were lost'),
        watch: ({ state, why }) => {
          if (state === 'lost') this.#release(why ?? 'its monitor ended');
          if (state === 'watching') this.listener.ready();
        },
      },
      times,
    );
  }

  start(): void {
    this.#monitor.start();
  }

  stop(): void {
    this.#monitor.stop();
    clearTimeout(this.#late);
    clearTimeout(this.#settle);
  }

  get facts(): FollowFacts {
    const proof = this.#proof?.words;
    return {
      isFollowing: this.isFollowing,
      why: this.#held === undefined ? this.#why : this.isFollowing ? undefined : proof,
      proof,
      transactions: this.#transactions,
      letGo: this.#letGo,
      mismatches: this.#mismatches,
    };
  }

  get isFollowing(): boolean {
    return this.#held !== undefined && this.#proof?.isDue !== true;
  }

  /** The last listing began too early to be followed; the next one could be. */
  get missedListing(): boolean {
    const isReady = this.#monitor.state.state === 'watching' && !this.#isDistrusted;
    return isReady && this.#held === undefined && this.#isMissed;
  }

  /** All that was told is worked in, and nothing of it has to be proven first. */
  get isCaughtUp(): boolean {
    return this.isFollowing && this.#isWorkedIn;
  }

  get #isWorkedIn(): boolean {
    return this.#held !== undefined && this.#queue.length === 0 && this.#ahead === 0;
  }

  /** The listing as text; undefined where none is held. Elements that time has removed since it was listed are not in it. */
  write(): string | undefined {
    return this.#held === undefined ? undefined : writeListing(this.#held, performance.now() - this.#heldOf);
  }

  /** It has sets that packets and time change: only a new listing is right about their elements. */
  get hasUntoldSets(): boolean {
    return this.#held !== undefined && hasUntoldSets(this.#held);
  }

  /** A listing begins. */
  listingBegins(): void {
    const isReady = this.#monitor.state.state === 'watching' && !this.#isDistrusted;
    this.#heard = isReady ? [] : undefined;
    this.#isMissed = !isReady;
    this.#beganAt = performance.now();
  }

  /** That listing, complete. */
  async listingEnded(text: string): Promise<void> {
    const { state, why } = this.#monitor.state;
    if (this.#heard === undefined || this.#isBasing) {
      if (this.#held === undefined && !this.#isDistrusted && state !== 'watching')
        this.#why = why ?? 'its monitor does not listen yet';
      return;
    }
    this.#isBasing = true;
    try {
      await this.#settled();
      this.#base(text);
    } finally {
      this.#isBasing = false;
    }
  }

  /** What the monitor of the text told. */
  hearText(line: string): void {
    const told = placeIn(line);
    if (told !== undefined) this.#places.set(told.rule, told.place);
    if (line.startsWith('# new generation')) this.#count(1);
    else if (line.startsWith('# ERROR')) this.#release('messages of the kernel were lost');
  }

  /** The monitor of the text is lost. */
  deaf(why: string): void {
    this.#release(why);
  }

  #base(text: string): void {
    const heard = this.#heard;
    if (heard === undefined) return;
    const before = this.#isWorkedIn ? this.#held : undefined;
    const fresh = holdListing(text);
    if (fresh === undefined) {
      this.#release('the listing has a form that is not known');
      return;
    }
    const no = unfollowable(fresh);
    if (no !== undefined) {
      this.#release(no);
      return;
    }
    const aligned = align(fresh, heard, this.#places);
    if (aligned.kind === 'relist') {
      this.#doubt(aligned);
      return;
    }
    const wrong = before === undefined ? [] : differences(before, aligned.listing);
    if (wrong.length > 0) {
      this.#mismatches += 1;
      this.#isDistrusted = true;
      this.#release(`what was followed and a new listing differ: ${wrong.join('; ')}`);
      return;
    }
    const lacked = heard.slice(heard.length - (aligned.lacked ?? 0));
    if (before !== undefined && lacked.length === 0) this.#proof?.agreed();
    const version = this.version();
    if (this.#proof === undefined || this.#proof.version !== version) this.#proof = new FollowProof(version);
    // What the listing has is nft's own; what it lacks was worked into it here.
    this.#proof.forget();
    for (const transaction of lacked) this.#proof.worked(transaction);
    this.#held = aligned.listing;
    this.#heldOf = this.#beganAt;
    this.#queue = [];
    this.#heard = undefined;
    this.#ahead = 0;
    if (this.#proof.isDue) this.listener.prove();
    if (lacked.length > 0 && !this.#proof.isDue) this.#toldSoon();
  }

  /** What was told up to now has arrived by both ways. */
  async #settled(): Promise<void> {
    for (let waited = 0; waited < LATE_MS; waited += SETTLE_MS) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      if ((this.#heard ?? []).every((one) => this.#isPlaced(one))) return;
    }
  }

  #isPlaced(transaction: Transaction): boolean {
    return newRules(transaction).every((rule) => this.#places.has(rule));
  }

  #hear(line: string): void {
    const event = this.#reader.read(line);
    if (event === undefined) return;
    if (event.kind === 'broken') {
      this.#spent(event.why);
      return;
    }
    this.#transactions += 1;
    if (this.#heard !== undefined && this.#heard.push(event.transaction) > HEARD_MAX) this.#heard = undefined;
    if (this.#held === undefined) return;
    this.#queue.push(event.transaction);
    this.#count(-1);
  }

  #count(by: 1 | -1): void {
    if (this.#held === undefined) return;
    this.#ahead += by;
    this.#work();
  }

  #work(): void {
    for (
      let next = this.#queue[0];
      next !== undefined && this.#held !== undefined && this.#isPlaced(next);
      next = this.#queue[0]
    ) {
      const applied = applyTransaction(this.#held, next, this.#places);
      if (applied.kind === 'relist') {
        this.#doubt(applied);
        return;
      }
      // While a listing runs they may be needed once more.
      if (this.#heard === undefined) for (const rule of newRules(next)) this.#places.delete(rule);
      this.#held = applied.listing;
      this.#proof?.worked(next);
      this.#queue.shift();
    }
    clearTimeout(this.#late);
    if (this.#isWorkedIn) this.#proveOr(() => this.#toldSoon());
    else if (this.#held !== undefined)
      this.#late = setTimeout(() => this.#release('the two monitors did not tell the same'), LATE_MS);
  }

  #proveOr(otherwise: () => void): void {
    if (this.#proof?.isDue === true) this.listener.prove();
    else otherwise();
  }

  #toldSoon(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.isCaughtUp && this.listener.followed(), SETTLE_MS);
  }

  #doubt({ why, isMonitorSpent }: { readonly why: string; readonly isMonitorSpent: boolean }): void {
    if (isMonitorSpent) this.#spent(why);
    else this.#release(why);
  }

  #spent(why: string): void {
    this.#release(why);
    this.#reader.clear();
    this.#monitor.restart(why);
  }

  #release(why: string): void {
    clearTimeout(this.#late);
    clearTimeout(this.#settle);
    if (this.#isDistrusted && this.#held === undefined) return;
    const wasHeld = this.#held !== undefined;
    this.#held = undefined;
    this.#proof?.forget();
    this.#heard = undefined;
    this.#queue = [];
    this.#ahead = 0;
    this.#places.clear();
    this.#why = why;
    if (!wasHeld) return;
    this.#letGo += 1;
    this.listener.unheld(why);
  }
}

/** nft flushes its output after each event with words, and not after the end of a transaction; stdbuf(1) makes it do so. */
const lineByLine = (nft: Argv): Argv => {
  const command = [...nft.slice(0, -1), 'stdbuf', '-oL', nft.at(-1) ?? 'nft', '-j', '--debug=netlink', 'monitor'];
  return command as unknown as Argv;
};
