/** This host: the commands of the capture format, run here and now. Nothing is changed, and no kernel module is loaded. */
import 'server-only';
import { hostname, release } from 'node:os';
import { failed, ok } from '@/lib/net/result';
import type { FileReading } from '@/lib/world/capture-files';
import { hashOf } from './capture';
import { watchHost } from './host-watch';
import {
  type Argv,
  hasXt,
  LEGACY_NAMES,
  NODE_COMMANDS,
  readAll,
  readSysctl,
  versionOf,
  XT_COMMANDS,
} from './node-commands';
import { sourceProblems } from './problems';
import { type CommandLimits, runCommand } from './run-command';
import type { NodeCapture, Source } from './source';

export interface HostCommands {
  /** The program in the place of `nft` and others; tests give their own. */
  readonly program: (name: string) => string;
  readonly limits: CommandLimits;
  readonly sysctlRoot: string;
  readonly now: () => Date;
}
export const HOST_COMMANDS: HostCommands = {
  program: (name) => name,
  limits: { milliseconds: 30_000, bytes: 512e6 },
  sysctlRoot: '/proc/sys',
  now: () => new Date(),
};

/** The node is named after the host. */
export function hostSource(commands: HostCommands = HOST_COMMANDS): Source {
  const node = hostname();
  return {
    describe: () => ({ kind: 'host', name: 'this host', live: true }),
    nodes: async (signal) =>
      signal.aborted
        ? failed(sourceProblems.cancelled())
        : ok([{ name: node, listing: 'unread', capturedAt: undefined }]),
    async node(name, signal) {
      if (signal.aborted) return failed(sourceProblems.cancelled());
      if (name !== node) return failed(sourceProblems.noSuchNode(name, [node]));
      const capture = await readHost(commands, signal);
      return signal.aborted ? failed(sourceProblems.cancelled()) : ok(capture);
    },
    cluster: async () => ok({ files: new Map() }),
    watch: (tell, signal) => watchHost(node, commands.program, tell, signal),
  };
}

/** True when nft is there and runs; whether it may list the ruleset, a reading tells. */
export async function nftAnswers(signal: AbortSignal, commands: HostCommands = HOST_COMMANDS): Promise<boolean> {
  const limits = { milliseconds: 3000, bytes: 1e6 };
  return (await runCommand([commands.program('nft'), '--version'], limits, signal)).kind === 'read';
}

async function readHost(commands: HostCommands, signal: AbortSignal): Promise<NodeCapture> {
  const files = new Map<string, FileReading<Uint8Array>>();
  const capturedAt = commands.now().toISOString();
  const run = ([program, ...args]: Argv) => runCommand([commands.program(program), ...args], commands.limits, signal);
  // One after the other: a busy node should not be made busier, and two nft at once wait for each other.
  for (const [file, ...argvs] of NODE_COMMANDS) files.set(file, await readAll(argvs, run));
  if (hasXt(files.get('nft.json'))) {
    for (const [file, ...argvs] of XT_COMMANDS) files.set(file, await readAll(argvs, run));
  }
  files.set('sysctl.txt', await readSysctl(commands.sysctlRoot));
  for (const [file, read] of Object.entries(LEGACY_NAMES)) {
    const legacy = await read();
    if (legacy !== undefined) files.set(file, { kind: 'read', content: legacy });
  }
  const nft = versionOf(await run(['nft', '--version']));
  files.set('versions.json', { kind: 'read', content: Buffer.from(JSON.stringify({ nft, kernel: release() })) });
  return { files, capturedAt, hash: hashOf(files) };
}
