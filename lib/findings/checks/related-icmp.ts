/** ICMP errors that belong to a connection (path MTU) and that somebody drops on their way although the connection passes. */

import { chainsAt } from '../../conflicts/order';
import { formatAddress, parseAddress } from '../../net/address';
import { putBytes, toHex } from '../../net/build-packet';
import { u16, u32, u128 } from '../../net/headers';
import type { PacketSpec } from '../../net/packet-spec';
import { PROTO } from '../../net/protocols';
import { alike } from '../../reach/alike';
import { initialState, type Prepared, traceFrom } from '../../sim';
import type { Frame } from '../../sim/frame';
import { ipPacket } from '../../sim/generated';
import type { SimState } from '../../sim/state';
import type { Culprit } from '../../sim/trace';
import type { CtEntry } from '../../world/world';
import { isProxyTable } from '../foreign';
import { deviceTowards, type Probe } from '../probes';

export interface LostError {
  readonly probe: Probe;
  readonly by: Culprit;
  /** The error. Alone it belongs to no connection. */
  readonly error: PacketSpec;
}

/** Hooks that an error to whoever is behind the node passes. */
const HOOKS = ['ingress', 'prerouting', 'forward', 'postrouting'] as const;

/** Probes of one node whose connection is forwarded and whose ICMP errors are not. */
export function lostErrors(p: Prepared, probes: readonly Probe[]): readonly LostError[] {
  const isOthers = (family: 'ip' | 'ip6') =>
    HOOKS.some((hook) =>
      chainsAt(p, family, hook).some(({ table, base }) => !isProxyTable(table) && base?.type !== 'nat'),
    );
  return (['ip', 'ip6'] as const).flatMap((family) => {
    if (!isOthers(family)) return [];
    return probes.flatMap((probe) => (probe.family === family ? (lostError(p, probe) ?? []) : []));
  });
}

/** So many connections of a capture are tried. */
const MOST_TRIED = 200;

/**
 * An error that a trace by itself shows to be dropped there: it belongs to no connection and is dropped all the same, or to one that is
 * in the connection table.
 */
export function shownError(p: Prepared, { by, error, probe }: LostError): PacketSpec | undefined {
  const isShown = (one: PacketSpec): boolean => {
    const found = droppedAfter(p, one, initialState(p));
    return found?.table === by.table && found.chain === by.chain;
  };
  if (isShown(error)) return error;
  const { conntrack } = p.world;
  const entries = conntrack.known ? conntrack.value : [];
  return entries
    .filter(({ family }) => family === probe.family)
    .slice(0, MOST_TRIED)
    .flatMap((one) => errorAbout(p, one) ?? [])
    .find(isShown);
}

/** About a packet of the connection as it left for its target. */
function errorAbout(p: Prepared, { family, reply }: CtEntry): PacketSpec | undefined {
  const { src, dst, protocol, sport, dport } = reply;
  const isTcp = protocol === PROTO.tcp;
  if ((!isTcp && protocol !== PROTO.udp) || typeof sport !== 'number' || typeof dport !== 'number') return undefined;
  const dev = deviceTowards(p, formatAddress(src));
  if (dev === undefined || p.localAddresses.has(`${family} ${dst}`)) return undefined;
  const segment = new Uint8Array(isTcp ? 20 : 8);
  putBytes(segment, 0, 2, dport);
  putBytes(segment, 2, 2, sport);
  if (isTcp) {
    segment[12] = 0x50;
    segment[13] = 0x10;
  } else putBytes(segment, 4, 2, 8);
  return tooBig({ family, bytes: ipPacket(family, dst, src, protocol, 0, segment), dev });
}

/** The first packet passes, and an error about it that comes back by its way does not. */
function lostError(p: Prepared, probe: Probe): LostError | undefined {
  const { packet } = probe;
  if (packet?.iif === undefined) return undefined;
  const traced = traceFrom(p, packet, initialState(p), { verdictOnly: true });
  const { trace, states, frames } = traced;
  for (const { at } of alike(traced, (dev) => p.linkByName.get(dev)?.tunnel !== undefined)) {
    const outcome = trace.branches[at]?.outcome;
    const sent = frames[at]?.find(({ role, skb }) => role === 'original' && skb === 0);
    const state = states[at];
    if (outcome?.kind !== 'decided' || outcome.fate.summary !== 'transmitted' || sent === undefined) continue;
    // No host has the address of a Service: untranslated it reaches nobody.
    if (destinationOf(sent) === parseAddress(packet.daddr ?? '')?.value) continue;
    const error = tooBig(sent);
    const by = state === undefined ? undefined : droppedAfter(p, error, state);
    // What drops the answers as well is no matter of errors.
    if (by !== undefined && state !== undefined && droppedAfter(p, answerTo(sent), state) === undefined)
      return { probe, by, error };
  }
  return undefined;
}

/** Who drops a packet that comes after, on every branch. */
function droppedAfter(p: Prepared, packet: PacketSpec, state: SimState): Culprit | undefined {
  const { trace } = traceFrom(p, packet, state, { verdictOnly: true });
  const culprits = trace.branches.map(({ outcome }) => (outcome.kind === 'decided' ? outcome.fate.by : undefined));
  const [by] = culprits;
  return by !== undefined && isOnTheWay(by) && culprits.every((one) => one !== undefined) ? by : undefined;
}

const isOnTheWay = ({ hook }: Culprit): boolean => HOOKS.some((one) => one === hook);

const destinationOf = ({ family, bytes }: Pick<Frame, 'family' | 'bytes'>): number | bigint =>
  family === 'ip' ? u32(bytes, 16) : u128(bytes, 24);

const sourceOf = ({ family, bytes }: Pick<Frame, 'family' | 'bytes'>): number | bigint =>
  family === 'ip' ? u32(bytes, 12) : u128(bytes, 8);

/** What the target answers to the first packet. */
function answerTo(sent: Frame): PacketSpec {
  const { family, bytes, dev } = sent;
  const at = family === 'ip' ? ((bytes[0] ?? 0) & 0xf) * 4 : 40;
  const [from, to] = [destinationOf(sent), sourceOf(sent)];
  const protocol = bytes[family === 'ip' ? 9 : 6] ?? 0;
  const ends = {
    saddr: formatAddress(from),
    daddr: formatAddress(to),
    sport: u16(bytes, at + 2),
    dport: u16(bytes, at),
  };
  return { family, iif: dev, protocol, ...ends, ...(protocol === PROTO.tcp && { flags: ['syn', 'ack'] }) };
}

/** "Fragmentation needed" (RFC 792, RFC 1191) or "packet too big" (RFC 4443) from the target of the packet. */
function tooBig(sent: Pick<Frame, 'family' | 'bytes' | 'dev'>): PacketSpec {
  const { family, bytes, dev } = sent;
  const [from, to] = [destinationOf(sent), sourceOf(sent)];
  const quoted = bytes.subarray(0, family === 'ip' ? 548 : 1232);
  const message = new Uint8Array(8 + quoted.length);
  message[0] = family === 'ip' ? 3 : 2;
  message[1] = family === 'ip' ? 4 : 0;
  putBytes(message, 4, 4, 1280);
  message.set(quoted, 8);
  const protocol = family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  return { family, iif: dev, hex: toHex(ipPacket(family, from, to, protocol, 0, message)) };
}
