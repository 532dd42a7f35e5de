/** Cases from a seed: rulesets and packets that lean towards meeting each other. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabCase, LabChain, LabStep, LabTable } from './case';
import { kubeProxyCase } from './kube-proxy';
import { Random } from './random';

const V4 = [
  '10.0.1.1',
  '10.0.1.2',
  '10.0.1.3',
  '10.0.1.130',
  '10.0.2.1',
  '10.0.2.2',
  '10.0.2.3',
  '10.0.2.11',
  '10.0.3.1',
  '10.0.3.2',
  '10.0.3.3',
  '10.0.4.1',
  '10.0.4.2',
  '10.0.4.3',
  '10.244.0.5',
  '10.244.1.6',
  '10.244.2.7',
  '10.96.0.10',
  '10.255.255.1',
  '172.30.0.2',
  '198.51.100.1',
];
const V6 = [
  'fd00:1::1',
  'fd00:1::2',
  'fd00:1::3',
  'fd00:1::8002',
  'fd00:2::1',
  'fd00:2::2',
  'fd00:2::3',
  'fd00:2::11',
  'fd00:3::1',
  'fd00:3::2',
  'fd00:3::3',
  'fd00:4::1',
  'fd00:4::2',
  'fd00:244::5',
  'fd00:244:1::6',
  'fd00:244:2::7',
  'fd00:96::10',
  'fd00:255::1',
  '2001:db8::7',
];
const NET4 = [
  '10.0.0.0/8',
  '10.0.1.0/24',
  '10.0.2.0/24',
  '10.0.1.128/25',
  '10.0.3.0/24',
  '10.244.0.0/16',
  '10.96.0.0/12',
  '172.30.0.0/24',
  '0.0.0.0/1',
  '224.0.0.0/4',
];
const NET6 = [
  'fd00::/16',
  'fd00:1::/64',
  'fd00:2::/64',
  'fd00:1::8000/113',
  'fd00:244::/32',
  'ff00::/8',
  '2001:db8::/32',
  'fd00:3::2/127',
];
const PORTS = [22, 53, 80, 81, 443, 1023, 1024, 1111, 2222, 3000, 5353, 8080, 8081, 8443, 30443, 33333, 40000, 65535];
const MARKS = ['0x0', '0x1', '0x2', '0x10', '0xff', '0x100', '0x4000', '0x8000', '0xdeadbeef'];
const DEVS = ['eth0', 'eth1', 'eth2', 'vip0', 'br0', 'lo'];

type Kind = 'v4' | 'v6' | 'port' | 'proto' | 'mark' | 'ifname' | 'ether';

interface SetInfo {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly dynamic: boolean;
  readonly timeout: boolean;
  /** Undefined for a set. */
  readonly data: 'verdict' | readonly Kind[] | undefined;
}

interface Scope {
  readonly family: string;
  readonly hook: string;
  readonly type: string;
  readonly sets: readonly SetInfo[];
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
  /** Chains that may be jumped to: those declared later. */
  readonly targets: readonly string[];
  readonly v4: boolean;
  readonly v6: boolean;
}

const NFT_TYPE: { readonly [K in Kind]: string } = {
  v4: 'ipv4_addr',
  v6: 'ipv6_addr',
  port: 'inet_service',
  proto: 'inet_proto',
  mark: 'mark',
  ifname: 'ifname',
  ether: 'ether_addr',
};

class Generator {
  private count = 0;
  /** Values of the packets: rules draw on them so that they match now and then. */
  readonly focus: { v4: string[]; v6: string[]; ports: number[] };

  constructor(
    readonly r: Random,
    readonly profile: string,
  ) {
    this.focus = { v4: r.some(V4, 3, 6), v6: r.some(V6, 3, 6), ports: r.some(PORTS, 2, 5) };
  }

  name(prefix: string): string {
    return `${prefix}${++this.count}`;
  }

  v4(): string {
    return this.r.chance(0.75) ? this.r.pick(this.focus.v4) : this.r.pick(V4);
  }

  v6(): string {
    return this.r.chance(0.75) ? this.r.pick(this.focus.v6) : this.r.pick(V6);
  }

  port(): number {
    return this.r.chance(0.75) ? this.r.pick(this.focus.ports) : this.r.pick(PORTS);
  }

  range4(): string {
    const a = this.v4().split('.').map(Number);
    const [x = 10, y = 0, z = 0, w = 0] = a;
    return this.r.chance(0.7)
      ? `${x}.${y}.${z}.${Math.max(0, w - this.r.int(0, 3))}-${x}.${y}.${z}.${Math.min(255, w + this.r.int(1, 120))}`
      : `${x}.${y}.${Math.max(0, z - 1)}.${this.r.int(0, 255)}-${x}.${y}.${z + 1}.${this.r.int(0, 255)}`;
  }

  range6(): string {
    const base = this.r.pick(['fd00:1::', 'fd00:2::', 'fd00:3::', 'fd00:96::', 'fd00:244:1::']);
    return `${base}${this.r.int(0, 3)}-${base}${this.r.int(10, 90)}`;
  }

  portRange(): string {
    const p = this.port();
    return this.r.chance(0.15)
      ? '1024-65535'
      : `${Math.max(0, p - this.r.int(0, 9))}-${Math.min(65535, p + this.r.int(1, 20))}`;
  }

  mark(): string {
    return this.r.pick(MARKS);
  }

  value(kind: Kind, interval: boolean): string {
    const { r } = this;
    switch (kind) {
      case 'v4':
        return !interval
          ? this.v4()
          : r.weighted([
              [4, this.v4()],
              [3, r.pick(NET4)],
              [3, this.range4()],
            ]);
      case 'v6':
        return !interval
          ? this.v6()
          : r.weighted([
              [4, this.v6()],
              [3, r.pick(NET6)],
              [3, this.range6()],
            ]);
      case 'port':
        return !interval
          ? String(this.port())
          : r.weighted([
              [3, String(this.port())],
              [3, this.portRange()],
            ]);
      case 'proto':
        return r.pick(['tcp', 'tcp', 'udp', 'udp', 'icmp', 'ipv6-icmp', 'sctp', 'gre']);
      case 'mark':
        return !interval
          ? this.mark()
          : r.weighted([
              [3, this.mark()],
              [1, '0x2-0xfe'],
              [1, '0x1000-0xffff'],
            ]);
      case 'ifname':
        return `"${r.pick(DEVS)}"`;
      case 'ether':
        return r.pick(['02:00:00:00:01:02', '02:00:00:00:02:02', '02:00:00:00:01:01', 'ff:ff:ff:ff:ff:ff']);
    }
  }

  /** An expression that gives a value of a kind here; undefined where there is none. */
  key(kind: Kind, s: Scope): string | undefined {
    const { r } = this;
    switch (kind) {
      case 'v4':
        if (!s.v4) return undefined;
        if (s.family === 'arp') return r.pick(['arp saddr ip', 'arp daddr ip']);
        if (!['netdev', 'bridge', 'arp'].includes(s.family) && s.hook !== 'ingress' && r.chance(0.12))
          return r.pick(['ct original ip saddr', 'ct original ip daddr', 'ct reply ip saddr', 'ct reply ip daddr']);
        if (
          s.hook !== 'prerouting' &&
          ['ip', 'inet'].includes(s.family) &&
          ['output', 'postrouting'].includes(s.hook) &&
          r.chance(0.06)
        )
          return 'rt ip nexthop';
        return r.pick(['ip saddr', 'ip daddr']);
      case 'v6':
        if (!s.v6) return undefined;
        if (!['netdev', 'bridge', 'arp'].includes(s.family) && s.hook !== 'ingress' && r.chance(0.12))
          return r.pick(['ct original ip6 saddr', 'ct original ip6 daddr', 'ct reply ip6 saddr', 'ct reply ip6 daddr']);
        return r.pick(['ip6 saddr', 'ip6 daddr']);
      case 'port':
        if (s.family === 'arp') return undefined;
        return r.pick(['tcp dport', 'tcp sport', 'udp dport', 'udp sport', 'th dport', 'th sport']);
      case 'proto':
        return s.family === 'arp' ? undefined : s.family === 'ip' && r.chance(0.3) ? 'ip protocol' : 'meta l4proto';
      case 'mark':
        return ['netdev', 'bridge', 'arp'].includes(s.family) || s.hook === 'ingress'
          ? 'meta mark'
          : r.pick(['meta mark', 'meta mark', 'ct mark']);
      case 'ifname':
        return s.hook === 'ingress' || s.hook === 'input'
          ? 'iifname'
          : s.hook === 'egress'
            ? 'oifname'
            : r.pick(['iifname', 'oifname']);
      case 'ether':
        return s.family === 'arp' ? 'arp saddr ether' : r.pick(['ether saddr', 'ether daddr']);
    }
  }

