/** Questions of reachability as JSON, and their answers in the words of measured connections. */
import { parseAddress } from '../net/address';
import { protocolNumber } from '../net/protocols';
import { failed, ok, type Problem, type Result } from '../net/result';
import type { Reason } from '../sim/trace';
import type { Network } from './network';
import { ask, type Client, type Ending, type Question } from './walk';

export interface ReachAnswer {
  /** The likeliest outcome: ok, refused, timeout, eperm, icmp-…, icmp6-…. */
  readonly result: string;
  /** Every outcome with its probability. */
  readonly results: { readonly [word: string]: number };
  readonly backends: readonly string[];
  readonly sourceSeenByBackend: readonly string[];
  /** The node, and the rule or policy on it, that decided a refusal or a loss. */
  readonly node?: string;
  readonly by?: Ending['by'];
  readonly assumed: readonly string[];
}

export type ReachResult = ReachAnswer | { readonly undecided: readonly Reason[] };

const problem = (path: string, say: string, todo: string): { readonly ok: false; readonly problem: Problem } =>
  failed({ code: 'REACH-001', path, say, do: todo });

const SOURCE_PORT = 45678;

/**
 * Reads `{from, srcIP, via, dstNode, dst, dport, protocol}`: `from` is `{"node"}`, `{"pod": "NAMESPACE/NAME"}` or `"external"`. The
 * entry node of external traffic is `via`, else `dstNode`, else the owner of `dst`.
 */
export function decodeQuestion(json: { readonly [key: string]: unknown }, network: Network): Result<Question> {
  const dst = typeof json.dst === 'string' ? parseAddress(json.dst) : undefined;
  if (dst === undefined || typeof json.dst !== 'string')
    return problem('dst', `dst is ${JSON.stringify(json.dst)}.`, 'Give an IPv4 or IPv6 address.');
  if (typeof json.dport !== 'number' || !Number.isInteger(json.dport))
    return problem('dport', `dport is ${JSON.stringify(json.dport)}.`, 'Give a port number.');
  const protocol = typeof json.protocol === 'string' ? json.protocol.toLowerCase() : undefined;
  if (protocol === undefined || protocolNumber(protocol) === undefined)
    return problem('protocol', `protocol is ${JSON.stringify(json.protocol)}.`, 'Give tcp, udp or sctp.');
  const client = clientOf(json, network, dst.family);
  if (!client.ok) return client;
  const source = client.value.source;
  const connection = connectionOf(json, network, {
    family: dst.family,
    saddr: source,
    daddr: json.dst,
    protocol,
    dport: json.dport,
  });
  if (!connection.ok) return connection;
  return ok({
    client: client.value.client,
    ...(json.srcPort === undefined ? {} : { isWaiting: true }),
    packet: { family: dst.family, saddr: source, daddr: json.dst, protocol, dport: json.dport, ...connection.value },
  });
}

interface Ends {
  readonly family: 'ip' | 'ip6';
  readonly saddr: string;
  readonly daddr: string;
  readonly protocol: string;
  readonly dport: number;
}

/**
 * The client's port: `srcPort`, where a connection opened earlier is meant and goes on if the capture has it; else one that no
 * captured connection uses, for a new connection.
 */
function connectionOf(
  json: { readonly [key: string]: unknown },
  network: Network,
  ends: Ends,
): Result<{ readonly sport: number; readonly flags?: readonly string[] }> {
  const { srcPort } = json;
  const known = knownPorts(network, ends);
  if (srcPort === undefined) {
    let sport = SOURCE_PORT;
    while (known.has(sport)) sport++;
    return ok({ sport });
  }
  if (typeof srcPort !== 'number' || !Number.isInteger(srcPort))
    return problem('srcPort', `srcPort is ${JSON.stringify(srcPort)}.`, 'Give a port number.');
  const isOpen = ends.protocol === 'tcp' && known.get(srcPort) === 'ESTABLISHED';
  return ok(isOpen ? { sport: srcPort, flags: ['ack', 'psh'] } : { sport: srcPort });
}

/** Ports of the client in captured connections to the same target, with the state of those of TCP. */
function knownPorts(
  network: Network,
  { family, saddr, daddr, protocol, dport }: Ends,
): ReadonlyMap<number, string | undefined> {
  const [src, dst] = [parseAddress(saddr)?.value, parseAddress(daddr)?.value];
  const number = protocolNumber(protocol);
  const ports = new Map<number, string | undefined>();
  for (const { prepared } of network.nodes.values()) {
    for (const entry of prepared.world.conntrack.known ? prepared.world.conntrack.value : []) {
      const { original } = entry;
      if (entry.family !== family || original.protocol !== number || original.dport !== dport) continue;
      if (original.src === src && original.dst === dst && typeof original.sport === 'number')
        ports.set(original.sport, entry.tcpState);
    }
  }
  return ports;
}

