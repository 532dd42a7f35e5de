/**
 * The base chains of a node in their places: by hook along the way of a packet, by priority from first to last. Facts only;
 * hook-map-layout.ts gives them coordinates.
 */
import type { Family } from '../nft/model';

/** What one map shows: inet chains are in both IP maps, and so are chains on devices, which see every packet first and last. */
export type MapFamily = 'ip' | 'ip6' | 'bridge' | 'arp' | 'netdev';
export const MAP_FAMILIES: readonly MapFamily[] = ['ip', 'ip6', 'bridge', 'arp', 'netdev'];

/** A base chain as the map needs it. */
export interface MapChain {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly type: string;
  readonly hook: string;
  readonly prio: number;
  readonly policy: 'accept' | 'drop';
  readonly owner: { readonly key: string; readonly name: string };
  /** No rule: only the policy counts. */
  readonly empty: boolean;
  /** What ends packets in it, by rule or policy. */
  readonly ends: readonly ('drop' | 'reject')[];
  /** Place in the listing, which is the order of registration. */
  readonly order: number;
}

/** Something of the kernel's own at a fixed priority. */
export interface KernelPlace {
  readonly kind: 'defragment' | 'conntrack' | 'confirm';
  /** Null: after everything else. */
  readonly prio: number | null;
  readonly say: string;
}

export interface MapCell<C extends MapChain> {
  readonly chain: C;
  /** Position in the order in which the chains of this hook see a packet, from 1. */
  readonly run: number;
  /** nat chains do not run at their own priority but all from one place. */
  readonly runsAt: number;
  readonly nat: boolean;
}

export interface MapColumn<C extends MapChain> {
  readonly hook: string;
  /** By priority, then run order: as drawn from top to bottom. */
  readonly cells: readonly MapCell<C>[];
  readonly places: readonly KernelPlace[];
  /** Where the nat chains of this hook run; null without any. */
  readonly natAt: number | null;
}

export interface MapRow {
  /** Null: the last row, after every priority. */
  readonly prio: number | null;
  /** `dstnat - 10`; empty where no named priority is near. */
  readonly name: string;
}

/** Chains of different owners at one hook and one priority: their order is the order of loading. */
export interface Tie<C extends MapChain> {
  readonly hook: string;
  readonly prio: number;
  /** In run order. */
  readonly cells: readonly MapCell<C>[];
}

/** What `first` lets through, `then` drops by its policy unless one of its own rules accepts it. */
export interface LaterDrop<C extends MapChain> {
  readonly hook: string;
  readonly first: MapCell<C>;
  readonly then: MapCell<C>;
}

export interface HookMap<C extends MapChain> {
  readonly family: MapFamily;
  readonly columns: readonly MapColumn<C>[];
  readonly rows: readonly MapRow[];
  readonly ties: readonly Tie<C>[];
  readonly laterDrops: readonly LaterDrop<C>[];
}

/** The hooks of a family in the order of the way; `forward` stands before `input`, as it is drawn. */
const HOOKS: Readonly<Record<MapFamily, readonly string[]>> = {
  ip: ['ingress', 'prerouting', 'forward', 'input', 'output', 'postrouting', 'egress'],
  ip6: ['ingress', 'prerouting', 'forward', 'input', 'output', 'postrouting', 'egress'],
  bridge: ['prerouting', 'forward', 'input', 'output', 'postrouting'],
  arp: ['input', 'output'],
  netdev: ['ingress', 'egress'],
};

/**
 * Where a hook stands on the way, in words; the figure draws it. Order: `nf_hook_slow` is called from `ip_rcv` (prerouting),
 * `ip_local_deliver` (input), `ip_forward` (forward), `__ip_local_out` (output), `ip_output` (postrouting), and by their like
 * for IPv6, bridges and ARP.
 */
export function hookPlace(hook: string, family: MapFamily): string {
  const decides = family === 'bridge' ? 'the bridge decides' : 'the route decides';
  const above = ABOVE[family];
  switch (hook) {
    case 'ingress':
      return `a packet comes in by an interface; next ${family === 'netdev' ? above : 'prerouting'}`;
    case 'prerouting':
      return `next ${decides}: forward, or input for this node`;
    case 'forward':
      return 'next postrouting';
    case 'input':
      return `next ${above}`;
    case 'output':
      return `from ${above}; next ${family === 'arp' ? 'out by an interface' : 'postrouting'}`;
    case 'postrouting':
    case 'egress':
      return 'next out by an interface';
    default:
      return '';
  }
}

