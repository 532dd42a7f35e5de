/** A ruleset made ready to run: chains by name, sets as indexes, base chains in the order in which the kernel calls them. */
import { perhapsDormant } from '../decode/omissions';
import { type DataType, dataTypeByName } from '../nft/datatypes';
import type {
  BaseChain,
  Chain,
  Expression,
  Family,
  Hook,
  NamedObject,
  NftSet,
  Rule,
  RuleRef,
  Ruleset,
  SetType,
  Statement,
  Table,
} from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import { holdsServices } from '../world/service-link';
import type { Link, World } from '../world/world';
import { type Names, SetIndex } from './sets';
import type { Unmeasured } from './trace';

export interface ProgramSet {
  readonly set: NftSet;
  readonly types: readonly DataType[];
  readonly dataTypes: readonly DataType[];
  readonly index: SetIndex;
  readonly ref: string;
}

export interface ProgramRule {
  readonly rule: Rule;
  readonly ref: RuleRef;
  /** Compiled statements, filled on first use (compile.ts). */
  ops: readonly unknown[] | undefined;
  /** What it rests on that no kernel was asked about; set with `ops`. */
  notMeasured?: readonly Unmeasured[] | undefined;
}

export interface ProgramChain {
  readonly table: ProgramTable;
  readonly chain: Chain;
  readonly base: BaseChain | undefined;
  readonly rules: readonly ProgramRule[];
  /** Order of registration. */
  readonly seq: number;
}

export interface ProgramTable {
  readonly table: Table;
  readonly family: Family;
  readonly name: string;
  readonly chains: ReadonlyMap<string, ProgramChain>;
  /** It has a flag, and nothing says which: none of its base chains may be there. */
  readonly isPerhapsDormant: boolean;
  set(name: string): ProgramSet | undefined;
  object(kind: string, name: string): NamedObject | undefined;
}

export type HookEntry =
  | { readonly kind: 'chain'; readonly prio: number; readonly seq: number; readonly chain: ProgramChain }
  | { readonly kind: 'defrag' | 'conntrack' | 'confirm' | 'ipvs'; readonly prio: number; readonly seq: number }
  | { readonly kind: 'legacy'; readonly prio: number; readonly seq: number; readonly table: string }
  | {
      readonly kind: 'nat';
      readonly prio: number;
      readonly seq: number;
      readonly chains: readonly ProgramChain[];
      /** The chain that it is there for, where that may be dormant and no other is. */
      readonly perhaps?: ProgramChain | undefined;
    };

/** Kernel-internal hook positions (include/uapi/linux/netfilter_ipv4.h). */
const POSITION = { defrag: -400, conntrack: -200, natDst: -100, natSrc: 100, confirm: 2147483647 } as const;

/** Where the first callback of IPVS stands at a hook (ip_vs_ops4, ip_vs_ops6). */
const IPVS: Readonly<Partial<Record<Hook, number>>> = { input: 98, output: -99, forward: 99 };

/** Where the tables of legacy iptables hook in (net/ipv4/netfilter/iptable_*.c). */
const LEGACY: Readonly<Record<string, Readonly<Partial<Record<Hook, number>>>>> = {
  raw: { prerouting: -300, output: -300 },
  mangle: { prerouting: -150, input: -150, forward: -150, output: -150, postrouting: -150 },
  nat: { prerouting: -100, input: 100, output: -100, postrouting: 100 },
  filter: { input: 0, forward: 0, output: 0 },
  security: { input: 50, forward: 50, output: 50 },
};

function typesOf(type: SetType): readonly DataType[] {
  if (type.kind === 'typeof') {
    const t = typeOfExpression(type.expr);
    return t === undefined ? [] : Array.isArray(t) ? (t as readonly DataType[]) : [t as DataType];
  }
  const types = type.names.map((n) => dataTypeByName(n));
  return types.every((t): t is DataType => t !== undefined) ? types : [];
}

const byRunOrder = (a: { prio: number; seq: number }, b: { prio: number; seq: number }): number =>
  a.prio - b.prio || b.seq - a.seq;

function mentions(statements: readonly Statement[], test: (node: { readonly kind: string }) => boolean): boolean {
  const visit = (node: unknown): boolean => {
    if (typeof node !== 'object' || node === null) return false;
    if (Array.isArray(node)) return node.some(visit);
    if ('kind' in node && typeof node.kind === 'string' && test(node as { kind: string })) return true;
    return Object.values(node).some(visit);
  };
  return visit(statements);
}

