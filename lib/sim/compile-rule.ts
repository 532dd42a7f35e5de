/** Statements compiled to functions of the packet: go on, end the rule, or a verdict. */
import { PROTO } from '../net/protocols';
import type { DataType } from '../nft/datatypes';
import { type MatchStatement, type RejectStatement, type Statement, unreachable } from '../nft/model';
import { compileExpression, compileLookup, Miss, type Scope, typesIn } from './compile-expression';
import { compileMangle, compileReset } from './compile-mangle';
import { compileMatch } from './compile-match';
import { compileNat } from './compile-nat';
import { compileObject, synproxy, tproxy } from './compile-object';
import { compileMapUpdate, compileSetUpdate } from './compile-update';
import { elementKeyOf } from './element-key';
import type { Context } from './environment';
import { duplicate } from './generated';
import { joined } from './joined-matches';
import { PROTOCOL_LOST, protocolLost } from './lost-matches';
import { unmeasuredIn } from './not-measured';
import { Broken, type Op, stop } from './op';
import { need } from './operand';
import type { ProgramRule } from './program';
import { rejectPacket } from './reject';
import { askCount, askLimit, askQuota, quotaBytes } from './set-update';
import { isVerdict } from './sets';
import { Missing, Unknown } from './value';
import { compileXtRule } from './xt';

/** Compiles the statements of a rule, once. */
export function opsOf(rule: ProgramRule, scope: Scope): readonly Op[] {
  if (rule.ops === undefined) {
    rule.ops = rule.rule.unlisted
      ? [unlisted]
      : rule.rule.statements.some((s) => s.kind === 'xt')
        ? compileXtRule(rule, scope, (s) => compileStatement(s, scope))
        : ofFamily(
            guarded(
              joined(
                rule.rule.statements.map((s, i, all) => compileStatement(s, scope, all.slice(0, i), all.slice(i + 1))),
                rule.rule.statements,
                scope,
              ),
              rule.rule.statements,
              scope,
            ),
            rule.rule.statements,
            scope,
          );
    rule.notMeasured = unmeasuredIn(rule.rule, scope.table.family);
  }
  return rule.ops as readonly Op[];
}

/**
 * What `reject` demands of a packet and the listing does not show stands before all statements of the rule, so that nothing of it runs
 * for others (stmt_reject_gen_dependency of nft's src/evaluate.c). After a match of TCP it is not there.
 */
function guarded(ops: readonly Op[], statements: readonly Statement[], scope: Scope): readonly Op[] {
  const at = statements.findIndex((s) => s.kind === 'reject');
  const reject = statements[at];
  const [first, ...rest] = ops;
  if (reject?.kind !== 'reject' || at === 0 || first === undefined) return ops;
  const before = statements.slice(0, at);
  if (reject.type === 'tcp reset' ? knowsTransport(before) : knowsNetwork(before)) return ops;
  const guard: Op = (c) => {
    const why = notRejected(reject, scope, c);
    return why === undefined ? first(c) : new Broken(why.why, at);
  };
  return [guard, ...rest];
}

const OF_ALL_FAMILIES: ReadonlySet<string> = new Set(['inet', 'bridge', 'netdev']);

/**
 * The family that an extension header or an IP option asks for stands before all statements of the rule (exthdr_gen_dependency of nft's
 * src/evaluate.c), so that no look-up before it counts for another. The listing leaves it out behind matches alone.
 */
function ofFamily(ops: readonly Op[], statements: readonly Statement[], scope: Scope): readonly Op[] {
  const at = statements.findIndex((s) => mentions(s, isOption));
  const [first, ...rest] = ops;
  const before = statements.slice(0, at);
  if (at < 1 || first === undefined || !OF_ALL_FAMILIES.has(scope.table.family)) return ops;
  if (before.some(({ kind }) => kind !== 'match') || knowsNetwork(before)) return ops;
  const family = mentions(statements[at], (e) => e.kind === 'exthdr') ? 'ip6' : 'ip';
  const because = `the packet is not ${family === 'ip' ? 'IPv4' : 'IPv6'}`;
  const field = family === 'ip' ? 'ip option' : 'exthdr';
  const guard: Op = (c) => (c.skb.family === family ? first(c) : new Broken({ kind: 'missing', field, because }, at));
  return [guard, ...rest];
}

