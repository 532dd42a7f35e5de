/** Expressions, and the elements of sets, as nft writes them. */
import type { DataType } from '../nft/datatypes';
import { integerType } from '../nft/datatypes';
import type {
  AnonymousSet,
  BinaryExpression,
  BinaryOperator,
  CompoundExpression,
  Expression,
  JhashExpression,
  MapExpression,
  RangeExpression,
  SetElement,
  Statement,
  Verdict,
} from '../nft/model';
import { unreachable } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import type { ExpressionType, RenderContext } from './context';
import * as field from './field-text';
import { prefixed, suffixed } from './field-text';
import { formatHex, formatLiteral, formatNumeric, formatRaw, quote } from './literal';
import { writeStateful } from './render-stateful';
import { isVerdict, writeVerdict } from './render-verdict';
import type { Out } from './tokens';
import { formatSeconds } from './units';

/** What an expression is written against: decides the form of literals and of tests for existence. */
export interface Against {
  /** The type of literals. */
  readonly type?: ExpressionType;
  /** What the expression is compared with. */
  readonly right?: Expression;
  /** How a bare list of bits is joined. */
  readonly join?: ',' | '|';
  /** The value goes to a target in host byte order; see {@link Dialect.swapKeepsParentheses}. */
  readonly toHostOrder?: boolean;
}

const NOTHING: Against = {};

export const isTypeList = (type: ExpressionType): type is readonly DataType[] => Array.isArray(type);

/** The type where it is one; a concatenation has none. */
export const singleType = (type: ExpressionType): DataType | undefined => (isTypeList(type) ? undefined : type);

export function writeExpression(out: Out, expr: Expression, ctx: RenderContext, against: Against = NOTHING): void {
  if (typeof expr === 'object') writeCompound(out, expr, ctx, against);
  else out.put('value', formatLiteral(expr, singleType(against.type), ctx.dialect));
}

function writeCompound(out: Out, expr: CompoundExpression, ctx: RenderContext, against: Against): void {
  switch (expr.kind) {
    case 'payload':
      out.put('field', field.payloadText(expr));
      break;
    case 'rawPayload':
      out.put('field', field.rawPayloadText(expr));
      break;
    case 'meta':
      out.put('field', field.metaText(expr.key));
      break;
    case 'ct':
      out.put('field', field.ctText(expr, against.right));
      break;
    case 'prefix':
      writeExpression(out, expr.addr, ctx, against);
      out.put('value', `/${expr.len}`);
      break;
    case 'range':
      writeRange(out, expr, ctx, against);
      break;
    case 'concat':
      writeConcat(out, expr.parts, ctx, against);
      break;
    case 'list':
      writeList(out, expr.items, ctx, against);
      break;
    case 'set':
      writeAnonymousSet(out, expr, ctx, against.type, undefined);
      break;
    case 'setref':
      out.put('set', `@${expr.name}`, { kind: 'set', name: expr.name });
      break;
    case 'wildcard':
      out.put('value', '*');
      break;
    case 'binary':
      writeBinary(out, expr, ctx, against);
      break;
    case 'map':
      writeMap(out, expr, ctx, against.type);
      break;
    case 'elem':
      writeExpression(out, expr.val, ctx, against);
      writeElementOptions(out, expr, ctx);
      break;
    case 'exthdr':
      out.put('field', expr.field === undefined ? `exthdr ${expr.name}` : `${expr.name} ${expr.field}`);
      break;
    case 'tcpOption':
      out.put('field', `tcp option ${expr.name}${suffixed(expr.field)}`);
      break;
    case 'rawTcpOption':
      out.put('field', field.rawTcpOptionText(expr, against.right));
      break;
    case 'ipOption':
      out.put('field', `ip option ${expr.name}${suffixed(expr.field)}`);
      break;
    case 'sctpChunk':
      out.put('field', `sctp chunk ${expr.name}${suffixed(expr.field)}`);
      break;
    case 'dccpOption':
      out.put('field', `dccp option ${expr.type}`);
      break;
    case 'rt':
      out.put('field', `rt ${prefixed(expr.family)}${expr.key}`);
      break;
    case 'fib':
      out.put('field', field.fibText(expr, ctx.dialect.fibCheck, against.right));
      break;
    case 'socket':
      out.put('field', field.socketText(expr));
      break;
    case 'osf':
      out.put('field', field.osfText(expr));
      break;
    case 'ipsec':
      out.put('field', field.ipsecText(expr));
      break;
    case 'tunnel':
      out.put('field', `tunnel ${expr.key}`);
      break;
    case 'numgen':
      out.put('field', field.numgenText(expr));
      break;
    case 'jhash':
      writeJhash(out, expr, ctx);
      break;
    case 'symhash':
      out.put('field', field.symhashText(expr));
      break;
    case 'unsupported':
      out.put('value', formatRaw(expr.raw));
      break;
    default:
      unreachable(expr);
      break;
  }
}

