/** A connection's first packet from node to node to whoever answers, and the answer's way back. */
import { formatAddress, parseAddress, shortest } from '../net/address';
import { buildPacket, toHex } from '../net/build-packet';
import { viewPacket } from '../net/headers';
import type { PacketSpec } from '../net/packet-spec';
import { protocolNumber } from '../net/protocols';
import { type Arrival, arrivalFromOutside } from '../sim/arrival';
import type { Frame } from '../sim/frame';
import { initialState, type SimState, type TraceOptions, traceFrom } from '../sim/index';
import type { Culprit, Fate, Reason, Trace } from '../sim/trace';
import { alike } from './alike';
import { clientWord, type Flying, serverAnswer, sourceOfAnswer } from './answers';
import { listeningOn, podListens } from './listening';
import { discoveryBlocked } from './neighbour-discovery';
import { listenKey, type Network, nodeBackend } from './network';
import { onWire } from './on-wire';
import { bridgeBetween, callsIpHooks, comesBack, mayHaveRules } from './one-bridge';
import { candidateOwners, linkLocalOwner } from './owners';
import { cableOf, wayToPod } from './pod-cable';
import {
  BRIDGE,
  bridgeRules,
  byItsCable,
  CONNECTION,
  cableUnknown,
  ENTRY,
  goesAway,
  HAIRPIN,
  listeningUnknown,
  nameless,
  nodeProtocol,
  noHairpin,
  notCaptured,
  noWayBack,
  OUTSIDE,
  PROTOCOL,
  PROXY,
  RAW_ECHO,
  routerForwards,
  switched,
  uncaptured,
} from './reasons';
import { endless, goesRound, inLastRound, roundOf, TOO_FAR } from './round';
import { type Crossing, comeIn, cross, otherEnd, tunnelAt } from './tunnel';

/** Where the question comes from. */
export type Client =
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'pod'; readonly node: string; readonly address: string }
  /** `via` undefined: the node by which it enters is not said. */
  | { readonly kind: 'outside'; readonly via: string | undefined; readonly address: string };

export interface Question {
  readonly client: Client;
  /** The client waits in a call on a socket that it opened before: of an ICMP error it sees the error number only. */
  readonly isWaiting?: boolean;
  readonly packet: Omit<PacketSpec, 'from' | 'iif'> & {
    readonly saddr: string;
    readonly daddr: string;
    readonly dport: number;
  };
}

export type Way = 'request' | 'reply';

/** A place that the packet, or the answer to it, came to. */
export type Stop =
  /** A node that was captured, with its trace; `branch` is the one that this path takes. */
  | {
      readonly kind: 'node';
      readonly node: string;
      readonly way: Way;
      readonly packet: PacketSpec;
      readonly trace: Trace;
      readonly branch: number;
    }
  /** Whoever has the address: a pod, a server outside, a process behind a node that was not captured. */
  | {
      readonly kind: 'server';
      readonly name: string;
      readonly address: string;
      readonly listens: boolean;
      /** The node it runs on. */
      readonly node: string | undefined;
      /** A node in between that was not captured. */
      readonly through: string | undefined;
    };

/** One way the question may end. */
export interface Ending {
  readonly stops: readonly Stop[];
  readonly probability: number;
  /** ok, refused, timeout, eperm, enetunreach, icmp-…; undefined where it cannot be known. */
  readonly result: string | undefined;
  readonly undecided: readonly Reason[];
  readonly backend: string | undefined;
  readonly sourceSeen: string | undefined;
  /** The node, and the rule or policy, that decided a refusal or a loss. */
  readonly node: string | undefined;
  readonly by: Culprit | undefined;
  readonly assumptions: readonly string[];
}

interface Travel {
  readonly states: ReadonlyMap<string, SimState>;
  readonly probability: number;
  readonly backend: string | undefined;
  readonly sourceSeen: string | undefined;
  readonly assumptions: ReadonlySet<string>;
  readonly stops: readonly Stop[];
  /** Who answers for whom was asked: the node and what decided there. */
  readonly refused?: Pick<Ending, 'node' | 'by'>;
  /** Routes lead it round, which was seen. */
  readonly goesRound?: boolean;
}

/** More than two hop limits of a new packet: the way there and back. */
const HOPS_MAX = 140;
/** Of all ways that chance opens together. */
const TRACES_MAX = 5000;
/** Both are ECONNREFUSED to a socket, as a TCP reset is (net/ipv4/icmp.c, icmp_err_convert; net/ipv6/icmp.c, tab_unreach). */
const PORT_UNREACHABLE: ReadonlySet<string> = new Set(['icmp-port-unreachable', 'icmp6-port-unreachable']);
/** What the node's kernel answers by itself, or by the sockets that a capture lists. */
const ANSWERED: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'icmpv6']);
/** Where output drops a packet, sendto(2) fails with EPERM (nf_hook_slow; udp_send_skb, ping_v4_sendmsg, raw_sendmsg). */
const TOLD_AT_ONCE: ReadonlySet<string> = new Set(['udp', 'icmp', 'icmpv6']);
/** Errors of sendto(2) and connect(2): EPERM of a rule, the others of a route, or of there being none. */
const ERRNO_WORDS: Readonly<Record<number, string>> = {
  1: 'eperm',
  13: 'eacces',
  22: 'einval',
  101: 'enetunreach',
  113: 'ehostunreach',
};
/** Follows a question to all its ends; probabilities add up to 1. With `verdictOnly` the traces of its stops hold no steps. */
export function ask(network: Network, question: Question, options: TraceOptions = {}): readonly Ending[] {
  return new Walk(network, question, options).run();
}

