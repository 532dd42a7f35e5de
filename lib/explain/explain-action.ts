/** What a statement does to the packet, to stand behind `this rule`. */
import type {
  AnonymousSet,
  Expression,
  MapExpression,
  NatStatement,
  RejectStatement,
  SetReference,
  SetUpdateStatement,
  UnsupportedExpression,
  Verdict,
} from '../nft/model';
import { unreachable } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import type { RenderContext } from '../render/context';
import { renderExpression } from '../render/render-rule';
import { formatMilliseconds } from '../render/units';
import { type ExplainContext, goesOn, nested, size, valueText } from './explain-context';
import { fieldWords } from './field-words';
import { code, count, name, plain, strong, type Word } from './words';

interface Action {
  readonly words: readonly Word[];
  /** More about it, in a sentence of its own. */
  readonly more: string;
}

export function verdictWords(verdict: Verdict, ctx: ExplainContext): Action {
  switch (verdict.kind) {
    case 'accept':
      return {
        words: [strong('accepts'), plain(' the packet')],
        more: 'That ends this base chain only: later base chains and later hooks still see the packet.',
      };
    case 'drop':
      return {
        words: [strong('drops'), plain(' the packet')],
        more: 'For good: no later chain sees it, and its sender is told nothing.',
      };
    case 'continue':
      return { words: [plain('lets evaluation go on')], more: `Next, ${goesOn(ctx)}.` };
    case 'return':
      return {
        words: [plain('leaves the chain')],
        more: ctx.base
          ? 'In a base chain that means its policy.'
          : 'Evaluation goes back to the rule after the jump that led here.',
      };
    case 'jump':
      return {
        words: [plain('goes on in chain '), name(verdict.target)],
        more: `When that chain ends or returns, ${goesOn(ctx)}.`,
      };
    case 'goto':
      return {
        words: [plain('goes on in chain '), name(verdict.target), plain(' and does not come back')],
        more: ctx.base
          ? "When that chain ends, this chain's policy decides."
          : 'When that chain ends, evaluation goes back to the caller of this chain.',
      };
    default:
      return unreachable(verdict);
  }
}

export function mapName(
  data: SetReference | AnonymousSet | UnsupportedExpression,
  ctx: ExplainContext,
): readonly Word[] {
  switch (data.kind) {
    case 'setref':
      return [plain('in the map '), name(data.name), ...size(data.name, ctx)];
    case 'set':
      return [plain(`in a map of ${count(data.elements.length, 'element')}`)];
    case 'unsupported':
      return [plain('in a map that nftscope does not know')];
    default:
      return unreachable(data);
  }
}

/** The result of a map look-up as a noun. */
export function mapped(expr: Expression, ctx: ExplainContext): readonly Word[] {
  if (typeof expr === 'object' && expr.kind === 'map') {
    return [plain('found by '), ...fieldWords(expr.key, ctx.render), plain(' '), ...mapName(expr.data, ctx)];
  }
  return [code(renderExpression(expr, ctx.render))];
}

export function mangleWords(key: Expression, value: Expression, render: RenderContext): readonly Word[] {
  const field = fieldWords(key, render);
  if (typeof value === 'object' && value.kind === 'binary') {
    const [first, operand, ...more] = value.operands;
    const same = first !== undefined && renderExpression(first, render) === renderExpression(key, render);
    if (same && operand !== undefined && more.length === 0) {
      const bits = code(valueText(key, operand, render));
      if (value.op === '|') return [plain('sets '), bits, plain(' in the '), ...field];
      if (value.op === '^') return [plain('turns over '), bits, plain(' in the '), ...field];
      if (value.op === '&') return [plain('keeps only '), bits, plain(' of the '), ...field];
    }
  }
  const isField = typeof value === 'object' && typeOfExpression(value) !== undefined && value.kind !== 'binary';
  return [
    plain('sets the '),
    ...field,
    plain(' to '),
    ...(isField ? [plain('the '), ...fieldWords(value, render)] : mapped(value, nested(render))),
  ];
}

