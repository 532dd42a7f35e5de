/**
 * Statements in nft's own text: updates of maps, which nft 1.0.6 has no JSON form for, and the stateful statements of
 * elements, of which its JSON shows the first only.
 */
import type { Expression, Statement } from '../nft/model';
import { readDuration, readExpression, readLiteral, refuse, Tokens, understood } from './parse-expression';

/**
 * The statement that a text is: an update of a set or map, `add|update|delete @NAME { KEY [timeout T] [: DATA] }`. Any other
 * text, an anonymous chain first of all, stays text.
 */
export function parseStatementText(text: string): Statement {
  return understood(() => readUpdate(new Tokens(text))) ?? { kind: 'text', text };
}

const OPERATIONS = new Set(['add', 'update', 'delete']);

function readUpdate(tokens: Tokens): Statement {
  const op = tokens.next();
  const reference = tokens.next();
  if (!OPERATIONS.has(op) || !/^@./.test(reference)) return refuse();
  tokens.expect('{');
  const { key, timeout, statements } = readElement(tokens);
  const elem: Expression = timeout === undefined ? key : { kind: 'elem', val: key, timeout };
  const data = tokens.take(':') ? readExpression(tokens) : undefined;
  tokens.expect('}');
  tokens.end();
  const name = reference.slice(1);
  if (data === undefined) return { kind: 'setUpdate', op, set: name, elem, statements };
  return { kind: 'mapUpdate', op, map: name, elem, data, statements };
}

interface ElementText {
  readonly key: Expression;
  /** Seconds. */
  readonly timeout?: number;
  readonly statements: readonly Statement[];
}

/** `KEY [STATEMENTS] [timeout T] [expires T] [comment "…"]`; the parts after the key in any order. */
function readElement(tokens: Tokens): ElementText {
  const key: Expression = tokens.take('*') ? { kind: 'wildcard' } : readExpression(tokens);
  const statements: Statement[] = [];
  let timeout: number | undefined;
  for (;;) {
    const word = tokens.peek();
    if (word === undefined || word === ':' || word === '}') break;
    tokens.next();
    if (word === 'timeout') timeout = readDuration(tokens.next());
    else if (word === 'expires') tokens.next();
    else if (word === 'comment') tokens.next();
    else statements.push(readStateful(word, tokens));
  }
  return timeout === undefined ? { key, statements } : { key, timeout, statements };
}

/** The key of an element of a listing and its statements; undefined where the text is not understood. */
export function parseElementText(text: string): ElementText | undefined {
  return understood(() => readElement(new Tokens(text)));
}

function readStateful(word: string, tokens: Tokens): Statement {
  switch (word) {
    case 'counter':
      if (!tokens.take('packets')) return { kind: 'counter' };
      return { kind: 'counter', packets: readInteger(tokens), bytes: readAfter('bytes', tokens) };
    case 'quota': {
      const over = tokens.take('over');
      const quota = { kind: 'quota', over, val: readInteger(tokens), valUnit: readUnit(tokens) } as const;
      return tokens.take('used') ? { ...quota, used: readInteger(tokens), usedUnit: readUnit(tokens) } : quota;
    }
    case 'limit':
      return readLimit(tokens);
    case 'ct': {
      tokens.expect('count');
      const over = tokens.take('over');
      return { kind: 'ctCount', val: tokens.number(), over };
    }
    default:
      return refuse();
  }
}

function readLimit(tokens: Tokens): Statement {
  tokens.expect('rate');
  const over = tokens.take('over');
  // `10/second`, or `10 kbytes/second`.
  const [first = '', firstPer] = tokens.next().split('/');
  const rate = toInteger(first);
  if (firstPer !== undefined) {
    // nft 1.0.6 does not print the default burst of five packets.
    const burst = tokens.take('burst') ? readInteger(tokens) : 5;
    tokens.take('packets');
    return { kind: 'limit', rate, burst, per: firstPer, over };
  }
  const [rateUnit = '', per = ''] = tokens.next().split('/');
  if (!tokens.take('burst')) return { kind: 'limit', rate, burst: 0, per, over, rateUnit, burstUnit: 'bytes' };
  return { kind: 'limit', rate, burst: readInteger(tokens), per, over, rateUnit, burstUnit: readUnit(tokens) };
}

function readAfter(word: string, tokens: Tokens): number | bigint {
  tokens.expect(word);
  return readInteger(tokens);
}

const readInteger = (tokens: Tokens): number | bigint => toInteger(tokens.next());

function toInteger(word: string): number | bigint {
  const literal = readLiteral(word);
  return typeof literal === 'number' || typeof literal === 'bigint' ? literal : refuse();
}

function readUnit(tokens: Tokens): string {
  const unit = tokens.next();
  return /^[km]?bytes$/.test(unit) ? unit : refuse();
}