  /** Keys for a concatenation. Ports after protocols read `th`. */
  keys(kinds: readonly Kind[], s: Scope): string | undefined {
    const parts: string[] = [];
    for (const k of kinds) {
      const key = this.key(k, s);
      if (key === undefined) return undefined;
      parts.push(kinds.includes('proto') && k === 'port' ? key.replace(/^(tcp|udp)/, 'th') : key);
    }
    return parts.join(' . ');
  }

  kinds(s: { readonly v4: boolean; readonly v6: boolean; readonly family: string }): Kind[] {
    const { r } = this;
    if (s.family === 'arp') return r.pick<Kind[]>([['v4'], ['ether'], ['ifname']]);
    const addr: Kind = s.v4 && (!s.v6 || r.chance(0.6)) ? 'v4' : 'v6';
    return r.weighted<Kind[]>([
      [5, [addr]],
      [4, ['port']],
      [2, ['proto']],
      [2, ['mark']],
      [2, ['ifname']],
      [1, ['ether']],
      [3, [addr, 'port']],
      [3, [addr, 'proto', 'port']],
      [2, ['proto', 'port']],
      [1, [addr, addr]],
      [1, ['ifname', addr]],
      [1, ['mark', 'port']],
      [1, [addr, addr, 'proto', 'port']],
    ]);
  }

  verdict(s: { readonly targets: readonly string[] }, terminal = true): string {
    const { r } = this;
    const t =
      s.targets.length > 0
        ? [`jump ${r.pick(s.targets)}`, `goto ${r.pick(s.targets)}`, `jump ${r.pick(s.targets)}`]
        : [];
    return r.pick([...t, ...t, 'accept', 'continue', 'return', ...(terminal && r.chance(0.5) ? ['drop'] : [])]);
  }

  elements(
    kinds: readonly Kind[],
    interval: boolean,
    data: (() => string) | undefined,
    low: number,
    high: number,
  ): string {
    const seen = new Set<string>();
    const list: string[] = [];
    for (let i = this.r.int(low, high); i > 0; i--) {
      const key = kinds.map((k) => this.value(k, interval && k !== 'proto' && k !== 'ifname')).join(' . ');
      if (seen.has(key)) continue;
      seen.add(key);
      list.push(data === undefined ? key : `${key} : ${data()}`);
    }
    return list.join(', ');
  }

  set(s: Scope): { info: SetInfo; text: string } {
    const { r } = this;
    const kinds = this.kinds(s);
    const type = `type ${kinds.map((k) => NFT_TYPE[k]).join(' . ')}`;
    const what = r.weighted([
      [5, 'plain'],
      [4, 'interval'],
      [4, 'dynamic'],
      [3, 'vmap'],
      [2, 'vmapinterval'],
      [3, 'map'],
      [2, 'mapinterval'],
    ]);
    const interval = what.includes('interval') && kinds.some((k) => k !== 'proto' && k !== 'ether');
    const catchAll = (data: string): string => (r.chance(0.15) && kinds.length === 1 ? `, * ${data}` : '');
    if (what === 'dynamic') {
      const name = this.name('s');
      const timeout = r.chance(0.6);
      const size = r.chance(0.25) ? r.int(1, 2) : 65535;
      const elements = r.chance(0.5)
        ? ` elements = { ${this.elements(kinds, false, undefined, 1, size < 5 ? 1 : 2)} };`
        : '';
      const statement = r.chance(0.15) ? ` counter;` : '';
      return {
        info: { name, kinds, dynamic: true, timeout, data: undefined },
        text: `set ${name} { ${type}; size ${size}; flags dynamic${timeout ? ',timeout; timeout 1h' : ''};${statement}${elements} }`,
      };
    }
    const flags = interval ? ` flags interval;${r.chance(0.5) && kinds.length === 1 ? ' auto-merge;' : ''}` : '';
    if (what === 'plain' || what === 'interval') {
      const name = this.name('s');
      const counter = r.chance(0.1) ? ' counter;' : '';
      return {
        info: { name, kinds, dynamic: false, timeout: false, data: undefined },
        text: `set ${name} { ${type};${flags}${counter} elements = { ${this.elements(kinds, interval, undefined, 1, 6)}${catchAll('')} }; }`,
      };
    }
    const name = this.name('m');
    const mapFlags = interval ? ' flags interval;' : '';
    if (what.startsWith('vmap')) {
      const data = (): string => this.verdict(s);
      return {
        info: { name, kinds, dynamic: false, timeout: false, data: 'verdict' },
        text: `map ${name} { ${type} : verdict;${mapFlags} elements = { ${this.elements(kinds, interval, data, 1, 6)}${catchAll(`: ${data()}`)} }; }`,
      };
    }
    const addr: Kind = s.v4 && (!s.v6 || r.chance(0.6)) ? 'v4' : 'v6';
    const dk: Kind[] = r.weighted<Kind[]>([
      [3, ['mark']],
      [3, [addr]],
      [2, [addr, 'port']],
      [2, ['port']],
    ]);
    const data = (): string => dk.map((k) => this.value(k, false)).join(' . ');
    return {
      info: { name, kinds, dynamic: false, timeout: false, data: dk },
      text: `map ${name} { ${type} : ${dk.map((k) => NFT_TYPE[k]).join(' . ')};${mapFlags} elements = { ${this.elements(kinds, interval, data, 1, 6)}${catchAll(`: ${data()}`)} }; }`,
    };
  }

  object(): { kind: string; name: string; text: string } {
    const { r } = this;
    const name = this.name('o');
    const kind = r.weighted([
      [3, 'counter'],
      [2, 'quota'],
      [2, 'limit'],
    ]);
    const text =
      kind === 'counter'
        ? `counter ${name} { packets 0 bytes 0 }`
        : kind === 'quota'
          ? `quota ${name} { ${r.pick(['over', 'until'])} ${r.pick([10, 40, 100, 200])} bytes }`
          : `limit ${name} { rate ${r.chance(0.2) ? 'over ' : ''}${r.int(1, 3)}/${r.pick(['hour', 'day'])} burst ${r.int(1, 3)} packets }`;
    return { kind, name, text };
  }

