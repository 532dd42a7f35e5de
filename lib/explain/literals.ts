/** The values written in rules and elements, each with its datatype: what a search for an address or port looks at. */
import { type DataType, INET_SERVICE, IPV4_ADDR, IPV6_ADDR } from '../nft/datatypes';
import type { AnonymousSet, Expression, Immediate, NftSet, SetElement, Statement, Verdict } from '../nft/model';
import { unreachable } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import { type ExpressionType, typeOfMapData, typeOfSetType } from '../render/context';
import { isTypeList, singleType } from '../render/render-expression';
import { isVerdict } from '../render/render-verdict';

export type Literal =
  | { readonly kind: 'value'; readonly value: Immediate; readonly type: DataType | undefined }
  | { readonly kind: 'prefix'; readonly addr: Immediate; readonly len: number; readonly type: DataType | undefined }
  | {
      readonly kind: 'range';
      readonly from: Immediate;
      readonly to: Immediate;
      readonly type: DataType | undefined;
    };

type Visit = (literal: Literal) => void;

const isCompound = (e: Expression): e is Exclude<Expression, Immediate> => typeof e === 'object';
const part = (type: ExpressionType, index: number): ExpressionType => (isTypeList(type) ? type[index] : undefined);

/** Visits the literals of an expression whose values are of `type`. */
function visitLiterals(expr: Expression, type: ExpressionType, visit: Visit): void {
  if (!isCompound(expr)) {
    visit({ kind: 'value', value: expr, type: singleType(type) });
    return;
  }
  switch (expr.kind) {
    case 'prefix':
      if (!isCompound(expr.addr)) visit({ kind: 'prefix', addr: expr.addr, len: expr.len, type: singleType(type) });
      return;
    case 'range':
      if (!isCompound(expr.from) && !isCompound(expr.to)) {
        visit({ kind: 'range', from: expr.from, to: expr.to, type: singleType(type) });
      }
      return;
    case 'concat':
      expr.parts.forEach((p, i) => {
        visitLiterals(p, part(type, i), visit);
      });
      return;
    case 'set':
      visitAnonymous(expr, type, undefined, visit);
      return;
    case 'list':
      for (const item of expr.items) visitLiterals(item, type, visit);
      return;
    case 'elem':
      visitLiterals(expr.val, type, visit);
      return;
    case 'binary':
      for (const operand of expr.operands) visitLiterals(operand, type, visit);
      return;
    case 'map':
      visitLiterals(expr.key, undefined, visit);
      if (expr.data.kind === 'set') visitAnonymous(expr.data, typeOfExpression(expr.key), type, visit);
      return;
    case 'jhash':
      visitLiterals(expr.expr, undefined, visit);
      return;
    case 'setref':
    case 'wildcard':
    case 'payload':
    case 'rawPayload':
    case 'exthdr':
    case 'tcpOption':
    case 'rawTcpOption':
    case 'ipOption':
    case 'sctpChunk':
    case 'dccpOption':
    case 'meta':
    case 'ct':
    case 'rt':
    case 'fib':
    case 'socket':
    case 'osf':
    case 'ipsec':
    case 'tunnel':
    case 'numgen':
    case 'symhash':
    case 'unsupported':
      return;
    default:
      unreachable(expr);
  }
}

function visitAnonymous(set: AnonymousSet, type: ExpressionType, dataType: ExpressionType, visit: Visit): void {
  for (const element of set.elements) visitElement(element, type, dataType, visit);
}

function visitElement(element: SetElement, type: ExpressionType, dataType: ExpressionType, visit: Visit): void {
  visitLiterals(element.key, type, visit);
  const { data } = element;
  if (data !== undefined && !isVerdict(data)) visitLiterals(data, dataType, visit);
}

/** The literals of one element of a named set or map. */
export function visitElementLiterals(set: NftSet): (element: SetElement, visit: Visit) => void {
  const type = typeOfSetType(set.type);
  const dataType = typeOfMapData(set);
  return (element, visit) => visitElement(element, type, dataType, visit);
}

/** The literals of a statement. */
export function visitStatementLiterals(statement: Statement, visit: Visit): void {
  switch (statement.kind) {
    case 'match':
      visitLiterals(statement.left, undefined, visit);
      visitLiterals(statement.right, typeOfExpression(statement.left), visit);
      return;
    case 'vmap':
      visitLiterals(statement.key, undefined, visit);
      if (statement.data.kind === 'set') {
        visitAnonymous(statement.data, typeOfExpression(statement.key), undefined, visit);
      }
      return;
    case 'mangle':
      visitLiterals(statement.value, typeOfExpression(statement.key), visit);
      return;
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect': {
      const address = statement.family === 'ip6' ? IPV6_ADDR : IPV4_ADDR;
      // The data of `dnat to … map` may hold the port as its second part.
      if (statement.addr !== undefined) visitLiterals(statement.addr, natType(statement.addr, address), visit);
      if (statement.port !== undefined) visitLiterals(statement.port, INET_SERVICE, visit);
      return;
    }
    case 'tproxy':
      if (statement.addr !== undefined) visitLiterals(statement.addr, IPV4_ADDR, visit);
      if (statement.port !== undefined) visitLiterals(statement.port, INET_SERVICE, visit);
      return;
    case 'dup':
    case 'fwd':
      if (statement.addr !== undefined) visitLiterals(statement.addr, IPV4_ADDR, visit);
      return;
    case 'setUpdate':
    case 'meter':
    case 'mapUpdate':
      visitLiterals(statement.kind === 'meter' ? statement.key : statement.elem, undefined, visit);
      if (statement.kind === 'mapUpdate') visitLiterals(statement.data, undefined, visit);
      return;
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
    case 'counter':
    case 'quota':
    case 'limit':
    case 'object':
    case 'ctCount':
    case 'last':
    case 'reset':
    case 'notrack':
    case 'reject':
    case 'log':
    case 'flow':
    case 'queue':
    case 'synproxy':
    case 'xt':
    case 'text':
    case 'unsupported':
      return;
    default:
      unreachable(statement);
  }
}

const natType = (addr: Expression, address: DataType): ExpressionType => {
  if (!isCompound(addr)) return address;
  const pair = addr.kind === 'concat' || (addr.kind === 'map' && addr.data.kind === 'set' && holdsPorts(addr.data));
  return pair ? [address, INET_SERVICE] : address;
};

const holdsPorts = (set: AnonymousSet): boolean =>
  set.elements.some(({ data }) => typeof data === 'object' && data.kind === 'concat');

/** Where a statement or element can send the packet: jump and goto, also inside its anonymous maps. */
export function visitVerdicts(statement: Statement, visit: (verdict: Verdict) => void): void {
  if (isVerdict(statement)) visit(statement);
  else if (statement.kind === 'vmap' && statement.data.kind === 'set') {
    for (const { data } of statement.data.elements) if (data !== undefined && isVerdict(data)) visit(data);
  }
}
