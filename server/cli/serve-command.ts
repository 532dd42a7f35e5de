import 'server-only';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../../scripts/serve.mjs';
import { CliError, type ExitStatus } from './cli-error';
import { numberOption, parseOptions } from './options';

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  source: { type: 'string', multiple: true },
} as const;

export async function serveCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('serve', args, OPTIONS);
  const port = numberOption('port', values.port, 65535);
  const sources = [...(values.source ?? []), ...positionals].map((path) => resolve(path));
  const missing = sources.find((path) => !existsSync(path));
  if (missing !== undefined) throw new CliError(`There is no file or folder ${missing}.`);
  let server: Awaited<ReturnType<typeof serve>>;
  try {
    server = await serve({
      root: packageRoot(),
      sources,
      ...(port !== undefined && { port }),
      ...(values.host !== undefined && { host: values.host }),
    });
  } catch (error) {
    // Problems of the launcher are sentences; anything else is a bug.
    if (error instanceof Error && error.constructor.name === 'Problem') throw new CliError(error.message);
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
    if (parent === folder) throw new CliError('The installation of nftscope has no package.json.');
    folder = parent;
  }
  return folder;
}
