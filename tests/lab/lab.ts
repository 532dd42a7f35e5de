/** Runs a case in the kernel and through the tracer, and makes it small where they disagree. */
import { decodeRuleset } from '../../lib/decode/decode-ruleset';
import { formatAddress } from '../../lib/net/address';
import { buildPacket, fromHex, toHex } from '../../lib/net/build-packet';
import { viewPacket } from '../../lib/net/headers';
import type { PacketSpec } from '../../lib/net/packet-spec';
import { withLoaded } from '../../lib/sim/as-loaded';
import { type Conn, toEntry } from '../../lib/sim/conntrack-state';
import { prepare } from '../../lib/sim/environment';
import { initialState, traceFrom } from '../../lib/sim/index';
import { answeredNumber } from '../../lib/sim/initial-number';
import type { Branch, Step } from '../../lib/sim/trace';
import { decodeEnvironment } from '../../lib/world/decode-environment';
import { type LabCase, type LabStep, type LabTable, rulesetText } from './case';
import { changesHeaders, differences, fitsSoFar, type Seen, seenByUs, seenInKernel, withoutNumbers } from './compare';
import type { Kernel, KernelAnswer } from './kernel';

/** MAC addresses of the router's ends; the machines behind them end in 02. */
const MAC: { readonly [dev: string]: string } = {
  eth0: '02:00:00:00:01:01',
  eth1: '02:00:00:00:02:01',
  eth2: '02:00:00:00:03:01',
  vip0: '02:00:00:00:05:01',
  brp0: '02:00:00:00:06:01',
  brp1: '02:00:00:00:07:01',
};
const ROUTER_MAC: { readonly [dev: string]: string } = { ...MAC, brp0: '02:00:00:00:04:01', brp1: '02:00:00:00:04:01' };

export interface PacketResult {
  readonly packet: PacketSpec;
  readonly verdict: 'agreed' | 'disagreed' | 'undecided';
  readonly parts: readonly string[];
  readonly kernel?: Seen;
  readonly ours?: Seen;
  readonly raw: KernelAnswer;
  readonly branch?: Branch;
}

export interface CaseResult {
  readonly verdict: 'agreed' | 'disagreed' | 'undecided' | 'refused';
  /** The case as it ran: refused rules left out, packets as sent. */
  readonly lab: LabCase;
  readonly text: string;
  readonly packets: readonly PacketResult[];
  readonly why?: string;
  readonly listing?: unknown;
}

/** A packet with its link header. */
function addressed(spec: PacketSpec): PacketSpec {
  if (spec.from === 'local' || spec.iif === undefined) return spec;
  const router = spec.family === 'arp' && spec.op !== 'reply' ? 'ff:ff:ff:ff:ff:ff' : (ROUTER_MAC[spec.iif] ?? '');
  const peer = (MAC[spec.iif] ?? '').replace(/1$/, '2');
  return { ...spec, l2: { src: peer, dst: router, ...spec.l2 } };
}

function frameOf(k: KernelAnswer | undefined) {
  const f = k?.frames.find((x) => ['0800', '86dd'].includes(x.hex.slice(24, 28)) && !x.hex.startsWith('3333'));
  if (f === undefined) return undefined;
  const family = f.hex.slice(24, 28) === '0800' ? ('ip' as const) : ('ip6' as const);
  const data = fromHex(f.hex.slice(28));
  return { dev: f.dev, family, data, view: viewPacket(data, family, { sport: false, dport: false }) };
}

/**
 * A segment to a socket of the router acknowledges what that sent: its numbers begin at random, and whether a guess is too old or too
 * new nobody can know.
 */
