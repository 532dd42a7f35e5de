/**
 * kube-proxy's tables against what it should have written, as findings: Services and endpoints that it has not seen come or go, and
 * what somebody else wrote into them.
 */
import type { ContainerPort, Service } from '../../cluster/cluster';
import type { FamilyDrift } from '../../drift/node-drift';
import { type Backend, backendsOf, endpointKey } from '../../expected/endpoints';
import type { ExpectedFamily } from '../../expected/expected-of-node';
import { expectedTable } from '../../expected/expected-table';
import { fixedNames } from '../../expected/fixed-part';
import { endpointText, parseKubeProxyName, type ServicePortRef, servicePortText } from '../../explain/kube-proxy-name';
import { inPrefix, parseAddress } from '../../net/address';
import type { Rule, Table } from '../../nft/model';
import { renderContext } from '../../render/context';
import { renderRule } from '../../render/render-rule';
import type { Context, NodeContext } from '../context';
import { earlierService, type ServiceLines, serviceLines } from '../earlier-service';
import { isExplained } from '../earlier-state';
import { type Evidence, type Finding, finding } from '../finding';
import { groupBy } from '../group-by';
import { podNetworks } from '../networks';
import { type Endpoints, type PortState, type ProxyState, partsOf, proxyState } from '../proxy-state';
import { nameOf } from '../services';
import { servicesInRule } from '../services-in-rule';
import { listed, nodesOf } from '../show';

type DriftCode =
  | 'service-missing-on-node'
  | 'service-stale-on-node'
  | 'endpoint-missing-on-node'
  | 'endpoint-stale-on-node'
  | 'proxy-rules-altered';

type Difference = FamilyDrift['differences'][number];

/** One thing that is wrong on one node. */
interface Wrong {
  readonly code: DriftCode;
  readonly node: string;
  /** None: it concerns all. */
  readonly services: readonly string[];
  readonly evidence: readonly Evidence[];
}

export function driftFindings(context: Context): readonly Finding[] {
  const wrong = context.nodes.flatMap((node) => wrongOn(node, context));
  const byNode = groupBy(wrong, ({ code, node }) => `${code} ${node}`);
  const joined = [...byNode.values()].flatMap(([first, ...more]): readonly Wrong[] =>
    first === undefined
      ? []
      : [
          {
            ...first,
            services: [...new Set([first, ...more].flatMap(({ services }) => services))].sort(),
            evidence: [first, ...more].flatMap(({ evidence }) => evidence),
          },
        ],
  );
  // Nodes that lack the same lack it for one cause.
  return [...groupBy(joined, ({ code, services }) => `${code} ${services.join()}`).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [say(first.code, group)];
  });
}

/** Pieces of evidence that one finding names. */
const EVIDENCE_MAX = 24;

function say(code: DriftCode, group: readonly Wrong[]): Finding {
  const nodes = nodesOf(group);
  const services = group[0]?.services ?? [];
  const evidence = group.flatMap((one) => one.evidence);
  const names = services.length > 4 ? `${services.length} Services` : services.join(', ');
  const where = listed(nodes);
  const [first] = evidence;
  const about = { names, where, isOne: nodes.length === 1, what: changeText(evidence) };
  return finding({
    code,
    summary: SUMMARY[code](about),
    services,
    nodes,
    evidence: evidence.slice(0, EVIDENCE_MAX),
    assumptions: [
      "That the cluster's objects and the rules were read at about the same time.",
      ...(evidence.length > EVIDENCE_MAX
        ? [`Of ${evidence.length} differences ${EVIDENCE_MAX} are named; nftscope drift shows all.`]
        : []),
    ],
    reproduce: first === undefined ? 'nft list ruleset' : command(first),
    remedy: code === 'proxy-rules-altered' ? RESTART : BEHIND,
  });
}

interface About {
  readonly names: string;
  readonly where: string;
  readonly isOne: boolean;
  readonly what: string;
}

