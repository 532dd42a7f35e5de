/** A packet, or a question by names, → the answer of the trace route: the trace with the rules, owners and names it mentions. */

import type { Place } from '../cluster/place';
import { imaginedFields } from '../explain/imagined-fields';
import { type Asked, askPacket, type Question } from '../explain/question';
import { formatAddress, parseAddress, shortest } from '../net/address';
import { decodePacketSpec, type PacketSpec } from '../net/packet-spec';
import type { PacketView } from '../net/packet-view';
import { failed, ok, type Problem, type Result } from '../net/result';
import type { RuleRef } from '../nft/model';
import { lackingOfNodes, listeningOn } from '../reach/listening';
import { networkOfNode } from '../reach/network';
import { bridgeBetween, callsIpHooks } from '../reach/one-bridge';
import { trace } from '../sim';
import type { Assumption, Step, Trace } from '../sim/trace';
import type { CtEntry, CtTuple, World } from '../world/world';
import type { OpenNode } from './open-node';
import { policiesOfTrace } from './policies-view';
import { ruleView } from './rule-view';
import type { RulesetIndex } from './ruleset-index';
import { type ObjectView, type OwnerView, type PlaceView, type RuleView, ruleKey, type TraceAnswer } from './types';
import { withoutStrays } from './untranslated';
import { toWire } from './wire';

/** `packet` as JSON; its members override what `question` gives. At least one of both. */
export interface TraceQuery {
  readonly question?: Question;
  readonly packet?: unknown;
}

export interface Traced {
  readonly packet: PacketSpec;
  readonly asked: Asked | undefined;
  readonly trace: Trace;
}

/** With the world that was traced: the node's, and where its sockets were not captured and matter, what is taken to listen. */
interface TracedWorld extends Traced {
  readonly world: World;
}

/** The trace itself, for every reader. */
export function tracePacket(node: OpenNode, query: TraceQuery): Result<TracedWorld> {
  const asked =
    query.question === undefined ? undefined : askPacket(query.question, node.node, node.world, node.cluster.cluster);
  if (asked !== undefined && !asked.ok) return asked;
  const given = query.packet;
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given)))
    return decodeFailure(given);
  if (asked === undefined && given === undefined) return failed(nothingAsked());
  const decoded = decodePacketSpec({ ...asked?.value.packet, ...given });
  if (!decoded.ok) return failed(decoded.problem);
  const iifGiven = typeof given === 'object' && 'iif' in given;
  if (asked !== undefined && !iifGiven && staysInPod(asked.value.from, decoded.value))
    return failed(inPod(asked.value.from.label, decoded.value.daddr ?? '', node.node));
  const bridge = asked === undefined || iifGiven ? undefined : switchedBy(node, asked.value.from, decoded.value);
  if (asked !== undefined && bridge !== undefined)
    return failed(onBridge(asked.value.from.label, decoded.value.daddr ?? '', node.node, bridge));
  const { world, found } = traceListening(node, decoded.value);
  const assumed = iifGiven ? [] : (asked?.value.assumptions ?? []);
  if (asked === undefined) return ok({ packet: decoded.value, asked, trace: found, world });
  const { ruleset } = node.world;
  const members = new Set([...membersOf(query.question), ...(typeof given === 'object' ? Object.keys(given) : [])]);
  const imagined = ruleset.known ? imaginedFields(found, ruleset.value, members) : [];
  return ok({ packet: decoded.value, asked: asked.value, trace: assuming(found, assumed, imagined), world });
}

/** What a pod sends to its own addresses or to its loopback ones; one in its node's network has no addresses of its own. */
function staysInPod({ where, addresses }: Place, { daddr }: PacketSpec): boolean {
  if (where.kind !== 'pod' || daddr === undefined) return false;
  const target = parseAddress(daddr);
  const isLoopback = target?.family === 'ip' ? target.value >>> 24 === 127 : target?.value === 1n;
  return isLoopback || addresses.some((text) => parseAddress(text)?.value === target?.value);
}

const inPod = (pod: string, address: string, node: string): Problem => ({
  code: 'REF-013',
  say: `What ${pod} sends to ${address} stays in the pod: no rule of ${node} sees it.`,
  do: 'Ask for the whole path: it says whether the pod answers. Or name the interface of a packet that does come in.',
});

