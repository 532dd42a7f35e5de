/** Runs work that comes in steps so that requests get their turn between them. */
import 'server-only';

/** The event loop is held no longer than this, and one step. */
const TURN_MS = 8;

export async function inTurns<T>(steps: Iterator<unknown, T>): Promise<T> {
  for (;;) {
    const until = performance.now() + TURN_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
