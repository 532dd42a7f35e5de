/**
 * Expressions, verdicts and set elements.
 *
 * A kind that the model does not know, and a known kind with a member that it does not know, become `unsupported`: ignoring
 * the member would claim a meaning that nft did not print (the member `tunnel` of a payload moves it to another header). A
 * known member of the wrong type is an error.
 */
import type {
  AnonymousSet,
  CtExpression,
  ElementExpression,
  Expression,
  ExthdrExpression,
  IpsecExpression,
  JhashExpression,
  PayloadExpression,
  RawPayloadExpression,
  SetElement,
  SetReference,
  Statement,
  UnsupportedExpression,
  Verdict,
  Wildcard,
} from '../nft/model';
import { decodeStateful } from './decode-stateful';
import { problems } from './problem';
import {
  asArray,
  asInteger,
  asJson,
  asNames,
  asNull,
  asNumber,
  asObject,
  asText,
  asUnsigned32,
  asWord,
  DecodeFailure,
  type Draft,
  failType,
  type Holder,
  hasMoreThan,
  type RawArray,
  type RawObject,
  sized,
  soleKey,
  unsupported,
} from './raw';

/** Far above the deepest expression of nft (bits of 1.0.6 nested to the left, one level per bit), far below the stack. */
const DEPTH_LIMIT = 500;

const WILDCARD: Wildcard = Object.freeze({ kind: 'wildcard' });

/**
 * One expression. Literals stay what they are; negative integers are unsigned 64-bit values printed as signed. `holder` and
 * `key` say where `value` stands, `depth` how many expressions are around it.
 */
export function decodeExpression(value: unknown, holder: Holder, key: string | number, depth: number): Expression {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
    case 'bigint':
      return asInteger(value, holder, key);
    case 'object':
      if (value === null) break;
      if (Array.isArray(value)) return { kind: 'list', items: decodeParts(value, depth) };
      return decodeCompound(value as RawObject, holder, key, depth);
    default:
      break;
  }
  return failType(value, holder, key, 'an expression');
}

function decodeParts(values: RawArray, depth: number): readonly Expression[] {
  if (areLiterals(values)) return values;
  const parts = sized<Expression>(values.length);
  for (let i = 0; i < values.length; i++) parts[i] = decodeExpression(values[i], values, i, depth + 1);
  return parts;
}

/** True for arrays that are their own model, as the keys of most maps: `["10.96.0.10", "tcp", 53]`. */
function areLiterals(values: RawArray): values is readonly Expression[] {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'string' && !(typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)))
      return false;
  }
  return true;
}

function decodeCompound(raw: RawObject, holder: Holder, key: string | number, depth: number): Expression {
  if (depth > DEPTH_LIMIT) throw new DecodeFailure(holder, key, (path) => problems.tooDeep(path, DEPTH_LIMIT));
  const kind = soleKey(raw);
  switch (kind) {
    case 'payload':
      return decodePayload(raw);
    case 'concat':
      return { kind: 'concat', parts: decodeParts(asArray(raw.concat, raw, kind), depth) };
    case 'meta': {
      const body = asObject(raw.meta, raw, kind);
      const meta = asText(body.key, body, 'key');
      return hasMoreThan(body, 1) ? unsupported(kind, raw) : { kind, key: meta };
    }
    case 'ct':
      return decodeCt(raw);
    case 'prefix':
      return decodePrefix(raw, depth);
    case 'range': {
      const ends = asArray(raw.range, raw, kind);
      if (ends.length !== 2) return failType(ends, raw, kind, 'an array of two');
      return {
        kind,
        from: decodeExpression(ends[0], ends, 0, depth + 1),
        to: decodeExpression(ends[1], ends, 1, depth + 1),
      };
    }
    case 'set':
      return decodeAnonymousSet(raw, false, depth + 1);
    case 'map': {
      const body = asObject(raw.map, raw, kind);
      const by = decodeExpression(body.key, body, 'key', depth + 1);
      const data = decodeMapping(body.data, body, 'data', depth + 1);
      return hasMoreThan(body, 2) ? unsupported(kind, raw) : { kind, key: by, data };
    }
    case '|':
    case '&':
    case '^':
    case '<<':
    case '>>': {
      const operands = decodeParts(asArray(raw[kind], raw, kind), depth);
      if (operands.length < 2) return failType(raw[kind], raw, kind, 'an array of two or more');
      return { kind: 'binary', op: kind, operands };
    }
    case 'numgen': {
      const body = asObject(raw.numgen, raw, kind);
      const mode = asWord(body.mode, body, 'mode', ['inc', 'random']);
      const mod = asUnsigned32(body.mod, body, 'mod');
      const offset = asUnsigned32(body.offset, body, 'offset');
      return hasMoreThan(body, 3) ? unsupported(kind, raw) : { kind, mode, mod, offset };
    }
    case 'elem':
      return decodeElementExpression(raw, depth);
    case '':
      if (Object.keys(raw).length === 0) return failType(raw, holder, key, 'an expression');
      return unsupported(kind, raw);
    default:
      return decodeRareExpression(kind, raw, depth);
  }
}

