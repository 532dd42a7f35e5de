/** Recorded cases (docs/cases.md): a ruleset, an environment and packets in; what the kernel would report out. */

import { formatAddress } from '../net/address';
import { buildPacket, putBytes, storeTransportChecksum, toHex } from '../net/build-packet';
import { parseHeaders } from '../net/headers';
import type { PacketSpec } from '../net/packet-spec';
import { PROTO, protocolName } from '../net/protocols';
import type { Ruleset } from '../nft/model';
import type { CtEntry, CtTuple, World } from '../world/world';
import { prepare } from './environment';
import { initialState, traceFrom } from './index';
import { answeredNumber } from './initial-number';
import type { Branch, Step } from './trace';

export interface CaseInput {
  readonly ruleset: Ruleset;
  /** Everything of the world but its ruleset. */
  readonly environment: Omit<World, 'ruleset'>;
  readonly packets: readonly PacketSpec[];
  /** `independent`: every packet meets a fresh node. `flow`: packets follow each other, state is kept. */
  readonly mode: 'independent' | 'flow';
}

export interface CaseEvent {
  readonly skb: number;
  readonly traversal: number;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly type: 'rule' | 'end' | 'policy';
  readonly handle?: number;
  readonly verdict: string;
  readonly jumpTarget?: string;
  readonly mark?: number;
}

/** Protocols that conntrack(8) names. */
const TRACKED = new Set<number>([
  PROTO.icmp,
  PROTO.tcp,
  PROTO.udp,
  PROTO.dccp,
  PROTO.gre,
  PROTO.icmpv6,
  PROTO.sctp,
  PROTO.udplite,
]);

const plainTuple = (t: CtTuple) => ({
  src: formatAddress(t.src),
  dst: formatAddress(t.dst),
  protocol: TRACKED.has(t.protocol) ? protocolName(t.protocol) : t.protocol,
  ...(t.sport === undefined ? {} : { sport: t.sport }),
  ...(t.dport === undefined ? {} : { dport: t.dport }),
  ...(t.icmpId === undefined ? {} : { icmpId: t.icmpId }),
  ...(t.icmpType === undefined ? {} : { icmpType: t.icmpType, icmpCode: t.icmpCode ?? 0 }),
});

/** A conntrack entry with addresses as text. */
export function plainEntry(e: CtEntry) {
  return {
    family: e.family,
    original: plainTuple(e.original),
    reply: plainTuple(e.reply),
    ...(e.zone === 0 ? {} : { zone: e.zone }),
    status: e.status,
    ...(e.mark === 0 ? {} : { mark: e.mark }),
    ...(e.tcpState === undefined ? {} : { tcpState: e.tcpState }),
    ...(e.helper === undefined ? {} : { helper: e.helper }),
  };
}

/** The kernel's trace messages that the steps stand for. */
export function eventsOf(steps: readonly Step[]): {
  readonly events: readonly CaseEvent[];
  readonly traversals: readonly unknown[];
} {
  const numbers = new Map<number, number>();
  const chains = new Map<number, Extract<Step, { kind: 'chain' }>>();
  const events: CaseEvent[] = [];
  const traversals: unknown[] = [];
  const numberOf = (traversal: number): number => {
    let n = numbers.get(traversal);
    if (n === undefined) {
      n = numbers.size;
      numbers.set(traversal, n);
      const c = chains.get(traversal);
      if (c !== undefined) {
        traversals.push({
          skb: c.skb,
          hook: c.hook,
          prio: c.prio,
          family: c.family,
          table: c.table,
          chain: c.chain,
          iif: c.iif ?? null,
          oif: c.oif ?? null,
          packet: c.packet,
          ...(c.ct === undefined
            ? {}
            : {
                ct: {
                  state: c.ct.state,
                  ...(c.ct.direction === undefined ? {} : { direction: c.ct.direction }),
                  ...(c.ct.status === undefined ? {} : { status: c.ct.status }),
                },
              }),
        });
      }
    }
    return n;
  };
  for (const s of steps) {
    if (s.kind === 'chain') chains.set(s.traversal, s);
    if ((s.kind !== 'rule' && s.kind !== 'end' && s.kind !== 'policy') || !s.traced) continue;
    // Of a packet that is stolen the kernel shows nothing any more: it may be gone (nft_trace_notify).
    const stolen = s.kind === 'rule' && s.verdict === 'stolen';
    const mark = s.mark === 0 || stolen ? {} : { mark: s.mark };
    if (s.kind === 'rule') {
      events.push({
        skb: s.skb,
        traversal: numberOf(s.traversal),
        family: s.at.family,
        table: s.at.table,
        chain: s.at.chain,
        type: 'rule',
        handle: s.at.handle,
        verdict: s.verdict,
        ...(s.jumpTarget === undefined ? {} : { jumpTarget: s.jumpTarget }),
        ...mark,
      });
    } else {
      events.push({
        skb: s.skb,
        traversal: numberOf(s.traversal),
        family: s.family,
        table: s.table,
        chain: s.chain,
        type: s.kind,
        verdict: s.kind === 'end' ? 'continue' : s.verdict,
        ...mark,
      });
    }
  }
  return { events, traversals };
}

function plainBranch(b: Branch) {
  if (b.outcome.kind === 'undecided') return { undecided: b.outcome.reasons };
  return { ...eventsOf(b.steps), fate: b.outcome.fate, conntrack: b.conntrack.map(plainEntry), state: b.state };
}

/** The packet with another acknowledgement number: that of a SYN-ACK whose number the recording could not foresee. */
function acknowledging(spec: PacketSpec, ack: number): PacketSpec {
  if (spec.hex === undefined || spec.family === 'arp') return { ...spec, ack };
  const bytes = buildPacket(spec);
  const { thoff, l4proto } = parseHeaders(bytes, spec.family);
  putBytes(bytes, thoff + 8, 4, ack);
  storeTransportChecksum(bytes, spec.family, l4proto ?? 0, thoff);
  return { ...spec, ack, hex: toHex(bytes) };
}

/** One result a packet, in the shape of `expected`; `outcomes` with probabilities where chance decides; `undecided` with reasons. */
export function runCase(input: CaseInput): readonly unknown[] {
  const p = prepare({ ...input.environment, ruleset: { known: true, value: input.ruleset } });
  let state = initialState(p, true);
  const answers: (Branch | undefined)[] = [];
  return input.packets.map((given) => {
    const { ackFollows } = given;
    const packet = ackFollows === undefined ? given : acknowledging(given, answeredNumber(answers[ackFollows]) + 1);
    if (input.mode === 'independent') state = initialState(p, true);
    const traced = traceFrom(p, packet, state);
    state = traced.states[0] ?? state;
    answers.push(traced.trace.branches[0]);
    const open = traced.trace.branches.flatMap((b) => (b.outcome.kind === 'undecided' ? b.outcome.reasons : []));
    if (open.length > 0) return { undecided: [...new Map(open.map((r) => [`${r.code} ${r.say}`, r])).values()] };
    const branches = traced.trace.branches;
    const only = branches[0];
    if (branches.length === 1 && only !== undefined) return plainBranch(only);
    return { outcomes: branches.map((b) => ({ probability: b.probability, ...plainBranch(b) })) };
  });
}
