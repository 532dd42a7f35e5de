/** Who listens on a node. */
import { parseAddress } from '../net/address';
import type { PacketView } from '../net/packet-view';
import type { Reason } from '../sim/trace';
import type { Network } from './network';
import { listeningUnknown } from './reasons';

/** Why objects are missing without which nobody can say that something does not listen on a node: health checks of Services are answered there, too. */
export const lackingOfNodes = ({ cluster, lacking }: Network): readonly string[] =>
  cluster.services.known ? lacking : [...lacking, cluster.services.why];

/** What is assumed of the sockets of a node whose sockets were not captured; undefined where they were. */
export function listeningOn(
  network: Network,
  node: string,
  { daddr = '', protocol, dport }: PacketView,
):
  | { readonly kind: 'assumed'; readonly say: string }
  | { readonly kind: 'unknown'; readonly reason: Reason }
  | undefined {
  const here = network.nodes.get(node);
  if (here === undefined || here.socketsCaptured || typeof dport !== 'number') return undefined;
  if (protocol !== 'tcp' && protocol !== 'udp') return undefined;
  const { sockets } = here.prepared.world;
  const target = parseAddress(daddr)?.value;
  const listens = (sockets.known ? sockets.value : []).some(
    (s) => s.protocol === protocol && s.port === dport && (s.address === undefined || s.address === target),
  );
  const what = `${node} at ${daddr} port ${dport}/${protocol}`;
  const lacking = lackingOfNodes(network);
  if (!listens && lacking.length > 0)
    return { kind: 'unknown', reason: listeningUnknown(what, ['its sockets were not captured', ...lacking]) };
  return {
    kind: 'assumed',
    say: listens
      ? `${what} is taken to listen, as the cluster's objects say: its sockets were not captured.`
      : `${what} is taken not to listen, as no object of the cluster says that it does: its sockets were not captured.`,
  };
}
