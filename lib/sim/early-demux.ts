/** Packets that are given to a connection of the node's own before they are routed (tcp_v4_early_demux, tcp_v6_early_demux). */
import { u32 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Run } from './environment';
import { destinationOf, type Skb, sourceOf } from './skb';
import type { TcpSocketState } from './state';

export const socketKey = (skb: Skb): string =>
  `${sourceOf(skb)} ${destinationOf(skb)} ${u32(skb.data, skb.headers.thoff)}`;

const socketOf = (run: Run, skb: Skb): TcpSocketState | undefined =>
  skb.headers.l4proto === PROTO.tcp && run.state.sockets.size > 0 ? run.state.sockets.get(socketKey(skb)) : undefined;

/** Whether a connection of this node's sockets has the packet's addresses and ports. */
export const hasSocket = (run: Run, skb: Skb): boolean => socketOf(run, skb) !== undefined;

/**
 * Looks for the open connection that a packet without a route belongs to. Where the connection's last packet came by the same device, its
 * route is taken again and none is looked up.
 */
export function earlyDemux(run: Run, skb: Skb): void {
  if (skb.dst !== undefined || skb.pktType !== 0) return;
  const socket = socketOf(run, skb);
  if (socket === undefined || socket.phase === 'syn-received') return;
  skb.socketIif = socket.iif ?? '';
  if (socket.iif === skb.iif?.name) skb.dst = socket.route;
}
