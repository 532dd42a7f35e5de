import 'server-only';
import type { Problem } from '@/lib/net/result';

/** Wrong usage or wrong input: said on standard error, exit status 2. */
export class CliError extends Error {
  /** @param hint what to do about it */
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }

  static of(problem: Problem, document?: string): CliError {
    const where = [document, problem.path].filter((part) => part !== undefined && part !== '').join(' ');
    return new CliError(where === '' ? problem.say : `${where}: ${problem.say}`, problem.do);
  }
}

/** Exit statuses: done; the answer is bad news (where a command says so); wrong usage or input. */
export const EXIT = { done: 0, badNews: 1, wrong: 2 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
