/** What serves Services on each node: kube-proxy's nftables mode, another mode, nothing, or rules that nft does not show. */

import { groupBy } from '../../net/group-by';
import type { Table } from '../../nft/model';
import { decodeIptablesSave } from '../../world/decode-iptables-save';
import type { Context, NodeContext } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { servicesInWords } from '../services-in-rule';
import { listed } from '../show';

export function proxyModeFindings(context: Context): readonly Finding[] {
  return [...missingTables(context), ...otherModes(context), ...leftoverFindings(context), ...legacyFindings(context)];
}

const proxyTable = (node: NodeContext, family: 'ip' | 'ip6'): Table | undefined =>
  node.ruleset?.tables.find((one) => one.family === family && one.name === 'kube-proxy');

/** Of a dormant table no hook is registered: its rules are there and see nothing. */
const isDormant = (table: Table | undefined): boolean => table?.flags.includes('dormant') === true;
const isEmpty = (table: Table | undefined): boolean =>
  table === undefined || isDormant(table) || table.chains.every(({ rules }) => rules.length === 0);

// --------------------------------------------------------------------------------------------------------- missing tables

function missingTables(context: Context): readonly Finding[] {
  const found = context.nodes.flatMap((node) => {
    if (node.ruleset === undefined || !node.isNftables) return [];
    const families = (['ip', 'ip6'] as const).filter(
      (family) => isWanted(context, node, family) && isEmpty(proxyTable(node, family)),
    );
    return families.length === 0 ? [] : [{ node, families }];
  });
  return [...groupBy(found, ({ families }) => families.join()).values()].map((group) => {
    const nodes = group.map(({ node }) => node.name);
    const families = group[0]?.families ?? [];
    const tables = families.map((family) => `${family} kube-proxy`).join(' and ');
    return finding({
      code: 'proxy-table-missing',
      summary: `${tables} ${families.length === 1 ? 'is' : 'are'} missing, empty or dormant on ${listed(nodes)}: nothing there translates${families.length === 1 ? ` ${families[0] === 'ip' ? 'IPv4' : 'IPv6'}` : ''} Service traffic.`,
      services: [],
      nodes,
      evidence: group.flatMap(({ node, families: some }) => [
        ...some.map((family): Evidence => {
          const table = proxyTable(node, family);
          const text = table === undefined ? 'not there' : isDormant(table) ? DORMANT : 'there, without any rule';
          return { kind: 'table', node: node.name, family, table: 'kube-proxy', text };
        }),
        ...versionOf(node),
      ]),
      assumptions: ['That kube-proxy should work in nftables mode there, as its other tables or other nodes tell.'],
      reproduce: `nft list table ${families[0] ?? 'ip'} kube-proxy`,
      remedy: group.some(({ node }) => families.some((family) => isDormant(proxyTable(node, family))))
        ? WAKE
        : 'Restart kube-proxy on the node: it writes its tables when it starts. Then find out who flushed them (a firewall reload with flush ruleset), or why it could not write them.',
    });
  });
}

const DORMANT = 'there, and dormant: none of its rules sees a packet';
const WAKE =
  'Take the flag dormant away: delete the table and restart kube-proxy, which writes its tables when it starts. Then find out who set it.';

const versionOf = ({ name, input }: NodeContext): readonly Evidence[] => {
  const { kubeProxy } = input.versions;
  return kubeProxy === undefined ? [] : [{ kind: 'version', node: name, of: 'kube-proxy', version: kubeProxy }];
};

/** kube-proxy keeps a table of IPv6 where the host has IPv6 (server_linux.go); without Services of the family nobody misses it. */
function isWanted({ cluster, nodes }: Context, node: NodeContext, family: 'ip' | 'ip6'): boolean {
  const isUsed = cluster.services.known
    ? cluster.services.value.some(({ clusterIPs }) =>
        clusterIPs.some((text) => text.includes(':') === (family === 'ip6')),
      )
    : nodes.some((other) => !isEmpty(proxyTable(other, family)));
  if (!isUsed || family === 'ip') return isUsed;
  const { sysctl, links } = node.world;
  if (sysctl.known && sysctl.value.get('net.ipv6.conf.all.disable_ipv6') === '1') return false;
  return !links.known || links.value.some(({ addresses }) => addresses.some((one) => one.family === 'ip6'));
}

