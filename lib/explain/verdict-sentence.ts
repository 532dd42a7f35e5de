/**
 * The answer to a trace: a verdict word, one sentence with the cause, and the facts beside it. Names come from the capture,
 * causes from the rules that decided; a cause is only named where the rule that decided proves it.
 */
import type { Branch, Fate, GeneratedStep, PacketView, RuleStep, Trace } from '../sim/trace';
import { packetTitle, refusing } from './generated-packet';
import { ruleName } from './rule-name';
import { type NamedEndpoint, type ServicePortName, serviceOfChain, type TraceNames } from './trace-names';
import { count, fraction } from './words';

export type BranchVerdict = 'delivered' | 'dropped' | 'rejected' | 'undecided';
export type TraceVerdict = BranchVerdict | 'depends';

const OF_SUMMARY: { readonly [S in Fate['summary']]: BranchVerdict } = {
  transmitted: 'delivered',
  delivered: 'delivered',
  dropped: 'dropped',
  rejected: 'rejected',
  // The packet left nftables' way: what takes it decides, and no capture holds that.
  stolen: 'undecided',
  'answered-outside-nftables': 'rejected',
  'lost-outside-nftables': 'dropped',
};

/** A packet that reaches a port where nothing listens is refused, as one that a rule rejects. */
export function branchVerdict(branch: Branch): BranchVerdict {
  if (branch.outcome.kind === 'undecided') return 'undecided';
  const verdict = OF_SUMMARY[branch.outcome.fate.summary];
  return verdict === 'delivered' && refusal(branch) !== undefined ? 'rejected' : verdict;
}

/** It belongs to a connection: who opened that has a socket, which is no listening one. */
const isOpen = ({ steps }: Branch): boolean =>
  steps.some((step) => step.kind === 'conntrack' && step.skb === 0 && step.ct.state === 'established');

const isRefused = (branch: Branch): boolean => reaches(branch) && refusal(branch) !== undefined;

/** Whether it gets to a socket or out of an interface, whatever becomes of it there. */
const reaches = ({ outcome }: Branch): boolean =>
  outcome.kind === 'decided' && OF_SUMMARY[outcome.fate.summary] === 'delivered';

/** One verdict for all branches, or that it depends. */
export function traceVerdict(trace: Trace): TraceVerdict {
  const verdicts = new Set(trace.branches.map(branchVerdict));
  const [only] = verdicts;
  return verdicts.size === 1 && only !== undefined ? only : 'depends';
}

/** The headline. It stands beside the word of the verdict and does not say it again where that word is `undecided`. */
export function verdictSentence(trace: Trace, names: TraceNames): string {
  const first = trace.branches[0];
  if (!first) return '';
  const verdict = traceVerdict(trace);
  if (verdict === 'depends') return dependsSentence(trace, names);
  if (verdict === 'delivered' || trace.branches.every(isRefused)) return deliveredSentence(trace, names);
  return branchSentence(first, trace, names);
}

/** The sentence for one branch by itself. */
export function branchSentence(branch: Branch, trace: Trace, names: TraceNames): string {
  if (branch.outcome.kind === 'undecided') return undecidedSentence(branch.outcome.reasons);
  const { fate } = branch.outcome;
  if (reaches(branch)) return deliveredSentence({ ...trace, branches: [branch] }, names);
  if (fate.summary === 'stolen') return takenSentence(branch, fate);
  const outside = lastWords(branch);
  if (!fate.by) return outside ?? `Lost on ${names.node} outside nftables.`;
  return kubeProxyCause(branch, fate, trace.packet, names) ?? ruleCause(fate);
}

function undecidedSentence(reasons: readonly { readonly say: string }[]): string {
  const [first, ...more] = reasons;
  if (!first) return 'The trace gives no reason.';
  return `${first.say}${more.length === 0 ? '' : ` And ${count(more.length, 'more reason')}.`}`;
}

function takenSentence(branch: Branch, fate: Fate): string {
  const by = branch.steps.findLast((step): step is RuleStep => step.kind === 'rule' && step.skb === 0);
  const where = fate.by ? ruleName(fate.by) : by ? ruleName(by.at) : 'a rule';
  return `${where === 'a rule' ? 'A rule' : where} takes the packet out of the way; what becomes of it is not in the ruleset.`;
}

