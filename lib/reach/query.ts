/** Questions of reachability as JSON, and their answers in the words of measured connections. */
import { formatAddress, parseAddress, shortest } from '../net/address';
import { nearNames } from '../net/near';
import { PROTO, protocolNumber } from '../net/protocols';
import { failed, ok, type Problem, type Result } from '../net/result';
import { sourceForRoute } from '../sim/source-address';
import type { Reason } from '../sim/trace';
import { echoOf } from './echo';
import type { Network } from './network';
import { ask, type Client, type Ending, type Question } from './walk';

export interface ReachAnswer {
  /** The likeliest outcome: ok, refused, timeout, eperm (einval, …), icmp-…, icmp6-…. */
  readonly result: string;
  /** Every outcome with its probability. */
  readonly results: { readonly [word: string]: number };
  readonly backends: readonly string[];
  readonly sourceSeenByBackend: readonly string[];
  /** The node, and the rule or policy on it, that decided a refusal or a loss: that of the result, or of the likeliest other outcome. */
  readonly node?: string;
  readonly by?: Ending['by'];
  /** The same of each outcome but ok, where there are several outcomes. */
  readonly decidedBy?: { readonly [word: string]: { readonly node?: string; readonly by?: Ending['by'] } };
  readonly assumed: readonly string[];
}

export type ReachResult = ReachAnswer | { readonly undecided: readonly Reason[] };

const problem = (path: string, say: string, todo: string): { readonly ok: false; readonly problem: Problem } =>
  failed({ code: 'REACH-001', path, say, do: todo });

/** No mistake of the question: the capture lacks what it names. */
export const NOT_READ = 'REF-007';
const SOURCE_PORT = 45678;

/**
 * Reads `{from, srcIP, node, via, dstNode, dst, dport, protocol}`: `from` is `{"node"}`, `{"pod": "NAMESPACE/NAME"}` or `"external"`.
 * The entry node of external traffic is `node` or `via`, else `dstNode`, else the owner of `dst`. ICMP asks for an echo, without `dport`.
 */
