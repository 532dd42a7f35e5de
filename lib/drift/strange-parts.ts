/** Differences that no state of the objects makes, whatever else differs: somebody made them, and the rest is judged without them. */
import { type EndpointRef, parseKubeProxyName, servicePortText } from '../explain/kube-proxy-name';
import type { Table } from '../nft/model';
import type { Difference } from './compare-tables';
import { type JudgedTable, portOwner } from './judged-table';
import { partsOf } from './proxy-state';

/** Sets and maps whose keys are addresses of Services: no pod has one of these. */
const BY_ADDRESS: ReadonlySet<string> = new Set(['service-ips', 'no-endpoint-services', 'firewall-ips', 'cluster-ips']);

/** An element for a pod itself, which kube-proxy writes for no Service, whatever its comment names. */
export const isOfPod = ({ kind, name, actual }: Difference, isPod: (address: string) => boolean): boolean =>
  kind === 'element extra' && BY_ADDRESS.has(name) && isPod(elementKey(actual)[0] ?? '');

/** Rules add clients with the timeout of the set: one that never ends came from elsewhere. */
export const isClientForGood = ({ kind, name }: Difference): boolean => kind === 'element extra' && isAffinity(name);

/** The timeout of one affinity set where others of the Service port have the one that they should. */
export const isLoneTimeout = ({ kind, name }: Difference, retimed: ReadonlySet<string>): boolean =>
  kind === 'set differs' && isAffinity(name) && !retimed.has(affinityPort(name) ?? '');

export const isAffinity = (name: string): boolean => affinityPort(name) !== undefined;

/** Service ports all of whose affinity sets have another timeout: the Service changed. */
export function retimedPorts(differences: readonly Difference[], expected: Table): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const count = (name: string, by: number): void => {
    const port = affinityPort(name);
    if (port !== undefined) counts.set(port, (counts.get(port) ?? 0) + by);
  };
  for (const { name } of expected.sets) count(name, 1);
  for (const { kind, name } of differences) if (kind === 'set differs' || kind === 'set missing') count(name, -1);
  return new Set([...counts].filter(([, left]) => left === 0).map(([port]) => port));
}

/** The Service port of an affinity set. */
function affinityPort(name: string): string | undefined {
  const parsed = name.startsWith('affinity-') ? parseKubeProxyName(name) : undefined;
  return parsed === undefined ? undefined : servicePortText(parsed.service);
}

/** The Services that send to the address, and port where it has one, of an element. */
export function servicesOfPod(table: JudgedTable, { actual }: Difference): readonly string[] {
  const [address = '', protocol, port] = elementKey(actual);
  const isIt = (one: EndpointRef) => one.address === address && (port === undefined || one.port === Number(port));
  return [...table.expected.values()].flatMap((state) => {
    const isProtocol = protocol === undefined || state.port.protocol === protocol;
    const all = [...(state.cluster?.values() ?? []), ...(state.local?.values() ?? [])];
    return isProtocol && all.some(isIt) ? [portOwner(state.port)] : [];
  });
}

/** Address, protocol and port of an element as nft writes it. */
const elementKey = (text: string | null): readonly string[] =>
  (text ?? '')
    .split(/ comment | : /, 1)
    .join('')
    .split(' . ');

export function withoutElements(table: Table, differences: readonly Difference[]): Table {
  if (differences.length === 0) return table;
  const left = new Set(differences.map(({ name, actual }) => `${name} ${elementKey(actual).join(' ')}`));
  const sets = table.sets.map((set) => ({
    ...set,
    elements: set.elements.filter(({ key }) => !left.has(`${set.name} ${partsOf(key).join(' ')}`)),
  }));
  return { ...table, sets };
}
