/** Statements as nft writes them. */
import type { DataType } from '../nft/datatypes';
import { BITMASK, IFNAME, INET_SERVICE, IPV4_ADDR, IPV6_ADDR, integerType, STRING } from '../nft/datatypes';
import type {
  DupStatement,
  Expression,
  FwdStatement,
  LogStatement,
  MangleStatement,
  MapUpdateStatement,
  MatchStatement,
  MeterStatement,
  NatStatement,
  ObjectKind,
  ObjectReferenceStatement,
  QueueStatement,
  RejectStatement,
  SetUpdateStatement,
  Statement,
  SynproxyStatement,
  TproxyStatement,
  VmapStatement,
  XtStatement,
} from '../nft/model';
import { unreachable } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import type { ExpressionType, RenderContext } from './context';
import { typeOfMapData, typeOfSetType } from './context';
import { formatRaw, quote } from './literal';
import { singleType, writeExpression, writeMapping } from './render-expression';
import { writeStateful } from './render-stateful';
import { writeVerdict } from './render-verdict';
import type { Out } from './tokens';

export function writeStatement(out: Out, statement: Statement, ctx: RenderContext): void {
  switch (statement.kind) {
    case 'match':
      writeMatch(out, statement, ctx);
      break;
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      writeVerdict(out, statement);
      break;
    case 'vmap':
      writeVmap(out, statement, ctx);
      break;
    case 'counter':
    case 'quota':
    case 'limit':
    case 'ctCount':
    case 'last':
      writeStateful(out, statement, ctx);
      break;
    case 'object':
      writeObjectReference(out, statement, ctx);
      break;
    case 'mangle':
      writeMangle(out, statement, ctx);
      break;
    case 'reset':
      out.put('write', 'reset ');
      writeExpression(out, statement.option, ctx, { right: true });
      break;
    case 'notrack':
      out.put('write', 'notrack');
      break;
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      writeNat(out, statement, ctx);
      break;
    case 'tproxy':
      writeTproxy(out, statement, ctx);
      break;
    case 'dup':
      writeDup(out, statement, ctx);
      break;
    case 'fwd':
      writeFwd(out, statement, ctx);
      break;
    case 'reject':
      writeReject(out, statement, ctx);
      break;
    case 'log':
      writeLog(out, statement);
      break;
    case 'setUpdate':
      writeSetUpdate(out, statement, ctx);
      break;
    case 'mapUpdate':
      writeMapUpdate(out, statement, ctx);
      break;
    case 'flow':
      out.put('keyword', `flow ${statement.op} `);
      out.put('set', `@${statement.flowtable}`, { kind: 'flowtable', name: statement.flowtable });
      break;
    case 'queue':
      writeQueue(out, statement, ctx);
      break;
    case 'synproxy':
      writeSynproxy(out, statement);
      break;
    case 'meter':
      writeMeter(out, statement, ctx);
      break;
    case 'xt':
      out.put('keyword', xtText(statement, ctx));
      break;
    case 'text':
      out.put('value', statement.text);
      break;
    case 'unsupported':
      out.put('value', formatRaw(statement.raw));
      break;
    default:
      unreachable(statement);
      break;
  }
}

/** The type of the keys of a named set: constants in the key of a look-up are written in it. */
function typeOfLookup(right: Expression, ctx: RenderContext): ExpressionType {
  if (typeof right !== 'object' || right.kind !== 'setref') return undefined;
  const set = ctx.sets.get(right.name);
  return set === undefined ? undefined : typeOfSetType(set.type);
}

const isBitwise = (expr: Expression): boolean => typeof expr === 'object' && expr.kind === 'binary';

/** `==` is written only where leaving it out would mean something else: after a bitwise operation, and for a bit field. */
function needsEquals(left: Expression, right: Expression, type: ExpressionType): boolean {
  if (isBitwise(left)) return true;
  const single = singleType(type);
  if (single?.base !== 'bitmask' || single === BITMASK) return false;
  if (typeof right !== 'object') return true;
  return right.kind === 'binary' || right.kind === 'list';
}

