/** Targets of iptables (net/netfilter/xt_*.c, iptables-extensions(8)): most are statements of nft under another name. */
import { parseAddress } from '../net/address';
import type { NatStatement, Statement } from '../nft/model';
import { manipOf } from './nat';
import { Broken, type Op, stop } from './op';
import type { Reason } from './trace';
import { loseMark } from './unknown-mark';
import { Unknown } from './value';
import { argOf, optionOf, type XtOption, type XtPart } from './xt-line';
import { changeTos, connmark, MARK, replaced, setMark, tcpmss, ttl } from './xt-target-write';
import { addressOrPrefix, meta, numberRange, type TargetCompiler, valueAndMask, type XtEnv } from './xt-test';

const goOn: Op = () => undefined;
const has = (part: XtPart, name: string): boolean => optionOf(part, name) !== undefined;

// ---------------------------------------------------------------------------------------------------------- NAT

/** `ADDR[-ADDR][:PORT[-PORT]]`, IPv6 with ports in brackets; undefined where it is none or shifts ports (`/BASE`). */
function destination(text: string): Pick<NatStatement, 'addr' | 'port'> | undefined {
  const m = text.startsWith('[')
    ? /^\[([^\]]*)\](?::(\d+(?:-\d+)?))?$/.exec(text)
    : text.split(':').length > 2
      ? [text, text, undefined]
      : /^([^:]*)(?::(\d+(?:-\d+)?))?$/.exec(text);
  if (m === null) return undefined;
  const [from = '', to = from] = (m[1] ?? '').split('-');
  if (from !== '' && (parseAddress(from) === undefined || parseAddress(to) === undefined)) return undefined;
  const port = m[2] === undefined ? undefined : numberRange(m[2], 65535);
  return {
    ...(from !== '' && { addr: to === from ? from : { kind: 'range', from, to } }),
    ...(port !== undefined && { port }),
  };
}

const FLAGS = [
  ['--random', 'random'],
  ['--random-fully', 'fully-random'],
  ['--persistent', 'persistent'],
] as const;
const flagsOf = (part: XtPart): readonly string[] =>
  FLAGS.flatMap(([option, flag]) => (has(part, option) ? [flag] : []));

const nat =
  (kind: 'dnat' | 'snat', option: string): TargetCompiler =>
  (part, env) => {
    const given = argOf(part, option);
    const to = given === undefined ? undefined : destination(given);
    return to === undefined ? undefined : env.compile({ kind, ...to, flags: flagsOf(part), typeFlags: [] });
  };

const toPorts =
  (kind: 'masquerade' | 'redirect'): TargetCompiler =>
  (part, env) => {
    const given = argOf(part, '--to-ports');
    const port = given === undefined ? undefined : numberRange(given, 65535);
    if (given !== undefined && port === undefined) return undefined;
    return env.compile({ kind, ...(port !== undefined && { port }), flags: flagsOf(part), typeFlags: [] });
  };

/** netmap_tg4(): the network part is replaced, on the side the hook translates. */
const netmap: TargetCompiler = (part, env) => {
  const addr = addressOrPrefix(argOf(part, '--to') ?? '');
  if (addr === undefined) return undefined;
  const of = (kind: 'dnat' | 'snat'): Op => env.compile({ kind, addr, flags: ['netmap'], typeFlags: [] });
  const [src, dst] = [of('snat'), of('dnat')];
  return (c) => (manipOf(c.hook) === 'src' ? src(c) : dst(c));
};

// ------------------------------------------------------------------------------------------------------- others