// ------------------------------------------------------------------------------------------------------------ other modes

/** Where nodes differ in their mode, or where it is not known that they do not. */
function otherModes(context: Context): readonly Finding[] {
  const { nodes, cluster } = context;
  const isMixed = nodes.some((node) => node.proxy.kind === 'nftables');
  const isRestUnknown = cluster.nodes.known && cluster.nodes.value.length > nodes.length;
  if (!isMixed && !isRestUnknown) return [];
  const others = nodes.filter(({ proxy: { kind } }) => kind === 'iptables' || kind === 'ipvs');
  return [...groupBy(others, ({ proxy }) => proxy.kind)].map(([kind, group]) => {
    const names = group.map(({ name }) => name);
    return finding({
      code: 'proxy-not-nftables',
      summary: `kube-proxy of ${listed(names)} works in ${kind === 'ipvs' ? 'IPVS' : 'iptables'} mode${isMixed ? ', other nodes in nftables mode' : ''}.`,
      services: [],
      nodes: names,
      evidence: group.flatMap((node): readonly Evidence[] => [
        kind === 'ipvs'
          ? { kind: 'interface', node: node.name, name: 'kube-ipvs0', text: node.proxy.how }
          : { kind: 'table', node: node.name, family: 'ip', table: 'nat', text: node.proxy.how },
        ...versionOf(node),
      ]),
      reproduce: 'curl -s http://127.0.0.1:10249/proxyMode',
      remedy:
        'Give all nodes the same mode in the configuration of kube-proxy, and restart it. What is said of its nftables tables does not hold for these nodes.',
    });
  });
}

// -------------------------------------------------------------------------------------------------------------- leftovers

/** Chains of iptables mode that only kube-proxy makes: kubelet had its own KUBE-POSTROUTING and KUBE-MARK-MASQ. */
const IPTABLES_MODE =
  /^KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|PROXY-FIREWALL|FORWARD|(SVC|SVL|EXT|FW|SEP|XLB)-[A-Z2-7]+)$/;

/** What of other modes is left on one node. */
interface Leftover {
  readonly node: string;
  readonly tables: readonly Evidence[];
  readonly links: readonly Evidence[];
}

/** Nodes with leftovers of the same modes have them for one cause. */
function leftoverFindings({ nodes }: Context): readonly Finding[] {
  const found = nodes.map(leftovers).filter(({ tables, links }) => tables.length + links.length > 0);
  const groups = groupBy(found, ({ tables, links }) => `${tables.length > 0} ${links.length > 0}`);
  return [...groups.values()].map((group) => {
    const names = group.map(({ node }) => node);
    const hasLinks = group.some(({ links }) => links.length > 0);
    const what = [
      ...(group.some(({ tables }) => tables.length > 0) ? ['rules of iptables mode'] : []),
      ...(hasLinks ? ['the interface of IPVS mode'] : []),
    ];
    return finding({
      code: 'proxy-leftovers',
      summary: `${listed(names)} still ${names.length === 1 ? 'has' : 'have'} ${what.join(' and ')} beside kube-proxy's nftables tables.`,
      services: [],
      nodes: names,
      evidence: group.flatMap(({ tables, links }) => [...tables, ...links]),
      reproduce: hasLinks ? 'ip addr show dev kube-ipvs0' : 'nft list ruleset | grep KUBE-',
      remedy:
        'Run kube-proxy --cleanup on the node with the iptables binaries in its path (ip link del kube-ipvs0 for IPVS), or restart the node.',
    });
  });
}

function leftovers({ name, proxy, ruleset, world }: NodeContext): Leftover {
  if (proxy.kind !== 'nftables' || ruleset === undefined) return { node: name, tables: [], links: [] };
  const tables = ruleset.tables.flatMap((table): readonly Evidence[] => {
    if (table.family !== 'ip' && table.family !== 'ip6') return [];
    const chains = table.chains.filter((chain) => IPTABLES_MODE.test(chain.name) && chain.rules.length > 0);
    if (chains.length === 0) return [];
    const shown = chains.slice(0, 3).map((chain) => chain.name);
    const text = `${chains.length} chains of iptables mode with rules: ${shown.join(', ')}${chains.length > 3 ? ', …' : ''}`;
    return [{ kind: 'table', node: name, family: table.family, table: table.name, text }];
  });
  const links = (world.links.known ? world.links.value : [])
    .filter((link) => link.name === 'kube-ipvs0')
    .map(
      (link): Evidence => ({
        kind: 'interface',
        node: name,
        name: link.name,
        text: `${link.addresses.length} addresses: the node takes them for its own`,
      }),
    );
  return { node: name, tables, links };
}

