/** Translations by what they lead to: of the many of kube-proxy only those to an address that another chain asks for. */

import { parseAddress } from '../net/address';
import type { NatStatement, SetElement, Statement } from '../nft/model';
import { ruleReferences } from '../nft/references';
import type { ProgramChain, ProgramTable } from '../sim/program';
import { holds, type Interval, type Wanted } from './wanted';

/** Where the packet shall be sent. */
export interface Aim {
  readonly daddr?: readonly Interval[];
  readonly dport?: readonly Interval[];
}

/** Undefined where a chain asks nothing that a translation of the destination gives. */
export function aimOf({ fields: { daddr, dport } }: Wanted): Aim | undefined {
  if (daddr === undefined && dport === undefined) return undefined;
  return { ...(daddr !== undefined && { daddr }), ...(dport !== undefined && { dport }) };
}

/** The fewer, the more they ask. */
export function targetsOf({ daddr, dport }: Aim, bits: number): bigint {
  const count = (intervals: readonly Interval[] | undefined, width: number): bigint =>
    intervals?.reduce((sum, [from, to]) => sum + to - from + 1n, 0n) ?? 1n << BigInt(width);
  return count(daddr, bits) * count(dport, 16);
}

/** Whether a statement translates to it, as far as its addresses and ports are literals. */
export function hits(statement: Statement, { daddr, dport }: Aim, table: ProgramTable): boolean {
  if (statement.kind !== 'dnat' && statement.kind !== 'redirect') return false;
  return endsOf(statement, table).some(([addr, port]) => {
    const address = typeof addr === 'string' ? parseAddress(addr) : undefined;
    if (address !== undefined && !holds(daddr, BigInt(address.value))) return false;
    return typeof port !== 'number' || holds(dport, BigInt(port));
  });
}

type NatEnd = readonly [addr: SetElement['data'], port: SetElement['data']];

/** What it may translate to: `dnat to ADDR:PORT`, or one of the values of a map, `ADDR . PORT` or `ADDR`. */
function endsOf({ addr, port }: NatStatement, table: ProgramTable): readonly NatEnd[] {
  if (typeof addr !== 'object' || addr.kind !== 'map') return [[addr, port]];
  const { data } = addr;
  const named = data.kind === 'setref' ? table.set(data.name)?.set.elements : undefined;
  const elements = data.kind === 'set' ? data.elements : named;
  if (elements === undefined) return [[addr, port]];
  return elements.map(({ data: value }): NatEnd => {
    const isPair = typeof value === 'object' && value.kind === 'concat';
    return isPair ? [value.parts[0], value.parts[1]] : [value, port];
  });
}

/** The chain that a verdict leads to. */
export const targetOf = (data: SetElement['data']): string | undefined =>
  typeof data === 'object' && 'target' in data ? data.target : undefined;

/** Chains of a table from which such a translation can be reached. */
export function chainsTo(table: ProgramTable, aim: Aim): ReadonlySet<string> {
  const callers = callersIn(table);
  const reached = new Set<string>();
  for (const { chain, rules } of table.chains.values())
    if (rules.some(({ rule }) => rule.statements.some((one) => hits(one, aim, table)))) reached.add(chain.name);
  // A set gives what is added to it while it is gone through.
  for (const name of reached) for (const caller of callers.get(name) ?? []) reached.add(caller);
  return reached;
}

type Callers = ReadonlyMap<string, readonly string[]>;

const known = new WeakMap<ProgramTable, Callers>();

/** Which chains lead to each. Kept. */
function callersIn(table: ProgramTable): Callers {
  const kept = known.get(table);
  if (kept !== undefined) return kept;
  const callers = new Map<string, string[]>();
  for (const chain of table.chains.values())
    for (const target of ledTo(chain)) {
      const list = callers.get(target) ?? [];
      list.push(chain.chain.name);
      callers.set(target, list);
    }
  known.set(table, callers);
  return callers;
}

function ledTo({ table, rules }: ProgramChain): readonly string[] {
  const found = new Set<string>();
  for (const { rule } of rules)
    for (const one of ruleReferences(rule)) {
      if (one.kind === 'chain') found.add(one.name);
      const set = one.kind === 'set' && one.verb === 'vmap' ? table.set(one.name)?.set : undefined;
      for (const { data } of set?.elements ?? []) {
        const target = targetOf(data);
        if (target !== undefined) found.add(target);
      }
    }
  return [...found];
}
