/** Neighbour solicitations for the node's own addresses, and its answers (net/ipv6/ndisc.c, ndisc_recv_ns and ndisc_send_na). */
import { formatMac, parseMac } from '../net/address';
import { putBytes } from '../net/build-packet';
import { u16, u32, u128 } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Link } from '../world/world';
import { addressKey, type Run } from './environment';
import { isMulticast6 } from './fib';
import { ipPacket } from './generated';
import { kernel, runHook } from './hooks';
import { madeUpRoute } from './routing';
import { sysctl } from './settings';
import { destinationOf, newSkb, type Skb, sourceOf, viewSkb } from './skb';
import { finishOutput } from './transmit';

const ALL_NODES = 0xff020000000000000000000000000001n;
const HEADER = 24;
const SOURCE_LINK = 1;
const TARGET_LINK = 2;

/** The source link address among the options; `bad` where they cannot be read (ndisc_parse_options, ndisc_opt_addr_data). */
function sourceLink(data: Uint8Array, from: number): string | undefined | 'bad' {
  let found: string | undefined;
  for (let at = from; at < data.length; ) {
    const length = (data[at + 1] ?? 0) * 8;
    if (length === 0 || at + length > data.length) return 'bad';
    if (data[at] === SOURCE_LINK && found === undefined) {
      if (length !== 8) return 'bad';
      found = formatMac(u16(data, at + 2) * 2 ** 32 + u32(data, at + 4));
    }
    at += length;
  }
  return found;
}

const isOn = (run: Run, dev: Link, name: string): boolean =>
  ['all', dev.name].some((of) => (sysctl(run, `net.ipv6.conf.${of}.${name}`) ?? '0') !== '0');
const ofDevice = (run: Run, dev: Link, name: string): string | undefined =>
  sysctl(run, `net.ipv6.conf.${dev.name}.${name}`);

/** True for addresses that the node may answer for although they are none of the device: as their proxy, or as any of their routers. */
function mayStandFor(run: Run, dev: Link, target: bigint): boolean {
  const hit = run.p.routers.ip6?.inTable('local', { daddr: target, mark: 0, tos: 0, iif: undefined });
  return hit?.type === 'anycast' || (isOn(run, dev, 'proxy_ndp') && isOn(run, dev, 'forwarding'));
}

/** A solicitation that passed input; the advertisement passes output and postrouting as packets of processes do. */
export function answerSolicitation(run: Run, cause: Skb): void {
  const dev = cause.iif;
  const { data } = cause;
  const { thoff, ext } = cause.headers;
  if (dev === undefined || data[7] !== 255 || data[thoff + 1] !== 0 || data.length < thoff + HEADER) return;
  // What came in fragments is not answered (ndisc_suppress_frag_ndisc).
  if (cause.fragSize !== undefined || ext.some(({ type }) => type === 44)) return;
  const target = u128(data, thoff + 8);
  const src = BigInt(sourceOf(cause));
  const dst = BigInt(destinationOf(cause));
  if (isMulticast6(target)) return;
  const link = sourceLink(data, thoff + HEADER);
  const unspecified = src === 0n;
  if (link === 'bad' || (unspecified && (link !== undefined || dst >> 24n !== 0xff0200000000000000000001ffn))) return;
  const own = dev.addresses.find((a) => a.family === 'ip6' && a.local === target);
  if (own === undefined) {
    if (mayStandFor(run, dev, target))
      run.undecided(
        'neighbour-proxy',
        'The solicitation asks for an anycast address, or one that the node may answer for as a proxy; that is not modelled.',
        'Trace the advertisement as a packet of the node.',
      );
    return;
  }
  if (own.tentative) return;
  const toGroup = isMulticast6(dst);
  const entry = run.p.neighbours.get(`${dev.name} ${addressKey('ip6', src)}`);
  if (!unspecified && toGroup && link === undefined && entry === undefined) {
    kernel(run, cause, 'neighbour', 'It names no link address, and the node knows none of the sender: no answer.');
    return;
  }
  const fixed = entry?.state.some((s) => s === 'PERMANENT' || s === 'NOARP') === true;
  const skb = advertisement(run, dev, { target, src, toGroup });
  run.steps?.push({
    kind: 'generated',
    skb: skb.id,
    what: 'neighbour advertisement',
    packet: viewSkb(skb),
    because: cause.id,
  });
  const route = madeUpRoute('ip6', 'unicast', dev);
  skb.dst = route;
  skb.oif = dev;
  if (runHook(run, skb, 'output', 'ip6') !== 'accept' || skb.dst === undefined) return;
  // The device is set when it is made, and ip6_output takes it for the input device. Its socket has no copies looped back.
  skb.iif = dev;
  const way = skb.dst;
  skb.oif = way.dev;
  if (runHook(run, skb, 'postrouting', 'ip6') !== 'accept') return;
  finishOutput(run, skb, way, way === route && !fixed ? link : undefined);
  run.settle();
}

function advertisement(
  run: Run,
  dev: Link,
  { target, src, toGroup }: { readonly target: bigint; readonly src: bigint; readonly toGroup: boolean },
): Skb {
  const unspecified = src === 0n;
  const mac = dev.mac === undefined ? undefined : parseMac(dev.mac);
  const named = mac !== undefined && (toGroup || (ofDevice(run, dev, 'force_tllao') ?? '0') !== '0');
  const segment = new Uint8Array(HEADER + (named ? 8 : 0));
  segment[0] = 136;
  const router = (ofDevice(run, dev, 'forwarding') ?? '0') !== '0';
  segment[4] = (router ? 0x80 : 0) | (unspecified ? 0 : 0x40) | (toGroup ? 0x20 : 0);
  putBytes(segment, 8, 16, target);
  if (named) {
    segment[HEADER] = TARGET_LINK;
    segment[HEADER + 1] = 1;
    putBytes(segment, HEADER + 2, 6, mac);
  }
  const dst = unspecified ? ALL_NODES : src;
  const skb = newSkb(run.nextSkb(), 'generated', 'ip6', ipPacket('ip6', target, dst, PROTO.icmpv6, 0, segment, 255));
  skb.ownSocket = { transparent: false, wildcard: true };
  skb.local = true;
  return skb;
}
