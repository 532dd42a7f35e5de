/** Who listens on a node. */
import { parseAddress } from '../net/address';
import type { PacketView } from '../net/packet-view';
import type { Reason } from '../sim/trace';
import { listenKey, type Network, type Unready } from './network';
import { listeningUnknown } from './reasons';

/** Why objects are missing without which nobody can say that something does not listen on a node: health checks of Services are answered there, too. */
export const lackingOfNodes = ({ cluster, lacking }: Network): readonly string[] =>
  cluster.services.known ? lacking : [...lacking, cluster.services.why];

const stoppedWords = ({ pod, stopped }: Unready): string => `the container of ${pod} does not run (${stopped})`;

/**
 * Whether a pod, or a server outside, listens at an address, as the cluster's objects say.
 *
 * @returns `unknown`: why nobody can say; `though`: what is said beside it
 */
export function podListens(
  { listening, unready, lacking }: Network,
  address: string,
  protocol: string,
  port: number,
): { readonly listens: boolean; readonly unknown: readonly string[]; readonly though: string } {
  const key = listenKey(address, protocol, port);
  const listens = listening.has(key);
  const against = listens ? unready.get(key) : undefined;
  if (against?.stopped !== undefined) return { listens, unknown: [stoppedWords(against)], though: '' };
  return {
    listens,
    unknown: listens ? [] : lacking,
    though: against === undefined ? '' : ', though the pod is not ready',
  };
}

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
  // Whether the process of a pod or another one listens there, nobody says.
  const unready = network.unready.get(listenKey(node, protocol, dport));
  if (listens && unready?.stopped !== undefined)
    return { kind: 'unknown', reason: listeningUnknown(what, [stoppedWords(unready)]) };
  const though = listens && unready !== undefined ? `, though ${unready.pod} is not ready` : '';
  if (!listens && lacking.length > 0)
    return { kind: 'unknown', reason: listeningUnknown(what, ['its sockets were not captured', ...lacking]) };
  return {
    kind: 'assumed',
    say: listens
      ? `${what} is taken to listen, as the cluster's objects say${though}: its sockets were not captured.`
      : `${what} is taken not to listen, as no object of the cluster says that it does: its sockets were not captured.`,
  };
}
