/** What rules and packets draw on: addresses, ports, marks, sets and objects of a table. */
import type { Random } from './random';

export const V4 = [
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
export const V6 = [
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
export const DEVS = ['eth0', 'eth1', 'eth2', 'vip0', 'br0', 'lo'];

export type Kind = 'v4' | 'v6' | 'port' | 'proto' | 'mark' | 'ifname' | 'ether';

export interface SetInfo {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly dynamic: boolean;
  readonly timeout: boolean;
  /** Undefined for a set. */
  readonly data: 'verdict' | readonly Kind[] | undefined;
}

export interface Scope {
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

/** Values of every kind, and the sets and objects that hold them. */
export class Values {
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
}