function writeMatch(out: Out, statement: MatchStatement, ctx: RenderContext): void {
  const { op, left, right } = statement;
  const type = typeOfExpression(left);
  if (!ctx.dialect.maskAsBinary && writeMaskedFlags(out, statement, ctx)) return;
  writeExpression(out, left, ctx, { type: typeOfLookup(right, ctx), right });
  out.put('punctuation', ' ');
  if (op === '==' ? needsEquals(left, right, type) : op !== 'in') {
    out.put('operator', op);
    out.put('punctuation', ' ');
  }
  writeExpression(out, right, ctx, { type, join: op === '==' ? '|' : ',' });
}

/** nft before 1.1: `tcp flags & (fin | syn) == syn` is written `tcp flags syn / fin,syn`. True when it was written. */
function writeMaskedFlags(out: Out, { op, left, right }: MatchStatement, ctx: RenderContext): boolean {
  if ((op !== '==' && op !== '!=') || typeof left !== 'object' || left.kind !== 'binary' || left.op !== '&')
    return false;
  const [field, mask, ...more] = left.operands;
  if (field === undefined || mask === undefined || more.length > 0) return false;
  const type = typeOfExpression(field);
  // A mask of one bit keeps the binary form.
  if (singleType(type)?.base !== 'bitmask' || typeof mask !== 'object' || !isBits(mask) || !isBits(right)) return false;
  writeExpression(out, field, ctx);
  out.put('punctuation', ' ');
  if (op === '!=') out.put('operator', '!= ');
  writeBits(out, right, ctx, type);
  out.put('operator', ' / ');
  writeBits(out, mask, ctx, type);
  return true;
}

/** Names of bits, joined by `|` or in a list. */
function isBits(expr: Expression): boolean {
  if (typeof expr !== 'object') return typeof expr === 'string';
  if (expr.kind === 'list') return expr.items.every(isBits);
  return expr.kind === 'binary' && expr.op === '|' && expr.operands.every(isBits);
}

function writeBits(out: Out, expr: Expression, ctx: RenderContext, type: ExpressionType): void {
  writeExpression(out, { kind: 'list', items: flatBits(expr) }, ctx, { type, join: ',' });
}

function flatBits(expr: Expression): readonly Expression[] {
  if (typeof expr !== 'object') return [expr];
  if (expr.kind === 'list') return expr.items.flatMap(flatBits);
  return expr.kind === 'binary' ? expr.operands.flatMap(flatBits) : [expr];
}

function writeVmap(out: Out, statement: VmapStatement, ctx: RenderContext): void {
  writeExpression(out, statement.key, ctx, { type: typeOfLookup(statement.data, ctx), right: statement.data });
  out.put('verdict', ' vmap ');
  writeMapping(out, statement, ctx, undefined);
}

const OBJECT_PHRASE: Readonly<Record<ObjectKind, string>> = {
  counter: 'counter name ',
  quota: 'quota name ',
  limit: 'limit name ',
  'ct helper': 'ct helper set ',
  'ct timeout': 'ct timeout set ',
  'ct expectation': 'ct expectation set ',
  secmark: 'meta secmark set ',
  synproxy: 'synproxy name ',
  tunnel: 'tunnel name ',
};

function writeObjectReference(out: Out, { object, name }: ObjectReferenceStatement, ctx: RenderContext): void {
  out.put('keyword', OBJECT_PHRASE[object]);
  if (typeof name === 'string') out.put('name', quote(name), { kind: 'object', name });
  else writeExpression(out, name, ctx, { type: STRING });
}

function writeMangle(out: Out, { key, value }: MangleStatement, ctx: RenderContext): void {
  writeExpression(out, key, ctx);
  out.put('write', ' set ');
  const type = typeOfExpression(key);
  const toHostOrder = !ctx.dialect.swapKeepsParentheses && singleType(type)?.byteOrder === 'host';
  writeExpression(out, value, ctx, { type, join: ',', toHostOrder });
}

// ------------------------------------------------------------------------------------------------ where packets go

const addressType = (family: string | undefined): DataType => (family === 'ip6' ? IPV6_ADDR : IPV4_ADDR);

