/** Equal nodes that differ in a table of another owner than kube-proxy: one of them has not got a change. */
import { chainOwner, ownerOf } from '../../explain/owners';
import { type Part, rulesetParts } from '../../fleet/parts';
import { formatAddress } from '../../net/address';
import { groupBy } from '../../net/group-by';
import type { Ruleset, Table } from '../../nft/model';
import type { Context, NodeContext } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { listed } from '../show';

/** Their rules follow the pods, containers or bans of each node. */
const BY_WORKLOAD: ReadonlySet<string> = new Set([
  'kube-proxy',
  'calico',
  'cilium',
  'kube-network-policies',
  'kube-router',
  'kube-ovn',
  'Antrea',
  'weave',
  'CNI port mapping',
  'docker',
  'podman',
  'libvirt',
  'LXC',
  'LXD',
  'fail2ban',
  'CrowdSec',
  // By device: each node has its own.
  'wg-quick',
]);
/** Tables that many write to through iptables. */
const SHARED = /^(filter|nat|mangle|raw|security)$/;

export function disagreementFindings(context: Context): readonly Finding[] {
  const known = context.nodes.flatMap((node) => {
    const { ruleset } = node;
    const tables = ruleset?.tables.flatMap(comparedPart) ?? [];
    if (ruleset === undefined || tables.length === 0) return [];
    return [{ node, facts: factsOf(context, node), parts: partsOf({ ...ruleset, tables }) }];
  });
  const tables = new Set(known.flatMap(({ parts }) => [...parts.keys()]));
  return [...tables].flatMap((table) =>
    compare(
      context,
      table,
      known.flatMap(({ node, facts, parts }) => {
        const own = parts.get(table);
        return own === undefined ? [] : [{ node, facts, parts: own }];
      }),
    ),
  );
}

/** The table without what follows the workload; of those of iptables only chains whose names tell another writer. */
function comparedPart(table: Table): readonly Table[] {
  if (table.name.includes('network-policies')) return [];
  const owner = ownerOf(table);
  if (!SHARED.test(table.name) || table.family === 'inet') return BY_WORKLOAD.has(owner.name) ? [] : [table];
  const chains = table.chains.filter(({ name }) => {
    const writer = chainOwner(table, name, owner).name;
    return !BY_WORKLOAD.has(writer) && writer !== 'kubelet' && !writer.startsWith('iptables-nft') && writer !== UNKNOWN;
  });
  return chains.length === 0 ? [] : [{ ...table, chains, sets: [] }];
}

const UNKNOWN = 'not recognised';

/** By table, then by chain or set. */
function partsOf(ruleset: Ruleset): ReadonlyMap<string, ReadonlyMap<string, Part>> {
  const parts = rulesetParts(ruleset);
  return new Map(
    [...groupBy(parts, ({ table }) => table)]
      .filter(([table]) => table !== '')
      .map(([table, some]) => [table, new Map(some.map((part) => [`${part.kind} ${part.name}`, part]))]),
  );
}

interface Compared {
  readonly node: NodeContext;
  readonly facts: ReadonlySet<string>;
  readonly parts: ReadonlyMap<string, Part>;
}

/** Addresses, networks, interfaces and the name of a node. */
function factsOf({ cluster }: Context, { name, world }: NodeContext): ReadonlySet<string> {
  const facts = new Set([name]);
  const object = cluster.nodes.known ? cluster.nodes.value.find((one) => one.name === name) : undefined;
  for (const text of [...(object?.addresses ?? []), ...(object?.podCIDRs ?? [])]) facts.add(text);
  for (const link of world.links.known ? world.links.value : []) {
    if (link.type === 'loopback') continue;
    if (link.kind === 'veth') facts.add(link.name);
    for (const { local } of link.addresses) facts.add(formatAddress(local));
  }
  for (const pod of cluster.pods.known ? cluster.pods.value : [])
    if (pod.node === name && !pod.hostNetwork) for (const text of pod.addresses) facts.add(text);
  return facts;
}

const WORD = /[0-9A-Za-z_.:/-]+/g;

