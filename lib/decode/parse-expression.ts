/**
 * Expressions in nft's own text, for the few places where its JSON has no form and it prints text.
 *
 * Covers the operands that a dynamic map or a `typeof` names: header fields, meta, ct, hashes, concatenations, bit operations
 * and literals. Values come out as the JSON of nft 1.1 would give them. What is not understood is refused as a whole, never
 * guessed.
 */
import type { AnonymousSet, BinaryOperator, Expression, SetElement, SetReference } from '../nft/model';

/** Leaves the parser; the public functions turn it into undefined. */
class NotUnderstood extends Error {}

/** Runs a reading; undefined where the text is not understood. */
export function understood<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

export function refuse(): never {
  throw new NotUnderstood();
}

/** One expression, or undefined where the text is not understood. */
export function parseExpressionText(text: string): Expression | undefined {
  return understood(() => {
    const tokens = new Tokens(text);
    const expression = readExpression(tokens);
    tokens.end();
    return expression;
  });
}

/** The words of a text. Words in double quotes keep the opening quote, so that `"eth0"` is not taken for a symbol. */
export class Tokens {
  readonly #words: readonly string[];
  #at = 0;

  constructor(text: string) {
    // nft's strings have no escapes. Parentheses stand against the words inside them, braces do not.
    this.#words = text.match(/"[^"]*"(?!\S)|[()]|[^\s()]+/g) ?? [];
  }

  peek(ahead = 0): string | undefined {
    return this.#words[this.#at + ahead];
  }

  next(): string {
    return this.#words[this.#at++] ?? refuse();
  }

  /** Takes the word when it is next. */
  take(word: string): boolean {
    if (this.peek() !== word) return false;
    this.#at++;
    return true;
  }

  expect(word: string): void {
    if (!this.take(word)) refuse();
  }

  number(): number {
    const literal = readNumber(this.next());
    return typeof literal === 'number' ? literal : refuse();
  }

  end(): void {
    if (this.peek() !== undefined) refuse();
  }
}

const isName = (word: string | undefined): word is string => word !== undefined && /^[A-Za-z][\w-]*$/.test(word);

/** A concatenation binds loosest: `ip saddr . meta mark & 0xff`. */
export function readExpression(tokens: Tokens): Expression {
  const parts = [readBits(tokens, 0)];
  while (tokens.take('.')) parts.push(readBits(tokens, 0));
  const first = parts[0] ?? refuse();
  return parts.length === 1 ? first : { kind: 'concat', parts };
}

/** Bit operators, loosest first. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [['|'], ['^'], ['&'], ['<<', '>>']];

function readBits(tokens: Tokens, level: number): Expression {
  const operators = LEVELS[level];
  if (operators === undefined) return readMapped(tokens);
  let left = readBits(tokens, level + 1);
  for (;;) {
    const op = operators.find((operator) => operator === tokens.peek());
    if (op === undefined) return left;
    tokens.next();
    const right = readBits(tokens, level + 1);
    left = { kind: 'binary', op, operands: [...(op === '|' ? chainOf(left) : [left]), right] };
  }
}

/** nft 1.1 puts the operands of `a | b | c` side by side. */
const chainOf = (left: Expression): readonly Expression[] =>
  typeof left === 'object' && left.kind === 'binary' && left.op === '|' ? left.operands : [left];

/** `KEY map @m` or `KEY map { a : b, c : d }`. */
function readMapped(tokens: Tokens): Expression {
  const key = readOperand(tokens);
  return tokens.take('map') ? { kind: 'map', key, data: readMapping(tokens) } : key;
}

function readMapping(tokens: Tokens): SetReference | AnonymousSet {
  const word = tokens.next();
  if (word.startsWith('@')) return { kind: 'setref', name: word.slice(1) };
  if (word !== '{') return refuse();
  // Commas stand against the word before them; only plain literals are read here.
  const elements: SetElement[] = [];
  for (;;) {
    const key = tokens.next();
    tokens.expect(':');
    const data = tokens.next();
    const isLast = !data.endsWith(',');
    elements.push({ key: readElementLiteral(key), data: readLiteral(isLast ? data : data.slice(0, -1)) });
    if (!isLast) continue;
    tokens.expect('}');
    return { kind: 'set', elements };
  }
}