/** The bridge that hands what a pod sends to its neighbour there, where it is known to call no hooks of IP. */
function switchedBy(node: OpenNode, { where }: Place, { saddr, daddr }: PacketSpec): string | undefined {
  if (where.kind !== 'pod' || saddr === undefined || daddr === undefined) return undefined;
  const network = networkOfNode(node.cluster.cluster, node.node, node.world);
  const p = network.nodes.get(node.node)?.prepared;
  if (p === undefined || network.podByAddress.get(shortest(daddr))?.node !== node.node) return undefined;
  const bridge = bridgeBetween(p, saddr, daddr);
  const family = parseAddress(daddr)?.family ?? 'ip';
  return bridge !== undefined && callsIpHooks(p, bridge, family) === false ? bridge.name : undefined;
}

const onBridge = (pod: string, address: string, node: string, bridge: string): Problem => ({
  code: 'REF-014',
  say: `What ${pod} sends to ${address} is switched by ${bridge}, as bridge-nf-call is off: no rule of ip, ip6 or inet on ${node} sees it.`,
  do: 'Ask for the whole path: it says whether the pod answers. Or name the interface of a packet that does come in.',
});

/**
 * Sockets that were not captured: those that the cluster's objects promise, as on a way through the cluster. Where the objects are
 * not known the packet is taken to find one.
 */
function traceListening(node: OpenNode, packet: PacketSpec): { readonly world: World; readonly found: Trace } {
  const found = trace(node.world, packet);
  const world = listeningWorld(node);
  if (world === node.world || !found.branches.some(restsOnSockets)) return { world: node.world, found };
  const network = networkOfNode(node.cluster.cluster, node.node, node.world);
  const made = trace(world, packet);
  const branches = made.branches.map((branch) => {
    const delivered = branch.outcome.kind === 'decided' ? branch.outcome.fate.delivered : [];
    const said = delivered.flatMap((one) => {
      const taken = one.skb === 0 ? listeningOn(network, node.node, one.packet) : undefined;
      return taken?.kind === 'assumed' ? [{ code: 'sockets', say: taken.say }] : [];
    });
    return { ...branch, assumptions: [...branch.assumptions, ...said] };
  });
  return { world, found: { ...made, branches } };
}

/** The node with what is taken to listen; as it is where its sockets were captured, or nobody can tell. */
export function listeningWorld(node: OpenNode): World {
  if (node.world.sockets.known) return node.world;
  const network = networkOfNode(node.cluster.cluster, node.node, node.world);
  return (
    (lackingOfNodes(network).length === 0 ? network.nodes.get(node.node)?.prepared.world : undefined) ?? node.world
  );
}

/** Not what belongs to a connection that is open: who opened it has a socket. */
const restsOnSockets = ({ assumptions, steps }: Trace['branches'][number]): boolean =>
  assumptions.some(({ code }) => code === 'sockets') &&
  !steps.some((step) => step.kind === 'conntrack' && step.skb === 0 && step.ct.state === 'established');

const membersOf = (question: Question | undefined): readonly string[] =>
  Object.entries(question ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [key]));

/** The trace with what was taken for granted before it began. */
const assuming = (
  found: Trace,
  assumptions: readonly Assumption[],
  imagined: readonly (readonly Assumption[])[],
): Trace => ({
  ...found,
  branches: found.branches.map((branch, i) => ({
    ...branch,
    assumptions: [...assumptions, ...(imagined[i] ?? []), ...branch.assumptions],
  })),
});

function decodeFailure(given: unknown): Result<never> {
  const decoded = decodePacketSpec(given);
  return decoded.ok ? failed(nothingAsked()) : failed(decoded.problem);
}

const nothingAsked = (): Problem => ({
  code: 'REQ-002',
  say: 'There is no packet to trace.',
  do: 'Give from and to, or a packet as JSON.',
});

export function traceAnswer(
  node: OpenNode,
  ruleset: RulesetIndex | undefined,
  query: TraceQuery,
): Result<Omit<TraceAnswer, 'source'>> {
  const traced = tracePacket(node, query);
  return traced.ok ? ok(answerOf(node, ruleset, traced.value)) : traced;
}

/** The answer for a trace that was made elsewhere, such as a stop of a whole path. */
export function answerOf(
  node: OpenNode,
  ruleset: RulesetIndex | undefined,
  { packet, asked, trace: made }: Traced,
): Omit<TraceAnswer, 'source'> {
  const found = withoutCaptured(withoutStrays(node, made), node);
  const steps = found.branches.flatMap((branch) => branch.steps);
  return {
    version: node.version,
    node: node.node,
    capturedAt: node.capturedAt ?? null,
    packet,
    from: asked === undefined ? null : placeView(asked.from, packet.saddr),
    to: asked === undefined ? null : placeView(asked.to, packet.daddr),
    trace: toWire(found),
    rules: rulesOf(steps, node, ruleset),
    owners: ownersOf(steps, ruleset),
    names: namesOf(found, node),
    policies: asked === undefined ? null : policiesOfTrace(node.cluster.cluster, asked, made, node.node),
  };
}

