import 'server-only';
import { readFile } from 'node:fs/promises';

/** USER_HZ, which the kernel shows times in: 100 on every architecture that Node.js runs on. */
const TICK_MS = 10;

/**
 * Processor time of all children that have ended, in milliseconds (cutime and cstime of proc_pid_stat(5), fields 16 and 17). As one
 * command runs at a time, the difference is what it took.
 */
export async function childProcessorMs(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8').catch(() => '');
  // The name of the program, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[13]) + Number(fields[14]);
  return Number.isNaN(ticks) ? 0 : ticks * TICK_MS;
}
