/** `trace`: the predicted way of one packet, with every branch that chance opens. */

import { parseMac } from '../net/address';
import { buildPacket, putBytes } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { viewPacket } from '../net/headers';
import type { PacketSpec } from '../net/packet-spec';
import type { RuleRef } from '../nft/model';
import type { Link, World } from '../world/world';
import { carrierNeeded } from './carrier';
import { toEntry } from './conntrack-state';
import { addressKey, type Prepared, prepare, type Run, UndecidedSignal } from './environment';
import { flowOfSender } from './flow';
import type { Frame } from './frame';
import { kernel } from './hooks';
import { unmeasuredDevice } from './not-measured';
import { askOwner, senderOf } from './owner';
import { receive } from './receive';
import { routeOutput } from './route-output';
import type { RouteResult } from './routing';
import { linksNeeded } from './settings';
import { destinationOf, ETHERTYPE, etherHeader, newSkb, type Skb, sourceOf, tosOf, viewSkb } from './skb';
import { SimState } from './state';
import { stateAfter } from './state-after';
import type { Assumption, Branch, Choice, Fate, Reason, Step, Summary, Trace } from './trace';
import { redirectFrame, send } from './transmit';

export type { Prepared } from './environment';
export { SimState } from './state';

export interface TraceOptions {
  /** Leave out the steps, the connection table and the state of sets: only the fate is wanted. */
  readonly verdictOnly?: boolean;
  /** More branches than this make the answer undecided. */
  readonly branchesMax?: number;
}

/** A trace and, for each branch, the state that the packet leaves behind. */
export interface Traced {
  readonly trace: Trace;
  readonly states: readonly SimState[];
  /** The packets that left the node, and those that reached its own processes, branch by branch. */
  readonly frames: readonly (readonly Frame[])[];
  readonly received: readonly (readonly Frame[])[];
}

const NO_STATE = { sets: {}, objects: {} };

const prepared = new WeakMap<World, Prepared>();

/** Indexes of a world, built once for each. */
export function preparedOf(world: World): Prepared {
  let p = prepared.get(world);
  if (p === undefined) {
    p = prepare(world);
    prepared.set(world, p);
  }
  return p;
}

/** A node as it was captured, before the first packet. */
export const initialState = (p: Prepared, fresh = false): SimState => new SimState(p.ctBase, fresh);

/** Traces one packet on a world. Pure: the same world and packet give the same trace. */
export function trace(world: World, packet: PacketSpec, options: TraceOptions = {}): Trace {
  const p = preparedOf(world);
  return traceFrom(p, packet, initialState(p), options).trace;
}

/** Packets that one packet may make before the run is given up: copies of copies never end. */
const MOST_PACKETS = 200;
/** And of all branches together: what is kept of each packet takes memory. */
const MOST_PACKETS_OF_ALL = 20_000;

class Runner implements Run {
  readonly steps: Step[] | undefined;
  readonly fate: Run['fate'] = { summary: 'lost-outside-nftables', egress: [], delivered: [], passedPostrouting: [] };
  readonly frames: Frame[] = [];
  readonly received: Frame[] = [];
  readonly choices: Choice[] = [];
  readonly assumptions = new Map<string, Assumption>();
  readonly backlog: (() => void)[] = [];
  /** Options at each point of chance met so far. */
  readonly points: number[] = [];
  traversals = 0;
  plane: Reason | undefined = undefined;
  /** Packets that the packet caused. */
  skbs = 0;

  constructor(
    readonly p: Prepared,
    readonly state: SimState,
    private readonly plan: readonly number[],
    record: boolean,
  ) {
    this.steps = record ? [] : undefined;
  }

  choose(
    what: string,
    at: RuleRef | undefined,
    options: readonly { readonly value: string; readonly probability: number }[],
  ): number {
    const taken = this.plan[this.points.length] ?? 0;
    this.points.push(options.length);
    const option = options[taken];
    if (option !== undefined) this.choices.push({ at, what, value: option.value, probability: option.probability });
    return taken;
  }

  assume(code: string, say: string): void {
    this.assumptions.set(code, { code, say });
  }

  undecided(code: string, say: string, settle: string, at?: RuleRef): never {
    throw new UndecidedSignal([{ code, say, settle, ...(at === undefined ? {} : { at }) }]);
  }

