/** A world as lines for `ip -batch`: what a namespace must be told to stand where the node stood. */
import { formatAddress } from '../net/address';
import type { IpFamily, IpPrefix, IpValue, Link, Neighbour, Nexthop, PolicyRule, Route } from '../world/world';

const V = { ip: '-4', ip6: '-6' } as const;
export const versionFlag = (family: IpFamily): '-4' | '-6' => V[family];

const prefixText = ({ addr, len }: IpPrefix): string => `${formatAddress(addr)}/${len}`;

/**
 * Addresses, then the interfaces up. IPv4 in the order of the listing, which makes the same ones secondary; IPv6 backwards, for
 * the kernel lists the newest first.
 */
export function addressLines(links: readonly Link[]): readonly string[] {
  const lines: string[] = [];
  for (const link of links) {
    const six = link.addresses.filter(({ family }) => family === 'ip6').reverse();
    for (const one of [...link.addresses.filter(({ family }) => family === 'ip'), ...six]) {
      const local = formatAddress(one.local);
      // Loopback gives itself its addresses when it comes up.
      if (link.name === 'lo' && (local === '127.0.0.1' || local === '::1')) continue;
      lines.push(
        words(
          `addr add ${local}`,
          one.peer === undefined ? `/${one.prefixLen}` : ` peer ${formatAddress(one.peer)}/${one.prefixLen}`,
          one.broadcast !== undefined && ` broadcast ${formatAddress(one.broadcast)}`,
          ` scope ${one.scope} dev ${link.name}`,
          one.deprecated && ' preferred_lft 0',
          one.family === 'ip6' && ' nodad',
        ),
      );
    }
  }
  return lines;
}

const words = (...parts: readonly (string | false | undefined)[]): string =>
  parts.filter((part) => part !== false && part !== undefined).join('');

const hopText = ({ gateway, gatewayFamily, dev }: Nexthop, flags: readonly string[]): string =>
  words(
    gateway !== undefined && ` via ${gatewayFamily === 'ip6' ? 'inet6 ' : ''}${formatAddress(gateway as IpValue)}`,
    dev !== undefined && ` dev ${dev}`,
    flags.includes('onlink') && ' onlink',
  );

/** As `ip route add` takes it; also what two listings of routes are compared by. Who made a route does not matter to packets. */
export function routeText(route: Route): string {
  const { nexthops, family } = route;
  const [only] = nexthops;
  const isDefault = route.dst.len === 0 && route.type === 'unicast';
  return words(
    `${route.type} ${isDefault ? 'default' : prefixText(route.dst)}`,
    route.from !== undefined && route.from.len > 0 && ` from ${prefixText(route.from)}`,
    route.tos !== 0 && ` tos 0x${route.tos.toString(16)}`,
    ` table ${route.table}`,
    // The kernel gives its own IPv6 routes of the local table metric 0, which nobody else can.
    route.metric !== 0 && !(family === 'ip6' && route.table === 'local') && ` metric ${route.metric}`,
    family === 'ip' && route.scope !== undefined && ` scope ${route.scope}`,
    route.prefsrc !== undefined && ` src ${formatAddress(route.prefsrc)}`,
    route.mtu !== undefined && ` mtu ${route.mtu}`,
    nexthops.length === 1 && only !== undefined && hopText(only, route.flags),
    nexthops.length > 1 && nexthops.map((hop) => ` nexthop${hopText(hop, [])} weight ${hop.weight}`).join(''),
  );
}

/** Routes that the kernel keeps by itself and that decide nothing about the packets of a trace. */
const isOwn = ({ family, type }: Route): boolean => family === 'ip6' && (type === 'multicast' || type === 'anycast');

/** What to take away and what to add, in an order in which the kernel accepts it: next hops must be reachable first. */
export function routeChanges(
  captured: readonly Route[],
  current: readonly Route[],
): { readonly remove: readonly string[]; readonly add: readonly string[] } {
  const left = new Map<string, number>();
  for (const route of captured) if (!isOwn(route)) left.set(routeText(route), (left.get(routeText(route)) ?? 0) + 1);
  const remove: string[] = [];
  for (const route of current) {
    if (isOwn(route)) continue;
    const text = routeText(route);
    const count = left.get(text) ?? 0;
    if (count > 0) left.set(text, count - 1);
    else remove.push(text);
  }
  const add: string[] = [];
  for (const stage of [0, 1, 2]) {
    for (const route of captured) {
      const text = routeText(route);
      if (isOwn(route) || stageOf(route) !== stage || (left.get(text) ?? 0) === 0) continue;
      left.set(text, (left.get(text) ?? 0) - 1);
      add.push(text);
    }
  }
  return { remove, add };
}