/**
 * The same where not all captured nodes are read yet. Before it is asked again `wanted` are to be read, and `possible`, as far as that
 * can be done: one of them may have an address on the way. Those of `inVain` could not be read.
 */
export function askFurther(
  network: Network,
  question: Question,
  inVain: ReadonlySet<string>,
): {
  readonly endings: readonly Ending[];
  readonly wanted: ReadonlySet<string>;
  readonly possible: ReadonlySet<string>;
} {
  const walk = new Walk(network, question);
  const endings = walk.run();
  return { endings, wanted: walk.wanted, possible: new Set([...walk.possible].filter((name) => !inVain.has(name))) };
}

/** Addresses are compared as texts: those of packets are in their shortest form. */
function inShortForm({ client, packet, ...rest }: Question): Question {
  return {
    ...rest,
    client: client.kind === 'node' ? client : { ...client, address: shortest(client.address) },
    packet: { ...packet, saddr: shortest(packet.saddr), daddr: shortest(packet.daddr) },
  };
}

/** Results with their probabilities, for comparing. */
function wordsOf(endings: readonly Ending[]): string {
  const words = new Map<string, number>();
  for (const { result = '', probability } of endings) words.set(result, (words.get(result) ?? 0) + probability);
  return [...words]
    .map(([word, probability]) => `${word} ${probability.toFixed(6)}`)
    .sort()
    .join(', ');
}

function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address?.family === 'ip' ? Number(address.value) >>> 24 === 127 : address?.value === 1n;
}

/** The kernel's verdict of a rule that rejects is a drop; here it has nft's own word. */
function namingReject(fate: Fate): Fate {
  const { summary, by } = fate;
  return summary === 'rejected' && by?.type === 'rule' ? { ...fate, by: { ...by, verdict: 'reject' } } : fate;
}

class Walk {
  readonly wanted = new Set<string>();
  readonly possible = new Set<string>();
  private traces = 0;
  private readonly endings: Ending[] = [];
  private readonly asked: { readonly address: string; readonly port: number };

  private readonly question: Question;

  constructor(
    private readonly network: Network,
    question: Question,
    private readonly options: TraceOptions = {},
  ) {
    this.question = inShortForm(question);
    this.asked = { address: this.question.packet.daddr, port: question.packet.dport };
  }

  run(): readonly Ending[] {
    const { client, packet } = this.question;
    if (client.kind === 'outside' && client.via === undefined) return this.byAnyNode(client.address);
    const start: Travel = {
      states: new Map(),
      probability: 1,
      backend: undefined,
      sourceSeen: undefined,
      assumptions: new Set(),
      stops: [],
    };
    const wire = client.kind === 'pod' ? onWire(this.network, client.address) : undefined;
    if (wire !== undefined) this.end(start, { undecided: [wire] });
    else if (client.kind === 'node') this.onNode(start, client.node, { ...packet, from: 'local' }, 'request');
    else {
      const node = client.kind === 'pod' ? client.node : (client.via ?? '');
      if (this.isUnread(node)) return this.endings;
      if (client.kind === 'pod' && this.inPod(start, client)) return this.endings;
      if (client.kind === 'pod' && this.switches(start, client)) return this.endings;
      if (client.kind === 'pod' && !this.network.nodes.has(node)) {
        this.fromUncaptured(start, node);
        return this.endings;
      }
      if (client.kind === 'pod' && this.fromLostPod(start, client)) return this.endings;
      const arrival = client.kind === 'pod' ? undefined : this.arrival(node, client.address, packet.daddr);
      const iif = arrival?.dev.name ?? this.deviceTowards(node, client.address);
      const assumptions = new Set(arrival?.assumption === undefined ? [] : [arrival.assumption.say]);
      if (iif !== undefined) this.onNode({ ...start, assumptions }, node, { ...packet, iif }, 'request');
      // Of a node that could not be read nobody knows by which interface it comes in, and the trace says why.
      else if (this.hasRoutes(node, client.address))
        this.end(start, { undecided: [noWayBack(node, client.address)], node });
      else this.onNode(start, node, { ...packet, from: 'unknown' }, 'request');
    }
    return this.endings;
  }

