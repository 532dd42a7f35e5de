/** A question by names → the packet's whole way: node by node to whoever answers, and the answer's way back. */
import type { Asker } from '../cluster/askers';
import type { Cluster } from '../cluster/cluster';
import type { Place } from '../cluster/place';
import { type BranchVerdict, branchSentence, branchVerdict, hostPort } from '../explain/verdict-sentence';
import { parseAddress } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import type { PacketView } from '../net/packet-view';
import type { Result } from '../net/result';
import type { Ending, Stop, Question as WalkQuestion } from '../reach/walk';
import type { Branch, Culprit, Reason } from '../sim/trace';
import { addressNames } from './address-names';
import type { OpenNode } from './open-node';
import { policiesSay } from './policies-text';
import { type PoliciesView, policiesOfPath } from './policies-view';
import { answerOf } from './trace-answer';
import type { PlaceView, TraceAnswer } from './types';

/** GET /api/sources/[id]/path */
export interface WholePathView {
  readonly source: string;
  readonly from: PlaceView;
  readonly to: PlaceView;
  /** `10.244.1.3:40000 → 10.99.151.112:80/tcp` */
  readonly packet: string;
  /** Every outcome with its probability, the likeliest first: ok, refused, timeout, eperm, enetunreach, icmp-…; `undecided`. */
  readonly results: readonly { readonly word: string; readonly probability: number }[];
  readonly ends: readonly PathEnd[];
  /** Said once, for all. */
  readonly assumed: readonly string[];
  readonly policies: PoliciesView;
}

/** One way that chance may take, from the client to the end. */
export interface PathEnd {
  readonly probability: number;
  /** ok, refused, …; null where it cannot be known. */
  readonly result: string | null;
  readonly undecided: readonly Reason[];
  readonly backend: string | null;
  readonly sourceSeen: string | null;
  /** Where a refusal or a loss was decided. */
  readonly node: string | null;
  readonly by: Culprit | null;
  readonly stops: readonly PathStop[];
}

export type PathStop =
  | {
      readonly kind: 'node';
      readonly node: string;
      readonly way: 'request' | 'reply';
      /** `END.STOP`: names the trace of this stop to the route. */
      readonly key: string;
      /** Branch of that trace, from 1. */
      readonly branch: number;
      /** The interface it comes in by; null for a process of the node. */
      readonly iif: string | null;
      readonly oif: string | null;
      /** The packet as it comes, and as it leaves or is delivered: `10.244.1.3:40000 → 10.99.151.112:80`. */
      readonly before: string;
      readonly after: string | null;
      readonly verdict: BranchVerdict;
      /** The cause of a loss, or what was changed. */
      readonly say: string;
    }
  | {
      readonly kind: 'server';
      readonly name: string;
      readonly address: string;
      readonly listens: boolean;
      readonly node: string | null;
      readonly through: string | null;
    };

const portOf = (packet: PacketView, end: 'sport' | 'dport'): number | undefined => {
  const port = packet[end];
  return typeof port === 'number' ? port : undefined;
};
/** A port that the kernel picks by chance is `?`. */
const endText = (packet: PacketView, address: 'saddr' | 'daddr', port: 'sport' | 'dport'): string => {
  const host = hostPort(packet[address], portOf(packet, port));
  return typeof packet[port] === 'string' ? `${host.includes(':') ? `[${host}]` : host}:?` : host;
};
const fromText = (packet: PacketView): string => endText(packet, 'saddr', 'sport');
const toText = (packet: PacketView): string => endText(packet, 'daddr', 'dport');
const packetText = (packet: PacketView): string => `${fromText(packet)} → ${toText(packet)}`;

export function wholePathView(
  source: string,
  asked: { readonly walk: WalkQuestion; readonly from: Place; readonly to: Place; readonly assumed: readonly string[] },
  endings: readonly Ending[],
  nodes: ReadonlyMap<string, OpenNode>,
  cluster: Cluster,
): WholePathView {
  const { walk, from, to } = asked;
  const { saddr, daddr, sport, dport, protocol } = walk.packet;
  const ends = merged(endings.map((ending, at) => pathEnd(ending, at, nodes)));
  const results = new Map<string, number>();
  for (const { result, probability } of ends) {
    const word = result ?? 'undecided';
    results.set(word, (results.get(word) ?? 0) + probability);
  }
  const place = ({ ref, label, object }: Place, address: string): PlaceView => ({
    ref,
    label,
    address,
    object: object ?? null,
  });
  return {
    source,
    from: place(from, saddr),
    to: place(to, daddr),
    packet: `${hostPort(saddr, sport)} → ${hostPort(daddr, sport === undefined ? undefined : dport)}/${protocol}`,
    results: [...results]
      .map(([word, probability]) => ({ word, probability }))
      .sort((a, b) => b.probability - a.probability),
    ends,
    assumed: [...new Set([...asked.assumed, ...endings.flatMap((ending) => ending.assumptions)])],
    policies: policiesOfPath(cluster, asked, walk.packet, endings),
  };
}