const USES_CONNTRACK = new Set([
  'ct',
  'ctCount',
  'notrack',
  'masquerade',
  'snat',
  'dnat',
  'redirect',
  'synproxy',
  'flow',
]);
/** The same of parts made by iptables: those whose checkentry calls nf_ct_netns_get (net/netfilter/xt_*.c). */
const XT_USES_CONNTRACK =
  /^(conntrack|state|connmark|connbytes|connlabel|connlimit|cluster|helper|CONNMARK|CONNSECMARK|CT|[DS]NAT|MASQUERADE|REDIRECT|NETMAP|SYNPROXY)$/;
const usesConntrack = (n: { readonly kind: string; readonly name?: unknown }): boolean =>
  USES_CONNTRACK.has(n.kind) || (n.kind === 'xt' && typeof n.name === 'string' && XT_USES_CONNTRACK.test(n.name));

export class Program {
  readonly tables: readonly ProgramTable[];
  private readonly lists = new Map<string, readonly HookEntry[]>();
  private readonly devices = new Map<string, readonly ProgramChain[]>();
  private readonly baseChains: readonly ProgramChain[];
  private readonly hasIpvs: boolean;

  constructor(
    readonly ruleset: Ruleset,
    readonly names: Names & { readonly linkByIndex: ReadonlyMap<number, Link> },
    private readonly conntrackAlways: boolean,
    /** What `iptables-save` printed: the parameters of `xt` parts. */
    readonly iptables?: World['iptables'],
    private readonly legacy?: Pick<World, 'legacyTables' | 'legacySave' | 'legacyTables6' | 'legacySave6'>,
  ) {
    let seq = 0;
    const flagged = perhapsDormant(ruleset);
    const bases: ProgramChain[] = [];
    this.tables = ruleset.tables.map((table) => {
      const sets = new Map<string, ProgramSet>();
      const chains = new Map<string, ProgramChain>();
      const byName = new Map(table.sets.map((s) => [s.name, s]));
      const objects = new Map<string, NamedObject>(table.objects.map((o) => [`${o.kind} ${o.name}`, o]));
      const made: ProgramTable = {
        table,
        family: table.family,
        name: table.name,
        chains,
        isPerhapsDormant: flagged.has(`${table.family} ${table.name}`),
        set: (name) => {
          let s = sets.get(name);
          const declared = byName.get(name);
          if (s === undefined && declared !== undefined) {
            const types = typesOf(declared.type);
            s = {
              set: declared,
              types,
              dataTypes:
                declared.data?.kind === 'types' || declared.data?.kind === 'typeof' ? typesOf(declared.data) : [],
              index: new SetIndex(types, declared.elements, names),
              ref: `${table.family} ${table.name} ${name}`,
            };
            sets.set(name, s);
          }
          return s;
        },
        object: (kind, name) => objects.get(`${kind} ${name}`),
      };
      for (const chain of table.chains) {
        const p: ProgramChain = {
          table: made,
          chain,
          base: chain.base,
          seq: seq++,
          rules: chain.rules.map((rule, index) => ({
            rule,
            ref: { family: table.family, table: table.name, chain: chain.name, handle: rule.handle, index },
            ops: undefined,
          })),
        };
        chains.set(chain.name, p);
        if (chain.base !== undefined && !table.flags.includes('dormant')) bases.push(p);
      }
      return made;
    });
    this.baseChains = bases;
    this.hasIpvs = [...names.linkByName.values()].some(holdsServices);
  }

  /** Whether connection tracking works for a family: something in the namespace must ask for it. */
  private readonly tracked = new Map<string, boolean>();
  conntrackActive(family: 'ip' | 'ip6'): boolean {
    if (this.conntrackAlways) return true;
    let active = this.tracked.get(family);
    if (active === undefined) {
      active = this.tables.some(
        (t) =>
          (t.family === family || t.family === 'inet') &&
          t.table.chains.some(
            (c) => c.base?.type === 'nat' || c.rules.some((r) => mentions(r.statements, usesConntrack)),
          ),
      );
      this.tracked.set(family, active);
    }
    return active;
  }

  private inFamily(family: 'ip' | 'ip6' | 'arp' | 'bridge', hook: Hook): readonly ProgramChain[] {
    return this.baseChains.filter(
      (c) =>
        c.base?.hook === hook &&
        (c.table.family === family || (c.table.family === 'inet' && (family === 'ip' || family === 'ip6'))),
    );
  }