// ------------------------------------------------------------------------------------------------------- legacy iptables

/** Tables that nft does not show: with rules, with a policy that drops, or of unknown contents. */
interface Legacy {
  readonly node: string;
  /** Rules are known, not only that there are tables. */
  readonly isSaved: boolean;
  readonly program: 'iptables' | 'ip6tables';
  readonly tables: readonly string[];
  readonly rules: readonly { readonly chain: string; readonly args: readonly string[] }[];
  readonly evidence: readonly Evidence[];
}

/** Nodes with the same rules, or the same tables, have them for one cause. */
function legacyFindings({ nodes, cluster }: Context): readonly Finding[] {
  const keyOf = ({ isSaved, program, tables, rules }: Legacy): string =>
    JSON.stringify([isSaved, program, isSaved ? [] : tables, rules.map(({ chain, args }) => [chain, args])]);
  return [...groupBy(nodes.flatMap(legacy), keyOf).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { isSaved, program, tables, rules } = first;
    const modules = program === 'iptables' ? 'iptable_filter and iptable_nat' : 'ip6table_filter and ip6table_nat';
    const names = group.map(({ node }) => node);
    const have = names.length === 1 ? 'has' : 'have';
    return finding({
      code: 'legacy-iptables-active',
      summary: isSaved
        ? `${listed(names)} ${have} rules of legacy ${program}, which nft does not show: what is said of packets there holds only if these let them pass.`
        : `${listed(names)} ${have} tables of legacy ${program} (${tables.join(', ')}), which nft does not show; whether they hold rules is not known.`,
      services: rules.flatMap(({ args }) => servicesInWords(args, cluster)),
      nodes: names,
      evidence: group.flatMap(({ evidence }) => evidence),
      assumptions: isSaved ? [] : ['That these tables may hold rules: their names alone do not tell.'],
      reproduce: `${program}-legacy-save`,
      remedy: `Move these rules to nftables, or delete them (${program}-legacy -F); then unload the modules ${modules}.`,
    });
  });
}

function legacy(context: NodeContext): readonly Legacy[] {
  return (['ip', 'ip6'] as const).flatMap((family) => legacyOf(context, family));
}

function legacyOf({ name, world, input }: NodeContext, family: 'ip' | 'ip6'): readonly Legacy[] {
  const six = world.legacyTables6?.known === true ? world.legacyTables6.value : [];
  const tables = family === 'ip' ? world.legacyTables : six;
  const save = family === 'ip' ? world.legacySave : world.legacySave6;
  const program = family === 'ip' ? 'iptables' : 'ip6tables';
  const chains = save?.known === true ? save.value : [];
  const acting = chains.filter(({ policy, rules }) => rules > 0 || policy === 'DROP');
  const isSaved = save?.known === true;
  if (isSaved ? acting.length === 0 : tables.length === 0) return [];
  const file = `${program}-legacy-save.txt`;
  const saved = input.files.get(file);
  const lines =
    saved?.kind === 'read' ? decodeIptablesSave(new TextDecoder().decode(saved.content), family) : undefined;
  const rules = lines?.ok === true ? lines.value.rules : [];
  const reading = (of: string, text: string): Evidence => ({ kind: 'reading', node: name, file: of, text });
  const evidence: readonly Evidence[] = isSaved
    ? [
        ...acting.map(({ table, chain, policy, rules: count }) => {
          const has = `${count} ${count === 1 ? 'rule' : 'rules'}${policy === '-' ? '' : `, policy ${policy}`}`;
          return reading(file, `table ${table}, chain ${chain}: ${has}`);
        }),
        ...rules.slice(0, 12).map(({ chain, args }) => reading(file, `-A ${chain} ${args.join(' ')}`)),
      ]
    : tables.map((table) => reading(`${family === 'ip' ? 'ip' : 'ip6'}_tables_names.txt`, `table ${table}`));
  return [{ node: name, isSaved, program, tables, rules, evidence }];
}