function decodePayload(raw: RawObject): Expression {
  const body = asObject(raw.payload, raw, 'payload');
  if (body.base !== undefined) return decodeRawPayload(raw, body);
  const payload: Draft<PayloadExpression> = {
    kind: 'payload',
    protocol: asText(body.protocol, body, 'protocol'),
    field: asText(body.field, body, 'field'),
  };
  if (body.tunnel === undefined) return hasMoreThan(body, 2) ? unsupported('payload', raw) : payload;
  payload.tunnel = asText(body.tunnel, body, 'tunnel');
  return hasMoreThan(body, 3) ? unsupported('payload', raw) : payload;
}

function decodeRawPayload(raw: RawObject, body: RawObject): Expression {
  const payload: Draft<RawPayloadExpression> = {
    kind: 'rawPayload',
    base: asText(body.base, body, 'base'),
    offset: asNumber(body.offset, body, 'offset'),
    len: asNumber(body.len, body, 'len'),
  };
  if (body.tunnel === undefined) return hasMoreThan(body, 3) ? unsupported('payload', raw) : payload;
  payload.tunnel = asText(body.tunnel, body, 'tunnel');
  return hasMoreThan(body, 4) ? unsupported('payload', raw) : payload;
}

function decodeCt(raw: RawObject): Expression {
  const body = asObject(raw.ct, raw, 'ct');
  const ct: Draft<CtExpression> = { kind: 'ct', key: asText(body.key, body, 'key') };
  let known = 1;
  if (body.dir !== undefined) {
    ct.dir = asWord(body.dir, body, 'dir', ['original', 'reply']);
    known++;
  }
  if (body.family !== undefined) {
    ct.family = asText(body.family, body, 'family');
    known++;
  }
  return hasMoreThan(body, known) ? unsupported('ct', raw) : ct;
}

function decodePrefix(raw: RawObject, depth: number): Expression {
  const body = asObject(raw.prefix, raw, 'prefix');
  const addr = decodeExpression(body.addr, body, 'addr', depth + 1);
  const len = asNumber(body.len, body, 'len');
  return hasMoreThan(body, 2) ? unsupported('prefix', raw) : { kind: 'prefix', addr, len };
}

