/** Matches of iptables that ask for more than headers: sockets, devices, routes, chance, rates (net/netfilter/xt_*.c). */
import { PROTO } from '../net/protocols';
import { nextPosition, settled } from './compile-expression';
import type { Context } from './environment';
import { askOwner } from './owner';
import { listenerAsked } from './read-route';
import { askLimit, askQuota } from './set-update';
import { destinationOf, sourceOf } from './skb';
import { Unknown } from './value';
import { optionOf, type XtOption } from './xt-line';
import { addrtype, conntrack } from './xt-match-ct';
import { decided, type MatchCompiler, nftTest } from './xt-test';

// -------------------------------------------------------------------------------------------- chance and rates

/** statistic_mt(): by chance with a probability of 31 bits, or every nth packet. */
const statistic: MatchCompiler = (part) => {
  const mode = optionOf(part, '--mode')?.args[0];
  if (mode === 'random') {
    const o = optionOf(part, '--probability');
    const p = Math.round(Number(o?.args[0]) * 2 ** 31) / 2 ** 31;
    if (o === undefined || !(p >= 0 && p <= 1)) return undefined;
    const what = `statistic random ${o.args[0] ?? ''}`;
    const yes = o.not ? 1 - p : p;
    const no = {
      kind: 'limited',
      what: 'statistic',
      say: `chance (${o.args[0] ?? ''}) passed this packet over`,
    } as const;
    if (yes === 0 || yes === 1) return () => (yes === 1 ? true : no);
    const options = [
      { value: 'match', probability: yes },
      { value: 'no match', probability: 1 - yes },
    ];
    return (c) => (c.run.choose(what, c.at, options) === 0 ? true : no);
  }
  const every = optionOf(part, '--every');
  const n = Number(every?.args[0]);
  const start = Number(optionOf(part, '--packet')?.args[0] ?? 0);
  if (mode !== 'nth' || every === undefined || !(n >= 1)) return undefined;
  const what = `statistic nth every ${n}`;
  return (c) => {
    const at = settled(nextPosition(part, n, what, c, start), c, []);
    if (at instanceof Unknown) return at;
    // The counter matches when it wraps.
    return (Number(at) === n - 1) !== every.not
      ? true
      : { kind: 'limited', what, say: 'it is not the turn of this packet' };
  };
};

/** limit_mt(): a bucket of packets. */
const limit: MatchCompiler = (part) => {
  const [rate = '3', unit = 'hour'] = (optionOf(part, '--limit')?.args[0] ?? '3/hour').split('/');
  const per = unit.startsWith('s') ? 'second' : unit.startsWith('m') ? 'minute' : unit.startsWith('h') ? 'hour' : 'day';
  const burst = Number(optionOf(part, '--limit-burst')?.args[0] ?? 5);
  const bucket = { rate: Number(rate), per, over: false, burst };
  return (c) =>
    askLimit(bucket, c.run.state.of(part), c, 'the limit in this rule')
      ? true
      : { kind: 'limited', what: 'limit', say: 'the rate exceeds the limit' };
};

const hashlimit: MatchCompiler = (part) => {
  const above = optionOf(part, '--hashlimit-above');
  const upto = optionOf(part, '--hashlimit-upto', '--hashlimit');
  const holds = above === undefined ? upto?.not !== true : above.not;
  return (c) => {
    c.run.assume('hashlimit-below', 'Every hashlimit is taken to be below its rate.');
    return holds ? true : { kind: 'limited', what: 'hashlimit', say: 'the rate is taken to be below the limit' };
  };
};

const quota: MatchCompiler = (part) => {
  const o = optionOf(part, '--quota');
  if (o === undefined) return undefined;
  return (c) => {
    if (!c.run.state.fresh) c.run.assume('quota-left', 'The quota in this rule is taken to be unused.');
    return askQuota(Number(o.args[0]), o.not, c.run.state.of(part), c)
      ? true
      : { kind: 'limited', what: 'quota', say: o.not ? 'the quota is not used up' : 'the quota is used up' };
  };
};