function following(spec: PacketSpec, answers: readonly KernelAnswer[]): PacketSpec {
  if (spec.protocol !== 'tcp' || spec.flags?.includes('ack') !== true || spec.ackFollows !== undefined) return spec;
  const at = answers.findLastIndex((a) => {
    const view = frameOf(a)?.view;
    return (
      view?.flags?.includes('syn') === true &&
      view.flags.includes('ack') &&
      a.events.some((e) => e.chain === 'delivered') &&
      view.daddr === spec.saddr &&
      view.saddr === spec.daddr &&
      view.sport === spec.dport &&
      view.dport === spec.sport
    );
  });
  if (at < 0) return spec;
  const { ack: _, ...rest } = spec;
  return { ...rest, ackFollows: at };
}

/** A SYN, whatever it asks for besides (explicit congestion notification). */
const opens = (flags: PacketSpec['flags'] = []): boolean =>
  flags.includes('syn') && !['ack', 'rst', 'fin'].some((f) => flags.includes(f as 'ack'));

/** The packet of a step, once the kernel's answers to the earlier ones are known. Undefined where there is nothing to answer. */
function resolve(step: LabStep, answers: readonly KernelAnswer[], steps: readonly LabStep[]): PacketSpec | undefined {
  if (step.kind === 'packet') return following(addressed(step.packet), answers);
  const f = frameOf(answers[step.to]);
  if (f === undefined) return undefined;
  const { view, family, dev } = f;
  const from = { iif: dev, family, ...(view.daddr === undefined ? {} : { saddr: view.daddr }) };
  if (step.kind === 'error') {
    const quoted = f.data.subarray(0, Math.min(f.data.length, 200));
    return addressed({
      ...from,
      ...(view.saddr === undefined ? {} : { daddr: view.saddr }),
      protocol: family === 'ip' ? 'icmp' : 'icmpv6',
      icmpType: step.type,
      icmpCode: step.code,
      payloadHex: toHex(quoted),
    });
  }
  // What a socket sends begins with a number of chance, whatever rules made of its flags. A frame with the number of the SYN is the
  // SYN: one to all leaves and comes back as well.
  const asked = steps[step.to];
  const opened =
    asked?.kind === 'packet' &&
    opens(asked.packet.flags) &&
    view.flags?.includes('rst') !== true &&
    view.seq !== (asked.packet.seq ?? 1000) &&
    answers[step.to]?.events.some((e) => e.chain === 'delivered') === true;
  const synAck = opened && view.flags?.includes('syn') === true && view.flags.includes('ack');
  const base: PacketSpec = {
    ...from,
    ...(view.saddr === undefined ? {} : { daddr: view.saddr }),
    ...(view.protocol === undefined ? {} : { protocol: view.protocol }),
    ...(typeof view.dport === 'number' ? { sport: view.dport } : {}),
    ...(typeof view.sport === 'number' ? { dport: view.sport } : {}),
    ...(view.protocol === 'tcp'
      ? synAck
        ? { flags: ['ack'], seq: view.ack ?? 0, ackFollows: step.to }
        : {
            flags: ['syn', 'ack'],
            seq: 7000,
            ...(opened ? { ackFollows: step.to } : { ack: ((view.seq ?? 0) + 1) % 2 ** 32 }),
          }
      : {}),
    ...(view.protocol === 'icmp' || view.protocol === 'icmpv6'
      ? {
          icmpType: view.icmpType === 8 ? 0 : view.icmpType === 128 ? 129 : (view.icmpType ?? 0),
          icmpCode: view.icmpCode ?? 0,
          ...(typeof view.icmpId === 'number' ? { icmpId: view.icmpId } : {}),
          icmpSeq: view.icmpSeq ?? 0,
        }
      : {}),
  };
  return addressed({ ...base, ...step.packet });
}

/** The packet with the acknowledgement number that the SYN-ACK of an earlier packet asks for. */
function acknowledged(spec: PacketSpec, answers: readonly KernelAnswer[]): PacketSpec {
  if (spec.ackFollows === undefined) return spec;
  const seq = frameOf(answers[spec.ackFollows])?.view.seq;
  return seq === undefined ? spec : { ...spec, ack: (seq + 1) % 2 ** 32 };
}

