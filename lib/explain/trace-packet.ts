/** The packet after a step: the writes of the way so far folded into its fields, each with what it was when it came. */
import type { Branch, CtView, FieldDiff, PacketView } from '../sim/trace';
import type { Leg } from './trace-steps';

export interface PacketRow {
  readonly field: string;
  readonly value: string;
  /** Beside the value: flags, what is missing. */
  readonly note?: string;
  /** The value it came with, where that differs. */
  readonly was?: string;
  /** The step shown changed it. */
  readonly changed: boolean;
}

/** The value that it came with, where it has another by now. */
export const valueAsSent = ({ was, note }: PacketRow): string | undefined => was ?? /^was (.*)$/.exec(note ?? '')?.[1];

export interface PacketState {
  readonly rows: readonly PacketRow[];
  readonly ct: CtView | undefined;
}

/** Names that stay the same through the way; nft's field names differ by family and protocol. */
const HEADER = /^(ip|ip6|arp) (saddr|daddr|ttl|hoplimit|dscp|ecn|length)$/;
const PORT = /^(tcp|udp|udplite|sctp|dccp|th) (sport|dport)$/;

/** The key of a field in the state kept here. */
function keyOf(field: string): string {
  return HEADER.exec(field)?.[2] ?? PORT.exec(field)?.[2] ?? (field === 'meta mark' ? 'mark' : field);
}

export const formatMark = (mark: number): string => `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;

const VIEW_KEYS = ['saddr', 'daddr', 'sport', 'dport', 'ttl', 'hoplimit', 'icmpType', 'icmpCode', 'dscp'] as const;

class Folding {
  readonly values = new Map<string, string>([['mark', formatMark(0)]]);
  readonly first = new Map<string, string>();
  /** What a rule wrote; the rest is the kernel's doing, such as the hop limit. */
  readonly written = new Set<string>();
  view: PacketView;
  ct: CtView | undefined;

  constructor(view: PacketView) {
    this.view = view;
    this.see(view);
    for (const [key, value] of this.values) this.first.set(key, value);
  }

  see(view: PacketView): void {
    this.view = view;
    for (const key of VIEW_KEYS) {
      const value = view[key];
      if (value !== undefined) this.values.set(key, String(value));
    }
  }

  write(diffs: readonly FieldDiff[]): void {
    for (const diff of diffs) {
      const key = keyOf(diff.field);
      if (!this.first.has(key)) this.first.set(key, diff.before);
      this.values.set(key, diff.after);
      this.written.add(key);
    }
  }
}

/**
 * The packet of a leg after its step `number`; 0 is the packet as it came. `sent` and `iif` are what was asked, for a trace that
 * could not begin.
 */
export function packetAfter(
  branch: Branch,
  leg: Leg,
  number: number,
  sent: PacketView,
  iif?: string | undefined,
): PacketState {
  const entry = leg.steps[number - 1];
  const upTo = entry?.index ?? -1;
  const state = new Folding(leg.generated?.packet ?? leg.start?.packet ?? sent);
  if (iif !== undefined && leg.start === undefined && leg.generated === undefined) state.values.set('iif', iif);
  const before = new Map<string, string>();
  branch.steps.forEach((step, index) => {
    // How it came in is known before the first step.
    if (step.skb !== leg.skb || (index > upTo && step.kind !== 'start')) return;
    if (index === upTo) for (const [key, value] of state.values) before.set(key, value);
    if (step.kind === 'chain') {
      state.see(step.packet);
      state.ct = step.ct ?? state.ct;
      if (step.iif !== undefined) state.values.set('iif', step.iif);
      if (step.oif !== undefined) state.values.set('oif', step.oif);
    } else if (step.kind === 'conntrack') state.ct = step.ct;
    else if (step.kind === 'start' && step.from.kind === 'interface') state.values.set('iif', step.from.iif);
    else if (step.kind === 'route' && step.to !== 'input' && step.oif !== undefined) state.values.set('oif', step.oif);
    else if (step.kind === 'nat') state.write(step.diffs);
    else if (step.kind === 'rule' || step.kind === 'passed') state.write(step.writes);
    if (step.kind === 'rule') state.values.set('mark', step.markUnknown === true ? 'unknown' : formatMark(step.mark));
  });
  if (entry) state.write(entry.writes);
  if (entry?.nat) state.ct = nextCt(branch, leg, upTo) ?? state.ct;
  return { rows: rowsOf(state, entry ? before : new Map(state.values), leg), ct: state.ct };
}

/** What conntrack knows once a translation is bound is first told by the next chain. */
function nextCt(branch: Branch, leg: Leg, index: number): CtView | undefined {
  for (const step of branch.steps.slice(index + 1)) {
    if (step.skb === leg.skb && (step.kind === 'chain' || step.kind === 'conntrack') && step.ct) return step.ct;
  }
  return undefined;
}

function rowsOf(state: Folding, before: ReadonlyMap<string, string>, leg: Leg): readonly PacketRow[] {
  const { values, first, view, written } = state;
  const rows: PacketRow[] = [];
  const shown = new Set<string>(['ttl', 'hoplimit', 'dscp']);
  const add = (field: string, key: string, note?: string) => {
    const value = values.get(key);
    shown.add(key);
    if (value === undefined) return;
    const was = first.get(key);
    const differs = was !== undefined && was !== value;
    const byRule = differs && written.has(key);
    rows.push({
      field,
      value,
      changed: byRule && before.get(key) !== value,
      ...(differs && !byRule ? { note: `was ${was}` } : note === undefined ? {} : { note }),
      ...(byRule ? { was } : {}),
    });
  };
  const missing = (field: string, note: string) => rows.push({ field, value: '', note, changed: false });
  if (values.has('iif')) add('iif', 'iif');
  else missing('iif', leg.generated || leg.start?.from.kind === 'local' ? 'none, sent by this node' : 'not known');
  if (values.has('oif')) add('oif', 'oif');
  else missing('oif', 'none before routing');
  add(`${view.family} saddr`, 'saddr');
  add(`${view.family} daddr`, 'daddr');
  if (view.protocol !== undefined) {
    const flags = view.flags === undefined || view.flags.length === 0 ? {} : { note: `flags ${view.flags.join(' ')}` };
    rows.push({ field: 'l4proto', value: String(view.protocol), changed: false, ...flags });
  }
  add('th sport', 'sport');
  add('th dport', 'dport');
  add('type', 'icmpType');
  add('code', 'icmpCode');
  for (const key of ['ttl', 'hoplimit', 'dscp']) {
    if (values.get(key) !== first.get(key)) add(key, key);
  }
  add('mark', 'mark');
  for (const key of values.keys()) if (!shown.has(key)) add(key, key);
  return rows;
}