  /** One match. */
  match(s: Scope): string {
    const { r } = this;
    const ipHook = ['ip', 'ip6', 'inet'].includes(s.family) && s.hook !== 'ingress';
    const set = s.sets.filter((x) => x.data === undefined);
    if (set.length > 0 && r.chance(0.2)) {
      const chosen = r.pick(set);
      const keys = this.keys(chosen.kinds, s);
      if (keys !== undefined) return `${keys} ${r.chance(0.2) ? '!= ' : ''}@${chosen.name}`;
    }
    if (r.chance(0.22)) {
      const kinds = this.kinds(s);
      const keys = this.keys(kinds, s);
      if (keys !== undefined) {
        const interval = r.chance(0.5);
        const single = kinds.length === 1 && r.chance(0.5);
        const v = single
          ? kinds.map((k) => this.value(k, interval && k !== 'proto' && k !== 'ifname')).join(' . ')
          : `{ ${this.elements(kinds, interval, undefined, 1, 4)} }`;
        const op = r.weighted([
          [6, ''],
          [2, '!= '],
          [1, single && kinds[0] === 'port' && !v.includes('-') ? r.pick(['> ', '< ', '>= ', '<= ']) : ''],
        ]);
        return `${keys} ${op}${v}`;
      }
    }
    const no = (): string => (r.chance(0.25) ? '!= ' : '');
    const cmp = (): string => r.pick(['', '!= ', '> ', '< ', '>= ', '<= ']);
    const arp: (() => string)[] = [
      () => `arp operation ${no()}${r.pick(['request', 'reply'])}`,
      () => `arp htype ${no()}1`,
      () => `arp ptype ${no()}ip`,
      () => `arp saddr ip ${no()}${this.value('v4', true)}`,
      () => `arp daddr ip ${no()}${this.value('v4', true)}`,
      () => `iifname ${no()}"${r.pick(DEVS)}"`,
      () => `arp plen 4`,
    ];
    if (s.family === 'arp') return r.pick(arp)();
    const any: (() => string)[] = [
      () => `meta l4proto ${no()}${r.pick(['tcp', 'udp', 'icmp', 'ipv6-icmp', '{ tcp, udp }', '44', '253'])}`,
      () => `meta length ${cmp()}${r.pick([20, 28, 40, 41, 48, 60, 68, 100, 1000])}`,
      () => `meta length ${r.pick(['20-50', '28-60', '61-1500'])}`,
      () => `meta protocol ${no()}${r.pick(['ip', 'ip6', 'arp'])}`,
      () => `meta pkttype ${no()}${r.pick(['host', 'broadcast', 'multicast', 'other', '{ host, broadcast }'])}`,
      () => `meta mark ${no()}${this.mark()}`,
      () =>
        `meta mark & ${r.pick(['0xff', '0x4000', '0xff00'])} ${r.pick(['==', '!='])} ${r.pick(['0x0', '0x1', '0x4000'])}`,
      () => `meta mark ${r.pick(['0x1-0xff', '0x0-0x2', '>= 0x100', '< 0x10'])}`,
      () => `meta priority ${r.pick(['0', '!= 0', '1:2', '0:10'])}`,
      () => `meta iif ${no()}"${r.pick(DEVS)}"`,
      () => `meta oif ${no()}"${r.pick(DEVS)}"`,
      () =>
        `iifname ${no()}${r.pick(['"eth*"', '"br*"', '"eth0"', '"eth1"', '"lo"', '"vip0"', '{ "eth0", "eth1" }', '"e*"'])}`,
      () => `oifname ${no()}${r.pick(['"eth*"', '"br*"', '"eth0"', '"eth1"', '"lo"', '"vip0"', '{ "eth1", "eth2" }'])}`,
      () => `meta iiftype ${no()}${r.pick(['ether', 'loopback'])}`,
      () => `meta oiftype ${no()}${r.pick(['ether', 'loopback'])}`,
      () => `iifgroup ${no()}${r.pick(['0', 'default', '1'])}`,
      () => `oifgroup ${no()}${r.pick(['0', '1'])}`,
      () => `tcp dport ${no()}${this.value('port', true)}`,
      () => `tcp sport ${cmp()}${this.port()}`,
      () => `udp dport ${no()}${this.value('port', true)}`,
      () => `udp sport ${cmp()}${this.port()}`,
      () => `udp length ${cmp()}${r.pick([8, 9, 28, 100, 508])}`,
      () => `udp checksum ${no()}0`,
      () => `th dport ${no()}${this.value('port', true)}`,
      () =>
        `tcp dport & ${r.pick(['0xff', '0x1', '0xfff0'])} ${r.pick(['==', '!='])} ${r.pick(['0x50', '0x1', '0x16', '0xbb', '0x1f90'])}`,
      () =>
        `tcp flags ${r.pick(['syn', '== syn', '!= syn', 'ack', 'syn,ack', 'fin,rst', '! fin,rst', '& (syn|ack) == syn', '& (syn|ack) != 0', 'syn / fin,syn,rst,ack', '& (fin|syn|rst|ack) == syn | ack', '{ syn, ack }', '== 0x0', '& rst == 0', '! syn', '(syn|ack)', '& (ecn|cwr) == 0x0'])}`,
      () => `tcp window ${cmp()}${r.pick([0, 1000, 64240])}`,
      () => `tcp sequence ${cmp()}${r.pick([1000, 1001, 7000])}`,
      () => `tcp ackseq ${cmp()}${r.pick([0, 1001, 7001, 5000])}`,
      () => `tcp doff ${cmp()}${r.pick([5, 6, 10])}`,
      () => `tcp urgptr ${cmp()}0`,
      () =>
        `tcp option ${r.pick(['maxseg', 'sack-perm', 'timestamp', 'window', 'sack', 'eol', 'nop'])} ${r.pick(['exists', 'missing'])}`,
      () => `tcp option maxseg size ${cmp()}${r.pick([1000, 1460, 536])}`,
      () => `tcp option window count ${cmp()}${r.pick([3, 7])}`,
      () => `tcp option timestamp ${r.pick(['tsval', 'tsecr'])} ${cmp()}1`,
      () =>
        `@th,${r.pick(['0,16', '16,16', '0,32', '32,8', '104,8', '100,4', '107,3'])} ${no()}${r.pick([0, 80, 443, 2, 18, 0x50])}`,
      () => `ether ${r.pick(['saddr', 'daddr'])} ${no()}${this.value('ether', false)}`,
      () => `ether type ${no()}${r.pick(['ip', 'ip6'])}`,
      () => `@ll,${r.pick(['0,48', '48,48'])} ${r.pick(['0x020000000101', '0x020000000102', '!= 0x020000000202'])}`,
      () => `sctp dport ${no()}${this.port()}`,
      () => `meta cpu >= 0`,
      () => `dccp dport ${no()}${this.port()}`,
    ];
    if (s.family === 'bridge')
      any.push(
        () => `meta ibrname ${no()}"br0"`,
        () => `meta obrname ${no()}"br0"`,
      );
    const four: (() => string)[] = [
      () => `ip saddr ${no()}${this.value('v4', true)}`,
      () => `ip daddr ${no()}${this.value('v4', true)}`,
      () =>
        `ip saddr & ${r.pick(['255.255.255.0', '0.0.0.255', '255.0.0.1'])} ${r.pick(['==', '!='])} ${r.pick(['10.0.1.0', '0.0.0.2', '10.0.0.0', '10.0.0.1'])}`,
      () => `ip protocol ${no()}${r.pick(['tcp', 'udp', 'icmp', '{ tcp, icmp }'])}`,
      () => `ip ttl ${cmp()}${r.pick([1, 2, 63, 64, 128])}`,
      () => `ip ttl ${r.pick(['1-63', '64-255', '{ 64, 63 }'])}`,
      () => `ip dscp ${no()}${r.pick(['ef', 'cs0', 'af11', 'cs1', '{ af11, cs3 }', '0x3f'])}`,
      () => `ip ecn ${no()}${r.pick(['ce', 'ect0', 'ect1', 'not-ect'])}`,
      () => `ip length ${cmp()}${r.pick([28, 40, 48, 60])}`,
      () => `ip id ${cmp()}${r.pick([0x1234, 0])}`,
      () =>
        `ip frag-off ${r.pick(['& 0x1fff == 0', '& 0x1fff != 0', '& 0x4000 == 0x4000', '& 0x2000 == 0x2000', '0x4000', '!= 0'])}`,
      () => `ip hdrlength ${cmp()}${r.pick([5, 6, 7])}`,
      () => `ip version 4`,
      () =>
        `icmp type ${no()}${r.pick(['echo-request', 'echo-reply', 'destination-unreachable', 'time-exceeded', '{ echo-request, echo-reply }', 'timestamp-request', '8'])}`,
      () => `icmp code ${no()}${r.pick(['0', '3', 'port-unreachable'])}`,
      () => `icmp id ${cmp()}${r.pick([1, 4096])}`,
      () => `icmp sequence ${cmp()}1`,
      () => `icmp mtu ${cmp()}${r.pick([0, 1280])}`,
      () => `@nh,${r.pick(['96,32', '128,32'])} ${no()}0x0a00010${r.int(1, 3)}`,
      () => `@nh,${r.pick(['72,8', '64,8', '0,4', '8,6'])} ${no()}${r.pick([6, 17, 64, 4, 46])}`,
      () => `ip option ${r.pick(['rr', 'lsrr', 'ssrr', 'ra'])} ${r.pick(['exists', 'missing'])}`,
      () => `ip option ra value ${no()}0`,
      () => `ip option rr ptr ${cmp()}4`,
      () => `ip checksum ${cmp()}1000`,
    ];
    const six: (() => string)[] = [
      () => `ip6 saddr ${no()}${this.value('v6', true)}`,
      () => `ip6 daddr ${no()}${this.value('v6', true)}`,
      () => `ip6 saddr & ffff:ffff:ffff:ffff:: ${r.pick(['==', '!='])} ${r.pick(['fd00:1::', 'fd00:2::'])}`,
      () => `ip6 hoplimit ${cmp()}${r.pick([1, 2, 63, 64, 255])}`,
      () => `ip6 nexthdr ${no()}${r.pick(['tcp', 'udp', 'ipv6-icmp', '{ 0, 44, 60, udp }', '44', '60', '0', '43'])}`,
      () => `ip6 length ${cmp()}${r.pick([8, 20, 28, 40])}`,
      () => `ip6 dscp ${no()}${r.pick(['ef', 'cs0', 'af11', 'cs1'])}`,
      () => `ip6 ecn ${no()}${r.pick(['ce', 'ect0', 'not-ect'])}`,
      () => `ip6 flowlabel ${cmp()}${r.pick([0, 0x12345])}`,
      () =>
        `icmpv6 type ${no()}${r.pick(['echo-request', 'echo-reply', 'destination-unreachable', 'packet-too-big', 'nd-neighbor-solicit', '{ echo-request, 1, 3 }'])}`,
      () => `icmpv6 code ${cmp()}${r.pick([0, 4])}`,
      () => `icmpv6 id ${cmp()}${r.pick([1, 4096])}`,
      () => `icmpv6 mtu ${cmp()}1280`,
      () => `exthdr ${r.pick(['frag', 'hbh', 'rt', 'dst', 'mh'])} ${r.pick(['exists', 'missing'])}`,
      () =>
        `frag ${r.pick(['frag-off 0', 'frag-off != 0', 'more-fragments 1', 'more-fragments 0', 'nexthdr udp', 'nexthdr != tcp', 'id > 0'])}`,
      () => `hbh ${r.pick(['nexthdr tcp', 'hdrlength 0', 'hdrlength > 0', 'nexthdr != 60'])}`,
      () => `dst ${r.pick(['nexthdr tcp', 'nexthdr udp', 'hdrlength 0', 'hdrlength != 0'])}`,
      () => `rt ${r.pick(['type 0', 'type != 0', 'nexthdr tcp', 'seg-left 0', 'hdrlength > 0'])}`,
      () => `@nh,${r.pick(['48,8', '56,8', '4,8'])} ${no()}${r.pick([6, 17, 64, 58])}`,
    ];
    const ct: (() => string)[] = [
      () =>
        `ct state ${no()}${r.pick(['new', 'established', 'related', 'invalid', 'untracked', 'new,established', 'established,related', '{ new, untracked }', 'invalid,new'])}`,
      () => `ct direction ${no()}${r.pick(['original', 'reply'])}`,
      () =>
        `ct status ${no()}${r.pick(['dnat', 'snat', 'seen-reply', 'assured', 'confirmed', 'snat,dnat', 'dnat,seen-reply', '0'])}`,
      () => `ct mark ${no()}${this.mark()}`,
      () => `ct mark & 0xff ${r.pick(['==', '!='])} 0x${r.int(0, 2)}`,
      () => `ct zone ${cmp()}${r.int(0, 1)}`,
      () => `ct l3proto ${no()}${r.pick(['ipv4', 'ipv6'])}`,
      () => `ct protocol ${no()}${r.pick(['tcp', 'udp'])}`,
      () =>
        `meta l4proto ${r.pick(['tcp', 'udp'])} ct ${r.pick(['original', 'reply'])} ${r.pick(['proto-dst', 'proto-src'])} ${no()}${this.value('port', true)}`,
      () =>
        `ct ${r.pick(['original ', 'reply ', ''])}${r.pick(['packets', 'bytes', 'avgpkt'])} ${cmp()}${r.pick([0, 1, 40])}`,
      () => `ct expiration ${r.pick(['> 1s', '< 1h', '> 1d'])}`,
      () => `ct helper ${no()}"ftp"`,
      () => `ct label ${no()}${r.int(0, 3)}`,
      () => `ct event ${no()}new`,
    ];
    const fibMatches: (() => string)[] = [
      () =>
        `fib ${r.pick(['daddr', 'saddr'])} type ${no()}${r.pick(['local', 'unicast', 'broadcast', 'multicast', '{ local, broadcast }', 'unreachable', 'anycast'])}`,
      () =>
        `fib ${r.pick(['daddr', 'saddr'])} . ${['prerouting', 'input', 'forward'].includes(s.hook) ? 'iif' : 'oif'} type ${no()}${r.pick(['local', 'unicast', 'broadcast'])}`,
      () => `fib ${r.pick(['daddr', 'saddr'])} . mark type ${no()}${r.pick(['local', 'unicast'])}`,
      ...(['prerouting', 'input', 'forward'].includes(s.hook)
        ? [
            () =>
              `fib ${r.pick(['saddr . iif', 'saddr', 'daddr', 'saddr . mark . iif', 'daddr . mark'])} oif ${r.pick(['missing', 'exists', '"eth0"', '!= "eth1"', '0', '!= 0', '"lo"'])}`,
            () =>
              `fib ${r.pick(['saddr . iif', 'saddr', 'daddr'])} oifname ${no()}${r.pick(['"eth0"', '"eth1"', '"lo"', '"eth*"'])}`,
          ]
        : []),
    ];
    const late: (() => string)[] = [
      () => `rt ${r.pick(['mtu', 'classid'])} ${cmp()}${r.pick([0, 40, 1460])}`,
      ...(s.v4 ? [() => `rt ${s.family === 'inet' ? 'ip ' : ''}nexthop ${no()}${this.value('v4', true)}`] : []),
      ...(s.v6 ? [() => `rt ${s.family === 'inet' ? 'ip6 ' : ''}nexthop ${no()}${this.value('v6', true)}`] : []),
      () => `rt ipsec missing`,
    ];
    const sock: (() => string)[] = [
      () => `meta skuid ${cmp()}${r.pick([0, 1000, 65534])}`,
      () => `meta skgid ${no()}${r.pick([0, 1000])}`,
    ];
    const lookups: (() => string)[] = [
      () => `socket ${r.pick(['transparent 0', 'transparent 1', 'wildcard 0', 'wildcard 1', 'mark 0'])}`,
    ];
    const chance: (() => string)[] = [
      () => `numgen inc mod ${r.int(2, 4)} ${no()}${r.int(0, 2)}`,
      () =>
        `limit rate ${r.chance(0.25) ? 'over ' : ''}${r.int(1, 3)}/${r.pick(['hour', 'day', 'week'])}${r.chance(0.6) ? ` burst ${r.int(1, 3)} packets` : ''}`,
      () =>
        `limit rate ${r.chance(0.25) ? 'over ' : ''}${r.pick([10, 50, 100])} bytes/hour${r.chance(0.6) ? ` burst ${r.pick([20, 50, 60])} bytes` : ''}`,
      () => `quota ${r.pick(['over', 'until'])} ${r.pick([30, 60, 100, 200])} bytes`,
      () => {
        const key = this.keys(this.kinds(s), s) ?? 'meta l4proto';
        return `jhash ${key} mod ${r.pick([2, 4, 16])} seed 0x${r.int(1, 0xffff).toString(16)}${r.chance(0.2) ? ' offset 1' : ''} ${cmp()}${r.int(0, 3)}`;
      },
      ...(ipHook ? [() => `ct count ${r.chance(0.4) ? 'over ' : ''}${r.int(1, 2)}`] : []),
    ];
    return this.from([
      [6, any],
      [s.v4 ? 4 : 0, four],
      [s.v6 ? 4 : 0, six],
      [ipHook ? 4 : 0, ct],
      [ipHook ? 2 : 0, fibMatches],
      [['output', 'postrouting'].includes(s.hook) && ipHook ? 1.2 : 0, late],
      [['output', 'postrouting'].includes(s.hook) && ipHook ? 1.2 : 0, sock],
      [['prerouting', 'input'].includes(s.hook) && ipHook ? 0.5 : 0, lookups],
      [1.6, chance],
    ]);
  }

