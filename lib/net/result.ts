/** The outcome of reading something from outside: the value, or what is wrong and what to do about it. Never thrown. */

/** The words of every problem this program reports: a stable code, a sentence on what is wrong, a sentence on the remedy. */
export interface Problem {
  readonly code: string;
  readonly say: string;
  readonly do: string;
  /** Where in the document, `[3].addr_info[0].local` or `line 7`; absent or empty for the whole of it. */
  readonly path?: string;
}

export type Result<T, P extends Problem = Problem> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: P };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const failed = <P>(problem: P): { readonly ok: false; readonly problem: P } => ({ ok: false, problem });

/** One line for people: `route4.json [3].gateway: expected an IPv4 address, got "x"`. */
export function formatProblem(problem: Problem, document?: string): string {
  const where = [document, problem.path].filter((part) => part !== undefined && part !== '').join(' ');
  return where === '' ? problem.say : `${where}: ${problem.say}`;
}
