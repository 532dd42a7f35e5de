/** How an asked connection ends, and which findings say why. */
import { shortest } from '../net/address';
import type { Question } from '../reach/walk';
import { ask, type Ending } from '../reach/walk';
import type { Reason, Step } from '../sim/trace';
import { causeIn } from './causes';
import type { Context } from './context';
import type { Finding, FindingCode } from './finding';
import { probeOf } from './probes';
import { probeCommand } from './show';
import { culpritOf, kernelStepOf } from './survey';

export interface AskedAnswer {
  /** Every outcome with its probability: ok, refused, timeout, …; `undecided`. */
  readonly results: { readonly [word: string]: number };
  readonly undecided: readonly Reason[];
  /** Pods that the connection reaches and that are no endpoint of the Service it asks for. */
  readonly astray: readonly string[];
  /** The likeliest explanation first; empty where all arrives, or nothing found explains it. */
  readonly explainedBy: readonly Finding[];
  /** Of findings that show a packet: the same with the connection asked about, where it ended just so. */
  readonly retold: ReadonlyMap<Finding, Finding>;
}

/** What the kernel says in its steps, and the finding that means the same. */
const KERNEL: Readonly<Record<string, FindingCode>> = {
  'forwarding-off': 'forwarding-off',
  'rp-filter': 'rp-filter-strict',
  'conntrack-full': 'conntrack-full',
  neighbour: 'nd-dropped',
  'neighbour-discovery': 'nd-dropped',
  'legacy-tables': 'legacy-iptables-active',
  'ruleset-unknown': 'node-unreadable',
  'no-route': 'pod-route-missing',
};

/** Reported for nothing but an asked connection: they are about it. */
const ASKED: ReadonlySet<FindingCode> = new Set([
  'clusterip-unallocated',
  'clusterip-port-undefined',
  'source-ranges-block',
  'localhost-nodeport',
  'nodeport-address-not-served',
]);

export function explainAsked(context: Context, question: Question, findings: readonly Finding[]): AskedAnswer {
  const endings = ask(context.network, question);
  const results: Record<string, number> = {};
  for (const { result = 'undecided', probability } of endings) results[result] = (results[result] ?? 0) + probability;
  const services = new Set(
    probeOf(context.network, question)?.ports.map(({ namespace, service }) => `${namespace}/${service}`),
  );
  const own = podsBehind(context, services);
  const isAstray = ({ result, backend }: Ending): boolean =>
    result === 'ok' && backend !== undefined && own !== undefined && isPod(context, backend) && !own.has(backend);
  const astray = new Set(endings.filter(isAstray).flatMap(({ backend }) => backend ?? []));
  const lost = endings.filter((ending) => ending.result !== 'ok' || isAstray(ending));
  const ranked = findings
    .map((one) => ({ one, rank: Math.max(0, ...lost.map((ending) => weight(one, ending, services))) }))
    .filter(({ rank }) => rank > 0)
    .toSorted((a, b) => b.rank - a.rank);
  const retold = ranked.flatMap(({ one }) => {
    const told = aboutAsked(one, question, lost, context);
    return told === undefined ? [] : [[one, told] as const];
  });
  return {
    results,
    retold: new Map(retold),
    undecided: [...new Map(lost.flatMap(({ undecided }) => undecided).map((reason) => [reason.say, reason])).values()],
    astray: [...astray].toSorted(),
    explainedBy: [
      ...new Set(ranked.flatMap(({ one, rank }) => [...(rank === RANK.it ? causesOf(one, findings) : []), one])),
    ],
  };
}

/** A finding of a drop with the connection asked about as its packet; undefined where what it names did not end the connection. */
function aboutAsked(
  one: Finding,
  question: Question,
  lost: readonly Ending[],
  { network }: Context,
): Finding | undefined {
  if (one.code !== 'drop-before-proxy' && one.code !== 'drop-after-proxy') return undefined;
  const { client, packet } = question;
  const entry = client.kind === 'outside' ? client.via : client.node;
  if (entry === undefined) return undefined;
  const ended = lost.flatMap((ending) => {
    const culprit = culpritOf(ending);
    return culprit !== undefined && one.evidence.some((evidence) => isAbout(evidence, culprit))
      ? [{ node: culprit.node, result: ending.result ?? 'undecided' }]
      : [];
  });
  const [first] = ended;
  if (first === undefined) return undefined;
  const pod = client.kind === 'pod' ? network.podByAddress.get(shortest(client.address)) : undefined;
  const from =
    client.kind === 'node'
      ? client.node
      : pod === undefined
        ? `external:${client.address}`
        : `${pod.namespace}/${pod.name}`;
  const results = [...new Set(ended.map(({ result }) => result))].join(', ');
  return {
    ...one,
    evidence: [
      ...one.evidence.filter(({ kind }) => kind !== 'packet'),
      { kind: 'packet', node: first.node, packet, text: `${results}; sent from ${from}, entering at ${entry}` },
    ],
    reproduce: probeCommand({ question, node: entry, from }),
  };
}