  private from(groups: readonly (readonly [number, readonly (() => string)[]])[]): string {
    return this.r.pick(this.r.weighted(groups))();
  }

  nat(s: Scope): string {
    const { r } = this;
    const dst = ['prerouting', 'output'].includes(s.hook);
    const four = s.v4 && (!s.v6 || r.chance(0.6));
    const fam = s.family === 'inet' ? (four ? 'ip ' : 'ip6 ') : '';
    const addr = four ? this.v4() : this.v6();
    const wrapped = four ? addr : `[${addr}]`;
    const l4 = r.pick([
      'meta l4proto tcp ',
      'meta l4proto udp ',
      'meta l4proto { tcp, udp } ',
      `tcp dport ${this.port()} `,
      `udp dport ${this.port()} `,
    ]);
    const flags = r.chance(0.2) ? ` ${r.pick(['persistent', 'random', 'fully-random'])}` : '';
    const data = s.sets.filter(
      (x) => x.data !== undefined && x.data !== 'verdict' && x.data[0] === (four ? 'v4' : 'v6'),
    );
    const verb = dst ? 'dnat' : 'snat';
    const range = four
      ? r.pick(['10.0.2.100-10.0.2.107', '10.0.3.2-10.0.3.5', '10.0.1.2-10.0.1.5'])
      : r.pick(['fd00:2::100-fd00:2::107', 'fd00:3::2-fd00:3::5']);
    const range2 = four ? range : `[${range.replace('-', ']-[')}]`;
    const options: (() => string)[] = [
      () => `${verb} ${fam}to ${addr}${flags}`,
      () => `${verb} ${fam}to ${addr}`,
      () => `${l4}${verb} ${fam}to ${wrapped}:${this.port()}${flags}`,
      () => `${l4}${verb} ${fam}to ${wrapped}:${this.port()}`,
      () => `${verb} ${fam}to ${range}${flags}`,
      () => `${l4}${verb} ${fam}to ${range2}:${this.port()}`,
      () => `${l4}${verb} ${fam}to ${wrapped}:${this.portRange()}${flags}`,
      () => `${l4}${verb} to :${this.port()}`,
      () => `${verb} ${fam}to numgen inc mod 2 map { 0 : ${addr}, 1 : ${four ? this.v4() : this.v6()} }`,
      () =>
        `${verb} ${fam}prefix to ${four ? 'ip saddr map { 10.0.1.0/24 : 10.0.3.0/24 }' : 'ip6 saddr map { fd00:1::/64 : fd00:3::/64 }'}`,
      () => `${verb} ${fam}prefix to ${four ? '10.0.3.0/25' : 'fd00:3::/112'}`,
    ];
    if (data.length > 0) {
      const m = r.pick(data);
      const keys = this.keys(m.kinds, s);
      if (keys !== undefined) {
        const port = m.data !== undefined && m.data.length > 1;
        options.push(
          ...Array.from(
            { length: 5 },
            () => () =>
              port
                ? `${l4}${verb} ${fam}addr . port to ${keys} map @${m.name}`.replace(`${fam}addr`, `${fam}addr`)
                : `${verb} ${fam}to ${keys} map @${m.name}`,
          ),
        );
      }
    }
    if (dst) {
      options.push(
        () => 'redirect',
        () => `${l4}redirect to :${this.port()}`,
        () => `${l4}redirect to :${this.portRange()}`,
      );
    } else if (s.hook === 'postrouting') {
      const masquerades = [
        () => 'masquerade',
        () => 'masquerade',
        () => `${l4}masquerade to :${this.portRange()}`,
        () => `masquerade ${r.pick(['random', 'persistent', 'fully-random'])}`,
      ];
      options.push(...masquerades, ...masquerades);
    }
    return r.pick(options)();
  }

