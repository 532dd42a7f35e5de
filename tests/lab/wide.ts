/** Rarer matches and statements: fields that hardly any rule names, keys of many widths, writes from one field to another. */
import { DEVS, type Scope, type Values } from './values';

/** A part of a key: how it is written, and a value of its type. */
type Part = readonly [key: string, value: (interval: boolean) => string];

const IP_FAMILIES = ['ip', 'ip6', 'inet'];

/** The parts of keys that may stand at a hook. */
function partsOf(g: Values, s: Scope): Part[] {
  const { r } = g;
  const range = (low: number, high: number, interval: boolean): string => {
    const a = r.int(low, high);
    return interval && r.chance(0.6) && a < high ? `${a}-${r.int(a + 1, high)}` : String(a);
  };
  const parts: Part[] = [
    ['meta l4proto', () => r.pick(['tcp', 'udp', 'icmp', 'ipv6-icmp'])],
    ['th dport', (i) => g.value('port', i)],
    ['meta mark', (i) => g.value('mark', i)],
    ['meta pkttype', () => r.pick(['host', 'broadcast', 'multicast'])],
    ['iifname', () => `"${r.pick(DEVS)}"`],
    ['meta length', (i) => range(20, 100, i)],
    ['meta nfproto', () => r.pick(['ipv4', 'ipv6'])],
  ];
  if (s.v4)
    parts.push(
      ['ip saddr', (i) => g.value('v4', i)],
      ['ip daddr', (i) => g.value('v4', i)],
      ['ip ttl', (i) => range(60, 66, i)],
      ['ip dscp', () => r.pick(['cs0', 'cs1', 'af11', 'ef'])],
      ['ip id', (i) => range(0, 65535, i)],
      ['ip length', (i) => range(20, 80, i)],
      ['icmp type', () => r.pick(['echo-request', 'echo-reply', 'destination-unreachable'])],
    );
  if (s.v6)
    parts.push(
      ['ip6 saddr', (i) => g.value('v6', i)],
      ['ip6 daddr', (i) => g.value('v6', i)],
      ['ip6 hoplimit', (i) => range(60, 66, i)],
      ['ip6 flowlabel', (i) => range(0, 0x20000, i)],
      ['icmpv6 type', () => r.pick(['echo-request', 'echo-reply'])],
    );
  if (IP_FAMILIES.includes(s.family) && s.hook !== 'ingress')
    parts.push(
      ['ct state', () => r.pick(['new', 'established', 'related', 'invalid'])],
      ['ct direction', () => r.pick(['original', 'reply'])],
      ['ct mark', (i) => g.value('mark', i)],
      ['ct zone', (i) => range(0, 3, i)],
      ['fib daddr type', () => r.pick(['local', 'unicast', 'broadcast', 'multicast'])],
    );
  return parts;
}

/** A key of one to four parts and an anonymous set, or map, of values for it. */
function keyed(g: Values, s: Scope, data: (() => string) | undefined): string {
  const { r } = g;
  const drawn = r.some(partsOf(g, s), 1, r.pick([1, 2, 2, 3, 4]));
  // In a concatenation nft 1.0.6 lists flow labels as 0.
  const parts = drawn.length === 1 ? drawn : drawn.filter(([key]) => key !== 'ip6 flowlabel');
  if (parts.length === 0) return keyed(g, s, data);
  const interval = r.chance(0.5);
  const seen = new Map<string, string>();
  for (let i = r.int(1, 5); i > 0; i--) {
    const key = parts.map(([, value]) => value(interval)).join(' . ');
    seen.set(key, data === undefined ? key : `${key} : ${data()}`);
  }
  return `${parts.map(([key]) => key).join(' . ')} ${data === undefined ? '' : 'map '}{ ${[...seen.values()].join(', ')} }`;
}

