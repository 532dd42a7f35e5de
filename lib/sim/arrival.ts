/** The interface on which a packet from outside comes in, as far as a capture of the node alone can tell. */
import type { IpFamily, IpValue, Link } from '../world/world';
import { addressKey, type Prepared } from './environment';
import type { Lookup } from './routing';
import type { Assumption } from './trace';

export interface Arrival {
  readonly dev: Link;
  readonly assumption: Assumption | undefined;
}

/**
 * A client behind the routers sends to the link that has the address; the way back may be another one. `back` is the route to the
 * client. Undefined where no route leads back and the node itself is not asked.
 */
export function arrivalFromOutside(
  p: Prepared,
  family: IpFamily,
  daddr: IpValue,
  back: Lookup | undefined,
): Arrival | undefined {
  const dev = back?.kind === 'found' ? back.result.dev : undefined;
  const owner = p.localAddresses.get(addressKey(family, daddr));
  if (dev === undefined) {
    if (back === undefined || back.kind === 'found' || owner === undefined) return undefined;
    if (!facesOutside(p, owner, family, daddr)) return undefined;
    const say = `The packet is taken to arrive on ${owner.name}, which has the address asked for; no route leads back to the client.`;
    return { dev: owner, assumption: { code: 'arrival', say } };
  }
  if (owner === undefined || owner.index === dev.index || !facesOutside(p, owner, family, daddr))
    return { dev, assumption: undefined };
  return {
    dev: owner,
    assumption: {
      code: 'arrival',
      say: `The packet is taken to arrive on ${owner.name}, which has the address asked for; the way back to the client leads out of ${dev.name}.`,
    },
  };
}

/** Ends of virtual cables: pods and virtual machines are behind them, where they are ports of a bridge. */
const INNER: ReadonlySet<string | undefined> = new Set(['veth', 'tun', 'dummy', 'vxlan', 'geneve']);

/**
 * Whether a router may be on this link. None is behind an address without a network (that of a pod's own cable: `10.244.1.1/32`), nor on
 * a bridge of which all ports lead to pods or virtual machines.
 */
function facesOutside(p: Prepared, owner: Link, family: IpFamily, daddr: IpValue): boolean {
  if (owner.type !== 'ether' || owner.kind === 'dummy') return false;
  const own = owner.addresses.find((address) => address.family === family && address.local === daddr);
  if (own?.prefixLen === (family === 'ip' ? 32 : 128)) return false;
  if (owner.kind !== 'bridge') return true;
  const { links } = p.world;
  return links.known && links.value.some(({ master, kind }) => master === owner.name && !INNER.has(kind));
}
