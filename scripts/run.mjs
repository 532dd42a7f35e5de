// Running a long command so that a person sees what is being done, for how long, and the cause when it fails.
import { spawn } from 'node:child_process';

/** A failure which the user can act on: printed without a stack trace. */
export class Problem extends Error {}

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();

/**
 * Runs `action` as the main program: a Problem is one message on stderr, SIGINT and SIGTERM end the children first.
 * @param {() => Promise<number>} action gives the exit code
 */
export async function main(action) {
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.once(signal, async () => {
      await Promise.all([...children].map((child) => stop(child)));
      process.exit(code);
    });
  }
  try {
    process.exitCode = await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/**
 * Ends a child, by force after five seconds.
 * @param {import('node:child_process').ChildProcess} child
 */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}

/**
 * Starts a child that ends with this process.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/**
 * Runs a command to its end, its output kept back, and shows the elapsed time meanwhile.
 * Throws a Problem with the end of the output when it fails.
 * @param {{ title: string, command: string, args: readonly string[], cwd: string, env?: Record<string, string> }} job
 */
export async function step({ title, command, args, cwd, env = {} }) {
  const began = Date.now();
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`;
  const live = process.stdout.isTTY === true;
  const show = () => process.stdout.write(live ? `\r${title} … ${seconds()} ` : `${title} … ${seconds()}\n`);
  show();
  const timer = setInterval(show, live ? 1000 : 20_000);

  let output = '';
  const child = start(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-20_000);
    });
  }
  /** @type {string | undefined} */
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `exit status ${code ?? signal}`));
  });
  clearInterval(timer);

  if (failure !== undefined) {
    if (live) process.stdout.write('\n');
    const tail = output.trimEnd().split('\n').slice(-40).join('\n');
    throw new Problem(`${title} failed (${failure}):\n${tail}`);
  }
  process.stdout.write(live ? `\r${title}: done in ${seconds()}   \n` : `${title}: done in ${seconds()}\n`);
}