/** What is above the hooks of a family, where input leads and output comes from. */
const ABOVE: Readonly<Record<MapFamily, string>> = {
  ip: 'a process of this node',
  ip6: 'a process of this node',
  bridge: 'the IP of this node',
  arp: 'the ARP of this node',
  netdev: 'the stack of this node',
};

const isIp = (family: MapFamily): boolean => family === 'ip' || family === 'ip6';
const isDeviceHook = (hook: string): boolean => hook === 'ingress' || hook === 'egress';

/** Whether a chain has a place on the map of this family. */
export function isOnMap(chain: MapChain, family: MapFamily): boolean {
  if (!HOOKS[family].includes(chain.hook)) return false;
  if (isIp(family)) {
    return (
      chain.family === family || chain.family === 'inet' || (chain.family === 'netdev' && isDeviceHook(chain.hook))
    );
  }
  // inet chains on a device are registered where those of netdev are.
  if (family === 'netdev') return chain.family === 'netdev' || (chain.family === 'inet' && isDeviceHook(chain.hook));
  return chain.family === family;
}

/** Named priorities: `dstnat` is -300 in the bridge family and -100 elsewhere. */
const NAMED: Readonly<Record<MapFamily, readonly (readonly [string, number])[]>> = {
  ip: [
    ['raw', -300],
    ['mangle', -150],
    ['dstnat', -100],
    ['filter', 0],
    ['security', 50],
    ['srcnat', 100],
  ],
  ip6: [
    ['raw', -300],
    ['mangle', -150],
    ['dstnat', -100],
    ['filter', 0],
    ['security', 50],
    ['srcnat', 100],
  ],
  bridge: [
    ['dstnat', -300],
    ['filter', -200],
    ['out', 100],
    ['srcnat', 300],
  ],
  arp: [['filter', 0]],
  netdev: [['filter', 0]],
};

/** nft writes a priority by name up to this far from it. */
const NEAR = 10;

/** `filter`, `dstnat - 10`; empty where no named priority is near. */
export function priorityName(prio: number, family: MapFamily): string {
  for (const [name, value] of NAMED[family]) {
    const off = prio - value;
    if (off === 0) return name;
    if (Math.abs(off) <= NEAR) return `${name} ${off < 0 ? '-' : '+'} ${Math.abs(off)}`;
  }
  return '';
}

const DEFRAGMENT: KernelPlace = { kind: 'defragment', prio: -400, say: 'defragment' };
const CONNTRACK: KernelPlace = { kind: 'conntrack', prio: -200, say: 'conntrack: look up or create' };
const CONFIRM: KernelPlace = { kind: 'confirm', prio: null, say: 'conntrack: confirm' };

function placesAt(hook: string, family: MapFamily): readonly KernelPlace[] {
  if (!isIp(family)) return [];
  switch (hook) {
    case 'prerouting':
    case 'output':
      return [DEFRAGMENT, CONNTRACK];
    case 'input':
    case 'postrouting':
      return [CONFIRM];
    default:
      return [];
  }
}

/** All nat chains of a hook are run from one place: destinations at -100, sources at 100. */
function natPlace(hook: string): number | undefined {
  switch (hook) {
    case 'prerouting':
    case 'output':
      return -100;
    case 'input':
    case 'postrouting':
      return 100;
    default:
      return undefined;
  }
}

export function buildHookMap<C extends MapChain>(chains: readonly C[], family: MapFamily): HookMap<C> {
  const own = chains.filter((chain) => isOnMap(chain, family));
  // The NAT places of all hooks are registered together with the first nat chain of the family.
  const natRegistered = Math.min(...own.filter((c) => isNat(c, family)).map((c) => c.order));
  const columns = HOOKS[family]
    .filter((hook) => !isIp(family) || !isDeviceHook(hook) || own.some((c) => c.hook === hook))
    .map((hook) => columnOf(hook, own, family, natRegistered));
  const laterDrops = columns.flatMap(laterDropsOf);
  return {
    family,
    columns,
    rows: rowsOf(columns, family),
    ties: columns.flatMap(tiesOf).filter((tie) => !saidByDrop(tie, laterDrops)),
    laterDrops,
  };
}

/** A later drop between the only two chains of a tie says more than the tie. */
const saidByDrop = <C extends MapChain>(tie: Tie<C>, drops: readonly LaterDrop<C>[]): boolean =>
  tie.cells.length === 2 && drops.some((d) => tie.cells.includes(d.first) && tie.cells.includes(d.then));

