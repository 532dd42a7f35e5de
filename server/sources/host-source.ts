/** This host: the commands of the capture format, run here and now. Nothing is changed, and no kernel module is loaded. */
import 'server-only';
import { readdir, readFile } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import { failed, ok } from '@/lib/net/result';
import type { FileReading } from '@/lib/world/capture-files';
import { hashOf } from './capture';
import { watchHost } from './host-watch';
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

type Argv = readonly [string, ...string[]];
/** Each file with the commands whose outputs, joined, are its content. */
const COMMANDS: readonly (readonly [file: string, ...commands: Argv[]])[] = [
  ['nft.json', ['nft', '-j', 'list', 'ruleset']],
  ['nft.txt', ['nft', '-a', 'list', 'ruleset']],
  ['addr.json', ['ip', '-j', 'addr', 'show']],
  ['link.json', ['ip', '-j', '-d', 'link', 'show']],
  ['route4.json', ['ip', '-j', '-4', 'route', 'show', 'table', 'all']],
  ['route6.json', ['ip', '-j', '-6', 'route', 'show', 'table', 'all']],
  ['rule4.json', ['ip', '-j', '-4', 'rule', 'show']],
  ['rule6.json', ['ip', '-j', '-6', 'rule', 'show']],
  ['neigh.json', ['ip', '-j', 'neigh', 'show']],
  [
    'conntrack.txt',
    ['conntrack', '-L', '-f', 'ipv4', '-o', 'extended,id'],
    ['conntrack', '-L', '-f', 'ipv6', '-o', 'extended,id'],
  ],
  ['sockets.txt', ['ss', '-Hltun']],
];
/** Only of the nf_tables variant, and only where nft listed xt expressions: the legacy programs load kernel modules. */
const XT_COMMANDS: typeof COMMANDS = [
  ['iptables-save.txt', ['iptables-nft-save']],
  ['ip6tables-save.txt', ['ip6tables-nft-save']],
];

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
  // One after the other: a busy node should not be made busier, and two nft at once wait for each other.
  for (const [file, ...argvs] of COMMANDS) files.set(file, await readAll(argvs, commands, signal));
  const listing = files.get('nft.json');
  if (listing?.kind === 'read' && Buffer.from(listing.content).includes('"xt"')) {
    for (const [file, ...argvs] of XT_COMMANDS) files.set(file, await readAll(argvs, commands, signal));
  }
  files.set('sysctl.txt', await readSysctl(commands.sysctlRoot));
  const legacy = await readFile('/proc/net/ip_tables_names').catch(() => undefined);
  if (legacy !== undefined) files.set('ip_tables_names.txt', { kind: 'read', content: legacy });
  const version = await runCommand([commands.program('nft'), '--version'], commands.limits, signal);
  const nft = version.kind === 'read' ? /v(\d[\d.]*)/.exec(Buffer.from(version.content).toString())?.[1] : undefined;
  files.set('versions.json', { kind: 'read', content: Buffer.from(JSON.stringify({ nft, kernel: release() })) });
  return { files, capturedAt, hash: hashOf(files) };
}

/** The outputs of the commands in one; the first failure instead. */
async function readAll(
  argvs: readonly Argv[],
  commands: HostCommands,
  signal: AbortSignal,
): Promise<FileReading<Uint8Array>> {
  const parts: Uint8Array[] = [];
  for (const [program, ...args] of argvs) {
    const reading = await runCommand([commands.program(program), ...args], commands.limits, signal);
    if (reading.kind !== 'read') return reading;
    parts.push(reading.content);
  }
  return { kind: 'read', content: parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts) };
}

/** Settings that decide about packets; per interface those under conf/. Keys the kernel does not have are left out. */
const SYSCTLS = (
  'net.ipv4.ip_forward net.ipv4.fwmark_reflect net.ipv4.ip_nonlocal_bind net.ipv4.ip_local_port_range net.ipv4.ip_default_ttl ' +
  'net.ipv4.icmp_ratelimit net.ipv4.icmp_echo_ignore_all net.ipv4.icmp_echo_ignore_broadcasts net.ipv4.tcp_l3mdev_accept ' +
  'net.ipv4.fib_multipath_hash_policy net.ipv6.fwmark_reflect net.ipv6.ip_nonlocal_bind ' +
  'net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.bridge.bridge-nf-call-arptables ' +
  'net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_checksum ' +
  'net.netfilter.nf_conntrack_tcp_loose net.netfilter.nf_conntrack_tcp_be_liberal net.netfilter.nf_conntrack_udp_timeout ' +
  'net.netfilter.nf_conntrack_udp_timeout_stream'
).split(' ');
const PER_INTERFACE = {
  ipv4: 'rp_filter route_localnet src_valid_mark forwarding accept_local send_redirects proxy_arp'.split(' '),
  ipv6: 'forwarding disable_ipv6'.split(' '),
};

async function readSysctl(root: string): Promise<FileReading<Uint8Array>> {
  const paths = SYSCTLS.map((key) => key.replaceAll('.', '/'));
  for (const family of ['ipv4', 'ipv6'] as const) {
    const folder = `net/${family}/conf`;
    for (const name of (await readdir(`${root}/${folder}`).catch(() => [])).sort()) {
      paths.push(...PER_INTERFACE[family].map((key) => `${folder}/${name}/${key}`));
    }
  }
  const lines: string[] = [];
  for (const path of paths) {
    const value = await readFile(`${root}/${path}`, 'utf8').catch(() => undefined);
    if (value !== undefined) lines.push(`${keyOf(path)} = ${value.trim().replaceAll('\t', ' ')}\n`);
  }
  return { kind: 'read', content: Buffer.from(lines.join('')) };
}

/** As sysctl(8) prints it: dots between the parts, a slash for a dot within one (`eth0.100`). */
const keyOf = (path: string): string =>
  path
    .split('/')
    .map((part) => part.replaceAll('.', '/'))
    .join('.');
