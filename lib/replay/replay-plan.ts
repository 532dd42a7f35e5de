/** What a replay needs to know, worked out from a node and a packet: the world to build, the packet to send, what must come out. */
import type { Obstacle } from '../monitor/agreement';
import { formatAddress, parseMac } from '../net/address';
import { buildPacket, toHex } from '../net/build-packet';
import type { PacketSpec } from '../net/packet-spec';
import { trace as traceOf } from '../sim';
import type { Step, Trace } from '../sim/trace';
import type { CtEntry, Link, ListeningSocket, World } from '../world/world';
import { addressLines, type Needed, neighbourLines } from './setup-commands';
import { type SysctlPlan, sysctlPlan } from './sysctl-plan';

/** An interface to make. Names and numbers are those of the node. */
export interface PlannedLink {
  readonly name: string;
  readonly index: number;
  readonly kind: 'loopback' | 'bridge' | 'veth';
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** False: the far end stays down. */
  readonly carrier: boolean;
}

export interface PlannedSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 'ip' | 'ip6';
  readonly address: string;
  readonly port: number;
  readonly transparent: boolean;
}

/** The packet as the helper sends it: a frame on the far end of `iif`, or an IP packet from a raw socket of the node. */
export type Injection =
  | { readonly from: 'interface'; readonly iif: string; readonly hex: string }
  | {
      readonly from: 'local';
      readonly family: 'ip' | 'ip6';
      readonly hex: string;
      readonly uid: number;
      readonly gid: number;
      readonly mark: number;
    };

export interface NodePlan {
  readonly links: readonly PlannedLink[];
  /** Lines of `ip -batch`: masters, addresses, up; then, with routes set, neighbours. */
  readonly linkLines: readonly string[];
  readonly neighbourLines: readonly string[];
  readonly sysctl: SysctlPlan;
  readonly sockets: readonly PlannedSocket[];
  readonly injection: Injection;
  readonly hasBridge: boolean;
  /** What the kernel is expected to do: the trace, with the answers of sockets that the replay opens. */
  readonly expected: Trace;
}

const failing = (code: string, say: string): Obstacle => ({ code, say });

/** The node's part of a replay, or everything that stands in its way. */
export function planNode(
  world: World,
  packet: PacketSpec,
  shown: Trace,
): { readonly plan: NodePlan | undefined; readonly obstacles: readonly Obstacle[] } {
  const obstacles: Obstacle[] = [
    ...worldObstacles(world, packet),
    ...packetObstacles(packet),
    ...traceObstacles(shown),
  ];
  if (!world.links.known || obstacles.length > 0) return { plan: undefined, obstacles };
  const links = world.links.value;
  const sent = withSource(packet, links);
  const sockets = socketsFor(world, shown);
  const empty: World = { ...world, conntrack: { known: true, value: [] }, sockets: { known: true, value: sockets } };
  const expected = traceOf(empty, sent);
  obstacles.push(...linkObstacles(expected, links));
  if (!isContained(shown, expected)) obstacles.push(conntrackObstacle(world, packet));
  if (obstacles.length > 0) return { plan: undefined, obstacles };
  const planned = links.map((link, index) => plannedLink(link, index));
  return {
    obstacles,
    plan: {
      links: planned,
      linkLines: [...masterLines(links), ...addressLines(links), ...upLines(links)],
      neighbourLines: neighbourLines(world.neighbours.known ? world.neighbours.value : [], nextHops(world, expected)),
      sysctl: sysctlPlan(
        world.sysctl.known ? world.sysctl.value : new Map(),
        links.map(({ name }) => name),
      ),
      sockets: sockets.flatMap(plannedSocket),
      injection: injectionOf(sent, links, planned),
      hasBridge: links.some(({ kind }) => kind === 'bridge'),
      expected,
    },
  };
}

// ---------------------------------------------------------------------------------------------------- obstacles

function worldObstacles(world: World, packet: PacketSpec): readonly Obstacle[] {
  const family = packet.family === 'ip6' ? 'ip6' : 'ip';
  const found: Obstacle[] = [];
  for (const [what, known] of [
    ['ruleset', world.ruleset],
    ['interfaces', world.links],
    ['routes', world.routes[family]],
    ['rules of policy routing', world.rules[family]],
  ] as const) {
    if (!known.known) found.push(failing('capture', `The ${what} of the node are not known: ${known.why}.`));
  }
  const six = world.legacyTables6?.known === true ? world.legacyTables6.value : [];
  const [program, tables] = family === 'ip6' ? ['ip6tables', six] : ['iptables', world.legacyTables];
  if (tables.length > 0) {
    found.push(
      failing(
        'legacy-tables',
        `The node has tables of legacy ${program} (${tables.join(', ')}): nft does not list them.`,
      ),
    );
  }
  return found;
}

