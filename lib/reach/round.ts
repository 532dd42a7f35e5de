/** A packet that comes to a node once more as it came before: routes lead it round until its hop limit is used up. */
import { fromHex, putBytes, toHex } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import type { PacketSpec } from '../net/packet-spec';
import type { Reason } from '../sim/trace';
import type { World } from '../world/world';
import type { Network } from './network';

export interface Round {
  /** The nodes of one round, in the order of the way. */
  readonly nodes: readonly string[];
  /** What a round takes off the hop limit. */
  readonly costs: number;
  readonly left: number;
}

const limitAt = (family: string): number => (family === 'ip6' ? 7 : 8);

/** A place that the packet came to; of servers nothing is asked. */
type Passed =
  | { readonly kind: 'node'; readonly node: string; readonly packet: PacketSpec }
  | { readonly kind: 'server' };

/** Everything of a packet but its hop limit and the sum over it. */
function kept({ family, hex = '', iif, unknownPorts = [] }: PacketSpec): string {
  const bytes = fromHex(hex);
  bytes[limitAt(family)] = 0;
  if (family === 'ip') bytes.fill(0, 10, 12);
  return `${family} ${iif} ${unknownPorts.join()} ${toHex(bytes)}`;
}

/** Undefined where the packet is at the node, by this interface, for the first time. */
export function roundOf(stops: readonly Passed[], node: string, packet: PacketSpec): Round | undefined {
  const { hex, family } = packet;
  if (hex === undefined) return undefined;
  const same = kept(packet);
  const at = stops.findLastIndex(
    (stop) => stop.kind === 'node' && stop.node === node && stop.packet.hex !== undefined && kept(stop.packet) === same,
  );
  const before = stops[at];
  if (before?.kind !== 'node' || before.packet.hex === undefined) return undefined;
  const limit = (text: string): number => fromHex(text)[limitAt(family)] ?? 0;
  const left = limit(hex);
  const nodes = stops.slice(at).flatMap((stop) => (stop.kind === 'node' ? [stop.node] : []));
  return { nodes: [...new Set(nodes)], costs: limit(before.packet.hex) - left, left };
}

/**
 * The packet in its last round. Undefined where rounds may differ, as a rule on the way asks for the hop limit: then each is to be traced.
 */
export function inLastRound(
  network: Network,
  packet: PacketSpec,
  { nodes, costs, left }: Round,
): PacketSpec | undefined {
  const { hex, family } = packet;
  if (hex === undefined || costs < 1) return undefined;
  if (nodes.some((name) => asksForLimit(network.nodes.get(name)?.prepared.world))) return undefined;
  const bytes = fromHex(hex);
  bytes[limitAt(family)] = ((left - 1) % costs) + 1;
  if (family === 'ip') {
    const header = ((bytes[0] ?? 0) & 15) * 4;
    putBytes(bytes, 10, 2, 0);
    putBytes(bytes, 10, 2, fold16(sum16(bytes, 0, header)));
  }
  return { ...packet, hex: toHex(bytes) };
}

const asking = new WeakMap<World, boolean>();

/** Whether a rule names the hop limit, or reads bytes of the network header by their place. */
function asksForLimit(world: World | undefined): boolean {
  if (world === undefined) return true;
  const known = asking.get(world);
  if (known !== undefined) return known;
  const all = JSON.stringify([world.ruleset, world.iptables], (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  const asks = /"(ttl|hoplimit|hl|nh|TTL|HL|u32|bpf)"/.test(all);
  asking.set(world, asks);
  return asks;
}

export const goesRound = ({ nodes }: Round, what: string): string =>
  `${what} goes round between ${nodes.join(' and ')}: their routes are a loop, in which it stays until its hop limit is used up.`;

export const endless = (round: Round, what: string): Reason => ({
  code: 'loop',
  say: `${goesRound(round, what).slice(0, -1)}, and it does not get less on the way.`,
  settle: 'Look at the routes of these nodes.',
});
export const TOO_FAR: Reason = {
  code: 'loop',
  say: 'The packet comes to more nodes than its hop limit lets it: its way was not followed further.',
  settle: 'Look at the routes of the nodes on its way.',
};
