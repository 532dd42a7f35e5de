/** `ip -j -4 rule show` and `-6` (iproute2, ip/iprule.c) → rules of policy routing. */
import { type At, at, decoding } from '../net/json-cursor';
import { protocolNumber } from '../net/protocols';
import type { Result } from '../net/result';
import { address } from './decode-links';
import { tableName } from './decode-routes';
import { decodeTos } from './decode-tos';
import type { IpFamily, IpPrefix, PolicyRule } from './world';

/**
 * Members that are modelled, or that do not decide what a rule selects. Any other is refused: a selector that was passed
 * over would make the rule match too much.
 */
const MODELLED = new Set(
  (
    'priority not src srclen dst dstlen tos fwmark fwmask iif iif_detached oif oif_detached l3mdev uid_start uid_end ipproto ' +
    'sport sport_start sport_end dport dport_start dport_end table suppress_prefixlen goto unresolved nop action to_tbl ' +
    'protocol flow_from flow_to tun_id'
  ).split(' '),
);

/** Rules in the order of the listing. */
export function decodeRules(json: unknown, family: IpFamily): Result<readonly PolicyRule[]> {
  return decoding(() =>
    at(json)
      .items()
      .map((item) => decodeRule(item, family)),
  );
}

function decodeRule(item: At, family: IpFamily): PolicyRule {
  for (const name of Object.keys(item.object())) {
    if (!MODELLED.has(name)) item.fail(`the selector ${JSON.stringify(name)} is not modelled`);
  }
  const iif = item.optional('iif')?.string();
  const oif = item.optional('oif')?.string();
  const tos = decodeTos(item.optional('tos'));
  const mark = item.optional('fwmark')?.integerOrText(0, 0xffffffff);
  const suppress = item.optional('suppress_prefixlen')?.integer(0, 128);
  const src = prefix(item, 'src', family);
  const dst = prefix(item, 'dst', family);
  const sport = range(item, 'sport');
  const dport = range(item, 'dport');
  const ipproto = protocol(item.optional('ipproto'));
  const tunId = item.optional('tun_id')?.integer();
  const uidStart = item.optional('uid_start')?.integer();
  return {
    family,
    priority: item.key('priority').integer(0, 0xffffffff),
    not: item.has('not'),
    ...(src !== undefined && { src }),
    ...(dst !== undefined && { dst }),
    ...(iif !== undefined && { iif }),
    ...(oif !== undefined && { oif }),
    // A mask of all ones is not printed.
    ...(mark !== undefined && {
      fwmark: mark,
      fwmask: item.optional('fwmask')?.integerOrText(0, 0xffffffff) ?? 0xffffffff,
    }),
    ...(tos !== undefined && { tos }),
    ...(ipproto !== undefined && { ipproto }),
    ...(sport !== undefined && { sport }),
    ...(dport !== undefined && { dport }),
    ...(uidStart !== undefined && { uidRange: [uidStart, item.key('uid_end').integer()] as const }),
    ...(tunId !== undefined && { tunId }),
    l3mdev: item.has('l3mdev'),
    ...(suppress !== undefined && { suppressPrefixLen: suppress }),
    action: actionOf(item),
  };
}

/** A rule `l3mdev` has no table of its own: the table is that of the packet's VRF, here named `l3mdev`. */
function actionOf(item: At): PolicyRule['action'] {
  const action = (item.optional('action') ?? item.optional('to_tbl'))?.oneOf(['unreachable', 'blackhole', 'prohibit']);
  if (action !== undefined) return { kind: action };
  if (item.has('nop') || item.has('unresolved')) return { kind: 'nop' };
  const target = item.optional('goto');
  if (target !== undefined)
    return target.value === 'none' ? { kind: 'nop' } : { kind: 'goto', priority: target.integer() };
  const table = tableName(item.optional('table'));
  if (table !== undefined) return { kind: 'table', table };
  return item.has('l3mdev') ? { kind: 'table', table: 'l3mdev' } : item.fail('no table and no action');
}

/** `"src": "all"`, `"10.0.1.128"` with `"srclen": 25`, or a lone address; `"0"` with a length is a prefix of zeros. */
function prefix(item: At, name: 'src' | 'dst', family: IpFamily): IpPrefix | undefined {
  const base = item.optional(name);
  if (base === undefined || base.value === 'all') return undefined;
  const bits = family === 'ip' ? 32 : 128;
  const len = item.optional(`${name}len`)?.integer(0, bits) ?? bits;
  return { addr: base.value === '0' ? (family === 'ip' ? 0 : 0n) : address(base, family), len };
}

function range(item: At, name: 'sport' | 'dport'): readonly [number, number] | undefined {
  const one = item.optional(name)?.integer(0, 65535);
  if (one !== undefined) return [one, one];
  const start = item.optional(`${name}_start`)?.integer(0, 65535);
  return start === undefined ? undefined : [start, item.key(`${name}_end`).integer(0, 65535)];
}

function protocol(item: At | undefined): number | undefined {
  if (item === undefined) return undefined;
  const word = typeof item.value === 'number' ? item.integer(0, 255) : item.string();
  return protocolNumber(word) ?? item.fail(`unknown protocol ${JSON.stringify(item.value)}`);
}