const isOption = ({ kind }: { readonly kind?: unknown }): boolean => kind === 'exthdr' || kind === 'ipOption';

const PROTOCOL_FIELDS: ReadonlySet<string> = new Set(['meta l4proto', 'ip protocol', 'ip6 nexthdr', 'ct protocol']);

/** True where the statements before `reject` tell nft that the packet is TCP: a TCP field, or a match of the protocol. */
function knowsTransport(statements: readonly Statement[]): boolean {
  return statements.some(
    (s) => mentions(s, (e) => e.kind === 'payload' && e.protocol === 'tcp') || (s.kind === 'match' && namesTcp(s)),
  );
}

/** True where they tell it the family. */
const knowsNetwork = (statements: readonly Statement[]): boolean =>
  statements.some((s) => mentions(s, (e) => e.kind === 'payload' && NETWORK.has(String(e.protocol))));

const NETWORK: ReadonlySet<string> = new Set(['ip', 'ip6', 'icmp', 'icmpv6', 'igmp']);

function namesTcp({ op, left, right }: MatchStatement): boolean {
  if (op !== '==' || typeof left !== 'object') return false;
  const field =
    left.kind === 'payload'
      ? `${left.protocol} ${left.field}`
      : left.kind === 'meta' || left.kind === 'ct'
        ? `${left.kind} ${left.key}`
        : '';
  if (!PROTOCOL_FIELDS.has(field)) return false;
  const tcp = (v: unknown): boolean => v === 'tcp' || v === PROTO.tcp;
  return typeof right === 'object' && right.kind === 'set'
    ? right.elements.some((e) => tcp(elementKeyOf(e)))
    : tcp(right);
}

/** True where something within a statement is as asked. */
function mentions(
  value: unknown,
  asked: (e: { readonly kind?: unknown; readonly protocol?: unknown }) => boolean,
): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return asked(value) || Object.values(value).some((v) => mentions(v, asked));
}

const unlisted: Op = (c) =>
  c.run.undecided(
    'rule-not-listed',
    'nft could not list what this rule does.',
    'Read the ruleset with a newer nft.',
    c.at,
  );

/**
 * The first of the matches right behind an unknown one that certainly fails: whatever the unknown one is, the rule does not match then.
 * Matches that count (`numgen inc`) or that nft may have joined with others (`!=`) are not asked.
 */
function compileLater(after: readonly Statement[], at: number, scope: Scope): (c: Context) => Broken | undefined {
  const tests: { readonly test: ReturnType<typeof compileMatch>; readonly statement: number }[] = [];
  for (const [i, s] of after.entries()) {
    if (s.kind !== 'match' || mentions(s, (e) => e.kind === 'numgen')) break;
    if (s.op !== '!=') tests.push({ test: compileMatch(s, scope), statement: at + 1 + i });
  }
  return (c) => {
    for (const { test, statement } of tests) {
      const r = test(c);
      if (r !== true && !(r instanceof Unknown)) return new Broken(r, statement);
    }
    return undefined;
  };
}