export function natWords(statement: NatStatement, ctx: ExplainContext): Action {
  const { kind, addr, port, flags } = statement;
  const to = natTarget(addr, port, ctx);
  const random =
    flags.includes('fully-random') || flags.includes('random') ? ' The source port is chosen at random.' : '';
  switch (kind) {
    case 'dnat':
      return {
        words: [strong('changes the destination'), ...to],
        more: `Later packets of the connection, and the replies, are translated without asking the rules again.${random}`,
      };
    case 'snat':
      return { words: [strong('changes the source'), ...to], more: `Replies are translated back.${random}` };
    case 'masquerade':
      return {
        words: [strong('changes the source'), plain(' to the address of the outgoing interface'), ...to],
        more: `Replies are translated back.${random}`,
      };
    case 'redirect':
      return {
        words: [strong('changes the destination'), plain(' to this node itself'), ...to],
        more: `The address is that of the interface it came in on; 127.0.0.1 or ::1 for the node's own packets.${random}`,
      };
    default:
      return unreachable(kind);
  }
}

function natTarget(addr: Expression | undefined, port: Expression | undefined, ctx: ExplainContext): readonly Word[] {
  if (typeof addr === 'object' && addr.kind === 'map') return [plain(' to '), ...chosenFrom(addr, ctx)];
  return atWords(addr, port, ctx.render, 'to');
}

/** `one of 3 addresses, chosen at random` for numgen; the element that a key finds for others. */
function chosenFrom(map: MapExpression, ctx: ExplainContext): readonly Word[] {
  const { key, data } = map;
  if (data.kind === 'set' && typeof key === 'object' && (key.kind === 'numgen' || key.kind === 'jhash')) {
    const how = key.kind === 'jhash' ? 'chosen by a hash of ' : key.mode === 'random' ? 'chosen at random' : 'in turn';
    const from = key.kind === 'jhash' ? fieldWords(key.expr, ctx.render) : [];
    const n = data.elements.length;
    return n === 1 ? [plain('the one address listed')] : [plain(`one of the ${n} addresses listed, ${how}`), ...from];
  }
  return [plain('what '), ...fieldWords(key, ctx.render), plain(' finds '), ...mapName(data, ctx)];
}

export function atWords(
  addr: Expression | undefined,
  port: Expression | undefined,
  render: RenderContext,
  lead = 'at',
): readonly Word[] {
  if (addr === undefined && port === undefined) return [];
  if (addr === undefined) return [plain(', port '), code(renderExpression(port ?? '', render))];
  return [
    plain(` ${lead} `),
    code(renderExpression(addr, render)),
    ...(port === undefined ? [] : [plain(' port '), code(renderExpression(port, render))]),
  ];
}

const ICMP_WORDS: Readonly<Record<string, string>> = {
  'port-unreachable': 'port unreachable',
  'host-unreachable': 'host unreachable',
  'net-unreachable': 'network unreachable',
  'prot-unreachable': 'protocol unreachable',
  'addr-unreachable': 'address unreachable',
  'admin-prohibited': 'administratively prohibited',
  'host-prohibited': 'host prohibited',
  'net-prohibited': 'network prohibited',
  'no-route': 'no route',
};

export function rejectWords({ type, expr }: RejectStatement): readonly Word[] {
  if (type === 'tcp reset') return [strong('rejects'), plain(' the packet with a TCP reset')];
  const icmp = typeof expr === 'string' ? expr : 'port-unreachable';
  const kind = type === 'icmp' ? 'ICMP' : type === 'icmpv6' ? 'ICMPv6' : 'ICMP or ICMPv6';
  return [strong('rejects'), plain(` the packet with ${kind} ${ICMP_WORDS[icmp] ?? icmp}`)];
}

export function setUpdateWords(statement: SetUpdateStatement, ctx: ExplainContext): readonly Word[] {
  const { op, set, elem } = statement;
  const key = typeof elem === 'object' && elem.kind === 'elem' ? elem : undefined;
  const field = fieldWords(key?.val ?? elem, ctx.render);
  const time: readonly Word[] =
    key?.timeout === undefined ? [] : [plain(' for '), code(formatMilliseconds(key.timeout * 1000))];
  switch (op) {
    case 'delete':
      return [plain('removes the '), ...field, plain(' from the set '), name(set)];
    case 'update':
      return [plain('notes the '), ...field, plain(' in the set '), name(set), ...time, plain(', or refreshes it')];
    default:
      return [plain('notes the '), ...field, plain(' in the set '), name(set), ...time];
  }
}
