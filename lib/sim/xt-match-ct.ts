/** Matches of iptables on connections and on the kind of an address (net/netfilter/xt_conntrack.c, xt_addrtype.c). */
import { protocolNumber } from '../net/protocols';
import type { Expression } from '../nft/model';
import { STATUS } from './conntrack-state';
import type { Context } from './environment';
import { isMulticast6 } from './fib';
import { destinationOf, sourceOf } from './skb';
import { Unknown } from './value';
import { optionOf, type XtOption } from './xt-line';
import {
  addressOrPrefix,
  allOf,
  decided,
  equality,
  type MatchCompiler,
  nftTest,
  numberRange,
  type XtEnv,
  type XtTest,
} from './xt-test';

const words = (o: XtOption | undefined): readonly string[] => o?.args[0]?.split(',') ?? [];

// ---------------------------------------------------------------------------------------------------- conntrack

const ct = (key: string, dir?: 'original' | 'reply'): Expression => ({
  kind: 'ct',
  key,
  ...(dir !== undefined && { dir }),
});
const STATUS_BITS: Readonly<Record<string, number>> = {
  NONE: 0,
  EXPECTED: STATUS.expected,
  SEEN_REPLY: STATUS.seenReply,
  ASSURED: STATUS.assured,
  CONFIRMED: STATUS.confirmed,
};

type CtOption = (o: XtOption, env: XtEnv) => XtTest | undefined;
const ctAddress =
  (dir: 'original' | 'reply', key: 'saddr' | 'daddr'): CtOption =>
  (o, env) => {
    const right = addressOrPrefix(o.args[0] ?? '');
    return right === undefined ? undefined : nftTest(env, ct(key, dir), equality(o.not), right);
  };
const ctPort =
  (dir: 'original' | 'reply', key: 'proto-src' | 'proto-dst'): CtOption =>
  (o, env) => {
    const right = numberRange(o.args[0] ?? '', 65535);
    return right === undefined ? undefined : nftTest(env, ct(key, dir), equality(o.not), right);
  };
const CT_OPTIONS: Readonly<Record<string, CtOption>> = {
  '--ctproto': (o, env) => {
    const number = protocolNumber(o.args[0] ?? '');
    return number === undefined ? undefined : nftTest(env, ct('protocol'), equality(o.not), number);
  },
  '--ctorigsrc': ctAddress('original', 'saddr'),
  '--ctorigdst': ctAddress('original', 'daddr'),
  '--ctreplsrc': ctAddress('reply', 'saddr'),
  '--ctrepldst': ctAddress('reply', 'daddr'),
  '--ctorigsrcport': ctPort('original', 'proto-src'),
  '--ctorigdstport': ctPort('original', 'proto-dst'),
  '--ctreplsrcport': ctPort('reply', 'proto-src'),
  '--ctrepldstport': ctPort('reply', 'proto-dst'),
  '--ctdir': (o, env) => nftTest(env, ct('direction'), equality(o.not), o.args[0] === 'REPLY' ? 1 : 0),
  '--ctstatus': (o, env) => {
    const bits = words(o).map((w) => STATUS_BITS[w]);
    if (bits.some((b) => b === undefined)) return undefined;
    return nftTest(
      env,
      ct('status'),
      o.not ? '!' : 'in',
      bits.reduce<number>((all, b) => all | (b ?? 0), 0),
    );
  },
  '--ctexpire': (o, env) => {
    const right = numberRange(o.args[0] ?? '', 0xffffffff);
    return right === undefined ? undefined : nftTest(env, ct('expiration'), equality(o.not), right);
  },
};

/** The states a packet has, NAT included, in the words of iptables. */
function ctStates(c: Context): readonly string[] {
  const { skb } = c;
  if (skb.ct === undefined || skb.ctState === undefined) return [skb.untracked ? 'UNTRACKED' : 'INVALID'];
  return [
    skb.ctState.toUpperCase(),
    ...(skb.ct.status & STATUS.srcNat ? ['SNAT'] : []),
    ...(skb.ct.status & STATUS.dstNat ? ['DNAT'] : []),
  ];
}

/** conntrack_mt(): the state first; without an entry a rule that names a state asks nothing more, and any other fails. */
export const conntrack: MatchCompiler = (part, env) => {
  const state = optionOf(part, '--ctstate', '--state');
  const tests = part.options.filter((o) => o !== state).map((o) => CT_OPTIONS[o.name]?.(o, env));
  if (tests.some((t) => t === undefined)) return undefined;
  const rest = allOf(tests.filter((t) => t !== undefined));
  const wanted = words(state);
  return (c) => {
    if (state !== undefined) {
      const has = ctStates(c);
      c.record?.reads.push({ field: 'ct state', value: has.join(',').toLowerCase() });
      const r = decided(
        has.some((s) => wanted.includes(s)),
        state.not,
        'ct state',
        has.join(',').toLowerCase(),
        wanted.join(',').toLowerCase(),
      );
      if (r !== true || c.skb.ct === undefined) return r;
    } else if (c.skb.ct === undefined)
      return { kind: 'missing', field: 'ct', because: 'the packet has no conntrack entry here' };
    return rest(c);
  };
};

// ----------------------------------------------------------------------------------------------------- addrtype

/** What nft's fib knows; the other types of iptables (THROW, NAT, XRESOLVE) no address has. */
const NO_ADDRESS: ReadonlySet<string> = new Set(['throw', 'nat', 'xresolve']);

function typeTest(o: XtOption, side: 'saddr' | 'daddr', limit: readonly string[], env: XtEnv): XtTest {
  const types = (o.args[0] ?? '')
    .toLowerCase()
    .split(',')
    .filter((t) => !NO_ADDRESS.has(t));
  const among = (names: readonly string[], not: boolean): XtTest =>
    nftTest(
      env,
      { kind: 'fib', result: 'type', flags: [side, ...limit] },
      equality(not),
      names.length === 1 ? (names[0] ?? '') : { kind: 'set', elements: names.map((key) => ({ key })) },
    );
  if (env.family === 'ip') return among(types, o.not);
  // addrtype_mt6(): kinds of addresses by their form, and a route look-up for the rest.
  const asked = types.filter((t) => t === 'local' || t === 'anycast' || t === 'unreachable');
  const byRoute = asked.length === 0 ? undefined : among(asked, false);
  return (c) => {
    const addr = BigInt(side === 'saddr' ? sourceOf(c.skb) : destinationOf(c.skb));
    const multicast = isMulticast6(addr);
    const holds =
      !(types.includes('multicast') && !multicast) &&
      !(types.includes('unicast') && (multicast || addr === 0n)) &&
      !(types.includes('unspec') && addr !== 0n);
    const r = holds && byRoute !== undefined ? byRoute(c) : holds;
    if (r instanceof Unknown) return r;
    return decided(r === true, o.not, `fib ${side} type`, r === true ? types.join(',') : 'another', types.join(','));
  };
}

/** addrtype_mt_v1() */
export const addrtype: MatchCompiler = (part, env) => {
  const limit = optionOf(part, '--limit-iface-in') ? ['iif'] : optionOf(part, '--limit-iface-out') ? ['oif'] : [];
  const source = optionOf(part, '--src-type');
  const destination = optionOf(part, '--dst-type');
  return allOf([
    ...(source === undefined ? [] : [typeTest(source, 'saddr', limit, env)]),
    ...(destination === undefined ? [] : [typeTest(destination, 'daddr', limit, env)]),
  ]);
};