export function decodeQuestion(json: { readonly [key: string]: unknown }, network: Network): Result<Question> {
  const dst = typeof json.dst === 'string' ? parseAddress(json.dst) : undefined;
  if (dst === undefined || typeof json.dst !== 'string')
    return problem('dst', `dst is ${JSON.stringify(json.dst)}.`, 'Give an IPv4 or IPv6 address.');
  const protocol = typeof json.protocol === 'string' ? json.protocol.toLowerCase() : undefined;
  const number = protocol === undefined ? undefined : protocolNumber(protocol);
  if (protocol === undefined || number === undefined)
    return problem('protocol', `protocol is ${JSON.stringify(json.protocol)}.`, 'Give tcp, udp, sctp or icmp.');
  // `icmp` asks for an echo of the family of the address; `icmpv6` names a family itself.
  if (number === PROTO.icmpv6 && dst.family === 'ip')
    return problem('protocol', `protocol is icmpv6, and dst ${json.dst} is an IPv4 address.`, 'Give icmp.');
  const isEcho = number === PROTO.icmp || number === PROTO.icmpv6;
  if (!isEcho && !isPort(json.dport))
    return problem('dport', `dport is ${JSON.stringify(json.dport)}.`, 'Give a port, a number from 0 to 65535.');
  // The kernel sends to itself what is for no address (ip_route_output_key_hash_rcu, ip6_dst_lookup_tail).
  const isNowhere = Number(dst.value) === 0 && json.from !== 'external';
  const daddr = !isNowhere ? formatAddress(dst.value) : dst.family === 'ip' ? '127.0.0.1' : '::1';
  const client = clientOf({ ...json, dst: daddr }, network, dst.family);
  if (!client.ok) return client;
  const source = client.value.source;
  const base = { family: dst.family, saddr: source, daddr };
  const { client: who } = client.value;
  if (isEcho) {
    return ok({ client: who, packet: { ...base, ...echoOf(dst.family) } });
  }
  const ends = { ...base, protocol, dport: Number(json.dport) };
  const connection = connectionOf(json, network, ends);
  if (!connection.ok) return connection;
  return ok({
    client: who,
    ...(json.srcPort === undefined ? {} : { isWaiting: true }),
    packet: { ...ends, ...connection.value },
  });
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535;

/** A node's name that a question gives. */
function nodeNamed(value: unknown, path: string, network: Network): Result<string | undefined> {
  if (value === undefined || value === null) return ok(undefined);
  const names = new Set([...network.nodes.keys(), ...network.unread, ...network.nodeByAddress.values()]);
  if (typeof value === 'string' && names.has(value)) return ok(value);
  const near = typeof value === 'string' ? nearNames(value, names) : [];
  const like = near.length === 0 ? '' : ` Like it: ${near.join(', ')}.`;
  return problem(path, `There is no node ${JSON.stringify(value)}.${like}`, 'Name a node of the cluster.');
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
  if (!isPort(srcPort))
    return problem('srcPort', `srcPort is ${JSON.stringify(srcPort)}.`, 'Give a port, a number from 0 to 65535.');
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
  const { srcIP } = json;
  if (srcIP !== undefined && srcIP !== null && typeof srcIP !== 'string')
    return problem('srcIP', `srcIP is ${JSON.stringify(srcIP)}.`, 'Give an address as text, or leave it out.');
  const given = typeof srcIP === 'string' ? shortest(srcIP) : undefined;
  if (given !== undefined && parseAddress(given)?.family !== family)
    return problem('srcIP', `srcIP ${given} is not of the family of dst.`, 'Give an address of the same family.');
  const { from } = json;
  if (from === 'external') {
    const [node, entry, owner] = ['node', 'via', 'dstNode'].map((name) => nodeNamed(json[name], name, network));
    if (node?.ok === false) return node;
    if (entry?.ok === false) return entry;
    if (owner?.ok === false) return owner;
    if (node?.value !== undefined && entry?.value !== undefined && node.value !== entry.value)
      return problem(
        'via',
        `The packet enters by ${node.value} ("node") and by ${entry.value} ("via").`,
        'Give one of them.',
      );
    const via = node?.value ?? entry?.value ?? owner?.value ?? network.nodeByAddress.get(String(json.dst));
    const source = given ?? (family === 'ip' ? '198.51.100.10' : '2001:db8:51::10');
    return ok({ client: { kind: 'outside', via, address: source }, source });
  }
  if (typeof from !== 'object' || from === null)
    return problem('from', `from is ${JSON.stringify(from)}.`, 'Give {"node"}, {"pod"} or "external".');
  const { pod, node } = from as { readonly pod?: unknown; readonly node?: unknown };
  const ofNode = given ?? loopbackOf(String(json.dst), family);
  if (typeof pod === 'string') {
    const pods = network.cluster.pods.known ? network.cluster.pods.value : [...network.podByAddress.values()];
    const found = pods.find((p) => `${p.namespace}/${p.name}` === pod);
    const named = nodeNamed(node, 'from.node', network);
    if (!named.ok) return named;
    if (named.value !== undefined && found?.node !== undefined && found.node !== named.value)
      return problem('from.node', `The pod ${pod} is on ${found.node}, not on ${named.value}.`, 'Leave out its node.');
    if (found?.phase === 'Succeeded' || found?.phase === 'Failed')
      return problem('from.pod', `The pod ${pod} has ended (${found.phase}).`, 'Name a running pod.');
    const home = named.value ?? found?.node;
    const own = found?.addresses.map(shortest).find((a) => parseAddress(a)?.family === family);
    const source = ofNode ?? own;
    const { pods: known } = network.cluster;
    if (found === undefined && !known.known && (home === undefined || source === undefined))
      return failed({
        code: NOT_READ,
        path: 'from.pod',
        say: `Where the pod ${pod} is, is not known: ${known.why}.`,
        do: 'Give the node and "srcIP", or have the pods read.',
      });
    if (home === undefined || source === undefined)
      return problem(
        'from.pod',
        found === undefined && known.known
          ? `There is no pod ${pod}.`
          : `The pod ${pod} has no node or no address of this family.`,
        'Name a pod of the capture.',
      );
    if (found?.hostNetwork === true) return ok({ client: { kind: 'node', node: home }, source });
    return ok({ client: { kind: 'pod', node: home, address: given ?? own ?? source }, source });
  }
  if (typeof node !== 'string')
    return problem('from.node', `from is ${JSON.stringify(from)}.`, 'Give {"node"}, {"pod"} or "external".');
  const named = nodeNamed(node, 'from.node', network);
  if (!named.ok) return named;
  const source = ofNode ?? sourceTowards(network, node, family, json) ?? sourceOf(network, node, family);
  if (source === undefined) return problem('srcIP', `The node ${node} has no address of this family.`, 'Give "srcIP".');
  return ok({ client: { kind: 'node', node }, source });
}

/** The source of what a host sends to itself: routes of the table local prefer it. */
function loopbackOf(dst: string, family: 'ip' | 'ip6'): string | undefined {
  const address = parseAddress(dst);
  if (family === 'ip') return address?.family === 'ip' && address.value >>> 24 === 127 ? '127.0.0.1' : undefined;
  return address?.value === 1n ? '::1' : undefined;
}

/** The source that the node's kernel chooses: by its route to the address asked, before any rule sees the packet. */
function sourceTowards(
  network: Network,
  node: string,
  family: 'ip' | 'ip6',
  { dst, dport, protocol }: { readonly [key: string]: unknown },
): string | undefined {
  const p = network.nodes.get(node)?.prepared;
  const daddr = parseAddress(String(dst))?.value;
  if (p === undefined || daddr === undefined) return undefined;
  const number = protocolNumber(String(protocol));
  const found = p.routers[family]?.lookup({
    daddr,
    mark: 0,
    tos: 0,
    iif: undefined,
    uid: 0,
    ...(number !== undefined && { protocol: number }),
    ...(isPort(dport) && { dport }),
  });
  const source = found?.kind === 'found' ? sourceForRoute({ p }, family, found.result, daddr) : undefined;
  return source === undefined ? undefined : formatAddress(source);
}

function sourceOf(network: Network, node: string, family: 'ip' | 'ip6'): string | undefined {
  for (const [address, owner] of network.nodeByAddress)
    if (owner === node && parseAddress(address)?.family === family) return address;
  return undefined;
}

const unique = (values: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(values.filter((v) => v !== undefined))].sort();

/** Shares are added up of many: the last digits are those of the adding. */
const rounded = (share: number): number => Number(share.toFixed(12));

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
  const deciders = new Map<string, { readonly node?: string; readonly by?: Ending['by'] }>();
  for (const e of endings.toSorted((a, b) => b.probability - a.probability)) {
    if (e.result === undefined || e.result === 'ok' || deciders.has(e.result)) continue;
    deciders.set(e.result, { ...(e.node !== undefined && { node: e.node }), ...(e.by !== undefined && { by: e.by }) });
  }
  const other = [...results].toSorted((a, b) => b[1] - a[1]).find(([word]) => word !== 'ok')?.[0];
  const decided = deciders.get(result === 'ok' ? (other ?? '') : result);
  return {
    result,
    results: Object.fromEntries([...results].map(([word, share]) => [word, rounded(share)])),
    backends: unique(reached.map((e) => e.backend)),
    sourceSeenByBackend: unique(reached.map((e) => e.sourceSeen)),
    ...decided,
    ...(results.size > 1 && { decidedBy: Object.fromEntries(deciders) }),
    assumed: unique(endings.flatMap((e) => e.assumptions)),
  };
}