  /**
   * What a pod sends to itself, by its loopback addresses or its own, leaves its network namespace by no route: those of the table
   * local lead to its lo (fib_add_ifaddr, addrconf_f6i_alloc).
   */
  private inPod(start: Travel, { node, address }: { readonly node: string; readonly address: string }): boolean {
    const { daddr, dport, protocol } = this.question.packet;
    const pod = this.network.podByAddress.get(address);
    const own = daddr === address || (pod !== undefined && this.network.podByAddress.get(daddr) === pod);
    if (!own && !isLoopback(daddr)) return false;
    const name = pod === undefined ? address : `${pod.namespace}/${pod.name}`;
    const what = `${name} on port ${dport}/${protocol}`;
    const seen = { backend: name, sourceSeen: this.question.packet.saddr };
    const stays = `What a pod sends to its ${own ? 'own' : 'loopback'} address stays in the pod`;
    if (protocol !== 'tcp' && protocol !== 'udp') {
      const isEcho = protocol === 'icmp' || protocol === 'icmpv6';
      this.end(start, isEcho ? { result: 'ok', ...seen, assumptions: [`${stays}.`] } : { undecided: [PROTOCOL], node });
      return true;
    }
    const { listens, unknown, though } = podListens(this.network, address, protocol, dport);
    if (unknown.length > 0) {
      this.end(start, { undecided: [listeningUnknown(what, unknown)], node });
      return true;
    }
    const unreachable = parseAddress(daddr)?.family === 'ip' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
    const no = protocol === 'tcp' ? 'refused' : unreachable;
    const assumptions = [`${stays}: ${what} is taken ${listens ? 'to listen' : 'not to listen'}${though}.`];
    this.end(start, { result: listens ? 'ok' : no, ...(listens && seen), assumptions });
    return true;
  }

  /** A pod that its node has no route to: its packets come in by its cable all the same. True where it is such a pod. */
  private fromLostPod(start: Travel, { node, address }: { readonly node: string; readonly address: string }): boolean {
    const family = parseAddress(address)?.family;
    const router = family && this.network.nodes.get(node)?.prepared.routers[family];
    if (router === undefined || !this.hasRoutes(node, address)) return false;
    const found = router.lookup({ daddr: parseAddress(address)?.value ?? 0, mark: 0, tos: 0, iif: undefined });
    const { dev, gateway } = found.kind === 'found' ? found.result : { dev: undefined, gateway: undefined };
    const nexthop = gateway === undefined ? address : formatAddress(gateway);
    if (dev !== undefined && wayToPod(this.network, node, address, dev.name, nexthop) === 'pod') return false;
    const iif = cableOf(this.network, node, address);
    if (iif === undefined) this.end(start, { undecided: [cableUnknown(node, this.nameOf(address))], node });
    else {
      const assumptions = new Set([...start.assumptions, byItsCable(node, this.nameOf(address), iif)]);
      this.onNode({ ...start, assumptions }, node, { ...this.question.packet, iif }, 'request');
    }
    return true;
  }

  /** The packet of a pod whose node was not captured, where it reaches one that was. What the node makes of Services nobody knows. */
  private fromUncaptured(start: Travel, node: string): void {
    const { packet } = this.question;
    const owner = this.network.podByAddress.get(packet.daddr)?.node ?? this.network.nodeByAddress.get(packet.daddr);
    if (owner === undefined && this.isNearUnread(node, packet.daddr, packet.daddr)) return;
    if (owner === undefined || owner === node) {
      this.end(start, { undecided: [notCaptured(node)] });
      return;
    }
    if (this.isUnread(owner)) return;
    if (!this.network.nodes.has(owner)) {
      this.end(start, { undecided: [notCaptured(node)] });
      return;
    }
    const hop = [...this.network.nodeByAddress].find(
      ([address, name]) => name === owner && parseAddress(address)?.family === parseAddress(packet.daddr)?.family,
    )?.[0];
    const back = tunnelAt(this.network, owner, this.deviceTowards(owner, packet.saddr) ?? '');
    if (back !== undefined) {
      const assumptions = new Set([uncaptured(node)]);
      const family = parseAddress(packet.daddr)?.family ?? 'ip';
      const crossing = comeIn(this.network, start.states, node, back, { family, bytes: buildPacket(packet) }, owner);
      const travel = this.carried({ ...start, assumptions }, crossing);
      if (travel !== undefined && crossing.kind === 'passed')
        this.onNode(travel, owner, { ...packet, iif: crossing.iif ?? back.name }, 'request');
      return;
    }
    const iif = hop === undefined ? undefined : this.arrivalDevice(owner, hop);
    if (iif === undefined) this.end(start, { undecided: [notCaptured(node)] });
    else this.onNode({ ...start, assumptions: new Set([uncaptured(node)]) }, owner, { ...packet, iif }, 'request');
  }

  /** Where it makes no difference by which node the packet enters, the answer is that of any. */
  private byAnyNode(address: string): readonly Ending[] {
    const all = [...this.network.nodes.keys()].map((via) =>
      ask(this.network, { ...this.question, client: { kind: 'outside', via, address } }, this.options),
    );
    const words = new Set(all.map(wordsOf));
    const [first] = all;
    if (first !== undefined && words.size === 1 && first.every((e) => e.undecided.length === 0)) {
      const said = 'By whichever captured node it enters, the outcome is the same.';
      return first.map((e) => ({ ...e, assumptions: [...e.assumptions, said] }));
    }
    const nothing = { stops: [], result: undefined, backend: undefined, sourceSeen: undefined, node: undefined };
    return [{ ...nothing, probability: 1, undecided: [ENTRY], by: undefined, assumptions: [] }];
  }

