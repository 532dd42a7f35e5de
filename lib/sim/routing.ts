/**
 * Routing by the captured rules and routes: policy rules in order, longest prefix, then metric (net/ipv4/fib_frontend.c,
 * net/ipv6/route.c as far as a listing shows it).
 */
import { formatAddress, inPrefix } from '../net/address';
import type { IpFamily, IpPrefix, IpValue, Link, Nexthop, PolicyRule, Route, World } from '../world/world';

export interface RouteQuery {
  readonly daddr: IpValue;
  readonly saddr?: IpValue;
  readonly mark: number;
  readonly tos: number;
  /** Name of the input interface; undefined for a packet of this node. */
  readonly iif: string | undefined;
  readonly oif?: string;
  readonly uid?: number;
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
}

export interface RouteResult {
  readonly route: Route;
  readonly type: Route['type'];
  readonly nexthop: Nexthop | undefined;
  readonly dev: Link | undefined;
  /** Gateway, or undefined where the destination is on the link. */
  readonly gateway: IpValue | undefined;
  readonly table: string;
}

/** A route that stands in no table: what the kernel makes up for a device, such as for groups and bridged packets. */
export const madeUpRoute = (family: IpFamily, type: Route['type'], dev: Link): RouteResult => ({
  type,
  nexthop: undefined,
  dev,
  gateway: undefined,
  table: '',
  route: {
    family,
    table: '',
    type,
    dst: { addr: family === 'ip6' ? 0n : 0, len: 0 },
    metric: 0,
    tos: 0,
    scope: undefined,
    protocol: undefined,
    nexthops: [],
    flags: [],
  },
});

export type Lookup =
  | { readonly kind: 'found'; readonly result: RouteResult; readonly multipath: readonly RouteResult[] }
  /** `none`: no route; the others are routes (or policy rules) of that type. */
  | { readonly kind: 'none' | 'unreachable' | 'prohibit' | 'blackhole'; readonly route?: Route };

const NO_ROUTES: readonly Route[] = [];

class Table {
  /** One level a prefix length, the longest first: its routes by masked address, the best metric first. */
  private readonly levels: { readonly len: number; readonly routes: Map<IpValue, Route[]> }[] = [];

  add(route: Route): void {
    let level = this.levels.find((l) => l.len === route.dst.len);
    if (level === undefined) {
      level = { len: route.dst.len, routes: new Map() };
      this.levels.push(level);
      this.levels.sort((a, b) => b.len - a.len);
    }
    const list = level.routes.get(route.dst.addr);
    if (list === undefined) level.routes.set(route.dst.addr, [route]);
    else {
      list.push(route);
      list.sort((a, b) => a.metric - b.metric);
    }
  }

  /** Candidates, best first. */
  candidates(daddr: IpValue): readonly Route[] {
    let found = NO_ROUTES;
    for (const { len, routes } of this.levels) {
      const masked =
        typeof daddr === 'number'
          ? len === 0
            ? 0
            : ((daddr >>> (32 - len)) << (32 - len)) >>> 0
          : len === 0
            ? 0n
            : (daddr >> BigInt(128 - len)) << BigInt(128 - len);
      const here = routes.get(masked);
      if (here !== undefined) found = found.length === 0 ? here : [...found, ...here];
    }
    return found;
  }
}

/** All of one family's routes, ready for look-ups. */
export class Router {
  private readonly tables = new Map<string, Table>();
  private readonly rules: readonly PolicyRule[];

  constructor(
    readonly family: IpFamily,
    routes: readonly Route[],
    rules: readonly PolicyRule[],
    private readonly links: ReadonlyMap<string, Link>,
  ) {
    for (const route of routes) {
      let table = this.tables.get(route.table);
      if (table === undefined) {
        table = new Table();
        this.tables.set(route.table, table);
      }
      table.add(route);
    }
    this.hasCustomLocalRoutes = routes.some((r) => r.type === 'local' && r.protocol !== 'kernel');
    this.rules = rules.toSorted((a, b) => a.priority - b.priority);
    this.asksForFlow = rules.some((r) => r.ipproto !== undefined || r.sport !== undefined || r.dport !== undefined);
  }

  /** True where a rule asks for the protocol or for ports (fib_rules_require_fldissect): else nobody reads them. */
  readonly asksForFlow: boolean;

  /** True where rules other than the three of a fresh system exist (fib4_has_custom_rules). */
  get hasCustomRules(): boolean {
    return this.rules.length > (this.family === 'ip' ? 3 : 2);
  }

  /** True where somebody but the kernel added local routes (fib_has_custom_local_routes). */
  readonly hasCustomLocalRoutes: boolean;

  private result(route: Route, nexthop: Nexthop | undefined): RouteResult {
    return {
      route,
      type: route.type,
      nexthop,
      dev: nexthop?.dev === undefined ? undefined : this.links.get(nexthop.dev),
      gateway: nexthop?.gateway,
      table: route.table,
    };
  }

