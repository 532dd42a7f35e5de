/** What a run needs of its surroundings, and the signals that end it. */
import type { Hook, RuleRef } from '../nft/model';
import type { CtEntry, Link, World } from '../world/world';
import { CtBase } from './conntrack-state';
import { type DataPlanes, dataPlanesOf } from './data-plane';
import type { Frame } from './frame';
import { Program } from './program';
import { buildRouters, type RouteResult, type Routers } from './routing';
import type { Skb } from './skb';
import type { SimState } from './state';
import type { Assumption, Choice, Fate, FieldDiff, FieldRead, Lookup, Reason, Step, WhyNot } from './trace';

/** A world made ready: indexes that every trace on it shares. */
export interface Prepared {
  readonly world: World;
  readonly program: Program;
  readonly routers: Routers;
  readonly linkByName: ReadonlyMap<string, Link>;
  readonly linkByIndex: ReadonlyMap<number, Link>;
  /** Addresses of this node, by family and value. */
  readonly localAddresses: ReadonlyMap<string, Link>;
  readonly neighbours: ReadonlyMap<string, { readonly mac: string | undefined; readonly state: readonly string[] }>;
  readonly ctBase: CtBase;
  /** What else handles packets there; undefined on almost every node. */
  readonly planes: DataPlanes | undefined;
}

export const addressKey = (family: 'ip' | 'ip6', value: number | bigint): string => `${family} ${value}`;

/** Builds the indexes. Cost is one pass over links, routes and neighbours; sets are indexed when first looked up. */
export function prepare(world: World): Prepared {
  const links = world.links.known ? world.links.value : [];
  const linkByName = new Map(links.map((l) => [l.name, l]));
  const linkByIndex = new Map(links.map((l) => [l.index, l]));
  const localAddresses = new Map<string, Link>();
  for (const link of links) for (const a of link.addresses) localAddresses.set(addressKey(a.family, a.local), link);
  const neighbours = new Map<string, { mac: string | undefined; state: readonly string[] }>();
  for (const n of world.neighbours.known ? world.neighbours.value : [])
    neighbours.set(`${n.dev} ${addressKey(n.family, n.dst)}`, n);
  const ruleset = world.ruleset.known
    ? world.ruleset.value
    : { nftVersion: undefined, releaseName: undefined, tables: [], unsupported: [], omissions: [] };
  const entries: readonly CtEntry[] = world.conntrack.known ? world.conntrack.value : [];
  return {
    world,
    program: new Program(
      ruleset,
      { linkByName, linkByIndex },
      world.conntrackAlways === true || entries.length > 0,
      world.iptables,
      world,
    ),
    routers: buildRouters(world, linkByName),
    linkByName,
    linkByIndex,
    localAddresses,
    neighbours,
    ctBase: new CtBase(entries),
    planes: dataPlanesOf(links),
  };
}

/** Ends a run: the answer is not known. Caught where the run was started; never reaches a caller. */
export class UndecidedSignal {
  constructor(readonly reasons: readonly Reason[]) {}
}

/** Everything one run writes down and asks. */
export interface Run {
  readonly p: Prepared;
  readonly state: SimState;
  /** Undefined where only the fate is wanted: nothing is recorded then. */
  readonly steps: Step[] | undefined;
  readonly fate: { -readonly [K in keyof Fate]: Fate[K] } & {
    egress: Fate['egress'][number][];
    delivered: Fate['delivered'][number][];
    passedPostrouting: Fate['passedPostrouting'][number][];
  };
  readonly frames: Frame[];
  /** Packets that reached a process of the node: the packet itself, and answers of the node's own kernel. */
  readonly received: Frame[];
  readonly choices: Choice[];
  readonly assumptions: Map<string, Assumption>;
  /** Packets that wait to be received: those that loop through lo. */
  readonly backlog: (() => void)[];
  traversals: number;
  /** What saw a packet of the run before netfilter did. */
  plane: Reason | undefined;
  /** Sends a packet of the node's own: output and all that follows. Errors go to `run.fate.sendErrno` for the packet itself. */
  send(skb: Skb, route: RouteResult, settle?: boolean): void;
  /** Sends a frame as it is out of a device. */
  redirect(skb: Skb, dev: Link): void;
  /** Lets packets that wait be received, unless received packets are being handled already. */
  settle(): void;
  /** Takes a packet in on a device, as if from the wire. */
  receive(skb: Skb, dev: Link): void;
  nextSkb(): number;
  choose(
    what: string,
    at: RuleRef | undefined,
    options: readonly { readonly value: string; readonly probability: number }[],
  ): number;
  assume(code: string, say: string): void;
  undecided(code: string, say: string, settle: string, at?: RuleRef): never;
}

/** What is being evaluated. */
export interface Context {
  readonly run: Run;
  readonly skb: Skb;
  /** Family of the chain's table. */
  readonly family: string;
  readonly hook: Hook;
  readonly at: RuleRef | undefined;
  /** Undefined where nothing is recorded. */
  readonly record:
    | { reads: FieldRead[]; lookups: Lookup[]; writes: FieldDiff[]; choices: Choice[]; statement: number }
    | undefined;
}

export type { WhyNot };