  /** One statement that is no verdict. */
  statement(s: Scope): string {
    const { r } = this;
    const ipHook = ['ip', 'ip6', 'inet'].includes(s.family) && s.hook !== 'ingress';
    const dynamic = s.sets.filter((x) => x.dynamic);
    if (dynamic.length > 0 && r.chance(0.3)) {
      const set = r.pick(dynamic);
      const keys = this.keys(set.kinds, s);
      if (keys !== undefined) {
        const verb = r.pick(['add', 'update', 'add', 'update', 'delete']);
        const extra =
          verb === 'delete'
            ? ''
            : r.weighted([
                [6, ''],
                [2, ' counter'],
                [1, ` limit rate ${r.chance(0.5) ? 'over ' : ''}1/hour burst ${r.int(1, 2)} packets`],
                [1, ` quota ${r.pick(['over', 'until'])} ${r.pick([40, 100])} bytes`],
                [ipHook ? 1 : 0, ` ct count ${r.chance(0.5) ? 'over ' : ''}1`],
                [set.timeout ? 2 : 0, ' timeout 2h'],
              ]);
        return `${verb} @${set.name} { ${keys}${extra} }`;
      }
    }
    if (s.objects.length > 0 && r.chance(0.3)) {
      const o = r.pick(s.objects);
      return `${o.kind} name "${o.name}"`;
    }
    const maps = s.sets.filter((x) => x.data !== undefined && x.data !== 'verdict' && x.data.join() === 'mark');
    const any: (() => string)[] = [
      () => 'counter',
      () => 'counter',
      () => `meta mark set ${this.mark()}`,
      () =>
        `meta mark set meta mark ${r.pick(['or', 'and', 'xor'])} ${r.pick(['0x1', '0xff', '0x4000', '0xffffff00'])}`,
      () => `meta mark set meta mark ${r.pick(['<< 1', '>> 1', '<< 4', '>> 8', '& 0xff00 | 0x1', '& 0xff ^ 0x3'])}`,
      () => `meta priority set ${r.pick(['0x10', '1:2', '0:10'])}`,
      () => `log prefix "x "`,
      () => 'continue',
      () => `meta mark set numgen inc mod ${r.int(2, 4)}${r.chance(0.4) ? ' offset 16' : ''}`,
      () => `meta mark set jhash ${this.keys(this.kinds(s), s) ?? 'meta l4proto'} mod 256 seed 0x${r.int(1, 99)}`,
      () => `meta mark set ${this.keys(['port'], s) ?? 'meta mark'} map { ${this.port()} : 0x1, 1024-65535 : 0x2 }`,
      () => `meta pkttype set ${r.pick(['host', 'broadcast', 'multicast'])}`,
    ];
    if (maps.length > 0) {
      const m = r.pick(maps);
      const keys = this.keys(m.kinds, s);
      if (keys !== undefined)
        any.push(...Array.from({ length: 4 }, () => () => `meta mark set ${keys} map @${m.name}`));
    }
    const ip: (() => string)[] = [
      () => `ct mark set ${this.mark()}`,
      () => 'ct mark set meta mark',
      () => 'meta mark set ct mark',
      () => `ct mark set ct mark ${r.pick(['or', 'xor', 'and'])} 0x${r.pick(['1', '10', 'ff'])}`,
      () => `ct label set ${r.int(0, 3)}`,
      () => `ct event set ${r.pick(['new', 'new,destroy'])}`,
      () => (s.hook === 'prerouting' || s.hook === 'output' ? 'notrack' : 'counter'),
      () => (s.hook === 'prerouting' || s.hook === 'output' ? `ct zone set ${r.int(1, 2)}` : 'counter'),
      () => (s.hook === 'prerouting' ? `ct ${r.pick(['original ', 'reply '])}zone set 1` : 'counter'),
    ];
    const mangle4: (() => string)[] = [
      () => `ip dscp set ${r.pick(['ef', 'af11', 'cs0'])}`,
      () => `ip ttl set ${r.pick([1, 2, 33, 64])}`,
      () => `ip ecn set ${r.pick(['ce', 'ect0', 'not-ect'])}`,
      () => `ip id set ${r.pick([0, 7])}`,
      () => `ip ${r.pick(['saddr', 'daddr'])} set ${this.v4()}`,
      () => `@nh,8,8 set ${r.pick([0, 4, 184])}`,
    ];
    const mangle6: (() => string)[] = [
      () => `ip6 dscp set ${r.pick(['ef', 'af11', 'cs0'])}`,
      () => `ip6 hoplimit set ${r.pick([1, 2, 33, 64])}`,
      () => `ip6 ${r.pick(['saddr', 'daddr'])} set ${this.v6()}`,
      () => `ip6 flowlabel set ${r.pick([0, 5])}`,
      () => `ip6 ecn set ${r.pick(['ce', 'ect0'])}`,
    ];
    const mangleT: (() => string)[] = [
      () => `tcp ${r.pick(['dport', 'sport'])} set ${this.port()}`,
      () => `udp ${r.pick(['dport', 'sport'])} set ${this.port()}`,
      () => `th ${r.pick(['dport', 'sport'])} set ${this.port()}`,
      () => `tcp window set ${r.pick([0, 1000])}`,
      () => `tcp option maxseg size set ${r.pick([536, 1200, 1400])}`,
      () => `tcp flags syn tcp option maxseg size set rt mtu`,
      () => `tcp flags set ${r.pick(['syn', 'ack', 'rst'])}`,
      () => `reset tcp option ${r.pick(['sack-perm', 'timestamp', 'window', 'maxseg'])}`,
      () => `udp checksum set 0`,
      () => `@th,16,16 set ${this.port()}`,
      () => `tcp sequence set 5`,
    ];
    if (s.family === 'arp')
      return r.pick(['counter', `meta mark set ${this.mark()}`, `arp daddr ip set ${this.v4()}`, 'counter']);
    const dups: (() => string)[] = [];
    if (ipHook && s.type !== 'nat') {
      if (s.family === 'ip') dups.push(() => `dup to ${r.pick(['10.0.2.2', '10.0.3.3', '10.0.1.3', '10.244.2.7'])}`);
      if (s.family === 'ip') dups.push(() => `dup to 10.0.3.3 device "eth2"`);
      if (s.family === 'ip6') dups.push(() => `dup to ${r.pick(['fd00:2::2', 'fd00:3::3'])}`);
    }
    if (s.family === 'netdev')
      dups.push(
        () => `dup to "${r.pick(['eth1', 'eth2'])}"`,
        () => `fwd to "${r.pick(['eth1', 'eth2'])}"`,
      );
    return this.from([
      [6, any],
      [ipHook ? 4 : 0, ip],
      [s.v4 ? 1.5 : 0, mangle4],
      [s.v6 ? 1.5 : 0, mangle6],
      [1.5, mangleT],
      [dups.length > 0 ? 0.4 : 0, dups.length > 0 ? dups : [() => 'counter']],
    ]);
  }

  reject(s: Scope): string {
    const { r } = this;
    const options = ['reject', 'reject with tcp reset', 'meta l4proto tcp reject with tcp reset'];
    if (s.family === 'ip')
      options.push(
        ...[
          'net-unreachable',
          'host-unreachable',
          'prot-unreachable',
          'port-unreachable',
          'net-prohibited',
          'host-prohibited',
          'admin-prohibited',
        ].map((t) => `reject with icmp type ${t}`),
      );
    else if (s.family === 'ip6')
      options.push(
        ...['no-route', 'admin-prohibited', 'addr-unreachable', 'port-unreachable', 'policy-fail', 'reject-route'].map(
          (t) => `reject with icmpv6 type ${t}`,
        ),
      );
    else
      options.push(
        ...['no-route', 'host-unreachable', 'port-unreachable', 'admin-prohibited'].map(
          (t) => `reject with icmpx type ${t}`,
        ),
        'reject with icmp type host-unreachable',
        'reject with icmpv6 type admin-prohibited',
      );
    return r.pick(options);
  }

