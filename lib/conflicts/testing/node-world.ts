/** A node with two pods, for tests of what several tables do to one another. */
import { decodeRuleset } from '../../decode/decode-ruleset';
import { buildParts, buildWorld } from '../../world/build-world';
import type { FileReading } from '../../world/capture-files';
import type { World } from '../../world/world';

export interface TestChain {
  /** `FAMILY NAME`. */
  readonly table: string;
  readonly name: string;
  /** `TYPE HOOK PRIORITY`; absent: a chain that others jump to. */
  readonly base?: string;
  readonly policy?: 'accept' | 'drop';
  readonly rules: readonly (readonly unknown[])[];
}

export const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
export const dport = (port: number) => match({ payload: { protocol: 'tcp', field: 'dport' } }, port);
export const saddr = (address: unknown) => match({ payload: { protocol: 'ip', field: 'saddr' } }, address);
export const daddr = (address: unknown) => match({ payload: { protocol: 'ip', field: 'daddr' } }, address);
export const iifname = (name: string) => match({ meta: { key: 'iifname' } }, name);
export const MARK = { meta: { key: 'mark' } };
export const markHas = (bits: number) => match({ '&': [MARK, bits] }, bits);
export const setMark = (value: unknown) => ({ mangle: { key: MARK, value } });
export const dnat = (addr: string, port: number) => ({ dnat: { addr, port } });
export const snat = (addr: string) => ({ snat: { addr } });
export const accept = { accept: null };
export const drop = { drop: null };
export const counter = { counter: { packets: 0, bytes: 0 } };

function listing(chains: readonly TestChain[], more: readonly unknown[]): unknown {
  const tables = [...new Set(chains.map(({ table }) => table))];
  const at = (table: string) => {
    const [family, name] = table.split(' ');
    return { family, name };
  };
  return {
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
      ...tables.map((table, i) => ({ table: { ...at(table), handle: i + 1 } })),
      ...more,
      ...chains.map(({ table, name, base, policy }, i) => {
        const [type, hook, prio] = base?.split(' ') ?? [];
        const { family, name: of } = at(table);
        const place = base === undefined ? {} : { type, hook, prio: Number(prio), policy: policy ?? 'accept' };
        return { chain: { family, table: of, name, handle: 100 + i, ...place } };
      }),
      ...chains.flatMap(({ table, name, rules }) =>
        rules.map((expr, i) => {
          const { family, name: of } = at(table);
          return { rule: { family, table: of, chain: name, handle: i + 1, expr } };
        }),
      ),
    ],
  };
}

const link = (ifindex: number, ifname: string, local?: string) => ({
  ifindex,
  ifname,
  flags: ['UP'],
  mtu: 1500,
  operstate: 'UP',
  link_type: 'ether',
  address: `02:00:00:00:0${ifindex}:01`,
  addr_info: local === undefined ? [] : [{ family: 'inet', local, prefixlen: 24, scope: 'global' }],
});

interface Further {
  /** Members of the listing before its chains: sets, maps. */
  readonly more?: readonly unknown[];
  readonly files?: Readonly<Record<string, string>>;
}

/** eth0 10.240.0.11/24 with a default route, pods 10.244.1.2 and 10.244.1.3; forwarding unless `files` says otherwise. */
export function nodeFiles(
  chains: readonly TestChain[],
  { more = [], files = {} }: Further = {},
): Readonly<Record<string, string>> {
  return {
    'nft.json': JSON.stringify(listing(chains, more)),
    'addr.json': JSON.stringify([
      { ...link(1, 'lo'), link_type: 'loopback', flags: ['LOOPBACK', 'UP'] },
      link(2, 'eth0', '10.240.0.11'),
      link(3, 'veth2'),
      link(4, 'veth3'),
    ]),
    'route4.json': JSON.stringify([
      { dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] },
      { dst: '10.240.0.0/24', dev: 'eth0', protocol: 'kernel', scope: 'link', prefsrc: '10.240.0.11', flags: [] },
      { dst: '10.244.1.2', dev: 'veth2', scope: 'link', flags: [] },
      { dst: '10.244.1.3', dev: 'veth3', scope: 'link', flags: [] },
      {
        type: 'local',
        dst: '10.240.0.11',
        dev: 'eth0',
        table: 'local',
        protocol: 'kernel',
        scope: 'host',
        prefsrc: '10.240.0.11',
        flags: [],
      },
    ]),
    'rule4.json': JSON.stringify([
      { priority: 0, src: 'all', table: 'local' },
      { priority: 32766, src: 'all', table: 'main' },
      { priority: 32767, src: 'all', table: 'default' },
    ]),
    'neigh.json': JSON.stringify([]),
    'sysctl.txt': 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\n',
    'conntrack.txt': '',
    ...files,
  };
}

/** The same, decoded. */
export function nodeWorld(chains: readonly TestChain[], further: Further = {}): World {
  const readings = Object.entries(nodeFiles(chains, further)).map(
    ([name, content]) => [name, { kind: 'read', content } satisfies FileReading] as const,
  );
  const ruleset = decodeRuleset(listing(chains, further.more ?? []));
  if (!ruleset.ok) throw new Error(ruleset.problem.say);
  return buildWorld(buildParts(new Map(readings)).parts, { known: true, value: ruleset.value });
}
