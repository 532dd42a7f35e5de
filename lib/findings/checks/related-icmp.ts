/** ICMP errors that belong to a connection (path MTU) and that forward chains drop although they let the connection pass. */

import { chainsAt } from '../../conflicts/order';
import { putBytes, toHex } from '../../net/build-packet';
import { u32, u128 } from '../../net/headers';
import type { PacketSpec } from '../../net/packet-spec';
import { PROTO } from '../../net/protocols';
import { initialState, type Prepared, traceFrom } from '../../sim';
import type { Frame } from '../../sim/frame';
import { ipPacket } from '../../sim/generated';
import type { SimState } from '../../sim/state';
import type { Culprit } from '../../sim/trace';
import { isProxyTable } from '../foreign';
import type { Probe } from '../probes';

export interface LostError {
  readonly probe: Probe;
  readonly by: Culprit;
  /** The error. Alone it belongs to no connection. */
  readonly error: PacketSpec;
}

/** Probes of one node whose connection is forwarded and whose ICMP errors are not. */
export function lostErrors(p: Prepared, probes: readonly Probe[]): readonly LostError[] {
  const isOthers = (family: 'ip' | 'ip6') => chainsAt(p, family, 'forward').some(({ table }) => !isProxyTable(table));
  return (['ip', 'ip6'] as const).flatMap((family) => {
    if (!isOthers(family)) return [];
    return probes.flatMap((probe) => (probe.family === family ? (lostError(p, probe) ?? []) : []));
  });
}

/** The first packet passes, and an error about it that comes back by its way does not. */
function lostError(p: Prepared, probe: Probe): LostError | undefined {
  const { packet } = probe;
  if (packet?.iif === undefined) return undefined;
  const { trace, states, frames } = traceFrom(p, packet, initialState(p), { verdictOnly: true });
  for (const [at, { outcome }] of trace.branches.entries()) {
    const sent = frames[at]?.find(({ role, skb }) => role === 'original' && skb === 0);
    const state = states[at];
    if (outcome.kind !== 'decided' || outcome.fate.summary !== 'transmitted' || sent === undefined) continue;
    const error = tooBig(sent);
    const by = state === undefined ? undefined : droppedError(p, error, state);
    if (by !== undefined) return { probe, by, error };
  }
  return undefined;
}

function droppedError(p: Prepared, error: PacketSpec, state: SimState): Culprit | undefined {
  const { trace } = traceFrom(p, error, state, { verdictOnly: true });
  const culprits = trace.branches.map(({ outcome }) => (outcome.kind === 'decided' ? outcome.fate.by : undefined));
  const [by] = culprits;
  return by !== undefined && by.hook === 'forward' && culprits.every((one) => one !== undefined) ? by : undefined;
}

/** "Fragmentation needed" (RFC 792, RFC 1191) or "packet too big" (RFC 4443) from the target of the packet. */
function tooBig({ family, bytes, dev }: Frame): PacketSpec {
  const [from, to] = family === 'ip' ? [u32(bytes, 16), u32(bytes, 12)] : [u128(bytes, 24), u128(bytes, 8)];
  const quoted = bytes.subarray(0, family === 'ip' ? 548 : 1232);
  const message = new Uint8Array(8 + quoted.length);
  message[0] = family === 'ip' ? 3 : 2;
  message[1] = family === 'ip' ? 4 : 0;
  putBytes(message, 4, 4, 1280);
  message.set(quoted, 8);
  const protocol = family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  return { family, iif: dev, hex: toHex(ipPacket(family, from, to, protocol, 0, message)) };
}