  /** Captured, and not read yet: the question is asked again when it is. */
  private isUnread(node: string): boolean {
    const isUnread = !this.network.nodes.has(node) && this.network.unread.has(node);
    if (isUnread) this.wanted.add(node);
    return isUnread;
  }

  /** An address that is nobody's so far may be that of a node not read yet. */
  private isNearUnread(node: string, nexthop: string, daddr: string): boolean {
    const { likely, others } = candidateOwners(this.network, node, nexthop, daddr);
    for (const name of likely) this.wanted.add(name);
    for (const name of others) this.possible.add(name);
    return likely.length > 0;
  }

  private end(travel: Travel, e: Partial<Ending>): void {
    this.endings.push({
      stops: travel.stops,
      probability: travel.probability,
      result: undefined,
      undecided: [],
      backend: travel.backend,
      sourceSeen: travel.sourceSeen,
      node: undefined,
      by: undefined,
      assumptions: [...travel.assumptions],
      ...e,
    });
  }

  /** The device by which a node reaches an address: the one its packets come in by. */
  private deviceTowards(node: string, address: string): string | undefined {
    const parsed = parseAddress(address);
    const router = parsed === undefined ? undefined : this.network.nodes.get(node)?.prepared.routers[parsed.family];
    if (parsed === undefined || router === undefined) return undefined;
    const found = router.lookup({ daddr: parsed.value, mark: 0, tos: 0, iif: undefined });
    return found.kind === 'found' ? found.result.dev?.name : undefined;
  }

  private hasRoutes(node: string, address: string): boolean {
    const here = this.network.nodes.get(node)?.prepared;
    const family = parseAddress(address)?.family;
    return here === undefined || family === undefined || (here.routers[family] !== undefined && here.world.links.known);
  }

  private arrival(node: string, client: string, target: string): Arrival | undefined {
    const [from, to] = [parseAddress(client), parseAddress(target)];
    const p = this.network.nodes.get(node)?.prepared;
    if (from === undefined || to === undefined || p === undefined) return undefined;
    const back = p.routers[from.family]?.lookup({ daddr: from.value, mark: 0, tos: 0, iif: undefined });
    return arrivalFromOutside(p, to.family, to.value, back);
  }

  private onNode(travel: Travel, node: string, packet: PacketSpec, way: 'request' | 'reply'): void {
    if (this.isUnread(node)) return;
    const here = this.network.nodes.get(node);
    if (here === undefined || travel.stops.length > HOPS_MAX || this.traces >= TRACES_MAX) {
      this.end(travel, { undecided: [here === undefined ? notCaptured(node) : TOO_FAR], node });
      return;
    }
    const round = travel.goesRound ? undefined : roundOf(travel.stops, node, packet);
    if (round !== undefined) {
      const what = way === 'request' ? 'The packet' : 'The answer';
      if (round.costs < 1) {
        this.end(travel, { undecided: [endless(round, what)], node });
        return;
      }
      const assumptions = new Set([...travel.assumptions, goesRound(round, what)]);
      const last = inLastRound(this.network, packet, round) ?? packet;
      this.onNode({ ...travel, assumptions, goesRound: true }, node, last, way);
      return;
    }
    this.traces += 1;
    const state = travel.states.get(node) ?? initialState(here.prepared);
    const traced = traceFrom(here.prepared, packet, state, this.options);
    const { trace, states, frames, received } = traced;
    // Who wants the steps is shown every way.
    const ways =
      this.options.verdictOnly === true
        ? alike(traced, (dev) => tunnelAt(this.network, node, dev) !== undefined)
        : trace.branches.map(({ probability }, at) => ({ at, probability }));
    for (const { at: i, probability } of ways) {
      const branch = trace.branches[i];
      if (branch === undefined) continue;
      const next: Travel = {
        ...travel,
        probability: travel.probability * probability,
        states: new Map([...travel.states, [node, states[i] ?? state]]),
        assumptions: new Set([...travel.assumptions, ...branch.assumptions.map((a) => a.say)]),
        stops: [...travel.stops, { kind: 'node', node, way, packet, trace, branch: i }],
      };
      if (branch.outcome.kind === 'undecided') {
        this.end(next, { undecided: branch.outcome.reasons, node });
        continue;
      }
      const fate = namingReject(branch.outcome.fate);
      const mine = frames[i] ?? [];
      const home = received[i] ?? [];
      if (way === 'reply')
        this.replyOn(
          next,
          node,
          fate.by,
          mine,
          home.find((f) => f.skb === 0),
        );
      else this.requestOn(next, node, fate, mine, home);
    }
  }

