/**
 * IPVS, the kernel's load balancer: which packets of a node its virtual servers may take. Their list is in no reading, so what may be
 * taken is left open (net/netfilter/ipvs/ip_vs_core.c, ip_vs_ops4 and ip_vs_ops6).
 */
import { formatAddress } from '../net/address';
import { u16 } from '../net/headers';
import { PROTO, protocolName } from '../net/protocols';
import type { Hook } from '../nft/model';
import { holdsServices } from '../world/service-link';
import type { IpValue } from '../world/world';
import { addressKey, type Run } from './environment';
import { destinationOf, type Skb } from './skb';

const PROTOCOLS: ReadonlySet<number | undefined> = new Set([PROTO.tcp, PROTO.udp, PROTO.sctp]);

/** Ends the run where a virtual server may take the packet. Connections between others pass IPVS by. */
export function passIpvs(run: Run, skb: Skb, hook: Hook): void {
  if (skb.family === 'arp') return;
  const { family, ct } = skb;
  // What is answered to, or reported of, a connection that a virtual server took goes back through it.
  // Those that rules translate in the trace itself are none of its own.
  if (ct?.base !== undefined && ct.reply.src !== ct.original.dst && PROTOCOLS.has(ct.original.protocol))
    at(run, family, ct.original.dst, ct.original.protocol, ct.original.dport);
  if (hook === 'forward' || !PROTOCOLS.has(skb.headers.l4proto)) return;
  // Of a later fragment nobody sees the port.
  const port = skb.headers.fragOff > 0 ? undefined : u16(skb.data, skb.headers.thoff + 2);
  at(run, family, destinationOf(skb), skb.headers.l4proto ?? 0, port);
}

/** Undecided where a virtual server may have the address and port. */
function at(run: Run, family: 'ip' | 'ip6', daddr: IpValue, protocol: number, port: number | undefined): void {
  const owner = run.p.localAddresses.get(addressKey(family, daddr));
  if (owner === undefined) return;
  const address = formatAddress(daddr);
  if (holdsServices(owner))
    taken(
      run,
      `${address} is on ${owner.name}: IPVS takes what is sent to a Service there, and its virtual servers are not in the capture.`,
    );
  const { nodePorts } = run.p.world;
  if (nodePorts?.known === true) {
    const name = protocolName(protocol);
    if (port === undefined || nodePorts.value.has(`${name} ${port}`))
      taken(run, `${address} port ${port ?? '?'}/${name} is a NodePort, and IPVS serves Services on this node.`);
    return;
  }
  const why = nodePorts === undefined ? '' : `: ${nodePorts.why}`;
  taken(run, `IPVS serves Services on this node, and whether the port is a NodePort is not known${why}.`);
}

const taken = (run: Run, say: string): never =>
  run.undecided('another-data-plane', say, 'Ask IPVS what it does with the packet (ipvsadm -Ln on the node).');
