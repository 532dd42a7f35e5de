/** Matches that nft makes one of, and lists as several. */
import { payloadField } from '../nft/fields';
import type { Expression, MatchStatement, Statement } from '../nft/model';
import type { Scope } from './compile-expression';
import { compileMatch } from './compile-match';
import { Broken, type Op, stop } from './op';
import type { ProgramTable } from './program';
import { Unknown } from './value';

interface Place {
  readonly base: string;
  readonly offset: number;
  readonly len: number;
}

const BYTES = 8;
const WORD = 4 * BYTES;
const REGISTER = 16 * BYTES;

/**
 * Before 1.1.0 nft loads neighbouring fields at once and compares them at once, for `!=` as for `==` (stmt_reduce of its src/rule.c):
 * `tcp sport != 1 tcp dport != 2` holds for all that is not from 1 to 2. The listing is that of two matches. Each op of the result
 * stands for the statement at its place; those of a run do what the first of them did not.
 */
export function joined(ops: readonly Op[], statements: readonly Statement[], scope: Scope): readonly Op[] {
  const loader = loaderOf(scope);
  const out = [...ops];
  for (const { matches, bits } of runsIn(statements, loader !== 'apart')) {
    const op = joinedOp(matches, scope, !bits && loader === 'joins');
    for (const [i, { at }] of matches.entries()) out[at] = i === 0 ? op : () => undefined;
  }
  return out;
}

/** What loaded the rules: an nft that joins them, one that does not, or who knows. iptables-nft never does. */
function loaderOf({ program, table }: Scope): 'joins' | 'apart' | 'unknown' {
  const version = /^(\d+)\.(\d+)/.exec(program.ruleset.nftVersion ?? '');
  if (version === null) return 'unknown';
  if (Number(version[1]) * 1000 + Number(version[2]) >= 1001) return 'apart';
  return ofIptables(table) ? 'unknown' : 'joins';
}

const CHAINS_OF_IPTABLES = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
const ofIptables = ({ chains }: ProgramTable): boolean => CHAINS_OF_IPTABLES.some((name) => chains.has(name));

const isConstant = (e: Expression): boolean =>
  typeof e === 'object' ? e.kind === 'binary' && e.operands.every(isConstant) : typeof e !== 'boolean';

/** Where a match looks that may be one of several: for another value than one. */
function placeOf({ op, left, right }: MatchStatement): Place | undefined {
  if (op !== '!=' || typeof left !== 'object' || !isConstant(right)) return undefined;
  if (left.kind === 'rawPayload') return left;
  return left.kind === 'payload' ? payloadField(left.protocol, left.field) : undefined;
}

/** payload_can_merge() of nft's src/payload.c: nothing above a register, and two words are loaded faster one by one. */
function oneLoad(a: Place, b: Place, joins: boolean): boolean {
  if (a.base !== b.base || a.offset + a.len !== b.offset) return false;
  const len = a.len + b.len;
  if (inBits(a) || inBits(b)) return len <= REGISTER;
  return joins && (len <= WORD || (len <= REGISTER && (a.len > WORD || b.len > WORD)));
}

/** Of fields that share a byte nft loads each by itself, and lists a raw load of the byte as both. */
const inBits = ({ offset, len }: Place): boolean => offset % BYTES !== 0 || len % BYTES !== 0;

interface Run {
  readonly matches: readonly { readonly at: number; readonly match: MatchStatement }[];
  readonly bits: boolean;
}

function runsIn(statements: readonly Statement[], joins: boolean): readonly Run[] {
  const runs: Run[] = [];
  let run: Run = { matches: [], bits: false };
  let until: Place | undefined;
  for (const [at, match] of statements.entries()) {
    const place = match.kind === 'match' ? placeOf(match) : undefined;
    if (match.kind !== 'match' || place === undefined) {
      until = undefined;
      continue;
    }
    if (until !== undefined && oneLoad(until, place, joins)) {
      runs.pop();
      run = { matches: [...run.matches, { at, match }], bits: run.bits || inBits(place) };
      until = { ...until, len: until.len + place.len };
    } else {
      run = { matches: [{ at, match }], bits: inBits(place) };
      until = place;
    }
    runs.push(run);
  }
  return runs.filter(({ matches }) => matches.length > 1);
}

function joinedOp(run: Run['matches'], scope: Scope, joins: boolean): Op {
  const tests = run.map(({ at, match }) => ({ at, test: compileMatch(match, scope) }));
  return (c) => {
    const results = tests.map(({ at, test }) => ({ at, result: test(c) }));
    let differs = 0;
    let unknown: Unknown | undefined;
    let broken: Broken | undefined;
    for (const { at, result } of results) {
      if (result === true) differs++;
      else if (result instanceof Unknown) unknown = result;
      else if (result.kind === 'missing') return new Broken(result, at);
      else broken = new Broken(result, at);
    }
    if (differs === results.length || (differs > 0 && joins)) return undefined;
    if (unknown !== undefined) return stop(c, unknown);
    return differs > 0 ? stop(c, HOW_MANY) : broken;
  };
}

const HOW_MANY = new Unknown({
  code: 'listing-wrong',
  say: 'Of two neighbouring fields one differs: the listing does not tell one comparison of both from one of each.',
  settle: 'Assume whether the rule matches.',
});