/** connlimit_mt(): connections of the same client (or server) network, those of the capture and this one. */
const connlimit: MatchCompiler = (part, env) => {
  const above = optionOf(part, '--connlimit-above');
  const o = above ?? optionOf(part, '--connlimit-upto');
  if (o === undefined) return undefined;
  const side = optionOf(part, '--connlimit-daddr') === undefined ? 'src' : 'dst';
  const bits = env.family === 'ip' ? 32 : 128;
  const len = Number(optionOf(part, '--connlimit-mask')?.args[0] ?? bits);
  const network = (v: number | bigint): bigint => BigInt(v) >> BigInt(bits - len);
  const over = (above !== undefined) !== o.not;
  return (c) => {
    const { conntrack } = c.run.p.world;
    if (!conntrack.known)
      return new Unknown({
        code: 'conntrack-unknown',
        say: 'The rule counts connections, which are not in the capture.',
        settle: 'Capture conntrack -L on the node.',
      });
    if (!c.run.state.fresh)
      c.run.assume('connlimit-counted', 'A connlimit is taken to have seen every connection of the capture.');
    const own = c.skb.ct;
    const mine = network(side === 'src' ? sourceOf(c.skb) : destinationOf(c.skb));
    const others = c.run.state.ct
      .all()
      .filter((x) => x !== own && x.family === env.family && network(x.original[side]) === mine).length;
    const count = others + 1;
    return count > Number(o.args[0]) === over
      ? true
      : {
          kind: 'limited',
          what: 'connlimit',
          say: `${count} connections of this network are ${over ? 'within' : 'above'} the limit`,
        };
  };
};

// ------------------------------------------------------------------------------------------------------- recent

/**
 * recent_mt(): `--set` always holds. What a list holds is not captured: the client is taken to be new to it, and that is said, as a
 * set of session affinity has no entry for a client that was never seen.
 */
const recent: MatchCompiler = (part) => {
  const set = optionOf(part, '--set');
  const name = optionOf(part, '--name')?.args[0] ?? 'DEFAULT';
  if (set !== undefined) return set.not ? undefined : () => true;
  const check = ['--rcheck', '--update', '--remove']
    .map((option) => optionOf(part, option))
    .find((o) => o !== undefined);
  if (check === undefined) return undefined;
  return (c) => {
    c.run.assume(
      'xt-recent',
      `The client is taken not to be in the list ${name} of recent addresses, which is not in the capture.`,
    );
    return check.not ? true : { kind: 'miss', set: name, key: 'the client', size: 0, negated: false };
  };
};

// ------------------------------------------------------------------------------------- sender, devices, routes

const within = (text: string | undefined, value: number): boolean => {
  const [from = 0, to = from] = (text ?? '').split('-').map(Number);
  return value >= from && value <= to;
};

/**
 * The kernel's own answers leave through a socket that no file belongs to: ICMP, and resets of the TCP stack (icmp_xmit_lock,
 * ipv4_tcp_sk). The reset of a REJECT, which conntrack counts as related, has none.
 */
const ofKernelSocket = ({ role, local, headers, ctState }: Context['skb']): boolean =>
  role === 'generated' &&
  local &&
  (headers.l4proto === PROTO.icmp ||
    headers.l4proto === PROTO.icmpv6 ||
    (headers.l4proto === PROTO.tcp && ctState !== 'related'));

/** owner_mt(): a packet of no socket matches only where every option is turned round. */
const owner: MatchCompiler = (part) => {
  const uid = optionOf(part, '--uid-owner');
  const gid = optionOf(part, '--gid-owner');
  const exists = optionOf(part, '--socket-exists');
  if (part.options.some((o) => o !== uid && o !== gid && o !== exists)) return undefined;
  const none = { kind: 'missing', field: 'meta skuid', because: 'the packet belongs to no socket' } as const;
  return (c) => {
    const { sk } = c.skb;
    const bare = sk === undefined && ofKernelSocket(c.skb);
    if (sk === undefined && !bare) return part.options.every((o) => o.not) ? true : none;
    if (exists?.not === true) return { kind: 'value', field: 'socket', saw: 'exists', op: '', wanted: 'none' };
    if (sk === undefined) return [uid, gid].every((o) => o === undefined || o.not) ? true : none;
    for (const [o, part] of [
      [uid, 'uid'],
      [gid, 'gid'],
    ] as const) {
      if (o === undefined) continue;
      const own = askOwner(c.run, sk, part);
      if (within(o.args[0], own) === o.not)
        return decided(false, false, `meta sk${part}`, String(own), `${o.not ? '!= ' : ''}${o.args[0] ?? ''}`);
    }
    return true;
  };
};

