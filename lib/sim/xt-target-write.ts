/** Targets of iptables that write marks and header fields (net/netfilter/xt_mark.c, xt_connmark.c, xt_DSCP.c, xt_HL.c, xt_TCPMSS.c). */
import { u16 } from '../net/headers';
import type { Expression } from '../nft/model';
import type { Context } from './environment';
import { Broken, type Op } from './op';
import { findTcpOption } from './read-options';
import { tosOf, ttlOf, writeNetwork } from './skb';
import { argOf, optionOf, type XtPart } from './xt-line';
import { meta, type TargetCompiler, valueAndMask, type XtEnv } from './xt-test';

const has = (part: XtPart, name: string): boolean => optionOf(part, name) !== undefined;

// -------------------------------------------------------------------------------------------------------- marks

const ALL = 0xffffffff;
/** `(field & ~mask) ^ value`. */
export function replaced(field: Expression, value: Expression, mask: number): Expression {
  if (mask === ALL) return value;
  const kept: Expression = mask === 0 ? field : { kind: 'binary', op: '&', operands: [field, ~mask >>> 0] };
  return value === 0 ? kept : { kind: 'binary', op: '^', operands: [kept, value] };
}

/** What an option of MARK or CONNMARK makes of the field (libxt_MARK.c). */
const MARKS: Readonly<
  Record<string, (v: { readonly value: number; readonly mask: number }) => readonly [number, number]>
> = {
  '--set-xmark': ({ value, mask }) => [value, mask],
  '--set-mark': ({ value, mask }) => [value, (value | mask) >>> 0],
  '--and-mark': ({ value }) => [0, ~value >>> 0],
  '--or-mark': ({ value }) => [value, value],
  '--xor-mark': ({ value }) => [value, 0],
};

export function setMark(part: XtPart, field: Expression, env: XtEnv): Op | undefined {
  const [o] = part.options;
  const v = valueAndMask(o?.args[0] ?? '');
  const make = MARKS[o?.name ?? ''];
  if (v === undefined || make === undefined || part.options.length > 1) return undefined;
  const [value, mask] = make(v);
  return env.compile({ kind: 'mangle', key: field, value: replaced(field, value, mask) });
}

export const MARK = meta('mark');
const CT_MARK: Expression = { kind: 'ct', key: 'mark' };

/** connmark_tg(): set, save (packet to connection) and restore (connection to packet), each under masks. */
export const connmark: TargetCompiler = (part, env) => {
  const save = has(part, '--save-mark');
  if (!save && !has(part, '--restore-mark')) return setMark(part, CT_MARK, env);
  const both = argOf(part, '--mask');
  const mask = (name: string): number => Number(argOf(part, name) ?? both ?? ALL) >>> 0;
  const [nf, ct] = [mask('--nfmask'), mask('--ctmask')];
  const under = (field: Expression, m: number): Expression =>
    m === ALL ? field : { kind: 'binary', op: '&', operands: [field, m] };
  return env.compile(
    save
      ? { kind: 'mangle', key: CT_MARK, value: replaced(CT_MARK, under(MARK, nf), ct) }
      : { kind: 'mangle', key: MARK, value: replaced(MARK, under(CT_MARK, ct), nf) },
  );
};

// ------------------------------------------------------------------------------------------------ header fields

function change(c: Context, field: string, before: number, after: number, apply: () => void): undefined {
  if (before === after) return undefined;
  c.record?.writes.push({ field, before: String(before), after: String(after) });
  apply();
  return undefined;
}

/** ipv4_change_dsfield(), ipv6_change_dsfield(). */
export const changeTos =
  (of: (before: number) => number): Op =>
  (c) => {
    const before = tosOf(c.skb);
    const after = of(before) & 255;
    return change(c, 'tos', before, after, () => {
      if (c.skb.family !== 'ip6') writeNetwork(c.skb, 1, Uint8Array.of(after));
      else {
        const word = (u16(c.skb.data, 0) & 0xf00f) | (after << 4);
        writeNetwork(c.skb, 0, Uint8Array.of(word >> 8, word & 255));
      }
    });
  };

/** ttl_tg(), hl_tg(): the result stays within 0 and 255. */
const TTL: Readonly<Record<string, (before: number, n: number) => number>> = {
  set: (_, n) => n,
  inc: (before, n) => Math.min(255, before + n),
  dec: (before, n) => Math.max(0, before - n),
};
export const ttl: TargetCompiler = (part) => {
  const [o] = part.options;
  const make = TTL[/^--(?:ttl|hl)-(\w+)$/.exec(o?.name ?? '')?.[1] ?? ''];
  const n = Number(o?.args[0]);
  if (make === undefined || !(n >= 0)) return undefined;
  return (c) => {
    const before = ttlOf(c.skb);
    const after = make(before, n);
    const at = c.skb.family === 'ip6' ? 7 : 8;
    const field = c.skb.family === 'ip6' ? 'ip6 hoplimit' : 'ip ttl';
    return change(c, field, before, after, () => writeNetwork(c.skb, at, Uint8Array.of(after)));
  };
};

/** tcpmss_mangle_packet(): lowers the option, never raises it; adds it where it is missing, which the packet here does not show. */
export const tcpmss: TargetCompiler = (part, env) => {
  const set = argOf(part, '--set-mss');
  const value: Expression = set === undefined ? { kind: 'rt', key: 'mtu' } : Number(set);
  const op = env.compile({ kind: 'mangle', key: { kind: 'tcpOption', name: 'maxseg', field: 'size' }, value });
  return (c) => {
    if (findTcpOption(c.skb, 2) === undefined) {
      c.run.assume('tcpmss-added', 'TCPMSS adds the option to a SYN without it; the packet is shown as it was.');
      return undefined;
    }
    const r = op(c);
    return r instanceof Broken ? undefined : r;
  };
};
