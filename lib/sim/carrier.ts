/** Devices that are down, or that have no carrier: nothing gets out of them. */
import { formatAddress } from '../net/address';
import type { IpValue, Link } from '../world/world';
import { addressKey, type Run } from './environment';
import { sendIcmpError } from './generated';
import { kernel } from './hooks';
import type { RouteResult } from './routing';
import type { Skb } from './skb';

/** `ip` prints it where IFF_UP is set and IFF_RUNNING is not. */
export const lacksCarrier = ({ flags }: Link): boolean => flags.includes('NO-CARRIER');

/**
 * What a route cannot be followed by. The kernel has no routes over a device that is down (fib_disable_ip, rt6_disable_ip): two readings
 * differ, and which one holds is not known. What a route puts around a packet, or a program of its own, changes it (net/core/lwtunnel.c).
 */
export function wayOutNeeded(run: Run, { dev, nexthop }: RouteResult): void {
  if (nexthop?.encap !== undefined)
    run.undecided(
      'route-encap',
      `The route wraps the packet or gives it to a program (encap ${nexthop.encap}), which is not modelled.`,
      'Trace the packet that it makes, or assume a route without encap.',
    );
  if (dev === undefined || dev.up || dev.type === 'loopback') return;
  run.undecided(
    'link-down',
    `The route leads out of ${dev.name}, which is down: a kernel has no such route, so interfaces and routes were not read at the same time.`,
    'Capture the node again.',
  );
}

/** Nothing arrives on such a device, so the question is about another moment. */
export function carrierNeeded(run: Run, dev: Link): void {
  if (dev.up && !lacksCarrier(dev)) return;
  run.undecided(
    'link-down',
    `${dev.name} ${dev.up ? 'has no carrier' : 'is down'}: nothing arrives there.`,
    'Name another interface, or capture the node again when its other end is up.',
  );
}

/**
 * The neighbours of a device that lost its carrier are forgotten, but for permanent ones (neigh_carrier_down), and nobody is asked for
 * anew: after three attempts, some three seconds, the sender is told (arp_error_report, ndisc_error_report). False where the device takes the packet; it
 * drops it in silence then.
 */
export function neighbourLost(run: Run, skb: Skb, dev: Link, nexthop: IpValue): boolean {
  if (!lacksCarrier(dev) || dev.flags.includes('NOARP') || dev.type === 'none') return false;
  const family = typeof nexthop === 'number' ? 'ip' : 'ip6';
  const known = run.p.neighbours.get(`${dev.name} ${addressKey(family, nexthop)}`);
  if (known?.state.includes('PERMANENT') === true) return false;
  kernel(
    run,
    skb,
    'no-carrier',
    `${dev.name} has no carrier: the neighbour ${formatAddress(nexthop)} is not found, and the sender is told after some three seconds.`,
  );
  sendIcmpError(run, skb, family === 'ip' ? { type: 3, code: 1 } : { type: 1, code: 3 });
  return true;
}
