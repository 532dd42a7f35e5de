/** Reading the operands of expressions from a packet and its surroundings: payload, meta, ct, rt, socket, options. */

import { u16 } from '../net/headers';
import { hasPorts, PROTO } from '../net/protocols';
import {
  exthdrField,
  type HeaderField,
  ipOptionField,
  payloadField,
  sctpChunkField,
  tcpOptionField,
} from '../nft/fields';
import type {
  CtExpression,
  ExthdrExpression,
  IpOptionExpression,
  MetaExpression,
  PayloadExpression,
  RawPayloadExpression,
  RawTcpOptionExpression,
  RtExpression,
  SctpChunkExpression,
  SocketExpression,
  TcpOptionExpression,
} from '../nft/model';
import { ctType } from '../nft/type-of-expression';
import type { Link } from '../world/world';
import { type Conn, STATUS } from './conntrack-state';
import type { Context } from './environment';
import { destinationOf, ETHERTYPE, type Skb, sourceOf } from './skb';
import { Between, Chance, type Evaluated, Missing, Unknown } from './value';

/** Reads `len` bits at bit `offset`; a number up to 48 bits, a bigint beyond; undefined past the end. */
export function readBits(bytes: Uint8Array, offset: number, len: number): number | bigint | undefined {
  const end = offset + len;
  if (offset < 0 || end > bytes.length * 8) return undefined;
  const first = offset >> 3;
  const last = (end + 7) >> 3;
  if (len <= 32) {
    let v = 0;
    for (let i = first; i < last; i++) v = v * 256 + (bytes[i] ?? 0);
    const drop = last * 8 - end;
    return Math.floor(v / 2 ** drop) % 2 ** len;
  }
  let v = 0n;
  for (let i = first; i < last; i++) v = (v << 8n) | BigInt(bytes[i] ?? 0);
  v = (v >> BigInt(last * 8 - end)) & ((1n << BigInt(len)) - 1n);
  return len > 48 ? v : Number(v);
}

/** The Ethernet header as nft sees it: with the VLAN tag that the kernel keeps beside the packet put back. */
function linkBytes(skb: Skb): Uint8Array | undefined {
  const { link, vlan } = skb;
  if (link === undefined || vlan === undefined) return link;
  const out = new Uint8Array(18);
  out.set(link.subarray(0, 12));
  out.set([0x81, 0, vlan >> 8, vlan & 255, link[12] ?? 0, link[13] ?? 0], 12);
  return out;
}

const TRANSPORT: Readonly<Record<string, number>> = {
  tcp: PROTO.tcp,
  udp: PROTO.udp,
  udplite: PROTO.udplite,
  sctp: PROTO.sctp,
  dccp: PROTO.dccp,
  icmp: PROTO.icmp,
  icmpv6: PROTO.icmpv6,
  igmp: PROTO.igmp,
  esp: PROTO.esp,
  ah: PROTO.ah,
  comp: PROTO.comp,
  gre: PROTO.gre,
};

/** ICMP types for which a field of the variable part has its meaning; nft adds this test to the rule without listing it. */
const ICMP_FIELD_TYPES: Readonly<Record<string, readonly number[]>> = {
  'icmp id': [0, 8],
  'icmp sequence': [0, 8],
  'icmp gateway': [5],
  'icmp mtu': [3],
  'icmpv6 id': [128, 129],
  'icmpv6 sequence': [128, 129],
  'icmpv6 mtu': [2],
  'icmpv6 parameter-problem': [4],
  'icmpv6 max-delay': [130, 131],
  'icmpv6 taddr': [130, 131, 132, 135, 136, 137],
  'icmpv6 daddr': [137],
};