/** `10.0.0.1:80`, `[::1]-[::2]:80`; `:80` without an address. `brackets`: IPv6 stands in brackets even without a port. */
function writeEndpoint(
  out: Out,
  addr: Expression | undefined,
  port: Expression | undefined,
  ctx: RenderContext,
  brackets: boolean,
): void {
  if (addr !== undefined) {
    if (brackets) writeBracketed(out, addr, ctx);
    else writeExpression(out, addr, ctx, { type: addressType(ctx.family) });
  }
  if (port !== undefined) {
    out.put('operator', ':');
    writeExpression(out, port, ctx, { type: INET_SERVICE });
  }
}

function writeBracketed(out: Out, addr: Expression, ctx: RenderContext): void {
  if (typeof addr === 'string' && addr.includes(':')) {
    out.put('value', `[${addr}]`);
    return;
  }
  if (typeof addr === 'object' && addr.kind === 'range') {
    writeBracketed(out, addr.from, ctx);
    out.put('operator', '-');
    writeBracketed(out, addr.to, ctx);
    return;
  }
  writeExpression(out, addr, ctx, { type: addressType(ctx.family) });
}

function writeNat(out: Out, statement: NatStatement, ctx: RenderContext): void {
  const { kind, family, addr, port, flags, typeFlags } = statement;
  out.put('write', kind);
  if (addr !== undefined || port !== undefined) {
    const words = [family, typeFlags.includes('prefix') ? 'prefix' : undefined, 'to'].filter(
      (word) => word !== undefined,
    );
    out.put('keyword', ` ${words.join(' ')} `);
    writeEndpoint(out, addr, port, ctx, port !== undefined);
  }
  const shown = flags.filter((flag) => flag !== 'netmap');
  if (shown.length > 0) out.put('keyword', ` ${shown.join(',')}`);
}

function writeTproxy(out: Out, { family, addr, port }: TproxyStatement, ctx: RenderContext): void {
  out.put('write', 'tproxy');
  out.put('keyword', `${family === undefined ? '' : ` ${family}`} to `);
  const isMap = typeof port === 'object' && port.kind === 'map';
  writeEndpoint(out, addr, isMap && !ctx.dialect.tproxyPortMap ? undefined : port, ctx, true);
}

function writeDup(out: Out, { addr, dev }: DupStatement, ctx: RenderContext): void {
  out.put('write', 'dup');
  if (addr !== undefined) {
    out.put('keyword', ' to ');
    writeExpression(out, addr, ctx, { type: ctx.family === 'netdev' ? IFNAME : addressType(ctx.family) });
  }
  writeDevice(out, dev, ctx);
}

function writeFwd(out: Out, { dev, family, addr }: FwdStatement, ctx: RenderContext): void {
  out.put('write', 'fwd');
  out.put('keyword', `${family === undefined ? '' : ` ${family}`} to `);
  if (addr === undefined) {
    writeExpression(out, dev, ctx, { type: IFNAME });
    return;
  }
  writeExpression(out, addr, ctx, { type: addressType(family) });
  writeDevice(out, dev, ctx);
}

function writeDevice(out: Out, dev: Expression | undefined, ctx: RenderContext): void {
  if (dev === undefined) return;
  out.put('keyword', ' device ');
  writeExpression(out, dev, ctx, { type: IFNAME });
}

/** The code that a bare `reject` means. */
function isDefaultReject({ type, expr }: RejectStatement, ctx: RenderContext): boolean {
  if (expr !== 'port-unreachable') return false;
  switch (ctx.family) {
    case 'ip':
      return type === 'icmp';
    case 'ip6':
      return type === 'icmpv6';
    default:
      return type === 'icmpx';
  }
}

function writeReject(out: Out, statement: RejectStatement, ctx: RenderContext): void {
  out.put('verdict', 'reject');
  if (statement.type === undefined || isDefaultReject(statement, ctx)) return;
  out.put('keyword', ` with ${statement.type}`);
  if (statement.expr === undefined) return;
  out.put('punctuation', ' ');
  writeExpression(out, statement.expr, ctx);
}

