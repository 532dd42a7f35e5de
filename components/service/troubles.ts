/** What becomes of a Service's traffic on a node although kube-proxy's rules there are as expected: from the findings. */
import type { EvidenceView, FindingView } from '@/lib/api/findings-types';
import type { ServicePage, ServiceRow, WayView } from '@/lib/api/service-types';

/**
 * The word of each code that is about the packet and not about what kube-proxy wrote: differences of its rules are compared beside it,
 * and what the cluster lacks is no node's doing.
 */
const WORDS: { readonly [code: string]: string | undefined } = {
  'nat-captured': 'captured',
  'drop-before-proxy': 'dropped',
  'drop-after-proxy': 'dropped',
  'notrack-service-traffic': 'not translated',
  'rp-filter-strict': 'dropped',
  'conntrack-full': 'dropped',
  'forwarding-off': 'not forwarded',
  'pod-route-missing': 'no route',
  'bridge-nf-off': 'not translated back',
  'nd-dropped': 'neighbours not found',
};

type PacketView = EvidenceView & { readonly kind: 'packet' };

export interface Trouble {
  readonly node: string;
  /** `captured`, `dropped`, … */
  readonly word: string;
  readonly finding: FindingView;
  /** Evidence of this node; packets to other Services, which the finding is about too, are not among it. */
  readonly evidence: readonly EvidenceView[];
  /** Who sends what is lost: the sender of a packet of the evidence. Null where none is among it. `to` is null where that is to another Service. */
  readonly sender: { readonly from: string; readonly begins: string; readonly to: string | null } | null;
  /** Ids of the ways that its packets show; none: which ways is not said. */
  readonly ways: ReadonlySet<string>;
}

/** The word of an error that is about the packet; undefined for all else. */
const wordOf = ({ code, severity }: FindingView): string | undefined =>
  severity === 'error' ? WORDS[code] : undefined;

/** Errors that name the Service, or none in particular, by the nodes they name. */
export function troublesOf(
  findings: readonly FindingView[],
  page: Pick<ServicePage, 'namespace' | 'name' | 'ways' | 'facts'>,
): readonly Trouble[] {
  // What kube-proxy writes nothing for is on no node.
  if (page.facts === null || page.facts.notServed !== null) return [];
  const name = `${page.namespace}/${page.name}`;
  return findings.flatMap((finding): readonly Trouble[] => {
    const { services, nodes } = finding;
    const word = wordOf(finding);
    if (word === undefined) return [];
    const addresses = () => page.ways.flatMap((way) => way.addresses);
    if (services.length > 0 ? !services.includes(name) : !isOfFamily(finding, addresses())) return [];
    return nodes.map((node) => {
      const here = finding.evidence.filter((one) => 'node' in one && one.node === node);
      const isOwn = ({ packet }: PacketView) => page.ways.some((way) => comesBy(packet, way, page));
      const evidence = here.filter((one) => one.kind !== 'packet' || services.length < 2 || isOwn(one));
      const packets = here.flatMap((one) => (one.kind === 'packet' ? [one] : []));
      const ways = page.ways.filter((way) => packets.some(({ packet }) => comesBy(packet, way, page)));
      const own = packets.find(isOwn);
      const ends = (own ?? packets[0])?.ends ?? null;
      const sender =
        ends === null ? null : { from: ends.from, begins: ends.begins ?? node, to: own === undefined ? null : ends.to };
      return { node, word, finding, evidence, sender, ways: new Set(ways.map(({ id }) => id)) };
    });
  });
}

/** What is of one family, by its settings or its code, concerns Services that have addresses of it. */
function isOfFamily({ code, evidence }: FindingView, addresses: readonly string[]): boolean {
  const keys = evidence.flatMap((one) => (one.kind === 'sysctl' ? [one.key] : []));
  const has = (family: string) => addresses.some((address) => address.includes(':') === (family === 'ipv6'));
  if (code === 'nd-dropped') return has('ipv6');
  const families = ['ipv4', 'ipv6'].filter((family) => keys.some((key) => key.includes(family)));
  return families.length === 0 || families.some(has);
}

/** A packet that goes to the address and port of a way; NodePorts are at any address that is none of the Service. */
function comesBy(packet: object, way: WayView, { ways }: Pick<ServicePage, 'ways'>): boolean {
  const { daddr, dport, protocol } = packet as { readonly [key: string]: unknown };
  if (typeof daddr !== 'string' || dport !== way.number || protocol !== way.port.protocol) return false;
  if (way.kind !== 'NodePort') return way.addresses.includes(daddr);
  return !ways.some(({ addresses }) => addresses.includes(daddr));
}

/** A word on a node. */
export type NodeWord = Pick<Trouble, 'node' | 'word'>;

/** {@link troublesOf} for many Services: findings are gone through once, not for each of 10,000. */
export function troublesByService(
  findings: readonly FindingView[],
): (row: Pick<ServiceRow, 'namespace' | 'name' | 'served' | 'addresses'>) => readonly NodeWord[] {
  const about = findings.filter((one) => wordOf(one) !== undefined);
  const wordsOf = (one: FindingView) => one.nodes.map((node) => ({ node, word: wordOf(one) ?? '' }));
  const named = new Map<string, NodeWord[]>();
  for (const one of about)
    for (const service of one.services) named.set(service, [...(named.get(service) ?? []), ...wordsOf(one)]);
  const general = about.filter(({ services }) => services.length === 0);
  return ({ namespace, name, served, addresses }) =>
    served
      ? [
          ...(named.get(`${namespace}/${name}`) ?? []),
          ...general.filter((one) => isOfFamily(one, addresses)).flatMap(wordsOf),
        ]
      : [];
}

/** `captured on node-3`, `dropped on 3 nodes`: each word once, in the order of the findings. */
export function troubleWords(troubles: readonly NodeWord[]): readonly string[] {
  const nodes = new Map<string, Set<string>>();
  for (const { word, node } of troubles) nodes.set(word, (nodes.get(word) ?? new Set()).add(node));
  return [...nodes].map(([word, at]) => `${word} on ${at.size === 1 ? [...at][0] : `${at.size} nodes`}`);
}

/** Names of the map elements by which a way comes in, as the graph has them. */
export const elementsOf = ({ kind, addresses, number, port: { protocol } }: WayView): readonly string[] =>
  kind === 'NodePort'
    ? [`${protocol} . ${number}`]
    : addresses.map((address) => `${address} . ${protocol} . ${number}`);

/** Words for elements of the graph on one node: `captured`. */
export function elementTroubles(
  troubles: readonly Trouble[],
  ways: readonly WayView[],
  node: string,
): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const trouble of troubles)
    if (trouble.node === node)
      for (const way of ways)
        if (trouble.ways.has(way.id))
          for (const name of elementsOf(way)) if (!words.has(name)) words.set(name, trouble.word);
  return words;
}