/** Why a field of a protocol does not exist on the packet; undefined when it does. These tests are implied, not listed. */
export function protocolMissing(protocol: string, field: string, c: Context): string | undefined {
  const { skb } = c;
  switch (protocol) {
    case 'ip':
      return skb.family === 'ip' ? undefined : `the packet is ${skb.family === 'ip6' ? 'IPv6' : 'ARP'}`;
    case 'ip6':
      return skb.family === 'ip6' ? undefined : `the packet is ${skb.family === 'ip' ? 'IPv4' : 'ARP'}`;
    case 'arp':
      return skb.family === 'arp' ? undefined : 'the packet is not ARP';
    case 'th':
      return undefined;
    case 'ether': {
      if (
        c.family === 'bridge' ||
        c.family === 'netdev' ||
        c.family === 'arp' ||
        c.hook === 'ingress' ||
        c.hook === 'egress'
      )
        return undefined;
      const dev = skb.iif ?? (c.hook === 'postrouting' ? skb.oif : undefined);
      return dev?.type === 'ether' ? undefined : 'the device is not Ethernet';
    }
    case 'vlan':
      return skb.vlan === undefined ? 'the frame has no VLAN tag' : undefined;
    default: {
      const number = TRANSPORT[protocol];
      if (number === undefined) return undefined;
      if (skb.headers.l4proto !== number) return `the packet is not ${protocol}`;
      if (protocol === 'icmp' && skb.family !== 'ip') return 'the packet is not IPv4';
      if (protocol === 'icmpv6' && skb.family !== 'ip6') return 'the packet is not IPv6';
      const types = ICMP_FIELD_TYPES[`${protocol} ${field}`];
      if (types !== undefined && skb.headers.fragOff === 0 && !types.includes(skb.data[skb.headers.thoff] ?? -1))
        return `this ICMP type has no field ${field}`;
      return undefined;
    }
  }
}

