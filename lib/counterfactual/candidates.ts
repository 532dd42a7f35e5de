/** What could be different on the way of a packet: the rules that decided, the elements found and missed, policies, order. */

import { chainsAt } from '../conflicts/order';
import { effectOf } from '../conflicts/paths';
import type { Expression, Hook, RuleRef, SetElement, Statement, Verdict } from '../nft/model';
import { elementReferences, ruleReferences } from '../nft/references';
import type { Prepared } from '../sim';
import type { ProgramChain, ProgramTable } from '../sim/program';
import type { Branch, ChainStep, Lookup, PassedStep, RuleStep, Trace } from '../sim/trace';
import { isOwn } from './apply';
import { type Expected, isExtraElement, isExtraRule, missingElement } from './as-expected';
import type { Candidate, ChainRef, Change, Touches } from './change';

const candidate = (change: Change, touches: Touches, later = false): Candidate => ({ change, touches, later });
const mending = (change: Change, touches: Touches): Candidate => ({ change, touches, later: false, mends: true });

/** Nearest to the end of the way first. Branches that deliver have nothing to change. */
export function candidatesOf(
  p: Prepared,
  trace: Trace,
  isLost: (branch: Branch) => boolean,
  expected: Expected,
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const branch of trace.branches.filter(isLost))
    for (const one of [...ofBranch(p, branch, expected)].reverse()) {
      const key = JSON.stringify(one.change, (_, value) => (typeof value === 'bigint' ? String(value) : value));
      if (!found.has(key)) found.set(key, one);
    }
  return [...found.values()];
}

function* ofBranch(p: Prepared, { steps }: Branch, expected: Expected): Generator<Candidate> {
  let base: ChainStep | undefined;
  const chains: ChainStep[] = [];
  for (const step of steps.filter(isOwn)) {
    switch (step.kind) {
      case 'chain':
        base = step;
        chains.push(step);
        break;
      case 'rule':
        yield* ofRule(p, step, expected);
        break;
      case 'passed':
        yield* ofLookups(p, step, expected);
        break;
      case 'policy':
        if (step.verdict === 'drop')
          yield candidate(
            { kind: 'policy-accept', chain: { family: step.family, table: step.table, chain: step.chain } },
            'chain',
          );
        break;
      case 'conntrack':
        yield* ofConnection(p, step.ct.entry);
        break;
      default:
        break;
    }
  }
  for (const chain of chains) if (chain === base || chain.type === 'nat') yield* ofOrder(p, steps, chain);
}

function tableOf(p: Prepared, { family, table }: RuleRef): ProgramTable | undefined {
  return p.program.tables.find((one) => one.family === family && one.name === table);
}

function* ofRule(p: Prepared, step: RuleStep, expected: Expected): Generator<Candidate> {
  yield* ofLookups(p, step, expected);
  const change: Change = { kind: 'rule-dropped', at: step.at };
  const table = tableOf(p, step.at)?.table;
  if (table !== undefined && isExtraRule(expected, table, step.at)) {
    yield mending(change, 'rule');
    return;
  }
  switch (step.verdict) {
    case 'drop':
    case 'stolen':
    case 'queue':
    case 'accept':
    case 'return':
      yield candidate(change, 'rule');
      return;
    case 'jump':
    case 'goto':
      yield candidate(change, 'chain', true);
      return;
    case 'continue': {
      const rule = tableOf(p, step.at)?.chains.get(step.at.chain)?.rules[step.at.index]?.rule;
      if (rule?.statements.some((statement: Statement) => effectOf(statement) !== undefined))
        yield candidate(change, 'rule');
      return;
    }
  }
}

/** Elements of named sets and maps: those found taken away, those missed put in. */
function* ofLookups(p: Prepared, { at, lookups }: RuleStep | PassedStep, expected: Expected): Generator<Candidate> {
  for (const lookup of lookups) {
    if (lookup.name === undefined) continue;
    const table = tableOf(p, at);
    const set = table?.set(lookup.name)?.set;
    if (table === undefined || set === undefined) continue;
    const where = { family: at.family, table: at.table, set: set.name };
    if (lookup.hit !== undefined) {
      const { index } = lookup.hit;
      const element = index === undefined ? undefined : set.elements[index];
      if (index === undefined || element === undefined) continue;
      const change: Change = { kind: 'element-removed', set: where, index, element };
      yield isExtraElement(expected, where, element) ? mending(change, 'key') : candidate(change, 'key');
      continue;
    }
    const key = keyOf(lookup);
    const missing = missingElement(expected, where, lookup.key);
    if (missing !== undefined) {
      const { data } = missing;
      yield mending({ kind: 'element-added', set: where, key, ...(data !== undefined && { data }) }, 'key');
    } else if (set.data === undefined) yield candidate({ kind: 'element-added', set: where, key }, 'key');
    else if (set.data.kind === 'verdict')
      for (const data of verdictsFor(table, set.name))
        yield candidate({ kind: 'element-added', set: where, key, data }, 'key');
  }
}