const stageOf = ({ table, nexthops }: Route): number =>
  table === 'local' ? 0 : nexthops.some(({ gateway }) => gateway !== undefined) ? 2 : 1;

/** As `ip rule add` takes it. */
export function ruleText(rule: PolicyRule): string {
  const range = ([low, high]: readonly [number, number]) => (low === high ? String(low) : `${low}-${high}`);
  const { action } = rule;
  return words(
    `pref ${rule.priority}`,
    rule.not && ' not',
    ` from ${rule.src === undefined ? 'all' : prefixText(rule.src)}`,
    rule.dst !== undefined && ` to ${prefixText(rule.dst)}`,
    rule.fwmark !== undefined && ` fwmark 0x${rule.fwmark.toString(16)}/0x${(rule.fwmask ?? 0xffffffff).toString(16)}`,
    rule.tos !== undefined && ` tos 0x${rule.tos.toString(16)}`,
    rule.iif !== undefined && ` iif ${rule.iif}`,
    rule.oif !== undefined && ` oif ${rule.oif}`,
    rule.uidRange !== undefined && ` uidrange ${rule.uidRange[0]}-${rule.uidRange[1]}`,
    rule.ipproto !== undefined && ` ipproto ${rule.ipproto}`,
    rule.sport !== undefined && ` sport ${range(rule.sport)}`,
    rule.dport !== undefined && ` dport ${range(rule.dport)}`,
    action.kind === 'table' && ` lookup ${action.table}`,
    action.kind === 'table' &&
      rule.suppressPrefixLen !== undefined &&
      ` suppress_prefixlength ${rule.suppressPrefixLen}`,
    action.kind === 'goto' && ` goto ${action.priority}`,
    action.kind !== 'table' && action.kind !== 'goto' && ` ${action.kind}`,
  );
}

/** Everything after `ip rule`, in place of the rules a new namespace has. Rule 0 goes last: without it nothing is local. */
export function ruleLines(captured: readonly PolicyRule[], family: IpFamily): readonly string[] {
  const isFirst = (rule: PolicyRule) =>
    rule.priority === 0 && rule.action.kind === 'table' && rule.action.table === 'local';
  return [
    'del pref 32766',
    ...(family === 'ip' ? ['del pref 32767'] : []),
    ...captured.filter((rule) => !isFirst(rule)).map((rule) => `add ${ruleText(rule)}`),
    ...(captured.some(isFirst) ? [] : ['del pref 0']),
  ];
}

/** Known not to answer; any other state is taken to, as the tracer does. */
const UNREACHED = 'FAILED';

export interface Needed {
  readonly dev: string;
  readonly address: string;
}

/** Captured neighbours with their addresses, and made-up ones for next hops that the capture does not know. */
export function neighbourLines(captured: readonly Neighbour[], needed: readonly Needed[]): readonly string[] {
  const lines = new Map<string, string>();
  for (const { dst, dev, mac, state } of captured) {
    const key = `${formatAddress(dst)} ${dev}`;
    if (mac === undefined && !state.includes(UNREACHED)) continue;
    const isReached = mac !== undefined && !state.includes(UNREACHED);
    lines.set(key, isReached ? `neigh replace ${formatAddress(dst)} lladdr ${mac} dev ${dev} nud permanent` : '');
  }
  let next = 1;
  for (const { dev, address } of needed) {
    const key = `${address} ${dev}`;
    if (lines.has(key)) continue;
    const tail = (next++).toString(16).padStart(4, '0');
    lines.set(
      key,
      `neigh replace ${address} lladdr 02:00:5e:00:${tail.slice(0, 2)}:${tail.slice(2)} dev ${dev} nud permanent`,
    );
  }
  return [...lines.values()].filter((line) => line !== '');
}
