/** Statements: the parts of a rule. Unknown kinds and members become `unsupported`, as with expressions. */
import type {
  DupStatement,
  Expression,
  FwdStatement,
  LogStatement,
  MatchStatement,
  MeterStatement,
  NatStatement,
  ObjectKind,
  QueueStatement,
  RejectStatement,
  Statement,
  SynproxyStatement,
  TproxyStatement,
} from '../nft/model';
import { decodeExpression, decodeMapping, decodeRight, decodeVerdict } from './decode-expression';
import { decodeStateful, decodeStatefulList } from './decode-stateful';
import { parseStatementText } from './parse-statement';
import {
  asNames,
  asNumber,
  asObject,
  asReference,
  asText,
  asUnsigned32,
  asWord,
  type Draft,
  failType,
  hasMoreThan,
  type RawArray,
  type RawObject,
  sized,
  soleKey,
  unsupported,
} from './raw';

const OPERATORS = ['==', '!=', '<', '>', '<=', '>=', 'in', '!'] as const;

/** The statements of a rule, in order. A string is nft text where nft has no JSON form. */
export function decodeStatements(values: RawArray): Statement[] {
  const statements = sized<Statement>(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    statements[i] =
      typeof value === 'string' ? parseStatementText(value) : decodeStatement(asObject(value, values, i), values, i);
  }
  return statements;
}

function decodeStatement(raw: RawObject, holder: RawArray, index: number): Statement {
  const kind = soleKey(raw);
  switch (kind) {
    case 'match':
      return decodeMatch(raw);
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      return decodeVerdict(kind, raw) ?? unsupported(kind, raw);
    case 'vmap': {
      const body = asObject(raw.vmap, raw, kind);
      const key = decodeExpression(body.key, body, 'key', 0);
      const data = decodeMapping(body.data, body, 'data', 0);
      return hasMoreThan(body, 2) ? unsupported(kind, raw) : { kind, key, data };
    }
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return decodeNat(kind, raw);
    case 'mangle': {
      const body = asObject(raw.mangle, raw, kind);
      const key = decodeExpression(body.key, body, 'key', 0);
      const value = decodeExpression(body.value, body, 'value', 0);
      return hasMoreThan(body, 2) ? unsupported(kind, raw) : { kind, key, value };
    }
    case 'counter':
    case 'quota':
    case 'limit':
      return isReference(raw[kind])
        ? decodeReference(kind, raw)
        : (decodeStateful(kind, raw) ?? unsupported(kind, raw));
    case 'ct count':
    case 'last':
      return decodeStateful(kind, raw) ?? unsupported(kind, raw);
    case 'reject':
      return decodeReject(raw);
    case 'set':
      return decodeSetUpdate(raw);
    case 'map':
      return decodeMapUpdate(raw);
    case 'log':
      return decodeLog(raw);
    case 'xt':
      return decodeXt(raw);
    case '':
      if (Object.keys(raw).length === 0) return failType(raw, holder, index, 'a statement');
      return unsupported(kind, raw);
    default:
      return decodeRareStatement(kind, raw);
  }
}

function decodeMatch(raw: RawObject): Statement {
  const body = asObject(raw.match, raw, 'match');
  const match: MatchStatement = {
    kind: 'match',
    op: asWord(body.op, body, 'op', OPERATORS),
    left: decodeExpression(body.left, body, 'left', 0),
    right: decodeRight(body.right, body, 'right'),
  };
  return hasMoreThan(body, 3) ? unsupported('match', raw) : match;
}

/** True where a statement names an object, `"c0"`, or looks it up, `{"map": …}`. */
const isReference = (value: unknown): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && Object.hasOwn(value, 'map'));

function decodeReference(object: ObjectKind, raw: RawObject): Statement {
  return { kind: 'object', object, name: decodeExpression(raw[object], raw, object, 0) };
}

/** Counts the members it reads, so that an unknown one is noticed. */
class Members {
  readonly body: RawObject;
  #known = 0;