  /** True while the kernel handles received packets: what loops through lo then waits its turn. */
  private softirq = false;

  /** A packet that a process's own packet caused is received before that packet goes on; others wait (net/core/dev.c, netif_rx). */
  redirect(skb: Skb, dev: Link): void {
    redirectFrame(this, skb, dev);
  }

  send(skb: Skb, route: RouteResult, settle = true): void {
    send(this, skb, route);
    if (settle) this.settle();
  }

  settle(): void {
    if (!this.softirq) this.drain();
  }

  receive(skb: Skb, dev: Link): void {
    this.softirq = true;
    receive(this, skb, dev);
  }

  /** Receives what waits. */
  drain(): void {
    this.softirq = true;
    for (let job = this.backlog.shift(); job !== undefined; job = this.backlog.shift()) job();
    this.softirq = false;
  }

  nextSkb(): number {
    if (this.skbs >= MOST_PACKETS)
      this.undecided(
        'packet-storm',
        `One packet made more than ${MOST_PACKETS} others: the rules copy or answer what they made themselves.`,
        'Look at the dup and reject statements on the way.',
      );
    return ++this.skbs;
  }
}

function enter(run: Runner, spec: PacketSpec, bytes: Uint8Array): void {
  if (spec.family === 'ip6') legacyAssumed(run);
  const skb = newSkb(0, 'original', spec.family, bytes.slice());
  for (const port of spec.unknownPorts ?? []) skb.random[port] = true;
  if (spec.from === 'local') {
    sendLocal(run, skb, spec);
    return;
  }
  const dev = spec.from === 'unknown' ? assumedLink(run, undefined) : inputDevice(run, spec.iif);
  if (dev === undefined) {
    linksNeeded(run);
    run.undecided(
      'interface-unknown',
      spec.iif === undefined
        ? 'By which interface the packet comes in is not known.'
        : `The interface ${spec.iif} is not in the capture.`,
      'Name an interface of the node, or capture ip -j addr show.',
    );
  }
  carrierNeeded(run, dev);
  const own =
    parseMac((dev.master === undefined ? undefined : run.p.linkByName.get(dev.master)?.mac) ?? dev.mac ?? '') ?? 0;
  const dst =
    spec.l2?.dst === undefined
      ? spec.family === 'arp' && spec.op !== 'reply'
        ? 0xffffffffffff
        : own
      : (parseMac(spec.l2.dst) ?? 0);
  skb.link = etherHeader(dst, parseMac(spec.l2?.src ?? '') ?? 0, ETHERTYPE[skb.family]);
  if (dev.type !== 'ether') skb.link = undefined;
  skb.vlan = spec.l2?.vlan;
  skb.pktType =
    dst === own || dev.type !== 'ether' ? 0 : dst === 0xffffffffffff ? 1 : Math.floor(dst / 2 ** 40) % 2 === 1 ? 2 : 3;
  if (spec.fragment !== undefined) skb.frag = spec.fragment;
  run.steps?.push({
    kind: 'start',
    skb: 0,
    from: { kind: 'interface', iif: dev.name },
    packet: viewSkb(skb),
    ...unmeasuredDevice(dev),
  });
  run.receive(skb, dev);
}

/** Where nobody looked for tables of legacy ip6tables, and a node that has those of iptables may have them as well. */
function legacyAssumed(run: Runner): void {
  const { legacyTables, legacyTables6 } = run.p.world;
  if (legacyTables6?.known !== false) return;
  if (legacyTables.length === 0)
    run.assume(
      'legacy-tables',
      'Tables of legacy ip6tables, which nft does not show, are not in the capture and taken not to exist.',
    );
  else
    run.undecided(
      'legacy-tables',
      `The node has tables of legacy iptables (${legacyTables.join(', ')}), and whether it has some of legacy ip6tables is not known: ${legacyTables6.why}.`,
      'Capture /proc/net/ip6_tables_names on the node, or assume that it is empty.',
    );
}

const inputDevice = (run: Runner, name: string | undefined): Link | undefined => {
  if (name === undefined) return undefined;
  return run.p.world.links.known ? run.p.linkByName.get(name) : assumedLink(run, name);
};

