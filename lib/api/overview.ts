/** A node at a glance: tables, chains, sets and counts; base chains in the order the kernel runs them. */
import { formatAddress, inPrefix, parseAddress } from '../net/address';
import type { Chain, Hook, NftSet, Table } from '../nft/model';
import { elementReferences, ruleReferences } from '../nft/references';
import { renderSetHeader } from '../render/render-set';
import type { Link } from '../world/world';
import type { OpenNode } from './open-node';
import { nodeReadings } from './readings';
import { baseChainView, ruleView } from './rule-view';
import type { RulesetIndex, TableIndex } from './ruleset-index';
import type {
  BaseChainOverview,
  ChainOverview,
  Counts,
  LinkOverview,
  NodeOverview,
  SetOverview,
  TableOverview,
} from './types';

/** How many rules of a base chain are shown beside the hook map. */
const PREVIEW = 3;

export function overview(node: OpenNode, index: RulesetIndex): Omit<NodeOverview, 'source'> {
  const { ruleset } = index;
  const { links } = node.world;
  return {
    node: node.node,
    version: node.version,
    capturedAt: node.capturedAt ?? null,
    versions: {
      nft: node.built.versions.nft ?? null,
      kernel: node.built.versions.kernel ?? null,
      kubeProxy: node.built.versions.kubeProxy ?? null,
    },
    listedBy: ruleset.nftVersion ?? null,
    readings: nodeReadings(node),
    omissions: ruleset.omissions,
    legacyTables: legacyTablesOf(node.world),
    counts: addUp(ruleset.tables),
    tables: index.tables.map((table) => tableOverview(table, node)),
    baseChains: baseChains(index, node),
    links: links.known ? links.value.map((link) => linkOverview(link, node)) : [],
    linksKnown: links.known,
  };
}

function addUp(tables: readonly Table[]): Counts {
  const sum = (of: (table: Table) => number) => tables.reduce((total, table) => total + of(table), 0);
  return {
    tables: tables.length,
    chains: sum((table) => table.chains.length),
    baseChains: sum((table) => table.chains.filter((chain) => chain.base !== undefined).length),
    rules: sum((table) => table.chains.reduce((total, chain) => total + chain.rules.length, 0)),
    sets: sum((table) => table.sets.filter((set) => set.kind === 'set').length),
    maps: sum((table) => table.sets.filter((set) => set.kind === 'map').length),
    elements: sum((table) => table.sets.reduce((total, set) => total + set.elements.length, 0)),
    flowtables: sum((table) => table.flowtables.length),
    objects: sum((table) => table.objects.length),
  };
}

function tableOverview(index: TableIndex, node: OpenNode): TableOverview {
  const { table } = index;
  const { tables: _one, ...counts } = addUp([table]);
  return {
    family: table.family,
    name: table.name,
    handle: table.handle,
    comment: table.comment ?? null,
    flags: table.flags,
    owner: index.owner,
    counts,
    chains: table.chains.map((chain) => chainOverview(index, chain, node)),
    sets: table.sets.map((set) => setOverview(index, set, node)),
    flowtables: table.flowtables.map(({ name, handle }) => ({ name, handle })),
    objects: table.objects.map((object) => ({
      kind: object.kind === 'unsupported' ? object.object : object.kind,
      name: object.name,
      handle: object.handle,
    })),
  };
}

function chainOverview(index: TableIndex, chain: Chain, node: OpenNode): ChainOverview {
  return {
    name: chain.name,
    handle: chain.handle,
    rules: chain.rules.length,
    base: baseChainView(index, chain),
    comment: chain.comment ?? null,
    usedBy: index.uses('chain', chain.name).count,
    object: node.addresses.chain(chain.name) ?? null,
  };
}

function setOverview(index: TableIndex, set: NftSet, node: OpenNode): SetOverview {
  return {
    kind: set.kind,
    name: set.name,
    handle: set.handle,
    type: typeText(set, index),
    flags: set.flags,
    count: set.elements.length,
    comment: set.comment ?? null,
    usedBy: index.uses('set', set.name).count,
    object: node.addresses.chain(set.name) ?? null,
  };
}

/** The first line of a declaration without its keyword: `ipv4_addr . inet_service : verdict`, or the expression of `typeof`. */
export const typeText = (set: NftSet, index: TableIndex): string =>
  (renderSetHeader(set, index.ctx)[0] ?? '').replace(/^type(of)? /, '');

// ----------------------------------------------------------------------------------------------------- base chains

const HOOKS: readonly string[] = [
  'ingress',
  'prerouting',
  'input',
  'forward',
  'output',
  'postrouting',
  'egress',
] satisfies readonly Hook[];
const place = (hook: string): number => {
  const at = HOOKS.indexOf(hook);
  return at === -1 ? HOOKS.length : at;
};