  constructor(body: RawObject) {
    this.body = body;
  }

  has(name: string): boolean {
    if (this.body[name] === undefined) return false;
    this.#known++;
    return true;
  }

  text(name: string): string {
    return asText(this.body[name], this.body, name);
  }

  number(name: string): number {
    return asNumber(this.body[name], this.body, name);
  }

  names(name: string): readonly string[] {
    if (this.body[name] !== undefined) this.#known++;
    return asNames(this.body[name], this.body, name);
  }

  expression(name: string): Expression {
    return decodeExpression(this.body[name], this.body, name, 0);
  }

  get hasUnknown(): boolean {
    return hasMoreThan(this.body, this.#known);
  }
}

const NO_MEMBERS: RawObject = Object.freeze({});

/** The body of a statement whose body may be `null`. */
const membersOf = (raw: RawObject, kind: string): Members =>
  new Members(raw[kind] === null ? NO_MEMBERS : asObject(raw[kind], raw, kind));

function decodeNat(kind: NatStatement['kind'], raw: RawObject): Statement {
  const body = raw[kind] === null ? NO_MEMBERS : asObject(raw[kind], raw, kind);
  const nat: Draft<NatStatement> = {
    kind,
    flags: asNames(body.flags, body, 'flags'),
    typeFlags: asNames(body.type_flags, body, 'type_flags'),
  };
  let known = (body.flags === undefined ? 0 : 1) + (body.type_flags === undefined ? 0 : 1);
  if (body.family !== undefined) {
    nat.family = asWord(body.family, body, 'family', ['ip', 'ip6']);
    known++;
  }
  if (body.addr !== undefined) {
    nat.addr = decodeExpression(body.addr, body, 'addr', 0);
    known++;
  }
  if (body.port !== undefined) {
    nat.port = decodeExpression(body.port, body, 'port', 0);
    known++;
  }
  return hasMoreThan(body, known) ? unsupported(kind, raw) : nat;
}

function decodeReject(raw: RawObject): Statement {
  const members = membersOf(raw, 'reject');
  const reject: Draft<RejectStatement> = { kind: 'reject' };
  if (members.has('type')) reject.type = members.text('type');
  if (members.has('expr')) reject.expr = members.expression('expr');
  return members.hasUnknown ? unsupported('reject', raw) : reject;
}

function decodeLog(raw: RawObject): Statement {
  const members = membersOf(raw, 'log');
  const log: Draft<LogStatement> = { kind: 'log', flags: members.names('flags') };
  if (members.has('prefix')) log.prefix = members.text('prefix');
  if (members.has('group')) log.group = members.number('group');
  if (members.has('snaplen')) log.snaplen = members.number('snaplen');
  if (members.has('queue-threshold')) log.queueThreshold = members.number('queue-threshold');
  if (members.has('level')) log.level = members.text('level');
  return members.hasUnknown ? unsupported('log', raw) : log;
}

function decodeSetUpdate(raw: RawObject): Statement {
  const body = asObject(raw.set, raw, 'set');
  const op = asText(body.op, body, 'op');
  const set = asReference(body.set, body, 'set');
  const elem = decodeExpression(body.elem, body, 'elem', 0);
  const statements = decodeStatefulList(body.stmt, body, 'stmt');
  if (hasMoreThan(body, body.stmt === undefined ? 3 : 4)) return unsupported('set', raw);
  return { kind: 'setUpdate', op, set, elem, statements };
}

function decodeMapUpdate(raw: RawObject): Statement {
  const body = asObject(raw.map, raw, 'map');
  const op = asText(body.op, body, 'op');
  const map = asReference(body.map, body, 'map');
  const elem = decodeExpression(body.elem, body, 'elem', 0);
  const data = decodeExpression(body.data, body, 'data', 0);
  const statements = decodeStatefulList(body.stmt, body, 'stmt');
  if (hasMoreThan(body, body.stmt === undefined ? 4 : 5)) return unsupported('map', raw);
  return { kind: 'mapUpdate', op, map, elem, data, statements };
}

function decodeXt(raw: RawObject): Statement {
  const members = membersOf(raw, 'xt');
  const type = members.has('type') ? members.text('type') : undefined;
  const name = members.has('name') ? members.text('name') : undefined;
  return members.hasUnknown ? unsupported('xt', raw) : { kind: 'xt', type, name };
}

/** The kinds that a large ruleset holds few of. */
function decodeRareStatement(kind: string, raw: RawObject): Statement {
  switch (kind) {
    case 'notrack':
      if (raw.notrack !== null) return failType(raw.notrack, raw, kind, 'null');
      return { kind };
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'secmark':
    case 'tunnel':
      if (!isReference(raw[kind])) return failType(raw[kind], raw, kind, 'a name or a map');
      return decodeReference(kind, raw);
    case 'synproxy':
      return isReference(raw.synproxy) ? decodeReference(kind, raw) : decodeSynproxy(raw);
    case 'reset':
      return { kind, option: decodeExpression(raw.reset, raw, kind, 0) };
    case 'tproxy': {
      const members = membersOf(raw, kind);
      const tproxy: Draft<TproxyStatement> = { kind };
      if (members.has('family')) tproxy.family = members.text('family');
      if (members.has('addr')) tproxy.addr = members.expression('addr');
      if (members.has('port')) tproxy.port = members.expression('port');
      return members.hasUnknown ? unsupported(kind, raw) : tproxy;
    }
    case 'dup': {
      const members = membersOf(raw, kind);
      const dup: Draft<DupStatement> = { kind };
      if (members.has('addr')) dup.addr = members.expression('addr');
      if (members.has('dev')) dup.dev = members.expression('dev');
      return members.hasUnknown ? unsupported(kind, raw) : dup;
    }
    case 'fwd': {
      const members = membersOf(raw, kind);
      members.has('dev');
      const fwd: Draft<FwdStatement> = { kind, dev: members.expression('dev') };
      if (members.has('family')) fwd.family = members.text('family');
      if (members.has('addr')) fwd.addr = members.expression('addr');
      return members.hasUnknown ? unsupported(kind, raw) : fwd;
    }
    case 'queue': {
      const members = membersOf(raw, kind);
      const queue: Draft<QueueStatement> = { kind, flags: members.names('flags') };
      if (members.has('num')) queue.num = members.expression('num');
      return members.hasUnknown ? unsupported(kind, raw) : queue;
    }
    case 'flow': {
      const body = asObject(raw.flow, raw, kind);
      const op = asText(body.op, body, 'op');
      const flowtable = asReference(body.flowtable, body, 'flowtable');
      return hasMoreThan(body, 2) ? unsupported(kind, raw) : { kind, op, flowtable };
    }
    case 'meter':
      return decodeMeter(raw);
    default:
      return unsupported(kind, raw);
  }
}

function decodeSynproxy(raw: RawObject): Statement {
  const members = membersOf(raw, 'synproxy');
  const synproxy: Draft<SynproxyStatement> = { kind: 'synproxy', flags: members.names('flags') };
  if (members.has('mss')) synproxy.mss = members.number('mss');
  if (members.has('wscale')) synproxy.wscale = members.number('wscale');
  return members.hasUnknown ? unsupported('synproxy', raw) : synproxy;
}

function decodeMeter(raw: RawObject): Statement {
  const members = new Members(asObject(raw.meter, raw, 'meter'));
  for (const name of ['name', 'key', 'stmt']) members.has(name);
  const meter: Draft<MeterStatement> = {
    kind: 'meter',
    name: members.text('name'),
    key: members.expression('key'),
    statements: decodeStatefulList(members.body.stmt, members.body, 'stmt'),
  };
  if (members.has('size')) meter.size = asUnsigned32(members.body.size, members.body, 'size');
  return members.hasUnknown ? unsupported('meter', raw) : meter;
}
