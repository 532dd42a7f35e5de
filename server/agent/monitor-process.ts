/** One `nft monitor`: started, watched until it listens, started again when it ends. Its lines are its listener's. */
import 'server-only';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { environment } from '../sources/run-command';

export interface WatchState {
  readonly state: 'starting' | 'watching' | 'lost';
  readonly since: Date;
  /** Why it is lost. */
  readonly why: string | undefined;
  readonly restarts: number;
}
export interface MonitorListener {
  readonly line: (line: string) => void;
  /** What it says on standard error. */
  readonly complaint?: (words: string) => void;
  /** The kernel had no room for some of its messages. */
  readonly dropped: () => void;
  readonly watch: (state: WatchState) => void;
}
export interface WatchTimes {
  /** How often it is looked whether the monitor listens, until it does. */
  readonly pollMs: number;
  /** A monitor that does not listen by then is stopped: it loads the whole ruleset first. */
  readonly startMs: number;
  /** First wait before a monitor is started again; doubled each time, up to 64 times as long. */
  readonly againMs: number;
  /** How often lost messages are looked for. */
  readonly dropsMs: number;
}
const TIMES: WatchTimes = { pollMs: 20, startMs: 120_000, againMs: 1000, dropsMs: 5000 };

/** NFNLGRP_NFTABLES is group 7 (linux/netfilter/nfnetlink.h); /proc/net/netlink shows groups as a mask from group 1. */
const NFTABLES_GROUP = 1 << 6;
const LAST_WORDS_MS = 200;
const LONGEST_LINE = 4_000_000;
const STDERR_MAX = 2000;

export class MonitorProcess {
  #state: WatchState = { state: 'starting', since: new Date(), why: undefined, restarts: 0 };
  #child: ChildProcess | undefined;
  #timers = new Set<NodeJS.Timeout>();
  #isStopped = false;
  #tries = 0;

  /** @param argv the command, asked anew at each start */
  constructor(
    readonly argv: () => readonly [string, ...string[]],
    readonly listener: MonitorListener,
    readonly times: WatchTimes = TIMES,
  ) {}

  get state(): WatchState {
    return this.#state;
  }

  start(): void {
    if (this.#isStopped) return;
    const [program, ...args] = this.argv();
    const child = spawn(program, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'], shell: false });
    this.#child = child;
    let stderr = '';
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (this.#child !== child) return;
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
      for (const line of lines) this.listener.line(line);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(0, STDERR_MAX);
      if (this.#child === child) this.listener.complaint?.(chunk);
    });
    let isOver = false;
    const over = (why: string) => {
      if (isOver || this.#child !== child) return;
      isOver = true;
      this.#lost(stderr.trim() === '' ? why : stderr.trim());
    };
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => {
      const end = () => {
        clearTimeout(late);
        // What it may have started keeps no pipe of ours.
        child.stdout.destroy();
        child.stderr.destroy();
        over(`nft monitor ended with ${code ?? signal}`);
      };
      // Its last words may arrive after its end.
      const late = setTimeout(end, LAST_WORDS_MS);
      if (child.stderr.readableEnded) end();
      else child.stderr.once('end', end);
    });
    if (child.pid !== undefined) void this.#waitUntilItListens(child, child.pid, Date.now() + this.times.startMs);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#child?.kill('SIGKILL');
  }

  /** Starts it anew, with what it then reads of the ruleset. */
  restart(why: string): void {
    if (this.#child !== undefined && !this.#isStopped) this.#lost(why);
  }

  /** The monitor says nothing when it begins to listen. The kernel does: its socket is then a member of the group of nftables. */
  async #waitUntilItListens(child: ChildProcess, pid: number, until: number): Promise<void> {
    const socket = await listeningSocket(pid);
    if (this.#child !== child || child.exitCode !== null || child.signalCode !== null || this.#isStopped) return;
    if (socket !== undefined) {
      this.#tries = 0;
      this.#tell({ ...this.#state, state: 'watching', since: new Date(), why: undefined });
      this.#checkDrops(child, pid, socket.drops);
    } else if (Date.now() > until) {
      this.#lost(`nft monitor did not listen to the kernel within ${this.times.startMs / 1000} s`);
    } else this.#later(this.times.pollMs, () => void this.#waitUntilItListens(child, pid, until));
  }

  /** Messages that found no room are counted by the kernel; which changes they told is not known. */
  #checkDrops(child: ChildProcess, pid: number, seen: number): void {
    this.#later(this.times.dropsMs, async () => {
      const drops = (await listeningSocket(pid))?.drops ?? seen;
      if (this.#child !== child) return;
      if (drops > seen) this.listener.dropped();
      this.#checkDrops(child, pid, drops);
    });
  }

  #lost(why: string): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    if (this.#isStopped) return;
    const { restarts, state, since } = this.#state;
    this.#tell({ state: 'lost', since: state === 'lost' ? since : new Date(), why, restarts: restarts + 1 });
    this.#later(this.times.againMs * 2 ** Math.min(this.#tries++, 6), () => this.start());
  }

  #tell(state: WatchState): void {
    this.#state = state;
    this.listener.watch(state);
  }

  #later(milliseconds: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#isStopped) run();
    }, milliseconds);
    this.#timers.add(timer);
  }
}

/** The process's netlink socket that gets the events of nftables; undefined while it has none. */
async function listeningSocket(pid: number): Promise<{ readonly drops: number } | undefined> {
  try {
    const inodes = new Set<string>();
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    for (const line of (await readFile(`/proc/${pid}/net/netlink`, 'utf8')).split('\n')) {
      const fields = line.trim().split(/\s+/);
      const groups = Number.parseInt(fields[3] ?? '', 16);
      if (inodes.has(fields[9] ?? '') && (groups & NFTABLES_GROUP) !== 0) return { drops: Number(fields[8]) };
    }
  } catch {
    // The process has ended; its exit tells so.
  }
  return undefined;
}
