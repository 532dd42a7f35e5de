/** Matches of iptables as tests of the packet. */
import type { Expression, MatchOperator, Statement } from '../nft/model';
import type { Scope } from './compile-expression';
import { compileMatch, type MatchResult } from './compile-match';
import type { Context } from './environment';
import type { Op } from './op';
import { Unknown } from './value';
import type { XtOption, XtPart } from './xt-line';

/** `hotdrop`: the kernel drops the packet because a header is cut short (xt_action_param.hotdrop). */
export type XtTest = (c: Context) => MatchResult | 'hotdrop';

/** What compiling a part needs. */
export interface XtEnv {
  readonly scope: Scope;
  readonly family: 'ip' | 'ip6';
  /** Compiles a statement in nft's own terms. */
  readonly compile: (s: Statement) => Op;
}

/** A test in nft's own terms. */
export const nftTest = (env: XtEnv, left: Expression, op: MatchOperator, right: Expression): XtTest =>
  compileMatch({ kind: 'match', op, left, right }, env.scope);

/** Compiles a target; undefined where an option of it is not modelled. */
export type TargetCompiler = (part: XtPart, env: XtEnv) => Op | undefined;
/** Compiles one option; undefined where it makes no sense. */
export type OptionTest = (o: XtOption, env: XtEnv) => XtTest | undefined;
/** Compiles a module; undefined where an option of it is not modelled. */
export type MatchCompiler = (part: XtPart, env: XtEnv) => XtTest | undefined;

export const equality = (not: boolean): MatchOperator => (not ? '!=' : '==');

/** All must hold. One that says no decides, whatever others do not know. */
export function allOf(tests: readonly XtTest[]): XtTest {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (c) => {
    let open: Unknown | undefined;
    for (const test of tests) {
      const r = test(c);
      if (r instanceof Unknown) open ??= r;
      else if (r !== true) return r;
    }
    return open ?? true;
  };
}

/** A yes or no, turned round by `!`. */
export const decided = (holds: boolean, not: boolean, field: string, saw: string, wanted: string): MatchResult =>
  holds !== not ? true : { kind: 'value', field, saw, op: not ? '!=' : '', wanted };

export const unknownTest = (code: string, say: string, settle = 'Assume whether the rule matches.'): XtTest => {
  const u = new Unknown({ code, say, settle });
  return () => u;
};

export const payload = (protocol: string, field: string): Expression => ({ kind: 'payload', protocol, field });
export const meta = (key: string): Expression => ({ kind: 'meta', key });

/** `80`, `80:90`, `80:`, `:90`, `10-20`. */
export function numberRange(text: string, max: number): Expression | undefined {
  const m = /^(0x[0-9a-f]+|\d*)(?:([:-])(0x[0-9a-f]+|\d*))?$/i.exec(text);
  if (m === null || text === '') return undefined;
  const from = m[1] === '' || m[1] === undefined ? 0 : Number(m[1]);
  if (m[2] === undefined) return from;
  const to = m[3] === '' || m[3] === undefined ? max : Number(m[3]);
  return { kind: 'range', from, to };
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1`. */
export function addressOrPrefix(text: string): Expression | undefined {
  const [addr = '', mask] = text.split('/');
  if (mask === undefined) return addr;
  if (/^\d+$/.test(mask)) return { kind: 'prefix', addr, len: Number(mask) };
  const bits = mask
    .split('.')
    .map((b) => Number(b).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32
    ? { kind: 'prefix', addr, len: bits.indexOf('0') < 0 ? 32 : bits.indexOf('0') }
    : undefined;
}

/** `0x1/0xff`: value and mask; the mask is all ones where none is given. */
export function valueAndMask(text: string): { readonly value: number; readonly mask: number } | undefined {
  const m = /^(0x[0-9a-f]+|\d+)(?:\/(0x[0-9a-f]+|\d+))?$/i.exec(text);
  return m === null
    ? undefined
    : { value: Number(m[1]) >>> 0, mask: m[2] === undefined ? 0xffffffff : Number(m[2]) >>> 0 };
}
