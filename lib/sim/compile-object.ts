/** Statements that refer to a named object (counter, quota, limit, helper, synproxy, …); tproxy and synproxy themselves. */
import { parseAddress } from '../net/address';
import { PROTO } from '../net/protocols';
import type { DataType } from '../nft/datatypes';
import type { Expression, ObjectReferenceStatement } from '../nft/model';
import { compileExpression, compileLookup, Miss, type Scope, typesIn } from './compile-expression';
import { STATUS, sameExpectation } from './conntrack-state';
import type { Context } from './environment';
import { type SynproxyOptions, sendSynproxyAnswer } from './generated';
import { Broken, type Op, type OpResult, stop } from './op';
import { need } from './operand';
import { listenerAsked } from './read-route';
import { askLimit, askQuota, objectState } from './set-update';
import { lengthOf, rejectChecksumWrong } from './skb';
import { Missing, type Scalar, Unknown } from './value';

export function compileObject(s: ObjectReferenceStatement, scope: Scope): Op {
  const name = s.name;
  const get: (c: Context) => string | Broken =
    typeof name === 'object' && name.kind === 'map'
      ? (() => {
          const find = compileLookup(name.key, name.data, scope);
          return (c: Context) => {
            const found = find(c);
            if (found instanceof Unknown) return stop(c, found);
            if (found instanceof Missing)
              return new Broken(
                found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
              );
            return String(found.element.data ?? '');
          };
        })()
      : () => String(name);
  return (c) => {
    const which = get(c);
    if (which instanceof Broken) return which;
    const object = scope.table.object(s.object, which);
    if (object === undefined)
      return c.run.undecided(
        'object-not-listed',
        `The ${s.object} ${which} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    switch (object.kind) {
      case 'counter': {
        const state = objectState(object, c);
        state.packets++;
        state.bytes += lengthOf(c.skb, c.hook);
        return undefined;
      }
      case 'quota':
        return askQuota(Number(object.bytes), object.over, objectState(object, c), c)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: `quota ${which}`,
              say: object.over ? 'the quota is not used up' : 'the quota is used up',
            });
      case 'limit':
        return askLimit(object, objectState(object, c), c, `limit ${which}`)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: `limit ${which}`,
              say: object.over ? 'the rate is within the limit' : 'the rate exceeds the limit',
            });
      case 'ct helper': {
        const { ct } = c.skb;
        const { l3proto } = object;
        const ofFamily = l3proto === undefined || l3proto === 'inet' || l3proto === ct?.family;
        if (ct !== undefined && !(ct.status & STATUS.confirmed) && ct.helper === undefined && ofFamily) {
          const number = object.protocol === 'tcp' ? PROTO.tcp : PROTO.udp;
          if (ct.original.protocol === number) {
            ct.helper = object.type;
            ct.status |= STATUS.helper;
          }
        }
        return undefined;
      }
      case 'ct expectation':
        return expectConnection(c, object);
      case 'ct timeout':
        giveTimeout(c, object);
        return undefined;
      case 'secmark':
      case 'tunnel':
        return undefined;
      case 'synproxy':
        if (c.skb.headers.l4proto !== PROTO.tcp)
          return new Broken({ kind: 'missing', field: 'synproxy', because: 'the packet is not tcp' });
        return synproxy(c, object);
      case 'unsupported':
        return c.run.undecided(
          'unsupported-statement',
          `The object ${which} is not modelled.`,
          'Assume what it does.',
          c.at,
        );
    }
  };
}

/** Seconds of the first state of a protocol, where a policy does not name them (tcp_timeouts, udp_timeouts). */
const FIRST: { readonly [protocol: string]: readonly [state: string, seconds: number] } = {
  tcp: ['syn_sent', 120],
  udp: ['unreplied', 30],
};

/** nft_ct_timeout_obj_eval(): a connection that is not stored yet begins anew, by the policy. */
function giveTimeout(
  c: Context,
  object: { readonly protocol: string; readonly policy: readonly (readonly [string, number])[] },
) {
  const { ct, headers } = c.skb;
  const first = FIRST[object.protocol];
  if (ct === undefined || first === undefined || ct.status & (STATUS.confirmed | STATUS.template)) return;
  if (headers.l4proto !== (object.protocol === 'tcp' ? PROTO.tcp : PROTO.udp)) return;
  ct.policy = new Map(object.policy);
  ct.lifetime = ct.policy.get(first[0]) ?? first[1];
}

/**
 * nft_ct_expect_obj_eval(): a new connection expects one from its server to a port of its client. Where another connection expects
 * the same the packet is dropped (nf_ct_expect_related).
 */
function expectConnection(c: Context, object: { readonly protocol: string; readonly dport: number }): OpResult {
  const { ct } = c.skb;
  if (ct === undefined || ct.status & (STATUS.confirmed | STATUS.template))
    return new Broken({ kind: 'statement', say: 'the packet opens no connection' });
  const from = ct[c.skb.ctDir === 'original' ? 'reply' : 'original'];
  const expected = {
    src: from.src,
    dst: from.dst,
    protocol: object.protocol === 'tcp' ? PROTO.tcp : PROTO.udp,
    dport: object.dport,
  };
  if (c.run.state.ct.expecting(expected, ct.zone) !== undefined) return { kind: 'drop' };
  const others = (ct.expects ?? []).filter((e) => !sameExpectation(e, expected));
  ct.expects = [...others, expected];
  c.run.state.ct.anyExpected = true;
  return undefined;
}

/** nft_tproxy_eval_v4(), tproxy_tg4(): a socket that listens at the proxy's address and port, and is transparent, gets the packet. */
export function tproxy(addr: Expression | undefined, port: Expression | undefined, scope: Scope, c: Context): OpResult {
  const to = port === undefined ? undefined : need(compileExpression(port, scope, portType(scope))(c), c);
  if (to instanceof Broken) return to;
  const address = typeof addr === 'string' ? parseAddress(addr)?.value : undefined;
  const found = listenerAsked(c, { port: to === undefined ? undefined : Number(to as Scalar), address });
  if (found === undefined || (found !== 'none' && found.transparent === undefined))
    return c.run.undecided(
      'sockets-unknown',
      'Whether a transparent socket listens is not in the capture.',
      'Capture ss -HltunO --inet-sockopt on the node.',
      c.at,
    );
  if (found === 'none' || !found.transparent)
    return new Broken({ kind: 'statement', say: 'no transparent socket takes the packet' });
  c.skb.transparentSocket = true;
  return undefined;
}

const portType = (scope: Scope): DataType | undefined =>
  typesIn({ kind: 'payload', protocol: 'tcp', field: 'sport' }, scope)[0];

/** nft_synproxy_do_eval(): a SYN is answered and swallowed; an acknowledgement must fit a cookie that nobody can foresee. */
export function synproxy(c: Context, options: SynproxyOptions): OpResult {
  const { skb, run } = c;
  // The kernel checks IPv6 segments with the IPv4 routine (nf_ip_checksum in nft_synproxy_do_eval) and drops them: measured on 6.18
  // for a packet whose checksum no network card has vouched for.
  if (skb.family === 'ip6') {
    run.assume(
      'synproxy-ipv6',
      'The network card is taken not to have checked the checksum, without which the kernel drops IPv6 here.',
    );
    return { kind: 'drop' };
  }
  if (rejectChecksumWrong(skb, c.hook, true)) return { kind: 'drop' };
  const flags = skb.data[skb.headers.thoff + 13];
  if (flags === undefined) return { kind: 'drop' };
  if (flags & 2) {
    sendSynproxyAnswer(run, skb, options);
    return { kind: 'stolen' };
  }
  if (!(flags & 16)) return undefined;
  return run.undecided(
    'synproxy-cookie',
    'Whether the acknowledgement fits the cookie of the SYN proxy is not in the capture.',
    'Assume that the handshake is completed, or not.',
    c.at,
  );
}