/** What the one at the end does: a port where nothing listens is reached as well. */
export const answerWord = ({ result }: PathEnd): 'answers' | 'refuses' =>
  result === 'refused' || result?.endsWith('-port-unreachable') === true ? 'refuses' : 'answers';

/** Choices that make no difference are one end: their probabilities add up. */
function merged(ends: readonly PathEnd[]): readonly PathEnd[] {
  const found = new Map<string, PathEnd>();
  for (const end of ends) {
    const key = JSON.stringify({ ...end, probability: 0 }, (name, value) =>
      name === 'key' || name === 'branch' ? undefined : value,
    );
    const known = found.get(key);
    found.set(key, known === undefined ? end : { ...known, probability: known.probability + end.probability });
  }
  return [...found.values()];
}

function pathEnd(ending: Ending, at: number, nodes: ReadonlyMap<string, OpenNode>): PathEnd {
  return {
    probability: ending.probability,
    result: ending.undecided.length > 0 ? null : (ending.result ?? 'timeout'),
    undecided: ending.undecided,
    backend: ending.backend ?? null,
    sourceSeen: ending.sourceSeen ?? null,
    node: ending.node ?? null,
    by: ending.by ?? null,
    stops: ending.stops.map((stop, index) => pathStop(stop, `${at}.${index}`, nodes)),
  };
}

function pathStop(stop: Stop, key: string, nodes: ReadonlyMap<string, OpenNode>): PathStop {
  if (stop.kind === 'server') {
    const { name, address, listens, node, through } = stop;
    return { kind: 'server', name, address, listens, node: node ?? null, through: through ?? null };
  }
  const { node, way, trace, packet } = stop;
  const branch = trace.branches[stop.branch];
  const open = nodes.get(node);
  const out = branch === undefined ? undefined : leaving(branch);
  const names = open === undefined ? undefined : addressNames(open);
  const verdict = branch === undefined ? 'undecided' : branchVerdict(branch);
  return {
    kind: 'node',
    node,
    way,
    key,
    branch: stop.branch + 1,
    iif: packet.iif ?? null,
    oif: out?.dev ?? null,
    before: packetText(trace.packet),
    after: out === undefined ? null : packetText(out.packet),
    verdict,
    say:
      verdict === 'delivered' && out !== undefined
        ? changes(trace.packet, out.packet)
        : branch === undefined || names === undefined
          ? ''
          : branchSentence(branch, trace, names),
  };
}

/** The packet as it leaves the node, or as a process of the node gets it. */
function leaving(branch: Branch): { readonly dev: string | undefined; readonly packet: PacketView } | undefined {
  if (branch.outcome.kind !== 'decided') return undefined;
  const { egress, delivered } = branch.outcome.fate;
  const out = egress.find(({ skb }) => skb === 0);
  if (out !== undefined) return { dev: out.dev, packet: out.packet };
  const local = delivered.find(({ skb }) => skb === 0);
  return local === undefined ? undefined : { dev: undefined, packet: local.packet };
}

function changes(before: PacketView, after: PacketView): string {
  const said = [
    ...(toText(before) === toText(after) ? [] : [`to ${toText(before)} becomes ${toText(after)}`]),
    ...(fromText(before) === fromText(after) ? [] : [`from ${fromText(before)} becomes ${fromText(after)}`]),
  ];
  return said.length === 0 ? 'passes unchanged' : said.join('; ');
}

/** The trace of one stop, as the trace route answers; undefined where the path has no such stop. */
export function stopAnswer(
  endings: readonly Ending[],
  key: string,
  nodes: ReadonlyMap<string, OpenNode>,
): Omit<TraceAnswer, 'source'> | undefined {
  const [end, index] = key.split('.').map(Number);
  const stop = endings[end ?? -1]?.stops[index ?? -1];
  if (stop?.kind !== 'node') return undefined;
  const node = nodes.get(stop.node);
  if (node === undefined) return undefined;
  const ruleset = node.ruleset.ok ? node.ruleset.value : undefined;
  return answerOf(node, ruleset, {
    packet: fieldsOf(stop.packet, stop.trace.packet),
    asked: undefined,
    trace: stop.trace,
  });
}

/** A packet of the walk is bytes; people read fields. */
function fieldsOf(packet: PacketSpec, view: PacketView): PacketSpec {
  if (packet.hex === undefined) return packet;
  const { saddr, daddr, protocol, flags, icmpType, icmpCode, ttl, hoplimit } = view;
  const known = {
    family: packet.family,
    iif: packet.iif,
    saddr,
    daddr: daddr !== undefined && parseAddress(daddr) !== undefined ? daddr : undefined,
    protocol,
    sport: portOf(view, 'sport'),
    dport: portOf(view, 'dport'),
    flags,
    icmpType,
    icmpCode,
    ttl,
    hoplimit,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) as unknown as PacketSpec;
}