const environments = new WeakMap<Kernel, { name: string; json: unknown }>();

async function environmentOf(kernel: Kernel, name: string): Promise<unknown> {
  const known = environments.get(kernel);
  if (known?.name === name) return known.json;
  const json = await kernel.environment(name);
  environments.set(kernel, { name, json });
  return json;
}

/** Loads a ruleset, leaving out what nft refuses. */
async function load(kernel: Kernel, given: readonly LabTable[]) {
  let tables = given;
  for (let attempt = 0; ; attempt++) {
    const { text, places } = rulesetText(tables);
    const { refused, listing } = await kernel.load(text);
    if (refused === undefined) return { tables, text, listing };
    const bad = new Set(
      [...refused.matchAll(/^\/dev\/stdin:(\d+):/gm)].map((m) => places.get(Number(m[1]))?.join() ?? ''),
    );
    bad.delete('');
    if (attempt >= 6 || bad.size === 0) return { refused };
    tables = tables.map((t, ti) => ({
      ...t,
      items: t.items.filter((_, i) => !bad.has([ti, undefined, i].join())),
      chains: t.chains
        .filter((_, ci) => !bad.has([ti, ci, -1].join()))
        .map((c) => ({ ...c, rules: c.rules.filter((_, r) => !bad.has([ti, t.chains.indexOf(c), r].join())) })),
    }));
  }
}

/** How long to wait: a socket acknowledges the end of a connection a tick later, and after 40 ms where data came with it or before. */
function patience(p: PacketSpec, settle: number, before: readonly PacketResult[]): number {
  if (p.protocol !== 'tcp' || p.flags?.includes('fin') !== true || p.flags.includes('ack') !== true) return settle;
  const data = [p, ...before.map((r) => r.packet)].some((x) => x.protocol === 'tcp' && (x.payloadHex ?? '') !== '');
  return Math.max(settle, data ? 0.05 : 0.006);
}

const MOST_STATES = 4;

/** Runs a case on both sides, packet by packet, until they disagree. */
export async function runLab(kernel: Kernel, lab: LabCase, settle = 0.002, unhurried = false): Promise<CaseResult> {
  const environment = decodeEnvironment(await environmentOf(kernel, lab.environment));
  if (!environment.ok) throw new Error(`the environment does not decode: ${environment.problem.say}`);
  const loaded = await load(kernel, lab.tables);
  if (loaded.refused !== undefined) return { verdict: 'refused', lab, text: '', packets: [], why: loaded.refused };
  const { tables, text, listing } = loaded;
  const ruleset = decodeRuleset(listing);
  if (!ruleset.ok) throw new Error(`the listing does not decode: ${ruleset.problem.say}`);
  const p = prepare({ ...environment.value, ruleset: { known: true, value: withLoaded(ruleset.value, text) } });
  // Where chance decides more than a packet shows, each state that fits what the kernel did may be the one it is in.
  let states = [initialState(p, true)];
  const answers: KernelAnswer[] = [];
  const packets: PacketResult[] = [];
  const steps: LabStep[] = [];
  let verdict: CaseResult['verdict'] = 'agreed';
  const mangles = changesHeaders(text);
  const stateful = /@|limit|quota|counter [a-z]|dynamic/.test(text);
  for (const step of lab.steps) {
    const spec = resolve(step, answers, steps);
    if (spec === undefined) break;
    steps.push({ kind: 'packet', packet: spec });
    const sent = acknowledged(spec, answers);
    if (unhurried && packets.at(-1)?.branch?.steps.some(isUnreachable) === true) await pause(1100);
    const raw = await kernel.packet(
      { ...sent, hex: toHex(buildPacket(sent)) },
      stateful,
      patience(sent, settle, packets),
    );
    answers.push(raw);
    const { ackFollows } = spec;
    const asked = ackFollows === undefined ? undefined : answeredNumber(packets[ackFollows]?.branch) + 1;
    let best: PacketResult | undefined;
    let next: typeof states = [];
    const tracedFrom = states.map((state) => traceFrom(p, asked === undefined ? spec : { ...spec, ack: asked }, state));
    for (const { traced, branch, i } of tracedFrom.flatMap((traced) =>
      traced.trace.branches.map((branch, i) => ({ traced, branch, i })),
    )) {
      if (next.length >= MOST_STATES) break;
      // What answers a number that chance picked has one of its own.
      const plain = (s: Seen): Seen => (spec.ackFollows === undefined ? s : withoutNumbers(s));
      const said = seenByUs(branch, mangles);
      const ours = said === undefined ? undefined : plain(said);
      const seen = plain(seenInKernel(raw, branch, spec.family === 'arp', mangles));
      const fits = ours === undefined && fitsSoFar(seen, branch, mangles);
      const parts = ours === undefined ? ['undecided', ...(fits ? ['so far'] : [])] : differences(seen, ours);
      const result: PacketResult = {
        packet: spec,
        verdict: ours === undefined ? 'undecided' : parts.length === 0 ? 'agreed' : 'disagreed',
        parts,
        kernel: seen,
        ...(ours === undefined ? {} : { ours }),
        raw,
        branch,
      };
      const after = traced.states[i];
      if (after === undefined) continue;
      if (best === undefined || rank(result) < rank(best)) {
        best = result;
        next = [after];
      } else if (parts.length === 0) next.push(after);
    }
    states = next;
    if (best === undefined) break;
    packets.push(best);
    for (const state of states) state.ct.settle((conn) => portsIn(raw, conn));
    if (best.verdict !== 'agreed') {
      verdict = best.verdict;
      break;
    }
  }
  return { verdict, lab: { ...lab, tables, steps }, text, packets, listing };
}

