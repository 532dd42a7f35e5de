/** What work that comes in steps comes to, for those who have nothing else to do meanwhile. */
export function lastStep<T>(steps: Iterator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
