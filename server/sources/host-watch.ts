/**
 * Changes of this host, told by the kernel: `nft monitor` for rulesets, `ip monitor` for interfaces, addresses, routes and rules.
 * Both only listen. A program that ends is started again, later each time.
 */
import 'server-only';
import { spawn } from 'node:child_process';
import { environment } from './run-command';
import type { SourceChange } from './source';

const MONITORS = [
  ['nft', 'monitor'],
  ['ip', 'monitor', 'link', 'address', 'route', 'rule'],
] as const;
/** A burst of events is one change. */
const QUIET_MS = 100;
const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 60_000;
const STDERR_MAX = 500;

export function watchHost(
  node: string,
  program: (name: string) => string,
  tell: (change: SourceChange) => void,
  signal: AbortSignal,
): void {
  let soon: NodeJS.Timeout | undefined;
  const changed = () => {
    if (soon !== undefined) return;
    soon = setTimeout(() => {
      soon = undefined;
      if (!signal.aborted) tell({ kind: 'node', node });
    }, QUIET_MS);
  };
  for (const [name, ...args] of MONITORS) follow(program(name), args, changed, tell, signal);
}

function follow(
  program: string,
  args: readonly string[],
  changed: () => void,
  tell: (change: SourceChange) => void,
  signal: AbortSignal,
): void {
  const what = [program, ...args].join(' ');
  let wait = AGAIN_MS;
  let isLost = false;
  const start = () => {
    if (signal.aborted) return;
    const child = spawn(program, [...args], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'], shell: false });
    let stderr = '';
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    // Still running after its first second: it listens.
    const settled = setTimeout(() => {
      wait = AGAIN_MS;
      if (!isLost) return;
      isLost = false;
      tell({ kind: 'back', what });
      changed();
    }, AGAIN_MS);
    child.stdout.on('data', changed);
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(0, STDERR_MAX);
    });
    const ended = (why: string) => {
      clearTimeout(settled);
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return;
      if (!isLost) tell({ kind: 'lost', what, why });
      isLost = true;
      setTimeout(start, wait).unref();
      wait = Math.min(wait * 2, AGAIN_MS_MAX);
    };
    let isOver = false;
    const once = (why: string) => {
      if (isOver) return;
      isOver = true;
      ended(why);
    };
    child.once('error', (error) => once(error.message));
    child.once('close', (code, by) => once(stderr.trim() === '' ? `it ended with ${code ?? by}` : stderr.trim()));
  };
  start();
}
