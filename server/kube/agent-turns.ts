/**
 * Asks agents in turn whether their ruleset is still the one that is known: for clusters with more of them than streams are kept
 * open. A question is HEAD with the hash (docs/agent.md, conditional requests), so that no listing is sent.
 */
import 'server-only';
import type { AgentListener } from './agent-events';
import type { AgentWay } from './agent-way';
import { limited } from './limited';
import { pause } from './pause';
import { describeTrouble, oddAnswer } from './trouble';

export interface TurnTimes {
  /** An agent is asked so often, */
  readonly everyMs: number;
  /** but all together not more often than this. */
  readonly gapMs: number;
}
const TURN_TIMES: TurnTimes = { everyMs: 30_000, gapMs: 10 };
const AT_ONCE = 64;
/** The agent may list first. */
const WAIT_MS = 90_000;

interface Asked {
  readonly way: AgentWay;
  /** What it said last. */
  readonly known: () => string | null | undefined;
  readonly listener: AgentListener;
}
interface Turn {
  readonly asked: Asked;
  readonly controller: AbortController;
  askedAt: number | undefined;
  /** Between its last two turns. */
  tookMs: number;
}

export class AgentTurns {
  /** In the order of their turns. */
  readonly #turns = new Map<string, Turn>();
  readonly #fresh = new Set<string>();
  readonly #atOnce = limited(AT_ONCE);
  #isRunning = false;

  constructor(
    readonly signal: AbortSignal,
    readonly times: TurnTimes = TURN_TIMES,
  ) {}

  add(key: string, asked: Asked): void {
    if (this.#turns.has(key)) return;
    this.#turns.set(key, { asked, controller: new AbortController(), askedAt: undefined, tookMs: 0 });
    this.#fresh.add(key);
    if (!this.#isRunning) void this.#run();
  }

  remove(key: string): void {
    this.#turns.get(key)?.controller.abort();
    this.#turns.delete(key);
    this.#fresh.delete(key);
  }

  has(key: string): boolean {
    return this.#turns.has(key);
  }

  /** As planned, or as long as it really takes: agents that do not answer hold up the others. */
  everyMs(key: string): number {
    const turn = this.#turns.get(key);
    const now = performance.now();
    const sinceMs = turn?.askedAt === undefined ? 0 : now - turn.askedAt;
    return Math.max(this.#gapMs() * this.#turns.size, turn?.tookMs ?? 0, sinceMs);
  }

  #gapMs(): number {
    return Math.max(this.times.everyMs / Math.max(this.#turns.size, 1), this.times.gapMs);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#next(); next !== undefined && !this.signal.aborted; next = this.#next()) {
      const [key, turn] = next;
      const gapMs = turn.askedAt === undefined ? this.times.gapMs : this.#gapMs();
      // It goes to the end.
      this.#fresh.delete(key);
      this.#turns.delete(key);
      this.#turns.set(key, turn);
      const began = performance.now();
      await this.#start(turn);
      await pause(Math.max(gapMs - (performance.now() - began), 0), this.signal);
    }
    this.#isRunning = false;
  }

  /** Those that were never asked come first. */
  #next(): readonly [string, Turn] | undefined {
    const [key] = this.#fresh;
    const fresh = key === undefined ? undefined : this.#turns.get(key);
    if (key !== undefined && fresh !== undefined) return [key, fresh];
    const [first] = this.#turns;
    return first;
  }

  /** Settles when the question begins: who waits for a place holds up the others, and that shows in `everyMs`. */
  #start(turn: Turn): Promise<void> {
    return new Promise((begun) => {
      void this.#atOnce(async () => {
        begun();
        if (turn.controller.signal.aborted) return;
        const now = performance.now();
        if (turn.askedAt !== undefined) turn.tookMs = now - turn.askedAt;
        turn.askedAt = now;
        await askOnce(turn.asked, AbortSignal.any([turn.controller.signal, this.signal]));
      });
    });
  }
}

async function askOnce({ way, known, listener }: Asked, signal: AbortSignal): Promise<void> {
  const hash = known();
  const headers: Record<string, string> = typeof hash === 'string' ? { 'if-none-match': `"${hash}"` } : {};
  const answer = await way.get('/v1/parts/nft.json', headers, { signal, milliseconds: WAIT_MS, method: 'HEAD' });
  if (signal.aborted) return;
  if (!answer.ok) return listener.lost(describeTrouble(answer.trouble));
  const { statusCode = 0, headers: said } = answer.value;
  answer.value.resume();
  if (statusCode === 304 && typeof hash === 'string') return listener.heard(hash);
  const tag = /^(?:W\/)?"([0-9a-f]{64})(?:\.gz)?"$/.exec(said.etag ?? '')?.[1];
  if (statusCode === 200 && tag !== undefined) return listener.heard(tag);
  // AGENT-502 and AGENT-404: the agent is there, and has no listing. Who is between would not say it as a problem of its own.
  const isProblem = said['content-type']?.startsWith('application/problem+json') === true;
  if (isProblem && (statusCode === 502 || statusCode === 404)) return listener.heard(null);
  listener.lost(oddAnswer(answer.value, '/v1/parts/nft.json'));
}
