/** A question by names → what the walk is asked. */
import type { Cluster } from '../cluster/cluster';
import type { Place } from '../cluster/place';
import { askPacket, type Question } from '../explain/question';
import { failed, ok, type Result } from '../net/result';
import type { World } from '../world/world';
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
  const owner = to.addresses.map((address) => network.nodeByAddress.get(address)).find((name) => name !== undefined);
  const node = via ?? owner;
  if (where.kind === 'external' && node !== undefined) return ok(node);
  return failed({
    code: 'REF-011',
    say: `On which node ${question.from} enters is not said.`,
    do: 'Name the node that its packets come in by.',
  });
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
  const { saddr, daddr, dport } = packet;
  if (saddr === undefined || daddr === undefined || dport === undefined)
    return failed({
      code: 'REF-012',
      say: `A whole path needs a connection with ports, and ${packet.protocol ?? 'this'} has none.`,
      do: 'Ask with tcp, udp or sctp; or trace the packet on one node.',
    });
  const client: Client =
    from.where.kind === 'node'
      ? { kind: 'node', node: from.where.node }
      : from.where.kind === 'pod'
        ? { kind: 'pod', node: node, address: saddr }
        : { kind: 'outside', via: node, address: saddr };
  return ok({
    walk: { client, packet: { ...packet, saddr, daddr, dport } },
    from,
    to,
    assumed: assumptions.map(({ say }) => say),
  });
}