/** What the kernel did last outside nftables. */
function lastWords(branch: Branch): string | undefined {
  const last = branch.steps.findLast((step) => step.skb === 0 && (step.kind === 'kernel' || step.kind === 'route'));
  return last?.kind === 'kernel' || last?.kind === 'route' ? last.say : undefined;
}

function ruleCause(fate: Fate): string {
  const by = fate.by;
  if (!by) return '';
  if (by.type === 'policy')
    return `Dropped by the policy of ${by.family} ${by.table} ${by.chain}: no rule accepted it.`;
  const verb = fate.summary === 'rejected' ? 'Rejected' : 'Dropped';
  return `${verb} by ${ruleName(by)} in ${by.hook}.`;
}

/** The causes that kube-proxy's own chains stand for. */
function kubeProxyCause(branch: Branch, fate: Fate, packet: PacketView, names: TraceNames): string | undefined {
  const by = fate.by;
  if (by?.table !== 'kube-proxy' || by.type !== 'rule') return undefined;
  const end =
    fate.summary === 'rejected' ? `so ${names.node} refuses the connection.` : `so ${names.node} drops the packet.`;
  const asked = names.service(packet.daddr ?? '', protocolOf(packet), portOf(packet));
  const service = asked?.service;
  const ready = readyEndpoints(asked, packet);
  const hit = branch.steps
    .filter((step): step is RuleStep => step.kind === 'rule' && step.skb === 0)
    .flatMap((step) => step.lookups)
    .findLast((lookup) => lookup.hit !== undefined);
  if (hit?.name === 'no-endpoint-services' || hit?.name === 'no-endpoint-nodeports') {
    const who = service ?? `The Service at ${packet.daddr}`;
    // kube-proxy writes `drop` where endpoints exist on other nodes only and the traffic policy is Local.
    if (hit.hit?.data === 'drop') {
      const here = ready.filter(({ node }) => node === names.node);
      if (here.length > 0)
        return `The rules of ${names.node} have no endpoint of ${who} on ${names.node}, though ${readyWords(here.length)} there, ${end}`;
      return `${who} has no endpoint on ${names.node} and its traffic policy is Local, ${end}`;
    }
    // The node's rules may be behind the cluster, or changed by somebody.
    if (ready.length > 0)
      return `The rules of ${names.node} have no endpoint of ${who}, though ${readyWords(ready.length)}, ${end}`;
    return `${who} has no endpoints, ${end}`;
  }
  if (names.isKubeProxyRule?.(by) === false) return undefined;
  if (by.chain === 'cluster-ips-check') {
    // Only a Service that has this port is found for it: what is missing is the node's.
    if (service !== undefined)
      return `${names.node} has no rule for ${service} port ${packet.dport}/${packet.protocol}, ${end}`;
    const known = names.service(packet.daddr ?? '', undefined, undefined)?.service;
    if (fate.summary !== 'rejected')
      return known === undefined
        ? `${packet.daddr} belongs to no Service, ${end}`
        : `${names.node} has no rule for ${packet.daddr} of ${known}, ${end}`;
    return `${known ?? packet.daddr} has no port ${packet.dport}/${packet.protocol}, ${end}`;
  }
  if (by.chain.startsWith('firewall-')) {
    const owner = serviceOfChain(by.chain) ?? service ?? 'the Service';
    return `${packet.saddr} is not in the source ranges of ${owner}, ${end}`;
  }
  return undefined;
}

/** Endpoints of the packet's family that the cluster calls ready now. */
const readyEndpoints = (asked: ServicePortName | undefined, { daddr = '' }: PacketView): readonly NamedEndpoint[] =>
  (asked?.endpoints ?? []).filter(({ ready, address }) => ready && address.startsWith('[') === daddr.includes(':'));

const readyWords = (ready: number): string => `${count(ready, 'endpoint')} ${ready === 1 ? 'is' : 'are'} ready`;

const protocolOf = (packet: PacketView): string | undefined =>
  packet.protocol === undefined ? undefined : String(packet.protocol);
const portOf = (packet: PacketView): number | undefined =>
  typeof packet.dport === 'number' ? packet.dport : undefined;

