/** `linkinfo` of a tunnel (iproute2, ip/link_iptnl.c, link_gre.c, iplink_vxlan.c, iplink_geneve.c) → its ends. */
import { parseAddress } from '../net/address';
import type { At } from '../net/json-cursor';
import type { IpValue, Tunnel } from './world';

/** Link types that tell the kind where link.json was not read (linux/if_arp.h). */
export const TUNNEL_TYPES: ReadonlyMap<string, string> = new Map([
  ['ipip', 'ipip'],
  ['sit', 'sit'],
  ['gre', 'gre'],
  ['tunnel6', 'ip6tnl'],
  ['gre6', 'ip6gre'],
]);

const GRE = 47;
const KINDS: ReadonlyMap<string, Pick<Tunnel, 'protocol' | 'port' | 'byNexthop'>> = new Map([
  ['ipip', { protocol: 'inner', byNexthop: true }],
  ['sit', { protocol: 'inner', byNexthop: false }],
  ['ip6tnl', { protocol: 'inner', byNexthop: true }],
  ['gre', { protocol: GRE, byNexthop: true }],
  ['ip6gre', { protocol: GRE, byNexthop: true }],
  ['gretap', { protocol: GRE, byNexthop: false }],
  ['ip6gretap', { protocol: GRE, byNexthop: false }],
  ['vxlan', { port: 8472, byNexthop: false }],
  ['geneve', { port: 6081, byNexthop: false }],
  ['wireguard', { byNexthop: false }],
] as const);

/** @param data `info_data`; undefined for a kind without, and where link.json was not read */
export function decodeTunnel(kind: string | undefined, data: At | undefined): Tunnel | undefined {
  const known = kind === undefined ? undefined : KINDS.get(kind);
  if (kind === undefined || known === undefined) return undefined;
  // IPv6 has members of its own in VXLAN; a group stands in the place of the end.
  const end = (...names: readonly string[]): IpValue | undefined =>
    names.map((name) => addressIn(data?.optional(name))).find((value) => value !== undefined);
  const [local, remote] = [end('local', 'local6'), end('remote', 'remote6')];
  const port = data?.optional('port')?.value;
  const id = data?.optional('id')?.value;
  return {
    ...known,
    kind,
    ...(local !== undefined && { local }),
    ...(remote !== undefined && { remote }),
    ...(typeof port === 'number' && { port }),
    ...(typeof id === 'number' && { id }),
    external: data?.optional('external')?.value === true,
  };
}

/** `any`, `0.0.0.0` and `::` are no addresses. */
function addressIn(item: At | undefined): IpValue | undefined {
  const parsed = typeof item?.value === 'string' ? parseAddress(item.value) : undefined;
  return parsed === undefined || Number(parsed.value) === 0 ? undefined : parsed.value;
}
