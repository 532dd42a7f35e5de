import 'server-only';
import type { Problem } from '@/lib/net/result';

/** Codes of what only the command line can get wrong (docs/cli.md); all others come with the problem itself. */
type CliCode =
  /** The command, an option or an argument is not known, missing or one too many. */
  | 'CLI-001'
  /** The value of an option is wrong. */
  | 'CLI-002'
  /** A file, or standard input, cannot be read. */
  | 'CLI-003'
  /** A file or an option does not hold the JSON that is wanted. */
  | 'CLI-004'
  /** The source has no such node, or several and none was named. */
  | 'CLI-005'
  /** Several tables have the name. */
  | 'CLI-006'
  /** The web application cannot be started. */
  | 'CLI-007'
  /** A capture cannot be written where it should go. */
  | 'CLI-008';

/** Objects, or tables of kube-proxy, that the capture lacks: nothing is wrong with the question. */
const NOT_CAPTURED: ReadonlySet<string> = new Set(['REF-007', 'EXP-001', 'EXP-002', 'EXP-003', 'EXP-004']);

/** Wrong usage or wrong input: said on standard error, exit status 2 (1 where only the capture lacks something). */
export class CliError extends Error {
  /** @param document the file that the problem's path is in */
  constructor(
    readonly problem: Problem,
    readonly document?: string,
  ) {
    super(problem.say);
  }

  get status(): ExitStatus {
    return NOT_CAPTURED.has(this.problem.code) ? EXIT.badNews : EXIT.wrong;
  }

  static of(problem: Problem, document?: string): CliError {
    return new CliError(problem, document);
  }

  /** @param remedy what to do about it */
  static because(code: CliCode, say: string, remedy: string): CliError {
    return new CliError({ code, say, do: remedy });
  }

  /** Wrong usage of a command. */
  static usage(say: string, command?: string): CliError {
    return CliError.because('CLI-001', say, `See: nftscope help${command === undefined ? '' : ` ${command}`}`);
  }
}

/** `nftscope: WHERE: WHAT [CODE]` and what to do; with `-o json` the same as one line of JSON. */
export function errorText({ problem, document }: CliError, output: 'text' | 'json'): string {
  const { code, say, do: remedy, path = '' } = problem;
  const join = (...parts: readonly (string | undefined)[]) => parts.filter(Boolean).join(' ');
  const where = join(document, path);
  if (output === 'json')
    return `${JSON.stringify({ error: { code, message: say, ...(where !== '' && { where }), do: remedy } })}\n`;
  // The sentence may name the place itself.
  const shown = join(document, say.includes(path) ? undefined : path);
  return `nftscope: ${shown === '' ? '' : `${shown}: `}${say} [${code}]\n${remedy === '' ? '' : `  ${remedy}\n`}`;
}

/** Exit statuses: done; the answer is bad news (where a command says so); wrong usage or input; a mistake of nftscope's own. */
export const EXIT = { done: 0, badNews: 1, wrong: 2, ours: 3 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