type Side = {
  readonly src: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly icmpId?: number;
};

/** The ports that the kernel picked for the answers to a connection. */
function portsIn(raw: KernelAnswer, conn: Conn): { readonly sport: number; readonly dport: number } | undefined {
  const listed = toEntry(conn);
  const id = listed.original.icmpId;
  const entry = (raw.conntrack as readonly { readonly original: Side; readonly reply: Side }[]).find(
    ({ original: o }) =>
      o.src === formatAddress(listed.original.src) &&
      o.dst === formatAddress(listed.original.dst) &&
      (id === undefined ? o.sport === conn.original.sport && o.dport === conn.original.dport : o.icmpId === id),
  );
  if (entry === undefined) return undefined;
  return { sport: entry.reply.icmpId ?? entry.reply.sport ?? 0, dport: entry.reply.dport ?? 0 };
}

/** Agreement first, then a branch that stops undecided and was right so far, then the fewest differences. */
const rank = (r: PacketResult): number =>
  r.verdict !== 'undecided' ? r.parts.length : r.parts.includes('so far') ? 0.5 : 50;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const isUnreachable = (step: Step): boolean => step.kind === 'generated' && step.what.startsWith('ICMP 3/');

/** Runs a case; a disagreement counts only if it stays when the kernel is given more time. */
export async function runSurely(kernel: Kernel, lab: LabCase): Promise<CaseResult> {
  const result = await runLab(kernel, lab);
  if (result.verdict !== 'disagreed') return result;
  const again = { ...lab, tables: result.lab.tables };
  for (let tries = 0; tries < 4; tries++) {
    const begun = Date.now();
    const second = await runLab(kernel, again, 0.03);
    if (second.verdict !== 'disagreed') return second;
    if (Date.now() - begun < QUICK) break;
  }
  // Of the answers to unroutable packets the kernel sends a host one a second, five at most at once (ip_error of net/ipv4/route.c):
  // a long flow has to wait after each.
  await pause(5500);
  return runLab(kernel, again, 0.03, true);
}