/** An interface of which the capture knows nothing: rules up to the routing decision can still be asked, as far as they do not ask about it. */
function assumedLink(run: Runner, name: string | undefined): Link {
  const of = name ?? 'The interface that the packet arrives on';
  run.assume('interface', `${of} is taken to be an Ethernet interface and not the port of a bridge.`);
  return {
    index: -2,
    name: name ?? '?',
    mtu: 65535,
    type: 'ether',
    kind: undefined,
    mac: undefined,
    up: true,
    flags: [],
    group: 'default',
    master: undefined,
    addresses: [],
    assumed: name === undefined ? 'name' : 'index',
  };
}

function sendLocal(run: Runner, skb: Skb, spec: PacketSpec): void {
  skb.local = true;
  skb.sk = senderOf(spec);
  skb.mark = spec.mark ?? 0;
  run.steps?.push({ kind: 'start', skb: 0, from: { kind: 'local', uid: spec.uid }, packet: viewSkb(skb) });
  if (skb.family === 'arp')
    run.undecided('arp', 'ARP packets of the node itself are not decided.', 'Look at the arp tables.');
  linksNeeded(run);
  // A raw socket asks for a route without a source; one that is the node's own may be what a process is bound to.
  const own = run.p.localAddresses.has(addressKey(skb.family, sourceOf(skb)));
  // To a raw socket of IPv6 the unspecified address stands for the loopback one (rawv6_sendmsg).
  const daddr = destinationOf(skb);
  const found = routeOutput(run, {
    family: skb.family,
    daddr: daddr === 0n ? 1n : daddr,
    saddr: own && sourceOf(skb) !== 0x7f000001 && !isGroup(skb) ? sourceOf(skb) : undefined,
    mark: skb.mark,
    tos: tosOf(skb),
    uid: asksUser(run, skb.family) ? askOwner(run, skb.sk, 'uid') : skb.sk.uid,
    ...flowOfSender(run, skb),
    anySource: true,
  });
  if (found.kind !== 'found') {
    run.fate.sendErrno = found.errno;
    kernel(run, skb, 'no-route', 'There is no route: the sender gets an error and no hook runs.');
    return;
  }
  // It is given the source of its route where it names none; what lies behind the header stays as it is (raw_send_hdrinc).
  if (sourceOf(skb) === 0 && found.source !== undefined) {
    putBytes(skb.data, 12, 4, found.source);
    putBytes(skb.data, 10, 2, 0);
    putBytes(skb.data, 10, 2, fold16(sum16(skb.data, 0, skb.headers.thoff)));
  }
  // A process that writes the IP header itself keeps the neighbour it asked for, whatever rules make of the destination
  // (raw_sendmsg, rawv6_sendmsg: FLOWI_FLAG_KNOWN_NH; rt_set_nexthop, ip6_rt_cache_alloc). The limited broadcast has none.
  const { type } = found.route;
  const known =
    type === 'unicast' ||
    (skb.family === 'ip6' && type === 'multicast') ||
    (skb.family === 'ip' && (type === 'local' || (type === 'broadcast' && destinationOf(skb) !== 0xffffffff)));
  const route = known ? { ...found.route, gateway: found.route.gateway ?? destinationOf(skb) } : found.route;
  run.steps?.push({
    kind: 'route',
    skb: 0,
    to: 'output',
    oif: route.dev?.name,
    nexthop: undefined,
    table: route.table,
    route: undefined,
    say: 'route of the sender',
  });
  send(run, skb, route);
}

/** Whether the policy rules of a family ask for the user of a sender. */
function asksUser({ p }: Run, family: 'ip' | 'ip6'): boolean {
  const rules = p.world.rules[family];
  return rules.known && rules.value.some(({ uidRange }) => uidRange !== undefined);
}

/** True for packets to groups and to everybody. */
function isGroup(skb: Skb): boolean {
  const daddr = destinationOf(skb);
  return typeof daddr === 'number' && (daddr >>> 28 === 14 || daddr === 0xffffffff);
}

