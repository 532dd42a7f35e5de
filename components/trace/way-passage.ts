/** How far along its way the packet is when the chosen step has run. */
import type { Way, WayStop } from '@/lib/graph/way-types';

export type Passage = 'passed' | 'here' | 'ahead' | 'never';

const stepsOf = (stop: WayStop): readonly number[] =>
  stop.kind === 'hook' ? stop.cells.flatMap((cell) => cell.steps) : stop.kind === 'routing' ? stop.steps : [];

/** Index of the stop that the chosen step is in. */
export function currentStop(way: Way, number: number): number {
  const at = way.stops.findIndex((stop) => stepsOf(stop).includes(number));
  return Math.max(at, 0);
}

export function passage(stop: WayStop, index: number, current: number): Passage {
  if (!stop.reached) return 'never';
  return index < current ? 'passed' : index === current ? 'here' : 'ahead';
}
