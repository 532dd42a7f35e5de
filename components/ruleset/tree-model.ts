/** The tree of a ruleset: tables, and in each its base chains, chains, Service chains by namespace, maps, sets, objects. */
import type { ChainOverview, NodeOverview, OwnerView, TableOverview } from '@/lib/api/types';
import { serviceNamespace } from '@/lib/explain/chain-name';

/** What choosing an entry shows; groups only open and close. */
export type TreeTarget =
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'chain'; readonly table: string; readonly chain: string }
  | { readonly kind: 'set'; readonly table: string; readonly set: string }
  /** Flowtables and named objects stand in the text; they have no view of their own. */
  | { readonly kind: 'stateful'; readonly table: string; readonly name: string };

export interface TreeNode {
  /** Stable over refreshes: it names what it stands for. */
  readonly id: string;
  readonly label: string;
  /** Names of chains and sets are set in mono, groups in sans. */
  readonly name: boolean;
  readonly owner?: OwnerView;
  /** At the right: a priority, a count. */
  readonly note: string;
  /** The note in words, for screen readers. */
  readonly noteWords: string;
  readonly target?: TreeTarget;
  readonly children: readonly TreeNode[];
  readonly openAtFirst: boolean;
}

export const tableId = (table: { readonly family: string; readonly name: string }): string =>
  `${table.family} ${table.name}`;

const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

/** nft and people write a true minus sign differently; the tree follows people. */
export const signed = (n: number): string => (n < 0 ? `−${-n}` : String(n));

const HOOKS = ['ingress', 'prerouting', 'input', 'forward', 'output', 'postrouting', 'egress'];

export function buildTree(overview: Pick<NodeOverview, 'tables'>): readonly TreeNode[] {
  return overview.tables.map((table, index) => tableNode(table, index === 0));
}

function tableNode(table: TableOverview, openAtFirst: boolean): TreeNode {
  const id = tableId(table);
  const base = table.chains
    .filter((c) => c.base !== null)
    .toSorted(
      (a, b) =>
        HOOKS.indexOf(a.base?.hook ?? '') - HOOKS.indexOf(b.base?.hook ?? '') ||
        (a.base?.prio ?? 0) - (b.base?.prio ?? 0),
    );
  const regular = table.chains.filter((c) => c.base === null);
  const services = regular.filter((c) => serviceNamespace(c.name) !== undefined);
  const others = regular.filter((c) => serviceNamespace(c.name) === undefined);
  const children = [
    group(
      `${id}/base`,
      'base chains',
      base.map((c) => chainNode(id, c)),
      true,
    ),
    group(
      `${id}/chains`,
      'chains',
      others.map((c) => chainNode(id, c)),
      true,
    ),
    group(`${id}/services`, 'Service chains', byNamespace(id, services), true, services.length),
    group(
      `${id}/maps`,
      'maps',
      table.sets.filter((s) => s.kind === 'map').map((s) => setNode(id, s)),
      true,
    ),
    group(
      `${id}/sets`,
      'sets',
      table.sets.filter((s) => s.kind === 'set').map((s) => setNode(id, s)),
      table.sets.length < 12,
    ),
    group(
      `${id}/flowtables`,
      'flowtables',
      table.flowtables.map((f) => statefulNode(id, 'flowtable', f.name)),
      true,
    ),
    group(
      `${id}/objects`,
      'objects',
      table.objects.map((o) => statefulNode(id, o.kind, o.name)),
      true,
    ),
  ].filter((g) => g.children.length > 0);
  return {
    id,
    label: id,
    name: true,
    owner: table.owner,
    note: plural(table.counts.rules, 'rule'),
    noteWords: plural(table.counts.rules, 'rule'),
    target: { kind: 'table', table: id },
    children,
    openAtFirst,
  };
}

const group = (
  id: string,
  label: string,
  children: readonly TreeNode[],
  openAtFirst: boolean,
  count = children.length,
): TreeNode => ({ id, label, name: false, note: String(count), noteWords: String(count), children, openAtFirst });

function chainNode(table: string, chain: ChainOverview): TreeNode {
  const { base } = chain;
  return {
    id: `${table}/chain/${chain.name}`,
    label: chain.name,
    name: true,
    note: base === null ? String(chain.rules) : signed(base.prio),
    noteWords: base === null ? plural(chain.rules, 'rule') : `${base.hook}, priority ${base.prio}`,
    target: { kind: 'chain', table, chain: chain.name },
    children: [],
    openAtFirst: false,
  };
}

function setNode(table: string, set: TableOverview['sets'][number]): TreeNode {
  return {
    id: `${table}/set/${set.name}`,
    label: set.name,
    name: true,
    note: String(set.count),
    noteWords: plural(set.count, 'element'),
    target: { kind: 'set', table, set: set.name },
    children: [],
    openAtFirst: false,
  };
}

const statefulNode = (table: string, kind: string, name: string): TreeNode => ({
  id: `${table}/${kind}/${name}`,
  label: name,
  name: true,
  note: kind,
  noteWords: kind,
  target: { kind: 'stateful', table, name },
  children: [],
  openAtFirst: false,
});

/** The namespace with most chains first; at equal numbers by name. */
function byNamespace(table: string, chains: readonly ChainOverview[]): readonly TreeNode[] {
  const namespaces = new Map<string, ChainOverview[]>();
  for (const chain of chains) {
    const namespace = serviceNamespace(chain.name) ?? '';
    const members = namespaces.get(namespace);
    if (members === undefined) namespaces.set(namespace, [chain]);
    else members.push(chain);
  }
  return [...namespaces]
    .toSorted(([a, as], [b, bs]) => bs.length - as.length || a.localeCompare(b))
    .map(([namespace, members]) =>
      group(
        `${table}/services/${namespace}`,
        namespace,
        members.map((c) => chainNode(table, c)),
        false,
      ),
    );
}

/** A visible entry of the tree, with what the ARIA tree pattern asks for. */
export interface TreeRow {
  readonly node: TreeNode;
  readonly level: number;
  readonly position: number;
  readonly siblings: number;
  readonly open: boolean;
  readonly parent: string | undefined;
}

/** What is open, in the order of the screen. */
export function visibleRows(
  nodes: readonly TreeNode[],
  isOpen: (node: TreeNode) => boolean,
  level = 1,
  parent?: string,
): readonly TreeRow[] {
  return nodes.flatMap((node, index) => {
    const open = node.children.length > 0 && isOpen(node);
    const row: TreeRow = { node, level, position: index + 1, siblings: nodes.length, open, parent };
    return open ? [row, ...visibleRows(node.children, isOpen, level + 1, node.id)] : [row];
  });
}

/** The ids of the entries that must be open for `id` to be seen. */
export function ancestorsOf(nodes: readonly TreeNode[], id: string): readonly string[] {
  for (const node of nodes) {
    if (node.id === id) return [];
    // Ids of a table begin with it, so other tables need not be searched.
    if (node.target?.kind === 'table' && !id.startsWith(`${node.id}/`)) continue;
    if (node.children.some((child) => child.id === id)) return [node.id];
    const below = ancestorsOf(node.children, id);
    if (below.length > 0) return [node.id, ...below];
  }
  return [];
}