  private requestOn(travel: Travel, node: string, fate: Fate, frames: readonly Frame[], home: readonly Frame[]): void {
    let next = travel;
    const delivered = fate.delivered.find((d) => d.skb === 0)?.packet;
    if (delivered !== undefined) {
      const protocol = String(delivered.protocol);
      if (!ANSWERED.has(protocol)) {
        this.end(travel, { undecided: [nodeProtocol(node, protocol)], node });
        return;
      }
      const doubt = listeningOn(this.network, node, delivered);
      if (doubt?.kind === 'unknown') {
        this.end(travel, { undecided: [doubt.reason], node });
        return;
      }
      if (doubt !== undefined) next = { ...next, assumptions: new Set([...next.assumptions, doubt.say]) };
      const port = typeof delivered.dport === 'number' ? delivered.dport : undefined;
      const backend =
        port === undefined
          ? node
          : nodeBackend(this.network, node, delivered.daddr ?? '', String(delivered.protocol), port);
      next = { ...next, backend, sourceSeen: delivered.saddr };
    }
    const onward = frames.find((f) => f.role === 'original' && f.skb === 0);
    if (onward !== undefined) {
      this.leave(next, node, onward, 'request');
      return;
    }
    const taken = home.find((f) => f.skb === 0 && f.takenBy !== undefined);
    if (taken !== undefined) {
      this.processAnswers(next, node, taken);
      return;
    }
    const answer = home.find((f) => f.role === 'generated');
    if (answer !== undefined && this.question.client.kind === 'node' && this.question.client.node === node) {
      this.answered(next, answer, node, fate.by);
      return;
    }
    const generated = frames.find((f) => f.role === 'generated');
    if (generated !== undefined) {
      this.leave({ ...next, refused: { node, by: fate.by } }, node, generated, 'reply', fate.by);
      return;
    }
    this.unsent(next, node, fate);
  }

  /** Nothing left the node, and nothing came of it: the sender is told, or waits. */
  private unsent(travel: Travel, node: string, { sendErrno = 0, by }: Fate): void {
    const { client } = this.question;
    const protocol = String(this.question.packet.protocol);
    const hasRoute = client.kind !== 'node' || this.routeOfClient(node);
    // A TCP connection that has a route waits on; whoever sends a datagram or an echo is told at once.
    const isTold = TOLD_AT_ONCE.has(protocol) || (protocol === 'tcp' && !hasRoute);
    const word = isTold ? ERRNO_WORDS[sendErrno] : undefined;
    const said = word !== undefined && protocol === 'icmpv6' && hasRoute ? [RAW_ECHO] : [];
    this.end(
      { ...travel, backend: undefined, sourceSeen: undefined, assumptions: new Set([...travel.assumptions, ...said]) },
      { result: word ?? 'timeout', node, by },
    );
  }

  /** Whether the node has a route to what it asks for, before any rule sees the packet. */
  private routeOfClient(node: string): boolean {
    const { daddr, protocol } = this.question.packet;
    const target = parseAddress(daddr);
    const router = target && this.network.nodes.get(node)?.prepared.routers[target.family];
    if (target === undefined || router === undefined) return true;
    const number = protocolNumber(String(protocol));
    const way = { daddr: target.value, mark: 0, tos: 0, iif: undefined, uid: 0 };
    return router.lookup({ ...way, ...(number !== undefined && { protocol: number }) }).kind === 'found';
  }

  /** A process of the node has the datagram: it answers, and the answer sets out from the node. */
  private processAnswers(travel: Travel, node: string, request: Frame): void {
    const here = this.network.nodes.get(node);
    const answer = serverAnswer(request, true);
    if (here === undefined || answer === undefined || typeof answer === 'string') return;
    const said =
      request.takenBy === 'proxy'
        ? PROXY
        : sourceOfAnswer(here, answer, here.socketsCaptured && request.takenBy === 'address');
    if (said !== undefined && typeof said !== 'string') {
      this.end(travel, { undecided: [said], node });
      return;
    }
    const assumptions = said === undefined ? travel.assumptions : new Set([...travel.assumptions, said]);
    this.onNode({ ...travel, assumptions }, node, { ...this.arriving(answer, undefined), from: 'local' }, 'reply');
  }

  private replyOn(
    travel: Travel,
    node: string,
    by: Culprit | undefined,
    frames: readonly Frame[],
    delivered: Frame | undefined,
  ): void {
    const { client } = this.question;
    if (delivered !== undefined && client.kind === 'node' && client.node === node) {
      this.answered(travel, delivered, node, undefined);
      return;
    }
    const onward = frames.find((f) => f.role === 'original' && f.skb === 0);
    if (onward === undefined) this.end(travel, { result: 'timeout', node, by });
    else this.leave(travel, node, onward, 'reply');
  }

  private answered(travel: Travel, answer: Flying, node: string, by: Culprit | undefined): void {
    const seen = clientWord(answer, this.asked) ?? 'timeout';
    const word = this.question.isWaiting === true && PORT_UNREACHABLE.has(seen) ? 'refused' : seen;
    const reached = word === 'ok' || travel.backend !== undefined;
    this.end(reached ? travel : { ...travel, backend: undefined, sourceSeen: undefined }, {
      result: word,
      ...(travel.refused ?? { node, by }),
    });
  }

  /** What a tunnel makes of the way; undefined where it ends there. */
  private carried(travel: Travel, crossing: Crossing): Travel | undefined {
    if (crossing.kind === 'undecided') {
      this.end(travel, { undecided: [crossing.reason], node: crossing.node });
      return undefined;
    }
    const next = { ...travel, assumptions: new Set([...travel.assumptions, crossing.say]) };
    if (crossing.kind === 'passed') return { ...next, states: crossing.states };
    this.end(
      { ...next, backend: undefined, sourceSeen: undefined },
      { result: 'timeout', node: crossing.node, by: crossing.by },
    );
    return undefined;
  }

