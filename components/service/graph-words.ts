/** What the figure and its twin say of parts and links: one place, so that both say the same. */
import type { EndpointRow, ServicePage } from '@/lib/api/service-types';
import { splitName } from '@/lib/explain/chain-name';
import { fraction } from '@/lib/explain/words';
import type { ComparedLink, ComparedPart } from '@/lib/graph/compare-service-graphs';
import type { GraphRole } from '@/lib/graph/service-graph';
import { STATE_WORDS } from '@/lib/graph/service-graph-layout';

const COLUMN_WORDS: { readonly [R in GraphRole]: string } = {
  base: 'Base chain',
  chain: 'Chain',
  element: 'Map element',
  external: 'External chain',
  service: 'Service chain',
  endpoint: 'Endpoint',
  end: 'Verdict',
};

/** The head of a column, by what is in it: in iptables mode rules stand where nftables mode has map elements. */
export function columnWord(role: GraphRole, parts: readonly ComparedPart[]): string {
  if (role === 'element' && parts.every((part) => part.role !== role || part.place?.kind === 'rule')) return 'Rule';
  const isEnd = role === 'endpoint' && parts.some((part) => part.role === 'end');
  return isEnd && parts.every((part) => part.role !== role) ? COLUMN_WORDS.end : COLUMN_WORDS[role];
}

/** `service-KHN6ECMT`: what is different between the chains of a Service; the rest of the name is the Service. */
export function shortName({ name, role }: ComparedPart): string {
  const { prefix, hash } = splitName(name);
  return hash === '' || role === 'endpoint' ? name : `${prefix}${hash}`.slice(0, -1);
}

/** `1/3`, `25%`; undefined where nothing tells. */
export const share = (probability: number | undefined): string | undefined =>
  probability === undefined || probability === 1 ? undefined : fraction(probability);

/** What a way is, by the address in the key of a map element. */
export function wayWords({ name, role }: ComparedPart, page: Pick<ServicePage, 'facts'>): string {
  if (role !== 'element' || page.facts === null) return '';
  const parts = name.split(' . ');
  if (parts.length === 2) return 'NodePort';
  if (parts.length !== 3) return '';
  const address = parts[0] ?? '';
  const { clusterIPs, loadBalancerIPs, externalIPs } = page.facts;
  if (clusterIPs.includes(address)) return 'ClusterIP';
  if (loadBalancerIPs.includes(address)) return 'load balancer address';
  return externalIPs.includes(address) ? 'external IP' : 'not an address of the Service';
}

/** What becomes of packets that should come by a map element. */
export const troubleOf = ({ name, role }: ComparedPart, troubles: ReadonlyMap<string, string>): string | undefined =>
  role === 'element' ? troubles.get(name) : undefined;

/** The endpoint behind `10.244.1.3:8080` or `[fd00::3]:8080`. */
function endpointOf(name: string, endpoints: readonly EndpointRow[]): EndpointRow | undefined {
  const address = /^\[(.+)\]:\d+$/.exec(name)?.[1] ?? name.slice(0, name.lastIndexOf(':'));
  return endpoints.find(({ addresses }) => addresses[0] === address);
}

/** Under the name: the pod and where it runs, or what the chain does. */
export function noteOf(part: ComparedPart, endpoints: readonly EndpointRow[]): string {
  if (part.state === 'other') return `of ${part.other ?? 'another Service'}`;
  if (part.role !== 'endpoint' || part.note !== '') return part.note;
  const endpoint = endpointOf(part.name, endpoints);
  if (endpoint === undefined) return 'no endpoint of the Service';
  return [endpoint.pod?.name, endpoint.node, endpoint.zone]
    .filter((word) => word !== null && word !== undefined)
    .join(' · ');
}

/** Both ends of a name that fits: chains such as `service-endpoints-check` and `nodeport-endpoints-check` differ in front. */
export function fitBoth(name: string, max: number): string {
  if (name.length <= max) return name;
  const front = Math.ceil((max - 1) / 2);
  return `${name.slice(0, front)}…${name.slice(name.length - (max - 1 - front))}`;
}

/** What a line carries now: of one that is missing nothing, whatever it should; that is in its words. */
export const carried = ({ probability, state }: ComparedLink): string | undefined =>
  state === 'missing' && share(probability) !== undefined ? '0' : share(probability);

/** `source ranges: …, else 1/3 each`: the condition and the share of a link, in words. */
export function linkWords(link: ComparedLink): string {
  const isMissing = link.state === 'missing';
  const part = isMissing ? undefined : share(link.probability);
  const expected = isMissing ? share(link.probability) : undefined;
  return [
    ...(part === undefined ? [] : [`${part} of new connections`]),
    ...(link.sticky ? ['known clients again'] : []),
    ...link.when,
    // The part itself says whose it is; the way may be missing where the part is not.
    ...(['same', 'unknown', 'other'].includes(link.state)
      ? []
      : [`${link.state === 'altered' ? '' : 'way '}${STATE_WORDS[link.state]}`]),
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(link.expected === undefined ? [] : [`expected ${share(link.expected) ?? 'always'}`]),
  ].join(', ');
}

/** The whole of a part, for a screen reader. */
export function partLabel(
  part: ComparedPart,
  page: Pick<ServicePage, 'facts'>,
  endpoints: readonly EndpointRow[],
): string {
  return [
    columnWord(part.role, [part]),
    part.name,
    wayWords(part, page),
    noteOf(part, endpoints),
    part.state === 'same' || part.state === 'other' ? '' : STATE_WORDS[part.state],
  ]
    .filter((word) => word !== '')
    .join(', ');
}