/** By hook, then priority. At equal priority the chain registered last runs first (nf_hook_entries_grow). */
function baseChains(index: RulesetIndex, node: OpenNode): readonly BaseChainOverview[] {
  const found = index.tables.flatMap((table) =>
    table.table.chains.flatMap((chain) => (chain.base === undefined ? [] : [{ table, chain, base: chain.base }])),
  );
  const order = new Map(found.map((item, at) => [item, at]));
  found.sort(
    (a, b) =>
      place(a.base.hook) - place(b.base.hook) || a.base.prio - b.base.prio || (order.get(b) ?? 0) - (order.get(a) ?? 0),
  );
  return found.flatMap(({ table, chain }) => {
    const base = baseChainView(table, chain);
    if (base === null) return [];
    return [
      {
        ...base,
        family: table.table.family,
        table: table.table.name,
        chain: chain.name,
        handle: chain.handle,
        owner: table.owner,
        rules: chain.rules.length,
        ends: ends(table, chain),
        empty: chain.rules.length === 0,
        preview: chain.rules.slice(0, PREVIEW).map((rule, at) => ruleView(table, chain, at, rule, node.addresses)),
      },
    ];
  });
}

/** What can end a packet in the chain or in chains that rules and elements lead to from it. O(rules + elements). */
function ends(index: TableIndex, base: Chain): readonly ('drop' | 'reject')[] {
  const found = new Set<'drop' | 'reject'>(base.base?.policy === 'drop' ? ['drop'] : []);
  const seen = new Set<string>();
  const queue = [base];
  const follow = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const chain = index.chains.get(name);
    if (chain !== undefined) queue.push(chain);
  };
  const seenSets = new Set<string>();
  const lookInto = (name: string) => {
    if (seenSets.has(name)) return;
    seenSets.add(name);
    const set = index.sets.get(name);
    if (set?.data?.kind !== 'verdict') return;
    for (const element of set.elements) {
      if (isDrop(element.data)) found.add('drop');
      for (const reference of elementReferences(element, set)) if (reference.kind === 'chain') follow(reference.name);
    }
  };
  for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
    for (const rule of chain.rules) {
      for (const statement of rule.statements) {
        if (statement.kind === 'drop' || statement.kind === 'reject') found.add(statement.kind);
        if (
          statement.kind === 'vmap' &&
          statement.data.kind === 'set' &&
          statement.data.elements.some((e) => isDrop(e.data))
        ) {
          found.add('drop');
        }
      }
      for (const reference of ruleReferences(rule)) {
        if (reference.kind === 'chain') follow(reference.name);
        else if (reference.kind === 'set' && reference.verb === 'vmap') lookInto(reference.name);
      }
    }
  }
  return [...found].sort();
}

const isDrop = (data: unknown): boolean =>
  typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'drop';

// ----------------------------------------------------------------------------------------------------------- links

function linkOverview(link: Link, node: OpenNode): LinkOverview {
  return {
    name: link.name,
    index: link.index,
    kind: link.kind ?? null,
    up: link.up,
    master: link.master ?? null,
    addresses: link.addresses.map(({ local, prefixLen }) => `${formatAddress(local)}/${prefixLen}`),
    object: podBehind(link, node),
  };
}

/** The pod that host routes send to through this interface; none where there are several. */
function podBehind(link: Link, node: OpenNode): LinkOverview['object'] {
  const { cluster } = node.cluster;
  const { routes } = node.world;
  if (link.kind === 'bridge' || !cluster.pods.known) return null;
  const prefixes = [routes.ip, routes.ip6].flatMap((part) =>
    part.known
      ? part.value.filter(
          (route) =>
            route.type === 'unicast' &&
            route.dst.len >= (route.family === 'ip' ? 32 : 128) &&
            route.nexthops.some((hop) => hop.dev === link.name && hop.gateway === undefined),
        )
      : [],
  );
  const pods = cluster.pods.value.filter(
    (pod) =>
      !pod.hostNetwork &&
      pod.addresses.some((text) => {
        const address = parseAddress(text)?.value;
        return address !== undefined && prefixes.some(({ dst }) => inPrefix(address, dst.addr, dst.len));
      }),
  );
  const [pod, ...others] = pods;
  if (pod === undefined || others.length > 0) return null;
  return { kind: 'pod', namespace: pod.namespace, name: pod.name, port: null };
}

/** Those of ip6tables have the family in front. */
const legacyTablesOf = ({ legacyTables, legacyTables6 }: OpenNode['world']): readonly string[] => [
  ...legacyTables,
  ...(legacyTables6?.known === true ? legacyTables6.value.map((table) => `ip6 ${table}`) : []),
];