function clientOf(
  json: { readonly [key: string]: unknown },
  network: Network,
  family: 'ip' | 'ip6',
): Result<{ readonly client: Client; readonly source: string }> {
  const given = typeof json.srcIP === 'string' ? json.srcIP : undefined;
  if (given !== undefined && parseAddress(given)?.family !== family)
    return problem('srcIP', `srcIP ${given} is not of the family of dst.`, 'Give an address of the same family.');
  const { from } = json;
  if (from === 'external') {
    const via = [json.via, json.dstNode, network.nodeByAddress.get(String(json.dst))].find(
      (v) => typeof v === 'string',
    );
    const source = given ?? (family === 'ip' ? '198.51.100.10' : '2001:db8:51::10');
    return ok({ client: { kind: 'outside', via: typeof via === 'string' ? via : undefined, address: source }, source });
  }
  if (typeof from !== 'object' || from === null)
    return problem('from', `from is ${JSON.stringify(from)}.`, 'Give {"node"}, {"pod"} or "external".');
  const { pod, node } = from as { readonly pod?: unknown; readonly node?: unknown };
  const ofNode = given ?? loopbackOf(String(json.dst), family);
  if (typeof pod === 'string') {
    const found = (network.cluster.pods.known ? network.cluster.pods.value : []).find(
      (p) => `${p.namespace}/${p.name}` === pod,
    );
    const home = typeof node === 'string' ? node : found?.node;
    const own = found?.hostNetwork === true ? ofNode : given;
    const source = own ?? found?.addresses.find((a) => parseAddress(a)?.family === family);
    if (home === undefined || source === undefined)
      return problem(
        'from.pod',
        `The pod ${pod} has no node or no address of this family.`,
        'Name a pod of the capture.',
      );
    if (found?.hostNetwork === true) return ok({ client: { kind: 'node', node: home }, source });
    return ok({ client: { kind: 'pod', node: home, address: source }, source });
  }
  if (typeof node !== 'string')
    return problem('from.node', `from is ${JSON.stringify(from)}.`, 'Give {"node"}, {"pod"} or "external".');
  const source = ofNode ?? sourceOf(network, node, family);
  if (source === undefined) return problem('srcIP', `The node ${node} has no address of this family.`, 'Give "srcIP".');
  return ok({ client: { kind: 'node', node }, source });
}

/** The source of what a host sends to itself: routes of the table local prefer it. */
function loopbackOf(dst: string, family: 'ip' | 'ip6'): string | undefined {
  const address = parseAddress(dst);
  if (family === 'ip') return address?.family === 'ip' && address.value >>> 24 === 127 ? '127.0.0.1' : undefined;
  return address?.value === 1n ? '::1' : undefined;
}

function sourceOf(network: Network, node: string, family: 'ip' | 'ip6'): string | undefined {
  for (const [address, owner] of network.nodeByAddress)
    if (owner === node && parseAddress(address)?.family === family) return address;
  return undefined;
}

const unique = (values: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(values.filter((v) => v !== undefined))].sort();

/** Asks, and gathers the endings into one answer. Undecided as soon as any ending is. */
export const reach = (network: Network, question: Question): ReachResult => reachOf(ask(network, question));

/** The same of endings that are known. */
export function reachOf(endings: readonly Ending[]): ReachResult {
  const open = endings.flatMap((e) => e.undecided);
  if (open.length > 0) return { undecided: [...new Map(open.map((r) => [`${r.code} ${r.say}`, r])).values()] };
  const results = new Map<string, number>();
  for (const e of endings)
    results.set(e.result ?? 'timeout', (results.get(e.result ?? 'timeout') ?? 0) + e.probability);
  const [result] = [...results].toSorted((a, b) => b[1] - a[1])[0] ?? ['timeout'];
  const reached = endings.filter((e) => e.result === 'ok');
  const decided = endings.find((e) => e.result === result && e.result !== 'ok');
  return {
    result,
    results: Object.fromEntries(results),
    backends: unique(reached.map((e) => e.backend)),
    sourceSeenByBackend: unique(reached.map((e) => e.sourceSeen)),
    ...(decided?.node === undefined ? {} : { node: decided.node }),
    ...(decided?.by === undefined ? {} : { by: decided.by }),
    assumed: unique(endings.flatMap((e) => e.assumptions)),
  };
}
