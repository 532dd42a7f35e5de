/** Bits of the packet's or the connection's mark that two owners write. */

import type { PacketSpec } from '../net/packet-spec';
import { editTable, mapStatements } from '../nft/edit';
import type { Expression, Hook, MangleStatement, Ruleset, Table } from '../nft/model';
import { preparedOf } from '../sim';
import type { Prepared } from '../sim/environment';
import type { ChainStep, Step, Trace } from '../sim/trace';
import type { IptablesSave, World } from '../world/world';
import { type Actor, actorOf } from './chains';
import type { Conflict, Witness } from './conflict';
import { difference, traceEnds, traceFully } from './ends';
import { chainsAt } from './order';
import { packetsFor } from './packets';
import { type Effect, pathsOf } from './paths';
import { decidingRules } from './search-pair';

type Mark = 'meta mark' | 'ct mark';

/** The new mark is (old & and) ^ xor: what nft makes of every constant that is set, added or cleared. */
interface Write {
  readonly and: number;
  readonly xor: number;
}

const ONES = 0xffffffff;

const markOf = (key: Expression): Mark | undefined =>
  typeof key === 'object' && (key.kind === 'meta' || key.kind === 'ct') && key.key === 'mark'
    ? `${key.kind} mark`
    : undefined;

/** Undefined where the value is not made of constants and the same mark: from a map, the other mark, a hash. */
function writeOf(value: Expression, of: Mark): Write | undefined {
  if (typeof value === 'number') return { and: 0, xor: value >>> 0 };
  if (typeof value !== 'object') return undefined;
  if (markOf(value) === of) return { and: ONES, xor: 0 };
  if (value.kind !== 'binary') return undefined;
  const [head, ...rest] = value.operands;
  let out = head === undefined ? undefined : writeOf(head, of);
  for (const operand of rest) {
    if (out === undefined || typeof operand !== 'number') return undefined;
    const { and, xor } = out;
    if (value.op === '&') out = { and: (and & operand) >>> 0, xor: (xor & operand) >>> 0 };
    else if (value.op === '|') out = { and: (and & ~operand) >>> 0, xor: (xor | operand) >>> 0 };
    else if (value.op === '^') out = { and, xor: (xor ^ operand) >>> 0 };
    else return undefined;
  }
  return out;
}

const bitsOf = ({ and, xor }: Write): number => (~and | xor) >>> 0;

function written({ key, value }: MangleStatement): { readonly of: Mark; readonly write: Write } | undefined {
  const of = markOf(key);
  const write = of && writeOf(value, of);
  return of === undefined || write === undefined ? undefined : { of, write };
}

/** `--set-xmark VALUE/MASK` of the targets MARK and CONNMARK: iptables-save writes every constant so (libxt_MARK.c, libxt_CONNMARK.c). */
const XMARK = '--set-xmark';

interface LineWrite {
  readonly of: Mark;
  readonly write: Write;
  /** Place of the parameter among the words. */
  readonly at: number;
}

function lineWrite(args: readonly string[]): LineWrite | undefined {
  const target = args[args.indexOf('-j') + 1];
  const at = args.indexOf(XMARK) + 1;
  const of = target === 'MARK' ? 'meta mark' : target === 'CONNMARK' ? 'ct mark' : undefined;
  const [value = '', mask = '0xffffffff'] = (args[at] ?? '').split('/');
  if (of === undefined || at === 0 || !IS_NUMBER.test(value) || !IS_NUMBER.test(mask)) return undefined;
  return { of, at, write: { and: ~Number(mask) >>> 0, xor: Number(value) >>> 0 } };
}

const IS_NUMBER = /^(0x[0-9a-f]+|\d+)$/i;

const saveOf = (world: World, table: Table): IptablesSave | undefined => {
  const save = table.family === 'ip' || table.family === 'ip6' ? world.iptables[table.family] : undefined;
  return save?.known ? save.value : undefined;
};