  /** A packet on the wire behind a node: to a pod, to another node, or out of the cluster. */
  private leave(before: Travel, node: string, frame: Frame, way: 'request' | 'reply', by?: Culprit): void {
    let travel = before;
    const view = viewPacket(frame.bytes, frame.family);
    const daddr = view.daddr ?? '';
    const { client } = this.question;
    const nexthop = frame.nexthop === undefined ? daddr : formatAddress(frame.nexthop);
    const pod = this.network.podByAddress.get(nexthop);
    const wire = onWire(this.network, nexthop);
    if (wire !== undefined) {
      this.end(travel, { undecided: [wire], node });
      return;
    }
    const onLink = linkLocalOwner(this.network, node, frame.dev, nexthop);
    const tunnel = tunnelAt(this.network, node, frame.dev);
    const owner =
      (tunnel === undefined
        ? this.network.nodeByAddress.get(nexthop)
        : otherEnd(this.network, tunnel, nexthop, daddr)) ?? onLink?.node;
    if (way === 'reply' && client.kind !== 'node' && daddr === client.address) {
      const hop = { node, nexthop, owner, isTunnel: tunnel !== undefined };
      if (this.atClient(travel, frame, client, hop, by)) return;
    }
    if (
      [client.kind === 'outside' ? undefined : client.node, pod?.node, owner].some(
        (one) => one !== undefined && this.isUnread(one),
      )
    )
      return;
    if (way === 'request' && client.kind === 'pod' && client.node === node && nexthop === client.address) {
      const here = this.network.nodes.get(node)?.prepared;
      const isBack = here === undefined ? true : comesBack(here, nexthop, frame.dev);
      if (isBack !== true) {
        const nothing = { ...travel, backend: undefined, sourceSeen: undefined };
        const assumptions = [...travel.assumptions, noHairpin(node, frame.dev)];
        this.end(nothing, isBack === false ? { result: 'timeout', node, assumptions } : { undecided: [HAIRPIN], node });
        return;
      }
    }
    if (pod !== undefined && (pod.node === node || nexthop === daddr)) {
      if (pod.node === node || pod.node === undefined || !this.network.nodes.has(pod.node)) {
        this.atServer(travel, frame, `${pod.namespace}/${pod.name}`, pod.node ?? node, node, way, by);
        return;
      }
    }
    let inner: string | undefined;
    if (tunnel !== undefined && owner !== undefined && owner !== node) {
      const crossing = cross(this.network, travel.states, node, tunnel, frame, owner);
      const carried = this.carried(travel, crossing);
      if (carried === undefined || crossing.kind !== 'passed') return;
      travel = carried;
      inner = crossing.iif;
    }
    if (owner !== undefined && this.network.nodes.has(owner)) {
      const iif = inner ?? onLink?.iif ?? this.arrivalDevice(owner, nexthop);
      // Nobody is searched for behind a tunnel that carries no frames.
      const unheard =
        tunnel !== undefined && tunnel.type !== 'ether'
          ? undefined
          : discoveryBlocked(this.network, node, frame.dev, owner, nexthop, iif);
      if (unheard !== undefined) {
        this.end(travel, { undecided: [unheard], node: owner });
        return;
      }
      this.onNode(travel, owner, this.arriving(frame, iif), way);
      return;
    }
    const beyond = owner === undefined && tunnel === undefined ? this.beyondRouter(node, nexthop, daddr) : undefined;
    if (beyond !== undefined) {
      if (this.isUnread(beyond)) return;
      const iif = this.arrivalDevice(beyond, daddr) ?? this.deviceTowards(beyond, view.saddr ?? '');
      const assumptions = new Set([...travel.assumptions, routerForwards(nexthop, beyond)]);
      this.onNode({ ...travel, assumptions }, beyond, this.arriving(frame, iif), way);
      return;
    }
    const target = this.network.podByAddress.get(daddr);
    if (target !== undefined && owner !== undefined) {
      this.atServer(
        { ...travel, assumptions: new Set([...travel.assumptions, uncaptured(owner)]) },
        frame,
        `${target.namespace}/${target.name}`,
        owner,
        node,
        way,
        by,
      );
      return;
    }
    const port = typeof view.dport === 'number' ? view.dport : 0;
    const server = this.network.outside.get(listenKey(daddr, String(view.protocol), port));
    if (server !== undefined && way === 'request') {
      this.atServer(travel, frame, server, undefined, node, way, by);
      return;
    }
    if (owner !== undefined && way === 'request') {
      const backend = nodeBackend(this.network, owner, daddr, String(view.protocol), port);
      if (backend !== `${daddr}:${port}` && this.network.listening.has(listenKey(daddr, String(view.protocol), port))) {
        this.atServer(
          { ...travel, assumptions: new Set([...travel.assumptions, uncaptured(owner)]) },
          frame,
          backend,
          undefined,
          node,
          way,
          by,
        );
        return;
      }
    }
    if (this.isNearUnread(node, nexthop, daddr)) return;
    const { lacking } = this.network;
    this.end(travel, { undecided: [lacking.length === 0 ? OUTSIDE : nameless(daddr, lacking)], node });
  }

