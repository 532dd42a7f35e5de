/** A router with one chain of rules made by iptables, for tests. */
import { decodeRuleset } from '../../decode/decode-ruleset';
import type { PacketSpec } from '../../net/packet-spec';
import { buildParts, buildWorld } from '../../world/build-world';
import type { FileReading } from '../../world/capture-files';
import type { World } from '../../world/world';
import { trace } from '../index';
import type { Branch } from '../trace';

export interface XtCase {
  /** Rules of ip TABLE CHAIN as nft lists them: expressions only. */
  readonly rules: readonly (readonly unknown[])[];
  /** Lines of iptables-save after `-A CHAIN`; undefined: there is none. */
  readonly save?: readonly string[];
  readonly table?: 'filter' | 'nat' | 'mangle' | 'raw';
  readonly hook?: 'forward' | 'prerouting' | 'postrouting';
  readonly rule4?: readonly unknown[];
  readonly more?: readonly unknown[];
}

const PRIO = { filter: 0, nat: -100, mangle: -150, raw: -300 } as const;

export const xt = (name: string, type: 'match' | 'target' = 'match') => ({ xt: { type, name } });
export const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
export const dport = (port: number) => match({ payload: { protocol: 'tcp', field: 'dport' } }, port);
export const accept = { accept: null };
export const drop = { drop: null };

export function xtWorld(c: XtCase): World {
  const table = c.table ?? 'filter';
  const hook = c.hook ?? 'forward';
  const chain = hook.toUpperCase();
  const at = { family: 'ip', table, chain };
  const nftables = [
    { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'ip', name: table, handle: 1 } },
    {
      chain: {
        family: 'ip',
        table,
        name: chain,
        handle: 1,
        type: table === 'nat' ? 'nat' : 'filter',
        hook,
        prio: PRIO[table],
        policy: 'accept',
      },
    },
    ...c.rules.map((expr, i) => ({ rule: { ...at, handle: i + 2, expr } })),
    ...(c.more ?? []),
  ];
  const address = (local: string) => ({ family: 'inet', local, prefixlen: 24, scope: 'global' });
  const link = (ifindex: number, ifname: string, local: string) => ({
    ifindex,
    ifname,
    flags: ['UP'],
    mtu: 1500,
    operstate: 'UP',
    link_type: 'ether',
    address: `02:00:00:00:0${ifindex}:01`,
    addr_info: [address(local)],
  });
  const files: Readonly<Record<string, string>> = {
    'addr.json': JSON.stringify([link(1, 'eth0', '10.1.0.1'), link(2, 'eth1', '10.2.0.1')]),
    'route4.json': JSON.stringify(
      [1, 2].flatMap((n) => [
        {
          dst: `10.${n}.0.0/24`,
          dev: `eth${n - 1}`,
          protocol: 'kernel',
          scope: 'link',
          prefsrc: `10.${n}.0.1`,
          flags: [],
        },
        {
          type: 'local',
          dst: `10.${n}.0.1`,
          dev: `eth${n - 1}`,
          table: 'local',
          protocol: 'kernel',
          scope: 'host',
          flags: [],
        },
      ]),
    ),
    'rule4.json': JSON.stringify([
      { priority: 0, src: 'all', table: 'local' },
      ...(c.rule4 ?? []),
      { priority: 32766, src: 'all', table: 'main' },
      { priority: 32767, src: 'all', table: 'default' },
    ]),
    'sysctl.txt': 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\n',
    'conntrack.txt': '',
    ...(c.save === undefined
      ? {}
      : { 'iptables-save.txt': [`*${table}`, ...c.save.map((s) => `-A ${chain} ${s}`), 'COMMIT', ''].join('\n') }),
  };
  const readings = Object.entries(files).map(
    ([name, content]) => [name, { kind: 'read', content } satisfies FileReading] as const,
  );
  const ruleset = decodeRuleset({ nftables });
  if (!ruleset.ok) throw new Error(ruleset.problem.say);
  return buildWorld(buildParts(new Map(readings)).parts, { known: true, value: ruleset.value });
}

export const SYN: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '10.1.0.2',
  daddr: '10.2.0.2',
  protocol: 'tcp',
  sport: 40000,
  dport: 80,
  flags: ['syn'],
  ttl: 64,
};

/** One word for a branch: its summary, or `undecided CODE`. */
export const wordOf = (b: Branch): string =>
  b.outcome.kind === 'decided' ? b.outcome.fate.summary : `undecided ${b.outcome.reasons[0]?.code ?? ''}`;

export const outcome = (c: XtCase, packet: PacketSpec = SYN): readonly string[] =>
  trace(xtWorld(c), packet).branches.map(wordOf);
