/** Tables in the shape that kube-proxy writes, with Services of every kind, and packets that ask for them. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabChain, LabStep, LabTable } from './case';
import type { Random } from './random';

interface Place {
  readonly from: string;
  readonly iif: string;
  readonly addresses: readonly string[];
}

interface Network {
  readonly family: 'ip' | 'ip6';
  readonly type: string;
  readonly vips: readonly string[];
  readonly serviceNet: string;
  readonly outsideVips: readonly string[];
  readonly pods: readonly string[];
  readonly podNet: string;
  readonly own: readonly string[];
  readonly places: readonly Place[];
}

const NETWORKS: readonly Network[] = [
  {
    family: 'ip',
    type: 'ipv4_addr',
    vips: ['10.96.0.1', '10.96.0.10', '10.96.5.5', '10.96.7.7'],
    serviceNet: '10.96.0.0/16',
    outsideVips: ['198.51.100.7', '10.0.3.77'],
    pods: ['10.244.0.5', '10.244.1.6', '10.0.2.2', '10.0.2.3', '10.0.3.2', '10.0.2.1', '10.0.2.77'],
    podNet: '10.244.0.0/16',
    own: ['10.0.1.1', '10.0.2.1'],
    places: [
      { from: 'client', iif: 'eth0', addresses: ['10.244.0.5', '10.0.1.2', '10.0.1.3', '10.0.1.130'] },
      { from: 'server', iif: 'eth1', addresses: ['10.244.1.6', '10.0.2.2', '10.0.2.3'] },
      { from: 'server2', iif: 'eth2', addresses: ['10.0.3.2', '10.0.3.3'] },
    ],
  },
  {
    family: 'ip6',
    type: 'ipv6_addr',
    vips: ['fd00:96::1', 'fd00:96::10', 'fd00:96::55', 'fd00:96::77'],
    serviceNet: 'fd00:96::/112',
    outsideVips: ['2001:db8::7', 'fd00:3::77'],
    pods: ['fd00:244::5', 'fd00:244:1::6', 'fd00:2::2', 'fd00:2::3', 'fd00:3::2', 'fd00:2::1', 'fd00:2::77'],
    podNet: 'fd00:244::/32',
    own: ['fd00:1::1', 'fd00:2::1'],
    places: [
      { from: 'client', iif: 'eth0', addresses: ['fd00:244::5', 'fd00:1::2', 'fd00:1::3'] },
      { from: 'server', iif: 'eth1', addresses: ['fd00:244:1::6', 'fd00:2::2', 'fd00:2::3'] },
      { from: 'server2', iif: 'eth2', addresses: ['fd00:3::2', 'fd00:3::3'] },
    ],
  },
];
const SERVICE_PORTS = [53, 80, 443, 8080, 8443];
const TARGET_PORTS = [53, 80, 8080, 8081, 8443];

interface Service {
  readonly name: string;
  readonly vip: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly endpoints: readonly string[];
  readonly target: number;
  readonly nodePort: number | undefined;
  readonly outside: string | undefined;
  readonly affinity: boolean;
  readonly localOnly: boolean;
  readonly sources: readonly string[] | undefined;
}

function services(r: Random, net: Network): readonly Service[] {
  return r.some(net.vips, 1, 4).map((vip, i) => ({
    name: `svc${i}/ns${i}/app/`,
    vip,
    protocol: r.weighted([
      [6, 'tcp' as const],
      [3, 'udp' as const],
      [0.4, 'sctp' as const],
    ]),
    port: r.pick(SERVICE_PORTS),
    endpoints: r.chance(0.2) ? [] : r.some(net.pods, 1, 4),
    target: r.pick(TARGET_PORTS),
    nodePort: r.chance(0.5) ? 30000 + r.int(0, 3) * 111 + i : undefined,
    outside: r.chance(0.35) ? r.pick(net.outsideVips) : undefined,
    affinity: r.chance(0.25),
    localOnly: r.chance(0.25),
    sources: r.chance(0.3)
      ? r.some(
          net.family === 'ip'
            ? ['10.0.1.0/24', '10.0.3.2', '10.244.0.0/16', '0.0.0.0/1']
            : ['fd00:1::/64', 'fd00:3::2', 'fd00:244::/32'],
          1,
          2,
        )
      : undefined,
  }));
}

const element = (key: string, what: string): string => `${key} : ${what}`;
const listed = (elements: readonly string[]): string =>
  elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;

function table(r: Random, net: Network, list: readonly Service[]): LabTable {
  const ip = net.family;
  const mark = r.pick(['0x4000', '0x8000', '0x2']);
  const key = (address: string, s: Service): string => `${address} . ${s.protocol} . ${s.port}`;
  const served = list.filter((s) => s.endpoints.length > 0);
  const isReached = (s: Service): boolean => s.nodePort !== undefined || s.outside !== undefined;
  const way = (s: Service): string => `external-${s.name}`;
  const empty = list.filter((s) => s.endpoints.length === 0);
  const verdict = `type ${net.type} . inet_proto . inet_service : verdict;`;
  const unserved = r.pick(['goto reject-chain', 'drop']);
  const firewalled = served.filter((s) => s.sources !== undefined && s.outside !== undefined);
  const items = [
    `set cluster-ips { type ${net.type};${listed(list.map((s) => s.vip))} }`,
    `set nodeport-ips { type ${net.type};${listed(r.some(net.own, 1, 2))} }`,
    `map no-endpoint-services { ${verdict}${listed(empty.map((s) => element(key(s.vip, s), unserved)))} }`,
    `map no-endpoint-nodeports { type inet_proto . inet_service : verdict;${listed(
      empty.flatMap((s) => (s.nodePort === undefined ? [] : [element(`${s.protocol} . ${s.nodePort}`, unserved)])),
    )} }`,
    `map service-ips { ${verdict}${listed(
      unique(
        served.flatMap((s) => [
          element(key(s.vip, s), `goto service-${s.name}`),
          ...(s.outside === undefined ? [] : [element(key(s.outside, s), `goto ${way(s)}`)]),
        ]),
      ),
    )} }`,
    `map service-nodeports { type inet_proto . inet_service : verdict;${listed(
      unique(
        served.flatMap((s) =>
          s.nodePort === undefined ? [] : [element(`${s.protocol} . ${s.nodePort}`, `goto ${way(s)}`)],
        ),
      ),
    )} }`,
    `map firewall-ips { ${verdict}${listed(
      unique(firewalled.map((s) => element(key(s.outside ?? '', s), `goto firewall-${s.name}`))),
    )} }`,
    ...served
      .filter((s) => s.affinity)
      .flatMap((s) =>
        s.endpoints.map(
          (_, i) => `set affinity-${i}-${s.name} { type ${net.type}; size 65535; flags dynamic,timeout; timeout 3h; }`,
        ),
      ),
  ];
  const base = (name: string, type: string, hook: string, priority: string, rules: LabChain['rules']): LabChain => ({
    name,
    base: `type ${type} hook ${hook} priority ${priority}; policy accept;`,
    rules,
  });
  const chain = (name: string, rules: LabChain['rules']): LabChain => ({ name, base: undefined, rules });
  const fresh = (target: string): readonly string[] => ['ct state new', `jump ${target}`];
  const lookUp = (map: string): readonly string[] => [`${ip} daddr . meta l4proto . th dport vmap @${map}`];
  const chains: LabChain[] = [
    base('filter-prerouting', 'filter', 'prerouting', '-110', [fresh('firewall-check')]),
    base('filter-input', 'filter', 'input', '-110', [
      fresh('nodeport-endpoints-check'),
      fresh('service-endpoints-check'),
    ]),
    base('filter-forward', 'filter', 'forward', '-110', [fresh('service-endpoints-check'), fresh('cluster-ips-check')]),
    base('filter-output', 'filter', 'output', '-110', [fresh('service-endpoints-check'), fresh('firewall-check')]),
    base('filter-output-post-dnat', 'filter', 'output', '-90', [fresh('cluster-ips-check')]),
    base('nat-prerouting', 'nat', 'prerouting', 'dstnat', [['jump services']]),
    base('nat-output', 'nat', 'output', '-100', [['jump services']]),
    base('nat-postrouting', 'nat', 'postrouting', 'srcnat', [['jump masquerading']]),
    chain('services', [
      lookUp('service-ips'),
      [`${ip} daddr @nodeport-ips`, 'meta l4proto . th dport vmap @service-nodeports'],
    ]),
    chain('masquerading', [
      [`meta mark & ${mark} == 0`, 'return'],
      [`meta mark set meta mark ^ ${mark}`],
      [r.chance(0.7) ? 'masquerade fully-random' : 'masquerade'],
    ]),
    chain('mark-for-masquerade', [[`meta mark set meta mark | ${mark}`]]),
    chain('reject-chain', [['reject']]),
    chain('cluster-ips-check', [
      [`${ip} daddr @cluster-ips`, 'reject'],
      [`${ip} daddr { ${net.serviceNet} }`, 'drop'],
    ]),
    chain('service-endpoints-check', [lookUp('no-endpoint-services')]),
    chain('nodeport-endpoints-check', [
      [`${ip} daddr @nodeport-ips`, 'meta l4proto . th dport vmap @no-endpoint-nodeports'],
    ]),
    chain('firewall-check', [lookUp('firewall-ips')]),
    ...served.flatMap((s) => serviceChains(r, net, s)),
    ...served.filter(isReached).map((s) => chain(way(s), outsideRules(r, net, s))),
    ...firewalled.map((s) =>
      chain(`firewall-${s.name}`, [[`${ip} saddr != { ${(s.sources ?? []).join(', ')} }`, 'drop']]),
    ),
  ];
  return { family: ip, name: 'kube-proxy', items, chains };
}

const unique = (elements: readonly string[]): readonly string[] => [
  ...new Map(elements.map((e) => [e.split(' : ')[0], e])).values(),
];

function serviceChains(r: Random, net: Network, s: Service): readonly LabChain[] {
  const ip = net.family;
  const target = (address: string): string => (ip === 'ip' ? `${address}:${s.target}` : `[${address}]:${s.target}`);
  const endpoint = (i: number): string => `endpoint-${i}-${s.name}`;
  return [
    {
      name: `service-${s.name}`,
      base: undefined,
      rules: [
        ...(r.chance(0.6)
          ? [
              [
                `${ip} daddr ${s.vip}`,
                `${s.protocol} dport ${s.port}`,
                `${ip} saddr != ${net.podNet}`,
                'jump mark-for-masquerade',
              ],
            ]
          : []),
        ...(s.affinity
          ? s.endpoints.map((_, i) => [`${ip} saddr @affinity-${i}-${s.name}`, `goto ${endpoint(i)}`])
          : []),
        [
          `numgen random mod ${s.endpoints.length} vmap { ${s.endpoints.map((_, i) => `${i} : goto ${endpoint(i)}`).join(', ')} }`,
        ],
      ],
    },
    ...s.endpoints.map((address, i) => ({
      name: endpoint(i),
      base: undefined,
      rules: [
        [`${ip} saddr ${address}`, 'jump mark-for-masquerade'],
        ...(s.affinity ? [[`update @affinity-${i}-${s.name} { ${ip} saddr }`]] : []),
        [`meta l4proto ${s.protocol}`, `dnat to ${target(address)}`],
      ],
    })),
  ];
}

function outsideRules(r: Random, net: Network, s: Service): LabChain['rules'] {
  if (!s.localOnly) return [['jump mark-for-masquerade'], [`goto service-${s.name}`]];
  const local = s.endpoints.length > 1 && r.chance(0.5) ? 'endpoint-1' : 'endpoint-0';
  return [
    [`${net.family} saddr ${net.podNet}`, `goto service-${s.name}`],
    ['fib saddr type local', 'jump mark-for-masquerade'],
    ['fib saddr type local', `goto service-${s.name}`],
    r.chance(0.8) ? [`goto ${local}-${s.name}`] : ['drop'],
  ];
}

/** One question: to a Service by one of its addresses, or close by. */
function question(r: Random, net: Network, list: readonly Service[]): PacketSpec {
  const s = r.pick(list);
  const local = r.chance(0.2);
  const place = r.pick([...net.places.slice(0, 1), ...net.places]);
  const ways: readonly (readonly [number, { readonly daddr: string; readonly dport: number }])[] = [
    [5, { daddr: s.vip, dport: s.port }],
    [s.nodePort === undefined ? 0 : 3, { daddr: r.pick(net.own), dport: s.nodePort ?? 0 }],
    [s.outside === undefined ? 0 : 3, { daddr: s.outside ?? '', dport: s.port }],
    [1, { daddr: s.vip, dport: 12345 }],
    [0.5, { daddr: net.family === 'ip' ? '10.96.200.200' : 'fd00:96::2222', dport: s.port }],
    [0.7, { daddr: s.endpoints[0] ?? net.pods[1] ?? '', dport: s.target }],
  ];
  return {
    ...(local ? { from: 'local' } : { from: place.from, iif: place.iif }),
    family: net.family,
    saddr: local ? r.pick(net.own) : r.pick(place.addresses),
    ...r.weighted(ways),
    protocol: s.protocol,
    sport: r.pick([1023, 1111, 2222, 33333, 40000]),
    [net.family === 'ip' ? 'ttl' : 'hoplimit']: r.weighted([
      [9, 64],
      [1, 1],
    ]),
    ...(s.protocol === 'tcp' ? { flags: ['syn'] } : { payloadHex: '0102030405' }),
  } as PacketSpec;
}

/** Questions to Services: independent ones, or the packets of several clients that come back. */
export function kubeProxyCase(
  r: Random,
  follow: (first: PacketSpec, at: number) => readonly LabStep[],
  flows: boolean,
): { readonly tables: readonly LabTable[]; readonly steps: readonly LabStep[]; readonly family: 'ip' | 'ip6' } {
  const net = r.pick([...NETWORKS.slice(0, 1), ...NETWORKS]);
  const list = services(r, net);
  const steps: LabStep[] = [];
  const asked: PacketSpec[] = [];
  for (let n = r.int(1, flows ? 3 : 4); n > 0; n--) {
    const before = asked.length > 0 && r.chance(0.4) ? r.pick(asked) : undefined;
    const first =
      before === undefined ? question(r, net, list) : { ...before, sport: r.pick([2223, 2224, before.sport ?? 1]) };
    asked.push(first);
    steps.push({ kind: 'packet', packet: first });
    if (flows || r.chance(0.25)) steps.push(...follow(first, steps.length - 1));
  }
  return { tables: [table(r, net, list)], steps, family: net.family };
}