  /** Everything that runs at a hook, in order: lower priority first, at equal priority the one registered last first. */
  hook(family: 'ip' | 'ip6' | 'arp' | 'bridge', hook: Hook): readonly HookEntry[] {
    const key = `${family} ${hook}`;
    let list = this.lists.get(key);
    if (list === undefined) {
      list = this.build(family, hook);
      this.lists.set(key, list);
    }
    return list;
  }

  /** The same rules, with the entries of one hook in another order. Shares all indexes with this one. */
  withOrder(family: 'ip' | 'ip6' | 'arp' | 'bridge', hook: Hook, entries: readonly HookEntry[]): Program {
    const lists = new Map(this.lists).set(`${family} ${hook}`, entries);
    return Object.assign(Object.create(Program.prototype), this, { lists });
  }

  /** The same rules, with the chains of a device in another order, or fewer of them. */
  withDeviceOrder(hook: 'ingress' | 'egress', dev: string, chains: readonly ProgramChain[]): Program {
    const devices = new Map(this.devices).set(`${hook} ${dev}`, chains);
    return Object.assign(Object.create(Program.prototype), this, { devices });
  }

  private build(family: 'ip' | 'ip6' | 'arp' | 'bridge', hook: Hook): readonly HookEntry[] {
    const entries: HookEntry[] = [];
    const nat: ProgramChain[] = [];
    for (const chain of this.inFamily(family, hook)) {
      if (chain.base?.type === 'nat') nat.push(chain);
      else entries.push({ kind: 'chain', prio: chain.base?.prio ?? 0, seq: chain.seq, chain });
    }
    if (family === 'ip' || family === 'ip6') {
      if (this.conntrackActive(family)) {
        if (hook === 'prerouting' || hook === 'output') {
          entries.push(
            { kind: 'defrag', prio: POSITION.defrag, seq: -2 },
            { kind: 'conntrack', prio: POSITION.conntrack, seq: -1 },
          );
        }
        if (hook === 'postrouting' || hook === 'input')
          entries.push({ kind: 'confirm', prio: POSITION.confirm, seq: -1 });
      }
      const anywhere = this.baseChains.filter(
        (c) => c.base?.type === 'nat' && (c.table.family === family || c.table.family === 'inet'),
      );
      const [first] = anywhere;
      const perhaps = anywhere.every((c) => c.table.isPerhapsDormant) ? first : undefined;
      if (first !== undefined && hook !== 'forward' && hook !== 'ingress' && hook !== 'egress') {
        const prio = hook === 'prerouting' || hook === 'output' ? POSITION.natDst : POSITION.natSrc;
        const chains = nat.toSorted((a, b) =>
          byRunOrder({ prio: a.base?.prio ?? 0, seq: a.seq }, { prio: b.base?.prio ?? 0, seq: b.seq }),
        );
        entries.push({ kind: 'nat', prio, seq: first.seq, chains, perhaps });
      }
    }
    if (family === 'ip' || family === 'ip6') entries.push(...this.legacyEntries(family, hook));
    const ipvs = this.hasIpvs && (family === 'ip' || family === 'ip6') ? IPVS[hook] : undefined;
    if (ipvs !== undefined) entries.push({ kind: 'ipvs', prio: ipvs, seq: -4 });
    return entries.sort(byRunOrder);
  }

  /** Tables of legacy iptables at a hook, after nft's chains of the same priority: their order is that of registration, unknown here. */
  private legacyEntries(family: 'ip' | 'ip6', hook: Hook): readonly HookEntry[] {
    const { legacyTables = [], legacyTables6, legacySave: save4, legacySave6: save6 } = this.legacy ?? {};
    const tables = family === 'ip' ? legacyTables : legacyTables6?.known === true ? legacyTables6.value : [];
    const legacySave = family === 'ip' ? save4 : save6;
    return tables.flatMap((table) => {
      const prio = LEGACY[table]?.[hook];
      if (prio === undefined) return [];
      const chain = legacySave?.known
        ? legacySave.value.find((c) => c.table === table && c.chain === hook.toUpperCase())
        : undefined;
      const idle = chain !== undefined && chain.rules === 0 && chain.policy === 'ACCEPT';
      return idle ? [] : [{ kind: 'legacy', prio, seq: -3, table } as const];
    });
  }

