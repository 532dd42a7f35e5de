/** What a way rests on that no kernel was asked about. */
import type { Step, Unmeasured } from '../sim/trace';

/** Each note once, in the order of the steps. */
export function unmeasuredOf(steps: readonly Step[]): readonly Unmeasured[] {
  const notes = steps.flatMap((step) => step.notMeasured ?? []);
  return [...new Map(notes.map((note) => [note.code, note])).values()];
}