  /**
   * nft lists `th dport set` beside a match of the protocol as `tcp dport set`, which also keeps the checksum: the listing does not tell
   * the two apart, so only the one that it means is made.
   */
  rule(s: Scope): string[] {
    // Nor does a listing of nft 1.0.6 tell `udp length < 9 ip hdrlength > 5` from a range that begins at 9: a match with `<` (or `>=`)
    // right before one with `>` (or `<=`) is put together with it.
    const parts = this.parts(s).map((p, i, all) => {
      const before = all[i - 1] ?? '';
      const pair = (/ < \S+$/.test(before) && / > /.test(p)) || (/ >= \S+$/.test(before) && / <= /.test(p));
      // Before a look at a port or an address the listing leaves out a match of another protocol, as though it followed from the look.
      const unlisted =
        (/^ip6 nexthdr (== )?60$/.test(p) && all.some((q) => /\bth (sport|dport)/.test(q))) ||
        (/^(meta protocol|ether type) (== )?(arp|ip6?)$/.test(p) &&
          all.some((q) => /(^|[^a-z])(ip6?|icmp|icmpv6) /.test(q)));
      // Nor is a protocol listed before what nft takes for a part of it, and a byte of IPv6 becomes two fields.
      const behind = all.slice(i + 1);
      const number =
        /^(?:meta l4proto|ip protocol|ip6 nexthdr|@nh,72,8|@nh,48,8) (?:== )?(?:\{ )?([\w-]+)(?: \})?$/.exec(p)?.[1];
      const lost =
        (number !== undefined &&
          number !== 'tcp' &&
          behind.some((q) => /\bth (sport|dport)|@th,|tcp option/.test(q))) ||
        (/^ct (l3proto|protocol) (== )?\w+$/.test(p) && behind.length > 0) ||
        /^@nh,4,8 !=/.test(p);
      // Of a match of TCP right before a reset the listing does not tell whether it was written, and so where it stands.
      if (i > 0 && p === 'meta l4proto tcp reject with tcp reset') return 'reject with tcp reset';
      return pair || unlisted || lost ? 'counter' : p;
    });
    const named = parts.some((p) => /\b(tcp|udp|sctp|dccp|udplite|l4proto|protocol|nexthdr|icmp|icmpv6)\b/.test(p));
    return named ? parts.map((p) => (/^th (dport|sport) set /.test(p) ? 'counter' : p)) : parts;
  }

  private parts(s: Scope): string[] {
    const { r } = this;
    const parts: string[] = [];
    const dense = ['fields', 'stmts'].includes(this.profile);
    for (
      let n = r.weighted([
        [2, 0],
        [5, 1],
        [3, 2],
        [1, 3],
      ]);
      n > 0;
      n--
    )
      parts.push(this.match(s));
    for (
      let n = r.weighted(
        this.profile === 'stmts'
          ? [
              [1, 0],
              [4, 1],
              [3, 2],
            ]
          : [
              [4, 0],
              [3, 1],
              [1, 2],
            ],
      );
      n > 0;
      n--
    )
      parts.push(this.statement(s));
    if (dense) return parts.length > 0 ? (r.chance(0.5) ? [...parts, 'counter'] : parts) : ['counter'];
    const vmaps = s.sets.filter((x) => x.data === 'verdict');
    const tail = r.weighted<() => string | undefined>([
      [3, () => undefined],
      [4, () => this.verdict(s, r.chance(0.6))],
      [
        vmaps.length > 0 ? 3 : 0,
        () => {
          const m = r.pick(vmaps);
          const keys = this.keys(m.kinds, s);
          return keys === undefined ? 'counter' : `${keys} vmap @${m.name}`;
        },
      ],
      [
        2,
        () => {
          const kinds = this.kinds(s);
          const keys = this.keys(kinds, s);
          return keys === undefined
            ? 'counter'
            : `${keys} vmap { ${this.elements(kinds, r.chance(0.5), () => this.verdict(s), 1, 4)} }`;
        },
      ],
      [1, () => `numgen inc mod 2 vmap { 0 : ${this.verdict(s)}, 1 : ${this.verdict(s)} }`],
      [s.type === 'nat' ? 8 : 0, () => this.nat(s)],
      [
        ['prerouting', 'input', 'forward', 'output'].includes(s.hook) && !['netdev', 'arp', 'bridge'].includes(s.family)
          ? 1
          : 0,
        () => this.reject(s),
      ],
      [
        ['ip', 'ip6', 'inet'].includes(s.family) && s.hook !== 'ingress' ? 0.7 : 0,
        () =>
          r.pick([
            `ct state vmap { new : ${this.verdict(s)}, established : ${this.verdict(s)}, invalid : ${this.verdict(s)} }`,
            `fib daddr type vmap { local : ${this.verdict(s)}, unicast : ${this.verdict(s)} }`,
            `ct mark vmap { 0x0 : ${this.verdict(s)}, 0x1-0xff : ${this.verdict(s)} }`,
          ]),
      ],
    ])();
    if (tail !== undefined) parts.push(tail);
    return parts.length > 0 ? parts : ['counter'];
  }

  priority(type: string): string {
    const { r } = this;
    if (type === 'nat') return String(r.pick([-150, -100, -100, 0, 10, 100, 100, 101, 5]));
    return String(
      r.pick([
        -450, -401, -400, -399, -300, -300, -225, -201, -200, -199, -150, -150, -101, -100, -100, -99, -10, 0, 0, 0, 5,
        10, 50, 99, 100, 100, 101, 225, 300,
      ]),
    );
  }

  table(family: string, hooks: readonly string[]): LabTable {
    const { r } = this;
    const name = this.name('t');
    const v4 = family !== 'ip6';
    const v6 = family !== 'ip' && family !== 'arp';
    const deep = this.profile === 'deep';
    const regular = Array.from({ length: deep ? r.int(8, 20) : r.int(0, 4) }, () => this.name('c'));
    const items: string[] = [];
    const sets: SetInfo[] = [];
    const objects: { kind: string; name: string }[] = [];
    const chains: LabChain[] = [];
    const bases = r.weighted([
      [2, 1],
      [4, 2],
      [3, 3],
      [1, 4],
    ]);
    const wanted = this.profile === 'sets' ? r.int(3, 6) : r.int(0, 3);
    // Verdict maps may only name chains without chains below them naming them again; the last two will do.
    const leaves = regular.slice(-2);
    for (let i = 0; i < wanted; i++) {
      const { info, text } = this.set({
        family,
        hook: '',
        type: 'filter',
        sets: [],
        objects: [],
        targets: leaves,
        v4,
        v6,
      });
      sets.push(info);
      items.push(text);
    }
    for (let i = r.int(0, 2); i > 0; i--) {
      const { text, ...o } = this.object();
      objects.push(o);
      items.push(text);
    }
    const used = new Set<string>();
    let first: { hook: string; type: string } | undefined;
    for (let i = 0; i < bases; i++) {
      const hook = r.pick(hooks);
      const type =
        ['ip', 'ip6', 'inet'].includes(family) && hook !== 'ingress'
          ? hook === 'output' && r.chance(0.15)
            ? 'route'
            : hook !== 'forward' && r.chance(this.profile === 'nat' ? 0.65 : 0.15)
              ? 'nat'
              : 'filter'
          : 'filter';
      first ??= { hook, type };
      used.add(hook);
      const device =
        hook === 'ingress' || hook === 'egress' ? ` device "${r.pick(['eth0', 'eth1', 'eth0', 'brp0'])}"` : '';
      const policy = r.chance(0.12) && type !== 'nat' ? 'drop' : 'accept';
      const scope: Scope = { family, hook, type, sets, objects, targets: regular, v4, v6 };
      chains.push({
        name: this.name('b'),
        base: `type ${type} hook ${hook}${device} priority ${this.priority(type)}; policy ${policy};`,
        rules: Array.from(
          { length: this.profile === 'fields' || this.profile === 'stmts' ? r.int(5, 14) : r.int(0, 5) },
          () => this.rule(scope),
        ),
      });
    }
    for (const [i, chain] of regular.entries()) {
      // Regular chains are written for one of the hooks; nft refuses what does not fit the others.
      const scope: Scope = {
        family,
        hook: first?.hook ?? hooks[0] ?? 'input',
        type: first?.type ?? 'filter',
        sets: i < regular.length - 2 ? sets : sets.filter((x) => x.data !== 'verdict'),
        objects,
        targets: regular.slice(i + 1),
        v4,
        v6,
      };
      const rules = Array.from({ length: r.int(0, deep ? 1 : 4) }, () => this.rule(scope));
      // A ladder: each chain calls the next, so that returns climb it again.
      const next = regular[i + 1];
      if (deep && next !== undefined && r.chance(0.85)) rules.push([`${r.chance(0.85) ? 'jump' : 'goto'} ${next}`]);
      if (deep && r.chance(0.4)) rules.push(this.rule(scope));
      chains.push({ name: chain, base: undefined, rules });
    }
    return { family, name, items, chains };
  }
}

