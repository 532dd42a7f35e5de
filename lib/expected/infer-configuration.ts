/** A captured table → the configuration it was written with, and how that was told. What no rule tells is taken as kube-proxy's default. */
import type { Chain, Expression, MatchStatement, Rule, Statement, Table } from '../nft/model';
import { type RenderContext, renderContext } from '../render/context';
import { renderExpression } from '../render/render-rule';
import type { LocalTraffic, ProxyConfiguration } from './configuration';
import { type Generation, generationOf, LAST_OF, type Release, releaseOf } from './release';

/** What else is known of the node. */
export interface NodeFacts {
  /** `v1.36.2` where the capture says it. */
  readonly version: string | undefined;
  /** The node's primary address of the family. */
  readonly address: string | undefined;
  /** All addresses of the family on its interfaces; undefined where they were not read. */
  readonly localAddresses: readonly string[] | undefined;
}

/** One thing that was not given, and where it was taken from. */
export interface Assumption {
  readonly what:
    | 'node name'
    | 'zone'
    | 'mode'
    | 'layout'
    | 'mark'
    | 'masqueradeAll'
    | 'local traffic'
    | 'NodePort addresses'
    | 'ServiceCIDRs';
  readonly value: string;
  readonly from: string;
}

export interface InferredConfiguration {
  readonly configuration: ProxyConfiguration;
  readonly assumptions: readonly Assumption[];
}

const DEFAULT_MARK = 0x4000;

/** Undefined where the table has none of the known layouts: it is empty, or of a release before 1.31. */
export function inferConfiguration(table: Table, facts: NodeFacts): InferredConfiguration | undefined {
  const generation = generationOf(table);
  if (generation === undefined) return undefined;
  const read = new TableReader(table);
  const release = releaseFor(generation, facts.version, read.portInMasquerade());
  const mark = read.mark();
  const local = read.localTraffic();
  const masqueradeAll = read.masqueradesAll();
  const nodePorts = read.nodePortAddresses(facts);
  const unallocated = read.unallocated();
  const assumptions: Assumption[] = [
    { what: 'layout', value: `${generation} (${release.named})`, from: release.from },
    {
      what: 'mark',
      value: `0x${(mark ?? DEFAULT_MARK).toString(16)}`,
      from: mark === undefined ? 'the default; no rule shows it' : 'the rules of the chain masquerading',
    },
    { what: 'masqueradeAll', value: String(masqueradeAll), from: 'the rules for traffic to ClusterIPs' },
    {
      what: 'local traffic',
      value: local === undefined ? 'not told from other' : read.text(local),
      from: local === undefined ? 'no rule that tells it' : 'the rules that name it',
    },
    {
      what: 'NodePort addresses',
      value: nodePorts.value === 'any' ? 'any local address' : nodePorts.value.join(', ') || 'none',
      from: nodePorts.from,
    },
    {
      what: 'ServiceCIDRs',
      value: unallocated === undefined ? 'none' : read.expressionText(unallocated),
      from: unallocated === undefined ? 'no rule that drops unallocated ClusterIPs' : 'the chain cluster-ips-check',
    },
  ];
  const configuration = {
    release: release.release,
    mark: mark ?? DEFAULT_MARK,
    masqueradeAll,
    localTraffic: local,
    nodePortAddresses: nodePorts.value,
    unallocated,
  };
  return { configuration, assumptions };
}

/** The table decides the layout; the version, where it fits, the rest. */
function releaseFor(
  generation: Generation,
  version: string | undefined,
  portInMasquerade: boolean | undefined,
): { readonly release: Release; readonly named: string; readonly from: string } {
  const told = version === undefined ? undefined : releaseOf(version);
  const fits =
    told !== undefined && (told.generation === generation || (told.generation === 'E' && generation === 'D'));
  const named = fits && version !== undefined ? version : LAST_OF[generation];
  const release = fits ? told : releaseOf(named);
  if (release === undefined) throw new Error(`no release ${named}`);
  return {
    release: { ...release, portInMasquerade: portInMasquerade ?? release.portInMasquerade },
    named,
    from: fits ? 'the names in the table, and the version of kube-proxy' : 'the names in the table',
  };
}

const isPayload = (expression: Expression, field: string): boolean =>
  typeof expression === 'object' && expression.kind === 'payload' && expression.field === field;

const isMatch = (statement: Statement | undefined): statement is MatchStatement => statement?.kind === 'match';

