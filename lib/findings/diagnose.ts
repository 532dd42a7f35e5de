/** All checks over one capture. */
import { inOrder } from './causes';
import { readingFindings } from './checks/readings';
import type { Context } from './context';
import type { Finding } from './finding';

/** What one check finds: one finding for each cause, with all its nodes and Services. */
export type Check = (context: Context) => readonly Finding[];

const CHECKS: readonly Check[] = [readingFindings];

/** Every finding, the most serious root cause first, each followed by what follows from it. */
export function diagnose(context: Context): readonly Finding[] {
  return inOrder(CHECKS.flatMap((check) => check(context)));
}