  /** The answer leaves a node towards the client. True where that is the end of it; else the next hop is to be asked. */
  private atClient(
    travel: Travel,
    frame: Frame,
    client: Exclude<Client, { readonly kind: 'node' }>,
    hop: {
      readonly node: string;
      readonly nexthop: string;
      readonly owner: string | undefined;
      readonly isTunnel: boolean;
    },
    by: Culprit | undefined,
  ): boolean {
    const { node, nexthop, owner } = hop;
    const home = client.kind === 'pod' ? client.node : undefined;
    const isOther = owner !== undefined && owner !== node && owner !== home;
    const isAsked = isOther && (this.network.nodes.has(owner) || this.network.unread.has(owner));
    if (home !== undefined && home === node && this.network.nodes.has(node)) {
      if (isAsked) return false;
      switch (wayToPod(this.network, node, client.address, frame.dev, nexthop)) {
        case 'away':
          this.end(travel, {
            result: 'timeout',
            node,
            assumptions: [...travel.assumptions, goesAway(node, this.nameOf(client.address), frame.dev, nexthop)],
          });
          return true;
        case 'unknown':
          this.end(travel, { undecided: [cableUnknown(node, this.nameOf(client.address))], node });
          return true;
        case 'pod':
          this.answered(travel, frame, node, by);
          return true;
      }
    }
    if (home !== undefined && this.network.nodes.has(home)) return false;
    if (isAsked && (hop.isTunnel || nexthop !== client.address)) return false;
    const said = isOther && nexthop !== client.address ? [uncaptured(owner)] : [];
    this.answered({ ...travel, assumptions: new Set([...travel.assumptions, ...said]) }, frame, node, by);
    return true;
  }

  /** The captured node that a packet comes to by a router nobody captured: an address of its own, or its pod's where both have that way. */
  private beyondRouter(node: string, nexthop: string, daddr: string): string | undefined {
    const { cluster, podByAddress, nodes, unread } = this.network;
    if (nexthop === daddr || podByAddress.has(nexthop) || !cluster.nodes.known) return undefined;
    const pod = podByAddress.get(daddr);
    const found = cluster.nodes.value.find(
      ({ name, addresses }) => name === pod?.node || addresses.some((one) => shortest(one) === daddr),
    );
    if (found === undefined || found.name === node || !(nodes.has(found.name) || unread.has(found.name)))
      return undefined;
    const p = nodes.get(node)?.prepared;
    const isByRouter = (text: string): boolean => {
      const to = parseAddress(text);
      const way = to && p?.routers[to.family]?.lookup({ daddr: to.value, mark: 0, tos: 0, iif: undefined });
      return way?.kind === 'found' && way.result.gateway !== undefined && formatAddress(way.result.gateway) === nexthop;
    };
    return pod === undefined || found.addresses.some(isByRouter) ? found.name : undefined;
  }

  private nameOf(address: string): string {
    const pod = this.network.podByAddress.get(address);
    return pod === undefined ? address : `${pod.namespace}/${pod.name}`;
  }

  private arriving(frame: Flying, iif: string | undefined): PacketSpec {
    return {
      family: frame.family,
      hex: toHex(frame.bytes),
      unknownPorts: frame.unknownPorts,
      ...(iif === undefined ? {} : { iif }),
    };
  }

  private arrivalDevice(node: string, address: string): string | undefined {
    const parsed = parseAddress(address);
    const here = this.network.nodes.get(node)?.prepared;
    if (parsed === undefined || here === undefined) return undefined;
    return here.localAddresses.get(`${parsed.family} ${parsed.value}`)?.name;
  }