/** Where a delivered packet ends, with the fields it has then. */
export function finalPacket(
  branch: Branch,
): { readonly packet: PacketView; readonly dev: string; readonly local: boolean } | undefined {
  for (const step of branch.steps.toReversed()) {
    if (step.skb !== 0) continue;
    if (step.kind === 'deliver') return { packet: step.packet, dev: step.iif, local: true };
    if (step.kind === 'transmit') return { packet: step.packet, dev: step.dev, local: false };
  }
  return undefined;
}

function deliveredSentence(trace: Trace, names: TraceNames): string {
  const ends = trace.branches.flatMap((branch) => finalPacket(branch) ?? []);
  const first = ends[0];
  if (!first) return `Delivered on ${names.node}.`;
  const sent = trace.packet;
  const translated = ends.some(({ packet }) => packet.daddr !== sent.daddr || packet.dport !== sent.dport);
  const reach = translated ? translatedReach(ends, sent, names) : directReach(first, names, trace.branches[0]);
  const refusals = trace.branches.map((branch) => refusal(branch));
  const [refused] = refusals;
  if (refused !== undefined && refusals.every((one) => one !== undefined)) {
    const answer = `${packetTitle(refused.packet, refused.what)} goes back.`;
    return lackingNodePort(trace, first, names, answer) ?? `${reach} Nothing there takes it: ${answer}`;
  }
  return `${reach} ${sourceWords(ends, sent)}`.trim();
}

/** A NodePort of a Service that the node's rules do not lead to it: which element is missing. */
function lackingNodePort(trace: Trace, end: End, names: TraceNames, answer: string): string | undefined {
  const { protocol, dport, daddr } = end.packet;
  if (!end.local || typeof dport !== 'number' || protocol === undefined || daddr !== trace.packet.daddr)
    return undefined;
  const port = names.nodePort?.(String(protocol), dport);
  const steps = trace.branches[0]?.steps ?? [];
  const lookups = steps.flatMap((step) =>
    (step.kind === 'rule' || step.kind === 'passed') && step.at.table === 'kube-proxy' ? step.lookups : [],
  );
  const missed = lookups.find(({ name, hit }) => hit === undefined && NODE_PORTS.has(name ?? ''));
  if (port === undefined || missed === undefined) return undefined;
  return `${names.node} does not lead NodePort ${dport}/${protocol} to ${port.service}: ${missed.name} of kube-proxy has no element ${missed.key}. Nothing else there takes it: ${answer}`;
}

/** Where the rules look a NodePort up: the node's addresses that take them, then the port. */
const NODE_PORTS: ReadonlySet<string> = new Set(['nodeport-ips', 'service-nodeports']);

/** The reset or error that the kernel sends for a packet it delivered to a port where nothing takes it. */
export function refusal(branch: Branch): GeneratedStep | undefined {
  if (isOpen(branch)) return undefined;
  return branch.steps.findLast(
    (step): step is GeneratedStep =>
      step.kind === 'generated' && step.because === 0 && refusing(packetTitle(step.packet, step.what)),
  );
}

type End = NonNullable<ReturnType<typeof finalPacket>>;

function translatedReach(ends: readonly End[], sent: PacketView, names: TraceNames): string {
  const service = names.service(sent.daddr ?? '', protocolOf(sent), portOf(sent));
  const strangers = service === undefined ? [] : strangersOf(ends, service);
  if (service !== undefined && strangers.length > 0) return strangerReach(ends, strangers, service, names);
  const places = [...new Map(ends.map((end) => [`${end.packet.daddr} ${end.packet.dport}`, end])).values()];
  const named = places.map((place) => names.address(place.packet.daddr ?? ''));
  const what = named.every((who) => who?.kind === 'pod') ? 'pod' : 'endpoint';
  const [only] = places;
  if (places.length > 1) {
    const of = service ? `${places.length} ${service.service} ${what}s` : `${places.length} destinations`;
    return `Reaches one of ${of}.`;
  }
  const name = only === undefined ? String(sent.daddr) : endName(only, names);
  return service ? `Reaches ${service.service} at ${name}.` : `Reaches ${name}, translated from ${sent.daddr}.`;
}