/** The word for what became of the packet. */
function summarise(run: Runner): Summary {
  const { fate } = run;
  const answered = [...fate.egress, ...fate.delivered].some((f) => f.role === 'generated');
  // A broadcast frame that a bridge sent on is transmitted, whatever became of the copy for this node.
  if (fate.by !== undefined && fate.egress.some((f) => f.skb === 0 && f.role === 'original')) delete fate.by;
  if (fate.by !== undefined) {
    if (fate.by.verdict === 'stolen' || fate.by.verdict === 'queue') return 'stolen';
    return answered ? 'rejected' : 'dropped';
  }
  if (fate.egress.some((f) => f.skb === 0)) return 'transmitted';
  if (fate.delivered.some((f) => f.skb === 0)) return 'delivered';
  return answered ? 'answered-outside-nftables' : 'lost-outside-nftables';
}

/** Where something else may take a packet before netfilter sees it, what the rules say is told, and the end left open. */
function anotherDataPlane({ p, plane }: Runner): readonly Reason[] | undefined {
  if (p.planes === undefined) return undefined;
  const reasons = [...p.planes.node, ...(plane === undefined ? [] : [plane])];
  return reasons.length === 0 ? undefined : reasons;
}

function runOnce(
  p: Prepared,
  spec: PacketSpec,
  bytes: Uint8Array,
  base: SimState,
  plan: readonly number[],
  record: boolean,
) {
  const run = new Runner(p, base.fork(), plan, record);
  let reasons: readonly Reason[] | undefined;
  try {
    const { ruleset } = p.world;
    if (!ruleset.known)
      run.undecided('ruleset-unknown', `The ruleset is not known: ${ruleset.why}.`, 'Read the ruleset again.');
    enter(run, spec, bytes);
    run.drain();
    reasons = anotherDataPlane(run);
    if (reasons !== undefined) run.steps?.push({ kind: 'undecided', skb: 0, reasons });
  } catch (signal) {
    if (!(signal instanceof UndecidedSignal)) throw signal;
    reasons = signal.reasons;
    run.steps?.push({ kind: 'undecided', skb: 0, reasons });
  }
  run.fate.summary = summarise(run);
  return { run, reasons };
}

/** Traces one packet on a prepared world and a state. Branches come in the order of the choices; probabilities add up to 1. */
export function traceFrom(p: Prepared, spec: PacketSpec, base: SimState, options: TraceOptions = {}): Traced {
  const record = options.verdictOnly !== true;
  const bytes = buildPacket(spec);
  const max = options.branchesMax ?? 4096;
  const branches: Branch[] = [];
  const states: SimState[] = [];
  const frames: Frame[][] = [];
  const received: Frame[][] = [];
  let packets = 0;
  let plan: number[] = [];
  let view: Trace['packet'] = viewPacket(bytes, spec.family);
  for (;;) {
    const { run, reasons } = runOnce(p, spec, bytes, base, plan, record);
    const first = run.steps?.[0];
    if (first?.kind === 'start') view = first.packet;
    const fate: Fate = run.fate;
    branches.push({
      probability: run.choices.reduce((q, c) => q * c.probability, 1),
      choices: run.choices,
      steps: run.steps ?? [],
      outcome: reasons === undefined ? { kind: 'decided', fate } : { kind: 'undecided', reasons },
      conntrack: record ? run.state.ct.all().map(toEntry) : [],
      state: record ? stateAfter(p, run.state) : NO_STATE,
      assumptions: [...run.assumptions.values()],
    });
    packets += 1 + run.skbs;
    states.push(run.state);
    frames.push(run.frames);
    received.push(run.received);
    // The next plan: count up like an odometer over the points of chance met.
    const taken = run.points.map((_, i) => plan[i] ?? 0);
    let at = taken.length - 1;
    while (at >= 0 && (taken[at] ?? 0) + 1 >= (run.points[at] ?? 0)) at--;
    if (at < 0) break;
    plan = [...taken.slice(0, at), (taken[at] ?? 0) + 1];
    if (branches.length >= max || packets >= MOST_PACKETS_OF_ALL) {
      const reason: Reason = {
        code: 'too-many-branches',
        say: `Chance opens more than ${branches.length} ways.`,
        settle: 'Assume the values left to chance.',
      };
      return {
        trace: {
          version: 1,
          packet: view,
          branches: [{ ...branches[0], probability: 1, outcome: { kind: 'undecided', reasons: [reason] } } as Branch],
        },
        states: states.slice(0, 1),
        frames: frames.slice(0, 1),
        received: received.slice(0, 1),
      };
    }
  }
  return { trace: { version: 1, packet: view, branches }, states, frames, received };
}
