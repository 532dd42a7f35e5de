/** `ip -j addr show` and `ip -j -d link show` (iproute2, ip/ipaddress.c) → links. */
import { parseAddress, parseMac } from '../net/address';
import { type At, at, decoding } from '../net/json-cursor';
import type { Result } from '../net/result';
import { decodeTunnel, TUNNEL_TYPES } from './decode-tunnel';
import type { IpValue, Link, LinkAddress } from './world';

/**
 * Links with their addresses, in the order of the listing.
 *
 * @param addr parsed `ip -j addr show`
 * @param link parsed `ip -j -d link show`; undefined where it was not read: kinds of interfaces are then undefined
 */
export function decodeLinks(addr: unknown, link: unknown | undefined): Result<readonly Link[]> {
  return decoding(() => {
    const details = new Map<string, At>();
    if (link !== undefined) {
      for (const item of entries(at(link))) details.set(item.key('ifname').string(), item);
    }
    return entries(at(addr)).map((item) => decodeLink(item, details.get(item.key('ifname').string())));
  });
}

/** Older iproute2 prints `{}` for an interface that a filter leaves out. */
const entries = (list: At): readonly At[] => list.items().filter((item) => Object.keys(item.object()).length > 0);

function decodeLink(item: At, detail: At | undefined): Link {
  const flags = strings(item.key('flags'));
  const mac = item.optional('address')?.string();
  const info = detail?.optional('linkinfo');
  const kind = info?.optional('info_kind')?.string();
  const nfCall = kind === 'bridge' ? decodeNfCall(info?.optional('info_data')) : undefined;
  const tunnel = decodeTunnel(kind ?? TUNNEL_TYPES.get(item.key('link_type').string()), info?.optional('info_data'));
  const hairpin = info?.optional('info_slave_data')?.optional('hairpin')?.value;
  const xdp = xdpOf(item) ?? xdpOf(detail);
  return {
    index: item.key('ifindex').integer(1),
    name: item.key('ifname').string(),
    mtu: item.key('mtu').integer(),
    type: item.key('link_type').string(),
    kind,
    mac: mac !== undefined && parseMac(mac) !== undefined ? mac : undefined,
    up: flags.includes('UP'),
    flags,
    group: item.optional('group')?.string() ?? 'default',
    master: (item.optional('master') ?? detail?.optional('master'))?.string(),
    ...(nfCall !== undefined && { nfCall }),
    ...(typeof hairpin === 'boolean' && { hairpin }),
    ...(xdp !== undefined && { xdp }),
    ...(tunnel !== undefined && { tunnel }),
    addresses: (item.optional('addr_info')?.items() ?? [])
      .filter((info) => Object.keys(info.object()).length > 0)
      .map(decodeAddress),
  };
}

/** The program that `"xdp": {"mode", "prog": {"id", "name"}}` names (iproute2, ip/iplink_xdp.c); mode 0 is none. */
function xdpOf(item: At | undefined): string | undefined {
  const xdp = item?.optional('xdp');
  if (xdp === undefined || xdp.optional('mode')?.value === 0) return undefined;
  const name = xdp.optional('prog')?.optional('name')?.value;
  return typeof name === 'string' ? name : '';
}

/** The switches of one bridge (`nf_call_iptables` …), which act beside the global sysctls. */
function decodeNfCall(data: At | undefined): Link['nfCall'] {
  const on = (name: string) => data?.optional(name)?.integer() === 1;
  if (data?.optional('nf_call_iptables') === undefined) return undefined;
  return { ip: on('nf_call_iptables'), ip6: on('nf_call_ip6tables'), arp: on('nf_call_arptables') };
}

function decodeAddress(item: At): LinkAddress {
  const family = item.key('family').oneOf(['inet', 'inet6']) === 'inet' ? 'ip' : 'ip6';
  const peer = item.optional('address');
  const broadcast = item.optional('broadcast');
  return {
    family,
    local: address(item.key('local'), family),
    prefixLen: item.key('prefixlen').integer(0, family === 'ip' ? 32 : 128),
    ...(peer !== undefined && { peer: address(peer, family) }),
    ...(broadcast !== undefined && { broadcast: address(broadcast, family) }),
    scope: scopeOf(item.optional('scope')),
    // IPv6 calls the same bit `temporary`.
    secondary: flag(item, 'secondary') || flag(item, 'temporary'),
    deprecated: flag(item, 'deprecated'),
    tentative: flag(item, 'tentative') || flag(item, 'dadfailed'),
  };
}

/** A scope without a name is printed as its number. */
function scopeOf(scope: At | undefined): string {
  if (scope === undefined) return 'global';
  return typeof scope.value === 'number' ? String(scope.value) : scope.string();
}

const flag = (item: At, name: string): boolean => item.optional(name)?.boolean() ?? false;

/** An address of the given family, as a number or a bigint. */
export function address(item: At, family: 'ip' | 'ip6'): IpValue {
  const parsed = parseAddress(item.string());
  if (parsed?.family === family) return parsed.value;
  return item.fail(`expected an ${family === 'ip' ? 'IPv4' : 'IPv6'} address, got ${JSON.stringify(item.value)}`);
}

/** A list of words; an absent one is given as undefined and is empty. */
export const strings = (item: At | undefined): readonly string[] => item?.items().map((word) => word.string()) ?? [];