/** What is said most often, by its text. */
function mostOften<T>(items: readonly T[], textOf: (item: T) => string): T | undefined {
  const counts = new Map<string, { readonly item: T; count: number }>();
  for (const item of items) {
    const text = textOf(item);
    const known = counts.get(text);
    if (known === undefined) counts.set(text, { item, count: 1 });
    else known.count += 1;
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.item;
}

class TableReader {
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #ctx: RenderContext;

  constructor(readonly table: Table) {
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.#ctx = renderContext(table, undefined);
  }

  #rules(name: string): readonly Rule[] {
    return this.#chains.get(name)?.rules ?? [];
  }

  #rulesOf(prefix: RegExp): readonly Rule[] {
    return this.table.chains.filter(({ name }) => prefix.test(name)).flatMap(({ rules }) => rules);
  }

  expressionText(expression: Expression): string {
    return typeof expression === 'object' ? renderExpression(expression, this.#ctx) : String(expression);
  }

  text({ left, right }: LocalTraffic): string {
    return `${this.expressionText(left)} ${this.expressionText(right)}`;
  }

  /** The one number in the first test of the chain masquerading. */
  mark(): number | undefined {
    for (const { statements } of this.#rules('masquerading')) {
      for (const one of statements) {
        if (!isMatch(one) || typeof one.left !== 'object') continue;
        if (one.left.kind === 'meta' && typeof one.right === 'object' && one.right.kind === 'prefix')
          return 0x8000_0000;
        if (one.left.kind !== 'binary') continue;
        const mark = one.left.operands.find((operand) => typeof operand === 'number');
        if (typeof mark === 'number') return mark;
      }
    }
    return undefined;
  }

  /** Rules that mark traffic to ClusterIPs: in `services` from 1.36, before at the head of each internal chain. */
  #masqueradeRules(): readonly (readonly Statement[])[] {
    const inServices = this.#rules('services').filter(({ statements }) => statements.at(-1)?.kind === 'mangle');
    const inChains = this.#rulesOf(/^(service|local)-.*\//).filter(({ statements }) => {
      const last = statements.at(-1);
      return last?.kind === 'jump' && last.target === 'mark-for-masquerade';
    });
    return [...inServices, ...inChains].map(({ statements }) => statements);
  }

  portInMasquerade(): boolean | undefined {
    const rules = this.#masqueradeRules();
    if (rules.length === 0) return undefined;
    const named = rules.filter((rule) => rule.some((one) => isMatch(one) && isPayload(one.left, 'dport')));
    return named.length * 2 > rules.length;
  }

  masqueradesAll(): boolean {
    const all = this.#masqueradeRules().map((rule) => !rule.some((one) => isMatch(one) && one.op === '!='));
    return mostOften(all, String) ?? false;
  }

  /** From `!=` in the masquerade rules and `==` in the short circuits of external chains. */
  localTraffic(): LocalTraffic | undefined {
    const found = this.#masqueradeRules()
      .flat()
      .filter(isMatch)
      .filter(({ op }) => op === '!=');
    const short = this.#rulesOf(/^external-/).flatMap(({ statements: [first, then, ...more] }) => {
      const isShort = isMatch(first) && then?.kind === 'goto' && more.length === 0;
      return isShort && typeof first.left === 'object' && first.left.kind !== 'fib' ? [first] : [];
    });
    return mostOften(
      [...found, ...short].map(({ left, right }) => ({ left, right })),
      (traffic) => this.text(traffic),
    );
  }

  /** The list is what the set holds: the CIDRs behind it are in no rule. */
  nodePortAddresses(facts: NodeFacts): { readonly value: 'any' | readonly string[]; readonly from: string } {
    const rule = this.#rules('services').find(({ statements }) => {
      const last = statements.at(-1);
      return last?.kind === 'vmap' && last.data.kind === 'setref' && last.data.name === 'service-nodeports';
    });
    const set = this.table.sets.find(({ name }) => name === 'nodeport-ips');
    const asksFib = rule?.statements.some(
      (one) => isMatch(one) && typeof one.left === 'object' && one.left.kind === 'fib',
    );
    if (asksFib || (rule === undefined && set === undefined))
      return { value: 'any', from: rule === undefined ? 'there is no set nodeport-ips' : 'the chain services' };
    const listed = set?.elements.flatMap(({ key }) => (typeof key === 'string' ? [key] : [])) ?? [];
    const { address, localAddresses } = facts;
    const primary = address === undefined ? [] : [address];
    const known = listed.filter((one) => localAddresses === undefined || localAddresses.includes(one));
    if (known.length === 0 || (known.length === 1 && known[0] === address))
      return { value: primary, from: 'the default: the primary address of the Node' };
    return { value: known, from: 'the set nodeport-ips: the CIDRs behind it are not known' };
  }

  /** What the second rule of the chain compares destinations with. */
  unallocated(): Expression | undefined {
    const drop = this.#rules('cluster-ips-check').find(
      ({ statements: [first, second] }) => isMatch(first) && isPayload(first.left, 'daddr') && second?.kind === 'drop',
    );
    const [first] = drop?.statements ?? [];
    return isMatch(first) ? first.right : undefined;
  }
}
