/** Matches, statements and whole rules that suit the hook they stand at. */
import type { Random } from './random';
import { DEVS, type Scope, Values } from './values';
import { wideMatch, wideStatement } from './wide';

export class Rules extends Values {
  /** `wide`: half of the matches and statements are rarer ones. */
  constructor(
    r: Random,
    profile: string,
    private readonly wide = false,
  ) {
    super(r, profile);
  }

  /** One match. */
  match(s: Scope): string {
    const { r } = this;
    if (this.wide && r.chance(0.5)) return wideMatch(this, s);
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
    if (this.wide && r.chance(0.5)) return wideStatement(this, s);
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
   * nft lists `th dport set` and `@th,16,16 set` beside a match of the protocol as `tcp dport set`, which also keeps the checksum: the
   * listing does not tell them apart, so only the one that it means is made.
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
          all.some((q) => /(^|[^a-z])(ip6?|icmp|icmpv6|tcp|udp|udplite|sctp|dccp|th) |@[nt]h,/.test(q))) ||
        (/^meta iiftype (== )?(ether|loopback)$/.test(p) && i < all.length - 1);
      // Nor is a protocol listed before what nft takes for a part of it, and a byte of IPv6 becomes two fields.
      const behind = all.slice(i + 1);
      const number =
        /^(?:meta l4proto|ip protocol|ip6 nexthdr|@nh,72,8|@nh,48,8) (?:== )?(?:\{ )?([\w-]+)(?: \})?(?: ct .*)?$/.exec(
          p,
        )?.[1];
      const lost =
        (number !== undefined &&
          number !== 'tcp' &&
          behind.some((q) => /\bth (sport|dport)|@th,|tcp option/.test(q))) ||
        (/^ct ((original|reply) )?(l3proto|protocol) (== )?\w+$/.test(p) && behind.length > 0) ||
        /^@nh,4,8 !=/.test(p);
      // Of a match of TCP right before a reset the listing does not tell whether it was written, and so where it stands.
      if (i > 0 && p === 'meta l4proto tcp reject with tcp reset') return 'reject with tcp reset';
      // And of a reject beside a look at the Ethernet header the listing of nft 1.0.6 leaves the code out.
      if (/^reject with icmp(v6)? type/.test(p) && s.family === 'inet' && all.some((q) => /\bether\b|@ll,/.test(q)))
        return 'reject';
      return pair || unlisted || lost ? 'counter' : p;
    });
    const named = parts.some((p) => /\b(tcp|udp|sctp|dccp|udplite|l4proto|protocol|nexthdr|icmp|icmpv6)\b/.test(p));
    return named ? parts.map((p) => (/^(th (dport|sport)|@th,\d+,\d+) set /.test(p) ? 'counter' : p)) : parts;
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
}