/** The key as the look-up showed it, as nft reads it. */
function keyOf({ key }: Lookup): Expression {
  const parts = key.split(' . ').map((text): Expression => (/^(\d+|0x[0-9a-f]+)$/.test(text) ? Number(text) : text));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind: 'concat', parts };
}

const VERDICTS_MAX = 8;

/** What a missing element of a verdict map could say: accept where others do, else a chain that nothing leads to. */
function verdictsFor(
  table: ProgramTable,
  name: string,
): readonly NonNullable<Extract<Change, { kind: 'element-added' }>['data']>[] {
  const elements = table.set(name)?.set.elements ?? [];
  const accepts = elements.some(({ data }) => typeof data === 'object' && data.kind === 'accept');
  const led = new Set<string>();
  for (const { rules } of table.table.chains)
    for (const rule of rules) for (const one of ruleReferences(rule)) if (one.kind === 'chain') led.add(one.name);
  for (const set of table.table.sets)
    for (const element of set.elements)
      for (const one of elementReferences(element, set)) if (one.kind === 'chain') led.add(one.name);
  // As those that it has already: `service-…`, `endpoint-…`.
  const kinds = new Set(elements.flatMap(({ data }) => (isGoto(data) ? [kindOf(data.target)] : [])));
  const orphans = table.table.chains.filter(
    ({ name: chain, base, rules }) =>
      base === undefined && rules.length > 0 && !led.has(chain) && kinds.has(kindOf(chain)),
  );
  return [
    ...(accepts ? [{ kind: 'accept' } as const] : []),
    ...orphans.slice(0, VERDICTS_MAX).map(({ name: target }) => ({ kind: 'goto', target }) as const),
  ];
}

const isGoto = (data: SetElement['data']): data is Extract<Verdict, { kind: 'goto' }> =>
  typeof data === 'object' && data.kind === 'goto';

const kindOf = (chain: string): string => chain.split('-')[0] ?? chain;

function* ofConnection(
  p: Prepared,
  entry: Extract<Branch['steps'][number], { kind: 'conntrack' }>['ct']['entry'],
): Generator<Candidate> {
  const { conntrack } = p.world;
  if (entry === undefined || !conntrack.known) return;
  const { original } = entry;
  const known = conntrack.value.find(
    (one) =>
      one.family === entry.family &&
      one.zone === entry.zone &&
      one.original.src === original.src &&
      one.original.dst === original.dst &&
      one.original.protocol === original.protocol &&
      one.original.sport === original.sport &&
      one.original.dport === original.dport &&
      one.original.icmpId === original.icmpId,
  );
  if (known !== undefined) yield candidate({ kind: 'conntrack-gone', entry: known }, 'connection');
}

/** The chain on the other side of each other chain of its hook. */
function* ofOrder(p: Prepared, steps: Branch['steps'], step: ChainStep): Generator<Candidate> {
  const family = steps.find((one) => one.kind === 'start')?.packet.family;
  if (family !== 'ip' && family !== 'ip6') return;
  const order = chainsAt(p, family, step.hook);
  const at = order.findIndex((one) => isChain(one, step));
  const self = order[at];
  if (self?.base === undefined) return;
  for (const [i, other] of order.entries()) {
    if (i === at || other.base === undefined) continue;
    // A filter passes the one place of all nat chains; nat chains pass each other by their own priority.
    const place = other.base.type === 'nat' && self.base.type !== 'nat' ? natPlace(step.hook) : other.base.prio;
    yield candidate(
      {
        kind: 'priority',
        chain: refOf(self),
        from: self.base.prio,
        to: i > at ? place + 1 : place - 1,
        past: refOf(other),
      },
      'chain',
    );
  }
}

const natPlace = (hook: Hook): number => (hook === 'prerouting' || hook === 'output' ? -100 : 100);

const isChain = ({ table, chain }: ProgramChain, step: ChainStep): boolean =>
  table.family === step.family && table.name === step.table && chain.name === step.chain;

const refOf = ({ table, chain }: ProgramChain): ChainRef => ({
  family: table.family,
  table: table.name,
  chain: chain.name,
});