  /** A pod or a server outside has the packet: it answers, and the answer sets out. */
  private atServer(
    travel: Travel,
    frame: Flying & Pick<Frame, 'dev'>,
    name: string,
    home: string | undefined,
    from: string,
    way: 'request' | 'reply',
    by: Culprit | undefined,
  ): void {
    const view = viewPacket(frame.bytes, frame.family);
    if (way === 'reply') {
      this.end(travel, { result: 'timeout', node: from, by });
      return;
    }
    const port = typeof view.dport === 'number' ? view.dport : 0;
    const { listens, unknown, though } = podListens(this.network, view.daddr ?? '', String(view.protocol), port);
    const asksPort = view.protocol === 'tcp' || view.protocol === 'udp';
    // An echo is answered by the kernel.
    const answers = listens || view.protocol === 'icmp' || view.protocol === 'icmpv6';
    const what = `${name} on port ${port}/${view.protocol}`;
    if (asksPort && unknown.length > 0) {
      this.end(travel, { undecided: [listeningUnknown(what, unknown)], node: from });
      return;
    }
    const said = asksPort
      ? [`${what} is taken ${listens ? 'to listen' : 'not to listen'}, as the cluster's objects say${though}.`]
      : [];
    const next: Travel = {
      ...travel,
      assumptions: new Set([...travel.assumptions, ...said]),
      stops: [
        ...travel.stops,
        {
          kind: 'server',
          name,
          address: view.daddr ?? '',
          listens: answers,
          node: home,
          through: home !== undefined && !this.network.nodes.has(home) ? home : undefined,
        },
      ],
      backend: answers ? name : undefined,
      sourceSeen: answers ? view.saddr : undefined,
    };
    const answer = serverAnswer(frame, listens);
    if (answer === 'unsupported') {
      this.end(next, { undecided: [PROTOCOL], node: from });
      return;
    }
    if (answer === 'connection') {
      this.end(next, { undecided: [CONNECTION], node: from });
      return;
    }
    if (answer === undefined) {
      this.end(next, { result: 'timeout', node: from });
      return;
    }
    if (this.overBridge(next, answer, view.daddr ?? '', home)) return;
    if (home !== undefined && this.network.nodes.has(home)) {
      const iif = this.deviceTowards(home, view.daddr ?? '');
      this.onNode(next, home, this.arriving(answer, iif), 'reply');
      return;
    }
    // From outside, or from a node that was not captured: straight to whoever owns the address it answers to.
    this.deliverFromOutside(next, answer, frame.dev, from);
  }

  /**
   * Pods of one bridge answer each other in frames that the bridge switches: without bridge-nf-call-iptables they do not pass
   * connection tracking, so the translation is not undone. True where the answer went this way.
   */
  private overBridge(travel: Travel, answer: Flying, server: string, home: string | undefined): boolean {
    const { client } = this.question;
    const daddr = viewPacket(answer.bytes, answer.family).daddr ?? '';
    const p = home === undefined ? undefined : this.network.nodes.get(home)?.prepared;
    if (home === undefined || p === undefined || client.kind !== 'pod' || client.node !== home) return false;
    if (daddr !== client.address) return false;
    const bridge = bridgeBetween(p, server, daddr);
    const isCalled = bridge && callsIpHooks(p, bridge, answer.family);
    if (bridge === undefined || isCalled === true) return false;
    if (isCalled === undefined || mayHaveRules(p)) {
      this.end(travel, { undecided: [isCalled === undefined ? BRIDGE : bridgeRules(bridge.name)], node: home });
      return true;
    }
    const assumptions = new Set([...travel.assumptions, switched(home, bridge.name)]);
    this.answered({ ...travel, assumptions }, answer, home, undefined);
    return true;
  }

  /** What a pod sends to another on its bridge; true where the frame goes by no hook of IP, or nobody knows. */
  private switches(start: Travel, { node, address }: { readonly node: string; readonly address: string }): boolean {
    const p = this.network.nodes.get(node)?.prepared;
    const { packet } = this.question;
    const target = this.network.podByAddress.get(packet.daddr);
    if (p === undefined || target === undefined || target.node !== node) return false;
    const family = parseAddress(packet.daddr)?.family ?? 'ip';
    const bridge = bridgeBetween(p, address, packet.daddr);
    const isCalled = bridge && callsIpHooks(p, bridge, family);
    if (bridge === undefined || isCalled === true) return false;
    if (isCalled === undefined || mayHaveRules(p)) {
      this.end(start, { undecided: [isCalled === undefined ? BRIDGE : bridgeRules(bridge.name)], node });
      return true;
    }
    const frame = { dev: bridge.name, family, bytes: buildPacket(packet), unknownPorts: packet.unknownPorts ?? [] };
    const assumptions = new Set([...start.assumptions, switched(node, bridge.name)]);
    this.atServer(
      { ...start, assumptions },
      frame,
      `${target.namespace}/${target.name}`,
      node,
      node,
      'request',
      undefined,
    );
    return true;
  }

  private deliverFromOutside(travel: Travel, answer: Flying, dev: string, from: string): void {
    const daddr = viewPacket(answer.bytes, answer.family).daddr ?? '';
    const { client } = this.question;
    const owner = this.network.nodeByAddress.get(daddr) ?? this.network.podByAddress.get(daddr)?.node;
    if (owner !== undefined && this.isUnread(owner)) return;
    if (owner !== undefined && this.network.nodes.has(owner)) {
      const saddr = viewPacket(answer.bytes, answer.family).saddr ?? '';
      const iif = owner === from ? dev : this.deviceTowards(owner, daddr === '' ? daddr : saddr);
      const link = tunnelAt(this.network, owner, iif ?? '');
      const sender = this.network.podByAddress.get(saddr)?.node;
      if (link === undefined || sender === undefined) {
        this.onNode(travel, owner, this.arriving(answer, iif), 'reply');
        return;
      }
      const crossing = comeIn(this.network, travel.states, sender, link, answer, owner);
      const carried = this.carried(travel, crossing);
      if (carried !== undefined) this.onNode(carried, owner, this.arriving(answer, link.name), 'reply');
      return;
    }
    if (client.kind === 'outside' && daddr === client.address) {
      this.answered(travel, answer, from, undefined);
      return;
    }
    this.end(travel, { undecided: [OUTSIDE], node: from });
  }
}
