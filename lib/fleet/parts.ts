/**
 * A ruleset in parts that can be compared between nodes: one per chain, set, map, flowtable and object, as lines. Left out is
 * what differs between equal nodes: handles, counters, what is used up of quotas, elements that packets add, the order in which
 * elements and chains were made. Comments of tables, chains and sets are left out too: nft 1.0.6 does not print them as JSON.
 */
import { perhapsDormant } from '../decode/omissions';
import type { Chain, NftSet, Ruleset, Table } from '../nft/model';
import { type RenderContext, renderContext, typeOfMapData, typeOfSetType } from '../render/context';
import { flowtableLines, objectLines } from '../render/render-object';
import { renderElement, renderRule } from '../render/render-rule';
import { renderChainHeader } from '../render/render-ruleset';
import { renderSetHeader } from '../render/render-set';
import type { IptablesSave, World } from '../world/world';

export type PartKind = 'chain' | 'set' | 'map' | 'flowtable' | 'object' | 'order' | 'legacy' | 'flags' | 'expected';

export interface Part {
  readonly kind: PartKind;
  /** `ip kube-proxy`; empty for what belongs to no table of nft. */
  readonly table: string;
  readonly name: string;
  /** What it is declared as; empty where there is nothing to say. */
  readonly header: string;
  /** Rules in their order, or elements sorted. */
  readonly lines: readonly string[];
}

/** One dialect for all, so that the version of the nft that listed a ruleset makes no difference. */
const DIALECT = '1.0.6';

/** The parts of what nft listed. O(rules + elements); the order of the parts is that of the listing. */
export function rulesetParts(ruleset: Ruleset): readonly Part[] {
  const flagged = [...perhapsDormant(ruleset)].map(
    (table): Part => ({ kind: 'flags', table, name: 'unknown', header: '', lines: [] }),
  );
  return [...ruleset.tables.flatMap(tableParts), ...flagged, ...orderParts(ruleset.tables)];
}

/** What decides beside the listing: parameters of xt expressions as iptables-save has them, and tables of legacy iptables. */
export function worldParts(
  world: Pick<World, 'iptables' | 'legacyTables' | 'legacySave' | 'legacyTables6' | 'legacySave6'>,
): readonly Part[] {
  const { legacyTables6, legacySave6 } = world;
  const six = legacyTables6?.known === true ? legacyTables6.value : [];
  return [
    ...[world.iptables.ip, world.iptables.ip6].flatMap((save) => (save.known ? savedParts(save.value) : [])),
    ...world.legacyTables.map((table) => legacyPart(table, table, world.legacySave)),
    ...six.map((table) => legacyPart(`ip6 ${table}`, table, legacySave6)),
  ];
}

const legacyPart = (name: string, table: string, save: World['legacySave6']): Part => ({
  kind: 'legacy',
  table: '',
  name,
  header: '',
  lines: (save?.known === true ? save.value : [])
    .filter((chain) => chain.table === table)
    .map(({ chain, policy, rules }) => `${chain} policy ${policy}, ${rules} ${rules === 1 ? 'rule' : 'rules'}`),
});

function tableParts(table: Table): readonly Part[] {
  const ctx = renderContext(table, DIALECT);
  const at = `${table.family} ${table.name}`;
  return [
    // The other flags say who may change the table, not what its rules do.
    ...(table.flags.includes('dormant')
      ? [{ kind: 'flags', table: at, name: 'dormant', header: '', lines: [] } as const]
      : []),
    ...table.objects.map(
      (object): Part => ({
        kind: 'object',
        table: at,
        name: object.name,
        header: object.kind === 'unsupported' ? object.object : object.kind,
        lines: objectLines(object, ctx)
          .filter((line) => !line.startsWith('comment '))
          .map(stateless),
      }),
    ),
    ...table.sets.map((set) => setPart(set, at, ctx)),
    ...table.flowtables.map(
      (flowtable): Part => ({
        kind: 'flowtable',
        table: at,
        name: flowtable.name,
        header: '',
        lines: flowtableLines(flowtable, ctx),
      }),
    ),
    ...table.chains.map((chain) => chainPart(chain, at, ctx)),
  ];
}

function chainPart(chain: Chain, table: string, ctx: RenderContext): Part {
  return {
    kind: 'chain',
    table,
    name: chain.name,
    header: renderChainHeader(chain, ctx) ?? '',
    lines: chain.rules.map((rule) => stateless(renderRule(rule, ctx))),
  };
}

function setPart(set: NftSet, table: string, ctx: RenderContext): Part {
  // `dynamic` is missing in the JSON of nft 1.0.6; packets fill such a set. Where elements end, one that does not was put there.
  const hasEnds = set.timeout !== undefined || set.flags.includes('timeout');
  const isFilled = set.flags.includes('dynamic') && !hasEnds;
  const { comment: _comment, size: _size, count: _count, ...plain } = set;
  const declared = { ...plain, flags: set.flags.filter((flag) => flag !== 'dynamic'), autoMerge: false };
  const [type, dataType] = [typeOfSetType(set.type), typeOfMapData(set)];
  const elements = set.elements
    .filter((element) => !isFilled && element.expires === undefined)
    .map((element) => stateless(renderElement(element, ctx, type, dataType)).trim());
  return {
    kind: set.kind,
    table,
    name: set.name,
    header: renderSetHeader(declared, ctx).join('; '),
    lines: elements.sort(),
  };
}

/** What packets change in a rule, an element or an object. */
function stateless(text: string): string {
  return text
    .replace(/\bpackets \d+ bytes \d+/g, '')
    .replace(/ used \d+ \w*bytes/g, '')
    .replace(/\blast used \S+/g, 'last')
    .replace(/ +$/, '')
    .replace(/ {2,}/g, ' ');
}

/**
 * Base chains of one hook and priority run in the order in which they were registered, so there the order counts. `inet` meets
 * `ip` and `ip6`.
 */
function orderParts(tables: readonly Table[]): readonly Part[] {
  const places = new Map<string, string[]>();
  for (const table of tables) {
    for (const { name, base } of table.chains) {
      if (base === undefined) continue;
      for (const family of table.family === 'inet' ? ['ip', 'ip6'] : [table.family]) {
        const place = `${family} ${base.hook}, priority ${base.prio}`;
        places.set(place, [...(places.get(place) ?? []), `${table.family} ${table.name} ${name}`]);
      }
    }
  }
  return [...places]
    .filter(([, chains]) => new Set(chains.map((chain) => chain.split(' ')[1])).size > 1)
    .map(([name, lines]): Part => ({ kind: 'order', table: '', name, header: '', lines }));
}

/** Rules of iptables-save by chain, after the rules that nft shows of the same chain. */
function savedParts({ family, rules }: IptablesSave): readonly Part[] {
  const chains = new Map<string, { readonly table: string; readonly name: string; readonly lines: string[] }>();
  for (const { table, chain, args } of rules) {
    const key = `${table} ${chain}`;
    const found = chains.get(key) ?? { table: `${family} ${table}`, name: chain, lines: [] };
    chains.set(key, found);
    found.lines.push(args.join(' '));
  }
  return [...chains.values()].map((chain): Part => ({ kind: 'chain', header: '', ...chain }));
}
