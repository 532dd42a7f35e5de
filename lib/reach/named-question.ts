/** A question by names → what the walk is asked. */
import type { Cluster } from '../cluster/cluster';
import type { Place } from '../cluster/place';
import { askPacket, type Question, transportOf } from '../explain/question';
import { parseAddress, shortest } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import { failed, ok, type Result } from '../net/result';
import type { World } from '../world/world';
import { echoOf } from './echo';
import type { Network } from './network';
import type { Client, Question as WalkQuestion } from './walk';

export interface PathQuestion {
  readonly question: Question;
  /** The node that packets from outside enter by. */
  readonly via?: string | undefined;
}

/** The node that sees the packet first. Packets from outside enter by `via`, else by the owner of the address asked. */
export function entryNode({ question, via }: PathQuestion, from: Place, to: Place, network: Network): Result<string> {
  const { where } = from;
  if (where.kind === 'node' || (where.kind === 'pod' && where.node !== undefined)) return ok(where.node ?? '');
  const owner = to.addresses
    .map((address) => network.nodeByAddress.get(shortest(address)))
    .find((name) => name !== undefined);
  const node = via ?? owner;
  if (where.kind === 'external' && node !== undefined) return ok(node);
  return failed({
    code: 'REF-011',
    say: `On which node ${question.from} enters is not said.`,
    do: 'Name the node that its packets come in by.',
  });
}

type Carried = Partial<PacketSpec> & { readonly dport: number };

/** A connection by its port, or an echo. */
function wayOf({ family, protocol, dport }: PacketSpec): Result<Carried> {
  if (dport !== undefined) return ok({ dport });
  const isEcho = protocol === 'icmp' || protocol === 'icmpv6';
  return isEcho && (family === 'ip' || family === 'ip6') ? ok(echoOf(family)) : noWay(protocol);
}

const noWay = (protocol: PacketSpec['protocol']): Result<never> =>
  failed({
    code: 'REF-012',
    say: `Who answers ${protocol ?? 'this'} is not known: a whole path needs a connection with ports, or an echo.`,
    do: 'Ask with tcp, udp, sctp or icmp; or trace the packet on one node.',
  });

/**
 * What is wrong with a question, whoever asks it: a protocol that no path is followed of, a port that is missing. Problems as
 * {@link walkQuestion} has them, `path` too.
 */
export function checkTarget(question: Omit<Question, 'from'>, to: Place): Result<undefined> {
  const [address = ''] = to.addresses;
  const family = question.family ?? parseAddress(address)?.family ?? 'ip';
  const transport = transportOf(question, to, family);
  if (!transport.ok) return transport;
  const way = wayOf({ ...transport.value, family });
  return way.ok ? ok(undefined) : way;
}

/** What the walk is asked, from what a person asked. */
export function walkQuestion(
  { node, world }: { readonly node: string; readonly world: World },
  question: Question,
  cluster: Cluster,
): Result<{
  readonly walk: WalkQuestion;
  readonly from: Place;
  readonly to: Place;
  readonly assumed: readonly string[];
}> {
  const asked = askPacket(question, node, world, cluster);
  if (!asked.ok) return asked;
  const { from, to, assumptions } = asked.value;
  const { from: _local, iif: _iif, ...packet } = asked.value.packet;
  const { saddr, daddr } = packet;
  const way = wayOf(packet);
  if (!way.ok) return way;
  if (saddr === undefined || daddr === undefined) return noWay(packet.protocol);
  const client: Client =
    from.where.kind === 'node'
      ? { kind: 'node', node: from.where.node }
      : from.where.kind === 'pod'
        ? { kind: 'pod', node: node, address: saddr }
        : { kind: 'outside', via: node, address: saddr };
  return ok({
    walk: { client, packet: { ...packet, ...way.value, saddr, daddr } },
    from,
    to,
    assumed: assumptions.map(({ say }) => say),
  });
}