/** The pods behind Services; undefined where it is no Service, or an endpoint is no pod. */
function podsBehind({ cluster, network }: Context, services: ReadonlySet<string>): ReadonlySet<string> | undefined {
  if (services.size === 0 || !cluster.endpointSlices.known) return undefined;
  const endpoints = cluster.endpointSlices.value
    .filter(({ namespace, service }) => services.has(`${namespace}/${service}`))
    .flatMap((slice) => slice.endpoints);
  const pods = endpoints.map(({ pod, addresses }) => pod ?? network.podByAddress.get(shortest(addresses[0] ?? '')));
  if (pods.includes(undefined)) return undefined;
  return new Set(pods.flatMap((pod) => (pod === undefined ? [] : [`${pod.namespace}/${pod.name}`])));
}

const isPod = ({ cluster }: Context, name: string): boolean =>
  cluster.pods.known && cluster.pods.value.some((pod) => `${pod.namespace}/${pod.name}` === name);

/** What the finding follows from explains the connection first. */
const causesOf = ({ causes }: Finding, findings: readonly Finding[]): readonly Finding[] =>
  causes.flatMap((cause) => causeIn(findings, cause) ?? []);

/** How near a finding is to an ending. */
const RANK = {
  /** About this very connection, or the rule or the step of the kernel that ended it. */
  it: 4,
  /** An error of its Service, on a node of its way. */
  service: 3,
  /** What somebody did to what the packet met there. */
  met: 2,
  /** About its Service there. */
  near: 1,
  none: 0,
} as const;

function weight(one: Finding, ending: Ending, services: ReadonlySet<string>): number {
  if (ASKED.has(one.code)) return RANK.it;
  const codes = [kernelStepOf(ending)?.step.code, ...ending.undecided.map(({ code }) => code)];
  const isOfKernel = codes.some((code) => code !== undefined && KERNEL[code] === one.code);
  // Whose neighbour is not found may be the next node, which the packet has not come to.
  if (isOfKernel && one.code === 'nd-dropped') return RANK.it;
  const nodes = new Set(ending.stops.flatMap((stop) => (stop.kind === 'node' ? [stop.node] : [])));
  if (one.nodes.length > 0 && !one.nodes.some((node) => nodes.has(node))) return RANK.none;
  const culprit = culpritOf(ending);
  if (culprit !== undefined && one.evidence.some((evidence) => isAbout(evidence, culprit))) return RANK.it;
  if (isOfKernel) return RANK.it;
  const isOfService = one.services.some((service) => services.has(service));
  if (isOfService && one.severity === 'error') return RANK.service;
  if (isMet(one, ending, services)) return RANK.met;
  return isOfService ? RANK.near : RANK.none;
}

/** Whether the packet met what somebody changed in kube-proxy's table, or should have met a table that is missing. */
function isMet({ code, evidence }: Finding, { stops }: Ending, services: ReadonlySet<string>): boolean {
  if (code !== 'proxy-rules-altered' && code !== 'proxy-table-missing') return false;
  return stops.some((stop) => {
    if (stop.kind !== 'node') return false;
    const { family } = stop.packet;
    const met = metOn(stop.trace.branches[stop.branch]?.steps ?? []);
    return evidence.some((one) => {
      if (one.kind === 'table') return services.size > 0 && one.node === stop.node && one.family === family;
      if (one.kind !== 'difference' || one.node !== stop.node || one.family !== family) return false;
      const text = one.actual ?? one.expected ?? '';
      return met.chains.has(one.name) || (met.keys.get(one.name) ?? []).some((key) => isKeyOf(key, text));
    });
  });
}

const isKeyOf = (key: string, element: string): boolean => element === key || element.startsWith(`${key} `);

interface Met {
  readonly chains: ReadonlySet<string>;
  /** Keys looked up, by the set's name. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

function metOn(steps: readonly Step[]): Met {
  const chains = new Set<string>();
  const keys = new Map<string, string[]>();
  for (const step of steps) {
    if (step.kind === 'chain' && isProxys(step.table)) chains.add(step.chain);
    if ((step.kind !== 'rule' && step.kind !== 'passed') || !isProxys(step.at.table)) continue;
    chains.add(step.at.chain);
    if (step.kind === 'rule' && step.jumpTarget !== undefined) chains.add(step.jumpTarget);
    for (const { name, key } of step.lookups) if (name !== undefined) keys.set(name, [...(keys.get(name) ?? []), key]);
  }
  return { chains, keys };
}

const isProxys = (table: string): boolean => table === 'kube-proxy';

function isAbout(evidence: Finding['evidence'][number], culprit: NonNullable<ReturnType<typeof culpritOf>>): boolean {
  const { node, by } = culprit;
  // A chain that somebody added, or its policy.
  if (evidence.kind === 'difference')
    return evidence.node === node && evidence.family === by.family && isProxys(by.table) && evidence.name === by.chain;
  if (evidence.kind !== 'rule' && evidence.kind !== 'chain') return false;
  const isSame =
    evidence.node === node &&
    evidence.family === by.family &&
    evidence.table === by.table &&
    evidence.chain === by.chain;
  return isSame && (evidence.kind === 'chain' || evidence.handle === by.handle);
}
