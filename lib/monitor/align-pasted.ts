/**
 * Finds our packet in pasted `nft monitor trace` output, and sets both side by side.
 *
 * A paste may hold many packets, mixed line by line. The trace id tells them apart only in part: it changes when a packet goes
 * through lo or a rule rewrites its headers, and packets the kernel makes on the way have ids of their own, between the lines of
 * the packet they answer. So events are joined by order: each packet of ours follows one id, and where that ends the next id
 * whose first event is the one expected.
 */
import { formatAddress, parseAddress } from '../net/address';
import type { PacketView, Trace } from '../sim/trace';
import {
  type Alignment,
  type AlignOptions,
  agree,
  alignSequence,
  better,
  isForeign,
  isTracingRule,
} from './align-sequence';
import type { KernelEvent, KernelPacket } from './kernel-event';
import { type OurEvent, ourEvents } from './our-events';

export interface PastedAlignment {
  /** Null where nothing in the paste is about tables of the capture. */
  readonly alignment: Alignment | null;
  /** How the pasted packet differs from the one traced: `ip daddr 10.0.0.2, not 10.0.0.1`. Empty: no contradiction seen. */
  readonly otherPacket: readonly string[];
  /** Packets in the paste that are not part of it. */
  readonly otherPackets: number;
}

interface Group {
  readonly events: readonly KernelEvent[];
  readonly packet: KernelPacket | undefined;
  /** Tracing was switched on by a rule within a captured chain: events may begin anywhere. */
  readonly beginsInside: boolean;
}

export function alignPasted(
  events: readonly KernelEvent[],
  trace: Trace,
  options: Omit<AlignOptions, 'showsEnds'>,
): PastedAlignment {
  const all: AlignOptions = { ...options, showsEnds: events.some(({ kind }) => kind === 'end') };
  const groups = groupsOf(events, all);
  const branches = trace.branches.map(({ steps }) => ourEvents(steps));
  let best: Found | undefined;
  for (const [branch, ours] of branches.entries()) {
    for (const start of groups) {
      const found = follow(groups, start, ours, branch, all);
      if (best === undefined || isBetter(found, best)) best = found;
    }
  }
  if (best === undefined) return { alignment: null, otherPacket: [], otherPackets: 0 };
  return {
    alignment: best.alignment,
    otherPacket: best.contradictions,
    otherPackets: groups.length - best.groups,
  };
}

interface Found {
  readonly alignment: Alignment;
  readonly contradictions: readonly string[];
  readonly groups: number;
}

/** A packet with the same addresses first, then the longer agreement. */
function isBetter(a: Found, b: Found): boolean {
  const [mine, theirs] = [a.contradictions.length > 0, b.contradictions.length > 0];
  if (mine !== theirs) return theirs;
  return a.alignment !== b.alignment && better(b.alignment, a.alignment) === a.alignment;
}

/** By id; an id that starts over with the chain it began with is another packet in the same buffer. */
function groupsOf(events: readonly KernelEvent[], options: AlignOptions): readonly Group[] {
  const groups: { events: KernelEvent[]; packet: KernelPacket | undefined; beginsInside: boolean }[] = [];
  const open = new Map<string, (typeof groups)[number]>();
  /** The headers were with a line that is left out. */
  const inside = new Map<string, KernelPacket | undefined>();
  for (const event of events) {
    if (isForeign(event, options)) {
      if (isTracingRule(event)) inside.set(event.id, event.packet);
      continue;
    }
    let group = open.get(event.id);
    const first = group?.events[0];
    const startsOver = event.packet !== undefined && first?.packet !== undefined && placeOf(first) === placeOf(event);
    if (group === undefined || startsOver) {
      group = { events: [], packet: event.packet ?? inside.get(event.id), beginsInside: inside.delete(event.id) };
      groups.push(group);
      open.set(event.id, group);
    }
    group.events.push(event);
  }
  return groups;
}

const placeOf = ({ family, table, chain }: KernelEvent): string => `${family} ${table} ${chain}`;