/** All bits that the rules of a table write. */
function tableBits(world: World, table: Table): ReadonlyMap<Mark, number> {
  const bits = new Map<Mark, number>();
  const add = (found: { readonly of: Mark; readonly write: Write } | undefined): void => {
    if (found !== undefined) bits.set(found.of, ((bits.get(found.of) ?? 0) | bitsOf(found.write)) >>> 0);
  };
  for (const { rules } of table.chains)
    for (const { statements } of rules)
      for (const statement of statements) if (statement.kind === 'mangle') add(written(statement));
  for (const line of saveOf(world, table)?.rules ?? []) if (line.table === table.name) add(lineWrite(line.args));
  return bits;
}

const spared = ({ and, xor }: Write, mask: number): Write => ({ and: (and | mask) >>> 0, xor: (xor & ~mask) >>> 0 });

/** The node as if the rules of a table left these bits alone. */
function sparing(world: World, ruleset: Ruleset, table: Table, of: Mark, mask: number): World {
  const value = editTable(ruleset, table, (one) =>
    mapStatements(one, (statement) => {
      const found = statement.kind === 'mangle' ? written(statement) : undefined;
      if (statement.kind !== 'mangle' || found?.of !== of) return statement;
      const { and, xor } = spared(found.write, mask);
      const kept: Expression = { kind: 'binary', op: '&', operands: [statement.key, and] };
      return { ...statement, value: { kind: 'binary', op: '^', operands: [kept, xor] } };
    }),
  );
  const changed = { ...world, ruleset: { known: true as const, value } };
  const save = saveOf(world, table);
  if (save === undefined) return changed;
  const rules = save.rules.map((line) => {
    const found = line.table === table.name ? lineWrite(line.args) : undefined;
    if (found?.of !== of) return line;
    const { and, xor } = spared(found.write, mask);
    return { ...line, args: line.args.with(found.at, `0x${xor.toString(16)}/0x${(~and >>> 0).toString(16)}`) };
  });
  const iptables = { ...world.iptables, [save.family]: { known: true as const, value: { ...save, rules } } };
  return { ...changed, iptables };
}

const WRITES: ReadonlySet<Effect> = new Set(['write']);
const CHANGES: ReadonlySet<Effect> = new Set(['write', 'nat', 'drop']);
const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
const PACKETS_MAX = 200;

export interface MarkSearch {
  readonly conflicts: readonly Conflict[];
  readonly packets: number;
}

/**
 * For each two tables of different owners that write the same bits: a packet that ends otherwise when the one leaves these bits alone,
 * because a rule of the other then decides otherwise. Bits that nobody but their writer reads are no conflict.
 */
export function markConflicts(p: Prepared, family: 'ip' | 'ip6'): MarkSearch {
  const actors = HOOKS.flatMap((hook) => chainsAt(p, family, hook)).map(actorOf);
  const tables = [...new Set(actors.map(({ chain }) => chain.table))];
  const bits = new Map(tables.map((one) => [one, tableBits(p.world, one.table)]));
  const conflicts: Conflict[] = [];
  let packets = 0;
  for (const writer of tables)
    for (const reader of tables) {
      const [a, b] = [actorsIn(actors, writer), actorsIn(actors, reader)];
      if (a[0] === undefined || b[0] === undefined || a[0].at.owner === b[0].at.owner) continue;
      for (const field of ['meta mark', 'ct mark'] as const) {
        const mask = ((bits.get(writer)?.get(field) ?? 0) & (bits.get(reader)?.get(field) ?? 0)) >>> 0;
        if (mask === 0) continue;
        const found = search(p, family, { a, b, of: field, mask });
        packets += found.packets;
        if (found.conflict !== undefined) conflicts.push(found.conflict);
      }
    }
  return { conflicts, packets };
}

const actorsIn = (actors: readonly Actor[], table: Actor['chain']['table']): readonly Actor[] =>
  actors.filter(({ chain }) => chain.table === table);