const SUMMARY: Readonly<Record<DriftCode, (about: About) => string>> = {
  'service-missing-on-node': ({ names, where }) => `kube-proxy's table on ${where} does not lead to ${names}.`,
  'service-stale-on-node': ({ names, where }) =>
    `kube-proxy's table on ${where} still serves ${names}, or an address or port of it, which is gone.`,
  'endpoint-missing-on-node': ({ names, where }) =>
    `Usable endpoints of ${names} are not among the choices of ${where}.`,
  'endpoint-stale-on-node': ({ names, where, isOne }) =>
    `${where} still ${isOne ? 'sends' : 'send'} traffic of ${names} to endpoints that are gone or not usable.`,
  'proxy-rules-altered': ({ names, where, what }) =>
    `Somebody other than kube-proxy changed its table on ${where}: ${what}${names === '' ? '' : `. It concerns ${names}`}.`,
};

/** The first difference in words, and how many more there are. */
function changeText([first, ...more]: readonly Evidence[]): string {
  const others = more.length === 0 ? '' : `, and ${more.length} more difference${more.length === 1 ? '' : 's'}`;
  return first === undefined ? 'it differs' : `${oneChange(first)}${others}`;
}

function oneChange(one: Evidence): string {
  if (one.kind === 'rule') return `the rule ${clip(one.text)} was added to chain ${one.chain}`;
  if (one.kind !== 'difference') return 'it differs';
  const { name, expected, actual } = one;
  const isWhole = (text: string) => /^(chain|set|map) /.test(text);
  if (expected === null)
    return isWhole(actual ?? '') ? `there is ${clip(actual)}` : `${name} has ${clip(actual)} in addition`;
  if (actual === null)
    return isWhole(expected) ? `${clip(expected)} is gone` : `${clip(expected)} is gone from ${name}`;
  return `${name} has ${clip(actual)} instead of ${clip(expected)}`;
}

const CLIPPED = 160;
const clip = (text: string | null): string =>
  text === null ? '' : text.length > CLIPPED ? `${text.slice(0, CLIPPED)}…` : text;

const BEHIND =
  'kube-proxy on the node is stopped, cannot write its rules, or waits: see whether its pod runs and what it logs about syncs. A restart writes everything anew.';
const RESTART =
  'Find out who writes there (nft monitor), and restart kube-proxy on the node: it writes its table anew when it starts.';

function command(one: Evidence): string {
  switch (one.kind) {
    case 'rule':
      return `nft -a list chain ${one.family} ${one.table} ${one.chain}`;
    case 'difference':
      return differenceCommand(one);
    default:
      return 'nft list ruleset';
  }
}

const ELEMENTS: ReadonlyMap<string, 'set' | 'map'> = new Map([
  ['cluster-ips', 'set'],
  ['nodeport-ips', 'set'],
  ['hairpin-connections', 'set'],
  ['service-ips', 'map'],
  ['service-nodeports', 'map'],
  ['no-endpoint-services', 'map'],
  ['no-endpoint-nodeports', 'map'],
  ['firewall-ips', 'map'],
]);

/** Where it should be, or is; what is not there is looked for by its name. */
function differenceCommand({
  family,
  table,
  name,
  expected,
  actual,
}: Extract<Evidence, { kind: 'difference' }>): string {
  const text = expected ?? actual ?? '';
  const isWhole = /^(chain|set|map) /.test(text);
  const kind = ELEMENTS.get(name);
  if (kind !== undefined && !isWhole) {
    const [key = ''] = text.split(/ comment | : /);
    return `nft list ${kind} ${family} ${table} ${name} | grep -F -- '${key}'`;
  }
  if (isWhole && (actual === null || kind !== undefined))
    return `nft list table ${family} ${table} | grep -F -- '${name}'`;
  return `nft -a list ${name.startsWith('affinity-') ? 'set' : 'chain'} ${family} ${table} ${name}`;
}

