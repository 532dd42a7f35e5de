import 'server-only';

/** A packet has four: the body, the packet, a list of headers, a header. */
export const MOST_LEVELS = 16;

/** True for JSON whose objects and arrays stand deeper in each other than that; written out again it could exhaust the stack. */
export function isTooDeep(json: unknown): boolean {
  let level: readonly unknown[] = [json];
  for (let depth = 0; depth <= MOST_LEVELS; depth += 1) {
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
    if (level.length === 0) return false;
  }
  return true;
}