const REJECTS: Readonly<Record<string, readonly [type: string, expr?: string]>> = {
  'tcp-reset': ['tcp reset'],
  'icmp-net-unreachable': ['icmp', 'net-unreachable'],
  'icmp-host-unreachable': ['icmp', 'host-unreachable'],
  'icmp-proto-unreachable': ['icmp', 'prot-unreachable'],
  'icmp-port-unreachable': ['icmp', 'port-unreachable'],
  'icmp-net-prohibited': ['icmp', 'net-prohibited'],
  'icmp-host-prohibited': ['icmp', 'host-prohibited'],
  'icmp-admin-prohibited': ['icmp', 'admin-prohibited'],
  'icmp6-no-route': ['icmpv6', 'no-route'],
  'icmp6-adm-prohibited': ['icmpv6', 'admin-prohibited'],
  'icmp6-addr-unreachable': ['icmpv6', 'addr-unreachable'],
  'icmp6-port-unreachable': ['icmpv6', 'port-unreachable'],
  'icmp6-policy-fail': ['icmpv6', 'policy-fail'],
  'icmp6-reject-route': ['icmpv6', 'reject-route'],
};
const reject: TargetCompiler = (part, env) => {
  const how =
    REJECTS[argOf(part, '--reject-with') ?? (env.family === 'ip' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable')];
  return how === undefined
    ? undefined
    : env.compile({ kind: 'reject', type: how[0], ...(how[1] !== undefined && { expr: how[1] }) });
};

/** xt_ct_target(): not tracked, or a zone for what comes; helpers, events and timeouts leave the packet's way alone. */
const conntrack: TargetCompiler = (part, env) => {
  if (has(part, '--notrack') || part.name === 'NOTRACK') return env.compile({ kind: 'notrack' });
  if (has(part, '--zone-orig') || has(part, '--zone-reply')) return undefined;
  const zone = argOf(part, '--zone');
  if (zone === undefined) return goOn;
  return env.compile({
    kind: 'mangle',
    key: { kind: 'ct', key: 'zone' },
    value: zone === 'mark' ? MARK : Number(zone),
  });
};

/** tproxy_tg4(): to the socket with the mark set; without a socket the packet is dropped, unlike in nft. */
const tproxy: TargetCompiler = (part, env) => {
  const port = argOf(part, '--on-port');
  const addr = argOf(part, '--on-ip');
  const v = valueAndMask(argOf(part, '--tproxy-mark') ?? '0/0');
  if (v === undefined) return undefined;
  const take = env.compile({
    kind: 'tproxy',
    family: env.family,
    ...(addr !== undefined && addr !== '0.0.0.0' && addr !== '::' && { addr }),
    ...(port !== undefined && port !== '0' && { port: Number(port) }),
  });
  const mark = env.compile({ kind: 'mangle', key: MARK, value: replaced(MARK, v.value, v.mask) });
  return (c) => {
    const r = take(c);
    if (r instanceof Broken) return { kind: 'drop' };
    if (r !== undefined) return r;
    mark(c);
    return { kind: 'accept' };
  };
};

const statement =
  (make: (part: XtPart) => Statement | undefined): TargetCompiler =>
  (part, env) => {
    const s = make(part);
    return s === undefined ? undefined : env.compile(s);
  };

const classOf = (o: XtOption | undefined): number | undefined => {
  const m = /^([0-9a-f]+):([0-9a-f]+)$/i.exec(o?.args[0] ?? '');
  return m === null ? undefined : Number.parseInt(m[1] ?? '', 16) * 65536 + Number.parseInt(m[2] ?? '', 16);
};

const TARGETS: Readonly<Record<string, TargetCompiler>> = {
  ACCEPT: statement(() => ({ kind: 'accept' })),
  DROP: statement(() => ({ kind: 'drop' })),
  RETURN: statement(() => ({ kind: 'return' })),
  AUDIT: () => goOn,
  CHECKSUM: () => goOn,
  CLASSIFY: statement((part) => {
    const value = classOf(optionOf(part, '--set-class'));
    return value === undefined ? undefined : { kind: 'mangle', key: meta('priority'), value };
  }),
  CONNMARK: connmark,
  CONNSECMARK: () => goOn,
  CT: conntrack,
  DNAT: nat('dnat', '--to-destination'),
  DSCP: (part) => {
    const dscp = Number(argOf(part, '--set-dscp'));
    return dscp >= 0 ? changeTos((before) => (before & 3) | (dscp << 2)) : undefined;
  },
  HL: ttl,
  IDLETIMER: () => goOn,
  LED: () => goOn,
  LOG: () => goOn,
  MARK: (part, env) => setMark(part, MARK, env),
  MASQUERADE: toPorts('masquerade'),
  NETMAP: netmap,
  NFLOG: () => goOn,
  NFQUEUE: statement((part) => ({ kind: 'queue', flags: has(part, '--queue-bypass') ? ['bypass'] : [] })),
  NOTRACK: conntrack,
  RATEEST: () => goOn,
  REDIRECT: toPorts('redirect'),
  REJECT: reject,
  SECMARK: () => goOn,
  // What an ipset holds is unknown before and after.
  SET: () => goOn,
  SNAT: nat('snat', '--to-source'),
  SYNPROXY: statement(() => ({ kind: 'synproxy', flags: [] })),
  TCPMSS: tcpmss,
  TEE: statement((part) => {
    const addr = argOf(part, '--gateway');
    const dev = argOf(part, '--oif');
    return addr === undefined ? undefined : { kind: 'dup', addr, ...(dev !== undefined && { dev }) };
  }),
  TOS: (part) => {
    const v = valueAndMask(argOf(part, '--set-tos') ?? '');
    return v === undefined ? undefined : changeTos((before) => (before & ~v.mask) ^ v.value);
  },
  TPROXY: tproxy,
  TRACE: () => goOn,
  TTL: ttl,
  ULOG: () => goOn,
};

/** A target with its parameters. */
export function targetOp(part: XtPart, env: XtEnv): Op {
  const op = TARGETS[part.name]?.(part, env);
  if (op !== undefined) return op;
  const given = part.options.map((o) => [o.name, ...o.args].join(' ')).join(' ');
  return (c) =>
    c.run.undecided(
      'xt-target-unmodelled',
      `The target ${`${part.name} ${given}`.trim()} of iptables is not modelled.`,
      'Assume what it does.',
      c.at,
    );
}

/** Targets that end no chain and change what the way of a packet hardly ever depends on. */
const SLIGHT: ReadonlySet<string> = new Set([
  'CLASSIFY',
  'CONNSECMARK',
  'DSCP',
  'HL',
  'SECMARK',
  'SET',
  'TCPMSS',
  'TOS',
  'TTL',
]);
/** Targets that only tell, count or mend a checksum. */
export const HARMLESS: ReadonlySet<string> = new Set([
  'AUDIT',
  'CHECKSUM',
  'IDLETIMER',
  'LED',
  'LOG',
  'NFLOG',
  'RATEEST',
  'TRACE',
  'ULOG',
]);

/** A target whose parameters are not known. One that ends no chain lets the packet go on, with what it changed unknown. */
export function targetWithoutParameters(name: string, reason: Reason): Op {
  if (HARMLESS.has(name)) return goOn;
  if (SLIGHT.has(name))
    return (c) => {
      c.run.assume(`xt-${name}`, `What the target ${name} writes is not in the capture; it is taken not to matter.`);
      return undefined;
    };
  switch (name) {
    case 'MARK':
      return (c) => {
        loseMark(c, name);
        return undefined;
      };
    case 'CONNMARK':
      // It copies marks in one direction or the other, or sets that of the connection.
      return (c) => {
        loseMark(c, name);
        if (c.skb.ct !== undefined) c.skb.ct.markUnknown = c.skb.markUnknown;
        return undefined;
      };
    default:
      return (c) => stop(c, new Unknown(reason));
  }
}
