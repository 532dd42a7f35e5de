/** The statements that kube-proxy writes, for one family, as nft lists them. */
import type { CompoundExpression, Expression, MatchOperator, Rule, SetElement, Statement, Verdict } from '../nft/model';
import type { ProxyFamily } from './addresses';

/** Nothing here has been in a kernel: there are no handles yet. */
export const NO_HANDLE = 0;

export function rule(statements: readonly Statement[], comment?: string): Rule {
  const plain = { handle: NO_HANDLE, statements, unlisted: false };
  return comment === undefined ? plain : { ...plain, comment };
}

export const match = (left: Expression, op: MatchOperator, right: Expression): Statement => ({
  kind: 'match',
  op,
  left,
  right,
});
export const jump = (target: string): Verdict => ({ kind: 'jump', target });
export const goTo = (target: string): Verdict => ({ kind: 'goto', target });
export const setref = (name: string): { readonly kind: 'setref'; readonly name: string } => ({ kind: 'setref', name });
export const concat = (...parts: readonly Expression[]): Expression => ({ kind: 'concat', parts });

export const meta = (key: string): Expression => ({ kind: 'meta', key });
const payload = (protocol: string, field: string): Expression => ({ kind: 'payload', protocol, field });
export const source = (family: ProxyFamily): Expression => payload(family, 'saddr');
export const destination = (family: ProxyFamily): Expression => payload(family, 'daddr');
/** `tcp dport` and the like; `th dport` in concatenations. */
export const destinationPort = (protocol: string): Expression => payload(protocol, 'dport');
export const addressType = (of: 'saddr' | 'daddr'): Expression => ({ kind: 'fib', result: 'type', flags: [of] });

export const IS_NEW = match({ kind: 'ct', key: 'state' }, 'in', 'new');
export const IS_DNAT = match({ kind: 'ct', key: 'status' }, 'in', 'dnat');

export const isProtocol = (protocol: string): Statement => match(meta('l4proto'), '==', protocol);
export const isInSet = (left: Expression, set: string): Statement => match(left, '==', setref(set));

export const lookUp = (map: string, ...parts: readonly Expression[]): Statement => ({
  kind: 'vmap',
  key: concat(...parts, meta('l4proto'), destinationPort('th')),
  data: setref(map),
});

const markAnd = (op: '&' | '|' | '^', mark: number): CompoundExpression => ({
  kind: 'binary',
  op,
  operands: [meta('mark'), mark],
});
/** nft lists a test of the highest bit alone as a prefix of length 1 (measured: 1.0.6). */
const HIGHEST = 0x8000_0000;
const HIGHEST_IS_0: Expression = { kind: 'prefix', addr: 0, len: 1 };
export function hasMark(mark: number, yes: boolean): Statement {
  const op = yes ? '!=' : '==';
  return mark === HIGHEST ? match(meta('mark'), op, HIGHEST_IS_0) : match(markAnd('&', mark), op, 0);
}
export const setMark = (mark: number): Statement => ({ kind: 'mangle', key: meta('mark'), value: markAnd('|', mark) });
export const flipMark = (mark: number): Statement => ({ kind: 'mangle', key: meta('mark'), value: markAnd('^', mark) });
export const MASQUERADE: Statement = { kind: 'masquerade', flags: ['fully-random'], typeFlags: [] };

export const reject = (family: ProxyFamily): Statement => ({
  kind: 'reject',
  type: family === 'ip' ? 'icmp' : 'icmpv6',
  expr: 'port-unreachable',
});

const random = (mod: number): CompoundExpression => ({ kind: 'numgen', mode: 'random', mod, offset: 0 });
const numbered = (data: readonly (Expression | Verdict)[]): readonly SetElement[] =>
  data.map((one, index) => ({ key: index, data: one }));

export const dnatTo = (address: string, port: number): Statement => ({
  kind: 'dnat',
  addr: address,
  port,
  flags: [],
  typeFlags: [],
});
/** `dnat ip addr . port to numgen random mod N map { … }` */
export const dnatToOneOf = (family: ProxyFamily, targets: readonly Expression[]): Statement => ({
  kind: 'dnat',
  family,
  addr: { kind: 'map', key: random(targets.length), data: { kind: 'set', elements: numbered(targets) } },
  flags: [],
  typeFlags: [],
});
/** `numgen random mod N vmap { 0 : goto … }` */
export const goToOneOf = (chains: readonly string[]): Statement => ({
  kind: 'vmap',
  key: random(chains.length),
  data: { kind: 'set', elements: numbered(chains.map(goTo)) },
});

export const remember = (family: ProxyFamily, set: string): Statement => ({
  kind: 'setUpdate',
  op: 'update',
  set,
  elem: source(family),
  statements: [],
});