/** `pod shop/api-1`; the address and port of what has no name. */
function endName({ packet: { daddr, dport } }: End, names: TraceNames): string {
  const who = names.address(daddr ?? '');
  if (who !== undefined) return `${who.kind} ${who.name}`;
  return `${daddr}${dport === undefined ? '' : ` port ${dport}`}`;
}

/** Places, each once, that no EndpointSlice of the Service names. None where the slices are not known. */
function strangersOf(ends: readonly End[], { endpoints }: ServicePortName): readonly End[] {
  if (endpoints === undefined) return [];
  const known = new Set(endpoints.map(({ address }) => address));
  const strange = ends.filter(
    ({ packet: { daddr, dport } }) =>
      typeof dport === 'number' && !known.has(hostPort(daddr, dport)) && !known.has(hostPort(daddr, '*')),
  );
  return [...new Map(strange.map((end) => [hostPort(end.packet.daddr, end.packet.dport), end])).values()];
}

function strangerReach(
  ends: readonly End[],
  strangers: readonly End[],
  { service }: ServicePortName,
  names: TraceNames,
): string {
  const places = new Set(ends.map(({ packet }) => hostPort(packet.daddr, packet.dport))).size;
  const [first, ...more] = strangers;
  if (first === undefined) return '';
  const place = `${endName(first, names)}, port ${first.packet.dport}`;
  if (places === 1)
    return `Reaches ${place}, which is no endpoint of ${service}: the rules of ${names.node} lead there.`;
  const rest = more.length === 0 ? '' : ` and ${more.length} more`;
  return `Reaches one of ${places} destinations. ${strangers.length} of them ${strangers.length === 1 ? 'is no endpoint' : 'are no endpoints'} of ${service}: ${place}${rest}. The rules of ${names.node} lead there.`;
}

function directReach(end: End, names: TraceNames, branch: Branch | undefined): string {
  const to = end.packet.daddr ?? '';
  const who = names.address(to);
  const port = end.packet.dport === undefined ? '' : `, port ${end.packet.dport}/${end.packet.protocol}`;
  if (end.local) return `Reaches ${names.node} itself${port}.`;
  const name = who ? `${who.kind} ${who.name}` : to;
  const route = branch?.steps.findLast((step) => step.kind === 'route' && step.skb === 0);
  const via = route?.kind === 'route' ? route.nexthop : undefined;
  if (via === undefined || via === to) return `Reaches ${name}${port}.`;
  const hop = names.address(via)?.name ?? via;
  return `Leaves ${names.node} by ${end.dev} for ${name}, next hop ${hop}.`;
}

/** What became of the client's address. */
function sourceWords(ends: readonly End[], sent: PacketView): string {
  const sources = [...new Set(ends.map((end) => end.packet.saddr))];
  if (sources.length === 1 && sources[0] === sent.saddr) return 'The client address is kept.';
  if (sources.length === 1 && sources[0] !== undefined) return `The client address becomes ${sources[0]}.`;
  const kept = ends.filter((end) => end.packet.saddr === sent.saddr).length;
  return kept === 0
    ? 'The client address is translated.'
    : `The client address is kept on ${kept} of ${ends.length} branches.`;
}

function dependsSentence(trace: Trace, names: TraceNames): string {
  const groups = new Map<BranchVerdict, { probability: number; readonly first: Branch }>();
  for (const branch of trace.branches) {
    const verdict = branchVerdict(branch);
    const group = groups.get(verdict);
    if (group) group.probability += branch.probability;
    else groups.set(verdict, { probability: branch.probability, first: branch });
  }
  const share = [...groups].map(
    ([verdict, { probability }]) => `${fraction(probability).replace('/', ' of ')} ${verdict}`,
  );
  const bad = [...groups].find(([verdict]) => verdict !== 'delivered')?.[1].first;
  const why = bad ? ` ${branchSentence(bad, trace, names)}` : '';
  return `Depends on chance: ${share.join(', ')}.${why}`;
}

/** `10.99.151.112:80`, `[fd00::1]:80`. */
export function hostPort(address: string | undefined, port: number | string | undefined): string {
  const host = address ?? '?';
  if (port === undefined) return host;
  if (port === 'random') return `${host}, random port`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
