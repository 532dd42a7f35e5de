import 'server-only';
import { answer } from '@/lib/api/answer';
import type { OpenNode } from '@/lib/api/open-node';
import { viewProblems } from '@/lib/api/problems';
import { chainView } from '@/lib/api/rule-view';
import type { TableIndex } from '@/lib/api/ruleset-index';
import { MOST_ELEMENTS } from '@/lib/api/set-page';
import type { BaseChainOverview, ElementView, NodeOverview, SetPage } from '@/lib/api/types';
import { iptablesNames } from '@/lib/explain/iptables-names';
import { type ObjectOwner, ownerText, TableOwners } from '@/lib/explain/object-owner';
import { count } from '@/lib/explain/words';
import type { Problem, Result } from '@/lib/net/result';
import type { Token } from '@/lib/render/tokens';
import type { NodeEntry } from '../sources/source';
import { CliError, EXIT, type ExitStatus, errorText } from './cli-error';
import { print } from './lines';
import { openCliNode, openSource } from './open';
import { COMMON, outputOf, parseOptions } from './options';
import { columns } from './text-table';

const TOPICS = ['tables', 'chains', 'sets', 'hooks', 'set', 'chain'] as const;
type Topic = (typeof TOPICS)[number];

export async function showCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('show', args, COMMON);
  const output = outputOf(values.output);
  const [word, ...names] = positionals;
  const topic = TOPICS.find((one) => one === word);
  if (word !== undefined && topic === undefined)
    throw CliError.usage(`What is ${JSON.stringify(word)}? There is ${TOPICS.join(', ')}.`, 'show');
  if (word === undefined && values.node === undefined) {
    const listed = await showSource(values.source, output);
    if (listed !== undefined) return listed;
  }
  const node = await openCliNode(values, 'show');
  if (!node.ruleset.ok) return unreadable(node, node.ruleset.problem, output);
  const shown = show(node, topic ?? 'tables', names);
  await print(output === 'json' ? `${JSON.stringify(shown.json, undefined, 2)}\n` : shown.text);
  return EXIT.done;
}

/** The nodes of a source; undefined where it has one, which is shown itself. */
async function showSource(path: string | undefined, output: 'text' | 'json'): Promise<ExitStatus | undefined> {
  const source = await openSource(path, 'show');
  const nodes = await source.nodes(new AbortController().signal);
  if (!nodes.ok) throw CliError.of(nodes.problem);
  if (nodes.value.length === 1) return undefined;
  const { kind, name } = source.describe();
  const rows = nodes.value.map(({ name: node, listing, fault, capturedAt, reader }) => [
    node,
    stateOf(listing, fault),
    capturedAt ?? (reader === undefined ? 'at an unknown time' : `by ${reader}`),
  ]);
  await print(
    output === 'json'
      ? `${JSON.stringify({ kind, name, nodes: nodes.value }, undefined, 2)}\n`
      : `${kind} ${name}\n${columns(rows)}`,
  );
  return EXIT.done;
}

function stateOf(listing: NodeEntry['listing'], fault: Problem | undefined): string {
  if (typeof listing === 'object') return `unreadable (exit status ${listing.exitStatus ?? 'none'})`;
  if (listing === 'unread') return 'read when it is asked for';
  if (listing === 'absent') return fault === undefined ? 'ruleset not captured' : `cannot be read (${fault.code})`;
  return fault === undefined ? 'captured' : `unreadable (${fault.code})`;
}

async function unreadable(node: OpenNode, problem: Problem, output: 'text' | 'json'): Promise<ExitStatus> {
  if (output === 'json') await print(`${JSON.stringify({ node: node.node, problem }, undefined, 2)}\n`);
  process.stderr.write(errorText(CliError.of(problem, node.node), output));
  return EXIT.badNews;
}

interface Shown {
  readonly json: unknown;
  readonly text: string;
}

