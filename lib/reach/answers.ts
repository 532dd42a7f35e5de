/** What a server does with a packet that reached it, and what an answer means to a client. */
import { formatAddress, parseAddress } from '../net/address';
import { fromHex, putBytes } from '../net/build-packet';
import { parseHeaders, u32, u128, viewPacket } from '../net/headers';
import { PROTO } from '../net/protocols';
import { ipPacket } from '../sim/generated';
import { sourceForRoute } from '../sim/source-address';
import type { Reason } from '../sim/trace';
import type { NetworkNode } from './network';
import { answersFrom, GROUP } from './reasons';

export interface Flying {
  readonly family: 'ip' | 'ip6';
  readonly bytes: Uint8Array;
  readonly unknownPorts: readonly ('sport' | 'dport')[];
}

/** Ports swap places in an answer, and so does what is not known of them. */
const swapped = (ports: Flying['unknownPorts']): Flying['unknownPorts'] =>
  ports.map((p) => (p === 'sport' ? 'dport' : 'sport'));

/**
 * The answer of a pod or an outside server; undefined where it sends none, `unsupported` where its kernel may lack the protocol,
 * `connection` where it depends on whether the server still has the connection.
 */
export function serverAnswer(request: Flying, listens: boolean): Flying | 'unsupported' | 'connection' | undefined {
  const { family, bytes } = request;
  const h = parseHeaders(bytes, family);
  const src = family === 'ip' ? u32(bytes, 16) : u128(bytes, 24);
  const dst = family === 'ip' ? u32(bytes, 12) : u128(bytes, 8);
  const at = h.thoff;
  const reply = (protocol: number, segment: Uint8Array): Flying => ({
    family,
    bytes: ipPacket(family, src, dst, protocol, 0, segment),
    unknownPorts: swapped(request.unknownPorts),
  });
  switch (h.l4proto) {
    case PROTO.tcp: {
      const flags = bytes[at + 13] ?? 0;
      const s = new Uint8Array(20);
      s.set(bytes.subarray(at + 2, at + 4), 0);
      s.set(bytes.subarray(at, at + 2), 2);
      s[12] = 0x50;
      putBytes(s, 14, 2, 64240);
      if ((flags & 2) === 0) return listens ? 'connection' : undefined;
      putBytes(s, 4, 4, listens ? 7000 : 0);
      putBytes(s, 8, 4, (u32(bytes, at + 4) + 1) % 2 ** 32);
      s[13] = listens ? 18 : 20;
      return reply(PROTO.tcp, s);
    }
    case PROTO.udp: {
      if (!listens)
        return { ...icmpError(request, family === 'ip' ? 3 : 1, family === 'ip' ? 3 : 4), unknownPorts: [] };
      const s = new Uint8Array(8 + 4);
      s.set(bytes.subarray(at + 2, at + 4), 0);
      s.set(bytes.subarray(at, at + 2), 2);
      putBytes(s, 4, 2, s.length);
      s.set(fromHex('706f6e67'), 8);
      return reply(PROTO.udp, s);
    }
    case PROTO.icmp:
    case PROTO.icmpv6: {
      const s = bytes.slice(at);
      if (s[0] !== 8 && s[0] !== 128) return undefined;
      s[0] = family === 'ip' ? 0 : 129;
      return reply(h.l4proto, s);
    }
    default:
      return 'unsupported';
  }
}

/**
 * What is to be said of the source of a process's answer. A socket bound to its address answers from there; one bound to all answers
 * from where its program says (IP_PKTINFO), else as the route has it (udp_sendmsg).
 * @returns what is taken for granted, a reason why it is not known, or undefined where there is no doubt.
 */
export function sourceOfAnswer(
  { name, prepared }: NetworkNode,
  { family, bytes }: Flying,
  isBound: boolean,
): string | Reason | undefined {
  const { saddr = '', daddr = '' } = viewPacket(bytes, family);
  const [own, client] = [parseAddress(saddr)?.value, parseAddress(daddr)?.value];
  const router = prepared.routers[family];
  if (own === undefined || client === undefined || router === undefined) return undefined;
  const ask = { mark: 0, tos: 0, iif: undefined } as const;
  const at = router.lookup({ ...ask, daddr: own });
  if (at.kind !== 'found' || at.result.type !== 'local') return GROUP;
  if (isBound) return undefined;
  const way = router.lookup({ ...ask, daddr: client, protocol: PROTO.udp, uid: 0 });
  const source = way.kind === 'found' ? sourceForRoute({ p: prepared }, family, way.result, client) : undefined;
  return source === undefined || source === own ? undefined : answersFrom(name, saddr, formatAddress(source));
}

function icmpError(about: Flying, type: number, code: number): Flying {
  const { family, bytes } = about;
  const src = family === 'ip' ? u32(bytes, 16) : u128(bytes, 24);
  const dst = family === 'ip' ? u32(bytes, 12) : u128(bytes, 8);
  const quoted = bytes.subarray(0, family === 'ip' ? 548 : 1232);
  const s = new Uint8Array(8 + quoted.length);
  s[0] = type;
  s[1] = code;
  s.set(quoted, 8);
  return {
    family,
    bytes: ipPacket(family, src, dst, family === 'ip' ? PROTO.icmp : PROTO.icmpv6, family === 'ip' ? 0xc0 : 0, s),
    unknownPorts: [],
  };
}

const ICMP4: Readonly<Record<string, string>> = {
  '3/0': 'icmp-net-unreachable',
  '3/1': 'icmp-host-unreachable',
  '3/2': 'icmp-protocol-unreachable',
  '3/3': 'icmp-port-unreachable',
  '3/9': 'icmp-net-prohibited',
  '3/10': 'icmp-host-prohibited',
  '3/13': 'icmp-admin-prohibited',
  '11/0': 'icmp-ttl-exceeded',
};
const ICMP6: Readonly<Record<string, string>> = {
  '1/0': 'icmp6-no-route',
  '1/1': 'icmp6-admin-prohibited',
  '1/3': 'icmp6-addr-unreachable',
  '1/4': 'icmp6-port-unreachable',
  '3/0': 'icmp6-hop-limit-exceeded',
  '4/1': 'icmp6-next-header',
};

/** The client's word for an answer: ok, refused, icmp-…; undefined where the client ignores it. `from` is whom it asked. */
export function clientWord(
  answer: Flying,
  from: { readonly address: string; readonly port: number },
): string | undefined {
  const view = viewPacket(answer.bytes, answer.family);
  const isEcho =
    (view.protocol === 'icmp' && view.icmpType === 0) || (view.protocol === 'icmpv6' && view.icmpType === 129);
  if (isEcho) return view.saddr === from.address ? 'ok' : undefined;
  if (view.protocol === 'icmp')
    return ICMP4[`${view.icmpType}/${view.icmpCode}`] ?? `icmp-${view.icmpType}-${view.icmpCode}`;
  if (view.protocol === 'icmpv6')
    return ICMP6[`${view.icmpType}/${view.icmpCode}`] ?? `icmp6-${view.icmpType}-${view.icmpCode}`;
  if (view.saddr !== from.address || view.sport !== from.port) return undefined;
  if (view.protocol === 'tcp')
    return view.flags?.includes('rst') === true ? 'refused' : view.flags?.includes('syn') === true ? 'ok' : undefined;
  return 'ok';
}
