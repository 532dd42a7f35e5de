/** Matches of iptables by module (net/netfilter/xt_*.c, iptables-extensions(8)): those that read the packet's headers. */
import { PROTO } from '../net/protocols';
import type { Expression } from '../nft/model';
import { compileExpression } from './compile-expression';
import type { Context } from './environment';
import { tosOf } from './skb';
import { Missing, Unknown } from './value';
import type { XtPart } from './xt-line';
import { STATE_MATCHES } from './xt-match-state';
import {
  allOf,
  decided,
  equality,
  type MatchCompiler,
  meta,
  nftTest,
  numberRange,
  type OptionTest,
  payload,
  unknownTest,
  valueAndMask,
  type XtEnv,
  type XtTest,
} from './xt-test';

const PKTTYPE: Readonly<Record<string, number>> = { unicast: 0, host: 0, broadcast: 1, multicast: 2, otherhost: 3 };
const FLAGS: Readonly<Record<string, number>> = {
  FIN: 1,
  SYN: 2,
  RST: 4,
  PSH: 8,
  ACK: 16,
  URG: 32,
  ALL: 63,
  NONE: 0,
};
const flagBits = (text: string): number | undefined => {
  let bits = 0;
  for (const name of text.split(',')) {
    const bit = FLAGS[name];
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
};

/** A number or a range of a field. */
const field =
  (left: (env: XtEnv) => Expression, max: number): OptionTest =>
  (o, env) => {
    const right = numberRange(o.args[0] ?? '', max);
    return right === undefined ? undefined : nftTest(env, left(env), equality(o.not), right);
  };

const port = (protocol: string, side: 'sport' | 'dport'): OptionTest => field(() => payload(protocol, side), 65535);
const ports = (protocol: string): Readonly<Record<string, OptionTest>> => ({
  '--sport': port(protocol, 'sport'),
  '--source-port': port(protocol, 'sport'),
  '--dport': port(protocol, 'dport'),
  '--destination-port': port(protocol, 'dport'),
});

/** tcp_mt(): flags under a mask. Both polarities need a TCP header. */
function tcpFlags(mask: number, wanted: number, not: boolean, env: XtEnv): XtTest {
  const masked: Expression = { kind: 'binary', op: '&', operands: [payload('tcp', 'flags'), mask] };
  return nftTest(env, masked, equality(not), wanted);
}

/** A field under a mask is a value: `meta mark`, `ct mark`. */
const masked =
  (left: Expression): OptionTest =>
  (o, env) => {
    const v = valueAndMask(o.args[0] ?? '');
    if (v === undefined) return undefined;
    const expr: Expression = v.mask === 0xffffffff ? left : { kind: 'binary', op: '&', operands: [left, v.mask] };
    return nftTest(env, expr, equality(o.not), v.value);
  };

const addressRange =
  (side: 'saddr' | 'daddr'): OptionTest =>
  (o, env) => {
    const [from = '', to = from] = (o.args[0] ?? '').split('-');
    return nftTest(env, payload(env.family, side), equality(o.not), { kind: 'range', from, to });
  };

const ttl =
  (op: '==' | '<' | '>'): OptionTest =>
  (o, env) => {
    const left = env.family === 'ip' ? payload('ip', 'ttl') : payload('ip6', 'hoplimit');
    return nftTest(env, left, op === '==' ? equality(o.not) : op, Number(o.args[0]));
  };

/** icmp_match(), icmp6_match(): a type and a range of codes. A later fragment never matches; a cut header drops. */
const ICMP_NAMES: Readonly<Record<string, string>> = {
  'echo-reply': '0',
  'destination-unreachable': '3',
  redirect: '5',
  'echo-request': '8',
  'time-exceeded': '11',
};
const icmp: OptionTest = (o, env) => {
  const text = ICMP_NAMES[o.args[0] ?? ''] ?? o.args[0] ?? '';
  const m = text === 'any' ? ['', '255', undefined] : /^(\d+)(?:\/(\d+))?$/.exec(text);
  if (m === null) return undefined;
  const type = Number(m[1]);
  const code = m[2] === undefined ? undefined : Number(m[2]);
  const number = env.family === 'ip' ? PROTO.icmp : PROTO.icmpv6;
  const name = env.family === 'ip' ? 'icmp' : 'icmpv6';
  return (c) => {
    const { l4proto, thoff, fragOff } = c.skb.headers;
    if (l4proto !== number || fragOff > 0)
      return { kind: 'missing', field: `${name} type`, because: `the packet is not ${name}` };
    if (c.skb.data.length < thoff + 2) return 'hotdrop';
    const saw = `${c.skb.data[thoff] ?? 0}/${c.skb.data[thoff + 1] ?? 0}`;
    const any = type === 255 && env.family === 'ip';
    const holds = any || (c.skb.data[thoff] === type && (code === undefined || c.skb.data[thoff + 1] === code));
    return decided(holds, o.not, `${name} type`, saw, text);
  };
};

const tos: OptionTest = (o) => {
  const v = valueAndMask(o.args[0] ?? '');
  if (v === undefined) return undefined;
  const mask = v.mask & 255;
  return (c) =>
    decided((tosOf(c.skb) & mask) === v.value, o.not, 'tos', `0x${tosOf(c.skb).toString(16)}`, o.args[0] ?? '');
};

/** tcpmss_mt(): without the option only `!` matches. */
const tcpmss: OptionTest = (o, env) => {
  const range = numberRange(o.args[0] ?? '', 65535);
  if (range === undefined) return undefined;
  const size: Expression = { kind: 'tcpOption', name: 'maxseg', field: 'size' };
  const test = nftTest(env, size, equality(o.not), range);
  return (c) => {
    const r = test(c);
    return o.not && r !== true && !(r instanceof Unknown) && r !== 'hotdrop' && r.kind === 'missing' ? true : r;
  };
};

/** multiport_mt(): ports and ranges of either side, read at the transport header whatever the protocol. */
const multiport =
  (sides: readonly ('sport' | 'dport')[]): OptionTest =>
  (o, env) => {
    const ranges = (o.args[0] ?? '').split(',').map((t) => numberRange(t, 65535));
    if (ranges.some((r) => r === undefined)) return undefined;
    const spans = ranges.map((r) =>
      typeof r === 'object' && r.kind === 'range' ? [Number(r.from), Number(r.to)] : [Number(r), Number(r)],
    );
    const read = sides.map((side) => compileExpression(payload('th', side), env.scope));
    return (c) => {
      if (c.skb.headers.fragOff > 0) return { kind: 'missing', field: 'th dport', because: 'it is a later fragment' };
      let open: Unknown | undefined;
      const saw: string[] = [];
      let hit = false;
      for (const get of read) {
        const v = get(c);
        if (v instanceof Missing) return 'hotdrop';
        if (v instanceof Unknown) open ??= v;
        else if (typeof v === 'number') {
          saw.push(String(v));
          hit ||= spans.some(([from = 0, to = 0]) => v >= from && v <= to);
        }
      }
      if (!hit && open !== undefined) return open;
      return decided(hit, o.not, sides.map((s) => `th ${s}`).join(', '), saw.join(', '), o.args[0] ?? '');
    };
  };

/** Modules whose options each stand for themselves. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, OptionTest>>>> = {
  tcp: {
    ...ports('tcp'),
    '--tcp-flags': (o, env) => {
      const mask = flagBits(o.args[0] ?? '');
      const wanted = flagBits(o.args[1] ?? '');
      return mask === undefined || wanted === undefined ? undefined : tcpFlags(mask, wanted, o.not, env);
    },
    '--syn': (o, env) => tcpFlags(0x17, 2, o.not, env),
  },
  udp: ports('udp'),
  udplite: ports('udplite'),
  sctp: ports('sctp'),
  dccp: ports('dccp'),
  multiport: {
    '--sports': multiport(['sport']),
    '--dports': multiport(['dport']),
    '--ports': multiport(['sport', 'dport']),
  },
  mark: { '--mark': masked(meta('mark')) },
  connmark: { '--mark': masked({ kind: 'ct', key: 'mark' }) },
  icmp: { '--icmp-type': icmp },
  icmp6: { '--icmpv6-type': icmp },
  length: { '--length': field(() => meta('length'), 65535) },
  ttl: { '--ttl-eq': ttl('=='), '--ttl-lt': ttl('<'), '--ttl-gt': ttl('>') },
  hl: { '--hl-eq': ttl('=='), '--hl-lt': ttl('<'), '--hl-gt': ttl('>') },
  mac: {
    '--mac-source': (o, env) =>
      nftTest(env, payload('ether', 'saddr'), equality(o.not), o.args[0]?.toLowerCase() ?? ''),
  },
  pkttype: {
    '--pkt-type': (o, env) => {
      const type = PKTTYPE[o.args[0] ?? ''];
      return type === undefined ? undefined : nftTest(env, meta('pkttype'), equality(o.not), type);
    },
  },
  iprange: { '--src-range': addressRange('saddr'), '--dst-range': addressRange('daddr') },
  dscp: { '--dscp': field((env) => payload(env.family, 'dscp'), 63) },
  tos: { '--tos': tos },
  tcpmss: { '--mss': tcpmss },
  cpu: { '--cpu': field(() => meta('cpu'), 0xffffffff) },
  devgroup: { '--src-group': masked(meta('iifgroup')), '--dst-group': masked(meta('oifgroup')) },
  helper: { '--helper': (o, env) => nftTest(env, { kind: 'ct', key: 'helper' }, equality(o.not), o.args[0] ?? '') },
};

const reason =
  (code: string, say: string, settle?: string): MatchCompiler =>
  () =>
    unknownTest(code, say, settle);
/** Modules whose answer no capture holds. */
const NOT_CAPTURED: Readonly<Record<string, MatchCompiler>> = {
  set: reason('ipset-unknown', 'The rule looks in an ipset, and the contents of ipsets are not in the capture.'),
  time: reason('clock', 'The rule depends on the time of day.', 'Assume a time at which the packet passes.'),
  bpf: reason('xt-program', 'The rule runs a BPF program over the packet.'),
  u32: reason('xt-program', 'The rule tests bytes of the packet by a u32 program, which is not modelled.'),
  string: reason('xt-program', 'The rule looks for a text in the packet, which is not modelled.'),
  osf: reason('osf', 'Operating system fingerprints are not modelled.'),
  cgroup: reason('host-state', "The sender's cgroup is not in the capture.", 'Assume a cgroup.'),
};

/** Header lengths below which tcp_mt and udp_mt drop a first fragment or whole packet (net/netfilter/xt_tcpudp.c). */
const HEADER: Readonly<Record<string, readonly [number, number]>> = { tcp: [PROTO.tcp, 20], udp: [PROTO.udp, 8] };
function cutShort(part: XtPart): ((c: Context) => boolean) | undefined {
  const of = HEADER[part.name];
  if (of === undefined) return undefined;
  const [number, length] = of;
  return ({ skb }) =>
    skb.headers.l4proto === number && skb.headers.fragOff === 0 && skb.data.length < skb.headers.thoff + length;
}

/** Modules that may stand without options: the protocol is tested beside them. */
const PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'icmp', 'icmp6']);

/** The test of a match with its parameters. */
export function matchTest(part: XtPart, env: XtEnv): XtTest {
  const special = (STATE_MATCHES[part.name] ?? NOT_CAPTURED[part.name])?.(part, env);
  if (special !== undefined) return special;
  const table = OPTIONS[part.name];
  const tests = part.options.map((o) => table?.[o.name]?.(o, env));
  if (table === undefined || tests.some((t) => t === undefined) || (tests.length === 0 && !PROTOCOLS.has(part.name)))
    return notModelled(part);
  const all = allOf(tests.filter((t): t is XtTest => t !== undefined));
  const cut = cutShort(part);
  return cut === undefined ? all : (c) => (cut(c) ? 'hotdrop' : all(c));
}

const notModelled = (part: XtPart): XtTest =>
  unknownTest(
    'xt-match-unmodelled',
    `The match ${part.name} of iptables (${part.options.map((o) => [o.not ? '!' : '', o.name, ...o.args].join(' ').trim()).join(' ')}) is not modelled.`,
  );