/** The kinds that a large ruleset holds few of. */
function decodeRareExpression(kind: string, raw: RawObject, depth: number): Expression {
  switch (kind) {
    case 'exthdr': {
      const body = asObject(raw.exthdr, raw, kind);
      const exthdr: Draft<ExthdrExpression> = { kind, name: asText(body.name, body, 'name') };
      if (body.field !== undefined) exthdr.field = asText(body.field, body, 'field');
      if (body.offset !== undefined) exthdr.offset = asNumber(body.offset, body, 'offset');
      return knowsAll(body, ['name', 'field', 'offset']) ? exthdr : unsupported(kind, raw);
    }
    case 'tcp option': {
      const body = asObject(raw[kind], raw, kind);
      if (body.base === undefined) return decodeNamed('tcpOption', kind, raw);
      const base = asNumber(body.base, body, 'base');
      const offset = asNumber(body.offset, body, 'offset');
      const len = asNumber(body.len, body, 'len');
      return hasMoreThan(body, 3) ? unsupported(kind, raw) : { kind: 'rawTcpOption', base, offset, len };
    }
    case 'ip option':
      return decodeNamed('ipOption', kind, raw);
    case 'sctp chunk':
      return decodeNamed('sctpChunk', kind, raw);
    case 'dccp option': {
      const body = asObject(raw[kind], raw, kind);
      const type = asNumber(body.type, body, 'type');
      return hasMoreThan(body, 1) ? unsupported(kind, raw) : { kind: 'dccpOption', type };
    }
    case 'rt': {
      const body = asObject(raw.rt, raw, kind);
      const key = asText(body.key, body, 'key');
      if (!knowsAll(body, ['key', 'family'])) return unsupported(kind, raw);
      return body.family === undefined ? { kind, key } : { kind, key, family: asText(body.family, body, 'family') };
    }
    case 'fib': {
      const body = asObject(raw.fib, raw, kind);
      const result = asText(body.result, body, 'result');
      // Flags that nft has no name for are printed as one number.
      if (Array.isArray(body.flags) && body.flags.some((flag) => typeof flag === 'number'))
        return unsupported(kind, raw);
      const flags = asNames(body.flags, body, 'flags');
      return knowsAll(body, ['result', 'flags']) ? { kind, result, flags } : unsupported(kind, raw);
    }
    case 'socket': {
      const body = asObject(raw.socket, raw, kind);
      const key = asText(body.key, body, 'key');
      if (!knowsAll(body, ['key', 'level'])) return unsupported(kind, raw);
      return body.level === undefined ? { kind, key } : { kind, key, level: asNumber(body.level, body, 'level') };
    }
    case 'osf': {
      const body = asObject(raw.osf, raw, kind);
      const key = asText(body.key, body, 'key');
      if (!knowsAll(body, ['key', 'ttl'])) return unsupported(kind, raw);
      return body.ttl === undefined ? { kind, key } : { kind, key, ttl: asText(body.ttl, body, 'ttl') };
    }
    case 'ipsec': {
      const body = asObject(raw.ipsec, raw, kind);
      const ipsec: Draft<IpsecExpression> = { kind, key: asText(body.key, body, 'key') };
      if (body.family !== undefined) ipsec.family = asText(body.family, body, 'family');
      if (body.dir !== undefined) ipsec.dir = asText(body.dir, body, 'dir');
      if (body.spnum !== undefined) ipsec.spnum = asNumber(body.spnum, body, 'spnum');
      return knowsAll(body, ['key', 'family', 'dir', 'spnum']) ? ipsec : unsupported(kind, raw);
    }
    case 'tunnel': {
      const body = asObject(raw.tunnel, raw, kind);
      const key = asText(body.key, body, 'key');
      return hasMoreThan(body, 1) ? unsupported(kind, raw) : { kind, key };
    }
    case 'jhash': {
      const body = asObject(raw.jhash, raw, kind);
      const jhash: Draft<JhashExpression> = {
        kind,
        expr: decodeExpression(body.expr, body, 'expr', depth + 1),
        mod: asUnsigned32(body.mod, body, 'mod'),
      };
      if (body.seed !== undefined) jhash.seed = asUnsigned32(body.seed, body, 'seed');
      if (body.offset !== undefined) jhash.offset = asUnsigned32(body.offset, body, 'offset');
      return knowsAll(body, ['expr', 'mod', 'seed', 'offset']) ? jhash : unsupported(kind, raw);
    }
    case 'symhash': {
      const body = asObject(raw.symhash, raw, kind);
      const mod = asUnsigned32(body.mod, body, 'mod');
      if (!knowsAll(body, ['mod', 'offset'])) return unsupported(kind, raw);
      return body.offset === undefined
        ? { kind, mod }
        : { kind, mod, offset: asUnsigned32(body.offset, body, 'offset') };
    }
    default:
      return unsupported(kind, raw);
  }
}

const knowsAll = (body: RawObject, known: readonly string[]): boolean =>
  Object.keys(body).every((key) => known.includes(key));

/** A header or option by name, with an optional field. */
function decodeNamed(kind: 'tcpOption' | 'ipOption' | 'sctpChunk', key: string, raw: RawObject): Expression {
  const body = asObject(raw[key], raw, key);
  const name = asText(body.name, body, 'name');
  if (!knowsAll(body, ['name', 'field'])) return unsupported(key, raw);
  return body.field === undefined ? { kind, name } : { kind, name, field: asText(body.field, body, 'field') };
}

// ------------------------------------------------------------------------------------------------ sets and verdicts

const ACCEPT: Verdict = Object.freeze({ kind: 'accept' });
const DROP: Verdict = Object.freeze({ kind: 'drop' });
const CONTINUE: Verdict = Object.freeze({ kind: 'continue' });
const RETURN: Verdict = Object.freeze({ kind: 'return' });