/** A trace holds the whole connection table of every branch; an answer only the entries that the packet made or changed. */
function withoutCaptured(found: Trace, { world }: OpenNode): Trace {
  if (!world.conntrack.known || world.conntrack.value.length === 0) return found;
  const captured = new Set(world.conntrack.value.map(entryKey));
  const branches = found.branches.map((branch) => ({
    ...branch,
    conntrack: branch.conntrack.filter((entry) => !captured.has(entryKey(entry))),
  }));
  return { ...found, branches };
}

/** Status words that a packet of the connection can set; those of translation follow from the tuples. */
const CHANGING = new Set(['seen-reply', 'assured', 'dying']);

const entryKey = ({ family, zone, original, reply, status, mark, tcpState }: CtEntry): string => {
  const tuple = ({ src, dst, protocol, sport, dport, icmpId }: CtTuple) =>
    [src, dst, protocol, sport, dport, icmpId].join(' ');
  return [
    family,
    zone,
    tuple(original),
    tuple(reply),
    status.filter((word) => CHANGING.has(word)).join(' '),
    mark,
    tcpState,
  ].join('|');
};

const placeView = (place: Place, address: string | undefined): PlaceView => ({
  ref: place.ref,
  label: place.label,
  address: address ?? place.addresses[0] ?? '',
  object: place.object ?? null,
});

function refsOf(steps: readonly Step[]): readonly RuleRef[] {
  return steps.flatMap((step) => {
    if (step.kind === 'rule' || step.kind === 'passed') return [step.at];
    if (step.kind === 'undecided') return step.reasons.flatMap((reason) => reason.at ?? []);
    return step.kind === 'nat' && step.by !== 'entry' ? [step.by] : [];
  });
}

function rulesOf(steps: readonly Step[], node: OpenNode, ruleset: RulesetIndex | undefined): TraceAnswer['rules'] {
  const rules: Record<string, RuleView> = {};
  for (const at of refsOf(steps)) {
    const key = ruleKey(at);
    if (Object.hasOwn(rules, key)) continue;
    const index = ruleset?.at(at.family, at.table);
    const chain = index?.chains.get(at.chain);
    const rule = chain?.rules[at.index];
    if (index !== undefined && chain !== undefined && rule !== undefined) {
      rules[key] = ruleView(index, chain, at.index, rule, node.addresses);
    }
  }
  return rules;
}

function ownersOf(steps: readonly Step[], ruleset: RulesetIndex | undefined): TraceAnswer['owners'] {
  const owners: Record<string, OwnerView> = {};
  for (const step of steps) {
    if (step.kind !== 'chain') continue;
    const index = ruleset?.at(step.family, step.table);
    if (index !== undefined) owners[`${step.family} ${step.table}`] = index.owner;
  }
  return owners;
}

/** Every address that a packet of the trace, a translation or a route shows, where the cluster has a name for it. */
function namesOf(found: Trace, node: OpenNode): TraceAnswer['names'] {
  const names: Record<string, ObjectView> = {};
  const put = (text: string | undefined, packet?: PacketView) => {
    const address = text === undefined ? undefined : parseAddress(text);
    if (address === undefined) return;
    const canonical = formatAddress(address.value);
    const port = typeof packet?.dport === 'number' ? packet.dport : undefined;
    const protocol = packet?.protocol === undefined ? undefined : String(packet.protocol);
    const object = node.addresses.object(canonical, protocol, port);
    if (object === undefined) return;
    // An answer with the Service's port says more than one without.
    if (names[canonical] === undefined || object.port !== null) names[canonical] = object;
  };
  const packets = (packet: PacketView | undefined): void => {
    if (packet === undefined) return;
    put(packet.saddr);
    put(packet.daddr, packet);
    packets(packet.inner);
  };
  packets(found.packet);
  for (const branch of found.branches) {
    for (const step of branch.steps) {
      if ('packet' in step) packets(step.packet);
      if (step.kind === 'route') put(step.nexthop);
      if (step.kind === 'nat') for (const diff of step.diffs) [diff.before, diff.after].map((text) => put(text));
    }
    for (const entry of branch.conntrack)
      for (const tuple of [entry.original, entry.reply]) [tuple.src, tuple.dst].map((ip) => put(formatAddress(ip)));
  }
  return names;
}
