/** Options of the commands, by node:util parseArgs; what is wrong with them is a CliError that names the command's help. */
import 'server-only';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CliError } from './cli-error';

type Options = NonNullable<ParseArgsConfig['options']>;

export function parseOptions<const T extends Options>(command: string, args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw CliError.usage(`${words.split('. ')[0] ?? words}.`.replace(/\.\.$/, '.'), command);
  }
}

export const COMMON = {
  source: { type: 'string' },
  node: { type: 'string' },
  output: { type: 'string', short: 'o', default: 'text' },
} as const satisfies Options;

export function outputOf(word: string | undefined): 'text' | 'json' {
  if (word === undefined || word === 'text' || word === 'json') return word ?? 'text';
  throw CliError.because('CLI-002', `There is no output ${JSON.stringify(word)}.`, 'Give -o text or -o json.');
}

/** A whole number within bounds. */
export function numberOption(name: string, text: string | undefined, max: number, min = 0): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw CliError.because(
    'CLI-002',
    `--${name} is ${JSON.stringify(text)}.`,
    `Give a whole number from ${min} to ${max}.`,
  );
}

/** Colours: only on a terminal, and never with NO_COLOR (no-color.org). */
export const hasColours = (): boolean =>
  process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
