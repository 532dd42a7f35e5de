/** Runs one read-only command: argument vector, never a shell; limits on time and bytes; outcome kept whole. */
import 'server-only';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { FileReading } from '@/lib/world/capture-files';

export interface CommandLimits {
  readonly milliseconds: number;
  readonly bytes: number;
}
const STDERR_BYTES = 64 * 1024;

/** The environment of every command: its messages in English, its times in UTC, nothing else of ours but PATH. */
export const environment = (): NodeJS.ProcessEnv => ({
  NODE_ENV: 'production',
  PATH: process.env.PATH,
  LC_ALL: 'C',
  TZ: 'UTC',
});

/**
 * Standard output of a command that ended with status 0; otherwise a failure with its status (128 + n for death by signal n,
 * 127 when there is no such program, null when it was stopped here) and its error output.
 */
export function runCommand(
  argv: readonly [string, ...string[]],
  limits: CommandLimits,
  signal: AbortSignal,
): Promise<FileReading<Uint8Array>> {
  const [program, ...args] = argv;
  const command = argv.join(' ');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = '';
    let stopped: string | undefined;
    const child = spawn(program, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'], shell: false });
    const stop = (why: string) => {
      stopped ??= why;
      child.kill('SIGKILL');
      // A child of its own may hold the other ends.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => stop(`stopped after ${limits.milliseconds / 1000} s`), limits.milliseconds);
    const cancel = () => stop('cancelled');
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const end = (reading: FileReading<Uint8Array>) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      resolve(reading);
    };
    const fail = (exitStatus: number | null, words: string) =>
      end({ kind: 'failed', failure: { command, exitStatus, stderr: words } });

    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.bytes) stop(`stopped: more than ${limits.bytes} bytes of output`);
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_BYTES) stderr += chunk.toString('utf8').slice(0, STDERR_BYTES);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') fail(127, `${program}: not found`);
      else fail(126, error.message);
    });
    child.once('close', (code, name) => {
      if (stopped !== undefined) fail(null, stderr === '' ? stopped : `${stopped}\n${stderr}`);
      else if (code === 0) end({ kind: 'read', content: Buffer.concat(chunks) });
      else fail(code ?? 128 + (name === null ? 0 : constants.signals[name]), stderr);
    });
  });
}