const SIDES: readonly { from: string; iif: string; v4: readonly string[]; v6: readonly string[] }[] = [
  {
    from: 'client',
    iif: 'eth0',
    v4: ['10.0.1.2', '10.0.1.3', '10.0.1.130', '10.244.0.5'],
    v6: ['fd00:1::2', 'fd00:1::3', 'fd00:1::8002', 'fd00:244::5'],
  },
  {
    from: 'server',
    iif: 'eth1',
    v4: ['10.0.2.2', '10.0.2.3', '10.244.1.6'],
    v6: ['fd00:2::2', 'fd00:2::3', 'fd00:244:1::6'],
  },
  { from: 'server2', iif: 'eth2', v4: ['10.0.3.2', '10.0.3.3'], v6: ['fd00:3::2', 'fd00:3::3'] },
  { from: 'stub', iif: 'vip0', v4: ['172.30.0.2'], v6: ['fd00:30::2'] },
  { from: 'client-br', iif: 'brp0', v4: ['10.0.4.2', '10.0.4.4'], v6: ['fd00:4::2'] },
];
const ODD4 = [
  '127.0.0.1',
  '0.0.0.0',
  '224.0.0.5',
  '255.255.255.255',
  '10.0.1.255',
  '10.0.2.255',
  '192.168.66.1',
  '192.168.67.1',
  '192.168.68.1',
  '10.0.2.77',
  '203.0.113.5',
  '169.254.1.1',
  '10.0.1.0',
];
const ODD6 = [
  '::1',
  'ff02::1',
  'ff02::5',
  'fd00:66::1',
  'fd00:67::1',
  'fd00:68::1',
  'fd00:2::77',
  '2001:db8:5::1',
  'fe80::1',
  'fd00:1::',
  'ff05::9',
];
const FLAGS: readonly (readonly string[])[] = [
  ['syn'],
  ['syn'],
  ['syn'],
  ['ack'],
  ['syn', 'ack'],
  ['rst'],
  ['fin', 'ack'],
  ['psh', 'ack'],
  ['rst', 'ack'],
  [],
  ['syn', 'fin'],
  ['fin'],
  ['fin', 'psh', 'urg'],
  ['syn', 'ecn', 'cwr'],
  ['urg', 'ack'],
];

/** A packet by itself. */
function packetOf(g: Generator, families: readonly ('ip' | 'ip6')[], mayBeLocal: boolean): PacketSpec {
  const { r } = g;
  const family = r.pick(families);
  const six = family === 'ip6';
  const local = mayBeLocal && r.chance(0.25);
  const side = r.pick([SIDES[0], SIDES[0], SIDES[0], ...SIDES].filter((x) => x !== undefined));
  const own = six
    ? ['fd00:1::1', 'fd00:2::1', 'fd00:2::11', 'fd00:255::1', '::1']
    : ['10.0.1.1', '10.0.2.1', '10.0.2.11', '10.255.255.1', '127.0.0.1'];
  const saddr = local
    ? r.pick(own)
    : r.weighted([
        [12, r.pick(six ? side.v6 : side.v4)],
        [1, r.pick(six ? ODD6 : ODD4)],
        [1, r.pick(six ? V6 : V4)],
      ]);
  const daddr = r.weighted([
    [10, six ? g.v6() : g.v4()],
    [1.5, r.pick(six ? ODD6 : ODD4)],
    [1, r.pick(own)],
  ]);
  const protocol = r.weighted<string | number>([
    [8, 'tcp'],
    [6, 'udp'],
    [3, six ? 'icmpv6' : 'icmp'],
    [0.5, 'sctp'],
    [0.3, 253],
    [0.2, 'gre'],
    [0.3, 'udplite'],
    [0.2, 'dccp'],
  ]);
  const size = r.weighted([
    [6, 0],
    [3, 1],
    [2, 20],
    [1, r.int(2, 90)],
    [0.5, 500],
  ]);
  const base: Record<string, unknown> = {
    ...(local
      ? {
          from: 'local',
          ...(r.chance(0.4) ? { uid: r.pick([0, 1000, 65534]) } : {}),
          ...(r.chance(0.3) ? { mark: r.pick([1, 2, 16]) } : {}),
        }
      : { from: side.from, iif: side.iif }),
    family,
    saddr,
    daddr,
    protocol,
    payloadHex: Array.from({ length: size }, (_, i) => ((i * 7 + 13) & 255).toString(16).padStart(2, '0')).join(''),
    ...(r.chance(0.5) ? { dscp: r.pick([8, 10, 46, 63]) } : {}),
    ...(r.chance(0.2) ? { ecn: r.int(1, 3) } : {}),
    [six ? 'hoplimit' : 'ttl']: r.weighted([
      [8, 64],
      [2, 128],
      [1, 255],
      [1, 2],
      [0.8, 1],
      [1, 63],
    ]),
    ...(r.chance(0.06) ? { badChecksum: 'l4' } : !six && !local && r.chance(0.02) ? { badChecksum: 'ip' } : {}),
    ...(six && r.chance(0.15) ? { flowlabel: 0x12345 } : {}),
    ...(!six && r.chance(0.2) ? { df: false } : {}),
    ...(!six && r.chance(0.05)
      ? { ipOptionsHex: r.pick(['94040000', '01010101', '0707040a000101', '07070800000000']) }
      : {}),
    ...(six && r.chance(0.15)
      ? {
          extHeaders: r.pick([
            [{ type: 'hbh' }],
            [{ type: 'dst' }],
            [{ type: 'rt', hex: '000000000000' }],
            [{ type: 'hbh' }, { type: 'dst' }],
            [{ type: 'frag', id: r.int(1, 1e6) }],
          ]),
        }
      : {}),
  };
  if (!local && r.chance(0.03))
    base.l2 = { dst: r.pick(['ff:ff:ff:ff:ff:ff', '02:00:00:00:99:99', '33:33:00:00:00:01', '01:00:5e:00:00:05']) };
  switch (protocol) {
    case 'tcp':
      base.flags = r.pick(FLAGS);
      base.sport = g.port();
      base.dport = g.port();
      if ((base.flags as string[]).includes('ack')) base.ack = 5000;
      if (r.chance(0.3))
        base.tcpOptionsHex = r.pick([
          '020405b4',
          '020405b40402080a000000010000000001030307',
          '01010101',
          '0101080a0000000100000000',
          '0402',
          '030307',
        ]);
      break;
    case 'icmp':
      base.icmpType = r.weighted([
        [8, 8],
        [1, 0],
        [1, 13],
        [1, 3],
        [0.5, 11],
        [0.5, 5],
        [0.5, 42],
      ]);
      base.icmpCode = 0;
      base.icmpId = r.pick([1, 4096]);
      base.icmpSeq = 1;
      break;
    case 'icmpv6':
      base.icmpType = r.weighted([
        [8, 128],
        [1, 129],
        [0.5, 1],
        [0.5, 137],
        [0.5, 200],
        [0.5, 143],
      ]);
      base.icmpCode = 0;
      base.icmpId = r.pick([1, 4096]);
      base.icmpSeq = 1;
      break;
    default:
      base.sport = g.port();
      base.dport = g.port();
  }
  if (
    (protocol === 'icmp' && [3, 11, 5].includes(Number(base.icmpType))) ||
    (protocol === 'icmpv6' && base.icmpType === 1)
  ) {
    base.payloadHex = six
      ? '6000000000081140fd000001000000000000000000000002fd0000020000000000000000000000029c400035000800ff'
      : '4500001c123440004011000000000000000000009c40003500080000';
  }
  return base as unknown as PacketSpec;
}