function writeJhash(out: Out, expr: JhashExpression, ctx: RenderContext): void {
  out.put('field', 'jhash');
  out.put('punctuation', ' ');
  writeExpression(out, expr.expr, ctx);
  const seed = expr.seed === undefined ? '' : ` seed ${formatHex(expr.seed, 1)}`;
  out.put('field', ` mod ${expr.mod}${seed}${field.offsetText(expr.offset)}`);
}

function writeRange(out: Out, { from, to }: RangeExpression, ctx: RenderContext, against: Against): void {
  const type = singleType(against.type);
  writeRangeEnd(out, from, ctx, against, type);
  out.put('operator', '-');
  writeRangeEnd(out, to, ctx, against, type);
}

/** The ends of a range are numbers where single values have names or units: `1-2` for request-reply, `60s-3600s`. */
function writeRangeEnd(
  out: Out,
  end: Expression,
  ctx: RenderContext,
  against: Against,
  type: DataType | undefined,
): void {
  if (typeof end === 'object' || type === undefined) writeExpression(out, end, ctx, against);
  else out.put('value', formatNumeric(end, type, ctx.dialect));
}

function writeConcat(out: Out, parts: readonly Expression[], ctx: RenderContext, against: Against): void {
  const { type } = against;
  const others = against.right;
  const rights = typeof others === 'object' && others.kind === 'concat' ? others.parts : undefined;
  for (const [index, part] of parts.entries()) {
    if (index > 0) out.put('operator', ' . ');
    const partType = isTypeList(type) ? type[index] : type;
    const right = rights?.[index];
    writeExpression(out, part, ctx, right === undefined ? { type: partType } : { type: partType, right });
  }
}

function writeList(out: Out, items: readonly Expression[], ctx: RenderContext, against: Against): void {
  const separator = against.join === '|' ? ' | ' : ',';
  for (const [index, item] of items.entries()) {
    if (index > 0) out.put('operator', separator);
    writeExpression(out, item, ctx, against);
  }
}

/** Lower binds tighter. */
const PRECEDENCE: Readonly<Record<BinaryOperator, number>> = { '<<': 1, '>>': 1, '&': 2, '^': 3, '|': 4 };

function writeBinary(out: Out, expr: BinaryExpression, ctx: RenderContext, against: Against): void {
  const { op, operands } = expr;
  const type = operandType(expr, ctx) ?? against.type;
  const { toHostOrder = false } = against;
  const isShift = op === '<<' || op === '>>';
  for (const [index, operand] of operands.entries()) {
    if (index > 0) out.put('operator', ` ${op} `);
    const isLooser =
      typeof operand === 'object' && operand.kind === 'binary' && PRECEDENCE[operand.op] > PRECEDENCE[op];
    const hasParentheses = isLooser && !(toHostOrder && isWidePayload(operand.operands[0]));
    if (hasParentheses) out.put('punctuation', '(');
    // The amount of a shift is a plain number.
    writeExpression(out, operand, ctx, isShift && index > 0 ? NOTHING : { type, join: '|', toHostOrder });
    if (hasParentheses) out.put('punctuation', ')');
  }
}

