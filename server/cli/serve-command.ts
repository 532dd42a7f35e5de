import 'server-only';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../../scripts/serve.mjs';
import { sourceProblems } from '../sources/problems';
import { CliError, type ExitStatus } from './cli-error';
import { numberOption, parseOptions } from './options';

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  source: { type: 'string', multiple: true },
} as const;

export async function serveCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('serve', args, OPTIONS);
  const port = numberOption('port', values.port, 65535, 1);
  const sources = [...(values.source ?? []), ...positionals];
  const missing = sources.find((path) => !existsSync(path));
  if (missing !== undefined) throw CliError.of(sourceProblems.unreadable(missing, 'there is no such file or folder'));
  let server: Awaited<ReturnType<typeof serve>>;
  try {
    server = await serve({
      root: packageRoot(),
      sources: sources.map((path) => resolve(path)),
      ...(port !== undefined && { port }),
      ...(values.host !== undefined && { host: values.host }),
    });
  } catch (error) {
    // Problems of the launcher are sentences; anything else is a bug.
    if (error instanceof Error && error.constructor.name === 'Problem')
      throw CliError.because('CLI-007', error.message, 'See: nftscope help serve');
    throw error;
  }
  process.stdout.write(`nftscope: ${server.url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void server.stop());
  const code = await server.ended;
  return code === 0 || code === 143 || code === 130 ? 0 : 2;
}

/** The folder of package.json: above dist/ or server/cli/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw CliError.because('CLI-007', 'The installation of nftscope has no package.json.', 'Install it again.');
    folder = parent;
  }
  return folder;
}
