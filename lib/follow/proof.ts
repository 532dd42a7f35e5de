/**
 * Whether what an nft tells may be believed. The monitors of some versions were compared with a kernel; of any other one each kind of
 * change is worked in without being shown, until new listings were the same often enough.
 */
import type { Transaction } from './transaction';

/** Versions that tests/kernel/follow.test.ts was run with. */
const PROVEN: ReadonlySet<string> = new Set(['1.0.6', '1.1.3']);
/** So many new listings have to be the same, for each kind of change. */
const TIMES = 3;

export class FollowProof {
  readonly #isNeeded: boolean;
  /** How often a new listing was the same after a change of this kind: `add rule`. */
  readonly #agreed = new Map<string, number>();
  readonly #pending = new Set<string>();

  constructor(readonly version: string | undefined) {
    this.#isNeeded = version === undefined || !PROVEN.has(version);
  }

  /** What is held has this change, and was not compared with a listing since. */
  worked({ messages }: Transaction): void {
    if (!this.#isNeeded) return;
    for (const { type, verb, told } of messages) {
      const kind = told === undefined ? type : `${verb} ${told.kind}`;
      if ((this.#agreed.get(kind) ?? 0) < TIMES) this.#pending.add(kind);
    }
  }

  /** A new listing was what is held. */
  agreed(): void {
    for (const kind of this.#pending) this.#agreed.set(kind, (this.#agreed.get(kind) ?? 0) + 1);
    this.#pending.clear();
  }

  /** What is held is gone, and with it what was to be proven. */
  forget(): void {
    this.#pending.clear();
  }

  /** What is held must be listed before it is shown. */
  get isDue(): boolean {
    return this.#pending.size > 0;
  }

  /** For people; undefined where the version is one that was compared. */
  get words(): string | undefined {
    if (!this.#isNeeded) return undefined;
    const proven = [...this.#agreed].flatMap(([kind, times]) => (times >= TIMES ? [kind] : [])).sort();
    const so = proven.length === 0 ? 'nothing yet' : proven.join(', ');
    return `nft ${this.version ?? 'of unknown version'} was not compared with a kernel: each kind of change is listed anew ${TIMES} times before it is followed. Proven so far: ${so}`;
  }
}
