/** Running a base chain over a packet: rules, jumps, gotos, returns, policy (net/netfilter/nf_tables_core.c, nft_do_chain). */
import type { Hook } from '../nft/model';
import type { Scope } from './compile-expression';
import { opsOf } from './compile-rule';
import { ctView } from './conntrack';
import type { Context, Run } from './environment';
import { notesFor } from './not-measured';
import { Broken } from './op';
import type { ProgramChain } from './program';
import { readHeadersAgain, type Skb, viewSkb } from './skb';
import type { Culprit, RuleVerdict } from './trace';

export type ChainVerdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop'; readonly by: Culprit }
  | { readonly kind: 'stolen'; readonly by: Culprit };

const ACCEPT: ChainVerdict = { kind: 'accept' };
const CONTINUE = { kind: 'continue' } as const;
/** More jumps than this below a base chain are refused when the ruleset is loaded (NFT_JUMP_STACK_SIZE). */
const STACK_LIMIT = 16;

const scopes = new WeakMap<ProgramChain['table'], Scope>();

function scopeOf(run: Run, chain: ProgramChain): Scope {
  let scope = scopes.get(chain.table);
  if (scope === undefined) {
    scope = { program: run.p.program, table: chain.table };
    scopes.set(chain.table, scope);
  }
  return scope;
}

/** Evaluates a base chain. */
export function evaluateChain(run: Run, skb: Skb, base: ProgramChain, hook: Hook): ChainVerdict {
  // A copy of a packet whose headers a rule is writing.
  readHeadersAgain(skb);
  const verdict = evaluate(run, skb, base, hook);
  readHeadersAgain(skb);
  return verdict;
}

function evaluate(run: Run, skb: Skb, base: ProgramChain, hook: Hook): ChainVerdict {
  const traversal = run.traversals++;
  const { table, chain } = base;
  const scope = scopeOf(run, base);
  const { steps } = run;
  // One for the whole traversal: nothing that a statement leaves behind refers to it.
  const context: { -readonly [K in keyof Context]: Context[K] } = {
    run,
    skb,
    family: table.family,
    hook,
    at: undefined,
    record: undefined,
  };
  if (steps !== undefined && base.base !== undefined) {
    steps.push({
      kind: 'chain',
      skb: skb.id,
      traversal,
      family: table.family,
      table: table.name,
      chain: chain.name,
      handle: chain.handle,
      type: base.base.type,
      hook,
      prio: base.base.prio,
      policy: base.base.policy,
      iif: skb.iif?.name,
      oif: skb.oif?.name,
      packet: viewSkb(skb),
      ct: ctView(skb),
    });
  }
  const stack: { readonly chain: ProgramChain; readonly next: number; readonly depth: number }[] = [];
  let current = base;
  let index = 0;
  let depth = 0;
  const culprit = (type: 'rule' | 'policy', verdict: string, handle?: number): Culprit => ({
    family: table.family,
    table: table.name,
    chain: current.chain.name,
    type,
    ...(handle === undefined ? {} : { handle }),
    verdict,
    hook,
  });
  for (;;) {
    const rule = current.rules[index];
    if (rule === undefined) {
      steps?.push({
        kind: 'end',
        skb: skb.id,
        traversal,
        family: table.family,
        table: table.name,
        chain: current.chain.name,
        depth,
        mark: skb.mark,
        traced: skb.trace,
      });
      const back = stack.pop();
      if (back !== undefined) {
        current = back.chain;
        index = back.next;
        depth = back.depth;
        continue;
      }
      current = base;
      const policy = base.base?.policy ?? 'accept';
      steps?.push({
        kind: 'policy',
        skb: skb.id,
        traversal,
        family: table.family,
        table: table.name,
        chain: chain.name,
        verdict: policy,
        mark: skb.mark,
        traced: skb.trace,
      });
      return policy === 'drop' ? { kind: 'drop', by: culprit('policy', 'drop') } : ACCEPT;
    }
    context.at = rule.ref;
    if (steps !== undefined) context.record = { reads: [], lookups: [], writes: [], choices: [], statement: 0 };
    const { record } = context;
    const choicesBefore = run.choices.length;
    const ops = opsOf(rule, scope);
    let verdict: { readonly kind: RuleVerdict; readonly target?: string } = CONTINUE;
    let broken: Broken | undefined;
    for (let i = 0; i < ops.length; i++) {
      if (record !== undefined) record.statement = i;
      const result = ops[i]?.(context);
      if (result === undefined) continue;
      if (result instanceof Broken) {
        broken = result;
        steps?.push({
          kind: 'passed',
          skb: skb.id,
          traversal,
          at: rule.ref,
          depth,
          statement: result.statement ?? i,
          why: result.why,
          lookups: record?.lookups ?? [],
          writes: record?.writes ?? [],
          ...(rule.notMeasured === undefined ? {} : notesFor(rule.notMeasured, skb)),
        });
      } else verdict = result;
      break;
    }
    if (broken !== undefined) {
      index++;
      continue;
    }
    steps?.push({
      kind: 'rule',
      skb: skb.id,
      traversal,
      at: rule.ref,
      depth,
      verdict: verdict.kind,
      ...(verdict.target === undefined ? {} : { jumpTarget: verdict.target }),
      reads: record?.reads ?? [],
      lookups: record?.lookups ?? [],
      writes: record?.writes ?? [],
      choices: run.choices.slice(choicesBefore),
      mark: skb.mark,
      ...(skb.markUnknown === undefined ? {} : { markUnknown: true as const }),
      traced: skb.trace,
      ...(rule.notMeasured === undefined ? {} : notesFor(rule.notMeasured, skb)),
    });
    switch (verdict.kind) {
      case 'continue':
        index++;
        continue;
      case 'accept':
        return ACCEPT;
      case 'drop':
        return { kind: 'drop', by: culprit('rule', 'drop', rule.rule.handle) };
      case 'stolen':
      case 'queue':
        return { kind: 'stolen', by: culprit('rule', verdict.kind, rule.rule.handle) };
      case 'return': {
        const back = stack.pop();
        if (back !== undefined) {
          current = back.chain;
          index = back.next;
          depth = back.depth;
          continue;
        }
        const policy = base.base?.policy ?? 'accept';
        current = base;
        steps?.push({
          kind: 'policy',
          skb: skb.id,
          traversal,
          family: table.family,
          table: table.name,
          chain: chain.name,
          verdict: policy,
          mark: skb.mark,
          traced: skb.trace,
        });
        return policy === 'drop' ? { kind: 'drop', by: culprit('policy', 'drop') } : ACCEPT;
      }
      case 'jump':
      case 'goto': {
        const target = table.chains.get(verdict.target ?? '');
        if (target === undefined)
          return run.undecided(
            'chain-not-listed',
            `The chain ${verdict.target ?? ''} is not in the listing.`,
            'List the whole table.',
            rule.ref,
          );
        if (verdict.kind === 'jump') {
          if (stack.length >= STACK_LIMIT)
            return run.undecided(
              'too-many-jumps',
              'More than 16 jumps are nested, which the kernel refuses to load.',
              'Check that the listing is whole.',
              rule.ref,
            );
          stack.push({ chain: current, next: index + 1, depth });
        }
        current = target;
        index = 0;
        depth++;
        continue;
      }
    }
  }
}