function show(node: OpenNode, topic: Topic, names: readonly string[]): Shown {
  const wanted = { tables: 0, hooks: 0, chains: 1, sets: 1, set: 2, chain: 2 }[topic];
  const words = tableFirst(names);
  const isOptional = topic === 'chains' || topic === 'sets';
  if (words.length > wanted || (words.length < wanted && !isOptional)) {
    throw CliError.usage(
      `show ${topic} takes ${wanted === 0 ? 'no names' : wanted === 1 ? 'at most a table' : 'a table and a name'}.`,
      'show',
    );
  }
  const [tableName, name = ''] = words;
  const overview = unwrap(answer(node, 'overview', {}));
  switch (topic) {
    case 'tables':
      return { json: tablesJson(overview), text: tablesText(overview) };
    case 'hooks':
      return { json: overview.baseChains, text: hooksText(overview.baseChains) };
    case 'chains':
    case 'sets': {
      const only = tableName === undefined ? undefined : tableOf(node, tableName).table;
      const tables = overview.tables.filter(
        (one) => only === undefined || (one.name === only.name && one.family === only.family),
      );
      const owners = ownersOf(node);
      const owned = tables.map(({ family, name: table, chains, sets }) => {
        const whose = owners(family, table);
        return topic === 'chains'
          ? { family, table, chains: chains.map((one) => ({ ...one, owner: whose.chain(one.name) })) }
          : { family, table, sets: sets.map((one) => ({ ...one, owner: whose.set(one.name) })) };
      });
      return { json: owned, text: topic === 'chains' ? chainsText(tables, owners) : setsText(tables, owners) };
    }
    case 'chain':
      return chainOf(node, tableOf(node, tableName ?? ''), name);
    case 'set':
      return setOf(node, tableOf(node, tableName ?? ''), name);
  }
}

const FAMILIES = /^(ip|ip6|inet|arp|bridge|netdev)$/;
/** `ip kube-proxy x` as one word or as two: the table's name comes first, with its family. */
function tableFirst(names: readonly string[]): readonly string[] {
  const [family = '', table, ...rest] = names;
  return FAMILIES.test(family) && table !== undefined ? [`${family} ${table}`, ...rest] : names;
}

function tableOf(node: OpenNode, name: string): TableIndex {
  const ruleset = unwrap(node.ruleset);
  const found = ruleset.tables.filter(({ table }) => `${table.family} ${table.name}` === name || table.name === name);
  const [only, ...others] = found;
  const list = (some: readonly TableIndex[]) => some.map(({ table }) => `${table.family} ${table.name}`).join(', ');
  if (only === undefined) {
    const problem = viewProblems.noTable(name, ruleset);
    throw CliError.of({ ...problem, say: `${problem.say} There is ${list(ruleset.tables) || 'none'}.` });
  }
  if (others.length > 0)
    throw CliError.because('CLI-006', `Several tables have this name: ${list(found)}.`, 'Name it with its family.');
  return only;
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw CliError.of(result.problem);
  return result.value;
}

type Owners = (family: string, table: string) => TableOwners;

/** Who wrote what is in a table, which is there. */
function ownersOf(node: OpenNode): Owners {
  const ruleset = unwrap(node.ruleset);
  const names = iptablesNames(node.cluster.cluster);
  return (family, name) => new TableOwners(unwrapTable(ruleset.table(`${family} ${name}`)).table, names);
}

function unwrapTable(index: TableIndex | undefined): TableIndex {
  if (index === undefined) throw new Error('a table of the overview is not in the ruleset');
  return index;
}

/** Only what the name of the table does not tell already. */
const shortOwner = (owner: ObjectOwner, table: TableOwners): string =>
  owner.component.name === table.component.name && owner.services.length === 0 ? '' : ownerText(owner);

type Overview = Omit<NodeOverview, 'source'>;

const tablesJson = ({ node, capturedAt, versions, listedBy, counts, tables, legacyTables, readings }: Overview) => ({
  node,
  capturedAt,
  versions,
  listedBy,
  counts,
  tables: tables.map(({ chains: _chains, sets: _sets, ...table }) => table),
  legacyTables,
  missing: readings.filter(({ state }) => state !== 'read'),
});

function tablesText({ node, counts, tables, legacyTables, readings, listedBy }: Overview): string {
  const legacy =
    legacyTables.length === 0
      ? ''
      : `Tables of legacy iptables, whose rules also apply and which nft does not show: ${legacyTables.join(', ')}\n`;
  const missing = readings
    .filter(({ state }) => state !== 'read')
    .map(({ file, state, without }) => `${file} ${state}: ${without}\n`);
  const rows = tables.map((table) => [
    `${table.family} ${table.name}`,
    table.owner.name,
    count(table.counts.rules, 'rule'),
    count(table.counts.chains, 'chain'),
    count(table.counts.sets, 'set'),
    count(table.counts.maps, 'map'),
    count(table.counts.elements, 'element'),
  ]);
  const head = `${node}: ${count(counts.rules, 'rule')}, ${count(counts.chains, 'chain')}, ${count(counts.sets, 'set')}, ${count(counts.maps, 'map')}, ${count(counts.elements, 'element')}; listed by nft ${listedBy ?? '?'}\n`;
  return head + columns(rows) + legacy + missing.join('');
}