/** A match that the usual rules do not make. */
export function wideMatch(g: Values, s: Scope): string {
  const { r } = g;
  const no = (): string => (r.chance(0.25) ? '!= ' : '');
  const cmp = (): string => r.pick(['', '!= ', '> ', '< ', '>= ', '<= ']);
  const ct = IP_FAMILIES.includes(s.family) && s.hook !== 'ingress';
  const all: (() => string)[] = [
    () => keyed(g, s, undefined),
    () => keyed(g, s, undefined),
    () => keyed(g, s, undefined),
    () => `tcp checksum ${cmp()}${r.pick([0, 1000, 40000])}`,
    () => `udp checksum ${cmp()}${r.pick([0, 1000, 40000])}`,
    () => `udplite ${r.pick(['dport', 'sport', 'checksum'])} ${cmp()}${g.port()}`,
    () => `sctp ${r.pick(['sport', 'dport'])} ${cmp()}${g.port()}`,
    () => `sctp vtag ${cmp()}${r.pick([0, 1])}`,
    () => `sctp chunk ${r.pick(['init', 'data', 'sack', 'abort'])} ${r.pick(['exists', 'missing'])}`,
    () => `dccp ${r.pick(['sport', 'dport'])} ${cmp()}${g.port()}`,
    () => `dccp type ${no()}${r.pick(['request', 'response', 'data'])}`,
    () => `tcp option ${r.pick(['2', '3', '8', '254'])} ${r.pick(['exists', 'missing'])}`,
    () => `tcp option @${r.pick(['2,16,16', '8,16,32', '3,16,8'])} ${cmp()}${r.pick([1, 7, 1460])}`,
    () =>
      `tcp option ${r.pick(['maxseg', 'window', 'timestamp', 'sack-perm'])} length ${cmp()}${r.pick([2, 3, 4, 10])}`,
    () => `tcp option sack0 left ${cmp()}1`,
    () => `tcp flags & (fin | syn | rst) ${r.pick(['==', '!='])} ${r.pick(['syn', 'fin', 'rst', '0x0'])}`,
    () => `tcp dport ${cmp()}${g.port()}`,
    () => `@ih,${r.pick(['0,8', '0,16', '0,32', '8,8', '3,5'])} ${cmp()}${r.pick([0, 13, 20])}`,
    () => `@th,${r.pick(['0,64', '13,3', '31,17', '96,128', '160,8', '1,1'])} ${cmp()}${r.pick([0, 1, 5])}`,
    () => `@nh,${r.pick(['0,64', '13,3', '31,17', '60,4', '1,1', '160,32'])} ${cmp()}${r.pick([0, 1, 5])}`,
    () => `meta ${r.pick(['iifkind', 'oifkind'])} ${no()}${r.pick(['"veth"', '"bridge"', '"dummy"'])}`,
    () => `meta rtclassid ${no()}0`,
    () => `meta nftrace ${no()}1`,
    () => `iif ${no()}${r.pick(['"eth0"', '{ "eth0", "eth1" }', '"lo"', '"br0"'])}`,
    () => `oif ${no()}${r.pick(['"eth0"', '{ "eth1", "eth2" }', '"lo"', '"br0"'])}`,
    () => `iifname . oifname ${no()}{ "eth0" . "eth1", "eth1" . "eth0", "lo" . "lo" }`,
    () => `ether type ${no()}{ ip, ip6, arp }`,
    () => `th sport . th dport ${no()}{ ${g.port()} . ${g.port()}, ${g.portRange()} . ${g.port()} }`,
  ];
  if (s.v4)
    all.push(
      () => `ip saddr & 0.0.0.255 ${cmp() || '== '}0.0.0.${r.int(0, 5)}`,
      () => `icmp gateway ${cmp()}0`,
      () => `icmp checksum ${cmp()}1000`,
      () => `icmp type . icmp code ${no()}{ echo-request . 0, destination-unreachable . 3, echo-reply . 0 }`,
      () =>
        `ip option ${r.pick(['rr', 'lsrr', 'ssrr', 'ra'])} ${r.pick(['type', 'length'])} ${cmp()}${r.pick([4, 7, 148])}`,
      () => `ip ttl . ip protocol ${no()}{ 64 . tcp, 63 . udp, 60-64 . icmp }`,
    );
  if (s.v6)
    all.push(
      () => `ip6 daddr & ::ff ${cmp() || '== '}::${r.int(0, 5)}`,
      () => `ip6 version 6`,
      () => `icmpv6 ${r.pick(['sequence', 'checksum'])} ${cmp()}1`,
      () => `mh ${r.pick(['type 1', 'nexthdr 59'])}`,
      () => `srh ${r.pick(['tag 0', 'last-entry 0'])}`,
      () => `exthdr ${r.pick(['frag', 'rt', 'dst'])} ${r.pick(['exists', 'missing'])}`,
    );
  if (ct)
    all.push(
      () => `ct state ! ${r.pick(['invalid', 'new', 'established,related'])}`,
      () => `ct status & (snat | dnat) ${r.pick(['==', '!='])} 0`,
      () => `ct ${r.pick(['original', 'reply'])} zone ${cmp()}${r.int(0, 2)}`,
      () => `ct state . ct direction ${no()}{ new . original, established . reply, related . reply }`,
      () => `ct mark & 0x${r.pick(['1', 'f', 'ff'])} ${cmp() || '== '}0x${r.int(0, 3)}`,
      () => `ct ${r.pick(['original', 'reply'])} protocol ${no()}${r.pick(['tcp', 'udp', 'icmp'])}`,
      () => `fib ${r.pick(['daddr', 'saddr'])} . oif type ${no()}${r.pick(['local', 'unicast'])}`,
      () => `fib ${r.pick(['saddr . mark', 'daddr . iif', 'daddr . mark . iif'])} oifname ${no()}"${r.pick(DEVS)}"`,
    );
  return r.pick(all)();
}