/** Bytes of a header base, and where it begins in them. */
export function headerBytes(base: string, c: Context): { readonly bytes: Uint8Array; readonly at: number } | undefined {
  const { skb } = c;
  switch (base) {
    case 'll': {
      const bytes = linkBytes(skb);
      return bytes === undefined ? undefined : { bytes, at: 0 };
    }
    case 'nh':
      return { bytes: skb.data, at: 0 };
    case 'th':
      return skb.headers.l4proto === undefined || skb.headers.fragOff > 0 || skb.family === 'arp'
        ? undefined
        : { bytes: skb.data, at: skb.headers.thoff };
    case 'ih': {
      const { l4proto, thoff, fragOff } = skb.headers;
      if (fragOff > 0) return undefined;
      if (l4proto === PROTO.tcp) return { bytes: skb.data, at: thoff + ((skb.data[thoff + 12] ?? 0) >> 4) * 4 };
      if (l4proto === PROTO.udp) return { bytes: skb.data, at: thoff + 8 };
      if (l4proto === PROTO.gre) {
        const flags = u16(skb.data, thoff);
        return {
          bytes: skb.data,
          at: thoff + 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0),
        };
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

const RANDOM_PORT = new Unknown({
  code: 'random-port',
  say: 'The kernel picks this port (or ICMP id) at random, so the rule may match or not.',
  settle: 'Assume a value for the translated port.',
});

function readHeader(field: Pick<HeaderField, 'base' | 'offset' | 'len'>, name: string, c: Context): Evaluated {
  const header = headerBytes(field.base, c);
  if (header === undefined)
    return new Missing(name, field.base === 'll' ? 'the packet has no link header here' : 'there is no such header');
  const { skb } = c;
  if (field.base === 'th' && (skb.random.sport || skb.random.dport)) {
    const touches = (from: number, to: number): boolean => field.offset < to && field.offset + field.len > from;
    const ports = hasPorts(skb.headers.l4proto ?? 0);
    if (skb.random.sport && (ports ? touches(0, 16) : touches(32, 48))) return RANDOM_PORT;
    if (skb.random.dport && ports && touches(16, 32)) return RANDOM_PORT;
  }
  const value = readBits(header.bytes, header.at * 8 + field.offset, field.len);
  return value ?? new Missing(name, 'the packet is too short');
}

const unsupported = (name: string): Unknown =>
  new Unknown({
    code: 'unsupported-expression',
    say: `The expression ${name} is not modelled.`,
    settle: 'Assume whether it matches.',
  });

export function readPayload(expr: PayloadExpression, name: string): (c: Context) => Evaluated {
  if (expr.tunnel !== undefined) return () => unsupported(name);
  const field = payloadField(expr.protocol, expr.field);
  if (field === undefined) return () => unsupported(name);
  const byProtocol = new Map<string, Missing>();
  return (c) => {
    const why = protocolMissing(expr.protocol, expr.field, c);
    if (why === undefined) return readHeader(field, name, c);
    let missing = byProtocol.get(why);
    if (missing === undefined) {
      missing = new Missing(name, why);
      byProtocol.set(why, missing);
    }
    return missing;
  };
}

export function readRawPayload(expr: RawPayloadExpression, name: string): (c: Context) => Evaluated {
  if (expr.tunnel !== undefined || !['ll', 'nh', 'th', 'ih'].includes(expr.base)) return () => unsupported(name);
  const field = { base: expr.base as HeaderField['base'], offset: expr.offset, len: expr.len };
  return (c) => readHeader(field, name, c);
}

const unknownClock = new Unknown({
  code: 'clock',
  say: 'The rule depends on the time of day.',
  settle: 'Assume a time at which the packet passes.',
});
const unknownHost = (what: string, settle: string): Unknown =>
  new Unknown({ code: 'host-state', say: `${what} is not in the capture.`, settle });

/** The device that `iiftype` and the hidden Ethernet test look at. */
const typeDevice = (c: Context): Link | undefined => c.skb.iif ?? (c.hook === 'postrouting' ? c.skb.oif : undefined);
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
  const oif = (c: Context): Link | Missing => device(c.skb.oif, 'output');
  switch (expr.key) {
    case 'length':
      return (c) => c.skb.data.length + (c.hook === 'egress' ? 14 : 0);
    case 'protocol':
      return (c) => ETHERTYPE[c.skb.family];
    case 'nfproto':
      return (c) =>
        c.family === 'bridge'
          ? 7
          : c.family === 'netdev'
            ? 5
            : c.hook === 'ingress'
              ? 1
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
      return (c) => c.skb.iif?.index ?? 0;
    case 'oif':
      return (c) => c.skb.oif?.index ?? 0;
    case 'iifname':
      return (c) => c.skb.iif?.name ?? '';
    case 'oifname':
      return (c) => c.skb.oif?.name ?? '';
    case 'iiftype':
      return (c) => {
        const dev = device(typeDevice(c), 'input');
        return dev instanceof Missing
          ? dev
          : (ARPHRD[dev.type] ?? unknownHost(`the type of ${dev.name}`, 'Name the interface type.'));
      };
    case 'oiftype':
      return (c) => {
        const dev = oif(c);
        return dev instanceof Missing
          ? dev
          : (ARPHRD[dev.type] ?? unknownHost(`the type of ${dev.name}`, 'Name the interface type.'));
      };
    case 'iifgroup':
    case 'oifgroup':
      return (c) => {
        const dev = expr.key === 'iifgroup' ? iif(c) : oif(c);
        if (dev instanceof Missing) return dev;
        if (dev.group === 'default') return 0;
        return /^\d+$/.test(dev.group)
          ? Number(dev.group)
          : unknownHost(`the number of group ${dev.group}`, 'Give the number of the device group.');
      };
    case 'iifkind':
    case 'oifkind':
      return (c) => {
        const dev = expr.key === 'iifkind' ? iif(c) : oif(c);
        return dev instanceof Missing ? dev : (dev.kind ?? new Missing(name, 'the device has no kind'));
      };
    case 'skuid':
      return (c) => c.skb.sk?.uid ?? new Missing(name, 'the packet belongs to no socket');
    case 'skgid':
      return (c) => c.skb.sk?.gid ?? new Missing(name, 'the packet belongs to no socket');
    case 'nftrace':
      return (c) => (c.skb.trace ? 1 : 0);
    case 'rtclassid':
      return (c) => (c.skb.dst === undefined ? new Missing(name, 'the packet has no route yet') : 0);
    case 'pkttype':
      return (c) => c.skb.pktType;
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
      return (c) =>
        c.skb.sk === undefined
          ? new Missing(name, 'the packet belongs to no socket')
          : unknownHost("The sender's cgroup", 'Assume a cgroup.');
    case 'time':
    case 'day':
    case 'hour':
      return () => unknownClock;
    case 'ibrname':
    case 'obrname':
    case 'ibriifname':
    case 'obriifname':
      return (c) => {
        const dev = expr.key.startsWith('i') ? iif(c) : oif(c);
        return dev instanceof Missing ? dev : (dev.master ?? new Missing(name, 'the device is not a bridge port'));
      };
    case 'sdif':
      return () => 0;
    case 'sdifname':
      return () => new Missing(name, 'the packet came through no VRF');
    default:
      return () => unsupported(name);
  }
}

const stateBit = { new: 8, established: 2, related: 4 } as const;

export function readCt(expr: CtExpression, name: string): (c: Context) => Evaluated {
  if (expr.key === 'state') {
    return (c) => {
      if (c.skb.ct !== undefined && c.skb.ctState !== undefined) return stateBit[c.skb.ctState];
      return c.skb.untracked ? 64 : 1;
    };
  }
  const none = new Missing(name, 'the packet has no conntrack entry here');
  const dirOf = (c: Context): 'original' | 'reply' => expr.dir ?? c.skb.ctDir;
  const withCt =
    (read: (ct: Conn, c: Context) => Evaluated) =>
    (c: Context): Evaluated => {
      if (c.skb.ct === undefined) return none;
      return read(c.skb.ct, c);
    };
  const family =
    expr.key.startsWith('ip6') || expr.family === 'ip6'
      ? 'ip6'
      : expr.key.startsWith('ip ') || expr.family === 'ip'
        ? 'ip'
        : undefined;
  const wrongFamily = new Missing(name, 'the connection is of the other family');
  const address = (side: 'src' | 'dst'): ((c: Context) => Evaluated) =>
    withCt((ct, c) =>
      family !== undefined && ct.family !== family ? wrongFamily : (ct[dirOf(c)][side] as number | bigint),
    );
  switch (expr.key) {
    case 'direction':
      return withCt((_, c) => (c.skb.ctDir === 'original' ? 0 : 1));
    case 'status':
      return withCt((ct) => ct.status);
    case 'mark':
      return withCt((ct) => ct.markUnknown ?? ct.mark);
    case 'zone':
      return withCt((ct) => ct.zone);
    case 'helper':
      return withCt((ct) => ct.helper ?? new Missing(name, 'the connection has no helper'));
    case 'label':
      return withCt((ct) => ct.labels);
    case 'l3proto':
      return withCt((ct) => (ct.family === 'ip' ? 2 : 10));
    case 'protocol':
      return withCt((ct) => ct.original.protocol);
    case 'proto-src':
      return withCt((ct, c) => {
        const dir = dirOf(c);
        return (dir === 'original' ? false : ct.random.dst) ? RANDOM_PORT : ct[dir].sport;
      });
    case 'proto-dst':
      return withCt((ct, c) => {
        const dir = dirOf(c);
        const t = ct[dir];
        if (dir === 'reply' && ct.random.src) return RANDOM_PORT;
        return t.protocol === PROTO.icmp || t.protocol === PROTO.icmpv6 ? t.icmpType * 256 + t.icmpCode : t.dport;
      });
    case 'ip saddr':
    case 'ip6 saddr':
    case 'saddr':
      return address('src');
    case 'ip daddr':
    case 'ip6 daddr':
    case 'daddr':
      return address('dst');
    case 'packets':
    case 'bytes':
    case 'avgpkt':
      return withCt((ct) => {
        if (ct.base !== undefined) return unknownHost('The packet count of a captured connection', 'Assume a count.');
        const sum = (of: { original: number; reply: number }): number =>
          expr.dir === undefined ? of.original + of.reply : of[expr.dir];
        const packets = sum(ct.packets);
        const bytes = sum(ct.bytes);
        const value =
          expr.key === 'packets'
            ? packets
            : expr.key === 'bytes'
              ? bytes
              : packets === 0
                ? 0
                : Math.floor(bytes / packets);
        return BigInt(value);
      });
    case 'expiration':
      return withCt(expiration);
    case 'id':
      return withCt(() => unknownHost('The id of a connection', 'Assume an id.'));
    default:
      return ctType(expr.key, expr.family) === undefined ? () => unsupported(name) : () => unsupported(name);
  }
}

/** Seconds a connection lives after a packet, by TCP state and protocol (net/netfilter/nf_conntrack_proto_*.c, the defaults). */
const LIFETIME: Readonly<Record<string, number>> = {
  SYN_SENT: 120,
  SYN_RECV: 60,
  ESTABLISHED: 432000,
  FIN_WAIT: 120,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  TIME_WAIT: 120,
  CLOSE: 10,
  SYN_SENT2: 120,
};

function expiration(ct: Conn, c: Context): Evaluated {
  const reason = {
    code: 'host-state',
    say: 'The time this connection has left is not in the capture.',
    settle: 'Assume a number of seconds.',
  };
  if (!(ct.status & STATUS.confirmed)) {
    // The kernel subtracts the clock from a time span that does not hold one yet; the result is below zero, and shown as 0.
    c.run.assume(
      'ct-expiration',
      'The node is taken to be up for some minutes, so that a new connection shows no time left.',
    );
    return 0n;
  }
  if (ct.base !== undefined)
    return ct.timeout === undefined ? new Unknown(reason) : new Between(reason, 0, Math.max(ct.timeout, 432000));
  const state = ct.tcpState === undefined ? undefined : LIFETIME[ct.tcpState];
  const proto = ct.original.protocol;
  const seconds =
    state ??
    (proto === PROTO.udp || proto === PROTO.udplite || proto === PROTO.icmp || proto === PROTO.icmpv6
      ? 30
      : proto === PROTO.gre
        ? 30
        : 600);
  return new Between(reason, seconds - 2, seconds);
}

/** More processors than any node has. */
const CPUS_MAX = 64;

export function readRt(expr: RtExpression, name: string): (c: Context) => Evaluated {
  return (c) => {
    const { skb } = c;
    const dst = skb.dst;
    if (dst === undefined) return new Missing(name, 'the packet has no route yet');
    switch (expr.key) {
      case 'classid':
        return 0;
      case 'ipsec':
        return 0;
      case 'nexthop': {
        const family = expr.family ?? (c.family === 'ip6' ? 'ip6' : c.family === 'ip' ? 'ip' : undefined);
        if (family !== undefined && family !== skb.family)
          return new Missing(name, 'the packet is of the other family');
        return (dst.gateway ?? destinationOf(skb)) as number | bigint;
      }
      case 'mtu': {
        const dev = dst.dev ?? skb.oif;
        if (dev === undefined || skb.family === 'arp') return new Missing(name, 'the route has no device');
        const header = skb.family === 'ip' ? 40 : 60;
        const back = c.run.p.routers[skb.family]?.lookup({
          daddr: sourceOf(skb),
          saddr: destinationOf(skb),
          mark: 0,
          tos: 0,
          iif: undefined,
        });
        const mtuOf = (link: Link, route: number | undefined): number => Math.min(route ?? link.mtu, 65535) - header;
        const forward = mtuOf(dev, dst.route.mtu);
        if (back?.kind !== 'found' || back.result.dev === undefined) return forward;
        return Math.min(forward, mtuOf(back.result.dev, back.result.route.mtu));
      }
      default:
        return unsupported(name);
    }
  };
}

/** Sockets that listen for the packet: the most specific first. Undefined when the capture does not list sockets. */
export function listenerFor(
  c: Pick<Context, 'run' | 'skb'>,
  toPort?: number,
): { readonly wildcard: boolean; readonly transparent: boolean } | 'none' | undefined {
  const { sockets } = c.run.p.world;
  if (!sockets.known) return undefined;
  const { l4proto, thoff } = c.skb.headers;
  const protocol = l4proto === PROTO.tcp ? 'tcp' : l4proto === PROTO.udp ? 'udp' : undefined;
  if (protocol === undefined) return 'none';
  const port = toPort ?? u16(c.skb.data, thoff + 2);
  const daddr = destinationOf(c.skb);
  const fits = sockets.value.filter(
    (s) =>
      s.protocol === protocol &&
      s.port === port &&
      (s.address === undefined
        ? s.family === undefined || s.family === c.skb.family
        : s.address === daddr && toPort === undefined),
  );
  const best = fits.find((s) => s.address !== undefined) ?? fits[0];
  return best === undefined ? 'none' : { wildcard: best.address === undefined, transparent: best.transparent };
}

export function readSocket(expr: SocketExpression, name: string): (c: Context) => Evaluated {
  return (c) => {
    const own = c.skb.sk;
    if (own !== undefined && (c.hook === 'output' || c.hook === 'postrouting')) {
      return unknownHost(`The sending socket's ${expr.key}`, 'Assume a value.');
    }
    if (c.skb.headers.fragOff > 0) return new Missing(name, 'the packet is a later fragment');
    const found = listenerFor(c);
    if (found === undefined) return unknownHost('The list of sockets', 'Capture ss -Hltun on the node.');
    if (found === 'none') return new Missing(name, 'no socket takes this packet');
    switch (expr.key) {
      case 'transparent':
        return found.transparent ? 1 : 0;
      case 'wildcard':
        return found.wildcard ? 1 : 0;
      default:
        return unknownHost(`The socket's ${expr.key}`, 'Assume a value.');
    }
  };
}

export function readExthdr(expr: ExthdrExpression, name: string): (c: Context) => Evaluated {
  const field = exthdrField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    if (c.skb.family !== 'ip6') return new Missing(name, 'the packet is not IPv6');
    const found = c.skb.headers.ext.find((e) => e.type === field.number);
    if (expr.field === undefined) return found === undefined ? 0 : 1;
    if (found === undefined) return new Missing(name, 'the header is absent');
    if (field.routingType !== undefined && c.skb.data[found.at + 2] !== field.routingType)
      return new Missing(name, 'the routing header is of another type');
    return readBits(c.skb.data, found.at * 8 + field.offset, field.len) ?? new Missing(name, 'the packet is too short');
  };
}

/** Finds TCP option `kind`; `nth` counts from 0. Where it begins in the packet, and its length. */
export function findTcpOption(skb: Skb, kind: number): { readonly at: number; readonly len: number } | undefined {
  const { l4proto, thoff, fragOff } = skb.headers;
  if (l4proto !== PROTO.tcp || fragOff > 0) return undefined;
  const end = Math.min(thoff + ((skb.data[thoff + 12] ?? 0) >> 4) * 4, skb.data.length);
  let at = thoff + 20;
  while (at < end) {
    const k = skb.data[at] ?? 0;
    const len = k < 2 ? 1 : (skb.data[at + 1] ?? 0);
    if (k === kind) return { at, len };
    if (k === 0 || len < 1) return undefined;
    at += len;
  }
  return undefined;
}

export function readTcpOption(
  expr: TcpOptionExpression | RawTcpOptionExpression,
  name: string,
): (c: Context) => Evaluated {
  const field =
    expr.kind === 'tcpOption'
      ? tcpOptionField(expr.name, expr.field)
      : { number: expr.base, offset: expr.offset, len: expr.len };
  if (field === undefined) return () => unsupported(name);
  const presence = expr.kind === 'tcpOption' && expr.field === undefined;
  return (c) => {
    const found = findTcpOption(c.skb, field.number);
    if (presence) return found === undefined ? 0 : 1;
    if (found === undefined)
      return new Missing(name, c.skb.headers.l4proto === PROTO.tcp ? 'the option is absent' : 'the packet is not tcp');
    if (field.offset + field.len > found.len * 8) return new Missing(name, 'the option is too short');
    return readBits(c.skb.data, found.at * 8 + field.offset, field.len) ?? new Missing(name, 'the packet is too short');
  };
}

export function readIpOption(expr: IpOptionExpression, name: string): (c: Context) => Evaluated {
  const field = ipOptionField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    if (c.skb.family !== 'ip') return new Missing(name, 'the packet is not IPv4');
    const end = c.skb.headers.thoff;
    let at = 20;
    while (at < end) {
      const k = c.skb.data[at] ?? 0;
      if (k === 0) break;
      const len = k === 1 ? 1 : (c.skb.data[at + 1] ?? 0);
      if (k === field.number) {
        if (expr.field === undefined) return 1;
        return readBits(c.skb.data, at * 8 + field.offset, field.len) ?? new Missing(name, 'the option is too short');
      }
      if (len < 1) break;
      at += len;
    }
    return expr.field === undefined ? 0 : new Missing(name, 'the option is absent');
  };
}

export function readSctpChunk(expr: SctpChunkExpression, name: string): (c: Context) => Evaluated {
  const field = sctpChunkField(expr.name, expr.field);
  if (field === undefined) return () => unsupported(name);
  return (c) => {
    const { l4proto, thoff, fragOff } = c.skb.headers;
    if (l4proto !== PROTO.sctp || fragOff > 0)
      return expr.field === undefined ? 0 : new Missing(name, 'the packet is not sctp');
    let at = thoff + 12;
    while (at + 4 <= c.skb.data.length) {
      if (c.skb.data[at] === field.number) {
        if (expr.field === undefined) return 1;
        return readBits(c.skb.data, at * 8 + field.offset, field.len) ?? new Missing(name, 'the chunk is too short');
      }
      at += Math.max(4, (u16(c.skb.data, at + 2) + 3) & ~3);
    }
    return expr.field === undefined ? 0 : new Missing(name, 'the chunk is absent');
  };
}
