/** The ends of a packet that is evidence: what a trace of it is asked by. */
import { shortest } from '../net/address';
import type { Network } from '../reach/network';
import type { PacketEnds } from './findings-types';

/**
 * Where a packet comes from and goes to, as a trace is asked by names; null where it says itself how it comes in. Its way begins at its
 * sender, which is not always the node of the evidence: a packet that another node sent has been translated there.
 */
export function endsOf(packet: object, network: Pick<Network, 'podByAddress' | 'nodeByAddress'>): PacketEnds | null {
  const of = packet as { readonly [key: string]: unknown };
  if (of.iif !== undefined || of.from !== undefined) return null;
  const { saddr, daddr, dport, protocol } = of;
  if (typeof saddr !== 'string' || typeof daddr !== 'string' || typeof protocol !== 'string') return null;
  if (dport === undefined) return null;
  const pod = network.podByAddress.get(shortest(saddr));
  const sender = network.nodeByAddress.get(shortest(saddr));
  const from = pod === undefined ? (sender ?? `external:${saddr}`) : `${pod.namespace}/${pod.name}`;
  const host = daddr.includes(':') ? `[${daddr}]` : daddr;
  // A client outside reaches the address of a node there; by which node it reaches others the packet does not say.
  const begins = pod === undefined ? (sender ?? network.nodeByAddress.get(shortest(daddr))) : pod.node;
  return { from, to: `${host}:${dport}/${protocol}`, begins: begins ?? null };
}