const chainsText = (tables: Overview['tables'], owners: Owners): string =>
  tables
    .map(({ family, name, chains }) => {
      const whose = owners(family, name);
      const rows = chains.map((chain) => [
        `  ${chain.name}`,
        `#${chain.handle}`,
        count(chain.rules, 'rule'),
        chain.base === null
          ? `used by ${chain.usedBy}`
          : `${chain.base.type} ${chain.base.hook} ${chain.base.prioText}, policy ${chain.base.policy}`,
        shortOwner(whose.chain(chain.name), whose),
      ]);
      return `${family} ${name}\n${columns(rows)}`;
    })
    .join('');

const setsText = (tables: Overview['tables'], owners: Owners): string =>
  tables
    .map(({ family, name, sets }) => {
      const whose = owners(family, name);
      const rows = sets.map((set) => [
        `  ${set.kind} ${set.name}`,
        `#${set.handle}`,
        set.type,
        count(set.count, 'element'),
        `used by ${set.usedBy}`,
        shortOwner(whose.set(set.name), whose),
      ]);
      return `${family} ${name}\n${columns(rows)}`;
    })
    .join('');

function hooksText(chains: readonly BaseChainOverview[]): string {
  const hooks = [...new Set(chains.map(({ hook }) => hook))];
  return hooks
    .map((hook) => {
      const rows = chains
        .filter((chain) => chain.hook === hook)
        .map((chain) => [
          `  ${chain.prio}`,
          `${chain.family} ${chain.table} ${chain.chain}`,
          chain.type,
          `policy ${chain.policy}`,
          chain.owner.name,
          chain.empty ? 'empty' : chain.ends.join(', '),
        ]);
      return `${hook}\n${columns(rows)}`;
    })
    .join('');
}

function chainOf(node: OpenNode, index: TableIndex, name: string): Shown {
  const { table } = index;
  const chain = index.chains.get(name);
  if (chain === undefined) throw CliError.of(viewProblems.noChain(name, index));
  const view = chainView(index, chain, node.addresses, 0, chain.rules.length);
  const owners = new TableOwners(table, iptablesNames(node.cluster.cluster));
  const owner = owners.chain(name);
  const text = (tokens: readonly Token[]) => tokens.map((token) => token.text).join('');
  const rules = view.rules.map((one, at) => {
    const rule = chain.rules[at];
    return rule === undefined ? one : { ...one, owner: owners.rule(name, rule) };
  });
  const lines = [
    `# ${ownerText(owner)}`,
    `${text(view.header)} # handle ${view.handle}`,
    ...view.declaration.map((line) => `\t${text(line)}`),
    ...view.rules.map((rule) => `\t${text(rule.tokens)} # handle ${rule.at.handle}`),
    '}',
  ];
  return { json: { table: `${table.family} ${table.name}`, ...view, rules, owner }, text: `${lines.join('\n')}\n` };
}

function setOf(node: OpenNode, { table }: TableIndex, name: string): Shown {
  const query = { table: `${table.family} ${table.name}`, name, limit: MOST_ELEMENTS, descending: false };
  const first = unwrap(answer(node, 'set', { ...query, offset: 0 }));
  const rows: ElementView[] = [...first.rows];
  while (rows.length < first.total) {
    const page: SetPage = unwrap(answer(node, 'set', { ...query, offset: rows.length }));
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  const owners = new TableOwners(table);
  const elements = table.sets.find((set) => set.name === name)?.elements ?? [];
  const owned = rows.map((row) => {
    const element = elements[row.index];
    return { ...row, owner: element === undefined ? owners.set(name) : owners.element(name, element) };
  });
  const table1 = columns([
    [...first.columns.map(({ label }) => label), 'owner'],
    ...owned.map(({ cells, owner }) => [...cells.map((cell) => cell ?? '-'), ownerText(owner)]),
  ]);
  const head = `${first.set.kind} ${name}, ${first.family} ${first.table} #${first.set.handle}: ${first.typeText}, ${count(first.total, 'element')}\n`;
  return { json: { ...first, owner: owners.set(name), rows: owned }, text: head + table1 };
}
