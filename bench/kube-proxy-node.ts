/** A node as kube-proxy 1.36 leaves it, with as many Services as asked for: the world of the tracing benchmarks. */
import { formatIpv4 } from '../lib/net/address';
import type { Chain, NftSet, Rule, Ruleset, SetElement, Statement } from '../lib/nft/model';
import type { Known, Link, LinkAddress, PolicyRule, Route, World } from '../lib/world/world';

const ENDPOINTS = 3;
const MARK = 0x4000;
const known = <T>(value: T): Known<T> => ({ known: true, value });
const absent = { known: false, why: 'not part of this benchmark' } as const;

/** Address of Service `i`. */
export const serviceAddress = (i: number): string => formatIpv4(0x0a600000 + 10 + i);
const endpointAddress = (service: number, endpoint: number): string =>
  formatIpv4(0x0a800000 + (((service * ENDPOINTS + endpoint) % 1_000_000) + 2));

const payload = (protocol: string, field: string) => ({ kind: 'payload', protocol, field }) as const;
const meta = (key: string) => ({ kind: 'meta', key }) as const;
const setref = (name: string) => ({ kind: 'setref', name }) as const;
const serviceKey = {
  kind: 'concat',
  parts: [payload('ip', 'daddr'), meta('l4proto'), payload('th', 'dport')],
} as const;
const jump = (target: string): Statement => ({ kind: 'jump', target });
const isNew: Statement = { kind: 'match', op: 'in', left: { kind: 'ct', key: 'state' }, right: 'new' };
const lookup = (map: string): Statement => ({ kind: 'vmap', key: serviceKey, data: setref(map) });

/** The ruleset alone. */
function kubeProxyRuleset(services: number): Ruleset {
  let handle = 1;
  const chains: Chain[] = [];
  const rule = (...statements: Statement[]): Rule => ({ handle: handle++, statements, unlisted: false });
  const base = (name: string, type: string, hook: string, prio: number, ...rules: Rule[]): void => {
    chains.push({ name, handle: handle++, base: { type, hook, prio, policy: 'accept', devices: [] }, rules });
  };
  const chain = (name: string, ...rules: Rule[]): void => {
    chains.push({ name, handle: handle++, rules });
  };
  base('filter-prerouting-pre-dnat', 'filter', 'prerouting', -110, rule(isNew, jump('firewall-check')));
  base('filter-output-pre-dnat', 'filter', 'output', -110, rule(isNew, jump('firewall-check')));
  base('filter-input', 'filter', 'input', 0, rule(isNew, jump('service-endpoints-check')));
  base(
    'filter-forward',
    'filter',
    'forward',
    0,
    rule(isNew, jump('service-endpoints-check')),
    rule(isNew, jump('cluster-ips-check')),
  );
  base('nat-prerouting', 'nat', 'prerouting', -100, rule(jump('services')));
  base('nat-output', 'nat', 'output', -100, rule(jump('services')));
  base('nat-postrouting', 'nat', 'postrouting', 100, rule(jump('masquerading')));
  chain('firewall-check', rule(lookup('firewall-ips')));
  chain('service-endpoints-check', rule(lookup('no-endpoint-services')));
  chain(
    'cluster-ips-check',
    rule(
      { kind: 'match', op: '==', left: payload('ip', 'daddr'), right: setref('cluster-ips') },
      { kind: 'reject', type: 'icmp', expr: 'port-unreachable' },
    ),
  );
  chain(
    'services',
    rule(
      { kind: 'match', op: '==', left: payload('ip', 'daddr'), right: setref('cluster-ips') },
      { kind: 'match', op: '!=', left: payload('ip', 'saddr'), right: { kind: 'prefix', addr: '10.128.0.0', len: 10 } },
      { kind: 'mangle', key: meta('mark'), value: { kind: 'binary', op: '|', operands: [meta('mark'), MARK] } },
    ),
    rule(lookup('service-ips')),
  );
  chain(
    'masquerading',
    rule(
      { kind: 'match', op: '!=', left: { kind: 'binary', op: '&', operands: [meta('mark'), MARK] }, right: 0 },
      { kind: 'mangle', key: meta('mark'), value: { kind: 'binary', op: '^', operands: [meta('mark'), MARK] } },
      { kind: 'masquerade', flags: ['fully-random'], typeFlags: [] },
    ),
  );
  const serviceIps: SetElement[] = [];
  const clusterIps: SetElement[] = [];
  for (let s = 0; s < services; s++) {
    const name = `service-${String(s).padStart(8, '0')}-shop/service-${s}/tcp/http`;
    const elements = Array.from({ length: ENDPOINTS }, (_, e) => ({
      key: e,
      data: { kind: 'concat', parts: [endpointAddress(s, e), 8080] } as const,
    }));
    chain(
      name,
      rule(
        { kind: 'match', op: '==', left: meta('l4proto'), right: 'tcp' },
        {
          kind: 'dnat',
          family: 'ip',
          addr: {
            kind: 'map',
            key: { kind: 'numgen', mode: 'random', mod: ENDPOINTS, offset: 0 },
            data: { kind: 'set', elements },
          },
          flags: [],
          typeFlags: [],
        },
      ),
    );
    clusterIps.push({ key: serviceAddress(s) });
    serviceIps.push({
      key: { kind: 'concat', parts: [serviceAddress(s), 'tcp', 80] },
      data: { kind: 'goto', target: name },
    });
  }
  const keyTypes = ['ipv4_addr', 'inet_proto', 'inet_service'];
  const map = (name: string, elements: readonly SetElement[]): NftSet => ({
    kind: 'map',
    name,
    handle: handle++,
    type: { kind: 'types', names: keyTypes },
    data: { kind: 'verdict' },
    flags: [],
    autoMerge: false,
    statements: [],
    elements,
  });
  const sets: NftSet[] = [
    {
      kind: 'set',
      name: 'cluster-ips',
      handle: handle++,
      type: { kind: 'types', names: ['ipv4_addr'] },
      flags: [],
      autoMerge: false,
      statements: [],
      elements: clusterIps,
    },
    map('service-ips', serviceIps),
    map('firewall-ips', []),
    map('no-endpoint-services', []),
  ];
  return {
    nftVersion: '1.0.6',
    releaseName: undefined,
    tables: [{ family: 'ip', name: 'kube-proxy', handle: 1, flags: [], objects: [], sets, flowtables: [], chains }],
    unsupported: [],
    omissions: [],
  };
}

