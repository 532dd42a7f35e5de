/** The commands of the capture format, as they are run on a node: read-only, argument vectors, no kernel module is loaded. */
import 'server-only';
import { readdir, readFile } from 'node:fs/promises';
import type { FileReading } from '@/lib/world/capture-files';

export type Argv = readonly [string, ...string[]];
/** Each file with the commands whose outputs, joined, are its content. */
export const NODE_COMMANDS: readonly (readonly [file: string, ...commands: Argv[]])[] = [
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
export const XT_COMMANDS: typeof NODE_COMMANDS = [
  ['iptables-save.txt', ['iptables-nft-save']],
  ['ip6tables-save.txt', ['ip6tables-nft-save']],
];

/** Names of the tables of legacy iptables and ip6tables; undefined where nobody may read them. */
export const LEGACY_NAMES = {
  'ip_tables_names.txt': (): Promise<Uint8Array | undefined> =>
    readFile('/proc/net/ip_tables_names').catch(() => undefined),
  // Without the module there is no such file, and there are no tables (ip6_tables_init, xt_proto_init).
  'ip6_tables_names.txt': (): Promise<Uint8Array | undefined> =>
    readFile('/proc/net/ip6_tables_names').catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? new Uint8Array() : undefined,
    ),
} as const;

/** The outputs of the commands in one; the first failure instead. */
export async function readAll(
  argvs: readonly Argv[],
  run: (argv: Argv) => Promise<FileReading<Uint8Array>>,
): Promise<FileReading<Uint8Array>> {
  const parts: Uint8Array[] = [];
  for (const argv of argvs) {
    const reading = await run(argv);
    if (reading.kind !== 'read') return reading;
    parts.push(reading.content);
  }
  return { kind: 'read', content: parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts) };
}

/** True where a listing has xt expressions, whose parameters only iptables-save prints. */
export const hasXt = (listing: FileReading<Uint8Array> | undefined): boolean =>
  listing?.kind === 'read' &&
  Buffer.from(listing.content.buffer, listing.content.byteOffset, listing.content.length).includes('"xt"');

/** `1.0.6` out of what `nft --version` prints. */
export const versionOf = (reading: FileReading<Uint8Array>): string | undefined =>
  reading.kind === 'read' ? /v(\d[\d.]*)/.exec(Buffer.from(reading.content).toString())?.[1] : undefined;

/** Settings that decide about packets; per interface those under conf/. Keys the kernel does not have are left out. */
export const SYSCTLS: readonly string[] = (
  'net.ipv4.ip_forward net.ipv4.fwmark_reflect net.ipv4.ip_nonlocal_bind net.ipv4.ip_local_port_range net.ipv4.ip_default_ttl ' +
  'net.ipv4.icmp_ratelimit net.ipv4.icmp_echo_ignore_all net.ipv4.icmp_echo_ignore_broadcasts net.ipv4.tcp_l3mdev_accept ' +
  'net.ipv4.fib_multipath_hash_policy net.ipv6.fwmark_reflect net.ipv6.ip_nonlocal_bind ' +
  'net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.bridge.bridge-nf-call-arptables ' +
  'net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_checksum ' +
  'net.netfilter.nf_conntrack_tcp_loose net.netfilter.nf_conntrack_tcp_be_liberal net.netfilter.nf_conntrack_udp_timeout ' +
  'net.netfilter.nf_conntrack_udp_timeout_stream'
).split(' ');
export const SYSCTLS_PER_INTERFACE = {
  ipv4: 'rp_filter route_localnet src_valid_mark forwarding accept_local send_redirects proxy_arp'.split(' '),
  ipv6: 'forwarding disable_ipv6'.split(' '),
};

export async function readSysctl(root: string): Promise<FileReading<Uint8Array>> {
  const paths = SYSCTLS.map((key) => key.replaceAll('.', '/'));
  for (const family of ['ipv4', 'ipv6'] as const) {
    const folder = `net/${family}/conf`;
    for (const name of (await readdir(`${root}/${folder}`).catch(() => [])).sort()) {
      paths.push(...SYSCTLS_PER_INTERFACE[family].map((key) => `${folder}/${name}/${key}`));
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
