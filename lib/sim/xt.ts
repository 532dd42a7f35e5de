/**
 * Rules made by iptables (nf_tables): nft lists their matches and targets by name only (net/netfilter/nft_compat.c). Their parameters
 * come from `iptables-save`, rule by rule; what has none is unknown.
 */
import type { Statement, XtStatement } from '../nft/model';
import type { Scope } from './compile-expression';
import { compileMatch } from './compile-match';
import { Broken, type Op, stop } from './op';
import type { ProgramRule } from './program';
import type { Reason } from './trace';
import { Unknown } from './value';
import { generalTests } from './xt-general';
import { kernelName, type XtLine, type XtPart } from './xt-line';
import { matchTest } from './xt-match';
import { pairRule, type Unpaired } from './xt-pair';
import { HARMLESS, targetOp, targetWithoutParameters } from './xt-target';
import type { XtEnv, XtTest } from './xt-test';

/** Matches that hold for every packet. */
const ALWAYS: ReadonlySet<string> = new Set(['comment', 'nfacct']);

const isLine = (paired: XtLine | Unpaired): paired is XtLine => 'matches' in paired;

const isHarmless = (s: Statement): boolean =>
  s.kind === 'counter' ||
  s.kind === 'log' ||
  s.kind === 'last' ||
  (s.kind === 'xt' && s.type === 'target' && HARMLESS.has(s.name ?? ''));

/** Compiles a rule with parts made by iptables. `compile` does the statements that nft lists in full. */
export function compileXtRule(rule: ProgramRule, scope: Scope, compile: (s: Statement) => Op): readonly Op[] {
  const paired = pairRule(rule, scope.table, scope.program.iptables);
  const family = scope.table.family === 'ip6' ? 'ip6' : 'ip';
  const env: XtEnv = { scope, family, compile };
  const { statements } = rule.rule;
  const open = isLine(paired) ? [...paired.matches] : [];
  const takeMatch = (name: string): XtPart | undefined => {
    const at = open.findIndex((m) => kernelName(m.name) === name);
    return at < 0 ? undefined : open.splice(at, 1)[0];
  };
  const tests = statements.map((s): XtTest | undefined => {
    if (s.kind === 'match') return compileMatch(s, scope);
    if (s.kind !== 'xt' || s.type === 'target') return undefined;
    if (ALWAYS.has(s.name ?? '')) {
      takeMatch(s.name ?? '');
      return () => true;
    }
    const found = isLine(paired) ? takeMatch(s.name ?? '') : undefined;
    return found === undefined ? unknown(reasonFor(s, paired)) : matchTest(found, env);
  });
  const ops = statements.map((s, i): Op => {
    const test = tests[i];
    if (test !== undefined) return testOp(test, i, tests, statements);
    if (s.kind !== 'xt') return compile(s);
    return isLine(paired) && paired.target !== undefined
      ? targetOp(paired.target, env)
      : targetWithoutParameters(s.name ?? '', reasonFor(s, paired));
  });
  if (!isLine(paired)) return ops;
  const extra = generalTests(paired.general, statements, env);
  const first = ops[0];
  if (extra.length === 0 || first === undefined) return ops;
  const before = extra.map((test) => testOp(test, 0, [], []));
  return [
    (c) => {
      for (const op of before) {
        const r = op(c);
        if (r !== undefined) return r;
      }
      return first(c);
    },
    ...ops.slice(1),
  ];
}

const unknown = (reason: Reason): XtTest => {
  const u = new Unknown(reason);
  return () => u;
};

function reasonFor(s: XtStatement, paired: XtLine | Unpaired): Reason {
  const part = `the ${s.type ?? 'part'} ${s.name ?? 'xt'} without its parameters`;
  const why = isLine(paired) ? 'its line in iptables-save does not show them' : paired.say;
  const missing = !isLine(paired) && paired.missing;
  return {
    code: missing ? (s.type === 'target' ? 'xt-target-unknown' : 'xt-match-unknown') : 'xt-unpaired',
    say: `This rule was made by iptables; nft lists ${part}, and ${why}.`,
    settle: missing
      ? 'Capture iptables-save on the node.'
      : 'Capture nft and iptables-save again, one right after the other.',
  };
}

/**
 * A match as a statement. Where it is unknown, a later match of the rule may still say no, and a rule that changes nothing may match
 * or not.
 */
function testOp(
  test: XtTest,
  index: number,
  tests: readonly (XtTest | undefined)[],
  statements: readonly Statement[],
): Op {
  const rest = statements.slice(index + 1);
  const changesNothing =
    statements.length > 0 && rest.every((s, i) => tests[index + 1 + i] !== undefined || isHarmless(s));
  return (c) => {
    const r = test(c);
    if (r === true) return undefined;
    if (r === 'hotdrop') return { kind: 'drop' };
    if (!(r instanceof Unknown)) return new Broken(r);
    for (let i = index + 1; i < tests.length; i++) {
      const later = tests[i]?.(c);
      if (later !== undefined && later !== true && later !== 'hotdrop' && !(later instanceof Unknown))
        return new Broken(later, i);
    }
    if (changesNothing)
      return new Broken({ kind: 'statement', say: 'whether it matches is not known, and it changes nothing' });
    return stop(c, r);
  };
}
