/** The keys of a packet, its marks, its connection and its route, as nft writes them: `ip daddr`, `ct original zone`. */
import type {
  CtExpression,
  Expression,
  FibExpression,
  IpsecExpression,
  NumgenExpression,
  OsfExpression,
  PayloadExpression,
  RawPayloadExpression,
  RawTcpOptionExpression,
  SocketExpression,
  SymhashExpression,
} from '../nft/model';

/** `word ` or nothing. */
export const prefixed = (word: string | undefined): string => (word === undefined ? '' : `${word} `);
/** ` word` or nothing. */
export const suffixed = (word: string | undefined): string => (word === undefined ? '' : ` ${word}`);

/** The meta keys that nft writes without the word `meta`. */
const UNQUALIFIED_META: ReadonlySet<string> = new Set(['iif', 'iifname', 'iifgroup', 'oif', 'oifname', 'oifgroup']);

export const metaText = (key: string): string => (UNQUALIFIED_META.has(key) ? key : `meta ${key}`);

export function payloadText(expr: PayloadExpression): string {
  const { tunnel, protocol, field } = expr;
  return tunnel === undefined || tunnel === protocol ? `${protocol} ${field}` : `${tunnel} ${protocol} ${field}`;
}

export function rawPayloadText(expr: RawPayloadExpression): string {
  return `${prefixed(expr.tunnel)}@${expr.base},${expr.offset},${expr.len}`;
}

/** `ct original saddr` without a family is written with the family of the address it is compared with. */
export function ctText(expr: CtExpression, right: Expression | undefined): string {
  const { dir, family, key } = expr;
  const isBare = family === undefined && (key === 'saddr' || key === 'daddr');
  const shown = isBare && right !== undefined ? addressFamily(right) : family;
  return `ct ${prefixed(dir)}${prefixed(shown)}${key}`;
}

/** The family of the first address in an expression; undefined where there is none. */
function addressFamily(expr: Expression): 'ip' | 'ip6' | undefined {
  if (typeof expr === 'string') return expr.includes(':') ? 'ip6' : 'ip';
  if (typeof expr !== 'object') return undefined;
  switch (expr.kind) {
    case 'prefix':
      return addressFamily(expr.addr);
    case 'range':
      return addressFamily(expr.from);
    case 'set':
      return expr.elements[0] === undefined ? undefined : addressFamily(expr.elements[0].key);
    default:
      return undefined;
  }
}

/** The existence of an option is a comparison of its kind with a boolean. */
export function rawTcpOptionText(expr: RawTcpOptionExpression, right: Expression | undefined): string {
  const kindOnly = expr.offset === 0 && expr.len <= 8 && (right === undefined || isExistence(right));
  return kindOnly ? `tcp option ${expr.base}` : `tcp option @${expr.base},${expr.offset},${expr.len}`;
}

/** True for exists and missing, also as elements of a set. */
function isExistence(expr: Expression): boolean {
  if (typeof expr !== 'object') return typeof expr === 'boolean';
  if (expr.kind === 'set') return expr.elements.length > 0 && expr.elements.every(({ key }) => isExistence(key));
  return expr.kind === 'prefix' && isExistence(expr.addr);
}

/** `hasCheck`: the version writes a test for a route as `fib … check exists`, not `fib … oif exists`. */
export function fibText(expr: FibExpression, hasCheck: boolean, right: Expression | undefined): string {
  const check = hasCheck && expr.result === 'oif' && right !== undefined && isExistence(right);
  return `fib ${expr.flags.join(' . ')} ${check ? 'check' : expr.result}`;
}

export function socketText(expr: SocketExpression): string {
  return `socket ${expr.key}${expr.level === undefined ? '' : ` level ${expr.level}`}`;
}

export function osfText(expr: OsfExpression): string {
  return `osf ${expr.ttl === undefined ? '' : `ttl ${expr.ttl} `}${expr.key}`;
}

export function ipsecText(expr: IpsecExpression): string {
  const spnum = expr.spnum === undefined || expr.spnum === 0 ? '' : `spnum ${expr.spnum} `;
  return `ipsec ${prefixed(expr.dir)}${spnum}${prefixed(expr.family)}${expr.key}`;
}

/** nft leaves out an offset of 0. */
export const offsetText = (offset: number | undefined): string =>
  offset === undefined || offset === 0 ? '' : ` offset ${offset}`;

export function numgenText(expr: NumgenExpression): string {
  return `numgen ${expr.mode} mod ${expr.mod}${offsetText(expr.offset)}`;
}

export function symhashText(expr: SymhashExpression): string {
  return `symhash mod ${expr.mod}${offsetText(expr.offset)}`;
}