/**
 * Nodes against the largest group that is equal word for word. Two nodes agree, too, where one's listing is the other's with what is
 * their own exchanged: each may name itself, or all the others.
 */
function compare(context: Context, table: string, nodes: readonly Compared[]): readonly Finding[] {
  if (nodes.length < 2) return [];
  const text = ({ parts }: Compared) =>
    [...parts.values()].map(({ kind, name, header, lines }) => [kind, name, header, ...lines].join('\n')).join('\n\n');
  const groups = [...groupBy(nodes, text).values()].sort((a, b) => b.length - a.length);
  const [largest = [], ...others] = groups;
  const [reference] = largest;
  if (reference === undefined) return [];
  const odd = others.flatMap((group) =>
    group.flatMap((node) => {
      const different = differentParts(reference, node);
      const isEqualNode = largest.some((one) => roleOf(context, one.node) === roleOf(context, node.node));
      return different.length === 0 || !isEqualNode ? [] : [{ node, different }];
    }),
  );
  if (odd.length === 0) return [];
  // Of two that differ nobody knows which is right.
  const isTie = largest.length === 1;
  const names = [...(isTie ? [reference.node.name] : []), ...odd.map(({ node }) => node.node.name)];
  const [family = '', name = ''] = table.split(' ');
  return [
    finding({
      code: 'nodes-disagree',
      summary: isTie
        ? `${listed(names)} differ in the table ${table}.`
        : `The table ${table} of ${listed(names)} differs from that of ${listed(largest.map(({ node }) => node.name))}.`,
      services: [],
      nodes: names,
      evidence: odd
        .flatMap(({ node, different }) =>
          different.flatMap(({ part, less, more }) => [
            ...less.map(
              (line): Evidence => ({
                kind: 'difference',
                node: node.node.name,
                family,
                table: name,
                name: part.name,
                expected: line,
                actual: null,
              }),
            ),
            ...more.map(
              (line): Evidence => ({
                kind: 'difference',
                node: node.node.name,
                family,
                table: name,
                name: part.name,
                expected: null,
                actual: line,
              }),
            ),
          ]),
        )
        .slice(0, 24),
      assumptions: ['That these nodes should be equal: they have the same roles.'],
      reproduce: `nft list table ${table}`,
      remedy: 'See whether what writes the table runs on these nodes and has got the last change.',
    }),
  ];
}

/** node-role.kubernetes.io/ROLE */
function roleOf({ cluster }: Context, { name }: NodeContext): string {
  const labels = cluster.nodes.known ? cluster.nodes.value.find((one) => one.name === name)?.labels : undefined;
  return Object.keys(labels ?? {})
    .filter((label) => label.startsWith('node-role.kubernetes.io/'))
    .sort()
    .join();
}

/** Parts that both have; a base chain, as what hooks the rest, also where one lacks it. */
function differentParts(
  reference: Compared,
  here: Compared,
): readonly { readonly part: Part; readonly less: readonly string[]; readonly more: readonly string[] }[] {
  const keys = new Set([...reference.parts.keys(), ...here.parts.keys()]);
  return [...keys].flatMap((key) => {
    const [before, after] = [reference.parts.get(key), here.parts.get(key)];
    const part = after ?? before;
    if (part === undefined) return [];
    if ((before === undefined || after === undefined) && !(part.kind === 'chain' && part.header !== '')) return [];
    const theirs = linesOf(before, reference, here);
    const own = linesOf(after, here, reference);
    const less = [...theirs].flatMap(([normal, line]) => (own.has(normal) ? [] : [line]));
    const more = [...own].flatMap(([normal, line]) => (theirs.has(normal) ? [] : [line]));
    return less.length + more.length === 0 ? [] : [{ part, less, more }];
  });
}

/** Lines as they are, by what they are without the facts of the two nodes. */
function linesOf(part: Part | undefined, own: Compared, other: Compared): ReadonlyMap<string, string> {
  if (part === undefined) return new Map();
  const normal = (line: string): string =>
    line.replace(WORD, (word) => (own.facts.has(word) ? '<own>' : other.facts.has(word) ? '<other>' : word));
  return new Map([part.header, ...part.lines].filter((line) => line !== '').map((line) => [normal(line), line]));
}
