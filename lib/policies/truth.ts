/** Yes, no, or not to be known: with the reason. */
export type Truth = 'yes' | 'no' | 'unknown';

export interface Decision {
  readonly truth: Truth;
  /** Of `unknown`. */
  readonly why?: string;
}

export const YES: Decision = { truth: 'yes' };
export const NO: Decision = { truth: 'no' };
export const unknown = (why: string): Decision => ({ truth: 'unknown', why });
export const decided = (is: boolean): Decision => (is ? YES : NO);

const find = (decisions: readonly Decision[], truth: Truth) => decisions.find((one) => one.truth === truth);

/** Yes as soon as one is; no where all are. */
export const anyOf = (decisions: readonly Decision[]): Decision =>
  find(decisions, 'yes') ?? find(decisions, 'unknown') ?? NO;

/** No as soon as one is; yes where all are. */
export const allOf = (decisions: readonly Decision[]): Decision =>
  find(decisions, 'no') ?? find(decisions, 'unknown') ?? YES;

/** One of them holds, and which is not known. */
export function eitherOf(decisions: readonly Decision[], why: string): Decision {
  const [first = NO] = decisions;
  if (decisions.every(({ truth }) => truth === first.truth)) return first;
  return find(decisions, 'unknown') ?? unknown(why);
}