function packetObstacles(packet: PacketSpec): readonly Obstacle[] {
  const found: Obstacle[] = [];
  const type = packet.icmpType ?? 0;
  if (packet.protocol === 'icmpv6' && ((type >= 130 && type <= 137) || type === 143))
    found.push(failing('packet', 'Neighbour and group messages cannot be told from those the kernel sends by itself.'));
  if (packet.fragment !== undefined) found.push(failing('packet', 'One of several fragments cannot be sent alone.'));
  if (packet.family === 'arp') found.push(failing('packet', 'ARP packets are not replayed.'));
  return found;
}

function traceObstacles(shown: Trace): readonly Obstacle[] {
  const open = shown.branches.flatMap(({ outcome }) => (outcome.kind === 'undecided' ? outcome.reasons : []));
  return [...new Map(open.map((reason) => [reason.say, reason])).values()].map(({ say }) =>
    failing('undecided', `The trace is undecided: ${say}`),
  );
}

/** Kinds that a veth pair can stand for: plain Ethernet to whom looks from inside. */
const STOOD_FOR = new Set(['veth', 'dummy', 'ifb', 'nlmon']);

/** Interfaces on the packet's way must be what they are in the capture. Others only have to be there. */
function linkObstacles(expected: Trace, links: readonly Link[]): readonly Obstacle[] {
  const byName = new Map(links.map((link) => [link.name, link]));
  const found = new Map<string, Obstacle>();
  const check = (name: string | undefined): void => {
    const link = name === undefined ? undefined : byName.get(name);
    if (link === undefined || found.has(link.name)) return;
    const isPlain = link.type === 'ether' && (link.kind === undefined || STOOD_FOR.has(link.kind));
    if (link.type !== 'loopback' && link.kind !== 'bridge' && !isPlain) {
      const what = link.kind ?? link.type;
      found.set(
        link.name,
        failing('link-kind', `The packet passes ${link.name}, of kind ${what}, which a veth pair cannot stand for.`),
      );
    }
    const master = link.master === undefined ? undefined : byName.get(link.master);
    if (master !== undefined && master.kind !== 'bridge') {
      found.set(link.name, failing('link-kind', `${link.name} belongs to ${master.name}, which is no bridge.`));
    } else if (master !== undefined) check(master.name);
  };
  for (const { steps } of expected.branches) for (const step of steps) for (const name of devicesOf(step)) check(name);
  return [...found.values()];
}

function devicesOf(step: Step): readonly (string | undefined)[] {
  switch (step.kind) {
    case 'start':
      return step.from.kind === 'interface' ? [step.from.iif] : [];
    case 'chain':
      return [step.iif, step.oif];
    case 'route':
      return [step.oif];
    case 'transmit':
      return [step.dev];
    default:
      return [];
  }
}

/** Of the captured connections none stands in the way; but this packet's trace depends on one. */
function conntrackObstacle({ conntrack }: World, packet: PacketSpec): Obstacle {
  const related = conntrack.known ? conntrack.value.find((entry) => isOf(entry, packet)) : undefined;
  const which = related === undefined ? '' : ` (${tupleText(related)})`;
  return failing(
    'conntrack',
    `The trace depends on a connection that was open when the node was captured${which}; a replay begins with an empty connection table.`,
  );
}

function isOf({ original, reply }: CtEntry, { saddr, daddr }: PacketSpec): boolean {
  return [original, reply].some((tuple) => formatAddress(tuple.src) === saddr && formatAddress(tuple.dst) === daddr);
}

const tupleText = ({ original }: CtEntry): string =>
  `${formatAddress(original.src)}:${original.sport ?? '-'} to ${formatAddress(original.dst)}:${original.dport ?? '-'}`;

/** Every step that is shown is expected, in order; answers of sockets may come between. Numbers of packets and traversals shift. */
function isContained(shown: Trace, expected: Trace): boolean {
  if (shown.branches.length !== expected.branches.length) return false;
  return shown.branches.every(({ steps }, index) => {
    const wanted = steps.map(stepText);
    let at = 0;
    for (const step of expected.branches[index]?.steps ?? []) if (stepText(step) === wanted[at]) at++;
    return at === wanted.length;
  });
}

const stepText = (step: Step): string =>
  JSON.stringify({ ...step, skb: 0, traversal: 0, because: 0 }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );

// ------------------------------------------------------------------------------------------------------ sockets

/** Those of the capture that the packet can meet; where it lists none, one that takes the packet, as the trace assumes. */
function socketsFor(world: World, shown: Trace): readonly ListeningSocket[] {
  const met = new Map<string, { readonly protocol: 'tcp' | 'udp'; readonly port: number }>();
  for (const { outcome } of shown.branches) {
    if (outcome.kind !== 'decided') continue;
    for (const { packet } of outcome.fate.delivered) {
      const { protocol, dport } = packet;
      if ((protocol === 'tcp' || protocol === 'udp') && typeof dport === 'number')
        met.set(`${protocol} ${dport}`, { protocol, port: dport });
    }
  }
  if (world.sockets.known) {
    return world.sockets.value.filter(
      ({ protocol, port, device }) => met.has(`${protocol} ${port}`) && device === undefined,
    );
  }
  return [...met.values()].map((socket) => ({ ...socket, transparent: false }));
}