function compileStatement(
  s: Statement,
  scope: Scope,
  before: readonly Statement[] = [],
  after: readonly Statement[] = [],
): Op {
  switch (s.kind) {
    case 'match': {
      const test = compileMatch(s, scope);
      const lost = scope.program.ruleset.protocolsListed !== true && protocolLost(s, before);
      let later: ReturnType<typeof compileLater> | undefined;
      const unknown = (c: Context, why: Unknown): Broken => {
        later ??= compileLater(after, before.length, scope);
        return later(c) ?? stop(c, why);
      };
      return (c) => {
        const r = test(c);
        if (r === true) return lost && c.skb.headers.l4proto !== PROTO.tcp ? unknown(c, PROTOCOL_LOST) : undefined;
        return r instanceof Unknown ? unknown(c, r) : new Broken(r);
      };
    }
    case 'continue':
      // The loop over a rule's expressions stops at any other verdict (nft_do_chain: regs.verdict.code != NFT_CONTINUE).
      return () => undefined;
    case 'accept':
    case 'drop':
    case 'return':
    case 'jump':
    case 'goto':
      return () => s;
    case 'vmap': {
      const find = compileLookup(s.key, s.data, scope);
      return (c) => {
        const found = find(c);
        if (found instanceof Unknown) return stop(c, found);
        if (found instanceof Missing)
          return new Broken(
            found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
          );
        const verdict = found.element.data;
        if (!isVerdict(verdict))
          return c.run.undecided(
            'unsupported-statement',
            'The element found holds no verdict.',
            'Assume a verdict.',
            c.at,
          );
        // `continue` lets the rest of the rule run.
        return verdict.kind === 'continue' ? undefined : verdict;
      };
    }
    case 'counter':
      return () => undefined;
    case 'quota':
      return (c) => {
        const state = c.run.state.of(s);
        if (state.used === 0 && s.used !== undefined)
          state.used = Number(s.used) * (s.usedUnit === 'kbytes' ? 1024 : s.usedUnit === 'mbytes' ? 1048576 : 1);
        return askQuota(quotaBytes(s), s.over, state, c)
          ? undefined
          : new Broken({
              kind: 'limited',
              what: 'quota',
              say: s.over ? 'the quota is not used up' : 'the quota is used up',
            });
      };
    case 'limit':
      return (c) =>
        askLimit(s, c.run.state.of(s), c, 'the limit in this rule')
          ? undefined
          : new Broken({
              kind: 'limited',
              what: 'limit',
              say: s.over ? 'the rate is within the limit' : 'the rate exceeds the limit',
            });
    case 'ctCount':
      return (c) => {
        const within = askCount(s.val, s.over, c.run.state.of(s), c);
        if (within === undefined) return { kind: 'drop' };
        return within
          ? undefined
          : new Broken({ kind: 'limited', what: 'ct count', say: 'the number of connections is outside the limit' });
      };
    case 'object':
      return compileObject(s, scope);
    case 'last':
    case 'log':
      return () => undefined;
    case 'mangle':
      return compileMangle(s, scope);
    case 'reset':
      return compileReset(s.option);
    case 'notrack':
      return (c) => {
        if (c.skb.ct === undefined && !c.skb.untracked) c.skb.untracked = true;
        return undefined;
      };
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return compileNat(s, scope);
    case 'reject':
      return compileReject(s, scope, before);
    case 'tproxy':
      return (c) => {
        if (c.skb.headers.l4proto !== PROTO.tcp && c.skb.headers.l4proto !== PROTO.udp)
          return new Broken({ kind: 'missing', field: 'tproxy', because: 'the packet is neither tcp nor udp' });
        const family =
          s.family ?? (scope.table.family === 'ip6' ? 'ip6' : scope.table.family === 'ip' ? 'ip' : undefined);
        if (family !== undefined && family !== c.skb.family)
          return new Broken({ kind: 'missing', field: 'tproxy', because: 'the packet is of the other family' });
        return tproxy(s.addr, s.port, scope, c);
      };
    case 'dup':
      return (c) => {
        // Family netdev has no address to send a copy to: what nft lists in its place is the device.
        const netdev = scope.table.family === 'netdev' && s.dev === undefined;
        const device = netdev ? s.addr : s.dev;
        const dev = device === undefined ? undefined : String(device);
        const addr =
          s.addr === undefined || netdev
            ? undefined
            : need(compileExpression(s.addr, scope, typesIn(s.addr, scope)[0] ?? addressTypeOf(c))(c), c);
        if (addr instanceof Broken) return addr;
        duplicate(c, dev, addr as number | bigint | undefined);
        return undefined;
      };
    case 'fwd':
      return (c) => {
        const dev = typeof s.dev === 'string' ? c.run.p.linkByName.get(s.dev) : undefined;
        if (dev === undefined || s.addr !== undefined)
          return c.run.undecided(
            'unsupported-statement',
            'Forwarding to a neighbour or to a device not in the capture is not modelled.',
            'Assume where the packet goes.',
            c.at,
          );
        c.run.redirect(c.skb, dev);
        return { kind: 'stolen' };
      };
    case 'setUpdate':
      return compileSetUpdate(s, scope);
    case 'mapUpdate':
      return compileMapUpdate(s, scope);
    case 'flow':
      return () => undefined;
    case 'queue':
      return (c) =>
        s.flags.includes('bypass')
          ? c.run.undecided(
              'queue',
              'The packet is handed to a program through a queue with bypass; whether one listens is not in the capture.',
              'Assume what the program answers.',
              c.at,
            )
          : c.run.undecided(
              'queue',
              'The packet is handed to a program through a queue.',
              'Assume what the program answers.',
              c.at,
            );
    case 'synproxy':
      return (c) => {
        if (c.skb.headers.l4proto !== PROTO.tcp)
          return new Broken({ kind: 'missing', field: 'synproxy', because: 'the packet is not tcp' });
        return synproxy(c, s);
      };
    case 'meter':
      return (c) =>
        c.run.undecided(
          'unsupported-statement',
          `The meter ${s.name} keeps state that the listing does not show.`,
          'Assume whether the meter lets the packet pass.',
          c.at,
        );
    case 'xt':
      return (c) =>
        c.run.undecided(
          'xt',
          `The ${s.type ?? 'part'} ${s.name ?? 'xt'} stands outside a rule.`,
          'Capture iptables-save on the node.',
          c.at,
        );
    case 'text':
      return (c) =>
        c.run.undecided(
          'statement-as-text',
          `nft lists this statement as text only: ${s.text.replace(/\s+/g, ' ')}`,
          'Read the ruleset with a newer nft.',
          c.at,
        );
    case 'unsupported':
      return (c) =>
        c.run.undecided(
          'unsupported-statement',
          `The statement ${s.name} is not modelled.`,
          'Assume what it does.',
          c.at,
        );
    default:
      return unreachable(s);
  }
}