const address = (local: number, prefixLen: number, scope = 'global'): LinkAddress => ({
  family: 'ip',
  local,
  prefixLen,
  scope,
  secondary: false,
  deprecated: false,
  tentative: false,
});

const link = (index: number, name: string, type: string, addresses: readonly LinkAddress[]): Link => ({
  index,
  name,
  mtu: 1500,
  type,
  kind: undefined,
  mac: type === 'loopback' ? '00:00:00:00:00:00' : `02:00:00:00:00:0${index}`,
  up: true,
  flags: ['UP'],
  group: 'default',
  master: undefined,
  addresses,
});

/** The node: one uplink, one pod, forwarding on. */
export function kubeProxyNode(services: number): World {
  const route = (r: Partial<Route> & Pick<Route, 'dst'>, dev: string): Route => ({
    family: 'ip',
    table: 'main',
    type: 'unicast',
    metric: 0,
    tos: 0,
    scope: undefined,
    protocol: undefined,
    nexthops: [{ dev, weight: 1, dead: false }],
    flags: [],
    ...r,
  });
  const rules: PolicyRule[] = ['local', 'main', 'default'].map((table, i) => ({
    family: 'ip',
    priority: [0, 32766, 32767][i] ?? 0,
    not: false,
    l3mdev: false,
    action: { kind: 'table', table },
  }));
  return {
    ruleset: known(kubeProxyRuleset(services)),
    links: known([
      link(1, 'lo', 'loopback', [address(0x7f000001, 8, 'host')]),
      link(2, 'eth0', 'ether', [address(0x0af0000b, 24)]),
      link(3, 'veth0', 'ether', []),
    ]),
    routes: {
      ip: known([
        route({ dst: { addr: 0, len: 0 } }, 'eth0'),
        route({ dst: { addr: 0x0a800001, len: 32 } }, 'veth0'),
        route({ dst: { addr: 0x0af0000b, len: 32 }, table: 'local', type: 'local' }, 'eth0'),
      ]),
      ip6: known([]),
    },
    rules: { ip: known(rules), ip6: known([]) },
    neighbours: known([]),
    neighboursComplete: false,
    sysctl: known(new Map([['net.ipv4.ip_forward', '1']])),
    conntrack: known([]),
    sockets: known([]),
    iptables: { ip: absent, ip6: absent },
    legacyTables: [],
    legacySave: { known: false, why: 'there is no legacy iptables' },
  };
}
