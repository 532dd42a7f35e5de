/**
 * The way of a packet as one line: where it comes from, the hooks with their base chains, the routing decision, where it
 * goes. What it passed is lit, what it never reached is kept as an outline.
 */
import { packetTitle } from '../explain/generated-packet';
import { traceLegs } from '../explain/trace-legs';
import type { TraceNames } from '../explain/trace-names';
import type { Leg, StepGroup } from '../explain/trace-steps';
import { finalPacket, hostPort } from '../explain/verdict-sentence';
import type { Branch, ChainStep, PacketView } from '../sim/trace';

import { endOf, notReached } from './way-ahead';
import type { Way, WayCell, WayEnd, WayInput, WayReturn, WayStop } from './way-types';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function traceWay(input: WayInput): Way {
  const { branch, leg, sent, names } = input;
  const packet = leg.generated?.packet ?? leg.start?.packet ?? sent;
  const lost = leg.steps.find((entry) => entry.ends !== undefined);
  const stops: WayStop[] = [{ kind: 'end', id: 'from', at: origin(leg, packet, names), reached: true }];
  for (const group of leg.groups) if (group.place !== 'kernel') addGroup(stops, group);
  if (!lost) stops.push(...destination(leg, names, branch));
  else stops.push(...notReached(stops, leg, packet, input));
  return { stops: withChanges(stops, leg, packet), back: returned(branch, leg, stops), aside: aside(leg) };
}

function addGroup(stops: WayStop[], group: StepGroup): void {
  if (group.place === 'routing') {
    const steps = group.rows.flatMap((row) => (row.kind === 'step' ? row.entry.number : []));
    // For a packet of the node itself the route comes before output; it is the process's own stop, not a fork of the way.
    stops.push({ kind: 'routing', id: group.id, steps, reached: true, ends: groupEnd(group) });
    return;
  }
  if (group.place === 'kernel') return;
  const cells = group.rows.flatMap((row) => (row.kind === 'chain' ? [cellOf(row.step, group)] : []));
  // Forward has both; the interfaces stand at its neighbours.
  const note =
    group.place === 'forward'
      ? ''
      : group.iif !== undefined && group.place !== 'postrouting'
        ? `in ${group.iif}`
        : group.oif === undefined
          ? ''
          : `out ${group.oif}`;
  const conntrack = group.rows.some((row) => row.kind === 'note' && row.step.kind === 'conntrack');
  if (cells.length === 0 && !conntrack && groupEnd(group) === undefined) return;
  stops.push({
    kind: 'hook',
    id: group.id,
    hook: group.place,
    note,
    conntrack,
    cells,
    reached: true,
    ends: groupEnd(group),
  });
}

function cellOf(step: ChainStep, group: StepGroup): WayCell {
  const own = group.rows.flatMap((row) => (row.kind === 'step' && row.entry.chain === step ? [row.entry] : []));
  return {
    id: `t${step.traversal}`,
    family: step.family,
    table: step.table,
    chain: step.chain,
    type: step.type,
    prio: step.prio,
    steps: own.map((entry) => entry.number),
    reached: true,
    ends: own.find((entry) => entry.ends !== undefined)?.ends,
  };
}

function groupEnd(group: StepGroup): 'lost' | 'undecided' | undefined {
  for (const row of group.rows) if (row.kind === 'step' && row.entry.ends) return row.entry.ends;
  return undefined;
}

function origin(leg: Leg, packet: PacketView, names: TraceNames): WayEnd {
  const detail = packet.saddr ?? '';
  if (leg.generated) return { kind: 'node', name: names.node, detail };
  if (leg.start?.from.kind === 'local') return { kind: 'process', name: `on ${names.node}`, detail };
  return endOf(names.address(detail), detail);
}

/** Next hop and destination of a packet that got through; a local delivery ends at the process. */
function destination(leg: Leg, names: TraceNames, branch: Branch): readonly WayStop[] {
  const steps = branch.steps.filter((step) => step.skb === leg.skb);
  const last = steps.findLast((step) => step.kind === 'deliver' || step.kind === 'transmit');
  const final =
    leg.skb === 0
      ? finalPacket(branch)?.packet
      : last?.kind === 'transmit' || last?.kind === 'deliver'
        ? last.packet
        : undefined;
  if (!final || !last) return [];
  const to = hostPort(final.daddr, final.dport);
  if (last.kind === 'deliver')
    return [{ kind: 'end', id: 'to', at: { kind: 'process', name: `on ${names.node}`, detail: to }, reached: true }];
  const stops: WayStop[] = [];
  const route = steps.findLast((step) => step.kind === 'route');
  const via = route?.kind === 'route' ? route.nexthop : undefined;
  if (via !== undefined && via !== final.daddr) {
    const hop = names.address(via);
    stops.push({
      kind: 'end',
      id: 'hop',
      at: { kind: 'next hop', name: undefined, detail: hop?.name ?? via },
      reached: true,
    });
  }
  stops.push({ kind: 'end', id: 'to', at: endOf(names.address(final.daddr ?? ''), to), reached: true });
  return stops;
}

/** Puts the address the packet carries above the stretch where it is new. */
function withChanges(stops: readonly WayStop[], leg: Leg, packet: PacketView): readonly WayStop[] {
  const sentTo = hostPort(packet.daddr, packet.dport);
  const out = stops.map((stop): Mutable<WayStop> => ({ ...stop }));
  const first = out[1];
  const changes = leg.groups
    .flatMap((group) => group.rows.flatMap((row) => (row.kind === 'step' ? row.entry : [])))
    .filter((entry) => entry.nat);
  if (first)
    first.change = {
      text: changes.length === 0 && leg.steps.some((e) => e.ends === 'lost') ? `${sentTo}, never translated` : sentTo,
      changed: false,
    };
  for (const entry of changes) {
    const at = out.findIndex(
      (stop) => stop.kind === 'hook' && stop.cells.some((cell) => cell.steps.includes(entry.number)),
    );
    const next = out[at + 1];
    if (!next || at < 0) continue;
    const address = entry.writes.find((write) => /\b[sd]addr$/.test(write.field))?.after;
    const port = entry.writes.find((write) => /\b[sd]port$/.test(write.field))?.after;
    const source = entry.nat?.manip === 'src';
    const text = source
      ? `from ${hostPort(address ?? packet.saddr, port)}`
      : hostPort(address ?? packet.daddr, port ?? packet.dport);
    next.change = { text, changed: true };
  }
  return out;
}

/** The error or reset that goes back to the sender. */
function returned(branch: Branch, leg: Leg, stops: readonly WayStop[]): WayReturn | undefined {
  const from = stops.findIndex((stop) => stop.kind !== 'end' && stop.ends === 'lost');
  const answer = traceLegs(branch).find((other) => other.generated?.because === leg.skb && other.skb !== leg.skb);
  if (from < 0 || !answer?.generated) return undefined;
  const { packet, what } = answer.generated;
  const left = branch.steps.some(
    (step) => step.skb === answer.skb && (step.kind === 'transmit' || step.kind === 'deliver'),
  );
  const title = packetTitle(packet, what);
  const to = leg.start?.from.kind === 'local' ? 'the process' : 'the client';
  return {
    from,
    text: left
      ? `${title}, from ${packet.saddr} back to ${to}`
      : `${title}, from ${packet.saddr}, does not get back to ${to}`,
  };
}

function aside(leg: Leg): string | undefined {
  const places = new Set(leg.groups.map((group) => group.place));
  if (places.has('forward')) return 'input, local process, output: not taken';
  return undefined;
}