/** The type of the literals in a bitwise operation: that of the field, a plain number in hexadecimal once it was shifted. */
function operandType(expr: BinaryExpression, ctx: RenderContext): ExpressionType {
  if (!ctx.dialect.shiftedInHex) return typeOfExpression(expr);
  for (const operand of expr.operands) {
    const isShifted = typeof operand === 'object' && operand.kind === 'binary' && containsShift(operand);
    const type = isShifted ? SHIFTED : typeOfExpression(operand);
    if (type !== undefined) return type;
  }
  return undefined;
}

const SHIFTED = integerType(32, 'host', 16);

function containsShift({ op, operands }: BinaryExpression): boolean {
  if (op === '<<' || op === '>>') return true;
  return operands.some((operand) => typeof operand === 'object' && operand.kind === 'binary' && containsShift(operand));
}

function isWidePayload(expr: Expression | undefined): boolean {
  return typeof expr === 'object' && expr.kind === 'rawPayload' && expr.len > 8;
}

function writeMap(out: Out, expr: MapExpression, ctx: RenderContext, dataType: ExpressionType): void {
  writeExpression(out, expr.key, ctx);
  out.put('keyword', ' map ');
  writeMapping(out, expr, ctx, dataType);
}

/** The right side of `map` and `vmap`: `@name` or `{ key : data }`. */
export function writeMapping(
  out: Out,
  { key, data }: Pick<MapExpression, 'key' | 'data'>,
  ctx: RenderContext,
  dataType: ExpressionType,
): void {
  if (data.kind === 'set') writeAnonymousSet(out, data, ctx, typeOfExpression(key), dataType);
  else writeExpression(out, data, ctx);
}

/** `{ a, b }` or `{ key : data }` in place, on one line however long. */
function writeAnonymousSet(
  out: Out,
  set: AnonymousSet,
  ctx: RenderContext,
  type: ExpressionType,
  dataType: ExpressionType,
): void {
  out.put('punctuation', '{ ');
  for (const [index, element] of set.elements.entries()) {
    if (index > 0) out.put('punctuation', ', ');
    writeElement(out, element, ctx, type, dataType);
  }
  out.put('punctuation', set.elements.length > 0 ? ' }' : '}');
}

/** One element as it stands in its set; the types are those of the set. */
export function writeElement(
  out: Out,
  element: SetElement,
  ctx: RenderContext,
  type: ExpressionType,
  dataType: ExpressionType,
): void {
  writeExpression(out, element.key, ctx, { type, join: '|' });
  writeElementOptions(out, element, ctx);
  if (element.data === undefined) return;
  out.put('punctuation', ' : ');
  writeData(out, element.data, ctx, dataType);
}

/** What may stand after a value, in a set and in an update of one. */
interface ElementOptions {
  readonly timeout?: number;
  readonly expires?: number;
  readonly comment?: string;
  readonly statements?: readonly Statement[];
}

/** Statements, `timeout`, `expires` and `comment`, in nft's fixed order. */
function writeElementOptions(out: Out, options: ElementOptions, ctx: RenderContext): void {
  const { statements, timeout, expires, comment } = options;
  if (statements !== undefined) {
    for (const statement of statements) {
      out.put('punctuation', ' ');
      writeStateful(out, statement, ctx);
    }
  }
  if (timeout !== undefined) out.put('keyword', ` timeout ${formatSeconds(timeout)}`);
  if (expires !== undefined) out.put('keyword', ` expires ${formatSeconds(expires)}`);
  if (comment !== undefined) out.put('comment', ` comment ${quote(comment)}`);
}

function writeData(out: Out, data: Expression | Verdict, ctx: RenderContext, dataType: ExpressionType): void {
  if (isVerdict(data)) writeVerdict(out, data);
  else writeExpression(out, data, ctx, { type: dataType, join: '|' });
}