interface Overlap {
  readonly a: readonly Actor[];
  readonly b: readonly Actor[];
  readonly of: Mark;
  readonly mask: number;
}

function search(
  p: Prepared,
  family: 'ip' | 'ip6',
  { a, b, of, mask }: Overlap,
): { conflict: Conflict | undefined; packets: number } {
  const { ruleset } = p.world;
  const table = a[0]?.chain.table.table;
  if (!ruleset.known || table === undefined) return { conflict: undefined, packets: 0 };
  const without = preparedOf(sparing(p.world, ruleset.value, table, of, mask));
  let packets = 0;
  for (const packet of candidates(p, family, a, b)) {
    if (packets >= PACKETS_MAX) break;
    packets++;
    const now = traceEnds(p, packet);
    const otherwise = now && traceEnds(without, packet);
    const differs = now && otherwise && difference(now, otherwise);
    if (differs === undefined || now === undefined || otherwise === undefined) continue;
    const traces = [traceFully(p, packet), traceFully(without, packet)] as const;
    const second = firstToDiffer(traces, b);
    const first = a.find((one) => writes(traces[0], one));
    if (second === undefined || first === undefined) continue;
    const witness: Witness = { packet, now, otherwise };
    return {
      packets,
      conflict: {
        kind: 'mark-bits',
        families: [family],
        first: first.at,
        second: second.at,
        tie: false,
        differs,
        bits: { of, mask },
        witness,
        rules: decidingRules(first, second, traces),
      },
    };
  }
  return { conflict: undefined, packets };
}

/** Packets that the one marks: by themselves, and on their way through what the other does. */
function* candidates(
  p: Prepared,
  family: 'ip' | 'ip6',
  a: readonly Actor[],
  b: readonly Actor[],
): Generator<PacketSpec> {
  const marked = a.flatMap(({ chain }) => pathsOf(p, chain, family, WRITES, { pathsMax: 12, elementsMax: 4 }).paths);
  for (const { wanted } of marked) yield* packetsFor(p, family, wanted, 12);
  for (const { wanted } of marked)
    for (const { chain } of b)
      for (const inner of pathsOf(p, chain, family, CHANGES, { pathsMax: 12, elementsMax: 6 }, wanted).paths)
        yield* packetsFor(p, family, inner.wanted, 2);
}

/** The chain of these whose rule is the first to do otherwise. */
function firstToDiffer([now, otherwise]: readonly [Trace, Trace], actors: readonly Actor[]): Actor | undefined {
  const [a, b] = [now.branches[0]?.steps ?? [], otherwise.branches[0]?.steps ?? []];
  let base: ChainStep | undefined;
  for (const [i, step] of a.entries()) {
    if (step.kind === 'chain') base = step;
    const other = b[i];
    if (other !== undefined && stepKey(step) === stepKey(other)) continue;
    if (step.kind !== 'rule' && step.kind !== 'passed') return undefined;
    return actors.find(
      ({ at }) => base !== undefined && at.table === base.table && at.chain === base.chain && at.family === base.family,
    );
  }
  return undefined;
}

/** What a step does, marks left out. */
function stepKey(step: Step): string {
  if (step.kind === 'rule' || step.kind === 'passed') {
    const { family, table, chain, index } = step.at;
    return [step.kind, family, table, chain, index, step.kind === 'rule' ? step.verdict : ''].join(' ');
  }
  return step.kind === 'route' ? `route ${step.oif} ${step.nexthop} ${step.table}` : step.kind;
}

function writes({ branches }: Trace, { at }: Actor): boolean {
  return branches.some(({ steps }) => {
    let base: ChainStep | undefined;
    return steps.some((step) => {
      if (step.kind === 'chain') base = step;
      const isHere = base?.table === at.table && base.chain === at.chain && base.family === at.family;
      return step.kind === 'rule' && isHere && step.writes.some(({ field }) => field.endsWith('mark'));
    });
  });
}
