/**
 * How long the event loop is held at most: by the clock, and by the processor time of this thread, which others on the same
 * processors do not add to. The latter is what Linux counts (proc(5), /proc/PID/task/TID/schedstat: nanoseconds on a processor).
 */
import { readFileSync } from 'node:fs';

const TICK_MS = 2;
const ownMs = (): number => {
  const [nanoseconds = '0'] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
};

export class Held {
  clockMs = 0;
  threadMs = 0;
  readonly #timer: NodeJS.Timeout;
  #at = performance.now();
  #own = ownMs();

  /** @param told pauses of this thread that are longer than `pauseMs` */
  constructor(pauseMs = Number.POSITIVE_INFINITY, told: (threadMs: number) => void = () => undefined) {
    this.#timer = setInterval(() => {
      const [at, own] = [performance.now(), ownMs()];
      this.clockMs = Math.max(this.clockMs, at - this.#at - TICK_MS);
      this.threadMs = Math.max(this.threadMs, own - this.#own);
      if (own - this.#own > pauseMs) told(own - this.#own);
      [this.#at, this.#own] = [at, own];
    }, TICK_MS);
  }

  start(): void {
    this.clockMs = 0;
    this.threadMs = 0;
  }

  get words(): string {
    return `held for ${Math.round(this.threadMs)} ms at most (${Math.round(this.clockMs)} ms by the clock)`;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