const readElementLiteral = (word: string): Expression => (word === '*' ? { kind: 'wildcard' } : readLiteral(word));

const BARE_META = new Set(['iif', 'iifname', 'iifgroup', 'oif', 'oifname', 'oifgroup']);
const HEADERS = new Set('ether vlan arp ip ip6 icmp icmpv6 igmp tcp udp udplite sctp dccp ah esp comp th'.split(' '));
const EXTENSION_HEADERS = new Set('hbh rt frag dst mh srh'.split(' '));
const ROUTE_KEYS = new Set('classid nexthop mtu ipsec'.split(' '));
const FIB_FLAGS = new Set('saddr daddr mark iif oif'.split(' '));
const FIB_RESULTS = new Set('oif oifname type'.split(' '));

function readOperand(tokens: Tokens): Expression {
  const word = tokens.next();
  if (word === '(') {
    const inner = readExpression(tokens);
    tokens.expect(')');
    return inner;
  }
  const raw = /^@(ll|nh|th|ih),(\d+),(\d+)$/.exec(word);
  if (raw?.[1] !== undefined) return { kind: 'rawPayload', base: raw[1], offset: Number(raw[2]), len: Number(raw[3]) };
  if (BARE_META.has(word)) return { kind: 'meta', key: word };
  // A header's name alone is a protocol: `tcp . 80`.
  return isName(tokens.peek()) ? readNamedOperand(word, tokens) : readLiteral(word);
}

function readNamedOperand(word: string, tokens: Tokens): Expression {
  switch (word) {
    case 'meta':
      return { kind: 'meta', key: tokens.next() };
    case 'ct':
      return readCt(tokens);
    case 'numgen': {
      const mode = tokens.next();
      tokens.expect('mod');
      const mod = tokens.number();
      const offset = tokens.take('offset') ? tokens.number() : 0;
      return mode === 'inc' || mode === 'random' ? { kind: 'numgen', mode, mod, offset } : refuse();
    }
    case 'jhash': {
      const expr = readExpression(tokens);
      tokens.expect('mod');
      const mod = tokens.number();
      const seed = tokens.take('seed') ? { seed: tokens.number() } : {};
      const offset = tokens.take('offset') ? { offset: tokens.number() } : {};
      return { kind: 'jhash', expr, mod, ...seed, ...offset };
    }
    case 'symhash': {
      tokens.expect('mod');
      const mod = tokens.number();
      return { kind: 'symhash', mod, ...(tokens.take('offset') ? { offset: tokens.number() } : {}) };
    }
    case 'fib':
      return readFib(tokens);
    case 'osf': {
      const ttl = tokens.take('ttl') ? { ttl: tokens.next() } : {};
      return { kind: 'osf', key: tokens.next(), ...ttl };
    }
    case 'socket': {
      const key = tokens.next();
      return key === 'cgroupv2' ? refuse() : { kind: 'socket', key };
    }
    case 'ipsec':
      return readIpsec(tokens);
    case 'rt':
      return readRoute(tokens);
    case 'tcp':
    case 'ip':
      if (tokens.take('option'))
        return { kind: word === 'tcp' ? 'tcpOption' : 'ipOption', ...readNameAndField(tokens) };
      break;
    case 'sctp':
      if (tokens.take('chunk')) return { kind: 'sctpChunk', ...readNameAndField(tokens) };
      break;
    case 'arp': {
      const field = tokens.next();
      return { kind: 'payload', protocol: word, field: /^[sd]addr$/.test(field) ? `${field} ${tokens.next()}` : field };
    }
    default:
      break;
  }
  if (HEADERS.has(word)) return { kind: 'payload', protocol: word, field: tokens.next() };
  if (EXTENSION_HEADERS.has(word)) return { kind: 'exthdr', name: word, field: tokens.next() };
  return readLiteral(word);
}

