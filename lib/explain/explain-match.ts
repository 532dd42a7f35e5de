/** The condition of a match, to stand behind `if`. */
import type { AnonymousSet, Expression, LimitStatement, MatchStatement } from '../nft/model';
import { unreachable } from '../nft/model';
import type { RenderContext } from '../render/context';
import { limitText } from '../render/render-stateful';
import { type ExplainContext, size, valueText } from './explain-context';
import { fieldWords, listWords } from './field-words';
import { code, em, name, plain, strong, type Word } from './words';

/** A missing field makes no match, also for `!=`; worth a word only there. */
export function missingField({ op, left }: MatchStatement): string | undefined {
  if (op !== '!=' || typeof left !== 'object') return undefined;
  return left.kind === 'payload' || left.kind === 'ct'
    ? 'A packet that has no such field does not match either.'
    : undefined;
}

export function matchWords(match: MatchStatement, ctx: ExplainContext): readonly Word[] {
  const { op, left, right } = match;
  const { render } = ctx;
  const special = specialMatch(match, render);
  if (special !== undefined) return special;
  const not = op === '!=';
  const is = not ? [plain(' is '), em('not')] : [plain(' is')];
  const of = [plain('the '), ...fieldWords(left, render)];
  switch (op) {
    case '<':
    case '>':
    case '<=':
    case '>=':
      return [...of, plain(` is ${COMPARISON[op]} `), code(valueText(left, right, render))];
    case '!':
      return [
        plain('none of '),
        code(valueText(left, right, render)),
        plain(' is set in the '),
        ...fieldWords(left, render),
      ];
    case '==':
    case '!=':
    case 'in':
      break;
    default:
      return unreachable(op);
  }
  if (typeof right === 'object') {
    switch (right.kind) {
      case 'setref':
        return [...of, ...is, plain(' in the set '), name(right.name), ...size(right.name, ctx)];
      case 'set':
        return right.elements.length === 1
          ? [...of, ...is, plain(' '), code(elementText(left, right, render))]
          : [...of, ...is, plain(' one of '), code(elementText(left, right, render))];
      case 'prefix':
        return [...of, ...is, plain(' in '), code(valueText(left, right, render))];
      case 'range':
        return [
          ...of,
          ...is,
          plain(' between '),
          code(valueText(left, right.from, render)),
          plain(' and '),
          code(valueText(left, right.to, render)),
        ];
      case 'list':
        return [
          ...of,
          ...is,
          plain(' '),
          ...listWords(
            right.items.map((item) => [code(valueText(left, item, render))]),
            'or',
          ),
        ];
      default:
        break;
    }
  }
  return [...of, ...is, plain(' '), code(valueText(left, right, render))];
}

const COMPARISON = { '<': 'below', '>': 'above', '<=': 'at most', '>=': 'at least' } as const;

/** Matches that have better words than `the FIELD is VALUE`. */
function specialMatch({ op, left, right }: MatchStatement, render: RenderContext): readonly Word[] | undefined {
  if (typeof left !== 'object') return undefined;
  const not = op === '!=';
  if (typeof right === 'boolean') {
    const there = right !== not;
    if (left.kind === 'fib')
      return [plain('a route to the '), plain(fibAddress(left.flags)), plain(there ? ' exists' : ' is missing')];
    return [plain('the '), ...fieldWords(left, render), plain(there ? ' is there' : ' is missing')];
  }
  if (left.kind === 'fib' && left.result === 'type' && right === 'local') {
    return [plain(`the ${fibAddress(left.flags)} is ${not ? 'not ' : ''}one of this node's own`)];
  }
  if (left.kind === 'meta' && left.key === 'l4proto' && typeof right === 'string') {
    return [plain(`the packet is ${not ? 'not ' : ''}`), strong(right.toUpperCase())];
  }
  if (left.kind === 'ct' && left.key === 'state') {
    const states = bitNames(right);
    if (states !== undefined) return connectionState(states, not);
  }
  if (left.kind === 'ct' && left.key === 'status' && right === 'dnat') {
    return [plain(`the connection's destination was ${not ? 'not ' : ''}translated (DNAT)`)];
  }
  if (left.kind === 'ct' && left.key === 'status' && right === 'snat') {
    return [plain(`the connection's source was ${not ? 'not ' : ''}translated (SNAT)`)];
  }
  if (left.kind === 'payload' && left.field === 'flags' && op === 'in') {
    return [plain('one of the TCP flags '), code(valueText(left, right, render)), plain(' is set')];
  }
  return bitTest({ kind: 'match', op, left, right }, render);
}

const fibAddress = (flags: readonly string[]): string =>
  flags.includes('daddr') ? 'destination address' : 'source address';

/** The names in `new`, `established,related` or `{ new, established }`. */
function bitNames(right: Expression): readonly string[] | undefined {
  const items =
    typeof right === 'object'
      ? right.kind === 'list'
        ? right.items
        : right.kind === 'set'
          ? right.elements.map((e) => e.key)
          : undefined
      : [right];
  return items?.every((item): item is string => typeof item === 'string') === true ? items : undefined;
}

const STATE: Readonly<Record<string, string>> = {
  new: 'is new: this is its first packet',
  established: 'is established: packets went both ways',
  related: 'is related to another one',
  invalid: 'is invalid: conntrack cannot place the packet',
  untracked: 'is not tracked',
};

function connectionState(states: readonly string[], not: boolean): readonly Word[] {
  const [only] = states;
  const words = only === undefined ? undefined : STATE[only];
  if (states.length === 1 && words !== undefined && !not) return [plain(`the connection ${words}`)];
  return [
    plain('the connection is '),
    ...(not ? [em('not'), plain(' ')] : []),
    ...listWords(
      states.map((state) => [plain(state)]),
      'or',
    ),
  ];
}

/** `meta mark & 0x4000 != 0`: a bit, or several, of a field. */
function bitTest({ op, left, right }: MatchStatement, render: RenderContext): readonly Word[] | undefined {
  if (typeof left !== 'object' || left.kind !== 'binary' || left.op !== '&') return undefined;
  const [field, mask, ...more] = left.operands;
  if (field === undefined || mask === undefined || more.length > 0 || (op !== '==' && op !== '!=')) return undefined;
  const bits = code(valueText(field, mask, render));
  const of = fieldWords(field, render);
  if (right === 0) {
    const one = typeof mask === 'number' && (mask & (mask - 1)) === 0;
    if (op === '!=')
      return [plain(one ? 'the bit ' : 'one of the bits '), bits, plain(' of the '), ...of, plain(' is set')];
    return [
      plain(one ? 'the bit ' : 'none of the bits '),
      bits,
      plain(' of the '),
      ...of,
      plain(one ? ' is not set' : ' is set'),
    ];
  }
  return [
    plain('the '),
    ...of,
    plain(', looked at through the mask '),
    bits,
    plain(op === '!=' ? ', is not ' : ', is '),
    code(valueText(field, right, render)),
  ];
}

/** The elements of an anonymous set, without the braces. */
function elementText(left: Expression, set: AnonymousSet, render: RenderContext): string {
  return set.elements.map((element) => valueText(left, element.key, render)).join(', ');
}

export function limitWords(limit: LimitStatement): readonly Word[] {
  const amount = limitText({ ...limit, over: false }, false).replace('rate ', '');
  return limit.over
    ? [plain('packets come faster than '), code(amount)]
    : [plain('packets come no faster than '), code(amount)];
}