const PHYSDEV: Readonly<Record<string, (o: XtOption, p: { readonly in: string; readonly out?: string }) => boolean>> = {
  '--physdev-in': (o, p) => named(o.args[0] ?? '', p.in),
  '--physdev-out': (o, p) => named(o.args[0] ?? '', p.out ?? ''),
  '--physdev-is-in': () => true,
  '--physdev-is-out': (_, p) => p.out !== undefined,
  '--physdev-is-bridged': (_, p) => p.out !== undefined,
};
const named = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** physdev_mt(): a packet that crosses no bridge matches only where every option is turned round. */
const physdev: MatchCompiler = (part) => {
  if (part.options.some((o) => PHYSDEV[o.name] === undefined)) return undefined;
  return (c) => {
    const ports = c.skb.bridgePorts;
    for (const o of part.options) {
      const holds = ports !== undefined && PHYSDEV[o.name]?.(o, ports) === true;
      if (holds === o.not)
        return decided(
          false,
          false,
          'physdev',
          ports === undefined ? 'no bridge' : `${ports.in} to ${ports.out ?? 'this host'}`,
          [o.not ? '!' : '', o.name, ...o.args].join(' ').trim(),
        );
    }
    return true;
  };
};

/** rpfilter_mt(): whether the way back to the source exists, and for the strict form leads through the input device. */
const rpfilter: MatchCompiler = (part, env) => {
  const has = (name: string): boolean => optionOf(part, name) !== undefined;
  const invert = has('--invert');
  const flags = ['saddr', ...(has('--validmark') ? ['mark'] : []), ...(has('--loose') ? [] : ['iif'])];
  const back = nftTest(env, { kind: 'fib', result: 'oif', flags }, '==', true);
  const local = nftTest(env, { kind: 'fib', result: 'type', flags: ['saddr'] }, '==', 'local');
  return (c) => {
    let r = c.skb.iif?.type === 'loopback' ? true : back(c);
    if (r !== true && has('--accept-local')) r = local(c);
    if (r instanceof Unknown) return r;
    return decided(r === true, invert, 'fib saddr oif', r === true ? 'exists' : 'missing', 'exists');
  };
};

/** socket_match(): a socket that takes the packet; one bound to any address counts with --nowildcard only. */
const socket: MatchCompiler = (part) => (c) => {
  const has = (name: string): boolean => optionOf(part, name) !== undefined;
  const found = listenerAsked(c);
  if (found === undefined || (found === 'none' && c.skb.ctState === 'established'))
    return new Unknown({
      code: 'sockets-unknown',
      say: 'Whether a socket takes the packet is not in the capture.',
      settle: 'Capture ss -Hltun on the node.',
    });
  if (found === 'none') return { kind: 'missing', field: 'socket', because: 'no socket takes this packet' };
  if (found.wildcard && !has('--nowildcard'))
    return { kind: 'missing', field: 'socket', because: 'the socket is bound to any address' };
  if (has('--transparent') && found.transparent === undefined)
    return new Unknown({
      code: 'sockets-unknown',
      say: 'Whether the socket is transparent is not in the capture.',
      settle: 'Capture ss -HltunO --inet-sockopt on the node.',
    });
  return has('--transparent') && !found.transparent
    ? { kind: 'value', field: 'socket transparent', saw: '0', op: '', wanted: '1' }
    : true;
};

const policy: MatchCompiler = (part) => {
  const none = optionOf(part, '--pol')?.args[0] === 'none';
  return () =>
    none ? true : { kind: 'missing', field: 'ipsec', because: 'the packet came through no IPsec transformation' };
};

export const STATE_MATCHES: Readonly<Record<string, MatchCompiler>> = {
  addrtype,
  connlimit,
  conntrack,
  hashlimit,
  limit,
  owner,
  physdev,
  policy,
  quota,
  recent,
  rpfilter,
  socket,
  state: conntrack,
  statistic,
};