const isNat = (chain: MapChain, family: MapFamily): boolean =>
  chain.type === 'nat' && isIp(family) && natPlace(chain.hook) !== undefined;

function columnOf<C extends MapChain>(
  hook: string,
  chains: readonly C[],
  family: MapFamily,
  natRegistered: number,
): MapColumn<C> {
  const here = chains.filter((c) => c.hook === hook);
  const natAt = natPlace(hook);
  const runKey = (c: C): readonly [number, number, number, number] =>
    natAt !== undefined && isNat(c, family)
      ? // In the one place of NAT: among themselves by priority, then registered last first.
        [natAt, -natRegistered, c.prio, -c.order]
      : [c.prio, -c.order, 0, 0];
  const run = new Map(
    here.toSorted((a, b) => compareKeys(runKey(a), runKey(b))).map((chain, index) => [chain, index + 1] as const),
  );
  const cells = here
    .map((chain) => {
      const nat = isNat(chain, family);
      return { chain, run: run.get(chain) ?? 0, nat, runsAt: nat && natAt !== undefined ? natAt : chain.prio };
    })
    .toSorted((a, b) => a.chain.prio - b.chain.prio || a.run - b.run);
  return {
    hook,
    cells,
    places: placesAt(hook, family),
    natAt: cells.some((c) => c.nat) ? (natAt ?? null) : null,
  };
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** One scale for all columns: every priority in use, the named ones, and the kernel's own places. */
function rowsOf<C extends MapChain>(columns: readonly MapColumn<C>[], family: MapFamily): readonly MapRow[] {
  const prios = new Set<number>(NAMED[family].map(([, value]) => value));
  let last = false;
  for (const column of columns) {
    for (const cell of column.cells) prios.add(cell.chain.prio);
    for (const place of column.places) {
      if (place.prio === null) last = true;
      else prios.add(place.prio);
    }
  }
  const rows: MapRow[] = [...prios].sort((a, b) => a - b).map((prio) => ({ prio, name: priorityName(prio, family) }));
  return last ? [...rows, { prio: null, name: 'last' }] : rows;
}

/** What a packet meets at a hook, in order: chains, and the kernel's own doing. */
export type Met<C extends MapChain> =
  | { readonly kind: 'chain'; readonly cell: MapCell<C> }
  | { readonly kind: 'place'; readonly place: KernelPlace };

export function sequenceOf<C extends MapChain>(column: MapColumn<C>): readonly Met<C>[] {
  const chains = column.cells
    .toSorted((a, b) => a.run - b.run)
    .map((cell) => ({ at: cell.runsAt, met: { kind: 'chain', cell } as Met<C> }));
  const places = column.places.map((place) => ({
    at: place.prio ?? Number.POSITIVE_INFINITY,
    met: { kind: 'place', place } as Met<C>,
  }));
  // A stable sort: chains keep their run order, and stand before the kernel at the same priority.
  return [...chains, ...places].toSorted((a, b) => a.at - b.at).map(({ met }) => met);
}

/** A chain that neither rule nor policy makes matter to any packet. */
const isIdle = (chain: MapChain): boolean => chain.empty && chain.policy === 'accept';

/** Only chains that matter, of one kind (nat or not), of more than one owner. */
function tiesOf<C extends MapChain>(column: MapColumn<C>): readonly Tie<C>[] {
  const groups = new Map<string, MapCell<C>[]>();
  for (const cell of column.cells) {
    if (isIdle(cell.chain)) continue;
    const key = `${cell.nat} ${cell.chain.prio}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()]
    .filter((cells) => new Set(cells.map((c) => c.chain.owner.name)).size > 1)
    .flatMap((cells) => {
      const [first] = cells;
      return first === undefined
        ? []
        : [{ hook: column.hook, prio: first.chain.prio, cells: cells.toSorted((a, b) => a.run - b.run) }];
    });
}

/** A policy of drop behind a chain of another owner that lets packets through. nat chains judge first packets only: left out. */
function laterDropsOf<C extends MapChain>(column: MapColumn<C>): readonly LaterDrop<C>[] {
  const inOrder = column.cells.filter((c) => !c.nat).toSorted((a, b) => a.run - b.run);
  return inOrder.flatMap((then, index) => {
    if (then.chain.policy !== 'drop') return [];
    const first = inOrder
      .slice(0, index)
      .findLast((c) => c.chain.owner.name !== then.chain.owner.name && !c.chain.empty && c.chain.policy === 'accept');
    return first === undefined ? [] : [{ hook: column.hook, first, then }];
  });
}
