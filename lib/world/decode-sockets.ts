/** Lines of `ss -Hltun` (iproute2, misc/ss.c) → listening sockets. */
import { parseAddress } from '../net/address';
import { decoding, fail } from '../net/json-cursor';
import type { Result } from '../net/result';
import type { ListeningSocket } from './world';

/** Columns: netid, state, two queues, local address and port, peer. Whether a socket is transparent `ss` says with `-O --inet-sockopt` only. */
export function decodeSockets(text: string): Result<readonly ListeningSocket[]> {
  return decoding(() => {
    const sockets: ListeningSocket[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      sockets.push(decodeSocket(line, `line ${index + 1}`));
    }
    return sockets;
  });
}

function decodeSocket(line: string, path: string): ListeningSocket {
  const [netid, , , , local] = line.trim().split(/\s+/);
  const protocol = netid === 'tcp' || netid === 'udp' || netid === 'sctp' ? netid : undefined;
  const match = /^(.*?)(?:%([^\]:]+))?:(\d+)$/.exec(local ?? '');
  if (protocol === undefined || match === null) {
    return fail(path, `expected a socket as ss -Hltun prints it, got ${JSON.stringify(line.slice(0, 80))}`);
  }
  const [, host = '', bound, port] = match;
  const device = bound ?? /%([^\]]+)/.exec(host)?.[1];
  return {
    protocol,
    ...addressOf(host.replace(/^\[(.*)\]$/, '$1'), path),
    port: Number(port),
    ...(device !== undefined && { device }),
    transparent: transparentOf(line),
  };
}

/** `inet-sockopt: ( recverr transparent mc_loop)` names what is set (misc/ss.c, inet_show_sock). */
function transparentOf(line: string): boolean | undefined {
  const options = /\binet-sockopt: \(([^)]*)\)/.exec(line)?.[1];
  return options === undefined ? undefined : options.split(/\s+/).includes('transparent');
}

/** ::ffff:0:0/96: a socket of IPv6 that is bound to an IPv4 address takes IPv4 alone (net/ipv6/af_inet6.c, __inet6_bind). */
const MAPPED = 0xffffn;

/** `*` is the wildcard of both families, `0.0.0.0` and `::` that of one. */
function addressOf(host: string, path: string): Pick<ListeningSocket, 'family' | 'address'> {
  if (host === '*') return {};
  const address = parseAddress(host.replace(/%.*$/, '')) ?? fail(path, `not an address: ${JSON.stringify(host)}`);
  const { family, value } =
    address.family === 'ip6' && address.value >> 32n === MAPPED
      ? { family: 'ip' as const, value: Number(address.value & 0xffffffffn) }
      : address;
  return value === 0 || value === 0n ? { family } : { family, address: value };
}
