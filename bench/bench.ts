/** A comparison: the same work done in several ways. The first case is the measure for the others. */
export interface Bench {
  readonly name: string;
  /** Each case by its name; the run it gives is timed, what comes before it is not. */
  readonly cases: Readonly<Record<string, () => unknown>>;
}
