/** The options of an iptables rule that belong to no module: addresses, devices, protocol, fragments. */
import { u16 } from '../net/headers';
import { protocolNumber } from '../net/protocols';
import type { Expression, Statement } from '../nft/model';
import type { XtOption } from './xt-line';
import {
  addressOrPrefix,
  decided,
  equality,
  meta,
  nftTest,
  type OptionTest,
  payload,
  unknownTest,
  type XtEnv,
  type XtTest,
} from './xt-test';

/** The option of a line and the statement by which nft shows the same. */
const GENERAL: Readonly<Record<string, { readonly shown: (left: Expression) => boolean; readonly test: OptionTest }>> =
  {
    '-s': { shown: (e) => isField(e, 'saddr'), test: address('saddr') },
    '-d': { shown: (e) => isField(e, 'daddr'), test: address('daddr') },
    '-i': { shown: (e) => isMeta(e, 'iif'), test: device('iifname') },
    '-o': { shown: (e) => isMeta(e, 'oif'), test: device('oifname') },
    '-p': {
      shown: (e) => isMeta(e, 'l4proto') || isField(e, 'protocol') || isField(e, 'nexthdr') || isTransport(e),
      test: (o, env) => {
        const number = protocolNumber(o.args[0] ?? '');
        return number === undefined ? undefined : nftTest(env, meta('l4proto'), equality(o.not), number);
      },
    },
    '-f': {
      shown: (e) => JSON.stringify(e, (_, v) => (typeof v === 'bigint' ? String(v) : v)).includes('frag-off'),
      test: (o) => (c) =>
        decided(
          (u16(c.skb.data, 6) & 0x1fff) !== 0,
          o.not,
          'ip frag-off',
          String(u16(c.skb.data, 6) & 0x1fff),
          'a later fragment',
        ),
    },
  };
const isField = (e: Expression, name: string): boolean =>
  typeof e === 'object' && e.kind === 'payload' && e.field === name;
const isTransport = (e: Expression): boolean =>
  typeof e === 'object' &&
  (e.kind === 'payload'
    ? !/^(ip6?|ether|vlan|th)$/.test(e.protocol)
    : e.kind === 'binary' && e.operands.some((o) => isTransport(o)));
const isMeta = (e: Expression, key: string): boolean =>
  typeof e === 'object' && e.kind === 'meta' && (e.key === key || e.key === `${key}name`);
function address(side: 'saddr' | 'daddr'): OptionTest {
  return (o, env) => {
    const right = addressOrPrefix(o.args[0] ?? '');
    return right === undefined ? undefined : nftTest(env, payload(env.family, side), equality(o.not), right);
  };
}
function device(key: 'iifname' | 'oifname'): OptionTest {
  return (o, env) => nftTest(env, meta(key), equality(o.not), (o.args[0] ?? '').replace(/\+$/, '*'));
}

/** Tests of general options that the line has and the listing does not show. */
export function generalTests(
  general: readonly XtOption[],
  statements: readonly Statement[],
  env: XtEnv,
): readonly XtTest[] {
  return general.flatMap((o) => {
    const known = GENERAL[o.name];
    if (known === undefined)
      return [unknownTest('xt-match-unmodelled', `The option ${o.name} of iptables is not modelled.`)];
    if (statements.some((s) => s.kind === 'match' && known.shown(s.left))) return [];
    return [
      known.test(o, env) ?? unknownTest('xt-match-unmodelled', `The option ${o.name} of iptables is not modelled.`),
    ];
  });
}