function writeQueue(out: Out, { num, flags }: QueueStatement, ctx: RenderContext): void {
  out.put('verdict', 'queue');
  if (flags.length > 0) out.put('keyword', ` flags ${flags.join(',')}`);
  if (num === undefined) return;
  out.put('keyword', ' to ');
  writeExpression(out, num, ctx, { type: integerType(16) });
}

// ------------------------------------------------------------------------------------------------------- the others

function writeLog(out: Out, log: LogStatement): void {
  const { prefix, group, snaplen, queueThreshold, level, flags } = log;
  out.put('keyword', 'log');
  if (prefix !== undefined) {
    out.put('keyword', ' prefix ');
    out.put('value', quote(prefix));
  }
  if (group !== undefined) out.put('keyword', ` group ${group}`);
  if (snaplen !== undefined) out.put('keyword', ` snaplen ${snaplen}`);
  if (queueThreshold !== undefined) out.put('keyword', ` queue-threshold ${queueThreshold}`);
  if (level !== undefined && level !== 'warn') out.put('keyword', ` level ${level}`);
  if (flags.length > 0) out.put('keyword', ` ${logFlags(flags)}`);
}

/** `flags tcp sequence,options flags ip options flags skuid`, or `flags all`. */
function logFlags(flags: readonly string[]): string {
  const tcp = flags.filter((flag) => flag.startsWith('tcp ')).map((flag) => flag.slice('tcp '.length));
  const others = flags.filter((flag) => !flag.startsWith('tcp '));
  const groups = tcp.length > 0 ? [`tcp ${tcp.join(',')}`, ...others] : others;
  return groups.map((group) => `flags ${group}`).join(' ');
}

function writeSetUpdate(out: Out, statement: SetUpdateStatement, ctx: RenderContext): void {
  const set = ctx.sets.get(statement.set);
  out.put('write', `${statement.op} `);
  out.put('set', `@${statement.set}`, { kind: 'set', name: statement.set });
  out.put('punctuation', ' { ');
  writeExpression(out, statement.elem, ctx, { type: set === undefined ? undefined : typeOfSetType(set.type) });
  writeStatefulList(out, statement.statements, ctx);
  out.put('punctuation', ' }');
}

function writeMapUpdate(out: Out, statement: MapUpdateStatement, ctx: RenderContext): void {
  const map = ctx.sets.get(statement.map);
  out.put('write', `${statement.op} `);
  out.put('set', `@${statement.map}`, { kind: 'set', name: statement.map });
  out.put('punctuation', ' { ');
  writeExpression(out, statement.elem, ctx, { type: map === undefined ? undefined : typeOfSetType(map.type) });
  writeStatefulList(out, statement.statements, ctx);
  out.put('punctuation', ' : ');
  writeExpression(out, statement.data, ctx, { type: map === undefined ? undefined : typeOfMapData(map) });
  out.put('punctuation', ' }');
}

function writeStatefulList(out: Out, statements: readonly Statement[], ctx: RenderContext): void {
  for (const statement of statements) {
    out.put('punctuation', ' ');
    writeStateful(out, statement, ctx);
  }
}

function writeSynproxy(out: Out, { mss, wscale, flags }: SynproxyStatement): void {
  out.put('verdict', 'synproxy');
  if (mss !== undefined || wscale !== undefined) out.put('keyword', ` mss ${mss ?? 0} wscale ${wscale ?? 0}`);
  if (flags.length > 0) out.put('keyword', ` ${flags.join(' ')}`);
}

function writeMeter(out: Out, { name, key, statements, size }: MeterStatement, ctx: RenderContext): void {
  out.put('keyword', 'meter ');
  out.put('set', name, { kind: 'set', name });
  out.put('keyword', size === undefined ? '' : ` size ${size}`);
  out.put('punctuation', ' { ');
  writeExpression(out, key, ctx);
  writeStatefulList(out, statements, ctx);
  out.put('punctuation', ' }');
}

/** The extension's arguments are not in the JSON; nft without its plugins prints no more than this either. */
function xtText({ type, name }: XtStatement, ctx: RenderContext): string {
  const shown = name === undefined ? '' : ` ${ctx.dialect.quotedXt ? quote(name) : name}`;
  return `xt ${type ?? ''}${shown}`;
}
