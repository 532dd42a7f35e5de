/** Reading `meta` keys. */

import type { MetaExpression } from '../nft/model';
import type { Link } from '../world/world';
import type { Context } from './environment';
import { askOwner } from './owner';
import { unknownClock, unknownHost, unknownInterface, unsupported } from './read-unknown';
import { ETHERTYPE, lengthOf } from './skb';
import { Between, Chance, type Evaluated, Missing } from './value';

/**
 * The device that `iiftype` and the hidden Ethernet test look at. A bridge hands a packet of the node to the port before it asks
 * (__br_forward), and what ARP answers has its device from the start (arp_create).
 */
const typeDevice = (c: Context): Link | undefined =>
  c.skb.iif ??
  (c.hook === 'postrouting' ||
  c.hook === 'egress' ||
  c.family === 'bridge' ||
  c.family === 'arp' ||
  c.skb.duplicate === true
    ? c.skb.oif
    : undefined);
const ARPHRD: Readonly<Record<string, number>> = {
  ether: 1,
  loopback: 772,
  none: 65534,
  ppp: 512,
  ipip: 768,
  ipip6: 769,
  sit: 776,
  ipgre: 778,
  gre: 778,
  ip6gre: 823,
  tunnel6: 769,
};

export function readMeta(expr: MetaExpression, name: string): (c: Context) => Evaluated {
  const device = (link: Link | undefined, side: string): Link | Missing =>
    link ?? new Missing(name, `there is no ${side} device here`);
  const iif = (c: Context): Link | Missing => device(c.skb.iif, 'input');
  /** Reads the input device, where the capture knows it. `named`: the question names it at least. */
  const ofInput =
    (named: boolean, read: (c: Context) => Evaluated): ((c: Context) => Evaluated) =>
    (c) => {
      const assumed = c.skb.iif?.assumed;
      return assumed === undefined || (named && assumed === 'index') ? read(c) : unknownInterface;
    };
  const oif = (c: Context): Link | Missing => device(c.skb.oif, 'output');
  switch (expr.key) {
    case 'length':
      return (c) => lengthOf(c.skb, c.hook);
    case 'protocol':
      return (c) => ETHERTYPE[c.skb.family];
    case 'nfproto':
      return (c) =>
        c.family === 'bridge'
          ? 7
          : c.family === 'netdev'
            ? 5
            : c.skb.family === 'ip'
              ? 2
              : c.skb.family === 'ip6'
                ? 10
                : 3;
    case 'l4proto':
      return (c) =>
        (c.skb.family === 'arp' ? undefined : c.skb.headers.l4proto) ??
        new Missing(name, 'there is no transport protocol');
    case 'priority':
      return (c) => c.skb.priority;
    case 'mark':
      return (c) => c.skb.markUnknown ?? c.skb.mark;
    case 'iif':
      return ofInput(false, (c) => c.skb.iif?.index ?? 0);
    case 'oif':
      return (c) => c.skb.oif?.index ?? 0;
    case 'iifname':
      return ofInput(true, (c) => c.skb.iif?.name ?? '');
    case 'oifname':
      return (c) => c.skb.oif?.name ?? '';
    case 'iiftype':
      return ofInput(false, (c) => {
        const dev = device(typeDevice(c), 'input');
        return dev instanceof Missing
          ? dev
          : (ARPHRD[dev.type] ?? unknownHost(`the type of ${dev.name}`, 'Name the interface type.'));
      });
    case 'oiftype':
      return (c) => {
        const dev = oif(c);
        return dev instanceof Missing
          ? dev
          : (ARPHRD[dev.type] ?? unknownHost(`the type of ${dev.name}`, 'Name the interface type.'));
      };
    case 'iifgroup':
    case 'oifgroup':
      return ofInput(false, (c) => {
        const dev = expr.key === 'iifgroup' ? iif(c) : oif(c);
        if (dev instanceof Missing) return dev;
        if (dev.group === 'default') return 0;
        return /^\d+$/.test(dev.group)
          ? Number(dev.group)
          : unknownHost(`the number of group ${dev.group}`, 'Give the number of the device group.');
      });
    case 'iifkind':
    case 'oifkind':
      return ofInput(false, (c) => {
        const dev = expr.key === 'iifkind' ? iif(c) : oif(c);
        return dev instanceof Missing ? dev : (dev.kind ?? new Missing(name, 'the device has no kind'));
      });
    case 'skuid':
      return ofOwner(name, 'uid');
    case 'skgid':
      return ofOwner(name, 'gid');
    case 'nftrace':
      return (c) => (c.skb.trace ? 1 : 0);
    case 'rtclassid':
      return (c) => (c.skb.dst === undefined ? new Missing(name, 'the packet has no route yet') : 0);
    case 'pkttype':
      return ofInput(false, (c) => c.skb.pktType);
    case 'cpu':
      return (c) => {
        c.run.assume('cpu-count', `The node is taken to have at most ${CPUS_MAX} processors.`);
        return new Between(
          {
            code: 'host-state',
            say: 'The processor that handles the packet is not in the capture.',
            settle: 'Assume a processor number.',
          },
          0,
          CPUS_MAX - 1,
        );
      };
    case 'random':
      return () => new Chance('meta random', 4294967296, 0);
    case 'ipsec':
    case 'secpath':
      return () => 0;
    case 'cgroup':
      return (c) => {
        const { ownSocket, sk } = c.skb;
        if (sk !== undefined) return unknownHost("The sender's cgroup", 'Assume a cgroup.');
        // What the kernel sends by itself leaves through a socket of its own, which is in no class.
        const leaves = c.hook === 'output' || c.hook === 'postrouting' || c.hook === 'egress';
        return ownSocket === undefined || !leaves ? new Missing(name, 'the packet belongs to no socket') : 0;
      };
    case 'time':
    case 'day':
    case 'hour':
      return () => unknownClock;
    case 'ibrname':
    case 'obrname':
    case 'ibriifname':
    case 'obriifname':
      return ofInput(false, (c) => {
        const dev = expr.key.startsWith('i') ? iif(c) : oif(c);
        return dev instanceof Missing ? dev : (dev.master ?? new Missing(name, 'the device is not a bridge port'));
      });
    case 'sdif':
      return () => 0;
    case 'sdifname':
      return () => new Missing(name, 'the packet came through no VRF');
    default:
      return () => unsupported(name);
  }
}

/** More processors than any node has. */
const ofOwner =
  (name: string, part: 'uid' | 'gid') =>
  (c: Context): Evaluated =>
    c.skb.sk === undefined ? new Missing(name, 'the packet belongs to no socket') : askOwner(c.run, c.skb.sk, part);

const CPUS_MAX = 64;
