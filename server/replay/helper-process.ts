/** helper.py in a process of its own: one request, one answer at a time. It and all it made go away with {@link Helper.close}. */
import 'server-only';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface CommandOutcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The helper said no, or ended. */
export class HelperError extends Error {}

/** Beside the sources: from a checkout, from dist/ and from the built server, whose root NFTSCOPE_ROOT names. */
function helperFile(): string | undefined {
  const roots = [process.env.NFTSCOPE_ROOT, process.cwd()].flatMap((root) => root ?? []);
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let up = 0; up < 4; up++, folder = dirname(folder)) roots.push(folder);
  return roots
    .map((root) => join(/* turbopackIgnore: true */ root, 'server', 'replay', 'helper.py'))
    .find((file) => existsSync(/* turbopackIgnore: true */ file));
}

export class Helper {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<string>;
  #rest = '';
  #waiting: ((line: string) => void) | undefined;

  /** @param seconds after which the helper ends itself */
  constructor(seconds: number, signal: AbortSignal) {
    const file = helperFile();
    if (file === undefined) throw new HelperError('server/replay/helper.py is missing from the installation');
    this.#child = spawn('python3', [file, String(seconds)], {
      stdio: 'pipe',
      // nft and ip may lie in directories that a service does not search.
      env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8', TZ: 'UTC', NODE_ENV: 'production' },
    });
    let stderr = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    // A helper that is gone does not read; its end says so.
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('close', (code, name) => {
        if (name === 'SIGALRM') resolve(`it took longer than ${seconds} s`);
        else resolve(stderr.trim().split('\n').at(-1) || `it ended with ${name ?? code}`);
      });
    });
    const stop = () => void this.#child.kill('SIGTERM');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void this.#ended.then(() => signal.removeEventListener('abort', stop));
  }

  #take(text: string): void {
    this.#rest += text;
    const end = this.#rest.indexOf('\n');
    if (end === -1) return;
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    this.#waiting?.(line);
  }

  async request<T>(request: { readonly op: string; readonly [key: string]: unknown }): Promise<T> {
    const line = new Promise<string>((resolve) => {
      this.#waiting = resolve;
    });
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const ended = this.#ended.then((why): never => {
      throw new HelperError(why);
    });
    const answer = JSON.parse(await Promise.race([line, ended])) as { readonly error?: string };
    if (answer.error !== undefined) throw new HelperError(answer.error);
    return answer as T;
  }

  run(argv: readonly string[], stdin = ''): Promise<CommandOutcome> {
    return this.request({ op: 'run', argv, stdin });
  }

  /** Resolves when the process is gone, and with it its namespaces. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await this.#ended;
    clearTimeout(timer);
  }
}