  private usable(route: Route, q: RouteQuery): readonly Nexthop[] | undefined {
    if (route.tos !== 0 && route.tos !== (q.tos & 0x1e)) return undefined;
    if (route.from !== undefined && (q.saddr === undefined || !inPrefix(q.saddr, route.from.addr, route.from.len)))
      return undefined;
    const { nexthops } = route;
    const alive = (n: Nexthop): boolean => !n.dead && (q.oif === undefined || n.dev === q.oif);
    if (nexthops.every(alive)) return nexthops;
    return nexthops.some(alive) ? nexthops.filter(alive) : undefined;
  }

  /** One table alone, as `inet_addr_type` asks the local table. */
  inTable(name: string, q: RouteQuery): RouteResult | undefined {
    for (const route of this.tables.get(name)?.candidates(q.daddr) ?? []) {
      const hops = this.usable(route, q);
      if (hops !== undefined) return this.result(route, hops[0]);
    }
    return undefined;
  }

  lookup(q: RouteQuery): Lookup {
    let skipTo = -1;
    for (const rule of this.rules) {
      if (rule.priority < skipTo) continue;
      if (ruleMatches(rule, q) === rule.not) continue;
      if (rule.action.kind === 'goto') {
        skipTo = rule.action.priority;
        continue;
      }
      if (rule.action.kind === 'nop') continue;
      // A rule's `unreachable` is ENETUNREACH, as if there were no route; a route's is EHOSTUNREACH (net/core/fib_rules.c).
      if (rule.action.kind !== 'table') return { kind: rule.action.kind === 'unreachable' ? 'none' : rule.action.kind };
      const table = this.tables.get(rule.action.table);
      if (table === undefined) continue;
      for (const route of table.candidates(q.daddr)) {
        const hops = this.usable(route, q);
        if (hops === undefined) continue;
        if (route.type === 'throw') break;
        if (rule.suppressPrefixLen !== undefined && route.dst.len <= rule.suppressPrefixLen) break;
        if (route.type === 'unreachable' || route.type === 'prohibit' || route.type === 'blackhole')
          return { kind: route.type, route };
        const all = hops.length > 1 ? hops.map((h) => this.result(route, h)) : [];
        return { kind: 'found', result: all[0] ?? this.result(route, hops[0]), multipath: all };
      }
    }
    return { kind: 'none' };
  }
}

function prefixHolds(prefix: IpPrefix | undefined, addr: IpValue | undefined): boolean {
  if (prefix === undefined || prefix.len === 0) return true;
  return addr !== undefined && inPrefix(addr, prefix.addr, prefix.len);
}

function ruleMatches(rule: PolicyRule, q: RouteQuery): boolean {
  const inRange = (range: readonly [number, number] | undefined, value: number | undefined): boolean =>
    range === undefined || (value !== undefined && value >= range[0] && value <= range[1]);
  return (
    prefixHolds(rule.src, q.saddr) &&
    prefixHolds(rule.dst, q.daddr) &&
    (rule.iif === undefined || rule.iif === (q.iif ?? 'lo')) &&
    (rule.oif === undefined || rule.oif === q.oif) &&
    (rule.fwmark === undefined || ((q.mark ^ rule.fwmark) & (rule.fwmask ?? 0xffffffff)) === 0) &&
    (rule.tos === undefined || rule.tos === 0 || rule.tos === (q.tos & 0x1e)) &&
    (rule.ipproto === undefined || rule.ipproto === q.protocol) &&
    inRange(rule.sport, q.sport) &&
    inRange(rule.dport, q.dport) &&
    inRange(rule.uidRange, q.uid) &&
    (rule.tunId === undefined || rule.tunId === 0) &&
    !rule.l3mdev
  );
}

/** The route as `ip route` writes it. */
export function formatRoute(r: RouteResult): string {
  const bits = typeof r.route.dst.addr === 'number' ? 32 : 128;
  const dst =
    r.route.dst.len === 0
      ? 'default'
      : formatAddress(r.route.dst.addr) + (r.route.dst.len === bits ? '' : `/${r.route.dst.len}`);
  return [
    r.type === 'unicast' ? '' : `${r.type} `,
    dst,
    r.gateway === undefined ? '' : ` via ${formatAddress(r.gateway)}`,
    r.nexthop?.dev === undefined ? '' : ` dev ${r.nexthop.dev}`,
  ].join('');
}

export interface Routers {
  readonly ip: Router | undefined;
  readonly ip6: Router | undefined;
}

/** Which number of a tunnel a packet came by is not followed: undecided where a rule asks and a tunnel of the node has many. */
export function asksForTunnel({ rules, links }: Pick<World, 'rules' | 'links'>, family: IpFamily): boolean {
  const { [family]: of } = rules;
  if (!of.known || !of.value.some(({ tunId }) => tunId !== undefined && tunId !== 0)) return false;
  return links.known && links.value.some(({ tunnel }) => tunnel?.external === true);
}

/** The routers of a world; undefined per family where routes or rules were not captured. */
export function buildRouters(world: World, links: ReadonlyMap<string, Link>): Routers {
  const one = (family: IpFamily): Router | undefined => {
    const routes = world.routes[family];
    const rules = world.rules[family];
    if (!routes.known || !rules.known || asksForTunnel(world, family)) return undefined;
    return new Router(family, routes.value, rules.value, links);
  };
  return { ip: one('ip'), ip6: one('ip6') };
}