  /** True where a nat chain of the family makes the kernel bind every connection, if only to itself. */
  natActive(family: 'ip' | 'ip6'): boolean {
    return this.baseChains.some(
      (c) => c.base?.type === 'nat' && (c.table.family === family || c.table.family === 'inet'),
    );
  }

  /** Chains of netdev and inet at ingress or egress of a device; undefined: of any. A chain whose devices the listing left out counts for every device. */
  atDevice(hook: 'ingress' | 'egress', dev: string | undefined): readonly ProgramChain[] {
    const key = `${hook} ${dev ?? ''}`;
    let list = this.devices.get(key);
    if (list === undefined) {
      list = this.baseChains
        .filter(
          (c) =>
            c.base?.hook === hook &&
            (c.table.family === 'netdev' || c.table.family === 'inet') &&
            (dev === undefined ||
              c.base.devices.length === 0 ||
              c.base.devices.some((d) => d === dev || (d.endsWith('*') && dev.startsWith(d.slice(0, -1))))),
        )
        .toSorted((a, b) =>
          byRunOrder({ prio: a.base?.prio ?? 0, seq: a.seq }, { prio: b.base?.prio ?? 0, seq: b.seq }),
        );
      this.devices.set(key, list);
    }
    return list;
  }

  /** True where a base chain of the family exists at any hook. */
  has(family: 'bridge' | 'arp' | 'netdev'): boolean {
    return this.baseChains.some((c) => c.table.family === family);
  }
}

/** The name of an expression in nft's words, for reads and reasons. */
export function fieldName(expr: Expression): string {
  if (typeof expr !== 'object') return String(expr);
  switch (expr.kind) {
    case 'payload':
      return `${expr.tunnel === undefined ? '' : `${expr.tunnel} `}${expr.protocol} ${expr.field}`;
    case 'rawPayload':
      return `@${expr.base},${expr.offset},${expr.len}`;
    case 'meta':
      return /^[io]if(name|group)?$/.test(expr.key) ? expr.key : `meta ${expr.key}`;
    case 'ct':
      return ['ct', expr.dir, expr.key].filter((w) => w !== undefined).join(' ');
    case 'rt':
      return ['rt', expr.family, expr.key].filter((w) => w !== undefined).join(' ');
    case 'fib':
      return `fib ${expr.flags.join(' . ')} ${expr.result}`;
    case 'exthdr':
      return expr.field === undefined ? `exthdr ${expr.name}` : `${expr.name} ${expr.field}`;
    case 'tcpOption':
      return ['tcp option', expr.name, expr.field].filter((w) => w !== undefined).join(' ');
    case 'rawTcpOption':
      return `tcp option @${expr.base},${expr.offset},${expr.len}`;
    case 'ipOption':
      return ['ip option', expr.name, expr.field].filter((w) => w !== undefined).join(' ');
    case 'sctpChunk':
      return ['sctp chunk', expr.name, expr.field].filter((w) => w !== undefined).join(' ');
    case 'dccpOption':
      return `dccp option ${expr.type}`;
    case 'socket':
      return `socket ${expr.key}`;
    case 'osf':
      return `osf ${expr.key}`;
    case 'ipsec':
      return `ipsec ${expr.key}`;
    case 'tunnel':
      return `tunnel ${expr.key}`;
    case 'numgen':
      return `numgen ${expr.mode} mod ${expr.mod}`;
    case 'jhash':
      return `jhash ${fieldName(expr.expr)} mod ${expr.mod}`;
    case 'symhash':
      return `symhash mod ${expr.mod}`;
    case 'concat':
      return expr.parts.map(fieldName).join(' . ');
    case 'binary':
      return expr.operands
        .map((o) => (typeof o === 'number' ? `0x${o.toString(16)}` : fieldName(o)))
        .join(` ${expr.op} `);
    case 'map':
      return `${fieldName(expr.key)} map`;
    case 'elem':
      return fieldName(expr.val);
    case 'prefix':
      return `${fieldName(expr.addr)}/${expr.len}`;
    case 'range':
      return `${fieldName(expr.from)}-${fieldName(expr.to)}`;
    case 'setref':
      return `@${expr.name}`;
    case 'set':
      return `{ ${expr.elements.map((e) => fieldName(e.key)).join(', ')} }`;
    case 'list':
      return expr.items.map(fieldName).join(',');
    case 'wildcard':
      return '*';
    case 'unsupported':
      return expr.name;
  }
}
