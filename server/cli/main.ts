/** The command `nftscope`. Commands return an exit status; what they throw as CliError is wrong usage or input. */
import 'server-only';
import manifest from '../../package.json';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { HELP, helpFor } from './help';
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
  if (command === undefined)
    throw new CliError(`There is no command ${JSON.stringify(name)}.`, 'nftscope help lists the commands.');
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpFor(name));
    return EXIT.done;
  }
  return command(args);
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  process.stderr.write(`nftscope: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
  process.exitCode = EXIT.wrong;
}