/** A statement that the usual rules do not make. Nothing is made that nft 1.0.6 lists as something else: sets of labels, codes of ICMP. */
export function wideStatement(g: Values, s: Scope): string {
  const { r } = g;
  const ct = IP_FAMILIES.includes(s.family) && s.hook !== 'ingress';
  const mark = (): string => g.mark();
  const all: (() => string)[] = [
    () => `meta mark set ${keyed(g, s, mark)}`,
    () => `meta mark set ${keyed(g, s, mark)}`,
    () => `meta mark set meta ${r.pick(['length', 'iif', 'priority', 'l4proto'])}`,
    () => `meta priority set ${keyed(g, s, () => r.pick(['1:2', '0:10']))}`,
    () => `meta mark set jhash ${keyFor(g, s)} mod ${r.pick([3, 1000])} seed 0x${r.int(0, 999)} offset ${r.int(0, 9)}`,
    // The laboratory sees what is delivered by its trace: it stays on.
    () => 'meta nftrace set 1',
    () => `log ${r.pick(['group 1', 'flags all', 'level debug', 'prefix "a b" group 2 snaplen 10'])}`,
    () => `tcp ${r.pick(['urgptr', 'ackseq', 'window', 'checksum'])} set ${r.pick([0, 1, 777])}`,
    () => `tcp dport set tcp dport map { ${g.port()} : ${g.port()}, 1024-65535 : ${g.port()} }`,
    () => `udp dport set udp sport map { ${g.port()} : ${g.port()}, 1024-65535 : ${g.port()} }`,
    () => `udp length set ${r.pick([8, 9])}`,
    () => `limit rate ${r.int(1, 3)}/${r.pick(['minute', 'hour'])} burst ${r.int(1, 2)} packets`,
  ];
  if (s.v4)
    all.push(
      () => `ip daddr set ip saddr map { ${g.value('v4', true)} : ${g.v4()} }`,
      () => `ip dscp set ip dscp map { cs0 : ef, cs1 : cs0, af11 : cs3 }`,
      () => `ip dscp set meta mark map { 0x0 : af11, 0x1-0xff : ef }`,
      () => `ip frag-off set ${r.pick(['0', '0x4000'])}`,
      () => `icmp ${r.pick(['id', 'sequence'])} set ${r.pick([0, 3, 9])}`,
      () => `ip checksum set 0`,
    );
  if (s.v6)
    all.push(
      () => `ip6 daddr set ip6 saddr map { ${g.value('v6', true)} : ${g.v6()} }`,
      () => `icmpv6 ${r.pick(['id', 'sequence'])} set ${r.pick([0, 3, 9])}`,
      () => `ip6 hoplimit set ip6 hoplimit map { 64 : 33, 1-63 : 9 }`,
    );
  if (ct)
    all.push(
      () => `ct mark set ${keyed(g, s, mark)}`,
      () => `ct mark set ct mark ${r.pick(['<< 1', '>> 4', '& 0xff | 0x100'])}`,
      () => `ct mark set meta ${r.pick(['length', 'iif', 'priority'])}`,
      () => `ct zone set ${keyed(g, s, () => String(r.int(0, 2)))}`,
      () => `synproxy mss 1460 wscale 7 timestamp sack-perm`,
      () => `meta l4proto tcp tproxy to :${g.port()}`,
    );
  const counters = s.objects.filter((o) => o.kind === 'counter' || o.kind === 'quota' || o.kind === 'limit');
  const first = counters[0];
  if (first !== undefined) {
    const same = counters.filter((o) => o.kind === first.kind);
    all.push(...[0, 1, 2].map(() => () => `${first.kind} name ${keyed(g, s, () => `"${r.pick(same).name}"`)}`));
  }
  return r.pick(all)();
}

const keyFor = (g: Values, s: Scope): string =>
  g.r
    .some(partsOf(g, s), 1, 4)
    .map(([key]) => key)
    .join(' . ');
