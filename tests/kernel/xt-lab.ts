/** A router of network namespaces with rules loaded by iptables, and packets through it. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { buildPacket, fromHex, toHex } from '@/lib/net/build-packet';
import { viewPacket } from '@/lib/net/headers';
import type { PacketSpec } from '@/lib/net/packet-spec';
import type { PacketView } from '@/lib/net/packet-view';
import { buildParts, buildWorld } from '@/lib/world/build-world';
import type { FileReading } from '@/lib/world/capture-files';
import type { World } from '@/lib/world/world';

/** Why the test cannot run here; undefined where it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [tool, ...args] of [
    ['nft', '--version'],
    ['ip', '-V'],
    ['ss', '-V'],
    ['iptables-nft', '--version'],
    ['conntrack', '--version'],
    ['python3', '--version'],
  ] as const) {
    try {
      execFileSync(tool, args, { stdio: 'ignore' });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

const ID = `nftscope-xt-${process.pid}`;
const NS = { router: ID, c0: `${ID}-c`, s0: `${ID}-s` } as const;
export const MAC = { eth0: '02:00:00:00:01:01', eth1: '02:00:00:00:02:01' } as const;
const PEER = { c0: '02:00:00:00:01:02', s0: '02:00:00:00:02:02' } as const;
const DEVICES: Readonly<Record<string, 'c0' | 's0'>> = { eth0: 'c0', eth1: 's0' };

const run = (command: string): void => {
  const [tool = '', ...args] = command.split(' ');
  execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'inherit'] });
};
const inRouter = (tool: string, ...args: readonly string[]): string =>
  execFileSync('ip', ['netns', 'exec', NS.router, tool, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

export interface Frame {
  readonly dev: string;
  readonly packet: PacketView;
}

export class XtLab {
  private readonly helper: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  /** Router eth0 10.1.0.1 (machines .2 to .11 behind c0) and eth1 10.2.0.1 (behind s0). */
  constructor() {
    for (const ns of Object.values(NS)) run(`ip netns add ${ns}`);
    for (const [dev, peer] of Object.entries(DEVICES)) {
      const net = dev === 'eth0' ? 1 : 2;
      run(`ip link add ${dev} netns ${NS.router} type veth peer name ${peer} netns ${NS[peer]}`);
      run(`ip -n ${NS.router} link set ${dev} address 02:00:00:00:0${net}:01`);
      run(`ip -n ${NS[peer]} link set ${peer} address ${PEER[peer]}`);
      for (const [ns, d] of [
        [NS.router, dev],
        [NS[peer], peer],
      ])
        run(`ip -n ${ns} link set ${d} addrgenmode none up`);
      run(`ip -n ${NS.router} addr add 10.${net}.0.1/24 dev ${dev}`);
      run(`ip -n ${NS.router} addr add fd00:${net}::1/64 dev ${dev} nodad`);
      for (let host = 2; host < 12; host++)
        for (const a of [`10.${net}.0.${host}`, `fd00:${net}::${host}`])
          run(`ip -n ${NS.router} neigh add ${a} lladdr ${PEER[peer]} dev ${dev} nud permanent`);
    }
    run(`ip -n ${NS.router} link set lo up`);
    for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
      inRouter('sysctl', '-q', '-w', `${key}=1`);
    const places = [`router=${NS.router}`, `c0=${NS.c0}`, `s0=${NS.s0}`];
    this.helper = spawn('python3', [fileURLToPath(new URL('xt-helper.py', import.meta.url)), ...places]);
    this.helper.stderr.pipe(process.stderr);
    this.lines = createInterface({ input: this.helper.stdout })[Symbol.asyncIterator]();
  }

  /** Replaces all rules. Each is the arguments of iptables (or ip6tables, where it begins with `-6`). */
  load(rules: readonly string[]): void {
    inRouter('nft', 'flush', 'ruleset');
    for (const rule of rules) {
      const words = rule.match(/"[^"]*"|\S+/g)?.map((w) => w.replace(/^"(.*)"$/, '$1')) ?? [];
      const six = words[0] === '-6';
      inRouter(six ? 'ip6tables-nft' : 'iptables-nft', ...(six ? words.slice(1) : words));
    }
  }

  /** The router as a capture of it reads. */
  world(): World {
    const files = new Map<string, FileReading>();
    const read = (name: string, tool: string, ...args: readonly string[]): void => {
      files.set(name, { kind: 'read', content: inRouter(tool, ...args) });
    };
    read('addr.json', 'ip', '-j', 'addr', 'show');
    read('link.json', 'ip', '-j', '-d', 'link', 'show');
    for (const f of ['4', '6']) {
      read(`route${f}.json`, 'ip', '-j', `-${f}`, 'route', 'show', 'table', 'all');
      read(`rule${f}.json`, 'ip', '-j', `-${f}`, 'rule', 'show');
    }
    read('neigh.json', 'ip', '-j', 'neigh', 'show');
    read(
      'sysctl.txt',
      'sysctl',
      'net.ipv4.ip_forward',
      'net.ipv6.conf.all.forwarding',
      'net.ipv4.conf.all.rp_filter',
      'net.ipv4.conf.default.rp_filter',
      'net.ipv4.conf.eth0.rp_filter',
      'net.ipv4.conf.eth1.rp_filter',
    );
    read('sockets.txt', 'ss', '-Hltun');
    read('iptables-save.txt', 'iptables-nft-save');
    read('ip6tables-save.txt', 'ip6tables-nft-save');
    files.set('conntrack.txt', { kind: 'read', content: '' });
    const ruleset = decodeRuleset(JSON.parse(inRouter('nft', '-j', 'list', 'ruleset')));
    if (!ruleset.ok) throw new Error(ruleset.problem.say);
    return buildWorld(buildParts(files).parts, { known: true, value: ruleset.value });
  }

  /** Sends a packet on a router without connections; what left, and which rules counted it, as `family table chain index`. */
  async send(spec: PacketSpec): Promise<{ readonly frames: readonly Frame[]; readonly counted: readonly string[] }> {
    inRouter('conntrack', '-F');
    const before = this.counts();
    const peer = DEVICES[spec.iif ?? ''];
    this.helper.stdin.write(`${JSON.stringify(peer === undefined ? spec : { dev: peer, hex: frameOf(spec) })}\n`);
    const answer = await this.lines.next();
    const frames = (JSON.parse(String(answer.value)) as readonly { readonly dev: string; readonly hex: string }[]).map(
      ({ dev, hex }): Frame => {
        const bytes = fromHex(hex);
        const family = (bytes[0] ?? 0) >> 4 === 4 ? ('ip' as const) : ('ip6' as const);
        return {
          dev: dev === 'c0' ? 'eth0' : 'eth1',
          packet: viewPacket(bytes, family, { sport: false, dport: false }),
        };
      },
    );
    const after = this.counts();
    return { frames, counted: [...after].filter(([key, n]) => n > (before.get(key) ?? 0)).map(([key]) => key) };
  }

  private counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [family, tool] of [
      ['ip', 'iptables-nft-save'],
      ['ip6', 'ip6tables-nft-save'],
    ] as const) {
      let table = '';
      const seen = new Map<string, number>();
      for (const line of inRouter(tool, '-c').split('\n')) {
        if (line.startsWith('*')) table = line.slice(1);
        const m = /^\[(\d+):\d+\] -A (\S+)/.exec(line);
        if (m === null) continue;
        const chain = `${family} ${table} ${m[2] ?? ''}`;
        const index = seen.get(chain) ?? 0;
        seen.set(chain, index + 1);
        counts.set(`${chain} ${index}`, Number(m[1]));
      }
    }
    return counts;
  }

  close(): void {
    this.helper.stdin.end();
    this.helper.kill();
    for (const ns of Object.values(NS)) run(`ip netns del ${ns}`);
  }
}

function frameOf(spec: PacketSpec): string {
  const to = spec.iif === 'eth0' ? MAC.eth0 : MAC.eth1;
  const from = spec.iif === 'eth0' ? PEER.c0 : PEER.s0;
  return `${to}${from}`.replaceAll(':', '') + (spec.family === 'ip6' ? '86dd' : '0800') + toHex(buildPacket(spec));
}
