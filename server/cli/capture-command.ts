/** `nftscope capture`: writes a source as a capture; or prints the script that does so on a node without nftscope. */
import 'server-only';
import { existsSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { captureScript } from '@/lib/capture/capture-script';
import { count } from '@/lib/explain/words';
import { redactionMaker, secretOf } from '../capture/redaction';
import { writeCapture } from '../capture/write-capture';
import { NODE_COMMANDS, SYSCTLS, SYSCTLS_PER_INTERFACE } from '../sources/node-commands';
import type { Source } from '../sources/source';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { openSource } from './open';
import { parseOptions } from './options';

const OPTIONS = {
  source: { type: 'string' },
  node: { type: 'string', multiple: true },
  output: { type: 'string', short: 'o' },
  redact: { type: 'boolean' },
  'redact-key': { type: 'string' },
  script: { type: 'boolean' },
} as const;

export async function captureCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('capture', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'capture');
  if (values.script === true) {
    if (Object.keys(values).length > 1) throw CliError.usage('--script goes alone.', 'capture');
    process.stdout.write(
      captureScript({ files: NODE_COMMANDS, sysctls: SYSCTLS, sysctlsPerInterface: SYSCTLS_PER_INTERFACE }),
    );
    return EXIT.done;
  }
  const out = values.output;
  if (out === undefined) throw CliError.usage('Where to? Give -o FOLDER or -o FILE.tar.gz.', 'capture');
  if (/\.(tar\.gz|tgz)$/i.test(out) && existsSync(out))
    throw CliError.because('CLI-008', `${out} is there already.`, 'Remove it, or give another name.');
  if (values['redact-key'] !== undefined && values.redact !== true)
    throw CliError.usage('--redact-key goes with --redact.', 'capture');
  const keyFile = values.redact === true ? (values['redact-key'] ?? `${out.replace(/\/+$/, '')}.key`) : undefined;
  const source = await openSource(values.source, 'capture');
  const tell = (words: string) => void process.stderr.write(`nftscope capture: ${words}\n`);
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stopped.abort());
  const hadKey = keyFile !== undefined && existsSync(keyFile);
  const captured = await writing(out, async () => {
    const redaction = keyFile === undefined ? undefined : redactionMaker(await secretOf(keyFile));
    const options = {
      out,
      nodes: values.node ?? [],
      origin: await originOf(source, values.source),
      redaction,
      now: () => new Date(),
      tell,
    };
    return writeCapture(source, options, stopped.signal);
  });
  const ownKey = values['redact-key'] === undefined ? keyFile : undefined;
  const again = 'The same command goes on from here.';
  if (stopped.signal.aborted) {
    tell(`stopped. ${again}`);
    return EXIT.badNews;
  }
  if (!captured.ok) {
    if (ownKey !== undefined && !hadKey && captured.problem.code === 'CAP-001') await rm(ownKey, { force: true });
    throw CliError.of(captured.problem);
  }
  if (captured.value.failed > 0) {
    const { failed } = captured.value;
    tell(`${count(failed, 'node')} ${failed === 1 ? 'is' : 'are'} missing. ${again}`);
    return EXIT.badNews;
  }
  const { unread } = captured.value;
  const isArchive = /\.(tar\.gz|tgz)$/i.test(out);
  // Nobody can turn the names back any more, and nobody needs it to go on.
  if (ownKey !== undefined && (unread === 0 || isArchive)) await rm(ownKey, { force: true });
  process.stdout.write(`${out}\n`);
  if (unread === 0) return EXIT.done;
  tell(`not all of it could be read. ${isArchive ? 'The rest is written.' : again}`);
  return EXIT.badNews;
}

/** Several hosts may be captured into one folder; of captures and clusters each has its own. */
async function originOf(source: Source, given = ''): Promise<string | undefined> {
  return source.describe().kind === 'host' ? undefined : (source.origin?.() ?? (await realpath(given)));
}

/** A full disk, a folder that may not be written: said, not thrown. */
async function writing<T>(out: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof TypeError && code === undefined)
      throw CliError.because('CLI-004', `${message}.`, 'Give the file that --redact-key made, or another name.');
    if (code === undefined) throw error;
    throw CliError.because('CLI-008', `${out} cannot be written: ${message}.`, 'Give another place.');
  }
}
