/** Whether somebody other than kube-proxy changed what a node has for a Service port: no earlier state of the objects explains it. */
import type { ContainerPort } from '../cluster/cluster';
import { endpointText } from '../explain/kube-proxy-name';
import type { Difference } from './compare-tables';
import { isExplained } from './earlier-state';
import { type Changes, isEqual } from './endpoint-moves';
import { addressesOf, addressOf, type JudgedTable, keysOf, portOwner, valuesOf } from './judged-table';
import type { PortState } from './proxy-state';

/**
 * @param text the Service port, as in `table.byPort`
 * @param missing Service ports that the node lacks: they tell nothing of what it knows
 */
export function isAltered(
  table: JudgedTable,
  text: string,
  [ours, theirs]: readonly [PortState, PortState],
  changes: Changes,
  missing: ReadonlySet<string>,
): boolean {
  const { stale, lacking, leftOut, leaving } = changes;
  const differences = table.byPort.get(text) ?? [];
  const service = table.services.get(portOwner(ours.port));
  const isEarlier = table.before(ours.port) !== undefined;
  if (service !== undefined && !isEarlier && !isExplained(theirs, service, table.family)) return true;
  if (differences.some((one) => isEmptied(table, one))) return true;
  // It may know the endpoint by another Service.
  const isOfOthers = (endpoint: string) => (table.byEndpoint.get(endpoint) ?? []).some(([other]) => other !== text);
  const isKnown = (endpoint: string) => table.hairpins.has(`${ours.port.protocol} ${endpoint}`);
  const isOwn = (endpoint: string) => keysOf(theirs).has(endpoint);
  if (leftOut.some((one) => isKnown(one) && !isOwn(one) && !isOfOthers(one))) return true;
  // Hints of topology, which come and go, may have narrowed its choice.
  const isNarrowed = leaving.length === 0 && service?.trafficDistribution !== undefined;
  const hasMoved = leftOut.length + leaving.length > 0 && !isNarrowed;
  if (portsDisagree(table, ours, theirs, changes)) return true;
  if (hasMoved && siblingsDisagree(table, text, ours, changes, missing)) return true;
  if (changes.missing.some((key) => isTaken(table, key, text))) return true;
  if (isEarlier || changes.missing.length > 0) return false;
  // The ClusterIP is the Service's for as long as it lives: no other address was ever led to its endpoints without `external-`.
  const isInternal = (key: string) => /^(service|local)-/.test(theirs.served.get(key) ?? '');
  if (stale.some(isInternal) && [...theirs.served.keys()].some((key) => isInternal(key) && ours.served.has(key)))
    return true;
  // A chain without a way to it is emptied together with the last one.
  if (theirs.chains.some(({ name }) => !table.references.has(name))) return true;
  if (lacking.length + leaving.length > 0) return false;
  return refusalsDisagree(ours, theirs, differences) || differences.some(isOfSomebody);
}

/** A chain that is used is never empty. */
const isEmptied = (table: JudgedTable, { kind, name }: Difference): boolean =>
  kind === 'rule missing' && table.references.has(name) && table.isEmpty(name);

const isOfSomebody = ({ kind, name }: Difference): boolean =>
  (kind === 'element missing' && (name === 'firewall-ips' || name === 'cluster-ips')) ||
  (name.startsWith('firewall-') && kind.startsWith('rule'));

/** Drops that follow from a policy come and go with the rules of `external-`, or with where the ClusterIP leads. */
function refusalsDisagree(ours: PortState, theirs: PortState, differences: readonly Difference[]): boolean {
  const isSame = (key: string) => ours.served.get(key) === theirs.served.get(key);
  const refusals = [...ours.refused, ...theirs.refused].filter(
    (key) => ours.refused.has(key) !== theirs.refused.has(key) && ours.served.has(key) && isSame(key),
  );
  return refusals.length > 0 && !differences.some(({ name }) => name.startsWith('external-'));
}

/**
 * Whether endpoints have another port than today, and others of their EndpointSlice have today's. A target port by number is one
 * for all; by name each pod has its own, which a container of it declares for as long as the pod lives.
 */
function portsDisagree(
  table: JudgedTable,
  { port }: PortState,
  theirs: PortState,
  { leftOut, leaving }: Changes,
): boolean {
  const stayed = new Set(leftOut.map(addressOf));
  const isUndeclared = (endpoint: string): boolean => {
    const pod = table.pod(addressOf(endpoint));
    const number = Number(/\d+$/.exec(endpoint)?.[0]);
    const isIt = (one: ContainerPort) => one.containerPort === number && one.protocol === port.protocol.toUpperCase();
    return pod !== undefined && !pod.ports.some(isIt);
  };
  const moved = new Set(leaving.filter((one) => stayed.has(addressOf(one)) && isUndeclared(one)).map(addressOf));
  if (moved.size === 0) return false;
  const has = keysOf(theirs);
  return valuesOf(table.cluster.endpointSlices).some(({ namespace, service, ports, endpoints }) => {
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
const isTaken = (table: JudgedTable, key: string, text: string): boolean =>
  (table.byKey.get(key) ?? []).some(([other, { port }]) => {
    if (other === text) return false;
    return table.services.has(portOwner(port)) && table.before(port) === undefined;
  });

/**
 * Whether other ports of the Service, or other Services of the same pods, are up to date on this node: then it has seen what became
 * of these pods.
 */
function siblingsDisagree(
  table: JudgedTable,
  text: string,
  ours: PortState,
  { leftOut, leaving }: Changes,
  missing: ReadonlySet<string>,
): boolean {
  const addresses = addressesOf(ours);
  // Where all that leave are still there, the Service may have come to select other pods.
  const isOtherPods = leaving.length > 0 && leaving.every((one) => table.isSomebody(addressOf(one)));
  const like = isOtherPods || addresses === '' ? [] : (table.siblings.get(addresses) ?? []);
  for (const [other, sibling] of [...(table.siblings.get(portOwner(ours.port)) ?? []), ...like]) {
    if (other === text || missing.has(other)) continue;
    const there = table.actual.get(other);
    // Policies and hints narrow the choice: such a Service does not show what the node knows.
    if (there?.cluster === undefined || !isEqual(new Set(sibling.cluster?.keys()), table.usable(sibling.port)))
      continue;
    const has = new Set([...there.cluster.keys()].map(addressOf));
    const should = new Set([...(sibling.cluster?.keys() ?? [])].map(addressOf));
    // Where none is ready here, policy Local still sends to those that end.
    const isLocal = (endpoint: string) => [...(there.local?.keys() ?? [])].map(addressOf).includes(addressOf(endpoint));
    const isThere = (endpoint: string) => has.has(addressOf(endpoint)) || isLocal(endpoint);
    const knows = leftOut.every(isThere) && !leaving.some(isThere);
    if (isEqual(has, should) && knows && has.size > 0) return true;
  }
  return false;
}
