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
 * client. Undefined where no route leads back.
 */
export function arrivalFromOutside(
  p: Prepared,
  family: IpFamily,
  daddr: IpValue,
  back: Lookup | undefined,
): Arrival | undefined {
  const dev = back?.kind === 'found' ? back.result.dev : undefined;
  if (dev === undefined) return undefined;
  const owner = p.localAddresses.get(addressKey(family, daddr));
  if (owner === undefined || owner.index === dev.index || owner.type !== 'ether' || owner.kind === 'dummy')
    return { dev, assumption: undefined };
  return {
    dev: owner,
    assumption: {
      code: 'arrival',
      say: `The packet is taken to arrive on ${owner.name}, which has the address asked for; the way back to the client leads out of ${dev.name}.`,
    },
  };
}