function follow(
  groups: readonly Group[],
  start: Group,
  ours: readonly OurEvent[],
  branch: number,
  options: AlignOptions,
): Found {
  const isShown = (event: OurEvent) => event.kind !== 'end' || options.showsEnds;
  const first = start.events[0];
  // Tracing may have been switched on later than where our trace begins: at a later chain, or within one.
  const skipped = Math.max(
    ours.findIndex(
      (event) =>
        first !== undefined &&
        event.skb === 0 &&
        (event.first || start.beginsInside) &&
        isShown(event) &&
        agree(first, event, options),
    ),
    0,
  );
  const joined: KernelEvent[] = [];
  const taken = new Map<Group, number>([[start, 0]]);
  const following = new Map<number, Group>();
  const beginning = ours[skipped];
  if (beginning !== undefined) following.set(beginning.skb, start);
  const lineNow = () => joined.at(-1)?.line ?? 0;
  const startingWith = (event: OurEvent, after: number) =>
    groups.find((one) => !taken.has(one) && (one.events[0]?.line ?? 0) > after && startsWith(one, event, options));
  let at = skipped;
  for (; at < ours.length; at++) {
    const event = ours[at];
    if (event === undefined || !isShown(event)) continue;
    let group = following.get(event.skb);
    let next = group?.events[taken.get(group) ?? 0];
    if (group === undefined || next === undefined) {
      group = startingWith(event, lineNow());
      next = group?.events[0];
      if (group !== undefined) following.set(event.skb, group);
    }
    if (group === undefined || next === undefined || !agree(next, event, options)) break;
    taken.set(group, (taken.get(group) ?? 0) + 1);
    joined.push(next);
  }
  // After a divergence: what else is of this packet, so that one sees where both meet again.
  for (let line = lineNow(); at < ours.length; at++) {
    const event = ours[at];
    const group = event?.first === true && isShown(event) ? startingWith(event, line) : undefined;
    if (group === undefined) continue;
    taken.set(group, 0);
    line = group.events.at(-1)?.line ?? line;
  }
  const rest = [...taken].flatMap(([group, count]) => group.events.slice(count));
  rest.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return {
    alignment: alignSequence([...joined, ...rest], ours, branch, options, skipped),
    contradictions: [...deviceContradiction(start.packet, ours[0]), ...contradictions(start.packet, beginning?.packet)],
    groups: taken.size,
  };
}

const startsWith = ({ events, packet }: Group, event: OurEvent, options: AlignOptions): boolean =>
  events[0] !== undefined &&
  agree(events[0], event, options) &&
  contradictions(packet, event.first ? event.packet : undefined).length === 0;

/** Where the packet came in stays the same on its way, until it passes lo. */
function deviceContradiction(kernel: KernelPacket | undefined, ours: OurEvent | undefined): readonly string[] {
  if (kernel?.iif === undefined || ours === undefined || kernel.iif === ours.iif) return [];
  return [`iif ${kernel.iif}, not ${ours.iif ?? 'sent by this node'}`];
}

/** What both say and say differently. */
function contradictions(kernel: KernelPacket | undefined, ours: PacketView | undefined): readonly string[] {
  if (kernel === undefined || ours === undefined) return [];
  const found: string[] = [];
  const prefix = ours.family === 'ip6' ? 'ip6' : 'ip';
  for (const key of ['saddr', 'daddr'] as const) {
    const theirs = canonical(kernel[key]);
    const own = canonical(ours[key]);
    if (theirs !== undefined && own !== undefined && theirs !== own)
      found.push(`${prefix} ${key} ${theirs}, not ${own}`);
  }
  if (kernel.protocol !== undefined && /^[a-z]/.test(kernel.protocol) && typeof ours.protocol === 'string') {
    const theirs = kernel.protocol.replace('ipv6-icmp', 'icmpv6');
    if (theirs !== ours.protocol) found.push(`${theirs}, not ${ours.protocol}`);
  }
  for (const key of ['sport', 'dport'] as const) {
    const [theirs, own] = [kernel[key], ours[key]];
    // The source port of a question is one for many.
    if (key === 'dport' && theirs !== undefined && typeof own === 'number' && theirs !== own)
      found.push(`${key} ${theirs}, not ${own}`);
  }
  return found;
}

function canonical(text: string | undefined): string | undefined {
  const address = text === undefined ? undefined : parseAddress(text);
  return address === undefined ? undefined : formatAddress(address.value);
}
