/**
 * Nodes that reach each other's pods by tunnels: the demo capture with a tunnel between node-1 and node-2. Which hooks the packet around
 * another passes was asked of a kernel for VXLAN: output and postrouting here, prerouting and input there, the packet itself then comes
 * in by the tunnel.
 */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import type { Cluster } from '@/lib/cluster/cluster';
import { buildNetwork } from '@/lib/reach/network';
import { decodeQuestion, type ReachResult, reach } from '@/lib/reach/query';
import type { FileReading } from '@/lib/world/capture-files';
import type { World } from '@/lib/world/world';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS, type NodeCapture } from '@/server/sources/source';

type Json = Record<string, unknown>;
const NODES = ['node-1', 'node-2', 'node-3'] as const;
const OUTER = { 'node-1': '10.240.0.11', 'node-2': '10.240.0.12' } as const;
type End = keyof typeof OUTER;
const OTHER = { 'node-1': 'node-2', 'node-2': 'node-1' } as const;
const PODS = { 'node-1': '10.244.1.0/24', 'node-2': '10.244.2.0/24' } as const;
const PODS6 = { 'node-1': 'fd00:10:244:1::/64', 'node-2': 'fd00:10:244:2::/64' } as const;

const captured = new Map<string, NodeCapture>();
let objects: ReadonlyMap<string, FileReading<Uint8Array>>;
beforeAll(async () => {
  const { signal } = new AbortController();
  const demo = fileURLToPath(new URL('../public/demo/shop-3node.tar.gz', import.meta.url));
  const source = await openPath(demo, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const cluster = await source.value.cluster(signal);
  if (!cluster.ok) throw new Error(cluster.problem.say);
  objects = cluster.value.files;
  for (const node of NODES) {
    const capture = await source.value.node(node, signal);
    if (!capture.ok) throw new Error(capture.problem.say);
    captured.set(node, capture.value);
  }
});

interface Kind {
  readonly dev: string;
  readonly type: string;
  readonly linkinfo: (end: End) => Json;
  /** What the way to the other node's pods says. */
  readonly route: (end: End) => Json;
  /** An address of the device itself. */
  readonly own?: (end: End) => string;
  readonly family?: 4 | 6;
}
const IPIP: Kind = {
  dev: 'tunl0',
  type: 'ipip',
  linkinfo: () => ({ info_kind: 'ipip', info_data: { proto: 'ipip', remote: 'any', local: 'any', ttl: 0 } }),
  route: (end) => ({ gateway: OUTER[OTHER[end]], dev: 'tunl0', flags: ['onlink'] }),
};
const gatewayOf = (end: End): string => (end === 'node-1' ? '10.244.1.0' : '10.244.2.0');
const VXLAN: Kind = {
  dev: 'flannel.1',
  type: 'ether',
  linkinfo: (end) => ({ info_kind: 'vxlan', info_data: { id: 1, local: OUTER[end], port: 8472 } }),
  route: (end) => ({ gateway: gatewayOf(OTHER[end]), dev: 'flannel.1', flags: ['onlink'] }),
  own: gatewayOf,
};
const WIREGUARD: Kind = {
  dev: 'wg0',
  type: 'none',
  linkinfo: () => ({ info_kind: 'wireguard' }),
  route: () => ({ dev: 'wg0', scope: 'link' }),
};
/** IPv6 in IPv4, both ends configured. */
const SIT: Kind = {
  dev: 'sit1',
  type: 'sit',
  linkinfo: (end) => ({ info_kind: 'sit', info_data: { remote: OUTER[OTHER[end]], local: OUTER[end] } }),
  route: () => ({ dev: 'sit1' }),
  family: 6,
};

interface Change {
  readonly kind: Kind;
  readonly node?: End;
  /** A chain of inet with these rules on `node`. */
  readonly hook?: string;
  readonly drop?: Json;
  readonly settings?: string;
  readonly without?: End;
}

function worldOf(
  node: string,
  { kind, node: at, hook, drop, settings = '', without }: Change,
): { world: World; cluster: Cluster } {
  const files = new Map(captured.get(node)?.files);
  const put = (name: string, text: string): void => {
    files.set(name, { kind: 'read', content: Buffer.from(text) });
  };
  const read = (name: string): string => {
    const reading = files.get(name);
    if (reading?.kind !== 'read') throw new Error(`${name} is not in the demo`);
    return Buffer.from(reading.content).toString();
  };
  if (node === 'node-1' || node === 'node-2') {
    const family = kind.family ?? 4;
    const own = kind.own?.(node);
    const link = {
      ...{ ifindex: 98, ifname: kind.dev, flags: ['NOARP', 'UP', 'LOWER_UP'], mtu: 1450, operstate: 'UNKNOWN' },
      link_type: kind.type,
    };
    if (without !== node) {
      const addresses = own === undefined ? [] : [{ family: 'inet', local: own, prefixlen: 32, scope: 'global' }];
      put('addr.json', JSON.stringify([...JSON.parse(read('addr.json')), { ...link, addr_info: addresses }]));
      put('link.json', JSON.stringify([...JSON.parse(read('link.json')), { ...link, linkinfo: kind.linkinfo(node) }]));
    }
    const file = `route${family}.json`;
    const dst = (family === 4 ? PODS : PODS6)[OTHER[node]];
    const routes = (JSON.parse(read(file)) as Json[]).filter((route) => route.dst !== dst);
    const local = own === undefined ? [] : [{ type: 'local', dst: own, dev: kind.dev, table: 'local', flags: [] }];
    put(file, JSON.stringify([...routes, { dst, flags: [], ...kind.route(node) }, ...local]));
  }
  if (node === at && hook !== undefined) {
    const listing = JSON.parse(read('nft.json')) as { nftables: Json[] };
    const chain = {
      family: 'inet',
      table: 'fw',
      name: 'c',
      handle: 1,
      type: 'filter',
      hook,
      prio: 0,
      policy: 'accept',
    };
    const rule = {
      family: 'inet',
      table: 'fw',
      chain: 'c',
      handle: 10,
      expr: [{ match: { op: '==', ...drop } }, { drop: null }],
    };
    listing.nftables.push({ table: { family: 'inet', name: 'fw', handle: 900 } }, { chain }, { rule });
    put('nft.json', JSON.stringify(listing));
    files.delete('nft.txt');
  }
  if (node === at) put('sysctl.txt', read('sysctl.txt') + settings);
  const opened = openNode({ node, files, cluster: objects, capturedAt: undefined, version: '' });
  return { world: opened.world, cluster: opened.cluster.cluster };
}

/** @param read the nodes that were captured */
function ask(change: Change, read: readonly string[] = NODES): ReachResult {
  const opened = read.map((node) => [node, worldOf(node, change)] as const);
  const cluster = opened[0]?.[1].cluster;
  if (cluster === undefined) throw new Error('no node');
  const network = buildNetwork(cluster, new Map(opened.map(([node, { world }]) => [node, world])));
  const dst = change.kind.family === 6 ? 'fd00:10:244:2::3' : '10.244.2.3';
  const from = { pod: 'shop/web-6d4f8b7c9-2hxkz' };
  const question = decodeQuestion({ from, dst, dport: 8080, protocol: 'TCP' }, network);
  if (!question.ok) throw new Error(question.problem.say);
  return reach(network, question.value);
}
/** The result, and the node and hook that decided it. */
function word(change: Change, read: readonly string[] = NODES): string {
  const answer = ask(change, read);
  if ('undecided' in answer) return `undecided ${answer.undecided.map(({ code }) => code).join()}`;
  return [answer.result, answer.node, answer.by?.hook].filter((one) => one !== undefined).join(' ');
}

const payload = (protocol: string, field: string, right: unknown) => ({
  left: { payload: { protocol, field } },
  right,
});
const meta = (key: string, right: unknown) => ({ left: { meta: { key } }, right });

describe.each([
  ['ipip', IPIP, payload('ip', 'protocol', 4)],
  ['vxlan', VXLAN, payload('udp', 'dport', 8472)],
  ['wireguard', WIREGUARD, payload('ip', 'protocol', 'udp')],
  ['sit', SIT, payload('ip', 'protocol', 41)],
] as const)('%s', (_, kind, outer) => {
  test('carries the connection, and says so', () => {
    const answer = ask({ kind });
    expect('undecided' in answer ? answer.undecided : answer.result).toBe('ok');
    const said = 'assumed' in answer ? answer.assumed.join(' ') : '';
    expect(said).toContain(
      `${kind.dev} is taken to carry the packet to node-2 in ${kind.linkinfo('node-1').info_kind} from 10.240.0.11 to 10.240.0.12`,
    );
    expect(said).toContain(`${kind.dev} is taken to carry the packet to node-1`);
  });
  test('the packet around meets output here and input there, not forward', () => {
    // Of WireGuard the port is assumed, and what asks for it before leaves the loss open.
    const lost = (by: string): string => (kind === WIREGUARD ? 'undecided tunnel' : `timeout ${by}`);
    expect(word({ kind, node: 'node-2', hook: 'input', drop: outer })).toBe(lost('node-2 input'));
    expect(word({ kind, node: 'node-1', hook: 'output', drop: outer })).toBe(lost('node-1 output'));
    expect(word({ kind, node: 'node-2', hook: 'forward', drop: outer })).toBe('ok');
    // Of the answer.
    expect(word({ kind, node: 'node-1', hook: 'input', drop: outer })).toBe(lost('node-1 input'));
  });
  test('the packet itself comes in by the tunnel', () => {
    expect(word({ kind, node: 'node-2', hook: 'forward', drop: meta('iifname', kind.dev) })).toBe(
      'timeout node-2 forward',
    );
    expect(word({ kind, node: 'node-2', hook: 'forward', drop: meta('iifname', 'eth0') })).toBe('ok');
  });
  test('without the device at the other end nobody knows', () => {
    // Where the next hop is an address of that device, its owner is unknown as well.
    expect(word({ kind, without: 'node-2' })).toMatch(/^undecided (tunnel|outside-capture)$/);
  });
});

test('the reverse path filter asks for the tunnel, not for the device of the packet around', () => {
  const strict = 'net.ipv4.conf.eth0.rp_filter = 1\nnet.ipv4.conf.tunl0.rp_filter = 1\n';
  expect(word({ kind: IPIP, node: 'node-2', settings: strict })).toBe('ok');
});

test('ports of the packet around that nobody knows leave it open', () => {
  const sport = payload('udp', 'sport', 40000);
  expect(word({ kind: VXLAN, node: 'node-2', hook: 'input', drop: sport })).toBe('undecided tunnel');
  const dport = payload('udp', 'dport', 51820);
  expect(word({ kind: WIREGUARD, node: 'node-2', hook: 'input', drop: dport })).toBe('undecided tunnel');
});

test.each([
  ['ipip', IPIP, payload('ip', 'protocol', 4)],
  ['vxlan', VXLAN, payload('udp', 'dport', 8472)],
] as const)('from a node that was not captured: %s', (_, kind, outer) => {
  const read = ['node-2', 'node-3'];
  expect(word({ kind, node: 'node-2', hook: 'input', drop: outer }, read)).toBe('timeout node-2 input');
  expect(word({ kind, node: 'node-2', hook: 'forward', drop: meta('iifname', kind.dev) }, read)).toBe(
    'timeout node-2 forward',
  );
  expect(word({ kind, node: 'node-2', hook: 'forward', drop: meta('iifname', 'eth0') }, read)).toBe('ok');
});

test.each([['ipip', IPIP, payload('ip', 'protocol', 4)]] as const)(
  'to a node that was not captured: %s',
  (_, kind, outer) => {
    const read = ['node-1', 'node-3'];
    expect(word({ kind, node: 'node-1', hook: 'output', drop: outer }, read)).toBe('timeout node-1 output');
    expect(word({ kind, node: 'node-1', hook: 'forward', drop: meta('iifname', 'eth0') }, read)).toBe('ok');
  },
);