/** The verdict that the only member `kind` of an object is; undefined where it is none. */
export function decodeVerdict(kind: string, raw: RawObject): Verdict | undefined {
  switch (kind) {
    case 'jump':
    case 'goto': {
      const body = asObject(raw[kind], raw, kind);
      return { kind, target: asText(body.target, body, 'target') };
    }
    case 'accept':
      asNull(raw.accept, raw, kind);
      return ACCEPT;
    case 'drop':
      asNull(raw.drop, raw, kind);
      return DROP;
    case 'continue':
      asNull(raw.continue, raw, kind);
      return CONTINUE;
    case 'return':
      asNull(raw.return, raw, kind);
      return RETURN;
    default:
      return undefined;
  }
}

/** Where a map look-up looks: `"@m"` or `{"set": [[key, data], …]}`. */
export function decodeMapping(
  value: unknown,
  holder: Holder,
  key: string | number,
  depth: number,
): SetReference | AnonymousSet | UnsupportedExpression {
  if (typeof value === 'string' && value.startsWith('@')) return { kind: 'setref', name: value.slice(1) };
  const raw = asObject(value, holder, key);
  const kind = soleKey(raw);
  return kind === 'set' ? decodeAnonymousSet(raw, true, depth) : unsupported(kind, raw);
}

/** The right side of a match; `"@s"` is a named set. */
export function decodeRight(value: unknown, holder: Holder, key: string | number): Expression {
  if (typeof value === 'string' && value.startsWith('@')) return { kind: 'setref', name: value.slice(1) };
  return decodeExpression(value, holder, key, 0);
}

function decodeAnonymousSet(raw: RawObject, isMap: boolean, depth: number): AnonymousSet {
  return { kind: 'set', elements: decodeElements(asArray(raw.set, raw, 'set'), isMap, depth) };
}

/** The elements of a set, or the pairs `[key, data]` of a map. */
export function decodeElements(values: RawArray, isMap: boolean, depth: number): SetElement[] {
  const elements = sized<SetElement>(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (isMap) {
      const pair = asArray(value, values, i);
      if (pair.length !== 2) return failType(value, values, i, 'a pair of key and data');
      elements[i] = decodeElement(pair[0], pair, 0, decodeData(pair[1], pair, depth), depth);
    } else {
      elements[i] = decodeElement(value, values, i, undefined, depth);
    }
  }
  return elements;
}

function decodeData(value: unknown, pair: RawArray, depth: number): Expression | Verdict {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const verdict = decodeVerdict(soleKey(value as RawObject), value as RawObject);
    if (verdict !== undefined) return verdict;
  }
  return decodeExpression(value, pair, 1, depth);
}

function decodeElement(
  value: unknown,
  holder: Holder,
  key: string | number,
  data: Expression | Verdict | undefined,
  depth: number,
): SetElement {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && soleKey(value as RawObject) === 'elem') {
    const body = asObject((value as RawObject).elem, value as RawObject, 'elem');
    const val = decodeKey(body.val, body, 'val', depth);
    const element: Draft<SetElement> = data === undefined ? { key: val } : { key: val, data };
    addOptions(element, body);
    return element;
  }
  const plain = decodeKey(value, holder, key, depth);
  return data === undefined ? { key: plain } : { key: plain, data };
}

const decodeKey = (value: unknown, holder: Holder, key: string | number, depth: number): Expression =>
  value === '*' ? WILDCARD : decodeExpression(value, holder, key, depth);

interface ElementOptions {
  timeout?: number;
  expires?: number;
  comment?: string;
  statements?: readonly Statement[];
}

/** Statements keep their order; a member that is not known is kept as an unsupported statement. */
function addOptions(element: ElementOptions, body: RawObject): void {
  let statements: Statement[] | undefined;
  for (const name in body) {
    switch (name) {
      case 'val':
        break;
      case 'timeout':
        element.timeout = asNumber(body.timeout, body, name);
        break;
      case 'expires':
        element.expires = asNumber(body.expires, body, name);
        break;
      case 'comment':
        element.comment = asText(body.comment, body, name);
        break;
      default:
        statements ??= [];
        statements.push(
          decodeStateful(name, body) ?? { kind: 'unsupported', name, raw: { [name]: asJson(body[name]) } },
        );
    }
  }
  if (statements !== undefined) element.statements = statements;
}

function decodeElementExpression(raw: RawObject, depth: number): ElementExpression {
  const body = asObject(raw.elem, raw, 'elem');
  const element: Draft<ElementExpression> = { kind: 'elem', val: decodeExpression(body.val, body, 'val', depth + 1) };
  addOptions(element, body);
  return element;
}