function plannedSocket({ protocol, family, address, port, transparent }: ListeningSocket): readonly PlannedSocket[] {
  if (protocol !== 'tcp' && protocol !== 'udp') return [];
  const families = family === undefined ? (['ip', 'ip6'] as const) : ([family] as const);
  return families.map((one) => ({
    protocol,
    family: one,
    address: address === undefined ? (one === 'ip' ? '0.0.0.0' : '::') : formatAddress(address),
    port,
    transparent: transparent === true,
  }));
}

// -------------------------------------------------------------------------------------------------------- links

const ZERO_MAC = '00:00:00:00:00:00';

const plannedLink = (link: Link, index: number): PlannedLink => ({
  name: link.name,
  index: link.index,
  kind: link.type === 'loopback' ? 'loopback' : link.kind === 'bridge' ? 'bridge' : 'veth',
  mac:
    link.mac === undefined || link.mac === ZERO_MAC || link.type !== 'ether'
      ? `02:00:5e:01:00:${index.toString(16).padStart(2, '0').slice(-2)}`
      : link.mac,
  mtu: link.type === 'ether' ? link.mtu : 1500,
  up: link.up,
  carrier: link.flags.includes('LOWER_UP'),
});

function masterLines(links: readonly Link[]): readonly string[] {
  const bridges = new Map(links.flatMap((link) => (link.kind === 'bridge' ? [[link.name, link] as const] : [])));
  const lines: string[] = [];
  for (const { name, master } of links) {
    if (master !== undefined && bridges.has(master)) lines.push(`link set ${name} master ${master}`);
  }
  for (const { name, mac, nfCall } of bridges.values()) {
    // Its first port gave the bridge its own address.
    if (mac !== undefined) lines.push(`link set ${name} address ${mac}`);
    if (nfCall?.ip === true) lines.push(`link set ${name} type bridge nf_call_iptables 1`);
    if (nfCall?.ip6 === true) lines.push(`link set ${name} type bridge nf_call_ip6tables 1`);
    if (nfCall?.arp === true) lines.push(`link set ${name} type bridge nf_call_arptables 1`);
  }
  return lines;
}

const upLines = (links: readonly Link[]): readonly string[] =>
  links.flatMap(({ name, up, group }) => [
    ...(/^\d+$/.test(group) ? [`link set ${name} group ${group}`] : []),
    ...(up ? [`link set ${name} up`] : []),
  ]);

/** Gateways of all routes, and where packets of the trace go without one. */
function nextHops(world: World, expected: Trace): readonly Needed[] {
  const needed: Needed[] = [];
  for (const routes of [world.routes.ip, world.routes.ip6]) {
    if (!routes.known) continue;
    for (const { nexthops } of routes.value)
      for (const { gateway, dev } of nexthops)
        if (gateway !== undefined && dev !== undefined) needed.push({ dev, address: formatAddress(gateway) });
  }
  for (const { outcome } of expected.branches) {
    if (outcome.kind !== 'decided') continue;
    for (const { oif, packet } of outcome.fate.passedPostrouting.concat(
      outcome.fate.egress.map(({ dev, skb, packet: sent }) => ({ skb, oif: dev, packet: sent })),
    )) {
      if (oif !== 'lo' && packet.daddr !== undefined) needed.push({ dev: oif, address: packet.daddr });
    }
  }
  return needed;
}

// ---------------------------------------------------------------------------------------------------- the packet

/** A bridge drops frames without a source address, so one is made up; elsewhere it stays what the trace took it for. */
function withSource(packet: PacketSpec, links: readonly Link[]): PacketSpec {
  const port = links.find(({ name }) => name === packet.iif);
  if (packet.from === 'local' || port?.master === undefined || packet.l2?.src !== undefined) return packet;
  return { ...packet, l2: { ...packet.l2, src: '02:00:5e:02:00:01' } };
}

const ETHERTYPE = { ip: '0800', ip6: '86dd', arp: '0806' } as const;

function injectionOf(packet: PacketSpec, links: readonly Link[], planned: readonly PlannedLink[]): Injection {
  const hex = toHex(buildPacket(packet));
  const uid = packet.uid ?? 0;
  if (packet.from === 'local') {
    const family = packet.family === 'ip6' ? 'ip6' : 'ip';
    return { from: 'local', family, hex, uid, gid: packet.gid ?? uid, mark: packet.mark ?? 0 };
  }
  const iif = packet.iif ?? '';
  const master = links.find(({ name }) => name === iif)?.master;
  const own = planned.find(({ name }) => name === (master ?? iif))?.mac ?? ZERO_MAC;
  const mac = (text: string) => (parseMac(text) ?? 0).toString(16).padStart(12, '0');
  const tag = packet.l2?.vlan === undefined ? '' : `8100${packet.l2.vlan.toString(16).padStart(4, '0')}`;
  const header = mac(packet.l2?.dst ?? own) + mac(packet.l2?.src ?? ZERO_MAC) + tag + ETHERTYPE[packet.family];
  return { from: 'interface', iif, hex: header + hex };
}
