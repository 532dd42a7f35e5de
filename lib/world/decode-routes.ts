/** `ip -j -4 route show table all` and `-6` (iproute2, ip/iproute.c) → routes. */
import { type At, at, decoding } from '../net/json-cursor';
import { parsePrefix } from '../net/prefix';
import type { Result } from '../net/result';
import { address, strings } from './decode-links';
import { decodeTos } from './decode-tos';
import type { IpFamily, IpPrefix, Nexthop, Route, RouteType } from './world';

const TYPES = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'anycast',
  'unreachable',
  'blackhole',
  'prohibit',
  'throw',
  'nat',
] as const satisfies readonly RouteType[];

/** Routes of all tables in the order of the listing. A route without `table` is in `main`, one without `type` is unicast. */
export function decodeRoutes(json: unknown, family: IpFamily): Result<readonly Route[]> {
  return decoding(() =>
    at(json)
      .items()
      .map((item) => decodeRoute(item, family)),
  );
}

function decodeRoute(item: At, family: IpFamily): Route {
  const type = item.optional('type')?.oneOf(TYPES) ?? 'unicast';
  const from = item.optional('from');
  const prefsrc = item.optional('prefsrc');
  const mtu = item
    .optional('metrics')
    ?.items()
    .map((metrics) => metrics.optional('mtu'))
    .find((value) => value !== undefined);
  return {
    family,
    table: tableName(item.optional('table')) ?? 'main',
    type,
    dst: prefix(item.key('dst'), family),
    ...(from !== undefined && { from: prefix(from, family) }),
    metric: item.optional('metric')?.integer() ?? 0,
    tos: decodeTos(item.optional('tos')) ?? 0,
    scope: item.optional('scope')?.string(),
    ...(prefsrc !== undefined && { prefsrc: address(prefsrc, family) }),
    protocol: item.optional('protocol')?.string(),
    nexthops: nexthopsOf(item, type, family),
    ...(mtu !== undefined && { mtu: mtu.integer() }),
    flags: strings(item.optional('flags')),
  };
}

/** Tables are printed by name, or by number as text; some versions print a bare number. */
export const tableName = (table: At | undefined): string | undefined =>
  typeof table?.value === 'number' ? String(table.integer()) : table?.string();

function nexthopsOf(item: At, type: RouteType, family: IpFamily): readonly Nexthop[] {
  // IPv6 prints `dev lo` for these, where no packet goes.
  if (type === 'unreachable' || type === 'blackhole' || type === 'prohibit' || type === 'throw') return [];
  const several = item.optional('nexthops');
  return several === undefined
    ? [decodeNexthop(item, family)]
    : several.items().map((hop) => decodeNexthop(hop, family));
}

function decodeNexthop(item: At, family: IpFamily): Nexthop {
  const gateway = item.optional('gateway');
  const via = item.optional('via');
  const dev = item.optional('dev')?.string();
  const encap = item.optional('encap')?.value;
  const viaFamily = via?.key('family').oneOf(['inet', 'inet6']) === 'inet' ? 'ip' : 'ip6';
  return {
    ...(gateway !== undefined && { gateway: address(gateway, family) }),
    ...(via !== undefined && { gateway: address(via.key('host'), viaFamily), gatewayFamily: viaFamily }),
    ...(dev !== undefined && { dev }),
    weight: item.optional('weight')?.integer(1) ?? 1,
    dead: strings(item.optional('flags')).includes('dead'),
    ...(encap !== undefined && { encap: typeof encap === 'string' ? encap : '?' }),
  };
}

/** `default`, `10.0.0.0/8`, a lone address, or `0/8` for a prefix of zeros. */
function prefix(item: At, family: IpFamily): IpPrefix {
  const text = item.string();
  const zero = family === 'ip' ? 0 : 0n;
  if (text === 'default') return { addr: zero, len: 0 };
  const parsed = parsePrefix(text.startsWith('0/') ? `${family === 'ip' ? '0.0.0.0' : '::'}${text.slice(1)}` : text);
  if (parsed?.family === family) return { addr: parsed.addr, len: parsed.len };
  return item.fail(`expected an ${family === 'ip' ? 'IPv4' : 'IPv6'} prefix, got ${JSON.stringify(text)}`);
}