/**
 * A case is one of packets in quick succession: after a second the kernel sweeps the elements that rules deleted (nft_set_gc_interval),
 * after two a datagram of a flow makes it assured (UDP_STREAM of nf_conntrack_proto_udp.c). A busy machine takes longer.
 */
const QUICK = 900;

function* smaller(lab: LabCase): Generator<LabCase> {
  for (let i = lab.steps.length - 2; i >= 0; i--) {
    // An acknowledgement needs the segment that it answers.
    if (lab.steps.some((s) => s.kind === 'packet' && s.packet.ackFollows === i)) continue;
    const moved = (n: number): number => (n > i ? n - 1 : n);
    yield {
      ...lab,
      steps: lab.steps
        .filter((_, j) => j !== i)
        .map((s) =>
          s.kind === 'packet'
            ? s.packet.ackFollows === undefined
              ? s
              : { ...s, packet: { ...s.packet, ackFollows: moved(s.packet.ackFollows) } }
            : { ...s, to: moved(s.to) },
        ),
    };
  }
  for (let t = 0; t < lab.tables.length; t++) yield { ...lab, tables: lab.tables.filter((_, i) => i !== t) };
  for (const [t, table] of lab.tables.entries()) {
    const put = (next: LabTable): LabCase => ({ ...lab, tables: lab.tables.map((x, i) => (i === t ? next : x)) });
    for (let c = 0; c < table.chains.length; c++)
      yield put({ ...table, chains: table.chains.filter((_, i) => i !== c) });
    for (const [c, chain] of table.chains.entries()) {
      const rules = (next: typeof chain.rules): LabCase =>
        put({ ...table, chains: table.chains.map((x, i) => (i === c ? { ...x, rules: next } : x)) });
      if (chain.rules.length > 3) {
        const half = chain.rules.length >> 1;
        yield rules(chain.rules.slice(0, half));
        yield rules(chain.rules.slice(half));
      }
      for (let r = 0; r < chain.rules.length; r++) yield rules(chain.rules.filter((_, i) => i !== r));
      for (const [r, rule] of chain.rules.entries())
        for (let s = 0; rule.length > 1 && s < rule.length; s++)
          yield rules(chain.rules.map((x, i) => (i === r ? x.filter((_, j) => j !== s) : x)));
    }
    for (let i = 0; i < table.items.length; i++) yield put({ ...table, items: table.items.filter((_, j) => j !== i) });
  }
  const fields = [
    'payloadHex',
    'tcpOptionsHex',
    'ipOptionsHex',
    'dscp',
    'ecn',
    'ttl',
    'hoplimit',
    'extHeaders',
    'mark',
    'uid',
    'id',
    'df',
  ] as const;
  for (const [i, s] of lab.steps.entries()) {
    if (s.kind !== 'packet') continue;
    for (const field of fields) {
      if (s.packet[field] === undefined) continue;
      const { [field]: _, ...rest } = s.packet;
      yield { ...lab, steps: lab.steps.map((x, j) => (j === i ? { kind: 'packet', packet: rest } : x)) };
    }
  }
}

/** The smallest case found that still disagrees in the same part. */
export async function shrink(kernel: Kernel, first: CaseResult, budget = 250): Promise<CaseResult> {
  let best = first;
  const part = first.packets.at(-1)?.parts[0];
  for (let left = budget; left > 0; ) {
    let found = false;
    for (const candidate of smaller(best.lab)) {
      if (--left <= 0) break;
      let result = await runLab(kernel, candidate, 0.003);
      if (result.verdict !== 'disagreed' || result.packets.at(-1)?.parts[0] !== part) continue;
      result = await runLab(kernel, candidate, 0.02);
      if (result.verdict === 'disagreed' && result.packets.at(-1)?.parts[0] === part) {
        best = result;
        found = true;
        break;
      }
    }
    if (!found) break;
  }
  return best;
}