function readCt(tokens: Tokens): Expression {
  const dir = tokens.peek();
  const isDirection = dir === 'original' || dir === 'reply';
  if (isDirection) tokens.next();
  const word = tokens.next();
  const key = word === 'ip' || word === 'ip6' ? `${word} ${tokens.next()}` : word;
  return isDirection ? { kind: 'ct', key, dir } : { kind: 'ct', key };
}

/** `fib saddr . iif oif`; nft 1.1.7 writes a test for existence as `check`. */
function readFib(tokens: Tokens): Expression {
  const flags: string[] = [];
  do {
    const flag = tokens.next();
    flags.push(FIB_FLAGS.has(flag) ? flag : refuse());
  } while (tokens.take('.'));
  const result = tokens.next();
  if (result === 'check') return { kind: 'fib', result: 'oif', flags };
  return FIB_RESULTS.has(result) ? { kind: 'fib', result, flags } : refuse();
}

/** `ipsec in [spnum 1] reqid`, `ipsec out ip saddr`. */
function readIpsec(tokens: Tokens): Expression {
  const dir = tokens.next();
  const spnum = tokens.take('spnum') ? tokens.number() : 0;
  const word = tokens.next();
  if (word !== 'ip' && word !== 'ip6') return { kind: 'ipsec', key: word, dir, spnum };
  return { kind: 'ipsec', key: tokens.next(), family: word, dir, spnum };
}

function readRoute(tokens: Tokens): Expression {
  const word = tokens.next();
  if (word === 'ip' || word === 'ip6') return { kind: 'rt', key: tokens.next(), family: word };
  return ROUTE_KEYS.has(word) ? { kind: 'rt', key: word } : { kind: 'exthdr', name: 'rt', field: word };
}

function readNameAndField(tokens: Tokens): { name: string; field?: string } {
  const name = tokens.next();
  return isName(tokens.peek()) ? { name, field: tokens.next() } : refuse();
}

/** Decimal or hexadecimal, exact; undefined where the word is no number. */
function readNumber(word: string): number | bigint | undefined {
  if (!/^(0x[0-9a-f]+|\d+)$/.test(word)) return undefined;
  const exact = BigInt(word);
  return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : exact;
}

/**
 * A number, an address, a prefix, a range, a name or a string in quotes. Text does not say of which type a word is, so a word
 * that could be a duration is refused: the JSON has it in seconds.
 */
export function readLiteral(word: string): Expression {
  if (word.startsWith('"')) return word.length > 1 && word.endsWith('"') ? word.slice(1, -1) : refuse();
  const number = readNumber(word);
  if (number !== undefined) return number;
  const prefix = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(word);
  if (prefix?.[1] !== undefined) return { kind: 'prefix', addr: readLiteral(prefix[1]), len: Number(prefix[2]) };
  const range =
    /^([\d.]+|0x[0-9a-f]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*)-([\d.]+|0x[0-9a-f]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$/.exec(word);
  if (range?.[1] !== undefined && range[2] !== undefined) {
    return { kind: 'range', from: readLiteral(range[1]), to: readLiteral(range[2]) };
  }
  if (/^\d+\.\d+\.\d+\.\d+$/.test(word) || /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(word)) return word;
  return /^([A-Za-z][\w*-]*|8021\w+)$/.test(word) ? word : refuse();
}

const UNIT_SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1, ms: 0.001 } as const;

/** Seconds of `5d4h3m2s976ms`, cut to whole ones as in the JSON. */
export function readDuration(word: string): number {
  if (!/^(\d+(d|h|ms|m|s))+$/.test(word)) return refuse();
  let seconds = 0;
  for (const [, count, unit] of word.matchAll(/(\d+)(d|h|ms|m|s)/g)) {
    seconds += Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  }
  return Math.floor(seconds + 1e-6);
}
