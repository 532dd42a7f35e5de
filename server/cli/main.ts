/** The command `nftscope`. Commands return an exit status; what they throw as CliError is wrong usage or input. */
import 'server-only';
import type { Problem } from '@/lib/net/result';
import manifest from '../../package.json';
import { agentCommand } from './agent-command';
import { captureCommand } from './capture-command';
import { CliError, EXIT, type ExitStatus, errorText } from './cli-error';
import { conflictsCommand } from './conflicts-command';
import { debugPodCommand } from './debug-pod-command';
import { diagnoseCommand } from './diagnose-command';
import { driftCommand } from './drift-command';
import { expectedCommand } from './expected-command';
import { HELP, helpFor } from './help';
import { letReaderGo } from './lines';
import { reachCommand } from './reach-command';
import { renderCommand } from './render-command';
import { serveCommand } from './serve-command';
import { showCommand } from './show-command';
import { traceCommand } from './trace-command';
import { verifyCommand } from './verify-command';

const COMMANDS: ReadonlyMap<string, (args: readonly string[]) => Promise<ExitStatus>> = new Map([
  ['trace', traceCommand],
  ['verify', verifyCommand],
  ['reach', reachCommand],
  ['render', renderCommand],
  ['show', showCommand],
  ['serve', serveCommand],
  ['agent', agentCommand],
  ['capture', captureCommand],
  ['expected', expectedCommand],
  ['drift', driftCommand],
  ['diagnose', diagnoseCommand],
  ['conflicts', conflictsCommand],
  ['debug-pod', debugPodCommand],
]);

async function main([name, ...args]: readonly string[]): Promise<ExitStatus> {
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return name === undefined ? EXIT.wrong : EXIT.done;
  }
  if (name === 'help') {
    process.stdout.write(helpFor(args[0]));
    return EXIT.done;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`nftscope ${manifest.version}\n`);
    return EXIT.done;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) throw CliError.usage(`There is no command ${JSON.stringify(name)}.`);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpFor(name));
    return EXIT.done;
  }
  return command(args);
}

/** Read off the arguments as they are: what is wrong may be the options themselves. */
function wantsJson(args: readonly string[]): boolean {
  return /(^|\0)(-o\0?|--output[\0=])json(\0|$)/.test(args.join('\0'));
}

const OUR_MISTAKE: Problem = {
  code: 'CLI-500',
  say: 'nftscope failed.',
  do: 'This is a mistake of its own: please report it with the lines above.',
};

letReaderGo();

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const output = wantsJson(process.argv.slice(2)) ? 'json' : 'text';
  if (error instanceof CliError) {
    process.stderr.write(errorText(error, output));
    process.exitCode = error.status;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.stderr.write(errorText(new CliError(OUR_MISTAKE), output));
    process.exitCode = EXIT.ours;
  }
}