/** What a process and a pod of every node get, those with the same outcome together. */
export interface EveryNodeGroup {
  readonly results: WholePathView['results'];
  readonly askers: readonly Asker[];
  /** Why, where it is not `ok`: the same for all of them, with `its node` and `its address` for their own. */
  readonly say: string;
  /** What the NetworkPolicies ask of their connections; empty where none selects an end. */
  readonly policies: readonly EveryNodePolicies[];
}

export interface EveryNodePolicies {
  readonly say: string;
  /** `from` of those that it is said of. */
  readonly askers: readonly string[];
}

/** What is sent while a question is asked from every node: how far it is, and the askers that are new in each group. */
export interface EveryNodeProgress {
  readonly done: number;
  readonly of: number;
  readonly news: readonly EveryNodeGroup[];
  /** Why no pods are asked; absent where they are. */
  readonly lacks?: string | undefined;
}

/** Groups askers as their answers come. */
export class EveryNodeGroups {
  #all: readonly EveryNodeGroup[] = [];
  #news = new Map<string, EveryNodeGroup & { readonly askers: Asker[] }>();

  add(asker: Asker, path: Result<WholePathView>): void {
    const results = path.ok ? path.value.results : [{ word: 'undecided', probability: 1 }];
    const say = path.ok
      ? fromAnyNode(whyOf(path.value, asker.node), path.value.from.address, asker.node)
      : path.problem.say;
    const group = this.#news.get(groupKey({ results, say })) ?? { results, askers: [], say, policies: [] };
    group.askers.push(asker);
    const asked = path.ok ? policiesSay(path.value.policies) : undefined;
    const policies =
      asked === undefined ? [] : [{ say: fromAsker(asked, asker.from, asker.node), askers: [asker.from] }];
    this.#news.set(groupKey(group), { ...group, policies: joined(group.policies, policies) });
  }

  /** What came since this was last asked. */
  news(): readonly EveryNodeGroup[] {
    const news = [...this.#news.values()];
    this.#news = new Map();
    this.#all = withNews(this.#all, news);
    return news;
  }

  /** Everything so far. */
  all(): readonly EveryNodeGroup[] {
    this.news();
    return this.#all;
  }
}

const groupKey = ({ results, say }: Pick<EveryNodeGroup, 'results' | 'say'>): string =>
  `${results.map(({ word, probability }) => `${word} ${probability.toFixed(6)}`).join(' ')} ${say}`;

/** Groups with the askers that came since; the largest first. */
export function withNews(
  groups: readonly EveryNodeGroup[],
  news: readonly EveryNodeGroup[],
): readonly EveryNodeGroup[] {
  const found = new Map(groups.map((group) => [groupKey(group), group]));
  for (const one of news) {
    const known = found.get(groupKey(one));
    const more = known ?? { ...one, askers: [], policies: [] };
    found.set(groupKey(one), {
      ...more,
      askers: [...more.askers, ...one.askers],
      policies: joined(more.policies, one.policies),
    });
  }
  return [...found.values()].sort((a, b) => b.askers.length - a.askers.length);
}

function joined(known: readonly EveryNodePolicies[], more: readonly EveryNodePolicies[]): readonly EveryNodePolicies[] {
  if (more.length === 0) return known;
  const found = new Map(known.map(({ say, askers }) => [say, askers]));
  for (const { say, askers } of more) found.set(say, [...(found.get(say) ?? []), ...askers]);
  return [...found].map(([say, askers]) => ({ say, askers }));
}

/** What the policies ask, over all groups: each sentence once. */
export const policiesOfGroups = (groups: readonly EveryNodeGroup[]): readonly EveryNodePolicies[] =>
  groups.reduce<readonly EveryNodePolicies[]>((all, { policies }) => joined(all, policies), []);

const fromAsker = (say: string, from: string, node: string): string =>
  withoutName(withoutName(say, from, 'the asker'), node, 'its node');

/** Those that differ in nothing but their own names are told in one sentence. */
function fromAnyNode(say: string, address: string | null, node: string): string {
  const said = address === null ? say : withoutName(say, address, 'its address');
  return withoutName(said, node, 'its node');
}

/** Whole names: `node-1` is no part of `node-10`, and `10.0.0.1` none of `10.0.0.12`. */
const withoutName = (say: string, name: string, words: string): string =>
  say
    .split(/(\s|,|;|: )/)
    .map((word) => (word === name ? words : word === `${name}.` ? `${words}.` : word))
    .join('');

function whyOf({ ends }: WholePathView, asking: string): string {
  const bad = ends.find(({ result }) => result !== 'ok');
  if (bad === undefined) return '';
  const [reason] = bad.undecided;
  if (reason !== undefined) return reason.say;
  // A refusal travels back: it was decided where the packet stopped, not where the answer arrived.
  const stop = bad.stops.find((one) => one.kind === 'node' && one.verdict !== 'delivered');
  if (stop?.kind === 'node') return `${stop.node === asking ? 'on the asking node' : `on ${stop.node}`}: ${stop.say}`;
  return bad.node === null || bad.node === asking ? '' : `on ${bad.node}`;
}