/** Both halves of a fragmented UDP packet. */
function fragments(g: Generator, family: 'ip' | 'ip6'): PacketSpec[] {
  const { r } = g;
  const base = packetOf(g, [family], false);
  const id = r.int(1, 65535);
  const { extHeaders: _e, ipOptionsHex: _o, badChecksum: _b, tcpOptionsHex: _t, flags: _f, l2: _l, ...plain } = base;
  const first = { ...plain, protocol: 'udp', sport: g.port(), dport: g.port(), payloadHex: '11'.repeat(40), id };
  const cut = 16;
  // The transport header, with the length of the whole and no checksum.
  const header = (n: number): string => (n & 0xffff).toString(16).padStart(4, '0');
  const whole = `${header(first.sport)}${header(first.dport)}${header(48)}0000${'11'.repeat(40)}`;
  const parts = [whole.slice(0, cut * 2), whole.slice(cut * 2)];
  const specs = parts.map((hex, i): PacketSpec => {
    const { sport: _s, dport: _d, df: _df, ...rest } = first;
    return family === 'ip'
      ? {
          ...rest,
          df: false,
          rawL4: true,
          payloadHex: hex,
          mf: i === 0,
          fragOff: i === 0 ? 0 : cut,
          fragment: { index: i, of: 2 },
        }
      : {
          ...rest,
          rawL4: true,
          payloadHex: hex,
          extHeaders: [{ type: 'frag', offset: i === 0 ? 0 : cut, mf: i === 0, id }],
          fragment: { index: i, of: 2 },
        };
  });
  return r.chance(0.2) ? specs.toReversed() : specs;
}

/** What may follow a first packet: replies, retransmissions, errors, closes. */
function follow(g: Generator, first: PacketSpec, at: number): LabStep[] {
  const { r } = g;
  const steps: LabStep[] = [];
  const again = (packet: Partial<PacketSpec>): LabStep => ({ kind: 'packet', packet: { ...first, ...packet } });
  const reply = (packet: Partial<PacketSpec> = {}): LabStep => ({ kind: 'reply', to: at, packet });
  const six = first.family === 'ip6';
  const error = (): LabStep => ({
    kind: 'error',
    to: at,
    ...(six
      ? r.pick([
          { type: 1, code: 4 },
          { type: 3, code: 0 },
          { type: 2, code: 0 },
        ])
      : r.pick([
          { type: 3, code: 3 },
          { type: 11, code: 0 },
          { type: 3, code: 1 },
        ])),
  });
  if (first.protocol === 'tcp') {
    const script = r.weighted([
      [5, 'handshake'],
      [2, 'resend'],
      [2, 'error'],
      [2, 'reset'],
      [1, 'odd'],
    ]);
    if (script === 'handshake') {
      steps.push(reply());
      steps.push(again({ flags: ['ack'], seq: 1001, ack: 7001 }));
      for (let n = r.int(0, 3); n > 0; n--) {
        steps.push(
          r.pick([
            again({ flags: ['psh', 'ack'], seq: 1001, ack: 7001, payloadHex: '0d0e0f10' }),
            reply({ flags: ['psh', 'ack'], seq: 7001, ack: 1005, payloadHex: '0102' }),
            again({ flags: ['fin', 'ack'], seq: 1001, ack: 7001 }),
            reply({ flags: ['fin', 'ack'], seq: 7001, ack: 1002 }),
            again({ flags: ['ack'], seq: 99999999, ack: 12345 }),
            again({ flags: ['rst'], seq: 1001 }),
            reply({ flags: ['rst'], seq: 7001 }),
            again({ flags: ['syn'], seq: 2000 }),
            error(),
            reply({ flags: ['ack'], seq: 7001, ack: 1002 }),
          ]),
        );
      }
    } else if (script === 'resend') steps.push(again({}), again({}));
    else if (script === 'error') steps.push(error(), again({}));
    else if (script === 'reset') steps.push(reply({ flags: ['rst', 'ack'], seq: 0, ack: 1001 }), again({}));
    else
      steps.push(
        reply({ flags: ['syn'], seq: 9000 }),
        again({ flags: ['rst'], seq: 1001 }),
        reply({ flags: ['syn', 'ack'], seq: 7000, ack: 55 }),
      );
  } else {
    for (let n = r.int(1, 3); n > 0; n--)
      steps.push(
        r.weighted([
          [4, reply({ payloadHex: '0102' })],
          [3, again({})],
          [2, error()],
          [1, again({ sport: g.port() })],
        ]),
      );
  }
  return steps;
}

export interface Options {
  /** Only packets that belong together. */
  readonly flows: boolean;
  /** Only rulesets of this profile. */
  readonly profile: string | undefined;
}

export const PROFILES = [
  'general',
  'nat',
  'sets',
  'fields',
  'stmts',
  'conflict',
  'raw',
  'bridge',
  'netdev',
  'arp',
  'kubeproxy',
  'deep',
] as const;
const WEIGHTS: readonly (readonly [number, string])[] = [
  [10, 'general'],
  [9, 'nat'],
  [6, 'sets'],
  [5, 'fields'],
  [5, 'stmts'],
  [3, 'conflict'],
  [2, 'raw'],
  [1.5, 'bridge'],
  [1.5, 'netdev'],
  [0.5, 'arp'],
  [7, 'kubeproxy'],
  [2, 'deep'],
];
const ENVIRONMENTS: readonly (readonly [number, string])[] = [
  [14, 'base'],
  [2, 'policy-routing'],
  [1, 'localnet'],
  [1, 'no-default'],
  [1, 'rp-strict'],
  [0.7, 'no-forward'],
  [0.7, 'bridge-nf'],
];

/** The case of a seed. */
export function generate(seed: number, options: Options): LabCase {
  const r = new Random(seed);
  const profile = options.profile ?? r.weighted(WEIGHTS);
  const g = new Generator(r, profile);
  const environment = profile === 'bridge' && r.chance(0.4) ? 'bridge-nf' : r.weighted(ENVIRONMENTS);
  const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
  if (profile === 'kubeproxy') {
    const made = kubeProxyCase(r, (first, at) => follow(g, first, at), options.flows);
    const beside = r.chance(0.4) ? [g.table(r.pick([made.family, 'inet']), hooks)] : [];
    const tables = r.chance(0.5) ? [...beside, ...made.tables] : [...made.tables, ...beside];
    return { seed, environment, profile, tables, steps: made.steps };
  }
  const count = profile === 'fields' || profile === 'stmts' ? 1 : r.int(1, 3);
  const tables = Array.from({ length: count }, (_, i) => {
    if (profile === 'bridge' && i === 0) return g.table('bridge', hooks);
    if (profile === 'netdev' && i === 0)
      return r.chance(0.4) ? g.table('inet', ['ingress', ...hooks]) : g.table('netdev', ['ingress', 'egress']);
    if (profile === 'arp' && i === 0) return g.table('arp', ['input', 'output']);
    const family = r.weighted([
      [5, 'ip'],
      [5, 'inet'],
      [3, 'ip6'],
    ]);
    return g.table(
      family,
      profile === 'conflict'
        ? [r.pick(hooks)]
        : profile === 'raw'
          ? ['prerouting', 'output']
          : profile === 'nat'
            ? ['prerouting', 'postrouting', 'output', 'input']
            : hooks,
    );
  });
  const families: ('ip' | 'ip6')[] = tables.flatMap((t) =>
    t.family === 'ip' ? ['ip', 'ip'] : t.family === 'ip6' ? ['ip6', 'ip6'] : ['ip', 'ip', 'ip6'],
  ) as ('ip' | 'ip6')[];
  const steps: LabStep[] = [];
  if (profile === 'arp') {
    for (let i = r.int(1, 3); i > 0; i--)
      steps.push({
        kind: 'packet',
        packet: {
          from: 'client',
          iif: 'eth0',
          family: 'arp',
          op: r.pick(['request', 'request', 'reply']),
          saddr: r.pick(['10.0.1.2', '10.0.1.3', '10.0.1.77']),
          daddr: r.pick(['10.0.1.1', '10.0.1.1', '10.0.2.1', '10.0.1.3', '10.0.9.9']),
          senderMac: '02:00:00:00:01:02',
        },
      });
  } else {
    for (let n = options.flows ? 1 : r.int(1, 4); n > 0; n--) {
      if (r.chance(0.06)) {
        for (const packet of fragments(g, r.pick(families))) steps.push({ kind: 'packet', packet });
        continue;
      }
      const first = packetOf(g, families, profile !== 'bridge');
      const spec =
        profile === 'bridge' && r.chance(0.7)
          ? {
              ...first,
              from: 'client-br',
              iif: 'brp0',
              ...(first.family === 'ip' ? { saddr: '10.0.4.2' } : { saddr: 'fd00:4::2' }),
              ...(r.chance(0.6)
                ? { daddr: first.family === 'ip' ? '10.0.4.3' : 'fd00:4::3', l2: { dst: '02:00:00:00:07:02' } }
                : {}),
            }
          : first;
      const flow = options.flows || r.chance(0.3);
      const opened = flow && spec.protocol === 'tcp' && r.chance(0.8) ? { ...spec, flags: ['syn'], ack: 0 } : spec;
      steps.push({ kind: 'packet', packet: opened });
      if (flow) steps.push(...follow(g, opened, steps.length - 1));
      else if (r.chance(0.2)) steps.push({ kind: 'packet', packet: opened });
    }
  }
  return { seed, environment, profile, tables, steps };
}