function wrongOn(node: NodeContext, context: Context): readonly Wrong[] {
  const { drift, expected, proxy } = node;
  if (proxy.kind !== 'nftables' || drift === undefined || expected?.ok !== true) return [];
  return expected.value.flatMap((family) => {
    const found = drift.families.find((one) => one.family === family.family);
    if (found === undefined || found.differences.length === 0 || family.actual === undefined) return [];
    if (family.actual.chains.every(({ rules }) => rules.length === 0)) return [];
    const strange = found.differences.filter((one) => isOfPod(one, context.network.podByAddress));
    const differences = found.differences.filter((one) => !strange.includes(one));
    const judge = new Judge(node, context, { ...family, actual: withoutElements(family.actual, strange) }, differences);
    return judge.run(strange);
  });
}

/** Maps whose keys are addresses of Services: no pod has one of these. */
const BY_ADDRESS: ReadonlySet<string> = new Set(['service-ips', 'no-endpoint-services', 'firewall-ips']);

/** An element for a pod itself, which kube-proxy writes for no Service, whatever its comment names. */
const isOfPod = ({ kind, name, actual }: Difference, pods: ReadonlyMap<string, unknown>): boolean =>
  kind === 'element extra' && BY_ADDRESS.has(name) && pods.has(elementKey(actual)[0] ?? '');

/** Address, protocol and port of an element as nft writes it. */
const elementKey = (text: string | null): readonly string[] =>
  (text ?? '')
    .split(/ comment | : /, 1)
    .join('')
    .split(' . ');

function withoutElements(table: Table, differences: readonly Difference[]): Table {
  if (differences.length === 0) return table;
  const left = new Set(differences.map(({ name, actual }) => `${name} ${elementKey(actual).join(' ')}`));
  const sets = table.sets.map((set) => ({
    ...set,
    elements: set.elements.filter(({ key }) => !left.has(`${set.name} ${partsOf(key).join(' ')}`)),
  }));
  return { ...table, sets };
}

interface Moves {
  readonly lacking: readonly string[];
  /** Those of them that a chain should choose from and does not: a policy does not explain it. */
  readonly leftOut: readonly string[];
  readonly leaving: readonly string[];
  /** A chain that should choose is not there, though the Service port is known. */
  readonly isChainMissing: boolean;
}

interface Changes extends Moves {
  /** Keys that should lead somewhere. */
  readonly missing: readonly string[];
  /** Keys that lead somewhere and should not. */
  readonly stale: readonly string[];
}

/**
 * One that is rejected or dropped where it should be served is known to the node, which takes its Service to have no endpoints. With
 * policy Local both may be: then it must be in both.
 */
const missingKeys = (ours: PortState, theirs: PortState): readonly string[] => [
  ...[...ours.served.keys()].filter(
    (key) =>
      !theirs.served.has(key) && !(theirs.refused.has(key) && !(ours.refused.has(key) && theirs.chains.length > 0)),
  ),
  ...[...ours.refused].filter((key) => !ours.served.has(key) && !theirs.served.has(key) && !theirs.refused.has(key)),
];

/** Keys that a node that is behind does not know. */
const unknownKeys = (ours: PortState, theirs: PortState): readonly string[] =>
  [...ours.served.keys(), ...ours.refused].filter((key) => !theirs.served.has(key) && !theirs.refused.has(key));

/** One table that differs. */
class Judge {
  readonly #wrong: Wrong[] = [];
  readonly #expected: ProxyState;
  readonly #actual: ProxyState;
  readonly #services: ReadonlyMap<string, Service>;
  /** Endpoints that come or go with some difference: hairpin-connections follows them. */
  readonly #moved = new Set<string>();
  readonly #missing = new Set<string>();
  readonly #byPort: ReadonlyMap<string, readonly Difference[]>;