const addressTypeOf = (c: Context): DataType | undefined =>
  typesIn(
    { kind: 'payload', protocol: c.skb.family === 'ip6' ? 'ip6' : 'ip', field: 'saddr' },
    { program: c.run.p.program, table: c.run.p.program.tables[0] as never },
  )[0];

/** Why `reject` is not for this packet; undefined where it is. */
function notRejected(s: RejectStatement, scope: Scope, c: Context): Broken | undefined {
  const { family } = scope.table;
  const inet = family === 'inet' || family === 'bridge' || family === 'netdev';
  if (inet && s.type === 'icmp' && c.skb.family !== 'ip')
    return new Broken({ kind: 'missing', field: 'reject with icmp', because: 'the packet is not IPv4' });
  if (inet && s.type === 'icmpv6' && c.skb.family !== 'ip6')
    return new Broken({ kind: 'missing', field: 'reject with icmpv6', because: 'the packet is not IPv6' });
  if (s.type === 'tcp reset' && c.skb.headers.l4proto !== PROTO.tcp)
    return new Broken({ kind: 'missing', field: 'reject with tcp reset', because: 'the packet is not tcp' });
  return undefined;
}

function compileReject(s: RejectStatement, scope: Scope, before: readonly Statement[]): Op {
  const told = s.type === 'tcp reset' && knowsTransport(before);
  return (c) => {
    const why = told ? undefined : notRejected(s, scope, c);
    if (why !== undefined) return why;
    if (scope.table.family === 'bridge' || scope.table.family === 'netdev')
      return c.run.undecided(
        'unsupported-statement',
        'reject in family bridge or netdev is not modelled.',
        'Assume that the packet is dropped and answered.',
        c.at,
      );
    rejectPacket(c, s);
    return { kind: 'drop' };
  };
}