  constructor(
    readonly node: NodeContext,
    readonly context: Context,
    readonly family: ExpectedFamily,
    readonly differences: readonly Difference[],
  ) {
    const { services } = context.cluster;
    this.#expected = proxyState(family.expected);
    this.#actual = family.actual === undefined ? new Map() : proxyState(family.actual);
    this.#services = new Map((services.known ? services.value : []).map((one) => [nameOf(one), one]));
    this.#byPort = groupBy(
      differences.flatMap((one) => one.owner.services.map((port) => ({ ...one, port: servicePortText(port) }))),
      ({ port }) => port,
    );
  }

  /** @param strange elements for pods, which the table is judged without */
  run(strange: readonly Difference[]): readonly Wrong[] {
    for (const one of strange) this.#add('proxy-rules-altered', this.#servicesOfPod(one), this.#evidence([one]));
    for (const port of this.#byPort.keys()) this.#port(port);
    for (const one of this.differences) this.#fixed(one);
    return this.#wrong;
  }

  #add(code: DriftCode, services: readonly string[], evidence: readonly Evidence[]): void {
    this.#wrong.push({ code, node: this.node.name, services, evidence });
  }

  #evidence(differences: readonly Difference[]): readonly Evidence[] {
    const { family } = this.family;
    return differences.map(({ name, expected, actual, kind }) => {
      const rule = kind === 'rule extra' ? this.#ruleOf(name, actual) : undefined;
      return rule === undefined
        ? { kind: 'difference', node: this.node.name, family, table: 'kube-proxy', name, expected, actual }
        : {
            kind: 'rule',
            node: this.node.name,
            family,
            table: 'kube-proxy',
            chain: name,
            handle: rule.handle,
            text: actual ?? '',
          };
    });
  }

  #ruleOf(chain: string, text: string | null): Rule | undefined {
    const { actual } = this.family;
    if (actual === undefined) return undefined;
    const ctx = renderContext(actual, this.node.ruleset?.nftVersion);
    return actual.chains.find(({ name }) => name === chain)?.rules.find((rule) => renderRule(rule, ctx) === text);
  }

  // ------------------------------------------------------------------------------------------------------ Service ports

  #port(text: string): void {
    const ours = this.#expected.get(text);
    const theirs = this.#actual.get(text);
    const differences = this.#byPort.get(text) ?? [];
    const add = (code: DriftCode, some = differences): void => {
      const port = ours?.port ?? theirs?.port;
      if (port !== undefined) this.#add(code, [`${port.namespace}/${port.name}`], this.#evidence(some));
    };
    if (ours === undefined || theirs === undefined) {
      for (const { cluster, local } of [ours, theirs].filter((one) => one !== undefined))
        for (const endpoint of [...(cluster?.keys() ?? []), ...(local?.keys() ?? [])]) this.#moved.add(endpoint);
      if (ours !== undefined) this.#missing.add(text);
      if (ours !== undefined) add('service-missing-on-node');
      else if (theirs !== undefined) add('service-stale-on-node');
      return;
    }
    const stale = [...theirs.served.keys(), ...theirs.refused].filter(
      (key) => !ours.served.has(key) && !ours.refused.has(key),
    );
    const before = this.#before(ours.port);
    const changes =
      before === undefined
        ? { missing: missingKeys(ours, theirs), stale, ...this.#endpoints(ours, theirs) }
        : { missing: unknownKeys(ours, theirs), stale, ...this.#endpoints(before.get(text) ?? ours, theirs, ours) };
    const { missing, lacking, leaving, isChainMissing } = changes;
    const isMissing = missing.length > 0 || isChainMissing;
    if (isMissing) this.#missing.add(text);
    if (this.#isAltered(text, ours, theirs, changes)) {
      add('proxy-rules-altered');
      return;
    }
    if (isMissing) add('service-missing-on-node');
    if (stale.length > 0) add('service-stale-on-node');
    if (lacking.length > 0) add('endpoint-missing-on-node');
    if (leaving.length > 0) add('endpoint-stale-on-node');
  }

  /**
   * Endpoints that should be chosen and are not, and chosen ones that should not be: hints alone make no endpoint unusable.
   *
   * @param now where `ours` is what the node would have for the Service that it knows, with the endpoints of now
   */
  #endpoints(ours: PortState, theirs: PortState, now?: PortState): Moves {
    const usable = this.#usable(ours.port);
    const isUnknown = now === undefined && missingKeys(ours, theirs).length > 0;
    const lacking = new Set<string>();
    const leaving = new Set<string>();
    const leftOut = new Set<string>();
    let isChainMissing = false;
    for (const role of ['cluster', 'local'] as const) {
      const [should, has] = [ours[role], theirs[role]];
      if (this.#isOfAZone(ours.port, has)) continue;
      for (const endpoint of without(should, has)) {
        this.#moved.add(endpoint);
        // Without the chain there is no choice to be among: the Service port is missing, unless the node takes it to have no endpoints.
        if (has !== undefined) leftOut.add(endpoint);
        if (has !== undefined || (!isUnknown && theirs.refused.size > 0)) lacking.add(endpoint);
        else isChainMissing = true;
      }
      for (const endpoint of without(has, should)) {
        this.#moved.add(endpoint);
        if (!usable.has(endpoint)) leaving.add(endpoint);
      }
    }
    // A policy of before drops what endpoints elsewhere should get now.
    const isDropped = [...(now?.served.keys() ?? [])].some((key) => !now?.refused.has(key) && theirs.refused.has(key));
    if (isDropped && lacking.size === 0) for (const one of without(now?.cluster, theirs.local)) lacking.add(one);
    return { lacking: [...lacking], leftOut: [...leftOut], leaving: [...leaving], isChainMissing };
  }

  /** Where the zone of the node is not known: whether hints of topology would leave just these for one of the zones. */
  #isOfAZone({ namespace, name, port, protocol }: ServicePortRef, has: Endpoints | undefined): boolean {
    if (this.family.node.zone !== undefined || has === undefined || has.size === 0) return false;
    const { nodes } = this.context.cluster;
    if (nodes.known && nodes.value.some((one) => one.name === this.family.node.name)) return false;
    const key = endpointKey(namespace, name, port, protocol.toUpperCase());
    const ready = (this.#allBackends.get(key) ?? []).filter((one) => one.ready);
    if (!ready.every(({ forZones }) => forZones.length > 0)) return false;
    const zones = new Set(ready.flatMap(({ forZones }) => forZones));
    return [...zones].some((zone) => {
      const ofZone = ready.filter(({ forZones }) => forZones.includes(zone)).map(({ text }) => text);
      return isEqual(new Set(ofZone), new Set(has.keys()));
    });
  }

  /** The ready ones; where there are none, those that still serve while they end. */
  #usable({ namespace, name, port, protocol }: ServicePortRef): ReadonlySet<string> {
    const all = this.#allBackends.get(endpointKey(namespace, name, port, protocol.toUpperCase())) ?? [];
    const ready = all.filter((one) => one.ready);
    const some = ready.length > 0 ? ready : all.filter((one) => one.serving && one.terminating);
    return new Set(some.map((one) => one.text));
  }

  get #allBackends(): ReadonlyMap<string, readonly Backend[]> {
    const { endpointSlices } = this.context.cluster;
    const { family, node, configuration } = this.family;
    this.#backends ??= backendsOf(
      endpointSlices.known ? endpointSlices.value : [],
      family,
      node,
      configuration.release,
    );
    return this.#backends;
  }
  #backends: ReadonlyMap<string, readonly Backend[]> | undefined;

  /**
   * What the node would have for the Service that its rules were written for, with the endpoints of now. Undefined where they were
   * written for no one Service.
   */
  #before({ namespace, name }: ServicePortRef): ProxyState | undefined {
    const of = `${namespace}/${name}`;
    const found = this.#befores.get(of);
    if (found !== undefined || this.#befores.has(of)) return found;
    const service = this.#services.get(of);
    const { family, node, configuration } = this.family;
    const states = this.#statesOf.get(of) ?? [];
    const lines = this.#lines.get(of) ?? [];
    const earlier = service === undefined ? undefined : earlierService(states, lines, service, this.family);
    const { endpointSlices } = this.context.cluster;
    const slices = endpointSlices.known ? endpointSlices.value : [];
    const objects = {
      services: earlier === undefined ? [] : [earlier],
      endpointSlices: slices.filter((one) => one.namespace === namespace && one.service === name),
    };
    const before = earlier === undefined ? undefined : proxyState(expectedTable(family, objects, node, configuration));
    this.#befores.set(of, before);
    return before;
  }
  readonly #befores = new Map<string, ProxyState | undefined>();

  get #lines(): ServiceLines {
    this.#lined ??= this.family.actual === undefined ? new Map() : serviceLines(this.family.actual);
    return this.#lined;
  }
  #lined: ServiceLines | undefined;

  /** What the node has, by Service. */
  get #statesOf(): ReadonlyMap<string, readonly PortState[]> {
    this.#stated ??= groupBy(this.#actual.values(), ({ port }) => portOwner(port));
    return this.#stated;
  }
  #stated: ReadonlyMap<string, readonly PortState[]> | undefined;

  // ------------------------------------------------------------------------------------------------ what nobody explains

  #isAltered(text: string, ours: PortState, theirs: PortState, changes: Changes): boolean {
    const { missing, stale, lacking, leftOut, leaving } = changes;
    const differences = this.#byPort.get(text) ?? [];
    const service = this.#services.get(`${ours.port.namespace}/${ours.port.name}`);
    const isEarlier = this.#before(ours.port) !== undefined;
    if (service !== undefined && !isEarlier && !isExplained(theirs, service, this.family)) return true;
    // A chain that is used is never empty.
    const isEmptied = ({ kind, name }: Difference) =>
      kind === 'rule missing' && this.#references.has(name) && this.#isEmpty(name);
    if (differences.some(isEmptied)) return true;
    // It may know the endpoint by another Service.
    const isOfOthers = (endpoint: string) =>
      [...this.#actual].some(([other, state]) => other !== text && keysOf(state).has(endpoint));
    const isKnown = (endpoint: string) => this.#hairpins.has(`${ours.port.protocol} ${endpoint}`);
    const isOwn = (endpoint: string) => keysOf(theirs).has(endpoint);
    if (leftOut.some((one) => isKnown(one) && !isOwn(one) && !isOfOthers(one))) return true;
    // Hints of topology, which come and go, may have narrowed its choice.
    const isNarrowed = leaving.length === 0 && service?.trafficDistribution !== undefined;
    const hasMoved = leftOut.length + leaving.length > 0 && !isNarrowed;
    if (this.#portsDisagree(ours, theirs, leftOut, leaving)) return true;
    if (hasMoved && this.#siblingsDisagree(text, ours, leftOut, leaving)) return true;
    if (missing.some((key) => this.#isTaken(key, text))) return true;
    if (isEarlier || missing.length > 0) return false;
    // The ClusterIP is the Service's for as long as it lives: no other address was ever led to its endpoints without `external-`.
    const isInternal = (key: string) => /^(service|local)-/.test(theirs.served.get(key) ?? '');
    if (stale.some(isInternal) && [...theirs.served.keys()].some((key) => isInternal(key) && ours.served.has(key)))
      return true;
    // A chain without a way to it is emptied together with the last one.
    if (theirs.chains.some(({ name }) => !this.#references.has(name))) return true;
    if (lacking.length + leaving.length > 0) return false;
    // Drops that follow from a policy come and go with the rules of `external-`, or with where the ClusterIP leads.
    const isSame = (key: string) => ours.served.get(key) === theirs.served.get(key);
    const refusals = [...ours.refused, ...theirs.refused].filter(
      (key) => ours.refused.has(key) !== theirs.refused.has(key) && ours.served.has(key) && isSame(key),
    );
    const isExternalEqual = !differences.some(({ name }) => name.startsWith('external-'));
    if (refusals.length > 0 && isExternalEqual) return true;
    return differences.some(
      ({ kind, name }) =>
        (kind === 'element missing' && (name === 'firewall-ips' || name === 'cluster-ips')) ||
        (name.startsWith('firewall-') && kind.startsWith('rule')),
    );
  }

  /** The Services that send to the address and port of an element. */
  #servicesOfPod({ actual }: Difference): readonly string[] {
    const [address = '', protocol = '', port] = elementKey(actual);
    const endpoint = endpointText({ address, port: Number(port) });
    return [...this.#expected.values()].flatMap((state) =>
      state.port.protocol === protocol && keysOf(state).has(endpoint) ? [portOwner(state.port)] : [],
    );
  }

  /**
   * Whether endpoints have another port than today, and others of their EndpointSlice have today's. A target port by number is one
   * for all; by name each pod has its own, which a container of it declares for as long as the pod lives.
   */
  #portsDisagree({ port }: PortState, theirs: PortState, leftOut: readonly string[], leaving: readonly string[]) {
    const stayed = new Set(leftOut.map(addressOf));
    const isUndeclared = (endpoint: string): boolean => {
      const pod = this.context.network.podByAddress.get(addressOf(endpoint));
      const number = Number(/\d+$/.exec(endpoint)?.[0]);
      const isIt = (one: ContainerPort) => one.containerPort === number && one.protocol === port.protocol.toUpperCase();
      return pod !== undefined && !pod.ports.some(isIt);
    };
    const moved = new Set(leaving.filter((one) => stayed.has(addressOf(one)) && isUndeclared(one)).map(addressOf));
    if (moved.size === 0) return false;
    const has = keysOf(theirs);
    const { endpointSlices } = this.context.cluster;
    return (endpointSlices.known ? endpointSlices.value : []).some(({ namespace, service, ports, endpoints }) => {
      if (namespace !== port.namespace || service !== port.name) return false;
      const addresses = endpoints.flatMap((one) => one.addresses);
      if (!addresses.some((one) => moved.has(one))) return false;
      const numbers = ports.flatMap((one) => ((one.name ?? '') === port.port ? (one.port ?? []) : []));
      return addresses.some((address) =>
        numbers.some((number) => !moved.has(address) && has.has(endpointText({ address, port: number }))),
      );
    });
  }

  /** Whether the key leads to a Service that never had it: one that had it before has rules of that time. */
  #isTaken(key: string, text: string): boolean {
    return [...this.#actual].some(([other, { port, served }]) => {
      if (other === text || !served.has(key)) return false;
      return this.#services.has(portOwner(port)) && this.#before(port) === undefined;
    });
  }

  #isEmpty(chain: string): boolean {
    return this.family.actual?.chains.find(({ name }) => name === chain)?.rules.length === 0;
  }

  /** Endpoints of this node that it knows, from 1.36: `PROTOCOL ADDRESS:PORT`. */
  get #hairpins(): ReadonlySet<string> {
    const set = this.family.actual?.sets.find(({ name }) => name === 'hairpin-connections');
    this.#hairpinned ??= new Set(
      (set?.elements ?? []).flatMap(({ key }) => {
        const [address, , protocol, port] = partsOf(key);
        return address === undefined
          ? []
          : [`${protocol} ${endpointText({ address: String(address), port: Number(port) })}`];
      }),
    );
    return this.#hairpinned;
  }
  #hairpinned: ReadonlySet<string> | undefined;

  /**
   * Whether other ports of the Service, or other Services of the same pods, are up to date on this node: then it has seen what became
   * of these pods.
   */
  #siblingsDisagree(text: string, ours: PortState, lacking: readonly string[], leaving: readonly string[]): boolean {
    const addresses = addressesOf(ours);
    // Where all that leave are still there, the Service may have come to select other pods.
    const isOtherPods = leaving.length > 0 && leaving.every((one) => this.#isSomebody(addressOf(one)));
    for (const [other, sibling] of this.#expected) {
      if (other === text || this.#missing.has(other)) continue;
      const isSame = sibling.port.namespace === ours.port.namespace && sibling.port.name === ours.port.name;
      if (!isSame && (isOtherPods || addressesOf(sibling) !== addresses || addresses === '')) continue;
      const there = this.#actual.get(other);
      // Policies and hints narrow the choice: such a Service does not show what the node knows.
      if (there?.cluster === undefined || !isEqual(new Set(sibling.cluster?.keys()), this.#usable(sibling.port)))
        continue;
      const has = new Set([...there.cluster.keys()].map(addressOf));
      const should = new Set([...(sibling.cluster?.keys() ?? [])].map(addressOf));
      // Where none is ready here, policy Local still sends to those that end.
      const isLocal = (endpoint: string) =>
        [...(there.local?.keys() ?? [])].map(addressOf).includes(addressOf(endpoint));
      const isThere = (endpoint: string) => has.has(addressOf(endpoint)) || isLocal(endpoint);
      const knows = lacking.every(isThere) && !leaving.some(isThere);
      if (isEqual(has, should) && knows && has.size > 0) return true;
    }
    return false;
  }

  /** A pod, a node, or an address outside of the pod networks, which may be anything. */
  #isSomebody(text: string): boolean {
    const { podByAddress, nodeByAddress } = this.context.network;
    if (podByAddress.has(text) || nodeByAddress.has(text)) return true;
    const address = parseAddress(text);
    return !podNetworks(this.context).some(
      ({ family, addr, len }) => family === address?.family && inPrefix(address.value, addr, len),
    );
  }

  /** Chains that an element, or a rule of another chain, leads to. */
  get #references(): ReadonlySet<string> {
    if (this.#referenced !== undefined) return this.#referenced;
    const found = new Set<string>();
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('target' in value && typeof value.target === 'string') found.add(value.target);
      for (const member of Object.values(value)) visit(member);
    };
    for (const { rules } of this.family.actual?.chains ?? []) for (const { statements } of rules) visit(statements);
    for (const { elements } of this.family.actual?.sets ?? []) for (const { data } of elements) visit(data);
    this.#referenced = found;
    return found;
  }
  #referenced: ReadonlySet<string> | undefined;

  // -------------------------------------------------------------------------------------------------- for all Services

  #fixed(one: Difference): void {
    const { kind, name, owner } = one;
    if (owner.role === 'hairpin') {
      if (owner.endpoints.some((endpoint) => this.#moved.has(endpointText(endpoint)))) return;
      // It follows the node of the endpoint, and pods do not move with their addresses.
      const homes = owner.endpoints.map(({ address }) => this.context.network.podByAddress.get(address)?.node);
      const isHere = (home: string | undefined) => home === this.family.node.name;
      const isOthers = (home: string | undefined) => home !== undefined && !isHere(home);
      if (kind === 'element missing' ? homes.every(isHere) : homes.every(isOthers))
        this.#add('proxy-rules-altered', owner.services.map(portOwner), this.#evidence([one]));
      return;
    }
    if (owner.services.length > 0 || kind === 'table missing' || kind === 'table differs') return;
    // Addresses of the node are read at full syncs only; none at all are never written.
    if (name === 'nodeport-ips' && kind.startsWith('element') && !this.#isEmptied(name)) return;
    // Chains of other releases stay behind after an update.
    if (kind === 'chain extra' && (fixedNames().has(name) || this.#isIdle(name))) return;
    if (parseKubeProxyName(name) !== undefined && kind === 'set extra') return;
    this.#add('proxy-rules-altered', this.#touched(one), this.#evidence([one]));
  }

  #isEmptied(set: string): boolean {
    return this.family.actual?.sets.find(({ name }) => name === set)?.elements.length === 0;
  }

  /** Not hooked, or without rules. */
  #isIdle(chain: string): boolean {
    const found = this.family.actual?.chains.find(({ name }) => name === chain);
    return found?.rules.length === 0 || (found?.base === undefined && !this.#references.has(chain));
  }

  /** The Services that a rule names by their addresses and ports. */
  #touched({ kind, name, actual }: Difference): readonly string[] {
    if (kind !== 'rule extra' && kind !== 'rule differs') return [];
    const rule = this.#ruleOf(name, actual);
    return rule === undefined ? [] : servicesInRule(rule, this.context.cluster);
  }
}

const portOwner = ({ namespace, name }: ServicePortRef): string => `${namespace}/${name}`;

const without = (some: Endpoints | undefined, others: Endpoints | undefined): readonly string[] =>
  [...(some?.keys() ?? [])].filter((one) => others?.has(one) !== true);

const isEqual = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));

const keysOf = ({ cluster, local }: PortState): ReadonlySet<string> =>
  new Set([...(cluster?.keys() ?? []), ...(local?.keys() ?? [])]);

const addressesOf = (state: PortState): string => [...new Set([...keysOf(state)].map(addressOf))].sort().join();

/** `10.244.1.5:8080`, `[fd00::5]:8080` */
const addressOf = (endpoint: string): string => endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
